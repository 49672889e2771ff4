package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
)

const listPage = 500

const (
	// orphanLook is how long a running task must be seen without a worker before it is
	// taken for an orphan: between asynq's Dequeue and the start of a handler lies a
	// moment in which it looks like one.
	orphanLook = 2 * time.Second
	// claimLook is the same where other nodes work as well: a server tells Redis every 5 s
	// what it works on (asynq's heartbeat), and what it told is forgotten after 10.
	claimLook = 8 * time.Second
	// claimEvery is how often the tasks of the other nodes are looked at.
	claimEvery = 2 * time.Second
)

// orphans finds tasks that Redis takes for running although no worker has them, and
// enqueues them under a new name. asynq itself does so only when their lease and
// another half minute are over, at its next look each minute: about 100 s after a
// kill -9. The old task still comes back then; names.current tells it from its
// successor.
//
// It is used by the sweeper's goroutine only.
type orphans struct {
	client *Client
	guard  *guard
	log    *slog.Logger
	// suspects are the tasks that had no worker, and since when.
	suspects map[string]time.Time
	looked   time.Time
}

// atBoot is the look before our own workers start: whatever runs in a private Redis
// then has lost its worker, and so it has in a shared one that no living server uses. Where
// other nodes work, later tells what they have from what nobody has.
func (o *orphans) atBoot(ctx context.Context) error {
	if !o.client.conn.private {
		if _, others, err := o.claimed(); err != nil || others {
			return err
		}
	}
	// A row at which several processes died has several entries: asynq gives the old
	// ones back only minutes later. The one that has seen most speaks for the row, or its
	// count would begin anew with the oldest entry at every start.
	type entry struct{ queue, base string }
	found := make(map[entry]*asynq.TaskInfo)
	held := make(map[entry]bool)
	var order []entry
	err := o.each(ctx, func(t *asynq.TaskInfo) error {
		e := entry{t.Queue, baseID(t.ID)}
		// Redis may have been down at the start, and our workers be at work by now.
		if o.guard.runs(t.ID) {
			held[e] = true
			return nil
		}
		have := found[e]
		if have == nil {
			order = append(order, e)
		}
		if have == nil || interruptedOf(t) > interruptedOf(have) {
			found[e] = t
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range order {
		if held[e] {
			continue
		}
		if err := o.renew(ctx, found[e], 1); err != nil {
			return err
		}
	}
	return nil
}

// interruptedOf is how many processes died over a task, 0 when it does not say.
func interruptedOf(t *asynq.TaskInfo) int {
	p, err := decodePayload(t.Payload)
	if err != nil {
		return 0
	}
	return p.Interrupted
}

// later is the look while workers run. A task can be orphaned without a process
// dying: the answer to a Dequeue was lost with the connection. With a shared Redis it is also
// the look for tasks of nodes that died or froze. Tasks that are suspects afterwards want
// another look. With act false it only looks: the node that has the turn sees to them.
func (o *orphans) later(ctx context.Context, now time.Time, act bool) error {
	o.looked = now
	private := o.client.conn.private
	var running []*asynq.TaskInfo
	err := o.each(ctx, func(t *asynq.TaskInfo) error {
		if !o.guard.runs(t.ID) {
			running = append(running, t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var claimed map[string]bool
	if !private && len(running) > 0 {
		if claimed, _, err = o.claimed(); err != nil {
			return err
		}
	}
	before := o.suspects
	o.suspects = make(map[string]time.Time)
	wait, died := orphanLook, 0
	if !private {
		// Whether the process died or only an answer was lost cannot be told.
		wait, died = claimLook, 1
	}
	for _, t := range running {
		if claimed[t.ID] {
			continue
		}
		since, known := before[t.ID]
		if !known {
			since = now
		}
		if now.Sub(since) < wait || !act {
			o.suspects[t.ID] = since
			continue
		}
		if !private && o.client.superseded(ctx, t.Queue, t.ID) {
			continue // another node has renewed it
		}
		if err := o.renew(ctx, t, died); err != nil {
			return err
		}
	}
	return nil
}

// due reports whether it is time for another look.
func (o *orphans) due(now time.Time) bool {
	return len(o.suspects) > 0 || !o.client.conn.private && now.Sub(o.looked) >= claimEvery
}

// each calls f for every running task that has no successor yet.
func (o *orphans) each(ctx context.Context, f func(*asynq.TaskInfo) error) error {
	for _, q := range Queues() {
		for page := 1; ; page++ {
			tasks, err := o.client.inspect.ListActiveTasks(q, asynq.PageSize(listPage), asynq.Page(page))
			if errors.Is(err, asynq.ErrQueueNotFound) {
				break
			}
			if err != nil {
				return fmt.Errorf("queue: list running tasks: %w", err)
			}
			for _, t := range tasks {
				if o.client.names.current(t.ID) != t.ID {
					continue
				}
				if err := f(t); err != nil {
					return err
				}
			}
			if len(tasks) < listPage || ctx.Err() != nil {
				break
			}
		}
	}
	return ctx.Err()
}

// renew enqueues the orphan's row under a new name. A row at whose processing a
// process died again and again may be the cause of it: from the fourth time on it
// has to wait, so that the others get their turn.
func (o *orphans) renew(ctx context.Context, t *asynq.TaskInfo, died int) error {
	p, err := decodePayload(t.Payload)
	if err != nil {
		o.log.LogAttrs(ctx, slog.LevelWarn, "orphaned task is not ours or damaged", slog.Any("error", err))
		return nil
	}
	p.Interrupted += died
	var in time.Duration
	if died > 0 && p.Interrupted > 3 {
		in = Policy{Base: time.Minute, Cap: time.Hour}.delay(p.Interrupted - 4)
	}
	fresh := o.client.names.renew(t.ID, o.client.boot)
	if err := o.client.tellSuccessor(ctx, t.ID, fresh); err != nil {
		return err
	}
	o.log.LogAttrs(ctx, slog.LevelInfo, "task lost its worker and is enqueued anew",
		slog.String("task", t.ID), slog.String("as", fresh), slog.Int("interrupted", p.Interrupted), slog.Duration("in", in))
	return o.client.put(ctx, Kind(t.Type), t.Queue, fresh, p, in)
}

// claimed lists the tasks that living servers say they work on, and reports whether there
// are servers of other processes. A server that was killed stands in Redis for ten more
// seconds; when it was on this machine, its process tells at once.
func (o *orphans) claimed() (tasks map[string]bool, others bool, err error) {
	servers, err := o.client.inspect.Servers()
	if err != nil {
		return nil, false, fmt.Errorf("queue: list servers: %w", err)
	}
	host, _ := os.Hostname()
	tasks = make(map[string]bool)
	for _, s := range servers {
		if s.Host == host && (s.PID == os.Getpid() || errors.Is(syscall.Kill(s.PID, 0), syscall.ESRCH)) {
			continue // our own number: in a container every process is the first
		}
		others = true
		for _, w := range s.ActiveWorkers {
			tasks[w.TaskID] = true
		}
	}
	return tasks, others, nil
}
