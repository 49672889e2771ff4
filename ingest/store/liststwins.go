package store

import (
	"context"
	"slices"

	"saisine.fr/saisine/ingest"
)

// twinsQuery brings, both ways, what was suggested or decided between a request, with those
// that were merged into it, and others. A request that was merged stands for the one that it
// went into.
const twinsQuery = `SELECT coalesce(o.merged_into, o.id), g.kind FROM suggestions g JOIN requests o ON o.id = g.other_id
		WHERE g.request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) AND g.kind IN ('same', '` + kindApart + `')
	UNION SELECT coalesce(o.merged_into, o.id), g.kind FROM suggestions g JOIN requests o ON o.id = g.request_id
		WHERE g.other_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) AND g.kind IN ('same', '` + kindApart + `')`

// refreshTwins keeps the pairs of which a request is one, after something has happened to it
// in the same transaction. What is as it was is not written.
func (s *Store) refreshTwins(ctx context.Context, tx *tx, id int64) error {
	want, err := wantedTwins(ctx, tx, id)
	if err != nil {
		return err
	}
	var have []int64
	if err := tx.rows(ctx, `SELECT other_id FROM twins WHERE request_id = $1 ORDER BY other_id`, []any{id}, func(row rowScanner) error {
		var other int64
		err := row.Scan(&other)
		have = append(have, other)
		return err
	}); err != nil {
		return err
	}
	if slices.Equal(have, want) {
		return nil
	}
	if err := tx.exec(ctx, `DELETE FROM twins WHERE request_id = $1`, id); err != nil {
		return err
	}
	for _, other := range have {
		if err := tx.exec(ctx, `DELETE FROM twins WHERE request_id = $1 AND other_id = $2`, other, id); err != nil {
			return err
		}
	}
	for _, other := range want {
		if err := tx.exec(ctx, `INSERT INTO twins (request_id, other_id) VALUES ($1, $2), ($2, $1)`, id, other); err != nil {
			return err
		}
	}
	for _, one := range append(append([]int64{id}, have...), want...) {
		if err := tx.exec(ctx, `UPDATE requests SET twins = CASE WHEN EXISTS (SELECT 1 FROM twins t WHERE t.request_id = $1) THEN 1 ELSE 0 END
			WHERE id = $1 AND twins <> CASE WHEN EXISTS (SELECT 1 FROM twins t WHERE t.request_id = $1) THEN 1 ELSE 0 END`, one); err != nil {
			return err
		}
	}
	return nil
}

// wantedTwins returns, in order, the requests that may be the same matter as this one; none
// for one that was merged.
func wantedTwins(ctx context.Context, tx *tx, id int64) ([]int64, error) {
	same, apart := map[int64]bool{}, map[int64]bool{}
	err := tx.rows(ctx, twinsQuery, []any{id}, func(row rowScanner) error {
		var other int64
		var kind string
		if err := row.Scan(&other, &kind); err != nil {
			return err
		}
		if kind == kindApart {
			apart[other] = true
		} else {
			same[other] = true
		}
		return nil
	})
	if err != nil || len(same) == 0 {
		return nil, err
	}
	var merged int
	if err := tx.row(ctx, `SELECT CASE WHEN merged_into IS NULL THEN 0 ELSE 1 END FROM requests WHERE id = $1`, id).Scan(&merged); err != nil || merged != 0 {
		return nil, err
	}
	var out []int64
	for other := range same {
		if !apart[other] && other != id {
			out = append(out, other)
		}
	}
	slices.Sort(out)
	return out, nil
}

// twinsSeen tells of which requests (a JSON list) there is another one that the viewer sees.
func twinsSeen(ctx context.Context, run sqlRunner, v ingest.Viewer, list string) (map[int64]bool, error) {
	out := map[int64]bool{}
	hidden, args := seenSQL(v, "o.service", []any{list})
	err := run.rows(ctx, `SELECT DISTINCT t.request_id FROM twins t JOIN requests o`+listsKey+` ON o.id = t.other_id
		WHERE t.request_id IN (SELECT value FROM json_each($1))`+hidden, args, func(row rowScanner) error {
		var id int64
		err := row.Scan(&id)
		out[id] = true
		return err
	})
	return out, err
}
