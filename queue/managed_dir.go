package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	socketName = "redis.sock"
	// maxSocketPath is what fits into sockaddr_un.sun_path with its final NUL (unix(7)).
	maxSocketPath = 107
	lockName      = "lock"
)

// lockDir takes the folder for this process. The kernel gives the lock back when the
// process ends, however it ends; the child does not inherit it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("queue: open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is held by process %s; two daemons cannot share one data folder", ErrInUse, dir, holder(f))
		}
		return nil, fmt.Errorf("queue: lock %s: %w", dir, err)
	}
	// The lock holds even when its note cannot be written, such as on a full disk.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// holder reads who wrote the lock file.
func holder(f *os.File) string {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
		return strconv.Itoa(pid)
	}
	return "unknown"
}

// socketPath finds a place for the socket: in dir, or when the kernel's limit for
// the path is passed, in a folder of ours under temp, which also comes back alone
// so that it can be removed.
func socketPath(dir, temp string) (socket, tempDir string, err error) {
	if socket = filepath.Join(dir, socketName); len(socket) <= maxSocketPath {
		return socket, "", nil
	}
	tempDir = tempSocketDir(dir, temp)
	if socket = filepath.Join(tempDir, socketName); len(socket) > maxSocketPath {
		return "", "", fmt.Errorf("queue: no place for a socket: paths of %s and %s are both longer than %d bytes", dir, temp, maxSocketPath)
	}
	if err := os.Mkdir(tempDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", "", fmt.Errorf("queue: make folder for socket: %w", err)
	}
	// Everybody can write to temp: the folder must be ours, and no link elsewhere.
	fi, err := os.Lstat(tempDir)
	if err != nil {
		return "", "", fmt.Errorf("queue: folder for socket: %w", err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || !fi.IsDir() || int(st.Uid) != os.Getuid() || fi.Mode().Perm() != 0o700 {
		return "", "", fmt.Errorf("queue: folder for socket: %s belongs to somebody else, remove it", tempDir)
	}
	return socket, tempDir, nil
}

// tempSocketDir is the folder of the socket for dir: always the same, so that a
// command beside the daemon finds it.
func tempSocketDir(dir, temp string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(temp, "saisine-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:8]))
}

// endStale kills a redis-server that still works in dir although we hold the lock:
// one whose daemon was killed and whose parent-death signal did not come. It is
// known by its working directory and command line rather than by a pid file, which
// may be stale itself. Killing loses nothing that was answered: the append-only file
// has it, at least in the kernel.
func endStale(ctx context.Context, dir string, log *slog.Logger) error {
	for _, pid := range redisIn(dir) {
		log.LogAttrs(ctx, slog.LevelWarn, "a redis-server was left over and is ended", slog.Int("pid", pid))
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("queue: end left-over redis-server %d: %w", pid, err)
		}
	}
	for len(redisIn(dir)) > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("queue: left-over redis-server does not end: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// redisIn lists the redis-server processes whose working directory is dir.
func redisIn(dir string) []int {
	var pids []int
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		if cwd, err := os.Readlink(filepath.Join(p, "cwd")); err != nil || cwd != dir {
			continue
		}
		// The executable may be called redis-check-rdb (Debian links them); the
		// process title is redis-server.
		title, err := os.ReadFile(filepath.Join(p, "cmdline"))
		if err != nil || !strings.Contains(string(title), "redis-server") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(p)); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// dataNames are the files in which Redis keeps its data, by version and setting.
func dataNames() []string { return []string{"appendonlydir", "appendonly.aof", "dump.rdb"} }

// setAside moves the data away to dir.broken-DATE and returns that folder, or "" when
// there is no data.
func setAside(dir string, now time.Time) (string, error) {
	base := dir + ".broken-" + now.Format("20060102-150405")
	broken := base
	for i := 2; ; i++ {
		if _, err := os.Lstat(broken); errors.Is(err, os.ErrNotExist) {
			break
		}
		broken = base + "-" + strconv.Itoa(i)
	}
	moved := ""
	for _, name := range dataNames() {
		old := filepath.Join(dir, name)
		if _, err := os.Lstat(old); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(broken, 0o700); err != nil {
			return "", fmt.Errorf("queue: set broken redis data aside: %w", err)
		}
		if err := os.Rename(old, filepath.Join(broken, name)); err != nil {
			return "", fmt.Errorf("queue: set broken redis data aside: %w", err)
		}
		moved = broken
	}
	return moved, nil
}

// putBack undoes setAside.
func putBack(dir, broken string) error {
	for _, name := range dataNames() {
		old := filepath.Join(broken, name)
		if _, err := os.Lstat(old); err != nil {
			continue
		}
		// What the failed start began is in the way, and empty.
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("queue: put redis data back: %w", err)
		}
		if err := os.Rename(old, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("queue: put redis data back: %w", err)
		}
	}
	if err := os.Remove(broken); err != nil {
		return fmt.Errorf("queue: put redis data back: %w", err)
	}
	return nil
}
