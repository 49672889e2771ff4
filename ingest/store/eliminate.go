package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Elimination is in three steps. A list is proposed (Propose): what is closed, whose time is over
// and which nothing keeps. An administrator approves it as it was shown (Approve), with the visa
// of the archives (code du patrimoine L212-2, R212-14). Then it is carried out (Eliminate): line by
// line, each in one transaction, so that a kill leaves every line either as it was or as it is to
// be, and the next run goes on.
//
// What goes and what stays is said in eliminatewipe.go.

// LineKind says what a line of an elimination list stands for. The words are stored.
type LineKind string

// The kinds of lines.
const (
	// LineRequest is a request with all that was merged into it.
	LineRequest LineKind = "request"
	// LineSetAside and LineFailed are submissions that are in no request.
	LineSetAside LineKind = "set_aside"
	LineFailed   LineKind = "failed"
	// LineScan is a scan that was divided or joined: it goes when all that was made of it goes.
	LineScan LineKind = "scan"
)

// The states of a list and of its lines. They are stored.
const (
	ListProposed = "proposed"
	ListApproved = "approved" // and being carried out
	ListExecuted = "executed"

	LineListed  = "listed"
	LineLeftOut = "left_out"
	// lineWiped is a line whose rows are gone and whose files may still be there.
	lineWiped = "wiped"
	LineDone  = "done"
)

// Elimination is a list.
type Elimination struct {
	Number int64
	// SHA256 is over the content of the list as it was proposed.
	SHA256     string
	ProposedAt time.Time
	State      string
	// ApprovedBy is the login of the administrator, Visa what the archives gave.
	ApprovedAt time.Time
	ApprovedBy string
	Visa       string
	ExecutedAt time.Time
	Lines      []EliminationLine
}

// EliminationLine is a line of a list. Nothing in it names or describes a person: the list is kept
// for ever, shown to the archives, and must not become what it eliminates.
type EliminationLine struct {
	Line int
	Kind LineKind
	// Subject is the reference of a request, or the id of a submission.
	Subject string
	// Category is its code, "" where there is none; Rule how long it was kept, in French.
	Category, Rule             string
	OpenedAt, ClosedAt, OverAt time.Time
	// Pieces counts its submissions, Bytes those of their originals, copies and mails.
	Pieces int
	Bytes  int64
	State  string
	// Why says, in French, for what reason it was left out.
	Why    string
	DoneAt time.Time

	digest string
}

// Spared is what is not proposed though its time is over.
type Spared struct {
	Subject, Category string
	// Why says for what reason, in French.
	Why string
}

// EliminationQuery says what to propose.
type EliminationQuery struct {
	Retention ingest.Retention
	// Category is the code of the only category to be proposed; "" for all, and for what is in no
	// request.
	Category string
	// Before is the moment before which the time must be over; zero means now. It is never later
	// than now.
	Before time.Time
}

// proposal is a list in the making.
type proposal struct {
	s      *Store
	run    sqlRunner
	q      EliminationQuery
	before time.Time
	lines  []chosen
	spared []Spared
}

// chosen is what may become a line.
type chosen struct {
	EliminationLine
	mass mass
}

// Propose makes a new list of what may be eliminated, and returns it with what is spared though
// its time is over. Nothing is destroyed. Where there is nothing to propose no list is made, and
// its Number is 0.
func (s *Store) Propose(ctx context.Context, q EliminationQuery) (Elimination, []Spared, error) {
	p := &proposal{s: s, run: reading{s.read}, q: q, before: s.opts.Now()}
	if !q.Before.IsZero() && q.Before.Before(p.before) {
		p.before = q.Before
	}
	steps := []func(context.Context) error{p.requests, p.unfiled, p.twins, p.scans}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return Elimination{}, nil, fmt.Errorf("store: elimination list: %w", err)
		}
	}
	if len(p.lines) == 0 {
		return Elimination{}, sortedSpared(p.spared), nil
	}
	e := Elimination{ProposedAt: s.opts.Now(), State: ListProposed}
	for i, c := range p.lines {
		c.Line, c.State, c.digest = i+1, LineListed, c.mass.digest()
		e.Lines = append(e.Lines, c.EliminationLine)
	}
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		err := tx.row(ctx, `INSERT INTO eliminations (number, sha256, proposed_at, state)
			SELECT coalesce(max(number), 0) + 1, '', CAST($1 AS BIGINT), 'proposed' FROM eliminations RETURNING number`, micros(e.ProposedAt)).Scan(&e.Number)
		if err != nil {
			return err
		}
		e.SHA256 = e.hash()
		if err := tx.exec(ctx, `UPDATE eliminations SET sha256 = $1 WHERE number = $2`, e.SHA256, e.Number); err != nil {
			return err
		}
		for _, l := range e.Lines {
			if err := addLine(ctx, tx, e.Number, l, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Elimination{}, nil, fmt.Errorf("store: elimination list: %w", err)
	}
	return e, sortedSpared(p.spared), nil
}

func addLine(ctx context.Context, tx *tx, list int64, l EliminationLine, tombstone string) error {
	return tx.exec(ctx, `INSERT INTO elimination_lines (elimination, line, kind, subject, category, rule, opened_at, closed_at, over_at, pieces, bytes, digest, state, why, done_at, tombstone)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		list, l.Line, string(l.Kind), l.Subject, l.Category, l.Rule, micros(l.OpenedAt), micros(l.ClosedAt), micros(l.OverAt), l.Pieces, l.Bytes, l.digest,
		l.State, l.Why, micros(l.DoneAt), tombstone)
}

// hash is over what the list says, in a form that no two lists share.
func (e Elimination) hash() string {
	h := sha256.New()
	part := func(parts ...any) {
		for _, p := range parts {
			text := fmt.Sprint(p)
			fmt.Fprintf(h, "%d:%s,", len(text), text)
		}
	}
	part("bordereau", e.Number, micros(e.ProposedAt), len(e.Lines))
	for _, l := range e.Lines {
		part(l.Line, l.Kind, l.Subject, l.Category, l.Rule, micros(l.OpenedAt), micros(l.ClosedAt), micros(l.OverAt), l.Pieces, l.Bytes, l.digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// eliminationPage is how many rows are looked up at a time.
const eliminationPage = 500

// requests takes the requests that are closed and whose time is over.
func (p *proposal) requests(ctx context.Context) error {
	for after := int64(0); ; {
		type row struct {
			id       int64
			category string
		}
		var page []row
		err := p.run.rows(ctx, fmt.Sprintf(`SELECT id, category FROM requests WHERE id > $1 AND merged_into IS NULL AND eliminated_at = 0
			AND status IN ('answered', 'closed') AND answered_at <> 0 AND answered_at < $2 AND ($3 = '' OR category = $3) ORDER BY id LIMIT %d`, eliminationPage),
			[]any{after, micros(p.before), p.q.Category}, func(r rowScanner) error {
				var x row
				err := r.Scan(&x.id, &x.category)
				page = append(page, x)
				return err
			})
		if err != nil {
			return err
		}
		for _, x := range page {
			after = x.id
			rule, known := p.q.Retention.Categories[x.category]
			if known && rule.IsZero() {
				continue // no rule, as the town wants it
			}
			m, err := p.s.requestMass(ctx, p.run, x.id)
			if err != nil {
				return err
			}
			if err := p.offer(ctx, LineRequest, m, rule, known); err != nil {
				return err
			}
		}
		if len(page) < eliminationPage {
			return nil
		}
	}
}

// unfiled takes what was set aside or has failed. What a scan was set aside for lives on in what
// was made of it: see scans.
func (p *proposal) unfiled(ctx context.Context) error {
	if p.q.Category != "" {
		return nil
	}
	for _, k := range []struct {
		kind LineKind
		rule ingest.RetentionRule
	}{{LineSetAside, p.q.Retention.SetAside}, {LineFailed, p.q.Retention.Failed}} {
		if k.rule.IsZero() {
			continue
		}
		for after := int64(0); ; {
			var page []string
			err := p.run.rows(ctx, fmt.Sprintf(`SELECT seq, id FROM submissions s WHERE seq > $1 AND state = '%s' AND eliminated_at = 0 AND received_at < $2
				AND NOT EXISTS (SELECT 1 FROM descent d WHERE d.parent_id = s.id) ORDER BY seq LIMIT %d`, k.kind, eliminationPage),
				[]any{after, micros(p.before)}, func(r rowScanner) error {
					var id string
					err := r.Scan(&after, &id)
					page = append(page, id)
					return err
				})
			if err != nil {
				return err
			}
			for _, id := range page {
				m, err := p.s.pieceMass(ctx, p.run, id)
				if err != nil {
					return err
				}
				if err := p.offer(ctx, k.kind, m, k.rule, true); err != nil {
					return err
				}
			}
			if len(page) < eliminationPage {
				break
			}
		}
	}
	return nil
}

// offer makes a line of something whose time is over, unless something keeps it.
func (p *proposal) offer(ctx context.Context, kind LineKind, m mass, rule ingest.RetentionRule, known bool) error {
	spare := func(why string) { p.spared = append(p.spared, Spared{m.subject, m.category, why}) }
	if !known {
		spare("catégorie absente du fichier des catégories : aucune durée n’est connue")
		return nil
	}
	over := rule.Over(p.s.time(m.closed))
	if !over.Before(p.before) {
		return nil
	}
	switch rule.Fate {
	case ingest.FateKeep:
		spare("conservation définitive : à verser aux archives")
		return nil
	case ingest.FateSort:
		spare("tri : à examiner avec les archives avant toute élimination")
		return nil
	case ingest.FateDestroy:
	}
	why, err := p.s.obstacle(ctx, p.run, m)
	if err != nil {
		return err
	}
	if why != "" {
		spare(why)
		return nil
	}
	p.lines = append(p.lines, chosen{EliminationLine{
		Kind: kind, Subject: m.subject, Category: m.category, Rule: rule.String(), OpenedAt: p.s.time(m.opened), ClosedAt: p.s.time(m.closed), OverAt: over,
		Pieces: len(m.pieces), Bytes: m.bytes,
	}, m})
	return nil
}

// whyTwin keeps what may be the same matter as something that stays.
const whyTwin = "peut-être la même affaire qu’une demande conservée : à réunir ou à séparer d’abord"

// twins takes those out again that may be the same matter as a request that stays: what belongs
// together goes together or not at all.
func (p *proposal) twins(ctx context.Context) error {
	others := map[int64][]int64{}
	for _, c := range p.lines {
		if c.Kind != LineRequest {
			continue
		}
		list, err := twinsOf(ctx, p.run, c.mass.live())
		if err != nil {
			return err
		}
		if len(list) > 0 {
			others[c.mass.live()] = list
		}
	}
	p.lines = withoutHalves(p.lines, others, func(c chosen) {
		p.spared = append(p.spared, Spared{c.Subject, c.Category, whyTwin})
	})
	return nil
}

// withoutHalves leaves out each request of which another one that may be the same is not in the
// list, until none is left that way.
func withoutHalves(lines []chosen, others map[int64][]int64, leave func(chosen)) []chosen {
	in := map[int64]bool{}
	for _, c := range lines {
		if c.Kind == LineRequest {
			in[c.mass.live()] = true
		}
	}
	for {
		before := len(lines)
		lines = slices.DeleteFunc(lines, func(c chosen) bool {
			if c.Kind != LineRequest || !slices.ContainsFunc(others[c.mass.live()], func(o int64) bool { return !in[o] }) {
				return false
			}
			delete(in, c.mass.live())
			leave(c)
			return true
		})
		if len(lines) == before {
			return lines
		}
	}
}

func twinsOf(ctx context.Context, run sqlRunner, id int64) ([]int64, error) {
	var out []int64
	err := run.rows(ctx, `SELECT other_id FROM twins WHERE request_id = $1 ORDER BY other_id`, []any{id}, func(r rowScanner) error {
		var other int64
		err := r.Scan(&other)
		out = append(out, other)
		return err
	})
	return out, err
}

// scans adds the scans all of whose letters are in the list, or gone already.
func (p *proposal) scans(ctx context.Context) error {
	going := map[string]bool{}
	var todo []string
	for _, c := range p.lines {
		for _, x := range c.mass.pieces {
			going[x.id] = true
			parents, err := idList(ctx, p.run, `SELECT parent_id FROM descent WHERE child_id = $1`, x.id)
			if err != nil {
				return err
			}
			todo = append(todo, parents...)
		}
	}
	if p.q.Category == "" {
		left, err := idList(ctx, p.run, `SELECT DISTINCT d.parent_id FROM submissions c JOIN descent d ON d.child_id = c.id JOIN submissions s ON s.id = d.parent_id
			WHERE c.eliminated_at <> 0 AND s.eliminated_at = 0`)
		if err != nil {
			return err
		}
		todo = append(todo, left...)
	}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		if going[id] {
			continue
		}
		m, err := p.s.pieceMass(ctx, p.run, id)
		if err != nil {
			return err
		}
		if m.gone || slices.ContainsFunc(m.made, func(c madePiece) bool { return !c.gone && !going[c.id] }) {
			continue
		}
		m.listedMade = true
		why, err := p.s.obstacle(ctx, p.run, m)
		if err != nil {
			return err
		}
		if why != "" {
			p.spared = append(p.spared, Spared{m.subject, "", why})
			continue
		}
		going[id] = true
		p.lines = append(p.lines, chosen{EliminationLine{
			Kind: LineScan, Subject: id, Rule: "avec les courriers qui en sont tirés", OpenedAt: p.s.time(m.opened), ClosedAt: p.s.time(m.closed), OverAt: p.before,
			Pieces: 1, Bytes: m.bytes,
		}, m})
		parents, err := idList(ctx, p.run, `SELECT parent_id FROM descent WHERE child_id = $1`, id)
		if err != nil {
			return err
		}
		todo = append(todo, parents...)
	}
	return nil
}

func idList(ctx context.Context, run sqlRunner, query string, args ...any) ([]string, error) {
	var out []string
	err := run.rows(ctx, query, args, func(r rowScanner) error {
		var id string
		err := r.Scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}

const eliminationQuery = `SELECT number, sha256, proposed_at, state, approved_at, approved_by, visa, executed_at FROM eliminations `

func (s *Store) scanElimination(row rowScanner) (Elimination, error) {
	var e Elimination
	var proposed, approved, executed int64
	err := row.Scan(&e.Number, &e.SHA256, &proposed, &e.State, &approved, &e.ApprovedBy, &e.Visa, &executed)
	e.ProposedAt, e.ApprovedAt, e.ExecutedAt = s.time(proposed), s.time(approved), s.time(executed)
	return e, err
}

// Eliminations lists the elimination lists, without their lines, oldest first.
func (s *Store) Eliminations(ctx context.Context) ([]Elimination, error) {
	var out []Elimination
	err := (reading{s.read}).rows(ctx, eliminationQuery+`ORDER BY number`, nil, func(row rowScanner) error {
		e, err := s.scanElimination(row)
		out = append(out, e)
		return err
	})
	return out, err
}

// Elimination returns an elimination list. The error wraps ingest.ErrNotFound when there is none.
func (s *Store) Elimination(ctx context.Context, number int64) (Elimination, error) {
	return s.elimination(ctx, reading{s.read}, number)
}

func (s *Store) elimination(ctx context.Context, run sqlRunner, number int64) (Elimination, error) {
	e, err := s.scanElimination(run.row(ctx, eliminationQuery+`WHERE number = $1`, number))
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("%w: elimination list %d", ingest.ErrNotFound, number)
	}
	if err != nil {
		return e, unavailable(err)
	}
	err = run.rows(ctx, `SELECT line, kind, subject, category, rule, opened_at, closed_at, over_at, pieces, bytes, digest, state, why, done_at
		FROM elimination_lines WHERE elimination = $1 ORDER BY line`, []any{number}, func(row rowScanner) error {
		var l EliminationLine
		var opened, closed, over, done int64
		err := row.Scan(&l.Line, &l.Kind, &l.Subject, &l.Category, &l.Rule, &opened, &closed, &over, &l.Pieces, &l.Bytes, &l.digest, &l.State, &l.Why, &done)
		l.OpenedAt, l.ClosedAt, l.OverAt, l.DoneAt = s.time(opened), s.time(closed), s.time(over), s.time(done)
		e.Lines = append(e.Lines, l)
		return err
	})
	return e, err
}

// Hold keeps a request (of one that was merged, the one that it went into) from being eliminated
// until Unhold: a lawsuit, an inquiry. because is for people, and goes when the hold does. The
// error wraps ingest.ErrNotFound when there is no such request.
func (s *Store) Hold(ctx context.Context, reference, because, actor string) error {
	if strings.TrimSpace(because) == "" {
		return refused("say why %s is held", reference)
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		if err := stillThere(ctx, tx, q.id); err != nil {
			return err
		}
		return tx.exec(ctx, `INSERT INTO elimination_holds (request_id, because, actor, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (request_id) DO UPDATE SET because = excluded.because, actor = excluded.actor, at = excluded.at`, q.id, because, actor, micros(s.opts.Now()))
	})
}

// Unhold ends what Hold began. The error wraps ErrRefused when the request is not held.
func (s *Store) Unhold(ctx context.Context, reference string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		n, err := tx.execN(ctx, `DELETE FROM elimination_holds WHERE request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1)`, q.id)
		if err == nil && n == 0 {
			err = refused("%s is not held", reference)
		}
		return err
	})
}

// Hold is a request that is kept from being eliminated.
type Hold struct {
	Reference, Because, Actor string
	At                        time.Time
}

// Holds lists them, oldest first.
func (s *Store) Holds(ctx context.Context) ([]Hold, error) {
	var out []Hold
	err := (reading{s.read}).rows(ctx, `SELECT q.reference, h.because, h.actor, h.at FROM elimination_holds h JOIN requests q ON q.id = h.request_id ORDER BY h.at, q.id`, nil,
		func(row rowScanner) error {
			var h Hold
			var at int64
			err := row.Scan(&h.Reference, &h.Because, &h.Actor, &at)
			h.At = s.time(at)
			out = append(out, h)
			return err
		})
	return out, err
}

// stillThere refuses an act on a request that was eliminated.
func stillThere(ctx context.Context, run sqlRunner, requestID int64) error {
	var reference string
	var list int64
	err := run.row(ctx, `SELECT reference, elimination FROM requests WHERE id = $1 AND eliminated_at <> 0`, requestID).Scan(&reference, &list)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	return refused("%s was eliminated by the list %d: nothing is left of it", reference, list)
}

// mass is what goes together: a request with what was merged into it, or one submission. It is
// read anew whenever it matters.
type mass struct {
	subject, category string
	requests          []requestKey // the live one first; none for a submission
	status            string
	opened, closed    int64
	answered          int64
	pieces            []massPiece
	made              []madePiece // of a scan: what was made of it
	bytes             int64
	events, mails     int64 // the last event, and how many mails there are
	gone              bool
	// listedMade is set for a scan whose letters go by the same list.
	listedMade bool
}

type massPiece struct {
	id            string
	seq           int64
	sha           string
	link          string
	state, reason string
	attempt       int
	received      int64
}

type madePiece struct {
	id   string
	gone bool
}

// live is the id of the request; 0 for a submission.
func (m mass) live() int64 {
	if len(m.requests) == 0 {
		return 0
	}
	return m.requests[0].id
}

// digest is a hash of what an approval is about: another one means that something has happened
// since. Letters of a scan that go by the same list do not change the scan's.
func (m mass) digest() string {
	type piece struct{ ID, SHA, Link, State, Reason, Attempt string }
	v := struct {
		Subject, Category, Status string
		Answered, Events, Mails   int64
		Merged                    []string
		Pieces                    []piece
		Made                      []string
	}{Subject: m.subject, Category: m.category, Status: m.status, Answered: m.answered, Events: m.events, Mails: m.mails}
	for _, q := range m.requests {
		v.Merged = append(v.Merged, q.reference)
	}
	for _, p := range m.pieces {
		v.Pieces = append(v.Pieces, piece{p.id, p.sha, p.link, p.state, p.reason, fmt.Sprint(p.attempt)})
	}
	for _, c := range m.made {
		v.Made = append(v.Made, c.id)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// requestMass reads a live request with all that goes with it.
func (s *Store) requestMass(ctx context.Context, run sqlRunner, id int64) (mass, error) {
	m := mass{}
	var gone int64
	live := requestKey{id: id}
	err := run.row(ctx, `SELECT reference, category, status, opened_at, answered_at, eliminated_at FROM requests WHERE id = $1`, id).
		Scan(&live.reference, &m.category, &m.status, &m.opened, &m.answered, &gone)
	if err != nil {
		return m, unavailable(err)
	}
	m.subject, m.gone, m.closed, m.requests = live.reference, gone != 0, m.answered, []requestKey{live}
	if err := run.rows(ctx, `SELECT id, reference FROM requests WHERE merged_into = $1 ORDER BY id`, []any{id}, func(r rowScanner) error {
		var q requestKey
		err := r.Scan(&q.id, &q.reference)
		m.requests = append(m.requests, q)
		return err
	}); err != nil {
		return m, err
	}
	if err := s.massPieces(ctx, run, &m, `request_id = $1`, id); err != nil {
		return m, err
	}
	for _, q := range m.requests {
		var events, mails, bytes int64
		err := errors.Join(
			run.row(ctx, `SELECT coalesce(max(seq), 0) FROM events WHERE request_id = $1`, q.id).Scan(&events),
			run.row(ctx, `SELECT count(*), coalesce(sum(coalesce(length(content), 0)), 0) FROM mails WHERE request_id = $1`, q.id).Scan(&mails, &bytes),
		)
		if err != nil {
			return m, unavailable(err)
		}
		m.events, m.mails, m.bytes = max(m.events, events), m.mails+mails, m.bytes+bytes
	}
	// What joined after it was closed starts its time anew: somebody has come back to it.
	for _, p := range m.pieces {
		m.closed = max(m.closed, p.received)
	}
	return m, nil
}

// pieceMass reads a submission that is in no request.
func (s *Store) pieceMass(ctx context.Context, run sqlRunner, id string) (mass, error) {
	m := mass{subject: id}
	if err := s.massPieces(ctx, run, &m, `id = $1`, id); err != nil {
		return m, err
	}
	if len(m.pieces) != 1 {
		return m, fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	m.opened, m.closed, m.status = m.pieces[0].received, m.pieces[0].received, m.pieces[0].state
	return m, run.rows(ctx, `SELECT c.id, c.eliminated_at <> 0 FROM descent d JOIN submissions c ON c.id = d.child_id WHERE d.parent_id = $1 ORDER BY c.id`, []any{id},
		func(r rowScanner) error {
			var c madePiece
			err := r.Scan(&c.id, &c.gone)
			m.made = append(m.made, c)
			return err
		})
}

func (s *Store) massPieces(ctx context.Context, run sqlRunner, m *mass, where string, arg any) error {
	return run.rows(ctx, `SELECT id, seq, sha256, link, state, reason, attempt, received_at, size, eliminated_at <> 0,
		coalesce((SELECT c.size FROM copies c WHERE c.submission_id = submissions.id), 0) FROM submissions WHERE `+where+` ORDER BY seq`, []any{arg}, func(r rowScanner) error {
		var p massPiece
		var size, copied int64
		var gone bool
		err := r.Scan(&p.id, &p.seq, &p.sha, &p.link, &p.state, &p.reason, &p.attempt, &p.received, &size, &gone, &copied)
		m.pieces = append(m.pieces, p)
		m.bytes += size + copied
		m.gone = m.gone || gone
		return err
	})
}

// obstacle says in French what keeps something from being eliminated now, or "".
func (s *Store) obstacle(ctx context.Context, run sqlRunner, m mass) (string, error) {
	if m.gone {
		return "déjà éliminée", nil
	}
	now := micros(s.opts.Now())
	type check struct {
		why, query string
		args       []any
	}
	var checks []check
	for i, q := range m.requests {
		if i == 0 && (m.status != string(ingest.StatusAnswered) && m.status != string(ingest.StatusClosed) || m.answered == 0) {
			return "rouverte", nil
		}
		checks = append(checks,
			check{"gelée : à conserver jusqu’à la levée du gel", `SELECT count(*) FROM elimination_holds WHERE request_id = $1`, []any{q.id}},
			check{"un délai court encore", `SELECT count(*) FROM deadlines WHERE request_id = $1 AND done_at = 0 AND due > $2`, []any{q.id, now}},
			check{"un envoi est encore en attente", `SELECT count(*) FROM outbox WHERE request_id = $1 AND state = 'pending'`, []any{q.id}},
			check{"un courrier reste à envoyer ou à imprimer", `SELECT count(*) FROM mails WHERE request_id = $1 AND state IN ('queued', 'to_print')`, []any{q.id}},
			check{"sa transmission à un autre logiciel n’est pas terminée", `SELECT count(*) FROM handovers h JOIN outbox o ON o.id = h.id WHERE h.request_id = $1
				AND (o.state = 'pending' OR o.state = 'failed' AND NOT EXISTS (SELECT 1 FROM dealt_with k WHERE k.id = o.id AND k.attempt = o.attempt))`, []any{q.id}},
		)
	}
	for _, p := range m.pieces {
		checks = append(checks,
			check{"un envoi est encore en attente", `SELECT count(*) FROM outbox WHERE submission_id = $1 AND state = 'pending'`, []any{p.id}},
			check{"un courrier reste à envoyer ou à imprimer", `SELECT count(*) FROM mails WHERE submission_id = $1 AND state IN ('queued', 'to_print')`, []any{p.id}},
		)
		if len(m.requests) > 0 {
			continue
		}
		switch {
		case p.state != string(ingest.StateSetAside) && p.state != string(ingest.StateFailed):
			return "reprise entre-temps", nil
		case len(m.made) > 0 && !m.listedMade && slices.ContainsFunc(m.made, func(c madePiece) bool { return !c.gone }):
			return "un courrier tiré de ce scan est conservé", nil
		}
		// A report of non-delivery is evidence for the request whose mail came back.
		checks = append(checks, check{
			"pièce d’une demande conservée",
			`SELECT count(*) FROM events e JOIN requests q ON q.id = e.request_id WHERE e.submission_id = $1 AND q.eliminated_at = 0`,
			[]any{p.id},
		})
	}
	for _, c := range checks {
		var n int
		if err := run.row(ctx, c.query, c.args...).Scan(&n); err != nil {
			return "", unavailable(err)
		}
		if n > 0 {
			return c.why, nil
		}
	}
	return "", nil
}

// sortedSpared puts what is spared together by reason, for the report.
func sortedSpared(list []Spared) []Spared {
	slices.SortStableFunc(list, func(a, b Spared) int {
		return cmp.Or(strings.Compare(a.Why, b.Why), strings.Compare(a.Subject, b.Subject))
	})
	return list
}
