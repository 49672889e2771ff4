package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr/samplescan"
)

// terminal is a pseudo-terminal: what is written to slave can be read from master.
type terminal struct{ master, slave *os.File }

func openTerminal(t *testing.T) terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return terminal{master, slave}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readLines parses what read --json has printed.
func readLines(t *testing.T, out string) []readLineJSON {
	t.Helper()
	var all []readLineJSON
	for line := range strings.Lines(out) {
		var v readLineJSON
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !strings.Contains(line, `"unreadable":`) {
			t.Fatalf("no word on whether it was readable: %s", line)
		}
		all = append(all, v)
	}
	return all
}

// mixture fills a folder with n files of all kinds and tells which are unreadable.
func mixture(t *testing.T, dir string, n int) (unreadable map[string]bool) {
	t.Helper()
	text := "Objet : trottoir\n\nMadame la Maire,\nle trottoir est abîmé devant la poste."
	scan, err := samplescan.PDF([]string{text}, samplescan.Options{DPI: 150})
	if err != nil {
		t.Fatal(err)
	}
	typed, err := samplescan.TextPDF([]string{text + "\n" + strings.Repeat("Une phrase de plus pour la page.\n", 10)})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := samplescan.PNG(text, samplescan.Options{DPI: 150})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 0))
	garbage := make([]byte, 3000)
	for i := range garbage {
		garbage[i] = byte(r.Uint32())
	}
	unreadable = map[string]bool{}
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("lot%d", i/250), fmt.Sprintf("%04d", i))
		content, broken := townMail(r, i), false
		switch i % 100 {
		case 0: // the first of all is slow: the mails behind it are ready sooner
			content = scan
		case 20:
			content = picture[:len(picture)/2]
			broken = true
		case 40, 41:
			content = typed
		case 50:
			content, broken = typed[:200], true
		case 60:
			content, broken = nil, true
		case 70:
			content, broken = garbage, true
		case 80, 81, 82, 83, 84:
			content = malformed(i % 5)
		}
		put(t, path, content)
		if broken {
			unreadable[path] = true
		}
	}
	return unreadable
}

// A thousand files are one command: read in order, the broken ones told, memory bounded.
func TestReadThousandFiles(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	tw.cli = program() // many goroutines: with the race detector, where there is one
	dir := filepath.Join(tw.dir, "archive")
	unreadable := mixture(t, dir, 1000)
	missing := filepath.Join(tw.dir, "missing.eml")
	unreadable[missing] = true

	out, errOut, code := tw.output("read", "--json", dir, missing)
	lines := readLines(t, out)
	if code != exitFailed || len(lines) != 1001 {
		t.Fatalf("exit %d, %d lines: %.2000s", code, len(lines), errOut)
	}
	problems := 0
	for i, l := range lines {
		want := filepath.Join(dir, fmt.Sprintf("lot%d", i/250), fmt.Sprintf("%04d", i))
		if i == 1000 {
			want = missing
		}
		if l.File != want {
			t.Fatalf("line %d is about %s", i+1, l.File)
		}
		if l.Unreadable != unreadable[l.File] || l.Unreadable && len(l.Problems) == 0 || !l.Unreadable && l.Text == "" {
			t.Errorf("%s: unreadable %v, %s, text %.40q, %v", l.File, l.Unreadable, l.Kind, l.Text, l.Problems)
		}
		if l.Unreadable && !strings.Contains(errOut, "saisine: "+l.File+": ") {
			t.Errorf("%s is not named on standard error", l.File)
		}
		if !l.Unreadable && len(l.Problems) > 0 {
			problems++
		}
	}
	if problems == 0 {
		t.Error("none of the malformed mails has a problem")
	}
	if want := fmt.Sprintf("%d read, %d unreadable, %d with problems\n", 1001-len(unreadable), len(unreadable), problems); !strings.HasSuffix(errOut, want) {
		t.Errorf("the last words are not %q: %s", want, errOut[max(0, len(errOut)-200):])
	}
}

// While the first file is slow, those behind it must not pile up in memory.
func TestReadMemoryIsBounded(t *testing.T) {
	tw := quietTown(t, "ocr: {workers: 1}")
	slow, big, list := filepath.Join(tw.dir, "slow.pdf"), filepath.Join(tw.dir, "big.txt"), filepath.Join(tw.dir, "list")
	put(t, slow, slowScan(t, 4))
	const texts, size = 800, 1 << 20
	put(t, big, bytes.Repeat([]byte("Le trottoir est abîmé.\n"), size/25))
	put(t, list, []byte(slow+"\n"+strings.Repeat(big+"\n", texts)))

	cmd := exec.Command(realProgram(), "read", "--files-from", list, "--config", tw.config)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+tw.dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// When the slow one is shown, as much waits as ever will.
	first, err := bufio.NewReader(pipe).ReadString('\n')
	peak := peakMemory(t, cmd.Process.Pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil || !strings.Contains(first, slow) {
		t.Fatalf("%q, %v", first, err)
	}
	t.Logf("%d texts of %d MB behind a slow scan: peak %.0f MB", texts, size>>20, peak)
	// About 140 MB; unbounded it is twice the limit.
	if limit := 200.0; peak > limit {
		t.Errorf("peak memory %.0f MB, limit %.0f MB", peak, limit)
	}
}

// slowScan is a scan of that many pages full of text: each takes about a second.
func slowScan(t *testing.T, pages int) []byte {
	t.Helper()
	page := strings.Repeat("Le trottoir est abîmé devant la poste depuis la semaine dernière.\n", 50)
	scan, err := samplescan.PDF(slices.Repeat([]string{page}, pages), samplescan.Options{DPI: 150})
	if err != nil {
		t.Fatal(err)
	}
	return scan
}

// The promise of inOrder, whatever the works do.
func TestInOrder(t *testing.T) {
	const parallel, window = 3, 5
	items := make([]int, 200)
	for i := range items {
		items[i] = i
	}
	synctest.Test(t, func(t *testing.T) {
		var running, open, most, mostOpen atomic.Int64
		raise := func(peak *atomic.Int64, v int64) {
			for old := peak.Load(); v > old && !peak.CompareAndSwap(old, v); old = peak.Load() {
			}
		}
		r := rand.New(rand.NewPCG(1, 2))
		waits := make([]time.Duration, len(items))
		for i := range waits {
			waits[i] = time.Duration(r.IntN(1000)) * time.Millisecond
		}
		waits[20] = time.Hour
		next := 0
		err := inOrder(t.Context(), items, parallel, window, func(_ context.Context, i int) int {
			raise(&most, running.Add(1))
			raise(&mostOpen, open.Add(1))
			defer running.Add(-1)
			time.Sleep(waits[i])
			return i
		}, func(i int) error {
			if i != next {
				t.Fatalf("%d came for %d", i, next)
			}
			next++
			open.Add(-1)
			return nil
		})
		if err != nil || next != len(items) {
			t.Errorf("%d results, %v", next, err)
		}
		if most.Load() != parallel || mostOpen.Load() > window+1 || mostOpen.Load() < window {
			t.Errorf("%d at once, %d started and not shown", most.Load(), mostOpen.Load())
		}
	})
}

func TestInOrderEnds(t *testing.T) {
	items := make([]int, 100)
	boom := errors.New("boom")
	var started atomic.Int64
	err := inOrder(t.Context(), items, 2, 4, func(context.Context, int) int { started.Add(1); return 0 }, func(int) error { return boom })
	if !errors.Is(err, boom) || started.Load() > 6 {
		t.Errorf("%v, %d started", err, started.Load())
	}
	// What comes when ctx has ended is not shown, not even when it is ready: the work may
	// have failed for no other reason. Both are ready here, so chance decides without care.
	for range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		var done sync.WaitGroup
		done.Add(2)
		shown := 0
		err = inOrder(ctx, items[:2], 2, 4, func(context.Context, int) int { defer done.Done(); return 0 }, func(int) error {
			done.Wait()
			shown++
			cancel(boom)
			return nil
		})
		if !errors.Is(err, boom) || shown != 1 {
			t.Fatalf("%v, %d shown", err, shown)
		}
	}
}

func TestReadFolders(t *testing.T) {
	tw := quietTown(t, "")
	t.Chdir(tw.dir)
	mail := plainMail("walk", "")
	for _, name := range []string{"in/b.eml", "in/a/z.eml", "in/.hidden.eml", "in/.git/c.eml", "in/c/.x/d.eml", "in/c/é.eml", ".dot/e.eml", "other/f.eml"} {
		put(t, name, mail)
	}
	for link, target := range map[string]string{
		"in/file": "../other/f.eml", "in/loop": "..", "in/broken": "nowhere", "entry": "in",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo("in/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("empty", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args, want []string // a name with ! is unreadable
	}{
		{[]string{"in"}, []string{"in/a/z.eml", "in/b.eml", "!in/broken", "in/c/é.eml", "in/file", "!in/pipe"}},
		{[]string{"entry/a", "in//"}, []string{"entry/a/z.eml", "in/a/z.eml", "in/b.eml", "!in/broken", "in/c/é.eml", "in/file", "!in/pipe"}},
		{[]string{"entry/c", "entry"}, []string{"entry/c/é.eml", "entry/a/z.eml", "entry/b.eml", "!entry/broken", "entry/c/é.eml", "entry/file", "!entry/pipe"}},
		{[]string{".dot", "in/.hidden.eml", "in/a"}, []string{".dot/e.eml", "in/.hidden.eml", "in/a/z.eml"}},
		{[]string{"/dev/null", "in/pipe", "other/f.eml", "nowhere", "other/f.eml"}, []string{"!/dev/null", "!in/pipe", "other/f.eml", "!nowhere", "other/f.eml"}},
		{[]string{"empty"}, nil},
	} {
		out, errOut, code := tw.output(append([]string{"read", "--json"}, tt.args...)...)
		var got []string
		bad := exitDone
		for _, l := range readLines(t, out) {
			if l.Unreadable {
				l.File, bad = "!"+l.File, exitFailed
			}
			got = append(got, l.File)
		}
		if !slices.Equal(got, tt.want) || code != bad {
			t.Errorf("%q: exit %d, %q\n%s", tt.args, code, got, errOut)
		}
	}
	if _, errOut, code := tw.output("read"); code != exitUsage || !strings.Contains(errOut, "--files-from") {
		t.Errorf("nothing named: exit %d: %s", code, errOut)
	}
	if _, errOut, _ := tw.output("read", "nowhere"); strings.Count(errOut, "nowhere") != 1 || strings.Contains(errOut, " read,") {
		t.Errorf("one missing file: %s", errOut)
	}
}

// A folder without permission costs its own files and no others.
func TestListWithoutPermission(t *testing.T) {
	dir, err := os.MkdirTemp("", "saisine-list-*") //nolint:usetesting // the folders above t.TempDir are closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"a/1", "closed/2", "z/3"} {
		put(t, filepath.Join(dir, name), []byte("x"))
	}
	for name, mode := range map[string]os.FileMode{"": 0o755, "a": 0o755, "closed": 0, "z": 0o755} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		// root may read anything: look with the rights of nobody, on this thread alone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = unix.SetfsuidRetUid(0) }()
	}
	got := listInputs([]string{dir, filepath.Join(dir, "closed", "2")})
	want := []string{"a/1", "closed", "z/3", "closed/2"}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i, in := range got {
		closed := strings.HasPrefix(want[i], "closed")
		if in.name != filepath.Join(dir, want[i]) || closed != errors.Is(in.err, os.ErrPermission) || !closed && in.err != nil {
			t.Errorf("%d: %v, want %s", i, in, want[i])
		}
	}
}

func TestReadFilesFrom(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	dir := filepath.Join(tw.dir, "in")
	for _, name := range []string{"a.eml", "line\nfeed.eml", "é.eml", "sub/s.eml"} {
		put(t, filepath.Join(dir, name), plainMail("list", ""))
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for what, tt := range map[string]struct {
		list string
		want []string
	}{
		"lines":      {at("é.eml") + "\n" + at("sub") + "\n\n" + at("a.eml"), []string{"é.eml", "sub/s.eml", "a.eml"}},
		"CRLF":       {at("é.eml") + "\r\n" + at("a.eml") + "\r\n", []string{"é.eml", "a.eml"}},
		"NUL":        {at("line\nfeed.eml") + "\x00" + at("a.eml") + "\x00", []string{"line\nfeed.eml", "a.eml"}},
		"the folder": {dir, []string{"a.eml", "line\nfeed.eml", "sub/s.eml", "é.eml"}},
		"nothing":    {"", nil},
	} {
		list := filepath.Join(tw.dir, "list")
		put(t, list, []byte(tt.list))
		stdin, err := os.Open(list)
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		for _, from := range []string{list, "-"} {
			cmd := exec.Command(program(), "read", "--json", "--files-from", from, "--config", tw.config)
			cmd.Env = append(os.Environ(), asProgram+"=1")
			cmd.Stdin = stdin
			out, err := cmd.Output()
			var got []string
			for _, l := range readLines(t, string(out)) {
				got = append(got, strings.TrimPrefix(l.File, dir+"/"))
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s from %s: %q, %v", what, from, got, err)
			}
		}
	}
	if _, errOut, code := tw.output("read", "--files-from", filepath.Join(tw.dir, "none")); code != exitUsage || !strings.Contains(errOut, "none") {
		t.Errorf("no list: exit %d: %s", code, errOut)
	}
	if _, errOut, code := tw.output("read", "--files-from", "/dev/zero"); code != exitUsage || !strings.Contains(errOut, "larger") {
		t.Errorf("an endless list: exit %d: %s", code, errOut)
	}
}

func FuzzSplitNames(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"))
	f.Add([]byte("a\nb\x00c\x00"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, list []byte) {
		nul := bytes.IndexByte(list, 0) >= 0
		left := 0
		for _, name := range splitNames(list) {
			if name == "" || strings.ContainsRune(name, 0) || !nul && strings.ContainsRune(name, '\n') {
				t.Fatalf("%q", name)
			}
			left += len(name)
		}
		ends := bytes.Count(list, []byte{'\n'}) + bytes.Count(list, []byte("\r"))
		if nul {
			ends = bytes.Count(list, []byte{0})
		}
		if left > len(list) || left < len(list)-ends {
			t.Fatalf("%d of %d bytes are names", left, len(list))
		}
	})
}

// On a terminal there is a bar with the files done and those that were unreadable; the
// messages stand on lines of their own.
func TestReadProgressBar(t *testing.T) {
	tw := quietTown(t, "")
	dir := filepath.Join(tw.dir, "in")
	for i := range 20 {
		put(t, filepath.Join(dir, fmt.Sprintf("%02d.eml", i)), plainMail("bar", ""))
	}
	put(t, filepath.Join(dir, "05.eml"), nil)
	term := openTerminal(t)
	cmd := exec.Command(program(), "read", "--json", dir, "--config", tw.config)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = term.slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = term.slave.Close()
	var seen logBuffer
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&seen, term.master) }) // ends with EIO when the program has ended
	err := cmd.Wait()
	reading.Wait()
	if cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%v", err)
	}
	text := seen.String()
	for _, want := range []string{"/20", "it/s", "read, 1 unreadable", "\rsaisine: " + filepath.Join(dir, "05.eml") + ": the file is empty", "19 read, 1 unreadable, 0 with problems"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}

// An interrupt ends it at once, whatever is being read, and nothing is left behind.
func TestReadIsInterrupted(t *testing.T) {
	tw := quietTown(t, "")
	tmp := filepath.Join(tw.dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	mail, slow := filepath.Join(tw.dir, "a.eml"), filepath.Join(tw.dir, "slow.pdf")
	put(t, mail, plainMail("first", ""))
	put(t, slow, slowScan(t, 8))
	cmd := exec.Command(program(), "read", "--json", mail, slow, mail, "--config", tw.config)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+tmp)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	// The first line is there although the second file takes long: nothing is held back.
	line, err := out.ReadString('\n')
	if err != nil || !strings.Contains(line, `"file":"`+mail) {
		t.Fatalf("%q, %v", line, err)
	}
	begun := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)
	_ = cmd.Wait()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if len(rest) > 0 || cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(errOut.String(), "ended after 1 of 3 files") {
		t.Errorf("exit %d, %.300q, %s", cmd.ProcessState.ExitCode(), rest, errOut.String())
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnread(t *testing.T) {
	problem := func(code string) []ingest.Problem { return []ingest.Problem{{Code: code}} }
	for name, tt := range map[string]struct {
		r    ingest.Reading
		want bool
	}{
		"all pages failed":        {ingest.Reading{Kind: ingest.KindPDF, Problems: problem("page_failed")}, true},
		"encrypted PDF":           {ingest.Reading{Kind: ingest.KindPDF, Problems: problem("encrypted")}, true},
		"blank scan":              {ingest.Reading{Kind: ingest.KindPDF, Pages: make([]ingest.Page, 1)}, false},
		"one page failed":         {ingest.Reading{Kind: ingest.KindTIFF, Pages: make([]ingest.Page, 1), Problems: problem("page_failed")}, false},
		"encrypted mail":          {ingest.Reading{Kind: ingest.KindMail, Problems: problem("encrypted")}, true},
		"encrypted with subject":  {ingest.Reading{Kind: ingest.KindMail, Subject: "x", Problems: problem("encrypted")}, false},
		"empty mail without date": {ingest.Reading{Kind: ingest.KindMail, Problems: problem("bad_date")}, false},
		"empty text":              {ingest.Reading{Kind: ingest.KindText}, false},
	} {
		if got := unread(tt.r); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
