package scanfolder

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// busy reports whether another process of this machine (the copier's FTP or Samba
// server, a copying clerk) has the open file f open for writing. The kernel knows: it
// refuses a read lease then (fcntl(2), F_SETLEASE: EAGAIN).
//
// Whether a lease can be had at all depends. It takes the file's owner or
// CAP_LEASE (EACCES otherwise), and network file systems answer EAGAIN whenever
// they hold no delegation or oplock, which says nothing about writers; so only
// local ones are asked. "false" therefore means "not known to be busy": the
// stability of size and date decides then.
func busy(f *os.File) bool {
	fd := f.Fd()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(fd), &fs); err != nil || !local(fs.Type) {
		return false
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return errors.Is(err, unix.EAGAIN)
	}
	// Given back at once: a writer that comes is made to wait for it.
	_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
	return false
}

func local(fsType int64) bool {
	switch uint32(fsType) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}
