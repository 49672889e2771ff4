package desk

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// textShelf is a Texts that keeps one letter and the categories file.
type textShelf struct {
	Texts
	text  TownText
	saved []TextChange
}

func (s *textShelf) List(context.Context, ingest.Viewer) ([]TownText, error) {
	return []TownText{{Key: categoriesKey}, s.text}, nil
}

func (s *textShelf) Text(_ context.Context, _ ingest.Viewer, key TextKey) (TownText, error) {
	if key != s.text.Key {
		return TownText{}, ingest.ErrNotFound
	}
	return s.text, nil
}

func (s *textShelf) Version(_ context.Context, _ ingest.Viewer, _ TextKey, number int64) (TextVersion, error) {
	if number == 3 {
		return TextVersion{Number: 3, At: bureauNow, By: "Jo"}, nil // back to the original
	}
	if number != 4 {
		return TextVersion{}, ingest.ErrNotFound
	}
	return TextVersion{Number: 4, At: bureauNow, By: "Jo", Note: "avant", Content: "old\n"}, nil
}

func (s *textShelf) Check(_ context.Context, _ ingest.Viewer, _ TextKey, content string) (TextCheck, error) {
	if strings.Contains(content, "broken") {
		return TextCheck{Problems: []TextProblem{{File: "are.html.tmpl", Line: 12, Path: "a.b", Format: "unknown key; did you mean %s?", Args: []any{"<label>"}}}}, nil
	}
	return TextCheck{Categories: []CategoryChange{{Code: "voirie", Label: "Voirie", All: 3, Open: 2, Fields: []FieldChange{{"silence.sense", "rejection", "none"}}}}}, nil
}

func (s *textShelf) Samples(TextKey) []string { return []string{"Le silence vaut rejet"} }

func (s *textShelf) Preview(_ context.Context, _ ingest.Viewer, _ TextKey, content string, sample int) (TextPreview, error) {
	switch {
	case strings.Contains(content, "broken"):
		return TextPreview{}, &TextError{Problems: []TextProblem{{Line: 2, Format: "%s", Args: []any{"<script>alert(1)</script>"}}}}
	case sample > 0:
		return TextPreview{}, ingest.ErrNotFound
	case strings.Contains(content, "plain"):
		return TextPreview{Subject: "Sujet", Text: "<b>plain</b>"}, nil
	}
	return TextPreview{HTML: "<html><body style=\"color:red\"><script>alert(1)</script>" + content + "</body></html>", PDF: []byte("%PDF-1")}, nil
}

func (s *textShelf) Save(_ context.Context, _ ingest.Viewer, c TextChange) error {
	if strings.Contains(c.Content, "broken") {
		return &TextError{Problems: []TextProblem{{Line: 1, Format: "is required"}}}
	}
	if c.Base != s.text.Number {
		return ingest.Refused("somebody has changed this text in the meantime; load it again and make your change anew")
	}
	s.saved = append(s.saved, c)
	return nil
}

const arePath = "/agent/administration/textes/letter/are.html.tmpl"

func newTextDesk(t *testing.T, role ingest.Role) (*deskClient, *textShelf) {
	t.Helper()
	s := &textShelf{text: TownText{
		Key: TextKey{ingest.TextLetter, "are.html.tmpl"}, Content: "one\n<two>\nthree\n", Original: "one\n", Number: 5, Own: true, ChangedAt: bureauNow, ChangedBy: "Jo",
		Versions: []TextVersion{{Number: 5, At: bureauNow, By: "Jo"}, {Number: 4, At: bureauNow, By: "Jo", Note: "avant"}},
	}}
	a, err := New(Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris", Email: "mairie@ville.test"}, Now: func() time.Time { return bureauNow },
		Texts: s, Machine: machineOf{},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := ingest.Viewer{Login: "jo", Name: "Jo", Role: role, Language: french}
	a.identify = func(*http.Request) (ingest.Viewer, bool) { return v, true }
	return &deskClient{t: t, a: a, handler: a.Handler()}, s
}

type machineOf struct{}

func (machineOf) State(context.Context) (MachineState, error) {
	return MachineState{
		Version: "1.2.3", Started: bureauNow, Waiting: 2, Oldest: 3 * time.Hour, DiskFree: 1 << 30, DiskSize: 100 << 30, Database: 5 << 20,
		Model:  ModelState{Version: "builtin-x", TrainedAt: bureauNow, Accuracy: 0.96, Making: true},
		Queues: []QueueState{{Name: "mail", Pending: 4, Latency: 90 * time.Second, Paused: true}, {Name: "other"}},
	}, nil
}

func TestTextPage(t *testing.T) {
	c, s := newTextDesk(t, ingest.RoleAdministrator)
	status, body := c.get(arePath)
	if status != http.StatusOK || !strings.Contains(body, "&lt;two&gt;\nthree") || !strings.Contains(body, `name="base" value="5"`) || !strings.Contains(body, `sandbox src="`+arePath+`/apercu"`) {
		t.Fatalf("%d %s", status, body)
	}
	typed := func(do, text string) url.Values {
		return url.Values{"faire": {do}, "texte": {text}, "motif": {"le <motif>"}, "base": {"5"}}
	}
	// What is broken is told by its line; what was typed stays, and nothing is saved.
	status, body = c.post(arePath, typed("enregistrer", "broken\r\n<x>"))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "are.html.tmpl, ligne 12, a.b\u00a0: clé inconnue\u00a0; vouliez-vous dire &lt;label&gt;\u00a0?") ||
		!strings.Contains(body, ">\nbroken\n&lt;x&gt;</textarea>") || !strings.Contains(body, "le &lt;motif&gt;") || !strings.Contains(body, `aria-invalid="true"`) || len(s.saved) > 0 {
		t.Errorf("%d %s", status, body)
	}
	// A check shows the lines that change and what that does, and saves nothing.
	status, body = c.post(arePath, typed("verifier", "one\r\n2\r\nthree\r\n"))
	if status != http.StatusOK || !strings.Contains(body, "<del>&lt;two&gt;</del>") || !strings.Contains(body, "<ins>2</ins>") || !strings.Contains(body, "3 demandes, dont 2 ouvertes") ||
		!strings.Contains(body, "Sens du silence&nbsp;: <del>rejet</del>") || len(s.saved) > 0 {
		t.Errorf("%d %s", status, body)
	}
	status, body = c.post(arePath, typed("enregistrer", "one\r\n2\r\n"))
	if status != http.StatusSeeOther || !strings.HasPrefix(body, arePath+" | Accusé de réception électronique (page HTML)\u00a0:") {
		t.Errorf("%d %s", status, body)
	}
	status, _ = c.post(arePath, typed("origine", "whatever is typed"))
	want := []TextChange{{s.text.Key, "one\n2\n", "le <motif>", 5}, {s.text.Key, "", "le <motif>", 5}}
	if status != http.StatusSeeOther || !slices.Equal(s.saved, want) {
		t.Errorf("%d %+v", status, s.saved)
	}
	stale := typed("enregistrer", "one")
	stale.Set("base", "4")
	if status, body = c.post(arePath, stale); status != http.StatusConflict || !strings.Contains(body, "a changé ce texte") || !strings.Contains(body, ">\none</textarea>") ||
		!strings.Contains(body, `name="base" value="5"`) || !strings.Contains(body, "<del>&lt;two&gt;</del>") || len(s.saved) != 2 {
		t.Errorf("%d %s", status, body)
	}
	if status, _ = c.get("/agent/administration/textes/letter/none.txt.tmpl"); status != http.StatusNotFound {
		t.Errorf("no text: %d", status)
	}
	if status, _ = c.post(arePath, typed("verifier", strings.Repeat("é", 2<<20))); status != http.StatusConflict {
		t.Errorf("too long: %d", status)
	}
}

func TestTextVersions(t *testing.T) {
	c, s := newTextDesk(t, ingest.RoleAdministrator)
	status, body := c.get(arePath + "/versions/4")
	if status != http.StatusOK || !strings.Contains(body, "<ins>old</ins>") || !strings.Contains(body, "avant") {
		t.Errorf("%d %s", status, body)
	}
	if status, body = c.get(arePath + "/versions/3"); status != http.StatusOK || !strings.Contains(body, "revient au texte d’origine") || !strings.Contains(body, "<del>&lt;two&gt;</del>") {
		t.Errorf("%d %s", status, body)
	}
	for _, number := range []string{"9", "x", "4x"} {
		if status, _ := c.get(arePath + "/versions/" + number); status != http.StatusNotFound {
			t.Errorf("version %s: %d", number, status)
		}
	}
	for number, want := range map[string]string{"4": "old\n", "3": ""} {
		s.saved = nil
		if status, body = c.post(arePath+"/versions/"+number, url.Values{"base": {"5"}}); status != http.StatusSeeOther || len(s.saved) != 1 || s.saved[0].Content != want || s.saved[0].Base != 5 {
			t.Errorf("%d %s %+v", status, body, s.saved)
		}
	}
	if status, _ = c.post(arePath+"/versions/4", url.Values{"base": {"4"}}); status != http.StatusConflict {
		t.Errorf("restored over a newer one: %d", status)
	}
}

// A preview stands in a frame of our page only, runs nothing, loads nothing and posts nothing.
func TestPreviewFrame(t *testing.T) {
	c, _ := newTextDesk(t, ingest.RoleAdministrator)
	for _, tt := range []struct {
		text   string
		status int
		want   string
	}{
		{"", http.StatusOK, "&lt;two&gt;"}, // GET: the text in force, as the letter has it
		{"<p>typed</p>", http.StatusOK, "<p>typed</p>"},
		{"plain", http.StatusOK, "<pre>&lt;b&gt;plain&lt;/b&gt;</pre>"},
		{"broken", http.StatusUnprocessableEntity, "ligne 2\u00a0: &lt;script&gt;"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, arePath+"/apercu", strings.NewReader(url.Values{"texte": {tt.text}, "exemple": {"0"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.text == "" {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, arePath+"/apercu", nil)
			tt.want = "<two>"
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%q: %d %s", tt.text, w.Code, w.Body)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != previewPolicy {
			t.Errorf("%q: policy %q", tt.text, got)
		}
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'self'", "form-action 'none'", "sandbox"} {
			if !strings.Contains(previewPolicy, part) {
				t.Errorf("the policy lacks %s", part)
			}
		}
		if strings.Contains(previewPolicy, "script") || strings.Contains(previewPolicy, "allow-") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: headers %v", tt.text, w.Header())
		}
	}
	if status, _ := c.post(arePath+"/apercu", url.Values{"texte": {"x"}, "exemple": {"7"}}); status != http.StatusNotFound {
		t.Errorf("another sample: %d", status)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, arePath+"/apercu.pdf", strings.NewReader("texte=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="apercu.pdf"` || w.Body.String() != "%PDF-1" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if status, _ := c.post(arePath+"/apercu.pdf", url.Values{"texte": {"broken"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("a PDF of what is broken: %d", status)
	}
}

func TestAdministrationPages(t *testing.T) {
	c, _ := newTextDesk(t, ingest.RoleAdministrator)
	for path, want := range map[string][]string{
		"/agent/administration":         {"/agent/administration/textes", "/agent/administration/machine"},
		"/agent/administration/textes":  {"Fichier des catégories", arePath, "changé ici"},
		"/agent/administration/machine": {"1.2.3", "Courriels et formulaires", "3 heures", "en pause", "96", "presque plein", "en train d’être appris"},
		"/agent/aide":                   {"<kbd>j</kbd>", "le vôtre", "mairie@ville.test"},
	} {
		status, body := c.get(path)
		for _, w := range want {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %q in %s", path, status, w, body)
			}
		}
	}
	for _, role := range []ingest.Role{ingest.RoleReader, ingest.RoleAgent, ingest.RoleManager} {
		c, s := newTextDesk(t, role)
		for _, path := range []string{"/agent/administration", "/agent/administration/textes", arePath, arePath + "/versions/4", arePath + "/apercu", "/agent/administration/categories", "/agent/administration/machine"} {
			if status, _ := c.get(path); status != http.StatusForbidden {
				t.Errorf("%s gets %s: %d", role, path, status)
			}
		}
		if status, _ := c.post(arePath, url.Values{"texte": {"x"}, "base": {"5"}}); status != http.StatusForbidden || len(s.saved) > 0 {
			t.Errorf("%s posts: %d", role, status)
		}
		if status, _ := c.get("/agent/aide"); status != http.StatusOK {
			t.Errorf("%s: no help", role)
		}
	}
}

func TestDiffLines(t *testing.T) {
	text := func(d lineDiff) string {
		var b strings.Builder
		for _, l := range d.Lines {
			if l.Gap {
				b.WriteString("…|")
			}
			fmt.Fprintf(&b, "%s%d/%d %s|", l.Mark, l.Old, l.New, l.Text)
		}
		return b.String()
	}
	for _, tt := range []struct{ before, after, want string }{
		{"", "", ""},
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\n", "a\nb", ""},
		{"", "a\n", "+0/1 a|"},
		{"a\n", "", "-1/0 a|"},
		{"a\nb\nc\n", "a\nB\nc\nd\n", "1/1 a|-2/0 b|+0/2 B|3/3 c|+0/4 d|"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\nx\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\ny\n", "…|7/7 7|8/8 8|9/9 9|-10/0 x|+0/10 y|"},
	} {
		if got := text(diffLines(tt.before, tt.after)); got != tt.want {
			t.Errorf("%q to %q: %s, want %s", tt.before, tt.after, got, tt.want)
		}
	}
	long := strings.Repeat("x\n", maxDiffLines+1)
	if d := diffLines(long, "x"); !d.Long || len(d.Lines) > 0 {
		t.Error("too long, and compared")
	}
	// As many different lines as fit: no two become one character.
	var b strings.Builder
	for i := range maxDiffLines {
		fmt.Fprintln(&b, i)
	}
	if d := diffLines(b.String(), strings.Replace(b.String(), "\n19000\n", "\nx\n", 1)); len(d.Lines) != 8 {
		t.Errorf("%d lines", len(d.Lines))
	}
}

var fieldsOfText = regexp.MustCompile(`%[a-z]`)

// All that can be wrong with a text is told in French, with the same arguments in their order.
func TestProblemsInFrench(t *testing.T) {
	found := 0
	for path, functions := range map[string][]string{
		"../../config/strictyaml/decode.go": {"add"}, "../../ingest/classify/categories.go": {"add", "New"}, "../../ingest/classify/parse.go": {"lacks"},
		"../../ingest/notice/replies.go": {"problem"}, "../../cmd/saisine/desk_texts.go": {"broken"}, "../../cmd/saisine/desk_textcheck.go": {"problem"},
	} {
		for _, format := range literals(t, path, functions) {
			found++
			if _, ok := frenchProblems[format]; !ok && !strings.HasPrefix(format, "%s") && !strings.HasPrefix(format, "cannot be set") {
				t.Errorf("%s: no French for %q", path, format)
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d found", found)
	}
	for format, text := range frenchProblems {
		if want, got := fieldsOfText.FindAllString(format, -1), fieldsOfText.FindAllString(text, -1); !slices.Equal(got, want) {
			t.Errorf("%q has %v, its French %v", format, want, got)
		}
		if strings.Contains(text, "'") || regexp.MustCompile(`[^\x{a0}][:;!?]( |$)`).MatchString(text) {
			t.Errorf("%q: apostrophe ’, and a no-break space before : ; ! ?", text)
		}
	}
}

// literals returns the texts with a space that functions of these names are given in a file,
// and those of fields named Format.
func literals(t *testing.T, path string, functions []string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	text := func(e ast.Expr) {
		if b, ok := e.(*ast.BasicLit); ok && b.Kind == token.STRING {
			if s, err := strconv.Unquote(b.Value); err == nil && strings.Contains(s, " ") {
				out = append(out, s)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch f := x.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			if slices.Contains(functions, name) {
				for _, arg := range x.Args {
					text(arg)
				}
			}
		case *ast.KeyValueExpr:
			if id, ok := x.Key.(*ast.Ident); ok && id.Name == "Format" {
				text(x.Value)
			}
		}
		return true
	})
	return out
}

// Every letter, sample and word of these pages has its English.
func TestAdministrationInEnglish(t *testing.T) {
	known := func(key string) bool {
		if _, french := frenchProblems[key]; french {
			return true
		}
		return slices.ContainsFunc(words, func(m map[string]string) bool { _, ok := m[key]; return ok })
	}
	for _, name := range notice.TextNames() {
		kind, _, _ := strings.Cut(name, ".")
		if _, ok := letterLabels[kind]; !ok || !slices.Contains(letterOrder, kind) {
			t.Errorf("%s has no label or place", name)
		}
		samples, err := notice.Samples(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			if !known(s) && !strings.HasPrefix(s, "Statut") && !strings.HasSuffix(s, ")") {
				t.Errorf("no English for the sample %q", s)
			}
		}
	}
	for _, labels := range []map[string]string{letterLabels, fieldLabels, queueLabels, valueLabels["service.mail"], valueLabels["silence.sense"], valueLabels["public"]} {
		for _, label := range labels {
			if !known(label) {
				t.Errorf("no English for %q", label)
			}
		}
	}
	key := regexp.MustCompile(`\bt "((?:[^"\\]|\\.)*)"`)
	for _, name := range []string{"administration", "textes", "_textes", "texte", "version", "categories", "categorie", "machine", "aide"} {
		text, err := os.ReadFile("templates/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(text), -1) {
			if !known(m[1]) {
				t.Errorf("%s.html: no English for %q", name, m[1])
			}
		}
	}
}
