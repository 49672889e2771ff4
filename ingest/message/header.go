package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message"

	"saisine.fr/saisine/ingest/lazy"
)

// Bounds of one header block. Real ones stay far below.
const (
	maxHeaderBytes = 1 << 20
	maxFieldBytes  = 64 << 10
	maxFields      = 1000
)

// wanted are the fields that are read. They are kept even when a block holds more
// than maxFields others before them, and they mark where a damaged block goes on.
var wanted = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "subject": true, "date": true,
	"message-id": true, "in-reply-to": true, "references": true, "mime-version": true,
	"content-type": true, "content-transfer-encoding": true, "content-disposition": true, "content-id": true,
	"return-path": true, "delivered-to": true, "x-original-to": true, "envelope-to": true, "received": true,
	"auto-submitted": true, "precedence": true, "list-id": true, "list-post": true, "list-unsubscribe": true,
	"x-failed-recipients": true, "user-agent": true, "x-mailer": true,
}

// field is one header field, unfolded and in UTF-8.
type field struct{ name, value string }

// headerReader reads one header block.
type headerReader struct {
	l      *lineReader
	report func(code, detail string)
	root   bool // of a message rather than of a part: junk lines are worth a look ahead
	fields []field
	size   int
	value  []byte // of the field that is being read
	name   string
	full   bool
}

// readHeader reads the header block at l, up to and with the blank line, and leaves l
// at the body. A delimiter ends it too. It never fails; what it must skip or cut it
// reports.
func readHeader(l *lineReader, root bool, report func(code, detail string)) gomessage.Header {
	r := headerReader{l: l, root: root, report: report}
	r.read()
	var h gomessage.Header
	// Add prepends, as servers do.
	for i := len(r.fields) - 1; i >= 0; i-- {
		h.Add(r.fields[i].name, r.fields[i].value)
	}
	return h
}

func (r *headerReader) read() {
	defer r.endField()
	first := true
	for ; ; first = false {
		line, ok := r.line()
		for blanks := 0; ok && first && r.root && blanks < 10 && len(bytes.TrimSpace(line)) == 0 && r.fieldAhead(); blanks++ {
			line, ok = r.line() // blank lines before the block
		}
		if !ok {
			return
		}
		trimmed := bytes.TrimRight(line, "\r\n")
		switch {
		case len(trimmed) == 0:
			return
		case first && isField(trimmed):
			r.begin(trimmed)
		case first && r.root && isMboxLine(trimmed):
			// The separator of an mbox file, at times quoted (RFC 4155).
		case first:
			if !r.junk(line) {
				return
			}
		case trimmed[0] == ' ' || trimmed[0] == '\t':
			if len(bytes.TrimSpace(trimmed)) == 0 {
				// Some write the blank line with blanks in it, some fold like that.
				if next := r.l.peekLine(); !isField(next) && !isFolded(next) {
					return
				}
				continue
			}
			r.add(trimmed)
		case isField(trimmed):
			r.endField()
			r.begin(trimmed)
		case strayParam().Match(trimmed) && (strings.EqualFold(r.name, "Content-Type") || strings.EqualFold(r.name, "Content-Disposition")):
			r.add(trimmed) // a fold that lost its blank
		default:
			r.endField()
			if !r.junk(line) {
				return
			}
		}
	}
}

// line returns the next line, of which at most maxFieldBytes are kept.
func (r *headerReader) line() ([]byte, bool) {
	part, ok := r.l.next()
	if !ok {
		return nil, false
	}
	if part[len(part)-1] == '\n' {
		return part, true
	}
	line := bytes.Clone(part)
	for r.l.midLine {
		part, ok := r.l.next()
		if !ok {
			break
		}
		if len(line) < maxFieldBytes {
			line = append(line, part...)
		} else {
			r.tooLarge()
		}
	}
	return line, true
}

// junk handles a line that is no field: it is skipped when the block goes on after
// it; else the blank line is missing, the line is given back and junk returns false.
func (r *headerReader) junk(line []byte) bool {
	line = bytes.Clone(line) // looking ahead moves the buffer that it lies in
	if r.isPartText(line) || !r.resumes() {
		r.l.unread(line)
		return false
	}
	r.report(ProblemHeaderLine, "Une ligne de l’en-tête n’a pas la forme « Nom : valeur » ; elle a été ignorée.")
	return true
}

// isPartText reports whether a line that is no field, and has a blank one after it, is
// the text of a part rather than rubbish at the end of its header. A stray parameter
// is rubbish, and so is what would spoil encoded content.
func (r *headerReader) isPartText(line []byte) bool {
	next := r.l.peekLine()
	if r.root || len(next) > 0 && len(bytes.TrimSpace(next)) > 0 || strayParam().Match(line) {
		return false
	}
	for _, f := range r.fields {
		if strings.EqualFold(f.name, "Content-Transfer-Encoding") {
			enc, _ := transferEncoding(f.value)
			return enc == "binary" || enc == "quoted-printable"
		}
	}
	return true
}

var strayParam = lazy.Regexp(`^\s*[\w*-]+\s*=\s*\S`)

// fieldAhead reports whether the next line that is not blank is a field.
func (r *headerReader) fieldAhead() bool {
	b, _ := r.l.ahead()
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, " \t\r\n"), lineFeed)
	return isField(line)
}

// resumes reports whether the header block goes on after a line that is none of it.
func (r *headerReader) resumes() bool {
	next := r.l.peekLine()
	if isField(next) || isFolded(next) || (len(next) > 0 && len(bytes.TrimSpace(next)) == 0 && len(r.fields)+len(r.name) > 0) {
		return true
	}
	if !r.root {
		return false
	}
	b, _ := r.l.ahead()
	for i := 0; i < 20 && len(b) > 0; i++ {
		line, rest, _ := bytes.Cut(b, lineFeed)
		if f, _ := r.l.delimiter(line); f != noHit || len(bytes.TrimSpace(line)) == 0 {
			return false
		}
		if name, ok := fieldName(line); ok && wanted[strings.ToLower(name)] {
			return true
		}
		b = rest
	}
	return false
}

func (r *headerReader) begin(line []byte) {
	r.name, _ = fieldName(line)
	r.value = r.value[:0]
	r.add(line[bytes.IndexByte(line, ':')+1:])
}

// add appends a line to the field that is being read; folding becomes one blank
// (RFC 5322 §2.2.3).
func (r *headerReader) add(line []byte) {
	if r.name == "" {
		return
	}
	line = bytes.TrimSpace(line)
	if room := maxFieldBytes - len(r.value); len(line) > room {
		line = line[:max(room, 0)]
		r.tooLarge()
	}
	if len(r.value) > 0 && len(line) > 0 {
		r.value = append(r.value, ' ')
	}
	r.value = append(r.value, line...)
}

func (r *headerReader) tooLarge() {
	if !r.full {
		r.full = true
		r.report(ProblemHeaderTooLarge, "L’en-tête est démesuré ; seule une partie en a été lue.")
	}
}

func (r *headerReader) endField() {
	if r.name == "" {
		return
	}
	name, value := r.name, r.value
	r.name = ""
	if r.size+len(name)+len(value) > maxHeaderBytes || len(r.fields) >= 2*maxFields ||
		(len(r.fields) >= maxFields && !wanted[strings.ToLower(name)]) {
		r.tooLarge()
		return
	}
	r.size += len(name) + len(value)
	text := string(value)
	if !utf8.ValidString(text) {
		text = repairUTF8(value)
		r.report(ProblemHeader8Bit, "Un en-tête contient des caractères accentués non codés ; ils ont été lus comme du windows-1252.")
	}
	r.fields = append(r.fields, field{name, text})
}

func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}

func isFolded(line []byte) bool {
	return len(line) > 1 && (line[0] == ' ' || line[0] == '\t') && len(bytes.TrimSpace(line)) > 0
}

func isField(line []byte) bool {
	_, ok := fieldName(line)
	return ok
}

// fieldName returns the name of the field that line begins. Blanks before the colon
// are obsolete but allowed (RFC 5322 §4.5).
func fieldName(line []byte) (string, bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 200 {
		return "", false
	}
	name := bytes.TrimRight(line[:i], " \t")
	if len(name) == 0 {
		return "", false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return "", false
		}
	}
	return string(name), true
}
