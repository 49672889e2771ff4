package leptonica

// #include <allheaders.h>
import "C"

import (
	"bytes"
	"encoding/binary"
	"math"
)

// ReadDamaged decodes what is left of a JPEG that Read refuses: one that was cut off, or
// has faults in its data. The lost parts are grey. libjpeg goes on after such faults with
// a warning, and leptonica drops the image unless it is told to keep it
// (L_JPEG_CONTINUE_WITH_BAD_DATA, jpegio.c). It returns ErrDecode for other formats, for
// libpng and libtiff give nothing in such a case, and where nothing can be had.
func ReadDamaged(data []byte) (*Pix, error) {
	if head, err := ReadHeader(data); err != nil || head.Format != FormatJPEG {
		return nil, ErrDecode
	}
	p := C.pixReadMemJpeg((*C.l_uint8)(&data[0]), C.size_t(len(data)), 0, 1, nil, C.L_JPEG_CONTINUE_WITH_BAD_DATA)
	if p == nil {
		return nil, ErrDecode
	}
	return &Pix{p}, nil
}

// ReadDamagedTIFF decodes what is left of a page (from 0) of a TIFF that ReadTIFF refuses,
// because its data are cut off or have faults, but its directory is whole. libtiff reads
// row by row, but leptonica drops all when a row fails. So it is told that the page has
// fewer rows, as many as can be read, and the missing ones are added white. It returns
// ErrDecode where no row can be had, and for BigTIFF and tiles.
func ReadDamagedTIFF(data []byte, page int) (*Pix, error) {
	head, err := ReadTIFFHeader(data, page)
	if err != nil {
		return nil, err
	}
	patient, ok := newTIFFPatient(data, page)
	if !ok || patient.rows != head.Height {
		// What libtiff takes for the page is another directory.
		return nil, ErrDecode
	}
	var best *C.PIX
	// The greatest number of rows that can be read lies between low and high.
	low, high := 0, patient.rows
	for low < high {
		rows := (low + high + 1) / 2
		p := patient.read(rows, page)
		if p == nil {
			high = rows - 1
			continue
		}
		C.pixDestroy(&best)
		best, low = p, rows
	}
	if best == nil {
		return nil, ErrDecode
	}
	defer C.pixDestroy(&best)
	return wrap(C.pixAddBlackOrWhiteBorder(best, 0, 0, 0, C.l_int32(patient.rows-low), C.L_GET_WHITE_VAL), "pixAddBlackOrWhiteBorder")
}

// Tags, types and values of TIFF 6.0 that a damaged page is read with.
const (
	tagImageLength     = 257
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagStripByteCounts = 279
	typeShort          = 3
	typeLong           = 4
	entrySize          = 12
	compressionRLE     = 2
	compressionG4      = 4
	whiteIsZero        = 0
)

// maxPadding is by how much a file is lengthened at most, in bytes.
const maxPadding = 64 << 20

// tiffPatient is a copy of a TIFF file of which one page may be shortened.
type tiffPatient struct {
	data  []byte
	order binary.ByteOrder
	rows  int
	// length is where the entry ImageLength stands.
	length int
}

// newTIFFPatient finds the page, and pads the file for the strip that was cut: libtiff
// reads no strip that ends beyond the file, but decodes rows until they make no sense.
func newTIFFPatient(data []byte, page int) (tiffPatient, bool) {
	t := tiffPatient{data: data}
	if len(data) < 8 {
		return t, false
	}
	switch string(data[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return t, false
	}
	directory, ok := t.directory(page)
	if !ok {
		return t, false
	}
	length, offsets, counts := directory[tagImageLength], directory[tagStripOffsets], directory[tagStripByteCounts]
	rows, have := t.values(length)
	from, haveFrom := t.values(offsets)
	sizes, haveSizes := t.values(counts)
	if !have || !haveFrom || len(rows) != 1 || rows[0] < 1 || rows[0] > math.MaxInt32 {
		return t, false
	}
	t.rows, t.length = int(rows[0]), length
	end := len(data)
	for i := range from {
		if haveSizes && i < len(sizes) && int(from[i]) < len(data) {
			end = max(end, int(from[i])+int(sizes[i]))
		}
	}
	t.data = append(bytes.Clone(data), bytes.Repeat([]byte{t.filling(directory)}, min(end-len(data), maxPadding))...)
	return t, true
}

// filling is a byte that makes white of what is missing, or makes no sense to the decoder:
// of zeros the fax decoders know no code; 0xFF is white, to packbits too, except where the
// file counts black as more, and an error in LZW.
func (t tiffPatient) filling(directory map[int]int) byte {
	compression, _ := t.values(directory[tagCompression])
	photometric, _ := t.values(directory[tagPhotometric])
	fax := len(compression) == 1 && compression[0] >= compressionRLE && compression[0] <= compressionG4
	if fax || len(photometric) == 1 && photometric[0] == whiteIsZero {
		return 0
	}
	return 0xFF
}

// directory returns where the entries of a page stand, by their tag.
func (t tiffPatient) directory(page int) (map[int]int, bool) {
	at := int(t.order.Uint32(t.data[4:]))
	for n := 0; at >= 8 && at+2 <= len(t.data); n++ {
		count := int(t.order.Uint16(t.data[at:]))
		end := at + 2 + count*entrySize
		if end+4 > len(t.data) {
			return nil, false
		}
		if n == page {
			entries := make(map[int]int, count)
			for i := at + 2; i < end; i += entrySize {
				tag := int(t.order.Uint16(t.data[i:]))
				if _, twice := entries[tag]; !twice { // libtiff takes the first
					entries[tag] = i
				}
			}
			return entries, true
		}
		at = int(t.order.Uint32(t.data[end:]))
	}
	return nil, false
}

// values returns the values of an entry of type SHORT or LONG.
func (t tiffPatient) values(entry int) ([]uint32, bool) {
	if entry == 0 {
		return nil, false
	}
	size := map[uint16]int{typeShort: 2, typeLong: 4}[t.order.Uint16(t.data[entry+2:])]
	count := int(t.order.Uint32(t.data[entry+4:]))
	if size == 0 || count < 1 || count > len(t.data)/size {
		return nil, false
	}
	at := entry + 8
	if count*size > 4 {
		at = int(t.order.Uint32(t.data[at:]))
	}
	if at+count*size > len(t.data) {
		return nil, false
	}
	out := make([]uint32, count)
	for i := range out {
		if size == 2 {
			out[i] = uint32(t.order.Uint16(t.data[at+2*i:]))
		} else {
			out[i] = t.order.Uint32(t.data[at+4*i:])
		}
	}
	return out, true
}

// read decodes the page as if it had so many rows.
func (t tiffPatient) read(rows, page int) *C.PIX {
	t.order.PutUint16(t.data[t.length+2:], typeLong)
	t.order.PutUint32(t.data[t.length+8:], uint32(rows))
	return C.pixReadMemTiff((*C.l_uint8)(&t.data[0]), C.size_t(len(t.data)), C.l_int32(page))
}
