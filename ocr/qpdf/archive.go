package qpdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/confine"
)

// ErrNotArchived means that ghostscript could not make PDF/A of a file without taking
// something away.
var ErrNotArchived = errors.New("qpdf: no PDF/A")

// profiles are where Debian's libgs-common and older ghostscripts keep the colour
// profile that a PDF/A must carry.
var profiles = []string{
	"/usr/share/color/icc/ghostscript/srgb.icc",
	"/usr/share/ghostscript/*/iccprofiles/srgb.icc",
}

func profile() (string, error) {
	for _, pattern := range profiles {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("%w: colour profile of ghostscript", ErrMissing)
}

// intent says with which colours the file is meant to be shown: ISO 19005-2, 6.2.3
// wants an output intent with its profile in the file.
const intent = `%%!PS
[/_objdef {profile} /type /stream /OBJ pdfmark
[{profile} <</N 3>> /PUT pdfmark
[{profile} (%s) (r) file /PUT pdfmark
[/_objdef {intent} /type /dict /OBJ pdfmark
[{intent} <</Type /OutputIntent /S /GTS_PDFA1 /DestOutputProfile {profile} /OutputConditionIdentifier (sRGB)>> /PUT pdfmark
[{Catalog} <</OutputIntents [{intent}]>> /PUT pdfmark
`

// Archive writes src as PDF/A-2b to dst by ghostscript. Grey and RGB images of JPEG are
// passed through, others are packed anew without loss. It returns ErrMissing where
// ghostscript or its profile is not installed, and ErrNotArchived when the result would
// lack something or is none.
//
// Ghostscript runs with -dSAFER: it opens no file but these. What it can be talked
// into beyond that ends at the limits of the child.
func (r Runner) Archive(ctx context.Context, src, dst string) error {
	icc, err := profile()
	if err != nil {
		return err
	}
	prologue := filepath.Join(r.Limits.Dir, "intent.ps")
	if err := os.WriteFile(prologue, fmt.Appendf(nil, intent, icc), 0o600); err != nil {
		return fmt.Errorf("qpdf: write prologue: %w", err)
	}
	defer os.Remove(prologue)
	_, err = r.Limits.Run(ctx, "gs", "-dSAFER", "--permit-file-read="+icc, "-dBATCH", "-dNOPAUSE", "-q",
		"-sDEVICE=pdfwrite", "-dPDFA=2",
		// 2: stop rather than leave something out.
		"-dPDFACompatibilityPolicy=2",
		// Grey and RGB stay as they are; CMYK may not stand beside an RGB intent.
		"-sColorConversionStrategy=RGB", "-dAutoRotatePages=/None",
		"-dPassThroughJPEGImages=true", "-dPassThroughJPXImages=true",
		"-dAutoFilterColorImages=false", "-dColorImageFilter=/FlateEncode", "-dDownsampleColorImages=false",
		"-dAutoFilterGrayImages=false", "-dGrayImageFilter=/FlateEncode", "-dDownsampleGrayImages=false",
		"-dMonoImageFilter=/CCITTFaxEncode", "-dDownsampleMonoImages=false",
		"-sOutputFile="+dst, prologue, src)
	var failure *confine.ExitError
	switch {
	case errors.As(err, &failure) && strings.Contains(failure.Complaint, diskFull):
		return fmt.Errorf("qpdf: %w", unix.ENOSPC)
	case errors.As(err, &failure):
		return fmt.Errorf("%w: %w", ErrNotArchived, err)
	case err != nil:
		return err
	}
	ok, err := claims(dst)
	if err != nil {
		return err
	}
	if !ok {
		// Where it cannot comply, ghostscript may go back to plain PDF without a word.
		return ErrNotArchived
	}
	return nil
}

// claims reports whether a file says that it is PDF/A-2b. Its metadata stand in it
// uncompressed (ISO 19005-2, 6.6.2.1).
func claims(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("qpdf: open result: %w", err)
	}
	defer f.Close()
	part, conformance := []byte("pdfaid:part='2'"), []byte("pdfaid:conformance='B'")
	// Pieces overlap, so that nothing is cut in two.
	buf, kept := make([]byte, 256<<10), 0
	for {
		n, err := f.Read(buf[kept:])
		piece := buf[:kept+n]
		if bytes.Contains(piece, part) && bytes.Contains(piece, conformance) {
			return true, nil
		}
		kept = copy(buf, piece[max(0, len(piece)-1024):])
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("qpdf: read result: %w", err)
		}
	}
}
