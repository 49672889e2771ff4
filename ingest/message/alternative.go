package message

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// chooseAlternative picks from the parts of a multipart/alternative, each one's
// blocks, the one to read: plain text, unless it is missing or only says that one
// should look at the HTML; then HTML; then what there is.
func chooseAlternative(children [][]block) []block {
	best, bestScore := -1, 0
	for i, blocks := range children {
		if score := alternativeScore(blocks); score > bestScore {
			best, bestScore = i, score
		}
	}
	if best < 0 {
		return nil
	}
	out := children[best]
	for i, blocks := range children {
		if i != best {
			out = append(out[:len(out):len(out)], besideHTML(blocks, out)...)
		}
	}
	return out
}

// besideHTML returns the plain text that stands beside HTML in an alternative that was
// not chosen, and is not in what was: list programs put their footer there, scanners
// and telephones what was typed last.
func besideHTML(blocks, chosen []block) []block {
	plain, html := 0, 0
	for _, b := range blocks {
		switch b.kind {
		case kindPlain:
			plain++
		case kindHTML:
			html++
		}
	}
	if plain == 0 || html == 0 {
		return nil // another version of the whole
	}
	var text strings.Builder
	for _, b := range chosen {
		text.WriteString(oneLine(b.text) + " ")
	}
	var out []block
	for _, b := range blocks {
		if b.kind == kindPlain && !strings.Contains(text.String(), oneLine(b.text)) {
			out = append(out, b)
		}
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func alternativeScore(blocks []block) int {
	score := 0
	for _, b := range blocks {
		s := 1
		switch b.kind {
		case kindPlain:
			s = 4
			if isStub(b.text) {
				s = 1
			}
		case kindHTML:
			s = 3
		case kindCalendar:
			s = 2
		}
		score = max(score, s)
	}
	return score
}

// stub matches what programs write into the plain part when they have only HTML.
var stub = lazy.Regexp(`(?i)html|navigateur|browser|(?:mail|e-?mail|messagerie|courriel)\s+(?:client|reader|program)|client\s+(?:de\s+messagerie|mail|e-?mail)|` +
	`ne\s+(?:s['’]affiche|parvenez|pouvez)|version en ligne|unable to (?:view|display|read)|(?:cannot|can['’]t|doesn['’]t|does not)\s+(?:display|support|view|read)`)

// isStub reports whether a text stands in for the HTML part. Only short ones can: a
// letter about a broken web page is a letter.
func isStub(text string) bool {
	t := strings.TrimSpace(text)
	return t == "" || len(t) < 250 && strings.Count(t, "\n") < 5 && stub().MatchString(t) &&
		!regexpGreeting().MatchString(t)
}

var regexpGreeting = lazy.Regexp(`(?i)\b(?:bonjour|bonsoir|madame|monsieur|cordialement|merci|salutations|hello|dear|regards)\b`)
