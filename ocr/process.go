package ocr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/sandbox"
	"saisine.fr/saisine/ocr/wire"
)

// startTimeout bounds the time from starting a child to its Hello.
const startTimeout = 20 * time.Second

// errCrashed means that a child ended, hung or talked nonsense while it had a request.
var errCrashed = errors.New("ocr: reading child ended")

// launcher starts the children. The parent-death signal comes when the thread ends
// that forked the child (prctl(2), PR_SET_PDEATHSIG), not the process, and Go ends
// threads at will; so all children are started by one goroutine that keeps its thread
// for as long as the Reader lives.
type launcher struct {
	opts Options
	work chan func()
	done chan struct{}
	// shared is set once the kernel has refused a network namespace.
	shared atomic.Bool
	// told is set once it was logged that the children are not cut off as they should be.
	told atomic.Bool
}

func newLauncher(opts Options) *launcher {
	l := &launcher{opts: opts, work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range l.work {
			f()
		}
	}()
	return l
}

// close ends the launcher. All children must have ended.
func (l *launcher) close() {
	close(l.work)
	<-l.done
}

// process is a running child. Only the worker that owns it uses it, except for kill.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	dir  folders
	said *tail
	// held is what the child found that it cannot do.
	held sandbox.Held

	mu     sync.Mutex
	reaped bool
}

// start runs a child and waits for its Hello. Its errors wrap ErrChild, or are the
// context's.
func (l *launcher) start(ctx context.Context) (*process, error) {
	dir, err := os.MkdirTemp(l.opts.TempDir, "ocr-*")
	if err != nil {
		return nil, fmt.Errorf("%w: make temporary folder: %w", ErrChild, err)
	}
	p := &process{dir: folders(dir), said: &tail{}}
	if err = p.dir.make(); err == nil {
		err = l.launch(ctx, p)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("%w: %w", ErrChild, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	var hello wire.Hello
	err = wire.Write(p.in, wire.Config{
		Languages: l.opts.Languages, MaxPages: l.opts.MaxPages, MaxPixels: l.opts.MaxPixels,
		StepSeconds: max(1, int(l.opts.PageTimeout/time.Second)), MemoryBytes: l.opts.Memory,
	})
	if err == nil {
		err = wire.Read(p.out, &hello)
	}
	if err == nil && hello.Fault == "" {
		p.held = hello.Held
		l.tell(ctx, p.held)
		return p, nil
	}
	state := p.stop()
	if hello.Fault != "" {
		return nil, fmt.Errorf("%w: %s", ErrChild, hello.Fault)
	}
	// It has seen no foreign bytes yet: what it says may be repeated.
	return nil, fmt.Errorf("%w: no answer at its start (%s, said %q): %w", ErrChild, state, p.said.String(), err)
}

// launch starts the program in a network namespace of its own, for which an ordinary user
// needs a user namespace too. Where the kernel refuses that (a container, a service that
// may make none) it does without: the child takes the network from itself as well, by
// package sandbox.
func (l *launcher) launch(ctx context.Context, p *process) error {
	isolated := !l.shared.Load()
	err := l.exec(p, isolated)
	if err != nil && isolated && !errors.Is(err, os.ErrNotExist) {
		first := err
		if err = l.exec(p, false); err == nil && l.shared.CompareAndSwap(false, true) {
			l.opts.Log.DebugContext(ctx, "the kernel permits reading children no network namespace", "error", first)
		}
	}
	return err
}

// tell logs, once, what a child could reach that it should not.
func (l *launcher) tell(ctx context.Context, held sandbox.Held) {
	c := Confinement{Files: held.Files, Sockets: held.Sockets, Namespace: !l.shared.Load()}
	if missing := c.missing(); missing != "" && l.told.CompareAndSwap(false, true) {
		l.opts.Log.WarnContext(ctx, "reading children are not cut off from everything", "missing", missing)
	}
}

func (l *launcher) exec(p *process, isolated bool) error {
	exe := l.opts.Exe
	if exe == "" {
		// /proc/self/exe stays right when the file was replaced by an upgrade, so that
		// daemon and child always speak the same protocol.
		exe = "/proc/self/exe"
	}
	cmd := exec.Command(exe, l.opts.ChildArgs...) //nolint:noctx // it outlives the request that started it
	cmd.Dir, cmd.Env, cmd.Stderr = p.dir.work(), environment(p.dir.work()), p.said
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if isolated {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	started := make(chan error, 1)
	l.work <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", exe, err)
	}
	p.cmd, p.in, p.out = cmd, in, out
	return nil
}

// environment is all that a child gets of the daemon's: nothing with a secret in it.
// OMP_THREAD_LIMIT must stand before the process starts, since the OpenMP library
// reads it as it is loaded; with more threads than one, tesseract is slower for each.
// MALLOC_ARENA_MAX (mallopt(3)) keeps glibc from reserving 64 MB or more of the bounded
// address space for each thread that happens to call into C.
func environment(dir string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
		"HOME=" + dir, "TMPDIR=" + dir, "OMP_THREAD_LIMIT=1", "MALLOC_ARENA_MAX=1", "GOTRACEBACK=none",
	}
	if v := os.Getenv("TESSDATA_PREFIX"); v != "" {
		env = append(env, "TESSDATA_PREFIX="+v)
	}
	return env
}

// request sends one request and waits for the answer until ctx ends. Any error means
// that the process is of no more use and must be stopped; one that does not wrap errCrashed
// is a fault of the machine.
func (p *process) request(ctx context.Context, req wire.Request) (wire.Response, error) {
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	var resp wire.Response
	handed, err := p.dir.hand(&req)
	if err != nil {
		return resp, err
	}
	defer p.dir.takeBack(handed)
	if err := wire.Write(p.in, req); err != nil {
		return resp, fmt.Errorf("%w: %w", errCrashed, err)
	}
	if err := wire.Read(p.out, &resp); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return resp, fmt.Errorf("%w: %w", errCrashed, err)
	}
	return resp, nil
}

// kill ends the child with everything that it has started: they share its process
// group. It may be called at any time and from any goroutine.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	}
}

// stop kills the child, waits for it, removes its temporary folder and says how it
// ended. The child has nothing that would need a gentle end.
func (p *process) stop() string {
	p.kill()
	p.mu.Lock()
	p.reaped = true // from here on the number may belong to another process
	p.mu.Unlock()
	err := p.cmd.Wait()
	_ = os.RemoveAll(string(p.dir))
	if err != nil {
		return err.Error()
	}
	return p.cmd.ProcessState.String()
}

// tail keeps the last bytes written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 400

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-tailSize):]...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
