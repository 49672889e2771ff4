package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// SharedModel is a model of the town as one node gave it to the others.
type SharedModel struct {
	Number int64  // grows
	Name   string // of the model
	Chosen string // what stands in the file that names the one in use
	// Content is the model's file; empty for the built-in one, which each node makes itself.
	Content []byte
}

// sharedModels is how many are kept.
const sharedModels = 5

// ShareModel gives the other nodes a model to use, and returns its number.
func (s *Store) ShareModel(ctx context.Context, m SharedModel) (int64, error) {
	content := m.Content
	if content == nil {
		content = []byte{}
	}
	var number int64
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `INSERT INTO shared_models (name, chosen, content, at) VALUES ($1, $2, $3, $4)`,
			m.Name, m.Chosen, content, micros(s.opts.Now())); err != nil {
			return err
		}
		if err := tx.row(ctx, `SELECT max(number) FROM shared_models`).Scan(&number); err != nil {
			return err
		}
		return tx.exec(ctx, `DELETE FROM shared_models WHERE number <= $1`, number-sharedModels)
	})
	if err != nil {
		return 0, fmt.Errorf("store: share model: %w", err)
	}
	return number, nil
}

// NewestModel returns the number of the model that was shared last, 0 when none was.
func (s *Store) NewestModel(ctx context.Context) (int64, error) {
	var number sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT max(number) FROM shared_models`).Scan(&number); err != nil {
		return 0, fmt.Errorf("store: shared model: %w", unavailable(err))
	}
	return number.Int64, nil
}

// SharedModel returns the model that was shared last; ok is false when none was.
func (s *Store) SharedModel(ctx context.Context) (m SharedModel, ok bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT number, name, chosen, content FROM shared_models ORDER BY number DESC LIMIT 1`).
		Scan(&m.Number, &m.Name, &m.Chosen, &m.Content)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("store: shared model: %w", unavailable(err))
	}
	return m, true, nil
}
