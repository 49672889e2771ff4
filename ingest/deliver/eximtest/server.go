// Package eximtest starts a real Exim for a test: on free loopback ports, in a folder
// of its own, without root rights and without any service of the machine. It plays the
// town's outgoing mail server and the citizens' mail servers in one.
//
// Every local part of Domain has a mailbox, except these:
//
//	refuse.*   is refused for good at RCPT (550)
//	later.*    is refused for now at RCPT (450), always
//	bounce.*   is accepted, then cannot be delivered: Exim sends a delivery report
//	           (RFC 3464) to the envelope's sender
package eximtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

const (
	// Domain is the citizens' mail domain.
	Domain = "exemple-citoyen.test"

	startPatience = 20 * time.Second
	stopPatience  = 2 * time.Second
)

// Town is a domain whose mail goes to an LMTP server on loopback.
type Town struct {
	Domain   string
	LMTPPort int
}

// Server is a running Exim. The exported fields are set by Start, or by its options, and
// do not change.
type Server struct {
	// Host is 127.0.0.1; the certificate also names localhost.
	Host string
	// SubmissionPort wants STARTTLS and AUTH, TLSPort AUTH over TLS from the first byte,
	// PlainPort neither: it also plays a mail server that writes to the town.
	SubmissionPort, TLSPort, PlainPort int
	// CAFile is the PEM of the certificate, which is its own authority.
	CAFile string
	// Username and Password log in at SubmissionPort and TLSPort.
	Username, Password string
	// Domain is the constant, for the configuration.
	Domain string
	// Dir holds everything, the log in log/mainlog.
	Dir string
	// User and Group are whom Exim runs as.
	User, Group string
	// Towns are the domains that WithTown named.
	Towns []Town
	// NoUTF8 is true when SMTPUTF8 is not offered (RFC 6531).
	NoUTF8 bool

	tb      testing.TB
	auth    []string
	user    servertest.User
	process *servertest.Process
}

// Option changes how Start configures the server.
type Option func(*Server)

// WithTown hands the mail of a domain over to the LMTP server on a loopback port, such
// as dovecottest's.
func WithTown(domain string, lmtpPort int) Option {
	return func(s *Server) { s.Towns = append(s.Towns, Town{domain, lmtpPort}) }
}

// WithAuth makes the server offer these mechanisms and no others: PLAIN, LOGIN, CRAM-MD5.
func WithAuth(mechanisms ...string) Option { return func(s *Server) { s.auth = mechanisms } }

// WithoutUTF8 makes the server offer no SMTPUTF8, as many do not.
func WithoutUTF8() Option { return func(s *Server) { s.NoUTF8 = true } }

// Start runs an Exim until the test ends, and fails the test when there is none.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s := &Server{
		tb: tb, Host: "127.0.0.1", Domain: Domain, Username: "saisine", Password: "secret",
		auth: []string{"PLAIN", "LOGIN", "CRAM-MD5"},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.must(s.prepare())
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			tb.Logf("exim's log:\n%s", s.log())
		}
		_ = os.RemoveAll(s.Dir)
	})
	s.must(s.launch())
	return s
}

// eximPath also finds it where a user's PATH does not lead.
func eximPath() (string, error) {
	for _, name := range []string{"exim4", "/usr/sbin/exim4"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("exim is not installed: apt-get install exim4-daemon-light")
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("eximtest: %v", err)
	}
}

func (s *Server) prepare() (err error) {
	// Not tb.TempDir: Exim may run as another user, who could not get there.
	if s.Dir, err = os.MkdirTemp("", "eximtest-"); err != nil {
		return err
	}
	// Started by another user than root, with a configuration of its own, Exim gives up its
	// rights and stays that user, so no process of it ever needs root.
	if s.user, err = servertest.Unprivileged(); err != nil {
		return err
	}
	s.User, s.Group = s.user.Name, s.user.Group
	for _, port := range s.ports() {
		if *port, err = servertest.FreePort(); err != nil {
			return err
		}
	}
	s.CAFile = filepath.Join(s.Dir, "cert.pem")
	conf, err := s.renderConfig()
	if err != nil {
		return err
	}
	cert, key, err := servertest.SelfSigned()
	if err != nil {
		return err
	}
	return s.user.Lay(s.Dir, map[string][]byte{
		"exim.conf": conf, "cert.pem": cert, "key.pem": key,
		"spool/.keep": nil, "log/.keep": nil, "faults/.keep": nil,
	})
}

func (s *Server) ports() []*int { return []*int{&s.SubmissionPort, &s.TLSPort, &s.PlainPort} }

func (s *Server) launch() error {
	exim, err := eximPath()
	if err != nil {
		return err
	}
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{exim, "-C", filepath.Join(s.Dir, "exim.conf"), "-bdf", "-q1s"},
		Dir:  s.Dir, Credential: s.user.Credential(), Log: filepath.Join(s.Dir, "log", "output"),
	})
	if err != nil {
		return err
	}
	for _, port := range s.ports() {
		if err := s.process.Await(startPatience, func() bool { return s.answers(*port) }); err != nil {
			return fmt.Errorf("exim does not answer on port %d: %w\n%s", *port, err, s.log())
		}
	}
	return nil
}

func (s *Server) answers(port int) bool { return servertest.Answers(s.addr(port)) }

func (s *Server) addr(port int) string { return net.JoinHostPort(s.Host, strconv.Itoa(port)) }

// Stop ends the server in good order. It may be called again.
func (s *Server) Stop() {
	s.tb.Helper()
	s.process.Stop(stopPatience) // also deliveries that the daemon does not wait for
	s.Kill()
}

// Kill ends the daemon and all that it started with SIGKILL, as a power cut would. Mails
// that it took over stay in its spool.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.process == nil {
		return
	}
	s.process.Kill()
	s.process = nil
	// The daemon may still be dying.
	for _, port := range s.ports() {
		s.must(servertest.Await(stopPatience, func() bool { return !s.answers(*port) }))
	}
}

// Restart starts a server that was stopped or killed, on the same ports and spool.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	// The kernel may hold the ports a little longer.
	for _, port := range s.ports() {
		s.must(servertest.Await(startPatience, func() bool { return servertest.Free(s.addr(*port)) }))
	}
	s.must(s.launch())
}

// Faults that the server can have.
const (
	// Refuse answers 5xx and Defer 4xx at a stage: connect, helo, mail, rcpt, predata (the DATA
	// command) or data (the answer to the mail).
	Refuse = "-5xx"
	Defer  = "-4xx"
	// Slow lets three seconds go by before the answer.
	Slow = "-slow"
	// Greylist has whoever writes to somebody for the first time try again.
	Greylist = "greylist"
)

// Fault gives the server a fault, such as "rcpt"+Defer or Greylist, until Mend.
func (s *Server) Fault(fault string) {
	s.tb.Helper()
	file := filepath.Join(s.Dir, "faults", fault)
	s.must(os.WriteFile(file, nil, 0o644)) //nolint:gosec // Exim may be another user
}

// Mend takes all faults away.
func (s *Server) Mend() {
	s.tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir, "faults", "*"))
	s.must(err)
	for _, file := range files {
		s.must(os.Remove(file))
	}
}

// Reading reports whether the server has begun to take a mail over: its text is on the way, or the
// answer to it.
func (s *Server) Reading() bool {
	files, _ := filepath.Glob(filepath.Join(s.Dir, "spool", "input", "*-D"))
	return len(files) > 0
}

// Certificate restarts the server with another certificate and its key, in PEM form, and returns
// those that it had.
func (s *Server) Certificate(cert, key []byte) (oldCert, oldKey []byte) {
	s.tb.Helper()
	for path, p := range map[string]*[]byte{s.CAFile: &cert, filepath.Join(s.Dir, "key.pem"): &key} {
		old, err := os.ReadFile(path)
		s.must(err)
		s.must(os.WriteFile(path, *p, 0o600)) // it keeps its owner
		*p = old
	}
	s.Restart()
	return cert, key
}

// log returns the end of each of Exim's logs.
func (s *Server) log() string {
	return servertest.Tail(filepath.Join(s.Dir, "log"), 30, "output", "paniclog", "mainlog")
}
