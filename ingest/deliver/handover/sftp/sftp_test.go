package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
	"saisine.fr/saisine/ingest/deliver/handover/sshdtest"
)

const reference = "2026-000123"

func options(s *sshdtest.Server) Options {
	return Options{Host: s.Host, Port: s.Port, Username: s.Username, KeyFile: s.KeyFile, HostKey: s.HostKey, Dir: s.Dir}
}

func connector(t *testing.T, o Options) *SFTP {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look reads the folder as the other side would: what the manifest names, and that nothing else
// is there.
func look(dir string) func(*testing.T, handover.Remote) handovertest.Seen {
	return func(t *testing.T, r handover.Remote) handovertest.Seen {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, r.ID, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		seen := handovertest.Seen{Subject: m.Subject, Text: m.Text, Files: map[string][]byte{}}
		want := []string{"manifest.json"}
		for _, a := range m.Additions {
			if a.Text != "" {
				seen.Added = append(seen.Added, a.Text)
			}
			for _, f := range a.Files {
				content, err := os.ReadFile(filepath.Join(dir, r.ID, a.Key, f.Name))
				if err != nil {
					t.Fatal(err)
				}
				if got := handovertest.File(f.OriginalName, f.Type, content); got.SHA256 != f.SHA256 || got.Size != f.Size {
					t.Errorf("%s has %d bytes that are not those in the manifest", f.Name, got.Size)
				}
				seen.Files[f.Name] = content
				want = append(want, a.Key+"/"+f.Name)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen.Cases = len(entries)
		slices.Sort(want)
		if got := tree(t, filepath.Join(dir, r.ID)); !slices.Equal(got, want) {
			t.Errorf("the folder holds %q, want %q", got, want)
		}
		return seen
	}
}

func tree(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// eachServer runs f on a server that has OpenSSH's posix-rename, and on one that has not.
func eachServer(t *testing.T, f func(t *testing.T, s *sshdtest.Server, posixRename bool)) {
	for name, opts := range map[string][]sshdtest.Option{"posix rename": nil, "remove and rename": {sshdtest.WithoutPosixRename()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, sshdtest.Start(t, opts...), opts == nil)
		})
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, s *sshdtest.Server, posixRename bool) {
		o := options(s)
		o.Statuses = map[string]ingest.Status{"Traité": ingest.StatusAnswered}
		c := connector(t, o)
		line, err := c.Check(t.Context())
		if err != nil || strings.Contains(line, "remove") != !posixRename {
			t.Errorf("Check: %q, %v", line, err)
		}
		r := handovertest.Run(t, c, reference, look(s.Dir))
		if _, err := c.Status(t.Context(), r.ID); !errors.Is(err, handover.ErrNoStatus) {
			t.Errorf("Status without status.json: %v", err)
		}
		for _, test := range []struct {
			file string
			want handover.State
			ok   bool
		}{
			{"\ufeff{\"status\": \"traité \", \"note\": \"Rebouché.\\n\"}", handover.State{Raw: "traité", Status: ingest.StatusAnswered, Note: "Rebouché."}, true},
			{`{"status": "vu"}`, handover.State{Raw: "vu"}, true},
			{`{"status": "v`, handover.State{}, false},
		} {
			if err := os.WriteFile(filepath.Join(s.Dir, r.ID, "status.json"), []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Status(t.Context(), r.ID); got != test.want || (err == nil) != test.ok {
				t.Errorf("Status of %s: %+v, %v", test.file, got, err)
			}
		}
		if err := os.RemoveAll(filepath.Join(s.Dir, r.ID)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Status(t.Context(), r.ID); !errors.Is(err, handover.ErrGone) {
			t.Errorf("Status of a folder that was taken away: %v", err)
		}
		if err := c.Attach(t.Context(), r.ID, addition("k")); !errors.Is(err, handover.ErrGone) || !ingest.IsPermanent(err) {
			t.Errorf("Attach to a folder that was taken away: %v", err)
		}
		if err := os.Remove(s.Dir); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Check(t.Context()); err == nil {
			t.Error("Check without the folder found nothing wrong")
		}
		if err := c.Attach(t.Context(), r.ID, addition("k")); err == nil || ingest.IsPermanent(err) {
			t.Errorf("Attach while the share is away: %v", err)
		}
	})
}

func addition(key string, files ...handover.File) handover.Addition {
	return handover.Addition{Key: key, Text: "Suite.", ReceivedAt: time.Unix(1_780_000_000, 0).UTC(), Channel: ingest.ChannelMailbox, Files: files}
}

func TestWhoIsThere(t *testing.T) {
	t.Parallel()
	s := sshdtest.Start(t)
	print := func(line string) string {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		return ssh.FingerprintSHA256(key)
	}
	for name, test := range map[string]struct {
		change func(*Options)
		want   string // "" = goes
	}{
		"key line":             {func(*Options) {}, ""},
		"known_hosts line":     {func(o *Options) { o.HostKey = "depot.exemple.fr,10.0.0.1 " + s.HostKey + " root@depot" }, ""},
		"second key":           {func(o *Options) { o.HostKey = s.ECDSA }, ""},
		"fingerprint":          {func(o *Options) { o.HostKey = print(s.HostKey) }, ""},
		"second's fingerprint": {func(o *Options) { o.HostKey = "256 " + print(s.ECDSA) + " root@depot (ECDSA)" }, ""},
		"other host":           {func(o *Options) { o.HostKey = s.OtherHostKey }, "not the one in host_key"},
		"other fingerprint":    {func(o *Options) { o.HostKey = print(s.OtherHostKey) }, "not the one in host_key"},
		"other login":          {func(o *Options) { o.KeyFile = s.OtherKeyFile }, "check username, key_file and password"},
		"password":             {func(o *Options) { o.KeyFile, o.Password = "", "non" }, "check username, key_file and password"},
		"no folder":            {func(o *Options) { o.Dir = s.Dir + "/nulle-part" }, "make it"},
		"no server":            {func(o *Options) { o.Port = 1 }, "check host and port"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(s)
			test.change(&o)
			c := connector(t, o)
			for range 2 { // the second time, with what was learnt of the server
				line, err := c.Check(t.Context())
				switch {
				case test.want == "" && (err != nil || line == ""):
					t.Fatalf("Check: %q, %v", line, err)
				case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || ingest.IsPermanent(err)):
					t.Fatalf("Check: %v, want %q", err, test.want)
				case test.want == "not the one in host_key" && !errors.Is(err, ErrHostKey):
					t.Fatalf("%v is not ErrHostKey", err)
				}
			}
			if got := tree(t, s.Dir); len(got) > 0 {
				t.Errorf("Check left %q", got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := sshdtest.Start(t)
	o := options(s)
	o.Dir += "/cases/"
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := connector(t, o)
	for _, bad := range []string{"", ".", "..", "../dehors", "a/b", `a\b`, "/etc", ".cache", "é", "a\x00b", "a\nb", "manifest.json", "x.part", "x.TMP", "x.", strings.Repeat("x", 200)} {
		if _, err := c.Create(t.Context(), handovertest.Case(bad)); !ingest.IsPermanent(err) {
			t.Errorf("Create of %q: %v", bad, err)
		}
		if err := c.Attach(t.Context(), reference, addition(bad)); !ingest.IsPermanent(err) {
			t.Errorf("Attach of %q: %v", bad, err)
		}
		if err := c.Attach(t.Context(), bad, addition("k")); !ingest.IsPermanent(err) {
			t.Errorf("Attach to %q: %v", bad, err)
		}
		if _, err := c.Status(t.Context(), bad); !ingest.IsPermanent(err) {
			t.Errorf("Status of %q: %v", bad, err)
		}
	}
	if err := errors.Join(os.Mkdir(s.Dir+"/dehors", 0o700), os.Symlink("../dehors", filepath.Join(o.Dir, reference)), os.WriteFile(filepath.Join(o.Dir, "fichier"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{reference, "fichier"} {
		if _, err := c.Create(t.Context(), handovertest.Case(bad)); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("Create of %q: %v", bad, err)
		}
	}
	if got := tree(t, s.Dir); !slices.Equal(got, []string{"cases/" + reference, "cases/fichier"}) {
		t.Errorf("something was written: %q", got)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(o.Dir, "autre"), 0o700), os.WriteFile(filepath.Join(o.Dir, "autre/manifest.json"), []byte(`{"version":1,"reference":"x"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), handovertest.Case("autre")); err == nil {
		t.Error("Create took the folder of another case")
	}
	changed := handovertest.File("a.txt", "text/plain", []byte("a"))
	changed.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("b")), nil }
	if _, err := c.Create(t.Context(), handovertest.Case("2026-2")); err != nil {
		t.Fatal(err)
	}
	if err := c.Attach(t.Context(), "2026-2", addition("k", changed)); !ingest.IsPermanent(err) {
		t.Errorf("a file that is not the one in the ledger: %v", err)
	}
}

// TestAnotherCase hands over to a folder where a case with the same reference lies: of a try-out,
// or of another town.
func TestAnotherCase(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, s *sshdtest.Server, posixRename bool) {
		c := connector(t, options(s))
		ours := handovertest.Case(reference)
		ours.ReceivedAt = ours.ReceivedAt.Add(123456789 * time.Nanosecond)
		if _, err := c.Create(t.Context(), ours); err != nil {
			t.Fatal(err)
		}
		if err := c.Attach(t.Context(), reference, addition("k", handovertest.File("a.txt", "text/plain", []byte("a")))); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(s.Dir, reference, "manifest.json")
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files := tree(t, s.Dir)
		for name, test := range map[string]struct {
			change func(*handover.Case)
			other  bool
		}{
			"again":                      {func(*handover.Case) {}, false},
			"in another time zone":       {func(c *handover.Case) { c.ReceivedAt = c.ReceivedAt.UTC() }, false},
			"to the second":              {func(c *handover.Case) { c.ReceivedAt = c.ReceivedAt.Truncate(time.Second) }, false},
			"with what people corrected": {func(c *handover.Case) { c.Subject, c.Category, c.Due = "Trou", "autre", time.Time{} }, false},
			"a second later":             {func(c *handover.Case) { c.ReceivedAt = c.ReceivedAt.Add(time.Second) }, true},
			"of the try-out":             {func(c *handover.Case) { c.ReceivedAt = c.ReceivedAt.AddDate(0, 1, 0) }, true},
			"of another town":            {func(c *handover.Case) { c.Town = "Sainte-Autre" }, true},
		} {
			other := ours
			test.change(&other)
			r, err := c.Create(t.Context(), other)
			switch {
			case !test.other && (err != nil || r.ID != reference):
				t.Errorf("%s: %+v, %v", name, r, err)
			case test.other && (!ingest.IsPermanent(err) || r != handover.Remote{} || !strings.Contains(err.Error(), "another case") || !strings.Contains(err.Error(), "move that folder away")):
				t.Errorf("%s: %+v, %v, want a permanent error that says what to do", name, r, err)
			}
			if after, err := os.ReadFile(file); err != nil || string(after) != string(before) || !slices.Equal(tree(t, s.Dir), files) {
				t.Errorf("%s: something was written: %q, %v", name, tree(t, s.Dir), err)
			}
		}
	})
}

// TestTogether adds to one case from many sides at once, and stops one that waits.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := sshdtest.Start(t)
	c := connector(t, options(s))
	if _, err := c.Create(t.Context(), handovertest.Case(reference)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := c.Attach(t.Context(), reference, addition(fmt.Sprintf("k%d", i), handovertest.File(fmt.Sprintf("%d.txt", i), "text/plain", []byte("x")))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if seen := look(s.Dir)(t, handover.Remote{ID: reference}); len(seen.Files) != 8 {
		t.Errorf("%d files, want 8", len(seen.Files))
	}
	unlock, err := c.lock(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Create(ctx, handovertest.Case(reference)); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was stopped: %v", err)
	}
}

// TestSilence talks to a server that accepts and says nothing.
func TestSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := connector(t, Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Username: "x", Password: "x", HostKey: "SHA256:" + strings.Repeat("A", 43), Timeout: 50 * time.Millisecond})
	start := time.Now()
	if _, err := c.Check(t.Context()); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("Check after %v: %v", time.Since(start), err)
	}
	c.o.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Check(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("Check that was stopped after %v: %v", time.Since(start), err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := "SHA256:" + strings.Repeat("A", 43)
	for name, o := range map[string]Options{
		"no host":      {Username: "u", Password: "p", HostKey: good},
		"no user":      {Host: "h", Password: "p", HostKey: good},
		"no login":     {Host: "h", Username: "u", HostKey: good},
		"no host key":  {Host: "h", Username: "u", Password: "p"},
		"bad host key": {Host: "h", Username: "u", Password: "p", HostKey: "MD5:00:11"},
		"no key file":  {Host: "h", Username: "u", KeyFile: "/nulle/part", HostKey: good},
		"bad key file": {Host: "h", Username: "u", KeyFile: "sftp.go", HostKey: good},
		"bad port":     {Host: "h", Port: 70000, Username: "u", Password: "p", HostKey: good},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
