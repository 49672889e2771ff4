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
	return m
}

// source counts what is read, and keeps the error that ended it.
type source struct {
	r    io.Reader
	left int64
	over bool
	err  error
}

// Read implements io.Reader. Beyond the limit and after an error it says io.EOF.
func (s *source) Read(p []byte) (int, error) {
	if s.err != nil || s.over {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	if int64(n) > s.left {
		n = int(s.left)
		s.over = true
	}
	s.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	if err != nil || s.over {
		err = io.EOF
	}
	return n, err
}

// normalise undoes what happens to whole messages in files: UTF-16 with a byte order
// mark, a UTF-8 one, and line ends that are carriage returns only.
func normalise(r io.Reader) io.Reader {
	var head [1024]byte
	n, _ := io.ReadFull(r, head[:]) // a short source is no fault, and source keeps errors
	b := head[:n]
	all := io.MultiReader(bytes.NewReader(b), r)
	switch name, size := unicodeBOM(b); {
	case strings.HasPrefix(name, "utf-16"):
		return utf16Reader(all)
	case size > 0:
		return io.MultiReader(bytes.NewReader(b[size:]), r)
	case bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') >= 0 && bytes.IndexByte(b, ':') > 0:
		return crReader{all}
	}
	return all
}

// crReader turns carriage returns into line feeds.
type crReader struct{ r io.Reader }

// Read implements io.Reader.
func (c crReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
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
}

func newParser(o Options) *parser {
	lim := o.Limits.withDefaults()
	return &parser{lim: lim, attachment: o.Attachment, textLeft: lim.TextMax, htmlLeft: htmlFactor * lim.TextMax}
}

// problem notes a problem, once.
func (p *parser) problem(code, detail string) {
	pr := Problem{code, cut(cleanLine(detail), 500)}
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
		p.problem(ProblemEncoding, fmt.Sprintf("Codage de transfert inconnu : « %s ».", cut(enc, 60)))
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

	children := p.children(l, pt, frame, subtype)
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
		if blocks := p.entity(l, &h, pl); len(blocks) > 0 {
			children = append(children, blocks)
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
			fmt.Fprintf(&b, "\n%s : %s", f.label, cut(v, 1000))
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

// looksLikeHTML recognises HTML that is declared as plain text.
func looksLikeHTML(br *bufio.Reader) bool {
	b, _ := br.Peek(512) // an error only means that there is less
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n")
	b = bytes.ToLower(b[:min(len(b), 14)])
	return bytes.HasPrefix(b, []byte("<!doctype html")) || bytes.HasPrefix(b, []byte("<html"))
}

// collect reads up to *left bytes, which it takes off, and skips the rest.
func (p *parser) collect(r io.Reader, left *int64) []byte {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, *left))
	*left -= n
	if err == nil {
		rest, _ := io.Copy(io.Discard, r) // faults of a decoder end its part only
		if rest > 0 {
			p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
		}
	}
	return buf.Bytes()
}

// decodeText decodes collected text, and notes what is wrong with its character set.
func (p *parser) decodeText(b []byte, charset string) string {
	s, code := decodeText(b, charset)
	switch code {
	case ProblemCharset:
		p.problem(code, fmt.Sprintf("Jeu de caractères inconnu : « %s ».", cut(charset, 60)))
	case ProblemWrongCharset:
		p.problem(code, fmt.Sprintf("Le texte n’est pas dans le jeu de caractères annoncé (« %s »).", cut(charset, 60)))
	}
	return s
}

func (p *parser) html(r io.Reader, pt part) []block {
	raw := p.collect(r, &p.htmlLeft)
	cs := pt.params["charset"]
	if charsetName(cs) == "" {
		cs = metaCharset(raw)
	}
	text := htmlText(p.decodeText(raw, cs), int(p.lim.TextMax))
	if text == "" {
		return nil
	}
	p.hasText = p.hasText || !pt.nested
	return []block{{kindHTML, text}}
}

// metaCharset finds the character set that an HTML text declares in its head.
func metaCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), 4096)])
	_, after, ok := bytes.Cut(b, []byte("charset="))
	if !ok {
		return ""
	}
	after = bytes.TrimLeft(after, "\"' ")
	if i := bytes.IndexAny(after, "\"' ;/>"); i >= 0 {
		after = after[:i]
	}
	return string(after[:min(len(after), 60)])
}

// plain reads plain text, and takes uuencoded files out of it.
func (p *parser) plain(br *bufio.Reader, pt part) []block {
	var raw bytes.Buffer
	truncated, start := false, true
	for {
		line, err := br.ReadSlice('\n')
		if start && bytes.HasPrefix(line, []byte("begin ")) {
			if name, ok := uuBegin(line); ok && uuFollows(br) {
				p.attachUU(br, name)
				continue
			}
		}
		start = len(line) > 0 && line[len(line)-1] == '\n'
		n := min(int64(len(line)), p.textLeft)
		truncated = truncated || n < int64(len(line))
		raw.Write(line[:n])
		p.textLeft -= n
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if truncated {
		p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
	}
	text := cleanText(p.decodeText(raw.Bytes(), pt.params["charset"]))
	if strings.EqualFold(pt.params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(pt.params["delsp"], "yes"))
	}
	if strings.Contains(text, "-----BEGIN PGP MESSAGE-----") {
		p.problem(ProblemEncrypted, "Le contenu est chiffré (PGP) et n’a pas pu être lu.")
	}
	if text = tidy(text); text == "" {
		return nil
	}
	p.hasText = p.hasText || !pt.nested
	return []block{{kindPlain, text}}
}

// uuFollows reports whether the next line is uuencoded data.
func uuFollows(br *bufio.Reader) bool {
	b, _ := br.Peek(100) // an error only means that there is less
	line, _, ok := bytes.Cut(b, lineFeed)
	if !ok || len(line) == 0 {
		return false
	}
	_, ok = uuLine(nil, line)
	return ok
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
		text = cut(text, int(p.lim.TextMax))
		p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
	}
	own = ownWords(cut(strings.Join(mine, "\n\n"), int(p.lim.TextMax)))
	if own == "" {
		own = text
	}
	return text, own
}
