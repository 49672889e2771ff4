package prepare

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"testing"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/samplescan"
)

func TestLone(t *testing.T) {
	t.Parallel()
	letter := leptonica.Box{X: 100, Y: 100, W: 14, H: 20}
	dot := func(x, y, size int) leptonica.Box { return leptonica.Box{X: x, Y: y, W: size, H: size} }
	for name, tc := range map[string]struct {
		marks []leptonica.Box
		lone  int
	}{
		"alone":                     {[]leptonica.Box{letter, dot(300, 300, 3)}, 1},
		"the dot of an i":           {[]leptonica.Box{letter, dot(105, 92, 3)}, 0},
		"a colon":                   {[]leptonica.Box{letter, dot(128, 106, 3), dot(128, 117, 3)}, 0},
		"between the lines":         {[]leptonica.Box{letter, dot(105, 140, 3)}, 1},
		"a row of dots":             {[]leptonica.Box{letter, dot(125, 118, 2), dot(145, 118, 2), dot(165, 118, 2)}, 0},
		"a row without a beginning": {[]leptonica.Box{letter, dot(225, 118, 2), dot(245, 118, 2)}, 2},
		"a dash":                    {[]leptonica.Box{letter, {X: 300, Y: 300, W: 8, H: 3}}, 0},
		"beside a fold":             {[]leptonica.Box{{X: 10, Y: 290, W: 1500, H: 14}, dot(300, 309, 3)}, 0},
		"in a frame":                {[]leptonica.Box{letter, {X: 10, Y: 10, W: 900, H: 900}, dot(300, 300, 3)}, 1},
	} {
		if got := lone(slices.Clone(tc.marks), alongReach, acrossReach); len(got) != tc.lone {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Dust between the lines goes, however the page lies, and of the text nothing does.
func TestDust(t *testing.T) {
	t.Parallel()
	letter := "Objet : dégât des eaux...\n\n" + text + "\nTél. : 02 40 11 22 33 ; à i ï é.\n"
	for _, turn := range []int{0, 90} {
		sheet := drawn(t, letter, samplescan.Options{})
		want, err := Page(decode(t, samplescan.Copy(clone(sheet), samplescan.Options{Turn: turn})), 200)
		if err != nil {
			t.Fatal(err)
		}
		for y := 252; y < 2200; y += 60 { // the first row is in the blank line after the subject
			if y > 260 && y < 700 {
				continue
			}
			for x := 100; x < 1500; x += 60 {
				draw.Draw(sheet, image.Rect(x, y, x+3, y+3), image.NewUniform(color.Gray{40}), image.Point{}, draw.Src)
			}
		}
		got, err := Page(decode(t, samplescan.Copy(sheet, samplescan.Options{Turn: turn})), 200)
		if err != nil {
			t.Fatal(err)
		}
		if lost, left := differences(pixels(t, &want), pixels(t, &got)); lost > 0 || left > 0 || got.Specks || got.Rotation != want.Rotation {
			t.Errorf("turned by %d: %d pixels of the text are lost, %d of the dust are left, specks %t, rotation %d and %d", turn, lost, left, got.Specks, want.Rotation, got.Rotation)
		}
		want.Close()
		got.Close()
	}
	// Nothing of a clean page is taken for dust.
	pix := decode(t, drawn(t, letter, samplescan.Options{}))
	bits, err := pix.Bitonal(ink)
	if err != nil {
		t.Fatal(err)
	}
	defer bits.Close()
	marks, err := bits.Components()
	if err != nil {
		t.Fatal(err)
	}
	if specks := lone(marks, alongReach, acrossReach); len(specks) > 0 {
		t.Errorf("of the text, %v passes as dust", specks)
	}
}

func clone(img *image.Gray) *image.Gray {
	out := image.NewGray(img.Bounds())
	copy(out.Pix, img.Pix)
	return out
}

// A dark spot in a pale stroke is a part of a letter; the soft rim of a speck is not.
func TestPale(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		around image.Rectangle
		grey   uint8
		want   bool
	}{
		"alone":     {image.Rectangle{}, 0, false},
		"soft rim":  {image.Rect(48, 48, 55, 55), 190, false},
		"in stroke": {image.Rect(50, 40, 53, 60), 190, true},
		"shadow":    {image.Rect(0, 0, 100, 100), 240, false},
	} {
		img := image.NewGray(image.Rect(0, 0, 100, 100))
		draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(img, tc.around, image.NewUniform(color.Gray{tc.grey}), image.Point{}, draw.Src)
		draw.Draw(img, image.Rect(50, 50, 53, 53), image.Black, image.Point{}, draw.Src)
		s := &page{gray: decode(t, img)}
		got, err := s.pale(leptonica.Box{X: 50, Y: 50, W: 3, H: 3})
		if err != nil || got != tc.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}
