package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

const remindedServices = `
categories:
  - code: eclairage-public
    label: Éclairage public
    service: {name: Éclairage, email: eclairage@ville.test, phone: 01 23 45 67 89}
    public: true
    phrases: [{weight: 3, any: [lampadaire]}]
  - code: voirie
    label: Voirie
    service: {name: Voirie, email: voirie@ville.test, phone: 01 23 45 67 88, mail: hourly}
    public: true
    phrases: [{weight: 3, any: [nid de poule]}]
`

// clockHouse is a house whose clock the test sets, and whose mails stay where they are.
type clockHouse struct {
	*house
	t     *testing.T
	now   time.Time
	round *rounds
	pipe  *ingest.Pipeline
	seen  int // mails looked at
	n     int // submissions
}

func newClockHouse(t *testing.T, start string) *clockHouse {
	t.Helper()
	return newClockHouseOf(t, start, remindedServices)
}

// newClockHouseOf is newClockHouse with a categories file of its own.
func newClockHouseOf(t *testing.T, start, categories string) *clockHouse {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.DataDir, cfg.Categories = filepath.Join(dir, "data"), filepath.Join(dir, "categories.yaml")
	cfg.SMTP.Host, cfg.SMTP.From, cfg.Letters.Manager, cfg.Letters.Review = "127.0.0.1", "Mairie <sve@ville.test>", "dgs@ville.test", "accueil@ville.test"
	if err := os.WriteFile(cfg.Categories, []byte(categories), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := warmModel(categories); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h := &clockHouse{house: &house{cfg: cfg, log: log, zone: zoneOf(cfg), texts: new(townTexts), chores: newChores(), reloads: reloading{cfg: cfg}}, t: t}
	t.Cleanup(h.chores.end)
	h.at(start)
	clock := func() time.Time { return h.now }
	understand, err := openUnderstanding(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := readTexts(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.texts.now.Store(texts)
	h.rules = h.texts
	if h.secretary, err = newSecretary(cfg, h.rules); err != nil {
		t.Fatal(err)
	}
	h.store, err = store.Open(t.Context(), store.Options{Dir: cfg.DataDir, Zone: h.zone, Log: log, Now: clock, Correspondence: h.secretary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	h.tokens = ingest.Tokens{Key: make([]byte, 32)}
	if h.mails, err = newMailroom(cfg, h.store, h.secretary, h.texts, h.tokens); err != nil {
		t.Fatal(err)
	}
	h.mails.now = clock
	h.intake = &ingest.Intake{Recorder: h.store, Log: log, Now: clock}
	h.pipe = understand.pipeline(h.store, &ingest.DocumentReader{Limits: cfg.Limits, Town: "Ville", TempDir: h.store.Spool().Dir, Log: log}, h.tokens, log)
	h.pipe.Now = clock
	h.round = newRounds(h.house)
	h.round.now = clock
	return h
}

// at sets the clock, by the town's time.
func (h *clockHouse) at(s string) {
	h.t.Helper()
	now, err := time.ParseInLocation("2006-01-02 15:04", s, h.zone)
	if err != nil {
		h.t.Fatal(err)
	}
	h.now = now
}

// request files a mail and confirms its category.
func (h *clockHouse) request(category, text string) string {
	h.t.Helper()
	h.n++
	raw := fmt.Appendf(nil, "From: Citoyen %[1]d <citoyen%[1]d@exemple-citoyen.test>\r\nTo: sve@ville.test\r\nSubject: Demande %[1]d\r\nMessage-ID: <%[1]d@exemple-citoyen.test>\r\n\r\n%[2]s\r\n", h.n, text)
	receipt, err := h.intake.Submit(h.t.Context(), ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: fmt.Sprint(h.n), ReceivedAt: h.now, Original: ingest.NewBlob(raw), MediaType: ingest.MediaMail,
	})
	if err == nil {
		err = h.pipe.Process(h.t.Context(), receipt.ID)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	rec, err := h.store.Submission(h.t.Context(), receipt.ID)
	if err != nil || rec.Request == "" {
		h.t.Fatal(rec.State, rec.Reason, err)
	}
	c, _ := h.rules.File().Category(category)
	if err := h.store.Categorize(h.t.Context(), rec.Request, category, c.Service.Name, "agent"); err != nil {
		h.t.Fatal(err)
	}
	return rec.Request
}

// send lets the receipts of a request leave the house.
func (h *clockHouse) send(reference string) {
	h.t.Helper()
	q, err := h.store.Request(h.t.Context(), reference)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range q.Mails {
		if m.State != ingest.MailQueued {
			continue
		}
		_, err := h.mails.make(h.t.Context(), m)
		if err == nil {
			err = h.store.MailSent(h.t.Context(), m.ID, "250 OK")
		}
		if err != nil {
			h.t.Fatal(m.Kind, err)
		}
	}
}

// make runs the round that is due, as the sweeper would, and returns what was written since
// the last look: kind, to whom, about what. Every mail must be one that can be made.
func (h *clockHouse) make() []string {
	h.t.Helper()
	jobs, err := h.round.Unfinished(h.t.Context(), 0, 10)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, j := range jobs {
		if err := h.round.Process(h.t.Context(), j.ID); err != nil {
			h.t.Fatal(err)
		}
	}
	var all, fresh []string
	err = h.store.Mails(context.Background(), "", func(m ingest.Mail) error {
		all = append(all, m.ID)
		if len(all) > h.seen {
			fresh = append(fresh, fmt.Sprintf("%s %s %v", m.Kind, m.To, m.Detail.References))
			if m.State == ingest.MailQueued && m.SHA256 == "" && len(m.Detail.References) > 0 {
				if _, err := h.mails.make(h.t.Context(), m); err != nil {
					h.t.Errorf("%s: %v", m.Kind, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.seen = len(all)
	return fresh
}

func (h *clockHouse) wrote(what string, want ...string) {
	h.t.Helper()
	got := h.make()
	if !slices.Equal(got, want) {
		h.t.Errorf("%s, %s: wrote %q, want %q", h.now.Format("2006-01-02 15:04"), what, got, want)
	}
}

const (
	lamp = "Bonjour, le lampadaire du 12 rue des Acacias est en panne depuis lundi."
	hole = "Bonjour, il y a un nid de poule dangereux au 3 place du Marché."
)

func TestReminders(t *testing.T) {
	t.Parallel()
	h := newClockHouse(t, "2026-03-02 09:00")
	a := h.request("eclairage-public", lamp)
	about := "[" + a + "]"
	if q, err := h.store.Request(t.Context(), a); err != nil || q.Status != ingest.StatusAssigned {
		t.Errorf("status %s, %v: its service is told", q.Status, err)
	}
	if got := h.make(); !slices.Contains(got, "morning eclairage@ville.test "+about) {
		t.Errorf("the receipt is due tomorrow, and nobody is told: %q", got)
	}
	h.at("2026-03-02 10:05")
	h.wrote("once a morning")
	h.send(a)
	for _, quiet := range []string{"2026-03-03 07:59", "2026-03-03 08:00", "2026-03-07 10:00", "2026-03-08 10:00", "2026-03-03 18:00", "2026-04-24 09:00"} {
		h.at(quiet)
		h.wrote("nothing is due, or nobody there")
	}

	// Silence decides on 2 May; 1 May is a holiday.
	h.at("2026-04-28 08:01")
	h.wrote("before the day", "morning eclairage@ville.test "+about)
	// Wednesday and Thursday are missed: the daemon was down.
	h.at("2026-05-04 11:00")
	h.wrote("after it", "morning eclairage@ville.test "+about)
	h.at("2026-05-05 08:00")
	h.wrote("two working days late", "morning eclairage@ville.test "+about, "escalation dgs@ville.test "+about)
	h.at("2026-05-06 08:00")
	h.wrote("once to the manager", "morning eclairage@ville.test "+about)
	if err := h.store.SetStatus(t.Context(), a, ingest.StatusAnswered, "", "agent"); err != nil {
		t.Fatal(err)
	}
	h.make()
	h.at("2026-05-07 08:00")
	h.wrote("answered")
}

func TestDigestAndPieces(t *testing.T) {
	t.Parallel()
	h := newClockHouse(t, "2026-03-02 09:00")
	h.cfg.Letters.DaysBefore = 0
	b := h.request("voirie", hole)
	got := h.make()
	if !slices.Contains(got, "digest voirie@ville.test ["+b+"]") || slices.ContainsFunc(got, func(s string) bool { return len(s) > 7 && s[:7] == "service" }) {
		t.Errorf("a service that wants a list: %q", got)
	}
	h.at("2026-03-02 10:00")
	h.wrote("told already")
	h.send(b)

	if err := h.store.AskPieces(t.Context(), b, []string{"photo"}, "2026-03-30", "", "agent"); err != nil {
		t.Fatal(err)
	}
	h.make()
	h.at("2026-03-20 09:00")
	h.wrote("too early")
	h.at("2026-03-23 09:00")
	h.wrote("a week before the end", "pieces_reminder citoyen1@exemple-citoyen.test []")
	h.at("2026-03-24 09:00")
	h.wrote("once")
	h.at("2026-03-31 09:00")
	h.wrote("they have not come", "morning voirie@ville.test ["+b+"]")
}

// The clock jumps a day or a year either way: no flood, and no reminder lost.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, years := range []int{1, -1} {
		h := newClockHouse(t, "2026-03-02 09:00")
		var all []string
		for range 10 {
			reference := h.request("eclairage-public", lamp+fmt.Sprintf(" Repère %d.", h.n))
			h.send(reference)
			all = append(all, reference)
		}
		h.make()
		h.at("2026-03-10 09:00")
		h.wrote("nothing is due")
		if err := h.store.AskPieces(t.Context(), all[0], []string{"photo"}, "2026-03-30", "", "agent"); err != nil {
			t.Fatal(err)
		}
		h.make()
		right := h.now
		for _, jump := range []time.Time{right.AddDate(years, 0, 0), right.AddDate(years, 0, 1), right.AddDate(0, 0, years)} {
			h.now = jump
			if got := h.make(); len(got) > 4 {
				t.Errorf("a jump to %s floods: %q", jump, got)
			}
		}
		h.now = right
		h.make()
		h.at("2026-03-23 09:00")
		h.wrote("the citizen's pieces", "pieces_reminder citoyen1@exemple-citoyen.test []")
		h.at("2026-05-05 08:00")
		got := h.make()
		for _, want := range []string{"morning eclairage@ville.test", "escalation dgs@ville.test"} {
			if !slices.ContainsFunc(got, func(s string) bool { return len(s) > len(want) && s[:len(want)] == want }) {
				t.Errorf("years %d: lost %s; wrote %q", years, want, got)
			}
		}
	}
}

// What a sealed service is late with is told to others by number only.
func TestDigestsKeepSealedFiles(t *testing.T) {
	h := newClockHouseOf(t, "2026-11-23 10:00", sealedTown)
	if err := sealServices(t.Context(), h.house); err != nil {
		t.Fatal(err)
	}
	reference := h.request("action-sociale", "Je demande un secours.")
	for service, open := range map[string]bool{"CCAS": true, "Voirie": false, "": false} {
		items, err := h.mails.items(t.Context(), ingest.Mail{Kind: ingest.MailMorning, Detail: ingest.MailDetail{Service: service, References: []string{reference}}})
		if err != nil || len(items) != 1 {
			t.Fatal(items, err)
		}
		if it := items[0]; it.Reference != reference || open != (it.Sender != "") || open != strings.HasPrefix(it.Subject, "Demande ") {
			t.Errorf("to %q: %+v", service, it)
		}
	}
}
