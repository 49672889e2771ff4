package main

import (
	"context"
	"log/slog"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
)

// deskLists is desk.Lists.
type deskLists struct{ h *house }

var _ desk.Lists = deskLists{}

// List implements desk.Lists.
func (d deskLists) List(ctx context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error) {
	return d.h.store.List(ctx, v, f)
}

// TabCounts implements desk.Lists.
func (d deskLists) TabCounts(ctx context.Context, v ingest.Viewer) (ingest.TabCounts, error) {
	return d.h.store.TabCounts(ctx, v)
}

// Views implements desk.Lists.
func (d deskLists) Views(ctx context.Context, v ingest.Viewer) ([]ingest.SavedView, error) {
	return d.h.store.Views(ctx, v)
}

// SaveView implements desk.Lists.
func (d deskLists) SaveView(ctx context.Context, v ingest.Viewer, view ingest.SavedView) error {
	return d.h.store.SaveView(ctx, v, view)
}

// indexSearch puts into the index of the search what an older version has filed.
func (h *house) indexSearch(ctx context.Context) {
	n, err := h.store.IndexSearch(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "what was filed before is not all in the search yet; the next start goes on", slog.Any("err", err))
	case n > 0:
		h.log.LogAttrs(ctx, slog.LevelInfo, "what was filed before is in the search", slog.Int("rows", n))
	}
}
