package message

import (
	"mime"
	"sort"
	"strconv"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// contentType returns the media type of a part, in lower case, and its parameters. ok
// is false when it had to be guessed. A missing one is def.
func contentType(h *gomessage.Header, def string) (t string, params map[string]string, ok bool) {
	v := firstValue(h, "Content-Type")
	if v == "" {
		return def, nil, true
	}
	t, params = fieldParams(v)
	switch t {
	case "text", "plain", "txt":
		return "text/plain", params, false
	case "html", "text/htm", "text/xhtml":
		return "text/html", params, false
	case "multipart", "mixed", "multipart/":
		return "multipart/mixed", params, false
	case "application/xhtml+xml":
		return "text/html", params, true
	}
	if major, minor, found := strings.Cut(t, "/"); !found || !isToken(major) || !isToken(minor) {
		if params["boundary"] != "" {
			return "multipart/mixed", params, false
		}
		if strings.Contains(t, "html") {
			return "text/html", params, false
		}
		return def, params, false
	}
	return t, params, true
}

// firstValue returns the first non-blank value of a field that may be repeated.
func firstValue(h *gomessage.Header, name string) string {
	for _, v := range h.Values(name) {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}

// isToken reports whether s is a token of RFC 2045.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return true
}

// fieldParams splits a value such as `attachment; filename="a.pdf"`. What is well
// formed and plain goes through package mime; the rest is parsed leniently: blanks in
// unquoted values, missing closing quotes, RFC 2231 with any character set, RFC 2047
// words, raw text.
func fieldParams(v string) (value string, params map[string]string) {
	if !strings.ContainsAny(v, "*\\") && !strings.Contains(v, "=?") && isASCII([]byte(v)) {
		if t, p, err := mime.ParseMediaType(v); err == nil {
			return t, p
		}
	}
	value, rest := cutParam(v)
	value, _, _ = strings.Cut(value, "(") // a comment
	if first, more, found := strings.Cut(strings.TrimSpace(value), " "); found && strings.Contains(first, "/") && strings.Contains(more, "=") {
		value, rest = first, more+";"+rest // the first semicolon is missing
	}
	value = strings.ToLower(strings.Trim(value, " \t\"'"))
	raw := make(map[string]string)
	for rest != "" && len(raw) < 100 {
		var p string
		p, rest = cutParam(rest)
		name, val, found := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !found || name == "" {
			continue
		}
		if _, dup := raw[name]; !dup {
			raw[name] = unquote(strings.TrimSpace(val))
		}
	}
	return value, joinParams(raw)
}

// cutParam cuts at the next semicolon outside quotes.
func cutParam(s string) (param, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(s) && s[i+1] == '"' && strings.IndexByte(s[i+2:], '"') >= 0:
			i++
		case c == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	if quoted { // the closing quote is missing: it may be meant before the next semicolon
		if p, r, found := strings.Cut(s, ";"); found && strings.Count(p, `"`)%2 == 1 {
			return p, r
		}
	}
	return s, ""
}

// unquote removes quotes. A backslash that escapes neither a quote nor itself is a
// folder separator of Windows.
func unquote(s string) string {
	if len(s) == 0 || s[0] != '"' {
		return s
	}
	s = s[1:]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String()
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// joinParams puts the pieces of RFC 2231 together and decodes all values.
func joinParams(raw map[string]string) map[string]string {
	type piece struct {
		n       int
		encoded bool
		value   string
	}
	params := make(map[string]string, len(raw))
	pieces := make(map[string][]piece)
	for name, v := range raw {
		base, tail, found := strings.Cut(name, "*")
		if !found {
			if _, ok := params[base]; !ok {
				params[base] = decodeWords(v)
			}
			continue
		}
		p := piece{value: v}
		num, encoded := strings.CutSuffix(tail, "*")
		p.encoded = encoded || tail == ""
		if n, err := strconv.Atoi(num); err == nil {
			p.n = n
		}
		pieces[base] = append(pieces[base], p)
	}
	for base, list := range pieces {
		sort.Slice(list, func(i, j int) bool { return list[i].n < list[j].n })
		var b []byte
		cs := ""
		for i, p := range list {
			v := p.value
			if i == 0 && p.encoded {
				if c, rest, ok := strings.Cut(v, "'"); ok {
					if _, text, ok := strings.Cut(rest, "'"); ok {
						cs, v = c, text
					}
				}
			}
			if p.encoded {
				b = append(b, percentDecode(v, false)...)
			} else {
				b = append(b, v...)
			}
		}
		text, _ := decodeText(b, cs)
		params[base] = decodeWords(text) // RFC 2231 §4 forbids words here; programs write them
	}
	return params
}
