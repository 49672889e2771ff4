package handover

import (
	"errors"
	"fmt"
	"testing"

	"saisine.fr/saisine/ingest"
)

func TestDetail(t *testing.T) {
	cause := errors.New("no")
	said := func(err error, words string) error { return &SaidError{Err: err, Said: words} }
	for _, test := range []struct {
		err          error
		text, detail string
	}{
		{nil, "<nil>", ""},
		{cause, "no", ""},
		{said(cause, "Zoé"), "no", "Zoé"},
		{ingest.Permanent(fmt.Errorf("x: %w", said(cause, "Zoé"))), "x: no", "Zoé"},
		{said(fmt.Errorf("x: %w", said(cause, "inner")), "outer"), "x: no", "outer; inner"},
		{said(said(cause, "twice"), "twice"), "no", "twice"},
		{fmt.Errorf("%w, %w", said(cause, "a"), said(cause, "b")), "no, no", "a; b"},
	} {
		if text, detail := fmt.Sprint(test.err), Detail(test.err); text != test.text || detail != test.detail {
			t.Errorf("%q, detail %q, want %q, %q", text, detail, test.text, test.detail)
		}
		if test.detail != "" && !errors.Is(test.err, cause) {
			t.Errorf("%q hides its cause", test.text)
		}
	}
}
