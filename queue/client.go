package queue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/ingest/crashpoint"
)

// Client puts jobs into the queue. All methods are safe for concurrent use.
type Client struct {
	conn     Conn
	log      *slog.Logger
	policies map[Kind]Policy
	rdb      redis.UniversalClient
	inspect  *asynq.Inspector
	// tasks is replaced when Redis has lost its data, see forget.
	tasks atomic.Pointer[asynq.Client]
	// boot is new for each Client and tells its marks in Redis from those of others.
	boot string

	names names

	handover chan Job
	lost     atomic.Bool
	stop     context.CancelFunc
	drained  sync.WaitGroup
}

// NewClient opens a client. Policies that are not given are those of
// DefaultPolicies. It touches no network and cannot fail: a Redis that is down shows
// in Enqueue. Close ends it.
func NewClient(conn Conn, policies map[Kind]Policy, log *slog.Logger) *Client {
	all := DefaultPolicies()
	maps.Copy(all, policies)
	rdb := conn.client(prompt)
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{
		conn: conn, log: log, policies: all, rdb: rdb,
		inspect:  asynq.NewInspectorFromRedisClient(rdb),
		boot:     newBoot(),
		handover: make(chan Job, handoverSize),
		stop:     stop,
	}
	c.forget()
	c.drained.Go(func() { c.drain(ctx) })
	return c
}

func newBoot() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return hex.EncodeToString(b[:])
}

// Close ends the hand-over and closes the connections. What Notify took and did not
// yet enqueue is left to the sweeper of the next start.
func (c *Client) Close() error {
	c.stop()
	c.drained.Wait()
	if err := c.rdb.Close(); err != nil {
		return fmt.Errorf("queue: close: %w", err)
	}
	return nil
}

// forget drops what asynq's client remembers about Redis. It writes the names of
// the queues once only (rdb.go, queuesPublished), so that after a FLUSHALL the
// Inspector would say "queue not found" about queues that fill up again, and an
// archived task could not be removed.
func (c *Client) forget() { c.tasks.Store(asynq.NewClientFromRedisClient(c.rdb)) }

// Enqueue puts a job into its queue. A job that is there already (waiting, running,
// or paused before a retry) is left alone and is no error; one whose task lies in
// asynq's archive is enqueued anew. The error is ErrInvalidJob, or that of Redis.
func (c *Client) Enqueue(ctx context.Context, job Job) error {
	for range 3 {
		_, err := c.add(ctx, job)
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return err
		}
		again, err := c.revive(job)
		if err != nil || !again {
			return err
		}
	}
	return nil // somebody else archives and enqueues it as fast as we do
}

// Has reports whether a job's task is in Redis in any state that leads to work being
// done: waiting, running, or paused before a try.
func (c *Client) Has(ctx context.Context, job Job) (bool, error) {
	if err := job.validate(); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	info, err := c.inspect.GetTaskInfo(job.Queue, c.names.current(job.taskID()))
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("queue: look up task: %w", err)
	}
	return info.State != asynq.TaskStateArchived && info.State != asynq.TaskStateCompleted, nil
}

// Tasks returns whether a row has a task that leads to work being done, whatever name
// it goes by: for a look from outside the daemon, which alone knows the names of
// successors. It lists all tasks once.
func (c *Client) Tasks(ctx context.Context) (has func(Job) bool, err error) {
	type entry struct{ queue, base string }
	known := make(map[entry]bool)
	lists := []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		c.inspect.ListPendingTasks, c.inspect.ListActiveTasks, c.inspect.ListScheduledTasks, c.inspect.ListRetryTasks,
	}
	for _, q := range Queues() {
		for _, list := range lists {
			for page := 1; ctx.Err() == nil; page++ {
				tasks, err := list(q, asynq.PageSize(listPage), asynq.Page(page))
				if errors.Is(err, asynq.ErrQueueNotFound) {
					break
				}
				if err != nil {
					return nil, fmt.Errorf("queue: list tasks: %w", err)
				}
				for _, t := range tasks {
					known[entry{q, baseID(t.ID)}] = true
				}
				if len(tasks) < listPage {
					break
				}
			}
		}
	}
	return func(j Job) bool { return known[entry{j.Queue, j.taskID()}] }, ctx.Err()
}

// add enqueues a job, and fails with asynq.ErrTaskIDConflict when its task is in
// Redis in any state. The name under which it tried comes back with it.
func (c *Client) add(ctx context.Context, job Job) (taskID string, err error) {
	if err := job.validate(); err != nil {
		return "", err
	}
	taskID = c.names.current(job.taskID())
	return taskID, c.put(ctx, job.Kind, job.Queue, taskID, payload{ID: job.ID}, 0)
}

func (c *Client) put(ctx context.Context, kind Kind, queue, taskID string, p payload, in time.Duration) error {
	body, err := p.encode()
	if err != nil {
		return err
	}
	policy := c.policies[kind]
	opts := []asynq.Option{
		asynq.TaskID(taskID), asynq.Queue(queue), asynq.MaxRetry(policy.MaxRetry),
		asynq.Timeout(policy.Limit + abandonMargin),
	}
	if in > 0 {
		opts = append(opts, asynq.ProcessIn(in))
	}
	if _, err := c.tasks.Load().EnqueueContext(ctx, asynq.NewTask(string(kind), body, opts...)); err != nil {
		return fmt.Errorf("queue: enqueue %s: %w", taskID, err)
	}
	crashpoint.Hit("queue.enqueued")
	return nil
}

// revive looks at the task whose name is taken, and removes it when it has come to
// its end. It reports whether enqueueing should be tried again.
//
// ErrTaskIDConflict may mean that the task is archived: it failed for good, or was
// given up by asynq when its worker died in its last try. The ledger decides what is
// done, so that asynq's archive never stands in the way.
func (c *Client) revive(job Job) (again bool, err error) {
	taskID := c.names.current(job.taskID())
	info, err := c.inspect.GetTaskInfo(job.Queue, taskID)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
		return true, nil // it ended meanwhile
	case errors.Is(err, asynq.ErrQueueNotFound):
		c.forget() // Redis was flushed, and the sweeper has not seen it yet
		return true, nil
	case err != nil:
		return false, fmt.Errorf("queue: look at task %s: %w", taskID, err)
	case info.State != asynq.TaskStateArchived && info.State != asynq.TaskStateCompleted:
		return false, nil
	}
	if err := c.inspect.DeleteTask(job.Queue, taskID); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
		return false, fmt.Errorf("queue: remove ended task %s: %w", taskID, err)
	}
	return true, nil
}

// names remembers under which name a task goes on whose own name is held by an
// orphan: a task that Redis takes for running although its worker is gone.
type names struct {
	mu    sync.Mutex
	fresh map[string]string // by the task's own name
	n     int
}

// current is the name under which the task id is known at present.
func (n *names) current(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f, ok := n.fresh[baseID(id)]; ok {
		return f
	}
	return id
}

// renew gives the task a name that was not used before.
func (n *names) renew(id, boot string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fresh == nil {
		n.fresh = make(map[string]string)
	}
	n.n++
	base := baseID(id)
	f := fmt.Sprintf("%s%c%s.%d", base, freshMark, boot, n.n)
	n.fresh[base] = f
	return f
}
