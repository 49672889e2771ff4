package queue

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Progress is how the workers of one queue get on in this process.
type Progress struct {
	Queue string
	// Running are the kinds of the tasks that are in work, one for each.
	Running []Kind
	// Slots is how many may be in work at once.
	Slots int
	// Waiting is how many tasks wait for a worker, of this node or another.
	Waiting int
	// Moved is when a worker here last took up a task or put one down; the start of the
	// workers when none has.
	Moved time.Time
}

// Progress returns how the queues get on that this node works on. It asks Redis how
// much waits, and fails when that does not answer; paused queues are left out.
func (n *Node) Progress(ctx context.Context) ([]Progress, error) {
	waiting, err := n.client.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	var out []Progress
	for _, lane := range waiting {
		if p, ok := n.moves.look(lane.Name); ok && !lane.Paused {
			p.Waiting = lane.Pending
			out = append(out, p)
		}
	}
	return out, nil
}

// moves notes when the workers of each queue take up and put down tasks. It is safe for
// concurrent use.
type moves struct {
	mu     sync.Mutex
	queues map[string]*Progress
}

// newMoves begins with the number of handlers of each queue that has some.
func newMoves(concurrency map[string]int) *moves {
	m := &moves{queues: make(map[string]*Progress)}
	for q, n := range concurrency {
		if n > 0 {
			m.queues[q] = &Progress{Queue: q, Slots: n, Moved: time.Now()}
		}
	}
	return m
}

// begin notes that a task was taken up; end that it was put down.
func (m *moves) begin(queue string, kind Kind) (end func()) {
	m.change(queue, func(p *Progress) { p.Running = append(p.Running, kind) })
	return func() {
		m.change(queue, func(p *Progress) {
			if i := slices.Index(p.Running, kind); i >= 0 {
				p.Running = slices.Delete(p.Running, i, i+1)
			}
		})
	}
}

func (m *moves) change(queue string, f func(*Progress)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.queues[queue]; p != nil {
		f(p)
		p.Moved = time.Now()
	}
}

func (m *moves) look(queue string) (Progress, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.queues[queue]
	if p == nil {
		return Progress{}, false
	}
	out := *p
	out.Running = slices.Clone(p.Running)
	return out, true
}
