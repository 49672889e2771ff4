package main

import (
	"net/http"
	"strings"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/api"
	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/channels/open311"
	"saisine.fr/saisine/channels/webform"
)

// doors are the ways in that are pages.
type doors struct {
	form *webform.Adapter // nil when it is off
	desk *desk.Adapter    // nil when it is off
	api  *api.Adapter     // nil when it is off
	apps *open311.Adapter // nil when it is off
}

// handler serves the citizens' pages, the desk and what other programs ask.
func (d doors) handler() http.Handler {
	mux := http.NewServeMux()
	switch {
	case d.form != nil:
		mux.Handle("/", d.form.Handler())
	case d.desk != nil:
		mux.Handle("GET /{$}", http.RedirectHandler("/agent/", http.StatusSeeOther))
	}
	if d.api != nil {
		d.api.Register(mux)
	}
	if d.desk != nil {
		mux.Handle("/agent/", d.desk.Handler())
		mux.Handle("GET /agent", http.RedirectHandler("/agent/", http.StatusSeeOther))
	}
	if d.apps == nil {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Past the mux, which answers what is not clean with a redirect in HTML: apps are told of
		// faults in the form of their standard alone.
		if strings.HasPrefix(r.URL.Path, open311.Prefix) {
			d.apps.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// newDesk makes the agents' pages from what the house can do.
func (h *house) newDesk(super *channels.Supervisor, health *channels.Health) (*desk.Adapter, error) {
	return desk.New(desk.Options{
		Town: h.cfg.Town, PublicURL: h.cfg.BaseURL(), Limits: h.cfg.Limits, Spool: h.store.Spool(), Log: h.log, Health: health, Now: clock,
		Facts:    deskFacts{h},
		Lists:    deskLists{h},
		Requests: deskRequests{h},
		Acts:     deskActs{h},
		Replies:  deskReplies{h},
		Paper:    deskPaper{h},
		Counter:  deskCounter{h, h.mails.now},
		Failures: newDeskFailures(h, super, h.mails.now),
		Figures:  deskFigures{h},
		Files:    h.files(),
		Texts:    deskTexts{h},
		Machine:  deskMachine{h, h.mails.now()},
		Partners: deskPartners{h},
		Accounts: h.accounts(nil), TrustedProxies: h.cfg.Channels.Webform.Trusted, OIDC: h.cfg.Channels.Desk.OIDC,
	})
}

// deskFacts is desk.TownFacts.
type deskFacts struct{ h *house }

// Categories implements desk.TownFacts.
func (f deskFacts) Categories() []desk.Category {
	var out []desk.Category
	for _, c := range f.h.rules.File().Categories {
		out = append(out, desk.Category{Code: c.Code, Label: c.Label, Service: c.Service.Name, Sealed: c.Service.Sealed})
	}
	return out
}
