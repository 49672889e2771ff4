// Package leptonica is a thin binding of the few calls of the leptonica image
// library that preparing a scanned page needs. Tesseract is linked with leptonica
// already, so it costs no further dependency.
//
// It decodes foreign images in C. Only the sandboxed child process of package ocr
// may call it. Read the header first and compare it with the limits: decoding
// itself allocates whatever the header promises.
//
// A Pix is not safe for concurrent use; different ones may be used in parallel.
package leptonica

// #cgo pkg-config: lept
// #include <stdlib.h>
// #include <allheaders.h>
import "C"

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// ErrDecode means that leptonica could not read the bytes as an image.
var ErrDecode = errors.New("leptonica: not a readable image")

// Format is the file format of an image.
type Format int

// The formats that are read. Everything else that leptonica knows (GIF, WebP, BMP,
// PostScript …) is left out: no copier writes it, and each is one more decoder that
// hostile bytes could reach.
const (
	FormatUnknown Format = iota
	FormatJPEG
	FormatPNG
	FormatTIFF
	FormatPNM
)

// Header is what an image says about itself before it is decoded.
type Header struct {
	Format        Format
	Width, Height int
	BitsPerSample int
	Samples       int
}

// Silence stops leptonica from writing its complaints to standard error. It is
// process-wide and may be called at any time.
func Silence() { C.setMsgSeverity(C.L_SEVERITY_NONE) }

// Version is the version of the library that the program runs with.
func Version() string {
	v := C.getLeptonicaVersion()
	defer C.lept_free(unsafe.Pointer(v))
	return C.GoString(v)
}

// ReadHeader reads the dimensions of an image, or of the first page of a TIFF file,
// without decoding it. It returns ErrDecode for other formats and broken headers.
func ReadHeader(data []byte) (Header, error) {
	if len(data) < 16 {
		return Header{}, ErrDecode
	}
	var format, w, h, bps, spp, cmap C.l_int32
	if C.pixReadHeaderMem((*C.l_uint8)(&data[0]), C.size_t(len(data)), &format, &w, &h, &bps, &spp, &cmap) != 0 {
		return Header{}, ErrDecode
	}
	hd := Header{Width: int(w), Height: int(h), BitsPerSample: int(bps), Samples: int(spp)}
	switch format {
	case C.IFF_JFIF_JPEG:
		hd.Format = FormatJPEG
	case C.IFF_PNG:
		hd.Format = FormatPNG
	case C.IFF_PNM:
		hd.Format = FormatPNM
	case C.IFF_TIFF, C.IFF_TIFF_G3, C.IFF_TIFF_G4, C.IFF_TIFF_JPEG, C.IFF_TIFF_LZW,
		C.IFF_TIFF_PACKBITS, C.IFF_TIFF_RLE, C.IFF_TIFF_ZIP:
		hd.Format = FormatTIFF
	default:
		return Header{}, ErrDecode
	}
	if hd.Width <= 0 || hd.Height <= 0 {
		return Header{}, ErrDecode
	}
	return hd, nil
}

// TIFFPages counts the pages of a TIFF file. libtiff ends a circular chain of
// directories by itself.
func TIFFPages(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, ErrDecode
	}
	fp := C.fopenReadFromMemory((*C.l_uint8)(&data[0]), C.size_t(len(data)))
	if fp == nil {
		return 0, ErrDecode
	}
	defer C.fclose(fp)
	var n C.l_int32
	if C.tiffGetCount(fp, &n) != 0 || n < 1 {
		return 0, ErrDecode
	}
	return int(n), nil
}

// ReadTIFFHeader reads the dimensions of one page (from 0) of a TIFF file.
func ReadTIFFHeader(data []byte, page int) (Header, error) {
	if len(data) == 0 {
		return Header{}, ErrDecode
	}
	var w, h, bps, spp, res, cmap, format C.l_int32
	if C.readHeaderMemTiff((*C.l_uint8)(&data[0]), C.size_t(len(data)), C.l_int32(page), &w, &h, &bps, &spp, &res, &cmap, &format) != 0 {
		return Header{}, ErrDecode
	}
	if w <= 0 || h <= 0 {
		return Header{}, ErrDecode
	}
	return Header{Format: FormatTIFF, Width: int(w), Height: int(h), BitsPerSample: int(bps), Samples: int(spp)}, nil
}

// Pix is an image in leptonica's memory. Close frees it.
type Pix struct{ p *C.PIX }

func wrap(p *C.PIX, call string) (*Pix, error) {
	if p == nil {
		return nil, fmt.Errorf("leptonica: %s failed", call)
	}
	return &Pix{p}, nil
}

// Close frees the image. Closing twice, or a nil Pix, does nothing.
func (x *Pix) Close() {
	if x != nil && x.p != nil {
		C.pixDestroy(&x.p)
	}
}

// ReadTIFF decodes one page (from 0) of a TIFF file.
func ReadTIFF(data []byte, page int) (*Pix, error) {
	if len(data) == 0 {
		return nil, ErrDecode
	}
	p := C.pixReadMemTiff((*C.l_uint8)(&data[0]), C.size_t(len(data)), C.l_int32(page))
	if p == nil {
		return nil, ErrDecode
	}
	return &Pix{p}, nil
}

// Read decodes a JPEG, PNG, PNM or the first page of a TIFF.
func Read(data []byte) (*Pix, error) {
	if len(data) == 0 {
		return nil, ErrDecode
	}
	p := C.pixReadMem((*C.l_uint8)(&data[0]), C.size_t(len(data)))
	if p == nil {
		return nil, ErrDecode
	}
	return &Pix{p}, nil
}

// Size returns width and height in pixels.
func (x *Pix) Size() (w, h int) {
	return int(C.pixGetWidth(x.p)), int(C.pixGetHeight(x.p))
}

// Depth returns the bits per pixel.
func (x *Pix) Depth() int { return int(C.pixGetDepth(x.p)) }

// Mapped reports whether the pixels are indices into a colour map.
func (x *Pix) Mapped() bool { return C.pixGetColormap(x.p) != nil }

// Resolution returns what the file says, in dots per inch; 0 where it says nothing.
func (x *Pix) Resolution() (xres, yres int) {
	return int(C.pixGetXRes(x.p)), int(C.pixGetYRes(x.p))
}

// Gray returns a copy as 8-bit grey without colour map. Transparent parts become white.
func (x *Pix) Gray() (*Pix, error) {
	src := x.p
	if C.pixGetDepth(src) == 32 && C.pixGetSpp(src) == 4 {
		flat := C.pixAlphaBlendUniform(src, 0xffffff00)
		if flat == nil {
			return nil, errors.New("leptonica: pixAlphaBlendUniform failed")
		}
		defer C.pixDestroy(&flat)
		src = flat
	}
	return wrap(C.pixConvertTo8(src, 0), "pixConvertTo8")
}

// Bitonal returns a copy as 1-bit image, pixels darker than threshold being ink. A
// 1-bit image is only copied.
func (x *Pix) Bitonal(threshold int) (*Pix, error) {
	return wrap(C.pixConvertTo1(x.p, C.l_int32(threshold)), "pixConvertTo1")
}

// Inverted returns a copy with black and white exchanged.
func (x *Pix) Inverted() (*Pix, error) { return wrap(C.pixInvert(nil, x.p), "pixInvert") }

// Scaled returns a copy scaled by the two factors, with the anti-aliasing that suits
// the depth: area mapping down, linear interpolation up. 1-bit images become grey.
func (x *Pix) Scaled(fx, fy float64) (*Pix, error) {
	if x.Depth() == 1 {
		if fx == fy && fx < 1 {
			return wrap(C.pixScaleToGray(x.p, C.l_float32(fx)), "pixScaleToGray")
		}
		g, err := x.Gray()
		if err != nil {
			return nil, err
		}
		defer g.Close()
		return g.Scaled(fx, fy)
	}
	if fx < 1 && fy < 1 {
		// pixScaleAreaMap wants 8 or 32 bits and no colour map.
		return wrap(C.pixScaleAreaMap(x.p, C.l_float32(fx), C.l_float32(fy)), "pixScaleAreaMap")
	}
	return wrap(C.pixScale(x.p, C.l_float32(fx), C.l_float32(fy)), "pixScale")
}

// Background returns a copy of a grey image in which the paper, estimated tile by
// tile, is brought to one even white (pixBackgroundNorm). Ink is what is darker than
// ink; white is the value that paper gets.
func (x *Pix) Background(tileW, tileH, ink, minCount, white, smooth int) (*Pix, error) {
	return wrap(C.pixBackgroundNorm(x.p, nil, nil, C.l_int32(tileW), C.l_int32(tileH), C.l_int32(ink),
		C.l_int32(minCount), C.l_int32(white), C.l_int32(smooth), C.l_int32(smooth)), "pixBackgroundNorm")
}

// Stretched returns a copy of a grey image in which black and everything darker
// becomes 0, white and everything lighter becomes 255.
func (x *Pix) Stretched(black, white int) (*Pix, error) {
	return wrap(C.pixGammaTRC(nil, x.p, 1, C.l_int32(black), C.l_int32(white)), "pixGammaTRC")
}

// Skew estimates by how many degrees the text lines of a 1-bit image run clockwise
// downwards, within ±7°, with a confidence: below about 3 it is a guess.
func (x *Pix) Skew() (angle, confidence float64, err error) {
	var a, c C.l_float32
	if C.pixFindSkew(x.p, &a, &c) != 0 {
		return 0, 0, errors.New("leptonica: pixFindSkew failed")
	}
	return float64(a), float64(c), nil
}

// Rotated returns a copy of a grey image turned clockwise by a small angle in
// degrees, its corners filled with white.
func (x *Pix) Rotated(angle float64) (*Pix, error) {
	return wrap(C.pixRotateAMGray(x.p, C.l_float32(angle*math.Pi/180), 255), "pixRotateAMGray")
}

// Turned returns a copy turned clockwise by quarters × 90°.
func (x *Pix) Turned(quarters int) (*Pix, error) {
	return wrap(C.pixRotateOrth(x.p, C.l_int32(((quarters%4)+4)%4)), "pixRotateOrth")
}

// Orientation looks at the ascenders and descenders of a 1-bit image of Latin text
// at 150 to 300 dpi. up is positive when the text stands upright and negative when
// it is upside down; left is positive when it must be turned clockwise by 90° to
// stand upright and negative when by 270°. A magnitude below about 5 says nothing.
func (x *Pix) Orientation() (up, left float64, err error) {
	var u, l C.l_float32
	if C.pixOrientDetect(x.p, &u, &l, 0, 0) != 0 {
		return 0, 0, errors.New("leptonica: pixOrientDetect failed")
	}
	return float64(u), float64(l), nil
}

// Median returns the middle grey value of a grey image, looking at every tenth pixel
// in each direction.
func (x *Pix) Median() (int, error) {
	var v C.l_uint32
	if C.pixGetRankValue(x.p, 10, 0.5, &v) != 0 {
		return 0, errors.New("leptonica: pixGetRankValue failed")
	}
	return int(v), nil
}

// Colour returns a 1-bit mask of the pixels whose strongest and weakest colour differ
// by more than diff, or nil when the image is grey or 1-bit.
func (x *Pix) Colour(diff int) (*Pix, error) {
	if x.Depth() != 32 {
		return nil, nil // no colour is an answer, not a fault
	}
	return wrap(C.pixMaskOverColorPixels(x.p, C.l_int32(diff), 1), "pixMaskOverColorPixels")
}

// Erase makes white, in place, the pixels of a grey image that the 1-bit mask covers
// within box.
func (x *Pix) Erase(mask *Pix, box Box) error {
	b := C.boxCreate(C.l_int32(box.X), C.l_int32(box.Y), C.l_int32(box.W), C.l_int32(box.H))
	defer C.boxDestroy(&b)
	part := C.pixClipRectangle(mask.p, b, nil)
	if part == nil {
		return errors.New("leptonica: pixClipRectangle failed")
	}
	defer C.pixDestroy(&part)
	// The rim of a stroke is paler than its core and not in the mask.
	wide := C.pixDilateBrick(nil, part, 7, 7)
	if wide == nil {
		return errors.New("leptonica: pixDilateBrick failed")
	}
	defer C.pixDestroy(&wide)
	if C.pixPaintThroughMask(x.p, wide, C.l_int32(box.X), C.l_int32(box.Y), 0xffffffff) != 0 {
		return errors.New("leptonica: pixPaintThroughMask failed")
	}
	return nil
}

// Clip returns a copy of the part of the image within box.
func (x *Pix) Clip(box Box) (*Pix, error) {
	b := C.boxCreate(C.l_int32(box.X), C.l_int32(box.Y), C.l_int32(box.W), C.l_int32(box.H))
	defer C.boxDestroy(&b)
	return wrap(C.pixClipRectangle(x.p, b, nil), "pixClipRectangle")
}

// Ink counts the black pixels of a 1-bit image.
func (x *Pix) Ink() (int, error) {
	var n C.l_int32
	if C.pixCountPixels(x.p, &n, nil) != 0 {
		return 0, errors.New("leptonica: pixCountPixels failed")
	}
	return int(n), nil
}

// Box is a rectangle in pixels.
type Box struct{ X, Y, W, H int }

// Grown returns the box widened by n on each side, within an image of w × h.
func (b Box) Grown(n, w, h int) Box {
	x0, y0 := max(0, b.X-n), max(0, b.Y-n)
	x1, y1 := min(w, b.X+b.W+n), min(h, b.Y+b.H+n)
	return Box{x0, y0, x1 - x0, y1 - y0}
}

// Components returns the boxes of the 8-connected components of a 1-bit image.
func (x *Pix) Components() ([]Box, error) {
	boxa := C.pixConnCompBB(x.p, 8)
	if boxa == nil {
		return nil, errors.New("leptonica: pixConnCompBB failed")
	}
	defer C.boxaDestroy(&boxa)
	out := make([]Box, 0, int(C.boxaGetCount(boxa)))
	for i := range int(C.boxaGetCount(boxa)) {
		var bx, by, bw, bh C.l_int32
		if C.boxaGetBoxGeometry(boxa, C.l_int32(i), &bx, &by, &bw, &bh) == 0 {
			out = append(out, Box{int(bx), int(by), int(bw), int(bh)})
		}
	}
	return out, nil
}

// Copy returns a copy.
func (x *Pix) Copy() (*Pix, error) { return wrap(C.pixCopy(nil, x.p), "pixCopy") }

// Smoothed returns a copy of a grey image in which each pixel is the mean of the square
// of 2×half+1 pixels around it.
func (x *Pix) Smoothed(half int) (*Pix, error) {
	return wrap(C.pixBlockconvGray(x.p, nil, C.l_int32(half), C.l_int32(half)), "pixBlockconvGray")
}

// MedianFiltered returns a copy of a grey image in which each pixel is the middle value
// of the size × size pixels around it: specks go, edges stay.
func (x *Pix) MedianFiltered(size int) (*Pix, error) {
	return wrap(C.pixMedianFilter(x.p, C.l_int32(size), C.l_int32(size)), "pixMedianFilter")
}

// Bytes returns the pixels of an 8-bit image, or those of a 1-bit image as 0 for ink and
// 255 for paper, row by row without padding.
func (x *Pix) Bytes() ([]byte, error) {
	if x.Depth() == 1 {
		gray, err := x.Gray()
		if err != nil {
			return nil, err
		}
		defer gray.Close()
		return gray.Bytes()
	}
	if x.Depth() != 8 || x.Mapped() {
		return nil, errors.New("leptonica: Bytes of an image that is not grey")
	}
	w, h := x.Size()
	wpl := int(C.pixGetWpl(x.p))
	words := unsafe.Slice((*uint32)(unsafe.Pointer(C.pixGetData(x.p))), wpl*h)
	out := make([]byte, 0, w*h+3)
	for y := range h {
		row := words[y*wpl : (y+1)*wpl]
		// The first pixel is the most significant byte of a word on every machine.
		for _, word := range row[:(w+3)/4] {
			out = append(out, byte(word>>24), byte(word>>16), byte(word>>8), byte(word))
		}
		out = out[:(y+1)*w]
	}
	return out, nil
}

// Spix encodes the image as leptonica keeps it (pixSerializeToMemory), which leptonica
// reads back by copying. PNM would cost a call of the C library for each pixel both ways,
// a twentieth of the time that a page takes.
func (x *Pix) Spix() ([]byte, error) {
	var data *C.l_uint32
	var size C.size_t
	if C.pixSerializeToMemory(x.p, &data, &size) != 0 {
		return nil, errors.New("leptonica: pixSerializeToMemory failed")
	}
	defer C.lept_free(unsafe.Pointer(data))
	return C.GoBytes(unsafe.Pointer(data), C.int(size)), nil
}

// PNM encodes the image as PBM, PGM or PPM: a plain copy of the pixels.
func (x *Pix) PNM() ([]byte, error) {
	var data *C.l_uint8
	var size C.size_t
	if C.pixWriteMemPnm(&data, &size, x.p) != 0 {
		return nil, errors.New("leptonica: pixWriteMemPnm failed")
	}
	defer C.lept_free(unsafe.Pointer(data))
	return C.GoBytes(unsafe.Pointer(data), C.int(size)), nil
}
