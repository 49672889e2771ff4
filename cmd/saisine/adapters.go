package main

import (
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/mailbox"
	"saisine.fr/saisine/channels/scanfolder"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/config"
)

// This file lists every way in and every way out. Nothing registers itself.

// addAdapters puts every chosen channel under the supervisor and returns those that
// also serve pages.
func (h *house) addAdapters(super *channels.Supervisor, chosen config.Channels, web bool, secret []byte) (doors, error) {
	var d doors
	for _, c := range chosen.Mailbox {
		health := new(channels.Health)
		super.AddExclusive(mailbox.New(c, mailbox.Options{
			Spool: h.store.Spool(), MaxMessage: int64(h.cfg.Limits.Message), Log: h.log, Health: health, Now: clock,
		}), health)
	}
	for _, c := range chosen.Scans {
		health := new(channels.Health)
		super.AddExclusive(scanfolder.New(c, scanfolder.Options{
			Spool: h.store.Spool(), MaxFile: int64(h.cfg.Limits.File), Ledger: scanLedger{h}, Log: h.log, Health: health,
			Now: func() time.Time { return clock().In(h.zone) },
		}), health)
	}
	if chosen.Webform.Enabled {
		health := new(channels.Health)
		d.form = webform.New(webform.Options{
			Town: h.cfg.Town, Form: chosen.Webform,
			Limits:     h.postLimits(),
			Categories: formCategories(h.rules), Follow: follower{h}, Correspondent: follower{h}, Spool: h.store.Spool(), Secret: secret,
			Log: h.log, Health: health, Now: clock,
		})
		h.form = d.form
		super.Add(d.form, health)
	}
	if chosen.Open311.Enabled {
		health := new(channels.Health)
		d.apps = h.newOpen311(health)
		h.apps = d.apps
		super.Add(d.apps, health)
	}
	if web && h.cfg.API.Enabled {
		health := new(channels.Health)
		d.api = h.newAPI(health)
		h.api = d.api
		super.Add(d.api, health)
	}
	if chosen.Desk.Enabled {
		health := new(channels.Health)
		var err error
		if d.desk, err = h.newDesk(super, health); err != nil {
			return d, err
		}
		super.Add(d.desk, health)
	}
	return d, nil
}

// scanFolder returns the configuration of a scan account.
func scanFolder(cfg config.Config, name string) (config.ScanFolder, bool) {
	for _, c := range cfg.Channels.Scans {
		if c.Name == name {
			return c, true
		}
	}
	return config.ScanFolder{}, false
}
