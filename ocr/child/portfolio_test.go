package child

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/wire"
)

func objectStream(t testing.TB, content string) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(fmt.Sprintf("%%PDF-1.7\n9 0 obj\n<</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d>>\nstream\r\n%s\nendstream\nendobj\n", z.Len(), z.String()))
}

func TestIsCollection(t *testing.T) {
	t.Parallel()
	catalogue := "1 0 <</Type /Catalog /Collection <</View /D>>>>"
	for name, tc := range map[string]struct {
		data []byte
		want bool
	}{
		"open":                  {[]byte("<</Type /Catalog /Collection 5 0 R>>"), true},
		"packed":                {objectStream(t, catalogue), true},
		"packed, second stream": {append(objectStream(t, "1 0 <<>>"), objectStream(t, catalogue)...), true},
		"neither":               {objectStream(t, "1 0 <</Type /Catalog /Names 3 0 R>>"), false},
		"damaged":               {[]byte("/ObjStm stream\n\x78\x9cgarbage"), false},
		"cut":                   {[]byte("/ObjStm stre"), false},
		"a bomb before it":      {append(objectStream(t, strings.Repeat(" ", 2*maxUnpacked)), objectStream(t, catalogue)...), false},
		"empty":                 {nil, false},
	} {
		if got := isCollection(tc.data); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestPortfolioProblem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		names []string
		want  string
	}{
		"one":       {[]string{`C:\temp\lettre.pdf`}, "Le PDF est un porte-documents : son fichier joint n’est pas lu : « lettre.pdf »."},
		"with tags": {[]string{"a\u202egpj.exe\n", "b"}, "Le PDF est un porte-documents : ses 2 fichiers joints ne sont pas lus : « agpj.exe », « b »."},
		"many": {
			strings.Split("1 2 3 4 5 6 7 8 9 10 11 12", " "),
			"Le PDF est un porte-documents : ses 12 fichiers joints ne sont pas lus : « 1 », « 2 », « 3 », « 4 », « 5 », « 6 », « 7 », « 8 », « 9 », « 10 », et 2 de plus.",
		},
		"long": {[]string{strings.Repeat("é", 200)}, "Le PDF est un porte-documents : son fichier joint n’est pas lu : « " + strings.Repeat("é", maxName-1) + "… »."},
	} {
		if got := portfolioProblem(tc.names); got != (wire.Problem{Code: "portfolio", Detail: tc.want}) {
			t.Errorf("%s: got %q", name, got.Detail)
		}
	}
}

// FuzzIsCollection looks for bytes that keep the search from ending.
func FuzzIsCollection(f *testing.F) {
	f.Add(objectStream(f, "1 0 <</Collection 3 0 R>>"))
	f.Add([]byte("/ObjStm /ObjStm stream stream"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 && isCollection(data) {
			t.Error("a collection of nothing")
		}
	})
}
