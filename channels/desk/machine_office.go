package desk

import (
	"context"
	"time"
)

// Machine is the state of the program. It is safe for concurrent use.
type Machine interface {
	State(ctx context.Context) (MachineState, error)
}

// MachineState is the state of the program and of what it works with.
type MachineState struct {
	Version string
	Started time.Time
	// Queues are the lanes; QueueError says why they are not known.
	Queues     []QueueState
	QueueError string
	// Waiting is how much came in and is not treated yet, Oldest how long the first of it has
	// waited; Outgoing what is to leave.
	Waiting  int64
	Oldest   time.Duration
	Outgoing int64
	Model    ModelState
	// DiskFree and DiskSize are those of the file system of the data, Database the size of
	// the database; all in bytes.
	DiskFree, DiskSize, Database int64
}

// ModelState is the model that names categories. Version is "" when the rules decide alone.
type ModelState struct {
	Version   string
	TrainedAt time.Time
	Town      int // how many of the town's requests it has learned from
	Accuracy  float64
	// Making is set while the built-in one is being made.
	Making bool
}

// QueueState is a lane of the queue.
type QueueState struct {
	Name                                        string
	Pending, Active, Scheduled, Retry, Archived int
	// ProcessedToday and FailedToday count tries since midnight UTC.
	ProcessedToday, FailedToday int
	// Latency is how long the oldest pending task has waited.
	Latency time.Duration
	Paused  bool
}
