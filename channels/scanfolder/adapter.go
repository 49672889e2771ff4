// Package scanfolder takes in the scans that a copier or a clerk drops into a folder.
//
// Listing the folder every poll is the truth, for network shares send no events;
// fsnotify only makes a look sooner. A file is taken when its size and date have not
// changed for a while and nobody is known to be writing it. Its content goes to the
// ledger first; then the scan moves to `_traités/YYYY-MM/`, to `_doublons/` when the
// ledger knew it, or to `_échecs/` when it cannot be read, with a note in French
// beside it. What a crash interrupts is finished at the next look: see judge.
package scanfolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Ledger is what a scan folder needs from the ledger beside Submit. Both methods are
// durable when they return nil, may be repeated, and return an error wrapping
// ingest.ErrUnavailable when the ledger cannot be written at the moment.
type Ledger interface {
	// Acknowledge records the place of a submission's scan, in place of an earlier
	// one. It is called just before the scan moves there, so that after a crash the
	// ledger knows of a scan that moved, and a move that did not happen can be told
	// by the scan's absence there.
	Acknowledge(ctx context.Context, id, place string) error
	// Retry takes a failed submission up again; for any other it does nothing.
	Retry(ctx context.Context, id string) error
}

// Options are what an Adapter works with.
type Options struct {
	Spool   ingest.Spool
	MaxFile int64 // larger files are refused; 0 = no limit
	Ledger  Ledger
	Log     *slog.Logger
	Health  *channels.Health // may be nil
	// Now is the clock, in the town's time zone (months and notes go by it); nil
	// means time.Now.
	Now func() time.Time
}

// ErrFolderGone means that the watched folder is not there, or is no longer the one
// that it was: a share that was unmounted leaves an empty folder behind, which must
// not pass for "no scans".
var ErrFolderGone = errors.New("scanfolder: folder gone or replaced")

// Adapter watches one folder. It implements channels.Adapter.
type Adapter struct {
	cfg  config.ScanFolder
	opts Options
	tree tree

	// identity is the folder as it was last opened; kept between runs.
	identity fs.FileInfo
	seen     map[string]*sighting // by path
	alarms   map[string]alarmed   // by path
	owed     []owedNote
	passes   int
	stalled  bool // the last look ended because nothing could be taken in
}

// New returns the adapter of one configured folder. Nothing is touched before Run.
func New(cfg config.ScanFolder, opts Options) *Adapter {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.Log = opts.Log.With("adapter", "scan/"+cfg.Name)
	return &Adapter{cfg: cfg, opts: opts, seen: make(map[string]*sighting), alarms: make(map[string]alarmed)}
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return AdapterName(a.cfg.Name) }

// AdapterName is the name of the adapter of a configured folder.
func AdapterName(folder string) string { return "scan/" + folder }

// Run implements channels.Adapter. It returns an error that wraps ErrFolderGone when
// the folder vanishes. When ctx ends it finishes the scan that it is moving.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	if err := a.open(); err != nil {
		a.opts.Health.Bad(err)
		return err
	}
	defer a.tree.root.Close()
	w := watch(ctx, a.opts.Log)
	defer w.close()
	for {
		dirs, err := a.pass(ctx, sink)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			a.opts.Health.Bad(err)
			return err
		}
		w.add(a.cfg.Dir, dirs)
		if !a.wait(ctx, w.wake) {
			return nil
		}
	}
}

// wait sleeps until the next look is due or an event comes; false means that ctx ended.
// Events of a growing file come in thousands, so a look never follows another at once.
func (a *Adapter) wait(ctx context.Context, wake <-chan struct{}) bool {
	pause := a.nextLook()
	gap := time.NewTimer(min(pause, max(a.cfg.StableFor/4, 20*time.Millisecond), time.Second))
	defer gap.Stop()
	next := time.NewTimer(pause)
	defer next.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-gap.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-next.C:
	case <-wake:
	}
	return true
}

// nextLook is the time until the next look: the poll interval, or less when a file will
// have been stable for long enough before.
func (a *Adapter) nextLook() time.Duration {
	now, pause := a.opts.Now(), a.cfg.Poll
	for _, s := range a.seen {
		if d := s.due(a.cfg.StableFor).Sub(now); d > 0 {
			pause = min(pause, d+time.Millisecond)
		}
	}
	return max(pause, time.Millisecond)
}

// open opens the folder and makes our own folders in it, which also serve as the mark
// by which the folder is known again.
func (a *Adapter) open() error {
	if info, err := os.Lstat(a.cfg.Dir); err != nil {
		return fmt.Errorf("%w: %w", ErrFolderGone, err)
	} else if info.Mode()&(fs.ModeDir|fs.ModeSymlink) == 0 {
		return fmt.Errorf("%w: %q is not a folder", ErrFolderGone, a.cfg.Dir)
	}
	t, err := openTree(a.cfg.Dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolderGone, err)
	}
	if err := a.adopt(t); err != nil {
		_ = t.root.Close()
		return err
	}
	a.tree = t
	return nil
}

func (a *Adapter) adopt(t tree) error {
	info, err := t.root.Stat(".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolderGone, err)
	}
	if a.identity != nil && !os.SameFile(a.identity, info) {
		real, err := t.real(dirDone)
		if err != nil {
			return err
		}
		if _, err := t.root.Lstat(real); err != nil {
			return fmt.Errorf("%w: another folder without %s lies at %q; is the share mounted?", ErrFolderGone, dirDone, a.cfg.Dir)
		}
	}
	for _, own := range []string{dirDone, dirDuplicate, dirFailed} {
		if err := t.makeDir(own); err != nil {
			return err
		}
	}
	a.identity = info
	return nil
}

// stillThere fails when the folder that is open is no longer the one at its path.
func (a *Adapter) stillThere() error {
	now, err := os.Stat(a.cfg.Dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolderGone, err)
	}
	if !os.SameFile(now, a.identity) {
		return fmt.Errorf("%w: another folder lies at %q", ErrFolderGone, a.cfg.Dir)
	}
	return nil
}

// Check tells whether a configured folder can work: it exists, is a folder, can be
// listed and written to, and nothing else lies where our own folders belong. It leaves
// nothing behind.
func Check(cfg config.ScanFolder) error {
	t, err := openTree(cfg.Dir)
	if err != nil {
		return err
	}
	defer t.root.Close()
	d, err := t.openDir(".")
	if err != nil {
		return fmt.Errorf("scanfolder: list folder: %w", err)
	}
	defer d.Close()
	if _, err := d.Readdirnames(-1); err != nil {
		return fmt.Errorf("scanfolder: list folder: %w", err)
	}
	for _, own := range []string{dirDone, dirDuplicate, dirFailed} {
		real, err := t.real(own)
		if err != nil {
			return err
		}
		if _, err := t.root.Lstat(real); err == nil {
			if err := probe(t, real); err != nil {
				return err
			}
		}
	}
	return probe(t, ".")
}

// probe writes and removes a file, which says more than permission bits do.
func probe(t tree, dir string) error {
	name := path.Join(dir, fmt.Sprintf(".saisine-check-%d.tmp", os.Getpid()))
	err := t.root.WriteFile(name, []byte("saisine\n"), 0o600)
	if err := errors.Join(err, t.root.Remove(name)); err != nil {
		return fmt.Errorf("scanfolder: write to folder: %w", err)
	}
	return nil
}
