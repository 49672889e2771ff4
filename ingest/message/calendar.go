package message

import (
	"bytes"
	"io"
	"strings"
	"time"
)

// calendar reads an invitation: as text, and as an attachment too.
func (p *parser) calendar(body io.Reader, pt part) []block {
	seen := &prefixWriter{left: p.textLeft}
	if pt.name == "" {
		pt.name = "invitation.ics"
	}
	p.attachPart(io.TeeReader(body, seen), pt, "text/calendar")
	p.textLeft -= int64(seen.buf.Len())
	text := calendarText(cleanText(p.decodeText(seen.buf.Bytes(), pt.params["charset"])))
	if text == "" {
		return nil
	}
	return []block{{kindCalendar, text}}
}

// prefixWriter keeps the first left bytes that are written to it.
type prefixWriter struct {
	buf  bytes.Buffer
	left int64
}

// Write implements io.Writer and never fails.
func (w *prefixWriter) Write(b []byte) (int, error) {
	n := int64(len(b))
	k := min(n, w.left)
	w.buf.Write(b[:k])
	w.left -= k
	return int(n), nil
}

// calendarText puts the events of an iCalendar object (RFC 5545) into words.
func calendarText(s string) string {
	s = strings.NewReplacer("\n ", "", "\n\t", "").Replace(s) // §3.1: folding
	var b strings.Builder
	heading := "Événement"
	inEvent := false
	for line := range strings.SplitSeq(s, "\n") {
		name, params, value := calendarLine(line)
		switch {
		case name == "METHOD":
			switch strings.ToUpper(value) {
			case "REQUEST":
				heading = "Invitation"
			case "CANCEL":
				heading = "Annulation"
			case "REPLY":
				heading = "Réponse à une invitation"
			}
		case name == "BEGIN" && (value == "VEVENT" || value == "VTODO"):
			inEvent = true
			if b.Len() > 0 {
				b.WriteString("\n\n")
			}
			b.WriteString(heading)
		case name == "END" && (value == "VEVENT" || value == "VTODO"):
			inEvent = false
		case name == "BEGIN" && value == "VALARM":
			inEvent = false
		case name == "END" && value == "VALARM":
			inEvent = true
		case inEvent && value != "":
			if label := calendarLabels[name]; label != "" {
				b.WriteString("\n" + label + " : " + calendarValue(name, params, value))
			}
		}
	}
	return b.String()
}

var calendarLabels = map[string]string{
	"SUMMARY": "Objet", "DTSTART": "Début", "DTEND": "Fin", "DUE": "Échéance", "LOCATION": "Lieu",
	"ORGANIZER": "Organisateur", "ATTENDEE": "Participant", "DESCRIPTION": "Description",
}

// calendarLine splits `NAME;PARAM=x:value`; colons within quoted parameters are no end.
func calendarLine(line string) (name, params, value string) {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				name, params, _ = strings.Cut(line[:i], ";")
				return strings.ToUpper(name), params, strings.TrimSpace(line[i+1:])
			}
		}
	}
	return "", "", ""
}

func calendarValue(name, params, value string) string {
	switch name {
	case "DTSTART", "DTEND", "DUE":
		for _, f := range [...]struct{ in, out string }{
			{"20060102T150405Z", "02/01/2006 15:04 UTC"}, {"20060102T150405", "02/01/2006 15:04"}, {"20060102", "02/01/2006"},
		} {
			if t, err := time.Parse(f.in, value); err == nil {
				return t.Format(f.out)
			}
		}
		return value
	case "ORGANIZER", "ATTENDEE":
		email := value
		if len(value) > 7 && strings.EqualFold(value[:7], "mailto:") {
			email = value[7:]
		}
		for param := range strings.SplitSeq(params, ";") {
			if cn, ok := strings.CutPrefix(param, "CN="); ok && strings.Trim(cn, `"`) != email {
				return strings.Trim(cn, `"`) + " <" + email + ">"
			}
		}
		return email
	}
	return strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
}
