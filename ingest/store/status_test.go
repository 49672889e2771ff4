package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// dates are the deadlines of a request: each kind with its day, * when it is done.
func (h *house) dates(n string) string {
	h.t.Helper()
	var out []string
	for _, d := range request(h.t, h.s, long(n)).Deadlines {
		text := d.Kind
		if d.Day != "" {
			text += " " + d.Day
		}
		if !d.DoneAt.IsZero() {
			text += "*"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// events are the kinds of the last events of a request, without those of mails.
func (h *house) events(n string, last int) []Event {
	h.t.Helper()
	all, err := h.s.History(h.t.Context(), long(n))
	h.ok(err)
	all = slices.DeleteFunc(all, func(e Event) bool { return strings.HasPrefix(e.Kind, "mail.") })
	return all[max(0, len(all)-last):]
}

func TestSetStatus(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "")
	h.file("b", "", "")
	h.ok(h.do("merge 2 1"))
	for _, tt := range []struct {
		reference string
		status    ingest.Status
		is        error
		want      string
	}{
		{long("1"), "done", ErrRefused, "waiting_citizen"}, // the error names those that there are
		{long("1"), "", ErrRefused, "in_progress"},
		{long("9"), ingest.StatusClosed, ingest.ErrNotFound, long("9")},
	} {
		if err := h.s.SetStatus(ctx, tt.reference, tt.status, "", marie); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: %v", tt.reference, tt.status, err)
		}
	}
	start := h.now
	for i, tt := range []struct {
		status   ingest.Status
		old      ingest.Status
		answered time.Duration // after start; -1: not
	}{
		{ingest.StatusInProgress, ingest.StatusAssigned, -1},
		{ingest.StatusAnswered, ingest.StatusInProgress, 2 * time.Hour},
		{ingest.StatusClosed, ingest.StatusAnswered, 2 * time.Hour}, // it was answered before
		{ingest.StatusInProgress, ingest.StatusClosed, -1},
		{ingest.StatusClosed, ingest.StatusInProgress, 5 * time.Hour},
		{ingest.StatusNew, ingest.StatusClosed, -1},
	} {
		h.now = start.Add(time.Duration(i+1) * time.Hour)
		// By the reference of a request that was merged, and twice.
		for range 2 {
			h.ok(h.s.SetStatus(ctx, long("2"), tt.status, "note "+strconv.Itoa(i), marie))
		}
		q := request(t, h.s, long("1"))
		answered := time.Duration(-1)
		if !q.AnsweredAt.IsZero() {
			answered = q.AnsweredAt.Sub(start)
		}
		if q.Status != tt.status || answered != tt.answered {
			t.Errorf("%s: %s, answered %s", tt.status, q.Status, answered)
		}
		last := h.events("1", 2)
		if e := last[1]; e.Kind != eventStatus || e.Actor != marie || e.Detail.OldStatus != tt.old || e.Detail.NewStatus != tt.status || e.Detail.Note != "note "+strconv.Itoa(i) {
			t.Errorf("%s: event %+v", tt.status, e)
		}
		if i > 0 && last[0].Detail.NewStatus != tt.old {
			t.Errorf("%s: set twice, told twice: %+v", tt.status, last[0])
		}
	}
	var told []string
	for _, m := range request(t, h.s, long("1")).Mails {
		if m.Kind == ingest.MailStatus {
			told = append(told, string(m.Detail.Status)+":"+m.Detail.Note)
		}
	}
	if want := "in_progress:note 0 answered:note 1 closed:note 2 in_progress:note 3 closed:note 4"; strings.Join(told, " ") != want { // of new nobody is told
		t.Errorf("told: %v", told)
	}
	verified(t, h.s, 0)
}

// A category can leave citizens untold of a status; the status is set all the same.
func TestQuietStatus(t *testing.T) {
	h := newHouse(t)
	m := h.secretary.matters["voirie"]
	m.Silent = []ingest.Status{ingest.StatusInProgress}
	h.secretary.matters["voirie"] = m
	h.file("a", "", "")
	h.ok(h.s.SetStatus(t.Context(), long("1"), ingest.StatusInProgress, "", marie))
	if got := h.mails("1"); strings.Contains(got, "status") || request(t, h.s, long("1")).Status != ingest.StatusInProgress {
		t.Errorf("told: %s", got)
	}
}

// Without anybody who writes letters, requests have statuses, and no mails.
func TestStatusWithoutCorrespondence(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	for _, err := range []error{
		m.s.SetStatus(t.Context(), long("1"), ingest.StatusAnswered, "", marie),
		m.s.AskPieces(t.Context(), long("1"), []string{"plan"}, time.Now().AddDate(0, 1, 0).Format(time.DateOnly), "", marie),
		m.s.Categorize(t.Context(), long("1"), "voirie", "Voirie", marie),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if n, err := m.s.ReplanAll(t.Context()); n != 0 || err != nil {
		t.Error(n, err)
	}
	if q := request(t, m.s, long("1")); q.Status != ingest.StatusWaitingCitizen || len(q.Mails)+len(q.Deadlines) != 0 {
		t.Errorf("%+v", q)
	}
	verified(t, m.s, 0)
}

// A citizen who writes again has not got what they wanted.
func TestReopenedByAFollowUp(t *testing.T) {
	for _, status := range statuses {
		for _, link := range []ingest.Link{ingest.LinkFollowUp, ingest.LinkDuplicate} {
			t.Run(fmt.Sprintf("%s %s", status, link), func(t *testing.T) {
				h := newHouse(t)
				h.file("a", "", "")
				h.ok(h.s.SetStatus(t.Context(), long("1"), status, "", marie))
				answered := request(t, h.s, long("1")).AnsweredAt
				h.file("b", "a", link)
				q := request(t, h.s, long("1"))
				waited := status == ingest.StatusWaitingCitizen || status == ingest.StatusAnswered || status == ingest.StatusClosed
				if link == ingest.LinkDuplicate || !waited {
					if q.Status != status || !q.AnsweredAt.Equal(answered) {
						t.Errorf("%s, answered %s", q.Status, q.AnsweredAt)
					}
					return
				}
				if q.Status != ingest.StatusInProgress || !q.AnsweredAt.IsZero() {
					t.Errorf("%s, answered %s", q.Status, q.AnsweredAt)
				}
				e := h.events("1", 1)[0]
				if e.Kind != eventReopened || e.Submission != h.ids["b"] || e.Detail.OldStatus != status || e.Detail.NewStatus != ingest.StatusInProgress {
					t.Errorf("event %+v", e)
				}
				if strings.Contains(h.dates("1"), "implicit 2026-05-02*") {
					t.Errorf("the answer still ends the deadline: %s", h.dates("1"))
				}
			})
		}
	}
}

func TestAskPieces(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "")
	before, events := h.dates("1"), len(h.events("1", 100))
	for _, tt := range []struct {
		reference, until string
		pieces           []string
		is               error
	}{
		{long("1"), "2026-04-02", nil, ErrRefused},
		{long("1"), "2026-04-02", []string{" ", ""}, ErrRefused},
		{long("1"), "", []string{"plan"}, ErrRefused},
		{long("1"), "2 avril", []string{"plan"}, ErrRefused},
		{long("1"), "2026-02-30", []string{"plan"}, ErrRefused},
		{long("1"), "2026-03-01", []string{"plan"}, ErrRefused}, // yesterday
		{long("9"), "2026-04-02", []string{"plan"}, ingest.ErrNotFound},
	} {
		if err := h.s.AskPieces(ctx, tt.reference, tt.pieces, tt.until, "", marie); !errors.Is(err, tt.is) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if h.dates("1") != before || len(h.events("1", 100)) != events || request(t, h.s, long("1")).Pieces != nil {
		t.Error("refused, and yet something was written")
	}
	asked := h.now
	h.ok(h.s.AskPieces(ctx, long("1"), []string{"plan", " ", "photo"}, "2026-04-02", "svp", marie))
	q := request(t, h.s, long("1"))
	if q.Status != ingest.StatusWaitingCitizen || len(q.Pieces) != 1 || !q.Pieces[0].At.Equal(asked) || q.Pieces[0].Until != "2026-04-02" ||
		!slices.Equal(q.Pieces[0].Pieces, []string{"plan", "photo"}) || !q.Pieces[0].CameAt.IsZero() {
		t.Errorf("%s, %+v", q.Status, q.Pieces)
	}
	if m := h.mail("1", ingest.MailPieces); m.To != "a@example.fr" || m.Detail.Until != "2026-04-02" || m.Detail.Note != "svp" || !slices.Equal(m.Detail.Pieces, []string{"plan", "photo"}) {
		t.Errorf("%+v", m)
	}
	if e := h.events("1", 1)[0]; e.Kind != eventPieces || e.Actor != marie || e.Detail.Until != "2026-04-02" || len(e.Detail.Pieces) != 2 {
		t.Errorf("event %+v", e)
	}
	// The clock of a rejection stands still for the time allowed (CRPA L114-5).
	if got := h.dates("1"); got != "aee 2026-03-03, are 2026-03-16, implicit 2026-06-02, pieces 2026-04-02" {
		t.Errorf("deadlines: %s", got)
	}
	h.ok(h.s.AskPieces(ctx, long("1"), []string{"devis"}, "2026-03-02", "", marie)) // until tonight
	if q := request(t, h.s, long("1")); len(q.Pieces) != 2 {
		t.Errorf("%+v", q.Pieces)
	}
	verified(t, h.s, 0)
}

func TestPiecesCame(t *testing.T) {
	for _, tt := range []struct {
		category, awaited, came string
	}{
		{"voirie", "implicit 2026-06-02, pieces 2026-04-02", "implicit 2026-05-12"},
		{"etat-civil", "implicit, pieces 2026-04-02", "implicit 2026-05-12"}, // an acceptance runs from the last piece
	} {
		t.Run(tt.category, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			h.file("a", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Category = tt.category })
			if err := h.s.PiecesCame(ctx, long("1"), h.now, marie); !errors.Is(err, ErrRefused) {
				t.Errorf("none are awaited: %v", err)
			}
			asked := h.now
			h.ok(h.s.AskPieces(ctx, long("1"), []string{"plan"}, "2026-04-02", "", marie))
			if got := h.dates("1"); !strings.Contains(got+",", tt.awaited+",") {
				t.Errorf("while they are awaited: %s", got)
			}
			h.now = asked.AddDate(0, 0, 12)
			if err := h.s.PiecesCame(ctx, long("1"), h.now.Add(time.Second), marie); !errors.Is(err, ErrRefused) {
				t.Errorf("at a time to come: %v", err)
			}
			if err := h.s.PiecesCame(ctx, long("9"), h.now, marie); !errors.Is(err, ingest.ErrNotFound) {
				t.Errorf("of no request: %v", err)
			}
			h.ok(h.s.PiecesCame(ctx, long("1"), asked.AddDate(0, 0, 10), marie))
			q := request(t, h.s, long("1"))
			if q.Status != ingest.StatusInProgress || !q.Pieces[0].CameAt.Equal(asked.AddDate(0, 0, 10)) {
				t.Errorf("%s, %+v", q.Status, q.Pieces)
			}
			if got := h.dates("1"); !strings.Contains(got+",", tt.came+",") {
				t.Errorf("when they came: %s", got)
			}
			if e := h.events("1", 1)[0]; e.Kind != eventPiecesCame || e.Actor != marie {
				t.Errorf("event %+v", e)
			}
			if err := h.s.PiecesCame(ctx, long("1"), h.now, marie); !errors.Is(err, ErrRefused) {
				t.Errorf("a second time: %v", err)
			}
			verified(t, h.s, 0)
		})
	}
}

// All that is awaited is there; what came before it was asked for came when it was. A request
// that does not wait is left where it stands.
func TestAllPiecesCame(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "")
	first := h.now
	h.ok(h.s.AskPieces(ctx, long("1"), []string{"plan"}, "2026-04-02", "", marie))
	h.now = h.now.AddDate(0, 0, 2)
	second := h.now
	h.ok(h.s.AskPieces(ctx, long("1"), []string{"photo"}, "2026-04-10", "", marie))
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusAnswered, "", marie))
	h.ok(h.s.PiecesCame(ctx, long("1"), first.AddDate(0, 0, 1), marie))
	q := request(t, h.s, long("1"))
	if q.Status != ingest.StatusAnswered || len(q.Pieces) != 2 || !q.Pieces[0].CameAt.Equal(first.AddDate(0, 0, 1)) || !q.Pieces[1].CameAt.Equal(second) {
		t.Errorf("%s, %+v", q.Status, q.Pieces)
	}
	if len(q.Deadlines) == 0 {
		t.Error("the deadlines are gone")
	}
}

func TestTransmit(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Category = "etat-civil" })
	received := request(t, h.s, long("1")).OpenedAt
	before := h.dates("1")
	h.now = received.AddDate(0, 0, 10)
	for _, tt := range []struct {
		reference, to string
		at            time.Time
		is            error
	}{
		{long("1"), " ", time.Time{}, ErrRefused},
		{long("1"), "préfecture", h.now.Add(time.Second), ErrRefused},
		{long("1"), "préfecture", received.AddDate(0, 0, -1), ErrRefused},
		{long("9"), "préfecture", time.Time{}, ingest.ErrNotFound},
	} {
		if err := h.s.Transmit(ctx, tt.reference, tt.to, tt.at, marie); !errors.Is(err, tt.is) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if got := h.dates("1"); got != before {
		t.Errorf("refused, and yet: %s", got)
	}
	// No clock of the competent administration runs before it has it (CRPA L114-3).
	h.ok(h.s.Transmit(ctx, long("1"), "préfecture", time.Time{}, marie))
	if got := h.dates("1"); got != "aee 2026-03-03, are, transmission, implicit" {
		t.Errorf("passed on: %s", got)
	}
	if e := h.events("1", 1)[0]; e.Kind != eventTransmitted || e.Actor != marie || !strings.Contains(string(e.Raw), "préfecture") {
		t.Errorf("event %+v", e)
	}
	h.ok(h.s.Transmit(ctx, long("1"), "préfecture", received.AddDate(0, 0, 7), marie))
	if got := h.dates("1"); got != "aee 2026-03-03, are 2026-03-23, implicit 2026-05-09" {
		t.Errorf("arrived: %s", got)
	}
	told := func() (n int) {
		for _, m := range request(t, h.s, long("1")).Mails {
			if m.Detail.Status == notice.StatusTransmitted {
				n++
			}
		}
		return n
	}
	if n := told(); n != 1 {
		t.Errorf("told %d times of one administration", n)
	}
	// A day without an hour: that of the reception, before it.
	h.ok(h.s.Transmit(ctx, long("1"), "préfecture", received.Truncate(24*time.Hour), marie))
	if got := h.dates("1"); got != "aee 2026-03-03, are 2026-03-16, implicit 2026-05-02" {
		t.Errorf("arrived on the same day: %s", got)
	}
	// The law wants this notice (CRPA L114-2): no later one takes its place.
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusClosed, "", marie))
	for _, m := range request(t, h.s, long("1")).Mails {
		if m.Kind == ingest.MailStatus && m.State != ingest.MailQueued {
			t.Errorf("%s: %s", m.Detail.Status, m.Reason)
		}
	}
	h.ok(h.s.Transmit(ctx, long("1"), "département", time.Time{}, marie))
	if n := told(); n != 2 {
		t.Errorf("told %d times of two administrations", n)
	}
	h.ok(h.s.Transmit(ctx, long("1"), "préfecture", received, marie))
	f, err := h.s.DeadlineFacts(ctx, long("1"))
	if err != nil || !f.Elsewhere || !f.Competent.Equal(received) || f.Category != "etat-civil" {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := h.s.DeadlineFacts(ctx, long("9")); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("of no request: %v", err)
	}
}

func TestSetProcedure(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	for _, tt := range []struct {
		procedure notice.Procedure
		want      string
	}{
		{notice.Documents, "aee 2026-03-03, are 2026-03-16, cada 2026-04-02"},
		{notice.OtherPermit, "aee 2026-03-03, are 2026-03-16, urbanisme 2026-06-02"},
		{notice.Ordinary, "aee 2026-03-03, are 2026-03-16, implicit 2026-05-02"},
	} {
		h.ok(h.s.SetProcedure(t.Context(), long("1"), string(tt.procedure), marie))
		if got := h.dates("1"); got != tt.want || request(t, h.s, long("1")).Procedure != string(tt.procedure) {
			t.Errorf("%q: %s", tt.procedure, got)
		}
		if e := h.events("1", 1)[0]; e.Kind != eventProcedure || e.Actor != marie {
			t.Errorf("event %+v", e)
		}
	}
	if err := h.s.SetProcedure(t.Context(), long("9"), "cada", marie); !errors.Is(err, ingest.ErrNotFound) {
		t.Error(err)
	}
}

// The links of all who wrote about a request end together, those of others do not.
func TestRevokeLinks(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.file("b", "a", ingest.LinkFollowUp)
	h.file("c", "", "")
	for n := range 2 {
		for name, want := range map[string]int{"a": n, "b": n, "c": 0} {
			if got, err := h.s.LinkGeneration(t.Context(), h.ids[name]); err != nil || got != want {
				t.Errorf("%s: generation %d, want %d, %v", name, got, want, err)
			}
		}
		h.ok(h.s.RevokeLinks(t.Context(), long("1"), marie))
		if e := h.events("1", 1)[0]; e.Kind != eventLinkRevoked || e.Actor != marie {
			t.Errorf("event %+v", e)
		}
	}
	if err := h.s.RevokeLinks(t.Context(), long("9"), marie); !errors.Is(err, ingest.ErrNotFound) {
		t.Error(err)
	}
	if _, err := h.s.LinkGeneration(t.Context(), "nobody"); !errors.Is(err, ingest.ErrNotFound) {
		t.Error(err)
	}
}

// Whatever happens to a request, its deadlines are those of how it then is.
func TestDeadlinesFollowTheRequest(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const ordinary, joinedLater = "aee 2026-03-03, are 2026-03-16, implicit 2026-05-02", "aee 2026-03-10, are 2026-03-23, implicit 2026-05-09"
	week := func(sub *ingest.Submission, _ *ingest.Filing) { sub.ReceivedAt = day.AddDate(0, 0, 7) }
	h.file("a", "", "")
	h.now = h.now.AddDate(0, 0, 7)
	h.file("b", "", "", week)
	h.file("c", "a", ingest.LinkDuplicate, week)
	want := func(what string, dates ...string) {
		t.Helper()
		for i, d := range dates {
			n := strconv.Itoa(i + 1)
			id := count(t, h.s, `SELECT id FROM requests WHERE reference = $1`, long(n))
			if d == "" {
				if rows := count(t, h.s, `SELECT count(*) FROM deadlines WHERE request_id = $1`, id); rows != 0 {
					t.Errorf("%s: %s owes %d things still", what, n, rows)
				}
			} else if got := h.dates(n); got != d {
				t.Errorf("%s: %s has %s, want %s", what, n, got, d)
			}
		}
		verified(t, h.s, 0)
	}
	want("filed", ordinary, joinedLater)
	h.ok(h.s.Categorize(ctx, long("1"), "elections", "Accueil", marie))
	want("of another category", "aee 2026-03-03, are 2026-03-16", joinedLater)
	h.ok(h.s.Categorize(ctx, long("1"), "voirie", "Voirie", marie))
	want("of the first again", ordinary, joinedLater)
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusAnswered, "", marie))
	want("answered", ordinary+"*", joinedLater)
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusInProgress, "", marie))
	want("taken up again", ordinary, joinedLater)
	h.send(h.mail("2", ingest.MailARE))
	done := strings.ReplaceAll(strings.Replace(joinedLater, "03-10", "03-10*", 1), "03-23", "03-23*")
	want("acknowledged", ordinary, done)
	h.ok(h.do("merge 2 1"))
	// The receipt of another submission acknowledges nothing to whoever opened the request.
	want("merged", ordinary, "")
	h.ok(h.do("split 1 b"))
	want("split again", ordinary, done)
	h.ok(h.do("unlink c"))
	want("one unlinked", ordinary, done, joinedLater)
	h.ok(h.do("link a 3"))
	want("all of it linked elsewhere", "", done, joinedLater)
}

// After the rules have changed, all that is open is counted anew, however many there are.
func TestReplanAll(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const n = 103
	for i := range n {
		h.file(strconv.Itoa(i), "", "")
	}
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusAnswered, "", marie))
	h.ok(h.do("merge 2 3"))
	m := h.secretary.matters["voirie"]
	m.Rule = notice.Rule{Months: 4}
	h.secretary.matters["voirie"] = m
	if got, err := h.s.ReplanAll(ctx); err != nil || got != n-2 {
		t.Errorf("%d planned anew, %v", got, err)
	}
	const later = "aee 2026-03-03, are 2026-03-16, implicit 2026-07-02"
	for i := 3; i <= n; i += 50 {
		if got := h.dates(strconv.Itoa(i)); got != later {
			t.Errorf("%d: %s", i, got)
		}
	}
	if got := h.dates("1"); !strings.HasSuffix(got, "implicit 2026-05-02*") {
		t.Errorf("what was answered was changed: %s", got)
	}
	if rows := count(t, h.s, `SELECT count(*) FROM deadlines WHERE request_id = 2`); rows != 0 {
		t.Errorf("what was merged owes %d things", rows)
	}
}

// What is open and due, the nearest first.
func TestOpenDeadlines(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, name := range []string{"a", "b", "c", "d"} {
		h.file(name, "", "")
	}
	h.send(h.mail("2", ingest.MailARE))
	h.ok(h.s.SetStatus(ctx, long("3"), ingest.StatusClosed, "", marie))
	h.ok(h.do("merge 4 1"))
	list := func(before time.Time) string {
		var out []string
		h.ok(h.s.OpenDeadlines(ctx, before, func(d Due) error {
			out = append(out, short(d.Reference)+" "+d.Deadline.Kind)
			if d.Subject == "" || d.Category != "voirie" || d.Service != "Voirie" || d.Sender.Email == "" || d.Deadline.Due.IsZero() || d.Deadline.Rule == "" || d.Deadline.Who == "" {
				t.Errorf("%+v", d)
			}
			return nil
		}))
		return strings.Join(out, ", ")
	}
	aee := time.Date(2026, 3, 3, 23, 59, 59, 0, time.UTC)
	for _, tt := range []struct {
		before time.Time
		want   string
	}{
		{aee, ""},
		{aee.Add(time.Second), "1 aee"},
		{day.AddDate(1, 0, 0), "1 aee, 1 are, 1 implicit, 2 implicit"},
	} {
		if got := list(tt.before); got != tt.want {
			t.Errorf("before %s: %s", tt.before, got)
		}
	}
	stop := errors.New("enough")
	if err := h.s.OpenDeadlines(ctx, day.AddDate(1, 0, 0), func(Due) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}
