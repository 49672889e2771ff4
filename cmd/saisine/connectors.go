package main

import (
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/glpi"
	"saisine.fr/saisine/ingest/deliver/handover/maarch"
	mailconnector "saisine.fr/saisine/ingest/deliver/handover/mail"
	"saisine.fr/saisine/ingest/deliver/handover/open311"
	"saisine.fr/saisine/ingest/deliver/handover/publik"
	"saisine.fr/saisine/ingest/deliver/handover/redmine"
	"saisine.fr/saisine/ingest/deliver/handover/rt"
	"saisine.fr/saisine/ingest/deliver/handover/sftp"
)

// This file lists every connector. Nothing registers itself.

// newHandovers makes the connectors of the configuration.
func newHandovers(h *house) (*handovers, error) {
	d := &handovers{h: h, connectors: map[string]handover.Connector{}, early: map[string]bool{}, now: clock}
	for _, c := range h.cfg.Connectors {
		connector, err := newConnector(h.cfg, c)
		if err != nil {
			return nil, usageError{fmt.Errorf("connector %s: %w", c.Name, err)}
		}
		d.connectors[c.Name], d.early[c.Name] = connector, c.Media
	}
	return d, nil
}

// newConnector does not connect. What it is given, Validate has found well formed.
func newConnector(cfg config.Config, c config.Connector) (handover.Connector, error) {
	statuses := map[string]ingest.Status{}
	for theirs, ours := range c.Statuses {
		statuses[theirs] = ingest.Status(ours)
	}
	switch c.Type {
	case config.ConnectorRT:
		return rt.New(rt.Options{
			URL: c.URL, Token: c.Token, Username: c.Username, Password: c.Password, Queue: c.Queue, CAFile: c.TLSCA, Statuses: statuses,
			ReferenceField: c.Fields["reference"], Requestor: c.Identity,
		})
	case config.ConnectorRedmine:
		return redmine.New(redmine.Options{
			URL: c.URL, Key: c.Token, Project: c.Queue, Tracker: c.Kind, CustomField: c.Fields["reference"], CAFile: c.TLSCA, Statuses: statuses,
		})
	case config.ConnectorSFTP:
		return newSFTP(c, statuses)
	case config.ConnectorSMTP:
		return newMailConnector(cfg, c)
	case config.ConnectorOpen311:
		return open311.New(open311.Options{
			URL: c.URL, APIKey: c.Token, JurisdictionID: c.Jurisdiction, Services: c.Codes, Attributes: c.Fields, Statuses: statuses,
			Identity: c.Identity, Media: c.Media, CAFile: c.TLSCA,
		})
	case config.ConnectorGLPI:
		numbered := map[int]ingest.Status{}
		for theirs, ours := range statuses {
			n, err := strconv.Atoi(theirs)
			if err != nil {
				return nil, fmt.Errorf("statuses of glpi are numbers from 1 to 6, not %q", theirs)
			}
			numbered[n] = ours
		}
		return glpi.New(glpi.Options{
			URL: c.URL, UserToken: c.Token, AppToken: c.AppToken, Entity: number(c.Queue), Categories: numbers(c.Codes), Statuses: numbered, CAFile: c.TLSCA,
		})
	case config.ConnectorPublik:
		return publik.New(publik.Options{
			URL: c.URL, Orig: c.Username, Key: c.Token, Forms: c.Codes, Fields: c.Fields, Hook: c.Kind, Statuses: statuses, CAFile: c.TLSCA,
		})
	case config.ConnectorMaarch:
		return maarch.New(maarch.Options{
			URL: c.URL, User: c.Username, Password: c.Password, Model: number(c.Kind), Status: "NEW", Doctypes: numbers(c.Codes),
			Destination: number(c.Queue), Statuses: statuses, CAFile: c.TLSCA,
		})
	}
	return nil, fmt.Errorf("there is no type of connector %q", c.Type)
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // Validate has refused others
	return n
}

func numbers(m map[string]string) map[string]int {
	out := make(map[string]int, len(m))
	for k, v := range m {
		out[k] = number(v)
	}
	return out
}

func newSFTP(c config.Connector, statuses map[string]ingest.Status) (handover.Connector, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	return sftp.New(sftp.Options{
		Host: u.Hostname(), Port: number(u.Port()), Username: c.Username, Password: c.Password, KeyFile: c.KeyFile, HostKey: c.HostKey, Dir: u.Path,
		Statuses: statuses,
	})
}

// mailMax bounds one mail to other software: what mail servers take nearly everywhere.
const mailMax = 20 << 20

func newMailConnector(cfg config.Config, c config.Connector) (handover.Connector, error) {
	from, err := mail.ParseAddress(cfg.SMTP.From)
	if err != nil {
		return nil, fmt.Errorf("smtp.from: %w", err)
	}
	o, err := smtpOptions(cfg.SMTP)
	if err != nil {
		return nil, err
	}
	return mailconnector.New(mailconnector.Options{
		Sender: deliver.NewSMTP(o), From: *from, To: strings.TrimPrefix(c.URL, "mailto:"), Bounce: addressOf(cfg.SMTP.Bounce), Town: cfg.Town.Name, MaxSize: mailMax,
	})
}
