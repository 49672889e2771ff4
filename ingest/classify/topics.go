package classify

import (
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest"
)

// The bounds below were chosen on messages of two authors put together in pairs, by models
// that had not learned from these authors: 36 of 100 pairs were found, and a second matter
// in 1 of 100 messages with one.
const (
	// leastWords is how many words a part of a message needs to be a matter of its own.
	leastWords = 12
	// topicSure is how sure both parts of a message must be of their categories.
	topicSure = 0.97
	// topicWhole is how likely the second category must be in the whole message.
	topicWhole = 0.001
	// mostCuts bounds the places at which a message is tried to be cut in two.
	mostCuts = 16
)

// second looks for a second matter in a message and writes it into out.
func (c *mind) second(out *ingest.Classification, o opinion, chosen int, reading ingest.Reading) {
	if i := c.otherMatter(o, chosen, reading.Matter()); i >= 0 {
		category := c.rules.file.Categories[i]
		out.Second = category.Code
		out.Reasons = append(out.Reasons, "parle aussi de "+quoted(category.Label))
	}
}

// otherMatter cuts a text between two sentences, and returns the category of the one half
// where the other is of the category chosen, or -1. Of all places to cut it takes the one
// at which both are surest.
func (c *mind) otherMatter(whole opinion, chosen int, text string) int {
	best, other := topicSure, -1
	for _, at := range cuts(text) {
		a := c.opine(ingest.Reading{Text: text[:at]}, nil)
		b := c.opine(ingest.Reading{Text: text[at:]}, nil)
		sure := min(a.p[a.best()], b.p[b.best()])
		if a.best() == b.best() || sure < best {
			continue
		}
		second := b.best()
		if chosen == second {
			second = a.best()
		} else if chosen != a.best() {
			continue
		}
		if whole.p[second] >= topicWhole {
			best, other = sure, second
		}
	}
	return other
}

// cuts returns where sentences and paragraphs end in text, so that leastWords words stand
// on either side; evenly some where there are many.
func cuts(text string) []int {
	if len(text) > maxText {
		return nil // a whole file is no message
	}
	type place struct{ at, words int }
	var places []place
	words := 0
	inWord, ended := false, false
	for i, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if letter && !inWord {
			if ended && words >= leastWords {
				places = append(places, place{i, words})
			}
			words++
			ended = false
		}
		inWord = letter
		switch {
		case strings.ContainsRune(".!?…", r):
			ended = true
		case r == '\n' && strings.HasPrefix(text[i:], "\n\n"):
			ended = true
		}
	}
	var out []int
	for _, p := range places {
		if words-p.words >= leastWords {
			out = append(out, p.at)
		}
	}
	if n := len(out); n > mostCuts {
		for k := range mostCuts {
			out[k] = out[k*n/mostCuts]
		}
		out = out[:mostCuts]
	}
	return out
}
