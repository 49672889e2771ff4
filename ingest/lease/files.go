package lease

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"saisine.fr/saisine/ingest"
)

// Files keeps leases as locks on files of a folder that the nodes share: processes of one
// machine. The kernel frees the lock of a process that ends, however it ends; one that is
// frozen keeps it, as it keeps the database's. So there is no term, no fence, and nothing is
// written while a lease is held.
type Files struct {
	dir  string
	node Node
	look time.Duration

	mu   sync.Mutex
	mine map[string]time.Time // since when what is held here is
}

var _ Keeper = (*Files)(nil)

// InFolder returns the keeper of a folder, which is made when it is first needed.
func InFolder(dir string, node Node) *Files {
	return &Files{dir: dir, node: node, look: lookEvery, mine: map[string]time.Time{}}
}

const lockEnding = ".lock"

func (f *Files) path(name string) string {
	return filepath.Join(f.dir, url.PathEscape(name)+lockEnding)
}

// note is what stands in a lock file, for people.
type note struct {
	Node  string    `json:"node"`
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Roles string    `json:"roles"`
	Since time.Time `json:"since"`
}

// lock takes the lock of a name; nil when another process has it.
func (f *Files) lock(name string) (*os.File, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	// Without O_TRUNC: the note is that of the holder, who may be another.
	file, err := os.OpenFile(f.path(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return file, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, file.Close()
		}
		return nil, errors.Join(fmt.Errorf("lease: lock %s: %w", name, err), file.Close())
	}
}

// sign writes who holds the lock. A disk that is full takes nothing away from the lock.
func (f *Files) sign(file *os.File) {
	line, err := json.Marshal(note{Node: f.node.ID, Host: f.node.Host, PID: f.node.PID, Roles: f.node.Roles, Since: time.Now()})
	if err == nil && file.Truncate(0) == nil {
		_, _ = file.WriteAt(append(line, '\n'), 0)
	}
}

// Hold implements Keeper.
func (f *Files) Hold(ctx context.Context, name string, work Work) error {
	for {
		done, err := f.Try(ctx, name, work)
		if done || err != nil {
			return err
		}
		timer := time.NewTimer(f.look)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// Try implements Keeper.
func (f *Files) Try(ctx context.Context, name string, work Work) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	file, err := f.lock(name)
	if file == nil || err != nil {
		return false, err
	}
	// Closing it gives the lock back; whoever reads it then sees that.
	defer func() {
		f.mu.Lock()
		delete(f.mine, name)
		f.mu.Unlock()
		_ = file.Close()
	}()
	f.sign(file)
	f.mu.Lock()
	f.mine[name] = time.Now()
	f.mu.Unlock()
	return true, work(ingest.WithFence(ctx, ingest.Fence{Name: name}))
}

// Holder implements Keeper.
func (f *Files) Holder(name string) string {
	n, err := f.read(f.path(name))
	if err != nil {
		return ""
	}
	return cmp.Or(n.Host, n.Node)
}

// Held implements Keeper.
func (f *Files) Held(name string) (ingest.Fence, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.mine[name]
	return ingest.Fence{Name: name}, ok
}

// Others is empty: what the processes of one machine share they share without ado.
func (f *Files) Others() []Node { return nil }

// Node returns the node whose leases these are.
func (f *Files) Node() Node { return f.node }

// Mine implements Keeper.
func (f *Files) Mine() []Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Row
	for _, name := range slices.Sorted(maps.Keys(f.mine)) {
		out = append(out, Row{Name: name, Holder: f.node.ID, Since: f.mine[name], Beat: -1})
	}
	return out
}

// maxNote bounds what is read of a lock file.
const maxNote = 4096

func (f *Files) read(path string) (n note, err error) {
	file, err := os.Open(path)
	if err != nil {
		return n, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxNote))
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	return n, err
}

// Look returns the leases that are held at the moment and the nodes that hold them. Unlike a
// Table's these rows have no fence and no beat.
func (f *Files) Look() ([]Row, []Node, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lease: %w", err)
	}
	var rows []Row
	var nodes []Node
	known := map[string]bool{}
	for _, e := range entries {
		escaped, ok := strings.CutSuffix(e.Name(), lockEnding)
		name, err := url.PathUnescape(escaped)
		if !ok || err != nil {
			continue
		}
		// A shared lock fails where somebody holds the whole one. It is given back at once.
		file, err := os.Open(filepath.Join(f.dir, e.Name()))
		if err != nil {
			continue
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		_ = file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		n, err := f.read(filepath.Join(f.dir, e.Name()))
		if err != nil {
			n = note{} // being written just now
		}
		rows = append(rows, Row{Name: name, Holder: n.Node, Since: n.Since, Beat: -1})
		if n.Node != "" && !known[n.Node] {
			known[n.Node] = true
			nodes = append(nodes, Node{ID: n.Node, Host: n.Host, PID: n.PID, Roles: n.Roles})
		}
	}
	return rows, nodes, nil
}
