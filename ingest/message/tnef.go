package message

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// The attributes of a TNEF stream that are read ([MS-OXTNEF] §2.1.3.3).
const (
	tnefSignature = 0x223E9F78
	attBody       = 0x800C
	attAttachData = 0x800F
	attTitle      = 0x8010
	attRendData   = 0x9002 // begins an attachment
	attMsgProps   = 0x9003
	attAttachment = 0x9005 // properties of an attachment
	attCodepage   = 0x9007
)

// The MAPI properties that are read ([MS-OXPROPS]).
const (
	propBody          = 0x1000
	propRTF           = 0x1009
	propHTML          = 0x1013
	propAttachName    = 0x3704
	propAttachLong    = 0x3707
	propAttachType    = 0x370E
	propInternetCpid  = 0x3FDE
	maxTNEFProperties = 4 << 20
)

var errTNEF = errors.New("message: malformed TNEF")

// tnef opens the winmail.dat of Outlook and Exchange. Its files are streamed; of its
// own text it gives what there is when the mail had none so far, since the mail's
// plain part is the same text.
func (p *parser) tnef(body io.Reader, pt part) []block {
	br := bufio.NewReaderSize(body, 4096)
	head, _ := br.Peek(4) // an error only means that there is less
	if len(head) < 4 || binary.LittleEndian.Uint32(head) != tnefSignature {
		p.problem(ProblemTNEF, "Le fichier winmail.dat est illisible.")
		p.attachPart(br, pt, pt.mediaType)
		return nil
	}
	t := &tnefReader{p: p, br: br, current: -1}
	if err := t.read(); err != nil {
		p.problem(ProblemTNEF, "Le fichier winmail.dat est abîmé ou coupé ; il a été lu autant que possible.")
	}
	if p.page != nil {
		if p.page.mark() == 0 {
			p.keepPage(t.p.decodeText(t.html, t.htmlCharset()), pt)
		}
		return nil
	}
	if p.hasText {
		return nil
	}
	return t.text()
}

type tnefReader struct {
	p         *parser
	br        *bufio.Reader
	codepage  string
	current   int // index of the attachment that is being read, -1 before its data
	title     string
	body      string
	html, rtf []byte
}

// read goes through the attributes. Where it fails, what was read before stays.
func (t *tnefReader) read() error {
	var head [9]byte
	if _, err := io.ReadFull(t.br, head[:6]); err != nil { // signature and key
		return err
	}
	for {
		_, err := io.ReadFull(t.br, head[:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if head[0] != 1 && head[0] != 2 {
			return errTNEF
		}
		data := &io.LimitedReader{R: t.br, N: int64(binary.LittleEndian.Uint32(head[5:]))}
		if err := t.attribute(binary.LittleEndian.Uint16(head[1:]), data); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, data); err != nil {
			return err
		}
		if data.N > 0 {
			return io.ErrUnexpectedEOF
		}
		if _, err := t.br.Discard(2); err != nil { // checksum
			return err
		}
	}
}

func (t *tnefReader) attribute(id uint16, data *io.LimitedReader) error {
	switch id {
	case attRendData:
		t.current, t.title = -1, ""
	case attAttachData:
		if t.p.parts++; t.p.parts > t.p.lim.Parts {
			t.p.problem(ProblemTooManyParts, "Le fichier winmail.dat contient trop de pièces ; les suivantes n’ont pas été lues.")
			return nil
		}
		before := len(t.p.attachments)
		t.p.attach(data, Attachment{Name: t.title, Type: "application/octet-stream"})
		if len(t.p.attachments) > before {
			t.current = before
		}
	case attTitle:
		return t.withBytes(data, func(b []byte) { t.rename(t.string8(b)) })
	case attAttachment:
		return t.withBytes(data, t.attachmentProps)
	case attCodepage:
		return t.withBytes(data, func(b []byte) {
			if len(b) >= 4 {
				t.codepage = codepageName(binary.LittleEndian.Uint32(b))
			}
		})
	case attBody:
		return t.withBytes(data, func(b []byte) { t.body = t.string8(b) })
	case attMsgProps:
		return t.withBytes(data, t.messageProps)
	}
	return nil
}

// withBytes holds an attribute in memory, unless it is larger than what is read of one.
func (t *tnefReader) withBytes(data *io.LimitedReader, f func([]byte)) error {
	if data.N > maxTNEFProperties {
		t.p.problem(ProblemTNEF, "Un élément du fichier winmail.dat est démesuré ; il n’a pas été lu.")
		return nil
	}
	b, err := io.ReadAll(data)
	f(b)
	return err
}

// rename gives the current attachment a better name. Its data may have come first.
func (t *tnefReader) rename(name string) {
	if name = baseName(name); name == "" {
		return
	}
	t.title = name
	if t.current >= 0 {
		a := &t.p.attachments[t.current]
		a.Name = fileName(name, a.Type, a.Index)
	}
}

func (t *tnefReader) attachmentProps(b []byte) {
	walkProps(b, func(id, kind uint16, value []byte) {
		switch id {
		case propAttachLong, propAttachName:
			if id == propAttachLong || t.title == "" {
				t.rename(t.propString(kind, value))
			}
		case propAttachType:
			if t.current >= 0 {
				if a := &t.p.attachments[t.current]; a.Type == "application/octet-stream" {
					a.Type = sniffType(strings.ToLower(t.propString(kind, value)), nil)
				}
			}
		}
	})
}

func (t *tnefReader) messageProps(b []byte) {
	walkProps(b, func(id, kind uint16, value []byte) {
		switch id {
		case propInternetCpid:
			if len(value) >= 4 && t.codepage == "" {
				t.codepage = codepageName(binary.LittleEndian.Uint32(value))
			}
		case propBody:
			t.body = t.propString(kind, value)
		case propHTML:
			t.html = value
		case propRTF:
			t.rtf = value
		}
	})
}

// text returns the best text of the stream.
func (t *tnefReader) text() []block {
	maxText := int(t.p.lim.TextMax)
	if s := tidy(cleanText(t.body)); s != "" {
		return []block{{kindPlain, Cut(s, maxText)}}
	}
	if len(t.html) > 0 {
		if s := htmlText(t.p.decodeText(t.html, t.htmlCharset()), maxText); s != "" {
			return []block{{kindHTML, s}}
		}
	}
	if rtf, ok := unpackRTF(t.rtf, htmlFactor*maxText); ok {
		if s := tidy(cleanText(rtfText(rtf))); s != "" {
			return []block{{kindPlain, Cut(s, maxText)}}
		}
	}
	return nil
}

// htmlCharset is the character set of the HTML, as far as it or the stream says.
func (t *tnefReader) htmlCharset() string {
	if cs := metaCharset(t.html); cs != "" {
		return cs
	}
	return t.codepage
}

func (t *tnefReader) string8(b []byte) string {
	s, _ := decodeText(b, t.codepage)
	return strings.TrimRight(s, "\x00")
}

func (t *tnefReader) propString(kind uint16, b []byte) string {
	if kind == mapiUnicode {
		return utf16String(b)
	}
	return t.string8(b)
}

func utf16String(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(b[i:]))
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// codepageName is the name under which decodeText knows a Windows code page.
func codepageName(n uint32) string {
	switch {
	case n == 65001:
		return "utf-8"
	case n >= 1250 && n <= 1258:
		return "windows-125" + string(rune('0'+n-1250))
	case n == 28591:
		return "iso-8859-1"
	case n == 28605:
		return "iso-8859-15"
	case n == 850:
		return "cp850"
	case n == 932:
		return "cp932"
	case n == 936, n == 54936:
		return "gb18030"
	}
	return ""
}

// Property types ([MS-OXCDATA] §2.11.1).
const (
	mapiUnicode  = 0x001F
	mapiString8  = 0x001E
	mapiBinary   = 0x0102
	mapiObject   = 0x000D
	mapiMultiple = 0x1000
)

// walkProps calls f for each property of a property list ([MS-OXTNEF] §2.1.3.4), and
// ends at the first fault.
func walkProps(b []byte, f func(id, kind uint16, value []byte)) {
	r := propReader{b: b}
	count := r.uint32()
	for ; count > 0 && !r.bad && len(r.b) > 0; count-- {
		kind, id := r.uint16(), r.uint16()
		if id >= 0x8000 { // named: a GUID, and a number or a name
			r.take(16)
			if r.uint32() == 0 {
				r.take(4)
			} else {
				r.padded(r.uint32())
			}
		}
		values := uint32(1)
		base := kind &^ mapiMultiple
		variable := base == mapiUnicode || base == mapiString8 || base == mapiBinary || base == mapiObject
		if variable || kind&mapiMultiple != 0 {
			values = r.uint32()
		}
		for ; values > 0 && !r.bad; values-- {
			var v []byte
			if variable {
				v = r.padded(r.uint32())
			} else {
				v = r.padded(fixedSize(base))
			}
			if !r.bad {
				f(id, base, v)
			}
		}
	}
}

func fixedSize(kind uint16) uint32 {
	switch kind {
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040: // double, currency, time, long integer
		return 8
	case 0x0048: // GUID
		return 16
	}
	return 4
}

// propReader takes values from a byte slice; bad says that it held too few.
type propReader struct {
	b   []byte
	bad bool
}

func (r *propReader) take(n uint32) []byte {
	if r.bad || uint64(n) > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// padded takes n bytes and the filling up to a multiple of four, which the last may lack.
func (r *propReader) padded(n uint32) []byte {
	v := r.take(n)
	if pad := -n & 3; pad > 0 && !r.bad {
		r.b = r.b[min(int(pad), len(r.b)):]
	}
	return v
}

func (r *propReader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *propReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
