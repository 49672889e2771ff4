package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func dial(t testing.TB, c Conn) redis.UniversalClient {
	t.Helper()
	rdb := c.client(prompt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// kill sends a signal to a server that this test started.
func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no process: %d", pid)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func TestManagedSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data dir", "redis")
	m := startQuick(t, dir, quick())
	c := NewClient(m.Conn(), nil, testLog(t))
	defer c.Close()
	r, err := c.Check(t.Context())
	if err != nil || len(r.Problems) > 0 || !r.AppendOnly || r.Snapshots || r.Policy != "noeviction" {
		t.Errorf("check: %+v, %v", r, err)
	}
	rdb := dial(t, m.Conn())
	for key, want := range map[string]string{"port": "0", "appendfsync": "everysec", "save": "", "aof-load-truncated": "yes"} {
		if got := rdb.ConfigGet(t.Context(), key).Val()[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, m.socket: 0o700} {
		fi, err := os.Stat(path)
		if err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}
	pid := m.PID()
	if pgid, err := syscall.Getpgid(pid); err != nil || pgid != pid {
		t.Errorf("process group %d of %d: Ctrl-C would end Redis before the daemon has drained", pgid, pid)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Error("the server outlives Close")
	}
	if _, err := os.Stat(m.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestManagedSurvivesKillAndFreeze(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			m := startQuick(t, t.TempDir(), quick())
			rdb := dial(t, m.Conn())
			for round := range 2 {
				key := strconv.Itoa(round)
				eventually(t, 5*time.Second, "write", func() bool { return rdb.Set(t.Context(), key, "v", 0).Err() == nil })
				pid := m.PID()
				kill(t, pid, sig)
				eventually(t, 10*time.Second, "a new server", func() bool { p := m.PID(); return p != 0 && p != pid })
				eventually(t, 5*time.Second, "the data is back", func() bool { return rdb.Get(t.Context(), key).Val() == "v" })
				if !gone(pid) {
					t.Errorf("the old server %d still lives", pid)
				}
			}
		})
	}
}

// A server that is killed before it has answered is not one that cannot read its data.
func TestManagedKilledWhileStarting(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "redis")
	m := startQuick(t, dir, quick())
	rdb := dial(t, m.Conn())
	eventually(t, 5*time.Second, "write", func() bool { return rdb.Set(t.Context(), "k", "v", 0).Err() == nil })
	for range 8 {
		pid := m.PID()
		kill(t, pid, syscall.SIGKILL)
		// The next one dies within its first milliseconds.
		eventually(t, 10*time.Second, "a new server", func() bool { p := m.PID(); return p != 0 && p != pid })
	}
	eventually(t, 10*time.Second, "the data is back", func() bool { return rdb.Get(t.Context(), "k").Val() == "v" })
	if aside, _ := filepath.Glob(dir + ".broken-*"); len(aside) != 0 {
		t.Errorf("sound data was put aside: %v", aside)
	}
}

// appendFile is the newest append-only file of a Redis 7, or that of a Redis 6.
func appendFile(t *testing.T, dir string) string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if len(names) == 0 {
		names = []string{filepath.Join(dir, "appendonly.aof")}
	}
	return names[len(names)-1]
}

func TestManagedTruncatedData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "redis")
	m := startQuick(t, dir, quick())
	rdb := dial(t, m.Conn())
	for i := range 10 {
		if err := rdb.Set(t.Context(), fmt.Sprint("key", i), "value", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	_ = m.Close()
	file := appendFile(t, dir)
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, fi.Size()-7); err != nil {
		t.Fatal(err)
	}
	m = startQuick(t, dir, quick())
	rdb = dial(t, m.Conn())
	if n := rdb.DBSize(t.Context()).Val(); n != 9 {
		t.Errorf("%d keys, want the 9 whole ones", n)
	}
	if broken, _ := filepath.Glob(dir + ".broken-*"); len(broken) > 0 {
		t.Errorf("readable data was set aside: %v", broken)
	}
}

func TestManagedBrokenData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "redis")
	m := startQuick(t, dir, quick())
	rdb := dial(t, m.Conn())
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
	if err := os.WriteFile(appendFile(t, dir), []byte("*3\r\n$nonsense\r\nthis is not what redis wrote\r\n*1\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m = startQuick(t, dir, quick())
	if n := dial(t, m.Conn()).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys after a start without data", n)
	}
	broken, _ := filepath.Glob(dir + ".broken-*")
	if len(broken) != 1 {
		t.Fatalf("set aside: %v", broken)
	}
	if b, err := os.ReadFile(appendFile(t, broken[0])); err != nil || !strings.Contains(string(b), "nonsense") {
		t.Errorf("the broken data was not kept: %q, %v", b, err)
	}

	// The same when the server is restarted while we run.
	pid := m.PID()
	if err := os.WriteFile(appendFile(t, dir), []byte("*3\r\n$nonsense\r\n*1\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, pid, syscall.SIGKILL)
	rdb = dial(t, m.Conn())
	eventually(t, 10*time.Second, "an empty server", func() bool { return m.PID() != pid && rdb.Ping(t.Context()).Err() == nil })
	if broken, _ := filepath.Glob(dir + ".broken-*"); len(broken) != 2 {
		t.Errorf("set aside: %v", broken)
	}
}

// TestManagedInnocentData: when the server cannot start for another reason, its data
// stays where it is.
func TestManagedInnocentData(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho no memory left today\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	dir := filepath.Join(t.TempDir(), "redis")
	file := filepath.Join(dir, "appendonlydir", "a.aof")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := startManaged(t.Context(), dir, testLog(t), quick())
	if err == nil || !strings.Contains(err.Error(), "no memory left today") {
		t.Errorf("the error does not say why: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("data is not back: %q, %v", b, err)
	}
	if broken, _ := filepath.Glob(dir + ".broken-*"); len(broken) > 0 {
		t.Errorf("left behind: %v", broken)
	}
}

func TestManagedNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := StartManaged(t.Context(), t.TempDir(), testLog(t)); !errors.Is(err, ErrNoRedis) {
		t.Errorf("%v, want ErrNoRedis", err)
	}
}

func TestManagedStartIsBounded(t *testing.T) {
	bin := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte("#!/bin/sh\nexec "+sleep+" 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := startManaged(ctx, t.TempDir(), testLog(t), quick()); err == nil {
		t.Fatal("a server that never answers counts as started")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestManagedTwoDaemons(t *testing.T) {
	dir := t.TempDir()
	m := startQuick(t, dir, quick())
	pid := m.PID()
	_, err := startManaged(t.Context(), dir, testLog(t), quick())
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("%v, want ErrInUse naming process %d", err, os.Getpid())
	}
	if m.PID() != pid || gone(pid) {
		t.Error("the second daemon harmed the first")
	}
	_ = m.Close()
	startQuick(t, dir, quick()) // the folder is free again
}

func TestManagedEndsLeftOver(t *testing.T) {
	needRedis(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, sig := range map[string]syscall.Signal{"running": 0, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			left := exec.CommandContext(context.Background(), "redis-server", "--port", "0", "--unixsocket", filepath.Join(dir, socketName),
				"--appendonly", "yes", "--save", "", "--dir", dir)
			left.Dir = dir
			if err := left.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { _ = left.Wait(); close(ended) }()
			defer func() { _ = left.Process.Kill(); <-ended }()
			conn, err := Connect("unix://" + filepath.Join(dir, socketName))
			if err != nil {
				t.Fatal(err)
			}
			old := dial(t, conn)
			eventually(t, 5*time.Second, "left-over server answers", func() bool { return old.Set(t.Context(), "key", "kept", 0).Err() == nil })
			kill(t, left.Process.Pid, sig)
			m := startQuick(t, dir, quick())
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Fatal("the left-over server still writes to our files")
			}
			if v := dial(t, m.Conn()).Get(t.Context(), "key").Val(); v != "kept" {
				t.Errorf("its data is lost: %q", v)
			}
			_ = m.Close()
		})
	}
}

func TestManagedDeepFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 60), strings.Repeat("e", 60), "redis")
	m := startQuick(t, dir, quick())
	if m.tempDir == "" || len(m.socket) > maxSocketPath {
		t.Fatalf("socket %q", m.socket)
	}
	conn, err := Existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(t, conn).Ping(t.Context()).Err(); err != nil {
		t.Errorf("a command beside the daemon does not find it: %v", err)
	}
	_ = m.Close()
	if _, err := os.Stat(m.tempDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the socket stays: %v", err)
	}
	// Somebody else was there first.
	if err := os.Symlink(t.TempDir(), m.tempDir); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(m.tempDir)
	if m, err := startManaged(t.Context(), dir, testLog(t), quick()); err == nil {
		_ = m.Close()
		t.Error("a link in the temporary folder was followed")
	}
}

func TestReportJudge(t *testing.T) {
	for _, tt := range []struct {
		r    Report
		want int
	}{
		{Report{Version: "7.0.15", Policy: "noeviction", AppendOnly: true}, 0},
		{Report{Version: "6.0.16", Policy: "noeviction", Snapshots: true}, 0},
		{Report{Version: "5.0.14", Policy: "noeviction", AppendOnly: true}, 1},
		{Report{Version: "7.0.15", Policy: "allkeys-lru"}, 2},
		{Report{}, 3},
	} {
		r := tt.r
		if r.judge(); len(r.Problems) != tt.want {
			t.Errorf("%+v: want %d problems", r, tt.want)
		}
	}
}
