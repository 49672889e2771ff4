package message

import (
	"regexp"
	"strings"
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
	return children[best]
}

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
var stub = regexp.MustCompile(`(?i)html|navigateur|browser|(?:mail|e-?mail|messagerie|courriel)\s+(?:client|reader|program)|client\s+(?:de\s+messagerie|mail|e-?mail)|` +
	`ne\s+(?:s['’]affiche|parvenez|pouvez)|version en ligne|unable to (?:view|display|read)|(?:cannot|can['’]t|doesn['’]t|does not)\s+(?:display|support|view|read)`)

// isStub reports whether a text stands in for the HTML part. Only short ones can: a
// letter about a broken web page is a letter.
func isStub(text string) bool {
	t := strings.TrimSpace(text)
	return t == "" || len(t) < 250 && strings.Count(t, "\n") < 5 && stub.MatchString(t) &&
		!regexpGreeting.MatchString(t)
}

var regexpGreeting = regexp.MustCompile(`(?i)\b(?:bonjour|bonsoir|madame|monsieur|cordialement|merci|salutations|hello|dear|regards)\b`)
