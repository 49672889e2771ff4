package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/view"
)

// vague is a mail of which no program can say what it is about.
func vague(name, subject, text string) []byte {
	return fmt.Appendf(nil, "Return-Path: <%[1]s@%[2]s>\r\nFrom: %[1]s Martin <%[1]s@%[2]s>\r\nTo: %[3]s\r\nSubject: %[4]s\r\nMessage-ID: <%[1]s@%[2]s>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%[5]s\r\n", name, eximtest.Domain, townUser, subject, text)
}

var vagueTexts = []struct{ name, subject, text string }{
	{"alba", "Question", "Bonjour, je voudrais un renseignement à propos de ce que j'ai vu hier. Pouvez-vous me rappeler ?"},
	{"basile", "Notre échange", "Suite à notre conversation, qu'en est-il de mon affaire ? Je n'ai toujours rien reçu."},
	{"carla", "Bonjour", "Madame, Monsieur, je souhaite être informée de la suite que vous donnerez. Bien à vous."},
	{"denis", "Important", "Je vous prie de bien vouloir faire le nécessaire au plus vite, comme promis par votre collègue."},
	{"elise", "Demande", "À qui dois-je m'adresser pour que l'on s'occupe enfin de moi ? Merci d'avance."},
	{"fanny", "Re", "Comme convenu, je reviens vers vous. Rien n'a changé depuis la dernière fois."},
	{"gilles", "Urgent", "Je compte sur vous, c'est la troisième fois que j'écris pour la même chose."},
	{"helene", "Bonsoir", "Vous trouverez ci-joint ce que vous aviez demandé. Dites-moi si cela vous suffit."},
}

// TestClerksDay goes through a day at the desk in Chromium, on a real town: Dovecot brings
// the mails, Exim takes the answers.
func TestClerksDay(t *testing.T) {
	t.Parallel()
	tw := newPostTown(t, "")
	tw.start()
	tw.addAgent("claire", ingest.RoleManager, "--name", "Claire Lemoine", "--title", "Agente d’accueil")
	for _, v := range vagueTexts {
		tw.dovecot.Deliver(townUser, vague(v.name, v.subject, v.text))
	}
	tw.dovecot.Deliver(townUser, citizenMail("amelie", "", lampText))
	tw.dovecot.Deliver(townUser, vague("bruno", "Lampadaire", "Le réverbère de la rue des Acacias, au numéro 12, ne marche plus depuis quelques jours."))
	tw.dovecot.Deliver(townUser, citizenMail("refuse.gaston", "", strings.ReplaceAll(lampText, "12 rue des Acacias", "3 place du Marché")))
	tw.settled(len(vagueTexts)+3, time.Minute)
	tw.written(1, ingest.MailARE, ingest.MailFailed)

	b := openBrowser(t, "http://"+tw.public)
	b.open("/agent/")
	b.look("connexion")
	b.logIn("claire", deskPassword)
	b.says("À revoir")
	b.look("liste")

	reviewWithKeys(b, tw)
	correctCategory(b, tw)
	mergeAndUndo(b, tw)
	enterPhoneCall(b, tw)
	retryFailure(b, tw)
	answerCitizen(b, tw)
	printRegister(b, tw)
	tw.verify()
}

// requestOf returns the request of a sender as it is now.
func (tw *postTown) requestOf(name string) view.Request {
	tw.t.Helper()
	for _, q := range tw.requests() {
		if strings.HasPrefix(q.Sender.Email, name+"@") {
			return q
		}
	}
	tw.t.Fatalf("no request of %s", name)
	return view.Request{}
}

// reviewWithKeys takes five requests of the list "to review" with the keyboard only.
func reviewWithKeys(b *browser, tw *postTown) {
	b.open("/agent/?revue=1")
	b.look("liste à revoir")
	b.press("j")
	b.key("\r")
	b.look("demande à revoir")
	before := toReview(tw)
	if before < 5 {
		b.t.Fatalf("saisine is sure of too much: %d to review", before)
	}
	for range 5 {
		b.says("À revoir", "Accepter une proposition")
		b.key("1")
	}
	if after := toReview(tw); after != before-5 {
		b.t.Errorf("%d were to review, %d are after five", before, after)
	}
	for _, q := range tw.requests() {
		if q.CategoryBy != "" && q.CategoryBy != "agent:claire" {
			b.t.Errorf("%s was reviewed by %q", q.Reference, q.CategoryBy)
		}
	}
}

// toReview is how many requests are to be reviewed.
func toReview(tw *postTown) (n int) {
	for _, q := range tw.requests() {
		if q.NeedsReview {
			n++
		}
	}
	return n
}

// correctCategory chooses another category than the one that saisine had.
func correctCategory(b *browser, tw *postTown) {
	q := tw.requestOf("amelie")
	b.open("/agent/demandes/" + q.Reference)
	b.look("demande")
	b.press("e")
	if at := evaluate[string](b, `document.activeElement.id`); at != "categorie-code" {
		b.t.Errorf("the key e leads to %q", at)
	}
	b.fill("#categorie-code", "voirie")
	b.press("\x1b") // leaves the field
	b.key("s")
	if q = tw.requestOf("amelie"); q.Category != "voirie" || q.CategoryBy != "agent:claire" {
		b.t.Errorf("the category is %s by %s", q.Category, q.CategoryBy)
	}
}

// mergeAndUndo joins two requests side by side, and takes it back.
func mergeAndUndo(b *browser, tw *postTown) {
	one, other := tw.requestOf("amelie").Reference, tw.requestOf("bruno").Reference
	b.open("/agent/demandes/" + one + "/comparer/" + other)
	b.says(one, other)
	b.look("comparer")
	b.click(`.comparer-actes form:first-child button`)
	b.says(other)
	if n := len(tw.requestOf("amelie").Submissions); n != 2 {
		b.t.Errorf("after the merge %d submissions are in it", n)
	}
	b.look("demande réunie")
	b.click(`.defaire button.lien`)
	if q, r := tw.requestOf("amelie"), tw.requestOf("bruno"); len(q.Submissions) != 1 || len(r.Submissions) != 1 || r.Reference != other {
		b.t.Errorf("after the undo: %+v, %+v", q.Submissions, r.Submissions)
	}
}

// enterPhoneCall enters what somebody says on the phone, with the keyboard.
func enterPhoneCall(b *browser, tw *postTown) {
	b.open("/agent/")
	b.key("c")
	b.look("nouvelle demande")
	began := time.Now()
	b.do("channel", chromedp.Click(chromedp.Search(`input[value="phone"]`)))
	b.fill("#texte", "Madame Fabre signale un banc cassé dans le square Victor-Hugo, près de la fontaine.")
	b.fill("#nom", "Odile Fabre")
	b.fill("#telephone", "06 12 34 56 78")
	b.do("submit", chromedp.Evaluate[chromedp.Void](`document.getElementById("nouvelle").requestSubmit()`))
	b.do("outcome", chromedp.WaitVisible(chromedp.Search(`a[href*="/agent/demandes/"]`)))
	if took := time.Since(began); took > 20*time.Second {
		b.t.Errorf("a call takes %s", took)
	}
	b.look("nouvelle demande enregistrée")
	for _, s := range tw.submissions() {
		if s.Channel == ingest.ChannelPhone && s.State == ingest.StateFiled && s.From.Name == "Odile Fabre" {
			return
		}
	}
	b.t.Error("the call is in no request")
}

// retryFailure takes up the receipt that the citizen's server refused.
func retryFailure(b *browser, tw *postTown) {
	b.open("/agent/echecs?liste=courriers")
	b.says("refuse.gaston@" + eximtest.Domain)
	b.look("échecs")
	failed := tw.written(1, ingest.MailARE, ingest.MailFailed)[0]
	b.click(fmt.Sprintf(`button[name="reprendre"][value=%q]`, failed.ID))
	tw.eventually(30*time.Second, "the mail is tried again", func() bool {
		for _, m := range tw.mails() {
			if m.ID == failed.ID && m.EndedAt != failed.EndedAt && m.EndedAt != "" {
				return true // refused once more, later
			}
		}
		return false
	})
	b.open("/agent/echecs?liste=canaux")
	b.look("canaux")
}

// answerCitizen writes to a citizen, from a template.
func answerCitizen(b *browser, tw *postTown) {
	before := len(tw.exim.Received())
	b.open("/agent/demandes/" + tw.requestOf("amelie").Reference)
	b.key("r")
	b.look("répondre")
	b.fill("#objet", "Votre lampadaire")
	b.fill("#message", "Madame,\n\nLe lampadaire est réparé depuis ce matin.")
	b.click(`form[data-une-fois] button:not([name])`)
	for _, m := range tw.exim.Await(before+1, 30*time.Second)[before:] {
		if h, text := parts(b.t, m.Raw); h.Get("Auto-Submitted") == "" && strings.Contains(text["text/plain"], "Claire Lemoine") && strings.Contains(text["text/plain"], "depuis ce matin") {
			if q := tw.requestOf("amelie"); q.Status != ingest.StatusAnswered {
				b.t.Errorf("the request is %s", q.Status)
			}
			return
		}
	}
	b.t.Error("the answer has not arrived")
}

// printRegister asks for the register of the year, as a page and as PDF. It has all that claire
// may see: what she has given to a sealed service while she reviewed is a gap, wherever it came in
// the order, which is another one each time.
func printRegister(b *browser, tw *postTown) {
	b.open("/agent/courrier")
	b.look("courrier")
	_, sealed := classify.Default().File().Services()
	var seen, hidden []string
	for _, q := range tw.requests() {
		if slices.Contains(sealed, q.Service) {
			hidden = append(hidden, q.Reference)
		} else {
			seen = append(seen, q.Reference)
		}
	}
	year := time.Now().Format("2006")
	b.open("/agent/courrier/registre?du=" + year + "-01-01&au=" + year + "-12-31")
	b.says(append(seen, "A-"+year+"-000012", fmt.Sprintf("– %d lignes", len(seen)))...)
	b.look("registre")
	words := b.words()
	for _, reference := range hidden {
		if strings.Contains(words, reference) {
			b.t.Errorf("the register says %s, of a sealed service", reference)
		}
	}
	head := evaluate[string](b, `fetch("/agent/courrier/registre.pdf?du=`+year+`-01-01&au=`+year+`-12-31").then(r => r.text()).then(s => s.slice(0, 5))`)
	if head != "%PDF-" {
		b.t.Errorf("the register begins with %q", head)
	}
}
