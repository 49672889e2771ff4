package leptonica

// #include <stdlib.h>
// #include <allheaders.h>
import "C"

import (
	"errors"
	"math"
	"unsafe"
)

// Flat returns a copy that can be scaled, turned and shown: of 1 bit, 8-bit grey or 32-bit
// colour, without colour map. Transparent parts become white.
func (x *Pix) Flat() (*Pix, error) {
	switch depth := x.Depth(); {
	case x.Mapped():
		return wrap(C.pixRemoveColormap(x.p, C.REMOVE_CMAP_BASED_ON_SRC), "pixRemoveColormap")
	case depth == 32 && C.pixGetSpp(x.p) == 4:
		return wrap(C.pixAlphaBlendUniform(x.p, 0xffffff00), "pixAlphaBlendUniform")
	case depth == 1, depth == 8, depth == 32:
		return x.Copy()
	case depth == 24:
		return wrap(C.pixConvert24To32(x.p), "pixConvert24To32")
	}
	return x.Gray()
}

// Within returns the part of the image within box, which may reach beyond the image: what
// lies there is white. The image must be Flat.
func (x *Pix) Within(box Box) (*Pix, error) {
	out, err := wrap(C.pixCreate(C.l_int32(box.W), C.l_int32(box.H), C.l_int32(x.Depth())), "pixCreate")
	if err != nil {
		return nil, err
	}
	if C.pixSetBlackOrWhite(out.p, C.L_SET_WHITE) != 0 ||
		C.pixRasterop(out.p, 0, 0, C.l_int32(box.W), C.l_int32(box.H), C.PIX_SRC, x.p, C.l_int32(box.X), C.l_int32(box.Y)) != 0 {
		out.Close()
		return nil, errors.New("leptonica: pixRasterop failed")
	}
	return out, nil
}

// Straightened returns a copy of an image of 8 or 32 bits turned clockwise by a small angle
// in degrees about its centre, in the same size, its corners filled with white.
func (x *Pix) Straightened(angle float64) (*Pix, error) {
	return wrap(C.pixRotateAM(x.p, C.l_float32(angle*math.Pi/180), C.L_BRING_IN_WHITE), "pixRotateAM")
}

// JPEG encodes an image of 8 or 32 bits.
func (x *Pix) JPEG(quality int) ([]byte, error) {
	var data *C.l_uint8
	var size C.size_t
	if C.pixWriteMemJpeg(&data, &size, x.p, C.l_int32(quality), 0) != 0 {
		return nil, errors.New("leptonica: pixWriteMemJpeg failed")
	}
	defer C.lept_free(unsafe.Pointer(data))
	return C.GoBytes(unsafe.Pointer(data), C.int(size)), nil
}
