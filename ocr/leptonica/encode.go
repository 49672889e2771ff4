package leptonica

// #include <stdlib.h>
// #include <allheaders.h>
import "C"

import (
	"errors"
	"unsafe"
)

// Encoded is an image packed without loss in the way that a PDF holds it.
type Encoded struct {
	Data []byte
	// Fax is true when the data are CCITT group 4, else they are deflated.
	Fax bool
	// BlackIsOne is how group 4 data count.
	BlackIsOne    bool
	Width, Height int
	// Bits are those of a sample, Samples those of a pixel: 1 or 3.
	Bits, Samples int
	// Palette is the colour map as a hexadecimal PDF string of Colours RGB triples, or "".
	Palette string
	Colours int
}

// Encode packs an image without loss: 1-bit images as CCITT group 4, all others
// deflated. Transparent parts become white; of 16-bit samples the upper byte stays.
func (x *Pix) Encode() (Encoded, error) {
	src := x.p
	switch {
	case C.pixGetDepth(src) == 32 && C.pixGetSpp(src) == 4:
		src = C.pixAlphaBlendUniform(src, 0xffffff00)
	case C.pixGetDepth(src) == 16:
		src = C.pixConvert16To8(src, C.L_MS_BYTE)
	}
	if src == nil {
		return Encoded{}, errors.New("leptonica: pixAlphaBlendUniform or pixConvert16To8 failed")
	}
	if src != x.p {
		defer C.pixDestroy(&src)
	}
	if C.pixGetDepth(src) == 1 && C.pixGetColormap(src) == nil {
		return encodeFax(src)
	}
	kind := C.l_int32(C.L_FLATE_ENCODE)
	var cid *C.L_COMP_DATA
	if C.pixGenerateCIData(src, kind, 0, 0, &cid) != 0 || cid == nil {
		return Encoded{}, errors.New("leptonica: pixGenerateCIData failed")
	}
	defer C.l_CIDataDestroy(&cid)
	e := Encoded{
		Data:  C.GoBytes(unsafe.Pointer(cid.datacomp), C.int(cid.nbytescomp)),
		Width: int(cid.w), Height: int(cid.h), Bits: int(cid.bps), Samples: int(cid.spp),
	}
	if cid.cmapdatahex != nil {
		e.Palette, e.Colours = C.GoString(cid.cmapdatahex), int(cid.ncolors)
	}
	return e, nil
}

func encodeFax(src *C.PIX) (Encoded, error) {
	var data *C.l_uint8
	var size C.size_t
	if C.pixWriteMemTiff(&data, &size, src, C.IFF_TIFF_G4) != 0 || data == nil {
		return Encoded{}, errors.New("leptonica: pixWriteMemTiff failed")
	}
	defer C.lept_free(unsafe.Pointer(data))
	bits, blackIsOne, err := faxStrip(C.GoBytes(unsafe.Pointer(data), C.int(size)))
	if err != nil {
		return Encoded{}, err
	}
	return Encoded{
		Data: bits, Fax: true, BlackIsOne: blackIsOne,
		Width: int(C.pixGetWidth(src)), Height: int(C.pixGetHeight(src)), Bits: 1, Samples: 1,
	}, nil
}
