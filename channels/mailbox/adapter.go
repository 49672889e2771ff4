package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// reIdle is the longest that one IDLE lasts. RFC 2177 asks for less than 29 minutes;
// home and office routers forget a silent connection much sooner.
const reIdle = 9 * time.Minute

// Options are what an Adapter needs from the house, and what tests shorten. The zero
// value of each is replaced by the default that its comment names.
type Options struct {
	// Spool keeps the mails that are being read.
	Spool ingest.Spool
	// MaxMessage is the largest mail in bytes; larger ones are filed as failed and
	// moved to the failed folder. 0: no limit.
	MaxMessage int64
	// Log: nothing is logged.
	Log *slog.Logger
	// Health: nothing is reported.
	Health *channels.Health
	// Now: time.Now.
	Now func() time.Time
	// Silence is how long a server may send nothing while a command is outstanding: 60 s.
	Silence time.Duration
	// RetryPause is the pause before a mail that could not be fetched alone is asked
	// for again; the second pause is twice as long: 30 s.
	RetryPause time.Duration
	// BackoffMin and BackoffMax bound the pause after storage was unavailable or a
	// connection broke: 1 s and 1 min.
	BackoffMin, BackoffMax time.Duration
	// Grace is how long a command may still take after the context ended: 10 s.
	Grace time.Duration
	// BatchCount and BatchBytes bound one bulk FETCH: 200 mails and 8 MiB. Two batches
	// are in memory at a time.
	BatchCount int
	BatchBytes int64
	// Parallel is how many Submits run at once: 64.
	Parallel int
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.Silence, time.Minute)
	setDefault(&o.RetryPause, 30*time.Second)
	setDefault(&o.BackoffMin, time.Second)
	setDefault(&o.BackoffMax, time.Minute)
	setDefault(&o.Grace, 10*time.Second)
	setDefault(&o.BatchCount, 200)
	setDefault(&o.BatchBytes, 8<<20)
	setDefault(&o.Parallel, 64)
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Adapter empties the folder of one IMAP account. It implements channels.Adapter.
type Adapter struct {
	cfg     config.Mailbox
	opts    Options
	log     *slog.Logger
	tokens  *tokens
	mem     memory
	backoff time.Duration // the last pause, 0 after a good look
}

var _ channels.Adapter = (*Adapter)(nil)

// New returns the adapter of one account. It touches no network. The secrets of cfg
// must have been read into Password, ClientSecret and RefreshToken.
func New(cfg config.Mailbox, opts Options) *Adapter {
	opts = opts.withDefaults()
	return &Adapter{
		cfg: cfg, opts: opts, log: opts.Log.With("mailbox", cfg.Name),
		tokens: newTokens(cfg.OAuth2, opts.Now),
	}
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return "mailbox/" + a.cfg.Name }

// Run implements channels.Adapter. It returns an error when the server cannot be
// reached, refuses the login or the folders, or breaks off before one look at the
// folder was complete; a connection that breaks later is made again from within.
// What is known of mails that fail is kept from one Run to the next.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	if err := checkFolders(a.cfg); err != nil {
		return &stageError{stageConfig, err}
	}
	for ctx.Err() == nil {
		end, err := a.serve(ctx, sink)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of the context is why the connection failed
		}
		if err == nil {
			continue // a new token wants a new connection
		}
		a.opts.Health.Bad(err)
		if end == endFailed {
			return err
		}
		a.log.WarnContext(ctx, "connection lost, connecting again", "error", err)
		if end == endBroken {
			a.pause(ctx)
		}
	}
	return nil
}

// ending says how a connection ended.
type ending int

const (
	endFailed   ending = iota // before a look was complete
	endBroken                 // after one
	endNarrowed               // over a mail, and what was learnt helps next time
)

// serve opens one connection and works until it ends.
func (a *Adapter) serve(ctx context.Context, sink ingest.Sink) (end ending, err error) {
	a.opts.Health.Alarm("secret", secretAlarm(a.cfg, a.opts.Now()))
	s, err := connect(ctx, a.cfg, a.opts, a.tokens)
	if err != nil {
		return endFailed, err
	}
	// The context's end lets a command finish, but not for ever.
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(a.opts.Grace, func() { _ = s.conn.Close() })
	})
	defer stop()
	orderly := false
	defer func() {
		if orderly {
			s.logout()
		} else {
			s.close()
		}
	}()
	for _, folder := range []string{a.cfg.DoneFolder, a.cfg.FailedFolder} {
		if _, err := s.ensureFolder(folder); err != nil {
			return endFailed, err
		}
	}
	a.log.InfoContext(ctx, "connected", "host", a.cfg.Host)
	reselect := true
	for {
		if reselect {
			if err := a.selectFolder(ctx, s); err != nil {
				return end, &stageError{stageFolder, err}
			}
		}
		narrowed, err := a.look(ctx, s, sink)
		switch {
		case ctx.Err() != nil:
			orderly = !s.dead(nil)
			return end, nil
		case err != nil && s.dead(err) && narrowed:
			return endNarrowed, err
		case err != nil && (houseFault(err) || !s.dead(err)):
			a.opts.Health.Bad(err)
			a.log.WarnContext(ctx, "mails stay in the folder for now", "error", err)
			a.pause(ctx)
			if s.dead(nil) {
				return endNarrowed, err // the pause was made
			}
			reselect = true
			continue
		case err != nil:
			return end, err
		}
		end = endBroken
		a.backoff = 0
		if a.mem.due() {
			reselect = false
			continue
		}
		woken, err := s.wait(ctx, a.mem.nextTry(a.opts.Now(), min(a.cfg.Poll, reIdle)))
		if err != nil {
			return end, err
		}
		if ctx.Err() != nil || a.tokenRenewed(ctx, s) {
			orderly = !s.dead(nil)
			return end, nil
		}
		reselect = !woken
	}
}

func (a *Adapter) selectFolder(ctx context.Context, s *session) error {
	if err := s.selectFolder(a.cfg.Folder, false); err != nil {
		return err
	}
	if a.mem.epoch(s.uidValidity) {
		a.log.WarnContext(ctx, "the server renumbered the folder; every mail in it is looked at anew",
			"folder", a.cfg.Folder, "uidvalidity", s.uidValidity)
	}
	return nil
}

// tokenRenewed renews the token ahead of its end and reports whether the session was
// opened with an older one: servers end such a session when its token ends, so it is
// better ended now, between two looks.
func (a *Adapter) tokenRenewed(ctx context.Context, s *session) bool {
	if a.tokens == nil {
		return false
	}
	token, err := a.tokens.renew(ctx)
	if err != nil {
		a.opts.Health.Alarm("token", fmt.Sprintf("the access token of mailbox %q cannot be renewed: %v", a.cfg.Name, err))
		return false
	}
	a.opts.Health.Alarm("token", "")
	return token != s.token
}

// pause waits after a fault, longer each time in a row.
func (a *Adapter) pause(ctx context.Context) {
	a.backoff = min(max(2*a.backoff, a.opts.BackoffMin), a.opts.BackoffMax)
	timer := time.NewTimer(a.backoff)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// checkFolders refuses a configuration in which mails would go round in circles.
func checkFolders(cfg config.Mailbox) error {
	switch {
	case cfg.Folder == "" || cfg.DoneFolder == "" || cfg.FailedFolder == "":
		return errors.New("folder, done_folder and failed_folder must be set")
	case cfg.Folder == cfg.DoneFolder || cfg.Folder == cfg.FailedFolder:
		return errors.New("done_folder and failed_folder must differ from folder")
	}
	return nil
}
