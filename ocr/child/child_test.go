package child

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/wire"
)

func TestTrusted(t *testing.T) {
	t.Parallel()
	real := strings.Repeat("Je vous prie d'agréer, Madame la Maire, mes salutations distinguées. ", 3)
	for name, tc := range map[string]struct {
		text      string
		overImage bool
		want      bool
	}{
		"a letter":                    {real, false, true},
		"a letter over a scan":        {real, true, true},
		"capitals":                    {"DEMANDE DE SUBVENTION N° 2026-14 ASSOCIATION DES PARENTS", false, true},
		"figures with some words":     {"Facture 2026-118\nTotal TTC 387,60 €\n12/03/2026 44430", false, true},
		"Greek":                       {"Σας παρακαλώ να δεχθείτε τα σέβη μου", false, true},
		"nothing":                     {" \n\f", false, false},
		"a page number over a scan":   {"Page 1", true, false},
		"a stamp over a scan":         {"COURRIER ARRIVÉ le 12 mars 2026", true, false},
		"private-use glyphs":          {strings.Repeat("\ue001\ue002 \ue003", 40), false, false},
		"replacement characters":      {strings.Repeat("d\ufffdgradation ", 30), false, false},
		"letters shifted by the font": {strings.Repeat("Hv lk rxk grqqhu wrxv phv vdoxw ", 10), false, false},
		"signs instead of letters":    {strings.Repeat("!\"#$%&' ()*+ ,-./ ", 20), false, false},
		"UTF-8 taken for Latin-1":     {strings.Repeat("dÃ©gradation de la chaussÃ©e ", 10), false, false},
		"crumbs of a bad recognition": {strings.Repeat("l1 ;. rn' vvX qtZ aIbCd | ~ _ ", 20), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := trusted(tc.text, tc.overImage); got != tc.want {
				t.Errorf("trusted(%q) = %t", tc.text, got)
			}
		})
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	got := tidy("  Objet : voirie  \n\n\n\nMa\u00addame,\x00\u00a0\nfin\r\n\n")
	if want := "  Objet : voirie\n\nMadame,\nfin"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"%PDF-1.4":                kindPDF,
		"\xef\xbb\xbf\n%PDF-1.7":  kindPDF,
		"II*\x00....":             kindTIFF,
		"MM\x00*....":             kindTIFF,
		"\x89PNG\r\n\x1a\n":       kindImage,
		"\xff\xd8\xff\xe0":        kindImage,
		"GIF89a":                  "",
		"":                        "",
		"PK\x03\x04":              "",
		"From: a@b.fr\r\n\r\ntxt": "",
	} {
		if got := sniff([]byte(in)); got != want {
			t.Errorf("sniff(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPDFTask(t *testing.T) {
	t.Parallel()
	s := &server{cfg: wire.Config{MaxPixels: 50_000_000}}
	a4 := poppler.Size{Width: 595.4, Height: 842}
	scan := poppler.Image{Type: "image", Width: 1654, Height: 2339, Color: "gray", XPPI: 200, YPPI: 200}
	with := func(change func(*poppler.Image)) poppler.Image {
		img := scan
		change(&img)
		return img
	}
	for name, tc := range map[string]struct {
		images []poppler.Image
		want   string
	}{
		"one image":        {[]poppler.Image{scan}, wire.MethodEmbedded},
		"none":             {nil, wire.MethodRender},
		"a logo":           {[]poppler.Image{with(func(i *poppler.Image) { i.Width, i.Height = 400, 200 })}, wire.MethodRender},
		"two layers":       {[]poppler.Image{scan, scan}, wire.MethodRender},
		"with a soft mask": {[]poppler.Image{scan, with(func(i *poppler.Image) { i.Type = "smask" })}, wire.MethodRender},
		"a stencil":        {[]poppler.Image{with(func(i *poppler.Image) { i.Type = "stencil" })}, wire.MethodRender},
		"CMYK":             {[]poppler.Image{with(func(i *poppler.Image) { i.Color = "cmyk" })}, wire.MethodRender},
		"stretched":        {[]poppler.Image{with(func(i *poppler.Image) { i.Height, i.YPPI = 1170, 100 })}, wire.MethodRender},
		"a pixel short":    {[]poppler.Image{with(func(i *poppler.Image) { i.Width-- })}, wire.MethodEmbedded},
		"with a margin":    {[]poppler.Image{with(func(i *poppler.Image) { i.Width, i.Height = 1588, 2245 })}, wire.MethodRender},
		"cut off":          {[]poppler.Image{with(func(i *poppler.Image) { i.Height = 2420 })}, wire.MethodRender},
		"over the limit": {[]poppler.Image{with(func(i *poppler.Image) {
			i.Width, i.Height, i.XPPI, i.YPPI = 16540, 23390, 2000, 2000
		})}, wire.MethodRender},
	} {
		if got := s.pdfTask(1, a4, tc.images, covering(tc.images, a4)); got.Method != tc.want {
			t.Errorf("%s: %s, want %s", name, got.Method, tc.want)
		}
	}
}

func TestLongSide(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		w, h   float64
		pixels int
		want   int
	}{
		{595.4, 842, 50_000_000, 3508},
		{842, 595.4, 50_000_000, 3508},
		{14_400, 14_400, 50_000_000, 7071},
		{0, 0, 50_000_000, 3508},
		{1, 1, 50_000_000, 64},
		{595.4, 842, 1_000_000, 1000},
	} {
		if got := longSide(tc.w, tc.h, renderDPI, tc.pixels); got != tc.want {
			t.Errorf("longSide(%v, %v, %d) = %d, want %d", tc.w, tc.h, tc.pixels, got, tc.want)
		}
	}
}

func TestMainRefusesNonsense(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if code := Main(strings.NewReader("hello?"), &out, Hooks{}); code != exitProtocol || out.Len() != 0 {
		t.Errorf("exit code %d, said %q", code, out.String())
	}
	if code := Main(bytes.NewReader(nil), io.Discard, Hooks{}); code != exitDone {
		t.Errorf("exit code %d at the end of input", code)
	}
}

func FuzzTrusted(f *testing.F) {
	f.Add("Madame la Maire,\n\nJe vous prie", true)
	f.Add("\ue001\ufffdÃ©", false)
	f.Fuzz(func(t *testing.T, text string, overImage bool) {
		trusted(text, overImage)
		if once := tidy(text); tidy(once) != once {
			t.Errorf("tidy is not stable: %q, then %q", once, tidy(once))
		}
	})
}
