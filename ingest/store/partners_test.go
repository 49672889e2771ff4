package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// partnership is ingest.Partners that says yes to all but what is sealed.
type partnership struct {
	url        string
	connectors map[string][]string // by category
	chosen     map[string]bool     // categories that are sealed themselves
	broken     error
}

func (p *partnership) Webhooks(e ingest.PublicEvent) []string {
	if e.Sealed {
		return nil
	}
	return []string{"portail"}
}

func (p *partnership) Connectors(category string, sealed bool) []string {
	if sealed && !p.chosen[category] {
		return nil
	}
	return p.connectors[category]
}
func (p *partnership) Endpoint(string) string { return p.url }
func (p *partnership) Payload(e ingest.PublicEvent) ([]byte, error) {
	return fmt.Appendf(nil, "%d %s %s %s %s>%s", e.Seq, e.Kind, e.Request, e.Category, e.OldStatus, e.Status), p.broken
}

// newPartners is a town with partners; told are the rows of the outbox that were told of.
func newPartners(t *testing.T) (*town, *partnership, *[]ingest.OutboxNotice) {
	t.Helper()
	p := &partnership{url: "https://portail.example", connectors: map[string][]string{"voirie": {"rt"}}}
	told := new([]ingest.OutboxNotice)
	s, err := Open(t.Context(), Options{
		Dir: t.TempDir(), Database: newDatabase(t), Zone: time.UTC, Now: func() time.Time { return day.Add(24 * time.Hour) }, Partners: p,
		OnOutbox: func(n ingest.OutboxNotice) { *told = append(*told, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &town{t: t, s: s}, p, told
}

// sent lists what an endpoint is told of a request: kinds and statuses, oldest first.
func sent(t *testing.T, s *Store, reference string) []string {
	t.Helper()
	var out []string
	err := s.Webhooks(t.Context(), "portail", 0, func(o ingest.OutboxItem) error {
		var p WebhookPayload
		if err := json.Unmarshal([]byte(o.Payload), &p); err != nil {
			return err
		}
		if words := strings.Fields(p.Body); words[2] == reference {
			out = append(out, words[1]+" "+words[4])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(out)
	return out
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// Whatever happens to a request is told of once, with the status that it left.
func TestWebhooksFollowEvents(t *testing.T) {
	w, p, told := newPartners(t)
	_, ref := w.file(listed{category: "ecole", service: "École"})
	w.do(w.s.SetStatus(t.Context(), ref, ingest.StatusInProgress, "", "x"))
	w.do(w.s.SetStatus(t.Context(), ref, ingest.StatusInProgress, "", "x")) // nothing happens
	w.do(w.s.By(clerk).Comment(t.Context(), ref, "vu"))
	want(t, "told", sent(t, w.s, ref), []string{"request.opened >new", "request.status new>in_progress", "request.comment >in_progress"})
	if n := len(*told); n != 3 {
		t.Errorf("%d rows were told of, want 3", n)
	}

	// An endpoint that is gone is told nothing; another address is another endpoint.
	w.do(w.s.TurnOffWebhook(t.Context(), "portail", p.url, "410 Gone"))
	w.do(w.s.SetStatus(t.Context(), ref, ingest.StatusAnswered, "", "x"))
	if why, err := w.s.WebhookOff(t.Context(), "portail"); err != nil || why != "410 Gone" {
		t.Errorf("off: %q, %v", why, err)
	}
	p.url = "https://portail.example/v2"
	w.do(w.s.SetStatus(t.Context(), ref, ingest.StatusClosed, "", "x"))
	p.url = "https://portail.example"
	w.do(w.s.TurnOnWebhook(t.Context(), "portail"))
	w.do(w.s.SetStatus(t.Context(), ref, ingest.StatusNew, "", "x"))
	want(t, "told", sent(t, w.s, ref)[3:], []string{"request.status answered>closed", "request.status closed>new"})

	// What cannot be told does not happen either: an event without its webhook would be lost.
	p.broken = errors.New("no words")
	if err := w.s.SetStatus(t.Context(), ref, ingest.StatusClosed, "", "x"); err == nil {
		t.Error("a status was set without its webhook")
	}
	if q := request(t, w.s, ref); q.Status != ingest.StatusNew {
		t.Errorf("status %s after a failure", q.Status)
	}
}

func TestReplay(t *testing.T) {
	w, _, told := newPartners(t)
	w.file(listed{category: "ecole"})
	id := (*told)[0].ID
	if taken, err := w.s.Replay(t.Context(), id); err != nil || taken {
		t.Errorf("a row that waits was taken up: %v, %v", taken, err)
	}
	w.do(w.s.Tried(t.Context(), id, ingest.Try{At: day, Took: 1500 * time.Microsecond, Status: 500, Said: "Aïe"}))
	w.do(w.s.Delivered(t.Context(), id))
	if taken, err := w.s.Replay(t.Context(), id); err != nil || !taken {
		t.Errorf("replay: %v, %v", taken, err)
	}
	if last := (*told)[len(*told)-1]; last != (ingest.OutboxNotice{ID: id, Kind: ingest.OutboxWebhook, Attempt: 1}) {
		t.Errorf("told of %+v", last)
	}
	if o, err := w.s.Outbox(t.Context(), id); err != nil || o.State != ingest.OutboxPending || o.Attempt != 1 {
		t.Errorf("row %+v, %v", o, err)
	}
	if tries, err := w.s.Tries(t.Context(), id); err != nil || len(tries) != 1 || tries[0].Took != 1500*time.Microsecond || tries[0].Said != "Aïe" || !tries[0].At.Equal(day) {
		t.Errorf("tries %+v, %v", tries, err)
	}
	if _, err := w.s.Replay(t.Context(), "nothing"); !errors.Is(err, ingest.ErrNotFound) {
		t.Error("replay of nothing:", err)
	}
}

// Whoever asks for events from the last number on gets all, once, and none of what they do not see.
func TestEventsAfter(t *testing.T) {
	w, _, _ := newPartners(t)
	w.do(w.s.SetSealed(t.Context(), []string{"Voirie", "CCAS"}, []string{"CCAS"}))
	_, open := w.file(listed{category: "ecole", service: "École"})
	_, secret := w.file(listed{category: "aide", service: "CCAS"})
	w.do(w.s.SetStatus(t.Context(), secret, ingest.StatusInProgress, "", "x"))
	w.do(w.s.SetStatus(t.Context(), open, ingest.StatusClosed, "", "x"))
	read := func(v ingest.Viewer) []string {
		var out []string
		for after := int64(0); ; {
			page, err := w.s.EventsAfter(t.Context(), v, after, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return out
			}
			after = page[0].Seq
			out = append(out, page[0].Request[9:]+" "+page[0].Kind+" "+string(page[0].OldStatus)+">"+string(page[0].Status))
		}
	}
	want(t, "outsider", read(ingest.Viewer{Hidden: []string{"CCAS"}}), []string{"01 request.opened >closed", "01 request.status new>closed"})
	if got := read(ingest.Viewer{}); len(got) != 4 {
		t.Errorf("insider sees %q", got)
	}
	if got := sent(t, w.s, secret); len(got) != 0 {
		t.Errorf("of a sealed request an endpoint is told %q", got)
	}
}

// A request is handed over once its category is sure, and what joins it later is brought after.
func TestHandover(t *testing.T) {
	ctx := t.Context()
	w, p, told := newPartners(t)
	opening, ref := w.file(listed{category: "voirie", service: "Voirie", review: true})
	list := func() []ingest.Handover {
		t.Helper()
		out, err := w.s.Handovers(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if len(list()) != 0 {
		t.Fatal("an unsure request is handed over")
	}
	w.do(w.s.Categorize(ctx, ref, "voirie", "Voirie", "marie"))
	w.do(w.s.Categorize(ctx, ref, "voirie", "Voirie", "paul"))
	if len(list()) != 1 {
		t.Fatalf("hand-overs %+v, want 1", list())
	}
	h := list()[0]
	if h.Connector != "rt" || h.Request != ref || h.State != ingest.OutboxPending || h.RemoteID != "" {
		t.Errorf("hand-over %+v", h)
	}
	unhanded := func(want ...string) {
		t.Helper()
		got, err := w.s.Unhanded(ctx, h.ID)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("left to bring: %q, %v, want %q", got, err, want)
		}
	}
	unhanded(opening)
	w.do(w.s.HandedOver(ctx, h.ID, "17", "https://rt.example/17", opening))
	w.do(w.s.HandedOver(ctx, h.ID, "18", "", "")) // a repeat changes nothing
	if got := list()[0]; got.RemoteID != "17" || got.RemoteURL != "https://rt.example/17" || got.HandedAt.IsZero() {
		t.Errorf("hand-over %+v", got)
	}
	// What joins in the last moment is not left behind.
	later, _ := w.file(listed{category: "voirie", match: joins(ref)})
	w.do(w.s.PieceHanded(ctx, h.ID, opening))
	if done, err := w.s.EndHandover(ctx, h.ID); err != nil || done {
		t.Errorf("ended with a piece left: %v, %v", done, err)
	}
	unhanded(later)
	w.do(w.s.PieceHanded(ctx, h.ID, later))
	if done, err := w.s.EndHandover(ctx, h.ID); err != nil || !done {
		t.Errorf("not ended: %v, %v", done, err)
	}
	// What joins later still takes the row up again, once.
	before := len(*told)
	third, _ := w.file(listed{category: "voirie", match: joins(ref)})
	w.do(w.s.SetStatus(ctx, ref, ingest.StatusAssigned, "", "x"))
	unhanded(third)
	again := slices.DeleteFunc(slices.Clone((*told)[before:]), func(n ingest.OutboxNotice) bool { return n.Kind != ingest.OutboxHandover })
	if len(again) != 1 || again[0] != (ingest.OutboxNotice{ID: h.ID, Kind: ingest.OutboxHandover, Attempt: 1}) {
		t.Errorf("told of %+v", again)
	}
	if o, err := w.s.Outbox(ctx, h.ID); err != nil || o.State != ingest.OutboxPending || o.Attempt != 1 {
		t.Errorf("row %+v, %v", o, err)
	}
	// verify tells when one was ended that should not have been.
	w.do(w.s.Delivered(ctx, h.ID))
	if got := verified(t, w.s, 1); got[0].Code != FindingHandover || got[0].Subject != ref {
		t.Errorf("found %+v", got)
	}
	// Another category with another connector is another hand-over; the first one stays.
	p.connectors["espaces-verts"] = []string{"redmine"}
	w.do(w.s.Categorize(ctx, ref, "espaces-verts", "Parcs", "marie"))
	if got := list(); len(got) != 2 || got[1].Connector != "redmine" {
		t.Errorf("hand-overs %+v", got)
	}
}

// What was settled before, and what was merged away, is not handed over by itself.
func TestHandoverOfOld(t *testing.T) {
	ctx := t.Context()
	w, p, _ := newPartners(t)
	_, old := w.file(listed{category: "ecole", service: "École"})
	_, gone := w.file(listed{category: "ecole", service: "École"})
	_, into := w.file(listed{category: "ecole", service: "École"})
	w.do(w.s.SetStatus(ctx, old, ingest.StatusClosed, "", "x"))
	p.connectors["ecole"] = []string{"rt"}
	w.do(w.s.By(clerk).Comment(ctx, old, "vieux"))
	w.do(w.s.Merge(ctx, gone, into, "x"))
	if list, err := w.s.Handovers(ctx, old); err != nil || len(list) != 0 {
		t.Errorf("closed: %+v, %v", list, err)
	}
	if list, err := w.s.Handovers(ctx, into); err != nil || len(list) != 1 {
		t.Errorf("merged: %+v, %v", list, err)
	}
	if id, err := w.s.HandOver(ctx, old, "rt"); err != nil || id == "" {
		t.Errorf("by hand: %q, %v", id, err)
	}
	if id, err := w.s.HandOver(ctx, old, "rt"); err != nil || id != "" {
		t.Errorf("by hand again: %q, %v", id, err)
	}
}

// The other side's word moves the request when it changes, and does not undo what an agent did since.
func TestRemoteStatus(t *testing.T) {
	ctx := t.Context()
	w, _, _ := newPartners(t)
	_, ref := w.file(listed{category: "voirie", service: "Voirie"})
	list, err := w.s.Handovers(ctx, ref)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	id := list[0].ID
	due := func() int {
		t.Helper()
		d, err := w.s.HandoversDue(ctx, "rt", w.s.opts.Now().Add(-time.Minute), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	if due() != 0 {
		t.Error("a status is asked for of what is not there yet")
	}
	asOf := func() time.Time {
		t.Helper()
		h, err := w.s.Handover(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return h.CheckedAt
	}
	w.do(w.s.HandedOver(ctx, id, "17", "", ""))
	if due() != 1 {
		t.Error("no status is asked for")
	}
	w.do(w.s.RemoteStatus(ctx, id, asOf(), "new", "", "", ""))
	if due() != 0 {
		t.Error("a status is asked for again at once")
	}
	w.do(w.s.RemoteStatus(ctx, id, asOf(), "open", ingest.StatusInProgress, "", ""))
	if q := request(t, w.s, ref); q.Status != ingest.StatusInProgress {
		t.Errorf("status %s", q.Status)
	}
	w.do(w.s.SetStatus(ctx, ref, ingest.StatusWaitingCitizen, "", "marie"))
	w.do(w.s.RemoteStatus(ctx, id, asOf(), "open", ingest.StatusInProgress, "", ""))
	w.do(w.s.RemoteStatus(ctx, id, asOf(), "", "", "", "does not answer"))
	if q := request(t, w.s, ref); q.Status != ingest.StatusWaitingCitizen {
		t.Errorf("status %s: an agent's act was undone", q.Status)
	}
	if h, err := w.s.Handover(ctx, id); err != nil || h.Trouble != "does not answer" || h.RemoteStatus != "open" {
		t.Errorf("%+v, %v", h, err)
	}
	w.do(w.s.RemoteStatus(ctx, id, asOf(), "resolved", ingest.StatusAnswered, "", ""))
	if q := request(t, w.s, ref); q.Status != ingest.StatusAnswered {
		t.Errorf("status %s", q.Status)
	}
	history, err := w.s.History(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if last := history[len(history)-1]; last.Actor != "connector:rt" || last.Detail.NewStatus != ingest.StatusAnswered {
		t.Errorf("last event %+v", last)
	}
}

func TestKeys(t *testing.T) {
	ctx := t.Context()
	w, _, _ := newPartners(t)
	secret, err := w.s.AddKey(ctx, ingest.APIKey{Name: "appli", Scopes: []ingest.Scope{ingest.ScopeSubmit, ingest.ScopeRead}, Services: []string{"CCAS"}}, "marie")
	if err != nil || !strings.HasPrefix(secret, "saisine_") || len(secret) < 50 {
		t.Fatalf("%q, %v", secret, err)
	}
	k, err := w.s.KeyBySecret(ctx, secret)
	if err != nil || k.Name != "appli" || !k.May(ingest.ScopeRead) || k.May(ingest.ScopeWrite) || !slices.Equal(k.Services, []string{"CCAS"}) {
		t.Errorf("%+v, %v", k, err)
	}
	for _, wrong := range []string{"", secret[1:], secret + "x", secret[:len(secret)-1], strings.ToUpper(secret)} {
		if _, err := w.s.KeyBySecret(ctx, wrong); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	var kept string
	if err := w.s.read.QueryRowContext(ctx, `SELECT `+w.s.engine.joined("(id || name || hash)")+` FROM api_keys`).Scan(&kept); err != nil || strings.Contains(kept, secret[20:]) {
		t.Errorf("the secret is kept: %q, %v", kept, err)
	}
	for _, bad := range []ingest.APIKey{
		{Name: "appli", Scopes: []ingest.Scope{ingest.ScopeRead}},
		{Name: "two words", Scopes: []ingest.Scope{ingest.ScopeRead}},
		{Name: "none"},
		{Name: "odd", Scopes: []ingest.Scope{"all"}},
		{Name: "slow", Scopes: []ingest.Scope{ingest.ScopeRead}, RateLimit: -1},
	} {
		if _, err := w.s.AddKey(ctx, bad, "marie"); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	w.do(w.s.RevokeKey(ctx, "appli", "marie"))
	if _, err := w.s.KeyBySecret(ctx, secret); !errors.Is(err, ingest.ErrNotFound) {
		t.Error("a revoked key is good:", err)
	}
	if err := w.s.RevokeKey(ctx, "appli", "marie"); !errors.Is(err, ingest.ErrNotFound) {
		t.Error("revoked twice:", err)
	}
	again, err := w.s.AddKey(ctx, ingest.APIKey{Name: "appli", Scopes: []ingest.Scope{ingest.ScopeRead}}, "marie")
	if err != nil || again == secret {
		t.Errorf("a name is not given again: %v", err)
	}
	if keys, err := w.s.Keys(ctx); err != nil || len(keys) != 2 {
		t.Errorf("%+v, %v", keys, err)
	}
}

// What a connector and an endpoint have to do is counted apart, without what a person has dealt
// with; the last look and the last try are told with the service whose matter they were.
func TestPartnerCounts(t *testing.T) {
	ctx := t.Context()
	w, p, _ := newPartners(t)
	p.connectors["aide"] = []string{"redmine"}
	if c, err := w.s.HandoverCounts(ctx); err != nil || len(c) != 0 {
		t.Errorf("counts of nothing: %v, %v", c, err)
	}
	var ids []string
	for i := range 4 {
		category, service := "voirie", "Voirie"
		if i == 3 {
			category, service = "aide", "CCAS"
		}
		_, ref := w.file(listed{category: category, service: service})
		list, err := w.s.Handovers(ctx, ref)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		ids = append(ids, list[0].ID)
	}
	w.do(w.s.HandedOver(ctx, ids[0], "1", "", ""))
	w.do(w.s.RemoteStatus(ctx, ids[0], time.Time{}, "", "", "", "does not answer"))
	w.do(w.s.FailDelivery(ctx, ids[1], "no"))
	w.do(w.s.FailDelivery(ctx, ids[2], "no"))
	w.do(w.s.DealtWith(ctx, clerk, ingest.FailedDeliveries, ids[2]))
	counts, err := w.s.HandoverCounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	at := w.s.opts.Now()
	for name, want := range map[string]HandoverCount{
		"rt":      {Pending: 1, Failed: 1, Cases: 1, CheckedAt: at, Trouble: "does not answer", Service: "Voirie"},
		"redmine": {Pending: 1},
	} {
		got := counts[name]
		if !got.CheckedAt.Equal(want.CheckedAt) {
			t.Errorf("%s was looked at %s, want %s", name, got.CheckedAt, want.CheckedAt)
		}
		if got.CheckedAt = want.CheckedAt; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}

	var hooks []string
	w.do(w.s.Webhooks(ctx, "portail", 0, func(o ingest.OutboxItem) error {
		hooks = append(hooks, o.ID)
		return nil
	}))
	if len(hooks) < 4 {
		t.Fatalf("%d webhooks", len(hooks))
	}
	w.do(w.s.Tried(ctx, hooks[0], ingest.Try{At: day, Status: 500, Said: "older"}))
	w.do(w.s.Tried(ctx, hooks[1], ingest.Try{At: day.Add(time.Hour), Took: time.Second, Status: 503, Said: "newer"}))
	w.do(w.s.Tried(ctx, ids[0], ingest.Try{At: day.Add(2 * time.Hour), Said: "of a hand-over"}))
	w.do(w.s.FailDelivery(ctx, hooks[0], "no"))
	w.do(w.s.FailDelivery(ctx, hooks[1], "no"))
	w.do(w.s.DealtWith(ctx, clerk, ingest.FailedDeliveries, hooks[1]))
	w.do(w.s.Delivered(ctx, hooks[2])) // of the rest one more waits: that a failure was dealt with is told, too
	got, err := w.s.WebhookCounts(ctx, []string{"portail", "other"})
	if err != nil {
		t.Fatal(err)
	}
	c := got["portail"]
	if c.Pending != len(hooks)-2 || c.Failed != 1 || c.Last.Said != "newer" || c.Last.Status != 503 || c.Last.Took != time.Second || !c.Last.At.Equal(day.Add(time.Hour)) || c.Service == "" {
		t.Errorf("%+v of %d", c, len(hooks))
	}
	if c := got["other"]; c != (WebhookCount{}) {
		t.Errorf("of an endpoint that was told nothing: %+v", c)
	}
}

// What is left to tell is found by partial indexes, the last try from the newest back.
func TestPartnerCountsUseIndexes(t *testing.T) {
	onlySQLite(t)
	w, _, _ := newPartners(t)
	for query, wanted := range map[string][]string{webhooksLeft: {"outbox_pending", "outbox_failed"}, lastTry: {"SCAN t", "SEARCH o"}} {
		plan := ""
		var args []any
		if strings.Contains(query, "$1") {
			args = []any{"x"}
		}
		w.do((reading{w.s.read}).rows(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(row rowScanner) error {
			var a, b, c int
			var text string
			err := row.Scan(&a, &b, &c, &text)
			plan += text + "\n"
			return err
		}))
		for _, part := range wanted {
			if !strings.Contains(plan, part) || strings.Contains(plan, "USE TEMP B-TREE FOR ORDER BY") {
				t.Errorf("%q is not in the plan of %s:\n%s", part, query, plan)
			}
		}
	}
}

// A failure that a person has dealt with keeps nothing back that comes later, and what it was
// about is not brought again, but when a person has it tried again.
func TestHandoverDealtWith(t *testing.T) {
	ctx := t.Context()
	w, _, told := newPartners(t)
	opening, ref := w.file(listed{category: "voirie", service: "Voirie"})
	list, err := w.s.Handovers(ctx, ref)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	id := list[0].ID
	left := func() []string {
		t.Helper()
		out, err := w.s.Unhanded(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	w.do(w.s.HandedOver(ctx, id, "17", "", opening))
	w.do(w.s.PieceRefused(ctx, id, opening))
	if done, err := w.s.EndHandover(ctx, id); done || !ingest.IsPermanent(err) {
		t.Errorf("ended in silence: %v, %v", done, err)
	}
	w.do(w.s.FailDelivery(ctx, id, "too large"))
	// What joins while it has failed waits for the person, and is brought when they have dealt
	// with the failure: it was no part of it.
	w.s.opts.Now = func() time.Time { return day.Add(25 * time.Hour) }
	second, _ := w.file(listed{category: "voirie", match: joins(ref)})
	if o, err := w.s.Outbox(ctx, id); err != nil || o.State != ingest.OutboxFailed {
		t.Errorf("row %+v, %v", o, err)
	}
	w.do(w.s.DealtWith(ctx, clerk, ingest.FailedDeliveries, id))
	want(t, "left", left(), []string{second})
	if o, err := w.s.Outbox(ctx, id); err != nil || o.State != ingest.OutboxPending || o.Attempt != 1 {
		t.Errorf("row %+v, %v", o, err)
	}
	if last := (*told)[len(*told)-1]; last.Kind == ingest.OutboxHandover && last.Attempt != 1 {
		t.Errorf("told of %+v", last)
	}
	w.do(w.s.PieceHanded(ctx, id, second))
	if done, err := w.s.EndHandover(ctx, id); !done || err != nil {
		t.Errorf("not ended: %v, %v", done, err)
	}
	verified(t, w.s, 0)
	third, _ := w.file(listed{category: "voirie", match: joins(ref)})
	want(t, "left", left(), []string{third})
	// Failed again, and taken up by a person: all that is not there is tried.
	w.do(w.s.FailDelivery(ctx, id, "down"))
	if taken, err := w.s.RetryAny(ctx, id, "marie"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	want(t, "left", left(), []string{opening, third})
}

// What is sealed goes to those only that were chosen for a category which is sealed itself; what
// becomes sealed is not followed, nor moved by the word of others.
func TestHandoverSealed(t *testing.T) {
	ctx := t.Context()
	w, p, _ := newPartners(t)
	w.do(w.s.SetSealed(ctx, []string{"Voirie", "CCAS"}, []string{"CCAS"}))
	p.connectors["aide"] = []string{"ccas"}
	handed := func(ref string) (out []string) {
		t.Helper()
		list, err := w.s.Handovers(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range list {
			out = append(out, h.Connector+" "+string(h.State))
		}
		return out
	}
	_, odd := w.file(listed{category: "voirie", service: "CCAS"}) // a letter from a sealed folder
	want(t, "a public category at a sealed service", handed(odd), nil)
	_, unchosen := w.file(listed{category: "aide", service: "CCAS"})
	want(t, "not chosen", handed(unchosen), nil)
	p.chosen = map[string]bool{"aide": true}
	_, chosen := w.file(listed{category: "aide", service: "CCAS"})
	want(t, "chosen", handed(chosen), []string{"ccas pending"})
	if _, err := w.s.HandOver(ctx, odd, "rt"); !errors.Is(err, ingest.ErrRefused) {
		t.Errorf("by hand: %v", err)
	}

	opening, ref := w.file(listed{category: "voirie", service: "Voirie"})
	list, err := w.s.Handovers(ctx, ref)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	id := list[0].ID
	w.do(w.s.HandedOver(ctx, id, "17", "", opening))
	w.do(w.s.PieceHanded(ctx, id, opening))
	if done, err := w.s.EndHandover(ctx, id); !done || err != nil {
		t.Fatal(done, err)
	}
	w.do(w.s.Categorize(ctx, ref, "aide", "CCAS", "marie"))
	w.file(listed{category: "aide", match: joins(ref)})
	want(t, "after it was sealed", handed(ref), []string{"rt delivered", "ccas pending"})
	w.do(w.s.RemoteStatus(ctx, id, time.Time{}, "resolved", ingest.StatusAnswered, "", ""))
	if q := request(t, w.s, ref); q.Status != ingest.StatusNew {
		t.Errorf("a sealed request was %s by software that was not chosen for it", q.Status)
	}
	verified(t, w.s, 0)
}

// The case of a request that was merged does not move the other one, and an old word does not
// turn a newer one back.
func TestRemoteStatusOfOthers(t *testing.T) {
	ctx := t.Context()
	w, _, _ := newPartners(t)
	var refs, ids []string
	for range 2 {
		_, ref := w.file(listed{category: "voirie", service: "Voirie"})
		list, err := w.s.Handovers(ctx, ref)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		refs, ids = append(refs, ref), append(ids, list[0].ID)
		w.do(w.s.HandedOver(ctx, list[0].ID, ref, "", ""))
	}
	w.do(w.s.Merge(ctx, refs[0], refs[1], "x"))
	w.do(w.s.RemoteStatus(ctx, ids[0], time.Time{}, "rejected", ingest.StatusClosed, "", ""))
	if q := request(t, w.s, refs[1]); q.Status != ingest.StatusNew {
		t.Errorf("status %s by the case of another", q.Status)
	}
	due, err := w.s.HandoversDue(ctx, "rt", w.s.opts.Now().Add(time.Hour), 10)
	if err != nil || len(due) != 1 || due[0].ID != ids[1] {
		t.Errorf("due %+v, %v", due, err)
	}
	if h, err := w.s.Handover(ctx, ids[0]); err != nil || !h.Merged() || h.Own != refs[0] || h.Request != refs[1] {
		t.Errorf("%+v, %v", h, err)
	}
	w.do(w.s.RemoteStatus(ctx, ids[1], time.Time{}, "resolved", ingest.StatusAnswered, "", ""))
	w.do(w.s.RemoteStatus(ctx, ids[1], time.Time{}, "open", ingest.StatusInProgress, "", "")) // asked before, told after
	if q := request(t, w.s, refs[1]); q.Status != ingest.StatusAnswered {
		t.Errorf("an old word turned it to %s", q.Status)
	}
}
