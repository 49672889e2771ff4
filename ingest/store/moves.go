package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"saisine.fr/saisine/ingest"
)

// Moves are what a person does to where submissions belong: Link, Unlink, Merge, Split.
// Each is one transaction, writes an event into the history of every request that it
// touches, and can be taken back by another move.
//
// What holds after each of them, and is checked by Verify:
//   - A request that has submissions is opened by exactly one of them.
//   - A request without submissions is merged into one that has some: into the one in
//     which the submission lies that opened it last. So its reference, which a citizen has
//     in a letter, leads to that citizen's matter, and never by way of a third request.

// Kinds of events of moves. They are stored, so they never change.
const (
	eventLinked   = "request.linked"
	eventUnlinked = "request.unlinked"
	eventMerged   = "request.merged"
	eventSplit    = "request.split"
)

// ErrRefused is ingest.ErrRefused.
var ErrRefused = ingest.ErrRefused

func refused(format string, args ...any) error { return ingest.Refused(format, args...) }

// Link moves a filed submission into the request with this reference (of one that was
// merged, the one that it went into), as a duplicate or follow-up. What answers it there
// goes along, transitively. When it opened its request, the earliest of those that stay
// and answer none of them opens it from now on; when none stays, the request is merged
// into the other one.
//
// Linking again what is linked so changes nothing. The error wraps ingest.ErrNotFound when
// there is no such submission or request, and ErrRefused when the submission is in no
// request or opens this one, or would leave a sealed service.
func (s *Store) Link(ctx context.Context, submissionID, reference string, link ingest.Link, actor string) error {
	return s.do(ctx, s.link(submissionID, reference, link, actor))
}

func (s *Store) link(submissionID, reference string, link ingest.Link, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		if link != ingest.LinkDuplicate && link != ingest.LinkFollowUp {
			return refused("a submission is linked as %q or %q, not as %q", ingest.LinkDuplicate, ingest.LinkFollowUp, link)
		}
		sub, from, err := filedIn(ctx, tx, submissionID)
		if err != nil {
			return err
		}
		to, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		d := map[string]any{"from": from.reference, "to": to.reference, "link": string(link), "reasons": []string{"rattachée par " + actor}}
		switch {
		case from.id != to.id:
			return s.linkInto(ctx, tx, sub, from, to, link, d, actor)
		case sub.link == ingest.LinkOpens:
			return refused("submission %s opens %s itself", submissionID, to.reference)
		case sub.link == link:
			return nil
		}
		d["submissions"] = []string{submissionID}
		if err := setLink(ctx, tx, submissionID, to.id, link); err != nil {
			return err
		}
		return s.event(ctx, tx, eventLinked, actor, submissionID, to.id, d)
	}
}

func (s *Store) linkInto(ctx context.Context, tx *tx, sub piece, from, to requestKey, link ingest.Link, d map[string]any, actor string) error {
	if err := keepSealed(ctx, tx, from, to); err != nil {
		return err
	}
	all, err := pieces(ctx, tx, from.id)
	if err != nil {
		return err
	}
	moved := withAnswers(all, []string{sub.id})
	stay := without(all, moved)
	d["submissions"] = idsOf(moved)
	if err := move(ctx, tx, moved, to.id); err != nil {
		return err
	}
	if err := setLink(ctx, tx, sub.id, to.id, link); err != nil {
		return err
	}
	switch {
	case sub.link != ingest.LinkOpens:
	case len(stay) == 0:
		return s.endIn(ctx, tx, from, to, sub.id, moved, eventLinked, d, actor)
	default:
		opens := earliest(stay)
		d["opens"] = opens.id
		if err := s.reopen(ctx, tx, from.id, opens.id); err != nil {
			return err
		}
		if err := s.announceAll(ctx, tx, stay, from.id); err != nil {
			return err
		}
	}
	if err := repoint(ctx, tx, from.id, to.id, moved); err != nil {
		return err
	}
	if err := s.event(ctx, tx, eventLinked, actor, sub.id, from.id, d); err != nil {
		return err
	}
	return s.arrived(ctx, tx, from, to, sub.id, moved, eventLinked, d, actor)
}

// Merge moves all submissions of a request into another one, where its opening is a
// duplicate from now on. The request that was emptied shows no more as one of its own; its
// reference, and its suggestions, lead to and belong to the other one.
//
// Merging again what is merged so changes nothing. The error wraps ingest.ErrNotFound when
// there is no such request, and ErrRefused for a request and itself, also by way of an
// earlier merge, for one that was merged into a third, and for one of a sealed service that
// would leave it.
func (s *Store) Merge(ctx context.Context, fromRef, intoRef, actor string) error {
	return s.do(ctx, s.merge(fromRef, intoRef, actor))
}

func (s *Store) merge(fromRef, intoRef, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		from, err := liveRequest(ctx, tx, fromRef)
		if err != nil {
			return err
		}
		into, err := liveRequest(ctx, tx, intoRef)
		if err != nil {
			return err
		}
		switch {
		case fromRef == intoRef:
			return refused("%s cannot be merged into itself; name another request", fromRef)
		case from.reference != fromRef && from.id == into.id:
			return nil
		case from.reference != fromRef:
			return refused("%s was merged into %s already; merge that one", fromRef, from.reference)
		case from.id == into.id:
			return refused("%s was merged into %s already; the other way round would be a circle", intoRef, fromRef)
		}
		if err := keepSealed(ctx, tx, from, into); err != nil {
			return err
		}
		moved, err := pieces(ctx, tx, from.id)
		if err != nil {
			return err
		}
		opening := slices.IndexFunc(moved, func(p piece) bool { return p.link == ingest.LinkOpens })
		if opening < 0 {
			return fmt.Errorf("store: nothing opens %s", fromRef)
		}
		// One statement, so that no moment has two openings of one request.
		if err := tx.exec(ctx, `UPDATE submissions SET request_id = $1, link = CASE link WHEN 'opens' THEN 'duplicate' ELSE link END
			WHERE request_id = $2`, into.id, from.id); err != nil {
			return err
		}
		d := map[string]any{
			"from": from.reference, "to": into.reference, "submissions": idsOf(moved),
			"reasons": []string{"demande réunie à une autre par " + actor},
		}
		return s.endIn(ctx, tx, from, into, moved[opening].id, moved, eventMerged, d, actor)
	}
}

// Unlink takes a duplicate or follow-up out of its request, with what answers it there. It
// opens the request again that it opened before, when that was merged, and otherwise a new
// one, made of what was read from it when it was filed. The two requests are not suggested
// to each other again. Unlink returns the reference of the request that it opens.
//
// When it opens its request already, and nothing is in it but what answers it, Unlink
// changes nothing. The error wraps ingest.ErrNotFound when there is no such submission,
// and ErrRefused when it is in no request, or opens one in which others are.
func (s *Store) Unlink(ctx context.Context, submissionID, actor string) (string, error) {
	var reference string
	if err := s.do(ctx, s.unlink(submissionID, actor, &reference)); err != nil {
		// When ctx has ended, the writer may still be at it: reference is not ours to read.
		return "", err
	}
	return reference, nil
}

func (s *Store) unlink(submissionID, actor string, reference *string) work {
	return func(ctx context.Context, tx *tx) error {
		*reference = ""
		sub, from, err := filedIn(ctx, tx, submissionID)
		if err != nil {
			return err
		}
		all, err := pieces(ctx, tx, from.id)
		if err != nil {
			return err
		}
		if sub.link == ingest.LinkOpens {
			if len(withAnswers(all, []string{sub.id})) == len(all) {
				*reference = from.reference
				return nil
			}
			return refused("submission %s opens %s; split the others off, or link this one to another request", submissionID, from.reference)
		}
		*reference, err = s.takeOut(ctx, tx, from, all, []string{sub.id}, eventUnlinked, actor)
		return err
	}
}

// Split takes several duplicates and follow-ups out of a request together, with what
// answers them there, into one request. That is the one that was merged last of those that
// they opened before, if any, opened as it was; otherwise a new one, opened by the
// earliest that answers none of the others. The two requests are not suggested to each
// other again. Split returns the reference of the request that they are in.
//
// The error wraps ingest.ErrNotFound when there is no such request, and ErrRefused when no
// submission is named, one is not in the request, or one opens it.
func (s *Store) Split(ctx context.Context, reference string, submissionIDs []string, actor string) (string, error) {
	var taken string
	if err := s.do(ctx, s.split(reference, submissionIDs, actor, &taken)); err != nil {
		return "", err
	}
	return taken, nil
}

func (s *Store) split(reference string, submissionIDs []string, actor string, taken *string) work {
	return func(ctx context.Context, tx *tx) error {
		*taken = ""
		if len(submissionIDs) == 0 {
			return refused("name the submissions to split off %s", reference)
		}
		from, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		all, err := pieces(ctx, tx, from.id)
		if err != nil {
			return err
		}
		for _, id := range submissionIDs {
			at := slices.IndexFunc(all, func(p piece) bool { return p.id == id })
			switch {
			case at < 0:
				return refused("submission %s is not in %s", id, from.reference)
			case all[at].link == ingest.LinkOpens:
				return refused("submission %s opens %s, which it keeps; split the others off", id, from.reference)
			}
		}
		*taken, err = s.takeOut(ctx, tx, from, all, submissionIDs, eventSplit, actor)
		return err
	}
}

// takeOut moves submissions that do not open their request into a request of their own.
func (s *Store) takeOut(ctx context.Context, tx *tx, from requestKey, all []piece, ids []string, kind, actor string) (string, error) {
	moved := withAnswers(all, ids)
	ended, err := mergedInto(ctx, tx, from.id)
	if err != nil {
		return "", err
	}
	d := map[string]any{"from": from.reference, "submissions": idsOf(moved), "reasons": []string{"séparée par " + actor}}
	var to requestKey
	opens := earliest(moved)
	if i := slices.IndexFunc(ended, func(e endedRequest) bool { return slices.Contains(ids, e.opening) }); i >= 0 {
		to, opens.id = ended[i].requestKey, ended[i].opening
		d["restored"] = true
		err = tx.exec(ctx, `UPDATE requests SET merged_into = NULL WHERE id = $1`, to.id)
	} else {
		to, err = s.openAgain(ctx, tx, opens.id)
	}
	if err != nil {
		return "", err
	}
	d["to"], d["opens"] = to.reference, opens.id
	if err := move(ctx, tx, moved, to.id); err != nil {
		return "", err
	}
	if err := setLink(ctx, tx, opens.id, to.id, ingest.LinkOpens); err != nil {
		return "", err
	}
	if err := repoint(ctx, tx, from.id, to.id, moved); err != nil {
		return "", err
	}
	if err := keepApart(ctx, tx, from.id, to.id, "séparées par "+actor); err != nil {
		return "", err
	}
	if err := s.staySealed(ctx, tx, from, to); err != nil {
		return "", err
	}
	if err := s.event(ctx, tx, kind, actor, opens.id, from.id, d); err != nil {
		return "", err
	}
	return to.reference, s.arrived(ctx, tx, from, to, opens.id, moved, kind, d, actor)
}

// endIn ends a request whose submissions have all been moved into another one.
func (s *Store) endIn(ctx context.Context, tx *tx, from, to requestKey, opening string, moved []piece, kind string, d map[string]any, actor string) error {
	if err := tx.exec(ctx, `UPDATE requests SET merged_into = $1 WHERE id = $2 OR merged_into = $2`, to.id, from.id); err != nil {
		return err
	}
	// mergedInto reads from this event which submission opened the request.
	if err := s.event(ctx, tx, eventMerged, actor, opening, from.id, d); err != nil {
		return err
	}
	subject := opening
	if kind == eventMerged {
		subject = "" // this side's event is about no submission: see endedQuery
	}
	return s.arrived(ctx, tx, from, to, subject, moved, kind, d, actor)
}

// arrived completes a move on the side of the request into which the submissions came.
func (s *Store) arrived(ctx context.Context, tx *tx, from, to requestKey, subject string, moved []piece, kind string, d map[string]any, actor string) error {
	for _, id := range []int64{from.id, to.id} {
		if err := s.refreshUrgent(ctx, tx, id); err != nil {
			return err
		}
	}
	if err := s.event(ctx, tx, kind, actor, subject, to.id, d); err != nil {
		return err
	}
	return s.announceAll(ctx, tx, moved, to.id)
}

// announceAll brings the notes beside the scans up to date in which these came.
func (s *Store) announceAll(ctx context.Context, tx *tx, ps []piece, requestID int64) error {
	for _, p := range ps {
		row, err := waiting(ctx, tx, p.id)
		if err != nil {
			return err
		}
		if err := s.announce(ctx, tx, row, requestID); err != nil {
			return err
		}
	}
	return nil
}

// requestKey names a request in both of its ways.
type requestKey struct {
	id        int64
	reference string
}

// liveRequest returns the request with this reference, or the one that it was merged into,
// which the moves promise to be the end. The error wraps ingest.ErrNotFound.
func liveRequest(ctx context.Context, run sqlRunner, reference string) (requestKey, error) {
	var q requestKey
	err := run.row(ctx, `SELECT r.id, r.reference FROM requests m JOIN requests r ON r.id = coalesce(m.merged_into, m.id)
		WHERE m.reference = $1`, reference).Scan(&q.id, &q.reference)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	return q, err
}

// piece is a submission of a request.
type piece struct {
	id      string
	seq     int64
	at      int64 // of its reception
	link    ingest.Link
	answers string // the submission that it answers or repeats, or ""
}

// filedIn returns a submission and the request that it is in.
func filedIn(ctx context.Context, tx *tx, id string) (piece, requestKey, error) {
	row, err := waiting(ctx, tx, id)
	if err != nil {
		return piece{}, requestKey{}, err
	}
	if row.state != ingest.StateFiled {
		return piece{}, requestKey{}, refused("submission %s is in no request (its state is %s)", id, row.state)
	}
	q := requestKey{reference: row.reference}
	err = tx.row(ctx, `SELECT request_id FROM submissions WHERE id = $1`, id).Scan(&q.id)
	return piece{id: id, seq: row.seq, at: micros(row.receivedAt), link: row.link}, q, err
}

// pieces returns the submissions of a request, in the order of the ledger.
func pieces(ctx context.Context, tx *tx, requestID int64) ([]piece, error) {
	var out []piece
	err := tx.rows(ctx, `SELECT id, seq, received_at, link, answers FROM submissions WHERE request_id = $1 ORDER BY seq`, []any{requestID},
		func(r rowScanner) error {
			var p piece
			var link string
			var answers sql.NullString
			err := r.Scan(&p.id, &p.seq, &p.at, &link, &answers)
			p.link, p.answers = ingest.Link(link), answers.String
			out = append(out, p)
			return err
		})
	return out, err
}

// withAnswers returns those of a request's submissions that are named, and what answers
// them there. The opening comes along only when it is named: it stands for the request,
// whatever it once answered.
func withAnswers(all []piece, ids []string) []piece {
	answers := map[string][]string{}
	for _, p := range all {
		if p.answers != "" && p.link != ingest.LinkOpens {
			answers[p.answers] = append(answers[p.answers], p.id)
		}
	}
	taken := map[string]bool{}
	for todo := slices.Clone(ids); len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !taken[id] {
			taken[id] = true
			todo = append(todo, answers[id]...)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p piece) bool { return !taken[p.id] })
}

func without(all, some []piece) []piece {
	ids := idSet(some)
	return slices.DeleteFunc(slices.Clone(all), func(p piece) bool { return ids[p.id] })
}

// earliest returns the one that was received first of those that answer none of the
// others. There is one: a submission only ever answers one that was filed before it.
func earliest(ps []piece) piece {
	ids := idSet(ps)
	roots := slices.DeleteFunc(slices.Clone(ps), func(p piece) bool { return ids[p.answers] })
	return slices.MinFunc(roots, func(a, b piece) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
}

func idSet(ps []piece) map[string]bool {
	ids := make(map[string]bool, len(ps))
	for _, p := range ps {
		ids[p.id] = true
	}
	return ids
}

func idsOf(ps []piece) []string {
	ids := make([]string, len(ps))
	for i, p := range ps {
		ids[i] = p.id
	}
	return ids
}

// move puts submissions into a request. One that opened its request is a duplicate there.
func move(ctx context.Context, tx *tx, ps []piece, requestID int64) error {
	for _, p := range ps {
		link := p.link
		if link == ingest.LinkOpens {
			link = ingest.LinkDuplicate
		}
		if err := setLink(ctx, tx, p.id, requestID, link); err != nil {
			return err
		}
	}
	return nil
}

func setLink(ctx context.Context, tx *tx, id string, requestID int64, link ingest.Link) error {
	return tx.exec(ctx, `UPDATE submissions SET request_id = $1, link = $2 WHERE id = $3`, requestID, string(link), id)
}

// endedRequest is a request that was merged, with the submission that opened it last.
type endedRequest struct {
	requestKey
	opening string
}

// endedQuery finds the requests that were merged, the last one first, each with the
// submission that opened it: the event of its end names it. The events of the other side
// of a merge name none.
const endedQuery = `SELECT q.id, q.reference, e.submission_id FROM requests q JOIN events e ON e.seq =
		(SELECT max(l.seq) FROM events l WHERE l.request_id = q.id AND l.kind = '` + eventMerged + `' AND l.submission_id IS NOT NULL)
	WHERE q.merged_into `

// mergedInto returns the requests that were merged into one, the last one first.
func mergedInto(ctx context.Context, tx *tx, requestID int64) ([]endedRequest, error) {
	var out []endedRequest
	err := tx.rows(ctx, endedQuery+`= $1 ORDER BY e.seq DESC`, []any{requestID}, func(r rowScanner) error {
		var e endedRequest
		err := r.Scan(&e.id, &e.reference, &e.opening)
		out = append(out, e)
		return err
	})
	return out, err
}

// repoint lets the references of merged requests follow the submissions that opened them.
func repoint(ctx context.Context, tx *tx, from, to int64, moved []piece) error {
	ended, err := mergedInto(ctx, tx, from)
	if err != nil {
		return err
	}
	ids := idSet(moved)
	for _, e := range ended {
		if !ids[e.opening] {
			continue
		}
		if err := tx.exec(ctx, `UPDATE requests SET merged_into = $1 WHERE id = $2`, to, e.id); err != nil {
			return err
		}
	}
	return nil
}

// kindApart is the kind of a row of suggestions that stands for none: a person has decided
// that the two are different matters. Filing adds no suggestion where there is a row.
const kindApart = "apart"

// keepApart forgets the suggestions between two requests, and those that were merged into
// them, for good.
func keepApart(ctx context.Context, tx *tx, a, b int64, why string) error {
	for _, pair := range [][2]int64{{a, b}, {b, a}} {
		if err := tx.exec(ctx, `UPDATE suggestions SET kind = '`+kindApart+`', score = 0, why = $1
			WHERE request_id IN (SELECT id FROM requests WHERE id = $2 OR merged_into = $2)
			AND other_id IN (SELECT id FROM requests WHERE id = $3 OR merged_into = $3)`, why, pair[0], pair[1]); err != nil {
			return err
		}
		if err := tx.exec(ctx, `INSERT INTO suggestions (request_id, other_id, score, why, kind) VALUES ($1, $2, 0, $3, '`+kindApart+`')
			ON CONFLICT (request_id, other_id) DO NOTHING`, pair[0], pair[1], why); err != nil {
			return err
		}
	}
	return nil
}
