package main

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// textServices is a categories file as a town writes it, with a sealed service. No code is
// one that the built-in texts know, so that no test waits for a training.
const textServices = `# Les catégories de Ville
categories:
  # les rues
  - code: rues
    label: Voirie   # nom court
    service: {name: Voirie, email: voirie@ville.test, phone: 01 23 45 67 88}
    phrases: [{weight: 3, any: [nid de poule]}]
  - code: lampes
    label: Éclairage public
    service: {name: Voirie, email: voirie@ville.test, phone: 01 23 45 67 88}
    phrases: [{weight: 3, any: [lampadaire]}]
  - code: entraide
    label: Aide sociale
    service: {name: CCAS, email: ccas@ville.test, phone: 01 23 45 67 87, sealed: true}
    phrases: [{weight: 3, any: [aide sociale]}]
`

const (
	categoriesText = "/agent/administration/textes/categories/categories.yaml"
	receiptText    = "/agent/administration/textes/letter/are.txt.tmpl"
	repliesText    = "/agent/administration/textes/replies/replies.yaml"
)

var (
	administrator = ingest.Viewer{Login: "chef", Name: "Chef", Role: ingest.RoleAdministrator, Hidden: []string{"CCAS"}, Language: "fr"}
	categoriesKey = desk.TextKey{Kind: ingest.TextCategories, Name: ingest.CategoriesName}
)

// textHouse is a desk with an administrator at it.
func textHouse(t *testing.T) (*deskHouse, *session) {
	t.Helper()
	h := newDeskHouse(t, "2026-03-02 09:00", textServices)
	h.agent("chef", ingest.RoleAdministrator)
	return h, h.as("chef")
}

// number is that of the version of a text, as its page has it.
func (s *session) number(path string) string {
	s.t.Helper()
	status, body := s.get(path)
	_, rest, found := strings.Cut(body, `name="base" value="`)
	if status != http.StatusOK || !found {
		s.t.Fatalf("%s: %d %s", path, status, body)
	}
	number, _, _ := strings.Cut(rest, `"`)
	return number
}

// save puts a text into force as an administrator does.
func (s *session) save(path, text string) (int, string) {
	s.t.Helper()
	return s.post(path, url.Values{"faire": {"enregistrer"}, "texte": {text}, "motif": {"essai"}, "base": {s.number(path)}})
}

// A text that is saved is in force at once, for everything in the house.
func TestTextsInForce(t *testing.T) {
	h, s := textHouse(t)
	if status, to := s.save(categoriesText, strings.Replace(textServices, "label: Voirie ", "label: Rues et places ", 1)); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, to)
	}
	if got := h.categoryLabel("rues"); got != "Rues et places" {
		t.Errorf("in lists: %q", got)
	}
	if m, _ := h.secretary.Matter("rues", notice.Ordinary); m.Label != "Rues et places" {
		t.Errorf("in letters: %+v", m)
	}
	if got := formCategories(h.rules)[0].Label; got != "Rues et places" {
		t.Errorf("in the form: %q", got)
	}
	own := strings.Replace(notice.Builtin("are.txt.tmpl"), "La mairie a bien reçu", "La mairie de Ville a bien reçu", 1)
	if status, to := s.save(receiptText, own); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, to)
	}
	if p, err := h.texts.now.Load().templates.Preview("are.txt.tmpl", 0); err != nil || !strings.Contains(p.Text, "La mairie de Ville a bien reçu") {
		t.Errorf("%v %s", err, p.Text)
	}
	if status, to := s.save(repliesText, "replies:\n  - {code: merci, label: Merci, subject: \"{{objet}}\", body: Merci de votre message}\n"); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, to)
	}
	if r := h.texts.now.Load().replies.Replies; len(r) != 1 || r[0].Label != "Merci" {
		t.Errorf("replies: %+v", r)
	}

	// Each has its history, from which it comes back; and the way back to the original.
	_, page := s.get(categoriesText)
	if !strings.Contains(page, "Agent chef") || !strings.Contains(page, "essai") || !strings.Contains(page, "/versions/1") {
		t.Errorf("no history: %s", page)
	}
	if status, to := s.post(categoriesText, url.Values{"faire": {"origine"}, "base": {s.number(categoriesText)}}); status != http.StatusSeeOther || h.categoryLabel("rues") != "Voirie" {
		t.Errorf("original: %d %s, %s", status, to, h.categoryLabel("rues"))
	}
	if status, to := s.post(categoriesText+"/versions/1", url.Values{"base": {s.number(categoriesText)}}); status != http.StatusSeeOther || h.categoryLabel("rues") != "Rues et places" {
		t.Errorf("restored: %d %s, %s", status, to, h.categoryLabel("rues"))
	}
	versions, err := h.store.TextVersions(t.Context(), ingest.TextCategories, ingest.CategoriesName, 0, 10)
	if err != nil || len(versions) != 3 || versions[0].Agent != "chef" {
		t.Errorf("versions: %+v %v", versions, err)
	}
}

// Nothing broken is put into force, and each problem is told by its line.
func TestBrokenTexts(t *testing.T) {
	h, s := textHouse(t)
	noSilence := "Objet : Accusé\n\n{{.Hello}}\n{{.Reference}} {{.ReceivedDay}} {{template \"service\" .}}\n"
	for _, tt := range []struct{ path, text, want string }{
		{categoriesText, strings.Replace(textServices, "label: Voirie", "lable: Voirie", 1), "ligne 5, categories[0].lable\u00a0: clé inconnue\u00a0; vouliez-vous dire label\u00a0?"},
		{categoriesText, strings.Replace(textServices, "label: Voirie", "lable: Voirie", 1), "ligne 4, categories[0].label\u00a0: est obligatoire"},
		{categoriesText, strings.Replace(textServices, ", phone: 01 23 45 67 88", "", 1), "ligne 6, categories[0].service.phone\u00a0: est obligatoire\u00a0: un accusé"},
		{categoriesText, "categories: [", "ligne 1"},
		{categoriesText, "categories: []", "ligne 1, categories\u00a0: il faut au moins une catégorie"},
		{categoriesText, textServices + "\x00", "octets"},
		{categoriesText, strings.Replace(textServices, ", sealed: true", "", 1), "le service CCAS est protégé\u00a0: seul l’un de ses membres"},
		{receiptText, "Objet : x\n\n{{.Nothing}}", "are.txt.tmpl, ligne 3"},
		{receiptText, "Objet : x\n\n{{if}}", "are.txt.tmpl, ligne 3"},
		{receiptText, noSilence, "are.txt.tmpl\u00a0: il manque une mention obligatoire"},
		{receiptText, "no subject", "are.txt.tmpl, ligne 1"},
		{repliesText, "replies:\n  - {code: x, label: X, subject: x, body: \"{{truc}}\"}", "ligne 2, replies[0].body\u00a0: il n’y a pas de champ {{truc}}"},
	} {
		status, body := s.save(tt.path, tt.text)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, htmlEscape(tt.want)) {
			i := strings.Index(body, `id="problemes"`)
			t.Errorf("%.60q: %d, no %q: %.600s", tt.text, status, tt.want, body[max(i, 0):])
		}
	}
	if n, err := h.store.NewestText(t.Context()); n != 0 || err != nil {
		t.Errorf("something was stored: %d %v", n, err)
	}
}

// htmlEscape is how html/template writes a text.
func htmlEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// A category does not go while open requests have it, and a code that requests have gets no
// other name. Of a sealed service nobody learns whether there are any.
func TestCategoryInUse(t *testing.T) {
	h, s := textHouse(t)
	rec := h.submit(ingest.ChannelMailbox, plainMail("a", ""), ingest.MediaMail, ingest.Hints{})
	if q, err := h.store.Request(t.Context(), rec.Request); err != nil || q.Category != "lampes" {
		t.Fatalf("%+v %v", q, err)
	}
	without := func(code string) string {
		before, rest, _ := strings.Cut(textServices, "  - code: "+code+"\n")
		_, after, found := strings.Cut(rest, "  - code:")
		if found {
			after = "  - code:" + after
		}
		return before + after
	}
	renamed := strings.Replace(textServices, "code: lampes", "code: eclairage", 1)
	try := func(text string) desk.TextCheck {
		t.Helper()
		check, err := deskTexts{h.house}.Check(t.Context(), administrator, categoriesKey, text)
		if err != nil {
			t.Fatal(err)
		}
		return check
	}
	const stays = "la catégorie lampes ne peut pas être retirée\u00a0: des demandes ouvertes l’ont (1)"
	for _, text := range []string{without("lampes"), renamed} {
		if status, body := s.save(categoriesText, text); status != http.StatusUnprocessableEntity || !strings.Contains(body, stays) {
			t.Errorf("%d %s", status, body)
		}
	}
	if check := try(without("entraide")); len(check.Problems) != 1 || !strings.HasPrefix(check.Problems[0].Format, "the category %s belongs to a sealed service") || check.Categories[0].All != 0 {
		t.Errorf("a sealed one: %+v", check)
	}
	if status, _ := s.save(categoriesText, without("rues")); status != http.StatusSeeOther {
		t.Errorf("one without requests stays")
	}

	if err := h.store.SetStatus(t.Context(), rec.Request, ingest.StatusClosed, "", "agent:chef"); err != nil {
		t.Fatal(err)
	}
	if check := try(renamed); len(check.Problems) != 1 || !strings.HasPrefix(check.Problems[0].Format, "the code %s cannot become %s") {
		t.Errorf("renamed: %+v", check)
	}
	if check := try(without("lampes")); len(check.Problems) != 0 || len(check.Warnings) != 1 || !strings.HasPrefix(check.Warnings[0].Format, "the category %s goes") {
		t.Errorf("with closed requests: %+v", check)
	}
	if status, _ := s.save(categoriesText, without("lampes")); status != http.StatusSeeOther {
		t.Error("one with closed requests stays")
	}
}

// The form changes the file as a person would: what else stands in it stays.
func TestCategoryForm(t *testing.T) {
	h, s := textHouse(t)
	const path = "/agent/administration/categories/rues"
	form := func(more ...string) url.Values {
		v := url.Values{
			"faire": {"enregistrer"}, "base": {s.number(path)}, "libelle": {"Voirie"}, "service": {"Voirie"}, "courriel": {"voirie@ville.test"},
			"telephone": {"01 23 45 67 88"}, "adresse": {""}, "avis": {"each"}, "sens": {"rejection"}, "mois": {"2"}, "exceptions": {""},
		}
		for i := 0; i < len(more); i += 2 {
			v[more[i]] = append(v[more[i]][:0:0], more[i+1])
		}
		return v
	}
	if status, to := s.post(path, form("telephone", "01 00 00 00 00", "partout", "1", "muets", "assigned", "motif", "standard")); status != http.StatusSeeOther || to != "/agent/administration/categories" {
		t.Fatalf("%d %s", status, to)
	}
	text, err := deskTexts{h.house}.Text(t.Context(), administrator, categoriesKey)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(textServices, "01 23 45 67 88", "01 00 00 00 00")
	// The new line stands below those entries that take one line each.
	want = strings.Replace(want, "any: [nid de poule]}]\n", "any: [nid de poule]}]\n    quiet: [assigned]\n", 1)
	if text.Content != want {
		t.Errorf("the file is\n%s", text.Content)
	}
	if c, _ := h.rules.File().Category("lampes"); c.Service.Phone != "01 00 00 00 00" {
		t.Errorf("the same service elsewhere: %+v", c.Service)
	}

	// A wrong field is told beside it, and what was typed stays.
	for _, tt := range []struct{ field, value, want string }{
		{"courriel", "pas une adresse", `id="courriel-erreur">doit être une adresse`},
		{"mois", "99", `id="mois-erreur">doit être entre 1 et 24`},
		{"mois", "deux", `id="mois-erreur">il faut un nombre entier`},
		{"libelle", " ", `id="libelle-erreur">est obligatoire`},
	} {
		if status, body := s.post(path, form(tt.field, tt.value)); status != http.StatusUnprocessableEntity || !strings.Contains(body, tt.want) ||
			tt.field == "courriel" && !strings.Contains(body, `value="pas une adresse"`) {
			t.Errorf("%s: %d, no %s in %s", tt.field, status, tt.want, body)
		}
	}
	if status, body := s.post(path, form("faire", "verifier", "sens", "acceptance")); status != http.StatusOK || !strings.Contains(body, "<ins>acceptation</ins>") || h.rules.File().Categories[0].Silence.Sense != "rejection" {
		t.Errorf("a check: %d %s", status, body)
	}
	if status, _ := s.get("/agent/administration/categories/none"); status != http.StatusNotFound {
		t.Errorf("no category: %d", status)
	}

	// A new one.
	const fresh = "/agent/administration/categories/Nouvelle"
	v := form("code", "velos", "libelle", "Vélos", "service", "Mobilités")
	v.Set("base", s.number(fresh))
	if status, to := s.post(fresh, v); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, to)
	}
	if c, ok := h.rules.File().Category("velos"); !ok || c.Label != "Vélos" || c.Service.Name != "Mobilités" {
		t.Errorf("%+v", h.rules.File().Categories)
	}
	for _, code := range []string{"Vélos", "velos", ""} {
		v.Set("code", code)
		v.Set("base", s.number(fresh))
		if status, _ := s.post(fresh, v); status == http.StatusSeeOther {
			t.Errorf("code %q was added", code)
		}
	}
}

// Whoever administers nothing changes nothing, whatever way they come.
func TestTextRights(t *testing.T) {
	h, _ := textHouse(t)
	d := deskTexts{h.house}
	for _, role := range []ingest.Role{ingest.RoleReader, ingest.RoleAgent, ingest.RoleManager} {
		v := ingest.Viewer{Login: "x", Role: role}
		if _, err := d.List(t.Context(), v); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("%s lists: %v", role, err)
		}
		if _, err := d.EditCategory(t.Context(), v, desk.CategoryForm{Code: "rues"}, false); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("%s edits: %v", role, err)
		}
		if err := d.Save(t.Context(), v, desk.TextChange{Key: categoriesKey, Content: textServices}); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("%s saves: %v", role, err)
		}
		h.agent(string(role), role)
		if status, _ := h.as(string(role)).post(categoriesText, url.Values{"faire": {"enregistrer"}, "texte": {textServices}, "base": {"0"}}); status != http.StatusForbidden {
			t.Errorf("%s posts: %d", role, status)
		}
	}
	for _, key := range []desk.TextKey{{Kind: "letter", Name: "../are.txt.tmpl"}, {Kind: "other", Name: "categories.yaml"}, {}} {
		if err := d.Save(t.Context(), administrator, desk.TextChange{Key: key, Content: "x"}); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%v: %v", key, err)
		}
	}
	member := administrator
	member.Hidden = nil
	open := strings.Replace(textServices, ", sealed: true", "", 1)
	if err := d.Save(t.Context(), member, desk.TextChange{Key: categoriesKey, Content: open}); err != nil {
		t.Errorf("a member opens their service: %v", err)
	}
	if sealed, err := h.store.Sealed(t.Context()); err != nil || len(sealed) != 0 {
		t.Errorf("sealed: %q %v", sealed, err)
	}
}

// What a newer program finds wrong with a stored text keeps nothing from starting: letters
// give way to the original, and of the categories counts all that can be understood.
func TestStoredTextWithFaults(t *testing.T) {
	h, s := textHouse(t)
	for _, text := range []ingest.TownText{
		{Kind: ingest.TextLetter, Name: "are.txt.tmpl", Content: "Objet : x\n{{.Gone}}"},
		{Kind: ingest.TextLetter, Name: "joined.txt.tmpl", Content: "Objet : suite\n\n{{.Hello}} {{template \"foot\" .}}"},
		{Kind: ingest.TextLetter, Name: "gone.txt.tmpl", Content: "Objet : x"},
		{Kind: ingest.TextCategories, Name: ingest.CategoriesName, Content: strings.Replace(textServices, "label: Voirie ", "lable: Rues ", 1)},
		{Kind: ingest.TextReplies, Name: ingest.RepliesName, Content: "replies: []"},
	} {
		if _, err := h.store.SaveTownText(t.Context(), storeChange(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := h.texts.now.Load()
	if len(now.faults) != 4 || len(now.replies.Replies) < 2 || len(h.rules.File().Categories) != 3 || !h.rules.File().Categories[2].Service.Sealed {
		t.Errorf("faults: %v, %d categories", now.faults, len(h.rules.File().Categories))
	}
	for name, want := range map[string]string{"are.txt.tmpl": "La mairie a bien reçu", "joined.txt.tmpl": "Bonjour"} {
		if p, err := now.templates.Preview(name, 0); err != nil || !strings.Contains(p.Text, want) || name == "joined.txt.tmpl" && p.Subject != "suite" {
			t.Errorf("%s: %v %+v", name, err, p)
		}
	}
	if _, body := s.get("/agent/administration/textes"); strings.Count(body, "à corriger") != 3 {
		t.Errorf("not told: %s", body)
	}
	if _, body := s.get(receiptText); !strings.Contains(body, "are.txt.tmpl, ligne 2") {
		t.Errorf("not told: %s", body)
	}
	// Another letter can be changed all the same.
	if status, body := s.save("/agent/administration/textes/letter/aee.txt.tmpl", notice.Builtin("aee.txt.tmpl")+"\nBien à vous\n"); status != http.StatusSeeOther {
		t.Errorf("%d %s", status, body)
	}
}

// Every command takes the text in force from the store, beside a daemon or without one, and
// those that need no store do without.
func TestCommandsTakeTheTextInForce(t *testing.T) {
	if testing.Short() {
		t.Skip("runs seven programs")
	}
	t.Parallel()
	tw := quietTown(t, "")
	// No store yet: the file, or what is built in.
	if out, code := tw.saisine("deadlines", "--category", "voirie", "--received", "2026-04-23"); code != 0 || !strings.Contains(out, "2 mois") {
		t.Errorf("without a store: %d %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(tw.data, "saisine.db")); err == nil {
		t.Error("a dry run made a database")
	}
	s := openStoreOf(t, tw)
	text := strings.Replace(textServices, "phrases: [{weight: 3, any: [nid de poule]}]", "silence: {sense: rejection, months: 5}\n    phrases: [{weight: 3, any: [licorne]}]", 1)
	number, err := s.SaveTownText(t.Context(), storeChange(ingest.TownText{Kind: ingest.TextCategories, Name: ingest.CategoriesName, Content: text, Agent: "jo"}))
	if err != nil {
		t.Fatal(err)
	}
	letter := ingest.TownText{Kind: ingest.TextLetter, Name: "are.txt.tmpl", Content: "Objet : x\n{{.Gone}}", Agent: "jo"}
	for _, open := range []bool{true, false} {
		if !open {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			args []string
			want string
		}{
			{[]string{"deadlines", "--category", "rues", "--received", "2026-04-23"}, "5 mois"},
			{[]string{"check-config"}, "categories.yaml: the text of the desk is in force (version " + strconv.FormatInt(number, 10)},
		} {
			if out, code := tw.saisine(c.args...); code != 0 || !strings.Contains(out, c.want) {
				t.Errorf("%s (store open: %t): exit %d, %s", c.args[0], open, code, out)
			}
		}
	}
	if out, errOut, code := tw.output("separators", "--service", "Mobilités", "--output", filepath.Join(tw.dir, "s.pdf")); code != exitUsage || !strings.Contains(errOut, "CCAS") {
		t.Errorf("separators: exit %d, %s%s", code, out, errOut)
	}
	s = openStoreOf(t, tw)
	if _, err := s.SaveTownText(t.Context(), storeChange(letter)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, errOut, code := tw.output("check-config"); code != exitUsage || !strings.Contains(errOut, "are.txt.tmpl") {
		t.Errorf("check-config with a broken letter: exit %d, %s%s", code, out, errOut)
	}
	if out, errOut, code := tw.output("requests", "set-category", "2026-000001", "elections"); code != exitUsage || !strings.Contains(errOut, "there are entraide, lampes, rues") {
		t.Errorf("set-category: exit %d, %s%s", code, out, errOut)
	}
}
