package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"saisine.fr/saisine/ingest"
)

// SetSealed has the store remember which services are sealed. all are those of the categories
// file, sealed the ones among them. A service that was sealed and is not in all any more
// stays so: its requests are still there.
func (s *Store) SetSealed(ctx context.Context, all, sealed []string) error {
	now := micros(s.opts.Now())
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		for _, name := range all {
			var err error
			if slices.Contains(sealed, name) {
				err = tx.exec(ctx, `INSERT INTO sealed_services (name, since) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, now)
			} else {
				err = tx.exec(ctx, `DELETE FROM sealed_services WHERE name = $1`, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Sealed returns the services that are sealed, by name.
func (s *Store) Sealed(ctx context.Context) ([]string, error) {
	var out []string
	err := each(func(row rowScanner) error {
		var name string
		err := row.Scan(&name)
		out = append(out, name)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT name FROM sealed_services ORDER BY name`)
	})
	return out, err
}

// proposed remembers which names of services channels have proposed, up to a row of the
// ledger: rows are only added, and what they propose does not change.
type proposed struct {
	mu    sync.Mutex
	upTo  int64
	names map[string]bool
}

// ProposedServices returns the names that channels have ever proposed as a service (the
// sub-folders of scans, the separator sheets), as they were written, by name.
func (s *Store) ProposedServices(ctx context.Context) ([]string, error) {
	p := &s.proposed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil {
		p.names = map[string]bool{}
	}
	upTo, names := p.upTo, maps.Clone(p.names)
	err := each(func(row rowScanner) error {
		var seq int64
		var name sql.NullString
		if err := row.Scan(&seq, &name); err != nil {
			return err
		}
		if upTo = max(upTo, seq); name.String != "" {
			names[name.String] = true
		}
		return nil
	}, func() (*sql.Rows, error) {
		// The last row comes in any case, so that none is looked at twice.
		return s.read.QueryContext(ctx, `SELECT seq, json_extract(hints, '$.service') FROM submissions
			WHERE seq > $1 AND (hints LIKE '%"service":%' OR seq = (SELECT max(seq) FROM submissions))`, upTo)
	})
	if err != nil {
		return nil, err
	}
	p.upTo, p.names = upTo, names
	return slices.Sorted(maps.Keys(names)), nil
}

// RequestService returns the service of a request; of one that was merged, of the one that it
// went into. The error wraps ingest.ErrNotFound when there is none.
func (s *Store) RequestService(ctx context.Context, reference string) (string, error) {
	var service string
	err := s.read.QueryRowContext(ctx, `SELECT r.service FROM requests m JOIN requests r ON r.id = coalesce(m.merged_into, m.id) WHERE m.reference = $1`, reference).Scan(&service)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	return service, unavailable(err)
}

// SubmissionService returns the service of a submission's request or, while it is in none,
// what its channel proposed as one. The error wraps ingest.ErrNotFound when there is none.
func (s *Store) SubmissionService(ctx context.Context, id string) (string, error) {
	var service, hinted sql.NullString
	err := s.read.QueryRowContext(ctx, `SELECT r.service, json_extract(s.hints, '$.service') FROM submissions s LEFT JOIN requests r ON r.id = s.request_id
		WHERE s.id = $1`, id).Scan(&service, &hinted)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	if !service.Valid {
		return hinted.String, unavailable(err)
	}
	return service.String, unavailable(err)
}
