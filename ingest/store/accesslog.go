package store

import (
	"context"
	"database/sql"
	"math"

	"saisine.fr/saisine/ingest"
)

// LogAccess writes a line into the access log.
func (s *Store) LogAccess(ctx context.Context, agent string, what ingest.AccessKind, detail string) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error { return s.logAccess(ctx, tx, agent, what, detail) })
}

func (s *Store) logAccess(ctx context.Context, tx *tx, agent string, what ingest.AccessKind, detail string) error {
	return tx.exec(ctx, `INSERT INTO access_log (at, agent, what, detail) VALUES ($1, $2, $3, $4)`, micros(s.opts.Now()), agent, what, detail)
}

// AccessLog returns limit lines of the access log before the line with number before (0: the
// newest), newest first.
func (s *Store) AccessLog(ctx context.Context, before int64, limit int) ([]ingest.Access, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var out []ingest.Access
	err := each(func(row rowScanner) error {
		var a ingest.Access
		var at int64
		if err := row.Scan(&a.Seq, &at, &a.Agent, &a.What, &a.Detail); err != nil {
			return err
		}
		a.At = s.time(at)
		out = append(out, a)
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT seq, at, agent, what, detail FROM access_log WHERE seq < $1 ORDER BY seq DESC LIMIT $2`, before, limit)
	})
	return out, err
}
