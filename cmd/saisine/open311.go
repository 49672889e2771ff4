package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/open311"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/ingest"
)

// newOpen311 makes the GeoReport server from what the house can do.
func (h *house) newOpen311(health *channels.Health) *open311.Adapter {
	c := h.cfg.Channels.Open311
	trusted, _ := clientip.Parse(h.cfg.Channels.Webform.Trusted) // the form has told of what is wrong with it
	return open311.New(open311.Options{
		BaseURL: h.cfg.BaseURL(), Jurisdiction: c.Jurisdiction, Contact: cmp.Or(c.Contact, townContact(h.cfg).Email, h.cfg.Town.Name), Location: h.zone,
		Catalogue: open311.FromFile(*h.rules.File()), Limits: h.postLimits(), KeyRate: h.cfg.API.RateLimit, Trusted: trusted,
		Keys: h.store, Tokens: appTokens{follower{h}}, Book: appBook{h}, Spool: h.store.Spool(), Log: h.log, Health: health, Now: clock,
	})
}

// appTokens is open311.Tokens: an app's token opens the citizen's page as well.
type appTokens struct{ follower }

// Submission implements open311.Tokens.
func (t appTokens) Submission(ctx context.Context, token string) (string, error) {
	id, err := t.Answering(ctx, token)
	if errors.Is(err, webform.ErrRevoked) {
		err = fmt.Errorf("%w: %w", ingest.ErrNotFound, err)
	}
	return id, err
}

// appBook is open311.Book.
type appBook struct{ h *house }

// Filed implements open311.Book.
func (b appBook) Filed(ctx context.Context, id string) (open311.Filing, error) {
	reference, digest, err := b.h.store.FiledIn(ctx, id)
	return open311.Filing{Reference: reference, Digest: digest}, err
}

// Reports implements open311.Book.
func (b appBook) Reports(ctx context.Context, q open311.Query, each func(open311.Report) bool) error {
	return b.h.store.Reports(ctx, ingest.ReportQuery(q), func(r ingest.Report) bool { return each(open311.Report(r)) })
}

// Report implements open311.Book.
func (b appBook) Report(ctx context.Context, reference string) (open311.Report, error) {
	r, err := b.h.store.Report(ctx, reference)
	return open311.Report(r), err
}
