// Package sandbox takes from a process, before it has seen a foreign byte, what it never
// needs: every file but the system's programs and its own folders, by Landlock (Linux
// 5.13 or later), and sockets and other ways out to other processes, by seccomp. What it
// starts inherits both, and nothing gives them back.
//
// Neither needs a privilege, so that both work inside of a service or container in which
// the kernel permits no namespaces.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrUnsupported means that this kernel, or what the process runs in, does not offer a
// means.
var ErrUnsupported = errors.New("sandbox: not offered here")

// entered stands in the environment of a process that Enter has started anew.
const entered = "OCR_SANDBOX=entered"

// Folders are what a process may reach beside the system's own programs.
type Folders struct {
	Read, Write []string
}

// Enter confines the process and starts its program anew with the same arguments, in the
// same process; in the new start it returns nil at once. The kernel binds only the thread
// that asks (landlock_restrict_self(2)), and a Go program has several before its first
// line runs; after execve(2) there is only that one.
//
// A means that the kernel does not offer is left out: Held says in the end what holds.
// Any error but that means that the process should end.
func Enter(f Folders) error {
	for _, v := range os.Environ() {
		if v == entered {
			return nil
		}
	}
	runtime.LockOSThread() // never given back: it ends with execve
	// A thread does not inherit the parent-death signal, and that of the thread that calls
	// execve stays (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("sandbox: parent-death signal: %w", err)
	}
	// Without it an ordinary user may set up neither (seccomp(2), landlock(7)).
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("sandbox: give up new privileges: %w", err)
	}
	if err := restrictFiles(f); err != nil && !errors.Is(err, ErrUnsupported) {
		return err
	}
	if err := restrictCalls(); err != nil && !errors.Is(err, ErrUnsupported) {
		return err
	}
	err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), entered)) //nolint:gosec // it is this program
	return fmt.Errorf("sandbox: start anew: %w", err)
}

// Held is what a process finds when it tries what it should not be able to do.
type Held struct {
	// Files is true when it cannot look into the root folder.
	Files bool
	// Sockets is true when it can make no socket, of the network or of this machine.
	Sockets bool
}

// Try looks what holds of this process.
func Try() Held {
	var h Held
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if h.Files = err != nil; err == nil {
		_ = unix.Close(fd)
	}
	h.Sockets = true
	for _, family := range []int{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			h.Sockets = false
			_ = unix.Close(fd)
		}
	}
	return h
}
