package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// stopSignal makes redis-server write everything out and end.
var stopSignal os.Signal = syscall.SIGTERM

// aliveLong is how long a server must have run for its end to count as a first one.
const aliveLong = time.Minute

// maxKilled is how often in a row a server may be killed before it answers until its
// data is held to be the cause: the kernel ends what loads more than there is memory.
const maxKilled = 5

// errHung is why a server was killed that gave no answer.
var errHung = errors.New("queue: redis-server did not answer and was killed")

// arguments are the settings of the private server.
func (m *Managed) arguments() []string {
	return []string{
		"--port", "0", "--unixsocket", m.socket, "--unixsocketperm", "700",
		"--dir", m.dir, "--daemonize", "no", "--supervised", "no", "--logfile", "",
		"--databases", "1", "--maxclients", "256",
		// The ledger is the truth: a lost second is refilled by the sweeper.
		"--appendonly", "yes", "--appendfsync", "everysec", "--aof-load-truncated", "yes",
		"--auto-aof-rewrite-min-size", "16mb", "--save", "",
		"--maxmemory-policy", "noeviction",
	}
}

// supervise keeps a server running until Close. When the very first one cannot be
// started it says so on firstFault and returns.
//
// It holds its thread: the parent-death signal comes when the thread that forked
// ends, not when the process does (prctl(2), PR_SET_PDEATHSIG), and Go ends threads
// as it likes (golang.org/issue/27505). The thread is never given back, so that it
// ends with this goroutine.
func (m *Managed) supervise(firstFault chan<- error) {
	runtime.LockOSThread()
	defer close(m.ended)
	ctx := context.Background()
	pause, killed := m.tune.backoff, 0
	for !m.isClosing() {
		begun := time.Now()
		answered, err := m.runOnce()
		outside := !answered && endedFromOutside(err)
		switch {
		case answered:
			killed = 0
		case outside:
			killed++
		}
		if !answered && !errors.Is(err, errHung) && (!outside || killed >= maxKilled) && !m.isClosing() {
			killed = 0
			answered, err = m.runEmpty(ctx, err)
			outside = false
		}
		if m.isClosing() {
			return
		}
		if !answered && !outside && !m.wasReady() {
			firstFault <- err
			return
		}
		if time.Since(begun) > aliveLong {
			pause = m.tune.backoff
		}
		m.log.LogAttrs(ctx, slog.LevelError, "private redis ended and is started again",
			slog.Any("error", err), slog.Duration("in", pause))
		select {
		case <-m.closing:
		case <-time.After(pause):
		}
		pause = min(2*pause, m.tune.backoffCap)
	}
}

// endedFromOutside reports whether a server was ended by somebody (the administrator,
// the kernel short of memory) rather than by what it read.
func endedFromOutside(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	ws, ok := exit.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && (ws.Signal() == syscall.SIGKILL || ws.Signal() == syscall.SIGTERM)
}

func (m *Managed) wasReady() bool {
	select {
	case <-m.ready:
		return true
	default:
		return false
	}
}

// runEmpty follows a start that failed before Redis answered. The likely cause is
// data that cannot be read: it is moved aside and the server started empty. When
// that does not help either, the data was not at fault and goes back.
func (m *Managed) runEmpty(ctx context.Context, cause error) (answered bool, err error) {
	broken, err := setAside(m.dir, time.Now())
	if err != nil {
		return false, errors.Join(cause, err)
	}
	if broken == "" {
		return false, cause
	}
	m.log.LogAttrs(ctx, slog.LevelError, "private redis cannot read its data and starts empty; the ledger refills it",
		slog.String("kept", broken), slog.Any("error", cause))
	answered, err = m.runOnce()
	if !answered {
		err = errors.Join(err, putBack(m.dir, broken))
	}
	return answered, err
}

// runOnce starts a server and waits for its end. answered tells whether it got ready.
func (m *Managed) runOnce() (answered bool, err error) {
	m.tail.reset()
	cmd := exec.CommandContext(context.Background(), m.bin, m.arguments()...)
	cmd.Dir = m.dir // known to endStale from the first moment on
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = &m.tail, &m.tail
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true, // Ctrl-C on a terminal is for the daemon, which drains first
		Pdeathsig: syscall.SIGKILL,
	}
	if err := m.start(cmd); err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var hung bool
	var watching sync.WaitGroup
	watching.Go(func() { answered, hung = m.attend(ctx) })
	err = cmd.Wait()
	m.mu.Lock()
	m.child = nil
	m.mu.Unlock()
	cancel()
	watching.Wait()
	if hung {
		return answered, errHung
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	return answered, fmt.Errorf("queue: redis-server: %w%s", err, m.tail.hint())
}

// start starts cmd and makes it the child that signals go to.
func (m *Managed) start(cmd *exec.Cmd) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("queue: start redis-server: %w", err)
	}
	m.child = cmd
	if m.isClosing() {
		_ = cmd.Process.Signal(stopSignal) // Close came before there was a child to end
	}
	return nil
}

// attend asks the server for signs of life, and kills it when it gives none. Loading
// its data is a sign of life.
func (m *Managed) attend(ctx context.Context) (answered, hung bool) {
	missed, started := 0, time.Now()
	for ctx.Err() == nil {
		begun := time.Now()
		pctx, cancel := context.WithTimeout(ctx, m.tune.ping)
		err := m.rdb.Ping(pctx).Err()
		cancel()
		var re redis.Error
		pause := m.tune.ping - time.Since(begun)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			missed, answered = 0, true
			m.readyOnce.Do(func() { close(m.ready) })
		case errors.As(err, &re): // LOADING, or MASTERDOWN and the like: it lives
			missed, pause = 0, min(pause, 20*time.Millisecond)
		case !answered && time.Since(started) < time.Duration(m.tune.hang)*m.tune.ping:
			// Not listening yet: that comes within milliseconds.
			pause = min(pause, 5*time.Millisecond)
		default:
			missed++
		}
		if missed >= m.tune.hang {
			m.signal(os.Kill)
			return answered, true
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return answered, false
}

// tail keeps the last lines that Redis printed, to say why it ended.
type tail struct {
	mu    sync.Mutex
	lines []string
	part  string
}

const tailLines = 5

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := strings.Split(t.part+string(p), "\n")
	t.part = all[len(all)-1]
	if len(t.part) > 1<<12 {
		t.part = ""
	}
	for _, l := range all[:len(all)-1] {
		if l = strings.TrimSpace(l); l != "" {
			t.lines = append(t.lines, l)
		}
	}
	if n := len(t.lines) - tailLines; n > 0 {
		t.lines = append([]string(nil), t.lines[n:]...)
	}
	return len(p), nil
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines, t.part = nil, ""
}

// hint is the end of an error message, or "".
func (t *tail) hint() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		return ""
	}
	return fmt.Sprintf("; it said %q", strings.Join(t.lines, " | "))
}
