package notice

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Every text can be shown on every one of its samples, each under a name of its own.
func TestPreview(t *testing.T) {
	texts := builtinTexts(t)
	for _, name := range TextNames() {
		names, err := Samples(name)
		if err != nil || len(names) < 15 {
			t.Fatalf("%s: %q %v", name, names, err)
		}
		seen := map[string]bool{}
		for i, sample := range names {
			if seen[sample] || strings.TrimSpace(sample) == "" {
				t.Errorf("%s: %q is there twice", name, sample)
			}
			seen[sample] = true
			p, err := texts.Preview(name, i)
			if err != nil || p.Subject == "" || p.Text == "" || p.HTML == "" {
				t.Errorf("%s, %s: %+v %v", name, sample, p, err)
			}
			printed := strings.HasPrefix(name, "paper.") || strings.HasPrefix(name, "reply_paper.")
			if bytes.HasPrefix(p.PDF, []byte("%PDF-")) != printed {
				t.Errorf("%s, %s: a PDF of %d bytes", name, sample, len(p.PDF))
			}
		}
		if _, err := texts.Preview(name, len(names)); !errors.Is(err, ErrNoText) {
			t.Errorf("%s: sample %d: %v", name, len(names), err)
		}
	}
	for _, name := range []string{"are", "none.txt.tmpl", "../are.txt.tmpl", ""} {
		if _, err := Samples(name); !errors.Is(err, ErrNoText) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := texts.Preview(name, 0); !errors.Is(err, ErrNoText) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What was changed at the desk goes before the files of the town's folder, and both before
// what is built in.
func TestLoadTemplatesWith(t *testing.T) {
	_, rest, _ := strings.Cut(Builtin("joined.txt.tmpl"), "\n")
	own := "Objet : [desk]\n" + rest
	texts, err := LoadTemplatesWith("", map[string]string{"joined.txt.tmpl": "\ufeff" + strings.ReplaceAll(own, "\n", "\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := texts.Preview("joined.txt.tmpl", 0); err != nil || p.Subject != "[desk]" || strings.Contains(p.Text, "\r") {
		t.Errorf("%+v %v", p, err)
	}
	var omitted *OmittedError
	for _, tt := range []struct{ name, content, want string }{
		{"none.txt.tmpl", "x", "no text of a letter"},
		{"are.txt.tmpl", "Objet : x\n{{.Nothing}}", "are.txt.tmpl:2"},
		{"are.txt.tmpl", "Objet : x\n\xff", "UTF-8"},
		{"are.txt.tmpl", "Objet : x\n" + strings.Repeat(" ", maxTemplate), "at most"},
		{"are.txt.tmpl", "Objet : x\n", "mandatory mention"},
	} {
		_, err := LoadTemplatesWith("", map[string]string{tt.name: tt.content})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %.30q: %v", tt.name, tt.content, err)
		}
		if errors.As(err, &omitted) != (tt.want == "mandatory mention") {
			t.Errorf("%v", err)
		}
	}
	if content, own, err := File("", "are.txt.tmpl"); err != nil || own || content != Builtin("are.txt.tmpl") {
		t.Errorf("%q %t %v", content, own, err)
	}
}
