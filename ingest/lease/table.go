package lease

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"saisine.fr/saisine/ingest"
)

// Node is one process of the house.
type Node struct {
	ID   string // unique to this run of the process
	Host string
	PID  int
	// Place is where that number means this process: see Here. "" is nowhere.
	Place   string
	Roles   string
	Version string
	// Beat grows while the node lives.
	Beat int64
	// StartedAt and SeenAt are by the node's own clock, for people.
	StartedAt, SeenAt time.Time
}

// Row is a lease as it stands in the table.
type Row struct {
	Name   string
	Holder string // a node's id; "" where it was given back
	Fence  int64
	Since  time.Time // by the holder's clock, for people
	// Beat is the holder's, -1 where there is no such node.
	Beat int64
}

// Rows is where leases and nodes stand. ingest/store has it.
type Rows interface {
	// Beat writes that the node lives, and returns the leases that it holds.
	Beat(ctx context.Context, n Node) ([]Row, error)
	// Look returns all leases and all nodes.
	Look(ctx context.Context) ([]Row, []Node, error)
	// TakeLease gives a lease to a node, unless it is no longer as it was seen: seen.Fence 0 means
	// that there was none. The error wraps ingest.ErrFenced then.
	TakeLease(ctx context.Context, seen Row, holder string) (fence int64, err error)
	// ReleaseLease gives back what is held with that fence; of any other it does nothing.
	ReleaseLease(ctx context.Context, name, holder string, fence int64) error
	// Leave removes a node that ends.
	Leave(ctx context.Context, id string) error
}

// Table keeps leases in the database that the nodes share. Open makes one; Close ends it.
type Table struct {
	rows Rows
	node Node
	log  *slog.Logger

	term, early, beat, look, check time.Duration
	clock                          func() time.Duration

	stop    context.CancelFunc
	running sync.WaitGroup
	kick    chan struct{}

	mu    sync.Mutex
	wants map[string]*want
	held  map[string]*held
	// taking are those about which the database is being asked.
	taking map[string]bool
	seen   map[string]sighting
	nodes  map[string]Node
	// beaten is when a node's beat was last seen to change.
	beaten map[string]time.Duration
	// silent is since when no beat got through, for one line in the log.
	silent bool
}

// want is somebody who waits for a lease.
type want struct{ got chan *held }

// held is a lease that this node has.
type held struct {
	name  string
	fence int64
	// until is when others may take it, taken when it was known to be ours, by our clock.
	until, taken time.Duration
	since        time.Time // by the wall's clock, for people
	lost         bool
	cancel       context.CancelFunc // set while work is done
}

// sighting is what was last seen of a lease, and since when it is like that.
type sighting struct {
	row   Row
	since time.Duration
}

var _ Keeper = (*Table)(nil)

// Open begins to beat. It touches nothing yet: a database that is down is waited for.
func Open(rows Rows, node Node, log *slog.Logger) *Table {
	t := newTable(rows, node, log)
	t.start()
	return t
}

func newTable(rows Rows, node Node, log *slog.Logger) *Table {
	return &Table{
		rows: rows, node: node, log: log, term: Term, early: endEarly, beat: beatEvery, look: lookEvery, check: checkEvery, clock: now,
		kick: make(chan struct{}, 1), wants: map[string]*want{}, held: map[string]*held{},
		taking: map[string]bool{}, seen: map[string]sighting{}, nodes: map[string]Node{}, beaten: map[string]time.Duration{},
	}
}

func (t *Table) start() {
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	// Apart, so that none waits for another's turn in the database.
	t.running.Go(func() { t.every(ctx, t.beat, nil, t.sendBeat) })
	t.running.Go(func() { t.every(ctx, t.look, t.kick, t.lookAround) })
	t.running.Go(func() { t.every(ctx, t.check, nil, t.checkTerms) })
}

// closeTime bounds what Close does with a database that does not answer.
const closeTime = 5 * time.Second

// Close gives back what is still held and takes the node out of the table. Work must have ended.
func (t *Table) Close() error {
	t.stop()
	t.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	t.mu.Lock()
	left := t.held
	t.held = map[string]*held{}
	t.mu.Unlock()
	var errs []error
	for _, h := range left {
		errs = append(errs, t.rows.ReleaseLease(ctx, h.name, t.node.ID, h.fence))
	}
	return errors.Join(append(errs, t.rows.Leave(ctx, t.node.ID))...)
}

func (t *Table) every(ctx context.Context, pause time.Duration, kick <-chan struct{}, f func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-kick:
		}
	}
}

// sendBeat renews all leases at once. It counts from before it was sent: a candidate cannot have
// seen it earlier.
func (t *Table) sendBeat(ctx context.Context) {
	begun := t.clock()
	ctx, cancel := context.WithTimeout(ctx, t.term)
	defer cancel()
	rows, err := t.rows.Beat(ctx, t.node)
	for _, r := range t.renewed(ctx, begun, rows, err) {
		_ = t.rows.ReleaseLease(ctx, r.Name, t.node.ID, r.Fence)
	}
}

// renewed draws the consequences of a beat. It returns the leases that the table says we hold and
// of which nobody here knows: whoever took one had given up waiting for the database's answer.
func (t *Table) renewed(ctx context.Context, begun time.Duration, rows []Row, err error) (stray []Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if !t.silent && !errors.Is(err, context.Canceled) {
			t.log.LogAttrs(ctx, slog.LevelWarn, "this node cannot tell the others that it lives; what it holds passes to them", slog.Any("err", err))
		}
		t.silent = true
		return nil
	}
	t.silent = false
	ours := make(map[string]int64, len(rows))
	for _, r := range rows {
		ours[r.Name] = r.Fence
		if t.held[r.Name] == nil && !t.taking[r.Name] {
			stray = append(stray, r)
		}
	}
	for name, h := range t.held {
		if ours[name] == h.fence && !h.lost {
			h.until = max(h.until, begun+t.term)
			continue
		}
		// One that was taken while this beat was under way may not be in its answer.
		if h.taken < begun {
			t.lose(ctx, h, "another node has it")
		}
	}
	return stray
}

// lose ends the work under a lease. t.mu is held.
func (t *Table) lose(ctx context.Context, h *held, why string) {
	if h.lost {
		return
	}
	h.lost = true
	if h.cancel != nil {
		h.cancel()
	}
	t.log.LogAttrs(ctx, slog.LevelWarn, "a lease was lost", slog.String("lease", h.name), slog.Int64("fence", h.fence), slog.String("why", why))
}

// checkTerms ends work in time where no beat has got through: before the others may take over, so
// that what is under way can end.
func (t *Table) checkTerms(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.clock()
	for _, h := range t.held {
		if at > h.until-t.early {
			t.lose(ctx, h, "it was not renewed in time")
		}
	}
}

// lookAround sees who holds what, and takes what is wanted here and free.
func (t *Table) lookAround(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.term)
	defer cancel()
	rows, nodes, err := t.rows.Look(ctx)
	if err != nil {
		return // sendBeat says so
	}
	at := t.clock()
	var free []Row
	t.mu.Lock()
	before := t.nodes
	t.nodes = make(map[string]Node, len(nodes))
	for _, n := range nodes {
		if was, ok := before[n.ID]; ok && was.Beat != n.Beat {
			t.beaten[n.ID] = at
		}
		t.nodes[n.ID] = n
	}
	known := make(map[string]bool, len(rows))
	for _, r := range rows {
		known[r.Name] = true
		was, ok := t.seen[r.Name]
		if !ok || was.row.Holder != r.Holder || was.row.Fence != r.Fence || was.row.Beat != r.Beat {
			was = sighting{row: r, since: at}
			t.seen[r.Name] = was
		}
		if t.wants[r.Name] != nil && t.free(was, at) {
			free = append(free, r)
		}
	}
	for name := range t.wants {
		if !known[name] {
			free = append(free, Row{Name: name, Beat: -1})
		}
	}
	t.mu.Unlock()
	for _, r := range free {
		t.take(ctx, r)
	}
}

// free reports whether a lease may be taken over. t.mu is held.
func (t *Table) free(s sighting, at time.Duration) bool {
	if t.held[s.row.Name] != nil {
		return false // work under it has not ended yet
	}
	// It may be our own, see renewed.
	return s.row.Holder == "" || s.row.Holder == t.node.ID || at-s.since > t.term || t.died(s.row.Holder)
}

// died reports whether a node is known to have ended: it ran where we do, and its process is gone.
// So a daemon that is started again at once need not wait for what it held itself. t.mu is held.
func (t *Table) died(id string) bool {
	n, ok := t.nodes[id]
	return ok && n.Place != "" && n.Place == t.node.Place && errors.Is(syscall.Kill(n.PID, 0), syscall.ESRCH)
}

// take takes a lease over for whoever waits for it.
func (t *Table) take(ctx context.Context, seen Row) {
	begun := t.clock()
	t.mu.Lock()
	t.taking[seen.Name] = true
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taking, seen.Name)
	}()
	fence, err := t.rows.TakeLease(ctx, seen, t.node.ID)
	if err != nil {
		if !errors.Is(err, ingest.ErrFenced) && ctx.Err() == nil {
			t.log.LogAttrs(ctx, slog.LevelWarn, "a lease cannot be taken", slog.String("lease", seen.Name), slog.Any("err", err))
		}
		return
	}
	if seen.Holder != "" && seen.Holder != t.node.ID {
		t.log.LogAttrs(ctx, slog.LevelWarn, "taken over from a node that gives no sign of life",
			slog.String("lease", seen.Name), slog.Int64("fence", fence), slog.String("from", seen.Holder))
	}
	h := &held{name: seen.Name, fence: fence, until: begun + t.term, taken: t.clock(), since: time.Now()}
	t.mu.Lock()
	w := t.wants[seen.Name]
	if w != nil {
		delete(t.wants, seen.Name)
		t.held[seen.Name] = h
		w.got <- h // has room for one
	}
	t.mu.Unlock()
	if w == nil { // whoever waited has gone
		_ = t.rows.ReleaseLease(ctx, h.name, t.node.ID, h.fence)
	}
}

// Hold implements Keeper.
func (t *Table) Hold(ctx context.Context, name string, work Work) error {
	w := &want{got: make(chan *held, 1)}
	t.mu.Lock()
	t.wants[name] = w
	t.mu.Unlock()
	select {
	case t.kick <- struct{}{}: // look at once
	default:
	}
	var h *held
	select {
	case h = <-w.got:
	case <-ctx.Done():
		t.mu.Lock()
		if t.wants[name] == w {
			delete(t.wants, name)
		}
		t.mu.Unlock()
		select {
		case h = <-w.got: // it came just now
			t.give(h)
		default:
		}
		return ctx.Err()
	}
	return t.do(ctx, h, work)
}

// Try implements Keeper.
func (t *Table) Try(ctx context.Context, name string, work Work) (done bool, err error) {
	t.mu.Lock()
	s, known := t.seen[name]
	busy := t.wants[name] != nil || t.held[name] != nil || known && !t.free(s, t.clock())
	if busy {
		t.mu.Unlock()
		return false, nil
	}
	if !known {
		s.row = Row{Name: name, Beat: -1}
	}
	w := &want{got: make(chan *held, 1)}
	t.wants[name] = w
	t.mu.Unlock()
	t.take(ctx, s.row)
	t.mu.Lock()
	if t.wants[name] == w {
		delete(t.wants, name)
	}
	t.mu.Unlock()
	select {
	case h := <-w.got:
		return true, t.do(ctx, h, work)
	default:
		return false, nil
	}
}

// do does the work under a lease and gives it back.
func (t *Table) do(ctx context.Context, h *held, work Work) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.mu.Lock()
	h.cancel = cancel
	lost := h.lost
	t.mu.Unlock()
	defer t.give(h)
	if lost {
		return ErrLost
	}
	t.log.LogAttrs(ctx, slog.LevelDebug, "lease held", slog.String("lease", h.name), slog.Int64("fence", h.fence))
	err := work(ingest.WithFence(ctx, t.right(h)))
	t.mu.Lock()
	lost = h.lost
	t.mu.Unlock()
	if lost {
		return errors.Join(ErrLost, err)
	}
	return err
}

func (t *Table) right(h *held) ingest.Fence {
	return ingest.Fence{Name: h.name, Number: h.fence, Valid: func() bool { return t.valid(h) }}
}

// Held implements Keeper.
func (t *Table) Held(name string) (ingest.Fence, bool) {
	t.mu.Lock()
	h := t.held[name]
	ok := h != nil && !h.lost && h.cancel != nil
	t.mu.Unlock()
	if !ok || !t.valid(h) {
		return ingest.Fence{}, false
	}
	return t.right(h), true
}

// Others lists the nodes beside this one that were seen to live within a Term.
func (t *Table) Others() []Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Node
	for _, id := range slices.Sorted(maps.Keys(t.nodes)) {
		if at, ok := t.beaten[id]; ok && id != t.node.ID && t.clock()-at < t.term {
			out = append(out, t.nodes[id])
		}
	}
	return out
}

// Node returns the node whose leases these are.
func (t *Table) Node() Node { return t.node }

// Mine implements Keeper.
func (t *Table) Mine() []Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Row
	for _, name := range slices.Sorted(maps.Keys(t.held)) {
		if h := t.held[name]; !h.lost {
			out = append(out, Row{Name: name, Holder: t.node.ID, Fence: h.fence, Since: h.since, Beat: -1})
		}
	}
	return out
}

// margin is for clocks that do not go at quite the same pace.
const margin = time.Second

// valid reports whether no other node can have the lease yet. Work that was told to end may end
// what it has begun until then.
func (t *Table) valid(h *held) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clock() < h.until-min(margin, t.term/10)
}

// give gives a lease back whose work has ended. One that was lost has another holder by now, or
// soon will.
func (t *Table) give(h *held) {
	t.mu.Lock()
	delete(t.held, h.name)
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.rows.ReleaseLease(ctx, h.name, t.node.ID, h.fence); err != nil {
		t.log.LogAttrs(ctx, slog.LevelDebug, "a lease was not given back; it ends by itself", slog.String("lease", h.name), slog.Any("err", err))
	}
}

// Holder implements Keeper.
func (t *Table) Holder(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.seen[name]
	if !ok || s.row.Holder == "" {
		return ""
	}
	return cmp.Or(t.nodes[s.row.Holder].Host, s.row.Holder)
}
