package store

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// Saved views are small and few: they are an agent's own.
const (
	maxViews     = 50
	maxViewQuery = 1000 // bytes
)

// Views returns the viewer's saved views, by name.
func (s *Store) Views(ctx context.Context, v ingest.Viewer) ([]ingest.SavedView, error) {
	var out []ingest.SavedView
	err := each(func(row rowScanner) error {
		var view ingest.SavedView
		err := row.Scan(&view.Name, &view.Query)
		out = append(out, view)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT name, query FROM saved_views WHERE agent = $1 ORDER BY name`, v.Login)
	})
	return out, err
}

// SaveView keeps a view of the viewer, in place of one of the same name; without a query it
// removes that one. It is ErrRefused without a name, for what is too long, and beyond maxViews.
func (s *Store) SaveView(ctx context.Context, v ingest.Viewer, view ingest.SavedView) error {
	name := strings.TrimSpace(view.Name)
	switch {
	case v.Login == "":
		return refused("views belong to an agent")
	case name == "":
		return refused("give the view a name")
	case utf8.RuneCountInString(name) > ingest.MaxViewName || !utf8.ValidString(name):
		return refused("a name of more than %d letters is too long", ingest.MaxViewName)
	case len(view.Query) > maxViewQuery:
		return refused("this filter is too long to be kept")
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		if view.Query == "" {
			return tx.exec(ctx, `DELETE FROM saved_views WHERE agent = $1 AND name = $2`, v.Login, name)
		}
		var n int
		if err := tx.row(ctx, `SELECT count(*) FROM saved_views WHERE agent = $1 AND name <> $2`, v.Login, name).Scan(&n); err != nil {
			return err
		}
		if n >= maxViews {
			return refused("an agent keeps %d views at most; remove one first", maxViews)
		}
		return tx.exec(ctx, `INSERT INTO saved_views (agent, name, query) VALUES ($1, $2, $3)
			ON CONFLICT (agent, name) DO UPDATE SET query = excluded.query`, v.Login, name, view.Query)
	})
}
