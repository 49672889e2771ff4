package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
)

// partners is ingest.Partners: what the configuration says of webhooks and connectors, and the
// categories file of what is sealed.
type partners struct {
	cfg   config.Config
	rules ruleBook
}

// partnersOf returns nil where there are none: then no transaction asks for them.
func partnersOf(cfg config.Config, rules ruleBook) ingest.Partners {
	if len(cfg.Webhooks)+len(cfg.Connectors) == 0 {
		return nil
	}
	return partners{cfg, rules}
}

// sealed reports whether a category is of a sealed service itself: who named it has chosen to be
// told. A request of another category that has come to a sealed service is told to nobody.
func (p partners) sealed(category string) bool {
	if p.rules == nil {
		return false
	}
	c, ok := p.rules.File().Category(category)
	return ok && c.Service.Sealed
}

// Webhooks implements ingest.Partners. What is sealed is told to those only that name its
// category, and that only where the category is sealed itself.
func (p partners) Webhooks(e ingest.PublicEvent) []string {
	var out []string
	for _, w := range p.cfg.Webhooks {
		named := slices.Contains(w.Categories, e.Category)
		if e.Sealed && (!named || !p.sealed(e.Category)) {
			continue
		}
		if wantsEvent(w.Events, e.Kind) && (named || len(w.Categories) == 0) {
			out = append(out, w.Name)
		}
	}
	return out
}

// wantsEvent reports whether a list of kinds, in which request.* stands for all that begin so,
// has this one. An empty list has all.
func wantsEvent(list []string, kind string) bool {
	if len(list) == 0 {
		return true
	}
	return slices.ContainsFunc(list, func(want string) bool {
		prefix, all := strings.CutSuffix(want, "*")
		return want == kind || all && strings.HasPrefix(kind, prefix)
	})
}

// Connectors implements ingest.Partners.
func (p partners) Connectors(category string, sealed bool) []string {
	if sealed && !p.sealed(category) {
		return nil
	}
	var out []string
	for _, c := range p.cfg.Connectors {
		if slices.Contains(c.Categories, category) {
			out = append(out, c.Name)
		}
	}
	return out
}

// Endpoint implements ingest.Partners.
func (p partners) Endpoint(name string) string {
	w, _ := p.webhook(name)
	return w.URL
}

func (p partners) webhook(name string) (config.Webhook, bool) {
	i := slices.IndexFunc(p.cfg.Webhooks, func(w config.Webhook) bool { return w.Name == name })
	if i < 0 {
		return config.Webhook{}, false
	}
	return p.cfg.Webhooks[i], true
}

// Payload implements ingest.Partners.
func (p partners) Payload(e ingest.PublicEvent) ([]byte, error) {
	e.At = e.At.In(zoneOf(p.cfg))
	return webhook.Body(e, p.cfg.BaseURL())
}

// unknownCategories names the categories of webhooks and connectors that the categories file
// does not have: the configuration is read without it.
func unknownCategories(cfg config.Config, rules ruleBook) []string {
	var out []string
	look := func(where string, codes []string) {
		for _, code := range codes {
			if _, ok := rules.File().Category(code); !ok {
				out = append(out, where+": there is no category "+cmp.Or(code, `""`))
			}
		}
	}
	for _, w := range cfg.Webhooks {
		look("webhook "+w.Name, w.Categories)
	}
	for _, c := range cfg.Connectors {
		look("connector "+c.Name, c.Categories)
	}
	return out
}

// checkPartners says, without touching the network, what is wrong with webhooks and connectors
// that the configuration alone does not show: their secrets and key files, and categories that
// the town does not have.
func checkPartners(cfg config.Config, rules ruleBook) error {
	var errs []error
	for _, problem := range unknownCategories(cfg, rules) {
		errs = append(errs, errors.New(problem))
	}
	for _, w := range cfg.Webhooks {
		if _, err := newSender(w); err != nil {
			errs = append(errs, err)
		}
	}
	for _, c := range cfg.Connectors {
		if _, err := newConnector(cfg, c); err != nil {
			errs = append(errs, fmt.Errorf("connector %s: %w", c.Name, err))
		}
	}
	return errors.Join(errs...)
}
