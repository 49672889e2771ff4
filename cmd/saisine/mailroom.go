package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
)

// mailroom makes the town's mails and sends them.
type mailroom struct {
	cfg       config.Config
	store     *store.Store
	secretary *notice.Secretary
	templates letterTexts
	tokens    ingest.Tokens
	smtp      *deliver.SMTP // nil: nothing is sent
	health    smtpHealth
	now       func() time.Time
	// sending holds one token: a mail is in doubt from the moment at which the server has
	// all of it until that is on record, and a crash repeats what is in doubt. So one mail at
	// a time is: a crash repeats one at most.
	sending chan struct{}
	// doubt is that mail, for the one who holds the token. Where the record fails, on a full
	// disk or a database that is away, it is made good before anything else is sent.
	doubt inDoubt
}

// inDoubt is a mail that the server has taken, with its answer; "" is none.
type inDoubt struct{ id, answer string }

// newMailroom gets ready to reach the town's mail server.
func newMailroom(cfg config.Config, s *store.Store, secretary *notice.Secretary, templates letterTexts, tokens ingest.Tokens) (*mailroom, error) {
	m := &mailroom{cfg: cfg, store: s, secretary: secretary, templates: templates, tokens: tokens, now: clock, sending: make(chan struct{}, 1)}
	if cfg.SMTP.Host == "" {
		return m, nil
	}
	o, err := smtpOptions(cfg.SMTP)
	if err != nil {
		return nil, usageError{err}
	}
	m.smtp = deliver.NewSMTP(o)
	return m, nil
}

func smtpOptions(c config.SMTP) (deliver.SMTPOptions, error) {
	o := deliver.SMTPOptions{Host: c.Host, Port: c.Port, Mode: c.TLS, Username: c.Username, Password: strings.TrimSpace(c.Password), Timeout: smtpTimeout}
	if c.TLSCA == "" {
		return o, nil
	}
	pem, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return o, fmt.Errorf("smtp.tls_ca: %w", err)
	}
	o.RootCAs = x509.NewCertPool()
	if !o.RootCAs.AppendCertsFromPEM(pem) {
		return o, fmt.Errorf("smtp.tls_ca: %s holds no certificate in PEM form", c.TLSCA)
	}
	return o, nil
}

// deliver sends the mail of an outbox row. The bytes are made and kept before the first try:
// a further try, after whatever end of this one, sends the same under the same Message-ID.
func (r *mailroom) deliver(ctx context.Context, item ingest.OutboxItem) error {
	m, err := r.store.Mail(ctx, item.ID)
	if errors.Is(err, ingest.ErrNotFound) {
		return ingest.Permanent(err)
	}
	if err != nil || m.State != ingest.MailQueued {
		return err
	}
	if m.NotBefore.After(r.now()) {
		return ingest.ErrNotYet
	}
	if r.smtp == nil {
		return ingest.Permanent(errors.New("aucun serveur d’envoi n’est réglé (smtp.host)"))
	}
	raw, err := r.store.MailContent(ctx, m.ID)
	if err != nil {
		return err
	}
	if raw == nil {
		if raw, err = r.make(ctx, m); err != nil {
			return err
		}
	}
	crashpoint.Hit("mail.made")
	select {
	case r.sending <- struct{}{}:
		defer func() { <-r.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := r.record(ctx); err != nil {
		return err
	}
	if m, err = r.store.Mail(ctx, m.ID); err != nil || m.State != ingest.MailQueued {
		return err // it was the one in doubt
	}
	answer, err := r.smtp.Send(ctx, bounceOf(r.cfg), m.To, raw)
	r.health.told(err, time.Now())
	if err != nil {
		return err // its Permanent() says whether a further try can help
	}
	r.doubt = inDoubt{m.ID, answer}
	crashpoint.Hit("mail.taken")
	return r.record(ctx)
}

// record puts the mail in doubt on record. It is for the one who holds the token.
func (r *mailroom) record(ctx context.Context) error {
	if r.doubt.id == "" {
		return nil
	}
	if err := r.store.MailSent(ctx, r.doubt.id, r.doubt.answer); err != nil {
		return fmt.Errorf("mail %s was taken by the mail server, which is not on record yet: %w", r.doubt.id, err)
	}
	r.doubt = inDoubt{}
	return nil
}

// make writes a mail and keeps its bytes.
func (r *mailroom) make(ctx context.Context, m ingest.Mail) ([]byte, error) {
	letter, thread, err := r.letter(ctx, m)
	if err != nil {
		return nil, err
	}
	text, err := r.templates.Render(r.secretary.Calendar, letter)
	if err != nil {
		return nil, ingest.Permanent(err)
	}
	id, err := r.messageID(m)
	if err != nil {
		return nil, ingest.Permanent(err)
	}
	msg := deliver.Message{
		From: senderOf(r.cfg), To: mail.Address{Address: m.To}, Subject: text.Subject, Text: text.Text, HTML: text.HTML,
		MessageID: id, Date: r.now(), AutoSubmitted: "auto-replied",
		InReplyTo: thread.answers, References: thread.references,
	}
	switch m.Kind {
	case ingest.MailAEE, ingest.MailARE, ingest.MailJoined:
	case ingest.MailReply:
		msg.AutoSubmitted = "" // a person wrote it
	default:
		msg.AutoSubmitted = "auto-generated" // RFC 3834 §5: it answers no mail
	}
	raw, err := deliver.Compose(msg)
	if err != nil {
		return nil, ingest.Permanent(err)
	}
	return r.store.MakeMail(ctx, m.ID, id, raw)
}

// messageID names a mail. What goes to a citizen has an id that we recognise in an answer,
// made of the submission and not to be guessed; the first receipt has the plain one.
func (r *mailroom) messageID(m ingest.Mail) (string, error) {
	domain := mailDomain(r.cfg)
	if m.Submission == "" || !m.Kind.ToCitizen() {
		return "m." + m.ID + "@" + domain, nil
	}
	mark := ""
	switch m.Kind {
	case ingest.MailARE, ingest.MailJoined:
	case ingest.MailAEE:
		mark = "e"
	default:
		mark = "n" + strings.ReplaceAll(m.ID, "-", "")
	}
	return r.tokens.MarkedMessageID(m.Submission, mark, domain)
}

// threading are the headers by which a citizen's mail program shows an answer below what it answers.
type threading struct {
	answers    string
	references []string
}

// letter collects the facts of a mail.
func (r *mailroom) letter(ctx context.Context, m ingest.Mail) (notice.Letter, threading, error) {
	l := notice.Letter{
		Kind: notice.LetterKind(m.Kind), Town: townContact(r.cfg), TownURL: r.cfg.PublicURL, Today: r.secretary.Calendar.Day(r.now()),
		Status: string(m.Detail.Status), Note: m.Detail.Note, Pieces: m.Detail.Pieces,
	}
	if m.Detail.Until != "" {
		until, err := notice.ParseDay(m.Detail.Until)
		if err != nil {
			return l, threading{}, ingest.Permanent(err)
		}
		l.PiecesUntil = until
	}
	if m.Request == "" {
		items, err := r.items(ctx, m)
		l.Items, l.Service = items, notice.Contact{Name: m.Detail.Service}
		return l, threading{}, err
	}
	q, err := r.store.Request(ctx, m.Request)
	if err != nil {
		return l, threading{}, err
	}
	facts, err := r.store.DeadlineFacts(ctx, m.Request)
	if err != nil {
		return l, threading{}, err
	}
	l.Plan, _ = r.secretary.Plan(facts)
	l.Reference, l.Subject = q.Reference, q.Subject
	l.Received, l.Channel = facts.Received, facts.Channel
	if !facts.Postmark.IsZero() {
		l.Postmark = notice.DayIn(facts.Postmark, time.UTC)
	}
	l.Citizen = notice.Contact{Name: q.Sender.Name, Email: q.Sender.Email, Phone: q.Sender.Phone, Address: q.Sender.Address}
	if matter, ok := r.secretary.Matter(q.Category, notice.Procedure(q.Procedure)); ok && (!q.NeedsReview || !m.Kind.ToCitizen()) {
		// A guess that an agent has yet to confirm is not told to the citizen.
		l.Service, l.Category = matter.Service, matter.Label
	}
	if !m.Kind.ToCitizen() {
		l.Note, l.FollowURL = q.Text, r.deskURL(q.Reference)
		return l, threading{}, nil
	}
	if m.Kind == ingest.MailReply {
		r.reply(m, &l)
	}
	thread, err := r.thread(ctx, m, &l)
	return l, thread, err
}

// reply puts an agent's answer into a letter: their words, who they are and where they are
// reached (CRPA L111-2), and how it is addressed.
func (r *mailroom) reply(m ingest.Mail, l *notice.Letter) {
	d := m.Detail
	l.Object, l.Note, l.Number = d.Subject, d.Body, m.Number
	if m.OnPaper() {
		l.Kind = notice.LetterReplyPaper
	}
	if d.Recipient != nil {
		l.Citizen.Name, l.Citizen.Address = d.Recipient.Name, d.Recipient.Address
	}
	if o := d.Officer; o != nil {
		if o.Service != "" {
			// An agent may answer before the category is confirmed, or for another service.
			l.Service = notice.Contact{Name: o.Service, Email: o.Email, Phone: o.Phone, Address: o.Address}
		}
		l.Officer = notice.Contact{
			Name:  strings.Join(nonEmpty(o.Name, o.Title), ", "),
			Email: cmp.Or(o.Email, l.Service.Email, l.Town.Email), Phone: cmp.Or(o.Phone, l.Service.Phone, l.Town.Phone),
			Address: cmp.Or(o.Address, l.Service.Address, l.Town.Address),
		}
	}
}

// thread also says when the submission that a mail answers was received, and gives its link.
func (r *mailroom) thread(ctx context.Context, m ingest.Mail, l *notice.Letter) (threading, error) {
	var t threading
	if m.Submission == "" {
		return t, nil
	}
	rec, err := r.store.Submission(ctx, cmp.Or(m.Detail.Answers, m.Submission))
	if err != nil {
		return t, err
	}
	if m.Kind == ingest.MailJoined || m.Kind == ingest.MailCounterReceipt {
		l.Received, l.Channel = rec.ReceivedAt, rec.Channel
	}
	if m.Kind == ingest.MailCounterReceipt && rec.Reading != nil {
		// Who stood at the counter need not be who opened the request.
		said := rec.Reading
		l.Citizen = notice.Contact{Name: said.From.Name, Email: said.From.Email, Phone: said.From.Phone, Address: said.From.Address}
		l.Subject, l.Note = said.Subject, said.Text
	}
	if rec.Reading != nil && rec.Channel == ingest.ChannelMailbox {
		t.answers = rec.Reading.MessageID
		t.references = append(append([]string{}, rec.Reading.References...), rec.Reading.MessageID)
	}
	l.FollowURL, err = r.followURL(ctx, m.Submission)
	return t, err
}

// followURL is the page on which a citizen follows a submission.
func (r *mailroom) followURL(ctx context.Context, submission string) (string, error) {
	generation, err := r.store.LinkGeneration(ctx, submission)
	if err != nil {
		return "", err
	}
	token, err := r.tokens.Token(submission, generation)
	if err != nil {
		return "", err
	}
	return r.cfg.BaseURL() + "/suivi/" + token, nil
}

// deskURL is the agents' page of a request.
func (r *mailroom) deskURL(reference string) string {
	return r.cfg.BaseURL() + "/agent/demandes/" + reference
}

// items lists the requests of a digest, as they stand now.
func (r *mailroom) items(ctx context.Context, m ingest.Mail) ([]notice.Item, error) {
	sealed, err := r.store.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	var out []notice.Item
	for _, reference := range m.Detail.References {
		q, err := r.store.Request(ctx, reference)
		if errors.Is(err, ingest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		it := r.item(q)
		if q.Service != m.Detail.Service && slices.Contains(sealed, q.Service) {
			// The manager, or whoever sorts, must know that something is late, and no more.
			it.Subject, it.Sender, it.Category = "Dossier d’un service réservé", "", q.Service
		}
		out = append(out, it)
	}
	return out, nil
}

// item is a request as a digest lists it, with the deadline that is next.
func (r *mailroom) item(q ingest.Request) notice.Item {
	calendar := r.secretary.Calendar
	today := calendar.Day(r.now())
	it := notice.Item{Reference: q.Reference, Subject: q.Subject, Sender: q.Sender.Name, URL: r.deskURL(q.Reference)}
	if matter, ok := r.secretary.Matter(q.Category, notice.Ordinary); ok {
		it.Category = matter.Label
	}
	for _, d := range q.Deadlines {
		if !d.DoneAt.IsZero() || d.Due.IsZero() || d.Who != string(notice.WhoTown) {
			continue
		}
		due, err := notice.ParseDay(d.Day)
		if err != nil || !it.Due.IsZero() && !due.Before(it.Due) {
			continue
		}
		it.Due, it.Rule = due, d.Rule
		it.Late = calendar.WorkingDaysAfter(due, today)
	}
	return it
}

// paper makes the letter of a mail that is printed, once: printing again gives the same.
func (r *mailroom) paper(ctx context.Context, m ingest.Mail) ([]byte, error) {
	pdf, err := r.store.MailContent(ctx, m.ID)
	if err != nil || pdf != nil {
		return pdf, err
	}
	l, _, err := r.letter(ctx, m)
	if err != nil {
		return nil, err
	}
	if pdf, err = r.templates.PaperPDF(r.secretary.Calendar, l); err != nil {
		return nil, err
	}
	return r.store.MakeMail(ctx, m.ID, "", pdf)
}
