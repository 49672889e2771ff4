package message

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"
)

// attachPart takes the content of a part as an attachment.
func (p *parser) attachPart(r io.Reader, pt part, mediaType string) {
	a := Attachment{
		Name: pt.name, Type: mediaType,
		Inline: pt.disposition == "inline" || pt.parent == "related" && pt.disposition != "attachment",
	}
	if pt.h != nil {
		a.ContentID = cleanID(strings.Trim(firstValue(pt.h, "Content-Id"), "<> \t"))
	}
	p.attach(r, a)
}

// attach reads an attachment to its end. An empty one without a name is none.
func (p *parser) attach(r io.Reader, a Attachment) {
	br := bufio.NewReaderSize(r, 4096)
	head, _ := br.Peek(512) // an error only means that there is less
	if len(head) == 0 && a.Name == "" {
		return
	}
	a.Index = len(p.attachments)
	a.Type = sniffType(a.Type, head)
	a.Name = fileName(a.Name, a.Type, a.Index)

	var w io.Writer
	if p.attachment != nil {
		w = p.attachment(AttachmentInfo{Name: a.Name, Type: a.Type, Index: a.Index, ContentID: a.ContentID})
	}
	sink := &attachmentSink{w: w, left: p.lim.File}
	sum := sha256.New()
	n, _ := io.Copy(io.MultiWriter(sum, sink), br) // neither writer fails, and a decoder's fault ends its part only
	a.Size = n
	a.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if n > p.lim.File {
		a.Truncated = true
		p.problem(ProblemAttachmentTooLarge, fmt.Sprintf("La pièce jointe « %s » dépasse la limite de %s.", a.Name, size(p.lim.File)))
	}
	if sink.err != nil && p.err == nil {
		p.err = fmt.Errorf("message: write attachment %d: %w", a.Index, sink.err)
	}
	p.attachments = append(p.attachments, a)
}

// attachUU takes a uuencoded file out of a text, up to its "end".
func (p *parser) attachUU(br *bufio.Reader, name string) {
	if p.parts++; p.parts > p.lim.Parts {
		p.problem(ProblemTooManyParts, fmt.Sprintf("Plus de %d parties ; les suivantes n’ont pas été lues.", p.lim.Parts))
		_, _ = io.Copy(io.Discard, &uuReader{br: br, report: func(string, string) {}})
		return
	}
	text, _ := decodeText([]byte(name), "")
	p.attach(&uuReader{br: br, report: p.problem}, Attachment{Name: text, Type: "application/octet-stream"})
}

// attachmentSink writes up to left bytes to w, and swallows the rest and all errors,
// of which it keeps the first.
type attachmentSink struct {
	w    io.Writer
	left int64
	err  error
}

// Write implements io.Writer and never fails.
func (s *attachmentSink) Write(b []byte) (int, error) {
	n := len(b)
	if s.w == nil || s.left <= 0 {
		return n, nil
	}
	if int64(n) > s.left {
		b = b[:s.left]
	}
	s.left -= int64(len(b))
	if s.err = writeAll(s.w, b); s.err != nil {
		s.w = nil
	}
	return n, nil
}

// writeAll is Write for writers that may break their contract.
func writeAll(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// signatures are the first bytes of the types that are read further. They are
// believed more than what a mail program declares.
var signatures = []struct{ prefix, mediaType string }{
	{"%PDF-", "application/pdf"},
	{"\xFF\xD8\xFF", "image/jpeg"},
	{"\x89PNG\r\n\x1a\n", "image/png"},
	{"II*\x00", "image/tiff"},
	{"MM\x00*", "image/tiff"},
	{"GIF8", "image/gif"},
}

// fileSignature returns the type of a file that a program declared as text, "" for
// text. Most signatures have a byte that text has not; "%PDF-" and
// "GIF8" are no way to begin a letter.
func fileSignature(br *bufio.Reader) string {
	head, _ := br.Peek(8) // an error only means that there is less
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.prefix)) {
			return s.mediaType
		}
	}
	return ""
}

// sniffType corrects a declared media type by the first bytes of the content.
func sniffType(declared string, head []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.prefix)) {
			return s.mediaType
		}
	}
	switch declared {
	case "application/x-pdf", "application/acrobat", "text/pdf":
		return "application/pdf"
	case "image/jpg", "image/pjpeg":
		return "image/jpeg"
	case "image/tif", "image/x-tiff":
		return "image/tiff"
	case "", "application/octetstream", "application/octet", "application/unknown", "application/force-download", "application/x-download":
		return "application/octet-stream"
	}
	return Cut(cleanLine(declared), 127)
}

// extensions of types that come without a name.
var extensions = map[string]string{
	"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/tiff": ".tif",
	"text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/csv": ".csv",
	"message/rfc822": ".eml", "application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
	"application/zip": ".zip", "application/msword": ".doc", "text/rtf": ".rtf", "application/rtf": ".rtf",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
	"application/vnd.oasis.opendocument.text":                                 ".odt",
}

// fileName makes a name that is safe to show and to store under: without folders,
// control characters and direction overrides, which disguise an ending.
func fileName(name, mediaType string, index int) string {
	name = baseName(name)
	if name == "" {
		ext := extensions[mediaType]
		if ext == "" {
			ext = ".bin"
		}
		return fmt.Sprintf("piece-jointe-%d%s", index+1, ext)
	}
	const longest = 200
	if len(name) > longest {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		name = Cut(name, longest-len(ext)) + ext
	}
	return name
}

func baseName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' || r == '\u200E' || r == '\u200F' {
			return -1
		}
		return r
	}, cleanLine(name))
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Trim(name, " ")
	if strings.Trim(name, ".") == "" {
		return ""
	}
	return name
}
