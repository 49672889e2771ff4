// Package safehtml makes the HTML of foreign mails fit to be looked at.
//
// What comes out holds the structure of a text (paragraphs, lists, tables, links) and
// nothing that acts or reaches out: no script, form, frame, style, class or id, no vector
// graphics or formulas, no address but that of a link, and no image but those that lie in the mail
// itself. It goes through two doors. The first reads the tokens, bounds nesting and number of
// elements, and puts images in the place of their addresses; the second is bluemonday with
// a policy of its own, which decides alone which elements and attributes remain. It is the
// last, so that a mistake in the first cannot let anything through.
//
// That is one wall of three. The page that shows the text must have Policy as its Content-Security-
// Policy, which forbids scripts and every request, and be in a sandboxed frame.
//
// All functions are safe for concurrent use.
package safehtml

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what is looked at and made. Mails of people have some hundred elements,
// newsletters some thousand, in up to thirty levels.
const (
	maxInput    = 4 << 20 // bytes
	maxElements = 20_000
	// maxDepth bounds the elements that are open at a time, those left out that end by
	// themselves (p, li, td …). An element that is left open is opened again by browsers in each
	// paragraph that follows (WHATWG HTML §13.2.4.3), so that the product of this and
	// maxElements is what a browser may have to hold.
	maxDepth = 60
	maxURL   = 2000 // bytes; longer addresses are data, not links
)

// Options say what becomes of images.
type Options struct {
	// Images are the files of the mail by their Content-ID, to which "cid:" addresses refer.
	// Those that are no PNG, JPEG, GIF or WebP by their first bytes are left out.
	Images map[string][]byte
	// Remote is the note in the place of an image that lies elsewhere, such as "[image
	// distante]"; Missing of one that should be in the mail and is not, or cannot be shown.
	Remote, Missing string
	// MaxImages bounds what all images that are put into the text take there, in bytes, each counted as often as
	// it is used; 0 means 6 MiB.
	MaxImages int
}

// Result is sanitised HTML: the content of a body element.
type Result struct {
	HTML string
	// Remote is how many images lie elsewhere, and were not shown.
	Remote int
	// Cut is set when not all was looked at.
	Cut bool
}

// Clean sanitises foreign HTML: any bytes in, HTML in UTF-8 out. It takes time and memory in
// proportion to its input, of which it looks at the first 4 MiB.
func Clean(foreign string, o Options) Result {
	if o.MaxImages <= 0 {
		o.MaxImages = 6 << 20
	}
	var r Result
	if len(foreign) > maxInput {
		foreign, r.Cut = foreign[:maxInput], true
	}
	s := newShaper(o)
	s.read(tidy(foreign))
	r.Remote = s.remote
	r.Cut = r.Cut || s.cut
	r.HTML = policy.Sanitize(s.out.String())
	return r
}

// tidy makes text of what claims to be: valid UTF-8 without control characters, which
// browsers drop in some places and heed in others, and without those that turn the
// direction of all that follows.
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\r', r == '\f':
			return '\n'
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF:
			return -1
		case r == utf8.RuneError, r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
			return utf8.RuneError
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// Style is the style sheet of the page that shows the text, to stand in its head as it is.
// The text is always on white: mails set colours for that.
const Style = `html{color-scheme:light;background:#fff;color:#161616}
body{margin:.75rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
img{max-width:100%;height:auto}
table{border-collapse:collapse;max-width:100%}
td,th{padding:.125rem .375rem;vertical-align:top;text-align:start}
blockquote{margin:.5rem 0;padding-inline-start:.75rem;border-inline-start:3px solid #ccc;color:#3a3a3a}
pre{white-space:pre-wrap}
a{color:#000091}
a:focus-visible{outline:3px solid #0a76f6;outline-offset:2px}
`

// Policy is the Content-Security-Policy of that page (CSP Level 3): Style, images in the
// page itself, and nothing else; only the desk may frame it, and links open elsewhere. A
// page that a link opens is an ordinary one again, and knows nothing of this one (noopener).
var Policy = func() string {
	sum := sha256.Sum256([]byte(Style))
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox " + Sandbox
}()

// Sandbox is the sandbox of the frame around that page.
const Sandbox = "allow-popups allow-popups-to-escape-sandbox"
