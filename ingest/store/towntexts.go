package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// TownTexts returns the newest version of each text that was changed at the desk, from the
// database that o names (Dir, Database). It is for those who need the texts before they open a
// store, or open none: it makes nothing and migrates nothing, and where there is no database
// yet, or one of a version that knew no texts, there are none.
func TownTexts(ctx context.Context, o Options) (list []ingest.TownText, err error) {
	db, err := engineFor(o.Database).peek(ctx, o, "town_texts")
	if err != nil || db == nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return newestTexts(ctx, db)
}

// TownTexts returns the newest version of each text that was changed at the desk.
func (s *Store) TownTexts(ctx context.Context) ([]ingest.TownText, error) {
	return newestTexts(ctx, s.read)
}

// NewestText returns the number of the newest version of any text; 0 when none was changed.
func (s *Store) NewestText(ctx context.Context) (int64, error) {
	var number int64
	err := s.read.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM town_texts`).Scan(&number)
	return number, unavailable(err)
}

// querier is what both a database and a transaction offer.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// textColumns are those that queryTexts reads. Who wrote a text is named as they are now.
const textColumns = `seq, kind, name, content, ` + textAbout

const textAbout = `agent, coalesce((SELECT a.name FROM agents a WHERE a.login = agent), agent), note, at`

func newestTexts(ctx context.Context, q querier) ([]ingest.TownText, error) {
	return queryTexts(ctx, q, `SELECT `+textColumns+` FROM town_texts
		WHERE seq IN (SELECT max(seq) FROM town_texts GROUP BY kind, name) ORDER BY kind, name`)
}

func queryTexts(ctx context.Context, q querier, query string, args ...any) ([]ingest.TownText, error) {
	var list []ingest.TownText
	err := each(func(row rowScanner) error {
		var t ingest.TownText
		var at int64
		err := row.Scan(&t.Number, &t.Kind, &t.Name, &t.Content, &t.Agent, &t.AgentName, &t.Note, &at)
		t.At = time.UnixMicro(at)
		list = append(list, t)
		return err
	}, func() (*sql.Rows, error) { return q.QueryContext(ctx, query, args...) })
	return list, err
}

// TextVersions returns the versions of a text, newest first, without their contents; at most
// limit of them, those below the number before (0: from the newest on).
func (s *Store) TextVersions(ctx context.Context, kind ingest.TextKind, name string, before int64, limit int) ([]ingest.TownText, error) {
	if before == 0 {
		before = 1 << 62
	}
	return queryTexts(ctx, s.read, `SELECT seq, kind, name, '', `+textAbout+` FROM town_texts
		WHERE kind = $1 AND name = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`, string(kind), name, before, limit)
}

// TextVersion returns one version of a text. The error wraps ingest.ErrNotFound when there is
// none of that number.
func (s *Store) TextVersion(ctx context.Context, kind ingest.TextKind, name string, number int64) (ingest.TownText, error) {
	list, err := queryTexts(ctx, s.read, `SELECT `+textColumns+` FROM town_texts WHERE kind = $1 AND name = $2 AND seq = $3`, string(kind), name, number)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%w: version %d of %s", ingest.ErrNotFound, number, name)
	}
	if err != nil {
		return ingest.TownText{}, err
	}
	return list[0], nil
}

// TextChange is a new version of a text.
type TextChange struct {
	Text ingest.TownText // Number and At are set by the store
	// Base is the number of the version that was changed; 0 where there was none.
	Base int64
	// Gone are the codes of categories that the text no longer has, for TextCategories.
	Gone []string
}

// SaveTownText puts a text into force and returns its number. It is refused when somebody
// else has changed the text since Base, or when open requests have a category that is Gone:
// that is looked at in the same transaction, so that none is filed in between.
func (s *Store) SaveTownText(ctx context.Context, c TextChange) (int64, error) {
	var number int64
	err := s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		number = 0
		var newest int64
		if err := tx.row(ctx, `SELECT coalesce(max(seq), 0) FROM town_texts WHERE kind = $1 AND name = $2`, string(c.Text.Kind), c.Text.Name).Scan(&newest); err != nil {
			return err
		}
		if newest != c.Base {
			return refused("somebody has changed this text in the meantime; load it again and make your change anew")
		}
		for _, code := range c.Gone {
			var open int
			if err := tx.row(ctx, `SELECT count(*) FROM requests WHERE category = $1 AND status NOT IN ('answered', 'closed') AND merged_into IS NULL`, code).Scan(&open); err != nil {
				return err
			}
			if open > 0 {
				return refused("the category %s cannot go: open requests have it", code)
			}
		}
		return tx.row(ctx, `INSERT INTO town_texts (kind, name, content, agent, note, at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq`,
			string(c.Text.Kind), c.Text.Name, c.Text.Content, c.Text.Agent, c.Text.Note, micros(s.opts.Now())).Scan(&number)
	})
	return number, err
}

// CategoryUse returns how many requests have each of the codes; those that none has are left
// out. What is hidden from the viewer is not counted.
func (s *Store) CategoryUse(ctx context.Context, v ingest.Viewer, codes []string) (map[string]ingest.CategoryUse, error) {
	out := map[string]ingest.CategoryUse{}
	if len(codes) == 0 {
		return out, nil
	}
	marks, args := make([]string, len(codes)), make([]any, len(codes))
	for i, code := range codes {
		marks[i], args[i] = "$"+strconv.Itoa(i+1), code
	}
	seen, args := seenSQL(v, "service", args)
	query := `SELECT category, sum(CASE WHEN status NOT IN ('answered', 'closed') THEN 1 ELSE 0 END), count(*) FROM requests
		WHERE merged_into IS NULL AND category IN (` + strings.Join(marks, ", ") + `)` + seen + ` GROUP BY category`
	err := each(func(row rowScanner) error {
		var code string
		var use ingest.CategoryUse
		err := row.Scan(&code, &use.Open, &use.All)
		out[code] = use
		return err
	}, func() (*sql.Rows, error) { return s.read.QueryContext(ctx, query, args...) })
	return out, err
}
