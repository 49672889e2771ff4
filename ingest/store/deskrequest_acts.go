package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Kinds of events of the desk. They are stored, so they never change.
const (
	eventCorrected = "request.corrected"
	eventComment   = "request.comment"
	eventApart     = "request.apart"
)

// Acting is the store for what one agent does: each act looks in its own transaction whether
// the agent sees all that it touches, and is ingest.ErrNotFound where not. The agent is the
// actor of its events. It is safe for concurrent use.
type Acting struct {
	s *Store
	v ingest.Viewer
}

// By returns the store for what v does.
func (s *Store) By(v ingest.Viewer) Acting { return Acting{s, v} }

func (a Acting) on(ctx context.Context, f work) error { return a.s.doNow(ctx, f) }

// seeing does an act when the agent sees these requests.
func (a Acting) seeing(ctx context.Context, act work, references ...string) error {
	return a.on(ctx, func(ctx context.Context, tx *tx) error {
		for _, reference := range references {
			if _, err := a.s.visible(ctx, tx, a.v, reference); err != nil {
				return err
			}
		}
		return act(ctx, tx)
	})
}

// SetCategory is Store.Categorize.
func (a Acting) SetCategory(ctx context.Context, reference, category, service string) error {
	return a.seeing(ctx, a.s.categorize(reference, category, service, a.v.Actor()), reference)
}

// Reviewed confirms a request as it stands, with its category. It is ErrRefused for one that
// has none.
func (a Acting) Reviewed(ctx context.Context, reference string) error {
	return a.seeing(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var category, service string
		if err := tx.row(ctx, `SELECT category, service FROM requests WHERE id = $1`, q.id).Scan(&category, &service); err != nil {
			return err
		}
		if category == "" {
			return refused("%s has no category yet; choose one", q.reference)
		}
		return a.s.categorize(q.reference, category, service, a.v.Actor())(ctx, tx)
	}, reference)
}

// SetStatus is Store.SetStatus.
func (a Acting) SetStatus(ctx context.Context, reference string, status ingest.Status, note string) error {
	return a.seeing(ctx, a.s.moveTo(reference, status, note, a.v.Actor()), reference)
}

// Correct changes what a request says of who wrote, about what, and where; the submissions
// stay as they came. Nothing to change is no event.
func (a Acting) Correct(ctx context.Context, reference string, after ingest.Correction) error {
	return a.seeing(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var before ingest.Correction
		if err := tx.row(ctx, `SELECT subject, sender_name, sender_email, sender_phone, sender_address, place FROM requests WHERE id = $1`, q.id).
			Scan(&before.Subject, &before.Sender.Name, &before.Sender.Email, &before.Sender.Phone, &before.Sender.Address, &before.Place); err != nil || before == after {
			return err
		}
		p := after.Sender
		if err := tx.exec(ctx, `UPDATE requests SET subject = $1, sender_name = $2, sender_email = $3, sender_phone = $4, sender_address = $5, place = $6 WHERE id = $7`,
			after.Subject, p.Name, strings.ToLower(p.Email), p.Phone, p.Address, after.Place, q.id); err != nil {
			return err
		}
		return a.s.event(ctx, tx, eventCorrected, a.v.Actor(), "", q.id, map[string]any{"before": before, "after": after})
	}, reference)
}

// Comment writes into the history what the citizen does not see. Saying the same twice in a
// row is saying it once: a form can be sent twice.
func (a Acting) Comment(ctx context.Context, reference, text string) error {
	if text = strings.TrimSpace(text); text == "" {
		return refused("a comment needs words")
	}
	return a.seeing(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var said int
		if err := tx.row(ctx, `SELECT count(*) FROM events WHERE seq = (SELECT max(seq) FROM events WHERE request_id = $1)
			AND kind = $2 AND actor = $3 AND json_extract(detail, '$.text') = $4`, q.id, eventComment, a.v.Actor(), text).Scan(&said); err != nil || said > 0 {
			return err
		}
		return a.s.event(ctx, tx, eventComment, a.v.Actor(), "", q.id, map[string]any{"text": text})
	}, reference)
}

// Link is Store.Link.
func (a Acting) Link(ctx context.Context, submission, reference string, link ingest.Link) error {
	return a.withPiece(ctx, submission, a.s.link(submission, reference, link, a.v.Actor()), reference)
}

// withPiece is seeing for an act on a submission too.
func (a Acting) withPiece(ctx context.Context, submission string, act work, references ...string) error {
	return a.seeing(ctx, func(ctx context.Context, tx *tx) error {
		if err := visibleSubmission(ctx, tx, a.v, submission); err != nil {
			return err
		}
		return act(ctx, tx)
	}, references...)
}

// Unlink is Store.Unlink. The reference is "" when the agent does not see that request.
func (a Acting) Unlink(ctx context.Context, submission string) (string, error) {
	var reference string
	if err := a.withPiece(ctx, submission, a.s.unlink(submission, a.v.Actor(), &reference)); err != nil {
		return "", err
	}
	return a.seen(ctx, reference)
}

// seen returns a reference, or "" when the agent does not see its request.
func (a Acting) seen(ctx context.Context, reference string) (string, error) {
	reference, err := a.s.Visible(ctx, a.v, reference)
	if errors.Is(err, ingest.ErrNotFound) {
		return "", nil
	}
	return reference, err
}

// Merge is Store.Merge.
func (a Acting) Merge(ctx context.Context, from, into string) error {
	return a.seeing(ctx, a.s.merge(from, into, a.v.Actor()), from, into)
}

// Split is Store.Split. The reference is "" when the agent does not see that request.
func (a Acting) Split(ctx context.Context, reference string, submissions []string) (string, error) {
	var taken string
	// That they are in the request is looked at by the act.
	if err := a.seeing(ctx, a.s.split(reference, submissions, a.v.Actor(), &taken), reference); err != nil {
		return "", err
	}
	return a.seen(ctx, taken)
}

// Apart records that two requests are different matters: they are not suggested to each other
// any more. It is ErrRefused for a request and itself.
func (a Acting) Apart(ctx context.Context, one, other string) error {
	return a.seeing(ctx, func(ctx context.Context, tx *tx) error {
		x, err := liveRequest(ctx, tx, one)
		if err != nil {
			return err
		}
		y, err := liveRequest(ctx, tx, other)
		if err != nil {
			return err
		}
		if x.id == y.id {
			return refused("%s and %s are one request", one, other)
		}
		var open int
		if err := tx.row(ctx, `SELECT count(*) FROM suggestions WHERE kind = '`+kindApart+`'
			AND (request_id = $1 AND other_id = $2 OR request_id = $2 AND other_id = $1)`, x.id, y.id).Scan(&open); err != nil || open == 2 {
			return err // said before
		}
		if err := keepApart(ctx, tx, x.id, y.id, "distinguées par "+a.v.Actor()); err != nil {
			return err
		}
		for _, q := range []requestKey{x, y} {
			if err := a.s.event(ctx, tx, eventApart, a.v.Actor(), "", q.id, map[string]any{"from": x.reference, "to": y.reference}); err != nil {
				return err
			}
		}
		return nil
	}, one, other)
}

// AskPieces is Store.AskPieces.
func (a Acting) AskPieces(ctx context.Context, reference string, pieces []string, until, note string) error {
	return a.seeing(ctx, a.s.askPieces(reference, pieces, until, note, a.v.Actor()), reference)
}

// PiecesCame is Store.PiecesCame.
func (a Acting) PiecesCame(ctx context.Context, reference string, at time.Time) error {
	return a.seeing(ctx, a.s.piecesCame(reference, at, a.v.Actor()), reference)
}

// Transmit is Store.Transmit.
func (a Acting) Transmit(ctx context.Context, reference, to string, competent time.Time) error {
	return a.seeing(ctx, a.s.transmit(reference, to, competent, a.v.Actor()), reference)
}

// SetProcedure is Store.SetProcedure.
func (a Acting) SetProcedure(ctx context.Context, reference, procedure string) error {
	return a.seeing(ctx, a.s.setProcedure(reference, procedure, a.v.Actor()), reference)
}

// RevokeLinks is Store.RevokeLinks.
func (a Acting) RevokeLinks(ctx context.Context, reference string) error {
	return a.seeing(ctx, a.s.revokeLinks(reference, a.v.Actor()), reference)
}
