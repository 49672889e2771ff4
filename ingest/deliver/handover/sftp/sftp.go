// Package sftp hands cases over as folders on an SFTP server: for software that fetches what is
// laid down for it.
//
// A case is the folder DIR/REFERENCE/. It holds manifest.json (see package manifest) and a
// folder KEY/ with the files of each addition that has any. The other side never sees half of
// anything:
//
//   - what is being written is named *.tmp (folders) or *.part (files), and is not to be read;
//   - a case's folder and an addition's folder get their names by a rename, when they are whole;
//   - manifest.json is written last and replaced by a rename. What it does not name yet is not
//     there yet.
//
// The other side copies what it takes and leaves the folder: by it saisine knows what it handed
// over already, and to it come later letters. It may write a file status.json into the folder,
// best by a rename too:
//
//	{"status": "traité", "note": "Le trou a été rebouché."}
//
// A folder REFERENCE whose manifest.json has another received_at (to the second) or another town is
// another case's, from a try-out whose numbers began at 1 as well, or of another town that was
// given the same DIR. Nothing is written there: the case is refused until that folder is moved
// away, or another DIR is configured. Each town, and each try-out, best has a DIR of its own.
//
// The login may read, write, rename and remove in DIR.
package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
)

// DefaultTimeout is used when Options.Timeout is zero.
const DefaultTimeout = 60 * time.Second

// Options say how to reach the server.
type Options struct {
	Host string
	Port int // 0 means 22
	// Username logs in with the key, the password, or either where both are given.
	Username, Password string
	// KeyFile is a private key without a passphrase, in OpenSSH or PEM form.
	KeyFile string
	// HostKey is how the server is known: a line of its public key (as in ssh_host_*_key.pub
	// or known_hosts), or its SHA256 fingerprint as ssh-keygen -l prints it. It is required:
	// whoever answers at first is not trusted for that.
	HostKey string
	// Dir is the folder for the cases, which exists; "" is the one where the login leads.
	Dir string
	// Timeout bounds the connection, the login, and each silence of the server after that.
	Timeout time.Duration
	// Statuses says what the words in status.json mean for a request.
	Statuses map[string]ingest.Status
}

// SFTP is a handover.Connector. Each call has a connection of its own. Calls for one case wait
// for each other; two processes must not hand the same case over at the same time.
type SFTP struct {
	o       Options
	addr    string
	auth    []ssh.AuthMethod
	hostKey hostKey
	// skip holds the kinds of host key that the server has and that are not the one known.
	skip  atomic.Pointer[[]string]
	mu    sync.Mutex
	cases map[string]chan struct{}
}

var _ handover.Connector = (*SFTP)(nil)

// New reads the key and does not connect.
func New(o Options) (*SFTP, error) {
	if o.Port == 0 {
		o.Port = 22
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	switch {
	case o.Host == "":
		return nil, errors.New("sftp: no host")
	case o.Port < 0 || o.Port > 65535:
		return nil, fmt.Errorf("sftp: %d is no port", o.Port)
	case o.Username == "":
		return nil, errors.New("sftp: no user name")
	case strings.ContainsRune(o.Dir, 0):
		return nil, errors.New("sftp: the folder holds a NUL")
	}
	known, err := parseHostKey(o.HostKey)
	if err != nil {
		return nil, err
	}
	auth, err := logins(o)
	if err != nil {
		return nil, err
	}
	o.Dir = path.Clean(o.Dir)
	return &SFTP{
		o: o, addr: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), auth: auth, hostKey: known,
		cases: map[string]chan struct{}{},
	}, nil
}

// lock waits until nobody else works on the case.
func (s *SFTP) lock(ctx context.Context, reference string) (unlock func(), err error) {
	for {
		s.mu.Lock()
		busy, ok := s.cases[reference]
		if !ok {
			done := make(chan struct{})
			s.cases[reference] = done
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.cases, reference)
				s.mu.Unlock()
				close(done)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// work checks the reference and connects, for one case.
func (s *SFTP) work(ctx context.Context, reference string, use func(*session, string) error) error {
	if err := manifest.CheckWord("reference", reference); err != nil {
		return err
	}
	unlock, err := s.lock(ctx, reference)
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	defer unlock()
	return s.session(ctx, func(c *session) error { return use(c, path.Join(s.o.Dir, reference)) })
}

// Create implements handover.Connector. A folder that is there with a manifest of the case is
// the case, and stays as it is; with the manifest of another one it is a permanent error.
func (s *SFTP) Create(ctx context.Context, c handover.Case) (handover.Remote, error) {
	err := s.work(ctx, c.Reference, func(sess *session, dir string) error {
		data, err := manifest.Encode(manifest.Of(c))
		if err != nil {
			return err
		}
		there, err := sess.caseFolder(dir)
		if err != nil {
			return err
		}
		if !there {
			return sess.publish(dir, func(tmp string) error { return sess.put(path.Join(tmp, manifest.Name), data) })
		}
		m, err := sess.manifest(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist): // made by hand, or emptied
			return sess.replace(path.Join(dir, manifest.Name), data)
		case err == nil && !m.IsOf(c):
			return ingest.Permanent(fmt.Errorf("sftp: another case with the same reference lies at %q already (received at %s, town %.60q), from a try-out or of another town: move that folder away, or configure another dir; nothing was written",
				dir, m.ReceivedAt.Format(time.RFC3339), m.Town))
		}
		return err
	})
	if err != nil {
		return handover.Remote{}, err
	}
	return handover.Remote{ID: c.Reference}, nil
}

// Attach implements handover.Connector. It is ErrGone, and permanent, when the folder was taken
// away.
func (s *SFTP) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	if err := manifest.CheckWord("key", a.Key); err != nil {
		return err
	}
	return s.work(ctx, remoteID, func(sess *session, dir string) error {
		there, err := sess.caseFolder(dir)
		if err != nil {
			return err
		}
		if !there {
			return ingest.Permanent(fmt.Errorf("sftp: folder %s: %w; the other side must leave it", remoteID, handover.ErrGone))
		}
		m, err := sess.manifest(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return ingest.Permanent(fmt.Errorf("sftp: %s in folder %s: %w; the other side must leave it", manifest.Name, remoteID, handover.ErrGone))
		}
		if err != nil || m.Has(a.Key) {
			return err
		}
		entry := manifest.OfAddition(a, handover.Names(a.Files))
		if err := sess.addFiles(path.Join(dir, a.Key), a.Files, entry.Files); err != nil {
			return err
		}
		m.Additions = append(m.Additions, entry)
		data, err := manifest.Encode(m)
		if err != nil {
			return err
		}
		return sess.replace(path.Join(dir, manifest.Name), data)
	})
}

// Status implements handover.Connector: what status.json says, ErrNoStatus without one.
func (s *SFTP) Status(ctx context.Context, remoteID string) (handover.State, error) {
	var state handover.State
	err := s.work(ctx, remoteID, func(sess *session, dir string) error {
		there, err := sess.caseFolder(dir)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("sftp: folder %s: %w", remoteID, handover.ErrGone)
		}
		data, err := sess.get(path.Join(dir, statusName), maxStatus)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sftp: no %s in folder %s: %w", statusName, remoteID, handover.ErrNoStatus)
		}
		if err != nil {
			return err
		}
		state, err = parseStatus(data, s.o.Statuses)
		return err
	})
	return state, err
}

// Check implements handover.Connector. Whether the folder can be written to is tried with a
// file that is removed again.
func (s *SFTP) Check(ctx context.Context) (string, error) {
	rename := "by rename"
	err := s.session(ctx, func(c *session) error {
		if err := c.base(s.o.Dir); err != nil {
			return err
		}
		if !c.atomic() {
			rename = "by remove and rename, since the server has no " + posixRename
		}
		return c.probe(s.o.Dir)
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("logged in at %s, folder %q can be written to, files are replaced %s", s.addr, s.o.Dir, rename), nil
}
