package credentials

import (
	_ "embed"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The rule for passwords is length and nothing else: rules of composition make people write
// Soleil2026! (NIST SP 800-63B §5.1.1.2; ANSSI, recommandations relatives à
// l’authentification multifacteur et aux mots de passe; CNIL, délibération 2022-100: twelve
// characters where tries are slowed down).
const (
	MinPassword = 12  // characters
	MaxPassword = 256 // characters; what is longer is no password but a mistake
)

// Why a password is not taken.
var (
	ErrShort = errors.New("a password has at least 12 characters")
	ErrLong  = errors.New("a password has at most 256 characters")
	// ErrNamed is for one that is made of what everybody knows of its owner.
	ErrNamed = errors.New("a password is not the login, the name or the address")
	// ErrCommon is for one that is tried first.
	ErrCommon = errors.New("this password is among those that are tried first")
)

//go:embed worst.txt
var worst string

// worstPasswords are folded.
var worstPasswords = strings.Fields(worst)

// Rule says what is wrong with a new password; nil when nothing is. known are the login, the
// name and the mail address of its owner, and the town.
func Rule(password string, known ...string) error {
	switch n := utf8.RuneCountInString(norm.NFKC.String(password)); {
	case n < MinPassword:
		return ErrShort
	case n > MaxPassword:
		return ErrLong
	}
	folded := fold(password)
	for _, k := range known {
		k = fold(k)
		if len(k) >= 3 && strings.Contains(folded, k) && strings.Trim(strings.ReplaceAll(folded, k, ""), "0123456789") == "" {
			return ErrNamed
		}
	}
	if slices.Contains(worstPasswords, folded) || uniform(folded) {
		return ErrCommon
	}
	return nil
}

// fold leaves letters and digits, small and without accents.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKD.String(s))
}

// uniform reports whether s is a few characters again and again, or a run: aaaaaaaaaaaa,
// 121212121212, 123456789012, abcdefghijkl.
func uniform(s string) bool {
	seen := map[rune]bool{}
	run, last := 0, rune(-1)
	for _, r := range s {
		seen[r] = true
		if r == last+1 || r == last-1 || last == '9' && r == '0' {
			run++
		}
		last = r
	}
	return len(seen) < 5 && len(s) <= 2*MinPassword || run >= utf8.RuneCountInString(s)-2
}
