package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the system calls that reading a document never needs and that lead out of
// the sandbox: to the network and to the daemon's private Redis (a socket in a folder of
// the same user, which neither a network namespace nor, up to its version 8, Landlock
// covers), to other processes of the user, to keys, and to parts of the kernel that foreign bytes
// had better not reach.
var denied = []uint32{
	unix.SYS_SOCKET, unix.SYS_IO_URING_SETUP,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
	unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_SHMGET, unix.SYS_MQ_OPEN,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_FANOTIFY_INIT,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_ACCT,
}

// namespaces are the flags of clone(2) that make one.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// architectures are what the kernel calls them in front of a filter (seccomp(2)): the
// numbers of system calls mean something only within one.
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// x32 is the bit that marks the calls of a second ABI on amd64, with the same
// architecture and other numbers.
const x32 = 0x40000000

// Offsets in struct seccomp_data; the low half of the first argument, both
// architectures being little-endian.
const (
	offsetNumber   = 0
	offsetArch     = 4
	offsetArgument = 16
)

// filter makes the program that judges each system call.
func filter(arch uint32) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	end := func(verdict uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
	}
	// unless passes over the next instruction where the condition does not hold.
	unless := func(code uint16, k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | code | unix.BPF_K, K: k, Jf: 1}
	}
	refuse := func(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }
	program := []unix.SockFilter{
		load(offsetArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jt: 1},
		end(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetNumber),
		unless(unix.BPF_JGE, x32),
		end(refuse(unix.ENOSYS)),
		// Its flags lie in memory, where no filter can look; glibc then takes clone(2).
		unless(unix.BPF_JEQ, unix.SYS_CLONE3),
		end(refuse(unix.ENOSYS)),
	}
	for _, nr := range denied {
		program = append(program, unless(unix.BPF_JEQ, nr), end(refuse(unix.EPERM)))
	}
	return append(program,
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE, Jf: 3},
		load(offsetArgument),
		unless(unix.BPF_JSET, namespaces),
		end(refuse(unix.EPERM)),
		end(unix.SECCOMP_RET_ALLOW),
	)
}

// restrictCalls takes the denied system calls from the calling thread and what comes of it.
func restrictCalls() error {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("%w: a filter of system calls on %s", ErrUnsupported, runtime.GOARCH)
	}
	program := filter(arch)
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	switch {
	case errno == 0:
		return nil
	case errors.Is(errno, unix.ENOSYS), errors.Is(errno, unix.EINVAL):
		return fmt.Errorf("%w: seccomp: %w", ErrUnsupported, errno)
	}
	return fmt.Errorf("sandbox: filter system calls: %w", errno)
}
