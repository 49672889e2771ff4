package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// FindSession returns the data of a session that has not expired. token is the hash of what
// the browser holds.
func (s *Store) FindSession(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT data FROM sessions WHERE token = $1 AND expiry > $2`, token, micros(s.opts.Now())).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, unavailable(err)
}

// KeepSession adds a session, or replaces its data.
func (s *Store) KeepSession(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, $3)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`, token, data, micros(expiry))
	})
}

// DropSession removes a session, if there is one.
func (s *Store) DropSession(ctx context.Context, token string) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `DELETE FROM sessions WHERE token = $1`, token)
	})
}

// DropExpired removes the sessions that have expired and the lines of the access log that
// are older than accessBefore.
func (s *Store) DropExpired(ctx context.Context, accessBefore time.Time) error {
	now := micros(s.opts.Now())
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `DELETE FROM sessions WHERE expiry <= $1`, now); err != nil {
			return err
		}
		return tx.exec(ctx, `DELETE FROM access_log WHERE at < $1`, micros(accessBefore))
	})
}
