package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
	"saisine.fr/saisine/ingest/deliver/handover/sshdtest"
)

// cutter passes bytes on to a server, and cuts its first connection when so many went there.
type cutter struct {
	net.Listener
	once sync.Once
}

func cutAfter(t *testing.T, addr string, limit int64) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := &cutter{Listener: l}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			cut := false
			c.once.Do(func() { cut = true })
			go func() {
				defer func() { _ = near.Close() }()
				far, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer func() { _ = far.Close() }()
				go func() { _, _ = io.Copy(near, far) }()
				if cut {
					_, _ = io.CopyN(far, near, limit)
				} else {
					_, _ = io.Copy(far, near)
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// TestCut cuts the line at many places. Whatever is named is whole at each moment, and the next
// try completes it.
func TestCut(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, s *sshdtest.Server, posixRename bool) {
		content := handovertest.Bytes(300_000)
		a := addition("suite", handovertest.File("à lire.bin", "application/octet-stream", content), handovertest.File("b.txt", "text/plain", []byte("b")))
		type cut struct {
			call  string
			limit int64
		}
		tries := []cut{{"attach", 20_000}, {"attach", 150_000}}
		for limit := int64(2_400); limit < 4_400; limit += 700 { // a login is some 2,400 bytes
			tries = append(tries, cut{"create", limit})
		}
		for limit := int64(303_000); limit < 306_000; limit += 750 {
			tries = append(tries, cut{"attach", limit})
		}
		failed := 0
		for i, try := range tries {
			r := fmt.Sprintf("%s-%d", reference, i)
			direct, o := connector(t, options(s)), options(s)
			o.Port = cutAfter(t, net.JoinHostPort(s.Host, fmt.Sprint(s.Port)), try.limit)
			c := connector(t, o)
			create := func(c *SFTP) error {
				_, err := c.Create(t.Context(), handovertest.Case(r))
				return err
			}
			attach := func(c *SFTP) error { return c.Attach(t.Context(), r, a) }
			var first error
			if try.call == "create" {
				first = create(c)
			} else if err := create(direct); err != nil {
				t.Fatal(err)
			} else {
				first = attach(c)
			}
			if first != nil {
				failed++
				whole(t, filepath.Join(s.Dir, r), posixRename)
			}
			if second := errors.Join(create(c), attach(c)); second != nil || ingest.IsPermanent(first) {
				t.Fatalf("%s cut after %d bytes: %v; then %v", try.call, try.limit, first, second)
			}
			seen := look(s.Dir)(t, handover.Remote{ID: r})
			if !bytes.Equal(seen.Files["a_lire.bin"], content) || len(seen.Files) != 2 {
				t.Errorf("%s cut after %d bytes: the files are not whole", try.call, try.limit)
			}
		}
		t.Logf("%d of %d cuts were felt", failed, len(tries))
		if failed < 5 {
			t.Errorf("only %d cuts were felt", failed)
		}
	})
}

// whole wants that what has its name in the folder of a case is whole.
func whole(t *testing.T, dir string, manifestToo bool) {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		return
	}
	m, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if _, parseErr := manifest.Parse(m); (err != nil && manifestToo) || (err == nil && parseErr != nil) {
		t.Errorf("the manifest is not whole: %v, %v", err, parseErr)
	}
	for _, name := range tree(t, dir) {
		if key, file, ok := strings.Cut(name, "/"); ok && !strings.HasSuffix(key, ".tmp") {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || file == "a_lire.bin" && info.Size() != 300_000 {
				t.Errorf("%s is not whole", name)
			}
		}
	}
}

// TestHalves lays down by hand what a kill leaves at each step.
func TestHalves(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, s *sshdtest.Server, posixRename bool) {
		c := connector(t, options(s))
		lay := func(name, content string) {
			path := filepath.Join(s.Dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		lay(reference+".tmp/manifest.json", "{")
		lay(reference+".tmp/deep/er", "")
		if _, err := c.Create(t.Context(), handovertest.Case(reference)); err != nil {
			t.Fatal(err)
		}
		a := addition("cle", handovertest.File("a.txt", "text/plain", []byte("tout")))
		lay(reference+"/cle.tmp/a.txt", "to")
		lay(reference+"/cle/a.txt", "tout") // renamed, and not in the manifest yet
		lay(reference+"/cle/zu-viel.txt", "")
		lay(reference+"/manifest.json.part", "{")
		if err := c.Attach(t.Context(), reference, a); err != nil {
			t.Fatal(err)
		}
		if !posixRename { // a kill between remove and rename
			path := filepath.Join(s.Dir, reference, "manifest.json")
			if err := os.Rename(path, path+".part"); err != nil {
				t.Fatal(err)
			}
			if err := c.Attach(t.Context(), reference, addition("encore")); err != nil {
				t.Fatal(err)
			}
		}
		if seen := look(s.Dir)(t, handover.Remote{ID: reference}); string(seen.Files["a.txt"]) != "tout" || seen.Cases != 1 {
			t.Errorf("seen %+v", seen)
		}
	})
}
