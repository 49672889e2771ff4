// Package desk is the agents' web interface, and one of the ways in: what they enter at the
// counter, on the phone, and the scans that they drop into the browser go through the same
// door as every channel.
//
// Pages are rendered on the server and can be read without JavaScript; htmx and one script
// of ours add what is quicker with it. Nothing is loaded from another host. Every read and
// every act is given the Viewer: what is hidden from them does not exist for the interfaces
// below, so that no page has to think of it.
package desk

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Account is the account under which the desk's submissions stand in the ledger.
const Account = "desk"

// Options is what New needs. What is nil leaves its pages out.
type Options struct {
	Town config.Town
	// PublicURL is the address of the public pages, without a slash at the end.
	PublicURL string
	Limits    config.Limits
	// TrustedProxies are addresses and networks whose X-Forwarded-For is believed; OIDC is the
	// provider by which agents may log in, or nil.
	TrustedProxies []string
	OIDC           *config.OIDC
	Spool          ingest.Spool
	Log            *slog.Logger
	Health         *channels.Health // may be nil
	Now            func() time.Time // nil means time.Now
	// Facts tells what there is in the town: categories and services.
	Facts TownFacts

	Accounts Accounts
	Lists    Lists
	Requests Requests
	Acts     Acts
	Files    Files
	Replies  Replies
	Counter  Counter
	Paper    Paper
	Failures Failures
	Figures  Figures
	Texts    Texts
	Machine  Machine
	// Partners may be nil: their page then says that there are none.
	Partners Partners
}

// TownFacts are the categories in force. It is safe for concurrent use.
type TownFacts interface {
	// Categories returns them in the order of the file.
	Categories() []Category
}

// Category is one of the town's categories.
type Category struct {
	Code, Label, Service string
	// Sealed is set when its service is.
	Sealed bool
}

// Adapter is the desk. It is an http handler from the start; Run lends it the Sink, without
// which nothing can be entered. All methods are safe for concurrent use.
type Adapter struct {
	opts     Options
	log      *slog.Logger
	now      func() time.Time
	zone     *time.Location
	pages    *pages
	presence *presence
	login    *login
	// identify says who asks; tests put their own in its place.
	identify func(*http.Request) (ingest.Viewer, bool)

	door channels.Door
}

var _ channels.Adapter = (*Adapter)(nil)

// New makes the desk. It fails when a template is broken, which a test would have found.
func New(o Options) (*Adapter, error) {
	a := &Adapter{opts: o, log: o.Log, now: o.Now}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if a.zone, err = time.LoadLocation(o.Town.Timezone); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	if a.pages, err = newPages(o.Town.Name, a.zone); err != nil {
		return nil, err
	}
	a.presence = newPresence(a.now)
	a.login = newLogin(a)
	a.identify = a.login.viewer
	return a, nil
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return "desk" }

// Run implements channels.Adapter: it lends sink to the pages until ctx ends, then waits for
// what is just being submitted, and returns nil.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	a.door.Keep(ctx, sink, func() {
		a.opts.Health.Good(a.now())
		a.login.tidy(ctx)
	})
	return nil
}

// submit hands s to the Sink that Run lent.
func (a *Adapter) submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	receipt, err := a.door.Submit(ctx, s)
	if err != nil {
		return receipt, fmt.Errorf("desk: submit: %w", err)
	}
	return receipt, nil
}
