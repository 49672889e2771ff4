package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/view"
)

// postTown is a town that also writes: it has a mail server, and a name and number for its
// letters.
type postTown struct {
	*town
	exim *eximtest.Server
}

func newPostTown(t testing.TB, extra string, opts ...townOption) *postTown {
	t.Helper()
	tw := newTown(t, opts...)
	exim := eximtest.Start(t, eximtest.WithTown("saint-exemple.fr", tw.dovecot.LMTPPort))
	more := fmt.Sprintf(`
town: {name: Saint-Exemple, phone: 01 23 45 67 89, address: "1 place de la Mairie, 99100 Saint-Exemple"}
public_url: https://demarches.saint-exemple.fr
smtp: {host: %s, port: %d, tls: starttls, tls_ca: %q, username: %s, password: %s, from: "Mairie de Saint-Exemple <%s>"}
%s`, exim.Host, exim.SubmissionPort, exim.CAFile, exim.Username, exim.Password, townUser, extra)
	f, err := os.OpenFile(tw.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(more); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return &postTown{tw, exim}
}

// citizenMail is a mail about a street light from NAME@exemple-citoyen.test.
func citizenMail(name, headers, text string) []byte {
	return fmt.Appendf(nil, "Return-Path: <%[1]s@%[2]s>\r\nFrom: =?utf-8?Q?Am=C3=A9lie_?= %[1]s <%[1]s@%[2]s>\r\nTo: %[3]s\r\nSubject: Lampadaire en panne\r\n"+
		"Date: Mon, 2 Mar 2026 08:14:00 +0100\r\nMessage-ID: <%[1]s-1@%[2]s>\r\n%[4]sMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%[5]s\r\n",
		name, eximtest.Domain, townUser, headers, text)
}

const lampText = "Bonjour,\r\n\r\nLe lampadaire devant le 12 rue des Acacias est en panne depuis lundi, la rue est dans le noir. Merci de le réparer.\r\n\r\nCordialement\r\n"

// mails lists what the town wrote.
func (tw *postTown) mails(args ...string) []view.Mail {
	tw.t.Helper()
	return list[view.Mail](tw.town, append([]string{"mails", "list"}, args...)...)
}

// written waits until the town has n mails of a kind in a state.
func (tw *postTown) written(n int, kind ingest.MailKind, state ingest.MailState) []view.Mail {
	tw.t.Helper()
	var found []view.Mail
	tw.eventually(30*time.Second, fmt.Sprintf("%d mails %s %s", n, kind, state), func() bool {
		found = nil
		for _, m := range tw.mails() {
			if m.Kind == kind && m.State == state {
				found = append(found, m)
			}
		}
		return len(found) >= n
	})
	return found
}

// parts returns the decoded text and HTML of a mail, by media type.
func parts(t *testing.T, raw []byte) (mail.Header, map[string]string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	media, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		t.Fatalf("%s, %v", media, err)
	}
	out := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return msg.Header, out
		}
		if err != nil {
			t.Fatal(err)
		}
		body := io.Reader(p)
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		media, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		out[media] = string(text)
	}
}

// A mail is acknowledged with all that the law wants; an answer to the receipt joins the
// request; a report that it could not be delivered marks it; an answering machine gets one
// mail.
func TestReceiptOfAMail(t *testing.T) {
	t.Parallel()
	tw := newPostTown(t, "", testBuild)
	d := tw.start()
	tw.dovecot.Deliver(townUser, citizenMail("amelie", "References: <older@exemple.net>\r\n", lampText))
	raw := tw.exim.Await(1, 40*time.Second)[0]
	are := tw.written(1, ingest.MailARE, ingest.MailSent)[0]

	h, text := parts(t, raw.Raw)
	word := new(mime.WordDecoder)
	subject, _ := word.DecodeHeader(h.Get("Subject"))
	from, _ := mail.ParseAddress(h.Get("From"))
	for name, ok := range map[string]bool{
		"From":           from != nil && from.Address == townUser && from.Name == "Mairie de Saint-Exemple",
		"To":             strings.Contains(h.Get("To"), "amelie@"+eximtest.Domain) && raw.EnvelopeTo == "amelie@"+eximtest.Domain,
		"Return-Path":    raw.ReturnPath == townUser,
		"Subject":        subject == "Accusé de réception de votre demande "+are.Request,
		"In-Reply-To":    h.Get("In-Reply-To") == "<amelie-1@"+eximtest.Domain+">",
		"References":     h.Get("References") == "<older@exemple.net> <amelie-1@"+eximtest.Domain+">",
		"Message-ID":     h.Get("Message-ID") == "<"+are.MessageID+">" && strings.HasSuffix(are.MessageID, "@saint-exemple.fr"),
		"Auto-Submitted": h.Get("Auto-Submitted") == "auto-replied",
	} {
		if !ok {
			t.Errorf("header %s: %q", name, h.Get(name))
		}
	}
	q := tw.request(are.Request)
	var silence string
	for _, dl := range q.Deadlines {
		if dl.Kind == "implicit" {
			silence = dl.Day
			if len(dl.Explanation) == 0 || dl.Article == "" || dl.Sense != "rejection" {
				t.Errorf("not explained: %+v", dl)
			}
		}
		if dl.Kind == "are" && dl.DoneAt == "" {
			t.Error("the ARE has been sent, and its deadline is open")
		}
	}
	day, err := time.Parse(time.DateOnly, silence)
	if err != nil {
		t.Fatalf("no date of silence: %+v", q.Deadlines)
	}
	for media, body := range text {
		plain := strings.Join(strings.Fields(strings.NewReplacer("\u00a0", " ", "\u202f", " ", "&#39;", "’", "<br>", " ").Replace(body)), " ")
		for _, mention := range []string{
			are.Request, "Éclairage public", "01 23 45 67 89", "1 place de la Mairie", "rejet", "deux mois", "sous réserve", "recours", "demarches.saint-exemple.fr/suivi/",
			fmt.Sprintf("%d", day.Year()),
		} {
			if !strings.Contains(strings.ToLower(plain), strings.ToLower(mention)) {
				t.Errorf("%s lacks %q:\n%s", media, mention, body)
			}
		}
	}
	if len(text) != 2 {
		t.Errorf("parts %v", text)
	}
	sent, code := tw.saisine("mails", "show", "--raw", are.ID)
	if code != 0 || !bytes.HasSuffix(raw.Raw, []byte(sent)) {
		t.Error("the evidence is not what arrived")
	}

	answer := func(id, headers, text string) {
		tw.dovecot.Deliver(townUser, bytes.Replace(citizenMail("amelie", "In-Reply-To: <"+are.MessageID+">\r\n"+headers, text), []byte("amelie-1@"), []byte(id+"@"), 1))
	}
	answer("amelie-2", "", "Bonjour, je précise que le poteau porte le numéro 1234, devant la boulangerie.")
	all := tw.settled(2, 30*time.Second)
	if all[1].Link != ingest.LinkFollowUp || all[1].Request != are.Request {
		t.Errorf("the answer: %s in %s, %s", all[1].Link, all[1].Request, all[1].Reason)
	}
	// Two answering machines: ours has written once and says nothing more.
	answer("amelie-3", "Auto-Submitted: auto-replied\r\n", "Je suis absente jusqu'au 15 mars.")
	answer("amelie-4", "", "Bien reçu, merci. Votre message sera lu.")
	tw.settled(4, 30*time.Second)
	if w := tw.written(1, ingest.MailJoined, ingest.MailWithheld); w[0].Reason == "" {
		t.Errorf("%+v", w)
	}

	// One whose address does not exist: Exim takes it and reports that it could not deliver.
	tw.dovecot.Deliver(townUser, citizenMail("bounce.bruno", "", strings.Replace(lampText, "12 rue des Acacias", "3 place du Marché", 1)))
	back := tw.written(1, ingest.MailARE, ingest.MailBounced)[0]
	q = tw.request(back.Request)
	if !q.NeedsReview || len(q.Reasons) == 0 || !strings.Contains(q.Reasons[0], "papier") {
		t.Errorf("nobody is told: %v %v", q.NeedsReview, q.Reasons)
	}
	for _, dl := range q.Deadlines {
		if dl.Kind == "are" && dl.DoneAt != "" {
			t.Error("what came back counts as sent")
		}
	}
	// One that the server refuses at once becomes an agent's task.
	tw.dovecot.Deliver(townUser, citizenMail("refuse.renee", "", strings.Replace(lampText, "12 rue des Acacias", "8 quai Nord", 1)))
	failed := tw.written(1, ingest.MailARE, ingest.MailFailed)[0]
	if q := tw.request(failed.Request); !q.NeedsReview || !strings.Contains(failed.Reason, "550") {
		t.Errorf("refused: %v %q", q.NeedsReview, failed.Reason)
	}
	if n := len(tw.exim.Received()); n != 1 {
		t.Errorf("%d mails arrived, 1 expected", n)
	}
	tw.verify()
	d.stop()
}

func (tw *postTown) request(reference string) view.Request {
	tw.t.Helper()
	return list[view.Request](tw.town, "requests", "show", reference)[0]
}

// Statuses, pieces, the wrong door and paper: each act reaches the citizen, and moves the dates.
func TestStatusActs(t *testing.T) {
	t.Parallel()
	tw := newPostTown(t, "")
	d := tw.start()
	tw.dovecot.Deliver(townUser, citizenMail("amelie", "", lampText))
	ref := tw.written(1, ingest.MailARE, ingest.MailSent)[0].Request
	due := func(kind string) string {
		for _, dl := range tw.request(ref).Deadlines {
			if dl.Kind == kind {
				return dl.Day
			}
		}
		return "none"
	}
	before := due("implicit")
	until := time.Now().AddDate(0, 0, 20).Format(time.DateOnly)
	if _, code := tw.saisine("requests", "ask", ref, "--piece", "Photo du lampadaire", "--until", until); code != 0 {
		t.Fatal("ask")
	}
	if after := due("implicit"); after <= before {
		t.Errorf("the clock is not suspended: %s, then %s", before, after)
	}
	if due("pieces") != until {
		t.Errorf("pieces are due %s, not %s", due("pieces"), until)
	}
	_, text := parts(t, tw.exim.Await(2, 30*time.Second)[1].Raw)
	if !strings.Contains(text["text/plain"], "Photo du lampadaire") {
		t.Errorf("the demand: %s", text["text/plain"])
	}
	if _, code := tw.saisine("requests", "pieces-came", ref); code != 0 || tw.request(ref).Status != ingest.StatusInProgress {
		t.Errorf("status %s once the pieces are there", tw.request(ref).Status)
	}
	// Within the hour after another automatic mail, notices wait, and only the last one goes.
	for _, status := range []string{"answered", "closed"} {
		if _, code := tw.saisine("requests", "set", ref, "status", status, "--note", "Réparé ce matin."); code != 0 {
			t.Fatal(status)
		}
	}
	queued := 0
	for _, m := range tw.mails() {
		if m.Kind == ingest.MailStatus && m.State == ingest.MailQueued {
			queued++
		}
	}
	if queued != 1 {
		t.Errorf("%d notices wait, not one", queued)
	}
	if q := tw.request(ref); q.Status != ingest.StatusClosed {
		t.Error(q.Status)
	}
	for _, dl := range tw.request(ref).Deadlines {
		if dl.Kind == "implicit" && dl.DoneAt == "" {
			t.Error("answered, and silence still runs")
		}
	}
	// The citizen writes once more: it is open again.
	tw.dovecot.Deliver(townUser, bytes.Replace(citizenMail("amelie", "In-Reply-To: <"+tw.written(1, ingest.MailARE, ingest.MailSent)[0].MessageID+">\r\n", "Il est de nouveau éteint."), []byte("amelie-1@"), []byte("amelie-9@"), 1))
	tw.settled(2, 30*time.Second)
	if q := tw.request(ref); q.Status != ingest.StatusInProgress {
		t.Errorf("status %s after a follow-up", q.Status)
	}
	file := tw.dir + "/lettre.pdf"
	if _, code := tw.saisine("requests", "letter", ref, file); code != 0 {
		t.Fatal("letter")
	}
	if pdf, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("%v", err)
	}
	out, code := tw.saisine("requests", "show", ref)
	if code != 0 || !strings.Contains(out, "L114-5") || !strings.Contains(out, "why") {
		t.Errorf("not explained:\n%s", out)
	}
	tw.verify()
	d.stop()
}

var receiptMails = flag.Int("receipts.mails", 40, "mails of TestThousandReceipts")

// As many receipts as mails, none to nobody twice, although the mail server is killed and
// saisine too: a crash may repeat one receipt, and then under the same Message-ID.
func TestThousandReceipts(t *testing.T) {
	t.Parallel()
	n := *receiptMails
	tw := newPostTown(t, "", func(s *townSetup) { s.level = "info" })
	for i := range n {
		name := fmt.Sprintf("citoyen%d", i)
		tw.dovecot.Deliver(townUser, citizenMail(name, "", strings.Replace(lampText, "12 rue des Acacias", fmt.Sprintf("%d rue des Acacias", i+1), 1)))
	}
	first := tw.launch("SAISINE_CRASH_AT=mail.taken:" + fmt.Sprint(n/4))
	if !first.dieBy(2*time.Minute + time.Duration(n)*100*time.Millisecond) {
		t.Fatalf("not reached:\n%s", first.log.tail(40))
	}
	second := tw.start()
	tw.exim.Await(n/2, time.Minute+time.Duration(n)*100*time.Millisecond)
	tw.exim.Kill()
	// Some are tried meanwhile, and must be tried again.
	tw.eventually(30*time.Second, "a try fails", func() bool {
		return strings.Contains(second.log.String(), "connect") || strings.Contains(second.log.String(), "refused")
	})
	tw.exim.Restart()
	tw.eventually(3*time.Minute+time.Duration(n)*100*time.Millisecond, "all receipts are sent", func() bool {
		sent := 0
		for _, m := range tw.mails() {
			if m.State == ingest.MailSent {
				sent++
			}
		}
		return sent == n
	})
	got := tw.exim.Await(n, 30*time.Second)
	byID, bodies := map[string]string{}, map[string][]byte{}
	people := map[string]bool{}
	for _, m := range got {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		id := msg.Header.Get("Message-ID")
		body, _ := io.ReadAll(msg.Body)
		if old, again := byID[id]; again && (old != m.EnvelopeTo || !bytes.Equal(bodies[id], body)) {
			t.Errorf("%s went out twice, and not alike", id)
		}
		byID[id], bodies[id], people[m.EnvelopeTo] = m.EnvelopeTo, body, true
	}
	if len(byID) != n || len(people) != n {
		t.Errorf("%d receipts to %d people, %d expected", len(byID), len(people), n)
	}
	if len(got) > n+2 { // one for each crash: the daemon's, the server's
		t.Errorf("%d mails went out for %d receipts", len(got), n)
	}
	t.Logf("%d receipts, %d mails", len(byID), len(got))
	tw.verify()
	second.stop()
}

// TestKillWhileAnswering kills the daemon where a receipt is made, where the server has it,
// and where its report comes back.
func TestKillWhileAnswering(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"mail.made", "mail.taken", "mail.bouncing"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			tw := newPostTown(t, "")
			d := tw.start("SAISINE_CRASH_AT=" + point)
			tw.dovecot.Deliver(townUser, citizenMail("bounce.bruno", "", lampText))
			if !d.dieBy(time.Minute) {
				t.Fatalf("%s was never passed", point)
			}
			second := tw.start()
			m := tw.written(1, ingest.MailARE, ingest.MailBounced)[0]
			if all := tw.mails(); len(all) != 1 || all[0].MessageID != m.MessageID {
				t.Errorf("%+v", all)
			}
			tw.verify()
			second.stop()
		})
	}
}

// The follow-up page shows what was sent and takes an answer, whoever it says it is from; a
// revoked link is worth nothing.
func TestFollowUpPage(t *testing.T) {
	t.Parallel()
	tw := newPostTown(t, "")
	d := tw.start()
	fields := map[string]string{
		"name": "Amélie Durand", "email": "amelie@" + eximtest.Domain, "subject": "Lampadaire en panne", "category": "eclairage-public",
		"message": "Le lampadaire devant le 12 rue des Acacias est en panne depuis lundi.",
	}
	status, page, _, err := tw.post(fields, nil)
	if err != nil || status != http.StatusSeeOther {
		t.Fatal(status, err)
	}
	are := tw.written(1, ingest.MailARE, ingest.MailSent)[0]
	base := "http://" + tw.public
	html := get(t, base+page)
	download := regexp.MustCompile(page + `/accuses/[0-9a-f-]+`).FindString(html)
	for _, want := range []string{are.Request, "Accusé de réception", "Éclairage public", "Réponse attendue avant le", "Votre demande est enregistrée"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	raw, _ := tw.saisine("mails", "show", "--raw", are.ID)
	if got := get(t, base+download); got != raw {
		t.Errorf("the receipt downloaded from %q has %d bytes, %d were sent", download, len(got), len(raw))
	}
	hidden := map[string]string{"message": "Il clignote aussi le matin.", "email": "mallory@" + eximtest.Domain, "name": "Mallory"}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(html, -1) {
		hidden[m[1]] = m[2]
	}
	if status, to, body, err := tw.postTo(page, hidden, map[string][]byte{"photo.txt": []byte("une photo")}); err != nil || status != http.StatusSeeOther {
		t.Fatal(status, to, body, err)
	}
	all := tw.settled(2, 30*time.Second)
	if s := all[1]; s.Link != ingest.LinkFollowUp || s.Request != are.Request || s.From.Email != "amelie@"+eximtest.Domain || len(s.Attachments) != 1 {
		t.Errorf("the answer: %s in %s from %q with %d files: %s", s.Link, s.Request, s.From.Email, len(s.Attachments), s.Reason)
	}
	out, code := tw.saisine("requests", "revoke-link", are.Request)
	fresh := regexp.MustCompile(`/suivi/\S+`).FindString(out)
	if code != 0 || fresh == "" || fresh == page {
		t.Fatal(out)
	}
	if !tw.answers(base+fresh) || tw.answers(base+page) {
		t.Error("the old link works, or the new one does not")
	}
	if n := len(tw.exim.Received()); n != 1 {
		t.Errorf("%d mails, 1 expected: the answer came within the hour", n)
	}
	tw.verify()
	d.stop()
}
