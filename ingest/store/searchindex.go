package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// What is filed is indexed in the transaction that files it, and what people write in a
// request at the end of the transaction in which they do. IndexSearch makes up for what an
// older version has filed.

// maxNotes is how many bytes of what people wrote in a request are indexed.
const maxNotes = 256 << 10

// indexRequest puts what people wrote in a request into the index: corrections, comments,
// answers. Of one that was merged it takes them out: what was written there is not shown in
// the request that it went into. Every event of an act has it called at the end of its work
// (see tx.reword), so an act need not.
func (s *Store) indexRequest(ctx context.Context, tx *tx, id int64) error {
	text, err := requestNotes(ctx, tx, id)
	if err != nil {
		return err
	}
	return s.engine.index(ctx, tx, -id, indexed(message.Cut(text, maxNotes)))
}

// requestNotes returns what people wrote in a request, or "".
func requestNotes(ctx context.Context, run sqlRunner, id int64) (string, error) {
	var merged sql.NullInt64
	var subject, name, email, phone, address, place string
	err := run.row(ctx, `SELECT merged_into, subject, sender_name, sender_email, sender_phone, sender_address, place FROM requests WHERE id = $1`, id).
		Scan(&merged, &subject, &name, &email, &phone, &address, &place)
	if errors.Is(err, sql.ErrNoRows) || merged.Valid {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var notes []string
	add := func(row rowScanner) error {
		var a, b sql.NullString
		err := row.Scan(&a, &b)
		for _, text := range []string{a.String, b.String} {
			if text != "" {
				notes = append(notes, text)
			}
		}
		return err
	}
	if err := run.rows(ctx, `SELECT json_extract(detail, '$.note'), json_extract(detail, '$.text') FROM events WHERE request_id = $1 ORDER BY seq DESC`, []any{id}, add); err != nil {
		return "", err
	}
	if err := run.rows(ctx, `SELECT json_extract(detail, '$.subject'), json_extract(detail, '$.body') FROM mails WHERE request_id = $1 AND kind = 'reply' ORDER BY seq DESC`, []any{id}, add); err != nil {
		return "", err
	}
	var corrected int
	err = run.row(ctx, `SELECT count(*) FROM (SELECT 1 FROM events WHERE request_id = $1 AND kind NOT IN ('`+
		eventOpened+`', '`+eventDuplicate+`', '`+eventFollowUp+`') LIMIT 1) AS one`, id).Scan(&corrected)
	if err != nil || corrected == 0 {
		return "", err
	}
	return strings.Join(append([]string{subject, name, email, phone, inPairs(phone), address, place}, notes...), "\n\n"), nil
}

const (
	// indexBatch is how many submissions IndexSearch reads and writes at a time; the writer
	// has other things to do meanwhile.
	indexBatch = 50
	// What IndexSearch has left to do: the numbers below which it is to go on, newest first,
	// of submissions and of requests; and the version of the words in the index.
	settingIndexed = "search/indexed"
)

// indexState is where IndexSearch stands.
type indexState struct {
	Version string `json:"version"`
	// Submissions and Requests are the numbers of the last ones that were looked at; 0 when
	// all have been.
	Submissions int64 `json:"submissions"`
	Requests    int64 `json:"requests"`
}

// IndexSearch puts into the index what was filed before there was one, or before its words
// were made as they are now, newest first and a few at a time, so that intake and filing go
// on. It goes on where an earlier run ended, and returns how many rows it has written; when
// there is nothing left to do it writes nothing. Two runs at a time do no harm.
func (s *Store) IndexSearch(ctx context.Context) (int, error) {
	n := 0
	for {
		state, err := s.indexState(ctx)
		if err != nil {
			return n, err
		}
		switch {
		case state.Version != searchVersion:
			if err := s.restartIndex(ctx); err != nil {
				return n, err
			}
		case state.Submissions > 0:
			k, err := s.indexSubmissions(ctx, state)
			if n += k; err != nil {
				return n, err
			}
		case state.Requests > 0:
			k, err := s.indexRequests(ctx, state)
			if n += k; err != nil {
				return n, err
			}
		default:
			return n, nil
		}
	}
}

func (s *Store) indexState(ctx context.Context) (indexState, error) {
	var state indexState
	var text string
	err := s.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, settingIndexed).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return state, nil
	}
	if err != nil {
		return state, unavailable(err)
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return indexState{}, nil //nolint:nilerr // what cannot be read is made anew
	}
	return state, nil
}

func saveIndexState(ctx context.Context, tx *tx, state indexState) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("store: search: %w", err)
	}
	return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, settingIndexed, string(text))
}

// restartIndex begins anew, unless another run has done so meanwhile.
func (s *Store) restartIndex(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		var text string
		err := tx.row(ctx, `SELECT value FROM settings WHERE name = $1`, settingIndexed).Scan(&text)
		var state indexState
		switch {
		case errors.Is(err, sql.ErrNoRows):
			// The first time: what is in the index was filed by this version.
		case err != nil:
			return err
		default:
			if json.Unmarshal([]byte(text), &state) == nil && state.Version == searchVersion {
				return nil
			}
			if err := s.engine.clear(ctx, tx); err != nil {
				return err
			}
		}
		return saveIndexState(ctx, tx, indexState{Version: searchVersion, Submissions: math.MaxInt64, Requests: math.MaxInt64})
	})
}

// indexSubmissions takes the next few submissions that are in requests.
func (s *Store) indexSubmissions(ctx context.Context, state indexState) (int, error) {
	type row struct {
		seq   int64
		words string
	}
	var batch []row
	last := int64(0)
	var attached []ingest.Attachment
	err := each(func(r rowScanner) error {
		var q row
		var place, list sql.NullString
		var reading ingest.Reading
		if err := r.Scan(&q.seq, &reading.Subject, &reading.Text, &reading.From.Name, &reading.From.Email, &reading.From.Phone, &reading.From.Address, &place, &list); err != nil {
			return err
		}
		attached = nil
		if list.String != "" {
			if err := json.Unmarshal([]byte(list.String), &attached); err != nil {
				return fmt.Errorf("store: attachments of submission %d: %w", q.seq, err)
			}
		}
		reading.Place, reading.Attachments, last = place.String, attached, q.seq
		q.words = searchText(reading)
		batch = append(batch, q)
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT s.seq, d.subject, d.body, d.sender_name, d.sender_email, d.sender_phone, d.sender_address,
			json_extract(d.detail, '$.place'), json_extract(d.detail, '$.attachments')
			FROM submissions s`+searchDocs+` JOIN readings d ON d.submission_id = s.id
			WHERE s.request_id IS NOT NULL AND s.seq < $1 ORDER BY s.seq DESC LIMIT `+strconv.Itoa(indexBatch), state.Submissions)
	})
	if err != nil {
		return 0, err
	}
	n := 0
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		n = 0
		if done, err := indexMoved(ctx, tx, state); err != nil || done {
			return err
		}
		for _, q := range batch {
			// What has a row was filed since, and perhaps anew after it was read here.
			have, err := s.engine.indexed(ctx, tx, q.seq)
			if err != nil || have {
				if err != nil {
					return err
				}
				continue
			}
			if err := s.engine.index(ctx, tx, q.seq, q.words); err != nil {
				return err
			}
			n++
		}
		next := state
		next.Submissions = last
		return saveIndexState(ctx, tx, next)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// indexRequests takes the next few requests.
func (s *Store) indexRequests(ctx context.Context, state indexState) (int, error) {
	n := 0
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		n = 0
		if done, err := indexMoved(ctx, tx, state); err != nil || done {
			return err
		}
		var ids []int64
		if err := tx.rows(ctx, `SELECT id FROM requests WHERE id < $1 ORDER BY id DESC LIMIT `+strconv.Itoa(indexBatch), []any{state.Requests}, func(r rowScanner) error {
			var id int64
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		}); err != nil {
			return err
		}
		next := state
		next.Requests = 0
		for _, id := range ids {
			text, err := requestNotes(ctx, tx, id)
			if err != nil {
				return err
			}
			next.Requests = id
			if text == "" {
				continue
			}
			if err := s.engine.index(ctx, tx, -id, indexed(message.Cut(text, maxNotes))); err != nil {
				return err
			}
			n++
		}
		return saveIndexState(ctx, tx, next)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// indexMoved reports whether another run has gone on meanwhile.
func indexMoved(ctx context.Context, tx *tx, state indexState) (bool, error) {
	var text string
	if err := tx.row(ctx, `SELECT value FROM settings WHERE name = $1`, settingIndexed).Scan(&text); err != nil {
		return false, err
	}
	var now indexState
	err := json.Unmarshal([]byte(text), &now)
	return now != state, err
}
