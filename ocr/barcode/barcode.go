// Package barcode reads barcodes off the image of a page with libzbar: QR codes, Code
// 128 and Code 39, which separator sheets carry. Other symbologies stay off: the EAN of
// an invoice says nothing about the letter, and each is one more that noise can match.
//
// It decodes foreign images in C. Only the sandboxed child process of package ocr
// may call it. Calls may run in parallel.
package barcode

/*
#cgo pkg-config: zbar
#include <stdlib.h>
#include <string.h>
#include <zbar.h>

typedef struct {
	int type, quality;
	unsigned length;
	char text[1028]; // more than is kept, to see where it must be cut
} found;

// scan_gray fills out with at most most symbols and returns their number, or -1 when
// memory runs out. zbar's text may hold NUL and is cut where it is longer than text.
// Everything happens within one call, so that zbar never holds the pixels beyond it.
static int scan_gray(const void *pixels, unsigned w, unsigned h, int density, found *out, int most) {
	zbar_image_scanner_t *scanner = zbar_image_scanner_create();
	if (!scanner)
		return -1;
	zbar_image_t *image = zbar_image_create();
	if (!image) {
		zbar_image_scanner_destroy(scanner);
		return -1;
	}
	zbar_set_verbosity(0);
	zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
	zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	zbar_image_scanner_set_config(scanner, ZBAR_CODE128, ZBAR_CFG_ENABLE, 1);
	zbar_image_scanner_set_config(scanner, ZBAR_CODE39, ZBAR_CFG_ENABLE, 1);
	// Without it zbar guesses the encoding of a QR code, and takes French for Chinese.
	zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
	zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_X_DENSITY, density);
	zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_Y_DENSITY, density);
	zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
	zbar_image_set_size(image, w, h);
	zbar_image_set_data(image, pixels, (unsigned long)w * h, NULL);
	int n = 0;
	if (zbar_scan_image(scanner, image) > 0) {
		const zbar_symbol_t *s = zbar_image_first_symbol(image);
		for (; s && n < most; s = zbar_symbol_next(s)) {
			unsigned length = zbar_symbol_get_data_length(s);
			if (length > sizeof out[n].text)
				length = sizeof out[n].text;
			out[n].type = zbar_symbol_get_type(s);
			out[n].quality = zbar_symbol_get_quality(s);
			out[n].length = length;
			memcpy(out[n].text, zbar_symbol_get_data(s), length);
			n++;
		}
	}
	zbar_image_destroy(image);
	zbar_image_scanner_destroy(scanner);
	return n;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"saisine.fr/saisine/ocr/wire"
)

const (
	// density is every how many lines the page is scanned, down and across. A Code 128
	// is hundreds of lines high and a module of a printed QR code several wide.
	density = 2
	// minLines is how many scan lines must agree on a linear code. zbar asks for four
	// by itself, but only where it looks at every line (img_scanner.c).
	minLines = 3
	// minLinear is the shortest text of a linear code: Code 39 has no check digit, and
	// a row of strokes reads as one or two characters of it.
	minLinear = 3
	// candidates is how many symbols are looked at to find wire.MaxBarcodes different ones.
	candidates = 4 * wire.MaxBarcodes
)

// errInput means that the pixels are not as many as the size says.
var errInput = errors.New("barcode: size and pixels differ")

// errMemory means that zbar could not be set up.
var errMemory = errors.New("barcode: out of memory")

// Version is the version of the library that the program runs with.
func Version() string {
	var major, minor, patch C.uint
	C.zbar_version(&major, &minor, &patch)
	return fmt.Sprintf("%d.%d.%d", major, minor, patch)
}

// Scan looks for barcodes on a grey image of width × height bytes, row by row without
// padding, black being 0. It finds them in any of the four orientations and askew by a
// few degrees, dark on light only. zbar reads edges off single lines, and the grain of
// a copier is made of edges, which also cost most of the time: let the image be black
// and white, or smoothed. Each text comes once for each symbology, at most
// wire.MaxBarcodes of them, of at most wire.MaxBarcodeText bytes of valid UTF-8 each.
func Scan(gray []byte, width, height int) ([]wire.Barcode, error) {
	if width <= 0 || height <= 0 || len(gray)/width != height || len(gray)%width != 0 {
		return nil, errInput
	}
	var out [candidates]C.found
	n := C.scan_gray(unsafe.Pointer(&gray[0]), C.uint(width), C.uint(height), density, &out[0], candidates)
	if n < 0 {
		return nil, errMemory
	}
	var codes []wire.Barcode
	for i := range out[:n] {
		code, ok := accept(&out[i])
		if ok && !slices.Contains(codes, code) && len(codes) < wire.MaxBarcodes {
			codes = append(codes, code)
		}
	}
	return codes, nil
}

// accept turns what zbar found into a Barcode, unless it is likely to be noise.
func accept(f *C.found) (wire.Barcode, bool) {
	code := wire.Barcode{
		Type: C.GoString(C.zbar_get_symbol_name(C.zbar_symbol_type_t(f._type))),
		Text: clean(C.GoBytes(unsafe.Pointer(&f.text[0]), C.int(f.length))),
	}
	if f._type != C.ZBAR_QRCODE && (f.quality < minLines || len(code.Text) < minLinear) {
		return code, false
	}
	return code, code.Text != ""
}

// clean makes valid UTF-8 without control characters of a text, at most
// wire.MaxBarcodeText bytes long. What is no UTF-8 is Latin-1, which is what the QR
// standard says of bytes (ISO/IEC 18004).
func clean(raw []byte) string {
	if cut := wire.MaxBarcodeText; len(raw) > cut {
		for cut > 0 && !utf8.RuneStart(raw[cut]) {
			cut--
		}
		raw = raw[:cut]
	}
	text := string(raw)
	if !utf8.Valid(raw) {
		runes := make([]rune, 0, len(raw))
		for _, b := range raw[:min(len(raw), wire.MaxBarcodeText/2)] {
			runes = append(runes, rune(b))
		}
		text = string(runes)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text))
}
