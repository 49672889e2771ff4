package qpdf

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/confine"
	"saisine.fr/saisine/ocr/samplescan"
)

func runner(t *testing.T) Runner {
	t.Helper()
	return Runner{Limits: confine.Limits{Dir: t.TempDir(), Timeout: time.Minute, Memory: 1 << 30, Output: 16 << 20, File: 16 << 20}}
}

func sample(t *testing.T, name string, pages ...string) string {
	t.Helper()
	data, err := samplescan.TextPDF(pages)
	if err != nil {
		t.Fatal(err)
	}
	return save(t, name, data)
}

func save(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func text(t *testing.T, r Runner, path string) string {
	t.Helper()
	out, err := r.Limits.Run(t.Context(), "pdftotext", path, "-")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := runner(t)
	src := sample(t, "a.pdf", "un", "deux", "trois")
	taken, joined := filepath.Join(r.Limits.Dir, "taken.pdf"), filepath.Join(r.Limits.Dir, "joined.pdf")
	if err := r.Take(t.Context(), src, []int{3, 1, 3}, []int{90, 0, -90}, taken); err != nil {
		t.Fatal(err)
	}
	pages, err := r.Pages(t.Context(), taken)
	if err != nil || len(pages) != 3 {
		t.Fatalf("got %+v, %v", pages, err)
	}
	for i, rotate := range []int{90, 0, 270} {
		w, h := pages[i].Size()
		if pages[i].Rotate != rotate || (w > h) != (rotate != 0) {
			t.Errorf("page %d: rotated by %d, %.0f × %.0f", i+1, pages[i].Rotate, w, h)
		}
		if content, err := r.Content(t.Context(), taken, pages[i]); err != nil || !strings.Contains(string(content), "Tj") {
			t.Errorf("page %d: content %q, %v", i+1, content, err)
		}
	}
	if err := r.Join(t.Context(), []string{taken, src}, joined); err != nil {
		t.Fatal(err)
	}
	if got := text(t, r, joined); got != "trois un trois un deux trois" {
		t.Errorf("got %q", got)
	}
	if err := r.Check(t.Context(), joined); err != nil {
		t.Error(err)
	}
}

func TestUnderlay(t *testing.T) {
	t.Parallel()
	r := runner(t)
	dst := filepath.Join(r.Limits.Dir, "dst.pdf")
	if err := r.Underlay(t.Context(), sample(t, "a.pdf", "un", "deux", "trois"), sample(t, "b.pdf", "sous un", "sous trois"), []int{1, 3}, dst); err != nil {
		t.Fatal(err)
	}
	got := text(t, r, dst)
	for _, want := range []string{"sous un", "deux", "sous trois"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("got %q", got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	r := runner(t)
	dst := filepath.Join(r.Limits.Dir, "dst.pdf")
	src := sample(t, "a.pdf", "un")
	if err := r.Take(t.Context(), src, []int{2}, []int{0}, dst); !errors.Is(err, ErrBroken) {
		t.Errorf("no such page: %v", err)
	}
	if err := r.Take(t.Context(), save(t, "b.pdf", []byte("%PDF-1.4\nnothing")), []int{1}, []int{0}, dst); !errors.Is(err, ErrBroken) {
		t.Errorf("no body: %v", err)
	}
	locked := filepath.Join(r.Limits.Dir, "locked.pdf")
	if _, err := r.run(t.Context(), "--encrypt", "secret", "secret", "256", "--", src, locked); err != nil {
		t.Fatal(err)
	}
	if err := r.Take(t.Context(), locked, []int{1}, []int{0}, dst); !errors.Is(err, ErrEncrypted) {
		t.Errorf("locked: %v", err)
	}
	data, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context(), save(t, "c.pdf", data[:len(data)-30])); !errors.Is(err, ErrUnclean) {
		t.Errorf("cut off: %v", err)
	}
	small := r
	small.Limits.File = 100
	if err := small.Join(t.Context(), []string{src}, dst); !errors.Is(err, ErrLimit) {
		t.Errorf("too large: %v", err)
	}
	if err := r.Archive(t.Context(), save(t, "d.pdf", []byte("no PDF")), dst); !errors.Is(err, ErrNotArchived) {
		t.Errorf("no PDF: %v", err)
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	r := runner(t)
	src, dst := sample(t, "a.pdf", "Élève", "deux"), filepath.Join(r.Limits.Dir, "archive.pdf")
	if ok, err := claims(src); ok || err != nil {
		t.Errorf("plain PDF: %t, %v", ok, err)
	}
	if err := r.Archive(t.Context(), src, dst); errors.Is(err, ErrMissing) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	if got := text(t, r, dst); got != "Élève deux" {
		t.Errorf("got %q", got)
	}
	data, err := os.ReadFile(dst)
	if err != nil || !strings.Contains(string(data), "/GTS_PDFA1") {
		t.Errorf("no output intent, %v", err)
	}
}

// The claim may lie across two reads.
func TestClaims(t *testing.T) {
	t.Parallel()
	const claim = "pdfaid:part='2' pdfaid:conformance='B'"
	for _, before := range []int{0, 256<<10 - 20, 256 << 10, 600 << 10} {
		path := save(t, "a.pdf", []byte(strings.Repeat("x", before)+claim+strings.Repeat("y", 5000)))
		if ok, err := claims(path); !ok || err != nil {
			t.Errorf("after %d bytes: %t, %v", before, ok, err)
		}
	}
}

func TestParsePages(t *testing.T) {
	t.Parallel()
	const head, tail = `{"pages": [{"object": "3 0 R", "contents": ["4 0 R", "x"]}], "qpdf": [{}, {"obj:3 0 R": {"value": {"/Parent": "2 0 R", `, `}}, "obj:2 0 R": {"value": {"/Parent": "2 0 R", "/MediaBox": ["9 0 R", 0, 600, 800]}}, "obj:9 0 R": {"value": 10}}]}`
	for name, tc := range map[string]struct {
		entries string
		want    Page
		bad     bool
	}{
		"inherited and indirect": {`"/Type": "/Page"`, Page{Visible: Rect{10, 0, 600, 800}}, false},
		"its own":                {`"/MediaBox": [595, 842, 0, 0], "/Rotate": -90`, Page{Visible: Rect{0, 0, 595, 842}, Rotate: 270}, false},
		"cut":                    {`"/CropBox": [20, 30, 500, 700], "/UserUnit": 2`, Page{Visible: Rect{20, 30, 500, 700}, UserUnit: 2}, false},
		"cut beyond":             {`"/CropBox": [-20, 30, 700, 700]`, Page{Visible: Rect{10, 30, 600, 700}, Trimmed: true}, false},
		"cut beside":             {`"/CropBox": [1000, 1000, 1100, 1100]`, Page{Visible: Rect{10, 0, 600, 800}, Trimmed: true}, false},
		"trimmed":                {`"/TrimBox": [20, 30, 500, 700]`, Page{Visible: Rect{10, 0, 600, 800}, Trimmed: true}, false},
		"odd turn":               {`"/Rotate": 100, "/UserUnit": -1`, Page{Visible: Rect{10, 0, 600, 800}, Rotate: 90}, false},
		"no size":                {`"/MediaBox": [0, 0, 0, 0], "/Parent": "8 0 R"`, Page{}, true},
		"no numbers":             {`"/MediaBox": [0, 0, "u:a", null]`, Page{}, true},
		"far too large":          {`"/MediaBox": [0, 0, 1e9, 1]`, Page{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsePages([]byte(head + tc.entries + tail))
			if tc.bad {
				if !errors.Is(err, ErrBroken) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || len(got) != 1 {
				t.Fatalf("got %+v, %v", got, err)
			}
			if tc.want.UserUnit == 0 {
				tc.want.UserUnit = 1
			}
			g, w := got[0], tc.want
			if g.Visible != w.Visible || g.Rotate != w.Rotate || g.UserUnit != w.UserUnit || g.Trimmed != w.Trimmed || len(g.Contents) != 1 || g.Contents[0] != 4 {
				t.Errorf("got %+v, want %+v", g, w)
			}
		})
	}
	for _, bad := range []string{"", "{}", `{"qpdf": [{}]}`, `{"pages": [{}], "qpdf": [{}, {}]}`} {
		if _, err := parsePages([]byte(bad)); !errors.Is(err, ErrBroken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The lower left corner of a page lands where a viewer shows it.
func TestShown(t *testing.T) {
	t.Parallel()
	corner := Rect{10, 20, 20, 40}
	for rotate, want := range map[int]Rect{
		0: {0, 0, 10, 20}, 90: {0, 90, 20, 100}, 180: {90, 180, 100, 200}, 270: {180, 0, 200, 10},
	} {
		p := Page{Visible: Rect{10, 20, 110, 220}, Rotate: rotate, UserUnit: 1}
		if got := p.Shown(corner); got != want {
			t.Errorf("turned by %d: %+v, want %+v", rotate, got, want)
		}
		p.UserUnit = 2
		if w, h := p.Size(); math.Abs(w*h-400*200) > 1e-9 || (w > h) != (rotate%180 != 0) {
			t.Errorf("turned by %d: %v × %v", rotate, w, h)
		}
	}
}

func TestUntrim(t *testing.T) {
	t.Parallel()
	r := runner(t)
	data, err := samplescan.TextPDF([]string{"un"})
	if err != nil {
		t.Fatal(err)
	}
	broken := save(t, "a.pdf", []byte(strings.Replace(string(data), "/MediaBox", "/TrimBox [50 50 100 100] /BleedBox [1 1 2 2] /MediaBox", 1)))
	src, dst := filepath.Join(r.Limits.Dir, "src.pdf"), filepath.Join(r.Limits.Dir, "dst.pdf")
	if err := r.Take(t.Context(), broken, []int{1, 1}, []int{0, 90}, src); err != nil {
		t.Fatal(err)
	}
	before, err := r.Pages(t.Context(), src)
	if err != nil || !before[0].Trimmed {
		t.Fatalf("got %+v, %v", before, err)
	}
	if err := r.Untrim(t.Context(), src, before, dst); err != nil {
		t.Fatal(err)
	}
	after, err := r.Pages(t.Context(), dst)
	if err != nil || len(after) != 2 {
		t.Fatalf("got %+v, %v", after, err)
	}
	for i, p := range after {
		if p.Trimmed || p.Visible != before[i].Visible || p.Rotate != before[i].Rotate {
			t.Errorf("page %d: %+v, was %+v", i+1, p, before[i])
		}
	}
	if got := text(t, r, dst); got != "un un" {
		t.Errorf("got %q", got)
	}
}

// What qpdf says about a foreign file is foreign too.
func FuzzParsePages(f *testing.F) {
	f.Add([]byte(`{"pages": [{"object": "3 0 R", "contents": ["4 0 R"]}], "qpdf": [{}, {"obj:3 0 R": {"value": {"/MediaBox": [0, 0, 1, 1], "/Rotate": 1e300}}}]}`))
	f.Add([]byte(`{"pages": [{"object": "3 0 R"}], "qpdf": [{}, {"obj:3 0 R": {"value": {"/MediaBox": "3 0 R", "/Parent": "3 0 R"}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		pages, err := parsePages(data)
		for _, p := range pages {
			if w, h := p.Size(); err == nil && !(w > 0 && h > 0) {
				t.Errorf("a page of %v × %v", w, h)
			}
		}
	})
}
