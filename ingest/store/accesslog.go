package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"saisine.fr/saisine/ingest"
)

// LogAccess writes a line into the access log.
func (s *Store) LogAccess(ctx context.Context, agent string, what ingest.AccessKind, detail string) error {
	return s.LogRead(ctx, agent, what, detail, "")
}

// LogRead writes a line about something of a sealed service, which is shown to its members only.
func (s *Store) LogRead(ctx context.Context, agent string, what ingest.AccessKind, detail, service string) error {
	now := micros(s.opts.Now())
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO access_log (at, agent, what, detail, service) VALUES ($1, $2, $3, $4, $5)`, now, agent, what, detail, service)
	})
}

func (s *Store) logAccess(ctx context.Context, tx *tx, agent string, what ingest.AccessKind, detail string) error {
	return tx.exec(ctx, `INSERT INTO access_log (at, agent, what, detail) VALUES ($1, $2, $3, $4)`, micros(s.opts.Now()), agent, what, detail)
}

// AccessLog returns a page of the access log as the viewer sees it: lines before a time (zero:
// the newest), newest first, about limit of them. next asks for the page after it; it is zero
// when this is the last. Times and not numbers divide the pages, since numbers would tell how
// many lines are hidden.
func (s *Store) AccessLog(ctx context.Context, v ingest.Viewer, before time.Time, limit int) (page []ingest.Access, next time.Time, err error) {
	args := []any{micros(before)}
	if before.IsZero() {
		args[0] = int64(1) << 62
	}
	hidden, args := seenSQL(v, "service", args)
	last := int64(0)
	err = each(func(row rowScanner) error {
		var a ingest.Access
		var at int64
		if err := row.Scan(&at, &a.Agent, &a.What, &a.Detail); err != nil {
			return err
		}
		// Lines of one time stay on one page.
		if len(page) >= limit && at != last {
			next = s.time(last)
			return errEnough
		}
		a.At, last = s.time(at), at
		page = append(page, a)
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT at, agent, what, detail FROM access_log WHERE at < $1`+hidden+` ORDER BY at DESC, seq DESC`, args...)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return page, next, err
}

// errEnough ends the reading of a page.
var errEnough = errors.New("store: enough lines")
