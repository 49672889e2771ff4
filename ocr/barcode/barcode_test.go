package barcode

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"strings"
	"testing"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/code39"
	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/wire"
)

const sheetText = "saisine:separateur?canal=counter&service=voirie"

// sheet is a page of A4 with a barcode of that size in millimetres on it.
func sheet(t testing.TB, code barcode.Barcode, err error, width, height float64, o samplescan.Options) *image.Gray {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text := o
	text.Skew, text.Turn, text.Noise, text.Blur, text.Specks, text.Weak, text.Bilevel = 0, 0, 0, 0, 0, 0, false
	page, err := samplescan.Image("Feuille de séparation", text)
	if err != nil {
		t.Fatal(err)
	}
	place(t, page, code, 60, 90, width, height, o.DPI)
	return bilevel(samplescan.Copy(page, o))
}

// bilevel makes black and white of a page, as its preparation does.
func bilevel(page *image.Gray) *image.Gray {
	sorted := slices.Clone(page.Pix)
	slices.Sort(sorted)
	paper := int(sorted[len(sorted)/2])
	for i, v := range page.Pix {
		page.Pix[i] = 0
		if int(v) > paper*65/100 {
			page.Pix[i] = 255
		}
	}
	return page
}

// place draws a barcode on white ground; x, y and the size are millimetres.
func place(t testing.TB, page *image.Gray, code barcode.Barcode, x, y, width, height float64, dpi int) {
	t.Helper()
	px := func(mm float64) int { return int(mm / 25.4 * float64(dpi)) }
	scaled, err := barcode.Scale(code, px(width), px(height))
	if err != nil {
		t.Fatal(err)
	}
	at := image.Pt(px(x), px(y))
	for dy := range px(height) {
		for dx := range px(width) {
			if color.GrayModel.Convert(scaled.At(dx, dy)).(color.Gray).Y < 128 {
				page.SetGray(at.X+dx, at.Y+dy, color.Gray{25})
			}
		}
	}
}

func TestScanFindsWhatACopierLeaves(t *testing.T) {
	t.Parallel()
	codes := map[string]func(samplescan.Options) *image.Gray{
		"QR-Code " + sheetText: func(o samplescan.Options) *image.Gray {
			code, err := qr.Encode(sheetText, qr.M, qr.Auto)
			return sheet(t, code, err, 45, 45, o)
		},
		"CODE-128 PATCHT": func(o samplescan.Options) *image.Gray {
			code, err := code128.Encode("PATCHT")
			return sheet(t, code, err, 70, 20, o)
		},
		"CODE-39 PATCHT": func(o samplescan.Options) *image.Gray {
			code, err := code39.Encode("PATCHT", false, false)
			return sheet(t, code, err, 80, 20, o)
		},
	}
	for name, o := range map[string]samplescan.Options{
		"clean":          {DPI: 200},
		"grain":          {DPI: 200, Noise: 12},
		"skew 3":         {DPI: 200, Skew: 3, Noise: 6},
		"skew -3":        {DPI: 200, Skew: -3, Noise: 6},
		"turn 90":        {DPI: 200, Turn: 90, Noise: 6},
		"turn 180":       {DPI: 200, Turn: 180, Skew: 2, Noise: 6},
		"turn 270":       {DPI: 200, Turn: 270, Skew: -2, Noise: 6},
		"grey paper":     {DPI: 200, Paper: 170, Noise: 8},
		"fax":            {DPI: 200, Bilevel: true, Noise: 10, Skew: 1},
		"150 dpi":        {DPI: 150, Noise: 6},
		"150 dpi askew":  {DPI: 150, Noise: 6, Skew: 2},
		"300 dpi":        {DPI: 300, Noise: 6},
		"blurred":        {DPI: 200, Blur: 1.2, Noise: 4},
		"with dirt":      {DPI: 200, Specks: 0.005},
		"all of a copy":  {DPI: 200, Skew: 2, Noise: 10, Paper: 215, Blur: 0.8, Specks: 0.001, Turn: 90},
		"fax at 150 dpi": {DPI: 150, Bilevel: true, Skew: 1, Noise: 8},
	} {
		for want, draw := range codes {
			t.Run(name+"/"+strings.Fields(want)[0], func(t *testing.T) {
				t.Parallel()
				img := draw(o)
				got, err := Scan(img.Pix, img.Bounds().Dx(), img.Bounds().Dy())
				if err != nil || len(got) != 1 || got[0].Type+" "+got[0].Text != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		}
	}
}

// Text, lines and noise are no barcode.
func TestScanFindsNothingInText(t *testing.T) {
	t.Parallel()
	for _, o := range []samplescan.Options{
		{DPI: 200},
		{DPI: 200, Noise: 60},
		{DPI: 200, Specks: 0.05},
		{DPI: 300, Points: 8, Bilevel: true, Noise: 40},
		{DPI: 200, Turn: 90, Skew: 2},
	} {
		img, err := samplescan.Image(strings.Repeat("Illisible : ||| || ||| lllll IIII 1111 || Madame la Maire, veuillez agréer. ", 20), o)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // as it is, then in black and white
			if got, err := Scan(img.Pix, img.Bounds().Dx(), img.Bounds().Dy()); err != nil || len(got) > 0 {
				t.Errorf("%+v: got %q, %v", o, got, err)
			}
			img = bilevel(img)
		}
	}
}

func TestScanBounds(t *testing.T) {
	t.Parallel()
	page := image.NewGray(image.Rect(0, 0, 3000, 3000))
	draw.Draw(page, page.Bounds(), image.White, image.Point{}, draw.Src)
	long := strings.Repeat("été ", 250)
	for i := range 2 { // the same twice is one
		code, err := qr.Encode(long, qr.L, qr.Unicode)
		if err != nil {
			t.Fatal(err)
		}
		place(t, page, code, 10+float64(i)*130, 10, 120, 120, 254)
	}
	for i := range 40 {
		code, err := code128.Encode("PLI" + string(rune('A'+i/26)) + string(rune('A'+i%26)))
		if err != nil {
			t.Fatal(err)
		}
		place(t, page, code, 10+float64(i%4)*70, 150+float64(i/4)*14, 50, 8, 254)
	}
	got, err := Scan(page.Pix, 3000, 3000)
	if err != nil || len(got) != wire.MaxBarcodes {
		t.Fatalf("%d barcodes, %v", len(got), err)
	}
	qrs := 0
	for _, c := range got {
		if c.Type == "QR-Code" {
			qrs++
			if len(c.Text) > wire.MaxBarcodeText || !strings.HasPrefix(long, c.Text) || len(c.Text) < wire.MaxBarcodeText-4 {
				t.Errorf("%d bytes: %q", len(c.Text), c.Text)
			}
		}
	}
	if qrs > 1 {
		t.Errorf("the same QR code came %d times", qrs)
	}
	for _, size := range [][2]int{{0, 0}, {-1, -9_000_000}, {3000, 3001}, {9_000_001, 1}} {
		if _, err := Scan(page.Pix, size[0], size[1]); err == nil {
			t.Errorf("%v passed", size)
		}
	}
}

// FuzzScan looks for pixels that crash zbar or get a text past its bounds.
func FuzzScan(f *testing.F) {
	code, err := code128.Encode("PATCHT")
	if err != nil {
		f.Fatal(err)
	}
	scaled, err := barcode.Scale(code, 160, 20)
	if err != nil {
		f.Fatal(err)
	}
	small := image.NewGray(image.Rect(0, 0, 180, 24))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(small, image.Rect(10, 2, 170, 22), scaled, image.Point{}, draw.Src)
	f.Add(uint16(180), small.Pix)
	square, err := qr.Encode("saisine:separateur", qr.L, qr.Auto)
	if err != nil {
		f.Fatal(err)
	}
	if scaled, err = barcode.Scale(square, 100, 100); err != nil {
		f.Fatal(err)
	}
	small = image.NewGray(image.Rect(0, 0, 120, 120))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(small, image.Rect(10, 10, 110, 110), scaled, image.Point{}, draw.Src)
	f.Add(uint16(120), small.Pix)
	f.Fuzz(func(t *testing.T, width uint16, pixels []byte) {
		if width == 0 || len(pixels) < int(width) {
			return
		}
		h := len(pixels) / int(width)
		got, err := Scan(pixels[:h*int(width)], int(width), h)
		if err != nil || len(got) > wire.MaxBarcodes {
			t.Fatalf("%d barcodes, %v", len(got), err)
		}
		for _, c := range got {
			if c.Type == "" || c.Text == "" || len(c.Text) > wire.MaxBarcodeText || strings.ContainsRune(c.Text, 0) {
				t.Fatalf("got %+v", c)
			}
		}
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if v := Version(); len(v) < 5 || v[0] == '.' {
		t.Errorf("got %q", v)
	}
}

// BenchmarkScan measures a page of text at the resolution that pages are read at.
func BenchmarkScan(b *testing.B) {
	img, err := samplescan.Image(strings.Repeat("Madame la Maire, le réverbère de la place ne fonctionne plus. ", 50), samplescan.Options{Noise: 6})
	if err != nil {
		b.Fatal(err)
	}
	img = bilevel(img)
	for b.Loop() {
		if _, err := Scan(img.Pix, img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
			b.Fatal(err)
		}
	}
}
