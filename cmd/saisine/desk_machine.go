package main

import (
	"context"
	"log/slog"
	"time"

	"saisine.fr/saisine/channels/desk"
)

// deskMachine is desk.Machine.
type deskMachine struct {
	h       *house
	started time.Time
}

var _ desk.Machine = deskMachine{}

// inspectTime bounds how long the page of the machine waits for Redis.
const inspectTime = 3 * time.Second

// State implements desk.Machine.
func (d deskMachine) State(ctx context.Context) (desk.MachineState, error) {
	s := desk.MachineState{Version: version, Started: d.started}
	g, err := d.h.store.Gauges(ctx)
	if err != nil {
		return s, err
	}
	s.Waiting, s.Oldest, s.Outgoing = g.Received, g.Oldest, g.OutboxPending
	d.queues(ctx, &s)
	d.disk(&s)
	if u := d.h.understand; u != nil {
		c := u.classifier.Now()
		v := c.Version()
		s.Model = desk.ModelState{Version: v.Name, TrainedAt: v.TrainedAt, Town: v.Town, Accuracy: v.Figures.Accuracy, Making: !c.Ready()}
	}
	return s, nil
}

// queues asks Redis; when it does not answer the page says so.
func (d deskMachine) queues(ctx context.Context, s *desk.MachineState) {
	c := d.h.client.Load()
	if c == nil {
		s.QueueError = "the queue is not connected"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	lanes, err := c.Inspect(ctx)
	if err != nil {
		s.QueueError = "Redis does not answer"
		d.h.log.LogAttrs(ctx, slog.LevelWarn, "queues not inspected", slog.Any("err", err))
		return
	}
	for _, l := range lanes {
		s.Queues = append(s.Queues, desk.QueueState{
			Name: l.Name, Pending: l.Pending, Active: l.Active, Scheduled: l.Scheduled, Retry: l.Retry, Archived: l.Archived,
			ProcessedToday: l.ProcessedToday, FailedToday: l.FailedToday, Latency: l.Latency, Paused: l.Paused,
		})
	}
}

// disk looks at the file system of the data, and at the database with its log.
func (d deskMachine) disk(s *desk.MachineState) {
	s.DiskFree, s.DiskSize, _ = diskSpace(d.h.cfg.DataDir) // zero where it cannot be asked
	s.Database, _ = d.h.store.Size()
}
