package classify

import (
	"unicode"

	"saisine.fr/saisine/ingest/classify/model"
)

// maxText bounds what is looked at of one text, in bytes: what a letter is about stands
// in its first pages, and time must not grow with what a stranger sends.
const maxText = 64 << 10

// foldLatin holds model.Plain for the letters up to ſ (U+017F), by far the most.
var foldLatin = func() (t [0x180]string) {
	for r := range t {
		low := unicode.ToLower(rune(r))
		if plain, ok := model.Plain(low); ok {
			t[r] = plain
		} else if unicode.IsLetter(low) || unicode.IsDigit(low) {
			t[r] = string(low)
		}
	}
	return t
}()

// words calls each with every word of text, folded: small letters without accents,
// ligatures taken apart. Apostrophes and dashes part words as spaces do. Mail addresses
// and web addresses are left out: they name the sender's or the town's own services.
// The slice is only valid during the call.
func words(text string, each func(word []byte)) {
	if len(text) > maxText {
		text = text[:maxText]
	}
	// A run is what stands between two spaces; only at its end is it known whether it
	// is an address.
	run := make([]byte, 0, 64)
	ends := make([]int, 0, 8) // of the words of the run
	address := false
	cut := func() {
		if len(run) > 0 && (len(ends) == 0 || ends[len(ends)-1] < len(run)) {
			ends = append(ends, len(run))
		}
	}
	flush := func() {
		cut()
		start := 0
		for _, end := range ends {
			if !address {
				each(run[start:end])
			}
			start = end
		}
		run, ends, address = run[:0], ends[:0], false
	}
	var previous rune
	for _, r := range text {
		switch {
		case r < 0x180 && foldLatin[r] != "":
			run = append(run, foldLatin[r]...)
		case unicode.IsSpace(r):
			flush()
		case unicode.Is(unicode.Mn, r):
			// The accent of a letter written in two (NFD, as macOS does), or a soft mark.
		case r == '\u00ad' || r == '\u200b':
			// Soft hyphen and zero-width space stand within words.
		default:
			if r == '@' || r == '/' && previous == ':' {
				address = true
			}
			if s, ok := model.Plain(unicode.ToLower(r)); ok {
				run = append(run, s...)
			} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
				run = append(run, string(unicode.ToLower(r))...)
			} else {
				cut()
			}
		}
		previous = r
	}
	flush()
}

// stopWords are left out of texts and phrases alike, so that "trou dans la chaussée"
// and "trou chaussée" are the same. Folded.
var stopWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range []string{
		"a", "ai", "as", "au", "aux", "avec", "c", "ce", "ces", "cet", "cette", "d", "dans", "de", "des", "du", "en", "est", "et", "il",
		"j", "je", "l", "la", "le", "les", "leur", "leurs", "lui", "m", "ma", "me", "mes", "mon", "n", "ne", "nos", "notre", "nous", "on",
		"ou", "par", "pour", "qu", "que", "qui", "s", "sa", "se", "ses", "son", "sur", "t", "tres", "un", "une", "vos", "votre", "vous", "y",
	} {
		m[w] = true
	}
	return m
}()

// stem takes the endings off a folded word that French adds for number, gender and the
// commonest verb forms, and halves doubled letters, which is what people most often
// get wrong. It works in place and returns a part of word. It is crude on purpose:
// phrases and texts go through the same hands, and a phrase that needs more says so
// with a star.
func stem(word []byte) []byte {
	if string(word) == "plus" {
		return word // not the plan local d'urbanisme
	}
	n := len(word)
	if n > 3 && (word[n-1] == 's' || word[n-1] == 'x') {
		n--
	}
	switch {
	case n >= 6 && hasSuffix(word[:n], "au") && word[n-3] != 'e' && n < len(word):
		word[n-1] = 'l' // journaux, municipaux: -al
	case n >= 5 && (hasSuffix(word[:n], "er") || hasSuffix(word[:n], "ez")):
		n -= 2
	case n >= 5 && hasSuffix(word[:n], "ee"):
		n -= 2
	case n >= 4 && word[n-1] == 'e':
		n--
	}
	// Short stems keep theirs, or salle would be sale.
	if n >= 5 {
		return halve(word[:n])
	}
	return word[:n]
}

func hasSuffix(word []byte, end string) bool {
	return len(word) >= len(end) && string(word[len(word)-len(end):]) == end
}

// halve writes each doubled letter once, but "ee" at the end stays: it is an ending.
func halve(word []byte) []byte {
	out := word[:1]
	for i := 1; i < len(word); i++ {
		if word[i] != word[i-1] || word[i] >= '0' && word[i] <= '9' || word[i] == 'e' && i >= len(word)-2 {
			out = append(out, word[i])
		}
	}
	return out
}
