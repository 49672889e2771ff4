package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// system is what programs and libraries need of the machine, for reading. /etc is not
// among it as a whole, since the configuration with its passwords lies there; nor are
// other processes under /proc. What does not exist is left out.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
	// Libraries, fonts, and what Debian's ghostscript and fontconfig keep outside of /usr.
	"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
	"/etc/fonts", "/etc/ghostscript", "/etc/papersize", "/etc/paperspecs", "/etc/localtime", "/etc/xpdf", "/etc/poppler",
	"/var/lib/ghostscript", "/var/cache/fontconfig", "/var/lib/defoma",
	// How many processors there are, and how memory is doing.
	"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/proc/sys/kernel",
	"/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage",
	"/dev/zero", "/dev/random", "/dev/urandom",
}

const (
	reading = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// onFile are the rights that a rule about a file may give; others are for folders.
	onFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	// firstRights are those of version 1 of Landlock, of Linux 5.13.
	firstRights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	// making is what a process may do within a folder of its own: everything of version 1
	// but devices and sockets, and in later versions links, within it, and truncation.
	making = firstRights&^(unix.LANDLOCK_ACCESS_FS_MAKE_CHAR|unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK|unix.LANDLOCK_ACCESS_FS_MAKE_SOCK) |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// LandlockVersion returns the version of Landlock that the kernel offers, 0 for none.
func LandlockVersion() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// handled is what a ruleset of a version takes away unless a rule gives it (landlock(7)).
func handled(version int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: firstRights}
	if version >= 2 { // Linux 5.19
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 { // Linux 6.2
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 { // Linux 6.7
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 { // Linux 6.10
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 { // Linux 6.12
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// sizeOf is how long the kernel of a version expects the attributes to be: an older one
// refuses fields that it does not know only when they are not 0, so that the whole
// would do, but it costs nothing to be exact.
func sizeOf(version int) uintptr {
	var a unix.LandlockRulesetAttr
	switch {
	case version >= 6:
		return unsafe.Offsetof(a.Quiet_access_fs)
	case version >= 4:
		return unsafe.Offsetof(a.Scoped)
	}
	return unsafe.Offsetof(a.Handled_access_net)
}

// restrictFiles binds the calling thread, and what comes of it, to the system's programs
// and the folders.
func restrictFiles(f Folders) error {
	version := LandlockVersion()
	if version == 0 {
		return fmt.Errorf("%w: Landlock", ErrUnsupported)
	}
	attr := handled(version)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), sizeOf(version), 0)
	if errno != 0 {
		return fmt.Errorf("sandbox: make ruleset: %w", errno)
	}
	ruleset := int(fd)
	defer unix.Close(ruleset)
	allow := func(access uint64, paths ...string) error {
		for _, path := range paths {
			if err := allowPath(ruleset, path, access&attr.Handled_access_fs); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
				return err
			}
		}
		return nil
	}
	err := errors.Join(
		allow(reading, system...),
		// Its own program may lie anywhere; and of /proc only what tells of itself.
		allow(reading, "/proc/self/exe", "/proc/self"),
		allow(unix.LANDLOCK_ACCESS_FS_READ_FILE|unix.LANDLOCK_ACCESS_FS_WRITE_FILE, "/dev/null"),
		allow(reading, f.Read...),
		allow(making, f.Write...),
	)
	if err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
		return fmt.Errorf("sandbox: restrict files: %w", errno)
	}
	return nil
}

func allowPath(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sandbox: open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("sandbox: look at %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= onFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("sandbox: allow %s: %w", path, errno)
	}
	return nil
}
