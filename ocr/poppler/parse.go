package poppler

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Size is the size of one page in points as the file lays it down, and its /Rotate.
type Size struct {
	Width, Height float64
	Rotate        int
}

// Info is what pdfinfo says about a file.
type Info struct {
	Pages int
	// XFA is true when the file is an XFA form, whose pages only an Adobe program draws.
	XFA bool
	// Sizes holds the pages asked for, by number.
	Sizes map[int]Size
}

// parseInfo reads the output of "pdfinfo -f 1 -l N". Lines that it does not know are
// skipped: titles and the like come from the file and may hold anything.
func parseInfo(out []byte) (Info, error) {
	info := Info{Sizes: make(map[int]Size)}
	for line := range strings.Lines(string(out)) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		fields := strings.Fields(key)
		switch {
		case key == "Pages":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return Info{}, fmt.Errorf("%w: page count %q", ErrBroken, value)
			}
			info.Pages = n
		case key == "Form":
			info.XFA = value == "XFA"
		case len(fields) == 3 && fields[0] == "Page":
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				continue
			}
			size := info.Sizes[n]
			switch fields[2] {
			case "size":
				parts := strings.Fields(value)
				if len(parts) < 3 || parts[1] != "x" {
					continue
				}
				size.Width, size.Height = number(parts[0]), number(parts[2])
			case "rot":
				r, _ := strconv.Atoi(value)
				size.Rotate = ((r % 360) + 360) % 360
			}
			info.Sizes[n] = size
		}
	}
	return info, nil
}

// number reads a size; what is no size is 0.
func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0 && v < 1e6) {
		return 0
	}
	return v
}

// Image is one line of "pdfimages -list".
type Image struct {
	Page          int
	Type          string // image, mask, smask, stencil
	Width, Height int
	Color         string // gray, rgb, icc, cmyk, index …
	// Bits are those of a sample; Encoding is image, jpeg, jpx, jbig2 or ccitt.
	Bits       int
	Encoding   string
	XPPI, YPPI int
}

// parseImages reads the output of "pdfimages -list".
func parseImages(out []byte) []Image {
	var images []Image
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		// page num type width height color comp bpc enc interp object ID x-ppi y-ppi size ratio
		f := strings.Fields(sc.Text())
		if len(f) < 14 {
			continue
		}
		page, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		img := Image{Page: page, Type: f[2], Color: f[5], Encoding: f[8]}
		img.Bits, _ = strconv.Atoi(f[7])
		img.Width, _ = strconv.Atoi(f[3])
		img.Height, _ = strconv.Atoi(f[4])
		// "[inline]" takes the place of object and ID.
		if f[10] == "[inline]" {
			f = append(f[:10:10], append([]string{"", ""}, f[11:]...)...)
		}
		if len(f) >= 14 {
			img.XPPI, _ = strconv.Atoi(f[12])
			img.YPPI, _ = strconv.Atoi(f[13])
		}
		images = append(images, img)
	}
	return images
}

// parseText splits the output of pdftotext, which ends each page with a form feed.
func parseText(out []byte) []string {
	pages := strings.Split(strings.ToValidUTF8(string(out), "\uFFFD"), "\f")
	if n := len(pages); n > 0 && strings.TrimSpace(pages[n-1]) == "" {
		pages = pages[:n-1]
	}
	return pages
}
