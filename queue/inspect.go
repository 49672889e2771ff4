package queue

import (
	"context"
	"fmt"
	"slices"
)

// Lane is the state of a queue, for a person to look at.
type Lane struct {
	Name string
	Depth
	// ProcessedToday and FailedToday count tries since midnight UTC, as asynq counts them; what
	// failed is among what was processed.
	ProcessedToday, FailedToday int
	Paused                      bool
}

// Inspect returns the state of each queue, in the order of Queues. It asks Redis, some ten
// commands for each queue that was ever used.
func (c *Client) Inspect(ctx context.Context) ([]Lane, error) {
	// GetQueueInfo of a queue that was never used fails with an error of asynq's own
	// internals, so that such queues are left out first.
	used, err := c.inspect.Queues()
	if err != nil {
		return nil, fmt.Errorf("queue: list queues: %w", err)
	}
	var out []Lane
	for _, q := range Queues() {
		lane := Lane{Name: q}
		if slices.Contains(used, q) {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("queue: inspect: %w", err)
			}
			info, err := c.inspect.GetQueueInfo(q)
			if err != nil {
				return nil, fmt.Errorf("queue: inspect %s: %w", q, err)
			}
			lane.Depth = Depth{
				Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled,
				Retry: info.Retry, Archived: info.Archived, Latency: info.Latency,
			}
			lane.ProcessedToday, lane.FailedToday, lane.Paused = info.Processed, info.Failed, info.Paused
		}
		out = append(out, lane)
	}
	return out, nil
}
