// Package child is the reading child: the process in which every foreign PDF and image
// is decoded. It puts limits on itself, answers one request after the other, and may
// be killed at any time.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/sandbox"
	"saisine.fr/saisine/ocr/tesseract"
	"saisine.fr/saisine/ocr/wire"
)

// Exit codes of the child, for the daemon's log.
const (
	exitDone     = 0
	exitFault    = 1
	exitProtocol = 2
	exitCPU      = 3
)

// Hooks let tests interfere. The zero value does nothing.
type Hooks struct {
	// BeforePage is called before the page of that number is read or copied.
	BeforePage func(number int)
	// Writable are folders that the child may write in beside its own.
	Writable []string
}

// Confine takes from the process what reading never needs (package sandbox). The working
// folder stays, and read-only its sibling of the name InFolder, where the daemon puts what
// is to be read. It must come before Main, in a process that does nothing else: the
// program starts anew in it. An exit code other than 0 ends it.
func Confine(hooks Hooks) int {
	work, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFault
	}
	f := sandbox.Folders{
		Read:  []string{filepath.Join(filepath.Dir(work), InFolder)},
		Write: append([]string{work}, hooks.Writable...),
	}
	if data := os.Getenv("TESSDATA_PREFIX"); data != "" {
		f.Read = append(f.Read, data)
	}
	if err := sandbox.Enter(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFault
	}
	return exitDone
}

// InFolder is the name of the folder beside the child's working folder in which it finds
// the documents that it is to read.
const InFolder = "in"

// Main serves requests from stdin, with responses on stdout, until stdin ends. It
// returns the exit code of the process.
func Main(stdin io.Reader, stdout io.Writer, hooks Hooks) int {
	out, err := privateOutput(stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFault
	}
	// The programs it starts get the signal of their parent's death from this thread.
	runtime.LockOSThread()
	leptonica.Silence()
	var cfg wire.Config
	if err := wire.Read(stdin, &cfg); err != nil {
		if errors.Is(err, io.EOF) {
			return exitDone
		}
		fmt.Fprintln(os.Stderr, err)
		return exitProtocol
	}
	if err := limitProcess(cfg); err != nil {
		_ = wire.Write(out, wire.Hello{Fault: err.Error()})
		return exitFault
	}
	engine, err := tesseract.New(cfg.Languages)
	if err != nil {
		_ = wire.Write(out, wire.Hello{Fault: err.Error()})
		return exitFault
	}
	defer engine.Close()
	if err := wire.Write(out, wire.Hello{Held: sandbox.Try()}); err != nil {
		return exitProtocol
	}
	s := newServer(cfg, engine, hooks)
	for {
		var req wire.Request
		if err := wire.Read(stdin, &req); err != nil {
			if errors.Is(err, io.EOF) {
				return exitDone
			}
			fmt.Fprintln(os.Stderr, err)
			return exitProtocol
		}
		if err := allowCPU(max(cfg.StepSeconds, req.Seconds)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitFault
		}
		if err := wire.Write(out, s.serve(context.Background(), req)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitProtocol
		}
	}
}

// privateOutput moves the protocol off file descriptor 1, because C libraries print
// there what they like; what they print goes to standard error instead.
func privateOutput(stdout io.Writer) (io.Writer, error) {
	f, ok := stdout.(*os.File)
	if !ok || f.Fd() != uintptr(unix.Stdout) {
		return stdout, nil
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("child: duplicate standard output: %w", err)
	}
	if err := unix.Dup3(unix.Stderr, unix.Stdout, 0); err != nil {
		return nil, fmt.Errorf("child: redirect standard output: %w", err)
	}
	return os.NewFile(uintptr(fd), "protocol"), nil
}

// limitProcess bounds what the process and everything that it starts may use. The
// address space is counted from what the process has at the start, because a Go
// program reserves far more than it uses.
func limitProcess(cfg wire.Config) error {
	size, err := addressSpace()
	if err != nil {
		return err
	}
	// The largest file that is written is the image of one page in colour, or a
	// searchable copy: for that the soft limit is raised while it is made.
	file := uint64(cfg.MaxPixels)*4 + 1<<20
	for _, l := range []struct {
		resource   int
		soft, hard uint64
	}{
		{unix.RLIMIT_AS, size + uint64(cfg.MemoryBytes), size + uint64(cfg.MemoryBytes)},
		{unix.RLIMIT_FSIZE, file, max(file, maxCopy)},
		{unix.RLIMIT_CORE, 0, 0},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.soft, Max: l.hard}); err != nil {
			return fmt.Errorf("child: set limit %d: %w", l.resource, err)
		}
	}
	// Go ignores SIGXCPU unless asked. A page stuck in C code blocks its own thread
	// only, so that this goroutine still runs.
	exceeded := make(chan os.Signal, 1)
	signal.Notify(exceeded, unix.SIGXCPU)
	go func() {
		<-exceeded
		os.Exit(exitCPU)
	}()
	return nil
}

// addressSpace returns the size of the process's address space in bytes (proc(5), statm).
func addressSpace() (uint64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("child: read own size: %w", err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		return 0, fmt.Errorf("child: read own size: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// allowCPU gives the process so much more processor time. Only the soft limit moves:
// the hard one cannot be raised again.
func allowCPU(seconds int) error {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		return fmt.Errorf("child: read processor time: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return fmt.Errorf("child: read processor limit: %w", err)
	}
	limit.Cur = min(limit.Max, uint64(use.Utime.Sec+use.Stime.Sec)+uint64(seconds)+1)
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return fmt.Errorf("child: set processor limit: %w", err)
	}
	return nil
}

// server answers requests, one at a time.
type server struct {
	cfg    wire.Config
	engine *tesseract.Engine
	pdf    poppler.Runner
	hooks  Hooks
}

func newServer(cfg wire.Config, engine *tesseract.Engine, hooks Hooks) *server {
	return &server{
		cfg: cfg, engine: engine, hooks: hooks,
		pdf: poppler.Runner{
			Dir: os.TempDir(),
			// Less than the daemon waits, so that a slow program is one reason and
			// the page's other ways are still tried.
			Timeout: time.Duration(cfg.StepSeconds) * time.Second / 2,
			Memory:  cfg.MemoryBytes,
			Output:  max(cfg.MaxPixels+1<<20, 16<<20),
		},
	}
}

func (s *server) serve(ctx context.Context, req wire.Request) wire.Response {
	var resp wire.Response
	var err error
	switch req.Op {
	case wire.OpPlan:
		resp, err = s.plan(ctx, req.Path)
	case wire.OpPage:
		if s.hooks.BeforePage != nil {
			s.hooks.BeforePage(req.Task.Number)
		}
		resp, err = s.page(ctx, req.Path, req.Task)
	case wire.OpCopyPages:
		resp, err = s.copyPages(ctx, req)
	case wire.OpCopyJoin:
		resp, err = s.copyJoin(ctx, req)
	case wire.OpPageImage:
		resp, err = s.pageImage(ctx, req.Path, req.Picture)
	default:
		err = fmt.Errorf("child: unknown operation %q", req.Op)
	}
	if err != nil {
		return wire.Response{Fault: err.Error()}
	}
	return resp
}

// machine reports whether an error is a fault of the machine and not of the document.
func machine(err error) bool {
	return errors.Is(err, poppler.ErrMissing) || errors.Is(err, tesseract.ErrEngine) ||
		errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EMFILE) || errors.Is(err, unix.EACCES)
}
