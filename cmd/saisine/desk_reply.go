package main

import (
	"context"
	"slices"
	"strings"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// deskReplies is desk.Replies.
type deskReplies struct{ h *house }

var _ desk.Replies = deskReplies{}

// Prepare implements desk.Replies.
func (d deskReplies) Prepare(ctx context.Context, v ingest.Viewer, reference string) (desk.ReplyDesk, error) {
	q, err := d.h.store.RequestFor(ctx, v, reference)
	if err != nil {
		return desk.ReplyDesk{}, err
	}
	out := desk.ReplyDesk{Request: q, Unreachable: d.h.secretary.Unreachable(q.Sender.Email), Officer: d.officer(v, q)}
	fields, err := d.fields(ctx, q, out.Officer)
	if err != nil {
		return out, err
	}
	for _, t := range d.h.texts.now.Load().replies.For(q.Category) {
		r := desk.ReplyTemplate{Code: t.Code, Label: t.Label, Status: t.Status}
		r.Subject, r.Body = t.Fill(fields)
		out.Templates = append(out.Templates, r)
	}
	return out, nil
}

// officer is an agent as letters about a request name them: for the service of the request
// where they belong to it, else for their own.
func (d deskReplies) officer(v ingest.Viewer, q ingest.Request) ingest.Officer {
	o := ingest.Officer{Name: v.Name, Title: v.Title}
	switch {
	case slices.Contains(v.Services, q.Service):
		o.Service = q.Service
	case len(v.Services) > 0:
		o.Service = v.Services[0]
	case !q.NeedsReview:
		o.Service = q.Service
	}
	for _, c := range d.h.rules.File().Categories {
		if c.Service.Name == o.Service {
			s := matterOf(c, notice.Ordinary, townContact(d.h.cfg)).Service
			o.Email, o.Phone, o.Address = s.Email, s.Phone, s.Address
			break
		}
	}
	return o
}

// fields are what is filled into the texts.
func (d deskReplies) fields(ctx context.Context, q ingest.Request, o ingest.Officer) (notice.ReplyFields, error) {
	calendar := d.h.secretary.Calendar
	f := notice.ReplyFields{
		Citizen: q.Sender.Name, Reference: q.Reference, Subject: q.Subject, Received: calendar.Day(q.OpenedAt), Today: calendar.Day(d.h.mails.now()),
		Service: notice.Contact{Name: o.Service, Phone: o.Phone}, Agent: strings.Join(nonEmpty(o.Name, o.Title), ", "), Town: townContact(d.h.cfg),
	}
	opening := openingOf(q)
	if opening == "" {
		return f, nil
	}
	var err error
	f.FollowURL, err = d.h.mails.followURL(ctx, opening)
	return f, err
}

func openingOf(q ingest.Request) string {
	for _, s := range q.Submissions {
		if s.Link == ingest.LinkOpens {
			return s.ID
		}
	}
	return ""
}

// Preview implements desk.Replies.
func (d deskReplies) Preview(ctx context.Context, v ingest.Viewer, reference string, a ingest.Answer) (desk.ReplyPreview, error) {
	q, err := d.h.store.RequestFor(ctx, v, reference)
	if err != nil {
		return desk.ReplyPreview{}, err
	}
	officer := d.officer(v, q)
	m := ingest.Mail{
		Kind: ingest.MailReply, Request: q.Reference, Submission: openingOf(q), To: q.Sender.Email,
		Detail: ingest.MailDetail{Subject: a.Subject, Body: a.Body, Officer: &officer, Paper: a.Paper},
	}
	out := desk.ReplyPreview{To: q.Sender.Email}
	if a.Paper {
		m.Detail.Recipient = &a.To
		out.To = strings.Join(nonEmpty(a.To.Name, a.To.Address), "\n")
	}
	l, _, err := d.h.mails.letter(ctx, m)
	if err != nil {
		return out, err
	}
	text, err := d.h.mails.templates.Render(d.h.secretary.Calendar, l)
	if err != nil {
		return out, ingest.Refused("this answer cannot be written: %s", err)
	}
	out.Subject, out.Text = text.Subject, text.Text
	if a.Paper {
		out.PDF, err = d.h.mails.templates.PaperPDF(d.h.secretary.Calendar, l)
	}
	return out, err
}

// Reply implements desk.Replies.
func (d deskReplies) Reply(ctx context.Context, v ingest.Viewer, reference string, a ingest.Answer) (ingest.Mail, error) {
	q, err := d.h.store.RequestFor(ctx, v, reference)
	if err != nil {
		return ingest.Mail{}, err
	}
	a.Officer = d.officer(v, q)
	return d.h.store.Answer(ctx, v, reference, a)
}
