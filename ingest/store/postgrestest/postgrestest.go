// Package postgrestest runs a real PostgreSQL for tests, in a folder of its own and on a
// Unix socket.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL.
type Server struct {
	// URL connects to its first database, as the user who owns it.
	URL string
	// Dir holds its files and its socket.
	Dir string

	bin    string
	as     *syscall.SysProcAttr
	server *exec.Cmd
	ended  chan struct{}
}

// startTime bounds how long the server may take to answer.
const startTime = time.Minute

// Start makes a database cluster and runs a server for it until the test ends. It skips
// the test where PostgreSQL is not installed. Several may run at once.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, stop, err := run("")
	if errors.Is(err, errMissing) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	return s
}

// Run is Start for a whole run of tests: its files lie in memory, where there is such a file
// system, since each test has a database made. stop ends the server and takes its folder away.
func Run() (s *Server, stop func(), err error) {
	const memory = "/dev/shm"
	if st, err := os.Stat(memory); err == nil && st.IsDir() {
		return run(memory)
	}
	return run("")
}

func run(root string) (s *Server, stop func(), err error) {
	bin, err := programs()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(root, "saisine-pg-") // short: a path of a socket has 107 bytes at most
	if err != nil {
		return nil, nil, err
	}
	s = &Server{Dir: dir, bin: bin}
	if s.as, err = owner(dir); err == nil {
		var out []byte
		if out, err = s.command("initdb", "-D", s.data(), "-U", "saisine", "-A", "trust", "-E", "UTF8").CombinedOutput(); err != nil {
			err = fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	if err == nil {
		err = s.Begin()
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, err
	}
	s.URL = s.url("postgres")
	return s, func() {
		s.Stop()
		_ = os.RemoveAll(dir)
	}, nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://saisine@/%s?host=%s", database, s.Dir)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.Dir, s.as
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	return cmd
}

// Begin starts the server, after Stop or Kill.
func (s *Server) Begin() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// Durable as in a town: the measurements wait for the disk.
	s.server = s.command("postgres", "-D", s.data(), "-k", s.Dir, "-c", "listen_addresses=", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "max_connections=200")
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.server.Wait()
		_ = log.Close()
	}()
	for deadline := time.Now().Add(startTime); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			deadline = time.Time{}
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.Stop()
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, text)
		}
	}
}

// Stop shuts the server down, breaking its connections off.
func (s *Server) Stop() {
	_ = s.server.Process.Signal(syscall.SIGINT) // fast shutdown
	select {
	case <-s.ended:
	case <-time.After(startTime):
		s.Kill()
	}
}

// Kill ends the server at once (SIGQUIT: no checkpoint, so that the next start recovers from
// the log as after kill -9, but without leaving shared memory behind).
func (s *Server) Kill() {
	_ = s.server.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.ended:
	case <-time.After(startTime):
		_ = s.server.Process.Kill()
		<-s.ended
	}
}

// numbered gives databases their names.
var numbered atomic.Int64

// Database makes an empty database and returns its address.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("town%d", numbered.Add(1))
	s.Exec(tb, "CREATE DATABASE "+name)
	return s.url(name)
}

// Exec runs statements in the server's first database.
func (s *Server) Exec(tb testing.TB, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, q := range statements {
		if _, err := conn.Exec(ctx, q); err != nil {
			tb.Fatal(q, ": ", err)
		}
	}
}

var errMissing = errors.New("PostgreSQL is not installed (Debian: apt-get install postgresql)")

// programs returns the folder of the newest PostgreSQL: Debian keeps the server's programs
// out of the PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", errMissing
	}
	return filepath.Dir(slices.Max(found)), nil
}

// owner returns under whom the server runs, who also gets the folder: it refuses to be root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // as oneself
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
