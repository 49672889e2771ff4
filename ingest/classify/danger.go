package classify

import (
	"fmt"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest"
)

// danger finds the words of danger of a categories file. It is read only once built, and
// safe for concurrent use then.
type danger struct {
	matcher *matcher
	phrases []string
	first   int // the first phrase that means no danger
}

func newDanger(u Urgent) *danger {
	d := &danger{matcher: newMatcher()}
	shapes := map[string]bool{}
	add := func(list []string) {
		for _, text := range list {
			shape := fmt.Sprint(phraseWords(text))
			if !shapes[shape] && d.matcher.add(text, len(d.phrases)) {
				shapes[shape] = true // two spellings of one phrase are one
				d.phrases = append(d.phrases, text)
			}
		}
	}
	add(u.Any)
	d.first = len(d.phrases)
	add(u.Except)
	return d
}

// maxUrgent is how many words of danger are named.
const maxUrgent = 4

// find returns the words of danger in subject, text and attachments, in the order of the
// file. Those that are part of a longer phrase count as the longer one.
func (d *danger) find(reading ingest.Reading) []string {
	hit := make([]bool, len(d.phrases))
	note := func(id int) { hit[id] = true }
	d.matcher.find(reading.Subject, note)
	d.matcher.find(reading.Matter(), note)
	for _, a := range reading.Attachments {
		d.matcher.find(a.Text, note)
	}
	var out []string
	for id, text := range d.phrases[:d.first] {
		text = strings.ReplaceAll(text, "*", "…")
		if hit[id] && len(out) < maxUrgent && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
