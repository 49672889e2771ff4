package notice

import "strings"

// textWidth is the length of lines in the text of a mail, in characters: 78 is the advice
// of RFC 5322 §2.1.1, and two are left for the first quoting.
const textWidth = 76

// wrap breaks the lines of a text at their spaces. What follows an item ("- ") is indented
// as it is. A link is never broken; any other word that is too long is.
func wrap(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimLeft(line, " ")
		indent := strings.Repeat(" ", min(len(line)-len(rest), 8))
		if strings.HasPrefix(rest, "- ") {
			wrapLine(&b, indent, indent+"  ", rest)
			continue
		}
		wrapLine(&b, indent, indent, rest)
	}
	return b.String()
}

// wrapLine writes one paragraph: first is what stands before its first line, next before
// the others.
func wrapLine(b *strings.Builder, first, next, text string) {
	b.WriteString(first)
	column, empty := len(first), true
	for word := range strings.SplitSeq(text, " ") {
		for _, part := range parts(word, textWidth-len(next)) {
			n := len([]rune(part))
			switch {
			case empty:
			case column+1+n > textWidth:
				b.WriteString("\n" + next)
				column = len(next)
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(part)
			column, empty = column+n, false
		}
	}
	b.WriteByte('\n')
}

// parts cuts a word that is longer than a line.
func parts(word string, width int) []string {
	if strings.HasPrefix(word, "https://") || strings.HasPrefix(word, "http://") {
		return []string{word}
	}
	var list []string
	for r := []rune(word); ; r = r[width:] {
		if len(r) <= width {
			return append(list, string(r))
		}
		list = append(list, string(r[:width]))
	}
}

// tidy makes several empty lines one and removes the spaces at the ends of lines: what the
// conditions of a template leave behind.
func tidy(text string) string {
	var b strings.Builder
	empty := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			empty = b.Len() > 0
			continue
		}
		if empty {
			b.WriteByte('\n')
			empty = false
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
