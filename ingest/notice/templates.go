package notice

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	texttemplate "text/template"
	"unicode/utf8"
)

//go:embed templates/*.tmpl
var builtin embed.FS

// maxTemplate bounds a file of the town, in bytes.
const maxTemplate = 1 << 20

// Templates are the texts of the letters. They never change after LoadTemplates, and may
// be used from several goroutines.
type Templates struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// LoadTemplates returns the built-in texts, with those files of dir in their place that
// have the same name; "" is no folder. Names that begin with a dot are passed over.
//
// Every text is tried on sample facts. An error names the file and, where there is one,
// the line: a name that is no text's, a mistake in a template, a field that does not
// exist, or a mandatory mention that an acknowledgement no longer shows.
func LoadTemplates(dir string) (*Templates, error) { return LoadTemplatesWith(dir, nil) }

// LoadTemplatesWith is LoadTemplates with texts, by their names, that go before the files of
// dir. A name that is no text's is an error.
func LoadTemplatesWith(dir string, texts map[string]string) (*Templates, error) {
	files, err := townFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("notice: texts of letters: %w", err)
	}
	for name, content := range texts {
		if files[name], err = townText(name, content); err != nil {
			return nil, fmt.Errorf("notice: texts of letters: %w", err)
		}
	}
	t, err := parseAll(files)
	if err != nil {
		in := ""
		if len(texts) == 0 && dir != "" {
			in = " in " + dir
		}
		return nil, fmt.Errorf("notice: texts of letters%s: %w", in, err)
	}
	return t, nil
}

// File returns a text as it is in a folder of the town's own, or the built-in one; own tells
// which. dir may be "".
func File(dir, name string) (content string, own bool, err error) {
	files, err := townFiles(dir)
	if err != nil {
		return "", false, fmt.Errorf("notice: texts of letters: %w", err)
	}
	if content, own = files[name]; own {
		return content, true, nil
	}
	return Builtin(name), false, nil
}

// parseAll makes Templates of the built-in texts and those in their place, and tries them.
func parseAll(files map[string]string) (*Templates, error) {
	t := &Templates{text: texttemplate.New(""), html: htmltemplate.New("")}
	for _, name := range builtinNames() {
		content, own := files[name]
		if !own {
			content = Builtin(name)
		}
		if err := t.parse(name, content); err != nil {
			return nil, err
		}
	}
	if err := t.try(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Templates) parse(name, content string) error {
	var err error
	if strings.HasSuffix(name, ".html.tmpl") {
		_, err = t.html.New(name).Parse(content)
	} else {
		_, err = t.text.New(name).Parse(content)
	}
	return err
}

// townFiles reads the files of a folder by their names.
func townFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	if dir == "" {
		return files, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		if !slices.Contains(builtinNames(), name) {
			return nil, fmt.Errorf("%s is no text of a letter; known are %s", path, strings.Join(builtinNames(), ", "))
		}
		if files[name], err = townFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func townFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTemplate {
		return "", fmt.Errorf("%s must be a file of at most %d bytes", path, maxTemplate)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return tidyFile(path, string(b))
}

// townText is a text that does not come from a file.
func townText(name, content string) (string, error) {
	if !slices.Contains(builtinNames(), name) {
		return "", fmt.Errorf("%s is no text of a letter; known are %s", name, strings.Join(builtinNames(), ", "))
	}
	if len(content) > maxTemplate {
		return "", fmt.Errorf("%s must have at most %d bytes", name, maxTemplate)
	}
	return tidyFile(name, content)
}

func tidyFile(name, content string) (string, error) {
	if !utf8.ValidString(content) {
		return "", fmt.Errorf("%s is not written in UTF-8; save it so", name)
	}
	// Windows' editor puts a mark at the begin and carriage returns at the ends of lines; so do
	// the text fields of browsers.
	return strings.ReplaceAll(strings.TrimPrefix(content, "\ufeff"), "\r\n", "\n"), nil
}

// TextNames returns the names of the files that LoadTemplates knows, in order.
func TextNames() []string { return builtinNames() }

func builtinNames() []string {
	entries, err := builtin.ReadDir("templates")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// Builtin returns the built-in text of this name, to be copied and changed; "" when there
// is none.
func Builtin(name string) string {
	b, err := builtin.ReadFile("templates/" + name)
	if err != nil {
		return ""
	}
	return string(b)
}

// subjectMark begins the first line of a text template, which is the subject.
const subjectMark = "Objet"

var errSubject = errors.New("the first line must be the subject, as in “Objet : Votre demande {{.Reference}}”")

// Render writes a letter. It is an error that the letter lacks a mandatory mention
// (Mentions) or is of no known kind.
func (t *Templates) Render(c Calendar, l Letter) (Rendered, error) {
	if err := l.check(); err != nil {
		return Rendered{}, fmt.Errorf("notice: letter %q: %w", l.Kind, err)
	}
	r, err := t.compose(l.Kind, newView(c, l))
	if err != nil {
		return Rendered{}, fmt.Errorf("notice: letter %q: %w", l.Kind, err)
	}
	r.Text = wrap(r.Text)
	return r, nil
}

// compose executes the templates of a kind. The text is not wrapped yet.
func (t *Templates) compose(kind LetterKind, v view) (Rendered, error) {
	var text, html strings.Builder
	name := string(kind) + ".txt.tmpl"
	if err := t.text.ExecuteTemplate(&text, name, v); err != nil {
		return Rendered{}, err
	}
	if err := t.html.ExecuteTemplate(&html, string(kind)+".html.tmpl", v); err != nil {
		return Rendered{}, err
	}
	first, body, _ := strings.Cut(tidy(text.String()), "\n")
	mark, subject, found := strings.Cut(first, ":")
	if subject = clean(subject, maxSubject); !found || subject == "" || strings.TrimRight(mark, " \u00a0\u202f") != subjectMark {
		return Rendered{}, fmt.Errorf("template: %s:1: %w", name, errSubject)
	}
	return Rendered{Subject: subject, Text: tidy(body), HTML: tidy(html.String()) + "\n"}, nil
}
