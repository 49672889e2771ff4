package ingest

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// dangerOfText is a Classifier that sees danger in one word, as the real one does it.
type dangerOfText struct{}

func (dangerOfText) Classify(_ context.Context, _ Record, r Reading) Classification {
	c := Classification{Reasons: []string{"autre raison"}}
	if strings.Contains(r.Text, "gaz") {
		c.Urgent = []string{"gaz"}
		c.Reasons = append([]string{"danger possible"}, c.Reasons...)
	}
	return c
}

// Of words that were read unsurely only the danger counts, and it comes first.
func TestDangerReadUnsurely(t *testing.T) {
	p := &Pipeline{Classifier: dangerOfText{}}
	for _, tc := range []struct {
		name          string
		text          string
		sure          bool
		urgent, first string
	}{
		{"unsure", "odeur de gaz", false, "gaz", "danger possible"},
		{"unsure, no danger", "bonjour", false, "", "autre raison"},
		{"a page of two is sure", "odeur de gaz", true, "gaz", "danger possible"},
	} {
		r := Reading{Text: tc.text, Pages: []Page{{Number: 1, Text: tc.text, Unsure: true}}}
		if tc.sure {
			r.Pages = append(r.Pages, Page{Number: 2, Text: tc.text})
		}
		c := p.classify(t.Context(), Record{Channel: ChannelScan}, r)
		if strings.Join(c.Urgent, " ") != tc.urgent || !c.NeedsReview || c.Reasons[0] != tc.first {
			t.Errorf("%s: got %+v", tc.name, c)
		}
		if n := len(slices.Compact(slices.Clone(c.Reasons))); n != len(c.Reasons) || !strings.HasPrefix(c.Reasons[n-1], "lecture peu sûre") {
			t.Errorf("%s: reasons %q", tc.name, c.Reasons)
		}
	}
}
