package notice

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// The lengths to which facts are cut, in characters. They are far above what is honest.
const (
	maxName    = 120
	maxSubject = 200
	maxPiece   = 500
	maxNote    = 20_000
	maxURL     = 2_000
	maxLines   = 6 // of a postal address (NF Z 10-011)
)

// clean makes foreign text one line of at most limit characters. Control characters go,
// and with them the marks that turn the direction of writing or are not seen at all.
func clean(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) && !isHardSpace(r) {
			space = n > 0
			continue
		}
		if !unicode.IsGraphic(r) {
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n >= limit-1 {
			return strings.TrimSpace(b.String()) + "…"
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// isHardSpace holds the spaces that French sets before a colon, and in numbers.
func isHardSpace(r rune) bool { return r == '\u00a0' || r == '\u202f' }

// cleanLines makes foreign text lines, each as clean does; between two paragraphs one
// empty line stays.
func cleanLines(s string, limit int) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	var b strings.Builder
	empty := false
	for line := range strings.SplitSeq(s, "\n") {
		line = clean(line, limit)
		if line == "" {
			empty = b.Len() > 0
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if empty {
			b.WriteByte('\n')
			empty = false
		}
		b.WriteString(line)
		limit -= len([]rune(line))
		if limit < 2 {
			break
		}
	}
	return b.String()
}

// cleanURL returns a link for the web, or "" when it is none: a letter has no others.
func cleanURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	link := u.String()
	if len(link) > maxURL || strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return link
}

// addressLines are the lines of a postal address, at most maxLines-1, since the name takes
// one: what is in excess joins the last but one, so that the town stays in the last.
func addressLines(s string) []string {
	var list []string
	for line := range strings.SplitSeq(cleanLines(s, maxNote), "\n") {
		if line != "" {
			list = append(list, clean(line, maxName))
		}
	}
	if len(list) == 1 {
		list = strings.Split(list[0], ", ")
	}
	if n := len(list) - (maxLines - 1); n > 0 {
		middle := clean(strings.Join(list[maxLines-3:len(list)-1], ", "), maxName)
		list = append(list[:maxLines-3:maxLines-3], middle, list[len(list)-1])
	}
	return list
}

// personName matches what can stand after "Bonjour". A mail goes to whatever address was
// typed, so a "name" with a link in it would make the town send advertisements.
var personName = regexp.MustCompile(`^\p{L}[\p{L}\p{M} '’-]*(\. ?[\p{L}\p{M} '’-]*)?$`)

// hello is the salutation of a mail.
func hello(name string) string {
	name = clean(name, maxName)
	lower := strings.ToLower(name)
	if len([]rune(name)) > 50 || !personName.MatchString(name) || strings.Contains(lower, "www") || dotted(name) {
		return "Bonjour,"
	}
	return "Bonjour " + name + ","
}

// dotted reports whether a dot stands inside a word, as in a domain.
func dotted(s string) bool {
	before, after, found := strings.Cut(s, ".")
	return found && before != "" && after != "" && !strings.HasPrefix(after, " ")
}

// TownHall names the town hall of a commune, with the article that its name has: mairie
// d’Arles, du Mans, des Ulis. A name that says "mairie" or the like stays.
func TownHall(name string) string {
	first, rest, _ := strings.Cut(name, " ")
	switch strings.ToLower(first) {
	case "":
		return "Mairie"
	case "mairie", "ville", "commune", "hôtel", "communauté", "métropole":
		return name
	case "le":
		return "Mairie du " + rest
	case "les":
		return "Mairie des " + rest
	}
	if strings.ContainsRune("AEIOUÂÉÈÊÎÔŒaeiouâéèêîôœ", []rune(name)[0]) {
		return "Mairie d’" + name
	}
	return "Mairie de " + name
}
