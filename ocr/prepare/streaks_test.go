package prepare

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// Streaks of the feeder go, down and across, and the text that they cross stays; a rule of
// the letter and the dark edge of the glass are no streaks.
func TestStreaks(t *testing.T) {
	t.Parallel()
	want, err := Page(decode(t, drawn(t, text, samplescan.Options{})), 200)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	for name, tc := range map[string]struct {
		line image.Rectangle
		left bool
	}{
		"down":            {image.Rect(503, 0, 506, 2338), false},
		"not quite":       {image.Rect(503, 300, 505, 2250), false},
		"across":          {image.Rect(0, 309, 1654, 312), false},
		"in the way":      {image.Rect(1300, 0, 1303, 2338), false},
		"pale and broken": {image.Rectangle{}, false},
		"a rule":          {image.Rect(1500, 900, 1503, 1900), true},
		"a bar":           {image.Rect(1500, 0, 1530, 2338), true},
	} {
		sheet := drawn(t, text, samplescan.Options{})
		if tc.line.Empty() {
			for y := range 2338 { // it leans by a pixel, and every fifth of it is missing
				if y%50 >= 10 {
					sheet.SetGray(503+y/1500, y, color.Gray{110})
				}
			}
		}
		draw.Draw(sheet, tc.line, image.NewUniform(color.Gray{60}), image.Point{}, draw.Src)
		got, err := Page(decode(t, sheet), 200)
		if err != nil {
			t.Fatal(err)
		}
		lost, left := differences(pixels(t, &want), pixels(t, &got))
		if lost > 200 || (left > 100) != tc.left {
			t.Errorf("%s: %d pixels of the text are lost, %d of the line are left", name, lost, left)
		}
		got.Close()
	}
}
