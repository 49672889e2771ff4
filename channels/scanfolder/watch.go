package scanfolder

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// maxWatched bounds the folders for which the kernel is asked for events.
const maxWatched = 500

// watcher turns file-system events into wake-ups. It may fail in any way (no inotify
// instances left, a file system without events): then scans wait for the next poll.
type watcher struct {
	wake chan struct{}
	fs   *fsnotify.Watcher
	log  *slog.Logger
	done sync.WaitGroup
	told bool
}

func watch(ctx context.Context, log *slog.Logger) *watcher {
	w := &watcher{wake: make(chan struct{}, 1), log: log}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		log.WarnContext(ctx, "no file-system events, scans are seen at the next poll", "error", err)
		return w
	}
	w.fs = n
	w.done.Go(func() { w.drain(ctx) })
	return w
}

// drain reads both channels until the watcher is closed: fsnotify blocks otherwise.
func (w *watcher) drain(ctx context.Context) {
	for {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod || ignored(filepath.Base(e.Name)) {
				continue
			}
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			// Mostly an overflow of the event queue: something happened, so look.
			w.log.DebugContext(ctx, "file-system events were lost", "error", err)
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// add watches folders (relative to dir); for those that are watched already the kernel
// gives back the same watch, and it drops those that vanish.
func (w *watcher) add(dir string, rel []string) {
	if w.fs == nil {
		return
	}
	for _, d := range rel[:min(len(rel), maxWatched)] {
		if err := w.fs.Add(filepath.Join(dir, filepath.FromSlash(d))); err != nil && !w.told {
			w.told = true
			w.log.Warn("no file-system events for a folder, its scans are seen at the next poll", "error", err)
		}
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close()
		w.done.Wait()
	}
}
