package textlayer

import (
	"bytes"
	"encoding/xml"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/wire"
)

// a4 is an A4 page at 200 dpi.
var a4 = Rect{0, 0, 595.44, 842.04}

func layout(words ...wire.Word) *wire.Layout {
	return &wire.Layout{Width: 1654, Height: 2339, DPI: 200, Words: words}
}

func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
	return string(out)
}

// save writes the pages to a file, which qpdf must find clean.
func save(t testing.TB, pages ...Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, pages); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "text.pdf")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "qpdf", "--check", path)
	return path
}

// found is a word as pdftotext reports it, ordinate downwards.
type found struct {
	X0   float64 `xml:"xMin,attr"`
	Y0   float64 `xml:"yMin,attr"`
	X1   float64 `xml:"xMax,attr"`
	Y1   float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

func boxes(t testing.TB, path string) []found {
	t.Helper()
	var doc struct {
		Pages []struct {
			Words []found `xml:"word"`
		} `xml:"body>doc>page"`
	}
	if err := xml.Unmarshal([]byte(run(t, "pdftotext", "-bbox", path, "-")), &doc); err != nil {
		t.Fatal(err)
	}
	var out []found
	for _, p := range doc.Pages {
		out = append(out, p.Words...)
	}
	return out
}

// The words are found with the box that they were given.
func TestWordsStandWhereTheyWere(t *testing.T) {
	t.Parallel()
	l := layout(
		wire.Word{Text: "Madame", X: 200, Y: 300, W: 180, H: 40},
		wire.Word{Text: "la", X: 395, Y: 300, W: 45, H: 40},
		wire.Word{Text: "Maire,", X: 460, Y: 300, W: 150, H: 40},
		wire.Word{Text: "signé", X: 1200, Y: 2200, W: 120, H: 44, Line: 1},
	)
	got := boxes(t, save(t, Page{Box: a4, Image: a4, Layout: l}))
	if len(got) != len(l.Words) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range l.Words {
		const scale = 72.0 / 200
		want := found{float64(w.X) * scale, float64(w.Y) * scale, float64(w.X+w.W) * scale, float64(w.Y+w.H) * scale, w.Text}
		g := got[i]
		off := math.Max(math.Max(math.Abs(g.X0-want.X0), math.Abs(g.Y0-want.Y0)), math.Max(math.Abs(g.X1-want.X1), math.Abs(g.Y1-want.Y1)))
		if g.Text != want.Text || off > 0.05 {
			t.Errorf("got %+v, want %+v", g, want)
		}
	}
}

// A page that was straightened by turning it clockwise shows its words turned back.
func TestSkewTurnsTheWordsBack(t *testing.T) {
	t.Parallel()
	l := layout(wire.Word{Text: "gauche,", X: 100, Y: 1150, W: 150, H: 40}, wire.Word{Text: "milieu-prolongé-jusqu'ici", X: 600, Y: 1150, W: 500, H: 40},
		wire.Word{Text: "droite", X: 1400, Y: 1150, W: 150, H: 40})
	l.Skew = 3
	got := boxes(t, save(t, Page{Box: a4, Image: a4, Layout: l}))
	if len(got) != 3 {
		t.Fatalf("got %+v", got)
	}
	slices.SortFunc(got, func(a, b found) int { return int(a.X0 - b.X0) })
	// Over 1300 pixels of 0.36 pt, 3° are 24.5 pt: counter-clockwise the right end is higher.
	if rise := got[0].Y0 - got[2].Y0; math.Abs(rise-24.5) > 1 {
		t.Errorf("the line rises by %.1f pt: %+v", rise, got)
	}
}

func TestBoxAndImageMayLieAnywhere(t *testing.T) {
	t.Parallel()
	l := layout(wire.Word{Text: "milieu", X: 727, Y: 1150, W: 200, H: 40})
	p := Page{Box: Rect{-100, -50, 495.44, 792.04}, Image: Rect{0, 0, 297.72, 421.02}, Layout: l}
	got := boxes(t, save(t, p))
	if len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	// pdftotext counts from the upper left corner of the box.
	x, y := (got[0].X0+got[0].X1)/2, (got[0].Y0+got[0].Y1)/2
	if math.Abs(x-(100+148.86)) > 0.5 || math.Abs(y-(792.04-210.51)) > 0.5 {
		t.Errorf("the middle of the image lies at %.1f, %.1f", x, y)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"accents":               {"Élève", "Élève"},
		"decomposed":            {"E\u0301le\u0300ve", "Élève"},
		"ligatures of type":     {"oﬀice ﬁnal", "office final"},
		"ligatures of French":   {"cœur", "cœur"},
		"outside the BMP":       {"𝄞𐍈", "𝄞𐍈"},
		"euro and typography":   {"« 12 € » — l’été…", "« 12 € » — l’été…"},
		"brackets of a string":  {`(a\b)<c>`, `(a\b)<c>`},
		"what has no shape":     {"a\u00ad\ufeff\u200bb\x00\x07c\ue000", "abc"},
		"blanks":                {"\t12\u00a0\n 000 ", "12 000"},
		"what is no UTF-8":      {"a\xffb", "ab"},
		"more than a hundred":   {many(), many()},
		"nothing but no shapes": {"\ufeff\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := save(t, Page{Box: a4, Image: a4, Layout: layout(wire.Word{Text: tc.in, X: 100, Y: 100, W: 1400, H: 40})})
			if got := strings.TrimSpace(run(t, "pdftotext", "-layout", path, "-")); strings.Join(strings.Fields(got), " ") != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// many is a text of more different characters than one block of the table holds.
func many() string {
	var b strings.Builder
	for r := 'Ā'; r < 'Ā'+250; r++ {
		// Letters of which none is composed of others in pdftotext's eyes.
		if string(r) == clean(string(r)) && !strings.ContainsRune("ĲĳĿŀŉſ\u01c4\u01c5\u01c6\u01c7\u01c8\u01c9\u01ca\u01cb\u01cc\u01f1\u01f2\u01f3", r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Words of a line have one size and one baseline, and a rule taken for a letter does
// not stretch them.
func TestExtent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		words       []word
		top, bottom int
	}{
		"with and without tails": {[]word{{y0: 10, y1: 40}, {y0: 20, y1: 50}, {y0: 20, y1: 40}}, 10, 50},
		"a rule":                 {[]word{{y0: 10, y1: 40}, {y0: 0, y1: 90}, {y0: 20, y1: 40}}, 10, 40},
		"one":                    {[]word{{y0: 10, y1: 40}}, 10, 40},
		"far apart":              {[]word{{y0: 10, y1: 40}, {y0: 800, y1: 830}}, 10, 40},
	} {
		if top, bottom := extent(tc.words); top != tc.top || bottom != tc.bottom {
			t.Errorf("%s: %d to %d", name, top, bottom)
		}
	}
}

// Boxes are cut at the edge of the image, whatever numbers they are made of.
func TestSpan(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ start, length, from, to int }{
		{10, 20, 10, 30},
		{90, 20, 90, 100},
		{-5, 20, 0, 20},
		{500, 20, 99, 100},
		{10, 0, 10, 11},
		{10, -7, 10, 11},
		{10, math.MaxInt, 10, 100},
		{math.MinInt, math.MinInt, 0, 1},
	} {
		if from, to := span(tc.start, tc.length, 100); from != tc.from || to != tc.to {
			t.Errorf("%d + %d: %d to %d, want %d to %d", tc.start, tc.length, from, to, tc.from, tc.to)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, box := range []Rect{{}, {0, 0, -1, 5}, {0, 0, math.NaN(), 5}, {0, 0, math.Inf(1), 5}} {
		if err := Write(&bytes.Buffer{}, []Page{{Box: box, Image: a4}}); !errors.Is(err, ErrSize) {
			t.Errorf("%v: got %v", box, err)
		}
		if err := Write(&bytes.Buffer{}, []Page{{Box: a4, Image: box}}); !errors.Is(err, ErrSize) {
			t.Errorf("%v: got %v", box, err)
		}
	}
	if err := Write(full{}, []Page{{Box: a4, Image: a4}}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// Any words in any boxes make a sound file. qpdf is asked about a sample only, since
// each time costs a process.
func FuzzWrite(f *testing.F) {
	f.Add("Madame", 10, 20, 100, 30, 1.5, 595.0, 1654)
	f.Add("ﬁ\x00\U0001F600)", -1<<62, 1<<62, math.MaxInt, math.MinInt, math.NaN(), 1e6, 1)
	f.Add("a\u0301\xff", 0, 0, 0, 0, 44.9, 0.01, 1<<40)
	n := 0
	f.Fuzz(func(t *testing.T, text string, x, y, w, h int, skew, width float64, pixels int) {
		l := &wire.Layout{Width: pixels, Height: 2339, Skew: skew, Words: []wire.Word{
			{Text: text, X: x, Y: y, W: w, H: h}, {Text: "mot", X: y, Y: x, W: h, H: w}, {Text: text + "é", X: w, Y: h, W: x, H: y, Line: x},
		}}
		page := Page{Box: Rect{0, 0, width, 842}, Image: Rect{0, 0, width, 842}, Layout: l}
		var b bytes.Buffer
		if err := Write(&b, []Page{page, page}); err != nil {
			if !errors.Is(err, ErrSize) {
				t.Fatal(err)
			}
			return
		}
		if n++; n%200 == 1 {
			save(t, page)
		}
	})
}
