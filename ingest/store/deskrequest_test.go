package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

const ccas = "CCAS"

var (
	// paule is of the sealed service, rene of no service at all.
	paule = ingest.Viewer{Login: "paule", Name: "Paule Petit", Role: ingest.RoleAgent, Services: []string{ccas}}
	rene  = ingest.Viewer{Login: "rene", Name: "René Roy", Role: ingest.RoleAdministrator, Hidden: []string{ccas}}
)

// newTownHall is a store with agents and a sealed service: a, b and c are of the open one, s
// and t of the sealed one, each a request of its own (1 to 5).
func newTownHall(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	ctx := t.Context()
	h.ok(h.s.SetSealed(ctx, []string{"Voirie", ccas}, []string{ccas}))
	for _, a := range []ingest.Agent{
		{Login: "paule", Name: "Paule Petit", Role: ingest.RoleAgent, Services: []string{ccas}},
		{Login: "rene", Name: "René Roy", Role: ingest.RoleAdministrator},
		{Login: "zoe", Name: "Zoé Zed", Role: ingest.RoleReader, Services: []string{ccas}},
		{Login: "parti", Name: "Ancien Agent", Role: ingest.RoleAgent, Services: []string{ccas}, Disabled: true},
	} {
		a.Language = "fr"
		h.ok(h.s.AddAgent(ctx, a, "", "cli:test"))
	}
	for _, name := range []string{"a", "b", "c"} {
		h.file(name, "", "")
	}
	for _, name := range []string{"s", "t"} {
		h.file(name, "", "", sealedPiece)
	}
	return h
}

// sealedPiece is classified into the sealed service.
func sealedPiece(_ *ingest.Submission, f *ingest.Filing) {
	f.Classification.Category, f.Classification.Service = "aide-sociale", ccas
}

func (h *house) suggest(one, other string) {
	h.t.Helper()
	h.ok(h.s.do(h.t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO suggestions (request_id, other_id, score, why, kind)
			SELECT (SELECT id FROM requests WHERE reference = $1), id, 0.5, 'pareil', 'same' FROM requests WHERE reference = $2`, long(one), long(other))
	}))
}

// Every act is as if the hidden request were not there, and leaves nothing behind; who sees it
// can do it.
func TestActsSeeWhatTheirAgentSees(t *testing.T) {
	h := newTownHall(t)
	h.file("s2", "s", ingest.LinkFollowUp)
	h.file("a2", "a", ingest.LinkDuplicate)
	ctx, until := t.Context(), h.now.AddDate(0, 1, 0).Format(time.DateOnly)
	sealed, open := long("4"), long("1")
	acts := map[string]func(Acting) error{
		"category":       func(a Acting) error { return a.SetCategory(ctx, sealed, "voirie", "Voirie") },
		"reviewed":       func(a Acting) error { return a.Reviewed(ctx, sealed) },
		"status":         func(a Acting) error { return a.SetStatus(ctx, sealed, ingest.StatusInProgress, "") },
		"correct":        func(a Acting) error { return a.Correct(ctx, sealed, ingest.Correction{Subject: "autre"}) },
		"assign":         func(a Acting) error { return a.Assign(ctx, sealed, "paule") },
		"comment":        func(a Acting) error { return a.Comment(ctx, sealed, "vu") },
		"ask":            func(a Acting) error { return a.AskPieces(ctx, sealed, []string{"RIB"}, until, "") },
		"came":           func(a Acting) error { return a.PiecesCame(ctx, sealed, h.now) },
		"transmit":       func(a Acting) error { return a.Transmit(ctx, sealed, "Département", time.Time{}) },
		"revoke":         func(a Acting) error { return a.RevokeLinks(ctx, sealed) },
		"procedure":      func(a Acting) error { return a.SetProcedure(ctx, sealed, "permis") },
		"merge into it":  func(a Acting) error { return a.Merge(ctx, open, sealed) },
		"merge from it":  func(a Acting) error { return a.Merge(ctx, sealed, open) },
		"apart":          func(a Acting) error { return a.Apart(ctx, open, sealed) },
		"apart, turned":  func(a Acting) error { return a.Apart(ctx, sealed, open) },
		"link into it":   func(a Acting) error { return a.Link(ctx, h.ids["a2"], sealed, ingest.LinkDuplicate) },
		"link out of it": func(a Acting) error { return a.Link(ctx, h.ids["s2"], open, ingest.LinkDuplicate) },
		"unlink":         func(a Acting) error { _, err := a.Unlink(ctx, h.ids["s2"]); return err },
		"split":          func(a Acting) error { _, err := a.Split(ctx, sealed, []string{h.ids["s2"]}); return err },
		"split a strange piece": func(a Acting) error {
			_, err := a.Split(ctx, open, []string{h.ids["s2"]})
			if errors.Is(err, ErrRefused) && strings.Contains(err.Error(), "is not in") {
				return ingest.ErrNotFound // told alike of a piece that there is not
			}
			return err
		},
	}
	state, events := h.state(), count(t, h.s, `SELECT count(*) FROM events`)
	for name, act := range acts {
		if err := act(h.s.By(rene)); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := h.state(); got != state || count(t, h.s, `SELECT count(*) FROM events`) != events {
		t.Errorf("something has changed: %s", got)
	}
	for _, name := range []string{"status", "correct", "assign", "comment", "ask", "came", "transmit", "revoke", "apart", "link into it", "unlink"} {
		if err := acts[name](h.s.By(paule)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.s.Assignable(ctx, rene, sealed); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("assignable: %v", err)
	}
	if _, err := h.s.SuggestedCategories(ctx, rene, sealed); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("suggested: %v", err)
	}
	if _, err := h.s.HistoryFor(ctx, rene, sealed); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("history: %v", err)
	}
	verified(t, h.s, 0)
}

// What is sealed stays so, whatever is moved: only another category unseals it.
func TestMovesKeepSealed(t *testing.T) {
	services := func(h *house) string {
		var out []string
		h.ok(h.s.Requests(h.t.Context(), func(q ingest.Request) error {
			out = append(out, short(q.Reference)+" "+q.Service)
			return nil
		}))
		return strings.Join(out, ", ")
	}
	for _, tt := range []struct {
		name    string
		acts    []string
		refused string // what the last one is refused with
		want    string // of 1 to 5, after it
	}{
		{"merged out", []string{"merge 4 1"}, "choose another category", "1 Voirie, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
		{"linked out", []string{"link s2 1"}, "sealed service CCAS", "1 Voirie, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
		{"linked out, the whole", []string{"link s 1"}, "choose another", "1 Voirie, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
		{"merged within", []string{"merge 4 5"}, "", "1 Voirie, 2 Voirie, 3 Voirie, 5 CCAS"},
		{"merged in", []string{"merge 1 4"}, "", "2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
		{"merged in and out again", []string{"merge 1 4", "split 4 a"}, "", "1 CCAS, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
		// s2 is of the open service by its own words.
		{"taken out", []string{"unlink s2"}, "", "1 Voirie, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS, 6 CCAS"},
		// Its opening goes; what stays was classified otherwise.
		{"reopened", []string{"link x 4", "link s 5"}, "", "1 Voirie, 2 Voirie, 3 Voirie, 4 CCAS, 5 CCAS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTownHall(t)
			h.file("s2", "s", ingest.LinkFollowUp)
			h.file("x", "b", ingest.LinkDuplicate)
			for i, act := range tt.acts {
				err := h.do(act)
				if i == len(tt.acts)-1 && tt.refused != "" {
					if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.refused) {
						t.Errorf("%s: %v", act, err)
					}
					continue
				}
				h.ok(err)
			}
			if got := services(h); got != tt.want {
				t.Errorf("services: %s, want %s", got, tt.want)
			}
			verified(t, h.s, 0)
		})
	}

	h := newTownHall(t)
	h.file("s2", "s", ingest.LinkFollowUp)
	h.ok(h.do("unlink s2"))
	q := request(t, h.s, long("6"))
	if !q.NeedsReview || q.CategoryBy != "" || !strings.Contains(strings.Join(q.Reasons, ""), "service protégé") {
		t.Errorf("taken out, and not for review: %+v", q)
	}
	if e := h.events("6", 2); e[0].Kind != eventCategorized || e[0].Actor != actorSystem || e[0].Detail.Old.Service != "Voirie" || e[0].Detail.New.Service != ccas {
		t.Errorf("events: %+v", e)
	}
	// Unsealed on purpose.
	h.ok(h.s.By(paule).SetCategory(t.Context(), long("6"), "voirie", "Voirie"))
	if _, err := h.s.RequestFor(t.Context(), rene, long("6")); err != nil {
		t.Errorf("after another category: %v", err)
	}
}

// A request, its history, its suggestions, as they are without what is hidden.
func TestRequestFor(t *testing.T) {
	h := newTownHall(t)
	ctx := t.Context()
	h.suggest("1", "4")
	h.suggest("5", "1")
	h.suggest("1", "2")
	h.ok(h.s.By(rene).Merge(ctx, long("3"), long("1")))
	// Before the service was sealed, one of its requests was merged into this one.
	h.ok(h.s.SetSealed(ctx, []string{ccas}, nil))
	h.ok(h.s.By(paule).Merge(ctx, long("5"), long("1")))
	h.ok(h.s.SetSealed(ctx, []string{ccas}, []string{ccas}))

	told := func(v ingest.Viewer) string {
		q, err := h.s.RequestFor(ctx, v, long("1"))
		h.ok(err)
		var refs []string
		for _, s := range q.Suggestions {
			refs = append(refs, short(s.Reference))
		}
		slices.Sort(refs)
		history, err := h.s.HistoryFor(ctx, v, long("1"))
		h.ok(err)
		var from []string
		for _, e := range history {
			if e.Kind == eventMerged {
				from = append(from, cmp.Or(short(e.Detail.From), "-"))
				if v.Login == "rene" && strings.Contains(string(e.Raw), long("5")) {
					t.Errorf("raw: %s", e.Raw)
				}
			}
		}
		mails := 0
		for _, m := range q.Mails {
			if m.Request == long("5") {
				mails++
			}
		}
		return fmt.Sprintf("suggested %v, merged %v, told %v, mails %t", refs, q.MergedFrom, from, mails > 0)
	}
	if got, want := told(paule), "suggested [2 4], merged [2026-000003 2026-000005], told [3 5], mails true"; got != want {
		t.Errorf("who sees all: %s, want %s", got, want)
	}
	if got, want := told(rene), "suggested [2], merged [2026-000003], told [3 -], mails false"; got != want {
		t.Errorf("who does not: %s, want %s", got, want)
	}
	for _, reference := range []string{long("4"), long("9")} {
		if _, err := h.s.RequestFor(ctx, rene, reference); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: %v", reference, err)
		}
	}
	// What leads into something hidden is hidden.
	h.ok(h.s.By(paule).Merge(ctx, long("2"), long("4")))
	if _, err := h.s.RequestFor(ctx, rene, long("2")); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("merged into what is hidden: %v", err)
	}
	// And a reference is not told that an agent gets by taking something out of it.
	if got, err := h.s.By(rene).Unlink(ctx, h.ids["t"]); got != "" || err != nil {
		t.Errorf("taken out: %q %v", got, err)
	}
}

func TestCorrect(t *testing.T) {
	h := newTownHall(t)
	ctx, by := t.Context(), h.s.By(rene)
	before, err := h.s.Submission(ctx, h.ids["a"])
	h.ok(err)
	c := ingest.Correction{
		Subject: "Lampadaire", Place: "rue Neuve",
		Sender: ingest.Person{Name: "Nom Juste", Email: "Juste@Example.fr", Phone: "01", Address: "ici\nlà"},
	}
	for range 2 {
		c.Sender.Email = "juste@example.fr"
		h.ok(by.Correct(ctx, long("1"), c))
	}
	q := request(t, h.s, long("1"))
	if q.Subject != "Lampadaire" || q.Place != "rue Neuve" || q.Sender != c.Sender {
		t.Errorf("request: %+v", q)
	}
	after, err := h.s.Submission(ctx, h.ids["a"])
	h.ok(err)
	if after.Reading.Subject != before.Reading.Subject || after.Reading.From != before.Reading.From || after.SHA256 != before.SHA256 {
		t.Error("evidence has changed")
	}
	e := h.events("1", 9)
	last := e[len(e)-1]
	if n := count(t, h.s, `SELECT count(*) FROM events WHERE kind = 'request.corrected'`); n != 1 {
		t.Errorf("%d events", n)
	}
	if last.Kind != eventCorrected || last.Actor != "agent:rene" || last.Detail.Before == nil || last.Detail.Before.Subject != "objet a" ||
		last.Detail.After == nil || *last.Detail.After != c {
		t.Errorf("event: %+v", last)
	}
}

func TestAssign(t *testing.T) {
	h := newTownHall(t)
	ctx := t.Context()
	who := func(n string) string {
		login, err := h.s.Assignee(ctx, long(n))
		h.ok(err)
		return login
	}
	logins := func(v ingest.Viewer, n string) string {
		list, err := h.s.Assignable(ctx, v, long(n))
		h.ok(err)
		var out []string
		for _, a := range list {
			out = append(out, a.Login)
		}
		return strings.Join(out, " ")
	}
	if got := logins(rene, "1"); got != "paule rene" {
		t.Errorf("assignable, open: %s", got)
	}
	if got := logins(paule, "4"); got != "paule" {
		t.Errorf("assignable, sealed: %s", got)
	}
	for _, login := range []string{"rene", "zoe", "parti", "personne", "Paule"} {
		if err := h.s.By(paule).Assign(ctx, long("4"), login); !errors.Is(err, ErrRefused) {
			t.Errorf("to %s: %v", login, err)
		}
	}
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusNew, "", marie))
	for range 2 {
		h.ok(h.s.By(rene).Assign(ctx, long("1"), "paule"))
	}
	if q := request(t, h.s, long("1")); who("1") != "paule" || q.Status != ingest.StatusAssigned {
		t.Errorf("%s, %s", who("1"), q.Status)
	}
	e := h.events("1", 1)[0]
	if e.Kind != eventAssignedTo || e.Detail.Agent != "paule" || e.Detail.OldStatus != ingest.StatusNew || e.Detail.NewStatus != ingest.StatusAssigned {
		t.Errorf("event: %+v", e)
	}
	h.ok(h.s.By(rene).Assign(ctx, long("1"), "rene"))
	if q := request(t, h.s, long("1")); who("1") != "rene" || q.Status != ingest.StatusAssigned {
		t.Errorf("%s, %s", who("1"), q.Status)
	}
	// Its new service is not for his eyes: nobody has it.
	h.ok(h.s.By(rene).SetCategory(ctx, long("1"), "aide-sociale", ccas))
	if e := h.events("1", 2); who("1") != "" || e[0].Kind != eventAssignedTo && e[1].Kind != eventAssignedTo {
		t.Errorf("%q has it still: %+v", who("1"), e)
	}
	h.ok(h.s.By(paule).Assign(ctx, long("1"), "paule"))
	h.ok(h.s.By(paule).Assign(ctx, long("1"), ""))
	if who("1") != "" || count(t, h.s, `SELECT count(*) FROM events WHERE kind = 'request.assigned_to'`) != 5 {
		t.Errorf("%q, %d events", who("1"), count(t, h.s, `SELECT count(*) FROM events WHERE kind = 'request.assigned_to'`))
	}
	names, err := h.s.AgentNames(ctx)
	if err != nil || names["rene"] != "René Roy" || names["parti"] != "Ancien Agent" {
		t.Errorf("names: %v %v", names, err)
	}
}

func TestReviewedAndComment(t *testing.T) {
	h := newTownHall(t)
	ctx, by := t.Context(), h.s.By(rene)
	h.file("doubt", "", "", func(_ *ingest.Submission, f *ingest.Filing) {
		f.Classification.NeedsReview, f.Classification.Confidence = true, 0.3
		f.Classification.Top = []ingest.Ranked{{Category: "voirie", Score: 0.3}, {Category: "eau", Score: 0.2}}
	})
	h.file("nothing", "", "", func(_ *ingest.Submission, f *ingest.Filing) {
		f.Classification = ingest.Classification{NeedsReview: true}
	})
	for range 2 {
		h.ok(by.Reviewed(ctx, long("6")))
	}
	if q := request(t, h.s, long("6")); q.NeedsReview || q.CategoryBy != "agent:rene" || q.Category != "voirie" || q.Confidence != 1 {
		t.Errorf("reviewed: %+v", q)
	}
	if err := by.Reviewed(ctx, long("7")); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("without a category: %v", err)
	}
	ranked, err := h.s.SuggestedCategories(ctx, rene, long("6"))
	var codes []string
	for _, r := range ranked {
		codes = append(codes, r.Category)
	}
	if err != nil || strings.Join(codes, " ") != "voirie eau proprete" {
		t.Errorf("suggested: %v %v", ranked, err)
	}

	for range 2 {
		h.ok(by.Comment(ctx, long("6"), "  J’ai téléphoné. "))
	}
	h.ok(by.Comment(ctx, long("6"), "Pas de réponse."))
	h.ok(by.Comment(ctx, long("6"), "J’ai téléphoné."))
	if err := by.Comment(ctx, long("6"), " \n"); !errors.Is(err, ErrRefused) {
		t.Errorf("empty: %v", err)
	}
	var said []string
	for _, e := range h.events("6", 9) {
		if e.Kind == eventComment {
			said = append(said, e.Detail.Text)
		}
	}
	if strings.Join(said, " ") != "J’ai téléphoné. Pas de réponse. J’ai téléphoné." {
		t.Errorf("comments: %q", said)
	}
}

func TestApart(t *testing.T) {
	h := newTownHall(t)
	ctx, by := t.Context(), h.s.By(rene)
	h.suggest("1", "2")
	for range 2 {
		h.ok(by.Apart(ctx, long("2"), long("1")))
	}
	for _, n := range []string{"1", "2"} {
		if q := request(t, h.s, long(n)); len(q.Suggestions) > 0 {
			t.Errorf("%s is suggested %v", n, q.Suggestions)
		}
		if e := h.events(n, 1)[0]; e.Kind != eventApart || e.Detail.From != long("2") || e.Detail.To != long("1") || e.Actor != "agent:rene" {
			t.Errorf("event of %s: %+v", n, e)
		}
	}
	if n := count(t, h.s, `SELECT count(*) FROM events WHERE kind = 'request.apart'`); n != 2 {
		t.Errorf("%d events", n)
	}
	h.ok(by.Merge(ctx, long("2"), long("3")))
	for _, pair := range [][2]string{{"1", "1"}, {"2", "3"}} {
		if err := by.Apart(ctx, long(pair[0]), long(pair[1])); !errors.Is(err, ErrRefused) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// A form that is sent twice asks once, and tells once.
func TestAskedTwice(t *testing.T) {
	h := newTownHall(t)
	ctx, by := t.Context(), h.s.By(rene)
	until := h.now.AddDate(0, 1, 0).Format(time.DateOnly)
	for range 2 {
		h.ok(by.AskPieces(ctx, long("1"), []string{"RIB", " "}, until, ""))
		h.ok(by.Transmit(ctx, long("2"), "Département", time.Time{}))
	}
	if q := request(t, h.s, long("1")); len(q.Pieces) != 1 || len(q.Pieces[0].Pieces) != 1 {
		t.Errorf("asked: %+v", q.Pieces)
	}
	h.ok(by.AskPieces(ctx, long("1"), []string{"Acte"}, until, ""))
	h.ok(by.PiecesCame(ctx, long("1"), h.now))
	h.ok(by.AskPieces(ctx, long("1"), []string{"RIB"}, until, "")) // it was not the right one
	if q := request(t, h.s, long("1")); len(q.Pieces) != 3 || q.Status != ingest.StatusWaitingCitizen {
		t.Errorf("asked: %+v", q.Pieces)
	}
	for kind, want := range map[string]int{eventPieces: 3, eventTransmitted: 1} {
		if n := count(t, h.s, `SELECT count(*) FROM events WHERE kind = $1`, kind); n != want {
			t.Errorf("%d %s, want %d", n, kind, want)
		}
	}
}
