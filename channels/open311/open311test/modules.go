package open311test

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

// module is a package of npm, pinned, which is fetched and not committed.
type module struct{ name, version, sum string }

// modules are node-open311 and what it needs to speak JSON. Its other two are stood in for:
// sparkxml was never in the registry, and both are for XML only, which the other client speaks.
var modules = []module{
	{"open311", "0.0.12", "16425f079410811ca0043e49b83fa85300d14e93258f2a00efa142f072e52fdb"},
	{"request", "2.11.4", "9da760beead672fc69ce1d0d01e579824b7ef9a961ff1346cf3fce80beb9f8a4"},
	{"lodash", "0.6.1", "e93de642638dabc7559721fc58cb7fae0a8bed6d6a204b9288e6055b441dd35b"},
}

var standIns = []string{"sparkxml", "xml2json"}

// unpackModules lays the modules into dir, from the user's cache folder, where they are fetched
// to once, with npm.
func unpackModules(t testing.TB, dir string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no folder for node-open311: %v. Set HOME or XDG_CACHE_HOME.", err)
	}
	for _, m := range modules {
		path := filepath.Join(cache, "saisine-tools", m.name+"-"+m.version+".tgz")
		tgz, err := os.ReadFile(path)
		if err != nil || m.check(tgz) != nil {
			tgz = m.fetch(t, path)
		}
		if err := unpack(tgz, filepath.Join(dir, m.name)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, name := range standIns {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, name), 0o750), os.WriteFile(filepath.Join(dir, name, "index.js"), []byte("module.exports = {};\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func (m module) check(tgz []byte) error {
	sum := sha256.Sum256(tgz)
	if got := hex.EncodeToString(sum[:]); got != m.sum {
		return fmt.Errorf("SHA-256 is %s, want %s", got, m.sum)
	}
	return nil
}

// fetch fetches the archive, and keeps it at path.
func (m module) fetch(t testing.TB, path string) []byte {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		missing(t, "node-open311 is not in the cache, and npm, which fetches it, is missing. Install it: sudo apt-get install npm")
	}
	cmd := exec.CommandContext(t.Context(), "npm", "pack", m.name+"@"+m.version)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack %s@%s: %v. It needs the npm registry once.\n%s", m.name, m.version, err, out)
	}
	tgz, err := os.ReadFile(filepath.Join(cmd.Dir, filepath.Base(path)))
	if err == nil {
		err = m.check(tgz)
	}
	if err == nil {
		err = keep(path, tgz)
	}
	if err != nil {
		t.Fatalf("%s as fetched: %v", m.name, err)
	}
	return tgz
}

// keep writes the file at path, which appears whole or not at all, for several runs may fetch
// it at once.
func keep(path string, tgz []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "module-*")
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

// unpack lays the files of an npm package into dir. Their sum is pinned, and still no name may
// lead out of it.
func unpack(tgz []byte, dir string) error {
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, ok := strings.Cut(h.Name, "/")
		if h.Typeflag != tar.TypeReg || !ok {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(r, 4<<20))
		if err == nil {
			err = root.MkdirAll(filepath.Dir(name), 0o750)
		}
		if err == nil {
			err = root.WriteFile(name, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
}
