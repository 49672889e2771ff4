// Package servertest holds what the servers have in common that tests start by themselves: the
// process, a certificate, free ports, a user without rights, a folder.
package servertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// SelfSigned makes a certificate for 127.0.0.1 and localhost that is its own authority, in
// PEM form, and its key.
func SelfSigned() (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return cert, key, nil
}

// User is whom a server runs as.
type User struct {
	Name, Group string
	UID, GID    int
}

// Unprivileged is the user of the tests, or nobody where that is root: mail servers refuse to
// work as root, or should.
func Unprivileged() (User, error) {
	u, err := user.Current()
	if os.Geteuid() == 0 {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return User{}, err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return User{}, err
	}
	out := User{Name: u.Username, Group: g.Name}
	if out.UID, err = strconv.Atoi(u.Uid); err != nil {
		return out, err
	}
	out.GID, err = strconv.Atoi(u.Gid)
	return out, err
}

// Own gives a file to the user.
func (u User) Own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, u.UID, u.GID)
}

// Credential is what makes a command run as the user; nil where it does so anyway.
func (u User) Credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
}

// Lay writes files, by their paths below dir, and gives all of dir to the user.
func (u User) Lay(dir string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return u.Own(path)
	})
}

func listen(addr string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp", addr)
}

// Ports that are given out lie below those from which the kernel takes the near end of a
// connection (ip_local_port_range): one of these could be taken between looking and listening.
const firstPort, portCount = 20_000, 12_000

// taken are the locks of the ports that this process has given out. They end with it.
var taken struct {
	sync.Mutex
	locks []*os.File
}

// FreePort finds a port of 127.0.0.1 that nobody listens on. It is drawn by chance and locked for
// as long as this process lives, so that tests which run at the same time, in other processes
// too, never get the same.
func FreePort() (int, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("saisine-test-ports-%d", os.Geteuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	for range 1000 {
		port := firstPort + mathrand.IntN(portCount) //nolint:gosec // G404: it need not be unpredictable
		lock, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, err
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !Free(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) {
			_ = lock.Close()
			continue
		}
		taken.Lock()
		taken.locks = append(taken.locks, lock)
		taken.Unlock()
		return port, nil
	}
	return 0, errors.New("servertest: no free port")
}

// Free reports whether an address can be listened on.
func Free(addr string) bool {
	l, err := listen(addr)
	return err == nil && l.Close() == nil
}

// Answers reports whether somebody listens on an address.
func Answers(addr string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// Await polls until ok, at most for patience.
func Await(patience time.Duration, ok func() bool) error {
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v", patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
