package main

import (
	"context"
	"flag"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/match"
)

var formKey = regexp.MustCompile(`name="cle" value="([^"]+)"`)

// form opens the form of a new request, and returns its fields as a browser would post them.
func (s *session) form(more ...string) url.Values {
	s.t.Helper()
	status, body := s.get("/agent/nouvelle")
	key := formKey.FindStringSubmatch(body)
	if status != http.StatusOK || key == nil {
		s.t.Fatalf("the form answers %d: %s", status, body)
	}
	v := url.Values{"cle": {key[1]}, "voie": {"phone"}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// enter posts a new request, and returns the id of its submission.
func (s *session) enter(v url.Values) string {
	s.t.Helper()
	status, to := s.post("/agent/nouvelle", v)
	id, ok := strings.CutPrefix(to, "/agent/nouvelle/")
	if status != http.StatusSeeOther || !ok {
		s.t.Fatalf("entering answers %d: %s", status, to)
	}
	return id
}

func (h *deskHouse) record(id string) ingest.Record {
	h.t.Helper()
	rec, err := h.store.Submission(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return rec
}

// noBreaks is a page with plain spaces and characters.
func noBreaks(body string) string {
	return strings.ReplaceAll(html.UnescapeString(body), "\u00a0", " ")
}

func TestCounterEntersByTheOneDoor(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	anne := h.as("anne")

	form := anne.form("texte", "Un nid de poule devant le 10 rue des Acacias.\r\nElle demande à être rappelée.", "nom", "Zoé Lefèvre", "telephone", "06 39 98 41 07", "lieu", "10 rue des Acacias")
	id := anne.enter(form)
	rec := h.record(id)
	if rec.Channel != ingest.ChannelPhone || rec.Account != desk.Account || rec.MediaType != ingest.MediaNote || rec.State != ingest.StateFiled || rec.Link != ingest.LinkOpens {
		t.Fatalf("the ledger has %+v", rec)
	}
	if r := rec.Reading; r.Subject != "Un nid de poule devant le 10 rue des Acacias" || r.From.Name != "Zoé Lefèvre" || !strings.Contains(r.Text, "rappelée") || strings.Contains(r.Text, "\r") {
		t.Errorf("it was read as %+v", r)
	}
	status, body := anne.get("/agent/nouvelle/" + id)
	for _, want := range []string{rec.Request, "Voirie", "Imprimer le récépissé"} {
		if status != http.StatusOK || !strings.Contains(noBreaks(body), want) {
			t.Errorf("the page answers %d without %q: %s", status, want, body)
		}
	}
	if strings.Contains(body, "hx-get") {
		t.Error("the page still waits for what is filed")
	}

	// A second click, and the button of going back, make no second request.
	if again := anne.enter(form); again != id {
		t.Errorf("posting the same form again made %s beside %s", again, id)
	}
	// What is changed is another submission: nothing typed is dropped.
	changed := url.Values{}
	for k, v := range form {
		changed[k] = v
	}
	changed.Set("texte", "Elle demande un rendez-vous avec le maire au sujet du budget.")
	if other := anne.enter(changed); other == id {
		t.Error("what was changed after going back was taken for a second click")
	}
	// The way is remembered.
	if _, body := anne.get("/agent/nouvelle"); !strings.Contains(body, `value="phone" checked`) {
		t.Error("the next form does not begin on the phone")
	}
}

// Two callers who say the same words are two, though not a byte differs but the form's key.
func TestCounterTwoCallersSameWords(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	anne := h.as("anne")
	one := h.record(anne.enter(anne.form("texte", "Demande les horaires de la déchetterie du samedi.")))
	two := h.record(anne.enter(anne.form("texte", "Demande les horaires de la déchetterie du samedi.")))
	if one.ID == two.ID || one.Request == two.Request {
		t.Errorf("%s (%s) and %s (%s)", one.ID, one.Request, two.ID, two.Request)
	}
}

func TestCounterSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	h.agent("luc", ingest.RoleReader, "Voirie")
	anne := h.as("anne")
	for _, tt := range []struct {
		field, value, want string
	}{
		{"texte", " \r\n ", "Écrivez en quelques mots"},
		{"texte", strings.Repeat("é", 20_001), "trop long"},
		{"courriel", "zoe chez exemple", "nom@domaine.fr"},
		{"nom", strings.Repeat("é", 501), "trop long"},
		{"categorie", "inconnue", "Choisissez une catégorie"},
		{"suite", "2026-999999", "n’est plus là"},
	} {
		form := anne.form("texte", "Le texte <b>typé</b>", "nom", "Zoé")
		form.Set(tt.field, tt.value)
		status, body := anne.post("/agent/nouvelle", form)
		if status != http.StatusUnprocessableEntity || !strings.Contains(noBreaks(body), tt.want) {
			t.Errorf("%s: answered %d, without %q", tt.field, status, tt.want)
		}
		if tt.field != "texte" && !strings.Contains(body, "Le texte &lt;b&gt;typé&lt;/b&gt;") {
			t.Errorf("%s: what was typed is gone", tt.field)
		}
		if tt.field != "suite" && !strings.Contains(body, `aria-invalid="true"`) {
			t.Errorf("%s: no field is marked", tt.field)
		}
	}
	if n, err := h.store.Counts(t.Context()); err != nil || n[ingest.StateFiled] != 0 {
		t.Errorf("%v submissions were stored (%v)", n, err)
	}
	luc := h.as("luc")
	if status, _ := luc.get("/agent/nouvelle"); status != http.StatusForbidden {
		t.Errorf("a reader's form answers %d", status)
	}
	if status, _ := luc.post("/agent/nouvelle", url.Values{"texte": {"x"}}); status != http.StatusForbidden {
		t.Errorf("a reader's post answers %d", status)
	}
}

// A note that is added to a request joins it for certain, and keeps who speaks.
func TestCounterAddsToARequest(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, _ := fillTown(h, true)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	anne := h.as("anne")
	if _, body := anne.get("/agent/nouvelle?suite=" + open[0]); !strings.Contains(noBreaks(body), "Sera ajoutée à la demande") {
		t.Errorf("the form does not say where it goes: %s", body)
	}
	rec := h.record(anne.enter(anne.form("texte", "La voisine passe dire que le trou s’agrandit.", "nom", "Irma Voisine", "suite", open[0])))
	if rec.Request != open[0] || rec.Link != ingest.LinkFollowUp || rec.Reading.From.Name != "Irma Voisine" {
		t.Errorf("%s as %s of %q, want %s", rec.Request, rec.Link, rec.Reading.From.Name, open[0])
	}
	why, err := h.store.LinkReasons(t.Context(), rec.ID)
	if err != nil || len(why) == 0 || !strings.Contains(why[0], "agent") {
		t.Errorf("linked because of %v (%v)", why, err)
	}
	// Without a name it is whoever wrote before.
	rec = h.record(anne.enter(anne.form("texte", "Rappelle que le trou est toujours là.", "suite", open[0])))
	if rec.Reading.From.Email != "amélie@citoyen.test" && rec.Reading.From.Name != "Amélie Durand" {
		t.Errorf("sent by %+v", rec.Reading.From)
	}
	// What is hidden can be added to no more than what there is not.
	status, body := anne.post("/agent/nouvelle", anne.form("texte", "Un texte à garder", "suite", hidden[0]))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "Un texte à garder") {
		t.Errorf("adding to a hidden request answers %d", status)
	}
	for _, path := range []string{"/agent/nouvelle?suite=" + hidden[0], "/agent/nouvelle?de=" + hidden[0]} {
		if status, _ := anne.get(path); status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
}

func TestCounterSuggests(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, _ := fillTown(h, true)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	h.agent("cece", ingest.RoleAgent, "CCAS")
	anne, cece := h.as("anne"), h.as("cece")
	first := h.record(anne.enter(anne.form("texte", "Demande le numéro de la déchetterie", "nom", "Zoé Lefèvre", "telephone", "06 39 98 41 07", "adresse", "1 rue Haute")))

	for _, tt := range []struct {
		who         *session
		name, phone string
		want, not   string
	}{
		{anne, "lefevre", "", "1 rue Haute", ""},
		{anne, "", "+33 6 39 98 41 07", "Zoé Lefèvre", ""},
		{anne, "le", "06 39", "", "Lefèvre"},
		{anne, "Durand", "", open[0], "Zorglubine"},
		{anne, "Trismegiste", "", "Personne de connu", "Zorglubine"},
		{cece, "Trismegiste", "", "Zorglubine", ""},
	} {
		status, body := tt.who.post("/agent/nouvelle/connus", url.Values{"nom": {tt.name}, "telephone": {tt.phone}})
		if status != http.StatusOK || tt.want != "" && !strings.Contains(noBreaks(body), tt.want) || tt.not != "" && strings.Contains(body, tt.not) {
			t.Errorf("%q %q: %d, want %q and not %q: %s", tt.name, tt.phone, status, tt.want, tt.not, body)
		}
	}
	// Who wrote twice about different things is offered once for each sender's words.
	if _, body := anne.post("/agent/nouvelle/connus", url.Values{"nom": {"lefevre"}, "telephone": {"0639984107"}}); strings.Count(body, "data-fill") != 1 {
		t.Errorf("one sender is offered more than once: %s", body)
	}

	say := "Il y a un nid de poule devant le 10 rue des Acacias, merci de le boucher."
	_, body := anne.post("/agent/nouvelle/proches", url.Values{"texte": {say}, "lieu": {"10 rue des Acacias"}})
	if !strings.Contains(body, open[0]) || strings.Contains(body, "cent-secrets") {
		t.Errorf("similar: %s", body)
	}
	if _, body := anne.post("/agent/nouvelle/proches", url.Values{"texte": {"trop court"}}); strings.Contains(body, "name=\"suite\"") {
		t.Errorf("similar to nothing: %s", body)
	}

	// Without scripts the same is found by a button, and chosen by another.
	status, body := anne.post("/agent/nouvelle", url.Values{"chercher": {"1"}, "texte": {say}, "nom": {"lefevre"}, "cle": {"0123456789abcdef"}})
	if status != http.StatusOK || !strings.Contains(body, "1 rue Haute") || !strings.Contains(body, open[0]) || !strings.Contains(body, "0123456789abcdef") {
		t.Errorf("looking by the button answers %d: %s", status, body)
	}
	status, body = anne.post("/agent/nouvelle", url.Values{"reprendre": {first.Request}, "texte": {say}, "nom": {"lef"}})
	if status != http.StatusOK || !strings.Contains(body, `value="Zoé Lefèvre"`) || !strings.Contains(body, `value="1 rue Haute"`) {
		t.Errorf("choosing answers %d: %s", status, body)
	}
	if n, err := h.store.Counts(t.Context()); err != nil || n[ingest.StateReceived] != 0 {
		t.Errorf("looking stored something: %v, %v", n, err)
	}
}

// What an agent enters for a sealed service leaves their sight: they are told so, can hand the
// receipt over, and learn nothing of the request.
func TestCounterEntersForASealedService(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	for _, login := range []string{"anne", "bea"} {
		h.agent(login, ingest.RoleAgent, "Voirie")
	}
	h.agent("cece", ingest.RoleAgent, "CCAS")
	anne := h.as("anne")
	id := anne.enter(anne.form("texte", "Demande un secours pour payer le chauffage.", "nom", "Zoé Lefèvre", "courriel", "zoe@exemple.test", "categorie", "action-sociale"))
	rec := h.record(id)
	status, body := anne.get("/agent/nouvelle/" + id)
	if status != http.StatusOK || !strings.Contains(noBreaks(body), "ne sont vues que par lui") || strings.Contains(body, rec.Request) || strings.Contains(body, "CCAS") {
		t.Errorf("who entered it is answered %d: %s", status, body)
	}
	if text := slipText(t, anne, id); !strings.Contains(text, "payer le chauffage") || strings.Contains(text, rec.Request) || strings.Contains(text, "CCAS") {
		t.Errorf("the receipt says %s", text)
	}
	if status, _ := anne.post("/agent/nouvelle/"+id+"/courriel", nil); status != http.StatusSeeOther {
		t.Errorf("sending the receipt answers %d", status)
	}
	bea := h.as("bea")
	for _, path := range []string{"", "/etat", "/recepisse"} {
		if status, _ := bea.get("/agent/nouvelle/" + id + path); status != http.StatusNotFound {
			t.Errorf("%s answers %d to a colleague", path, status)
		}
	}
	if status, _ := bea.post("/agent/nouvelle/"+id+"/courriel", nil); status != http.StatusNotFound {
		t.Errorf("sending answers %d to a colleague", status)
	}
	if _, body := h.as("cece").get("/agent/nouvelle/" + id); !strings.Contains(body, rec.Request) {
		t.Errorf("a member sees %s", body)
	}
	// The next day it is nobody's any more who does not belong to the service.
	h.at("2026-11-24 10:01")
	if status, _ := anne.get("/agent/nouvelle/" + id); status != http.StatusNotFound {
		t.Errorf("a day later it still answers %d", status)
	}
}

// slipText is what the printed receipt says.
func slipText(t *testing.T, s *session, id string) string {
	t.Helper()
	status, body := s.get("/agent/nouvelle/" + id + "/recepisse")
	if status != http.StatusOK || !strings.HasPrefix(body, "%PDF-") {
		t.Fatalf("the receipt answers %d", status)
	}
	file := filepath.Join(t.TempDir(), "slip.pdf")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestCounterReceipt(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:05", sealedTown)
	h.agent("anne", ingest.RoleAgent, "Voirie")
	anne := h.as("anne")
	form := anne.form("texte", "Un nid de poule devant l’école.", "nom", "Zoé Lefèvre", "courriel", "Zoe@Exemple.test", "categorie", "voirie")
	form.Set("voie", "counter")
	id := anne.enter(form)
	rec := h.record(id)
	text := slipText(t, anne, id)
	follow, err := h.mails.followURL(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Récépissé de votre demande", "23 novembre 2026 à 10 h 05, à l’accueil", rec.Request, "Zoé Lefèvre", "Voirie", "Un nid de poule devant l’école.", id} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("the receipt does not say %q: %s", want, text)
		}
	}
	if !strings.Contains(strings.ReplaceAll(text, " ", ""), follow) {
		t.Errorf("the receipt does not give %s: %s", follow, text)
	}

	// By mail, once.
	_, body := anne.get("/agent/nouvelle/" + id)
	if !strings.Contains(body, "Envoyer à zoe@exemple.test") {
		t.Errorf("sending is not offered: %s", body)
	}
	for range 2 {
		if status, to := anne.post("/agent/nouvelle/"+id+"/courriel", nil); status != http.StatusSeeOther {
			t.Fatalf("sending answers %d: %s", status, to)
		}
	}
	q, err := h.store.Request(t.Context(), rec.Request)
	if err != nil {
		t.Fatal(err)
	}
	var sent []ingest.Mail
	for _, m := range q.Mails {
		if m.Kind == ingest.MailCounterReceipt {
			sent = append(sent, m)
		}
	}
	if len(sent) != 1 || sent[0].To != "zoe@exemple.test" || sent[0].State != ingest.MailQueued {
		t.Fatalf("mails: %+v", sent)
	}
	raw, err := h.mails.make(t.Context(), sent[0])
	if err != nil || !strings.Contains(string(raw), "auto-generated") {
		t.Errorf("the mail: %v\n%s", err, raw)
	}
	if _, body := anne.get("/agent/nouvelle/" + id); !strings.Contains(noBreaks(body), "Récépissé envoyé à zoe@exemple.test") {
		t.Error("the page does not say that it was sent")
	}

	// Without an address there is nothing to send to.
	id = anne.enter(anne.form("texte", "Demande les horaires de la piscine."))
	if _, body := anne.get("/agent/nouvelle/" + id); strings.Contains(body, "/courriel") {
		t.Error("sending is offered without an address")
	}
	if status, _ := anne.post("/agent/nouvelle/"+id+"/courriel", nil); status != http.StatusConflict {
		t.Errorf("sending without an address answers %d", status)
	}
}

// A long text must not run over what stands below it.
func TestSlipBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Un texte qui n’en finit pas, avec des mots de plusieurs longueurs. ", 400)
	at := time.Date(2026, 11, 23, 10, 5, 0, 0, time.UTC)
	for _, s := range []slip{
		{Number: "1", At: at, FollowURL: "https://example.fr/suivi/x"},
		{Number: "1", At: at, Citizen: long, Subject: long, Text: long, Service: long, Reference: "2026-000001", FollowURL: "https://example.fr/suivi/" + strings.Repeat("x", 80)},
		{Number: "1", At: at, Text: strings.Repeat("mot", 5000) + "\n\n\n", FollowURL: "https://example.fr/suivi/x"},
	} {
		a, err := s.pdf()
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.pdf()
		if err != nil || string(a) != string(b) {
			t.Errorf("the same slip gives other bytes (%v)", err)
		}
		file := filepath.Join(t.TempDir(), "slip.pdf")
		if err := os.WriteFile(file, a, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "pdftotext", "-bbox", file, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		last, follow := 0.0, 0.0 // where the text ends, and where what must not be reached begins
		for _, m := range regexp.MustCompile(`yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">([^<]*)<`).FindAllStringSubmatch(string(out), -1) {
			var top, bottom float64
			if _, err := fmt.Sscan(m[1], &top); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(m[2], &bottom); err != nil {
				t.Fatal(err)
			}
			if m[3] == "Suivre" {
				follow = top
			} else if follow == 0 {
				last = max(last, bottom)
			}
		}
		if follow == 0 || last > follow {
			t.Errorf("the text ends at %.0f, the code begins at %.0f points", last, follow)
		}
	}
}

var counterRequests = flag.Int("counter.requests", 300, "among how many requests the counter looks in TestCounterIsQuick")

// While somebody types, the lists come at once, also among some thousand requests: go test
// -run CounterIsQuick -args -counter.requests=5000
func TestCounterIsQuick(t *testing.T) {
	h := newClockHouseOf(t, "2026-11-23 10:00", sealedTown)
	texts := classify.Texts()
	understand, err := openUnderstanding(t.Context(), h.cfg, h.log)
	if err != nil {
		t.Fatal(err)
	}
	h.understand = understand
	// What is to be found is made as filing makes it, short of classifying each.
	matcher := &match.Matcher{Tokens: h.tokens, Weights: understand.weights()}
	var group errgroup.Group
	group.SetLimit(16) // who share their commits
	for i := range *counterRequests {
		group.Go(func() error {
			reading := ingest.Reading{Kind: ingest.KindText, Text: texts[i%len(texts)], From: ingest.Person{
				Name: fmt.Sprintf("Prénom%d Nom%d", i%50, i%97), Phone: fmt.Sprintf("06 39 98 %02d %02d", i/100%100, i%100),
			}}
			receipt, err := h.intake.Submit(t.Context(), ingest.Submission{
				Channel: ingest.ChannelPhone, Account: desk.Account, SourceKey: fmt.Sprint(i), ReceivedAt: h.now, Original: ingest.NewBlob(fmt.Append(nil, i)), MediaType: ingest.MediaNote,
			})
			if err != nil {
				return err
			}
			_, err = h.store.File(t.Context(), receipt.ID, ingest.Filing{
				Reading: reading, Profile: matcher.Profile(ingest.Record{Channel: ingest.ChannelPhone}, reading, ingest.Classification{}),
				Match: func(context.Context, ingest.Candidates) (ingest.Match, error) {
					return ingest.Match{Link: ingest.LinkOpens}, nil
				},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	d := deskCounter{h.house, func() time.Time { return h.now }}
	agent := ingest.Viewer{Login: "anne", Role: ingest.RoleAgent, Hidden: []string{"CCAS"}}
	const bound = 150 * time.Millisecond
	quick := func(what string, f func(i int) error) {
		t.Helper()
		if err := f(0); err != nil { // the first makes what all share
			t.Fatal(err)
		}
		var took time.Duration
		const times = 20
		for i := range times {
			began := time.Now()
			if err := f(i); err != nil {
				t.Fatal(err)
			}
			took += time.Since(began)
		}
		t.Logf("%s: %v on average", what, (took / times).Round(10*time.Microsecond))
		if took/times > bound {
			t.Errorf("%s takes %v", what, took/times)
		}
	}
	quick("known", func(i int) error {
		_, err := d.Known(t.Context(), agent, fmt.Sprintf("06 39 98 01 %02d", i), fmt.Sprintf("nom%d", i))
		return err
	})
	quick("similar", func(i int) error {
		_, err := d.Similar(t.Context(), agent, ingest.Note{Channel: "phone", Body: texts[i*31%len(texts)], Sender: ingest.Person{Name: "Prénom1 Nom1"}})
		return err
	})
}
