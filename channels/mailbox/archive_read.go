package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest"
)

// reading is a folder of an Archive on its way. It outlives a broken connection.
type reading struct {
	*Archive
	folder string
	window Window
	taker  Taker
	begun  bool // the folder was opened once

	epoch    uint32
	left     []imap.UID        // not looked at to their end yet, ascending
	gone     map[imap.UID]bool // of left: those that are handed over
	batchMax int               // halved where a batch breaks off
	broken   map[imap.UID]int  // how often a mail broke off alone
	tooBig   map[imap.UID]int64
}

// lostAfter is how often a mail is asked for alone before it is given up.
const lostAfter = 3

// attempt reads on until the folder is at its end, or something breaks.
func (r *reading) attempt(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	r.folder = r.configured(r.folder)
	if err := r.s.selectFolder(r.folder, true); err != nil {
		return &stageError{stageFolder, err}
	}
	if !r.begun || r.epoch != r.s.uidValidity {
		if err := r.list(); err != nil {
			return err
		}
	}
	for {
		uids := r.next()
		if len(uids) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.chunk(ctx, uids); err != nil {
			return err
		}
	}
}

// next returns the next mails that are not handed over.
func (r *reading) next() []imap.UID {
	for len(r.left) > 0 && r.gone[r.left[0]] {
		delete(r.gone, r.left[0])
		r.left = r.left[1:]
	}
	chunk := slices.Clone(r.left[:min(listChunk, len(r.left))])
	return slices.DeleteFunc(chunk, func(uid imap.UID) bool { return r.gone[uid] })
}

// list finds out what there is to read.
func (r *reading) list() error {
	criteria := &imap.SearchCriteria{Since: r.window.Since, Before: r.window.Before}
	uids, err := r.s.search(criteria)
	if err != nil {
		return err
	}
	slices.Sort(uids)
	r.left, r.epoch, r.gone = uids, r.s.uidValidity, map[imap.UID]bool{}
	r.broken, r.tooBig = map[imap.UID]int{}, map[imap.UID]int64{}
	if !r.begun {
		r.taker.Expect(len(uids))
	}
	r.begun = true
	r.progress()
	return nil
}

// handed notes that nothing more is to be done about a mail.
func (r *reading) handed(uid imap.UID) { r.gone[uid] = true }

// chunk reads those of some mails that the ledger does not have.
func (r *reading) chunk(ctx context.Context, uids []imap.UID) error {
	keys := make([]string, len(uids))
	for i, uid := range uids {
		keys[i] = sourceKey(r.folder, r.epoch, uid)
	}
	known, err := r.taker.Known(ctx, r.cfg.Name, keys)
	if err != nil {
		return &houseError{err}
	}
	var fresh []imap.UID
	for i, uid := range uids {
		if known[keys[i]] {
			r.handed(uid)
		} else {
			fresh = append(fresh, uid)
		}
	}
	r.taker.Passed(len(uids) - len(fresh))
	if len(fresh) == 0 {
		return nil
	}
	mails, err := r.s.list(fresh)
	if err != nil {
		return err
	}
	if err := r.reconcile(fresh, mails); err != nil {
		return err
	}
	slices.SortFunc(mails, func(a, b mail) int { return cmp.Compare(a.uid, b.uid) })
	if mails, err = r.withoutHeaders(ctx, mails); err != nil {
		return err
	}
	for len(mails) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := r.batch(mails)
		if err := r.bodies(mails[:n]); err != nil {
			return err
		}
		mails = mails[n:]
	}
	return nil
}

// withoutHeaders leaves out the mails over the limit whose headers the ledger has.
func (r *reading) withoutHeaders(ctx context.Context, mails []mail) ([]mail, error) {
	var keys []string
	for _, m := range mails {
		if r.large(m) {
			keys = append(keys, sourceKey(r.folder, r.epoch, m.uid)+headerKey)
		}
	}
	if len(keys) == 0 {
		return mails, nil
	}
	known, err := r.taker.Known(ctx, r.cfg.Name, keys)
	if err != nil {
		return nil, &houseError{err}
	}
	return slices.DeleteFunc(mails, func(m mail) bool {
		if !r.large(m) || !known[sourceKey(r.folder, r.epoch, m.uid)+headerKey] {
			return false
		}
		r.handed(m.uid)
		r.taker.Passed(1)
		return true
	}), nil
}

// batch is how many of the mails make up the next bulk FETCH; those over the limit, and those
// that broke off before, are fetched alone.
func (r *reading) batch(mails []mail) int {
	var bytes int64
	for i, m := range mails {
		bytes += m.size
		alone := r.large(m) || r.broken[m.uid] > 0
		if i > 0 && (alone || i >= r.batchMax || bytes > r.opts.BatchBytes) {
			return i
		}
		if alone {
			return 1
		}
	}
	return len(mails)
}

func (r *reading) large(m mail) bool {
	return r.opts.MaxMessage > 0 && max(m.size, r.tooBig[m.uid]) > r.opts.MaxMessage
}

// bodies fetches a batch and hands it over.
func (r *reading) bodies(mails []mail) error {
	large := len(mails) == 1 && r.large(mails[0])
	var got []body
	var err error
	if large {
		got, err = r.s.header(mails[0], r.opts.Spool)
	} else {
		got, err = r.s.bodies(mails, r.opts.Spool, r.opts.MaxMessage)
	}
	if err != nil {
		return r.failed(mails, err)
	}
	r.progress()
	r.batchMax = min(2*r.batchMax, r.opts.BatchCount)
	received := make([]mail, 0, len(got))
	for i, b := range got {
		received = append(received, b.mail)
		sub := r.submission(b)
		if large {
			b.size = max(b.size, r.tooBig[b.uid])
			sub = oversized(sub, b.size, r.opts.MaxMessage, whereIn(r.folder, r.cfg.Name))
		}
		if err := r.taker.Take(r.source(b.uid), sub); err != nil {
			closeBlobs(got[i+1:])
			return &houseError{err}
		}
		r.handed(b.uid)
	}
	return r.reconcile(uidsOf(mails), received)
}

func (r *reading) submission(b body) ingest.Submission {
	return mailSubmission(r.cfg.Name, r.folder, r.epoch, b, r.opts.Now())
}

// source names a mail for people.
func (r *reading) source(uid imap.UID) string {
	return fmt.Sprintf("%s/%s;UID=%d", r.cfg.Name, r.folder, uid)
}

// failed notes a fetch that broke off: next time fewer mails are asked for at once, and one
// that breaks off alone time and again is given up.
func (r *reading) failed(mails []mail, err error) error {
	var spool *spoolError
	var big *tooBigError
	switch {
	case errors.As(err, &spool):
		return &houseError{err}
	case errors.As(err, &big):
		r.tooBig[big.uid] = big.size
		r.progress()
		return err
	case temporary(err):
		return err
	case len(mails) > 1:
		r.batchMax = max(1, len(mails)/2)
		return err
	}
	if lost := r.lost(mails[0].uid, err); lost != nil {
		return lost
	}
	return err
}

// lost counts a mail that did not come. An error ends the import.
func (r *reading) lost(uid imap.UID, err error) error {
	if r.broken[uid]++; r.broken[uid] < lostAfter {
		return nil
	}
	r.handed(uid)
	r.progress()
	if err := r.taker.Lost(r.source(uid), fmt.Errorf("the server does not deliver it: %w", err)); err != nil {
		return &houseError{err}
	}
	return nil
}

var errNotDelivered = errors.New("mailbox: the server lists a mail and does not send it")

// reconcile sees to mails that were asked for and did not come: somebody has removed them, or
// they are asked for again, alone.
func (r *reading) reconcile(asked []imap.UID, received []mail) error {
	missing := slices.DeleteFunc(slices.Clone(asked), func(uid imap.UID) bool {
		return slices.ContainsFunc(received, func(m mail) bool { return m.uid == uid })
	})
	if len(missing) == 0 {
		return nil
	}
	there, err := r.s.existing(missing)
	if err != nil {
		return err
	}
	for _, uid := range missing {
		if !slices.Contains(there, uid) {
			r.handed(uid)
			continue
		}
		if err := r.lost(uid, errNotDelivered); err != nil {
			return err
		}
	}
	return nil
}
