// Package dovecottest starts a real Dovecot for a test: on free loopback ports, in a
// folder of its own, without root rights and without any service of the machine.
package dovecottest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
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

	tb     testing.TB
	user   servertest.User
	cmd    *exec.Cmd
	stdin  io.Closer
	waited chan struct{}
	seq    atomic.Int64
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

// Start runs a Dovecot until the test ends. The test is skipped when Dovecot is not
// installed, and only then.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	if _, err := exec.LookPath(dovecotPath()); err != nil {
		tb.Skip("dovecot is not installed: apt-get install dovecot-imapd dovecot-lmtpd")
	}
	s := &Server{
		tb: tb, Host: "127.0.0.1", Separator: "/",
		IdleNotify: int((29 * time.Minute).Seconds()), IdleCheck: 1,
	}
	for _, opt := range opts {
		opt(s)
	}
	s.must(s.prepare())
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.Dir, "dovecot.log"))
			tb.Logf("dovecot.log:\n%s", tail(string(log), 40))
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
	for _, port := range []*int{&s.IMAPPort, &s.IMAPSPort, &s.LMTPPort} {
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
		"base/.keep":                 nil, "state/.keep": nil, "mail/.keep": nil,
	})
}

// launch runs Dovecot under a shell that ends it when the test process is gone,
// however that ended: its standard input is then closed.
func (s *Server) launch() error {
	const script = `"$0" -F -c "$1" & p=$!; read -r _; kill -TERM $p 2>/dev/null; wait $p`
	cmd := exec.CommandContext(context.WithoutCancel(s.tb.Context()), "/bin/sh", "-c", script, dovecotPath(), filepath.Join(s.Dir, "dovecot.conf"))
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "HOME="+s.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user.Credential()}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(s.Dir, "dovecot.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	if err := s.user.Own(out.Name()); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.stdin, s.waited = cmd, stdin, make(chan struct{})
	go func(waited chan struct{}) {
		_ = cmd.Wait()
		close(waited)
	}(s.waited)
	for _, port := range []int{s.IMAPPort, s.IMAPSPort, s.LMTPPort} {
		if err := servertest.Await(startPatience, func() bool { return s.answers(port) }); err != nil {
			log, _ := os.ReadFile(out.Name())
			return fmt.Errorf("dovecot does not answer on port %d: %w\n%s", port, err, tail(string(log), 20))
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
	if s.cmd == nil {
		return
	}
	helpers := s.helpers()
	_ = s.stdin.Close()
	select {
	case <-s.waited:
	case <-time.After(stopPatience): // an idle client keeps the master waiting
		s.Kill()
	}
	kill(helpers)
	s.cmd = nil
}

// Kill ends all of the server's processes with SIGKILL, as a power cut would.
func (s *Server) Kill() {
	s.tb.Helper()
	if pid, ok := s.masterPID(); ok {
		// Stopped, it forks no helper that would be missed; killed first, it replaces none.
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		kill(append([]int{pid}, s.helpers()...))
	}
	_ = s.stdin.Close()
	<-s.waited
	s.cmd = nil
}

func kill(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// helpers returns the master's child processes (proc(5): the fourth field of stat is
// the parent; the second may hold blanks but ends with the last parenthesis).
func (s *Server) helpers() (pids []int) {
	master, ok := s.masterPID()
	if !ok {
		return nil
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(master) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Restart starts a server that was stopped or killed, on the same ports and mails.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	// The kernel may hold the ports a little longer.
	for _, port := range []int{s.IMAPPort, s.IMAPSPort, s.LMTPPort} {
		s.must(servertest.Await(startPatience, func() bool { return servertest.Free(s.addr(port)) }))
	}
	// A killed server leaves its pid and sockets, and a process that is still dying may
	// answer on one of them.
	base := filepath.Join(s.Dir, "base")
	s.must(errors.Join(os.RemoveAll(base), os.Mkdir(base, 0o700), s.user.Own(base)))
	s.must(s.launch())
}

func (s *Server) masterPID() (int, bool) {
	b, err := os.ReadFile(filepath.Join(s.Dir, "base", "master.pid"))
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid, err == nil && pid > 1
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
