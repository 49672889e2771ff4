// Package apitest calls a running interface by a client that a public generator makes of the
// document that the interface serves. It is for tests only.
package apitest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/npmtest"
)

// client is the generator with all that it needs, at pinned releases, and what the generated
// client is asked to do. It is fetched and not committed.
//
//go:embed client
var client embed.FS

// Done is what the generated client has done and seen.
type Done struct {
	ID        string   `json:"id"`
	FollowURL string   `json:"follow_up_url"`
	Reference string   `json:"reference"` // of the request that the submission is in
	State     string   `json:"state"`
	Text      string   `json:"text"`
	Status    string   `json:"status"` // after it was changed
	Events    []string `json:"events"` // of that request
	Position  *struct {
		Lat  float64 `json:"lat"`
		Long float64 `json:"long"`
	} `json:"position"`
}

// Run has a client generated from the document at url + "/openapi.json", where url ends in
// /api/v1, and compiled with all checks of types. The client hands in a submission with a file
// twice, waits until it is treated, reads request, file, list and events back, comments and sets
// the status. key has all scopes; mark is in the text, and is the idempotency key.
//
// The test is skipped where node or npm is missing, unless CI is set.
func Run(t testing.TB, url, key, mark string) Done {
	t.Helper()
	tools := toolchain(t)
	dir := t.TempDir()
	document := fetch(t, url+"/openapi.json")
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"job.ts", "tsconfig.json"} {
		if err := copyOut(filepath.Join(dir, name), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(tools, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	bin := func(name string) string { return filepath.Join(tools, "node_modules", ".bin", name) }
	node(t, dir, bin("openapi-ts"), "-i", "openapi.json", "-o", "gen", "-c", "@hey-api/client-fetch", "--silent")
	node(t, dir, bin("tsc"), "-p", ".")
	out := node(t, dir, filepath.Join("out", "job.js"), url, key, mark)
	var done Done
	if err := json.Unmarshal([]byte(out), &done); err != nil {
		t.Fatalf("the client says: %s", out)
	}
	return done
}

func fetch(t testing.TB, url string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
	}
	return b
}

// node runs a script and returns what it prints.
func node(t testing.TB, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = dir
	var out, messages strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s%s", filepath.Base(args[0]), err, out.String(), messages.String())
	}
	return out.String()
}

// copyOut writes a file of client to path.
func copyOut(path, name string) error {
	b, err := client.ReadFile("client/" + name)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// toolchain returns the folder of the generator. It is fetched once, with npm, into the user's
// cache folder.
func toolchain(t testing.TB) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			npmtest.Missing(t, program+" is missing, which the generator of clients needs. Install it: sudo apt-get install nodejs npm")
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no folder for the generator of clients: %v. Set HOME or XDG_CACHE_HOME.", err)
	}
	lock, err := client.ReadFile("client/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	path := filepath.Join(cache, "saisine-tools", "api-client-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := install(t.Context(), path); err != nil {
		t.Fatalf("generator of clients: %v. It needs the npm registry once.", err)
	}
	return path
}

// install fetches what the lock file names to path, which appears whole or not at all, for
// several runs may do so at once. No script of a package is run.
func install(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "api-client-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyOut(filepath.Join(dir, name), name); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(dir, path); err != nil {
		if _, there := os.Stat(path); there == nil {
			return nil // another run was faster
		}
		return err
	}
	return nil
}
