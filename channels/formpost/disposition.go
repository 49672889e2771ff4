package formpost

import "strings"

// disposition reads the Content-Disposition of a form part. It does not use
// mime.ParseMediaType, which refuses a whole header for one stray quote or backslash
// in a file name (C:\scan.pdf from an old browser), so that the file would be
// taken for nothing. Names are as browsers write them: quoted, with %22 for a quote
// (WHATWG HTML, multipart/form-data encoding); a backslash escapes only a quote.
func disposition(header string) (name, filename string, isFile bool) {
	_, rest, _ := strings.Cut(header, ";")
	for rest != "" {
		var key, value string
		i := strings.IndexAny(rest, "=;")
		if i < 0 {
			break
		}
		if rest[i] == ';' {
			rest = rest[i+1:]
			continue
		}
		key, rest = strings.TrimSpace(rest[:i]), strings.TrimLeft(rest[i+1:], " \t")
		if strings.HasPrefix(rest, `"`) {
			value, rest = quoted(rest[1:])
		} else {
			value, rest, _ = strings.Cut(rest, ";")
			value = strings.TrimSpace(value)
		}
		switch strings.ToLower(key) {
		case "name":
			name = value
		case "filename":
			filename, isFile = value, true
		case "filename*": // forbidden here by RFC 7578 §4.2, yet sent by some libraries
			isFile = true
			if filename == "" {
				filename = value
			}
		}
	}
	return name, filename, isFile
}

// quoted takes the text up to the closing quote: the first that is not escaped and
// is followed by a semicolon or the end.
func quoted(s string) (value, rest string) {
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		after := strings.TrimLeft(s[i+1:], " \t")
		escaped := i > 0 && s[i-1] == '\\' && after != ""
		if !escaped && (after == "" || after[0] == ';') {
			return strings.ReplaceAll(s[:i], `\"`, `"`), strings.TrimPrefix(after, ";")
		}
	}
	return s, ""
}
