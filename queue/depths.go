package queue

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Depth is how full a queue is.
type Depth struct {
	Pending   int // wait for a worker
	Active    int // are being worked on
	Scheduled int // wait for their time
	Retry     int // wait for their next try
	Archived  int // failed for good; the ledger holds the record
	// Latency is how long the oldest pending task has waited.
	Latency time.Duration
}

// Depths returns the depth of each queue, for the metrics.
func (c *Client) Depths(ctx context.Context) (map[string]Depth, error) {
	// GetQueueInfo of a queue that was never used fails with an error of asynq's own
	// internals, so that such queues are left out first.
	used, err := c.inspect.Queues()
	if err != nil {
		return nil, fmt.Errorf("queue: list queues: %w", err)
	}
	out := make(map[string]Depth)
	for _, q := range Queues() {
		out[q] = Depth{}
		if !slices.Contains(used, q) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("queue: depths: %w", err)
		}
		info, err := c.inspect.GetQueueInfo(q)
		if err != nil {
			return nil, fmt.Errorf("queue: depth of %s: %w", q, err)
		}
		out[q] = Depth{
			Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled,
			Retry: info.Retry, Archived: info.Archived, Latency: info.Latency,
		}
	}
	return out, nil
}
