package leptonica

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"
)

func samples(tb testing.TB) map[Format][]byte {
	tb.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	var p, j bytes.Buffer
	if err := errors.Join(png.Encode(&p, img), jpeg.Encode(&j, img, nil)); err != nil {
		tb.Fatal(err)
	}
	return map[Format][]byte{
		FormatPNG: p.Bytes(), FormatJPEG: j.Bytes(),
		FormatPNM: append([]byte("P5\n40 30\n255\n"), make([]byte, 1200)...),
	}
}

func TestHeaderAgreesWithImage(t *testing.T) {
	Silence()
	for format, data := range samples(t) {
		h, err := ReadHeader(data)
		if err != nil || h.Format != format || h.Width != 40 || h.Height != 30 {
			t.Errorf("format %d: %+v, %v", format, h, err)
		}
		pix, err := Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := pix.Size(); w != 40 || h != 30 {
			t.Errorf("format %d: %d x %d", format, w, h)
		}
		pix.Close()
		pix.Close() // twice does nothing
	}
	for _, bad := range [][]byte{nil, []byte("GIF89a and more bytes"), bytes.Repeat([]byte{0}, 100)} {
		if _, err := ReadHeader(bad); !errors.Is(err, ErrDecode) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzHeader looks for bytes that crash the reading of headers, which comes before any
// limit is checked.
func FuzzHeader(f *testing.F) {
	Silence()
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := ReadHeader(data); err == nil && (h.Width <= 0 || h.Height <= 0) {
			t.Errorf("%+v", h)
		}
		if n, err := TIFFPages(data); err == nil && n < 1 {
			t.Errorf("%d pages", n)
		}
	})
}
