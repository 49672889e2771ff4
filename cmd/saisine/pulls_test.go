package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/handover"
)

// software is a connector to software that does what it is told.
type software struct {
	made, added []string
	refuse      map[string]error // by key
	state       handover.State
	err         error
	asked       int
}

func (s *software) Create(_ context.Context, c handover.Case) (handover.Remote, error) {
	s.made = append(s.made, c.Reference)
	return handover.Remote{ID: "17"}, s.err
}

func (s *software) Attach(_ context.Context, _ string, a handover.Addition) error {
	if err := s.refuse[a.Key]; err != nil {
		return err
	}
	s.added = append(s.added, a.Key+" "+a.Text)
	return nil
}

func (s *software) Status(context.Context, string) (handover.State, error) {
	s.asked++
	return s.state, s.err
}

func (s *software) Check(context.Context) (string, error) { return "ok", s.err }

// handing is a house with software beside it, and a request that is to be handed over.
func handing(t *testing.T) (*deskHouse, *software, *handovers, string, []string) {
	t.Helper()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	soft := &software{refuse: map[string]error{}}
	d := &handovers{h: h.house, connectors: map[string]handover.Connector{"faux": soft}, early: map[string]bool{}, now: func() time.Time { return h.now }}
	note := func(text, answers string) ingest.Record {
		return h.submit(ingest.ChannelCounter, []byte(`{"channel":"counter","body":"`+text+`","sender":{"name":"Zoé Lefèvre","email":"zoe@citoyen.test"}}`), ingest.MediaNote, ingest.Hints{Answers: answers})
	}
	first := note("Il y a un nid de poule devant le 3 rue Haute.", "")
	second := note("Le nid de poule s’agrandit.", first.ID)
	if first.Request == "" || second.Request != first.Request {
		t.Fatalf("filed in %q and %q", first.Request, second.Request)
	}
	id, err := h.store.HandOver(t.Context(), first.Request, "faux")
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	return h, soft, d, id, []string{first.ID, second.ID}
}

// A piece that the other side will never take keeps none behind it back, and is tried again when
// a person says so.
func TestRefusedPieceKeepsNothingBack(t *testing.T) {
	t.Parallel()
	h, soft, d, id, pieces := handing(t)
	soft.refuse[pieces[0]] = ingest.Permanent(errors.New("too large"))
	item, err := h.store.Outbox(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(t.Context(), item); !ingest.IsPermanent(err) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a refusal: %v", err)
	}
	if !slices.Equal(soft.added, []string{pieces[1] + " Le nid de poule s’agrandit."}) {
		t.Errorf("added %q", soft.added)
	}
	if tries, err := h.store.Tries(t.Context(), id); err != nil || len(tries) != 1 || !strings.Contains(tries[0].Said, "too large") {
		t.Errorf("tries %+v, %v", tries, err)
	}
	// A kill before the failure was recorded: it is told of all the same.
	if err := d.deliver(t.Context(), item); !ingest.IsPermanent(err) {
		t.Errorf("after a kill: %v", err)
	}
	fail := func() {
		t.Helper()
		if err := h.store.FailDelivery(t.Context(), id, "too large"); err != nil {
			t.Fatal(err)
		}
	}
	fail()
	// A person has it tried again, and it may be mended.
	if taken, err := h.store.RetryAny(t.Context(), id, "marie"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	soft.refuse[pieces[0]] = errors.New("busy")
	if err := d.deliver(t.Context(), item); err == nil || ingest.IsPermanent(err) {
		t.Errorf("busy: %v", err)
	}
	soft.refuse[pieces[0]] = ingest.Permanent(errors.New("too large"))
	if err := d.deliver(t.Context(), item); !ingest.IsPermanent(err) {
		t.Errorf("again: %v", err)
	}
	fail()
	if taken, err := h.store.RetryAny(t.Context(), id, "marie"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	clear(soft.refuse)
	if err := d.deliver(t.Context(), item); !errors.Is(err, deliver.ErrEnded) {
		t.Errorf("at last: %v", err)
	}
	if len(soft.made) != 1 || len(soft.added) != 2 {
		t.Errorf("made %q, added %q", soft.made, soft.added)
	}
	if o, err := h.store.Outbox(t.Context(), id); err != nil || o.State != ingest.OutboxDelivered {
		t.Errorf("row %+v, %v", o, err)
	}
}

// A try that was cut off may still be under way at the other side: the next one waits, unless the
// other side has answered. What has come to a sealed service, or was merged away, is not made.
func TestCreateWaitsForACutOffTry(t *testing.T) {
	t.Parallel()
	h, soft, d, id, _ := handing(t)
	item, err := h.store.Outbox(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if wait, err := h.store.BeginHandover(t.Context(), id, createPause); err != nil || wait != 0 { // and then a kill
		t.Fatal(wait, err)
	}
	h.now = h.now.Add(5 * time.Second)
	var asked interface{ RetryAfter() time.Duration }
	if err := d.deliver(t.Context(), item); !errors.As(err, &asked) || asked.RetryAfter() != 25*time.Second || len(soft.made) != 0 {
		t.Errorf("right after a kill: %v, made %q", err, soft.made)
	}
	h.now = h.now.Add(30 * time.Second)
	soft.err = errors.New("refused")
	for range 2 { // an answer, though an error: no wait
		if err := d.deliver(t.Context(), item); err == nil || errors.As(err, &asked) {
			t.Errorf("an answer: %v", err)
		}
	}
	soft.err = context.DeadlineExceeded
	if err := d.deliver(t.Context(), item); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a time-out: %v", err)
	}
	made := len(soft.made)
	if err := d.deliver(t.Context(), item); !errors.As(err, &asked) || len(soft.made) != made {
		t.Errorf("after a time-out: %v", err)
	}
	soft.err = nil
	h.now = h.now.Add(time.Minute)
	// Meanwhile it has come to a sealed service.
	if err := h.store.Categorize(t.Context(), item.Request, "action-sociale", "CCAS", "marie"); err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(t.Context(), item); !errors.Is(err, errSealed) || !ingest.IsPermanent(err) || len(soft.made) != made {
		t.Errorf("sealed: %v", err)
	}
	if err := h.store.Categorize(t.Context(), item.Request, "voirie", "Voirie", "marie"); err != nil {
		t.Fatal(err)
	}
	// Or was merged: the other one's row brings it.
	other := h.submit(ingest.ChannelCounter, []byte(`{"channel":"counter","body":"Le banc du parc est vermoulu.","sender":{"name":"Paul Roux"}}`), ingest.MediaNote, ingest.Hints{})
	if other.Request == item.Request {
		t.Fatal("not a matter of its own")
	}
	if err := h.store.Merge(t.Context(), item.Request, other.Request, "marie"); err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(t.Context(), item); !errors.Is(err, deliver.ErrEnded) || len(soft.made) != made {
		t.Errorf("merged: %v, made %q", err, soft.made)
	}
}

// Statuses are asked for when they are due; software that is down is not asked for every case,
// and a case that is gone is told of.
func TestPulls(t *testing.T) {
	t.Parallel()
	h, soft, d, id, _ := handing(t)
	p := &pulls{d: d, cfg: []config.Connector{{Name: "faux", Poll: 5 * time.Minute}, {Name: "muet"}}, now: d.now}
	due := func() []string {
		t.Helper()
		jobs, err := p.Unfinished(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, j := range jobs {
			out = append(out, j.ID)
		}
		return out
	}
	if got := due(); len(got) != 0 {
		t.Errorf("due before it is there: %q", got)
	}
	item, err := h.store.Outbox(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(t.Context(), item); !errors.Is(err, deliver.ErrEnded) {
		t.Fatal(err)
	}
	look := func() ingest.Handover {
		t.Helper()
		h.now = h.now.Add(6 * time.Minute)
		got := due()
		if len(got) != 1 || !strings.HasPrefix(got[0], "faux/") {
			t.Fatalf("due %q", got)
		}
		if err := p.Process(t.Context(), got[0]); err != nil {
			t.Fatal(err)
		}
		if again := due(); len(again) != 0 {
			t.Errorf("due again at once: %q", again)
		}
		hand, err := h.store.Handover(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return hand
	}
	status := func() ingest.Status {
		t.Helper()
		q, err := h.store.Request(t.Context(), item.Request)
		if err != nil {
			t.Fatal(err)
		}
		return q.Status
	}
	soft.state = handover.State{Raw: "open", Status: ingest.StatusInProgress}
	if hand := look(); hand.RemoteStatus != "open" || status() != ingest.StatusInProgress {
		t.Errorf("%+v, %s", hand, status())
	}
	soft.err = handover.ErrGone
	if hand := look(); hand.RemoteStatus != "open" || !strings.Contains(hand.Trouble, "n’y est plus") {
		t.Errorf("gone: %+v", hand)
	}
	soft.err = handover.ErrNoStatus
	soft.state = handover.State{}
	if hand := look(); hand.Trouble != "" || status() != ingest.StatusInProgress {
		t.Errorf("nothing to ask: %+v, %s", hand, status())
	}
	soft.err = errors.New("connexion refusée")
	if hand := look(); !strings.Contains(hand.Trouble, "connexion refusée") {
		t.Errorf("down: %+v", hand)
	}
	soft.err, soft.state = nil, handover.State{Raw: "resolved", Status: ingest.StatusAnswered}
	if hand := look(); hand.Trouble != "" || status() != ingest.StatusAnswered {
		t.Errorf("%+v, %s", hand, status())
	}
	asked := soft.asked
	h.now = h.now.AddDate(0, 2, 0)
	if got := due(); len(got) != 0 {
		t.Errorf("a request that was settled long ago is asked for: %q", got)
	}
	if err := p.Process(t.Context(), "ailleurs/1"); err != nil || soft.asked != asked {
		t.Errorf("a connector that is not there any more: %v", err)
	}
}
