package sftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// session is one connection that is logged in.
type session struct{ *sftp.Client }

// patient ends a connection on which nothing moves.
type patient struct {
	net.Conn
	timeout time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if n > 0 {
		_ = p.SetDeadline(time.Now().Add(p.timeout))
	}
	return n, err
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.SetDeadline(time.Now().Add(p.timeout))
	return p.Conn.Write(b)
}

// session connects, logs in, and hands the connection to use. ctx ends all of it.
func (s *SFTP) session(ctx context.Context, use func(*session) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("sftp: %s: %w", s.addr, context.Cause(ctx))
		}
	}()
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	files, err := sftp.NewClient(client)
	if err != nil {
		return fmt.Errorf("sftp: %s: logged in, but the server offers no SFTP; ask who runs it: %w", s.addr, err)
	}
	defer func() { _ = files.Close() }()
	return use(&session{files})
}

// connect logs in. A server shows one of its keys only; where only a fingerprint is known, the
// kind of key is found by asking for the next kind, before anything is said to the server.
func (s *SFTP) connect(ctx context.Context) (*ssh.Client, error) {
	var skip []string
	if known := s.skip.Load(); known != nil {
		skip = *known
	}
	for {
		client, err := s.dial(ctx, skip)
		var other *otherKeyError
		var none *ssh.AlgorithmNegotiationError
		switch {
		case err == nil:
			s.skip.Store(&skip)
			return client, nil
		case errors.As(err, &other) && s.hostKey.key == nil && len(skip) < len(kinds):
			skip = append(skip[:len(skip):len(skip)], other.kind)
			continue
		case errors.As(err, &other), errors.As(err, &none) && len(skip) > 0:
			s.skip.Store(nil) // the server's keys may have changed
			return nil, fmt.Errorf("%s: %w", s.addr, ErrHostKey)
		case errors.As(err, &none) && s.hostKey.key != nil:
			return nil, fmt.Errorf("sftp: %s: the server has no key of kind %s, as in host_key, or knows no method that is safe today: %w", s.addr, s.hostKey.key.Type(), err)
		}
		return nil, err
	}
}

func (s *SFTP) dial(ctx context.Context, skip []string) (*ssh.Client, error) {
	dialer := net.Dialer{Timeout: s.o.Timeout}
	raw, err := dialer.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, fmt.Errorf("sftp: no connection; check host and port: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn := &patient{Conn: raw, timeout: s.o.Timeout}
	config := &ssh.ClientConfig{
		User: s.o.Username, Auth: s.auth, Timeout: s.o.Timeout,
		HostKeyCallback: s.hostKey.check, HostKeyAlgorithms: algorithms(skip, false),
	}
	if s.hostKey.key != nil {
		config.HostKeyAlgorithms = algorithms([]string{s.hostKey.key.Type()}, true)
	}
	c, channels, requests, err := ssh.NewClientConn(conn, s.addr, config)
	if err != nil {
		_ = raw.Close()
		if strings.Contains(err.Error(), "unable to authenticate") { // the library has no type for it
			return nil, fmt.Errorf("sftp: %s does not let this login in; check username, key_file and password: %w", s.addr, err)
		}
		return nil, fmt.Errorf("sftp: %s: %w", s.addr, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}
