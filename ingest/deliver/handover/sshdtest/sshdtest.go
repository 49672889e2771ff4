// Package sshdtest starts a real OpenSSH server for a test: on a free loopback port, with keys
// and a configuration of its own, SFTP only.
package sshdtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"saisine.fr/saisine/ingest/servertest"
)

const (
	sshd          = "/usr/sbin/sshd" // it wants to be called by its whole path
	startPatience = 20 * time.Second
	stopPatience  = 2 * time.Second
)

// Server is a running sshd.
type Server struct {
	Host string // 127.0.0.1
	Port int
	// Username logs in with KeyFile, and with nothing else: it is the user of the test.
	Username string
	KeyFile  string
	// OtherKeyFile is a key that does not log in.
	OtherKeyFile string
	// HostKey is the line of the server's ed25519 key, ECDSA that of its other one.
	// OtherHostKey is that of no server.
	HostKey, ECDSA, OtherHostKey string
	// Dir is an empty folder for the files.
	Dir string

	tb      testing.TB
	root    string
	args    string
	process *servertest.Process
}

// Option changes how Start configures the server.
type Option func(*Server)

// WithoutPosixRename makes a server that cannot replace a file by a rename, as many cannot.
func WithoutPosixRename() Option { return func(s *Server) { s.args += " -P posix-rename" } }

// Start runs an sshd until the test ends. It skips the test where there is none.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	if _, err := os.Stat(sshd); err != nil {
		tb.Skip("sshdtest: OpenSSH's server is not installed: apt-get install openssh-server")
	}
	s := &Server{tb: tb, Host: "127.0.0.1", root: tb.TempDir()}
	for _, opt := range opts {
		opt(s)
	}
	s.must(s.prepare())
	tb.Cleanup(func() {
		s.Stop()
		if tb.Failed() {
			tb.Logf("sshd's log:\n%s", s.log())
		}
	})
	s.must(s.launch())
	return s
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("sshdtest: %v", err)
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.root, name) }

func (s *Server) prepare() (err error) {
	u, err := user.Current()
	if err != nil {
		return err
	}
	s.Username = u.Username
	if os.Geteuid() == 0 {
		// Its processes without rights stand in this empty folder, whose name is built in.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { //nolint:gosec // G301: as the package makes it
			return err
		}
	}
	if s.Port, err = servertest.FreePort(); err != nil {
		return err
	}
	s.Dir = s.path("depot")
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		return err
	}
	var login string
	s.KeyFile, s.OtherKeyFile = s.path("login"), s.path("other_login")
	for _, k := range []struct {
		path string
		line *string
		ec   bool
	}{{s.KeyFile, &login, false}, {s.OtherKeyFile, new(string), false}, {s.path("host"), &s.HostKey, false}, {s.path("host_ecdsa"), &s.ECDSA, true}, {s.path("host_other"), &s.OtherHostKey, false}} {
		if *k.line, err = newKey(k.path, k.ec); err != nil {
			return err
		}
	}
	config := fmt.Sprintf(`Port %d
ListenAddress %s
HostKey %s
HostKey %s
PidFile none
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
AllowTcpForwarding no
X11Forwarding no
PermitTTY no
UseDNS no
MaxStartups 100
LogLevel INFO
Subsystem sftp internal-sftp%s
ForceCommand internal-sftp%s
`, s.Port, s.Host, s.path("host"), s.path("host_ecdsa"), s.path("authorized_keys"), s.args, s.args)
	if err := os.WriteFile(s.path("authorized_keys"), []byte(login+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.path("sshd_config"), []byte(config), 0o600)
}

// newKey writes a private key and returns the line of its public one.
func newKey(path string, ec bool) (string, error) {
	var private crypto.Signer
	var err error
	if ec {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", err
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	return line, os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

func (s *Server) launch() (err error) {
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{sshd, "-D", "-e", "-f", s.path("sshd_config")}, Dir: s.root, Log: s.path("log"),
	})
	if err != nil {
		return err
	}
	addr := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	if err := s.process.Await(startPatience, func() bool { return servertest.Answers(addr) }); err != nil {
		return fmt.Errorf("sshd does not answer on port %d: %w\n%s", s.Port, err, s.log())
	}
	return nil
}

// Stop ends the server. It may be called again.
func (s *Server) Stop() { s.process.Stop(stopPatience) }

func (s *Server) log() string { return servertest.Tail(s.root, 40, "log") }
