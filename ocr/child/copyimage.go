package child

import (
	"encoding/binary"
	"fmt"
	"io"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/pdfobj"
)

// imagePages writes pages of an image file as a PDF, each image as large as its
// resolution says. A JPEG goes in as it is; of anything else the pixels are packed
// anew without loss.
func (s *server) imagePages(w io.Writer, path, kind string, numbers []int) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	count := 1
	if kind == kindTIFF {
		if count, err = leptonica.TIFFPages(data); err != nil {
			return err
		}
	}
	out := pdfobj.NewWriter(w)
	for _, n := range numbers {
		if n < 1 || n > count {
			return errNoPage
		}
		var img pdfImage
		if kind == kindTIFF {
			img, err = s.tiffImage(data, n-1)
		} else {
			img, err = s.plainImage(data)
		}
		if err != nil {
			return err
		}
		img.write(out)
	}
	return out.Close()
}

// pdfImage is an image as a PDF holds it.
type pdfImage struct {
	dict          string // but for the entries of every image
	data          []byte
	width, height int
	// xdpi and ydpi are the resolution, 0 where the file says nothing.
	xdpi, ydpi float64
}

const (
	// leastDPI and mostDPI bound the resolutions that are believed.
	leastDPI, mostDPI = 50, 2400
	// a4Long is the longer side of an A4 page in points: what a page without a
	// resolution is taken for.
	a4Long = 841.89
	// mostPoints is how large a page may be for all viewers (ISO 32000-1, Annex C).
	mostPoints = 14_400
)

// points is the size of the image on its page.
func (i pdfImage) points() (w, h float64) {
	credible := func(dpi float64) bool { return dpi >= leastDPI && dpi <= mostDPI }
	w, h = float64(i.width), float64(i.height)
	scale := a4Long / max(w, h)
	if credible(i.xdpi) && credible(i.ydpi) {
		w, h = w/i.xdpi*72, h/i.ydpi*72
		scale = min(1, mostPoints/max(w, h))
	}
	return w * scale, h * scale
}

func (i pdfImage) write(out *pdfobj.Writer) {
	x := out.Stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d %s", i.width, i.height, i.dict), i.data)
	w, h := i.points()
	out.Page([4]float64{0, 0, w, h}, fmt.Sprintf("/XObject <</I %s>>", x),
		fmt.Appendf(nil, "q %s 0 0 %s 0 0 cm /I Do Q", pdfobj.Number(w), pdfobj.Number(h)))
}

func (s *server) plainImage(data []byte) (pdfImage, error) {
	head, err := leptonica.ReadHeader(data)
	if err != nil {
		return pdfImage{}, err
	}
	if err := s.admit(head); err != nil {
		return pdfImage{}, err
	}
	if head.Format == leptonica.FormatJPEG {
		return jpegImage(data, head)
	}
	pic, err := s.decode(data)
	if err != nil {
		return pdfImage{}, err
	}
	defer pic.Close()
	return packed(pic.Pix)
}

func (s *server) tiffImage(data []byte, page int) (pdfImage, error) {
	pic, err := s.decodeTIFF(data, page)
	if err != nil {
		return pdfImage{}, err
	}
	defer pic.Close()
	return packed(pic.Pix)
}

// packed packs the pixels without loss.
func packed(pix *leptonica.Pix) (pdfImage, error) {
	e, err := pix.Encode()
	if err != nil {
		return pdfImage{}, err
	}
	x, y := pix.Resolution()
	img := pdfImage{data: e.Data, width: e.Width, height: e.Height, xdpi: float64(x), ydpi: float64(y)}
	space := "/DeviceGray"
	switch {
	case e.Palette != "":
		space = fmt.Sprintf("[/Indexed /DeviceRGB %d %s]", e.Colours-1, e.Palette)
	case e.Samples == 3:
		space = "/DeviceRGB"
	}
	img.dict = fmt.Sprintf("/ColorSpace %s /BitsPerComponent %d ", space, e.Bits)
	if e.Fax {
		img.dict += fmt.Sprintf("/Filter /CCITTFaxDecode /DecodeParms <</K -1 /Columns %d /Rows %d /BlackIs1 %t>>", e.Width, e.Height, e.BlackIsOne)
	} else {
		img.dict += "/Filter /FlateDecode"
	}
	return img, nil
}

// jpegImage takes a JPEG as it is.
func jpegImage(data []byte, head leptonica.Header) (pdfImage, error) {
	info := parseJPEG(data)
	img := pdfImage{data: data, width: head.Width, height: head.Height, xdpi: info.xdpi, ydpi: info.ydpi}
	img.dict = "/BitsPerComponent 8 /Filter /DCTDecode /ColorSpace "
	switch head.Samples {
	case 1:
		img.dict += "/DeviceGray"
	case 3:
		img.dict += "/DeviceRGB"
	case 4:
		img.dict += "/DeviceCMYK"
		if info.adobe {
			// Photoshop and all after it store CMYK inverted.
			img.dict += " /Decode [1 0 1 0 1 0 1 0]"
		}
	default:
		return pdfImage{}, fmt.Errorf("%w: %d colours", leptonica.ErrDecode, head.Samples)
	}
	return img, nil
}

// jpegInfo is what the segments before the image of a JPEG say.
type jpegInfo struct {
	xdpi, ydpi float64
	adobe      bool
}

// Markers and units of JPEG (ITU-T T.81, table B.1; JFIF 1.02; Adobe Technical Note 5116).
const (
	markerSOS   = 0xDA
	markerAPP0  = 0xE0
	markerAPP14 = 0xEE
	perInch     = 1
	perCM       = 2
)

// parseJPEG reads the segments up to the start of the image. Nonsense ends it early.
func parseJPEG(data []byte) jpegInfo {
	var info jpegInfo
	for at := 2; at+4 <= len(data) && data[at] == 0xFF; {
		marker := data[at+1]
		if marker == 0xFF { // filling
			at++
			continue
		}
		length := int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == markerSOS || length < 2 || at+2+length > len(data) {
			break
		}
		body := data[at+4 : at+2+length]
		switch {
		case marker == markerAPP0 && len(body) >= 12 && string(body[:5]) == "JFIF\x00":
			x, y := float64(binary.BigEndian.Uint16(body[8:])), float64(binary.BigEndian.Uint16(body[10:]))
			switch body[7] {
			case perInch:
				info.xdpi, info.ydpi = x, y
			case perCM:
				info.xdpi, info.ydpi = x*2.54, y*2.54
			}
		case marker == markerAPP14 && len(body) >= 12 && string(body[:5]) == "Adobe":
			info.adobe = true
		}
		at += 2 + length
	}
	return info
}
