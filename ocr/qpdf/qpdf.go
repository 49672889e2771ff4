// Package qpdf runs qpdf and, where it is installed, ghostscript on PDF files: what a
// searchable copy is put together with. Pages are moved as they are, their images
// byte by byte.
//
// The files are foreign. The package runs only in the sandboxed child process of
// package ocr. All paths must be absolute.
package qpdf

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/confine"
)

var (
	// ErrMissing means that a program is not installed.
	ErrMissing = confine.ErrMissing
	// ErrLimit means that a program ran into its limit of time, memory or file size.
	ErrLimit = confine.ErrLimit
	// ErrEncrypted means that the file opens only with a password.
	ErrEncrypted = errors.New("qpdf: encrypted")
	// ErrBroken means that qpdf could not make sense of the file.
	ErrBroken = errors.New("qpdf: unreadable file")
	// ErrUnclean means that qpdf finds faults in a file.
	ErrUnclean = errors.New("qpdf: faults in the file")
)

// Exit codes of qpdf (its manual, "Exit Status").
const exitWarnings = 3

// Runner runs the programs under limits.
type Runner struct{ Limits confine.Limits }

// run runs qpdf. Faults in a file that qpdf could mend are no error.
func (r Runner) run(ctx context.Context, args ...string) ([]byte, error) {
	out, err := r.Limits.Run(ctx, "qpdf", args...)
	var failure *confine.ExitError
	switch {
	case err == nil:
		return out, nil
	case !errors.As(err, &failure):
		return nil, err
	case failure.Code == exitWarnings:
		return out, nil
	case strings.Contains(failure.Complaint, "invalid password"):
		return nil, ErrEncrypted
	case strings.Contains(failure.Complaint, diskFull):
		return nil, fmt.Errorf("qpdf: %w", unix.ENOSPC)
	}
	return nil, fmt.Errorf("%w: %w", ErrBroken, err)
}

// diskFull is what the C library calls ENOSPC: no fault of the file.
const diskFull = "No space left on device"

// asTheyAre keeps every stream as it lies in the file: an image is copied byte by byte,
// and nothing is unpacked that could be a bomb.
const asTheyAre = "--stream-data=preserve"

// Take writes the pages of src with the given numbers, in that order, to dst, each
// turned clockwise by its entry in turns (multiples of 90°) beyond what the file says.
// A number may occur twice. What belongs to the document and not to a page (scripts,
// attached files, bookmarks) stays behind, and so does protection that needs no password.
func (r Runner) Take(ctx context.Context, src string, numbers, turns []int, dst string) error {
	args := []string{asTheyAre, "--empty", "--pages", src, list(numbers), "--"}
	// A turn by 0 has its use: it makes /Rotate -90 the 270 that Underlay understands.
	for _, turn := range []int{0, 90, 180, 270} {
		var turned []int
		for i := range turns {
			if ((turns[i]%360)+360)%360 == turn {
				turned = append(turned, i+1)
			}
		}
		if len(turned) > 0 {
			args = append(args, fmt.Sprintf("--rotate=+%d:%s", turn, list(turned)))
		}
	}
	_, err := r.run(ctx, append(args, dst)...)
	return err
}

// list writes a page range.
func list(numbers []int) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

// Underlay writes to dst the file base with the pages of text laid under its pages of
// the given numbers, each fitted into that page as it is shown. No page may be Trimmed.
func (r Runner) Underlay(ctx context.Context, base, text string, numbers []int, dst string) error {
	_, err := r.run(ctx, asTheyAre, base, "--underlay", text, "--to="+list(numbers), "--from=1-z", "--", dst)
	return err
}

// Join writes all pages of the parts, one file after the other, to dst.
func (r Runner) Join(ctx context.Context, parts []string, dst string) error {
	args := []string{asTheyAre, "--object-streams=generate", "--empty", "--pages"}
	for _, p := range parts {
		args = append(args, p, "1-z")
	}
	_, err := r.run(ctx, append(args, "--", dst)...)
	return err
}

// Check returns ErrUnclean unless qpdf finds nothing to say against the file.
func (r Runner) Check(ctx context.Context, path string) error {
	_, err := r.Limits.Run(ctx, "qpdf", "--check", path)
	var failure *confine.ExitError
	if errors.As(err, &failure) {
		return fmt.Errorf("%w: %w", ErrUnclean, err)
	}
	return err
}

// Content returns the content of a page of the file, unpacked: its streams joined by
// line ends (ISO 32000-1, 7.8.2).
func (r Runner) Content(ctx context.Context, path string, p Page) ([]byte, error) {
	var content []byte
	for _, number := range p.Contents {
		part, err := r.run(ctx, fmt.Sprintf("--show-object=%d", number), "--filtered-stream-data", path)
		if err != nil {
			return nil, err
		}
		content = append(append(content, part...), '\n')
		if len(content) > r.Limits.Output {
			return nil, fmt.Errorf("%w: content of a page", ErrLimit)
		}
	}
	return content, nil
}
