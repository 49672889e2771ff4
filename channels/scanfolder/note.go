package scanfolder

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/discreet"
)

// ErrNotPlaced is returned by UpdateNote when the scan is not (yet) where the ledger
// says: its move is still under way, or a crash came between and the next look at the
// folder will finish it. Try again later.
var ErrNotPlaced = errors.New("scanfolder: the scan is not in its place yet")

var errNoID = errors.New("scanfolder: note without the submission's number")

// Note is what the text file beside a scan tells the clerk.
type Note struct {
	ID        string // of the submission
	State     ingest.State
	Reason    string // for StateSetAside and StateFailed, in French
	Reference string // of the request, or ""
	Category  string // the request's category in words, or ""
	Service   string // the service in charge in words, or ""
	// Letters are the submissions that were made of the scan: the letters between its
	// separator sheets, or the stack of which it is one side.
	Letters []NoteLetter
	// Problems is what was wrong with a scan that was filed all the same, in French.
	Problems []string
	// ReceivedAt is shown in its own time zone; zero leaves the line out.
	ReceivedAt time.Time
}

// NoteLetter is a line about a submission that was made of a scan.
type NoteLetter struct {
	State     ingest.State
	Reason    string // for StateSetAside and StateFailed, in French
	Reference string // of the request, or ""
	Pages     int
	Category  string // in words, or ""
	Service   string // in words, or ""
	Problems  []string
}

// UpdateNote brings the note beside a scan up to date: "NAME.reçu.txt" in `_traités`
// for one that was filed or set aside, "NAME.erreur.txt" in `_échecs` for one that
// failed. Where the state calls for the other folder the scan is moved there first (a
// filed scan that failed before, or the reverse).
//
// dir is the watched folder, place the last one that was acknowledged for the
// submission. It returns where the scan now lies; when that differs from place the
// caller acknowledges it. Doing it again, also with the old place after a crash,
// changes nothing more. Notes appear whole or not at all. It is safe beside a
// running Adapter, but two calls for one submission must not overlap. Errors of the
// file system may pass with time; ErrNotPlaced says that the first move is not done.
func UpdateNote(dir, place string, n Note) (string, error) {
	if n.ID == "" {
		return "", errNoID
	}
	if place == "" {
		return "", ErrNotPlaced
	}
	t, err := openTree(dir)
	if err != nil {
		return "", err
	}
	defer t.root.Close()
	if _, err := t.real(place); err != nil {
		return "", err
	}

	current, err := t.locate(place, n)
	if err != nil {
		return "", err
	}
	want, suffix, other := dirDone, suffixReceipt, suffixError
	switch {
	case n.State == ingest.StateFailed:
		want, suffix, other = dirFailed, suffixError, suffixReceipt
	case n.State == ingest.StateReceived && topDir(current) == dirFailed:
		return current, nil // taken up again by command: wait for how it ends
	}
	there, err := t.has(current)
	if err != nil {
		return "", err
	}
	switch {
	case !there:
		// A person has taken the scan away and left the note: keep that one true.
		suffix = t.noteSuffix(current)
		fallthrough
	case topDir(current) == want:
		if err := t.writeNote(current+suffix, n.text(path.Base(current)), true); err != nil {
			return "", err
		}
	default:
		if current, err = t.relocate(current, want, suffix, n); err != nil {
			return "", err
		}
	}
	if there && current != place {
		if err := errors.Join(t.removeNote(place+suffix, n.ID), t.removeNote(place+other, n.ID)); err != nil {
			return "", err
		}
	}
	return current, nil
}

// topDir is the folder of ours that a place is in.
func topDir(place string) string {
	top, _, _ := strings.Cut(place, "/")
	return top
}

// noteSuffix is the ending of the note that lies at a place.
func (t tree) noteSuffix(place string) string {
	if found, _ := t.has(place + suffixError); found {
		return suffixError
	}
	return suffixReceipt
}

// locate finds the scan of a submission: at its place, or where an UpdateNote that was
// interrupted before its caller could acknowledge has put it. A scan counts as
// another's when the note beside it says so.
func (t tree) locate(place string, n Note) (string, error) {
	owner, noted := t.noteOwner(place)
	if noted && owner != "" && owner != n.ID {
		return "", discreet.Named(fmt.Errorf("%w: it belongs to another submission", ErrNotPlaced), place)
	}
	if found, err := t.has(place); err != nil || found {
		return place, err
	}
	folders := []string{dirFailed, t.doneDir(place, n)}
	for _, folder := range folders {
		for i := 1; i <= maxVariants; i++ {
			candidate := folder + "/" + variant(path.Base(place), i)
			owner, found := t.noteOwner(candidate)
			there, err := t.has(candidate)
			if err != nil {
				return "", err
			}
			if !found && !there {
				break
			}
			if found && owner == n.ID && there {
				return candidate, nil
			}
		}
	}
	if noted {
		return place, nil
	}
	return "", ErrNotPlaced
}

// doneDir is the month's folder that a place belongs to.
func (t tree) doneDir(place string, n Note) string {
	if topDir(place) == dirDone {
		return path.Dir(place)
	}
	when := n.ReceivedAt
	if when.IsZero() {
		when = time.Now()
	}
	return monthDir(when)
}

// relocate moves a scan between `_traités` and `_échecs`: note first, so that whoever
// finds the scan also finds why it is there, then the scan. The old note is left to
// the caller.
func (t tree) relocate(from, want, suffix string, n Note) (string, error) {
	folder := want
	if want == dirDone {
		folder = t.doneDir(from, n)
	}
	realFrom, err := t.real(from)
	if err != nil {
		return "", err
	}
	for range maxVariants {
		place, err := t.free(folder, path.Base(from), n.ID)
		if err != nil {
			return "", err
		}
		if err := t.writeNote(place+suffix, n.text(path.Base(place)), true); err != nil {
			return "", err
		}
		err = t.move(realFrom, place)
		if errors.Is(err, fs.ErrExist) {
			if err := t.removeNote(place+suffix, n.ID); err != nil {
				return "", err
			}
			continue
		}
		if err != nil {
			return "", err
		}
		return place, nil
	}
	return "", errCrowded
}

// writeNote writes a note whole or not at all: a full disk or a crash leaves the old
// one. Without replace an existing note wins, and that is no error.
func (t tree) writeNote(place, text string, replace bool) error {
	real, err := t.real(place)
	if err != nil {
		return err
	}
	temp := path.Join(path.Dir(real), ".saisine-"+rand.Text()+".tmp")
	f, err := t.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o664) // clerks read it
	if err != nil {
		return fmt.Errorf("scanfolder: write note: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	switch {
	case err != nil:
	case replace:
		err = t.root.Rename(temp, real)
	default:
		if err = t.rename(temp, real); errors.Is(err, fs.ErrExist) {
			_ = t.root.Remove(temp)
			return nil
		}
	}
	if err != nil {
		_ = t.root.Remove(temp)
		return fmt.Errorf("scanfolder: write note: %w", err)
	}
	return nil
}

// removeNote removes a note of that submission, if there is one.
func (t tree) removeNote(place, id string) error {
	real, err := t.real(place)
	if err != nil {
		return err
	}
	owner, err := t.readOwner(real)
	if errors.Is(err, fs.ErrNotExist) || err == nil && owner != id {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.root.Remove(real); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scanfolder: remove note: %w", err)
	}
	return nil
}

// noteOwner tells to which submission the notes beside a place belong, if there are
// any. A note that says nothing readable belongs to "".
func (t tree) noteOwner(place string) (id string, found bool) {
	for _, suffix := range []string{suffixReceipt, suffixError, suffixDuplicate} {
		real, err := t.real(place + suffix)
		if err != nil {
			continue
		}
		id, err := t.readOwner(real)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		return id, true // "" when it cannot be read: then nobody's, and left alone
	}
	return "", false
}

func (t tree) readOwner(real string) (string, error) {
	f, _, err := t.open(real)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", err
	}
	return parseOwner(b), nil
}

// labelNumber begins the line by which a note is recognised later.
const labelNumber = "Numéro\u00a0: "

// parseOwner reads the submission's number back from a note, which a clerk may have
// saved again with Windows line ends and a byte order mark.
func parseOwner(note []byte) string {
	s := bufio.NewScanner(bytes.NewReader(note))
	for s.Scan() {
		line := strings.TrimPrefix(strings.TrimSpace(s.Text()), "\ufeff")
		if id, ok := strings.CutPrefix(line, labelNumber); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}
