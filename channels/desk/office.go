package desk

import (
	"context"

	"saisine.fr/saisine/ingest"
)

// This file is what the desk asks of the house. Each interface serves one group of pages,
// and is implemented outside. Errors wrap ingest.ErrNotFound for what is not there or hidden
// from the viewer, ingest.ErrRefused (mostly an *ingest.RefusalError) for what makes no sense, and
// ingest.ErrUnavailable where the store cannot be reached. All are safe for concurrent use.

// Lists are the lists of requests.
type Lists interface {
	List(ctx context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error)
	TabCounts(ctx context.Context, v ingest.Viewer) (ingest.TabCounts, error)
	// Views are the viewer's saved views; SaveView replaces one of the same name, and
	// removes it where Query is "".
	Views(ctx context.Context, v ingest.Viewer) ([]ingest.SavedView, error)
	SaveView(ctx context.Context, v ingest.Viewer, view ingest.SavedView) error
}
