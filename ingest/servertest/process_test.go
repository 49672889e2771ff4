package servertest_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

const patience = 20 * time.Second

// serve holds the named pipe "alive" open for writing until it has ended, and all that it
// started. polite ends when it is asked, which it logs; stubborn does not.
const (
	serve    = `exec 9>alive; echo up; while :; do sleep 0.02; done`
	polite   = `trap 'echo asked; exit' TERM; ` + serve
	stubborn = `trap 'echo asked' TERM; ` + serve
	// child is a process that its server does not wait for.
	child = `exec 9>alive; sleep 600 & `
)

// folder holds the pipe.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func command(dir, script string) servertest.Command {
	return servertest.Command{Args: []string{"/bin/sh", "-c", script}, Dir: dir, Log: filepath.Join(dir, "log")}
}

// start starts a server, and returns the reading end of its pipe.
func start(t *testing.T, dir, script string) (*servertest.Process, *os.File) {
	t.Helper()
	p, err := servertest.Start(command(dir, script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	alive := open(t, dir)
	if err := p.Await(patience, func() bool { return strings.HasPrefix(read(t, dir), "up\n") }); err != nil {
		t.Fatal(err)
	}
	return p, alive
}

// open waits until there is somebody to write.
func open(t *testing.T, dir string) *os.File {
	t.Helper()
	alive, err := os.Open(filepath.Join(dir, "alive"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alive.Close() })
	return alive
}

func read(t *testing.T, dir string) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// gone fails the test unless all processes that hold the pipe end.
func gone(t *testing.T, alive *os.File) {
	t.Helper()
	if err := alive.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(alive); err != nil {
		t.Error("a process is left:", err)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"polite": polite, "stubborn": stubborn} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			p, alive := start(t, dir, child+script)
			wait := patience
			if name == "stubborn" {
				wait = 300 * time.Millisecond
			}
			begun := time.Now()
			p.Stop(wait)
			if took := time.Since(begun); (took < wait) != (name == "polite") {
				t.Errorf("it took %v", took)
			}
			if log := read(t, dir); name == "polite" && log != "up\nasked\n" {
				t.Errorf("the log is %q", log)
			}
			gone(t, alive)
			p.Stop(patience)
			p.Kill()
			if !p.Ended() {
				t.Error("it has not ended")
			}
		})
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p, alive := start(t, dir, child+polite)
	if p.Ended() {
		t.Error("it has ended")
	}
	p.Kill()
	gone(t, alive)
	if log := read(t, dir); log != "up\n" {
		t.Errorf("a power cut asked: %q", log)
	}
	p.Kill()
	p.Stop(patience)
	(*servertest.Process)(nil).Stop(patience)
	(*servertest.Process)(nil).Kill()
}

// TestEnds is a server that ends by itself, such as one that dislikes its configuration.
func TestEnds(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p, err := servertest.Start(command(dir, "echo no such option >&2; exit 1"))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	err = p.Await(patience, func() bool { return false })
	if err == nil || err.Error() != "it has ended" || time.Since(begun) > patience/2 {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	if got := servertest.Tail(dir, 40, "missing", "log"); got != "log:\nno such option\n" {
		t.Errorf("the log is %q", got)
	}
	p.Stop(patience)
}

// TestOrphan kills the test process of a server: another one, which is this test once more.
func TestOrphan(t *testing.T) {
	const folderName, scriptName = "SERVERTEST_FOLDER", "SERVERTEST_SCRIPT"
	if dir := os.Getenv(folderName); dir != "" {
		if _, err := servertest.Start(command(dir, os.Getenv(scriptName))); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	t.Parallel()
	for name, script := range map[string]string{"polite": polite, "stubborn": child + stubborn} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOrphan$")
			cmd.Env = append(os.Environ(), folderName+"="+dir, scriptName+"="+script)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			alive := open(t, dir)
			if err := servertest.Await(patience, func() bool { return strings.HasPrefix(read(t, dir), "up\n") }); err != nil {
				t.Error(err)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			gone(t, alive)
			if log := read(t, dir); log != "up\nasked\n" {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"a": "1\n2\n3\n", "b": "", "c": "4"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := servertest.Tail(dir, 2, "a", "b", "c", "d"), "a:\n2\n3\nc:\n4\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
