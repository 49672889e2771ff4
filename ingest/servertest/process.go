package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Command says how a server is started. It must stay in the foreground and end on SIGTERM.
type Command struct {
	// Args are the program and its arguments.
	Args []string
	// Dir is where it runs.
	Dir string
	// Env is all of its environment; nil gives it the test's.
	Env []string
	// Credential is whom it runs as; nil is the user of the test.
	Credential *syscall.Credential
	// Log is the file that its output is appended to.
	Log string
}

// watch runs a server, and asks it to end when the test process is gone, however that ended:
// standard input is then closed. One that has not ended 5 s later is killed with all it started.
// The shell ends with the server. Commands in the background have no standard input of the
// shell's, so that goes by another number.
const watch = `exec 3<&0
"$@" 3<&- & server=$!
{ read -r _; kill -TERM $server; sleep 5; kill -KILL 0; } <&3 2>/dev/null & watcher=$!
wait $server
kill $watcher 2>/dev/null`

// Process is a server that Start started, and all that it started itself: one process group.
// Its methods are for one goroutine at a time; Stop and Kill may be called again, also of nil.
type Process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	ended  chan struct{}
	killed bool
}

// Start starts a server, which ends with the test process at the latest. It does not wait until
// the server answers: see Await.
func Start(c Command) (*Process, error) {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", append([]string{"-c", watch, "sh"}, c.Args...)...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.Credential}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Await polls until ok, at most for patience and as long as the server runs.
func (p *Process) Await(patience time.Duration, ok func() bool) error {
	err := Await(patience, func() bool { return p.Ended() || ok() })
	if p.Ended() {
		return errors.New("it has ended")
	}
	return err
}

// Ended reports whether the server runs no more.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Stop asks the server to end, and kills what is left of it after patience, at most 5 s.
func (p *Process) Stop(patience time.Duration) {
	if p == nil || p.killed {
		return
	}
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
	p.Kill()
}

// Kill ends the server and all that it started with SIGKILL, as a power cut would. The shell is
// then gone; the others, which only it could wait for, may still be dying.
func (p *Process) Kill() {
	if p == nil || p.killed {
		return
	}
	p.killed = true // once: the number may be another group's later
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.stdin.Close()
	<-p.ended
}

// PID is the process that the server descends from.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Tail returns the last lines of each of the logs in dir that is there and not empty, under its
// name.
func Tail(dir string, lines int, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(content) == 0 {
			continue
		}
		all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
		fmt.Fprintf(&b, "%s:\n%s\n", name, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return b.String()
}

// Signal sends a signal to the server and all that it started: SIGSTOP makes it stand still.
func (p *Process) Signal(sig syscall.Signal) error {
	if p == nil || p.killed {
		return errors.New("it does not run")
	}
	return syscall.Kill(-p.cmd.Process.Pid, sig)
}
