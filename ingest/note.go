package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Note is the original of a submission without a document of its own: what a clerk
// typed at the counter or on the phone, or a line of an import. Unknown fields are
// kept in the original and not read.
type Note struct {
	// ID is the other program's own identifier; it makes an import resumable.
	ID string `json:"id,omitempty"`
	// Channel is one of the Channel constants; "email" and "letter" are understood as
	// mailbox and scan.
	Channel string `json:"channel"`
	// At is when the town received it, RFC 3339.
	At        time.Time `json:"at,omitzero"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	Text      string    `json:"text,omitempty"` // another name of body
	Category  string    `json:"category_choice,omitempty"`
	Place     string    `json:"place,omitempty"`
	Sender    Person    `json:"sender"`
	To        []string  `json:"to,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	InReplyTo string    `json:"in_reply_to,omitempty"`
	// Agent is the login of the agent who typed it, as evidence.
	Agent string `json:"agent,omitempty"`
	// Status and ClosedAt are what another program said of it, for an import; Line is the
	// whole line that it made of it, by the names of its columns.
	Status    string            `json:"status,omitempty"`
	ClosedAt  time.Time         `json:"closed_at,omitzero"`
	Latitude  *float64          `json:"latitude,omitempty"`
	Longitude *float64          `json:"longitude,omitempty"`
	Line      map[string]string `json:"line,omitempty"`
}

// ChannelName returns the channel that the note came by, or "" when it names none
// that there is.
func (n Note) ChannelName() Channel {
	switch c := Channel(strings.ToLower(strings.TrimSpace(n.Channel))); c {
	case "email", "mail":
		return ChannelMailbox
	case "letter", "paper", "courrier":
		return ChannelScan
	case "form", "web":
		return ChannelWebform
	default:
		if slices.Contains(Channels(), c) {
			return c
		}
		return ""
	}
}

func readNote(b *Blob) (Reading, error) {
	out := Reading{Kind: KindText}
	r, err := b.Open()
	if err != nil {
		return out, fmt.Errorf("ingest: open original: %w", err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return out, fmt.Errorf("ingest: read original: %w", err)
	}
	var n Note
	if err := json.Unmarshal(raw, &n); err != nil {
		out.Text = cleanText(raw)
		out.Problems = append(out.Problems, Problem{Code: "bad_note", Detail: err.Error()})
		return out, nil //nolint:nilerr // an ugly original is read as far as it goes
	}
	body := n.Body
	if body == "" {
		body = n.Text
	}
	out.Subject, out.Text = n.Subject, strings.ReplaceAll(body, "\x00", "")
	out.From, out.To, out.Category, out.Place = n.Sender, n.To, n.Category, n.Place
	out.From.Email = strings.ToLower(out.From.Email)
	if n.Latitude != nil && n.Longitude != nil {
		out.Position = &Position{Lat: *n.Latitude, Long: *n.Longitude}
	}
	out.Date, out.MessageID = n.At, bareID(n.MessageID)
	if n.InReplyTo != "" {
		out.InReplyTo = []string{bareID(n.InReplyTo)}
	}
	return out, nil
}
