package queue

import (
	"context"
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
	lanes, err := c.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Depth, len(lanes))
	for _, l := range lanes {
		out[l.Name] = l.Depth
	}
	return out, nil
}
