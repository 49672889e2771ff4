package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"saisine.fr/saisine/ingest"
)

// seesMade is visibleSubmission for a scan of which others were made: it holds the pages of
// all its letters, and is hidden from whom one of them is hidden.
func seesMade(ctx context.Context, run sqlRunner, v ingest.Viewer, id string) error {
	if len(v.Hidden) == 0 {
		return nil
	}
	seen, args := seenSQL(v, "coalesce(r.service, json_extract(s.hints, '$.service'), '')", []any{id})
	var n int
	err := run.row(ctx, `WITH RECURSIVE made (id) AS (
			SELECT child_id FROM descent WHERE parent_id = $1
			UNION SELECT d.child_id FROM descent d JOIN made m ON d.parent_id = m.id)
		SELECT 1 FROM made m JOIN submissions s ON s.id = m.id LEFT JOIN requests r ON r.id = s.request_id
		WHERE NOT (1 = 1`+seen+`) LIMIT 1`, args...).Scan(&n)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return unavailable(err)
	}
	return fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
}
