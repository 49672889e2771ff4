package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/discreet"
)

const (
	// groupMax bounds how many writes share a commit, so that none waits long for the
	// others. At 32 form posts and 64 mails in flight a group is rarely full.
	groupMax = 128
	// While writes come in for which somebody waits, those that can wait get a turn
	// only this often. They are then taken together, so that none starves.
	laterTurn = 400 * time.Millisecond
	// laterRoom is how many of them a commit takes, also when it is full already.
	laterRoom = 32
	// A writer for whom somebody waits is expected back this soon; the commit of one
	// that can wait would only be in its way.
	nowPause = 2 * time.Millisecond
	// lockWait is how long a write waits for other programs and other nodes that write. Of one for
	// whom somebody waits, the time that it stood behind others counts: a citizen is told after
	// about so long that it has to be tried again.
	lockWait = 10 * time.Second
	// lockWaitMin is what is left to one whose time is up before it was its turn: most likely the
	// lock is free, and it was only the turn that came late.
	lockWaitMin = time.Second
)

// A work is one write: it must not keep anything from an earlier call, since it is
// called again when another work of its group has failed.
type work func(ctx context.Context, tx *tx) error

type job struct {
	work work
	done chan error
	now  bool // somebody waits for it
	// due is until when it waits for the lock; of one that can wait it counts from its turn.
	due time.Time
}

// patience is how long a group waits for the lock: until the first of it is due. It is told in
// tenths of a second, since engines remember their texts.
func patience(group []job) time.Duration {
	left := lockWait
	for _, j := range group {
		left = min(left, time.Until(j.due))
	}
	return max(left, lockWaitMin).Round(100 * time.Millisecond)
}

// impatient refuses those of a group that did not get the lock and are due, and returns the others.
func impatient(group []job, err error) []job {
	kept := group[:0]
	for _, j := range group {
		if time.Until(j.due) < lockWaitMin {
			j.done <- err
		} else {
			kept = append(kept, j)
		}
	}
	return kept
}

// writer owns the one connection that writes. Concurrent callers of do share a
// transaction and so an fsync (group commit): while one group is being committed the
// next one gathers. When a work fails, the group is rolled back and each of its works
// gets a transaction of its own, so that a fault reaches only the one that has it and
// the common case needs no savepoints.
type writer struct {
	engine engine
	db     *sql.DB
	// conn is nil after the database has gone away, until it is asked for again.
	conn  *sql.Conn
	log   *slog.Logger
	stmts map[string]*sql.Stmt
	// sound makes the log durable before the first write (soundLog); isSound is set when it has.
	sound   func() error
	isSound bool
	files   *identity
	// now takes the writes for which a citizen or a mail server is waiting, later
	// those of the workers: while much comes in, taking it in goes first.
	now   chan job
	later chan job
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once

	commits, writes, splits atomic.Int64
}

// WriterStats says how well writes share their commits.
type WriterStats struct {
	Commits int64 // transactions
	Writes  int64 // writes in them
	Splits  int64 // groups that were run again one by one, because one write failed
}

// WriterStats returns the figures since the store was opened.
func (s *Store) WriterStats() WriterStats {
	w := s.writer
	return WriterStats{w.commits.Load(), w.writes.Load(), w.splits.Load()}
}

func newWriter(ctx context.Context, e engine, db *sql.DB, log *slog.Logger, files *identity) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: writing connection: %w", err)
	}
	w := &writer{
		engine: e, db: db, conn: conn, log: log, sound: files.sound, files: files, stmts: make(map[string]*sql.Stmt),
		now: make(chan job), later: make(chan job), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run() //nolint:gosec // G118: the writer outlives the context that opened the store
	return w, nil
}

// do runs f in a transaction and returns when it is on disk. When ctx ends first, do
// returns its error and the write may still happen; every write is idempotent.
func (w *writer) do(ctx context.Context, now bool, f work) error {
	j := job{work: f, done: make(chan error, 1), now: now}
	queue := w.later
	if now {
		queue, j.due = w.now, time.Now().Add(lockWait)
	}
	select {
	case queue <- j:
	case <-w.quit:
		return fmt.Errorf("%w: the store is closed", ingest.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) close() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	defer w.release()
	// Callers' contexts do not reach the statements: one caller that gives up must
	// not break the transaction of the others.
	ctx := context.Background()
	var group []job
	var lastNow, lastLater time.Time
	for {
		group = w.first(group[:0], lastNow, lastLater)
		if len(group) == 0 {
			return
		}
		now := group[0].now
		if now {
			group = gatherCrowd(group, w.now)
		}
		if !now || time.Since(lastLater) >= laterTurn {
			group = gather(group, w.later, len(group)+laterRoom)
			lastLater = time.Now()
		}
		w.commit(ctx, group)
		if now {
			lastNow = time.Now()
		}
	}
}

// first waits for a job. It returns none when the writer is to end. One for whom somebody waits
// goes first: a group of the others may have to wait for the lock as long as he is told at most.
func (w *writer) first(group []job, lastNow, lastLater time.Time) []job {
	select {
	case j := <-w.now:
		return append(group, j)
	default:
	}
	if pause := nowPause - time.Since(lastNow); pause > 0 && time.Since(lastLater) < laterTurn {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case j := <-w.now:
			return append(group, j)
		case <-w.quit:
			return group
		case <-timer.C:
		}
	}
	select {
	case j := <-w.now:
		return append(group, j)
	case j := <-w.later:
		return append(group, j)
	case <-w.quit:
		return group
	}
}

// gatherCrowd gathers and lets the other goroutines run in between, as long as that
// brings more: when many post at once, those that are about to write join this commit
// instead of waiting for the next. (Holding a commit back by a timer until the whole
// crowd is there was measured too, and is slower: its members' own work then no longer
// overlaps with the disk's.)
func gatherCrowd(group []job, from <-chan job) []job {
	for {
		before := len(group)
		group = gather(group, from, groupMax)
		if len(group) == before || len(group) == groupMax {
			return group
		}
		runtime.Gosched()
	}
}

// gather adds the jobs that are waiting, up to max in all.
func gather(group []job, from <-chan job, max int) []job {
	for len(group) < max {
		select {
		case j := <-from:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction, or failing that each work in its own. A group that takes
// long is committed in parts: other nodes, and other processes, wait for the lock.
func (w *writer) commit(ctx context.Context, group []job) {
	w.writes.Add(int64(len(group)))
	for i := range group {
		if !group[i].now {
			group[i].due = time.Now().Add(lockWait)
		}
	}
	for len(group) > 0 {
		n, err := w.transact(ctx, group)
		if isLocked(err) {
			group = impatient(group, err)
			continue
		}
		// When not even BEGIN went through, no write of the group is at fault; trying each
		// would only wait for the same lock as often as there are writes.
		if err != nil && n > 1 && !errors.Is(err, errBegin) {
			w.splits.Add(1)
			for i := range group[:n] {
				_, err := w.transact(ctx, group[i:i+1])
				group[i].done <- err
			}
		} else {
			for _, j := range group[:n] {
				j.done <- err
			}
		}
		group = group[n:]
	}
}

// release gives up the connection and all that was prepared on it.
func (w *writer) release() {
	if w.conn == nil {
		return
	}
	for _, s := range w.stmts {
		_ = s.Close()
	}
	clear(w.stmts)
	_ = w.conn.Close()
	w.conn = nil
}

// connectTries is how often a connection is asked for before the writes are refused: the first
// may be one that died unseen with the database's last restart.
const connectTries = 2

// begin begins a transaction, on a new connection when the old one is gone. It waits for the lock
// no longer than patience, and for a database that says nothing not much longer.
func (w *writer) begin(ctx context.Context, patience time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience+beginTime)
	defer cancel()
	for range connectTries {
		if w.conn == nil {
			if w.conn, err = w.db.Conn(ctx); err != nil {
				w.conn = nil
				continue
			}
		}
		if err = w.engine.begin(ctx, w.conn, patience); err == nil {
			return nil
		}
		if !w.engine.lost(w.conn) {
			// It may have begun and not got the lock: PostgreSQL then takes nothing more on this
			// connection but a rollback. In SQLite there is nothing to roll back.
			_, _ = w.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			return err
		}
		w.discard()
	}
	return err
}

// discard takes a connection that is of no use any more out of the pool.
func (w *writer) discard() {
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	w.release()
}

// beginTime is how much later than by the patience with other writers a database is given up that
// does not answer: it is to say by itself that the lock was not to be had.
const beginTime = 2 * time.Second

// holdMax is how long a transaction holds the lock at the most, but for its last write.
const holdMax = 300 * time.Millisecond

// transact runs the first works of a group in one transaction and returns how many those were.
func (w *writer) transact(ctx context.Context, group []job) (n int, err error) {
	if err = w.begin(ctx, patience(group)); err != nil {
		return len(group), fmt.Errorf("%w: %w", errBegin, unavailable(err))
	}
	begun := time.Now()
	defer func() {
		if err == nil {
			return
		}
		if w.engine.lost(w.conn) {
			w.discard()
			return
		}
		// SQLite rolls back by itself on a full disk or an I/O fault; a second
		// rollback then says "no transaction is active", which is as good.
		if _, rerr := w.conn.ExecContext(ctx, "ROLLBACK"); rerr != nil && !isNoTransaction(rerr) {
			err = errors.Join(err, rerr)
		}
	}()
	if !w.isSound {
		if err = w.sound(); err != nil {
			return len(group), fmt.Errorf("%w: %w", errBegin, unavailable(err))
		}
		w.isSound = true
	}
	for _, j := range group {
		n++
		if err = w.guarded(ctx, j.work); err != nil {
			return n, err
		}
		if time.Since(begun) > holdMax {
			break
		}
	}
	crashpoint.Hit("store.before_commit")
	if err = w.files.check(); err != nil {
		return n, err
	}
	if err = w.engine.commit(ctx, w.conn); err != nil {
		if isFsync(err) {
			w.isSound = false
		}
		return n, unavailable(err)
	}
	w.commits.Add(1)
	crashpoint.Hit("store.committed")
	return n, nil
}

// guarded turns a panic of one work into its error: the writer serves everybody, and one
// odd letter must not take the daemon down.
func (w *writer) guarded(ctx context.Context, f work) (err error) {
	defer func() {
		if x := recover(); x != nil {
			w.log.LogAttrs(ctx, slog.LevelError, "panic in a write", slog.String("panic", discreet.Panic(x)), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return f(ctx, &tx{w: w})
}

var errPanic = errors.New("store: panic in a write")

// errBegin means that no transaction could be begun: the database is locked by another
// program, or out of order.
var errBegin = errors.New("store: cannot begin to write")

// tx is the writer's transaction, as one work sees it, with its prepared statements.
// It is only valid inside that work.
type tx struct {
	w *writer
	// outbox collects the outbox rows that the work wrote.
	outbox []ingest.OutboxNotice
	// touched are the requests to which something has happened, reworded those in which
	// people may have written something.
	touched, reworded map[int64]bool
	// happened are the events of requests that the work wrote, in order.
	happened []happened
}

// touch has the deadlines of a request computed again at the end of the work.
func (t *tx) touch(requestID int64) {
	if t.touched == nil {
		t.touched = map[int64]bool{}
	}
	t.touched[requestID] = true
}

// reword has what people wrote in a request indexed again at the end of the work.
func (t *tx) reword(requestID int64) {
	if t.reworded == nil {
		t.reworded = map[int64]bool{}
	}
	t.reworded[requestID] = true
}

// stmt returns the prepared statement for a query. The writer keeps and closes it.
func (t *tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := t.w.stmts[query]; ok {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, unavailable(err)
	}
	t.w.stmts[query] = s
	return s, nil
}

// execN runs a statement and returns the number of rows it changed.
func (t *tx) execN(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := t.stmt(ctx, query) //nolint:sqlclosecheck // kept by the writer
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, unavailable(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.execN(ctx, query, args...)
	return err
}

// rowScanner is the part of *sql.Row that is used.
type rowScanner interface{ Scan(dest ...any) error }

type errRow struct{ err error }

func (r errRow) Scan(...any) error { return r.err }

type foreignRow struct{ row *sql.Row }

func (r foreignRow) Scan(dest ...any) error { return unavailable(r.row.Scan(dest...)) }

func (t *tx) row(ctx context.Context, query string, args ...any) rowScanner {
	s, err := t.stmt(ctx, query) //nolint:sqlclosecheck // kept by the writer
	if err != nil {
		return errRow{err}
	}
	return foreignRow{s.QueryRowContext(ctx, args...)}
}

// rows calls f for each row of the result; f scans it.
func (t *tx) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return err
	}
	return each(f, func() (*sql.Rows, error) { return s.QueryContext(ctx, args...) })
}

// each runs a query and calls f for each of its rows.
func each(f func(rowScanner) error, query func() (*sql.Rows, error)) error {
	rows, err := query()
	if err != nil {
		return unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return unavailable(rows.Err())
}
