package queue

import "sync"

// guard keeps one row from being worked on twice at once within this process. That
// can be asked for when asynq gives up waiting for a handler, when a task comes back
// after its lease, or when Redis lost its data and the sweeper refilled it.
type guard struct {
	mu    sync.Mutex
	rows  map[row]*bool // whether the row should be looked at again, should its work fail
	tasks map[string]struct{}
}

type row struct {
	kind Kind
	id   string
}

func newGuard() *guard {
	return &guard{rows: make(map[row]*bool), tasks: make(map[string]struct{})}
}

// enter takes the row. ok is false when it is taken. release gives it back, and
// reports whether it was wanted meanwhile.
func (g *guard) enter(kind Kind, id, taskID string) (release func() (wanted bool), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := row{kind, id}
	if wanted, taken := g.rows[r]; taken {
		*wanted = true
		return nil, false
	}
	wanted := new(bool)
	g.rows[r] = wanted
	g.tasks[taskID] = struct{}{}
	return func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.rows, r)
		delete(g.tasks, taskID)
		return *wanted
	}, true
}

// working reports whether the row is being worked on. want says that its task may be
// gone from Redis, so that release should report it.
func (g *guard) working(kind Kind, id string, want bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	wanted, taken := g.rows[row{kind, id}]
	if taken && want {
		*wanted = true
	}
	return taken
}

// runs reports whether the task is being worked on.
func (g *guard) runs(taskID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.tasks[taskID]
	return ok
}
