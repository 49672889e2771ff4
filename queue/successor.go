package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

// What names knows within a process, the nodes of a shared Redis tell each other there: under
// which name a task goes on that had lost its worker. It is only looked at, never trusted: a
// name whose task is not there keeps nobody from working.

const (
	successorKey = "saisine:successor:"
	// successorTTL is longer than an orphan takes to come back, however long its pause.
	successorTTL = 26 * time.Hour
	// wantedKey asks the node that sweeps for a sweep.
	wantedKey = "saisine:sweep-wanted"
)

// tellSuccessor tells the other nodes under which name a task goes on.
func (c *Client) tellSuccessor(ctx context.Context, taskID, fresh string) error {
	if c.conn.private {
		return nil
	}
	if err := c.rdb.Set(ctx, successorKey+baseID(taskID), fresh, successorTTL).Err(); err != nil {
		return fmt.Errorf("queue: name a successor: %w", err)
	}
	return nil
}

// superseded reports whether a task goes on under another name, in a state that leads to work
// being done. Where Redis does not say, it does not.
func (c *Client) superseded(ctx context.Context, queue, taskID string) bool {
	fresh, err := c.rdb.Get(ctx, successorKey+baseID(taskID)).Result()
	if err != nil || fresh == taskID {
		return false
	}
	info, err := c.inspect.GetTaskInfo(queue, fresh)
	return err == nil && info.State != asynq.TaskStateArchived && info.State != asynq.TaskStateCompleted
}

// wantSweep asks the node that sweeps to do so: what this one wanted to hand over was lost.
func (c *Client) wantSweep(ctx context.Context) error {
	return c.rdb.Set(ctx, wantedKey, "1", sweepEvery).Err()
}

// sweepWanted reports whether another node has asked for a sweep, and forgets it.
func (c *Client) sweepWanted(ctx context.Context) bool {
	n, err := c.rdb.Del(ctx, wantedKey).Result()
	return err == nil && n > 0
}
