package main

import (
	"bytes"
	"strings"
	"testing"
)

// What is nearly certain is not printed as certain.
func TestPrintClassificationIsNeverTooSure(t *testing.T) {
	var out bytes.Buffer
	if err := printClassification(&out, classifiedJSON{Categories: []rankedJSON{{Category: "voirie", Label: "Voirie", Confidence: 0.996}, {Category: "culture", Label: "Culture", Confidence: 0.002}}}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "99\u00a0%") || strings.Contains(got, "100") || !strings.Contains(got, "\n0\u00a0%") {
		t.Errorf("got %q", got)
	}
}
