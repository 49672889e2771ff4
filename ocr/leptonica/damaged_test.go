package leptonica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// meanBelow is the mean grey value from a row on.
func meanBelow(t *testing.T, pix *Pix, row int) int {
	t.Helper()
	data, err := pix.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	w, h := pix.Size()
	if row >= h {
		return 255
	}
	sum := 0
	for _, v := range data[row*w:] {
		sum += int(v)
	}
	return sum / len(data[row*w:])
}

// byteOrder is what both orders of the standard library can do.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// striped is a page with a line every ten pixels, and a gradient at its left.
func striped(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := uint8(255)
			if y%10 < 2 || x < 40 && (x+y/3)%7 < 3 {
				v = 0
			}
			img.SetGray(x, y, color.Gray{v})
		}
	}
	return img
}

// rowsOf are the rows of an image that a read one shows as they were, from the top on.
func rowsOf(t *testing.T, img *image.Gray, pix *Pix) int {
	t.Helper()
	data, err := pix.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	w, h := pix.Size()
	if size := img.Bounds().Size(); w != size.X || h != size.Y {
		t.Fatalf("%d × %d, want %v", w, h, size)
	}
	for y := range h {
		for x := range w {
			if d := int(data[y*w+x]) - int(img.GrayAt(x, y).Y); d > 40 || d < -40 {
				return y
			}
		}
	}
	return h
}

// tiffOf writes a page of strips with its directory before its data, as scanners do that
// know the size of the page beforehand (TIFF 6.0, section 2).
func tiffOf(order byteOrder, w, h, rowsPerStrip, bits, compression, photometric int, strips [][]byte) []byte {
	mark := "II*\x00"
	if order.Uint16([]byte{0, 1}) == 1 {
		mark = "MM\x00*"
	}
	const tags = 9
	file := order.AppendUint32([]byte(mark), 8)
	lists := len(file) + 2 + tags*entrySize + 4
	at := lists + 8*len(strips)
	var offsets, counts []byte
	for _, s := range strips {
		offsets, counts = order.AppendUint32(offsets, uint32(at)), order.AppendUint32(counts, uint32(len(s)))
		at += len(s)
	}
	file = order.AppendUint16(file, tags)
	entry := func(tag, n, value int) {
		file = order.AppendUint16(order.AppendUint16(file, uint16(tag)), typeLong)
		file = order.AppendUint32(order.AppendUint32(file, uint32(n)), uint32(value))
	}
	list := func(tag, place int, values []byte) {
		if len(strips) == 1 {
			place = int(order.Uint32(values))
		}
		entry(tag, len(strips), place)
	}
	entry(256, 1, w)
	entry(tagImageLength, 1, h)
	entry(258, 1, bits)
	entry(259, 1, compression)
	entry(262, 1, photometric)
	list(tagStripOffsets, lists, offsets)
	entry(277, 1, 1)
	entry(278, 1, rowsPerStrip)
	list(tagStripByteCounts, lists+4*len(strips), counts)
	file = append(append(order.AppendUint32(file, 0), offsets...), counts...)
	return append(file, bytes.Join(strips, nil)...)
}

// plainTIFF is not packed, faxTIFF is CCITT group 4.
func plainTIFF(img *image.Gray, rows int, order byteOrder) []byte {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	var strips [][]byte
	for y := 0; y < h; y += rows {
		strips = append(strips, img.Pix[y*w:min(y+rows, h)*w])
	}
	return tiffOf(order, w, h, rows, 8, 1, 1, strips)
}

func faxTIFF(t testing.TB, img *image.Gray, rows int, order byteOrder) []byte {
	t.Helper()
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	var strips [][]byte
	photometric := 0
	for y := 0; y < h; y += rows {
		var b bytes.Buffer
		if err := png.Encode(&b, img.SubImage(image.Rect(0, y, w, min(y+rows, h)))); err != nil {
			t.Fatal(err)
		}
		gray, err := Read(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		bits, err := gray.Bitonal(128)
		if err != nil {
			t.Fatal(err)
		}
		e, err := bits.Encode()
		if err != nil || !e.Fax {
			t.Fatal(e.Fax, err)
		}
		if e.BlackIsOne {
			photometric = 1
		}
		strips = append(strips, e.Data)
		gray.Close()
		bits.Close()
	}
	return tiffOf(order, w, h, rows, 1, 4, photometric, strips)
}

// A cut image gives the rows before the cut, at the size that it had.
func TestReadDamaged(t *testing.T) {
	t.Parallel()
	Silence()
	img := striped(600, 800)
	var j bytes.Buffer
	if err := jpeg.Encode(&j, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	first := func(read func([]byte, int) (*Pix, error)) func([]byte) (*Pix, error) {
		return func(data []byte) (*Pix, error) { return read(data, 0) }
	}
	for name, tc := range map[string]struct {
		data         []byte
		whole, parts func([]byte) (*Pix, error)
	}{
		"jpeg":                    {j.Bytes(), Read, ReadDamaged},
		"tiff of one strip":       {plainTIFF(img, 800, binary.LittleEndian), first(ReadTIFF), first(ReadDamagedTIFF)},
		"tiff of strips":          {plainTIFF(img, 64, binary.BigEndian), first(ReadTIFF), first(ReadDamagedTIFF)},
		"fax of one strip":        {faxTIFF(t, img, 800, binary.LittleEndian), first(ReadTIFF), first(ReadDamagedTIFF)},
		"fax of strips, Motorola": {faxTIFF(t, img, 50, binary.BigEndian), first(ReadTIFF), first(ReadDamagedTIFF)},
	} {
		pix, err := tc.whole(tc.data)
		if err != nil {
			t.Errorf("%s: whole: %v", name, err)
			continue
		}
		if rows := rowsOf(t, img, pix); rows != 800 {
			t.Errorf("%s: whole: row %d differs", name, rows)
		}
		pix.Close()
		for _, percent := range []int{30, 60, 90, 99} {
			cut := tc.data[:len(tc.data)*percent/100]
			if pix, err := tc.whole(cut); err == nil {
				pix.Close()
				t.Errorf("%s, cut at %d %%: read as if it were whole", name, percent)
			}
			pix, err := tc.parts(cut)
			if err != nil {
				t.Errorf("%s, cut at %d %%: %v", name, percent, err)
				continue
			}
			rows := rowsOf(t, img, pix)
			if rows < 8*percent-100 {
				t.Errorf("%s, cut at %d %%: %d rows", name, percent, rows)
			}
			if mean := meanBelow(t, pix, rows+16); mean < 120 {
				t.Errorf("%s, cut at %d %%: what is missing is dark: %d", name, percent, mean)
			}
			pix.Close()
		}
	}
}

// There is nothing to be had from a header alone, or from what is no such image.
func TestReadDamagedNothing(t *testing.T) {
	t.Parallel()
	Silence()
	tiff := plainTIFF(striped(600, 800), 64, binary.LittleEndian)
	directory := 8 + 2 + 9*entrySize + 4 + 8*13
	for name, data := range map[string][]byte{
		"empty": nil, "png": samples(t)[FormatPNG][:60], "no image": []byte("\xff\xd8\xff\xe0 and nothing else"), "a directory alone": tiff[:directory],
		"half a directory": tiff[:40],
	} {
		if pix, err := ReadDamaged(data); !errors.Is(err, ErrDecode) {
			pix.Close()
			t.Errorf("%s: %v", name, err)
		}
		if pix, err := ReadDamagedTIFF(data, 0); !errors.Is(err, ErrDecode) {
			w, h := pix.Size()
			t.Errorf("%s: as TIFF: %d × %d, %v", name, w, h, err)
			pix.Close()
		}
	}
	if _, err := ReadDamagedTIFF(tiff, 1); !errors.Is(err, ErrDecode) {
		t.Errorf("a page that is not there: %v", err)
	}
}

// FuzzDamaged reads what it can of any bytes whose header promises little.
func FuzzDamaged(f *testing.F) {
	Silence()
	img := striped(60, 40)
	var j bytes.Buffer
	if err := jpeg.Encode(&j, img, nil); err != nil {
		f.Fatal(err)
	}
	for _, data := range [][]byte{j.Bytes(), plainTIFF(img, 8, binary.BigEndian), faxTIFF(f, img, 40, binary.LittleEndian)} {
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := ReadHeader(data); err == nil && h.Width <= 1000 && h.Height <= 1000 {
			if pix, err := ReadDamaged(data); err == nil {
				pix.Close()
			}
		}
		h, err := ReadTIFFHeader(data, 0)
		if err != nil || h.Width > 1000 || h.Height > 1000 {
			return
		}
		if pix, err := ReadDamagedTIFF(data, 0); err == nil {
			if _, got := pix.Size(); got != h.Height {
				t.Errorf("height %d, want %d", got, h.Height)
			}
			pix.Close()
		}
	})
}
