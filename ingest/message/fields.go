package message

import (
	"net/mail"
	"strings"
	"time"

	gomessage "github.com/emersion/go-message"
)

const maxReferences = 200

// messageIDs returns the identifiers of a References or In-Reply-To value without
// their angle brackets. Anything between them, as in "Your message of Monday <id>",
// is no identifier; where there are no brackets at all, words with an at sign are.
func messageIDs(s string) []string {
	var ids []string
	rest := s
	for len(ids) < maxReferences {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			break
		}
		id, tail, ok := strings.Cut(after, ">")
		if !ok {
			break
		}
		if i := strings.LastIndexByte(id, '<'); i >= 0 {
			id = id[i+1:]
		}
		if id = cleanID(id); id != "" {
			ids = append(ids, id)
		}
		rest = tail
	}
	if len(ids) > 0 {
		return ids
	}
	for w := range strings.FieldsSeq(s) {
		if id := cleanID(strings.Trim(w, "<>\"',;()")); strings.Contains(id, "@") && len(ids) < maxReferences {
			ids = append(ids, id)
		}
	}
	return ids
}

// cleanID removes the blanks that folding put into an identifier.
func cleanID(s string) string {
	return Cut(strings.Join(strings.Fields(cleanText(s)), ""), 998)
}

// messageID reads the Message-ID field, whose brackets some programs forget.
func messageID(s string) string {
	if ids := messageIDs(s); len(ids) > 0 {
		return ids[0]
	}
	return cleanID(strings.Trim(s, "<> \t"))
}

// dateLayouts are what programs write beside RFC 5322.
var dateLayouts = []string{
	"2 Jan 2006 15:04:05 -0700",
	"2 Jan 2006 15:04 -0700",
	"2 Jan 2006 15:04:05 MST",
	"2 Jan 2006 15:04:05",
	"2 Jan 06 15:04:05 -0700",
	"2 Jan 06 15:04:05 MST",
	"Jan 2 15:04:05 2006",
	"Jan 2 15:04:05 2006 -0700",
	"Jan 2 15:04:05 MST 2006",
	"2-Jan-2006 15:04:05 -0700",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05",
	"2/1/2006 15:04:05",
	"2/1/2006 15:04",
}

// frenchMonths turns the months that French programs write into English ones.
var frenchMonths = strings.NewReplacer("janvier", "Jan", "janv", "Jan", "février", "Feb", "fevrier", "Feb", "févr", "Feb", "fevr", "Feb",
	"mars", "Mar", "avril", "Apr", "avr", "Apr", "mai", "May", "juin", "Jun", "juillet", "Jul", "juil", "Jul", "août", "Aug", "aout", "Aug",
	"septembre", "Sep", "sept", "Sep", "octobre", "Oct", "novembre", "Nov", "décembre", "Dec", "decembre", "Dec", "déc", "Dec")

// parseDate parses a Date value; ok is false when nothing in it is a date.
func parseDate(s string) (t time.Time, ok bool) {
	s = Cut(strings.TrimSpace(s), 200)
	if t, err := mail.ParseDate(s); err == nil {
		return t, plausible(t)
	}
	s, _, _ = strings.Cut(s, "(")
	s = frenchMonths.Replace(strings.ToLower(strings.NewReplacer(".", " ", ",", " ", " à ", " ", "GMT", "+0000", "UTC", "+0000").Replace(s)))
	words := strings.Fields(s)
	for start := 0; start < 3 && start < len(words); start++ { // the day of the week, in any language, says nothing
		for end := len(words); end > start+1 || end == len(words) && end > start; end-- {
			joined := strings.Join(words[start:end], " ")
			for _, layout := range dateLayouts {
				if t, err := time.Parse(layout, joined); err == nil {
					return t, plausible(t)
				}
				if t, err := time.Parse(layout, strings.ToUpper(joined)); err == nil {
					return t, plausible(t)
				}
			}
		}
	}
	return time.Time{}, false
}

// plausible refuses the dates of clocks that were never set, and those that RFC 3339
// cannot write.
func plausible(t time.Time) bool { return t.Year() >= 1980 && t.Year() < 2200 }

// readFields fills in what the header of the message itself says.
func (p *parser) readFields(h *gomessage.Header) {
	m := p.msg
	m.Subject = Cut(cleanLine(decodeWords(firstValue(h, "Subject"))), 4000)
	m.From = firstAddress(firstValue(h, "From"))
	m.Sender = firstAddress(firstValue(h, "Sender"))
	m.ReplyTo = firstAddress(firstValue(h, "Reply-To"))
	for _, v := range h.Values("To") {
		m.To = append(m.To, parseAddresses(v)...)
	}
	for _, v := range h.Values("Cc") {
		m.Cc = append(m.Cc, parseAddresses(v)...)
	}
	m.To, m.Cc = m.To[:min(len(m.To), maxAddresses)], m.Cc[:min(len(m.Cc), maxAddresses)]
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		for _, v := range h.Values(name) {
			if a := firstAddress(v); a.Email != "" && len(m.DeliveredTo) < maxAddresses {
				m.DeliveredTo = append(m.DeliveredTo, a.Email)
			}
		}
	}
	m.MessageID = messageID(firstValue(h, "Message-Id"))
	m.InReplyTo = messageIDs(firstValue(h, "In-Reply-To"))
	m.References = messageIDs(firstValue(h, "References"))
	p.readDate(h)
	if m.From.Email == "" && m.Sender.Email == "" && m.ReplyTo.Email == "" {
		p.problem(ProblemNoSender, "Aucune adresse d’expéditeur n’est lisible.")
	}
}

func (p *parser) readDate(h *gomessage.Header) {
	if t, ok := parseDate(firstValue(h, "Date")); ok {
		p.msg.Date = t
		return
	}
	p.problem(ProblemDate, "La date du message est absente ou illisible.")
	received := firstValue(h, "Received")
	if i := strings.LastIndexByte(received, ';'); i >= 0 {
		if t, ok := parseDate(received[i+1:]); ok {
			p.msg.Date = t
		}
	}
}
