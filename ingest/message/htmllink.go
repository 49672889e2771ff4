package message

import "strings"

// endLink writes the address of a link behind its text, unless the text is that
// address.
func (r *htmlRenderer) endLink() {
	if r.linkStart < 0 {
		return
	}
	start := r.linkStart
	r.linkStart = -1
	href := strings.TrimSpace(r.href)
	r.href = ""
	label := ""
	if start <= r.out.Len() {
		label = strings.TrimSpace(r.out.String()[start:])
	}
	if label == "" && r.linkAlt != "" {
		r.text(r.linkAlt)
		label = r.linkAlt
	}
	if label == "" || href == "" || len(href) > 2000 || sameTarget(label, href) {
		return
	}
	scheme, _, _ := strings.Cut(strings.ToLower(href), ":")
	switch scheme {
	case "http", "https", "mailto", "tel", "ftp":
		pending := r.pending
		r.pending = breakNone
		r.out.WriteString(" (" + strings.Join(strings.Fields(href), "") + ")")
		r.pending = pending
	}
}

// sameTarget reports whether a link's text already tells where it goes.
func sameTarget(label, href string) bool {
	norm := func(s string) string {
		s = strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(s, "\n> ", "")), ""))
		for _, p := range []string{"https://", "http://", "mailto:", "tel:", "www."} {
			s = strings.TrimPrefix(s, p)
		}
		return strings.TrimRight(s, "/")
	}
	a, b := norm(label), norm(href)
	if i := strings.IndexByte(b, '?'); i > 0 && strings.HasPrefix(strings.ToLower(href), "mailto:") {
		b = b[:i]
	}
	if strings.HasPrefix(strings.ToLower(href), "tel:") {
		digits := func(s string) string {
			return strings.Map(func(c rune) rune {
				if c >= '0' && c <= '9' {
					return c
				}
				return -1
			}, s)
		}
		da, db := strings.TrimPrefix(digits(a), "0"), digits(b)
		return da != "" && strings.HasSuffix(db, da)
	}
	return a == b
}
