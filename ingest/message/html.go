package message

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxOpen bounds the stack of open elements. Deeper ones are counted only.
const maxOpen = 1 << 16

// htmlToText turns HTML into text to read: blocks and table rows on lines of their
// own, cells apart by tabs, list items marked, quotations behind ">", links followed
// by their address. It drops scripts, styles and what a mail program would not show.
// It works through the tokens one by one without building a tree, so that depth costs
// nothing; max bounds the text in bytes.
func htmlToText(src []byte, max int) string {
	r := htmlRenderer{max: max}
	r.render(src)
	text := r.out.String()
	if r.dropped && strings.TrimSpace(text) == "" {
		// All of it is hidden, most likely because a hidden element was never closed.
		r = htmlRenderer{max: max, showAll: true}
		r.render(src)
		text = r.out.String()
	}
	return text
}

// htmlText is htmlToText for text that was decoded already. Lines that hold only
// non-breaking blanks, which editors write for empty ones, become empty.
func htmlText(s string, max int) string {
	lines := strings.Split(cleanText(htmlToText([]byte(s), max)), "\n")
	kept, blank := lines[:0], true
	for _, line := range lines {
		trimmed := strings.TrimRight(line, " \t\u00A0\u202F")
		if trimmed == "--" {
			trimmed = line
		}
		if trimmed == "" && blank {
			continue
		}
		blank = trimmed == ""
		kept = append(kept, trimmed)
	}
	return tidy(strings.Join(kept, "\n"))
}

// The breaks between two pieces of text; the larger wins.
const (
	breakNone = iota
	breakSpace
	breakCell
	breakLine
	breakBlock
)

// openElement is an element of the stack.
type openElement struct {
	tag    atom.Atom
	hidden bool // or within a hidden one
	zero   bool // font-size 0, until an element within sets another
}

// htmlRenderer turns tokens into text.
type htmlRenderer struct {
	out     strings.Builder
	max     int
	showAll bool
	dropped bool // text was left out for being hidden

	open     []openElement
	count    map[atom.Atom]int // open elements of each tag: an end tag of none is free
	overflow int               // elements that are open beyond maxOpen

	pending    int
	fresh      bool // nothing was written since the cell began: its blocks break no line
	multiline  bool // the current cell holds a line break
	rows       []bool
	quotes     int // open quotations
	lastQuotes int // those of the line that was begun last
	pre        int
	lists      []int // counter of each open list; -1 for bullets
	marker     string

	href      string
	linkStart int
	linkAlt   string
}

func (r *htmlRenderer) render(src []byte) {
	r.count = make(map[atom.Atom]int)
	r.linkStart = -1
	z := html.NewTokenizer(bytes.NewReader(src))
	for r.out.Len() < r.max {
		switch z.Next() {
		case html.ErrorToken:
			r.endLink() // the source is in memory: this is its end
			return
		case html.TextToken:
			r.text(string(z.Text()))
		case html.StartTagToken:
			r.start(z, false)
		case html.SelfClosingTagToken:
			r.start(z, true)
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(atom.Lookup(name))
		}
	}
}

// attributes of a tag that matter.
type attributes struct {
	href, alt, style, class, kind, id string
	hidden                            bool
}

func readAttributes(z *html.Tokenizer) (a attributes) {
	// A tag with thousands of attributes is no tag of a mail.
	for range 200 {
		key, val, more := z.TagAttr()
		switch string(key) {
		case "href":
			a.href = string(val)
		case "alt":
			a.alt = string(val)
		case "style":
			a.style = string(val)
		case "class":
			a.class = string(val)
		case "id":
			a.id = string(val)
		case "type":
			a.kind = string(val)
		case "hidden":
			a.hidden = true
		}
		if !more {
			break
		}
	}
	return a
}

// start opens an element. Only foreign ones, such as Word's <o:p/>, may close
// themselves; for HTML's own the slash means nothing.
func (r *htmlRenderer) start(z *html.Tokenizer, selfClosing bool) {
	name, more := z.TagName()
	tag := atom.Lookup(name)
	var a attributes
	if more {
		a = readAttributes(z)
	}
	switch tag {
	case atom.Script, atom.Style:
	case atom.Iframe, atom.Noembed, atom.Noframes, atom.Noscript, atom.Textarea, atom.Title, atom.Xmp, atom.Plaintext:
		// The tokenizer would swallow all that follows one that is never closed.
		z.NextIsNotRawText()
	}
	r.closeImplied(tag)
	if !isVoid(tag) && (tag != 0 || !selfClosing) {
		r.push(tag, a)
	}
	if r.isHidden() {
		return
	}
	switch tag {
	case atom.Br:
		r.lineBreak()
	case atom.Hr:
		r.want(breakLine)
	case atom.Img:
		if r.href != "" && r.linkAlt == "" {
			r.linkAlt = strings.TrimSpace(a.alt)
		}
	case atom.A:
		r.endLink()
		r.href, r.linkStart, r.linkAlt = a.href, r.out.Len(), ""
	case atom.Table:
		r.want(breakLine)
		r.rows = append(r.rows, false)
	case atom.Tr:
		r.fresh = false
		r.want(breakLine)
		r.setRow(false)
	case atom.Td, atom.Th:
		r.cell()
	case atom.Ul, atom.Menu, atom.Dir:
		r.want(breakLine)
		r.lists = append(r.lists, -1)
	case atom.Ol:
		r.want(breakLine)
		r.lists = append(r.lists, 0)
	case atom.Li:
		r.item()
	case atom.Pre, atom.Listing, atom.Xmp:
		r.want(breakBlock)
		r.pre++
	case atom.Blockquote:
		r.want(breakBlock)
		r.quotes++
	default:
		r.want(blockBreak(tag))
	}
	if isSignature(a) {
		r.want(breakLine)
		r.text("--")
		r.out.WriteByte(' ')
		r.want(breakLine)
	}
}

// isSignature recognises the element in which mail programs put the signature. It
// gets the separator that their plain text has (RFC 3676 §4.3).
func isSignature(a attributes) bool {
	return strings.Contains(a.class, "gmail_signature") && !strings.Contains(a.class, "gmail_signature_prefix") ||
		strings.Contains(a.class, "moz-signature") || a.id == "Signature" || a.id == "ms-outlook-mobile-signature"
}

// push opens an element.
func (r *htmlRenderer) push(tag atom.Atom, a attributes) {
	if len(r.open) >= maxOpen {
		r.overflow++
		return
	}
	e := openElement{tag: tag}
	if n := len(r.open); n > 0 {
		e.hidden, e.zero = r.open[n-1].hidden, r.open[n-1].zero
	}
	if tag == atom.Script || tag == atom.Style || tag == atom.Title {
		e.hidden = true
	} else if !r.showAll && (a.hidden || a.style != "") {
		hidden, size := readStyle(a.style)
		e.hidden = e.hidden || a.hidden || hidden
		switch size {
		case sizeZero:
			e.zero = true
		case sizeSet:
			e.zero = false
		}
	}
	r.open = append(r.open, e)
	r.count[tag]++
}

func (r *htmlRenderer) isHidden() bool {
	n := len(r.open)
	return n > 0 && (r.open[n-1].hidden || r.open[n-1].zero)
}

// end closes the innermost element of the tag and those that were left open in it.
func (r *htmlRenderer) end(tag atom.Atom) {
	if tag == atom.Br || tag == atom.P && r.count[tag] == 0 {
		r.lineBreak() // as browsers do for "</br>" and a lone "</p>"
		return
	}
	if r.overflow > 0 {
		r.overflow--
		return
	}
	if r.count[tag] == 0 {
		return
	}
	for len(r.open) > 0 && r.pop() != tag {
		continue
	}
}

// pop closes the innermost element.
func (r *htmlRenderer) pop() atom.Atom {
	hidden := r.isHidden()
	n := len(r.open) - 1
	tag := r.open[n].tag
	r.open = r.open[:n]
	r.count[tag]--
	if hidden {
		return tag
	}
	switch tag {
	case atom.A:
		r.endLink()
	case atom.Table:
		r.fresh = false
		r.want(breakLine)
		if k := len(r.rows); k > 0 {
			filled := r.rows[k-1]
			r.rows = r.rows[:k-1]
			if filled {
				r.setRow(true)
				r.multiline = true
			}
		}
	case atom.Td, atom.Th:
		r.fresh = false
		if r.pending > breakCell {
			r.pending = breakCell
		}
	case atom.Li:
		r.fresh, r.marker = false, ""
		r.want(breakLine)
	case atom.Ul, atom.Menu, atom.Dir, atom.Ol:
		r.want(breakLine)
		if k := len(r.lists); k > 0 {
			r.lists = r.lists[:k-1]
		}
	case atom.Pre, atom.Listing, atom.Xmp:
		r.want(breakBlock)
		r.pre = max(r.pre-1, 0)
	case atom.Blockquote:
		r.quotes = max(r.quotes-1, 0)
		r.want(breakBlock)
	default:
		r.want(blockBreak(tag))
	}
	return tag
}

// closeImplied closes the elements whose end tags HTML lets one leave out.
func (r *htmlRenderer) closeImplied(tag atom.Atom) {
	for n := len(r.open); n > 0; n = len(r.open) {
		top := r.open[n-1].tag
		switch {
		case top == atom.P && blockBreak(tag) >= breakLine,
			top == atom.Li && tag == atom.Li,
			top == atom.Option && tag == atom.Option,
			(top == atom.Td || top == atom.Th) && (tag == atom.Td || tag == atom.Th || tag == atom.Tr),
			top == atom.Tr && tag == atom.Tr,
			top == atom.Title && tag != 0 && tag != atom.Title,
			top == atom.Head && tag == atom.Body:
			r.pop()
		default:
			return
		}
	}
}

func (r *htmlRenderer) setRow(filled bool) {
	if n := len(r.rows); n > 0 {
		r.rows[n-1] = filled
	}
}

func (r *htmlRenderer) cell() {
	n := len(r.rows)
	switch {
	case n == 0 || !r.rows[n-1]:
		if !r.fresh {
			r.want(breakLine)
		}
	case r.multiline:
		r.pending = breakLine
	default:
		r.pending = breakCell
	}
	r.fresh, r.multiline = true, false
}

func (r *htmlRenderer) item() {
	r.want(breakLine)
	r.fresh = true
	depth := len(r.lists)
	indent := strings.Repeat("  ", min(max(depth-1, 0), 8))
	if depth > 0 && r.lists[depth-1] >= 0 {
		r.lists[depth-1]++
		r.marker = indent + strconv.Itoa(r.lists[depth-1]) + ". "
		return
	}
	r.marker = indent + "- "
}

// want asks for a break before the next text.
func (r *htmlRenderer) want(b int) {
	if r.fresh && b >= breakLine {
		return
	}
	r.pending = max(r.pending, b)
}

func (r *htmlRenderer) lineBreak() {
	if r.isHidden() {
		return
	}
	if r.pending >= breakLine {
		r.flushBreak()
	}
	if r.out.Len() > 0 && !r.fresh {
		r.pending = breakLine
	}
}

// flushBreak writes the break that is pending.
func (r *htmlRenderer) flushBreak() {
	b := r.pending
	r.pending = breakNone
	if r.out.Len() == 0 {
		if b >= breakLine || b == breakNone {
			r.quotePrefix(r.quotes)
		}
		return
	}
	switch b {
	case breakSpace:
		r.out.WriteByte(' ')
	case breakCell:
		r.out.WriteByte('\t')
	case breakLine:
		r.out.WriteByte('\n')
		r.quotePrefix(r.quotes)
	case breakBlock:
		r.out.WriteByte('\n')
		r.quotePrefix(min(r.quotes, r.lastQuotes)) // the blank line belongs to both
		r.out.WriteByte('\n')
		r.quotePrefix(r.quotes)
	}
}

func (r *htmlRenderer) quotePrefix(depth int) {
	for range min(depth, 8) {
		r.out.WriteString("> ")
	}
	r.lastQuotes = depth
}

// text writes a run of text, with blanks collapsed unless it is preformatted.
func (r *htmlRenderer) text(s string) {
	if r.isHidden() {
		if top := r.open[len(r.open)-1].tag; !r.dropped && top != atom.Style && top != atom.Script && top != atom.Title {
			r.dropped = strings.TrimSpace(s) != ""
		}
		return
	}
	if r.pre > 0 {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				if r.pending == breakLine {
					r.flushBreak()
				}
				r.pending = max(r.pending, breakLine)
			}
			if line != "" {
				r.word(line)
			}
		}
		return
	}
	for len(s) > 0 {
		i := 0
		for i < len(s) && isHTMLSpace(s[i]) {
			i++
		}
		if i > 0 {
			r.want(breakSpace)
			s = s[i:]
			continue
		}
		for i < len(s) && !isHTMLSpace(s[i]) {
			i++
		}
		r.word(s[:i])
		s = s[i:]
	}
}

func (r *htmlRenderer) word(w string) {
	if strings.Contains(w, "\u00AD") || strings.Contains(w, "\u200B") || strings.Contains(w, "\u200C") || strings.Contains(w, "\u034F") {
		// Invisible: hyphenation hints, and the filling of preheaders.
		if w = invisible.Replace(w); w == "" {
			return
		}
	}
	r.multiline = r.multiline || !r.fresh && r.pending >= breakLine
	if r.out.Len() == 0 && r.pending == breakNone || r.pending != breakNone {
		r.flushBreak()
	}
	if r.marker != "" {
		r.out.WriteString(r.marker)
		r.marker = ""
	}
	r.out.WriteString(w)
	r.fresh = false
	r.setRow(true)
}

var invisible = strings.NewReplacer("\u00AD", "", "\u200B", "", "\u200C", "", "\u034F", "")

func isHTMLSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta,
		atom.Param, atom.Source, atom.Track, atom.Wbr, atom.Keygen, atom.Frame, atom.Basefont, atom.Bgsound:
		return true
	}
	return false
}

// blockBreak is the break that a block element makes before and after itself.
func blockBreak(tag atom.Atom) int {
	switch tag {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre:
		return breakBlock
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Nav, atom.Aside, atom.Main, atom.Address,
		atom.Center, atom.Form, atom.Fieldset, atom.Legend, atom.Dl, atom.Dt, atom.Dd, atom.Figure, atom.Figcaption,
		atom.Details, atom.Summary, atom.Caption, atom.Table, atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Ul,
		atom.Ol, atom.Li, atom.Hr, atom.Body, atom.Html, atom.Option, atom.Title:
		return breakLine
	}
	return breakNone
}
