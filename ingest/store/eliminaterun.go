package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Kinds of journal lines about lists. They are stored, so they never change.
const (
	journalListApproved = "elimination.approved"
	journalListLine     = "elimination.line"
	journalListExecuted = "elimination.executed"
	journalReapplied    = "elimination.reapplied"
)

// Approve approves a list, as the administrator with this login was shown it: sum is its SHA256, or
// "" to rely on the number alone. visa is what the archives gave (code du patrimoine R212-14), or
// "". Approving again what is approved changes nothing.
//
// The error wraps ingest.ErrNotFound when there is no such list or agent, and ErrRefused when the
// agent is no administrator, or the list is another one than was shown.
func (s *Store) Approve(ctx context.Context, number int64, sum, login, visa string) (Elimination, error) {
	var e Elimination
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		var err error
		if e, err = s.elimination(ctx, tx, number); err != nil {
			return err
		}
		switch {
		case e.hash() != e.SHA256:
			return refused("the list %d is not the one that was proposed: its lines were changed in the database", number)
		case sum != "" && !strings.EqualFold(sum, e.SHA256):
			return refused("the list %d has the SHA-256 %s, and not %s: look at it again before you approve it", number, e.SHA256, sum)
		case e.State != ListProposed:
			return nil
		}
		a, err := s.scanAgent(tx.row(ctx, agentQuery+`WHERE login = $1`, strings.ToLower(login)))
		if err != nil {
			return noAgent(err, login)
		}
		if a.Role != ingest.RoleAdministrator || a.Disabled {
			return refused("%s is no administrator; only an administrator approves an elimination list", a.Login)
		}
		now, at := s.eliminatedTime()
		e.State, e.ApprovedAt, e.ApprovedBy, e.Visa = ListApproved, now, a.Login, visa
		if err := tx.exec(ctx, `UPDATE eliminations SET state = 'approved', approved_at = $1, approved_by = $2, visa = $3 WHERE number = $4`, at, a.Login, visa, number); err != nil {
			return err
		}
		return s.journal(ctx, tx, journalListApproved, "", e.SHA256, map[string]any{"list": number, "lines": len(e.Lines), "by": a.Login, "visa": visa})
	})
	if err != nil {
		return Elimination{}, err
	}
	crashpoint.Hit("eliminate.approved")
	return e, nil
}

// Eliminate carries out an approved list, or goes on with one that was cut short. What has changed
// since the list was proposed is left out, and its line says why. progress, when not nil, is called
// after each line. It can run beside the daemon.
//
// The list counts as executed when nothing of it is left in the database file or its log: see
// scrub. Until then verify reports it. The error wraps ErrRefused for a list that nobody approved.
func (s *Store) Eliminate(ctx context.Context, number int64, progress func(EliminationLine)) (Elimination, error) {
	e, err := s.Elimination(ctx, number)
	if err != nil {
		return e, err
	}
	switch {
	case e.State == ListProposed:
		return e, refused("the list %d is not approved", number)
	case e.hash() != e.SHA256:
		return e, refused("the list %d is not the one that was approved: its lines were changed in the database", number)
	case e.State == ListExecuted:
		return e, nil
	}
	if err := s.leaveOut(ctx, e); err != nil {
		return e, err
	}
	for i := range e.Lines {
		if err := s.eliminateLine(ctx, e, i); err != nil {
			return e, fmt.Errorf("line %d: %w", e.Lines[i].Line, err)
		}
		if progress != nil {
			progress(e.Lines[i])
		}
	}
	crashpoint.Hit("eliminate.lines_done")
	if err := s.scrub(ctx, e); err != nil {
		return e, err
	}
	crashpoint.Hit("eliminate.scrubbed")
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		now, at := s.eliminatedTime()
		n, err := tx.execN(ctx, `UPDATE eliminations SET state = 'executed', executed_at = $1 WHERE number = $2 AND state = 'approved'`, at, number)
		if err != nil || n == 0 {
			return err
		}
		e.State, e.ExecutedAt = ListExecuted, now
		return s.journal(ctx, tx, journalListExecuted, "", e.SHA256, map[string]any{"list": number, "done": e.count(LineDone), "left_out": e.count(LineLeftOut)})
	})
	if err != nil {
		return e, err
	}
	return s.Elimination(ctx, number)
}

func (e Elimination) count(state string) int {
	n := 0
	for _, l := range e.Lines {
		if l.State == state {
			n++
		}
	}
	return n
}

// massOf reads what a line stands for, as it is now.
func (s *Store) massOf(ctx context.Context, run sqlRunner, l EliminationLine) (mass, error) {
	if l.Kind != LineRequest {
		return s.pieceMass(ctx, run, l.Subject)
	}
	var id int64
	if err := run.row(ctx, `SELECT id FROM requests WHERE reference = $1`, l.Subject).Scan(&id); err != nil {
		return mass{}, unavailable(err)
	}
	return s.requestMass(ctx, run, id)
}

// changed says why a line must be left out now, or "".
func (s *Store) changed(ctx context.Context, run sqlRunner, l EliminationLine, m mass) (string, error) {
	m.listedMade = l.Kind == LineScan // its letters go first, and are looked at when it is its turn
	why, err := s.obstacle(ctx, run, m)
	if err != nil || why != "" {
		return why, err
	}
	if m.digest() != l.digest {
		return "modifiée depuis la proposition", nil
	}
	return "", nil
}

// leaveOut looks at the whole list before its first line is carried out, so that what belongs
// together stays together when one of it has changed.
func (s *Store) leaveOut(ctx context.Context, e Elimination) error {
	run := reading{s.read}
	var lines []chosen
	out := map[int]string{}
	others := map[int64][]int64{}
	for _, l := range e.Lines {
		if l.State == LineLeftOut {
			continue
		}
		m, err := s.massOf(ctx, run, l)
		if err != nil {
			return err
		}
		if l.State == LineListed {
			why, err := s.changed(ctx, run, l, m)
			if err != nil {
				return err
			}
			if why != "" {
				out[l.Line] = why
				continue
			}
			if l.Kind == LineRequest {
				if others[m.live()], err = twinsOf(ctx, run, m.live()); err != nil {
					return err
				}
			}
		}
		lines = append(lines, chosen{l, m})
	}
	withoutHalves(lines, others, func(c chosen) { out[c.Line] = whyTwin })
	for line, why := range out {
		if err := s.do(ctx, func(ctx context.Context, tx *tx) error { return leaveLine(ctx, tx, e.Number, line, why) }); err != nil {
			return err
		}
	}
	for i := range e.Lines {
		if why := out[e.Lines[i].Line]; why != "" {
			e.Lines[i].State, e.Lines[i].Why = LineLeftOut, why
		}
	}
	return nil
}

func leaveLine(ctx context.Context, tx *tx, list int64, line int, why string) error {
	return tx.exec(ctx, `UPDATE elimination_lines SET state = 'left_out', why = $1 WHERE elimination = $2 AND line = $3 AND state = 'listed'`, why, list, line)
}

// eliminateLine carries out a line: first the rows, in one transaction, then the files, which are
// safe to take away once no row names them.
func (s *Store) eliminateLine(ctx context.Context, e Elimination, i int) error {
	l := &e.Lines[i]
	if l.State == LineListed {
		err := s.do(ctx, func(ctx context.Context, tx *tx) error {
			line := e.Lines[i] // a work may be run twice
			if err := s.wipeLine(ctx, tx, e, &line); err != nil {
				return err
			}
			*l = line
			return nil
		})
		if err != nil {
			return err
		}
		crashpoint.Hit("eliminate.wiped")
	}
	if l.State != lineWiped {
		return nil
	}
	var text string
	if err := s.read.QueryRowContext(ctx, `SELECT tombstone FROM elimination_lines WHERE elimination = $1 AND line = $2`, e.Number, l.Line).Scan(&text); err != nil {
		return unavailable(err)
	}
	var t tombstone
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("store: tombstone: %w", err)
	}
	if err := s.dropFiles(ctx, t); err != nil {
		return err
	}
	crashpoint.Hit("eliminate.files_gone")
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE elimination_lines SET state = 'done' WHERE elimination = $1 AND line = $2`, e.Number, l.Line)
	})
	if err != nil {
		return err
	}
	l.State = LineDone
	crashpoint.Hit("eliminate.line_done")
	return nil
}

// wipeLine does a line in the database, or leaves it out.
func (s *Store) wipeLine(ctx context.Context, tx *tx, e Elimination, l *EliminationLine) error {
	m, err := s.massOf(ctx, tx, *l)
	if err != nil {
		return err
	}
	why, err := s.changed(ctx, tx, *l, m)
	if err != nil {
		return err
	}
	if why == "" && l.Kind == LineScan {
		for _, c := range m.made {
			if !c.gone {
				why = "un courrier tiré de ce scan est conservé"
			}
		}
	}
	if why != "" {
		l.State, l.Why = LineLeftOut, why
		return leaveLine(ctx, tx, e.Number, l.Line, why)
	}
	now, at := s.eliminatedTime()
	w := wiping{s, tx, at, e.Number, e.SHA256}
	t, err := w.wipe(ctx, m, l.Kind, l.Line)
	if err != nil {
		return err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("store: tombstone: %w", err)
	}
	if err := tx.exec(ctx, `UPDATE elimination_lines SET state = 'wiped', done_at = $1, tombstone = $2 WHERE elimination = $3 AND line = $4`, at, string(text), e.Number, l.Line); err != nil {
		return err
	}
	l.State, l.DoneAt = lineWiped, now
	crashpoint.Hit("eliminate.wiping")
	return s.journal(ctx, tx, journalListLine, "", e.SHA256, map[string]any{"list": e.Number, "line": l.Line, "kind": l.Kind, "subject": l.Subject, "submissions": len(t.Submissions)})
}

// scrub takes what is left of eliminated texts out of where nobody looks: the mails within the town
// that named them, the words that the indexes of search have only marked as deleted, and the
// database's log.
func (s *Store) scrub(ctx context.Context, e Elimination) error {
	for after := int64(0); ; {
		var last int64
		err := s.do(ctx, func(ctx context.Context, tx *tx) error {
			var err error
			_, at := s.eliminatedTime()
			last, err = wiping{s, tx, at, e.Number, e.SHA256}.houseMails(ctx, after)
			return err
		})
		if err != nil {
			return err
		}
		if last == 0 {
			break
		}
		after = last
	}
	if err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `DELETE FROM events WHERE request_id IS NULL AND submission_id IS NULL AND json_extract(detail, '$.mail') IN
			(SELECT id FROM mails WHERE request_id IS NULL AND submission_id IS NULL AND eliminated_at <> 0)`)
	}); err != nil {
		return err
	}
	return s.engine.scrub(ctx, s)
}

// Compact writes the whole database anew, so that nothing is left in it of what was deleted without
// being overwritten. It needs as much room again as the database has, and nobody else can write
// meanwhile.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.engine.compact(ctx, s); err != nil {
		return fmt.Errorf("store: write the database anew: %w", unavailable(err))
	}
	return nil
}
