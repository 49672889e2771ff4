package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lease"
)

var _ lease.Rows = (*Store)(nil)

// Beat implements lease.Rows. It goes before the workers' writes.
func (s *Store) Beat(ctx context.Context, n lease.Node) ([]lease.Row, error) {
	var held []lease.Row
	err := s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		held = held[:0]
		if err := tx.exec(ctx, `INSERT INTO nodes (id, host, pid, place, roles, version, beat, started_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
			ON CONFLICT (id) DO UPDATE SET beat = nodes.beat + 1, seen_at = excluded.seen_at`,
			n.ID, n.Host, n.PID, n.Place, n.Roles, n.Version, micros(n.StartedAt), micros(s.opts.Now())); err != nil {
			return err
		}
		return tx.rows(ctx, `SELECT name, fence FROM leases WHERE holder = $1`, []any{n.ID}, func(row rowScanner) error {
			r := lease.Row{Holder: n.ID}
			err := row.Scan(&r.Name, &r.Fence)
			held = append(held, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: beat of node: %w", err)
	}
	return held, nil
}

// Look implements lease.Rows. It only reads.
func (s *Store) Look(ctx context.Context) ([]lease.Row, []lease.Node, error) {
	var rows []lease.Row
	var nodes []lease.Node
	// In this order: a beat that is seen with a lease is never older than the lease.
	err := each(func(row rowScanner) error {
		var r lease.Row
		var since int64
		err := row.Scan(&r.Name, &r.Holder, &r.Fence, &since, &r.Beat)
		r.Since = s.time(since)
		rows = append(rows, r)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT l.name, l.holder, l.fence, l.since, COALESCE(n.beat, -1)
			FROM leases l LEFT JOIN nodes n ON n.id = l.holder ORDER BY l.name`)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("store: leases: %w", err)
	}
	err = each(func(row rowScanner) error {
		var n lease.Node
		var started, seen int64
		err := row.Scan(&n.ID, &n.Host, &n.PID, &n.Place, &n.Roles, &n.Version, &n.Beat, &started, &seen)
		n.StartedAt, n.SeenAt = s.time(started), s.time(seen)
		nodes = append(nodes, n)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT id, host, pid, place, roles, version, beat, started_at, seen_at FROM nodes ORDER BY started_at, id`)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("store: nodes: %w", err)
	}
	return rows, nodes, nil
}

// TakeLease implements lease.Rows.
func (s *Store) TakeLease(ctx context.Context, seen lease.Row, holder string) (int64, error) {
	fence := seen.Fence + 1
	err := s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		var n int64
		var err error
		now := micros(s.opts.Now())
		if seen.Fence == 0 {
			n, err = tx.execN(ctx, `INSERT INTO leases (name, holder, fence, since) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`,
				seen.Name, holder, fence, now)
		} else {
			n, err = tx.execN(ctx, `UPDATE leases SET holder = $1, fence = $2, since = $3 WHERE name = $4 AND holder = $5 AND fence = $6
				AND COALESCE((SELECT beat FROM nodes WHERE id = $5), -1) = $7`,
				holder, fence, now, seen.Name, seen.Holder, seen.Fence, seen.Beat)
		}
		if err == nil && n == 0 {
			err = ingest.ErrFenced
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("store: take lease %s: %w", seen.Name, err)
	}
	return fence, nil
}

// ReleaseLease implements lease.Rows.
func (s *Store) ReleaseLease(ctx context.Context, name, holder string, fence int64) error {
	err := s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE leases SET holder = '' WHERE name = $1 AND holder = $2 AND fence = $3`, name, holder, fence)
	})
	if err != nil {
		return fmt.Errorf("store: release lease %s: %w", name, err)
	}
	return nil
}

// nodesKept is how long a node that gave no sign of life stays in the list.
const nodesKept = 7 * 24 * time.Hour

// Leave implements lease.Rows. It also takes out nodes that died long ago; should a clock have
// been wrong, the next beat of such a node puts it back.
func (s *Store) Leave(ctx context.Context, id string) error {
	err := s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `DELETE FROM nodes WHERE id = $1 OR seen_at < $2 AND id NOT IN (SELECT holder FROM leases)`,
			id, micros(s.opts.Now().Add(-nodesKept)))
	})
	if err != nil {
		return fmt.Errorf("store: leave: %w", err)
	}
	return nil
}

// fenced refuses a write by a right that has passed to another node. It is asked in the write's own
// transaction: writes are one after the other, in all nodes, so that none can come between.
func fenced(ctx context.Context, tx *tx, f ingest.Fence) error {
	if f.Number == 0 {
		return nil
	}
	var last int64
	err := tx.row(ctx, `SELECT fence FROM leases WHERE name = $1`, f.Name).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if last != f.Number {
		return fmt.Errorf("%w: %s is held with number %d, this is %d", ingest.ErrFenced, f.Name, last, f.Number)
	}
	return nil
}
