package scanfolder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest/discreet"
)

var (
	errNotRegular = errors.New("scanfolder: not a regular file")
	errSwapped    = errors.New("scanfolder: replaced while it was looked at")
	errOwnDir     = errors.New("scanfolder: in the place of one of saisine's folders is something else")
	errPlace      = errors.New("scanfolder: not a place inside saisine's folders")
	errCrowded    = errors.New("scanfolder: too many files of the same name")
)

// maxVariants bounds the search for a free name.
const maxVariants = 10_000

// tree is a watched folder with our own folders in it. Paths are relative and
// slash-separated. A "place" is a path whose first element is the composed form of one
// of our folders, however the file system spells it: places go into the ledger.
// Everything goes through os.Root, so that no symbolic link leads outside.
type tree struct {
	root *os.Root
}

func openTree(dir string) (tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return tree{}, fmt.Errorf("scanfolder: open folder: %w", err)
	}
	return tree{root}, nil
}

// open opens a regular file for reading. os.Root keeps to the folder, but follows
// symbolic links inside it even with O_NOFOLLOW, so what was opened must be what
// Lstat saw; O_NONBLOCK keeps a FIFO that was put there in between from hanging us.
func (t tree) open(name string) (*os.File, fs.FileInfo, error) {
	return t.openAs(name, fs.FileMode.IsRegular)
}

// openDir is open for a folder.
func (t tree) openDir(name string) (*os.File, error) {
	f, _, err := t.openAs(name, fs.FileMode.IsDir)
	return f, err
}

func (t tree) openAs(name string, kind func(fs.FileMode) bool) (*os.File, fs.FileInfo, error) {
	before, err := t.root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !kind(before.Mode()) {
		return nil, nil, errNotRegular
	}
	f, err := t.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	now, err := f.Stat()
	if err == nil && (!kind(now.Mode()) || !os.SameFile(before, now)) {
		err = errSwapped
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, now, nil
}

// real gives the path of a place as this file system spells it, and does not make
// anything: macOS wrote names in decomposed form (NFD) to shares for decades.
func (t tree) real(place string) (string, error) {
	own, rest, _ := strings.Cut(place, "/")
	if ownDir(own) != own || own == "" || !filepath.IsLocal(place) {
		return "", discreet.Named(errPlace, place)
	}
	for _, form := range []string{own, norm.NFD.String(own)} {
		info, err := t.root.Lstat(form)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", err
		case !info.IsDir():
			return "", discreet.Named(errOwnDir, form)
		}
		return path.Join(form, rest), nil
	}
	return path.Join(own, rest), nil
}

// makeDir makes a folder of ours where it is missing. It takes the rights of the
// watched folder, so that whoever may drop a scan in may also take one out again.
func (t tree) makeDir(place string) error {
	like, err := t.root.Stat(".")
	if err != nil {
		return err
	}
	real, err := t.real(place)
	if err != nil {
		return err
	}
	for i := 0; i <= len(real); i++ {
		if i < len(real) && real[i] != '/' {
			continue
		}
		dir := real[:i]
		err := t.root.Mkdir(dir, 0o775) // clerks take scans out of it
		switch {
		case err == nil:
			// Not possible on every share; the umask's rights then have to do.
			_ = t.root.Chmod(dir, like.Mode()&(fs.ModePerm|fs.ModeSetgid))
			if err := t.sync(path.Dir(dir)); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrExist):
			return fmt.Errorf("scanfolder: make folder: %w", err)
		}
		if info, err := t.root.Lstat(dir); err != nil {
			return err
		} else if !info.IsDir() {
			return discreet.Named(errOwnDir, dir)
		}
	}
	return nil
}

// free looks for a place in folder for a scan: no file of that name, and no notes of
// that name except those of the same submission (an earlier try that was interrupted
// after the note). It makes the folder. The place is not reserved: move refuses it
// when somebody was faster.
func (t tree) free(folder, name, id string) (string, error) {
	if err := t.makeDir(folder); err != nil {
		return "", err
	}
	for n := 1; n <= maxVariants; n++ {
		place := folder + "/" + variant(name, n)
		real, err := t.real(place)
		if err != nil {
			return "", err
		}
		_, err = t.root.Lstat(real)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if owner, found := t.noteOwner(place); !found || owner == id {
			return place, nil
		}
	}
	return "", discreet.Named(errCrowded, name)
}

// move renames from (a real path) to a place. It never overwrites: when the place is
// taken it fails with fs.ErrExist. Both folders are synced, so that a power cut
// cannot bring the scan back after the ledger says that it was moved.
func (t tree) move(from, place string) error {
	to, err := t.real(place)
	if err != nil {
		return err
	}
	if err := t.rename(from, to); err != nil {
		return err
	}
	return errors.Join(t.sync(path.Dir(to)), t.sync(path.Dir(from)))
}

// rename is move between real paths and without the syncs.
func (t tree) rename(from, to string) error {
	fromDir, err := t.openDir(path.Dir(from))
	if err != nil {
		return err
	}
	defer fromDir.Close()
	toDir, err := t.openDir(path.Dir(to))
	if err != nil {
		return err
	}
	defer toDir.Close()
	err = unix.Renameat2(int(fromDir.Fd()), path.Base(from), int(toDir.Fd()), path.Base(to), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		err = t.moveByLink(from, to) // NFS knows no flags of renameat2(2)
	}
	if err != nil {
		return discreet.Named(fmt.Errorf("scanfolder: move: %w", err), from)
	}
	return nil
}

// sync makes the entries of a folder durable, where the file system can.
func (t tree) sync(dir string) error {
	d, err := t.openDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("scanfolder: sync folder: %w", err)
	}
	return nil
}

// moveByLink moves without overwriting where renameat2 cannot: by a second name, or,
// where the file system knows no hard links either, over an empty file that we made
// ourselves and that nobody else can have made.
func (t tree) moveByLink(from, to string) error {
	err := t.root.Link(from, to)
	switch {
	case err == nil:
		return t.root.Remove(from)
	case errors.Is(err, fs.ErrExist):
		// A crash between the two calls above leaves one file under two names.
		if same, err := t.sameFile(from, to); err == nil && same {
			return t.root.Remove(from)
		}
		return err
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS):
		return err
	}
	f, err := t.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o664)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return t.root.Rename(from, to)
}

func (t tree) sameFile(a, b string) (bool, error) {
	x, err := t.root.Lstat(a)
	if err != nil {
		return false, err
	}
	y, err := t.root.Lstat(b)
	if err != nil {
		return false, err
	}
	return os.SameFile(x, y), nil
}

// has reports whether a regular file lies at a place.
func (t tree) has(place string) (bool, error) {
	real, err := t.real(place)
	if err != nil {
		return false, err
	}
	info, err := t.root.Lstat(real)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Mode().IsRegular(), nil
}

// holds reports whether the file at a place has this content.
func (t tree) holds(place string, size int64, sum string) (bool, error) {
	if found, err := t.has(place); err != nil || !found {
		return false, err
	}
	real, err := t.real(place)
	if err != nil {
		return false, err
	}
	f, info, err := t.open(real)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info.Size() != size {
		return false, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, size+1)); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == sum, nil
}
