package ocr

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// noiseTexts are a letter, a note and a bill: a page of little text is harder to judge.
var noiseTexts = []string{letter(1), `Bonjour,
la poubelle jaune n'a pas été vidée mardi.
Merci, M. Bertin 06 12 34 56 78`, `FACTURE N° 2026-118
Désignation Quantité Prix Total
Location de la salle 1 250,00 250,00
Chaises pliantes 80 1,20 96,00
Ménage 2 35,00 70,00
Total HT 416,00
TVA 20 % 83,20
Total TTC 499,20
Payable avant le 12/03/2026 par virement IBAN FR76 3000 4000 0312 3456 7890 143`}

// noiseSeries are ways in which a page gets worse; level runs from 0, clean, to 7.
var noiseSeries = map[string]func(level float64) samplescan.Options{
	"grain": func(l float64) samplescan.Options { return samplescan.Options{Noise: 25 * l} },
	"small grain": func(l float64) samplescan.Options {
		return samplescan.Options{DPI: 150, Points: 10, Noise: 18 * l, Paper: 240}
	},
	"specks":     func(l float64) samplescan.Options { return samplescan.Options{Specks: 0.008 * l * l} },
	"blur":       func(l float64) samplescan.Options { return samplescan.Options{Blur: 0.8 * l} },
	"weak":       func(l float64) samplescan.Options { return samplescan.Options{Weak: 0.12 * l, Noise: 5} },
	"resolution": func(l float64) samplescan.Options { return samplescan.Options{DPI: int(150 - 17*l)} },
	"faded":      func(l float64) samplescan.Options { return samplescan.Options{Fade: 0.12 * l} },
	"grainy fax": func(l float64) samplescan.Options { return samplescan.Options{Bilevel: true, Noise: 20 * l} },
	"dirty fax": func(l float64) samplescan.Options {
		return samplescan.Options{Bilevel: true, Specks: 0.007 * l * l, Skew: 1}
	},
	"jpeg": func(l float64) samplescan.Options {
		return samplescan.Options{DPI: int(200 - 18*l), Quality: 5, Noise: 4}
	},
	"small print": func(l float64) samplescan.Options { return samplescan.Options{DPI: 100, Points: 12 - 1.4*l} },
	"all together": func(l float64) samplescan.Options {
		return samplescan.Options{DPI: 150, Noise: 7 * l, Blur: 0.3 * l, Weak: 0.08 * l, Specks: 0.0006 * l, Skew: 2}
	},
}

// TestNoNoisyPagePassesAsSure takes pages from clean to illegible: none with an error
// rate above 15 % passes as sure, and no clean one as unsure. It takes a page of
// some series, or all when SAISINE_EVALUATION is set (make eval-ocr).
func TestNoNoisyPagePassesAsSure(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	var mu sync.Mutex
	sure, unsure, needless := 0, 0, 0
	first, step := 4, 8 // one page of each series, in the middle
	if os.Getenv("SAISINE_EVALUATION") != "" {
		first, step = 0, 1
	}
	t.Run("series", func(t *testing.T) {
		for name, series := range someOf(t, noiseSeries, "grain", "blur", "faded", "dirty fax", "small print", "all together") {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for level := first; level < 8; level += step {
					o := series(float64(level))
					o.Seed = uint64(level)
					truth := noiseTexts[(level+len(name))%len(noiseTexts)]
					data, err := samplescan.PDF([]string{truth}, o)
					doc, err := r.Read(t.Context(), write(t, "noise.pdf", data, err))
					if err == nil && codes(doc) == ProblemPageFailed {
						t.Logf("level %d: not read, and says so", level) // on a slow machine, where it takes too long
						continue
					}
					if err != nil || len(doc.Pages) != 1 {
						t.Fatalf("level %d: %+v, %v", level, doc, err)
					}
					p := doc.Pages[0]
					rate := errorRate(truth, p.Text)
					t.Logf("level %d: error rate %5.1f %%, confidence %.2f, unsure %t, %s", level, rate*100, p.Confidence, p.Unsure, p.Source)
					if rate > 0.15 && !p.Unsure {
						t.Errorf("level %d: an error rate of %.0f %% passes as sure: %q", level, rate*100, p.Text)
					}
					if level == 0 && p.Unsure {
						t.Errorf("the clean page passes as unsure")
					}
					if p.Unsure != (codes(doc) == ProblemUnsure) {
						t.Errorf("level %d: unsure %t, problems %v", level, p.Unsure, doc.Problems)
					}
					mu.Lock()
					switch {
					case !p.Unsure:
						sure++
					case rate < 0.05:
						needless++
					default:
						unsure++
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d pages sure, %d unsure, %d unsure with an error rate below 5 %%", sure, unsure, needless)
	if 3*sure < sure+unsure+needless {
		t.Errorf("only %d pages are sure", sure) // a test that calls all unsure says nothing
	}
}

// Pages that are no clean French letter: which of them a clerk must look at.
func TestUnsureOfOddPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	text := func(s string, o samplescan.Options) func() *image.Gray {
		return func() *image.Gray { return grayPage(t, s, o) }
	}
	for name, tc := range someOf(t, map[string]struct {
		draw   func() *image.Gray
		unsure bool
	}{
		"mirrored":            {text(letter(1), samplescan.Options{Mirror: true}), true},
		"Russian":             {text("Уважаемая госпожа мэр, уже несколько недель фонарь перед школой не работает. Вечером дети переходят улицу в темноте. Прошу вас отремонтировать освещение.", samplescan.Options{}), true},
		"scribble":            {func() *image.Gray { return scribble(t) }, true},
		"table without words": {func() *image.Gray { return table(t, "") }, false},
		"table with words":    {func() *image.Gray { return table(t, noiseTexts[2]) }, false},
		"photograph":          {func() *image.Gray { return photograph(t, 1, 1) }, false},
		"soft photograph":     {func() *image.Gray { return photograph(t, 3, 1) }, false},
		"photograph and text": {func() *image.Gray { return photograph(t, 1, 0.4) }, false},
		"blank":               {text("", samplescan.Options{Noise: 8, Paper: 220}), false},
		"one word":            {text("Oui", samplescan.Options{Points: 14}), false},
	}, "mirrored", "scribble", "table with words", "photograph and text", "blank") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			err := png.Encode(&buf, tc.draw())
			doc, err := r.Read(t.Context(), write(t, "odd.png", buf.Bytes(), err))
			if err != nil || len(doc.Pages) != 1 {
				t.Fatalf("%+v, %v", doc, err)
			}
			if p := doc.Pages[0]; p.Unsure != tc.unsure {
				t.Errorf("unsure %t, confidence %.2f, %s, %q", p.Unsure, p.Confidence, p.Source, p.Text)
			}
		})
	}
}

// scribble draws lines that look like handwriting from afar.
func scribble(t *testing.T) *image.Gray {
	page := grayPage(t, "", samplescan.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for line := range 14 {
		base := 300 + float64(line)*110
		x, y, up := 200.0, base, 0.0
		for x < 1400 {
			up = 0.85*up + random.NormFloat64()*2 - (y-base)*0.08
			x, y = x+1.5+random.NormFloat64()*1.5, y+up*0.6
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					page.SetGray(int(x)+dx, int(y)+dy, color.Gray{40})
				}
			}
		}
	}
	return page
}

// table draws a grid below the text.
func table(t *testing.T, text string) *image.Gray {
	page := grayPage(t, text, samplescan.Options{})
	for i := 1100; i < 2100; i += 80 {
		for x := 150; x < 1500; x++ {
			for d := range 3 {
				page.SetGray(x, i+d, color.Gray{30})
			}
		}
	}
	for x := 150; x <= 1500; x += 150 {
		for y := 1100; y < 2063; y++ {
			for d := range 3 {
				page.SetGray(x+d, y, color.Gray{30})
			}
		}
	}
	return page
}

// photograph fills the lower part of a page with waves of grey; above it stands a letter
// where there is room.
func photograph(t *testing.T, scale, part float64) *image.Gray {
	text := ""
	if part < 1 {
		text = letter(1)
	}
	page := grayPage(t, text, samplescan.Options{})
	random := rand.New(rand.NewPCG(3, 4))
	var waves [12][4]float64
	for i := range waves {
		for j := range waves[i] {
			waves[i][j] = random.NormFloat64()
		}
	}
	b := page.Bounds()
	for y := int(float64(b.Dy()) * (1 - part)); y < b.Dy(); y++ {
		for x := range b.Dx() {
			v := 120 + random.NormFloat64()*6
			for _, w := range waves {
				v += 30 * w[3] * math.Sin((w[0]*float64(x)+w[1]*float64(y))/(40*scale)+w[2]*6)
			}
			page.SetGray(x, y, color.Gray{uint8(math.Max(0, math.Min(255, v)))})
		}
	}
	return page
}

func TestUnsureProblem(t *testing.T) {
	t.Parallel()
	for want, numbers := range map[string][]int{
		"Page 3 : lecture peu sûre, à vérifier sur l’image.":            {3},
		"Pages 2, 3 : lecture peu sûre, à vérifier sur l’image.":        {2, 3},
		"Pages 1, 4 à 7, 9 : lecture peu sûre, à vérifier sur l’image.": {1, 4, 5, 6, 7, 9},
		"Pages 1 à 3, 8, 9 : lecture peu sûre, à vérifier sur l’image.": {1, 2, 3, 8, 9},
		"Pages 10, 12, 14 : lecture peu sûre, à vérifier sur l’image.":  {10, 12, 14},
	} {
		pages := []Page{{Number: 100}}
		for _, n := range numbers {
			pages = append(pages, Page{Number: n, Unsure: true})
		}
		got, ok := unsureProblem(pages)
		if !ok || got.Code != ProblemUnsure || got.Detail != want {
			t.Errorf("%v: got %+v", numbers, got)
		}
	}
	if _, ok := unsureProblem([]Page{{Number: 1}}); ok {
		t.Error("a problem without an unsure page")
	}
}
