package sftp

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
)

const (
	// Extensions of OpenSSH (PROTOCOL §4.3 and §4.6 of its source), which other servers have
	// as well.
	posixRename = "posix-rename@openssh.com"
	syncFile    = "fsync@openssh.com"

	// inFlight is how many pieces of 32 KiB are under way at once, so that a long line is
	// used.
	inFlight = 32
)

// fault names the file. A refusal is never permanent: it is about the set-up of the server,
// its rights or its room, and ends when that is mended.
func fault(doing, name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("sftp: %s %q: %w; the login needs the right to write there", doing, name, err)
	}
	return fmt.Errorf("sftp: %s %q: %w", doing, name, err)
}

// atomic reports whether the server replaces a file by a rename.
func (c *session) atomic() bool {
	_, ok := c.HasExtension(posixRename)
	return ok
}

// folder reports whether dir is there, as a folder.
func (c *session) folder(dir string, look func(string) (fs.FileInfo, error)) (bool, error) {
	info, err := look(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fault("look at", dir, err)
	case !info.IsDir():
		return false, fmt.Errorf("sftp: %q is there and is not a folder; move it away", dir)
	}
	return true, nil
}

// base wants the folder of all cases, which may be a link.
func (c *session) base(dir string) error {
	there, err := c.folder(dir, c.Stat)
	if err == nil && !there {
		err = fmt.Errorf("sftp: there is no folder %q; make it, or correct dir", dir)
	}
	return err
}

// caseFolder reports whether the folder of a case is there. A link, which might lead out of the
// folder of all cases, is an error.
func (c *session) caseFolder(dir string) (bool, error) {
	there, err := c.folder(dir, c.Lstat)
	if err != nil || there {
		return there, err
	}
	// A share that is not mounted is no case that was taken away.
	return false, c.base(path.Dir(dir))
}

// publish makes a folder that gets its name when fill has ended. What an earlier try left is
// replaced.
func (c *session) publish(dir string, fill func(tmp string) error) error {
	tmp := dir + ".tmp"
	for _, old := range []string{tmp, dir} {
		if err := c.RemoveAll(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault("remove what an earlier try left as", old, err)
		}
	}
	if err := c.Mkdir(tmp); err != nil {
		return fault("make folder", tmp, err)
	}
	if err := fill(tmp); err != nil {
		return err
	}
	// Not the POSIX one: where there is nothing to replace the plain one is atomic as well,
	// and every server has it for folders.
	if err := c.Rename(tmp, dir); err != nil {
		return fault("rename to", dir, err)
	}
	return nil
}

// addFiles lays the files into the folder of their addition, and completes their entries. An
// addition without any has no folder.
func (c *session) addFiles(dir string, files []handover.File, entries []manifest.File) error {
	if len(files) == 0 {
		return nil
	}
	return c.publish(dir, func(tmp string) error {
		for i, f := range files {
			if err := c.upload(path.Join(tmp, entries[i].Name), f, &entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// upload writes a file and compares what went with what the ledger knows of it.
func (c *session) upload(name string, f handover.File, entry *manifest.File) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("sftp: open %q: %w", name, err)
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	n, err := c.write(name, io.TeeReader(r, sum))
	if err != nil {
		return err
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if n != f.Size || f.SHA256 != "" && got != f.SHA256 {
		return ingest.Permanent(fmt.Errorf("sftp: %q is not the file in the ledger any more (%d bytes, want %d): run saisine verify", name, n, f.Size))
	}
	entry.SHA256 = got
	return nil
}

// put writes a file anew.
func (c *session) put(name string, data []byte) error {
	_, err := c.write(name, bytes.NewReader(data))
	return err
}

// write writes a file anew, to the server's disk where it does so on demand, and looks whether
// it is all there.
func (c *session) write(name string, r io.Reader) (n int64, err error) {
	w, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return 0, fault("write", name, err)
	}
	defer func() {
		if w != nil {
			_ = w.Close()
		}
	}()
	if n, err = w.ReadFromWithConcurrency(r, inFlight); err != nil {
		return n, fault("write", name, err)
	}
	if _, ok := c.HasExtension(syncFile); ok {
		if err := w.Sync(); err != nil {
			return n, fault("sync", name, err)
		}
	}
	err, w = w.Close(), nil
	if err != nil {
		return n, fault("close", name, err)
	}
	info, err := c.Stat(name)
	if err != nil {
		return n, fault("look at", name, err)
	}
	if info.Size() != n {
		return n, fmt.Errorf("sftp: %q has %d bytes at the server, %d were sent; is its disk full?", name, info.Size(), n)
	}
	return n, nil
}

// replace writes a file beside its place and puts it there.
func (c *session) replace(name string, data []byte) error {
	part := name + ".part"
	if err := c.put(part, data); err != nil {
		return err
	}
	if c.atomic() {
		if err := c.PosixRename(part, name); err != nil {
			return fault("rename to", name, err)
		}
		return nil
	}
	if err := c.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault("remove the old", name, err)
	}
	if err := c.Rename(part, name); err != nil {
		return fault("rename to", name, err)
	}
	return nil
}

// get reads a whole file of at most limit bytes.
func (c *session) get(name string, limit int64) ([]byte, error) {
	r, err := c.Open(name)
	if err != nil {
		return nil, fault("read", name, err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	if err != nil {
		return nil, fault("read", name, err)
	}
	return data, nil
}

// manifest reads the manifest of the case in dir; fs.ErrNotExist when there is none. One that is
// not ours is an error: two installations may have been given the same folder.
func (c *session) manifest(dir string) (manifest.Manifest, error) {
	name := path.Join(dir, manifest.Name)
	data, err := c.get(name, manifest.MaxSize)
	if errors.Is(err, fs.ErrNotExist) && !c.atomic() {
		// A kill between remove and rename: the new one is whole, or the old one would still
		// be there. It gets its name now, before another one is written in its place.
		if c.Rename(name+".part", name) == nil {
			data, err = c.get(name, manifest.MaxSize)
		}
	}
	if err != nil {
		return manifest.Manifest{}, err
	}
	m, err := manifest.Parse(data)
	if err == nil && m.Reference != path.Base(dir) {
		err = errors.New("it is about another case")
	}
	if err != nil {
		return m, fmt.Errorf("sftp: %q was not written by saisine; move it away: %w", name, err)
	}
	return m, nil
}

// probe writes a file and removes it.
func (c *session) probe(dir string) error {
	name := path.Join(dir, ".saisine-"+rand.Text()+".part")
	if err := c.put(name, []byte("saisine\n")); err != nil {
		return err
	}
	if err := c.Remove(name); err != nil {
		return fault("remove", name, err)
	}
	return nil
}
