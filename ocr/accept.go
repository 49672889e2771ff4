package ocr

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ocr/wire"
)

// A child has decoded foreign bytes and may be in foreign hands. What it says is
// brought within these bounds before anything is made of it; a frame's own bounds
// (package wire) hold before.
const (
	maxText    = 1 << 20  // bytes of one page; a dense one has ten thousand
	maxTexts   = 16 << 20 // bytes of all pages of a document
	maxDetail  = 2 << 10  // bytes of a problem's detail
	maxFaults  = 20       // problems of one answer
	maxStamps  = 8        // of one page
	maxWords   = 20_000   // of one page's layout
	maxLayouts = 400_000  // words in all layouts of a document
	maxWord    = 256      // bytes
	maxLength  = 200_000  // pixels of a side of an image, points of one of a page
	// A PDF of some kilobytes can claim millions of pages: poppler believes any number up to
	// that of its objects, and the table of these may claim any size.
	maxTotal = 10_000
)

// acceptPlan returns what is sound in a plan: each page at most once, of the first
// maxPages; and of the pages that are read already only those looked at for barcodes as well.
func acceptPlan(plan wire.Plan, maxPages int) wire.Plan {
	out := wire.Plan{Total: max(0, min(plan.Total, max(maxPages, maxTotal)))}
	if slices.Contains([]string{"pdf", "tiff", "image"}, plan.Kind) {
		out.Kind = plan.Kind
	}
	last := min(maxPages, out.Total)
	done, todo := make(map[int]bool), make(map[int]bool)
	for _, p := range plan.Done {
		if p.Number < 1 || p.Number > last || done[p.Number] {
			continue
		}
		done[p.Number] = true
		out.Done = append(out.Done, p)
	}
	for _, t := range plan.Todo {
		known := slices.Contains([]string{wire.MethodEmbedded, wire.MethodRender, wire.MethodTIFF, wire.MethodImage, wire.MethodBarcodes}, t.Method)
		if !known || t.Number < 1 || t.Number > last || todo[t.Number] || done[t.Number] != (t.Method == wire.MethodBarcodes) {
			continue
		}
		todo[t.Number] = true
		t.DPI = max(0, min(t.DPI, maxLength))
		t.Turn = quarter(t.Turn)
		t.Width, t.Height = clamp(t.Width, maxLength), clamp(t.Height, maxLength)
		out.Todo = append(out.Todo, t)
	}
	return out
}

// budget is what the pages of one document may still take.
type budget struct{ text, words int }

func newBudget() budget { return budget{text: maxTexts, words: maxLayouts} }

// accept returns the page with everything in it within bounds.
func (b *budget) accept(p wire.Page, number int) Page {
	out := Page{
		Number: number, Source: p.Source, Unsure: p.Unsure,
		Text: text(p.Text, min(maxText, b.text)), Confidence: clamp(p.Confidence, 1), Rotation: quarter(p.Rotation),
	}
	b.text -= len(out.Text)
	if !slices.Contains([]string{SourceTextLayer, SourceOCR, SourceBlank}, p.Source) {
		out.Source = SourceOCR
	}
	for _, s := range p.Stamps[:min(len(p.Stamps), maxStamps)] {
		out.Stamps = append(out.Stamps, text(s, maxDetail))
	}
	out.Barcodes = acceptBarcodes(p.Barcodes)
	if p.Layout != nil && len(p.Layout.Words) <= min(maxWords, b.words) {
		out.Layout = acceptLayout(p.Layout)
	}
	if out.Layout != nil {
		b.words -= len(out.Layout.Words)
	}
	return out
}

func acceptBarcodes(codes []wire.Barcode) []Barcode {
	var out []Barcode
	for _, c := range codes[:min(len(codes), wire.MaxBarcodes)] {
		c.Type, c.Text = text(c.Type, maxWord), text(c.Text, wire.MaxBarcodeText)
		if c.Text != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// acceptLayout returns nil for a frame that is none, and drops words that do not lie in it.
func acceptLayout(l *wire.Layout) *Layout {
	if l.Width <= 0 || l.Height <= 0 || l.Width > maxLength || l.Height > maxLength || l.DPI <= 0 || l.DPI > maxLength ||
		!(math.Abs(l.Skew) <= 45) {
		return nil
	}
	out := &Layout{Width: l.Width, Height: l.Height, DPI: l.DPI, Skew: l.Skew, Words: make([]Word, 0, len(l.Words))}
	for _, w := range l.Words {
		// The order of the comparisons keeps the sums from overflowing.
		inside := w.X >= 0 && w.Y >= 0 && w.W > 0 && w.H > 0 && w.X < l.Width && w.Y < l.Height && w.W <= l.Width-w.X && w.H <= l.Height-w.Y
		if w.Text = text(w.Text, maxWord); w.Text == "" || !inside || w.Line < 0 || w.Line > maxWords {
			continue
		}
		w.Confidence = clamp(w.Confidence, 1)
		out.Words = append(out.Words, w)
	}
	if len(out.Words) == 0 {
		return nil
	}
	return out
}

func acceptProblems(problems []wire.Problem) []Problem {
	var out []Problem
	for _, p := range problems[:min(len(problems), maxFaults)] {
		out = append(out, Problem{Code: text(p.Code, 64), Detail: text(p.Detail, maxDetail)})
	}
	return out
}

// text returns s as valid UTF-8 without NUL, at most so many bytes long. A copy: the
// frame that it came in is free to go.
func text(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:max(most, 0)]
	}
	return strings.Clone(s)
}

// clamp brings v between 0 and high.
func clamp(v, high float64) float64 {
	if !(v > 0) { // NaN too
		return 0
	}
	return min(v, high)
}

// quarter is an angle in degrees as one of 0, 90, 180 and 270; any other is 0.
func quarter(degrees int) int {
	degrees = (degrees%360 + 360) % 360
	if degrees%90 != 0 {
		return 0
	}
	return degrees
}

// unsureProblem names the pages that are unsure, and says whether there are any.
func unsureProblem(pages []Page) (Problem, bool) {
	var numbers []int
	for _, p := range pages {
		if p.Unsure {
			numbers = append(numbers, p.Number)
		}
	}
	if len(numbers) == 0 {
		return Problem{}, false
	}
	return Problem{ProblemUnsure, PageList(numbers) + " : lecture peu sûre, à vérifier sur l’image."}, true
}

// onPage is how the detail of a problem with one page begins.
var onPage = regexp.MustCompile(`(?s)^Page ([0-9]{1,9})[ \x{a0}]: (.*)$`)

// mergeProblems makes one problem of those that differ in nothing but the page that they
// name; it stands where the first of them stood. A file of a thousand broken pages would
// fill screens otherwise.
func mergeProblems(problems []Problem) []Problem {
	type kind struct{ code, what string }
	var out []Problem
	place := make(map[kind]int)
	numbers := make(map[kind][]int)
	for _, p := range problems {
		m := onPage.FindStringSubmatch(p.Detail)
		if m == nil {
			out = append(out, p)
			continue
		}
		k := kind{p.Code, m[2]}
		if len(numbers[k]) == 0 {
			place[k] = len(out)
			out = append(out, p)
		}
		n, _ := strconv.Atoi(m[1]) // nine digits are a number
		numbers[k] = append(numbers[k], n)
	}
	for k, list := range numbers {
		slices.Sort(list)
		if list = slices.Compact(list); len(list) > 1 {
			out[place[k]].Detail = fmt.Sprintf("%s : %s", PageList(list), k.what)
		}
	}
	return out
}

// PageList names pages in French, their numbers rising: "Page 3", "Pages 2, 4 à 7, 9".
func PageList(numbers []int) string {
	word := "Page "
	if len(numbers) > 1 {
		word = "Pages "
	}
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, fmt.Sprint(numbers[i]))
		case 1:
			parts = append(parts, fmt.Sprint(numbers[i]), fmt.Sprint(numbers[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d à %d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return word + strings.Join(parts, ", ")
}
