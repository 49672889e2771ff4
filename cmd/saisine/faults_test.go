package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr/samplescan"
)

// redisPID finds the private redis-server of a town by its working directory.
func (tw *town) redisPID() int {
	tw.t.Helper()
	var pid int
	tw.eventually(20*time.Second, "the private redis-server runs", func() bool {
		procs, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			tw.t.Fatal(err)
		}
		for _, p := range procs {
			comm, err := os.ReadFile(filepath.Join(p, "comm"))
			if err != nil || strings.TrimSpace(string(comm)) != "redis-server" {
				continue
			}
			if cwd, err := os.Readlink(filepath.Join(p, "cwd")); err == nil && strings.HasPrefix(cwd, tw.data) {
				pid, err = strconv.Atoi(filepath.Base(p))
				return err == nil
			}
		}
		return false
	})
	return pid
}

// TestRedisFaultsUnderLoad kills, freezes and flushes Redis while mails and forms come
// in. Intake must go on meanwhile, and in the end everything is filed once.
func TestRedisFaultsUnderLoad(t *testing.T) {
	faults := []struct {
		name   string
		strike func(tw *town)
	}{
		{"killed", func(tw *town) { tw.signalRedis(syscall.SIGKILL) }},
		{"frozen", func(tw *town) { tw.signalRedis(syscall.SIGSTOP) }}, // the supervisor must end it
		{"flushed", func(tw *town) {
			c := redis.NewClient(&redis.Options{Network: "unix", Addr: filepath.Join(tw.data, "redis", "redis.sock")})
			defer c.Close()
			if err := c.FlushAll(context.Background()).Err(); err != nil {
				tw.t.Fatal(err)
			}
		}},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t, testBuild)
			d := tw.start()
			l := newLoad(tw)
			var citizens sync.WaitGroup
			send := func(from, to int) {
				for n := from; n < to; n++ {
					l.mail(fmt.Sprintf("k0xmail%d", n))
					l.form(&citizens, fmt.Sprintf("k0xform%d", n), nil)
				}
			}
			send(0, 20)
			tw.redisPID()
			f.strike(tw)
			send(20, 40)
			struck := time.Now()
			// Intake does not wait for Redis: the ledger gets it all at once.
			tw.eventually(8*time.Second, "80 pieces are in the ledger while Redis is away", func() bool { return len(tw.submissions()) >= 80 })
			citizens.Wait()
			t.Logf("all in the ledger %s after the fault", time.Since(struck).Round(10*time.Millisecond))
			l.check()
			t.Logf("all filed %s after the fault", time.Since(struck).Round(10*time.Millisecond))
			tw.eventually(10*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
			tw.verify()
			d.stop()
		})
	}
}

func (tw *town) signalRedis(s syscall.Signal) {
	if err := syscall.Kill(tw.redisPID(), s); err != nil {
		tw.t.Fatal(err)
	}
}

// TestRandomKills kills the daemon at moments that nobody chose, again and again, under
// load.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	l := newLoad(tw)
	var citizens sync.WaitGroup
	for round := range 8 {
		for n := range 10 {
			l.mail(fmt.Sprintf("k%dxmail%d", round, n))
		}
		l.scan(fmt.Sprintf("k%dxscan0", round))
		l.form(&citizens, fmt.Sprintf("k%dxform0", round), nil)
		d := tw.launch()
		// From before the database is open to well within the work.
		d.dieBy(time.Duration(60+round*130) * time.Millisecond)
		d.kill()
	}
	d := tw.start()
	citizens.Wait()
	l.check()
	tw.verify()
	d.stop()
}

// A day's work that was only received is taken up within 5 s of a restart, not after
// asynq's own recovery of leases.
func TestResumesWithinFiveSeconds(t *testing.T) {
	tw := newTown(t)
	l := newLoad(tw)
	for n := range 40 {
		l.mail(fmt.Sprintf("k0xmail%d", n))
	}
	d := tw.launch("SAISINE_CRASH_AT=worker.classified:9")
	if !d.dieBy(30 * time.Second) {
		t.Fatal("not reached")
	}
	begun := time.Now()
	second := tw.start()
	tw.settled(40, 5*time.Second)
	t.Logf("settled %s after the restart began", time.Since(begun).Round(10*time.Millisecond))
	l.check()
	second.stop()
}

// TestDiskFull fills the disk under the data folder: the mail stays in the inbox, the
// scan in the folder, the form says 503; all recover by themselves when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("saisine-test", disk, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	tw := newTown(t, func(s *townSetup) { s.data = filepath.Join(disk, "data") })
	d := tw.start()
	l := newLoad(tw)
	l.mail("k0xmail0")
	tw.settled(1, 30*time.Second)

	// Eat the disk to the last block, and again should something have been freed.
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	fill := func() {
		for size := 1 << 20; size >= 512; size /= 2 {
			for {
				if _, err := ballast.Write(make([]byte, size)); err != nil {
					break
				}
			}
		}
	}
	fill()
	// SQLite reuses what is free within its files; keep coming until it is used up.
	var status int
	var body string
	full := 0
	tw.eventually(60*time.Second, "the form says 503", func() bool {
		fill()
		mark := fmt.Sprintf("k1xform%d", full)
		full++
		var err error
		status, _, body, err = tw.post(form(mark), map[string][]byte{"photo.bin": make([]byte, 300_000)})
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusSeeOther {
			l.marks[mark] = ingest.StateFiled // it was told so, so it must be there
		}
		return status == http.StatusServiceUnavailable
	})
	if !strings.Contains(body, "rien n’a été enregistré") && !strings.Contains(body, "n’a pas été enregistré") && !strings.Contains(body, "pas pu être enregistré") {
		t.Errorf("the 503 page does not say that nothing was recorded:\n%s", body)
	}
	// Larger than what may be left in SQLite's own free pages.
	l.bigMail("k2xmail0")
	pdf, err := samplescan.TextPDF([]string{"Objet : courrier k2xscan0\n\nMadame la Maire, le trottoir est dangereux, je vous prie\nde le faire réparer. Repère k2xscan0."})
	if err != nil {
		t.Fatal(err)
	}
	// A comment after the end mark makes it larger than what is left.
	pdf = append(pdf, []byte("\n%"+strings.Repeat(" remplissage", 40_000)+"\n%%EOF\n")...)
	tw.dropScan("k2xscan0.pdf", pdf)
	l.marks["k2xscan0"] = ingest.StateFiled
	tw.eventually(20*time.Second, "both channels report the fault", func() bool {
		fill()
		ready := get(t, "http://"+tw.admin+"/readyz")
		return strings.Contains(ready, "mailbox/sve") && strings.Contains(ready, "scan/courrier")
	})
	if n := tw.inbox(); n != 1 {
		t.Errorf("%d mails in the inbox while the disk is full, want 1", n)
	}
	if names := tw.lying(); len(names) != 1 {
		t.Errorf("scans in the folder while the disk is full: %v", names)
	}
	if d.ended() {
		t.Fatalf("the daemon ended:\n%s", d.log.tail(40))
	}

	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	l.check()
	t.Logf("all recovered %s after there was room again", time.Since(freed).Round(10*time.Millisecond))
	tw.eventually(20*time.Second, "inbox and folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
	tw.verify()
	d.stop()
}

// A machine without redis-server, or one on which it does not start, still takes in.
func TestIntakeWithoutRedis(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.deliver("k0xmail0")
	d := tw.start("PATH=" + t.TempDir())
	if status, _, _, err := tw.post(form("k0xform0"), nil); err != nil || status != http.StatusSeeOther {
		t.Errorf("form: %d %v", status, err)
	}
	tw.eventually(20*time.Second, "both are in the ledger", func() bool { return len(tw.submissions()) == 2 && tw.inbox() == 0 })
	if ready := get(t, "http://"+tw.admin+"/readyz"); !strings.Contains(ready, `"queue"`) {
		t.Errorf("readyz does not name the queue: %s", ready)
	}
	d.stop()
	second := tw.start()
	tw.settled(2, 20*time.Second)
	second.stop()
	tw.verify()
}

// A language that is not installed is named by readyz before the first scan comes.
func TestMissingLanguageIsNamed(t *testing.T) {
	tw := quietTown(t, "ocr: {languages: [deu_frak_missing]}")
	d := tw.start()
	if ready := get(t, "http://"+tw.admin+"/readyz"); !strings.Contains(ready, "deu_frak_missing") || !strings.Contains(ready, `"ready":false`) {
		t.Errorf("readyz: %s", ready)
	}
	d.stop()
}
