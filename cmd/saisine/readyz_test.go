package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
)

// readiness is what /readyz answers.
type readiness struct {
	Ready            bool
	Problems, Alarms []problem
}

func (tw *town) readiness() readiness {
	tw.t.Helper()
	var r readiness
	text := get(tw.t, "http://"+tw.admin+"/readyz")
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		tw.t.Fatalf("%v: %s", err, text)
	}
	if r.Ready != (len(r.Problems) == 0) {
		tw.t.Errorf("ready is %v with %d problems", r.Ready, len(r.Problems))
	}
	for _, p := range append(slices.Clone(r.Problems), r.Alarms...) {
		if p.Part == "" || p.Detail == "" || p.Fix == "" {
			tw.t.Errorf("not whole: %+v", p)
		}
	}
	return r
}

// names reports whether one of a list names a part with these words.
func names(list []problem, part, words string) bool {
	return slices.ContainsFunc(list, func(p problem) bool { return p.Part == part && strings.Contains(p.Detail, words) })
}

// Each fault that is made for real is named by /readyz within its time, with what to do, and goes
// away when it is mended; the metrics of the disk and of Redis follow.
func TestReadyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("saisine-test", disk, "tmpfs", 0, "size=400m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	tw := newPostTown(t, "", func(s *townSetup) { s.data = filepath.Join(disk, "data") })
	tw.start()
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: filepath.Join(tw.data, "redis", "redis.sock")})
	defer rdb.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tw.eventually(20*time.Second, "ready but for a disk that is small", func() bool {
		r := tw.readiness()
		return r.Ready && names(r.Alarms, "disk", "GiB free")
	})
	var ballast *os.File
	var lock *sql.Tx
	spool, scans := filepath.Join(tw.data, "spool"), tw.scans
	for _, f := range []struct {
		name, part, words string
		strike, heal      func()
		within            time.Duration
		metric            string // what it says while the fault stands
		value             float64
	}{
		{
			name: "Redis hangs", part: "queue", words: "does not answer", within: 15 * time.Second,
			strike: func() { tw.signalRedis(syscall.SIGSTOP) }, heal: func() { tw.signalRedis(syscall.SIGCONT) },
			metric: `saisine_scrape_ok{part="queue"}`, value: 0,
		},
		{
			name: "Redis is out of memory", part: "queue", words: "out of memory", within: 10 * time.Second,
			strike: func() { must(rdb.ConfigSet(t.Context(), "maxmemory", "1").Err()) }, heal: func() { must(rdb.ConfigSet(t.Context(), "maxmemory", "0").Err()) },
			metric: `saisine_redis_memory_max_bytes`, value: 1,
		},
		{
			name: "the mailbox's password is another one", part: "mailbox/sve", words: "AUTHENTICATIONFAILED", within: 20 * time.Second,
			strike: func() { tw.dovecot.Stop(); dovecotPassword(t, tw.dovecot, "autre"); tw.dovecot.Restart() },
			heal:   func() { tw.dovecot.Stop(); dovecotPassword(t, tw.dovecot, dovecottest.Password); tw.dovecot.Restart() },
			metric: `saisine_channel_fault{channel="mailbox/sve"}`, value: 1,
		},
		{
			name: "the scan folder is gone", part: "scan/courrier", words: "gone", within: 15 * time.Second,
			strike: func() { must(os.Rename(scans, scans+".weg")) }, heal: func() { must(os.Rename(scans+".weg", scans)) },
			metric: `saisine_channel_fault{channel="scan/courrier"}`, value: 1,
		},
		{
			name: "the mail server is gone", part: "smtp", words: "has not taken a mail since", within: 20 * time.Second,
			strike: func() {
				tw.exim.Kill()
				tw.dovecot.Deliver(townUser, citizenMail("ava", "", lampText))
			},
			heal:   func() { tw.exim.Restart() },
			metric: `saisine_smtp_fault`, value: 1,
		},
		{
			name: "the data folder cannot be written", part: "data_dir", words: "spool", within: 5 * time.Second,
			strike: func() { must(os.Rename(spool, spool+".weg")) }, heal: func() { must(os.Rename(spool+".weg", spool)) },
		},
		{
			name: "the database is locked", part: "database", words: "deadline exceeded", within: 15 * time.Second,
			strike: func() {
				db, err := sql.Open("sqlite3", "file:"+filepath.Join(tw.data, "saisine.db")+"?_txlock=immediate&_busy_timeout=10000")
				must(err)
				t.Cleanup(func() { _ = db.Close() })
				lock, err = db.BeginTx(t.Context(), nil)
				must(err)
			},
			heal: func() { must(lock.Rollback()) },
		},
		{
			name: "the disk is nearly full", part: "disk", words: "0.1 GiB free", within: 5 * time.Second,
			strike: func() {
				var err error
				ballast, err = os.Create(filepath.Join(disk, "ballast"))
				must(err)
				free, _, err := diskSpace(disk)
				must(err)
				_, err = ballast.Write(make([]byte, free-(120<<20)))
				must(err)
			},
			heal: func() { must(ballast.Truncate(0)) },
		},
		{
			name: "the disk is full", part: "queue", words: "cannot write to its disk", within: 30 * time.Second,
			strike: func() { fillDisk(ballast) }, heal: func() { must(ballast.Truncate(0)) },
			metric: `saisine_redis_persistence_ok{part="append"}`, value: 0,
		},
	} {
		struck := time.Now()
		f.strike()
		var last readiness
		ok := tw.within(f.within, func() bool {
			if f.part == "queue" && strings.HasPrefix(f.name, "the disk") {
				fillDisk(ballast)
			}
			last = tw.readiness()
			return !last.Ready && names(last.Problems, f.part, f.words)
		})
		if !ok {
			t.Errorf("%s: not named within %s: %+v", f.name, f.within, last)
		}
		seen := time.Since(struck)
		if f.metric != "" && !tw.within(10*time.Second, func() bool { v, there := tw.scrape()[f.metric]; return there && v == f.value }) {
			t.Errorf("%s: %s is %v, want %v", f.name, f.metric, tw.scrape()[f.metric], f.value)
		}
		f.heal()
		healed := time.Now()
		if !tw.within(60*time.Second, func() bool { last = tw.readiness(); return last.Ready }) {
			t.Fatalf("%s: still not ready: %+v", f.name, last)
		}
		t.Logf("%-40s named after %5.1f s, gone %5.1f s after it was mended", f.name, seen.Seconds(), time.Since(healed).Seconds())
	}
	deep := filepath.Join(tw.scans, "1", "2", "3", "4", "5", "6", "Madame Canari")
	must(os.MkdirAll(deep, 0o700))
	tw.eventually(10*time.Second, "an alarm about folders", func() bool { return names(tw.readiness().Alarms, "scan/courrier", "levels deep") })
	must(os.RemoveAll(filepath.Join(tw.scans, "1")))
	tw.eventually(10*time.Second, "the alarm is gone", func() bool { return !names(tw.readiness().Alarms, "scan/courrier", "") })
	tw.verify()
}

// fillDisk writes until nothing goes any more.
func fillDisk(ballast *os.File) {
	_, _ = ballast.Seek(0, 2)
	for size := 1 << 20; size >= 512; size /= 2 {
		for {
			if _, err := ballast.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}

// dovecotPassword changes what a Dovecot takes for its users' password, which holds at its next start.
func dovecotPassword(t *testing.T, s *dovecottest.Server, password string) {
	t.Helper()
	file := filepath.Join(s.Dir, "dovecot.conf")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, "args = password=") {
			line = fmt.Sprintf("  args = password=%s\n", password)
		}
		out = append(out, line)
	}
	if err := os.WriteFile(file, []byte(strings.Join(out, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A language that is missing is named, and no longer once it is there.
func TestReadySeesLanguageCome(t *testing.T) {
	t.Parallel()
	tessdata := t.TempDir()
	tw := quietTown(t, "")
	tw.start("TESSDATA_PREFIX=" + tessdata)
	if r := tw.readiness(); r.Ready || !slices.ContainsFunc(r.Problems, func(p problem) bool { return p.Part == "ocr" }) {
		t.Errorf("%+v", r)
	}
	found, err := filepath.Glob("/usr/share/tesseract-ocr/*/tessdata/*.traineddata")
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, file := range found {
		if err := os.Symlink(file, filepath.Join(tessdata, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	tw.eventually(ocrLook+20*time.Second, "the language is seen", func() bool { return tw.readiness().Ready })
	if !tw.answers("http://" + tw.admin + "/readyz") {
		t.Error("readyz does not answer 200")
	}
}
