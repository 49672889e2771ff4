package safehtml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// shaper is the first door: it writes the tokens of foreign HTML anew, as far as they are
// of the text, and bounds them.
type shaper struct {
	opts     Options
	out      strings.Builder
	open     []element // the elements that are open, those that end by themselves left out
	elements int
	images   int // bytes of images in the text
	remote   int
	cut      bool
}

// element is an open element. One that was left out for its depth is remembered all the
// same, so that its end is not taken for that of another.
type element struct {
	name    string
	written bool
}

func newShaper(o Options) *shaper { return &shaper{opts: o} }

// selfEnding are the elements whose end tag may be missing (WHATWG HTML §13.1.2.4): they cannot nest
// but in one that must end.
var selfEnding = map[atom.Atom]bool{
	atom.P: true, atom.Li: true, atom.Dt: true, atom.Dd: true, atom.Td: true, atom.Th: true, atom.Tr: true,
	atom.Thead: true, atom.Tbody: true, atom.Tfoot: true, atom.Colgroup: true, atom.Caption: true,
}

// alone are the elements without content.
var alone = map[atom.Atom]bool{atom.Br: true, atom.Hr: true, atom.Wbr: true, atom.Col: true}

// unread are the elements whose content is no text to read. The tokenizer gives it as one
// token, for they are among those in which there is no markup.
var unread = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Title: true, atom.Iframe: true, atom.Noembed: true, atom.Noframes: true}

// kept are the elements of the policy.
var kept = func() map[string]bool {
	m := make(map[string]bool, len(plain))
	for _, name := range plain {
		m[name] = true
	}
	return m
}()

func (s *shaper) read(foreign string) {
	z := html.NewTokenizer(strings.NewReader(foreign))
	skip := false
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			// The input is in memory: it has no end but its own.
			if !errors.Is(z.Err(), io.EOF) {
				s.cut = true
			}
			break
		}
		t := z.Token()
		switch kind {
		case html.TextToken:
			if !skip {
				s.out.WriteString(html.EscapeString(tidy(t.Data))) // character references may have made anything
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			s.start(t)
		case html.EndTagToken:
			s.end(t)
		case html.CommentToken, html.DoctypeToken, html.ErrorToken:
		}
		skip = kind == html.StartTagToken && unread[t.DataAtom]
	}
	s.closeTo(0)
}

func (s *shaper) start(t html.Token) {
	switch {
	case t.DataAtom == atom.Img || t.DataAtom == atom.Image: // browsers take <image> for <img>
		s.image(t)
		return
	case !kept[t.Data]:
		return
	}
	if s.elements++; s.elements > maxElements {
		s.cut = true
		return
	}
	switch {
	case alone[t.DataAtom], selfEnding[t.DataAtom]:
		s.write(t)
		return
	case len(s.open) >= 10*maxDepth:
		return
	}
	depth := 0
	for _, e := range s.open {
		if e.written {
			depth++
		}
	}
	// Browsers end a link where another begins.
	if t.DataAtom == atom.A {
		s.endOf("a")
	}
	written := depth < maxDepth
	s.open = append(s.open, element{t.Data, written})
	if written {
		s.write(t)
	}
}

// write writes a start tag. What is given out and what is not is not decided here, but what
// is too long, or of another document, need not go further.
func (s *shaper) write(t html.Token) {
	t.Type = html.StartTagToken
	attrs := t.Attr[:0]
	for _, a := range t.Attr {
		if a.Val = strings.TrimSpace(tidy(a.Val)); a.Key == "href" {
			u, err := url.Parse(a.Val)
			if err != nil {
				continue
			}
			a.Val = u.String()
		}
		if len(a.Val) <= maxURL {
			attrs = append(attrs, a)
		}
	}
	t.Attr = attrs
	s.out.WriteString(t.String())
}

func (s *shaper) end(t html.Token) {
	switch {
	case !kept[t.Data] || alone[t.DataAtom]:
	case selfEnding[t.DataAtom]:
		// Counted, for </p> alone makes a paragraph.
		if s.elements++; s.elements <= maxElements {
			s.out.WriteString("</" + t.Data + ">")
		}
	default:
		s.endOf(t.Data)
	}
}

// endOf ends the innermost open element of that name, with all within it.
func (s *shaper) endOf(name string) {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i].name == name {
			s.closeTo(i)
			return
		}
	}
}

// closeTo ends all open elements but the first n.
func (s *shaper) closeTo(n int) {
	for i := len(s.open) - 1; i >= n; i-- {
		if s.open[i].written {
			s.out.WriteString("</" + s.open[i].name + ">")
		}
	}
	s.open = s.open[:n]
}

// image puts an image into the text that lies in the mail, and a note in the place of any
// other.
func (s *shaper) image(t html.Token) {
	if s.elements++; s.elements > maxElements {
		s.cut = true
		return
	}
	var source, alt string
	img := html.Token{Type: html.StartTagToken, DataAtom: atom.Img, Data: "img"}
	for _, a := range t.Attr {
		switch a.Key {
		case "src":
			source = strings.TrimSpace(a.Val)
		case "alt":
			alt = strings.Join(strings.Fields(tidy(a.Val)), " ")
		case "width", "height":
			img.Attr = append(img.Attr, a)
		}
	}
	if len([]rune(alt)) > 500 {
		alt = ""
	}
	data, inside := s.inside(source)
	if !inside {
		s.remote++
		s.note(s.opts.Remote, alt)
		return
	}
	kind := imageType(data)
	size := base64.StdEncoding.EncodedLen(len(data))
	if kind == "" || s.images+size > s.opts.MaxImages {
		s.note(s.opts.Missing, alt)
		return
	}
	s.images += size
	img.Attr = append(img.Attr,
		html.Attribute{Key: "src", Val: "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)},
		html.Attribute{Key: "alt", Val: alt})
	s.out.WriteString(img.String())
}

// inside returns the bytes of an image that lies in the mail: in a part of its own (RFC 2392)
// or in the text (RFC 2397). It returns false for the address of one that lies elsewhere.
func (s *shaper) inside(source string) ([]byte, bool) {
	scheme, rest, _ := strings.Cut(source, ":")
	switch strings.ToLower(scheme) {
	case "cid":
		if id, err := url.PathUnescape(rest); err == nil && s.opts.Images[id] != nil {
			return s.opts.Images[id], true
		}
		return s.opts.Images[rest], true
	case "data":
		head, body, _ := strings.Cut(rest, ",")
		if !strings.HasSuffix(strings.ToLower(strings.TrimSpace(head)), ";base64") {
			return nil, true
		}
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, true
		}
		return data, true
	}
	return nil, source == ""
}

// note writes what stands in the place of an image. One that is there to be counted, not
// to be seen, would leave a trail of notes: without a description one in a row is enough.
func (s *shaper) note(text, alt string) {
	if alt != "" {
		text = strings.TrimSuffix(text, "]") + "\u00a0: " + alt + "]"
	}
	if text = html.EscapeString(text); !strings.HasSuffix(strings.TrimSpace(tail(s.out.String(), 2*len(text)+8)), text) {
		s.out.WriteString(" " + text + " ")
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// imageType tells an image that browsers show by its first bytes (WHATWG MIME Sniffing §6.1); ""
// for anything else, vector graphics among it.
func imageType(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("GIF87a")), bytes.HasPrefix(b, []byte("GIF89a")):
		return "image/gif"
	case len(b) >= 14 && string(b[:4]) == "RIFF" && string(b[8:14]) == "WEBPVP":
		return "image/webp"
	}
	return ""
}
