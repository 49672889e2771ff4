// Package confine runs a program on foreign bytes under limits of its own: time,
// processor time, memory, what it may say and how large a file it may write.
//
// It runs only in the sandboxed child process of package ocr: the programs inherit
// that child's process group, session and limits, and get narrower ones here.
package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

var (
	// ErrMissing means that a program is not installed: a fault of the machine.
	ErrMissing = errors.New("confine: program not installed")
	// ErrLimit means that the program ran into its limit of time, memory or output.
	ErrLimit = errors.New("confine: over the limit")
)

// Limits bound one run of a program. A copy may be changed and used at the same time.
type Limits struct {
	// Dir is the working folder of the program.
	Dir string
	// Timeout bounds one run, in wall time and in processor time.
	Timeout time.Duration
	// Memory bounds the address space of a program, in bytes.
	Memory int64
	// Output bounds what a program may write to its standard output, in bytes.
	Output int
	// File bounds each file that the program writes, in bytes; 0 = what the calling
	// process may write. It cannot exceed the hard limit of the calling process.
	File int64
}

// ExitError means that a program ended by itself with an exit code other than 0.
type ExitError struct {
	Program string
	Code    int
	// Complaint is the beginning of what it wrote to standard error. It may repeat
	// what stands in the file: it is for telling reasons apart, not for logs.
	Complaint string
}

// Error implements error.
func (e *ExitError) Error() string {
	return fmt.Sprintf("confine: %s: exit code %d", e.Program, e.Code)
}

// maxComplaint is how much of a program's standard error is kept.
const maxComplaint = 4 << 10

// Run starts a program and returns its standard output. Paths among the arguments must
// be absolute, so that none is taken for an option. Its errors wrap ErrMissing or
// ErrLimit, or are a *ExitError, with which the output stands beside the error.
func (l Limits) Run(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	out := &capped{max: l.Output}
	complaint := &capped{max: maxComplaint, drop: true}
	cmd, err := l.command(ctx, program, args)
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.Dir, out, complaint
	cmd.WaitDelay = time.Second
	// The program does not outlive the child when that is killed. The signal follows
	// the thread that starts it, hence the child serves on one locked thread.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("confine: start %s: %w", program, err)
	}
	err = cmd.Wait()
	switch {
	case out.full || ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %s", ErrLimit, program)
	case err == nil:
		return out.buf.Bytes(), nil
	}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("confine: run %s: %w", program, err)
	case !exit.Exited():
		// A signal: SIGXCPU, SIGXFSZ, or SIGSEGV and SIGABRT where memory ran out.
		return nil, fmt.Errorf("%w: %s ended by %s", ErrLimit, program, exit.String())
	}
	return out.buf.Bytes(), &ExitError{Program: program, Code: exit.ExitCode(), Complaint: complaint.buf.String()}
}

// command narrows what the program inherits by starting it through prlimit(1), which
// every Debian has. The child of ours that starts it has a large address space already
// (a Go program reserves far more than it uses), so that the inherited bound alone
// would be too wide; and prlimit(2) on the running program comes a moment too late.
func (l Limits) command(ctx context.Context, program string, args []string) (*exec.Cmd, error) {
	file, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMissing, program)
	}
	limiter, err := exec.LookPath("prlimit")
	if err != nil {
		return nil, fmt.Errorf("%w: prlimit", ErrMissing)
	}
	seconds := int(l.Timeout/time.Second) + 1
	limits := []string{fmt.Sprintf("--as=%d", l.Memory), fmt.Sprintf("--cpu=%d:%d", seconds, seconds+1)}
	if l.File > 0 {
		limits = append(limits, fmt.Sprintf("--fsize=%d", l.File))
	}
	limits = append(limits, "--", file)
	return exec.CommandContext(ctx, limiter, append(limits, args...)...), nil
}

var errFull = errors.New("confine: too much output")

// capped keeps up to max bytes; beyond that it fails the program's output, or drops
// it where drop is set.
type capped struct {
	buf  bytes.Buffer
	max  int
	drop bool
	full bool
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > c.max {
		if c.drop {
			c.buf.Write(p[:c.max-c.buf.Len()])
			return len(p), nil
		}
		c.full = true
		return 0, errFull
	}
	return c.buf.Write(p)
}
