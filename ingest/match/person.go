package match

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
)

// samePerson says by what two senders are the same, for people to read, or "" when
// nothing proves it. A name alone proves nothing: towns have several Martins.
func samePerson(a, b ingest.Person) string {
	switch {
	case a.Email != "" && strings.EqualFold(strings.TrimSpace(a.Email), strings.TrimSpace(b.Email)):
		return "même adresse électronique"
	case len(digits(a.Phone)) >= 9 && digits(a.Phone) == digits(b.Phone):
		return "même téléphone"
	case a.Name != "" && a.Address != "" && Fold(a.Name) == Fold(b.Name) && Fold(a.Address) == Fold(b.Address):
		return "mêmes nom et adresse"
	}
	return ""
}

// digits returns the national digits of a French phone number: +33 6 12… and 06 12…
// are the same.
func digits(phone string) string {
	var b strings.Builder
	for _, r := range phone {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	d := b.String()
	if strings.HasPrefix(strings.TrimSpace(phone), "+") {
		d = strings.TrimPrefix(d, "33")
	} else if rest, ok := strings.CutPrefix(d, "0033"); ok {
		d = rest
	}
	return strings.TrimPrefix(d, "0")
}

// Fold reduces a text to its letters and digits, in lower case and without accents,
// so that the same words written on another keyboard or wrapped by another program
// are equal.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
