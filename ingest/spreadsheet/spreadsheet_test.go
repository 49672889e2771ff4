package spreadsheet

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

func TestHarmless(t *testing.T) {
	for _, cell := range []string{"=1+1", "+33 6", "-1", "@x", "\tx", "\rx", "\nx", "＝1"} {
		if got := Harmless(cell); got != "'"+cell {
			t.Errorf("%q became %q", cell, got)
		}
	}
	for _, cell := range []string{"", "a=b", " x", "é", "'x"} {
		if got := Harmless(cell); got != cell {
			t.Errorf("%q became %q", cell, got)
		}
	}
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, Semicolon, true)
	if err != nil {
		t.Fatal(err)
	}
	line := []string{`a "b"; c`, "one\ntwo", "=x", ""}
	if err := w.Write(line); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(b.String(), "\ufeff")
	if !ok || !strings.HasSuffix(text, "\r\n") {
		t.Errorf("%q", b.String())
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	got, err := r.Read()
	if line[2] = "'=x"; err != nil || !slices.Equal(got, line) {
		t.Errorf("%q, %v", got, err)
	}
}
