package main

import (
	"context"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// deskActs is desk.Acts: the acts of the store, by the agent who acts.
type deskActs struct{ h *house }

var _ desk.Acts = deskActs{}

// SetCategory implements desk.Acts. It is ErrRefused for a category that the town does not have.
func (d deskActs) SetCategory(ctx context.Context, v ingest.Viewer, reference, code string) error {
	c, ok := d.h.rules.File().Category(code)
	if !ok {
		return ingest.Refused("there is no category %q", code)
	}
	return d.h.store.By(v).SetCategory(ctx, reference, c.Code, c.Service.Name)
}

// SetStatus implements desk.Acts.
func (d deskActs) SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error {
	return d.h.store.By(v).SetStatus(ctx, reference, status, note)
}

// Correct implements desk.Acts.
func (d deskActs) Correct(ctx context.Context, v ingest.Viewer, reference string, c ingest.Correction) error {
	return d.h.store.By(v).Correct(ctx, reference, c)
}

// Assign implements desk.Acts.
func (d deskActs) Assign(ctx context.Context, v ingest.Viewer, reference, login string) error {
	return d.h.store.By(v).Assign(ctx, reference, login)
}

// Reviewed implements desk.Acts.
func (d deskActs) Reviewed(ctx context.Context, v ingest.Viewer, reference string) error {
	return d.h.store.By(v).Reviewed(ctx, reference)
}

// Comment implements desk.Acts.
func (d deskActs) Comment(ctx context.Context, v ingest.Viewer, reference, text string) error {
	return d.h.store.By(v).Comment(ctx, reference, text)
}

// SetProcedure implements desk.Acts.
func (d deskActs) SetProcedure(ctx context.Context, v ingest.Viewer, reference string, procedure notice.Procedure) error {
	return d.h.store.By(v).SetProcedure(ctx, reference, string(procedure))
}

// Link implements desk.Acts.
func (d deskActs) Link(ctx context.Context, v ingest.Viewer, submission, reference string, link ingest.Link) error {
	return d.h.store.By(v).Link(ctx, submission, reference, link)
}

// Unlink implements desk.Acts.
func (d deskActs) Unlink(ctx context.Context, v ingest.Viewer, submission string) (string, error) {
	return d.h.store.By(v).Unlink(ctx, submission)
}

// Merge implements desk.Acts.
func (d deskActs) Merge(ctx context.Context, v ingest.Viewer, from, into string) error {
	return d.h.store.By(v).Merge(ctx, from, into)
}

// Split implements desk.Acts.
func (d deskActs) Split(ctx context.Context, v ingest.Viewer, reference string, submissions []string) (string, error) {
	return d.h.store.By(v).Split(ctx, reference, submissions)
}

// Apart implements desk.Acts.
func (d deskActs) Apart(ctx context.Context, v ingest.Viewer, a, b string) error {
	return d.h.store.By(v).Apart(ctx, a, b)
}

// AskPieces implements desk.Acts.
func (d deskActs) AskPieces(ctx context.Context, v ingest.Viewer, reference string, pieces []string, until, note string) error {
	return d.h.store.By(v).AskPieces(ctx, reference, pieces, until, note)
}

// PiecesCame implements desk.Acts.
func (d deskActs) PiecesCame(ctx context.Context, v ingest.Viewer, reference string, at time.Time) error {
	return d.h.store.By(v).PiecesCame(ctx, reference, at)
}

// Transmit implements desk.Acts.
func (d deskActs) Transmit(ctx context.Context, v ingest.Viewer, reference, to string, competent time.Time) error {
	return d.h.store.By(v).Transmit(ctx, reference, to, competent)
}

// RevokeLinks implements desk.Acts.
func (d deskActs) RevokeLinks(ctx context.Context, v ingest.Viewer, reference string) error {
	return d.h.store.By(v).RevokeLinks(ctx, reference)
}

// Assignable implements desk.Acts.
func (d deskActs) Assignable(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Agent, error) {
	return d.h.store.Assignable(ctx, v, reference)
}
