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
	return item{mail: b.mail, sub: mailSubmission(p.cfg.Name, p.cfg.Folder, p.mem.uidValidity, b, p.opts.Now())}
}

// mailSubmission is a mail of a folder as the ledger is to hold it.
func mailSubmission(account, folder string, uidValidity uint32, b body, now time.Time) ingest.Submission {
	return ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: account,
		SourceKey: sourceKey(folder, uidValidity, b.uid), Epoch: epochOf(folder, uidValidity),
		ReceivedAt: receivedAt(b.date, now),
		Original:   b.blob, MediaType: ingest.MediaMail,
		Hints: ingest.Hints{Folder: folder},
	}
}

func epochOf(folder string, uidValidity uint32) string {
	return fmt.Sprintf("%s|%d", folder, uidValidity)
}

// sourceKey names a mail for good (RFC 9051 §2.3.1.1).
func sourceKey(folder string, uidValidity uint32, uid imap.UID) string {
	return fmt.Sprintf("%s|%d", epochOf(folder, uidValidity), uid)
}

// headerKey is added to the key of a mail of which only the header was kept: should the limit
// be raised, the whole mail must not pass for a replay of its header.
const headerKey = "|header"

// oversized makes of the submission of a header that of a mail over the limit.
func oversized(sub ingest.Submission, size, limit int64, where string) ingest.Submission {
	sub.SourceKey += headerKey
	sub.Settled, sub.Hints.Partial = ingest.StateFailed, true
	sub.Reason = fmt.Sprintf("Courriel trop volumineux\u00a0: %s, pour une limite de %s. Seul son en-tête a été conservé\u00a0; %s",
		mebibytes(size), mebibytes(limit), where)
	return sub
}

// tooLarge files a mail over the limit as failed, with its header for an original.
func (p *pass) tooLarge(b body) item {
	it := p.submission(b)
	it.dest = toFailed
	it.sub = oversized(it.sub, b.size, p.opts.MaxMessage, p.whereabouts())
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
	return whereIn(folder, p.cfg.Name)
}

func whereIn(folder, account string) string {
	return fmt.Sprintf("il se trouve dans le dossier «\u00a0%s\u00a0» de la boîte «\u00a0%s\u00a0», où un agent doit le lire.", folder, account)
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
