package leptonica

import (
	"bytes"
	"encoding/binary"
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

// FuzzTIFF decodes the pages of a TIFF whose header keeps within the limit, as the child
// does.
func FuzzTIFF(f *testing.F) {
	Silence()
	for _, compression := range []string{"\x01", "\x05", "\x04\x80"} {
		f.Add(tiff(compression))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := TIFFPages(data)
		if err != nil {
			return
		}
		for page := range min(n, 3) {
			h, err := ReadTIFFHeader(data, page)
			if err != nil || h.Width > 1<<20/h.Height {
				continue
			}
			pix, err := ReadTIFF(data, page)
			if err != nil {
				continue
			}
			gray, err := pix.Gray()
			if err != nil {
				t.Fatalf("an image that cannot become grey: %v", err)
			}
			if _, err := gray.Bytes(); err != nil {
				t.Fatal(err)
			}
			gray.Close()
			pix.Close()
		}
	})
}

// tiff is a TIFF of two pages of 16 × 16 grey pixels (TIFF 6.0, §2) that names the
// compression; only without one do its pixels make sense.
func tiff(compression string) []byte {
	le := binary.LittleEndian
	file := append([]byte("II*\x00\x08\x01\x00\x00"), make([]byte, 256)...)
	for page := range 2 {
		method := uint32(compression[0])
		if len(compression) > 1 {
			method |= uint32(compression[1]) << 8
		}
		file = le.AppendUint16(file, 9)
		for _, tag := range [][2]uint32{{256, 16}, {257, 16}, {258, 8}, {259, method}, {262, 1}, {273, 8}, {277, 1}, {278, 16}, {279, 256}} {
			file = le.AppendUint16(file, uint16(tag[0]))
			file = le.AppendUint16(file, 4)
			file = le.AppendUint32(file, 1)
			file = le.AppendUint32(file, tag[1])
		}
		next := uint32(0)
		if page == 0 {
			next = uint32(len(file)) + 4
		}
		file = le.AppendUint32(file, next)
	}
	return file
}

func TestBytes(t *testing.T) {
	for _, w := range []int{1, 3, 4, 5, 31, 32, 33} {
		img := image.NewGray(image.Rect(0, 0, w, 3))
		for i := range img.Pix {
			img.Pix[i] = uint8(i * 7)
		}
		var buf bytes.Buffer
		if err := png.Encode(&buf, img); err != nil {
			t.Fatal(err)
		}
		pix, err := Read(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		gray, err := pix.Gray()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := gray.Bytes(); err != nil || !bytes.Equal(got, img.Pix) {
			t.Errorf("width %d: got %v, %v, want %v", w, got, err, img.Pix)
		}
		bits, err := gray.Bitonal(100)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bits.Bytes()
		for i, v := range img.Pix {
			if err != nil || len(got) != len(img.Pix) || (got[i] == 0) != (v < 100) {
				t.Fatalf("width %d: got %v, %v, want those of %v", w, got, err, img.Pix)
			}
		}
		for _, p := range []*Pix{pix, gray, bits} {
			p.Close()
		}
	}
}

// What tesseract is handed must be the page, pixel by pixel.
func TestSpixIsTheImage(t *testing.T) {
	raw := []byte("P5 5 3 255\n\x00\x01\x02\x03\xff\x10\x20\x30\x40\x50\xfe\x80\x7f\x00\x05")
	pix, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer pix.Close()
	spix, err := pix.Spix()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(spix)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	want, err := pix.PNM()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.PNM(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
