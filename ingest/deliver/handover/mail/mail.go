// Package mail hands cases over as mails to one address: for software that reads a mailbox, and
// for people who have none.
//
// A case is one mail with readable text and a manifest.json (see package manifest). Each
// addition is a further mail in the same thread, whose manifest.json has the fields version,
// reference, part, parts and additions, the latter with this addition and the files of this
// mail. Files go by ASCII names, since programs disagree on how to read others (RFC 2231,
// RFC 2047 in quotes, raw UTF-8); the name that the citizen gave stands in the manifest and the
// text. Their bytes are base64 and arrive unchanged.
//
// A mail that has been sent cannot be asked for. A step that is repeated, after a kill between
// the server's answer and our record of it, sends the same mail again: under the same
// Message-ID, by which many servers and programs tell the second one, and with the same key in
// the manifest. More than that no mail can promise.
package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
)

// DefaultMaxSize is used when Options.MaxSize is zero. Most servers take 25 MB.
const DefaultMaxSize = 20 << 20

// minSize leaves room for the text and the manifest of any case that is not extraordinary.
const minSize = 64 << 10

// Sender submits a mail; deliver.SMTP does. One that has a method Check(context.Context) error
// is asked by Mail.Check.
type Sender interface {
	Send(ctx context.Context, from, to string, msg []byte) (answer string, err error)
}

// Options say whom to write to.
type Options struct {
	Sender Sender
	// From is the address in the header; the Message-IDs are of its domain.
	From netmail.Address
	// To is where the cases go.
	To string
	// Bounce is the envelope sender, which gets the delivery reports; "" means From.
	Bounce string
	// Town is the name of the sender where From has none.
	Town string
	// MaxSize bounds a mail, in bytes as it is sent: files take a third more than they have.
	// An addition with more goes out in several mails.
	MaxSize int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Mail is a handover.Connector. It holds one mail in memory for each call.
type Mail struct {
	o      Options
	domain string
}

var _ handover.Connector = (*Mail)(nil)

// New does not connect.
func New(o Options) (*Mail, error) {
	if o.Sender == nil {
		return nil, errors.New("mail: no sender")
	}
	if o.Bounce == "" {
		o.Bounce = o.From.Address
	}
	for what, address := range map[string]string{"from": o.From.Address, "to": o.To, "bounce": o.Bounce} {
		if a, err := netmail.ParseAddress(address); err != nil || a.Address != address {
			return nil, fmt.Errorf("mail: %s %q is no mail address such as dossiers@saint-exemple.fr", what, address)
		}
	}
	domain, err := idna.Lookup.ToASCII(o.From.Address[strings.LastIndexByte(o.From.Address, '@')+1:])
	if err != nil {
		return nil, fmt.Errorf("mail: the domain of from: %w", err)
	}
	switch {
	case o.MaxSize == 0:
		o.MaxSize = DefaultMaxSize
	case o.MaxSize < minSize:
		return nil, fmt.Errorf("mail: max_size is %d bytes, less than %d hold no case", o.MaxSize, minSize)
	}
	if o.From.Name == "" {
		o.From.Name = o.Town
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Mail{o, domain}, nil
}

// The Message-IDs: handover+REFERENCE@DOMAIN for a case, handover+REFERENCE+KEY@DOMAIN for an
// addition, handover+REFERENCE+KEY+2@DOMAIN for its second mail. References and keys hold no
// plus.
var caseID = regexp.MustCompile(`^handover\+([^+@]+)@[^@]+$`)

const maxMessageID = 250 // bytes, as deliver.Compose has it

func (m *Mail) messageID(parts ...string) (string, error) {
	id := "handover+" + strings.Join(parts, "+") + "@" + m.domain
	if len(id) > maxMessageID {
		return "", ingest.Permanent(fmt.Errorf("mail: a Message-ID of %d bytes, at most %d are possible; use a shorter domain", len(id), maxMessageID))
	}
	return id, nil
}

// Create implements handover.Connector. Remote.ID is the Message-ID, without brackets. It
// sends the mail again when it is called again.
func (m *Mail) Create(ctx context.Context, c handover.Case) (handover.Remote, error) {
	if err := manifest.CheckWord("reference", c.Reference); err != nil {
		return handover.Remote{}, err
	}
	id, err := m.messageID(c.Reference)
	if err != nil {
		return handover.Remote{}, err
	}
	data, err := manifest.Encode(manifest.Of(c))
	if err != nil {
		return handover.Remote{}, err
	}
	msg, err := m.compose(deliver.Message{
		Subject: subject(c.Reference, c.Subject), Text: handover.Describe(c), MessageID: id,
		Attachments: []deliver.File{{Name: manifest.Name, Type: "application/json", Data: data}},
	})
	if err != nil {
		return handover.Remote{}, err
	}
	return handover.Remote{ID: id}, m.send(ctx, msg)
}

// Attach implements handover.Connector. It sends the mails again when it is called again, all
// of them also when only the last one had failed. An addition with neither text nor files is
// no mail.
func (m *Mail) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	found := caseID.FindStringSubmatch(remoteID)
	if found == nil {
		return ingest.Permanent(fmt.Errorf("mail: %q is not the Message-ID of a case", remoteID))
	}
	if err := errors.Join(manifest.CheckWord("reference", found[1]), manifest.CheckWord("key", a.Key)); err != nil {
		return ingest.Permanent(err)
	}
	if strings.TrimSpace(a.Text) == "" && len(a.Files) == 0 {
		return nil
	}
	letter := &letter{reference: found[1], thread: remoteID, addition: a, names: names(a.Files)}
	parts, err := m.divide(letter)
	if err != nil {
		return err
	}
	for i, files := range parts {
		msg, err := m.part(letter, i+1, len(parts), files)
		if err != nil {
			return err
		}
		if err := m.send(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

// Status implements handover.Connector: always ErrNoStatus.
func (m *Mail) Status(context.Context, string) (handover.State, error) {
	return handover.State{}, fmt.Errorf("mail: %w", handover.ErrNoStatus)
}

// Check implements handover.Connector. It asks the mail server, and cannot know whether the
// address is read.
func (m *Mail) Check(ctx context.Context) (string, error) {
	checker, ok := m.o.Sender.(interface{ Check(context.Context) error })
	if !ok {
		return "cases go by mail; nothing can be checked before the first one", nil
	}
	if err := checker.Check(ctx); err != nil {
		return "", fmt.Errorf("mail: %w", err)
	}
	return "cases go by mail; the mail server answers and lets saisine in", nil
}

func (m *Mail) send(ctx context.Context, msg []byte) error {
	if _, err := m.o.Sender.Send(ctx, m.o.Bounce, m.o.To, msg); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// compose adds what all mails have. One that is too large is a permanent error.
func (m *Mail) compose(msg deliver.Message) ([]byte, error) {
	msg.From, msg.To = m.o.From, netmail.Address{Address: m.o.To}
	msg.Date = m.o.Now()
	msg.AutoSubmitted = "auto-generated" // RFC 3834 §5: no machine answers it
	raw, err := deliver.Compose(msg)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if int64(len(raw)) > m.o.MaxSize {
		return nil, ingest.Permanent(fmt.Errorf("mail: %d bytes of text, max_size allows %d; raise it, or hand this case over by hand", len(raw), m.o.MaxSize))
	}
	return raw, nil
}

// subject has the reference first, where people and filters look.
func subject(reference, s string) string { return "[" + reference + "] " + s }

// read returns the bytes of a file, and compares them with what the ledger knows.
func read(f handover.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("mail: open a file: %w", err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, f.Size+1))
	if err != nil {
		return nil, fmt.Errorf("mail: read a file: %w", err)
	}
	sum := sha256.Sum256(data)
	if int64(len(data)) != f.Size || f.SHA256 != "" && hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, ingest.Permanent(errors.New("mail: a file is not the one in the ledger any more: run saisine verify"))
	}
	return data, nil
}
