// Package clamdtest starts a real clamd for a test: on a Unix socket in a folder of its own,
// without any service of the machine, with a signature database of one line instead of the
// 300 MB that freshclam fetches.
package clamdtest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

// Eicar is the test file that every virus scanner knows (eicar.org). It is put together here
// so that no scanner takes this source for it.
const Eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`

// Signature is the name under which this clamd reports Eicar. clamd marks names of databases
// that ClamAV has not signed.
const Signature = "Eicar-Test-Signature.UNOFFICIAL"

// Marker is a text that is reported as MarkerSignature wherever it stands in a file, where
// Eicar is known at the beginning of a file only.
const (
	Marker          = "saisine-clamdtest-" + "marqueur-de-virus"
	MarkerSignature = "Saisine-Test-Marker.UNOFFICIAL"
)

const (
	startPatience = 30 * time.Second
	stopPatience  = 3 * time.Second
	// StreamMaxLength is the limit of a server that Start was not given another, in bytes.
	StreamMaxLength = 4 << 20
)

// Server is a running clamd. Its methods are for one goroutine at a time.
type Server struct {
	// Dir holds everything, the log in clamd.log; Socket is the Unix socket in it. Port is that
	// of a server started WithTCP, on 127.0.0.1.
	Dir, Socket string
	Port        int

	tb      testing.TB
	tcp     bool
	lines   map[string]string
	process *servertest.Process
}

// Option changes how Start configures the server.
type Option func(*Server)

// With sets a line of clamd.conf(5).
func With(key, value string) Option { return func(s *Server) { s.lines[key] = value } }

// WithTCP makes it listen on a loopback port too.
func WithTCP() Option { return func(s *Server) { s.tcp = true } }

// Start runs a clamd until the test ends. The test is skipped when clamd is not installed,
// and only then.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	if _, err := exec.LookPath(clamdPath()); err != nil {
		tb.Skip("clamd is not installed: apt-get install clamav-daemon")
	}
	s := &Server{tb: tb, lines: map[string]string{
		"Foreground": "yes", "FixStaleSocket": "yes", "LogTime": "yes", "SelfCheck": "3600",
		"StreamMaxLength": strconv.Itoa(StreamMaxLength), "AlertExceedsMax": "yes", "ConcurrentDatabaseReload": "no",
	}}
	for _, o := range opts {
		o(s)
	}
	s.must(s.prepare())
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			tb.Logf("clamd's log:\n%s", s.log())
		}
		_ = os.RemoveAll(s.Dir)
	})
	s.must(s.launch())
	return s
}

// clamdPath also finds it where a user's PATH does not lead.
func clamdPath() string {
	if path, err := exec.LookPath("clamd"); err == nil {
		return path
	}
	return "/usr/sbin/clamd"
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("clamdtest: %v", err)
	}
}

func (s *Server) prepare() (err error) {
	// Not tb.TempDir: the name of a Unix socket has 107 bytes at most (unix(7)).
	if s.Dir, err = os.MkdirTemp("", "clamd-"); err != nil {
		return err
	}
	s.Socket = filepath.Join(s.Dir, "clamd.ctl")
	s.lines["LocalSocket"], s.lines["DatabaseDirectory"] = s.Socket, filepath.Join(s.Dir, "db")
	s.lines["TemporaryDirectory"] = filepath.Join(s.Dir, "tmp")
	if s.tcp {
		if s.Port, err = servertest.FreePort(); err != nil {
			return err
		}
		s.lines["TCPSocket"], s.lines["TCPAddr"] = strconv.Itoa(s.Port), "127.0.0.1"
	}
	var conf bytes.Buffer
	for k, v := range s.lines {
		fmt.Fprintf(&conf, "%s %s\n", k, v)
	}
	// Name:type of file (0: any):place:hexadecimal, see "Extended signatures" of ClamAV's manual.
	signatures := fmt.Sprintf("%s:0:0:%s\n%s:0:*:%s\n",
		strings.TrimSuffix(Signature, ".UNOFFICIAL"), hex.EncodeToString([]byte(Eicar)),
		strings.TrimSuffix(MarkerSignature, ".UNOFFICIAL"), hex.EncodeToString([]byte(Marker)))
	for name, content := range map[string]string{"clamd.conf": conf.String(), "db/saisine.ndb": signatures, "tmp/.keep": ""} {
		path := filepath.Join(s.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) launch() (err error) {
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{clamdPath(), "-c", filepath.Join(s.Dir, "clamd.conf")},
		Dir:  s.Dir, Log: filepath.Join(s.Dir, "clamd.log"),
	})
	if err != nil {
		return err
	}
	if err := s.process.Await(startPatience, s.answers); err != nil {
		return fmt.Errorf("clamd does not answer: %w\n%s", err, s.log())
	}
	return nil
}

func (s *Server) answers() bool {
	ok := pong("unix", s.Socket)
	if ok && s.tcp {
		ok = pong("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
	}
	return ok
}

func pong(network, address string) bool {
	conn, err := net.DialTimeout(network, address, time.Second) //nolint:noctx // bounded
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "zPING\x00"); err != nil {
		return false
	}
	got, _ := io.ReadAll(conn)
	return string(got) == "PONG\x00"
}

// Address is what antivirus.clamd of the configuration says.
func (s *Server) Address() string { return "unix://" + s.Socket }

// TCPAddress is that of a server started WithTCP.
func (s *Server) TCPAddress() string { return "tcp://127.0.0.1:" + strconv.Itoa(s.Port) }

// Stop ends the server in good order. It may be called again.
func (s *Server) Stop() {
	s.tb.Helper()
	s.process.Stop(stopPatience)
	s.process = nil
}

// Kill ends it with SIGKILL, whatever it is doing. It leaves its socket behind.
func (s *Server) Kill() {
	s.tb.Helper()
	s.process.Kill()
	s.process = nil
	s.must(servertest.Await(startPatience, func() bool { return !s.answers() }))
}

// Restart starts a server that was stopped or killed, on the same socket.
func (s *Server) Restart() {
	s.tb.Helper()
	if s.process != nil {
		s.Stop()
	}
	s.must(s.launch())
}

// Freeze makes it stand still (SIGSTOP), Thaw go on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw is the reverse of Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	s.must(s.process.Signal(sig))
}

// Scanning waits until clamd has begun to take a stream in: its temporary file is there.
func (s *Server) Scanning() {
	s.tb.Helper()
	s.must(servertest.Await(startPatience, func() bool {
		files, err := os.ReadDir(filepath.Join(s.Dir, "tmp"))
		return err == nil && len(files) > 1 // .keep
	}))
}

func (s *Server) log() string {
	raw, err := os.ReadFile(filepath.Join(s.Dir, "clamd.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4000):])
}
