package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// house is a store with a secretary, and a clock that goes when it is told to.
type house struct {
	*matters
	now       time.Time
	secretary *secretary
	told      []ingest.OutboxNotice
}

// secretary is one that can be careless.
type secretary struct {
	notice.Secretary
	matters map[string]notice.Matter
	// forgetful does not look at what was sent; faint panics over deadlines, which are
	// the last to be asked for.
	forgetful, faint bool
	// tears are what goes wrong with the receipts of a submission.
	mu    sync.Mutex
	tears map[string]error
}

func (s *secretary) Receipts(f ingest.ReceiptFacts) ingest.Reply {
	s.mu.Lock()
	torn := s.tears[f.Submission]
	s.mu.Unlock()
	if torn != nil {
		panic(torn)
	}
	if s.forgetful {
		f.Sent = nil
	}
	return s.Secretary.Receipts(f)
}

func (s *secretary) Deadlines(f ingest.DeadlineFacts) []ingest.Deadline {
	if s.faint {
		panic("no deadlines today")
	}
	return s.Secretary.Deadlines(f)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return openHouse(t, t.TempDir())
}

func openHouse(t *testing.T, dir string) *house {
	t.Helper()
	service := func(name string) notice.Contact {
		return notice.Contact{Name: name, Email: strings.ToLower(name) + "@mairie.example", Phone: "01 99 00 00 01", Address: "1 place de la Mairie"}
	}
	h := &house{now: day.Add(time.Hour), secretary: &secretary{tears: map[string]error{}, matters: map[string]notice.Matter{
		"voirie":     {Service: service("Voirie")},
		"etat-civil": {Service: service("Accueil"), Rule: notice.Rule{Sense: notice.Acceptance}},
		"elections":  {Service: service("Accueil"), Rule: notice.Rule{Sense: notice.None}},
	}}}
	h.secretary.Matter = func(category string, p notice.Procedure) (notice.Matter, bool) {
		m, ok := h.secretary.matters[category]
		if p != notice.Ordinary {
			m.Rule = notice.Rule{Procedure: p}
		}
		return m, ok
	}
	s, err := Open(t.Context(), Options{
		Dir: dir, Database: databaseOf(t, dir), Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
		Correspondence: h.secretary, OnOutbox: func(n ingest.OutboxNotice) { h.told = append(h.told, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h.matters = &matters{t: t, s: s, ids: map[string]string{}}
	return h
}

func unsure(_ *ingest.Submission, f *ingest.Filing) { f.Classification.NeedsReview = true }

func by(c ingest.Channel) func(*ingest.Submission, *ingest.Filing) {
	return func(sub *ingest.Submission, _ *ingest.Filing) { sub.Channel = c }
}

func imported(sub *ingest.Submission, _ *ingest.Filing) { sub.Hints.NoReceipt = true }

// mails tells of the mails of a request: their kinds and states.
func (h *house) mails(n string) string {
	h.t.Helper()
	var out []string
	for _, m := range request(h.t, h.s, long(n)).Mails {
		out = append(out, string(m.Kind)+":"+string(m.State))
	}
	return strings.Join(out, " ")
}

// mail returns the last mail of a kind of a request.
func (h *house) mail(n string, kind ingest.MailKind) ingest.Mail {
	h.t.Helper()
	all := request(h.t, h.s, long(n)).Mails
	for _, m := range slices.Backward(all) {
		if m.Kind == kind {
			return m
		}
	}
	h.t.Fatalf("request %s has no mail %s: %+v", n, kind, all)
	return ingest.Mail{}
}

// ok fails the test at once when an act did not succeed.
func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// send makes a mail and has the server take it, as a delivery does.
func (h *house) send(m ingest.Mail) {
	h.t.Helper()
	_, err := h.s.MakeMail(h.t.Context(), m.ID, m.ID+"@mairie.example", []byte("the bytes of "+m.ID))
	h.ok(err)
	h.ok(h.s.MailSent(h.t.Context(), m.ID, "250 queued"))
	h.ok(h.s.Delivered(h.t.Context(), m.ID))
}

// report takes in a delivery report on a mail (RFC 3464).
func (h *house) report(messageID string) {
	h.t.Helper()
	key := "report " + messageID + strconv.Itoa(len(h.told)) + h.now.String()
	id := record(h.t, h.s, mail(key, key)).ID
	h.ok(h.s.SetAside(h.t.Context(), id, ingest.Reading{Undelivered: &ingest.Undelivered{
		MessageID: messageID, Recipient: "a@example.fr", Reason: "5.1.1 no such user",
	}}, "delivery_report: 5.1.1"))
	if rec, err := h.s.Submission(h.t.Context(), id); err != nil || rec.State != ingest.StateSetAside {
		h.t.Errorf("the report itself: %+v %v", rec, err)
	}
}

// lines are the kinds of a mail's lines in the journal, without their common beginning.
func (h *house) lines(mail string) string {
	h.t.Helper()
	list, err := h.s.Journal(h.t.Context(), mail)
	h.ok(err)
	var out []string
	for _, e := range list {
		out = append(out, strings.TrimPrefix(e.Kind, "mail."))
	}
	return strings.Join(out, " ")
}

func (h *house) outbox(id string) ingest.OutboxItem {
	h.t.Helper()
	o, err := h.s.Outbox(h.t.Context(), id)
	h.ok(err)
	return o
}

func (h *house) pending() []string {
	h.t.Helper()
	list, err := h.s.PendingOutbox(h.t.Context(), 0, 100)
	h.ok(err)
	var out []string
	for _, w := range list {
		out = append(out, w.ID)
	}
	return out
}

// The receipt, its outbox row, the assignment and the deadlines are written with the request.
func TestFilingAcknowledges(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	if got := h.mails("1"); got != "service:queued are:queued" {
		t.Fatalf("mails: %s", got)
	}
	q := request(t, h.s, long("1"))
	if q.Status != ingest.StatusAssigned || len(q.Deadlines) != 3 {
		t.Errorf("status %s, deadlines %+v", q.Status, q.Deadlines)
	}
	for i, m := range q.Mails {
		if o := h.outbox(m.ID); o.Kind != ingest.OutboxMail || o.State != ingest.OutboxPending || o.Request != long("1") || o.Submission != h.ids["a"] {
			t.Errorf("outbox row of %s: %+v", m.Kind, o)
		}
		if h.told[i] != (ingest.OutboxNotice{ID: m.ID, Kind: ingest.OutboxMail}) {
			t.Errorf("told of %+v", h.told)
		}
		if m.Submission != h.ids["a"] || m.Request != long("1") || !m.CreatedAt.Equal(h.now) || m.SHA256 != "" || m.MessageID != "" || !m.EndedAt.IsZero() {
			t.Errorf("%+v", m)
		}
	}
	if to := h.mail("1", ingest.MailARE).To; to != "a@example.fr" {
		t.Errorf("to %s", to)
	}
	if m := h.mail("1", ingest.MailService); m.To != "voirie@mairie.example" || m.Detail.Service != "Voirie" {
		t.Errorf("%+v", m)
	}
	verified(t, h.s, 0)
}

// When filing fails at the very end, neither the request nor what was to be written is there;
// the next try writes it once.
func TestFailedFilingWritesNothing(t *testing.T) {
	h := newHouse(t)
	h.secretary.faint = true
	id := record(t, h.s, mail("a", "a")).ID
	filing := ingest.Filing{
		Reading:        ingest.Reading{From: ingest.Person{Email: "a@example.fr"}},
		Classification: ingest.Classification{Category: "voirie", Service: "Voirie", Confidence: 1}, Match: opens,
	}
	if _, err := h.s.File(t.Context(), id, filing); err == nil {
		t.Fatal("filed")
	}
	for _, table := range []string{"requests", "mails", "outbox", "journal", "deadlines"} {
		if n := count(t, h.s, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if len(h.told) != 0 {
		t.Errorf("told of %+v", h.told)
	}
	h.secretary.faint = false
	file(t, h.s, id, filing)
	file(t, h.s, id, filing) // the worker was killed before it could say so
	if got := h.mails("1"); got != "service:queued are:queued" || len(h.told) != 2 {
		t.Errorf("mails: %s, told of %+v", got, h.told)
	}
	verified(t, h.s, 0)
}

// One receipt of a kind for a submission, whatever is filed, confirmed and moved, and even by
// a secretary who forgets what was sent.
func TestOneReceiptForASubmission(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		t.Run(fmt.Sprintf("forgetful %v", forgetful), func(t *testing.T) {
			h := newHouse(t)
			h.secretary.forgetful = forgetful
			ctx := t.Context()
			h.file("a", "", "", unsure)
			h.file("b", "a", ingest.LinkDuplicate)
			h.file("c", "b", ingest.LinkFollowUp)
			h.file("d", "", "")
			h.file("e", "", "", by(ingest.ChannelScan))
			if got := h.mails("1"); got != "aee:queued joined:queued joined:queued" {
				t.Fatalf("at first: %s", got)
			}
			retried := record(t, h.s, mail("f", "f")).ID
			h.ok(h.s.Fail(ctx, retried, "OCR impossible"))
			h.ok(h.s.Retry(ctx, retried))
			h.ids["f"] = retried
			filing := ingest.Filing{Reading: ingest.Reading{From: ingest.Person{Email: "f@example.fr"}}, Classification: ingest.Classification{Category: "voirie", Confidence: 1}}
			file(t, h.s, retried, filing)
			h.ok(h.s.Retry(ctx, retried)) // it is filed: nothing happens
			file(t, h.s, retried, filing)
			for range 2 {
				for _, by := range []string{marie, "cli:paul"} {
					for n := 1; n <= 4; n++ {
						h.ok(h.s.Categorize(ctx, long(strconv.Itoa(n)), "voirie", "Voirie", by))
					}
				}
				for _, act := range []string{"link b 2", "unlink c", "link c 1 f", "link b 1", "merge 1 2", "split 2 a c", "merge 3 1", "split 1 e"} {
					h.ok(h.do(act))
					for n := 1; n <= 2; n++ {
						h.ok(h.s.Categorize(ctx, long(strconv.Itoa(n)), "voirie", "Voirie", marie))
					}
				}
			}
			twice := count(t, h.s, `SELECT count(*) FROM (SELECT 1 FROM mails WHERE kind IN ('aee', 'are', 'joined', 'paper') GROUP BY submission_id, kind HAVING count(*) > 1) AS twice`)
			if twice != 0 {
				t.Errorf("%d receipts twice", twice)
			}
			for name, want := range map[string]string{"a": "aee are", "d": "are", "e": "paper", "f": "are"} {
				var got []string
				h.ok(h.s.Mails(ctx, "", func(m ingest.Mail) error {
					if m.Submission == h.ids[name] && m.Kind.Receipt() {
						got = append(got, string(m.Kind))
					}
					return nil
				}))
				if strings.Join(got, " ") != want {
					t.Errorf("%s got %v, want %s", name, got, want)
				}
			}
			if n := count(t, h.s, `SELECT count(*) FROM (SELECT 1 FROM mails WHERE kind = 'service' GROUP BY request_id HAVING count(*) > 1) AS twice`); n != 0 {
				t.Errorf("the same service was told of %d requests more than once", n)
			}
			if n := count(t, h.s, `SELECT count(*) FROM outbox o WHERE kind = 'mail' AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.id = o.id)`); n != 0 {
				t.Errorf("%d deliveries of no mail", n)
			}
			verified(t, h.s, 0)
		})
	}
}

// Another service hears of a request that is given to it.
func TestTheNextServiceIsTold(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.ok(h.s.Categorize(t.Context(), long("1"), "etat-civil", "Accueil", marie))
	if got, to := h.mails("1"), h.mail("1", ingest.MailService).To; got != "service:queued are:queued service:queued" || to != "accueil@mairie.example" {
		t.Errorf("%s to %s", got, to)
	}
}

// Only a new request is handed over: one on which somebody works already stays where it stands.
func TestConfirmingLeavesTheStatus(t *testing.T) {
	for _, status := range statuses {
		h := newHouse(t)
		h.file("a", "", "", unsure)
		if got := request(t, h.s, long("1")).Status; got != ingest.StatusNew {
			t.Fatalf("unsure, and yet %s", got)
		}
		h.ok(h.s.SetStatus(t.Context(), long("1"), status, "", marie))
		h.ok(h.s.Categorize(t.Context(), long("1"), "voirie", "Voirie", marie))
		want := status
		if status == ingest.StatusNew {
			want = ingest.StatusAssigned
		}
		if got := request(t, h.s, long("1")).Status; got != want {
			t.Errorf("%s, when it is confirmed: %s", status, got)
		}
		if got := h.mail("1", ingest.MailARE).State; got != ingest.MailQueued {
			t.Errorf("%s: the ARE is %s", status, got)
		}
	}
}

func TestMakeMailKeepsTheFirstBytes(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "")
	are, service := h.mail("1", ingest.MailARE), h.mail("1", ingest.MailService)
	if content, err := h.s.MailContent(ctx, are.ID); err != nil || content != nil {
		t.Errorf("before it is made: %q %v", content, err)
	}
	// Two deliveries at once, after one of them was taken for dead.
	var wg sync.WaitGroup
	kept := make([]string, 8)
	for i := range kept {
		wg.Go(func() {
			got, err := h.s.MakeMail(ctx, are.ID, "ar.x@mairie.example", []byte("bytes "+strconv.Itoa(i)))
			if err != nil {
				t.Error(err)
			}
			kept[i] = string(got)
		})
	}
	wg.Wait()
	content, err := h.s.MailContent(ctx, are.ID)
	if err != nil || len(slices.Compact(kept)) != 1 || string(content) != kept[0] {
		t.Errorf("made %q, kept %q, %v", kept, content, err)
	}
	if got, err := h.s.MakeMail(ctx, are.ID, "ar.y@mairie.example", []byte("later")); err != nil || string(got) != kept[0] {
		t.Errorf("made anew: %q %v", got, err)
	}
	m := h.mail("1", ingest.MailARE)
	if m.MessageID != "ar.x@mairie.example" || m.Size != int64(len(content)) || m.SHA256 != ingest.NewBlob(content).SHA256() || h.lines(m.ID) != "made" {
		t.Errorf("%+v, journal %s", m, h.lines(m.ID))
	}
	// A Message-ID is that of one mail.
	if _, err := h.s.MakeMail(ctx, service.ID, "ar.x@mairie.example", []byte("x")); err == nil {
		t.Error("two mails under one Message-ID")
	}
	if content, err := h.s.MailContent(ctx, service.ID); err != nil || content != nil || h.lines(service.ID) != "" {
		t.Errorf("kept in spite of that: %q %v", content, err)
	}
	for _, err := range []error{
		func() error { _, err := h.s.MakeMail(ctx, "nobody", "z", []byte("x")); return err }(),
		func() error { _, err := h.s.MailContent(ctx, "nobody"); return err }(),
		func() error { _, err := h.s.Mail(ctx, "nobody"); return err }(),
	} {
		if !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("of a mail that is none: %v", err)
		}
	}
	verified(t, h.s, 0)
}

// Each life of a mail, with its lines in the journal and what it means for the deadlines.
func TestLivesOfAMail(t *testing.T) {
	type act func(h *house, m ingest.Mail)
	made := func(h *house, m ingest.Mail) {
		_, err := h.s.MakeMail(t.Context(), m.ID, "ar.x@mairie.example", []byte("x"))
		h.ok(err)
	}
	sent := func(h *house, m ingest.Mail) { h.ok(h.s.MailSent(t.Context(), m.ID, "250 ok")) }
	delivered := func(h *house, m ingest.Mail) { h.ok(h.s.Delivered(t.Context(), m.ID)) }
	fail := func(h *house, m ingest.Mail) { h.ok(h.s.FailDelivery(t.Context(), m.ID, "550 non")) }
	retry := func(want bool) act {
		return func(h *house, m ingest.Mail) {
			if taken, err := h.s.RetryAny(t.Context(), m.ID, marie); err != nil || taken != want {
				h.t.Errorf("taken up again: %v %v", taken, err)
			}
		}
	}
	back := func(h *house, _ ingest.Mail) { h.report("ar.x@mairie.example") }
	other := func(h *house, _ ingest.Mail) { h.report("ar.z@mairie.example"); h.report("") }
	for _, tt := range []struct {
		name   string
		acts   []act
		state  ingest.MailState
		reason string
		lines  string
		outbox ingest.OutboxState
		done   bool // the deadline of the ARE
	}{
		{name: "waiting", state: ingest.MailQueued, outbox: ingest.OutboxPending},
		{name: "made", acts: []act{made}, state: ingest.MailQueued, lines: "made", outbox: ingest.OutboxPending},
		{name: "sent", acts: []act{made, sent, delivered}, state: ingest.MailSent, lines: "made sent", outbox: ingest.OutboxDelivered, done: true},
		{name: "sent, and said twice", acts: []act{made, sent, sent, delivered, sent}, state: ingest.MailSent, lines: "made sent", outbox: ingest.OutboxDelivered, done: true},
		{name: "refused", acts: []act{made, fail}, state: ingest.MailFailed, reason: "550 non", lines: "made failed", outbox: ingest.OutboxFailed},
		{name: "could not be made", acts: []act{fail}, state: ingest.MailFailed, reason: "550 non", lines: "failed", outbox: ingest.OutboxFailed},
		{name: "refused, and said twice", acts: []act{made, fail, fail}, state: ingest.MailFailed, reason: "550 non", lines: "made failed", outbox: ingest.OutboxFailed},
		{name: "tried again", acts: []act{made, fail, retry(true)}, state: ingest.MailQueued, lines: "made failed", outbox: ingest.OutboxPending},
		{name: "tried again twice", acts: []act{made, fail, retry(true), retry(false)}, state: ingest.MailQueued, lines: "made failed", outbox: ingest.OutboxPending},
		{name: "tried again, and sent", acts: []act{made, fail, retry(true), made, sent, delivered}, state: ingest.MailSent, lines: "made failed sent", outbox: ingest.OutboxDelivered, done: true},
		{name: "tried again, and refused", acts: []act{made, fail, retry(true), fail}, state: ingest.MailFailed, reason: "550 non", lines: "made failed failed", outbox: ingest.OutboxFailed},
		{name: "taken after all", acts: []act{made, fail, sent}, state: ingest.MailSent, lines: "made failed sent", outbox: ingest.OutboxFailed, done: true},
		{name: "given up after it was taken", acts: []act{made, sent, fail}, state: ingest.MailSent, lines: "made sent", outbox: ingest.OutboxFailed, done: true},
		{name: "came back", acts: []act{made, sent, delivered, back}, state: ingest.MailBounced, reason: "5.1.1 no such user", lines: "made sent bounced", outbox: ingest.OutboxDelivered},
		{name: "came back twice", acts: []act{made, sent, delivered, back, back}, state: ingest.MailBounced, reason: "5.1.1 no such user", lines: "made sent bounced", outbox: ingest.OutboxDelivered},
		{name: "came back before our own record", acts: []act{made, back, sent, delivered}, state: ingest.MailBounced, reason: "5.1.1 no such user", lines: "made bounced", outbox: ingest.OutboxDelivered},
		{name: "came back after it was given up", acts: []act{made, fail, back}, state: ingest.MailBounced, reason: "5.1.1 no such user", lines: "made failed bounced", outbox: ingest.OutboxFailed},
		{name: "came back, tried again", acts: []act{made, sent, delivered, back, retry(false)}, state: ingest.MailBounced, reason: "5.1.1 no such user", lines: "made sent bounced", outbox: ingest.OutboxDelivered},
		{name: "another one came back", acts: []act{made, sent, delivered, other}, state: ingest.MailSent, lines: "made sent", outbox: ingest.OutboxDelivered, done: true},
		{name: "another one came back, before this was made", acts: []act{other}, state: ingest.MailQueued, outbox: ingest.OutboxPending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.file("a", "", "")
			id := h.mail("1", ingest.MailARE).ID
			for _, do := range tt.acts {
				h.now = h.now.Add(time.Minute)
				do(h, h.mail("1", ingest.MailARE))
			}
			q := request(t, h.s, long("1"))
			m := h.mail("1", ingest.MailARE)
			if m.ID != id || m.State != tt.state || !strings.Contains(m.Reason, tt.reason) || (m.Reason == "") != (tt.reason == "") {
				t.Errorf("%s: %q", m.State, m.Reason)
			}
			if ended := m.State != ingest.MailQueued; ended == m.EndedAt.IsZero() {
				t.Errorf("%s, ended at %v", m.State, m.EndedAt)
			}
			if got := h.lines(id); got != tt.lines {
				t.Errorf("journal: %s, want %s", got, tt.lines)
			}
			if got := h.outbox(id).State; got != tt.outbox {
				t.Errorf("outbox: %s, want %s", got, tt.outbox)
			}
			i := slices.IndexFunc(q.Deadlines, func(d ingest.Deadline) bool { return d.Kind == "are" })
			if done := !q.Deadlines[i].DoneAt.IsZero(); done != tt.done {
				t.Errorf("the deadline of the ARE is done: %v", done)
			}
			// A person looks at what did not arrive, and is told each time.
			lost := strings.Count(tt.lines, "failed") + strings.Count(tt.lines, "bounced")
			if q.NeedsReview != (lost > 0) || len(q.Reasons) != 1+lost || lost > 0 && !strings.Contains(q.Reasons[0], "(a@example.fr)\u00a0: proposer le courrier papier") {
				t.Errorf("review %v, for %q", q.NeedsReview, q.Reasons)
			}
			// The history says the same as the journal, but for the making.
			events, err := h.s.History(t.Context(), long("1"))
			h.ok(err)
			var told []string
			for _, e := range events {
				if kind, ok := strings.CutPrefix(e.Kind, "mail."); ok && e.Detail.Mail == id && e.Detail.Kind == "are" {
					told = append(told, kind)
				}
			}
			if want := strings.TrimSpace(strings.TrimPrefix(tt.lines, "made")); strings.Join(told, " ") != want {
				t.Errorf("history: %v, want %s", told, want)
			}
			verified(t, h.s, 0)
		})
	}
}

// A try that comes after the first tells the workers so, and keeps the last word of the server.
func TestRetriedMail(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	m := h.mail("1", ingest.MailARE)
	h.ok(h.s.FailDelivery(t.Context(), m.ID, " ")) // nobody said why
	if m := h.mail("1", ingest.MailARE); m.State != ingest.MailFailed || m.Reason == "" {
		t.Errorf("%+v", m)
	}
	h.told = nil
	if taken, err := h.s.RetryAny(t.Context(), m.ID, marie); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if len(h.told) != 1 || h.told[0] != (ingest.OutboxNotice{ID: m.ID, Kind: ingest.OutboxMail, Attempt: 1}) {
		t.Errorf("told of %+v", h.told)
	}
	h.send(m)
	if m := h.mail("1", ingest.MailARE); m.Answer != "250 queued" || m.Reason != "" {
		t.Errorf("%+v", m)
	}
	h.report(m.ID + "@mairie.example")
	if m := h.mail("1", ingest.MailARE); m.State != ingest.MailBounced || m.Answer != "250 queued" {
		t.Errorf("the server's word is gone: %+v", m)
	}
}

// A letter on paper is noted once, printed by a person, and never in the outbox.
func TestPaper(t *testing.T) {
	for _, tt := range []struct {
		name  string
		more  []func(*ingest.Submission, *ingest.Filing)
		noted string // when it was filed
	}{
		{"a scan", []func(*ingest.Submission, *ingest.Filing){by(ingest.ChannelScan)}, "service:queued paper:to_print"},
		{"a scan that nobody is sure of", []func(*ingest.Submission, *ingest.Filing){by(ingest.ChannelScan), unsure}, ""},
		{"a mail", nil, "service:queued are:queued"},
		{"an imported scan", []func(*ingest.Submission, *ingest.Filing){by(ingest.ChannelScan), imported}, "paper:withheld"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			h.file("a", "", "", tt.more...)
			if got := h.mails("1"); got != tt.noted {
				t.Fatalf("noted: %s", got)
			}
			first, err := h.s.DraftPaper(ctx, long("1"))
			h.ok(err)
			again, err := h.s.DraftPaper(ctx, long("1"))
			if err != nil || again.ID != first.ID || first.State != ingest.MailToPrint || first.Kind != ingest.MailPaper || first.To != "" {
				t.Errorf("%+v, %+v, %v", first, again, err)
			}
			if n := count(t, h.s, `SELECT count(*) FROM outbox WHERE id = $1`, first.ID); n != 0 {
				t.Error("paper is in the outbox")
			}
			_, err = h.s.MakeMail(ctx, first.ID, "", []byte("%PDF"))
			h.ok(err)
			h.now = h.now.Add(time.Hour)
			h.ok(h.s.MailPrinted(ctx, first.ID, marie))
			h.ok(h.s.MailPrinted(ctx, first.ID, "cli:paul"))
			if m := h.mail("1", ingest.MailPaper); m.State != ingest.MailPrinted || !m.EndedAt.Equal(h.now) {
				t.Errorf("%+v", m)
			}
			if got := h.lines(first.ID); !strings.HasSuffix(got, "made printed") {
				t.Errorf("journal: %s", got)
			}
			events, err := h.s.History(ctx, long("1"))
			h.ok(err)
			if i := slices.IndexFunc(events, func(e Event) bool { return e.Kind == eventMailPrinted }); i < 0 || events[i].Actor != marie {
				t.Errorf("history: %+v", events)
			}
			if after, err := h.s.DraftPaper(ctx, long("1")); err != nil || after.ID != first.ID || after.State != ingest.MailPrinted {
				t.Errorf("after it was printed: %+v %v", after, err)
			}
			verified(t, h.s, 0)
		})
	}
	h := newHouse(t)
	if _, err := h.s.DraftPaper(t.Context(), long("9")); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("of no request: %v", err)
	}
}

// What is not sent is on record with why, and is in no outbox.
func TestWithheldReceipt(t *testing.T) {
	h := newHouse(t)
	h.told = nil
	h.file("a", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.NoReply = "message d’une liste de diffusion" })
	m := h.mail("1", ingest.MailARE)
	if m.State != ingest.MailWithheld || !strings.Contains(m.Reason, "liste de diffusion") || h.lines(m.ID) != "withheld" {
		t.Errorf("%+v, journal %s", m, h.lines(m.ID))
	}
	if _, err := h.s.Outbox(t.Context(), m.ID); !errors.Is(err, ingest.ErrNotFound) || len(h.told) != 1 { // the service's
		t.Errorf("in the outbox: %v, told of %+v", err, h.told)
	}
	if got, err := h.s.MakeMail(t.Context(), m.ID, "x", []byte("x")); !errors.Is(err, ErrRefused) || got != nil {
		t.Errorf("made: %q %v", got, err)
	}
	events, err := h.s.History(t.Context(), long("1"))
	h.ok(err)
	if i := slices.IndexFunc(events, func(e Event) bool { return e.Kind == eventMailWithheld }); i < 0 || events[i].Detail.Reason != m.Reason {
		t.Errorf("history: %+v", events)
	}
	verified(t, h.s, 0)
}

// What is not due yet is not handed out, and one newer notice takes the place and the turn of
// an older one.
func TestNoticesWaitAndGiveWay(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("a", "", "")
	for _, m := range request(t, h.s, long("1")).Mails {
		h.send(m)
	}
	first := h.now
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusInProgress, "", marie))
	begun := h.mail("1", ingest.MailStatus)
	if !begun.NotBefore.IsZero() || !slices.Contains(h.pending(), begun.ID) {
		t.Errorf("the first notice waits: %+v", begun)
	}
	h.send(begun)

	h.now, h.told = first.Add(10*time.Minute), nil
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusAnswered, "voir ci-joint", marie))
	answered := h.mail("1", ingest.MailStatus)
	if due := first.Add(time.Hour); !answered.NotBefore.Equal(due) || answered.Detail.Note != "voir ci-joint" {
		t.Errorf("the second one is due at %s, want %s", answered.NotBefore, due)
	}
	if len(h.pending()) != 0 || len(h.told) != 0 {
		t.Errorf("handed out before it is due: %v, told of %v", h.pending(), h.told)
	}

	h.now = first.Add(20 * time.Minute)
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusClosed, "", marie))
	closed := h.mail("1", ingest.MailStatus)
	if !closed.NotBefore.Equal(answered.NotBefore) {
		t.Errorf("the third one is due at %s, want the turn of the second", closed.NotBefore)
	}
	gone, err := h.s.Mail(ctx, answered.ID)
	h.ok(err)
	if gone.State != ingest.MailWithheld || !strings.Contains(gone.Reason, "remplacé") || h.lines(gone.ID) != "withheld" || h.outbox(gone.ID).State != ingest.OutboxDelivered {
		t.Errorf("%+v", gone)
	}
	// A delivery that was under way when it gave way.
	if got, err := h.s.MakeMail(ctx, gone.ID, "late@mairie.example", []byte("x")); !errors.Is(err, ErrRefused) || got != nil {
		t.Errorf("made after it gave way: %q %v", got, err)
	}

	h.now = closed.NotBefore.Add(-time.Second)
	if got := h.pending(); len(got) != 0 {
		t.Errorf("a second too early: %v", got)
	}
	h.now = closed.NotBefore
	if got := h.pending(); !slices.Equal(got, []string{closed.ID}) {
		t.Errorf("when it is due: %v", got)
	}

	// What was made may have reached somebody: it is not taken back.
	_, err = h.s.MakeMail(ctx, closed.ID, "closed@mairie.example", []byte("x"))
	h.ok(err)
	h.ok(h.s.SetStatus(ctx, long("1"), ingest.StatusInProgress, "", marie))
	if m, err := h.s.Mail(ctx, closed.ID); err != nil || m.State != ingest.MailQueued {
		t.Errorf("%+v %v", m, err)
	}
	if m := h.mail("1", ingest.MailStatus); !m.NotBefore.Equal(h.now.Add(time.Hour)) {
		t.Errorf("due at %s", m.NotBefore)
	}
	verified(t, h.s, 0)
}

// However many requests somebody has: one automatic mail an hour.
func TestOneNoticeAnHour(t *testing.T) {
	h := newHouse(t)
	const n = 8
	for i := range n {
		h.file(strconv.Itoa(i), "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.From.Email = "Alice@example.fr" })
	}
	var due []int
	for i := range n {
		h.ok(h.s.SetStatus(t.Context(), long(strconv.Itoa(i+1)), ingest.StatusAnswered, "", marie))
		m := h.mail(strconv.Itoa(i+1), ingest.MailStatus)
		at := m.NotBefore
		if at.IsZero() {
			at = h.now
		}
		due = append(due, int(at.Sub(h.now).Hours()))
	}
	if !slices.Equal(due, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("due after hours: %v", due)
	}
}

// What was to go in a year, by a clock that was wrong, does not wait for it.
func TestClockThatWasAhead(t *testing.T) {
	for _, tt := range []struct {
		ahead time.Duration
		goes  bool
	}{{6 * time.Hour, false}, {366 * 24 * time.Hour, true}} {
		h := newHouse(t)
		now := h.now
		h.file("a", "", "")
		h.now = now.Add(tt.ahead)
		for _, status := range []ingest.Status{ingest.StatusInProgress, ingest.StatusAnswered} {
			h.ok(h.s.SetStatus(t.Context(), long("1"), status, "", marie))
			if status == ingest.StatusInProgress {
				h.send(h.mail("1", ingest.MailStatus))
			}
		}
		h.now = now
		m := h.mail("1", ingest.MailStatus)
		if slices.Contains(h.pending(), m.ID) != tt.goes || m.NotBefore.IsZero() != tt.goes {
			t.Errorf("%s ahead: not before %s", tt.ahead, m.NotBefore)
		}
		if l, err := h.s.mailLog(t.Context(), reading{h.s.read}, "a@example.fr"); err != nil || !l.LastOther.IsZero() {
			t.Errorf("%s ahead: what is dated later counts already: %+v %v", tt.ahead, l, err)
		}
	}
}

func TestMailLog(t *testing.T) {
	h := newHouse(t)
	start := h.now
	draft := func(at time.Duration, d ingest.MailDraft) {
		h.now = start.Add(at)
		h.ok(h.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			d.To = cmp.Or(d.To, "alice@example.fr")
			return h.s.draft(ctx, tx, d, "", 0)
		}))
	}
	draft(-25*time.Hour, ingest.MailDraft{Kind: ingest.MailStatus})
	draft(-2*time.Hour, ingest.MailDraft{Kind: ingest.MailARE})
	draft(-50*time.Minute, ingest.MailDraft{Kind: ingest.MailAEE, To: "Alice@EXAMPLE.fr"})
	draft(-40*time.Minute, ingest.MailDraft{Kind: ingest.MailARE})
	draft(-30*time.Minute, ingest.MailDraft{Kind: ingest.MailJoined})
	draft(-20*time.Minute, ingest.MailDraft{Kind: ingest.MailStatus, NotBefore: start.Add(30 * time.Minute)})
	draft(-10*time.Minute, ingest.MailDraft{Kind: ingest.MailARE, Withheld: "envois trop nombreux"})
	draft(-10*time.Minute, ingest.MailDraft{Kind: ingest.MailStatus, Withheld: "remplacé", NotBefore: start.Add(3 * time.Hour)})
	draft(-5*time.Minute, ingest.MailDraft{Kind: ingest.MailARE, To: "bob@example.fr"})
	draft(time.Hour, ingest.MailDraft{Kind: ingest.MailARE})
	draft(time.Hour, ingest.MailDraft{Kind: ingest.MailStatus})
	for _, tt := range []struct {
		name, address string
		at            time.Duration
		want          ingest.MailLog
	}{
		{"now", "ALICE@example.fr", 0, ingest.MailLog{Receipts: 2, LastReceipt: start.Add(-40 * time.Minute), LastOther: start.Add(30 * time.Minute)}},
		{"a while ago", "alice@example.fr", -25 * time.Minute, ingest.MailLog{Receipts: 2, LastReceipt: start.Add(-40 * time.Minute), LastOther: start.Add(-30 * time.Minute)}},
		{"somebody else", "bob@example.fr", 0, ingest.MailLog{Receipts: 1, LastReceipt: start.Add(-5 * time.Minute)}},
		{"nobody", "", 0, ingest.MailLog{}},
		{"two days later", "alice@example.fr", 49 * time.Hour, ingest.MailLog{}},
	} {
		h.now = start.Add(tt.at)
		got, err := h.s.mailLog(t.Context(), reading{h.s.read}, tt.address)
		if err != nil || got.Receipts != tt.want.Receipts || !got.LastReceipt.Equal(tt.want.LastReceipt) || !got.LastOther.Equal(tt.want.LastOther) {
			t.Errorf("%s: %+v %v", tt.name, got, err)
		}
	}
}

// What is asked at each filing, and at each report, is answered from an index: the rows of
// mails are as long as the mails.
func TestMailQueriesUseIndexes(t *testing.T) {
	onlySQLite(t)
	h := newHouse(t)
	for query, params := range map[string]int{mailLogQuery: 4, bouncedQuery: 1, receiptsQuery: 1, deadlinesQuery: 1} {
		plan := ""
		h.ok(each(func(row rowScanner) error {
			var id, parent, unused int
			var step string
			err := row.Scan(&id, &parent, &unused, &step)
			plan += step + "\n"
			return err
		}, func() (*sql.Rows, error) {
			return h.s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, slices.Repeat([]any{"1"}, params)...)
		}))
		if strings.Contains(plan, "SCAN mails") || strings.Contains(plan, "SCAN deadlines") || !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s reads a whole table:\n%s", query, plan)
		}
	}
}

// The list of mails is read in pages; none is left out, and none given twice.
func TestMailsInPages(t *testing.T) {
	h := newHouse(t)
	const n = 2*recordPage + 1
	h.ok(h.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		for i := range n {
			d := ingest.MailDraft{Kind: ingest.MailMorning, To: strconv.Itoa(i)}
			if i%2 == 0 {
				d.Withheld = "test"
			}
			if err := h.s.draft(ctx, tx, d, "", 0); err != nil {
				return err
			}
		}
		return nil
	}))
	for state, want := range map[ingest.MailState]int{"": n, ingest.MailQueued: n / 2, ingest.MailWithheld: n/2 + 1, ingest.MailSent: 0} {
		got, last := 0, -1
		h.ok(h.s.Mails(t.Context(), state, func(m ingest.Mail) error {
			got++
			i, err := strconv.Atoi(m.To)
			if i <= last {
				t.Errorf("%q: %d after %d", state, i, last)
			}
			last = i
			return err
		}))
		if got != want {
			t.Errorf("%q: %d mails, want %d", state, got, want)
		}
	}
	stop := errors.New("enough")
	if err := h.s.Mails(t.Context(), "", func(ingest.Mail) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}
