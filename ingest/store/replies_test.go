package store

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

func answer(once string, more ...func(*ingest.Answer)) ingest.Answer {
	a := ingest.Answer{
		Once: once, Subject: "Votre demande", Body: "Bonjour,\n\nle trou est rebouché.", Status: ingest.StatusAnswered,
		Officer: ingest.Officer{Name: "Camille Roux", Title: "cheffe de service", Service: "Voirie"},
	}
	for _, m := range more {
		m(&a)
	}
	return a
}

func letter(a *ingest.Answer) {
	a.Paper, a.To = true, ingest.Addressee{Name: "Alice Martin", Address: "1 rue des Lilas\n99100 Saint-Exemple"}
}

var camille = ingest.Viewer{Login: "camille", Name: "Camille Roux", Role: ingest.RoleAgent}

// An answer by mail is one transaction: the mail, its outbox row, its number, the event and the
// status. The notice of a status that waits is withheld, and none is added.
func TestAnswerByMail(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.ok(h.s.SetStatus(t.Context(), long("1"), ingest.StatusInProgress, "", marie))
	h.told = nil
	m, err := h.s.Answer(t.Context(), camille, long("1"), answer("k1"))
	h.ok(err)
	if m.Kind != ingest.MailReply || m.State != ingest.MailQueued || m.To != "a@example.fr" || m.Number != "D-2026-000001" ||
		m.Submission != h.ids["a"] || m.Detail.Subject != "Votre demande" || m.Detail.Officer.Name != "Camille Roux" || m.Detail.Paper || m.Detail.Answers != h.ids["a"] {
		t.Errorf("%+v", m)
	}
	if o := h.outbox(m.ID); o.Kind != ingest.OutboxMail || o.State != ingest.OutboxPending || len(h.told) != 1 || h.told[0].ID != m.ID {
		t.Errorf("outbox %+v, told %+v", o, h.told)
	}
	if got := h.mails("1"); got != "service:queued are:queued status:withheld reply:queued" {
		t.Errorf("mails: %s", got)
	}
	q := request(t, h.s, long("1"))
	if q.Status != ingest.StatusAnswered || !q.AnsweredAt.Equal(h.now) || !strings.Contains(h.dates("1"), "implicit 2026-05-02*") {
		t.Errorf("%s at %s; %s", q.Status, q.AnsweredAt, h.dates("1"))
	}
	e := h.events("1", 1)[0]
	if e.Kind != eventReplied || e.Actor != "agent:camille" || e.Detail.Mail != m.ID || e.Detail.Number != "D-2026-000001" ||
		e.Detail.OldStatus != ingest.StatusInProgress || e.Detail.NewStatus != ingest.StatusAnswered || strings.Contains(string(e.Raw), "rebouché") {
		t.Errorf("event %+v", e)
	}
	line := h.register(ingest.Viewer{}, ingest.Outgoing)
	if len(line) != 1 || line[0].Who != "Nom a" || line[0].Subject != "Votre demande" || line[0].By != "Camille Roux" || line[0].Channel != ingest.ChannelMailbox || line[0].Service != "Voirie" || line[0].Mail != m.ID {
		t.Errorf("register %+v", line)
	}
	h.send(m)
	if got := h.lines(m.ID); got != "made sent" {
		t.Errorf("journal: %s", got)
	}
	// A person's answer is no automatic mail: the next receipt need not wait for it.
	log, err := h.s.MailLog(t.Context(), "a@example.fr")
	if h.ok(err); !log.LastOther.IsZero() {
		t.Errorf("log %+v", log)
	}
	// One that leaves the request as it is.
	if _, err := h.s.Answer(t.Context(), camille, long("1"), answer("k2", func(a *ingest.Answer) { a.Status = "" })); err != nil {
		t.Error(err)
	}
	if q := request(t, h.s, long("1")); q.Status != ingest.StatusAnswered {
		t.Errorf("status %s", q.Status)
	}
	verified(t, h.s, 0)
}

// However often a form is posted, at once or later, one mail goes; other words under the same
// key are refused.
func TestAnswerOnce(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.file("b", "", "")
	ids := make([]string, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			m, err := h.s.Answer(t.Context(), camille, long("1"), answer("k"))
			if err != nil {
				t.Error(err)
			}
			ids[i] = m.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("mails %q", ids)
		}
	}
	h.send(ingest.Mail{ID: ids[0]})
	if m, err := h.s.Answer(t.Context(), camille, long("1"), answer("k")); err != nil || m.ID != ids[0] || m.State != ingest.MailSent {
		t.Errorf("again after it was sent: %+v, %v", m, err)
	}
	for name, a := range map[string]ingest.Answer{
		"other words": answer("k", func(a *ingest.Answer) { a.Body = "autre" }), "other way": answer("k", letter),
	} {
		if _, err := h.s.Answer(t.Context(), camille, long("1"), a); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.s.Answer(t.Context(), camille, long("2"), answer("k")); !errors.Is(err, ErrRefused) {
		t.Errorf("another request: %v", err)
	}
	if got := numbers(h.register(ingest.Viewer{}, ingest.Outgoing)); got != "D-2026-000001" {
		t.Errorf("numbers %s", got)
	}
	verified(t, h.s, 0)
}

func TestAnswerOnPaper(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "", func(sub *ingest.Submission, f *ingest.Filing) {
		sub.Channel, f.Reading.From.Email = ingest.ChannelScan, ""
	})
	m, err := h.s.Answer(t.Context(), camille, long("1"), answer("k", letter))
	h.ok(err)
	if m.State != ingest.MailToPrint || m.To != "" || m.Detail.Recipient.Name != "Alice Martin" || m.Number != "D-2026-000002" || !m.OnPaper() {
		t.Errorf("%+v", m) // D-2026-000001 is the acknowledgement
	}
	list, total, err := h.s.ToPrint(t.Context(), camille, 10)
	if h.ok(err); total != 2 || len(list) != 2 || list[1].ID != m.ID {
		t.Errorf("%d letters: %+v", total, list)
	}
	if _, err := h.s.Printed(t.Context(), camille, []string{m.ID}); !errors.Is(err, ErrRefused) {
		t.Errorf("printed before it was opened: %v", err)
	}
	if _, err := h.s.MakeMail(t.Context(), m.ID, "", []byte("%PDF")); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0} {
		if n, err := h.s.Printed(t.Context(), camille, []string{m.ID}); err != nil || n != want {
			t.Errorf("%d: %d, %v", i, n, err)
		}
	}
	if got := h.lines(m.ID); got != "made printed" {
		t.Errorf("journal: %s", got)
	}
	events, err := h.s.History(t.Context(), long("1"))
	if h.ok(err); events[len(events)-1].Kind != eventMailPrinted || events[len(events)-1].Actor != "agent:camille" {
		t.Errorf("%+v", events[len(events)-1])
	}
	// All or none.
	if _, err := h.s.MakeMail(t.Context(), list[0].ID, "", []byte("%PDF")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.s.Printed(t.Context(), camille, []string{list[0].ID, "nothing"}); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("an unknown letter: %v", err)
	}
	if got := h.mail("1", ingest.MailPaper).State; got != ingest.MailToPrint {
		t.Errorf("one of two was printed: %s", got)
	}
	line := h.register(ingest.Viewer{}, ingest.Outgoing)
	if len(line) != 2 || line[0].Subject != "Accusé de réception de la demande "+long("1") || line[1].Who != "Alice Martin" || line[1].Channel != ingest.ChannelScan {
		t.Errorf("register %+v", line)
	}
	verified(t, h.s, 0)
}

func TestAnswerIsRefused(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.file("b", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.From.Email = "" })
	h.file("c", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Service = "CCAS" })
	h.file("d", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.NoReply = "liste de diffusion" })
	hidden := camille
	hidden.Hidden = []string{"CCAS"}
	for _, tt := range []struct {
		name, ref string
		v         ingest.Viewer
		a         ingest.Answer
		is        error
		says      string
	}{
		{"no such request", long("9"), camille, answer("1"), ingest.ErrNotFound, ""},
		{"hidden", long("3"), hidden, answer("2"), ingest.ErrNotFound, ""},
		{"no address", long("2"), camille, answer("3"), ErrRefused, "aucune adresse"},
		{"no subject", long("1"), camille, answer("4", func(a *ingest.Answer) { a.Subject = " " }), ErrRefused, "subject"},
		{"no text", long("1"), camille, answer("5", func(a *ingest.Answer) { a.Body = "\n" }), ErrRefused, "text"},
		{"too long", long("1"), camille, answer("6", func(a *ingest.Answer) { a.Body = strings.Repeat("é", ingest.MaxAnswerBody+1) }), ErrRefused, "too long"},
		{"no postal address", long("1"), camille, answer("7", letter, func(a *ingest.Answer) { a.To.Address = "" }), ErrRefused, "postal"},
		{"unknown status", long("1"), camille, answer("8", func(a *ingest.Answer) { a.Status = "done" }), ErrRefused, "status"},
		{"no key", long("1"), camille, answer(""), ErrRefused, ""},
		{"nobody", long("1"), camille, answer("9", func(a *ingest.Answer) { a.Officer.Name = "" }), ErrRefused, ""},
	} {
		if _, err := h.s.Answer(t.Context(), tt.v, tt.ref, tt.a); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if got := h.register(ingest.Viewer{}, ingest.Outgoing); len(got) != 0 {
		t.Errorf("numbers were given: %s", numbers(got))
	}
	// What forbids an automatic answer does not forbid a person's.
	if m, err := h.s.Answer(t.Context(), camille, long("4"), answer("10")); err != nil || m.State != ingest.MailQueued {
		t.Errorf("%+v, %v", m, err)
	}
	h.secretary.Muted = "aucun serveur d’envoi n’est réglé"
	if _, err := h.s.Answer(t.Context(), camille, long("1"), answer("11")); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "aucun serveur") {
		t.Errorf("without a server: %v", err)
	}
	if _, err := h.s.Answer(t.Context(), camille, long("1"), answer("12", letter)); err != nil {
		t.Errorf("a letter without a server: %v", err)
	}
	for _, f := range []func() error{
		func() error {
			_, err := h.s.VisibleMail(t.Context(), hidden, h.mail("3", ingest.MailARE).ID)
			return err
		},
		func() error {
			_, err := h.s.Printed(t.Context(), hidden, []string{h.mail("3", ingest.MailARE).ID})
			return err
		},
	} {
		if err := f(); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("a mail of what is hidden: %v", err)
		}
	}
	verified(t, h.s, 0)
}

// An answer stands below the newest mail of who is answered, not of somebody else's.
func TestAnswerThread(t *testing.T) {
	h := newHouse(t)
	from := func(address string) func(*ingest.Submission, *ingest.Filing) {
		return func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.From.Email = address }
	}
	h.file("a", "", "")
	h.file("b", "a", ingest.LinkFollowUp, from("A@example.fr"))
	h.file("c", "a", ingest.LinkDuplicate, from("voisin@example.fr"))
	h.file("d", "a", ingest.LinkFollowUp, from("a@example.fr"), by(ingest.ChannelWebform))
	h.file("e", "", "", by(ingest.ChannelWebform))
	for n, want := range map[string]string{"1": "b", "2": ""} {
		m, err := h.s.Answer(t.Context(), camille, long(n), answer("k"+n))
		h.ok(err)
		if m.Detail.Answers != h.ids[want] {
			t.Errorf("request %s: answers %v, want %s", n, h.names([]string{m.Detail.Answers}), want)
		}
	}
	// A bounce asks for a person, as with every mail to a citizen.
	m := h.mail("1", ingest.MailReply)
	h.now = h.now.Add(time.Minute)
	h.send(m)
	h.report(m.ID + "@mairie.example")
	if q := request(t, h.s, long("1")); !q.NeedsReview || h.mail("1", ingest.MailReply).State != ingest.MailBounced {
		t.Errorf("%+v", q.Reasons)
	}
	verified(t, h.s, 0)
}
