package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// deskFailures is desk.Failures.
type deskFailures struct {
	h *house
	// statuses is the health of the ways in of this process; those of others are not known
	// here. started is when they began.
	statuses func() map[string]channels.Status
	started  time.Time
	now      func() time.Time
}

var _ desk.Failures = deskFailures{}

// newDeskFailures is told of the ways in by super, which may be nil.
func newDeskFailures(h *house, super *channels.Supervisor, now func() time.Time) deskFailures {
	d := deskFailures{h: h, started: now(), now: now}
	if super != nil {
		d.statuses = super.Statuses
	}
	return d
}

// FailureCount implements desk.Failures.
func (d deskFailures) FailureCount(ctx context.Context, v ingest.Viewer) (int, error) {
	return d.h.store.FailureCount(ctx, v)
}

// Failures implements desk.Failures.
func (d deskFailures) Failures(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, after int64) (ingest.FailurePage, error) {
	return d.h.store.Failures(ctx, v, kind, after)
}

// Retry implements desk.Failures. The workers hear of it at once.
func (d deskFailures) Retry(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) error {
	f, err := d.h.store.Failure(ctx, v, kind, id)
	if err != nil {
		return err
	}
	taken := false
	if f.CanRetry() {
		taken, err = d.h.store.RetryAny(ctx, id, v.Actor())
	}
	switch {
	case errors.Is(err, store.ErrPartial):
	case err != nil:
		return err
	case taken && (kind == ingest.FailedSubmissions || kind == ingest.SetAside):
		return d.h.offer(ctx, id)
	case taken:
		return nil // of deliveries and mails the store tells by itself
	}
	return ingest.Refused("%s cannot be tried again; its reason says where it lies", id)
}

// Release implements desk.Failures. Who is no administrator has been sent away before; what a viewer
// does not see is not there.
func (d deskFailures) Release(ctx context.Context, v ingest.Viewer, id string) error {
	if _, err := d.h.store.Failure(ctx, v, ingest.FailedSubmissions, id); err != nil {
		return err
	}
	if err := d.h.store.Release(ctx, id, v.Actor()); err != nil {
		return err
	}
	return d.h.offer(ctx, id)
}

// DealtWith implements desk.Failures.
func (d deskFailures) DealtWith(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) error {
	return d.h.store.DealtWith(ctx, v, kind, id)
}

// passive are the ways in that have nothing to look at: they wait for somebody to come.
var passive = []string{"webform", "desk"}

// Channels implements desk.Failures.
func (d deskFailures) Channels(context.Context) []desk.ChannelState {
	if d.statuses == nil {
		return nil
	}
	statuses := d.statuses()
	var out []desk.ChannelState
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		s := statuses[name]
		state := desk.ChannelState{Name: name, LastGood: s.LastGood, Passive: slices.Contains(passive, name)}
		for _, key := range slices.Sorted(maps.Keys(s.Alarms)) {
			state.Alarms = append(state.Alarms, s.Alarms[key])
		}
		if s.Err != nil {
			state.Error = s.Err.Error()
		}
		seen := s.LastGood
		if seen.IsZero() {
			seen = d.started
		}
		state.Stuck = !state.Passive && d.now().Sub(seen) > silentAfter
		out = append(out, state)
	}
	slices.SortStableFunc(out, func(a, b desk.ChannelState) int { return cmp.Compare(trouble(b), trouble(a)) })
	return out
}

// trouble orders the ways in by how much somebody must see to them.
func trouble(s desk.ChannelState) int {
	switch {
	case s.Stuck:
		return 2
	case s.Error != "" || len(s.Alarms) > 0:
		return 1
	}
	return 0
}
