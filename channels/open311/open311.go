// Package open311 is the town's GeoReport v2 server (wiki.open311.org/GeoReport_v2), by which
// apps and other towns' platforms report what is wrong in public space and read what became of
// it, in XML and JSON.
//
// A report is evidence, as a post of the public form is: see formpost. Only the app's key is
// blotted out of it, for the house keeps no key in clear. What is told to everybody is decided in
// one place, publish.go.
package open311

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/channels/rate"
	"saisine.fr/saisine/ingest"
)

// Prefix is the path below which everything lies.
const Prefix = "/open311/v2/"

const (
	// maxStreamed bounds the posts above formpost.SmallPost that are read at the same time with a
	// good key before the body, maxUnkeyed those whose key is to come in the body, and
	// maxUnkeyedOf the latter of one address.
	maxStreamed  = 16
	maxUnkeyed   = 8
	maxUnkeyedOf = 3
	// maxLists bounds the lists that are made at the same time, listWait is how long a call waits
	// for its turn, and listRetry is proposed when that does not come.
	maxLists  = 3
	listWait  = 2 * time.Second
	listRetry = 5 * time.Second
	// defaultKeyRate and defaultClientRate are calls a minute.
	defaultKeyRate    = 60
	defaultClientRate = 300
	// defaultWait is how long a post is held back for its reference.
	defaultWait = time.Second
)

// Options is what New needs. BaseURL, Keys, Tokens, Book, Spool and Log are required.
type Options struct {
	// BaseURL is the address under which others reach the town, without a slash at the end.
	BaseURL string
	// Jurisdiction is the jurisdiction_id that calls may name; "" takes any. Calls need not name
	// one, since the endpoint serves one town (GeoReport v2, jurisdiction_id).
	Jurisdiction string
	// Contact and KeyService say, for people, whom to ask and how to get a key; an empty
	// KeyService is the contact.
	Contact, KeyService string
	// Location is the town's time zone; nil means UTC.
	Location  *time.Location
	Catalogue Catalogue
	Limits    formpost.Limits
	// KeyRate is how many posts a key without a limit of its own has in a minute, ClientRate how
	// many other calls an address has; 0 means the default, below 0 no limit.
	KeyRate, ClientRate int
	// Trusted are the proxies whose X-Forwarded-For is believed (clientip.Parse).
	Trusted clientip.Trusted
	// Wait is how long a post is held back until it is filed, so that it can be answered with
	// its reference; after that it is answered with a token. 0 means a second, below 0 not at all.
	Wait   time.Duration
	Keys   Keys
	Tokens Tokens
	Book   Book
	Spool  ingest.Spool
	Log    *slog.Logger
	Health *channels.Health // may be nil
	Now    func() time.Time // nil means time.Now
}

// Adapter is the server. It is an http handler from the start; Run lends it the Sink. Before Run,
// and after its context has ended, a post is answered with 503. All methods are safe for
// concurrent use.
type Adapter struct {
	opts      Options
	log       *slog.Logger
	now       func() time.Time
	catalogue atomic.Pointer[catalogue]
	byKey     *rate.Limiter[string]
	byClient  *rate.Limiter[netip.Prefix] // nil: no limit
	receiver  *formpost.Receiver
	unkeyed   *formpost.Receiver // of posts whose key is in the body, so that they keep no others waiting
	large     counts             // posts that unkeyed reads, by address
	lists     chan struct{}      // a place for each list that is being made
	masked    maskedTexts

	door channels.Door
}

var _ channels.Adapter = (*Adapter)(nil)

// New makes the server.
func New(opts Options) *Adapter {
	opts.BaseURL = strings.TrimRight(opts.BaseURL, "/")
	opts.Limits = opts.Limits.WithDefaults()
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	if opts.KeyService == "" {
		opts.KeyService = opts.Contact
	}
	if opts.KeyRate == 0 {
		opts.KeyRate = defaultKeyRate
	}
	if opts.ClientRate == 0 {
		opts.ClientRate = defaultClientRate
	}
	if opts.Wait == 0 {
		opts.Wait = defaultWait
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	a := &Adapter{
		opts: opts, log: opts.Log, now: opts.Now,
		byKey:    rate.New[string](opts.KeyRate, time.Minute),
		receiver: formpost.NewReceiver(maxStreamed), unkeyed: formpost.NewReceiver(maxUnkeyed),
		lists: make(chan struct{}, maxLists),
	}
	if opts.ClientRate > 0 {
		a.byClient = rate.New[netip.Prefix](opts.ClientRate, time.Minute)
	}
	a.SetCatalogue(opts.Catalogue)
	return a
}

// SetCatalogue puts another list of services in the place of Options.Catalogue.
func (a *Adapter) SetCatalogue(c Catalogue) {
	// Clients hold on to service definitions until the changeset of the discovery document
	// grows (wiki.open311.org/Service_Discovery).
	a.catalogue.Store(newCatalogue(c, a.now()))
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return "open311" }

// Run implements channels.Adapter: it lends sink to the handler until ctx ends, then waits for
// the posts that are just being submitted, and returns nil.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	a.door.Keep(ctx, sink, func() { a.opts.Health.Good(a.now()) })
	return nil
}

// Register puts the server on mux.
func (a *Adapter) Register(mux *http.ServeMux) { mux.Handle(Prefix, a) }

// submit hands s to the Sink that Run lent.
func (a *Adapter) submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	receipt, err := a.door.Submit(ctx, s)
	if err != nil {
		return receipt, fmt.Errorf("open311: submit: %w", err)
	}
	return receipt, nil
}
