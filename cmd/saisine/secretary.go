package main

import (
	"cmp"
	"net/mail"
	"strings"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
)

// townContact is how the town hall is reached, as its letters name it.
func townContact(cfg config.Config) notice.Contact {
	c := notice.Contact{Name: cfg.Town.Name, Email: cfg.Town.Email, Phone: cfg.Town.Phone, Address: cfg.Town.Address}
	if c.Email == "" {
		c.Email = senderOf(cfg).Address
	}
	return c
}

// senderOf is the address from which the town writes; the zero one where none is set.
func senderOf(cfg config.Config) mail.Address {
	a, err := mail.ParseAddress(cfg.SMTP.From)
	if err != nil {
		return mail.Address{} // "", or Validate has refused it before
	}
	if a.Name == "" {
		a.Name = "Mairie de " + cfg.Town.Name
	}
	return *a
}

// newSecretary joins the categories file and the configuration to what decides on letters.
func newSecretary(cfg config.Config, rules ruleBook) (*notice.Secretary, error) {
	calendar, err := notice.NewCalendar(zoneOf(cfg), cfg.Town.Holidays)
	if err != nil {
		return nil, usageError{err}
	}
	if cfg.Letters.OneDayLater {
		calendar = calendar.OneDayLater()
	}
	town := townContact(cfg)
	s := &notice.Secretary{Calendar: calendar, Town: town, PerHour: cfg.Letters.PerHour}
	if cfg.SMTP.Host == "" {
		s.Muted = "aucun serveur d’envoi n’est réglé (smtp.host)"
	}
	for _, own := range []string{senderOf(cfg).Address, cfg.Town.Email, bounceOf(cfg)} {
		if own != "" {
			s.Own = append(s.Own, strings.ToLower(own))
		}
	}
	for _, m := range cfg.Channels.Mailbox {
		if strings.Contains(m.Username, "@") {
			s.Own = append(s.Own, strings.ToLower(m.Username))
		}
	}
	s.Matter = func(code string, p notice.Procedure) (notice.Matter, bool) {
		c, ok := rules.File().Category(code)
		if !ok {
			return notice.Matter{}, false
		}
		return matterOf(c, p, town), true
	}
	return s, nil
}

// matterOf is a category as letters see it.
func matterOf(c classify.Category, p notice.Procedure, town notice.Contact) notice.Matter {
	m := notice.Matter{
		Label: c.Label, Rule: noticeRule(c, p), Silent: c.Quiet,
		Doubtful: c.Silence.Note != "" && p == notice.Ordinary,
		Hourly:   c.Service.Mail == classify.MailHourly, Untold: c.Service.Mail == classify.MailNone,
		Service: notice.Contact{Name: c.Service.Name, Email: c.Service.Email, Phone: cmp.Or(c.Service.Phone, town.Phone), Address: c.Service.Address},
	}
	if m.Service.Address == "" {
		m.Service.Address = town.Address
	}
	return m
}

// bounceOf is the envelope sender of the town's mails.
func bounceOf(cfg config.Config) string {
	if a, err := mail.ParseAddress(cfg.SMTP.Bounce); err == nil {
		return a.Address
	}
	return senderOf(cfg).Address
}

// mailDomain is the domain of the town's Message-IDs.
func mailDomain(cfg config.Config) string {
	_, domain, _ := strings.Cut(senderOf(cfg).Address, "@")
	return cmp.Or(strings.ToLower(domain), "saisine.invalid")
}

// addressOf is the bare address of a setting; Validate has refused others.
func addressOf(setting string) string {
	if a, err := mail.ParseAddress(setting); err == nil {
		return a.Address
	}
	return setting
}
