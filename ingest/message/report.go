package message

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
)

const maxRecipients = 100

// report reads the part of a multipart/report that is for machines. Within an
// attached mail it is only text: a citizen who forwards a bounce is no bounce.
func (p *parser) report(body io.Reader, pt part) []block {
	raw := p.collect(body, &p.textLeft)
	text := tidy(cleanText(p.decodeText(raw, pt.params["charset"])))
	var out []block
	if text != "" {
		out = []block{{kindReport, text}}
	}
	if pt.nested || p.delivery != nil {
		return out
	}
	l := newLineReader(bytes.NewReader(raw))
	defer l.release()
	ignore := func(string, string) {}
	switch {
	case strings.Contains(pt.mediaType, "disposition"):
		h := readHeader(l, true, ignore)
		p.delivery = &DeliveryReport{
			Kind: "mdn", Disposition: cleanLine(firstValue(&h, "Disposition")),
			OriginalMessageID: messageID(firstValue(&h, "Original-Message-Id")),
		}
		if email := statusAddress(&h, "Original-Recipient", "Final-Recipient"); email != "" {
			p.delivery.Recipients = []RecipientStatus{{Email: email}}
		}
	case pt.mediaType == "message/feedback-report":
		h := readHeader(l, true, ignore)
		p.delivery = &DeliveryReport{Kind: "feedback"}
		if email := statusAddress(&h, "Original-Rcpt-To"); email != "" {
			p.delivery.Recipients = []RecipientStatus{{Email: email}}
		}
	default:
		p.delivery = &DeliveryReport{Kind: "dsn"}
		// RFC 3464 §2.1: fields of the message, then those of each recipient.
		for !l.eof && len(p.delivery.Recipients) < maxRecipients {
			h := readHeader(l, true, ignore)
			s := RecipientStatus{
				Email:      statusAddress(&h, "Original-Recipient", "Final-Recipient"),
				Action:     strings.ToLower(cleanLine(firstValue(&h, "Action"))),
				Status:     statusCode(firstValue(&h, "Status")),
				Diagnostic: Cut(cleanLine(decodeWords(firstValue(&h, "Diagnostic-Code"))), 1000),
			}
			if s.Email != "" || s.Action != "" || s.Status != "" {
				p.delivery.Recipients = append(p.delivery.Recipients, s)
			}
			if enc, _ := transferEncoding(firstValue(&h, "Content-Transfer-Encoding")); enc != "binary" {
				// A gateway encoded what follows the first block, and wrote it down there.
				inner := newLineReader(decode(enc, l.body(), ignore))
				defer inner.release()
				l = inner
			}
			if h.Len() == 0 {
				if _, ok := l.next(); !ok { // a line that is none must not hold us up
					break
				}
			}
		}
	}
	return out
}

// statusCode reads a Status field: the code, without the comment or text that RFC 3464
// §2.3.4 allows behind it.
func statusCode(v string) string {
	v = Cut(cleanLine(v), 100)
	if s := enhancedStatus().FindStringSubmatch(v); s != nil {
		return s[1]
	}
	return v
}

// statusAddress reads the first of the fields that holds "rfc822; jean@example.org".
func statusAddress(h *gomessage.Header, names ...string) string {
	for _, name := range names {
		v := firstValue(h, name)
		if _, addr, ok := strings.Cut(v, ";"); ok {
			v = addr
		}
		if v = strings.Trim(cleanLine(v), "<> "); v != "" {
			return Cut(v, 320)
		}
	}
	return ""
}

// returnedHeaders reads the header of the mail that a report is about.
func (p *parser) returnedHeaders(body io.Reader) []block {
	l := newLineReader(body)
	defer l.release()
	h := readHeader(l, true, func(string, string) {})
	l.drain()
	if p.delivery != nil && p.delivery.OriginalMessageID == "" {
		p.delivery.OriginalMessageID = messageID(firstValue(&h, "Message-Id"))
	}
	return []block{{kindNested, summary(&h)}}
}

// describe puts a report into one line.
func (d *DeliveryReport) describe() string {
	var parts []string
	for _, r := range d.Recipients[:min(len(d.Recipients), 3)] {
		parts = append(parts, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", r.Status, r.Action, r.Email)), " "))
	}
	if d.Disposition != "" {
		parts = append(parts, d.Disposition)
	}
	return strings.Join(parts, ", ")
}

// told reports whether a report names a recipient.
func (d *DeliveryReport) told() bool {
	for _, r := range d.Recipients {
		if r.Email != "" {
			return true
		}
	}
	return false
}
