package deliver

import (
	"context"
	"errors"
	"testing"

	"saisine.fr/saisine/ingest"
)

type memory map[string]ingest.OutboxItem

func (m memory) Outbox(_ context.Context, id string) (ingest.OutboxItem, error) {
	o, ok := m[id]
	if !ok {
		return o, ingest.ErrNotFound
	}
	return o, nil
}

func (m memory) Delivered(_ context.Context, id string) error {
	o := m[id]
	o.State = ingest.OutboxDelivered
	m[id] = o
	return nil
}

func TestDispatcher(t *testing.T) {
	calls := 0
	fault := errors.New("server down")
	store := memory{
		"1": {ID: "1", Kind: "good", State: ingest.OutboxPending},
		"2": {ID: "2", Kind: "bad", State: ingest.OutboxPending},
		"3": {ID: "3", Kind: "unheard-of", State: ingest.OutboxPending},
		"4": {ID: "4", Kind: "good", State: ingest.OutboxFailed},
	}
	d := &Dispatcher{Store: store, Handlers: map[string]Handler{
		"good": func(context.Context, ingest.OutboxItem) error { calls++; return nil },
		"bad":  func(context.Context, ingest.OutboxItem) error { return fault },
	}}
	var permanent interface{ Permanent() bool }
	for range 2 {
		if err := d.Process(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 1 || store["1"].State != ingest.OutboxDelivered {
		t.Errorf("handed over %d times, state %s", calls, store["1"].State)
	}
	if err := d.Process(t.Context(), "2"); !errors.Is(err, fault) || errors.As(err, &permanent) {
		t.Errorf("a passing fault must be retried: %v", err)
	}
	if store["2"].State != ingest.OutboxPending {
		t.Error("a failed delivery was ended")
	}
	for _, id := range []string{"3", "nobody"} {
		if err := d.Process(t.Context(), id); !errors.As(err, &permanent) {
			t.Errorf("%s: no retry can help, got %v", id, err)
		}
	}
	if err := d.Process(t.Context(), "4"); err != nil || calls != 1 {
		t.Errorf("a row given up was delivered: %v", err)
	}
}
