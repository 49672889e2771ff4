package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// deskPartners is desk.Partners: what the configuration says of other programs, and how the store
// says that they fare.
type deskPartners struct{ h *house }

var _ desk.Partners = deskPartners{}

// Connectors implements desk.PartnerConnectors.
func (d deskPartners) Connectors(ctx context.Context, v ingest.Viewer) ([]desk.ConnectorState, error) {
	counts, err := d.h.store.HandoverCounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []desk.ConnectorState
	for _, c := range d.h.cfg.Connectors {
		n := counts[c.Name]
		s := desk.ConnectorState{
			Name: c.Name, Type: c.Type, Experimental: config.ExperimentalConnector(c.Type), Address: c.Redacted().URL, Categories: c.Categories,
			Waiting: n.Pending, Failed: n.Failed, Cases: n.Cases, CheckedAt: n.CheckedAt,
		}
		if n.Trouble != "" {
			s.Trouble, s.Withheld = whatWasSaid(v, n.Service, n.Trouble)
		}
		out = append(out, s)
	}
	return out, nil
}

// whatWasSaid keeps from the viewer what another program said of a request that they do not see:
// it may name it, and who wrote it.
func whatWasSaid(v ingest.Viewer, service, said string) (text string, withheld bool) {
	if !v.Sees(service) {
		return "", true
	}
	return said, false
}

// TestConnector implements desk.PartnerConnectors.
func (d deskPartners) TestConnector(ctx context.Context, name string) (desk.PartnerTest, error) {
	c, err := connectorNamed(d.h.cfg, name)
	if err != nil {
		return desk.PartnerTest{}, fmt.Errorf("%w: connector %q", ingest.ErrNotFound, name)
	}
	line, err := checkConnector(ctx, d.h.cfg, c)
	if err != nil {
		return desk.PartnerTest{Trouble: cutLine(err.Error())}, nil
	}
	return desk.PartnerTest{Line: cutLine(line)}, nil
}

// Webhooks implements desk.PartnerWebhooks.
func (d deskPartners) Webhooks(ctx context.Context, v ingest.Viewer) ([]desk.WebhookState, error) {
	if len(d.h.cfg.Webhooks) == 0 {
		return nil, nil
	}
	var names []string
	for _, w := range d.h.cfg.Webhooks {
		names = append(names, w.Name)
	}
	counts, err := d.h.store.WebhookCounts(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []desk.WebhookState
	for _, w := range d.h.cfg.Webhooks {
		n := counts[w.Name]
		s := desk.WebhookState{Name: w.Name, Address: w.Redacted().URL, Events: w.Events, Categories: w.Categories, Waiting: n.Pending, Failed: n.Failed, Last: n.Last}
		if s.Off, err = d.h.store.WebhookOff(ctx, w.Name); err != nil {
			return nil, err
		}
		s.Last.Said, s.Withheld = whatWasSaid(v, n.Service, n.Last.Said)
		out = append(out, s)
	}
	return out, nil
}

// TestWebhook implements desk.PartnerWebhooks.
func (d deskPartners) TestWebhook(ctx context.Context, name string) (desk.PartnerTest, error) {
	w, ok := partners{cfg: d.h.cfg}.webhook(name)
	if !ok {
		return desk.PartnerTest{}, fmt.Errorf("%w: webhook %q", ingest.ErrNotFound, name)
	}
	r, err := testWebhook(ctx, d.h.cfg, w)
	t := desk.PartnerTest{Line: r.Said, Status: r.Status, Took: r.Duration}
	if err != nil {
		t.Trouble = cutLine(err.Error())
	}
	return t, nil
}

// EnableWebhook implements desk.PartnerWebhooks.
func (d deskPartners) EnableWebhook(ctx context.Context, v ingest.Viewer, name string) error {
	if _, ok := (partners{cfg: d.h.cfg}).webhook(name); !ok {
		return fmt.Errorf("%w: webhook %q", ingest.ErrNotFound, name)
	}
	if err := d.h.store.TurnOnWebhook(ctx, name); err != nil {
		return err
	}
	d.h.log.LogAttrs(ctx, slog.LevelInfo, "a webhook is turned on again", slog.String("webhook", name), slog.String("by", v.Actor()))
	return nil
}

// Keys implements desk.PartnerKeys.
func (d deskPartners) Keys(ctx context.Context) ([]ingest.APIKey, error) {
	return d.h.store.Keys(ctx)
}

// AddKey implements desk.PartnerKeys.
func (d deskPartners) AddKey(ctx context.Context, v ingest.Viewer, k ingest.APIKey) (string, error) {
	for _, service := range k.Services {
		if !slices.Contains(v.Services, service) {
			return "", ingest.Refused("you are no member of %s: a key cannot read what you do not read yourself", service)
		}
	}
	return d.h.store.AddKey(ctx, k, v.Actor())
}

// RevokeKey implements desk.PartnerKeys.
func (d deskPartners) RevokeKey(ctx context.Context, v ingest.Viewer, name string) error {
	return d.h.store.RevokeKey(ctx, name, v.Actor())
}
