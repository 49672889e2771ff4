package scanfolder

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Contents of the accepted kinds; salt makes different letters.
func pdf(salt string) string { return "%PDF-1.7\n" + salt + "\n%%EOF\n" }

const (
	tiffBytes = "II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	jpegBytes = "\xff\xd8\xff\xe0 an image \xff\xd9"
	pngBytes  = "\x89PNG\r\n\x1a\n an image IEND\xaeB`\x82"
)

// desk is a scan folder under test with its ledger and a clock that stands still.
type desk struct {
	t      *testing.T
	dir    string
	ledger *fileLedger
	health *channels.Health
	now    time.Time
	max    int64
	a      *Adapter
}

const stable = 10 * time.Second

func newDesk(t *testing.T) *desk { return newDeskIn(t, t.TempDir()) }

func newDeskIn(t *testing.T, dir string) *desk {
	t.Helper()
	l, err := openLedger(filepath.Join(t.TempDir(), "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, dir: dir, ledger: l, health: new(channels.Health), now: time.Now(), max: 1 << 20}
	d.restart()
	return d
}

// restart is a new process: all that is kept is on disk.
func (d *desk) restart() {
	d.t.Helper()
	d.a = New(config.ScanFolder{Name: "courrier", Dir: d.dir, Poll: 10 * time.Second, StableFor: stable}, Options{
		Spool: ingest.Spool{Dir: d.t.TempDir()}, MaxFile: d.max, Ledger: d.ledger, Log: slog.New(slog.DiscardHandler),
		Health: d.health, Now: func() time.Time { return d.now },
	})
	if err := d.a.open(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = d.a.tree.root.Close() })
}

// look makes one pass, which must find the folder in order.
func (d *desk) look() {
	d.t.Helper()
	if _, err := d.a.pass(d.t.Context(), d.ledger); err != nil {
		d.t.Fatal(err)
	}
}

// settle lets every file become stable and be taken.
func (d *desk) settle() {
	d.t.Helper()
	d.look()
	d.wait(stable)
	d.look()
}

func (d *desk) wait(by time.Duration) { d.now = d.now.Add(by) }

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) drop(name, content string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	// A child that is forked meanwhile, by a test beside this one, has the file open as well until
	// it is another program (golang.org/issue/22315), and the adapter waits for who has.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(d.path(name), []byte(content), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) rename(from, to string) {
	d.t.Helper()
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read(name string) string {
	d.t.Helper()
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

func (d *desk) month() string { return monthDir(d.now) }

// files lists all files, with our month's folder written as MONTH.
func (d *desk) files() []string {
	d.t.Helper()
	list := []string{}
	err := filepath.WalkDir(d.dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(d.dir, p)
		list = append(list, strings.Replace(rel, d.month(), "MONTH", 1))
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func (d *desk) wantFiles(want ...string) {
	d.t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := d.files(); !slices.Equal(got, want) {
		d.t.Errorf("files in the folder:\n got %q\nwant %q", got, want)
	}
}

func (d *desk) wantRows(n int) []row {
	d.t.Helper()
	rows := d.ledger.all()
	if len(rows) != n {
		d.t.Fatalf("%d rows in the ledger, want %d", len(rows), n)
	}
	return rows
}

func (d *desk) wantContains(file string, parts ...string) {
	d.t.Helper()
	text := d.read(file)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			d.t.Errorf("%s lacks %q:\n%s", file, p, text)
		}
	}
}

func (d *desk) wantHealthy() {
	d.t.Helper()
	s := d.health.Status()
	if s.Err != nil || len(s.Alarms) > 0 || !s.LastGood.Equal(d.now) {
		d.t.Errorf("health: %+v, want good at %v", s, d.now)
	}
}

func wantIs(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error is %v, want %v", err, target)
	}
}
