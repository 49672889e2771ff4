package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrInUse means that another process runs a private Redis in this folder.
	ErrInUse = errors.New("queue: folder is in use")
	// ErrNoRedis means that the program redis-server is not installed.
	ErrNoRedis = errors.New("queue: redis-server is not installed (apt-get install redis-server)")
)

// hangLimit is how long a private Redis may give no answer before it is killed.
const hangLimit = 10 * time.Second

// tuning holds the times of the supervisor, so that tests need not wait for them.
type tuning struct {
	// ping is the pause between two questions, and the time for an answer.
	ping time.Duration
	// hang is how many answers in a row may be missing.
	hang int
	// backoff is the first pause before a restart; it doubles up to backoffCap.
	backoff, backoffCap time.Duration
	// stop is how long a graceful end may take.
	stop time.Duration
}

func defaultTuning() tuning {
	return tuning{
		ping: time.Second, hang: int(hangLimit / time.Second),
		backoff: 100 * time.Millisecond, backoffCap: 30 * time.Second, stop: 5 * time.Second,
	}
}

// Managed is a private redis-server: a child process on a socket that only this
// user can open, kept running until Close. All methods are safe for concurrent use.
type Managed struct {
	dir     string // absolute, without symbolic links
	socket  string
	tempDir string // folder of the socket when dir is too deep for one, or ""
	bin     string
	log     *slog.Logger
	tune    tuning
	lock    *os.File
	rdb     redis.UniversalClient // of the supervisor

	closeOnce sync.Once
	closing   chan struct{}
	ended     chan struct{} // closed when the supervisor has returned
	ready     chan struct{} // closed when Redis first answered
	readyOnce sync.Once

	mu    sync.Mutex
	child *exec.Cmd // nil when none runs
	tail  tail
}

// StartManaged starts a private redis-server whose data lies in dir, which is made
// when missing, and waits until it answers. ctx bounds the start only. Then it is
// supervised: started again when it ends, killed and started again when it hangs,
// and started empty when its data cannot be read, which is then kept beside dir in
// dir.broken-DATE.
//
// It fails with ErrInUse when another process holds the folder, and with ErrNoRedis
// when there is no redis-server.
//
// The server ends with this process, however that ends: the kernel kills it
// (PR_SET_PDEATHSIG), and should one have been left over, the next start does.
func StartManaged(ctx context.Context, dir string, log *slog.Logger) (*Managed, error) {
	return startManaged(ctx, dir, log, defaultTuning())
}

func startManaged(ctx context.Context, dir string, log *slog.Logger, tune tuning) (*Managed, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRedis, err)
	}
	if dir, err = privateDir(dir); err != nil {
		return nil, err
	}
	m := &Managed{
		dir: dir, bin: bin, log: log, tune: tune,
		closing: make(chan struct{}), ended: make(chan struct{}), ready: make(chan struct{}),
	}
	if m.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := m.launch(ctx); err != nil {
		_ = m.lock.Close()
		return nil, err
	}
	return m, nil
}

// launch does what needs the lock, and waits for the first answer.
func (m *Managed) launch(ctx context.Context) (err error) {
	if m.socket, m.tempDir, err = socketPath(m.dir, os.TempDir()); err != nil {
		return err
	}
	if err := endStale(ctx, m.dir, m.log); err != nil {
		return err
	}
	m.rdb = m.Conn().client(patience{read: m.tune.ping, retries: -1})
	firstFault := make(chan error, 1)
	go m.supervise(firstFault) //nolint:gosec // outlives ctx, which bounds the start only
	select {
	case <-m.ready:
		return nil
	case err = <-firstFault:
	case <-ctx.Done():
		err = fmt.Errorf("queue: redis-server does not get ready: %w%s", ctx.Err(), m.tail.hint())
	}
	m.shut()
	return err
}

// privateDir makes dir for this user only and returns its true path.
func privateDir(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("queue: make folder for redis: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x
		return "", fmt.Errorf("queue: protect folder for redis: %w", err)
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return "", fmt.Errorf("queue: folder for redis: %w", err)
	}
	return abs, nil
}

// Conn says how to reach the server. It stays the same over restarts.
func (m *Managed) Conn() Conn {
	return socketConn(m.socket, true)
}

func socketConn(socket string, private bool) Conn {
	return Conn{opt: redis.UniversalOptions{Addrs: []string{socket}}, private: private, label: "private redis at " + socket}
}

// Existing reaches the private Redis that another process of this user runs in dir,
// for commands beside the daemon. It touches no network, so that whether one runs
// shows only in use.
func Existing(dir string) (Conn, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return Conn{}, fmt.Errorf("queue: folder of redis: %w", err)
	}
	if len(filepath.Join(abs, socketName)) > maxSocketPath {
		abs = tempSocketDir(abs, os.TempDir())
	}
	return socketConn(filepath.Join(abs, socketName), false), nil
}

// PID is the process id of the server, or 0 while none runs.
func (m *Managed) PID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child == nil {
		return 0
	}
	return m.child.Process.Pid
}

// Close ends the server gracefully, so that everything is on disk, or by force when
// that takes too long. Calling it again waits for the same end.
func (m *Managed) Close() error {
	m.shut()
	return nil
}

func (m *Managed) shut() {
	m.closeOnce.Do(func() {
		close(m.closing)
		m.signal(stopSignal)
	})
	select {
	case <-m.ended:
	case <-time.After(m.tune.stop):
		m.signal(os.Kill)
		<-m.ended
	}
	_ = m.rdb.Close()
	if m.tempDir != "" {
		_ = os.RemoveAll(m.tempDir)
	}
	_ = m.lock.Close() // also gives the lock back
}

// signal sends a signal to the running child, if there is one.
func (m *Managed) signal(sig os.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child != nil {
		_ = m.child.Process.Signal(sig) // fails only when it has ended by itself
	}
}

func (m *Managed) isClosing() bool {
	select {
	case <-m.closing:
		return true
	default:
		return false
	}
}
