// Package webform is the town's public form: the page on which a citizen writes, the
// post that takes it in, and the page on which its progress can be followed.
//
// A post is evidence. Its bytes are kept exactly as they came, under a small MIME
// header that names the multipart boundary, and are parsed while they are being
// written away; a file of 25 MiB is never wholly in memory. The citizen is shown a
// number only after ingest.Sink.Submit has returned nil.
package webform

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/channels/rate"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Account is the account under which the form's submissions stand in the ledger.
const Account = "form"

// Category is one choice of the form's list of subjects.
type Category struct {
	Code  string // goes into ingest.Hints.Category
	Label string // what the citizen reads
	Group string // heading in the list, or ""
}

// Limits bound what one post may bring. A zero value means the default.
type Limits = formpost.Limits

// Options is what New needs. Follow, Spool and Log are required.
type Options struct {
	Town       config.Town
	Form       config.Webform
	Limits     Limits
	Categories []Category
	Follow     Follower
	// Correspondent may be nil: then nothing can be added or downloaded on the
	// follow-up page.
	Correspondent Correspondent
	Spool         ingest.Spool
	// Secret is the HMAC key of the form tokens. It should outlive a restart, so that
	// a form opened before it still counts as ours. Empty means a random one.
	Secret []byte
	Log    *slog.Logger
	Health *channels.Health // may be nil
	Now    func() time.Time // nil means time.Now
}

// Adapter is the form. It is an http handler from the start; Run lends it the Sink.
// Before Run, and after its context has ended, a post is answered with 503 and its
// text is given back. All methods are safe for concurrent use.
type Adapter struct {
	opts     Options
	log      *slog.Logger
	now      func() time.Time
	location *time.Location
	main     postForm
	limiter  *rate.Limiter[netip.Prefix] // nil: no limit
	trusted  clientip.Trusted
	choice   atomic.Pointer[choice]
	pages    *pages
	posts    *formpost.Receiver

	door channels.Door
}

var _ channels.Adapter = (*Adapter)(nil)

// New makes the form. Entries of opts.Form.Trusted that are neither an address nor a
// network are logged and left out: then X-Forwarded-For is not believed from there.
func New(opts Options) *Adapter {
	opts.Limits = opts.Limits.WithDefaults()
	if len(opts.Secret) == 0 {
		opts.Secret = make([]byte, 32)
		_, _ = rand.Read(opts.Secret) // never fails since Go 1.24
	}
	a := &Adapter{
		opts:  opts,
		log:   opts.Log,
		now:   opts.Now,
		main:  postForm{action: "/demandes", page: "form", tokens: newTokenKey(opts.Secret), back: toMainForm},
		posts: formpost.NewReceiver(maxStreamed),
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.SetCategories(opts.Categories)
	var bad []string
	a.trusted, bad = clientip.Parse(opts.Form.Trusted)
	for _, s := range bad {
		a.log.Warn("trusted proxy is no address or network, left out", "value", fmt.Sprintf("%q", s))
	}
	if opts.Form.RateLimit > 0 {
		a.limiter = rate.New[netip.Prefix](opts.Form.RateLimit, time.Hour)
	}
	loc, err := time.LoadLocation(opts.Town.Timezone)
	if err != nil {
		a.log.Warn("town's time zone is unknown, dates on pages are UTC", "timezone", opts.Town.Timezone)
		loc = time.UTC
	}
	a.location = loc
	a.pages = newPages(opts.Town.Name)
	return a
}

// choice is the list of subjects that citizens choose from.
type choice struct {
	groups []categoryGroup
	known  map[string]bool // by code
}

// SetCategories puts another list in the place of Options.Categories. A form that shows the
// one before can still be sent.
func (a *Adapter) SetCategories(list []Category) {
	c := &choice{groups: groupCategories(list), known: make(map[string]bool, len(list))}
	for _, category := range list {
		c.known[category.Code] = true
	}
	a.choice.Store(c)
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return "webform" }

// Run implements channels.Adapter: it lends sink to the handler until ctx ends, then
// waits for the posts that are just being submitted, and returns nil.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	a.door.Keep(ctx, sink, func() { a.opts.Health.Good(a.now()) })
	return nil
}

// submit hands s to the Sink that Run lent.
func (a *Adapter) submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	receipt, err := a.door.Submit(ctx, s)
	if err != nil {
		return receipt, fmt.Errorf("webform: submit: %w", err)
	}
	return receipt, nil
}

// ConfigureServer sets the timeouts that suit the form on the server that carries it.
// ReadTimeout stays unset: it would cut a slow but honest upload. The form instead
// moves the deadlines of each post along while its body makes progress.
func ConfigureServer(s *http.Server) {
	s.ReadHeaderTimeout = 10 * time.Second
	s.WriteTimeout = time.Minute
	s.IdleTimeout = 2 * time.Minute
	s.MaxHeaderBytes = 32 << 10
}
