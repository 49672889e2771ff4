package classify

import (
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// The suspicion of an unwanted message hides neither what it is about nor itself.
func TestSuspicionHidesNothing(t *testing.T) {
	m := fewMind(t, "")
	phone := ingest.Record{Channel: ingest.ChannelPhone}
	revealed := 0
	for _, ad := range advertisements {
		reading := ingest.Reading{Subject: ad.subject, Text: ad.text}
		o := m.opine(reading, nil)
		c := m.decide(phone, reading)
		if o.unwanted < suspicious {
			continue
		}
		reasons := strings.Join(c.Reasons, "\n")
		if !c.NeedsReview || c.Aside != "" || !strings.Contains(reasons, "ressemble à un envoi indésirable (") {
			t.Errorf("%s: got %+v", ad.subject, c)
		}
		if best := o.best(); c.Category != "" && o.phrases[best].score <= 0 && o.p[best] < leastKnown/float64(len(m.brain.labels)) {
			revealed++
		}
	}
	if revealed == 0 {
		t.Error("no category was named that the suspicion would have hidden")
	}
	if got := (opinion{p: []float64{0.1, 0.3}, unwanted: 0.6}).given(1); got < 0.749 || got > 0.751 {
		t.Errorf("given: %v", got)
	}
	if got := (opinion{p: []float64{0}, unwanted: 1}).given(0); got != 0 {
		t.Errorf("given, of nothing: %v", got)
	}
}

// What a folder says of the service holds for what nothing else is known of.
func TestClerksServiceOfTheUnknown(t *testing.T) {
	file := "weights: {folder: 0}" + small
	reading := ingest.Reading{Text: "Zzyzxw qqxk vvwj"}
	for folder, want := range map[string]string{"Petite Enfance": "Petite Enfance", "service-petite-enfance": "Service petite enfance", "Services techniques": "Services techniques"} {
		rec := ingest.Record{Channel: ingest.ChannelScan, Hints: ingest.Hints{Service: folder}}
		if c := rules(t, file).Classify(t.Context(), rec, reading); c.Category != "" || c.Service != want {
			t.Errorf("%s: got %+v, want service %q", folder, c, want)
		}
	}
}

// Rules alone look for danger as well.
func TestRulesSeeDanger(t *testing.T) {
	r := rules(t, "urgent: {any: [licorne]}"+small)
	for text, category := range map[string]string{"Une licorne dans un nid de poule de la chaussée, chaussée, pavés.": "voirie", "Une licorne !": ""} {
		c := r.Classify(t.Context(), mailed, ingest.Reading{Text: text})
		if c.Category != category || !c.NeedsReview || !slices.Equal(c.Urgent, []string{"licorne"}) || !strings.HasPrefix(c.Reasons[0], "danger possible") {
			t.Errorf("%q: got %+v", text, c)
		}
	}
	if c := r.Classify(t.Context(), mailed, ingest.Reading{Text: "nid de poule, chaussée, pavés"}); len(c.Urgent) > 0 || c.NeedsReview {
		t.Errorf("no danger: got %+v", c)
	}
}

func TestSpaced(t *testing.T) {
	for text, want := range map[string]string{
		"a : b ; c ? d ! « e » 5 %": "a\u00a0: b\u00a0; c\u00a0? d\u00a0! «\u00a0e\u00a0» 5\u00a0%",
		"spam: a":                   "spam: a",
		"":                          "",
	} {
		if got := spaced(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	// No reason is written otherwise.
	m := fewMind(t, "")
	torn := ingest.Reading{Subject: "Cantine ?", Text: "La poubelle sous le lampadaire, devant la cantine, près du cimetière ; fuite de gaz !"}
	for _, c := range []ingest.Classification{
		m.decide(mailed, torn), m.decide(mailed, ingest.Reading{Text: advertising}), m.decide(ingest.Record{Channel: ingest.ChannelPhone}, ingest.Reading{Text: advertising}),
		m.decide(mailed, ingest.Reading{Text: "Zzyzxw"}), Default().Classify(t.Context(), mailed, torn), Default().Classify(t.Context(), mailed, ingest.Reading{}),
	} {
		for _, reason := range append(c.Reasons, c.Aside) {
			for _, sign := range []string{" :", " ;", " ?", " !", " %", " »", "« "} {
				if strings.Contains(reason, sign) {
					t.Errorf("%q: a space before or after %q may break", reason, sign)
				}
			}
		}
	}
}
