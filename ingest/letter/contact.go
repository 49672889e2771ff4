package letter

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// A French number has ten figures, the first 0, the second 1 to 9; from abroad +33 or
// 0033 stands for the 0. The overseas operators write +262, +508, +590, +594, +596,
// +687 and +689 instead (plan national de numérotation, Arcep). Figures may be read as
// the letters o, i and l.
var (
	phoneRun = lazy.Regexp(`(?:\+ ?[0-9]|\b[0o])(?:[ .()-]{0,2}[0-9oil|]){6,16}`)
	overseas = map[string][]int{
		"262": {3, 2, 2, 2}, "590": {3, 2, 2, 2}, "594": {3, 2, 2, 2}, "596": {3, 2, 2, 2},
		"508": {2, 2, 2}, "687": {2, 2, 2}, "689": {2, 2, 2, 2},
	}
	// notPhone are labels of other numbers, and of faxes.
	notPhone  = lazy.Regexp(`\b(fax|telecopie|siret|siren|rna|rcs|tva|iban|rib|bic|ape|naf|secu|insee|facture|dossier|contrat|client|compte|no|ref)\b[^a-z]{0,6}$|\bn[o°]? ?$`)
	phoneMark = lazy.Regexp(`\b(te[li1|](?:ephone|eph)?|t|p(?:ort(?:able)?)?|mob(?:ile)?|gsm|appeler|joindre|contacter|rappeler|numero|joignable)\b[^a-z]{0,4}(?:au )?\W{0,4}$`)
)

// phones returns the phone numbers of a line in French grouping, faxes left out.
func phones(l line) []string {
	var out []string
	f := l.fold
	for _, span := range phoneRun().FindAllStringIndex(f, 10) {
		from, to := span[0], span[1]
		// Part of a word or of a longer number.
		if from > 0 && isWord(f[from-1]) || to < len(f) && isWord(f[to]) {
			// The run may have eaten the first letters of the next word: "06 12 34 56 78 li…"
			if to = lastFigure(f, from, to); from > 0 && isWord(f[from-1]) || to < len(f) && isWord(f[to]) {
				continue
			}
		}
		before := f[:from]
		if notPhone().MatchString(before) && !phoneMark().MatchString(before) {
			continue
		}
		if p := phoneNumber(f[from:to], phoneMark().MatchString(before)); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func isWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '@' }

// lastFigure returns the end of the last group of the run that ends in a real figure.
func lastFigure(f string, from, to int) int {
	for to > from && (f[to-1] < '0' || f[to-1] > '9') {
		to--
	}
	return to
}

// phoneNumber writes a run of figures as a phone number, or returns "". Without a label
// before it, its groups must be those of a phone number: files and bank accounts have
// ten figures too.
func phoneNumber(run string, labelled bool) string {
	run = strings.ReplaceAll(run, "(0)", "")
	var d, real []byte
	var groups []int
	plus := strings.HasPrefix(run, "+")
	in := false
	for i := range len(run) {
		c := run[i]
		fig := strings.IndexByte("0123456789oil|", c) >= 0
		if fig {
			if !in {
				groups = append(groups, 0)
			}
			groups[len(groups)-1]++
			if c >= '0' && c <= '9' {
				real = append(real, c)
			}
			d = append(d, figures(string(c))...)
		}
		in = fig
	}
	if len(d) == 0 || len(d)-len(real) > 4 {
		return ""
	}
	n := string(d)
	if !plus && strings.HasPrefix(n, "00") {
		n, plus = n[2:], true
	}
	if !plus {
		if len(n) != 10 || n[0] != '0' || n[1] == '0' || !labelled && !phoneGroups(groups) {
			return ""
		}
		return grouped(n, 2, 2, 2, 2, 2)
	}
	if rest, ok := strings.CutPrefix(n, "33"); ok {
		if rest = strings.TrimPrefix(rest, "0"); len(rest) == 9 && rest[0] != '0' {
			return "+33 " + grouped(rest, 1, 2, 2, 2, 2)
		}
		return ""
	}
	if len(n) < 3 {
		return ""
	}
	shape, ok := overseas[n[:3]]
	if !ok {
		return ""
	}
	sum := 0
	for _, s := range shape {
		sum += s
	}
	if len(n)-3 != sum {
		return ""
	}
	return "+" + n[:3] + " " + grouped(n[3:], shape...)
}

func phoneGroups(groups []int) bool {
	switch len(groups) {
	case 1:
		return true
	case 4: // 0690 12 34 56, as overseas departments write it; 06 123 456 78
		return groups[0] == 4 && groups[1] == 2 || groups[0] == 2
	case 5:
		for _, g := range groups {
			if g != 2 {
				return false
			}
		}
		return true
	}
	return false
}

func grouped(digits string, sizes ...int) string {
	parts := make([]string, 0, len(sizes))
	for _, n := range sizes {
		parts = append(parts, digits[:n])
		digits = digits[n:]
	}
	return strings.Join(parts, " ")
}

// A mail address; OCR sets spaces round the @ and reads the last dot as a comma. The
// comma is undone only before a common top-level domain, where no other reading exists.
var emailRun = lazy.Regexp(`(?i)[a-z0-9][a-z0-9._%+-]{0,63} ?@ ?([a-z0-9-]+\.)*[a-z0-9-]+(?:\. ?[a-z]{2,12}|, ?(?:fr|com|org|net|eu|info|bzh|re))\b`)

// email returns the first mail address of a line in lower case, or "".
func email(l line) string {
	span := emailRun().FindStringIndex(l.text)
	if span == nil {
		return ""
	}
	// A letter with an accent before the match was part of the address as read.
	if before := []rune(l.text[:span[0]]); len(before) > 0 && before[len(before)-1] > 0x7f && before[len(before)-1] != '\u00a0' {
		return ""
	}
	s := strings.ToLower(strings.ReplaceAll(l.text[span[0]:span[1]], " ", ""))
	return strings.Replace(s, ",", ".", 1)
}

// joinMe is how a body gives the sender's own number; any other number in it may be
// somebody else's.
var joinMe = lazy.Regexp(`\b(?:(?:me|nous) (?:joindre|contacter|rappeler|appeler|telephoner)|je suis joignable|mon (?:numero|telephone|portable|tel|mobile))[^.0-9]{0,40}$`)

// ownPhone returns the phone number that a sentence calls the sender's own, or "".
func ownPhone(l line) string {
	for _, span := range phoneRun().FindAllStringIndex(l.fold, 10) {
		if joinMe().MatchString(l.fold[:span[0]]) {
			if p := phoneNumber(l.fold[span[0]:lastFigure(l.fold, span[0], span[1])], true); p != "" {
				return p
			}
		}
	}
	return ""
}
