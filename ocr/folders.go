package ocr

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/child"
	"saisine.fr/saisine/ocr/wire"
)

// folders is the temporary folder of one child, with two in it: in one the child works, and
// into the other, where it only reads, the daemon puts the files of the request that it
// works on. So a child has one document at a time, and no way to any other.
type folders string

func (f folders) work() string { return filepath.Join(string(f), "work") }

func (f folders) in() string { return filepath.Join(string(f), child.InFolder) }

func (f folders) make() error {
	for _, dir := range []string{f.work(), f.in()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("make temporary folder: %w", err)
		}
	}
	return nil
}

// hand puts the files of a request where the child can read them, and makes the request
// name them there. Its errors wrap ErrChild; takeBack is to be given what it returns.
func (f folders) hand(req *wire.Request) (handed []string, err error) {
	put := func(path string) (string, error) {
		to := filepath.Join(f.in(), strconv.Itoa(len(handed)))
		if err := share(path, to); err != nil {
			return "", fmt.Errorf("%w: hand over document: %w", ErrChild, err)
		}
		handed = append(handed, to)
		return to, nil
	}
	defer func() {
		if err != nil {
			f.takeBack(handed)
		}
	}()
	if req.Path != "" {
		if req.Path, err = put(req.Path); err != nil {
			return handed, err
		}
	}
	if req.Copy == nil || len(req.Copy.Parts) == 0 {
		return handed, nil
	}
	// The caller's task stays as it is: the request may be made a second time.
	task := *req.Copy
	task.Parts = nil
	for _, part := range req.Copy.Parts {
		to, err := put(part)
		if err != nil {
			return handed, err
		}
		task.Parts = append(task.Parts, to)
	}
	req.Copy = &task
	return handed, nil
}

// takeBack takes away what hand has put there.
func (f folders) takeBack(handed []string) {
	for _, path := range handed {
		_ = os.Remove(path) // the whole folder goes with the child
	}
}

// share makes the file at path appear at to as well: as a link where both lie on one file
// system and the file is the daemon's own, as a copy otherwise.
func share(path, to string) error {
	err := unix.Linkat(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.AT_SYMLINK_FOLLOW)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		return &os.PathError{Op: "link", Path: path, Err: err}
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close() // only read: nothing can be lost
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
