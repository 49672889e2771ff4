package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	// quitPatience bounds the farewell, after which nothing depends on the server.
	quitPatience = 2 * time.Second
	// maxReplies bounds what the server may say in one connection, in bytes.
	maxReplies = 1 << 20
)

// errTalkative means that the server said more than maxReplies.
var errTalkative = errors.New("the server does not stop talking")

// session is one connection to the mail server.
type session struct {
	*smtp.Client
	timeout time.Duration
	conn    net.Conn
}

// session opens a connection, hands it to use, and closes it. ctx ends all of it.
func (s *SMTP) session(ctx context.Context, use func(*session) error) (err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("deliver: %s: %w", s.addr(), context.Cause(ctx))
		}
	}()
	dialer := net.Dialer{Timeout: s.o.Timeout}
	raw, err := dialer.DialContext(ctx, "tcp", s.addr())
	if err != nil {
		return fmt.Errorf("deliver: no connection to the mail server; check smtp.host and smtp.port: %w", err)
	}
	defer func() { _ = raw.Close() }()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()

	c := &session{timeout: s.o.Timeout, conn: &bounded{Conn: raw, left: maxReplies}}
	if err := s.open(c); err != nil {
		return fmt.Errorf("%s: %w", s.addr(), err)
	}
	if err := use(c); err != nil {
		return fmt.Errorf("%s: %w", s.addr(), err)
	}
	// The outcome is known; a server that will not say goodbye changes nothing.
	if c.UpdateDeadline(min(quitPatience, c.timeout)) == nil {
		_ = c.Quit()
	}
	return nil
}

// open goes as far as the login.
func (s *SMTP) open(c *session) error {
	config := &tls.Config{ServerName: s.o.Host, RootCAs: s.o.RootCAs, MinVersion: tls.VersionTLS12}
	switch s.o.Mode {
	case ModeStartTLS:
	case ModeImplicit:
		secure := tls.Client(c.conn, config)
		if err := c.step(StageTLS, secure.Handshake); err != nil {
			return err
		}
		c.conn = secure
	case ModeNone:
		if a, ok := c.conn.RemoteAddr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			return ErrClearText
		}
	default:
		return ErrMode
	}
	err := c.step(StageGreeting, func() (err error) {
		c.Client, err = smtp.NewClient(c.conn, s.o.Host)
		return err
	})
	if err != nil {
		return err
	}
	if err := c.step(StageHello, func() error { return c.Hello(s.o.HeloName) }); err != nil {
		return err
	}
	if s.o.Mode == ModeStartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return ErrNoSTARTTLS
		}
		if err := c.step(StageTLS, func() error { return c.StartTLS(config) }); err != nil {
			return err
		}
	}
	if s.o.Username == "" {
		return nil
	}
	_, offered := c.Extension("AUTH")
	auth := s.auth(strings.Fields(strings.ToUpper(offered)))
	if auth == nil {
		return ErrNoAuth
	}
	return c.step(StageAuth, func() error { return c.Auth(auth) })
}

// auth chooses the strongest mechanism that the server offers. CRAM-MD5 comes last: it
// makes the server keep the password itself, and TLS protects the others.
func (s *SMTP) auth(offered []string) smtp.Auth {
	o := s.o
	for _, m := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(o.Username, o.Password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(o.Username, o.Password)},
		// Clear text only reaches here on loopback.
		{"PLAIN", smtp.PlainAuth("", o.Username, o.Password, o.Host, true)},
		{"LOGIN", smtp.LoginAuth(o.Username, o.Password, o.Host, true)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(o.Username, o.Password)},
	} {
		if slices.Contains(offered, m.name) {
			return m.auth
		}
	}
	return nil
}

// step gives f the time of one step, whatever the server does, and says in its error
// where it was.
func (c *session) step(stage string, f func() error) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return fmt.Errorf("deliver: at %s: %w", stage, err)
	}
	err := f()
	var reply *textproto.Error
	var untrusted *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply):
		return newSMTPError(stage, reply.Code, reply.Msg)
	case errors.As(err, &authority):
		return fmt.Errorf("deliver: the certificate of the mail server is of an unknown authority; add that authority to those that this machine trusts: %w", err)
	case errors.As(err, &untrusted):
		return fmt.Errorf("deliver: the certificate of the mail server is not valid for it; check smtp.host: %w", err)
	}
	return fmt.Errorf("deliver: the connection to the mail server failed at %s: %w", stage, err)
}

// bounded is a connection that may bring in so many bytes.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalkative
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
