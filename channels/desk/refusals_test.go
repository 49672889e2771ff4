package desk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// refusalFormats finds the formats of all refusals in the sources, each with where it stands.
func refusalFormats(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files := token.NewFileSet()
	for _, room := range []string{"../../ingest", "../../cmd", "../../channels"} {
		err := filepath.WalkDir(room, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !refuses(file, call.Fun) || len(call.Args) == 0 {
					return true
				}
				where := files.Position(call.Pos()).String()
				text, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					if id, isID := call.Args[0].(*ast.Ident); !isID || id.Name != "format" {
						t.Errorf("%s: a refusal whose format is no literal cannot be translated", where)
					}
					return true
				}
				format, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Errorf("%s: %v", where, err)
				}
				out[format] = where
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// refuses reports whether a function makes a Refusal: ingest.Refused, and refused of the store.
func refuses(file *ast.File, fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Name == "ingest" && f.Sel.Name == "Refused"
	case *ast.Ident:
		return f.Name == "refused" && file.Name.Name == "store" || f.Name == "Refused" && file.Name.Name == "ingest"
	}
	return false
}

var verb = regexp.MustCompile(`%[a-z]`)

// Every refusal is told in French, with the same arguments in the same order, and in English as
// it is.
func TestRefusalsInFrench(t *testing.T) {
	p, err := newPages("Saint-Exemple", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	formats := refusalFormats(t)
	if len(formats) < 40 {
		t.Fatalf("only %d refusals found", len(formats))
	}
	for format, where := range formats {
		text, ok := frenchRefusals[format]
		if !ok {
			t.Errorf("%s: no French for %q", where, format)
			continue
		}
		verbs := verb.FindAllString(format, -1)
		if got := verb.FindAllString(text, -1); !slices.Equal(got, verbs) {
			t.Errorf("%s: %q has %v, its French %v", where, format, verbs, got)
		}
		if strings.ContainsAny(text, "'") || regexp.MustCompile(`[^\x{a0}][:;!?]`).MatchString(text) {
			t.Errorf("%q: apostrophe ’, and a no-break space before : ; ! ?", text)
		}
	}
	for format := range frenchRefusals {
		if _, ok := formats[format]; !ok {
			t.Errorf("nobody refuses %q any more", format)
		}
	}
	r := ingest.RefusalError{Format: "no pieces are awaited for %s", Args: []any{"2026-000001"}}
	for lang, want := range map[string]string{
		french: "Aucune pièce n’est attendue pour 2026-000001.", english: "no pieces are awaited for 2026-000001",
	} {
		if got := p.tongues[lang].T(r.Format, r.Args...); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}
