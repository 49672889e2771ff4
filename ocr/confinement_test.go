package ocr

import (
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/sandbox"
)

// run is output of a program whose words do not matter.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	output(t, program, args...)
}

// The child has no secrets, no cores, bounded memory and files, its own session, and
// no network where the kernel permits.
func TestChildIsConfined(t *testing.T) {
	t.Setenv("SAISINE_SMTP_PASSWORD", "word")
	r := newReader(t, Options{Workers: 1}, "hang=1")
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{})
	path := write(t, "scan.pdf", data, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = r.Read(t.Context(), path)
	}()
	waitFor(t, func() bool { return len(childPIDs(t, r)) == 1 })
	pid := childPIDs(t, r)[0]
	// The limits are in place once the child has said hello; then it plans.
	var limit unix.Rlimit
	waitFor(t, func() bool {
		err := unix.Prlimit(pid, unix.RLIMIT_CPU, nil, &limit)
		return err == nil && limit.Cur != unix.RLIM_INFINITY
	})
	for name, tc := range map[string]struct {
		resource int
		most     uint64
	}{
		"core":      {unix.RLIMIT_CORE, 0},
		"file size": {unix.RLIMIT_FSIZE, 4*50_000_000 + 1<<20},
		"cpu":       {unix.RLIMIT_CPU, 65},
	} {
		if err := unix.Prlimit(pid, tc.resource, nil, &limit); err != nil || limit.Cur > tc.most {
			t.Errorf("%s: limit %d, %v", name, limit.Cur, err)
		}
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_AS, nil, &limit); err != nil || limit.Cur == unix.RLIM_INFINITY {
		t.Errorf("address space: limit %d, %v", limit.Cur, err)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || strings.Contains(string(env), "SAISINE") || !strings.Contains(string(env), "OMP_THREAD_LIMIT=1") ||
		!strings.Contains(string(env), "MALLOC_ARENA_MAX=1") {
		t.Errorf("environment %q, %v", env, err)
	}
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of process %d, %v", sid, pid, err)
	}
	if want := (sandbox.Held{Files: sandbox.LandlockVersion() > 0, Sockets: true}); r.launcher.told.Load() == want.Files {
		t.Errorf("said to lack something: %t, want what %+v lacks", r.launcher.told.Load(), want)
	}
	if !r.launcher.shared.Load() {
		mine, _ := os.Readlink("/proc/self/ns/net")
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil || its == mine {
			t.Errorf("network namespace %q, ours %q, %v", its, mine, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := unix.Kill(pid, 0); err == nil {
		t.Error("the child outlives the Reader")
	}
}

// A child cannot open the database, another original, the one that it reads by its own
// path, or the daemon's environment; nor can it connect to the private Redis or the
// network. It reads its document all the same.
func TestChildReachesNothing(t *testing.T) {
	t.Parallel()
	if sandbox.LandlockVersion() == 0 {
		t.Skip("this kernel has no Landlock")
	}
	dir := t.TempDir()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{DPI: 150})
	document := write(t, "scan.pdf", data, err)
	args := []string{"reach=" + document, fmt.Sprintf("reach=/proc/%d/environ", os.Getpid()), "reach=/etc/passwd"}
	for _, name := range []string{"saisine.db", "saisine.db-wal", "original"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "reach="+filepath.Join(dir, name))
	}
	for network, address := range map[string]string{"unix": filepath.Join(dir, "redis.sock"), "tcp": "127.0.0.1:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		args = append(args, "reach="+l.Addr().String())
	}
	for _, arg := range args {
		if !reaches(strings.TrimPrefix(arg, "reach=")) {
			t.Errorf("%s: nobody can", arg) // then the child's failure would say nothing
		}
	}
	for name, shared := range map[string]bool{"with a namespace": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, Options{Workers: 1}, args...)
			r.launcher.shared.Store(shared)
			doc, err := r.Read(t.Context(), document)
			if err != nil || codes(doc) != "" || len(doc.Pages) != 1 || doc.Pages[0].Text != "Bonjour" {
				t.Errorf("got %+v, %v", doc, err)
			}
		})
	}
}

// The children end when the daemon is killed. A helper process plays the daemon.
func TestChildDiesWithDaemon(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{})
	path := write(t, "scan.pdf", data, err)
	dir := t.TempDir()
	daemon := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperDaemon$")
	daemon.Env = append(os.Environ(), "OCR_TEST_DAEMON="+path, "OCR_TEST_DIR="+dir)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	alike := &Reader{opts: Options{TempDir: dir}}
	waitFor(t, func() bool { return len(childPIDs(t, alike)) == 1 })
	_ = syscall.Kill(daemon.Process.Pid, syscall.SIGKILL)
	_ = daemon.Wait()
	waitFor(t, func() bool { return len(childPIDs(t, alike)) == 0 })
}

func TestHelperDaemon(t *testing.T) {
	path := os.Getenv("OCR_TEST_DAEMON")
	if path == "" {
		t.Skip("only as the daemon of TestChildDiesWithDaemon")
	}
	r, err := New(Options{ChildArgs: []string{"ocr-child", "hang=1"}, TempDir: os.Getenv("OCR_TEST_DIR")})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Read(t.Context(), path)
}

// A file that wants more memory than the child may have ends as a problem, and the
// child's successor reads the next letter.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{Workers: 1, Memory: 640 << 20, MaxPixels: 1_000_000_000})
	path := filepath.Join(t.TempDir(), "big.tiff")
	// 900 MB of black that take no room on the disk.
	writeTIFF(t, path, image.NewGray(image.Rect(0, 0, 16, 16)))
	setTIFFSize(t, path, 30_000, 30_000)
	doc, err := r.Read(t.Context(), path)
	if err != nil || codes(doc) != ProblemUnreadable || len(doc.Pages) != 0 {
		t.Fatalf("got %+v, %v", doc, err)
	}
	data, err := samplescan.PDF([]string{"Lettre suivante"}, samplescan.Options{})
	doc, err = r.Read(t.Context(), write(t, "next.pdf", data, err))
	if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Text != "Lettre suivante" {
		t.Fatalf("the next letter: %+v, %v", doc, err)
	}
}

func TestDoctor(t *testing.T) {
	checks := Doctor(t.Context(), Options{ChildArgs: []string{"ocr-child"}, TempDir: t.TempDir(), Languages: []string{"fra", "xyz"}})
	got := map[string]Check{}
	for _, c := range checks {
		got[c.Name] = c
	}
	for _, name := range []string{"pdfinfo", "pdftotext", "pdfimages", "pdftoppm", "pdfdetach", "prlimit", "leptonica", "tesseract", "zbar", "tesseract fra", "reading child", ConfinementCheck} {
		if c := got[name]; !c.OK || c.Detail == "" || c.Fix != "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := got["tesseract xyz"]; c.OK || c.Fix != "apt-get install tesseract-ocr-xyz" {
		t.Errorf("missing language: %+v", c)
	}
	t.Setenv("PATH", filepath.Join(t.TempDir(), "nothing"))
	if c := checkProgram(t.Context(), "pdfinfo", "-v", "poppler-utils"); c.OK || c.Fix == "" {
		t.Errorf("missing program: %+v", c)
	}
}
