package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Tombstones are what must outlive the store: a backup that is older than an elimination still has
// what was eliminated, and a town that restores it must not have it back. The file is JSON Lines,
// each with a hash over it and all lines before, and a last line that says how many there are.

// tombstoneFile is what the first line says.
const tombstoneFile = "saisine tombstones 1"

// stoneLine is a line of the file; one of the fields beside the hash is set.
type stoneLine struct {
	Begin string       `json:"begin,omitempty"`
	List  *stoneList   `json:"list,omitempty"`
	Line  *stoneRecord `json:"line,omitempty"`
	End   *int         `json:"end,omitempty"` // how many lines went before
	Hash  string       `json:"hash,omitempty"`
}

// stoneList is a list.
type stoneList struct {
	Number     int64  `json:"number"`
	SHA256     string `json:"sha256"`
	ProposedAt int64  `json:"proposed_at"`
	State      string `json:"state"`
	ApprovedAt int64  `json:"approved_at"`
	ApprovedBy string `json:"approved_by"`
	Visa       string `json:"visa,omitempty"`
	ExecutedAt int64  `json:"executed_at,omitempty"`
}

// stoneRecord is a line of a list, as it was proposed and with what became of it.
type stoneRecord struct {
	List      int64      `json:"list"`
	N         int        `json:"n"`
	Kind      LineKind   `json:"kind"`
	Subject   string     `json:"subject"`
	Category  string     `json:"category,omitempty"`
	Rule      string     `json:"rule"`
	OpenedAt  int64      `json:"opened_at"`
	ClosedAt  int64      `json:"closed_at"`
	OverAt    int64      `json:"over_at"`
	Pieces    int        `json:"pieces"`
	Bytes     int64      `json:"bytes"`
	Digest    string     `json:"digest"`
	State     string     `json:"state"`
	Why       string     `json:"why,omitempty"`
	DoneAt    int64      `json:"done_at,omitempty"`
	Tombstone *tombstone `json:"tombstone,omitempty"`
}

// ExportTombstones writes all that was eliminated, of all lists that were approved, for a restored
// store to apply. It writes nothing about a person. The store may be used meanwhile.
func (s *Store) ExportTombstones(ctx context.Context, w io.Writer) error {
	return s.exportStones(ctx, w, 0)
}

// ExportTombstonesOf is ExportTombstones for one list. The error wraps ingest.ErrNotFound when
// there is none that was approved.
func (s *Store) ExportTombstonesOf(ctx context.Context, w io.Writer, number int64) error {
	return s.exportStones(ctx, w, number)
}

func (s *Store) exportStones(ctx context.Context, w io.Writer, only int64) error {
	out := bufio.NewWriter(w)
	p := &stoneWriter{w: out}
	err := s.inSnapshot(ctx, func(run snapshot) error {
		if err := p.put(stoneLine{Begin: tombstoneFile}); err != nil {
			return err
		}
		var lists []stoneList
		if err := run.rows(ctx, `SELECT number, sha256, proposed_at, state, approved_at, approved_by, visa, executed_at FROM eliminations
			WHERE state <> 'proposed' AND ($1 = 0 OR number = $1) ORDER BY number`, []any{only}, func(r rowScanner) error {
			var l stoneList
			err := r.Scan(&l.Number, &l.SHA256, &l.ProposedAt, &l.State, &l.ApprovedAt, &l.ApprovedBy, &l.Visa, &l.ExecutedAt)
			lists = append(lists, l)
			return err
		}); err != nil {
			return err
		}
		if only != 0 && len(lists) == 0 {
			return fmt.Errorf("%w: approved elimination list %d", ingest.ErrNotFound, only)
		}
		for _, l := range lists {
			if err := p.put(stoneLine{List: &l}); err != nil {
				return err
			}
			if err := run.rows(ctx, `SELECT line, kind, subject, category, rule, opened_at, closed_at, over_at, pieces, bytes, digest, state, why, done_at, tombstone
				FROM elimination_lines WHERE elimination = $1 ORDER BY line`, []any{l.Number}, func(r rowScanner) error {
				x := stoneRecord{List: l.Number}
				var text string
				if err := r.Scan(&x.N, &x.Kind, &x.Subject, &x.Category, &x.Rule, &x.OpenedAt, &x.ClosedAt, &x.OverAt, &x.Pieces, &x.Bytes, &x.Digest, &x.State, &x.Why, &x.DoneAt, &text); err != nil {
					return err
				}
				if text != "" {
					x.Tombstone = new(tombstone)
					if err := json.Unmarshal([]byte(text), x.Tombstone); err != nil {
						return fmt.Errorf("store: tombstone: %w", err)
					}
				}
				return p.put(stoneLine{Line: &x})
			}); err != nil {
				return err
			}
		}
		return p.put(stoneLine{End: &p.n})
	})
	if err != nil {
		return fmt.Errorf("store: export tombstones: %w", err)
	}
	return out.Flush()
}

type stoneWriter struct {
	w      io.Writer
	before string
	n      int
}

func (p *stoneWriter) put(l stoneLine) error {
	if l.End != nil {
		n := p.n // as it is now
		l.End = &n
	}
	hash, err := l.chain(p.before)
	if err != nil {
		return err
	}
	l.Hash = hash
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	p.before, p.n = hash, p.n+1
	_, err = p.w.Write(append(text, '\n'))
	return err
}

// chain is the hash of a line that follows one with the hash before.
func (l stoneLine) chain(before string) (string, error) {
	l.Hash = ""
	text, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s,", len(before), before)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// maxStone bounds a line of the file: a request with some ten thousand submissions.
const maxStone = 16 << 20

// readStones reads the whole file and checks it before anything is done by it.
func readStones(r io.Reader) ([]stoneLine, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxStone)
	var out []stoneLine
	before, ended := "", false
	for in.Scan() {
		text := bytes.TrimSpace(in.Bytes())
		if len(text) == 0 {
			continue
		}
		if ended {
			return nil, fmt.Errorf("line %d: there is something after the end", len(out)+1)
		}
		var l stoneLine
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
		}
		hash, err := l.chain(before)
		switch {
		case err != nil:
			return nil, err
		case hash != l.Hash:
			return nil, fmt.Errorf("line %d was changed, or one before it was taken out", len(out)+1)
		case len(out) == 0 && l.Begin != tombstoneFile:
			return nil, fmt.Errorf("this is no file of tombstones that this program knows (it begins with %q)", l.Begin)
		case l.End != nil && *l.End != len(out):
			return nil, fmt.Errorf("it ends after %d lines, and should have %d", len(out), *l.End)
		}
		before, ended = hash, l.End != nil
		out = append(out, l)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if !ended {
		return nil, errors.New("the file is cut off: its last line is missing")
	}
	return out, nil
}

// ApplyTombstones eliminates again what the tombstones in r name, in a store that was restored from
// a backup of before, and returns how many lines it carried out. It is idempotent, can be run again
// after a kill, and needs no approval: the approval is in the file. What the store does not have is
// noted so that its source, seen again, is not taken in anew. Nothing is done by a file that was
// changed or cut off.
//
// A request in which there is something by now that no tombstone names is left as it is, and told
// of in the error, after all others have been done.
func (s *Store) ApplyTombstones(ctx context.Context, r io.Reader) (n int, err error) {
	lines, err := readStones(r)
	if err != nil {
		return 0, fmt.Errorf("store: tombstones: %w", err)
	}
	named := map[string]bool{}
	lists := map[int64]*stoneList{}
	for _, l := range lines {
		if l.List != nil {
			lists[l.List.Number] = l.List
		}
		if l.Line != nil && l.Line.Tombstone != nil {
			for _, p := range l.Line.Tombstone.Submissions {
				named[p.ID] = true
			}
		}
	}
	var left []string
	for _, l := range lines {
		switch {
		case l.List != nil:
			err = s.do(ctx, func(ctx context.Context, tx *tx) error { return adoptList(ctx, tx, *l.List) })
		case l.Line != nil && lists[l.Line.List] == nil:
			err = fmt.Errorf("a line belongs to the list %d, which is not in the file", l.Line.List)
		case l.Line != nil:
			var done bool
			var why string
			done, why, err = s.applyStone(ctx, *l.Line, lists[l.Line.List].SHA256, named)
			if done {
				n++
			}
			if why != "" {
				left = append(left, why)
			}
		}
		if err != nil {
			return n, fmt.Errorf("store: tombstones: %w", err)
		}
	}
	for number, l := range lists {
		e, err := s.Elimination(ctx, number)
		if err != nil {
			return n, err
		}
		if err := s.scrub(ctx, e); err != nil {
			return n, err
		}
		if err := s.do(ctx, func(ctx context.Context, tx *tx) error {
			return tx.exec(ctx, `UPDATE eliminations SET state = $1, executed_at = $2 WHERE number = $3`, l.State, l.ExecutedAt, number)
		}); err != nil {
			return n, err
		}
	}
	if len(left) > 0 {
		return n, fmt.Errorf("store: tombstones: %d lines were left as they are: %s", len(left), strings.Join(left, "; "))
	}
	return n, nil
}

// adoptList takes over a list that the backup does not have, or has as it was earlier.
func adoptList(ctx context.Context, tx *tx, l stoneList) error {
	var sum string
	err := tx.row(ctx, `SELECT sha256 FROM eliminations WHERE number = $1`, l.Number).Scan(&sum)
	if err == nil && sum != l.SHA256 {
		return fmt.Errorf("this store has another list under the number %d (its SHA-256 is %s, that of the file %s)", l.Number, sum, l.SHA256)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return tx.exec(ctx, `INSERT INTO eliminations (number, sha256, proposed_at, state, approved_at, approved_by, visa) VALUES ($1, $2, $3, 'approved', $4, $5, $6)
		ON CONFLICT (number) DO UPDATE SET state = CASE WHEN eliminations.state = 'executed' THEN 'executed' ELSE 'approved' END,
		approved_at = excluded.approved_at, approved_by = excluded.approved_by, visa = excluded.visa`,
		l.Number, l.SHA256, l.ProposedAt, l.ApprovedAt, l.ApprovedBy, l.Visa)
}

// applyStone does one line: the rows in one transaction, then the files. why is for a line that
// cannot be done.
func (s *Store) applyStone(ctx context.Context, x stoneRecord, sum string, named map[string]bool) (done bool, why string, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		done, why = false, ""
		line := EliminationLine{
			Line: x.N, Kind: x.Kind, Subject: x.Subject, Category: x.Category, Rule: x.Rule, OpenedAt: s.time(x.OpenedAt), ClosedAt: s.time(x.ClosedAt),
			OverAt: s.time(x.OverAt), Pieces: x.Pieces, Bytes: x.Bytes, State: x.State, Why: x.Why, DoneAt: s.time(x.DoneAt), digest: x.Digest,
		}
		text := ""
		if x.Tombstone != nil {
			b, err := json.Marshal(x.Tombstone)
			if err != nil {
				return err
			}
			text = string(b)
			if done, why, err = s.reapply(ctx, tx, *x.Tombstone, sum, named); err != nil {
				return err
			}
		}
		if err := tx.exec(ctx, `DELETE FROM elimination_lines WHERE elimination = $1 AND line = $2`, x.List, x.N); err != nil {
			return err
		}
		return addLine(ctx, tx, x.List, line, text)
	})
	if err == nil && x.Tombstone != nil && why == "" {
		crashpoint.Hit("eliminate.reapplied")
		err = s.dropFiles(ctx, *x.Tombstone)
	}
	return done, why, err
}

// reapply wipes what a tombstone names, as far as this store has it.
func (s *Store) reapply(ctx context.Context, tx *tx, t tombstone, sum string, named map[string]bool) (done bool, why string, err error) {
	w := wiping{s, tx, t.At, t.List, sum}
	requests, err := requestsOf(ctx, tx, t)
	if err != nil {
		return false, "", err
	}
	for _, id := range requests {
		m, err := s.requestMass(ctx, tx, id)
		if err != nil {
			return false, "", err
		}
		for _, p := range m.pieces {
			if !named[p.id] {
				return false, m.subject + " has a submission that was not eliminated", nil
			}
		}
		if m.gone {
			continue
		}
		if _, err := w.wipe(ctx, m, t.Kind, t.Line); err != nil {
			return false, "", err
		}
		done = true
	}
	for _, p := range t.Submissions {
		m, err := s.pieceMass(ctx, tx, p.ID)
		if errors.Is(err, ingest.ErrNotFound) {
			if err := s.placeStone(ctx, tx, p, t); err != nil {
				return false, "", err
			}
			done = true
			continue
		}
		if err != nil {
			return false, "", err
		}
		if m.gone {
			continue
		}
		if _, err := w.wipe(ctx, m, t.Kind, t.Line); err != nil {
			return false, "", err
		}
		done = true
	}
	if !done {
		return false, "", nil
	}
	return true, "", s.journal(ctx, tx, journalReapplied, "", sum, map[string]any{"list": t.List, "line": t.Line, "kind": t.Kind, "subject": t.Subject})
}

// requestsOf finds the live requests that a tombstone is about: those in which its submissions lie,
// and those of its references, as far as they are still the same request.
func requestsOf(ctx context.Context, tx *tx, t tombstone) ([]int64, error) {
	seen := map[int64]bool{}
	var out []int64
	add := func(query string, args ...any) error {
		return tx.rows(ctx, query, args, func(r rowScanner) error {
			var id int64
			err := r.Scan(&id)
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
			return err
		})
	}
	for _, p := range t.Submissions {
		if err := add(`SELECT request_id FROM submissions WHERE id = $1 AND request_id IS NOT NULL`, p.ID); err != nil {
			return nil, err
		}
	}
	for _, q := range t.Requests {
		// After a restore the same reference may have been given to another request.
		if err := add(`SELECT coalesce(merged_into, id) FROM requests WHERE reference = $1 AND opened_at = $2`, q.Reference, q.OpenedAt); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// placeStone notes a submission that the store has never had: its source may still show it.
func (s *Store) placeStone(ctx context.Context, tx *tx, p tombstonePiece, t tombstone) error {
	if err := tx.exec(ctx, `INSERT INTO originals (sha256, size, content, gone) VALUES ($1, $2, NULL, 1) ON CONFLICT (sha256) DO NOTHING`, p.SHA256, p.Size); err != nil {
		return err
	}
	return tx.exec(ctx, `INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, reason, eliminated_at, elimination)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, '{}', 'set_aside', 'éliminée', $10, $11) ON CONFLICT DO NOTHING`,
		p.ID, p.Channel, p.Account, p.Key, p.Epoch, p.ReceivedAt, p.SHA256, p.Size, p.MediaType, t.At, t.List)
}
