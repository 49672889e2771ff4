package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/ingest"
)

// failedScan stores a scan that could not be read; folder is its sub-folder.
func (h *deskHouse) failedScan(key, folder string) string {
	h.t.Helper()
	r, err := h.intake.Submit(h.t.Context(), ingest.Submission{
		Channel: ingest.ChannelScan, Account: "courrier", SourceKey: key, ReceivedAt: h.now, Original: ingest.NewBlob([]byte("text " + key)),
		MediaType: ingest.MediaText, Hints: ingest.Hints{Service: folder, Filename: key + ".txt"},
	})
	if err == nil {
		err = h.store.Fail(h.t.Context(), r.ID, "Le traitement n’a pas abouti. Détail technique : ocr: child died")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return r.ID
}

// failedMail has the mail of a request fail, and returns it.
func (h *deskHouse) failedMail(reference string) ingest.Mail {
	h.t.Helper()
	if err := h.store.SetStatus(h.t.Context(), reference, ingest.StatusInProgress, "", "test"); err != nil {
		h.t.Fatal(err)
	}
	q, err := h.store.Request(h.t.Context(), reference)
	if err != nil {
		h.t.Fatal(err)
	}
	m := q.Mails[len(q.Mails)-1]
	if err := h.store.FailDelivery(h.t.Context(), m.ID, "L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at RCPT 550 5.1.1 \"unknown\""); err != nil {
		h.t.Fatal(err)
	}
	return m
}

func (h *deskHouse) state(id string) ingest.State {
	h.t.Helper()
	return h.record(id).State
}

// A person is told in plain French what happened and what to do, and takes it up with one
// click.
func TestFailuresAreToldAndRetried(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, _ := fillTown(h, false)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	h.agent("luc", ingest.RoleReader, "Voirie")
	anne, luc := h.as("anne"), h.as("luc")
	scan, mail := h.failedScan("lettre", ""), h.failedMail(open[0])
	aside, err := h.intake.Submit(t.Context(), ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: "a", ReceivedAt: h.now, MediaType: ingest.MediaMail,
		Original: ingest.NewBlob([]byte("From: a@b.test\r\nSubject: Absence\r\n\r\nJe suis absent\r\n")),
	})
	if err == nil {
		err = h.store.SetAside(t.Context(), aside.ID, ingest.Reading{Subject: "Absence"}, "out_of_office: Absence")
	}
	if err != nil {
		t.Fatal(err)
	}

	if _, body := anne.get("/agent/"); !strings.Contains(body, `<span class="pastille alerte">2</span>`) {
		t.Errorf("the navigation does not count two failures")
	}
	for _, tt := range []struct{ list, id, what, next string }{
		{"envois", scan, "Le texte de ce document n’a pas pu être reconnu.", "numérisez-le de nouveau"},
		{"courriers", mail.ID, "Le serveur du destinataire ne connaît pas cette adresse.", "écrivez par courrier"},
		{"ecartes", aside.ID, "Une réponse automatique d’absence.", "Rien à faire"},
	} {
		status, body := luc.get("/agent/echecs?liste=" + tt.list)
		if status != http.StatusOK || !strings.Contains(noBreaks(body), tt.what) || !strings.Contains(noBreaks(body), tt.next) || strings.Contains(body, "<button name=") {
			t.Errorf("%s, to a reader: %d: %s", tt.list, status, body)
		}
		if status, _ := luc.post("/agent/echecs/"+tt.list, url.Values{"reprendre": {tt.id}}); status != http.StatusForbidden {
			t.Errorf("%s: a reader's retry answers %d", tt.list, status)
		}
		if status, to := anne.post("/agent/echecs/"+tt.list, url.Values{"reprendre": {tt.id}}); status != http.StatusSeeOther {
			t.Fatalf("%s: retry answers %d: %s", tt.list, status, to)
		}
		if status, _ := anne.post("/agent/echecs/"+tt.list, url.Values{"reprendre": {tt.id}}); status != http.StatusNotFound {
			t.Errorf("%s: taken up twice: %d", tt.list, status)
		}
	}
	if h.state(scan) != ingest.StateReceived || h.state(aside.ID) != ingest.StateReceived || !h.record(aside.ID).Kept {
		t.Errorf("scan %s, set aside %+v", h.state(scan), h.record(aside.ID))
	}
	if m, err := h.store.Mail(t.Context(), mail.ID); err != nil || m.State != ingest.MailQueued {
		t.Errorf("the mail is %s (%v)", m.State, err)
	}
	if _, body := anne.get("/agent/echecs"); !strings.Contains(body, "Rien ici") {
		t.Errorf("after all were taken up: %s", body)
	}
}

func TestFailuresInBulk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	h.agent("marc", ingest.RoleManager, "Voirie")
	anne, marc := h.as("anne"), h.as("marc")
	var ids []string
	for i := range 60 {
		ids = append(ids, h.failedScan(fmt.Sprint("scan", i), ""))
	}
	sealed := h.failedScan("scellé", "CCAS")
	partial, err := h.intake.Submit(t.Context(), ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: "gros", ReceivedAt: h.now, MediaType: ingest.MediaMail, Original: ingest.NewBlob([]byte("head")),
		Settled: ingest.StateFailed, Reason: "Courriel trop volumineux\u00a0: il se trouve dans le dossier «\u00a0Échecs\u00a0».", Hints: ingest.Hints{Partial: true},
	})
	if err != nil {
		t.Fatal(err)
	}

	// Those that are ticked; what is hidden or cannot be helped is passed over.
	status, to := anne.post("/agent/echecs/envois", url.Values{"id": {ids[0], ids[1], sealed, partial.ID, "nothing"}})
	if status != http.StatusSeeOther {
		t.Fatalf("retry answers %d: %s", status, to)
	}
	if _, body := anne.get(to); !strings.Contains(noBreaks(body), "2 éléments sont repris. 3 autres n’ont pas pu l’être") {
		t.Errorf("the page says %s", body)
	}
	for id, want := range map[string]ingest.State{ids[0]: ingest.StateReceived, ids[1]: ingest.StateReceived, ids[2]: ingest.StateFailed, sealed: ingest.StateFailed, partial.ID: ingest.StateFailed} {
		if got := h.state(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if _, body := anne.get("/agent/echecs"); !strings.Contains(noBreaks(body), "il se trouve dans le dossier « Échecs »") {
		t.Error("it is not said where what cannot be taken up lies")
	}
	if status, _ := anne.post("/agent/echecs/envois", url.Values{"reprendre": {partial.ID}}); status != http.StatusConflict {
		t.Errorf("taking up what is not there answers %d", status)
	}
	if status, _ := anne.post("/agent/echecs/envois", url.Values{"reprendre": {sealed}}); status != http.StatusNotFound {
		t.Errorf("taking up what is hidden answers %d", status)
	}

	// All of a list: managers only, and never what was set aside or withheld by rule.
	if status, _ := anne.post("/agent/echecs/envois", url.Values{"tous": {"1"}}); status != http.StatusForbidden {
		t.Errorf("an agent's “all” answers %d", status)
	}
	for _, list := range []string{"ecartes", "retenus"} {
		if status, _ := marc.post("/agent/echecs/"+list, url.Values{"tous": {"1"}}); status != http.StatusForbidden {
			t.Errorf("all of %s answers %d", list, status)
		}
	}
	if status, _ := marc.post("/agent/echecs/envois", url.Values{"tous": {"1"}}); status != http.StatusSeeOther {
		t.Errorf("a manager's “all” answers %d", status)
	}
	for _, id := range ids {
		if h.state(id) != ingest.StateReceived {
			t.Fatalf("%s is still %s", id, h.state(id))
		}
	}
	if h.state(sealed) != ingest.StateFailed {
		t.Error("“all” took what is hidden")
	}

	// What was dealt with elsewhere leaves the list, and counts no more.
	if status, _ := anne.post("/agent/echecs/envois", url.Values{"regler": {partial.ID}}); status != http.StatusSeeOther {
		t.Errorf("dealing with it answers %d", status)
	}
	if n, err := h.store.FailureCount(t.Context(), ingest.Viewer{Hidden: []string{"CCAS"}}); n != 0 || err != nil {
		t.Errorf("%d failures left (%v)", n, err)
	}
	for _, path := range []string{"/agent/echecs?liste=autre"} {
		if status, _ := anne.get(path); status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
}

// A channel is stuck 15 minutes after its last good poll, or after the start when it never had
// one; what has nothing to poll never is.
func TestStuckChannels(t *testing.T) {
	start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	now := start
	statuses := map[string]channels.Status{
		"mailbox/sve":   {LastGood: start.Add(10 * time.Minute), Err: errors.New("mailbox: connect: dial tcp: connection refused"), Alarms: map[string]string{"k": "certificat"}},
		"mailbox/neuve": {},
		"scan/courrier": {LastGood: start.Add(16 * time.Minute)},
		"webform":       {},
		"desk":          {LastGood: start},
	}
	d := deskFailures{statuses: func() map[string]channels.Status { return statuses }, started: start, now: func() time.Time { return now }}
	stuck := func() string {
		var out []string
		for _, c := range d.Channels(t.Context()) {
			if c.Stuck {
				out = append(out, c.Name)
			}
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{time.Minute, ""},
		{15 * time.Minute, ""},
		{15*time.Minute + time.Second, "mailbox/neuve"},
		{25*time.Minute + time.Second, "mailbox/neuve mailbox/sve"},
		{24 * time.Hour, "mailbox/neuve mailbox/sve scan/courrier"},
	} {
		now = start.Add(tt.after)
		if got := stuck(); got != tt.want {
			t.Errorf("after %v: %q, want %q", tt.after, got, tt.want)
		}
	}
	if first := d.Channels(t.Context())[1]; first.Name != "mailbox/sve" || first.Error == "" || len(first.Alarms) != 1 {
		t.Errorf("%+v", first)
	}
	if got := (deskFailures{}).Channels(t.Context()); got != nil {
		t.Errorf("without a supervisor: %v", got)
	}
}
