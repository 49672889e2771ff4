package notice

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBuiltinNames(t *testing.T) {
	names := TextNames()
	if !slices.IsSorted(names) || len(names) != 2*len(LetterKinds())+2 {
		t.Errorf("names %v", names)
	}
	for _, kind := range LetterKinds() {
		for _, ext := range []string{".txt.tmpl", ".html.tmpl"} {
			if name := string(kind) + ext; !slices.Contains(names, name) || Builtin(name) == "" {
				t.Errorf("%s is missing", name)
			}
		}
	}
	for _, name := range []string{"", "x.txt.tmpl", "../letter.go", "."} {
		if got := Builtin(name); got != "" {
			t.Errorf("Builtin(%q) = %.20q", name, got)
		}
	}
}

func TestTownTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("aee.txt.tmpl", "\ufeffObjet : Reçu, {{.Reference}}\r\n\r\nMerci {{.Citizen.Name}}.\r\n{{template \"foot\" .}}")
	write(".aee.txt.tmpl.swp", "{{")
	texts, err := LoadTemplates(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, l := letterOf(t, LetterAEE, Rule{})
	r, err := texts.Render(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if r.Subject != "Reçu, 2026-000123" || !strings.HasPrefix(r.Text, "Merci Jeanne Martin.\n") || !strings.Contains(r.Text, "Mairie de Saint-Exemple") {
		t.Errorf("%q\n%s", r.Subject, r.Text)
	}
	if !strings.Contains(r.HTML, "Votre message est bien arrivé") {
		t.Errorf("the page is not the built-in one:\n%s", r.HTML)
	}
	// Every built-in text, copied, is what it was.
	for _, name := range TextNames() {
		write(name, Builtin(name))
	}
	if _, err := LoadTemplates(dir); err != nil {
		t.Error(err)
	}
}

func TestTownTextsWithMistakes(t *testing.T) {
	without := func(name, old string) string {
		s := Builtin(name)
		if !strings.Contains(s, old) {
			t.Fatalf("%s does not hold %q", name, old)
		}
		return strings.Replace(s, old, "", 1)
	}
	for _, tt := range []struct{ name, file, content, want string }{
		{"unknown name", "ara.txt.tmpl", "", "ara.txt.tmpl is no text of a letter; known are aee.html.tmpl, "},
		{"syntax", "are.txt.tmpl", "Objet : x\n\n{{if}}", "are.txt.tmpl:3"},
		{"unclosed", "are.html.tmpl", "<p>{{range .Pieces}}", "are.html.tmpl:1"},
		{"unknown field", "status.txt.tmpl", "Objet : x\n\n{{.Telephone}}", "status.txt.tmpl:3"},
		{"unknown field of some letters only", "status.txt.tmpl", "Objet : x\n{{if eq .Status \"closed\"}}\n{{.Service.Fax}}{{end}}", "status.txt.tmpl:3"},
		{"unknown field where facts are few", "are.txt.tmpl", strings.Replace(Builtin("are.txt.tmpl"), "{{.Hello}}", "{{if not .FollowURL}}{{.Lien}}{{end}}", 1), "are.txt.tmpl:3"},
		{"unknown field in the page", "digest.html.tmpl", "{{range .Items}}\n{{.Titre}}{{end}}", "digest.html.tmpl:2"},
		{"unknown part", "joined.txt.tmpl", "Objet : x\n{{template \"pied\" .}}", "joined.txt.tmpl"},
		{"page that cannot be escaped", "aee.html.tmpl", "<p>\n<a href=\"{{if .Reference}}\">", "aee.html.tmpl"},
		{"no subject", "aee.txt.tmpl", "Bonjour\n\n{{.Reference}}", "aee.txt.tmpl:1"},
		{"empty subject", "aee.txt.tmpl", "Objet : {{with .FollowURL}}{{end}}\n\nBonjour", "aee.txt.tmpl:1"},
		{"not UTF-8", "aee.txt.tmpl", "Objet : re\xe7u", "not written in UTF-8"},
		{"too long", "aee.txt.tmpl", strings.Repeat("x", maxTemplate+1), "at most"},
		{"ARE without the reception", "are.txt.tmpl", without("are.txt.tmpl", "{{.Received}}"), "are.txt.tmpl does not show a mandatory mention (CRPA R112-11-1, R112-5): date de réception"},
		{"ARE without the service", "are.html.tmpl", without("are.html.tmpl", `{{template "service" .}}`), "are.html.tmpl does not show a mandatory mention (CRPA R112-11-1, R112-5): nom du service"},
		{"ARE without silence", "are.txt.tmpl", without("are.txt.tmpl", `{{template "silence" .}}`), "are.txt.tmpl does not show a mandatory mention"},
		{"paper without pieces", "paper.txt.tmpl", without("paper.txt.tmpl", `{{template "pieces" .}}`), "délai pour les pièces"},
		{"no attestation", "layout.txt.tmpl", without("layout.txt.tmpl", "L232-3"), "L232-3"},
		{"no CADA", "layout.html.tmpl", strings.ReplaceAll(Builtin("layout.html.tmpl"), "CADA", ""), "CADA"},
		{"no appeal", "layout.txt.tmpl", strings.ReplaceAll(Builtin("layout.txt.tmpl"), "{{.Appeal}}", ""), "délai de recours"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadTemplates(dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := LoadTemplates(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there was read")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "aee.txt.tmpl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTemplates(dir); err == nil {
		t.Error("a folder was taken for a text")
	}
}
