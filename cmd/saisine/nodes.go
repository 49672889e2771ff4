package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/lease"
	"saisine.fr/saisine/ingest/store"
)

// leaseUpkeep is what a node does once at its start for the whole store.
const leaseUpkeep = "upkeep"

// leaseQueue is the right to work on this database with a Redis of one's own.
const leaseQueue = "queue"

// queueWait is how long a node waits for another one to be found dead that had the queue.
const queueWait = 40 * time.Second

// ownQueue makes sure that no other node works on the same database with another Redis: each would
// fill its own with all that is to be done, and each mail to a citizen would leave twice.
func (h *house) ownQueue(ctx context.Context) error {
	got := make(chan struct{})
	var once sync.Once
	h.chores.begin(func(ctx context.Context) {
		for ctx.Err() == nil {
			_ = h.leases.Hold(ctx, leaseQueue, func(ctx context.Context) error {
				once.Do(func() { close(got) })
				<-ctx.Done()
				return nil
			})
		}
	})
	ctx, cancel := context.WithTimeout(ctx, queueWait)
	defer cancel()
	select {
	case <-got:
		return nil
	case <-ctx.Done():
		return usageError{errors.New("another node works on this database with a Redis of its own; " +
			"several nodes need one that they share: set redis: in the configuration of each (docs/scaling.md)")}
	}
}

// leases are a keeper that belongs to a house.
type leases interface {
	lease.Keeper
	io.Closer
	// Node is this process, Others are those on other machines that live.
	Node() lease.Node
	Others() []lease.Node
}

// oneFolder is whether the nodes of a town share its data folder, as they do with SQLite: they
// are processes of one machine then.
func oneFolder(cfg config.Config) bool { return cfg.Database == "" }

// lockFolder is where the nodes of one machine keep their locks.
func lockFolder(cfg config.Config) string { return filepath.Join(cfg.DataDir, "leases") }

// openLeases opens the keeper that fits where the town keeps its data. A lock costs a small town
// nothing; the table costs each node one small write every three seconds.
func openLeases(cfg config.Config, s *store.Store, o houseOptions, log *slog.Logger) leases {
	node := thisNode(o.roles)
	if oneFolder(cfg) {
		return locks{lease.InFolder(lockFolder(cfg), node)}
	}
	return lease.Open(s, node, log)
}

type locks struct{ *lease.Files }

// Close implements io.Closer: locks end with the work under them.
func (locks) Close() error { return nil }

// thisNode describes this process. Its id is new at each start: what a process held that was
// killed must not pass for what its successor holds.
func thisNode(roles []string) lease.Node {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	var boot [4]byte
	_, _ = rand.Read(boot[:]) // never fails (crypto/rand since Go 1.24)
	return lease.Node{
		ID: host + "-" + hex.EncodeToString(boot[:]), Host: host, PID: os.Getpid(), Place: lease.Here(),
		Roles: strings.Join(roles, ","), Version: version, StartedAt: time.Now(),
	}
}

// apart says what the nodes of this town ought to share and do not, or "".
func (h *house) apart() string {
	others := len(h.leases.Others())
	if others == 0 || h.cfg.Originals != "" || elsewhere(h.cfg.DataDir, "originals") && elsewhere(h.cfg.DataDir, "copies") {
		return ""
	}
	return fmt.Sprintf("%d other nodes share the database; originals over 256 KiB and searchable copies lie in each node's own folder, "+
		"where the others cannot read them: set originals: s3://…, or have data_dir/originals and data_dir/copies be one shared folder", others)
}

// elsewhere reports whether a folder of the data folder is a link, or a file system of its own:
// it may then be shared.
func elsewhere(dir, name string) bool {
	path := filepath.Join(dir, name)
	var in, own unix.Stat_t
	if unix.Lstat(path, &own) != nil || unix.Stat(dir, &in) != nil {
		return false
	}
	return own.Mode&unix.S_IFMT == unix.S_IFLNK || own.Dev != in.Dev
}

// holdings lists what this node holds, for /readyz.
func (h *house) holdings() []heldJSON {
	out := []heldJSON{}
	for _, r := range h.leases.Mine() {
		out = append(out, heldJSON{Name: r.Name, Fence: r.Fence, Since: r.Since.In(h.zone).Format(time.RFC3339)})
	}
	return out
}

type heldJSON struct {
	Name  string `json:"name"`
	Fence int64  `json:"fence"`
	Since string `json:"since"`
}
