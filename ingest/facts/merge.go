package facts

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// cleanName puts a name of a header on one line, without the quotes and the address that mail
// programs leave round it. A name that is but an address is none.
func cleanName(s string) string {
	s = strings.Trim(strings.Join(strings.Fields(s), " "), "'\"<>,; ")
	if strings.Contains(s, "@") {
		before, _, _ := strings.Cut(s, "<")
		if s = strings.TrimSpace(before); strings.Contains(s, "@") {
			return ""
		}
	}
	return s
}

// nameParts are the words of a name for comparison: folded, civilities and what stands
// in brackets left out.
func nameParts(s string) []string {
	s, _, _ = strings.Cut(s, "(")
	var out []string
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' && r != '’' }) {
		f := fold(w)
		if f == "" || civilities[f] && (len(f) > 1 || f == "m") || particles[f] || f == "et" || f == "famille" {
			continue
		}
		out = append(out, f)
	}
	return out
}

// nameSize weighs how much a name tells: words of two letters and more, then initials.
func nameSize(s string) int {
	n := 0
	for _, w := range nameParts(s) {
		if n++; len(w) > 2 || len(w) == 2 && strings.ContainsAny(w, "aeiouy") { // not "JP"
			n += 2
		}
	}
	return n
}

// compatible reports whether two names may be those of one person: every word of the shorter
// is a word of the longer or its initial.
func compatible(a, b string) bool {
	x, y := nameParts(a), nameParts(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) == 0 {
		return false
	}
	whole := false
	for _, w := range x {
		ok := slices.ContainsFunc(y, func(v string) bool {
			if w == v {
				whole = whole || len(w) > 1
				return true
			}
			// "J.-L." and "Jean-Luc", "J" and "Jean"
			return initialOf(w, v) || initialOf(v, w)
		})
		if !ok {
			return false
		}
	}
	return whole
}

// initialOf reports whether short is made of the initials of long: "j" of "jean", "j-l" of
// "jean-luc".
func initialOf(short, long string) bool {
	x, y := strings.Split(short, "-"), strings.Split(long, "-")
	if len(x) == 1 && len(y) > 1 && len(short) == len(y) { // "JP"
		x = strings.Split(short, "")
	}
	if len(x) > len(y) {
		return false
	}
	for i := range x {
		if x[i] == "" || len(x[i]) > 1 || !strings.HasPrefix(y[i], x[i]) {
			return false
		}
	}
	return true
}

// sameName reports whether two names have the same words, whatever their order.
func sameName(a, b string) bool {
	x, y := nameParts(a), nameParts(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// sameSurname reports whether two names share a word.
func sameSurname(a, b string) bool {
	y := nameParts(b)
	return slices.ContainsFunc(nameParts(a), func(w string) bool { return len(w) > 2 && slices.Contains(y, w) })
}

// fuller chooses between the name of the header and that of the signature.
func fuller(header, mail, signed string) string {
	if header == "" || isLocalPart(header, mail) {
		if signed != "" {
			return signed
		}
		return header
	}
	if signed == "" {
		return header
	}
	switch h, s := nameSize(header), nameSize(signed); {
	case compatible(header, signed) && s > h:
		return signed
	case isFirm(header) && !isFirm(signed) && len(nameParts(signed)) > 1:
		// The firm's account, with a person who signs.
		person, _, _ := strings.Cut(signed, " (")
		return person + " (" + header + ")"
	}
	return header
}

// whoSigns returns the person of a head that names a couple or a family, where one of
// them alone signs: "M. et Mme Paul Petit" and "P. Petit".
func whoSigns(head, signature string) string {
	t := read(head)
	n, ok := t.nameAt(0, len(t.ts), false)
	if !ok || n.to != len(t.ts) || signature == "" || strings.Contains(signature, " et ") {
		return strings.Replace(head, " and ", " et ", 1)
	}
	switch bare := t.cut(n.bare, n.to); {
	case n.family && sameSurname(bare, signature) && nameSize(signature) > nameSize(bare):
		return signature
	case n.couple && n.civil && n.words+n.initials > 1 && !strings.Contains(bare, " et ") && compatible(bare, signature):
		return bare
	}
	return strings.Replace(head, " and ", " et ", 1)
}

// signsFor returns the full name below a letter whose head names a firm or a family, or "".
// Whether that one is of the family is for whoSigns to tell.
func (t text) signsFor(head string) string {
	if head == "" || strings.Contains(head, "(") {
		return ""
	}
	h := read(head)
	n, ok := h.nameAt(0, len(h.ts), false)
	family := ok && n.family && n.to == len(h.ts)
	if !family && !isFirm(head) {
		return ""
	}
	sig := t.signatureOf()
	it, ok := sig.first(itemName)
	if !ok || !it.name.full() || it.name.family || it.name.couple {
		return ""
	}
	signer := t.name(it.name)
	if isFirm(signer) {
		return ""
	}
	return signer
}

// maxHeadLines bounds the lines in which a letter's head is looked for.
const maxHeadLines = 15

// inFull returns the name with its first name spelt out, where a letter is signed with an
// initial and its head, or the sentence that introduces the sender, has the first name too:
// "R. Petit" and "Je soussignée Rose PETIT".
func (t text) inFull(short string) string {
	bare, firm, _ := strings.Cut(short, " (")
	if !initialled(bare) {
		return short
	}
	if firm != "" {
		firm = " (" + firm
	}
	better := func(n name) bool {
		return n.full() && !n.couple && !n.family && compatible(bare, t.name(n)) && nameSize(t.name(n)) > nameSize(bare)
	}
	if n, ok := t.introduced(len(t.ts)); ok && better(n) {
		return t.name(n) + firm
	}
	for i, l := range t.lines(len(t.ts)) {
		if i >= maxHeadLines || t.beginsBody(l[0], l[1]) {
			break
		}
		for p := l[0]; p < l[1]; p++ {
			// The recipient's name follows "de" or "à", as a relative's does.
			if p > l[0] && (links[t.ts[p-1].fold] || !separator(t.ts[p-1])) {
				continue
			}
			if n, ok := t.nameAt(p, l[1], false); ok && better(n) && !t.is(n.to, "'") {
				return t.name(n) + firm
			}
		}
	}
	return short
}

// beginsBody reports whether the line of the tokens from i up to end is below the head of a letter:
// a salutation, a sentence, or what is said of copies.
func (t text) beginsBody(i, end int) bool {
	if i == end {
		return false
	}
	first := t.ts[i].fold
	greets := t.is(end-1, ",") && (civilities[first] || first == "bonjour" || first == "cher" || first == "chere")
	return greets || end-i > maxLineTokens || t.speaks(i, end) || t.begins(i, end, addenda)
}

// initialled reports whether a name has an initial where its first name would be.
func initialled(s string) bool {
	ps := nameParts(s)
	return len(ps) > 1 && (len(ps[0]) == 1 || strings.Contains(ps[0], "-") && len(head(ps[0])) == 1)
}

// headName puts the name of a letter's head in the usual order, first name first, and joins a
// couple by "et".
func headName(s string) string {
	bare, rest := s, ""
	if i := strings.Index(s, " ("); i > 0 {
		bare, rest = s[:i], s[i:]
	}
	t := read(bare)
	n, ok := t.nameAt(0, len(t.ts), false)
	switch {
	case !ok || n.to != len(t.ts) || n.civil:
		return s
	case n.couple && !isFirm(bare), n.known && n.words == 2:
		return t.name(n) + rest
	}
	return s
}

// isLocalPart reports whether a header's name is only the address before its @.
func isLocalPart(name, mail string) bool {
	local, _, ok := strings.Cut(mail, "@")
	return ok && strings.EqualFold(strings.ReplaceAll(name, " ", "."), local) && !strings.Contains(name, " ")
}

// kinFirm is a firm called after its family: "Roche & Fils", "Brun et Cie".
var kinFirm = regexp.MustCompile(`(?i)(?: ?& ?| et )(?:fils|filles?|fr[eè]res|s(?:œ|oe)urs|cie)(?: |,|$)`)

// isFirm reports whether a name is that of an organisation.
func isFirm(s string) bool {
	if kinFirm.MatchString(s) {
		return true
	}
	for w := range strings.FieldsSeq(s) {
		if f := fold(strings.Trim(w, ",.()")); orgWords[f] || legalForms[f] {
			return true
		}
	}
	return false
}

// maxQuoted bounds what is read of the history below a mail.
const maxQuoted = 16 << 10

// quotedName returns the name that the history gives an e-mail address: "Jean Petit
// <j.petit@example.fr>".
func quotedName(quoted, mail string) string {
	quoted = quoted[:min(len(quoted), maxQuoted)]
	i := 0
	for {
		j := strings.IndexByte(quoted[i:], '<')
		if j < 0 {
			return ""
		}
		i += j
		if to := i + 1 + len(mail); to < len(quoted) && quoted[to] == '>' && strings.EqualFold(quoted[i+1:to], mail) {
			break
		}
		i++
	}
	line := quoted[strings.LastIndexByte(quoted[:i], '\n')+1 : i]
	for _, sep := range []string{",", ":", ">"} {
		if j := strings.LastIndex(line, sep); j >= 0 {
			line = line[j+1:]
		}
	}
	t := read(line)
	if n, ok := t.nameAt(0, len(t.ts), false); ok && n.to == len(t.ts) {
		return t.name(n)
	}
	return ""
}
