// Package api is the JSON interface /api/v1 by which other programs of the town hand in
// submissions and follow what becomes of requests.
//
// It is described by an OpenAPI document (openapi.yaml) that the interface serves itself. Each
// call brings a key (RFC 6750); what the key's viewer does not see does not exist. Faults are
// told as problem details (RFC 9457), in English: their readers are programmers.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/channels/rate"
	"saisine.fr/saisine/ingest"
)

// Category is one of the town's categories.
type Category struct {
	Code    string `json:"code"`
	Label   string `json:"label"`
	Service string `json:"service"`
}

const (
	// defaultRateLimit is how many calls a key has in a minute, unless the options or the key
	// say otherwise.
	defaultRateLimit = 120
	// failedKeys is how many keys that are none an address may show in a minute.
	failedKeys = 10
	// maxStreamed bounds the posts above formpost.SmallPost that are read at the same time.
	maxStreamed = 16
	// maxJSON bounds a submission as JSON. Base64 makes a file a third larger, and nothing of
	// it can be shown while it is on its way: larger files come as a form.
	maxJSON = 16 << 20
	// unavailableRetry is proposed when nothing can be taken in.
	unavailableRetry = 30 * time.Second
)

// Options is what New needs. Keys, Ledger, Requests, Acts, Files, Events, Follow, Spool and Log
// are required.
type Options struct {
	// Zone is the town's time zone; nil means UTC.
	Zone *time.Location
	// PublicURL begins all addresses, without a slash at its end; "" makes them begin with /.
	PublicURL string
	// RateLimit is how many calls a key has in a minute that has no limit of its own; 0 is 120.
	RateLimit  int
	Limits     formpost.Limits // of submissions as forms
	Trusted    clientip.Trusted
	Categories []Category

	Keys     Keys
	Ledger   Ledger
	Requests Requests
	Acts     Acts
	Files    Files
	Events   Events
	Follow   Follower

	Spool  ingest.Spool
	Log    *slog.Logger
	Health *channels.Health // may be nil
	Now    func() time.Time // nil means time.Now
}

// Adapter is the interface. It is an http handler from the start; Run lends it the Sink. Before
// Run, and after its context has ended, a submission is answered with 503. All methods are safe
// for concurrent use.
type Adapter struct {
	opts       Options
	log        *slog.Logger
	now        func() time.Time
	zone       *time.Location
	mux        *http.ServeMux
	calls      *rate.Limiter[string]       // by key
	failed     *rate.Limiter[netip.Prefix] // by address
	posts      *formpost.Receiver
	categories atomic.Pointer[[]Category]

	door channels.Door
}

var _ channels.Adapter = (*Adapter)(nil)

// New makes the interface.
func New(opts Options) *Adapter {
	opts.Limits = opts.Limits.WithDefaults()
	opts.PublicURL = strings.TrimRight(opts.PublicURL, "/")
	if opts.RateLimit <= 0 {
		opts.RateLimit = defaultRateLimit
	}
	a := &Adapter{
		opts: opts, log: opts.Log, now: opts.Now, zone: opts.Zone,
		calls:  rate.New[string](opts.RateLimit, time.Minute),
		failed: rate.New[netip.Prefix](failedKeys, time.Minute),
		posts:  formpost.NewReceiver(maxStreamed),
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.zone == nil {
		a.zone = time.UTC
	}
	a.SetCategories(opts.Categories)
	a.mux = a.routes()
	return a
}

// SetCategories puts another list in the place of Options.Categories.
func (a *Adapter) SetCategories(list []Category) {
	list = slices.Clone(list)
	a.categories.Store(&list)
}

func (a *Adapter) knownCategory(code string) bool {
	return slices.ContainsFunc(*a.categories.Load(), func(c Category) bool { return c.Code == code })
}

// Name implements channels.Adapter.
func (a *Adapter) Name() string { return "api" }

// Run implements channels.Adapter: it lends sink to the handler until ctx ends, then
// waits for the submissions that are just being recorded, and returns nil.
func (a *Adapter) Run(ctx context.Context, sink ingest.Sink) error {
	a.door.Keep(ctx, sink, func() { a.opts.Health.Good(a.now()) })
	return nil
}

// Register puts all that lies below /api/v1/ on mux.
func (a *Adapter) Register(mux *http.ServeMux) { mux.Handle(base+"/", a.mux) }
