package deliver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"saisine.fr/saisine/ingest"
)

// The modes of a connection.
const (
	ModeImplicit = "implicit" // TLS from the first byte (RFC 8314 §3.3)
	ModeStartTLS = "starttls" // RFC 3207, never without
	ModeNone     = "none"     // clear text: loopback only
)

// DefaultSMTPTimeout is used when SMTPOptions.Timeout is zero.
const DefaultSMTPTimeout = 60 * time.Second

// The errors of the town's own set-up: not permanent, since the mail can go when it is
// mended.
var (
	ErrNoSTARTTLS = errors.New("deliver: the mail server does not offer STARTTLS, so nothing was sent; check smtp.port, or set smtp.tls to implicit (port 465)")
	ErrNoAuth     = errors.New("deliver: the mail server offers no login that saisine knows (SCRAM, PLAIN, LOGIN, CRAM-MD5); check smtp.port and smtp.tls, or leave smtp.username empty")
	ErrClearText  = errors.New("deliver: smtp.tls is none, which is for a mail server on this machine; set it to starttls or implicit")
	ErrMode       = errors.New("deliver: smtp.tls must be implicit, starttls or none")
)

// ErrUTF8 means that an address or the header holds letters that this mail server cannot
// transport. It is permanent.
var ErrUTF8 = errors.New("deliver: the address holds letters that the mail server does not transport (no SMTPUTF8); use another address, or answer by letter")

// SMTPOptions say how to reach the mail server.
type SMTPOptions struct {
	Host string
	Port int
	Mode string
	// Username is "" when there is no login.
	Username, Password string
	// HeloName is what the client calls itself; "" means localhost.
	HeloName string
	// RootCAs are trusted; nil means those of the system.
	RootCAs *x509.CertPool
	// Timeout bounds each step: connect, each command, each part of the mail, and the
	// server's answer to it. A server that drips bytes gains no time by it.
	Timeout time.Duration
}

// SMTP submits mails to the town's mail server (RFC 6409), each over a connection of its
// own. It is safe for concurrent use.
type SMTP struct{ o SMTPOptions }

// NewSMTP does not connect.
func NewSMTP(o SMTPOptions) *SMTP {
	if o.Timeout <= 0 {
		o.Timeout = DefaultSMTPTimeout
	}
	if o.HeloName == "" {
		o.HeloName = "localhost"
	}
	return &SMTP{o}
}

func (s *SMTP) addr() string { return net.JoinHostPort(s.o.Host, strconv.Itoa(s.o.Port)) }

// Send submits msg as it stands, CRLF lines, from the envelope sender ("" is the null
// path) to one recipient. It returns the server's final reply, such as "250 OK id=…".
//
// A refusal by the server is an *SMTPError. An error with Permanent() true is about this
// mail, and a retry cannot help. Any other may also mean that the mail went and the reply
// was lost: a retry must send the same bytes, with the same Message-ID.
func (s *SMTP) Send(ctx context.Context, from, to string, msg []byte) (answer string, err error) {
	if from != "" {
		if from, err = canonical(from); err != nil {
			return "", fmt.Errorf("sender: %w", err)
		}
	}
	if to, err = canonical(to); err != nil {
		return "", fmt.Errorf("recipient: %w", err)
	}
	if err := sendable(msg); err != nil {
		return "", err
	}
	err = s.session(ctx, func(c *session) error {
		if err := c.envelope(from, to, msg); err != nil {
			return err
		}
		answer, err = c.data(msg)
		return err
	})
	return answer, err
}

// Check connects, logs in and leaves again.
func (s *SMTP) Check(ctx context.Context) error {
	return s.session(ctx, func(c *session) error { return c.step(StageNoop, c.Noop) })
}

// envelope sends MAIL and RCPT. MAIL is written here since the library's asks for
// SMTPUTF8 whenever it is offered: a mail so marked is refused by every later server that
// does not know it, also when it needs none.
func (c *session) envelope(from, to string, msg []byte) error {
	header, body := eightBit(msg)
	parameters := ""
	if ok, _ := c.Extension("SIZE"); ok { // RFC 1870: refused before it is sent
		parameters += fmt.Sprintf(" SIZE=%d", len(msg))
	}
	if header || body {
		if ok, _ := c.Extension("8BITMIME"); !ok {
			return ingest.Permanent(fmt.Errorf("%w: it is not 7 bit", ErrBytes))
		}
		parameters += " BODY=8BITMIME"
	}
	if header || !ascii(from) || !ascii(to) {
		if ok, _ := c.Extension("SMTPUTF8"); !ok {
			return ingest.Permanent(ErrUTF8)
		}
		parameters += " SMTPUTF8"
	}
	if err := c.step(StageMail, func() error { return c.command("MAIL FROM:%s%s", bracketed(from), parameters) }); err != nil {
		return err
	}
	return c.step(StageRcpt, func() error { return c.Rcpt(bracketed(to)) })
}

// command sends a line and wants 250.
func (c *session) command(format string, args ...any) error {
	id, err := c.Text.Cmd(format, args...)
	if err != nil {
		return err
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, _, err = c.Text.ReadResponse(250)
	return err
}

// data sends the mail piece by piece, so that a large one on a slow line is no time-out.
func (c *session) data(msg []byte) (answer string, err error) {
	var w *smtp.DataCloser
	err = c.step(StageData, func() error {
		out, err := c.Data()
		if err != nil {
			return err
		}
		w = out.(*smtp.DataCloser)
		return nil
	})
	if err != nil {
		return "", err
	}
	const piece = 64 << 10
	for len(msg) > 0 {
		n := min(piece, len(msg))
		err := c.step(StageData, func() error {
			_, err := w.Write(msg[:n])
			return err
		})
		if err != nil {
			return "", err
		}
		msg = msg[n:]
	}
	if err := c.step(StageData, w.Close); err != nil {
		return "", err
	}
	return "250 " + oneLine(w.ServerResponse()), nil
}
