package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Message is a mail to be composed.
type Message struct {
	From, To mail.Address
	Subject  string
	// Text is the body; HTML the same for those who read HTML, "" for none.
	Text, HTML string
	// MessageID is ours, without angle brackets, and the same at each retry.
	MessageID string
	Date      time.Time
	// InReplyTo and References are without brackets and may be foreign: what is no msg-id
	// (RFC 5322 §3.6.4) is left out.
	InReplyTo  string
	References []string
	// AutoSubmitted is auto-replied or auto-generated (RFC 3834 §5); "" for a mail that a
	// person wrote.
	AutoSubmitted string
	Attachments   []File
}

// File is an attachment.
type File struct {
	Name string
	// Type is its media type; what is none becomes application/octet-stream.
	Type string
	Data []byte
}

// The bounds of what is foreign in a header, so that no field grows past the 998 bytes
// of a line (RFC 5322 §2.1.1) nor beyond use.
const (
	maxSubject    = 200 // characters
	maxName       = 100 // characters
	maxFileName   = 50  // characters, of up to 12 bytes each once encoded
	maxMedia      = 100 // bytes
	maxMessageID  = 250 // bytes
	maxReferences = 20
)

// ErrMessage means that a mail cannot be composed, by a fault of who asked for it.
var ErrMessage = errors.New("deliver: incomplete mail")

// suppress asks Exchange not to answer automatically. Not "All": that would also suppress
// the delivery report by which the town learns that a receipt did not arrive (CRPA
// L112-12). Precedence is left out: RFC 3834 §3.1.8 does not recommend it, and a receipt
// that the law asks for is no bulk mail.
const suppress = "OOF, AutoReply, RN, NRN"

// Compose returns the mail as it is to be sent and kept: CRLF lines, 7 bit (only an
// address whose local part is not ASCII makes it RFC 6532), the text beside the HTML, then
// the attachments. Boundaries differ from call to call, so it is composed once and stored.
//
// Whatever bytes the subject, names, addresses and ids hold, the header has the intended
// fields and no others. The error is permanent when an address cannot be written to.
func Compose(m Message) ([]byte, error) {
	from, err := canonical(m.From.Address)
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	to, err := canonical(m.To.Address)
	if err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	switch {
	case !isMessageID(m.MessageID):
		return nil, fmt.Errorf("%w: no valid Message-ID", ErrMessage)
	case m.Date.IsZero():
		return nil, fmt.Errorf("%w: no date", ErrMessage)
	case !slices.Contains([]string{"", "auto-replied", "auto-generated"}, m.AutoSubmitted):
		return nil, fmt.Errorf("%w: Auto-Submitted %q", ErrMessage, m.AutoSubmitted)
	}

	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&mail.Address{Name: headerText(m.From.Name, maxName), Address: from})
	msg.ToMailAddress(&mail.Address{Name: headerText(m.To.Name, maxName), Address: to})
	msg.Subject(headerText(m.Subject, maxSubject))
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date)
	if isMessageID(m.InReplyTo) {
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.InReplyTo+">")
	}
	if refs := references(m.References); refs != "" {
		msg.SetGenHeader(gomail.HeaderReferences, refs)
	}
	if m.AutoSubmitted != "" {
		msg.SetGenHeader("Auto-Submitted", m.AutoSubmitted)
		msg.SetGenHeader("X-Auto-Response-Suppress", suppress)
	}
	msg.SetBodyString(gomail.TypeTextPlain, bodyText(m.Text))
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, bodyText(m.HTML))
	}
	for _, f := range m.Attachments {
		if err := attach(msg, f); err != nil {
			return nil, fmt.Errorf("deliver: attachment: %w", err)
		}
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("deliver: compose: %w", err)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
		b.WriteString("\r\n") // a body without a last line end
	}
	return b.Bytes(), nil
}

func attach(msg *gomail.Msg, f File) error {
	// RFC 2046 §5: composite types may not be encoded, and must not be made of any bytes.
	media, _, err := mime.ParseMediaType(f.Type)
	if err != nil || len(media) > maxMedia || !strings.Contains(media, "/") || strings.HasPrefix(media, "multipart/") || strings.HasPrefix(media, "message/") {
		media = "application/octet-stream"
	}
	return msg.AttachReader(fileName(f.Name), bytes.NewReader(f.Data),
		gomail.WithFileContentType(gomail.ContentType(media)), gomail.WithFileEncoding(gomail.EncodingB64))
}

// fileName shortens a name before its ending, by which it is opened.
func fileName(name string) string {
	name = headerText(name, 1<<10)
	ext := []rune(path.Ext(name))
	if len(ext) > maxFileName/4 {
		ext = nil
	}
	stem := headerText(strings.TrimSuffix(name, string(ext)), maxFileName-len(ext))
	if stem == "" {
		stem = "document"
	}
	return stem + string(ext)
}

// messageID holds what Message-IDs in the wild are made of, and nothing that ends a
// field, a bracket or a comment.
var messageID = regexp.MustCompile(`^[!#-'*+\-./0-9:=?A-Z^_\x60a-z{|}~$]+@[!#-'*+\-./0-9:=?A-Z\[\]^_\x60a-z{|}~$]+$`)

func isMessageID(id string) bool { return len(id) <= maxMessageID && messageID.MatchString(id) }

// references keeps the first id, which names the thread, and the latest ones (RFC 5322
// §3.6.4; old mail servers cut the field anywhere).
func references(ids []string) string {
	var kept []string
	for _, id := range ids {
		if isMessageID(id) {
			kept = append(kept, "<"+id+">")
		}
	}
	if extra := len(kept) - maxReferences; extra > 0 {
		kept = slices.Delete(kept, 1, 1+extra)
	}
	return strings.Join(kept, " ")
}

// headerText makes one line of foreign text: no control or invisible direction
// characters, single blanks, at most limit characters, and nothing that a reader would
// take for an encoded word (RFC 2047) that we did not write.
func headerText(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f': // French typography keeps its no-break spaces
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
	s = strings.ReplaceAll(s, "=?", "= ?")
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimRight(string(runes[:limit-1]), " ") + "…"
	}
	return s
}

// bodyText keeps what a text is made of: valid UTF-8, tabs, and line ends of one kind.
func bodyText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\ufffd"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
