package handover

import (
	"slices"
	"strings"
)

// SaidError is an error together with what the other side said about it. Errors go to the log,
// and these words may repeat a subject or an address: they are for the administrator, who gets
// them by Detail.
type SaidError struct {
	Err  error
	Said string
}

// Error leaves out what was said.
func (e *SaidError) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *SaidError) Unwrap() error { return e.Err }

// Detail is what was said.
func (e *SaidError) Detail() string { return e.Said }

// Detail joins what the other side said, by the methods Detail() string of err and of all that
// it wraps; it is "" when nothing was said. It is for the tries and not for the log.
func Detail(err error) string {
	return strings.Join(details(nil, err), "; ")
}

func details(all []string, err error) []string {
	// Not errors.As, which stops at the first.
	if d, ok := any(err).(interface{ Detail() string }); ok {
		if said := d.Detail(); said != "" && !slices.Contains(all, said) {
			all = append(all, said)
		}
	}
	switch w := any(err).(type) {
	case interface{ Unwrap() error }:
		if inner := w.Unwrap(); inner != nil {
			all = details(all, inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range w.Unwrap() {
			all = details(all, inner)
		}
	}
	return all
}
