package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

const (
	// listChunk is how many mails are listed with one command: a set of scattered UIDs
	// must fit into a line of 8,192 bytes, which servers are asked to take (RFC 7162 §4).
	listChunk = 700
	// moveChunk is how many are moved with one command, about which a slow server may
	// say nothing until it is done.
	moveChunk = 200
)

// houseError means that this house could not take mails in; no mail is to blame.
type houseError struct{ err error }

func (e *houseError) Error() string { return e.err.Error() }
func (e *houseError) Unwrap() error { return e.err }

func houseFault(err error) bool {
	var house *houseError
	return errors.As(err, &house)
}

// pass is one look at the folder.
type pass struct {
	*Adapter
	s        *session
	sink     ingest.Sink
	flight   *flight
	narrowed bool
	// soft is the first fault that did not end the pass.
	soft error
}

// look takes in everything that is in the selected folder. narrowed is true when a
// fetch failed and something was learnt of which mail is to blame. The error is what
// ended the look, or nil; lesser faults are reported to Health.
func (a *Adapter) look(ctx context.Context, s *session, sink ingest.Sink) (narrowed bool, err error) {
	a.opts.Health.Alarm("secret", secretAlarm(a.cfg, a.opts.Now()))
	present, err := s.search(&imap.SearchCriteria{})
	if err != nil {
		return false, err
	}
	slices.Sort(present)
	a.mem.keep(present)
	p := &pass{Adapter: a, s: s, sink: sink}
	err = p.takeAll(ctx, present)
	err = errors.Join(err, p.land(ctx))
	p.reportSuspects()
	if err != nil {
		return p.narrowed, err
	}
	if p.soft != nil {
		a.opts.Health.Bad(p.soft)
	} else {
		a.opts.Health.Good(a.opts.Now())
	}
	return p.narrowed, nil
}

// takeAll: first what failed to leave the folder last time, then the new mails, then
// those that caused trouble, so that these never hold up the others.
func (p *pass) takeAll(ctx context.Context, present []imap.UID) error {
	for _, dest := range []destination{toDone, toFailed} {
		for uids := range slices.Chunk(p.mem.unmoved(dest), moveChunk) {
			if err := p.move(ctx, uids, dest); err != nil {
				return err
			}
		}
	}
	for uids := range slices.Chunk(p.mem.fresh(present), listChunk) {
		if err := p.take(ctx, uids); err != nil {
			return err
		}
	}
	due := p.mem.takeDue(p.opts.Now())
	for i, uids := range due {
		if err := p.take(ctx, uids); err != nil {
			p.mem.restore(due[i+1:])
			return err
		}
	}
	for _, uid := range p.mem.hopeless() {
		if err := p.quarantine(ctx, uid); err != nil {
			return err
		}
	}
	return nil
}

// take lists mails and reads them in batches.
func (p *pass) take(ctx context.Context, uids []imap.UID) error {
	mails, err := p.s.list(uids)
	if err != nil {
		return p.fetchFailed(ctx, uids, err)
	}
	if err := p.reconcile(ctx, uids, mails); err != nil {
		return err
	}
	var whole, large []mail
	for _, m := range mails {
		size := max(m.size, p.mem.tooBig[m.uid])
		switch {
		case m.done:
			p.mem.settle(m.uid, place{stays: true})
		case p.opts.MaxMessage > 0 && size > p.opts.MaxMessage:
			m.size = size
			large = append(large, m)
		default:
			whole = append(whole, m)
		}
	}
	for len(whole) > 0 {
		if err := ctx.Err(); err != nil {
			return err // what is in flight is still landed
		}
		n := p.batch(whole)
		if err := p.takeBatch(ctx, whole[:n]); err != nil {
			return err
		}
		whole = whole[n:]
	}
	for _, m := range large {
		if err := p.takeLarge(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// batch returns how many of the mails make up the next bulk FETCH, at least one.
func (p *pass) batch(mails []mail) int {
	var bytes int64
	for i, m := range mails {
		bytes += m.size
		if i == p.opts.BatchCount || (i > 0 && bytes > p.opts.BatchBytes) {
			return i
		}
	}
	return len(mails)
}

func (p *pass) takeBatch(ctx context.Context, mails []mail) error {
	got, err := p.s.bodies(mails, p.opts.Spool, p.opts.MaxMessage)
	if err != nil {
		return errors.Join(p.fetchFailed(ctx, uidsOf(mails), err), p.land(ctx))
	}
	if err := p.land(ctx); err != nil {
		closeBlobs(got)
		return err
	}
	received := make([]mail, 0, len(got))
	items := make([]item, 0, len(got))
	for _, b := range got {
		received = append(received, b.mail)
		items = append(items, p.submission(b))
	}
	p.launch(ctx, items)
	return p.reconcile(ctx, uidsOf(mails), received)
}

// takeLarge takes in the header of a mail over the limit.
func (p *pass) takeLarge(ctx context.Context, m mail) error {
	got, err := p.s.header(m, p.opts.Spool)
	if err != nil {
		return errors.Join(p.fetchFailed(ctx, []imap.UID{m.uid}, err), p.land(ctx))
	}
	if err := p.land(ctx); err != nil {
		closeBlobs(got)
		return err
	}
	if len(got) == 0 {
		return p.reconcile(ctx, []imap.UID{m.uid}, nil)
	}
	p.launch(ctx, []item{p.tooLarge(got[0])})
	return nil
}

// quarantine files a mail that the server cannot deliver as failed, with a note in
// place of its bytes, and has the server move it, which needs no reading of it.
func (p *pass) quarantine(ctx context.Context, uid imap.UID) error {
	if err := p.land(ctx); err != nil {
		return err
	}
	p.log.ErrorContext(ctx, "the server cannot deliver a mail; it is set apart",
		"folder", p.cfg.Folder, "uid", uint32(uid), "to", p.cfg.FailedFolder)
	p.launch(ctx, []item{p.undeliverable(uid)})
	if err := p.land(ctx); err != nil {
		return err
	}
	if _, ok := p.mem.settled[uid]; !ok {
		return nil // not in the ledger: tried again at the next look
	}
	p.mem.quarantined++
	p.opts.Health.Alarm("quarantine", fmt.Sprintf(
		"%d mails of mailbox %q could not be fetched since saisine started and were set apart in %q (the last had UID %d): read them there with a mail program",
		p.mem.quarantined, p.cfg.Name, p.cfg.FailedFolder, uid))
	return nil
}

// fetchFailed notes a failed fetch. It returns nil when the pass can go on.
func (p *pass) fetchFailed(ctx context.Context, uids []imap.UID, err error) error {
	var (
		spool *spoolError
		big   *tooBigError
	)
	switch {
	case errors.As(err, &spool):
		return &houseError{err}
	case errors.As(err, &big):
		p.mem.tooBig[big.uid] = big.size
		p.narrowed = true
		return err
	case temporary(err) || ctx.Err() != nil:
		return err
	}
	p.mem.failed(uids, p.s.dead(err), p.opts.Now(), p.opts.RetryPause)
	p.narrowed = true
	p.log.WarnContext(ctx, "fetching mails failed; they are tried in smaller sets",
		"count", len(uids), "first_uid", uint32(uids[0]), "error", err)
	if p.s.dead(err) {
		return err
	}
	return nil
}

// reconcile finds the mails that were asked for and not delivered although the
// command succeeded: someone removed them, or they are suspects.
func (p *pass) reconcile(ctx context.Context, asked []imap.UID, received []mail) error {
	if len(received) == len(asked) {
		return nil
	}
	got := make(map[imap.UID]bool, len(received))
	for _, m := range received {
		got[m.uid] = true
	}
	missing := slices.DeleteFunc(slices.Clone(asked), func(uid imap.UID) bool { return got[uid] })
	if len(missing) == 0 {
		return nil
	}
	lost, err := p.s.existing(missing)
	if err != nil {
		return err
	}
	for _, uid := range lost {
		p.mem.failed([]imap.UID{uid}, false, p.opts.Now(), p.opts.RetryPause)
		p.log.WarnContext(ctx, "the server did not deliver a mail that it lists", "folder", p.cfg.Folder, "uid", uint32(uid))
	}
	return nil
}

// reportSuspects raises or clears the alarm about mails that are being tried again.
func (p *pass) reportSuspects() {
	text := ""
	if n := len(p.mem.suspects); n > 0 {
		text = fmt.Sprintf("%d mails in folder %q of mailbox %q could not be fetched yet and are tried again", n, p.cfg.Folder, p.cfg.Name)
	}
	p.opts.Health.Alarm("suspects", text)
}

// land waits until the mails in flight are in the ledger and moves those that are.
func (p *pass) land(ctx context.Context) error {
	f := p.flight
	if f == nil {
		return nil
	}
	p.flight = nil
	<-f.done
	var moves [2][]imap.UID
	var fault error
	for i, it := range f.items {
		_ = it.sub.Original.Close()
		if err := f.errs[i]; err != nil {
			if errors.Is(err, ingest.ErrUnavailable) {
				fault = &houseError{err}
			} else {
				p.fault(fmt.Errorf("mailbox: submit mail %d of folder %q: %w", it.uid, p.cfg.Folder, err))
			}
			continue
		}
		// A mail that the ledger knew and that is marked as deleted was copied before
		// the process was killed, or a person deletes it: either way no second copy.
		p.mem.settle(it.uid, place{dest: it.dest, copied: it.deleted && f.receipts[i].Replayed})
		moves[it.dest] = append(moves[it.dest], it.uid)
	}
	if len(moves[toDone])+len(moves[toFailed]) > 0 {
		crashpoint.Hit("mailbox.submitted")
	}
	if p.s.dead(nil) {
		return fault // moved at the next look
	}
	for dest, uids := range moves {
		if err := p.move(ctx, uids, destination(dest)); err != nil {
			return errors.Join(fault, err)
		}
	}
	return fault
}

// move takes mails that are in the ledger out of the folder. A server that refuses
// is asked again at the next look; nothing is submitted for that.
func (p *pass) move(ctx context.Context, uids []imap.UID, dest destination) error {
	folder := p.cfg.DoneFolder
	if dest == toFailed {
		folder = p.cfg.FailedFolder
	}
	if err := ingest.Held(ctx); err != nil {
		return &houseError{err} // another node has them in the ledger, and moves them
	}
	didCopy, err := p.s.move(uids, p.mem.copied(uids), folder)
	if err != nil && !p.s.dead(err) && !didCopy {
		// Somebody may have removed the folder since the connection was made.
		made, e := p.s.ensureFolder(folder)
		switch {
		case e != nil:
			err = errors.Join(err, e)
		case made:
			p.log.WarnContext(ctx, "a folder that mails are moved to was gone; it is made again", "folder", folder)
			didCopy, err = p.s.move(uids, p.mem.copied(uids), folder)
		}
	}
	if half := len(uids) / 2; half > 0 && !didCopy && overQuota(err) {
		// A copy takes room until its mail is gone: there may be enough for fewer at a time.
		if err := p.move(ctx, uids[:half], dest); err != nil || p.soft != nil {
			return err
		}
		return p.move(ctx, uids[half:], dest)
	}
	stays := err == nil && p.s.moveMode() == moveByFlag
	for _, uid := range uids {
		at := p.mem.settled[uid]
		at.copied = at.copied || didCopy
		at.stays = stays
		p.mem.settled[uid] = at
	}
	if err == nil || p.s.dead(err) {
		return err
	}
	p.log.WarnContext(ctx, "mails are in the ledger and cannot be moved; moving is tried again", "count", len(uids), "to", folder, "error", err)
	p.fault(err)
	return nil
}

func (p *pass) fault(err error) {
	if p.soft == nil {
		p.soft = err
	}
}

func uidsOf(mails []mail) []imap.UID {
	uids := make([]imap.UID, len(mails))
	for i, m := range mails {
		uids[i] = m.uid
	}
	return uids
}
