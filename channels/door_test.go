package channels

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"saisine.fr/saisine/ingest"
)

type slowSink struct{ began, goOn chan struct{} }

func (s slowSink) Submit(ctx context.Context, _ ingest.Submission) (ingest.Receipt, error) {
	close(s.began)
	select {
	case <-s.goOn:
		return ingest.Receipt{ID: "1"}, nil
	case <-ctx.Done():
		return ingest.Receipt{}, ctx.Err()
	}
}

// What is just being submitted is waited for when the door closes, whatever became of who
// sent it; what comes later is refused.
func TestDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Door
		if _, err := d.Submit(t.Context(), ingest.Submission{}); !errors.Is(err, ingest.ErrUnavailable) || d.Open() {
			t.Fatalf("before: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		sink := slowSink{make(chan struct{}), make(chan struct{})}
		opened, closed := false, false
		go func() { d.Keep(ctx, sink, func() { opened = true }); closed = true }()
		synctest.Wait()
		browser, gone := context.WithCancel(t.Context())
		var receipt ingest.Receipt
		var err error
		go func() { receipt, err = d.Submit(browser, ingest.Submission{}) }()
		<-sink.began
		gone()
		cancel()
		synctest.Wait()
		if !opened || closed {
			t.Fatalf("opened %t, closed %t while one is submitted", opened, closed)
		}
		if _, err := d.Submit(t.Context(), ingest.Submission{}); !errors.Is(err, ingest.ErrUnavailable) {
			t.Errorf("while closing: %v", err)
		}
		close(sink.goOn)
		synctest.Wait()
		if !closed || receipt.ID != "1" || err != nil {
			t.Errorf("closed %t, %+v, %v", closed, receipt, err)
		}
	})
}
