// Package poppler runs the programs of poppler-utils on foreign PDF files: pdfinfo,
// pdftotext, pdfimages and pdftoppm.
//
// It runs only in the sandboxed child process of package ocr.
package poppler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ocr/confine"
)

var (
	// ErrMissing means that a program is not installed: a fault of the machine.
	ErrMissing = confine.ErrMissing
	// ErrEncrypted means that the file opens only with a password.
	ErrEncrypted = errors.New("poppler: encrypted")
	// ErrBroken means that the program could not make sense of the file.
	ErrBroken = errors.New("poppler: unreadable file")
	// ErrLimit means that the program ran into its limit of time, memory or output.
	ErrLimit = confine.ErrLimit
)

// Runner runs the programs under limits. It is safe for concurrent use.
type Runner struct {
	// Dir is a folder for temporary files.
	Dir string
	// Timeout bounds one run, in wall time and in processor time.
	Timeout time.Duration
	// Memory bounds the address space of a program, in bytes.
	Memory int64
	// Output bounds what a program may write to its standard output, in bytes.
	Output int
}

// run starts a program and returns its standard output. path must be absolute, so that
// it is never taken for an option.
func (r Runner) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	out, err := confine.Limits{Dir: r.Dir, Timeout: r.Timeout, Memory: r.Memory, Output: r.Output}.Run(ctx, program, args...)
	var failure *confine.ExitError
	switch {
	case err == nil:
		return out, nil
	case !errors.As(err, &failure):
		return nil, err
	case strings.Contains(failure.Complaint, "Incorrect password"):
		return nil, ErrEncrypted
	}
	return nil, fmt.Errorf("%w: %w", ErrBroken, err)
}
