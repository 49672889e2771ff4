package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
	"saisine.fr/saisine/ingest/store"
)

// hookPauses are the pauses between the tries of a webhook; the first try is at once. Tests
// shorten them.
var hookPauses = webhook.Schedule()[1:]

// hooks delivers webhooks.
type hooks struct {
	store   *store.Store
	senders map[string]*webhook.Sender // by name
	urls    map[string]string
	now     func() time.Time
}

// newHooks makes the senders of the configuration.
func newHooks(cfg config.Config, s *store.Store) (*hooks, error) {
	h := &hooks{store: s, senders: map[string]*webhook.Sender{}, urls: map[string]string{}, now: clock}
	for _, w := range cfg.Webhooks {
		sender, err := newSender(w)
		if err != nil {
			return nil, usageError{fmt.Errorf("webhook %s: %w", w.Name, err)}
		}
		h.senders[w.Name], h.urls[w.Name] = sender, w.URL
	}
	return h, nil
}

func newSender(w config.Webhook) (*webhook.Sender, error) {
	e := webhook.Endpoint{Name: w.Name, URL: w.URL, Secrets: []string{w.Secret}, CAFile: w.TLSCA, Timeout: w.Timeout}
	if w.OldSecret != "" {
		e.Secrets = append(e.Secrets, w.OldSecret)
	}
	for _, text := range w.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return nil, err
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		e.Private = append(e.Private, p)
	}
	return webhook.New(e)
}

// deliver is the deliver.Handler of webhooks. The row's id is the message's, so that the other
// side knows a repeat.
func (h *hooks) deliver(ctx context.Context, item ingest.OutboxItem) error {
	var p store.WebhookPayload
	if err := json.Unmarshal([]byte(item.Payload), &p); err != nil {
		return ingest.Permanent(fmt.Errorf("webhook %s: %w", item.ID, err))
	}
	sender, ok := h.senders[p.Endpoint]
	if !ok {
		// It may have been put in while this daemon ran, or be put back.
		return fmt.Errorf("no webhook is called %s in the configuration with which the daemon was started", p.Endpoint)
	}
	why, err := h.store.WebhookOff(ctx, p.Endpoint)
	switch {
	case err != nil:
		return err
	case why != "":
		return ingest.Permanent(fmt.Errorf("%s is told nothing any more (%s); saisine webhooks enable %[1]s, then retry", p.Endpoint, why))
	}
	at := h.now()
	result, err := sender.Send(ctx, webhook.Message{ID: item.ID, Time: at, Body: []byte(p.Body)})
	if terr := h.store.Tried(ctx, item.ID, tryOf(at, result, err)); terr != nil {
		return errors.Join(err, terr)
	}
	if errors.Is(err, webhook.ErrGoneEndpoint) {
		if err := h.store.TurnOffWebhook(ctx, p.Endpoint, h.urls[p.Endpoint], "410 Gone"); err != nil {
			return err
		}
		return ingest.Permanent(err)
	}
	return err
}

// testWebhook sends an endpoint an event of the kind webhook.test, which names no request and is not
// among the tries.
func testWebhook(ctx context.Context, cfg config.Config, w config.Webhook) (webhook.Result, error) {
	sender, err := newSender(w)
	if err != nil {
		return webhook.Result{}, err
	}
	uid, err := uuid.NewV7()
	if err != nil {
		return webhook.Result{}, fmt.Errorf("new id: %w", err)
	}
	now := time.Now() // and not a house's: the other side refuses what is old
	body, err := partners{cfg: cfg}.Payload(ingest.PublicEvent{At: now, Kind: "webhook.test"})
	if err != nil {
		return webhook.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return sender.Send(ctx, webhook.Message{ID: uid.String(), Time: now, Body: body})
}

func tryOf(at time.Time, r webhook.Result, err error) ingest.Try {
	t := ingest.Try{At: at, Took: r.Duration, Status: r.Status, Said: r.Said}
	if err != nil && t.Status == 0 {
		t.Said = cutLine(err.Error())
	}
	return t
}

// cutLine brings a text to the length of a line of a log.
func cutLine(s string) string { return oneLine(s, 300) }
