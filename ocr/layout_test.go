package ocr

import (
	"image"
	"math"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// The words of a page lie where the layout says, on pages laid in askew and turned: each
// box, carried back to the page as it was scanned, is full of ink, and the ink outside
// all boxes is next to nothing.
func TestLayoutLiesOnTheInk(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	for name, o := range someOf(t, map[string]samplescan.Options{
		"straight":      {DPI: 200},
		"askew":         {DPI: 200, Skew: 3},
		"turned":        {DPI: 300, Turn: 90, Skew: -2},
		"upside down":   {DPI: 150, Turn: 180, Skew: 1.5},
		"other turn":    {DPI: 200, Turn: 270, Noise: 5},
		"few words":     {DPI: 200, Turn: 90},
		"few words 180": {DPI: 200, Turn: 180, Skew: 1},
	}, "turned", "other turn", "few words 180") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := letter(1)
			if strings.HasPrefix(name, "few") {
				text = "Bonjour"
			}
			page := grayPage(t, text, o)
			data, err := samplescan.ImagePDF([]*image.Gray{page}, o)
			doc, err := r.Read(t.Context(), write(t, "page.pdf", data, err))
			if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Layout == nil {
				t.Fatalf("%+v, %v", doc, err)
			}
			p := doc.Pages[0]
			// A single word may be read as it stands, from top to bottom.
			if want := (360 - o.Turn) % 360; p.Rotation != want && text != "Bonjour" {
				t.Fatalf("rotation %d, want %d", p.Rotation, want)
			}
			checkLayout(t, page, p)
		})
	}
}

func checkLayout(t *testing.T, page *image.Gray, p Page) {
	t.Helper()
	l := p.Layout
	covered := image.NewGray(page.Bounds())
	var texts []string
	line := 0
	for _, w := range l.Words {
		texts = append(texts, w.Text)
		if w.Line < line || w.Line > line+1 {
			t.Errorf("%q stands in line %d after line %d", w.Text, w.Line, line)
		}
		line = w.Line
		ink := 0
		for y := w.Y; y < w.Y+w.H; y++ {
			for x := w.X; x < w.X+w.W; x++ {
				px, py := scanned(page.Bounds(), l, p.Rotation, float64(x)+0.5, float64(y)+0.5)
				at := image.Pt(int(px), int(py))
				if at.In(page.Bounds()) {
					covered.Pix[at.Y*covered.Stride+at.X] = 1
					if page.GrayAt(at.X, at.Y).Y < 128 {
						ink++
					}
				}
			}
		}
		if share := float64(ink) / float64(w.W*w.H); share < 0.05 {
			t.Errorf("%q at %d,%d: %.0f %% ink in its box", w.Text, w.X, w.Y, share*100)
		}
	}
	if got := strings.Join(texts, " "); got != strings.Join(strings.Fields(p.Text), " ") {
		t.Errorf("words %q, text %q", got, p.Text)
	}
	if breaks := strings.Count(strings.ReplaceAll(p.Text, "\n\n", "\n"), "\n"); line != breaks {
		t.Errorf("the last line is %d, the text has %d", line, breaks)
	}
	all, missed := 0, 0
	for y := range page.Bounds().Dy() {
		for x := range page.Bounds().Dx() {
			if page.GrayAt(x, y).Y >= 128 {
				continue
			}
			all++
			// A box may be a pixel narrow, and going back leaves gaps between pixels.
			near := false
			for dy := -3; dy <= 3 && !near; dy++ {
				for dx := -3; dx <= 3 && !near; dx++ {
					at := image.Pt(x+dx, y+dy)
					near = at.In(page.Bounds()) && covered.Pix[at.Y*covered.Stride+at.X] == 1
				}
			}
			if !near {
				missed++
			}
		}
	}
	if float64(missed) > 0.01*float64(all) {
		t.Errorf("%d of %d pixels of ink lie outside every word", missed, all)
	}
}

// scanned carries a place of the layout back to the page as it was scanned: turned
// counter-clockwise by the skew about the centre, scaled, and turned back by the rotation.
func scanned(page image.Rectangle, l *Layout, rotation int, x, y float64) (float64, float64) {
	sin, cos := math.Sincos(-l.Skew * math.Pi / 180)
	cx, cy := float64(l.Width)/2, float64(l.Height)/2
	x, y = x-cx, y-cy
	x, y = cx+x*cos-y*sin, cy+x*sin+y*cos
	w, h := float64(page.Dx()), float64(page.Dy())
	if rotation%180 != 0 {
		w, h = h, w
	}
	x, y = x*w/float64(l.Width), y*h/float64(l.Height)
	switch rotation {
	case 90: // the page was turned clockwise to stand: its top was on the left
		return y, float64(page.Dy()) - x
	case 180:
		return float64(page.Dx()) - x, float64(page.Dy()) - y
	case 270:
		return float64(page.Dx()) - y, x
	}
	return x, y
}
