// Package poppler runs the programs of poppler-utils on foreign PDF files: pdfinfo,
// pdftotext, pdfimages and pdftoppm.
//
// It runs only in the sandboxed child process of package ocr: the programs inherit
// that child's process group, session and limits, and get narrower ones of their own.
package poppler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrMissing means that a program is not installed: a fault of the machine.
	ErrMissing = errors.New("poppler: program not installed")
	// ErrEncrypted means that the file opens only with a password.
	ErrEncrypted = errors.New("poppler: encrypted")
	// ErrBroken means that the program could not make sense of the file.
	ErrBroken = errors.New("poppler: unreadable file")
	// ErrLimit means that the program ran into its limit of time, memory or output.
	ErrLimit = errors.New("poppler: over the limit")
)

// Runner runs the programs under limits. It is safe for concurrent use.
type Runner struct {
	// Dir is a folder for temporary files.
	Dir string
	// Timeout bounds one run, in wall time and in processor time.
	Timeout time.Duration
	// Memory bounds the address space of a program, in bytes.
	Memory int64
	// Output bounds what a program may write to its standard output, in bytes.
	Output int
}

// run starts a program and returns its standard output. path must be absolute, so that
// it is never taken for an option.
func (r Runner) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	out := &capped{max: r.Output}
	complaint := &capped{max: 4 << 10, drop: true}
	cmd, err := r.command(ctx, program, args)
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.Dir, out, complaint
	cmd.WaitDelay = time.Second
	// The program does not outlive the child when that is killed. The signal follows
	// the thread that starts it, hence the child serves on one locked thread.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("poppler: start %s: %w", program, err)
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
	case strings.Contains(complaint.buf.String(), "Incorrect password"):
		return nil, ErrEncrypted
	case errors.As(err, &exit) && !exit.Exited():
		// A signal: SIGXCPU, SIGXFSZ, or SIGSEGV and SIGABRT where memory ran out.
		return nil, fmt.Errorf("%w: %s ended by %s", ErrLimit, program, exit.String())
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrBroken, program, err)
}

// command narrows what the program inherits by starting it through prlimit(1), which
// every Debian has. The child of ours that starts it has a large address space already
// (a Go program reserves far more than it uses), so that the inherited bound alone
// would be too wide; and prlimit(2) on the running program comes a moment too late.
func (r Runner) command(ctx context.Context, program string, args []string) (*exec.Cmd, error) {
	file, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMissing, program)
	}
	limiter, err := exec.LookPath("prlimit")
	if err != nil {
		return nil, fmt.Errorf("%w: prlimit", ErrMissing)
	}
	seconds := int(r.Timeout/time.Second) + 1
	limits := []string{fmt.Sprintf("--as=%d", r.Memory), fmt.Sprintf("--cpu=%d:%d", seconds, seconds+1), "--", file}
	return exec.CommandContext(ctx, limiter, append(limits, args...)...), nil
}

var errFull = errors.New("poppler: too much output")

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
