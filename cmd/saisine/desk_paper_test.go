package main

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// Scans are dropped into the browser, good ones and bad ones, twice by a double click: each
// good one is filed once, each bad one is named with its reason. The letter that acknowledges
// it, and an agent's letter, are printed; the registers have all of it.
func TestMailRoom(t *testing.T) {
	t.Parallel()
	tw := newTown(t, testBuild, func(s *townSetup) {
		s.noMail = true
		s.extra = "town: {name: Saint-Exemple, phone: 01 23 45 67 89, address: \"1 place de la Mairie, 99100 Saint-Exemple\"}\nlimits: {file: 3MiB}\n"
	})
	tw.start()
	camille := tw.as("camille", "--role", "agent", "--name", "Camille Roux", "--title", "cheffe de service")
	status, room := camille.get("/agent/courrier")
	if status != http.StatusOK {
		t.Fatalf("mail room: %d\n%s", status, room)
	}
	raw, err := os.ReadFile(scanned(t, "alpha"))
	if err != nil {
		t.Fatal(err)
	}
	fields := [][2]string{{"cle", field(t, room, "cle")}, {"service", "Service espaces verts"}, {"cachet", "2026-03-02"}}
	files := [][2]string{
		{"vide.pdf", ""},
		{`C:\scans\lettre été.pdf`, string(raw)},
		{"note.pdf", "ceci n’est pas un PDF"},
		{"énorme.tif", "II*\x00" + strings.Repeat("x", 4<<20)},
		{"<b>coupé.png", "\x89PNG\r\n\x1a\ncoupé"},
	}
	var ids []string
	for i := range 2 {
		status, page := camille.upload("/agent/courrier/scans", fields, files)
		for _, want := range []string{
			"vide.pdf", "Fichier vide.", ">lettre été.pdf<", "Ce n’est ni un PDF", "énorme.tif", "Fichier trop volumineux", "&lt;b&gt;coupé.png", "Le fichier semble incomplet",
		} {
			if status != http.StatusOK || !strings.Contains(page, want) {
				t.Fatalf("upload %d: %d, %q is missing:\n%s", i, status, want, page)
			}
		}
		if strings.Contains(page, "déjà déposé par cet envoi") != (i == 1) {
			t.Errorf("upload %d: said to be there before, or not", i)
		}
		found := regexp.MustCompile(`/agent/courrier/scans/([0-9a-f-]{36})"`).FindAllStringSubmatch(page, -1)
		for _, m := range found {
			if i == 0 && !strings.Contains(strings.Join(ids, " "), m[1]) {
				ids = append(ids, m[1])
			}
		}
	}
	if len(ids) != 2 {
		t.Fatalf("taken: %q", ids)
	}
	tw.eventually(90*time.Second, "the letter is filed", func() bool { return tw.show(ids[0]).State.Final() && tw.show(ids[1]).State.Final() })
	all := tw.submissions()
	if len(all) != 2 {
		t.Errorf("%d submissions after the same form was posted twice", len(all))
	}
	sub := tw.show(ids[0])
	if sub.State != ingest.StateFiled || sub.Channel != ingest.ChannelScan || sub.Account != "desk" || sub.Postmark != "2026-03-02" || sub.From.Name != "Claire Fontaine" {
		t.Fatalf("%+v", sub)
	}
	if s := tw.show(ids[1]); s.State == ingest.StateReceived || s.State == ingest.StateFiled {
		t.Logf("the damaged picture ended as %s: %s", s.State, s.Reason)
	}
	if status, page := camille.get("/agent/courrier/scans/" + ids[0]); status != http.StatusOK || !strings.Contains(page, "Demande "+sub.Request) {
		t.Errorf("state of the scan: %d\n%s", status, page)
	}

	// An agent's letter: the address is corrected in the form.
	form := "/agent/demandes/" + sub.Request + "/repondre"
	status, page := camille.get(form)
	if status != http.StatusOK || !strings.Contains(page, "Aucun courriel ne peut partir") {
		t.Fatalf("form: %d\n%s", status, page)
	}
	values := url.Values{
		"cle": {field(t, page, "cle")}, "voie": {"papier"}, "nom": {"Mme Claire Fontaine"}, "adresse": {""},
		"objet": {"Élagage"}, "message": {"Madame,\r\n\r\nL’élagage est prévu à l’été – « comme promis ».\r\n\r\nSalutations distinguées."}, "statut": {"answered"},
	}
	if status, page := camille.post(form, values); status != http.StatusUnprocessableEntity || !strings.Contains(page, "Indiquez l’adresse postale.") || !strings.Contains(page, "comme promis") {
		t.Errorf("without an address: %d", status)
	}
	values.Set("adresse", "12 rue des Lilas\r\n44000 Nantes")
	var letter string
	for range 2 {
		status, to := camille.post(form, values)
		if status != http.StatusSeeOther || !strings.HasPrefix(to, "/agent/courrier/lettres/") || letter != "" && to != letter {
			t.Fatalf("sending: %d %s", status, to)
		}
		letter = to
	}
	id := strings.TrimPrefix(letter, "/agent/courrier/lettres/")
	if status, _ := camille.post("/agent/courrier/lettres", url.Values{"lettre": {id}}); status != http.StatusConflict {
		t.Errorf("posted before it was opened: %d", status)
	}
	name, pdf := camille.file(letter + "/lettre.pdf")
	if words := pdfWords(t, pdf); !strings.HasPrefix(name, "courrier-D-") || !strings.Contains(words, "L’élagage est prévu à l’été – « comme promis ».") || !strings.Contains(words, "12 rue des Lilas") ||
		!strings.Contains(words, "Courrier départ n° "+strings.TrimSuffix(strings.TrimPrefix(name, "courrier-"), ".pdf")) || !strings.Contains(words, "Camille Roux, cheffe de service") {
		t.Errorf("%s:\n%s", name, words)
	}
	if _, again := camille.file(letter + "/lettre.pdf"); string(again) != string(pdf) {
		t.Error("the letter is another one when it is opened again")
	}
	if status, to := camille.post("/agent/courrier/lettres", url.Values{"lettre": {id}}); status != http.StatusSeeOther || to != "/agent/courrier#lettres" {
		t.Errorf("posted: %d %s", status, to)
	}
	if _, room := camille.get("/agent/courrier"); strings.Contains(room, id) {
		t.Error("the letter is still to be printed")
	}

	// The registers, by a reader.
	reader := tw.as("lecteur", "--role", "reader", "--name", "Lectrice")
	period := "?sens=arrivee&du=2020-01-01&au=2099-12-31"
	status, page = reader.get("/agent/courrier/registre" + period)
	if status != http.StatusOK || !strings.Contains(page, "Claire Fontaine") || strings.Contains(page, "/agent/courrier/lettres/") {
		t.Errorf("register: %d\n%s", status, page)
	}
	name, pdf = reader.file("/agent/courrier/registre.pdf" + period)
	if words := pdfWords(t, pdf); name != "registre-arrivee-2020-01-01-2099-12-31.pdf" || !strings.Contains(words, "Claire Fontaine") || !strings.Contains(words, "-000001") || !strings.Contains(words, "page 1/1") {
		t.Errorf("%s: %s", name, words)
	}
	name, csv := reader.file("/agent/courrier/registre.csv" + strings.Replace(period, "arrivee", "depart", 1))
	if !strings.HasPrefix(string(csv), "\ufeffNuméro;Date;Destinataire;Objet;") || !strings.Contains(string(csv), ";Mme Claire Fontaine;Élagage;") || name != "registre-depart-2020-01-01-2099-12-31.csv" {
		t.Errorf("%s:\n%s", name, csv)
	}
	for _, path := range []string{"/agent/courrier/lettres/" + id, letter + "/lettre.pdf", form, "/agent/courrier/separateurs.pdf", "/agent/courrier/scans/" + ids[0]} {
		if status, _ := reader.get(path); status != http.StatusForbidden {
			t.Errorf("a reader and %s: %d", path, status)
		}
	}
	name, pdf = camille.file("/agent/courrier/separateurs.pdf?service=Service+espaces+verts&exemplaires=3")
	if words := pdfWords(t, pdf); name != "separateurs-3.pdf" || strings.Count(words, "espaces verts") != 3 {
		t.Errorf("%s: %s", name, words)
	}
	tw.verify()
}

// The two sides of a stack pair up within their upload only.
func TestTwoSidesOfAnUpload(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	tw.start()
	camille := tw.as("camille", "--role", "agent", "--name", "Camille Roux")
	read := func(marks ...string) string {
		raw, err := os.ReadFile(scanned(t, marks...))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	post := func(files ...[2]string) string {
		_, room := camille.get("/agent/courrier")
		_, page := camille.upload("/agent/courrier/scans", [][2]string{{"cle", field(t, room, "cle")}, {"rectoverso", "oui"}}, files)
		return page
	}
	if page := post([2]string{"rectos.pdf", read("alpha")}); !strings.Contains(page, "déposez deux fichiers") || len(tw.submissions()) != 0 {
		t.Errorf("one side alone was taken:\n%s", page)
	}
	post([2]string{"rectos.pdf", read("alpha")}, [2]string{"versos.pdf", read("bravo")})
	post([2]string{"rectos.pdf", read("charlie")}, [2]string{"versos.pdf", read("delta")})
	all := tw.settled(6, 2*time.Minute)
	var made []string
	for _, s := range all {
		if len(s.Parents) == 2 {
			made = append(made, s.Text)
		}
	}
	slices.SortFunc(made, func(a, b string) int { return strings.Index(b, "alpha") - strings.Index(a, "alpha") })
	if len(made) != 2 || !strings.Contains(made[0], "alpha") || !strings.Contains(made[0], "bravo") || !strings.Contains(made[1], "charlie") || !strings.Contains(made[1], "delta") {
		t.Errorf("joined: %q", made)
	}
	tw.verify()
}
