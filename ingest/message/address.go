package message

import "strings"

const (
	maxAddresses = 500
	// maxQuoted bounds the search for a closing quote or bracket, which would else
	// start anew at each of thousands of opening ones.
	maxQuoted = 2000
)

// parseAddresses reads an address list as programs write it, rather than as RFC 5322
// has it: semicolons between, unquoted commas in encoded words, missing brackets,
// comments as names, groups. It returns at most maxAddresses.
func parseAddresses(s string) []Address {
	var list []Address
	for len(s) > 0 && len(list) < maxAddresses {
		var a Address
		var ok bool
		a, ok, s = nextAddress(s)
		if ok {
			list = append(list, a)
		}
	}
	return list
}

func firstAddress(s string) Address {
	for len(s) > 0 {
		a, ok, rest := nextAddress(s)
		if ok {
			return a
		}
		s = rest
	}
	return Address{}
}

// nextAddress reads up to the next separator.
func nextAddress(s string) (a Address, ok bool, rest string) {
	var phrase, comment, angle strings.Builder
	hasAngle := false
	i := 0
scan:
	for i < len(s) {
		switch c := s[i]; {
		case c == ',' || c == ';':
			i++
			break scan
		case c == '"':
			n := quotedEnd(s[i:])
			phrase.WriteString(unquote(s[i : i+n]))
			i += n
		case c == '(':
			n := commentEnd(s[i:])
			comment.WriteString(strings.Trim(s[i:i+n], "()"))
			i += n
		case c == '<':
			end := strings.IndexByte(s[i:], '>')
			if end < 0 {
				end = len(s) - i - 1
				angle.WriteString(s[i+1:])
			} else {
				angle.Reset()
				angle.WriteString(s[i+1 : i+end])
			}
			hasAngle = true
			i += end + 1
		case c == '=' && strings.HasPrefix(s[i:], "=?"):
			_, n := parseWord(s[i:])
			n = max(n, 2)
			phrase.WriteString(s[i : i+n])
			i += n
		case c == ':' && !hasAngle && !strings.Contains(phrase.String(), "@") && !strings.EqualFold(strings.TrimSpace(phrase.String()), "mailto"):
			phrase.Reset() // the name of a group
			i++
		default:
			phrase.WriteByte(c)
			i++
		}
	}
	a = makeAddress(phrase.String(), comment.String(), angle.String(), hasAngle)
	return a, a.Name != "" || a.Email != "", s[i:]
}

func makeAddress(phrase, comment, angle string, hasAngle bool) Address {
	phrase = cleanLine(decodeWords(phrase))
	comment = cleanLine(decodeWords(comment))
	email := strings.Trim(cleanLine(angle), " <>\"'")
	if !hasAngle {
		// "jean@x.fr", or "Jean Dupont jean@x.fr" without brackets.
		words := strings.Fields(phrase)
		for i := len(words) - 1; i >= 0; i-- {
			if w := strings.Trim(words[i], "'\"[]"); strings.Contains(w, "@") {
				email = w
				phrase = strings.Join(append(words[:i:i], words[i+1:]...), " ")
				break
			}
		}
	}
	email = strings.ReplaceAll(email, " ", "")
	if len(email) > 7 && strings.EqualFold(email[:7], "mailto:") {
		email = email[7:]
	}
	if !strings.Contains(email, "@") && strings.Contains(phrase, "@") && !strings.Contains(phrase, " ") {
		email = phrase
	}
	name := phrase
	if name == "" {
		name = comment
	}
	name = strings.TrimSpace(strings.Trim(name, "'\"<> "))
	if strings.EqualFold(name, email) {
		name = ""
	}
	const enough = 1000
	return Address{Name: Cut(name, enough), Email: Cut(email, enough)}
}

// quotedEnd returns the length of the quoted string at the start of s. Without a
// closing quote it is the quote alone.
func quotedEnd(s string) int {
	for i := 1; i < min(len(s), maxQuoted); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 1
}

// commentEnd returns the length of the comment at the start of s; comments nest.
func commentEnd(s string) int {
	depth := 0
	for i := 0; i < min(len(s), maxQuoted); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 1
}
