// Package npmtest fetches pinned packages of npm for tests. None is committed: their licences
// are their own, and they are no part of the program.
package npmtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Module is one release of a package.
type Module struct {
	Name, Version string
	SHA256        string // of its archive
}

// maxFile bounds one file of a package.
const maxFile = 16 << 20

// Missing skips a test for which something is missing on a developer's machine, and fails it
// where all must be there.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skip(why)
	}
	t.Fatal(why)
}

// Archive returns the package's archive. It is fetched once, with npm, into the user's cache
// folder.
func (m Module) Archive(t testing.TB) []byte {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no folder for %s: %v. Set HOME or XDG_CACHE_HOME.", m.Name, err)
	}
	path := filepath.Join(cache, "saisine-tools", m.Name+"-"+m.Version+".tgz")
	tgz, err := os.ReadFile(path)
	if err != nil || m.check(tgz) != nil {
		tgz = m.fetch(t, path)
	}
	return tgz
}

func (m Module) check(tgz []byte) error {
	sum := sha256.Sum256(tgz)
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		return fmt.Errorf("SHA-256 is %s, want %s", got, m.SHA256)
	}
	return nil
}

// fetch fetches the archive, and keeps it at path.
func (m Module) fetch(t testing.TB, path string) []byte {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		Missing(t, m.Name+" is not in the cache, and npm, which fetches it, is missing. Install it: sudo apt-get install npm")
	}
	cmd := exec.CommandContext(t.Context(), "npm", "pack", m.Name+"@"+m.Version)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack %s@%s: %v. It needs the npm registry once.\n%s", m.Name, m.Version, err, out)
	}
	tgz, err := os.ReadFile(filepath.Join(cmd.Dir, filepath.Base(path)))
	if err == nil {
		err = m.check(tgz)
	}
	if err == nil {
		err = keep(path, tgz)
	}
	if err != nil {
		t.Fatalf("%s as fetched: %v", m.Name, err)
	}
	return tgz
}

// keep writes the file at path, which appears whole or not at all, for several runs may fetch
// it at once.
func keep(path string, tgz []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "npm-*")
	if err != nil {
		return err
	}
	_, err = f.Write(tgz)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// File returns one file of the package, by its path in it.
func (m Module) File(t testing.TB, name string) string {
	t.Helper()
	var content []byte
	found := false
	err := walk(m.Archive(t), func(path string, r io.Reader) (err error) {
		if path == name {
			content, err = io.ReadAll(r)
			found = true
		}
		return err
	})
	if err == nil && !found {
		err = errors.New("it holds no " + name)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", m.Name, m.Version, err)
	}
	return string(content)
}

// Unpack lays the package into dir/NAME. Its sum is pinned, and still no name may lead out of it.
func (m Module) Unpack(t testing.TB, dir string) {
	t.Helper()
	dir = filepath.Join(dir, m.Name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	err = walk(m.Archive(t), func(path string, r io.Reader) error {
		content, err := io.ReadAll(r)
		if err == nil {
			err = root.MkdirAll(filepath.Dir(path), 0o750)
		}
		if err == nil {
			err = root.WriteFile(path, content, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s %s: %v", m.Name, m.Version, err)
	}
}

// walk calls f for each file of an archive, by its path below the archive's one folder.
func walk(tgz []byte, f func(path string, r io.Reader) error) error {
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, path, ok := strings.Cut(h.Name, "/")
		if h.Typeflag != tar.TypeReg || !ok {
			continue
		}
		if err := f(path, io.LimitReader(r, maxFile)); err != nil {
			return err
		}
	}
}
