// Package dovecottest starts a real Dovecot for a test: on free loopback ports, in a
// folder of its own, without root rights and without any service of the machine.
package dovecottest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

const (
	// Password is every user's.
	Password = "secret"
	// TokenSecret signs the tokens that the server accepts; see Token.
	TokenSecret = "fixture-secret"

	startPatience = 20 * time.Second
	stopPatience  = time.Second
)

// Server is a running Dovecot. Users are made by naming them; all have Password. The
// exported fields are set by Start, or by its options, and do not change.
type Server struct {
	// Host is 127.0.0.1; the certificate also names localhost.
	Host string
	// IMAPPort speaks clear text and STARTTLS, IMAPSPort TLS, LMTPPort takes mail in.
	IMAPPort, IMAPSPort, LMTPPort int
	// CAFile is the PEM of the certificate, which is its own authority.
	CAFile string
	// Dir holds everything, the log in dovecot.log.
	Dir string
	// User and Group are whom Dovecot runs as.
	User, Group string
	// Separator and Prefix are the personal namespace's.
	Separator, Prefix string
	// Capability replaces the advertised capabilities when it is not "".
	Capability string
	// IdleNotify is the interval in seconds of "still here" during IDLE.
	IdleNotify int
	// IdleCheck is the interval in seconds at which Dovecot looks for changes when
	// the kernel did not announce them.
	IdleCheck int
	// QuotaMails is the number of mails that an account may hold; 0: no limit.
	QuotaMails int

	// password is what the server wants: Password, or what SetPassword said.
	password string
	tb       testing.TB
	user     servertest.User
	process  *servertest.Process
	seq      atomic.Int64
}

// Option changes how Start configures the server.
type Option func(*Server)

// WithCapability makes the server advertise these capabilities and no others.
func WithCapability(caps string) Option { return func(s *Server) { s.Capability = caps } }

// WithNamespace sets the separator and prefix of the personal namespace.
func WithNamespace(separator, prefix string) Option {
	return func(s *Server) { s.Separator, s.Prefix = separator, prefix }
}

// WithIdleNotify sets the interval of the untagged "still here" during IDLE.
func WithIdleNotify(d time.Duration) Option {
	return func(s *Server) { s.IdleNotify = max(1, int(d.Seconds())) }
}

// WithQuota limits how many mails an account may hold. Deliver and Append are not asked: a
// mailbox can be over it, as one is whose limit was lowered.
func WithQuota(mails int) Option { return func(s *Server) { s.QuotaMails = mails } }

// Start runs a Dovecot until the test ends. The test is skipped when Dovecot is not
// installed, and only then.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	if _, err := exec.LookPath(dovecotPath()); err != nil {
		tb.Skip("dovecot is not installed: apt-get install dovecot-imapd dovecot-lmtpd")
	}
	s := &Server{
		tb: tb, Host: "127.0.0.1", Separator: "/", password: Password,
		IdleNotify: int((29 * time.Minute).Seconds()), IdleCheck: 1,
	}
	for _, opt := range opts {
		opt(s)
	}
	s.must(s.prepare())
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			tb.Logf("dovecot's log:\n%s", s.log())
		}
		_ = os.RemoveAll(s.Dir)
	})
	s.must(s.launch())
	return s
}

// dovecotPath also finds it where a user's PATH does not lead.
func dovecotPath() string {
	if path, err := exec.LookPath("dovecot"); err == nil {
		return path
	}
	return "/usr/sbin/dovecot"
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("dovecottest: %v", err)
	}
}

func (s *Server) prepare() (err error) {
	// Not tb.TempDir: Dovecot may run as another user, who could not get there.
	if s.Dir, err = os.MkdirTemp("", "dovecottest-"); err != nil {
		return err
	}
	// Dovecot refuses to serve mail as root.
	if s.user, err = servertest.Unprivileged(); err != nil {
		return err
	}
	s.User, s.Group = s.user.Name, s.user.Group
	for _, port := range s.ports() {
		if *port, err = servertest.FreePort(); err != nil {
			return err
		}
	}
	conf, err := s.renderConfig()
	if err != nil {
		return err
	}
	cert, key, err := servertest.SelfSigned()
	if err != nil {
		return err
	}
	s.CAFile = filepath.Join(s.Dir, "cert.pem")
	secret := base64.StdEncoding.EncodeToString([]byte(TokenSecret))
	return s.user.Lay(s.Dir, map[string][]byte{
		"dovecot.conf": conf, "cert.pem": cert, "key.pem": key,
		"oauth2.conf.ext":            []byte(fmt.Sprintf(oauth2Template, s.Dir)),
		"keys/default/HS256/default": []byte(secret),
		"base/.keep":                 nil, "state/.keep": nil, "mail/.keep": nil, "dovecot.log": nil,
	})
}

func (s *Server) ports() []*int { return []*int{&s.IMAPPort, &s.IMAPSPort, &s.LMTPPort} }

func (s *Server) launch() (err error) {
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{dovecotPath(), "-F", "-c", filepath.Join(s.Dir, "dovecot.conf")},
		Dir:  s.Dir, Env: append(os.Environ(), "HOME="+s.Dir), Credential: s.user.Credential(), Log: filepath.Join(s.Dir, "dovecot.log"),
	})
	if err != nil {
		return err
	}
	for _, port := range s.ports() {
		if err := s.process.Await(startPatience, func() bool { return s.answers(*port) }); err != nil {
			return fmt.Errorf("dovecot does not answer on port %d: %w\n%s", *port, err, s.log())
		}
	}
	return nil
}

func (s *Server) answers(port int) bool { return servertest.Answers(s.addr(port)) }

func (s *Server) addr(port int) string { return net.JoinHostPort(s.Host, strconv.Itoa(port)) }

// Stop ends the server in good order; clients that are still there are cut off. It
// may be called again.
func (s *Server) Stop() {
	s.tb.Helper()
	s.process.Stop(stopPatience) // an idle client keeps the master waiting
	s.Kill()
}

// Kill ends all of the server's processes with SIGKILL, as a power cut would.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.process == nil {
		return
	}
	s.process.Kill()
	s.process = nil
	// The master may still be dying.
	for _, port := range s.ports() {
		s.must(servertest.Await(startPatience, func() bool { return !s.answers(*port) }))
	}
}

// Restart starts a server that was stopped or killed, on the same ports and mails.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	// The kernel may hold the ports a little longer.
	for _, port := range s.ports() {
		s.must(servertest.Await(startPatience, func() bool { return servertest.Free(s.addr(*port)) }))
	}
	// A killed server leaves its pid and sockets, and a process that is still dying may
	// answer on one of them.
	base := filepath.Join(s.Dir, "base")
	s.must(errors.Join(os.RemoveAll(base), os.Mkdir(base, 0o700), s.user.Own(base)))
	s.must(s.launch())
}

// SetPassword changes every user's password, for whoever logs in from now on: the server is
// restarted. The methods that log in work only while it is Password.
func (s *Server) SetPassword(password string) {
	s.tb.Helper()
	s.password = password
	conf, err := s.renderConfig()
	s.must(err)
	s.must(s.user.Lay(s.Dir, map[string][]byte{"dovecot.conf": conf}))
	s.Restart()
}

// Renumber has the server give the user's inbox another UIDVALIDITY, as one does that was
// restored from a backup or lost its index: it is restarted without what it knew of the folder.
func (s *Server) Renumber(user string) {
	s.tb.Helper()
	s.Kill()
	known, err := filepath.Glob(filepath.Join(s.maildir(user), "dovecot*"))
	s.must(err)
	for _, file := range known {
		s.must(os.RemoveAll(file))
	}
	s.Restart()
}

func (s *Server) log() string { return servertest.Tail(s.Dir, 40, "dovecot.log") }
