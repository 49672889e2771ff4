package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Archive reads folders of an account as they are, for an import of what lies there for years:
// each folder is opened read-only (EXAMINE), no flag is set and nothing is moved. Its mails
// have the source keys that the Adapter gives them, so that what the one has taken in the
// other knows. A connection that breaks is made again. It is used by one goroutine.
type Archive struct {
	cfg    config.Mailbox
	opts   Options
	tokens *tokens
	s      *session
	stop   func() bool
	pauses time.Duration // the last pause, 0 after progress
	tries  int           // in vain, in a row
}

// Taker is who takes what an Archive reads.
type Taker interface {
	// Known returns those of the source keys of an account that the ledger has.
	Known(ctx context.Context, account string, keys []string) (map[string]bool, error)
	// Expect is told how many mails of a folder are looked at.
	Expect(n int)
	// Passed is told of mails that need not be read: the ledger has them.
	Passed(n int)
	// Take takes a mail, and its Original with it. source names it for people.
	Take(source string, sub ingest.Submission) error
	// Lost is told of a mail that the server does not deliver.
	Lost(source string, err error) error
}

// Window bounds the mails of a folder by the day on which the server got them (INTERNALDATE,
// without regard to its zone: RFC 9051 §6.4.4). Since is included, Before is not; zero: no bound.
type Window struct{ Since, Before time.Time }

// NewArchive returns the archive of an account. It touches no network. The secrets of cfg
// must have been read, as for New.
func NewArchive(cfg config.Mailbox, opts Options) *Archive {
	opts = opts.withDefaults()
	return &Archive{cfg: cfg, opts: opts, tokens: newTokens(cfg.OAuth2, opts.Now)}
}

// Close ends the connection.
func (a *Archive) Close() {
	if a.s == nil {
		return
	}
	a.stop()
	if a.s.dead(nil) {
		a.s.close()
	} else {
		a.s.logout()
	}
	a.s = nil
}

// open makes the connection when there is none. The context's end closes it.
func (a *Archive) open(ctx context.Context) error {
	if a.s != nil && !a.s.dead(nil) {
		return nil
	}
	a.drop()
	s, err := connect(ctx, a.cfg, a.opts, a.tokens)
	if err != nil {
		return err
	}
	a.s = s
	a.stop = context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	return nil
}

func (a *Archive) drop() {
	if a.s != nil {
		a.stop()
		a.s.close()
		a.s = nil
	}
}

// notMail are the folders that hold no mail that came in, or that hold it twice (RFC 6154).
var notMail = []imap.MailboxAttr{
	imap.MailboxAttrNoSelect, imap.MailboxAttrNonExistent, imap.MailboxAttrJunk, imap.MailboxAttrTrash,
	imap.MailboxAttrDrafts, imap.MailboxAttrSent, imap.MailboxAttrAll, imap.MailboxAttrFlagged,
}

// Folders lists the account's folders but junk, trash, drafts and sent mail, as far as the
// server says which these are. The Adapter's own folder has its configured name.
func (a *Archive) Folders(ctx context.Context) ([]string, error) {
	if err := a.open(ctx); err != nil {
		return nil, a.advised(err)
	}
	var names []string
	err := a.s.do(commandBudget, func() error {
		list, err := a.s.client.List("", "*", nil).Collect()
		if err != nil {
			return fmt.Errorf("mailbox: list folders: %w", err)
		}
		for _, f := range list {
			if !slices.ContainsFunc(f.Attrs, func(at imap.MailboxAttr) bool { return slices.Contains(notMail, at) }) {
				names = append(names, a.configured(f.Mailbox))
			}
		}
		return nil
	})
	return names, err
}

// configured is a folder as the configuration spells it, so that its mails have the keys that
// the Adapter gives them.
func (a *Archive) configured(folder string) string {
	for _, own := range []string{a.cfg.Folder, a.cfg.DoneFolder, a.cfg.FailedFolder} {
		if a.s.names.resolve(own) == a.s.names.resolve(folder) {
			return own
		}
	}
	return folder
}

func (a *Archive) advised(err error) error {
	if todo := advice(a.cfg, err); todo != "" {
		return fmt.Errorf("mailbox %q: %w; %s", a.cfg.Name, err, todo)
	}
	return fmt.Errorf("mailbox %q: %w", a.cfg.Name, err)
}

// triesMax is how often in a row an Archive tries in vain: with the default pauses, for eight
// minutes.
const triesMax = 12

// Read hands the mails of a folder to t, in the order in which they came, but those that the
// ledger has. It returns when all of them were handed over, with t's error, or when the
// server cannot be reached for long.
func (a *Archive) Read(ctx context.Context, folder string, w Window, t Taker) error {
	r := &reading{Archive: a, folder: folder, window: w, taker: t, batchMax: a.opts.BatchCount}
	for {
		err := r.attempt(ctx)
		var house *houseError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &house):
			return house.err
		case !r.begun && !passing(err):
			return a.advised(err)
		}
		if a.tries++; a.tries > triesMax {
			return fmt.Errorf("mailbox %q: given up after %d tries: %w", a.cfg.Name, triesMax, err)
		}
		a.opts.Log.WarnContext(ctx, "reading a folder was broken off; it goes on", "mailbox", a.cfg.Name, "folder", folder, "error", err)
		a.drop()
		if err := a.pause(ctx); err != nil {
			return err
		}
	}
}

// passing reports whether a failure before anything was read may go by itself: a server that
// is not to be reached is more likely a wrong name.
func passing(err error) bool { return temporary(err) }

func (a *Archive) pause(ctx context.Context) error {
	a.pauses = min(max(2*a.pauses, a.opts.BackoffMin), a.opts.BackoffMax)
	timer := time.NewTimer(a.pauses)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress notes that the server delivers.
func (a *Archive) progress() { a.pauses, a.tries = 0, 0 }
