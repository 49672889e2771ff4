package samplescan

import (
	"bytes"
	"testing"
)

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	o := Options{DPI: 100, Noise: 6, Skew: 1, Turn: 90, Paper: 230}
	one, err := PDF([]string{"Objet : été", ""}, o)
	if err != nil {
		t.Fatal(err)
	}
	two, err := PDF([]string{"Objet : été", ""}, o)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("the same letter gave other bytes, %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if _, err := TextPDF([]string{"Ω"}); err == nil {
		t.Error("a character outside WinAnsi passed")
	}
	if _, err := Image(string(bytes.Repeat([]byte("ligne\n"), 200)), Options{DPI: 100}); err == nil {
		t.Error("200 lines fit on a page")
	}
}
