package store

import (
	"context"
	"strings"

	"saisine.fr/saisine/ingest"
)

// eventReceiptAsked says that a citizen wanted the receipt of what they said by mail. It is
// stored, so it never changes.
const eventReceiptAsked = "mail.counter_receipt"

// MailCounterReceipt has the receipt of a filed submission sent to an address, once: asking
// again changes nothing. It errors with ErrRefused while the submission is not filed, and where
// nothing can be written to the address; with ingest.ErrNotFound when there is no such
// submission. Whether the actor sees it is for the caller to know.
func (s *Store) MailCounterReceipt(ctx context.Context, submission, to, actor string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, submission)
		if err != nil {
			return err
		}
		if row.reference == "" {
			return refused("submission %s is in no request yet; try again in a moment", submission)
		}
		q, err := liveRequest(ctx, tx, row.reference)
		if err != nil {
			return err
		}
		if c := s.opts.Correspondence; c != nil {
			if why := c.Unreachable(to); why != "" {
				return refused("no mail can be sent: %s", why)
			}
		}
		id, err := s.compose(ctx, tx, ingest.MailDraft{
			Kind: ingest.MailCounterReceipt, To: to, Key: "counter_receipt/" + submission + "/" + strings.ToLower(to),
		}, submission, q.id)
		if err != nil || id == "" {
			return err
		}
		return s.event(ctx, tx, eventReceiptAsked, actor, submission, q.id, map[string]any{"mail": id, "kind": ingest.MailCounterReceipt})
	})
}

// CounterReceiptMailed reports whether the receipt of a submission was to be sent to an
// address, whatever has become of it.
func (s *Store) CounterReceiptMailed(ctx context.Context, submission, to string) (bool, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM mails WHERE once = $1 AND once <> ''`, "counter_receipt/"+submission+"/"+strings.ToLower(to)).Scan(&n)
	return n > 0, unavailable(err)
}
