// Package rttest starts a real Request Tracker 5 for a test: on a free loopback port, in a
// folder of its own, with an SQLite database of its own, without root rights and without any
// service or configuration of the machine. It needs the Debian packages request-tracker5,
// rt5-db-sqlite and rt5-standalone and skips the test where they are missing.
package rttest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

const (
	startPatience = 60 * time.Second
	stopPatience  = 2 * time.Second
	// workers are the processes that serve, each one call at a time.
	workers = 4
)

// Server is a running RT. The exported fields are set by Start and do not change.
type Server struct {
	// URL is the base address, without /REST/2.0.
	URL string
	// Username and Password, or Token, log a user in who may create, see and comment tickets
	// in Queue and nothing else.
	Username, Password, Token string
	// Dir holds everything.
	Dir string

	tb      testing.TB
	config  []string
	port    int
	user    servertest.User
	process *servertest.Process
}

// Option changes how Start configures the server.
type Option func(*Server)

// WithConfig adds lines to RT_SiteConfig.pm, such as "Set($MaxAttachmentSize, 1000);".
func WithConfig(lines ...string) Option { return func(s *Server) { s.config = lines } }

// Start runs an RT until the test ends.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	version, err := installed()
	if err != nil {
		tb.Skip("rttest:", err)
	}
	s := &Server{tb: tb, Username: user, Password: password}
	for _, opt := range opts {
		opt(s)
	}
	s.must(s.prepare(version))
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			tb.Logf("RT's log:\n%s", s.Log())
		}
		_ = os.RemoveAll(s.Dir)
	})
	s.must(s.launch())
	return s
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("rttest: %v", err)
	}
}

func (s *Server) prepare(version string) (err error) {
	if s.user, err = servertest.Unprivileged(); err != nil {
		return err
	}
	made, err := template(s.tb.Context(), version, s.user)
	if err != nil {
		return err
	}
	if s.port, err = servertest.FreePort(); err != nil {
		return err
	}
	s.URL = "http://" + s.addr()
	// Not tb.TempDir: RT may run as another user, who could not get there.
	if s.Dir, err = os.MkdirTemp("", "rttest-"); err != nil {
		return err
	}
	database, err := os.ReadFile(filepath.Join(made, "rt.sqlite"))
	if err != nil {
		return err
	}
	token, err := os.ReadFile(filepath.Join(made, "token"))
	if err != nil {
		return err
	}
	s.Token = string(token)
	return s.user.Lay(s.Dir, map[string][]byte{
		"site.pm": []byte(siteConfig(s.Dir, s.port)), "data/rt.sqlite": database,
		"mason/.keep": nil, "sessions/.keep": nil, "mails": nil,
		"conf.d/test.pm": []byte(strings.Join(append(s.config, "1;"), "\n")),
	})
}

func (s *Server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *Server) launch() (err error) {
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{serverScript, "--host", "127.0.0.1", "--port", strconv.Itoa(s.port), "--max-workers", strconv.Itoa(workers)},
		Dir:  s.Dir, Env: environment(s.Dir), Credential: s.user.Credential(), Log: filepath.Join(s.Dir, "log"),
	})
	if err != nil {
		return err
	}
	if err := s.process.Await(startPatience, s.ready); err != nil {
		return fmt.Errorf("RT does not answer: %w\n%s", err, s.Log())
	}
	return nil
}

// ready reports whether RT answers calls; it listens a little earlier.
func (s *Server) ready() bool {
	if !servertest.Answers(s.addr()) {
		return false
	}
	status, _, err := s.call(http.MethodGet, "/rt", nil)
	return err == nil && status == http.StatusOK
}

// Without gives a login like the user's that lacks one right: SeeQueue, CreateTicket,
// ShowTicketComments or CommentOnTicket.
func (s *Server) Without(right string) (username, password string) {
	return "sans-" + right, s.Password
}

// Stop ends the server in good order. It may be called again.
func (s *Server) Stop() {
	s.tb.Helper()
	s.process.Stop(stopPatience)
	s.Kill()
}

// Kill ends the server and all its workers with SIGKILL, as a power cut would.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.process == nil {
		return
	}
	s.process.Kill()
	s.process = nil
	// The workers may still be dying.
	s.must(servertest.Await(startPatience, func() bool { return !servertest.Answers(s.addr()) }))
}

// Restart starts a server that was stopped or killed, on the same port and data.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	// The kernel may hold the port a little longer.
	s.must(servertest.Await(startPatience, func() bool { return servertest.Free(s.addr()) }))
	s.must(s.launch())
}

// Log returns the end of RT's log.
func (s *Server) Log() string { return servertest.Tail(s.Dir, 60, "log") }

// Mails are those that RT has sent: none left the machine.
func (s *Server) Mails() []string {
	s.tb.Helper()
	content, err := os.ReadFile(filepath.Join(s.Dir, "mails"))
	s.must(err)
	var mails []string
	for _, m := range strings.Split(string(content), "\n"+mailEnd+"\n") {
		if strings.TrimSpace(m) != "" {
			mails = append(mails, m)
		}
	}
	return mails
}
