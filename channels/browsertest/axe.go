package browsertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// The pinned release of axe-core, which is fetched and not committed: its licence is
// MPL 2.0, and it is no part of the program.
const (
	axeVersion = "4.14.1"
	axeSHA256  = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
)

// AxeCore returns the script of axe-core. It is fetched once, with npm, into the
// user's cache folder.
func AxeCore(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no folder for axe-core: %v. Set HOME or XDG_CACHE_HOME.", err)
	}
	path := filepath.Join(cache, "saisine-tools", "axe-core-"+axeVersion+".tgz")
	tgz, err := os.ReadFile(path)
	if err != nil || checkAxe(tgz) != nil {
		tgz = fetchAxe(t, path)
	}
	script, err := unpackAxe(tgz)
	if err != nil {
		t.Fatalf("axe-core in %s: %v", path, err)
	}
	return script
}

// fetchAxe fetches the archive, and keeps it at path.
func fetchAxe(t testing.TB, path string) []byte {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		const missing = "axe-core is not in the cache, and npm, which fetches it, is missing. Install it: sudo apt-get install npm"
		if os.Getenv("CI") == "" {
			t.Skip(missing)
		}
		t.Fatal(missing)
	}
	cmd := exec.CommandContext(t.Context(), "npm", "pack", "axe-core@"+axeVersion)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack axe-core@%s: %v. It needs the npm registry once.\n%s", axeVersion, err, out)
	}
	tgz, err := os.ReadFile(filepath.Join(cmd.Dir, filepath.Base(path)))
	if err == nil {
		err = checkAxe(tgz)
	}
	if err == nil {
		err = keepAxe(path, tgz)
	}
	if err != nil {
		t.Fatalf("axe-core as fetched: %v", err)
	}
	return tgz
}

// keepAxe writes the file at path, which appears whole or not at all, for several runs
// may fetch it at once.
func keepAxe(path string, tgz []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "axe-core-*")
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

func checkAxe(tgz []byte) error {
	sum := sha256.Sum256(tgz)
	if got := hex.EncodeToString(sum[:]); got != axeSHA256 {
		return fmt.Errorf("SHA-256 is %s, want %s", got, axeSHA256)
	}
	return nil
}

func unpackAxe(tgz []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return "", err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return "", errors.New("holds no axe.min.js")
		}
		if err != nil {
			return "", err
		}
		if h.Name == "package/axe.min.js" {
			b, err := io.ReadAll(r)
			return string(b), err
		}
	}
}

// Violation is what axe-core reports, and on which elements.
type Violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// RunAxe asks axe-core with all its rules. It is put into the page by the debugger,
// which the page's content security policy does not bind.
func RunAxe(ctx context.Context, t testing.TB) []Violation {
	t.Helper()
	type result struct {
		Rules      int         `json:"rules"`
		Violations []Violation `json:"violations"`
	}
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then(r => ({rules: r.passes.length, violations: r.violations}))`
	out, err := chromedp.Run(ctx, chromedp.Evaluate[result](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe-core: %v", err)
	}
	if out.Rules < 10 {
		t.Errorf("axe-core found no fault, but only %d rules had something to look at", out.Rules)
	}
	return out.Violations
}
