package mailbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/config"
)

const (
	dialTimeout = 30 * time.Second
	// commandBudget bounds the answer to any command that brings no bodies. The
	// longest is UID SEARCH: eleven bytes for each mail.
	commandBudget = 32 << 20
	// logoutPatience is how long a server gets to say goodbye.
	logoutPatience = 2 * time.Second
)

// stage is a step on the way to a usable connection, for Check's advice.
type stage string

const (
	stageConfig   stage = "configuration"
	stageDial     stage = "connect"
	stageTLS      stage = "TLS"
	stageGreeting stage = "greeting"
	stageToken    stage = "token"
	stageLogin    stage = "login"
	stageFolder   stage = "folder"
)

// stageError is a failure on the way to a usable connection.
type stageError struct {
	stage stage
	err   error
}

func (e *stageError) Error() string { return fmt.Sprintf("mailbox: %s: %v", e.stage, e.err) }
func (e *stageError) Unwrap() error { return e.err }

// session is one authenticated connection. Its methods are called by one goroutine.
type session struct {
	cfg     config.Mailbox
	log     *slog.Logger
	client  *imapclient.Client
	conn    *watchedConn
	caps    imap.CapSet
	silence time.Duration
	token   string // the access token it was opened with, or ""
	// news holds a value when the server announced new mail since it was last read.
	news chan struct{}
	// uidValidity and permanent describe the selected folder.
	uidValidity uint32
	permanent   []imap.Flag
	names       naming
	noIdle      bool // the server advertises IDLE and refuses it
	broken      bool // a command failed in a way that leaves nothing but closing
}

// connect dials, secures and authenticates a connection. The context bounds only
// this: a session outlives it.
func connect(ctx context.Context, cfg config.Mailbox, opts Options, tokens *tokens) (*session, error) {
	tlsConfig, err := tlsConfig(cfg)
	if err != nil {
		return nil, &stageError{stageConfig, err}
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, &stageError{stageDial, err}
	}
	s := &session{cfg: cfg, log: opts.Log, silence: opts.Silence, conn: newWatchedConn(raw), news: make(chan struct{}, 1)}
	s.arm(commandBudget)
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	if err := s.open(ctx, tlsConfig, tokens); err != nil {
		err = s.explain(err)
		s.close()
		return nil, err
	}
	s.conn.disarm()
	return s, nil
}

func (s *session) open(ctx context.Context, tlsConfig *tls.Config, tokens *tokens) error {
	options := &imapclient.Options{TLSConfig: tlsConfig, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages == nil {
				return
			}
			select {
			case s.news <- struct{}{}:
			default:
			}
		},
	}}
	switch s.cfg.TLS {
	case config.TLSStartTLS:
		client, err := imapclient.NewStartTLS(s.conn, options)
		if err != nil {
			return &stageError{stageTLS, err}
		}
		s.client = client
	case config.TLSNone:
		s.client = imapclient.New(s.conn, options)
	default:
		conn := tls.Client(s.conn, tlsConfig)
		if err := conn.HandshakeContext(ctx); err != nil {
			return &stageError{stageTLS, err}
		}
		s.client = imapclient.New(conn, options)
	}
	if err := s.client.WaitGreeting(); err != nil {
		return &stageError{stageGreeting, err}
	}
	if err := s.readCaps(); err != nil {
		return &stageError{stageGreeting, err}
	}
	if s.client.State() == imap.ConnStateNotAuthenticated { // else PREAUTH
		if err := s.login(ctx, tokens); err != nil {
			var staged *stageError
			if errors.As(err, &staged) {
				return err
			}
			if refused(err) {
				tokens.forget()
			}
			return &stageError{stageLogin, err}
		}
		// A server may offer more after login (RFC 9051 §6.2.2).
		if err := s.readCaps(); err != nil {
			return &stageError{stageLogin, err}
		}
	}
	return s.learnNaming()
}

// readCaps asks for the capabilities. Client.Caps is avoided: it answers nil when the
// list was just reset, which reads as "supports nothing".
func (s *session) readCaps() error {
	caps, err := s.client.Capability().Wait()
	if err != nil {
		return err
	}
	if caps == nil {
		return errors.New("the server lists no capabilities")
	}
	s.caps = caps
	return nil
}

// arm starts the watchdog for one command that may bring up to budget bytes.
func (s *session) arm(budget int64) { s.conn.arm(s.silence, budget) }

// do runs one or several commands under the watchdog.
func (s *session) do(budget int64, f func() error) error {
	s.arm(budget)
	err := f()
	s.conn.disarm()
	if err == nil {
		return nil
	}
	s.broken = s.dead(err)
	return s.explain(err)
}

// explain adds why the watchdog killed the connection, which go-imap flattens to text
// where it mentions it at all.
func (s *session) explain(err error) error {
	cause := s.conn.killedBy()
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	if strings.Contains(err.Error(), cause.Error()) {
		return &killedError{err: err, cause: cause}
	}
	return fmt.Errorf("%w (%w)", err, cause)
}

// killedError gives an error whose text names its cause that cause back.
type killedError struct{ err, cause error }

func (e *killedError) Error() string   { return e.err.Error() }
func (e *killedError) Unwrap() []error { return []error{e.err, e.cause} }

// dead reports whether the connection cannot be used any more. A status response
// (NO, BAD) leaves it whole; after any other error only closing it is safe, because
// the decoder stopped somewhere inside a response.
func (s *session) dead(err error) bool {
	if s.broken {
		return true
	}
	select {
	case <-s.client.Closed():
		return true
	default:
	}
	var status *imap.Error
	return err != nil && !errors.As(err, &status)
}

// close drops the connection at once. No FETCH may be half consumed: see abort.
func (s *session) close() {
	_ = s.conn.Close()
	if s.client != nil {
		_ = s.client.Close()
	}
}

// abort drops the connection in the middle of a FETCH that failed with err. go-imap's
// decoder waits for the consumer of a message, and Client.Close for the decoder, so
// the connection must die first and the command be consumed next. Where a literal
// ended early the decoder waits for nothing, and consuming would race with it.
func (s *session) abort(cmd *imapclient.FetchCommand, err error) {
	_ = s.conn.Close()
	var broken *brokenError
	if !errors.As(err, &broken) {
		_ = cmd.Close()
	}
}

// logout says goodbye and drops the connection.
func (s *session) logout() {
	s.conn.arm(logoutPatience, commandBudget)
	_ = s.client.Logout().Wait()
	s.close()
}

// selectFolder opens a folder and notes its UIDVALIDITY.
func (s *session) selectFolder(folder string, readOnly bool) error {
	return s.do(commandBudget, func() error {
		data, err := s.client.Select(s.names.resolve(folder), &imap.SelectOptions{ReadOnly: readOnly}).Wait()
		if err != nil {
			return fmt.Errorf("mailbox: open folder %q: %w", folder, err)
		}
		if data.UIDValidity == 0 {
			// RFC 9051 §6.3.2 requires it; without it no mail has a lasting name.
			return fmt.Errorf("mailbox: folder %q: the server gives no UIDVALIDITY", folder)
		}
		s.uidValidity, s.permanent = data.UIDValidity, data.PermanentFlags
		return nil
	})
}

// wait sleeps until the server announces mail, the connection ends, the context ends
// or d has passed. woken is true when there is news.
func (s *session) wait(ctx context.Context, d time.Duration) (woken bool, err error) {
	select {
	case <-s.news:
		return true, nil
	default:
	}
	var idle *imapclient.IdleCommand
	if s.caps.Has(imap.CapIdle) && !s.noIdle {
		err := s.do(commandBudget, func() (err error) {
			idle, err = s.client.Idle()
			return err
		})
		switch {
		case err == nil:
		case s.dead(err):
			return false, fmt.Errorf("mailbox: IDLE: %w", err)
		default:
			s.noIdle = true
			s.log.WarnContext(ctx, "the server refuses IDLE; new mail is found by polling only", "error", err)
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.news:
		woken = true
	case <-timer.C:
	case <-ctx.Done():
	case <-s.client.Closed():
	}
	if idle == nil {
		return woken, nil
	}
	err = s.do(commandBudget, func() error {
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	})
	if err != nil {
		return false, fmt.Errorf("mailbox: IDLE: %w", err)
	}
	return woken, nil
}

// tlsConfig also refuses a connection in clear that would leave the machine.
func tlsConfig(cfg config.Mailbox) (*tls.Config, error) {
	if cfg.TLS == config.TLSNone {
		if ip := net.ParseIP(cfg.Host); cfg.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("tls: none is for loopback hosts only, not %q", cfg.Host)
		}
		return nil, nil //nolint:nilnil // no TLS, no configuration
	}
	c := &tls.Config{ServerName: cfg.Host, MinVersion: tls.VersionTLS12, NextProtos: []string{"imap"}}
	if cfg.TLS == config.TLSStartTLS {
		c.NextProtos = nil
	}
	if cfg.TLSCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(cfg.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("tls_ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls_ca: %q holds no PEM certificate", cfg.TLSCA)
	}
	return c, nil
}
