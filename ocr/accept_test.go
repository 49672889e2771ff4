package ocr

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ocr/wire"
)

func TestAcceptPlan(t *testing.T) {
	t.Parallel()
	page := func(n int) wire.Page { return wire.Page{Number: n, Text: "x", Source: SourceTextLayer} }
	task := func(n int, method string) wire.Task { return wire.Task{Number: n, Method: method} }
	got := acceptPlan(wire.Plan{
		Kind: "exe", Total: 6,
		Done: []wire.Page{page(1), page(1), page(0), page(-3), page(5), page(2)},
		Todo: []wire.Task{
			task(1, wire.MethodRender), task(2, wire.MethodBarcodes), task(2, wire.MethodBarcodes), task(3, wire.MethodBarcodes),
			task(3, "shell"),
			{Number: 3, Method: wire.MethodEmbedded, DPI: -7, Turn: 91, Width: math.Inf(1), Height: math.NaN()},
			task(3, wire.MethodRender), task(7, wire.MethodRender), task(4, wire.MethodTIFF), task(5, wire.MethodRender),
		},
	}, 4)
	want := wire.Plan{
		Total: 6, Done: []wire.Page{page(1), page(2)},
		Todo: []wire.Task{
			task(2, wire.MethodBarcodes),
			{Number: 3, Method: wire.MethodEmbedded, Width: maxLength},
			task(4, wire.MethodTIFF),
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := acceptPlan(wire.Plan{Kind: "pdf", Total: -5, Done: []wire.Page{page(1)}}, 4); got.Total != 0 || len(got.Done) != 0 || got.Kind != "pdf" {
		t.Errorf("got %+v", got)
	}
}

func TestAcceptPage(t *testing.T) {
	t.Parallel()
	inside := wire.Word{Text: "mot", Confidence: 0.9, X: 10, Y: 10, W: 50, H: 20, Line: 1}
	with := func(change func(*wire.Word)) wire.Word {
		w := inside
		change(&w)
		return w
	}
	left := newBudget()
	got := left.accept(wire.Page{
		Number: 9, Source: "invented", Text: "a\x00b\xff" + strings.Repeat("é", maxText), Confidence: 7, Rotation: -90,
		Stamps: make([]string, 100),
		Layout: &wire.Layout{Width: 100, Height: 100, DPI: 200, Words: []wire.Word{
			inside,
			with(func(w *wire.Word) { w.X = -1 }),
			with(func(w *wire.Word) { w.X, w.W = math.MaxInt, math.MaxInt }),
			with(func(w *wire.Word) { w.W = 91 }),
			with(func(w *wire.Word) { w.H = 0 }),
			with(func(w *wire.Word) { w.Line = -1 }),
			with(func(w *wire.Word) { w.Text = "\x00" }),
			with(func(w *wire.Word) { w.Confidence = -3 }),
		}},
	}, 3)
	if got.Number != 3 || got.Source != SourceOCR || got.Confidence != 1 || got.Rotation != 270 || len(got.Stamps) != maxStamps {
		t.Errorf("got number %d, source %s, confidence %v, rotation %d, %d stamps", got.Number, got.Source, got.Confidence, got.Rotation, len(got.Stamps))
	}
	if !strings.HasPrefix(got.Text, "ab\uFFFDé") || len(got.Text) > maxText || len(got.Text) < maxText-4 || !utf8.ValidString(got.Text) {
		t.Errorf("%d bytes of text: %q", len(got.Text), got.Text[:10])
	}
	if want := []Word{inside, with(func(w *wire.Word) { w.Confidence = 0 })}; got.Layout == nil || !reflect.DeepEqual(got.Layout.Words, want) {
		t.Errorf("layout %+v", got.Layout)
	}
	for name, l := range map[string]wire.Layout{
		"no width":    {Width: 0, Height: 100, DPI: 200, Words: []wire.Word{inside}},
		"no DPI":      {Width: 100, Height: 100, DPI: 0, Words: []wire.Word{inside}},
		"absurd size": {Width: math.MaxInt, Height: 100, DPI: 200, Words: []wire.Word{inside}},
		"absurd skew": {Width: 100, Height: 100, DPI: 200, Skew: 1e300, Words: []wire.Word{inside}},
		"no word":     {Width: 100, Height: 100, DPI: 200},
		"many words":  {Width: 100, Height: 100, DPI: 200, Words: make([]wire.Word, maxWords+1)},
	} {
		if p := left.accept(wire.Page{Layout: &l}, 1); p.Layout != nil {
			t.Errorf("%s: got %+v", name, p.Layout)
		}
	}
}

// A document's pages share bounds: two hundred pages at the bound of one would be
// gigabytes.
func TestAcceptBoundsTheDocument(t *testing.T) {
	t.Parallel()
	word := wire.Word{Text: "mot", X: 1, Y: 1, W: 1, H: 1}
	layout := &wire.Layout{Width: 9, Height: 9, DPI: 200, Words: repeated(word, maxWords)}
	page := wire.Page{Source: SourceOCR, Text: strings.Repeat("x", maxText), Layout: layout}
	left := newBudget()
	texts, words := 0, 0
	for n := range 60 {
		p := left.accept(page, n+1)
		texts += len(p.Text)
		if p.Layout != nil {
			words += len(p.Layout.Words)
		}
	}
	if texts != maxTexts || words != maxLayouts {
		t.Errorf("%d bytes of text, %d words", texts, words)
	}
}

// Problems that only differ by their page become one, in the place of the first; all
// others stay as they are.
func TestMergeProblems(t *testing.T) {
	t.Parallel()
	failed := func(page int) Problem {
		return Problem{ProblemPageFailed, fmt.Sprintf("Page %d : l’image est illisible ou endommagée.", page)}
	}
	other := Problem{ProblemTooManyPages, "Le document compte 900 pages ; les 200 premières sont lues."}
	in := []Problem{
		{ProblemDamagedImage, "Page 5 : l’image est endommagée."},
		other, failed(200), failed(3), failed(8), failed(7), failed(9), failed(8),
		{ProblemPageFailed, "Page 4 : l’image est trop petite pour contenir du texte."},
		other,
		{ProblemDamagedImage, "Page 6 : l’image est illisible ou endommagée."},
		{ProblemPageFailed, "Page 12345678901 : x"},
		{ProblemPageFailed, "Page 12345678901 : x"},
	}
	want := []Problem{
		in[0], other, {ProblemPageFailed, "Pages 3, 7 à 9, 200 : l’image est illisible ou endommagée."}, in[8], other, in[10], in[11], in[12],
	}
	if got := mergeProblems(in); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := mergeProblems([]Problem{failed(3), failed(3)}); !slices.Equal(got, []Problem{failed(3)}) {
		t.Errorf("the same twice: %q", got)
	}
	if got := mergeProblems(nil); got != nil {
		t.Errorf("of nothing: %q", got)
	}
}

func repeated(w wire.Word, n int) []wire.Word {
	out := make([]wire.Word, n)
	for i := range out {
		out[i] = w
	}
	return out
}

// FuzzAccept plays a child that says what it likes, from the frame to the document.
func FuzzAccept(f *testing.F) {
	for _, v := range []wire.Response{
		{Plan: &wire.Plan{Kind: "pdf", Total: 3, Done: []wire.Page{{Number: 1}}, Todo: []wire.Task{{Number: 1, Method: wire.MethodBarcodes}, {Number: 2, Method: wire.MethodRender}}}},
		{Plan: &wire.Plan{Kind: "tiff", Total: -1 << 60, Todo: []wire.Task{{Number: -2, Method: wire.MethodTIFF, Turn: -1 << 60}}}},
		{Page: &wire.Page{Number: 1, Text: "été\x00", Rotation: 45, Layout: &wire.Layout{Width: 10, Height: 10, DPI: 1, Words: []wire.Word{{Text: "a", X: 9, W: 1 << 62, H: 1}}}}},
		{Page: &wire.Page{Barcodes: []wire.Barcode{{Type: "QR-Code", Text: "x"}, {Type: "QR-Code", Text: "x"}}}, Problems: []wire.Problem{{Code: "c", Detail: "d"}}},
	} {
		var buf bytes.Buffer
		if err := wire.Write(&buf, v); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var resp wire.Response
		if err := wire.Read(bytes.NewReader(data), &resp); err != nil {
			return
		}
		if got := acceptProblems(resp.Problems); len(got) > maxFaults {
			t.Errorf("%d problems", len(got))
		} else if merged := mergeProblems(got); len(merged) > len(got) || len(got) > 0 && len(merged) == 0 {
			t.Errorf("%d problems of %d", len(merged), len(got))
		}
		left := newBudget()
		var pages []Page
		if resp.Page != nil {
			pages = append(pages, left.accept(*resp.Page, 1))
		}
		if resp.Plan != nil {
			plan := acceptPlan(*resp.Plan, 5)
			for _, p := range plan.Done {
				pages = append(pages, left.accept(p, p.Number))
			}
			checkPlan(t, plan)
		}
		for _, p := range pages {
			checkPage(t, p)
		}
		unsureProblem(pages)
	})
}

func checkPlan(t *testing.T, plan wire.Plan) {
	t.Helper()
	done := map[int]bool{}
	for _, p := range plan.Done {
		if p.Number < 1 || p.Number > min(5, plan.Total) || done[p.Number] {
			t.Errorf("done %+v", p)
		}
		done[p.Number] = true
	}
	todo := map[int]bool{}
	for _, task := range plan.Todo {
		if task.Number < 1 || task.Number > min(5, plan.Total) || todo[task.Number] || done[task.Number] != (task.Method == wire.MethodBarcodes) ||
			task.Turn%90 != 0 || task.Turn < 0 || task.DPI < 0 || !(task.Width >= 0 && task.Width <= maxLength) {
			t.Errorf("todo %+v", task)
		}
		todo[task.Number] = true
	}
}

func checkPage(t *testing.T, p Page) {
	t.Helper()
	if p.Number < 1 || !(p.Confidence >= 0 && p.Confidence <= 1) || p.Rotation%90 != 0 || p.Rotation < 0 || p.Rotation > 270 ||
		!utf8.ValidString(p.Text) || strings.ContainsRune(p.Text, 0) || len(p.Text) > maxText || len(p.Barcodes) > wire.MaxBarcodes {
		t.Errorf("page %+v", p)
	}
	if p.Layout == nil {
		return
	}
	for _, w := range p.Layout.Words {
		if w.X < 0 || w.Y < 0 || w.W <= 0 || w.H <= 0 || w.X+w.W > p.Layout.Width || w.Y+w.H > p.Layout.Height || w.Text == "" {
			t.Errorf("word %+v in %d x %d", w, p.Layout.Width, p.Layout.Height)
		}
	}
}

func TestPageList(t *testing.T) {
	for want, numbers := range map[string][]int{
		"Page 3": {3}, "Pages 1, 2": {1, 2}, "Pages 1 à 3": {1, 2, 3}, "Pages 1, 3 à 5, 8": {1, 3, 4, 5, 8},
	} {
		if got := PageList(numbers); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}
