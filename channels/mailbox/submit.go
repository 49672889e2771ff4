package mailbox

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// item is a mail on its way into the ledger.
type item struct {
	mail
	sub  ingest.Submission
	dest destination
}

// flight is a batch of Submits under way. The slices are written by its goroutines
// and may be read once done is closed.
type flight struct {
	items    []item
	receipts []ingest.Receipt
	errs     []error
	done     chan struct{}
}

// launch hands the items to the sink, many at once so that they share a commit, and
// returns before that is done; land waits for it. What was read is submitted even
// when the context ends meanwhile: the store outlives the channels.
func (p *pass) launch(ctx context.Context, items []item) {
	if len(items) == 0 {
		return
	}
	crashpoint.Hit("mailbox.fetched")
	f := &flight{
		items: items, receipts: make([]ingest.Receipt, len(items)), errs: make([]error, len(items)),
		done: make(chan struct{}),
	}
	ctx = context.WithoutCancel(ctx)
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(p.opts.Parallel, len(items)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(items) {
					return
				}
				f.receipts[i], f.errs[i] = p.sink.Submit(ctx, items[i].sub)
			}
		})
	}
	go func() {
		wg.Wait()
		close(f.done)
	}()
	p.flight = f
}

// submission is a mail as the ledger is to hold it.
func (p *pass) submission(b body) item {
	epoch := fmt.Sprintf("%s|%d", p.cfg.Folder, p.mem.uidValidity)
	return item{mail: b.mail, sub: ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: p.cfg.Name,
		SourceKey: fmt.Sprintf("%s|%d", epoch, b.uid), Epoch: epoch,
		ReceivedAt: receivedAt(b.date, p.opts.Now()),
		Original:   b.blob, MediaType: ingest.MediaMail,
		Hints: ingest.Hints{Folder: p.cfg.Folder},
	}}
}

// tooLarge files a mail over the limit as failed, with its header for an original.
func (p *pass) tooLarge(b body) item {
	it := p.submission(b)
	it.dest = toFailed
	// A key of its own: should the limit be raised before the mail was moved, the
	// whole mail must not pass for a replay of its header.
	it.sub.SourceKey += "|header"
	it.sub.Settled, it.sub.Hints.Partial = ingest.StateFailed, true
	it.sub.Reason = fmt.Sprintf("Courriel trop volumineux\u00a0: %s, pour une limite de %s. Seul son en-tête a été conservé\u00a0; %s",
		mebibytes(b.size), mebibytes(p.opts.MaxMessage), p.whereabouts())
	return it
}

// undeliverable files a mail that the server cannot deliver as failed. The note that
// stands for its bytes names the mail, so that no two notes are alike.
func (p *pass) undeliverable(uid imap.UID) item {
	reason := "Le serveur de messagerie n’a pas pu délivrer ce courriel\u00a0; " + p.whereabouts()
	note := fmt.Sprintf("%s\n\nBoîte\u00a0: %s\nDossier d’origine\u00a0: %s\nUIDVALIDITY\u00a0: %d\nUID\u00a0: %d\n",
		reason, p.cfg.Name, p.cfg.Folder, p.mem.uidValidity, uid)
	it := p.submission(body{mail: mail{uid: uid}, blob: ingest.NewBlob([]byte(note))})
	it.dest = toFailed
	// A key of its own: should the mail be delivered after all, it must not pass for a
	// replay of the note.
	it.sub.SourceKey += "|note"
	it.sub.MediaType = ingest.MediaAbsent
	it.sub.Settled, it.sub.Reason, it.sub.Hints.Partial = ingest.StateFailed, reason, true
	return it
}

// whereabouts tells a clerk where a mail lies that is not in the ledger in full.
func (p *pass) whereabouts() string {
	folder := p.cfg.FailedFolder
	if p.s.moveMode() == moveByFlag {
		folder = p.cfg.Folder
	}
	return fmt.Sprintf("il se trouve dans le dossier «\u00a0%s\u00a0» de la boîte «\u00a0%s\u00a0», où un agent doit le lire.", folder, p.cfg.Name)
}

// receivedAt is INTERNALDATE unless the server gave none or one that has not been
// yet, which would set every deadline wrong.
func receivedAt(internal, now time.Time) time.Time {
	if internal.IsZero() || internal.After(now) {
		return now
	}
	return internal
}

// mebibytes writes a size as French readers expect it.
func mebibytes(n int64) string {
	// Rounded up, so that a mail just over the limit is not shown as the limit.
	tenths := (n*10 + 1<<20 - 1) >> 20
	s := fmt.Sprintf("%d,%d", tenths/10, tenths%10)
	return strings.TrimSuffix(s, ",0") + "\u00a0Mio"
}
