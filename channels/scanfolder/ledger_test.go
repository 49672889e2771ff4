package scanfolder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"saisine.fr/saisine/ingest"
)

// row is what fileLedger keeps of a submission.
type row struct {
	ID      string
	Key     string
	Sub     ingest.Submission
	Content []byte
	State   ingest.State
	Reason  string
	Request string
	Ack     string
	Retries int
}

// fileLedger is a ledger in one JSON file, synced before a call returns, so that it
// outlives a process that is killed. It is both the Sink and the Ledger.
type fileLedger struct {
	path string

	mu   sync.Mutex
	rows []*row
	down error // what every call fails with
	// onAcknowledge runs before a place is recorded.
	onAcknowledge func(id, place string)
}

func openLedger(path string) (*fileLedger, error) {
	l := &fileLedger{path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	return l, json.Unmarshal(b, &l.rows)
}

func (l *fileLedger) save() error {
	b, err := json.Marshal(l.rows)
	if err != nil {
		return err
	}
	f, err := os.Create(l.path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(l.path+".new", l.path)
}

func (l *fileLedger) Submit(_ context.Context, s ingest.Submission) (ingest.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return ingest.Receipt{}, l.down
	}
	for _, r := range l.rows {
		if r.Key == s.SourceKey {
			return ingest.Receipt{
				ID: r.ID, Replayed: true, State: r.State, Reason: r.Reason, Request: r.Request,
				SourceRef: r.Sub.Hints.SourceRef, Acknowledged: r.Ack,
			}, nil
		}
	}
	f, err := s.Original.Open()
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		return ingest.Receipt{}, err
	}
	r := &row{ID: fmt.Sprintf("S%06d", len(l.rows)+1), Key: s.SourceKey, Sub: s, Content: content, State: ingest.StateReceived}
	r.Sub.Original = nil
	if s.Settled != "" {
		r.State, r.Reason = s.Settled, s.Reason
	}
	l.rows = append(l.rows, r)
	return ingest.Receipt{ID: r.ID, State: r.State, Reason: r.Reason, SourceRef: s.Hints.SourceRef}, l.save()
}

func (l *fileLedger) Acknowledge(_ context.Context, id, place string) error {
	if l.onAcknowledge != nil {
		l.onAcknowledge(id, place)
	}
	return l.update(id, func(r *row) { r.Ack = place })
}

func (l *fileLedger) Retry(_ context.Context, id string) error {
	return l.update(id, func(r *row) {
		if r.State == ingest.StateFailed {
			r.State, r.Reason = ingest.StateReceived, ""
			r.Retries++
		}
	})
}

func (l *fileLedger) update(id string, change func(*row)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	for _, r := range l.rows {
		if r.ID == id {
			change(r)
			return l.save()
		}
	}
	return ingest.ErrNotFound
}

func (l *fileLedger) set(t *testing.T, id string, change func(*row)) {
	t.Helper()
	if err := l.update(id, change); err != nil {
		t.Fatal(err)
	}
}

// all returns copies of the rows.
func (l *fileLedger) all() []row {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []row
	for _, r := range l.rows {
		out = append(out, *r)
	}
	return out
}
