package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// Read reads a mail. It never fails: see the package comment, and Message.Err for
// faults of r itself.
func Read(r io.Reader, o Options) Message {
	m := Message{}
	p := newParser(o)
	p.msg = &m
	src := &source{r: r, left: p.lim.Size}
	l := newLineReader(normalise(src))
	defer l.release()

	h := readHeader(l, true, p.problem)
	p.readFields(&h)
	blocks := p.entity(l, &h, place{})
	l.drain()
	p.finishSource(src)

	m.Text, m.OwnText = p.join(blocks)
	m.Delivery = p.delivery
	m.Attachments, m.Problems, m.Err = p.attachments, p.problems, errors.Join(p.err, src.err)
	m.Automatic = automatic(&h, &m)
	m.readBounce(&h)
	m.NoReply = noReply(&h, &m)
	return m
}

const (
	maxProblems = 100
	// htmlFactor is how much more markup than text is read: mark-up and styles are
	// most of an HTML mail.
	htmlFactor = 4
)

// parser holds the state of one Read or ReadForm.
type parser struct {
	lim         Limits
	attachment  func(AttachmentInfo) io.Writer
	msg         *Message
	delivery    *DeliveryReport
	attachments []Attachment
	problems    []Problem
	known       map[Problem]bool
	err         error
	parts       int
	hasText     bool  // some text of the mail itself was read
	stop        bool  // a limit was met: nothing more is read
	textLeft    int64 // raw bytes of text that may still be collected
	htmlLeft    int64
	// page, in ReadPage, keeps the HTML as it is; nil elsewhere.
	page *htmlTexts
}

func newParser(o Options) *parser {
	lim := o.Limits.withDefaults()
	return &parser{lim: lim, attachment: o.Attachment, textLeft: lim.TextMax, htmlLeft: htmlFactor * lim.TextMax}
}

// problem notes a problem, once.
func (p *parser) problem(code, detail string) {
	pr := Problem{code, Cut(cleanLine(detail), 500)}
	if p.known[pr] || len(p.problems) >= maxProblems {
		return
	}
	if p.known == nil {
		p.known = make(map[Problem]bool)
	}
	p.known[pr] = true
	p.problems = append(p.problems, pr)
}

func (p *parser) finishSource(src *source) {
	if src.over {
		p.problem(ProblemTooLarge, fmt.Sprintf("Le message dépasse la limite de %s ; la suite n’a pas été lue.", size(p.lim.Size)))
	}
	if src.err != nil {
		p.problem(ProblemInput, "La lecture du message s’est interrompue avant la fin.")
	}
}

// size writes a number of bytes for a French reader.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d\u00A0Mio", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d\u00A0Kio", n>>10)
	}
	return fmt.Sprintf("%d\u00A0octets", n)
}

// kind is the form in which a block of text came.
type kind int

const (
	kindPlain kind = iota
	kindHTML
	kindCalendar
	kindReport // of a machine
	kindNested // of an attached mail
)

// block is a piece of readable text.
type block struct {
	kind kind
	text string
}

// place says where in a message an entity is.
type place struct {
	depth       int
	parent      string // subtype of the enclosing multipart
	nested      bool   // within an attached mail
	defaultType string // where no Content-Type is given; text/plain when empty
}

func (pl place) deeper(parent string) place {
	pl.depth++
	pl.parent = parent
	pl.defaultType = ""
	return pl
}

// part is an entity with what its header says.
type part struct {
	h           *gomessage.Header
	mediaType   string
	params      map[string]string
	disposition string
	name        string
	encoding    string
	place
}

// entity reads the body of an entity whose header has been read.
func (p *parser) entity(l *lineReader, h *gomessage.Header, pl place) []block {
	pt := p.describe(h, pl)
	major, minor, _ := strings.Cut(pt.mediaType, "/")
	composite := major == "multipart" || pt.mediaType == "message/rfc822" || pt.mediaType == "message/global"
	if composite && pl.depth >= p.lim.Depth {
		p.problem(ProblemTooDeep, fmt.Sprintf("Plus de %d niveaux de parties imbriquées ; les plus profonds n’ont pas été ouverts.", p.lim.Depth))
		p.attachPart(l.body(), pt, "application/octet-stream")
		return nil
	}
	switch {
	case major == "multipart":
		return p.multipart(l, pt, minor)
	case composite:
		return p.nestedMail(l, pt)
	}
	return p.leaf(decode(pt.encoding, l.body(), p.problem), pt)
}

func (p *parser) describe(h *gomessage.Header, pl place) part {
	def := pl.defaultType
	if def == "" {
		def = "text/plain"
	}
	pt := part{h: h, place: pl}
	var ok bool
	pt.mediaType, pt.params, ok = contentType(h, def)
	if !ok {
		p.problem(ProblemMediaType, "Le type d’une partie est illisible ; il a été deviné.")
	}
	var dp map[string]string
	pt.disposition, dp = fieldParams(firstValue(h, "Content-Disposition"))
	pt.name = dp["filename"]
	if pt.name == "" {
		pt.name = pt.params["name"]
	}
	enc := firstValue(h, "Content-Transfer-Encoding")
	pt.encoding, ok = transferEncoding(enc)
	if !ok {
		p.problem(ProblemEncoding, fmt.Sprintf("Codage de transfert inconnu : « %s ».", Cut(enc, 60)))
	}
	return pt
}

// multipart reads the parts of a multipart, each by itself: whatever is wrong with
// one, the next begins at the next delimiter.
func (p *parser) multipart(l *lineReader, pt part, subtype string) []block {
	if subtype == "encrypted" {
		p.problem(ProblemEncrypted, "Le contenu est chiffré (PGP) et n’a pas pu être lu.")
	}
	boundary := strings.TrimRight(pt.params["boundary"], " \t")
	ahead, whole := l.ahead()
	if boundary == "" || !hasDelimiter(ahead, boundary) {
		switch found := l.findBoundary(ahead); {
		case found != "":
			p.problem(ProblemBoundaryMissing, "Le séparateur des parties n’est pas celui qui est annoncé ; il a été retrouvé dans le corps du message.")
			boundary = found
		case boundary == "" || whole:
			return p.withoutBoundary(l, pt)
		}
	}
	frame, pop := l.push(boundary)
	defer pop()

	// What precedes the first delimiter is for programs of before MIME; it is kept
	// only in case that no delimiter comes.
	preamble := p.collect(l.body(), &p.textLeft)
	if l.hit != frame {
		p.problem(ProblemBoundaryNotFound, "Le message annonce plusieurs parties, mais rien ne les sépare ; il a été lu comme un texte.")
		return p.leaf(bytes.NewReader(preamble), textPart(pt))
	}
	p.textLeft += int64(len(preamble))

	before := p.parts
	children := p.children(l, pt, frame, subtype)
	if p.parts == before && len(bytes.TrimSpace(preamble)) > 0 {
		// Only the closing delimiter came: what stands before it is all there is.
		p.problem(ProblemBoundaryNotFound, "Le message annonce plusieurs parties, mais rien ne les sépare ; il a été lu comme un texte.")
		return p.leaf(bytes.NewReader(preamble), textPart(pt))
	}
	if subtype == "alternative" {
		return chooseAlternative(children)
	}
	var blocks []block
	for _, c := range children {
		blocks = append(blocks, c...)
	}
	return blocks
}

// children reads the parts between the delimiters of a frame.
func (p *parser) children(l *lineReader, pt part, frame int, subtype string) [][]block {
	var children [][]block
	ended := false
	first := p.page.mark()
	for l.hit == frame && !p.stop {
		closed := l.closed
		l.hit = noHit
		if closed {
			// An epilogue, unless the delimiter comes again: then it was a mistake.
			ended = true
			l.drain()
			continue
		}
		ended = false
		if p.parts++; p.parts > p.lim.Parts {
			p.stop = true
			p.problem(ProblemTooManyParts, fmt.Sprintf("Plus de %d parties ; les suivantes n’ont pas été lues.", p.lim.Parts))
			break
		}
		pl := pt.deeper(subtype)
		if subtype == "digest" {
			pl.defaultType = "message/rfc822" // RFC 2046 §5.1.5
		}
		h := readHeader(l, false, p.problem)
		next := p.page.mark()
		if blocks := p.entity(l, &h, pl); len(blocks) > 0 {
			children = append(children, blocks)
		}
		if subtype == "alternative" {
			p.page.instead(first, next)
		}
		l.drain()
	}
	if !ended && !p.stop {
		p.problem(ProblemEndBoundary, "La fin d’un message en plusieurs parties manque ; il a peut-être été coupé.")
	}
	return children
}

// withoutBoundary reads the body of a multipart that has no delimiter: as the whole
// was encoded, or as text.
func (p *parser) withoutBoundary(l *lineReader, pt part) []block {
	body := decode(pt.encoding, l.body(), p.problem)
	if pt.encoding != "binary" {
		// RFC 2045 §6.4 forbids to encode a multipart; some do.
		inner := newLineReader(body)
		defer inner.release()
		again := pt
		again.encoding = "binary"
		again.depth++
		if again.depth >= p.lim.Depth {
			return p.leaf(inner.body(), textPart(pt))
		}
		_, minor, _ := strings.Cut(pt.mediaType, "/")
		return p.multipart(inner, again, minor)
	}
	p.problem(ProblemBoundaryNotFound, "Le message annonce plusieurs parties, mais rien ne les sépare ; il a été lu comme un texte.")
	return p.leaf(body, textPart(pt))
}

// textPart is what a multipart without parts is read as.
func textPart(pt part) part {
	pt.mediaType, pt.disposition, pt.name = "text/plain", "", ""
	return pt
}

// nestedMail reads an attached mail.
func (p *parser) nestedMail(l *lineReader, pt part) []block {
	if pt.encoding != "binary" {
		// RFC 2046 §5.2.1 forbids to encode one; some programs do.
		l = newLineReader(decode(pt.encoding, l.body(), p.problem))
		defer l.release()
	}
	h := readHeader(l, true, p.problem)
	if p.delivery != nil && p.delivery.OriginalMessageID == "" && pt.parent == "report" {
		p.delivery.OriginalMessageID = messageID(firstValue(&h, "Message-Id"))
	}
	pl := pt.deeper("")
	pl.nested = true
	blocks := p.entity(l, &h, pl)
	l.drain()
	out := []block{{kindNested, summary(&h)}}
	for _, b := range blocks {
		out = append(out, block{kindNested, b.text})
	}
	return out
}

// summary is the head under which the text of an attached mail stands.
func summary(h *gomessage.Header) string {
	var b strings.Builder
	b.WriteString("--- Message joint ---")
	for _, f := range [...]struct{ label, name string }{{"De", "From"}, {"Date", "Date"}, {"À", "To"}, {"Objet", "Subject"}} {
		if v := cleanLine(decodeWords(firstValue(h, f.name))); v != "" {
			fmt.Fprintf(&b, "\n%s : %s", f.label, Cut(v, 1000))
		}
	}
	return b.String()
}

// leaf reads a part that holds no others. body is its decoded content.
func (p *parser) leaf(body io.Reader, pt part) []block {
	switch pt.mediaType {
	case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
		"message/global-disposition-notification", "message/feedback-report":
		return p.report(body, pt)
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return p.smime(body, pt)
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return p.tnef(body, pt)
	case "text/calendar", "application/ics":
		return p.calendar(body, pt)
	case "text/rfc822-headers", "message/rfc822-headers":
		return p.returnedHeaders(body)
	}
	if strings.EqualFold(baseName(pt.name), "winmail.dat") {
		return p.tnef(body, pt)
	}
	if pt.isAttachment() {
		p.attachPart(body, pt, pt.mediaType)
		return nil
	}
	br := bufio.NewReaderSize(body, 4096)
	if t := fileSignature(br); t != "" {
		p.attachPart(br, pt, t)
		return nil
	}
	if pt.mediaType == "text/html" || looksLikeHTML(br) {
		return p.html(br, pt)
	}
	return p.plain(br, pt)
}

// isAttachment reports whether a part is a file rather than text to read. Text with a
// name is text all the same when it is not marked as a file: some programs name the
// body.
func (pt *part) isAttachment() bool {
	if !strings.HasPrefix(pt.mediaType, "text/") {
		return true
	}
	switch pt.mediaType {
	case "text/plain", "text/html":
		return pt.disposition == "attachment" && (pt.name != "" || pt.depth > 0) ||
			pt.name != "" && pt.depth > 0 && pt.parent != "alternative" && pt.disposition != "inline" && !bodyName(pt.name)
	case "text/enriched", "text/x-plain", "text/x-markdown", "text/markdown", "text/watch-html":
		return pt.disposition == "attachment"
	}
	return pt.name != "" || pt.disposition == "attachment" || pt.mediaType == "text/x-vcard" || pt.mediaType == "text/vcard" ||
		pt.mediaType == "text/rtf" || pt.mediaType == "text/csv" || pt.mediaType == "text/xml"
}

// bodyName recognises names that programs give to the body itself.
func bodyName(name string) bool {
	switch strings.ToLower(name) {
	case "body.txt", "message.txt", "mail.txt", "message.html", "body.html", "mail.html":
		return true
	}
	return false
}

// join makes the texts of a message out of its blocks.
func (p *parser) join(blocks []block) (text, own string) {
	var all, mine []string
	for _, b := range blocks {
		all = append(all, b.text)
		if b.kind != kindNested && b.kind != kindReport {
			mine = append(mine, b.text)
		}
	}
	text = strings.Join(all, "\n\n")
	if int64(len(text)) > p.lim.TextMax {
		text = Cut(text, int(p.lim.TextMax))
		p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
	}
	own = ownWords(Cut(strings.Join(mine, "\n\n"), int(p.lim.TextMax)))
	if own == "" || len(own) < len(text) && greetingOnly().MatchString(own) && forwarded().MatchString(text) {
		own = text
	}
	return text, own
}
