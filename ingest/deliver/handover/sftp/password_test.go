package sftp

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
)

// passwordServer is an SFTP server in this process, since OpenSSH's asks the machine's own list
// of users for a password. It keeps files in memory.
func passwordServer(t *testing.T, config *ssh.ServerConfig) Options {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	files := sftp.InMemHandler()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, config, files)
		}
	}()
	return Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Username: "mairie", Password: "secret", HostKey: ssh.FingerprintSHA256(host.PublicKey()), Dir: "/"}
}

func serve(conn net.Conn, config *ssh.ServerConfig, files sftp.Handlers) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		go func() {
			server := sftp.NewRequestServer(channel, files)
			if err := server.Serve(); errors.Is(err, io.EOF) {
				_ = server.Close()
			}
		}()
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	ask := func(questions []string, echos []bool) *ssh.ServerConfig {
		return &ssh.ServerConfig{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, challenge ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := challenge("", "", questions, echos)
			if err == nil && answers[0] != "secret" {
				err = errors.New("wrong")
			}
			return nil, err
		}}
	}
	for name, test := range map[string]struct {
		config *ssh.ServerConfig
		says   string // "" = it goes
	}{
		"password": {&ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != "secret" {
				return nil, errors.New("wrong")
			}
			return nil, nil
		}}, ""},
		"asked for":             {ask([]string{"Password: "}, []bool{false}), ""},
		"asked for in the open": {ask([]string{"Name: "}, []bool{true}), "more than a password"},
		"asked for a code too":  {ask([]string{"Password: ", "Code: "}, []bool{false, false}), "more than a password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := passwordServer(t, test.config)
			r, err := connector(t, o).Create(t.Context(), handovertest.Case(reference))
			if test.says == "" && (err != nil || r.ID != reference) || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%+v, %v", r, err)
			}
			o.Password = "autre"
			if _, err := connector(t, o).Check(t.Context()); err == nil || test.says == "" && !strings.Contains(err.Error(), "check username") || strings.Contains(err.Error(), "autre") {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}
