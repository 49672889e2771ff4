package scanfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/discreet"
)

const (
	// maxDepth is how deep sub-folders are looked into; the first level names services.
	maxDepth = 5
	// patience, times stable_for, is how long a file that looks half-written is waited for.
	patience = 10
	// maxRetryPause bounds the pause before a file that made trouble is tried again.
	maxRetryPause = 5 * time.Minute
)

// errLater means that a file is not ready; nothing is wrong with it.
var errLater = errors.New("scanfolder: not ready yet")

var errTooDeep = fmt.Errorf("scanfolder: folder is more than %d levels deep and is not looked into", maxDepth)

// sighting is what is remembered of a file between two looks.
type sighting struct {
	info     fs.FileInfo
	since    time.Time // when it was first seen with this size and date
	retryAt  time.Time // not before, after trouble with it
	failures int
	pass     int // the last look that saw it
}

// due is when the file may be taken.
func (s *sighting) due(stableFor time.Duration) time.Time {
	t := s.since.Add(stableFor)
	if s.retryAt.After(t) {
		return s.retryAt
	}
	return t
}

// pass looks through the whole folder once and takes in what is ready. It returns the
// folders it saw. An error means that the folder itself cannot be used. Trouble with one
// file becomes an alarm and the others go on; when the house takes nothing in, the
// look ends, everything stays where it is, and Health says so.
func (a *Adapter) pass(ctx context.Context, sink ingest.Sink) ([]string, error) {
	if err := a.stillThere(); err != nil {
		return nil, err
	}
	a.passes++
	a.payNotes(ctx)
	var dirs []string
	err := a.walk(ctx, ".", 0, &dirs, func(file string, info fs.FileInfo) error {
		return a.look(ctx, sink, file, info)
	})
	if errors.Is(err, ingest.ErrUnavailable) {
		a.opts.Health.Bad(err)
		if !a.stalled {
			a.opts.Log.WarnContext(ctx, "scans wait: nothing can be taken in at the moment", "error", err)
		}
		a.stalled = true
		return dirs, nil
	}
	if err != nil {
		return nil, err
	}
	a.stalled = false
	for file, s := range a.seen {
		if s.pass != a.passes {
			delete(a.seen, file)
		}
	}
	for file, al := range a.alarms {
		if al.pass != a.passes && a.seen[file] == nil {
			a.clearAlarm(file)
		}
	}
	a.opts.Health.Good(a.opts.Now())
	return dirs, nil
}

// walk calls visit for every regular file that is not ignored, until one gives an error.
func (a *Adapter) walk(ctx context.Context, dir string, depth int, dirs *[]string, visit func(string, fs.FileInfo) error) error {
	names, err := a.list(dir)
	switch {
	case err == nil:
	case depth == 0:
		return fmt.Errorf("%w: %w", ErrFolderGone, err)
	case !errors.Is(err, fs.ErrNotExist):
		a.alarm(ctx, dir, fmt.Errorf("scanfolder: list folder: %w", err))
	}
	*dirs = append(*dirs, dir)
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ignored(name) || ownDir(name) != "" {
			continue
		}
		file := path.Join(dir, name)
		info, err := a.tree.root.Lstat(file)
		switch {
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) {
				a.alarm(ctx, file, err)
			}
		case info.IsDir():
			if depth == maxDepth {
				a.alarm(ctx, file, errTooDeep)
				continue
			}
			if err := a.walk(ctx, file, depth+1, dirs, visit); err != nil {
				return err
			}
		case info.Mode().IsRegular() && info.Size() > 0 && !ourNote(name):
			if err := visit(file, info); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Adapter) list(dir string) ([]string, error) {
	d, err := a.tree.openDir(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// look notes a file and takes it when it is due. The error is the house's, not the file's.
func (a *Adapter) look(ctx context.Context, sink ingest.Sink, file string, info fs.FileInfo) error {
	now := a.opts.Now()
	s := a.seen[file]
	if s == nil || !same(s.info, info) {
		s = &sighting{since: now}
		a.seen[file] = s
	}
	// A clock that was set back must not make a file wait until it is right again.
	if now.Before(s.since) {
		s.since = now
	}
	if latest := now.Add(maxRetryPause); s.retryAt.After(latest) {
		s.retryAt = latest
	}
	s.info, s.pass = info, a.passes
	if s.due(a.cfg.StableFor).After(now) {
		return nil
	}
	return a.outcome(ctx, file, s, a.take(ctx, sink, file, s))
}

// outcome draws the consequence of trying to take a file. Only an error that would meet
// every other file too comes back.
func (a *Adapter) outcome(ctx context.Context, file string, s *sighting, err error) error {
	now := a.opts.Now()
	switch {
	case err == nil:
		delete(a.seen, file)
		a.clearAlarm(file)
	case ctx.Err() != nil:
	case errors.Is(err, ingest.ErrUnavailable):
		return err
	case errors.Is(err, errLater), errors.Is(err, fs.ErrNotExist), errors.Is(err, errSwapped), errors.Is(err, errNotRegular):
		s.retryAt = now.Add(min(a.cfg.Poll, max(a.cfg.StableFor, 10*time.Millisecond)))
	default:
		s.failures++
		s.retryAt = now.Add(retryPause(a.cfg.Poll, s.failures))
		a.alarm(ctx, file, err)
	}
	return nil //nolint:nilerr // told by the alarm; the others go on
}

func retryPause(poll time.Duration, failures int) time.Duration {
	d := max(poll, time.Second)
	for i := 1; i < failures && d < maxRetryPause; i++ {
		d *= 2
	}
	return min(d, maxRetryPause)
}

// same reports whether a file looks untouched since it was seen.
func same(x, y fs.FileInfo) bool {
	return os.SameFile(x, y) && x.Size() == y.Size() && x.ModTime().Equal(y.ModTime())
}

// alarmed is an alarm that stands.
type alarmed struct {
	text string
	pass int // the last look that raised it
}

// alarm tells a person of a file or folder that needs one. It is taken back when the
// file has been taken in, or a whole look neither raised it again nor saw the file.
func (a *Adapter) alarm(ctx context.Context, file string, err error) {
	told := a.alarms[file].text == err.Error()
	a.alarms[file] = alarmed{text: err.Error(), pass: a.passes}
	if told {
		return
	}
	a.opts.Health.AlarmError(alarmKey(file), err)
	a.opts.Log.WarnContext(ctx, "trouble with a file in the scan folder, others go on", "file", discreet.Mark(file), "error", err)
}

func (a *Adapter) clearAlarm(file string) {
	delete(a.alarms, file)
	a.opts.Health.Alarm(alarmKey(file), "")
}

func alarmKey(file string) string { return "file " + strconv.Quote(file) }

// twoSidedDir is the folder for stacks that are scanned in two goes: the fronts, then
// the backs as the stack lies, turned over.
const twoSidedDir = "recto-verso"

// hints is what the place of a file says of it: the service that the first sub-folder
// names, and whether it is one side of a stack.
func hints(file string) ingest.Hints {
	h := ingest.Hints{Filename: clean(path.Base(file)), Postmark: postmark(path.Base(file))}
	folders := strings.Split(path.Dir(file), "/")
	for _, name := range folders {
		switch {
		case strings.EqualFold(strings.TrimSpace(name), twoSidedDir):
			h.TwoSided = true
		case h.Service == "" && name != ".":
			h.Service = strings.TrimSpace(clean(name))
		}
	}
	return h
}

// postmarked finds the day of the postmark that a clerk wrote into a file's name:
// "cachet 2026-11-20", "lettre_cachet-20-11-2026.pdf".
var postmarked = regexp.MustCompile(`(?i)cachet[ _.-]*(?:du[ _.-]*)?(?:(\d{4})[-_.](\d{2})[-_.](\d{2})|(\d{1,2})[-_.](\d{1,2})[-_.](\d{4}))(?:\D|$)`)

func postmark(name string) time.Time {
	m := postmarked.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}
	}
	year, month, day := m[1]+m[6], m[2]+m[5], m[3]+m[4]
	t, err := time.Parse("2006-1-2", strings.Join([]string{year, strings.TrimPrefix(month, "0"), strings.TrimPrefix(day, "0")}, "-"))
	if err != nil {
		return time.Time{} // no such day: better none than another
	}
	return t
}
