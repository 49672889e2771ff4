package store

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// A query is read by us and never handed to the database as it was typed: what it is made of
// there is only words of the index.

const (
	// maxQuery and maxTerms bound a query, in bytes and in words or phrases.
	maxQuery, maxTerms = 400, 16
	// minPrefix is how many letters must stand before a *, and maxCut how many of its last
	// letters a beginning may lose to be the stem of a word.
	minPrefix, maxCut = 3, 6
	// maxPhrases bounds the forms in which a phrase is asked for.
	maxPhrases = 8
)

// searchQuery is what is searched for: each of the terms.
type searchQuery struct {
	terms []searchTerm
	// ignored are the words that are not searched for, when there are no others or too many.
	ignored []string
}

// searchTerm is found where one of its forms is.
type searchTerm []searchForm

// searchForm is words beside each other, of the last one perhaps the beginning only.
type searchForm struct {
	words  []string
	prefix bool
}

// parseQuery reads words, "phrases" (also in French quotes) and beginnings*. It takes any text.
func parseQuery(text string) searchQuery {
	text = message.Cut(strings.ToValidUTF8(text, " "), maxQuery)
	var q searchQuery
	var common []string
	text = q.takePhones(text)
	withTokenizer(func(k *tokenizer) {
		for _, part := range queryParts(text) {
			term, skipped := k.term(part)
			common = append(common, skipped...)
			switch {
			case len(term) == 0:
			case len(q.terms) >= maxTerms:
				q.ignored = append(q.ignored, part)
			default:
				q.terms = append(q.terms, term)
			}
		}
	})
	if len(q.terms) == 0 {
		q.ignored = append(q.ignored, common...)
	}
	return q
}

// partialPhones finds where one may stand in a query.
var partialPhones = regexp.MustCompile(`(?:^|[\s"«“])(0[1-9](?:[ .\x{a0}\x{202f}-]?[0-9]{2}){1,3}(?:[ .\x{a0}\x{202f}-]?[0-9])?\*?)(?:$|[\s"»”])`)

// takePhones takes the telephone numbers out of a query, whole ones and beginnings.
func (q *searchQuery) takePhones(text string) string {
	blank := func(start, end int) {
		text = text[:start] + strings.Repeat(" ", end-start) + text[end:]
	}
	phones(text, func(w searchWord) {
		if len(q.terms) < maxTerms {
			q.terms = append(q.terms, searchTerm{{words: []string{w.text}}})
		}
		blank(w.start, w.end)
	})
	if at := partialPhones.FindStringSubmatchIndex(text); at != nil {
		typed := strings.TrimSuffix(text[at[2]:at[3]], "*")
		var digits strings.Builder
		for _, r := range typed {
			if unicode.IsDigit(r) {
				digits.WriteRune(r)
			}
		}
		all := digits.String()
		pairs := []string{}
		for rest := all; rest != ""; {
			n := min(2, len(rest))
			pairs, rest = append(pairs, rest[:n]), rest[n:]
		}
		q.terms = append(q.terms, searchTerm{{words: []string{all}, prefix: true}, {words: pairs, prefix: len(all)%2 == 1}})
		blank(at[2], at[3])
	}
	return text
}

// queryParts parts a query at white space that is not in quotes. A part in quotes keeps none
// of them; one that has no end goes to the end of the query.
func queryParts(text string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	end := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			out = append(out, s)
		}
		b.Reset()
	}
	for _, r := range text {
		switch {
		case strings.ContainsRune(`"«»“”„`, r):
			end()
			quoted = !quoted
		case unicode.IsSpace(r) && !quoted:
			end()
		default:
			b.WriteRune(r)
		}
	}
	end()
	return out
}

// term makes of a part of a query what is asked for, and names the words in it that are not
// indexed. What punctuation parts (porte-monnaie, an address) stands beside each other.
func (k *tokenizer) term(part string) (term searchTerm, common []string) {
	var raw []string
	k.words(part, func(w searchWord) bool {
		word := strings.ToLower(part[w.start:w.end])
		if w.common {
			common = append(common, word)
		} else {
			raw = append(raw, word)
		}
		return true
	})
	if len(raw) == 0 {
		return nil, common
	}
	last := len(raw) - 1
	begun := strings.HasSuffix(part, "*") && utf8.RuneCountInString(fold(raw[last])) >= minPrefix
	if begun && len(raw) == 1 {
		return k.beginning(raw[0]), common
	}
	forms := []searchForm{{}}
	for i, word := range raw {
		forms = extend(forms, k.variants(word))
		if begun && i == last {
			for j := range forms {
				forms[j].prefix = true
			}
		}
	}
	return forms, common
}

// extend adds a word to each form, in each of its variants as long as they are few.
func extend(forms []searchForm, variants []string) []searchForm {
	if len(forms)*len(variants) > maxPhrases {
		variants = variants[:1]
	}
	var out []searchForm
	for _, f := range forms {
		for _, v := range variants {
			out = append(out, searchForm{words: append(append([]string{}, f.words...), v)})
		}
	}
	return out
}

// beginning is the term for the beginning of a word. What is indexed are stems, so a longer
// beginning (reparati) must also find the stem that is a part of it (repar).
func (k *tokenizer) beginning(word string) searchTerm {
	folded := fold(word)
	term := searchTerm{{words: []string{folded}, prefix: true}}
	add := func(s string) {
		if s != "" && !strings.HasPrefix(s, folded) {
			term = append(term, searchForm{words: []string{s}})
		}
	}
	for _, v := range k.variants(word) {
		add(v)
	}
	if stemmable(folded) {
		for n := len(folded) - 1; n >= max(minStem, len(folded)-maxCut); n-- {
			add(folded[:n])
		}
	}
	return term
}

// reference matches what may be the reference of a request, as people write it.
var reference = regexp.MustCompile(`^(?:(?i:n°|no|#)\s*)?([12][0-9]{3})\s?-\s?([0-9]{1,9})$`)

// asReference returns the reference that a query is, or "". A star behind it comes from a
// search while it is being typed.
func asReference(text string) string {
	m := reference.FindStringSubmatch(strings.TrimSuffix(strings.TrimSpace(text), "*"))
	if m == nil {
		return ""
	}
	number := strings.TrimLeft(m[2], "0")
	if len(number) < 6 {
		number = strings.Repeat("0", 6-len(number)) + number
	}
	return m[1] + "-" + number
}

// registered matches the number of a register of mail.
var registered = regexp.MustCompile(`^(?i:([AD]))\s?-\s?([12][0-9]{3})\s?-\s?([0-9]{1,9})$`)

// asRegistered returns what a query names in a register of mail.
func asRegistered(text string) (d ingest.Direction, year, number int, ok bool) {
	m := registered.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", 0, 0, false
	}
	d = ingest.Incoming
	if strings.EqualFold(m[1], "D") {
		d = ingest.Outgoing
	}
	year, errYear := strconv.Atoi(m[2])
	number, errNumber := strconv.Atoi(m[3])
	return d, year, number, errYear == nil && errNumber == nil
}

// asSubmission returns the id of a submission that a query is, or "".
func asSubmission(text string) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), "*")
	if len(text) != 36 {
		return ""
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return ""
	}
	return id.String()
}
