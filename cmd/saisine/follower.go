package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
)

// follower is webform.Follower and webform.Correspondent: what a citizen sees and does by the
// link of a submission.
type follower struct{ h *house }

// Token implements webform.Follower.
func (f follower) Token(ctx context.Context, id string) (string, error) {
	generation, err := f.h.store.LinkGeneration(ctx, id)
	if err != nil {
		return "", err
	}
	return f.h.tokens.Token(id, generation)
}

// Answering implements webform.Correspondent.
func (f follower) Answering(ctx context.Context, token string) (string, error) {
	id, generation, err := f.h.tokens.Submission(token)
	if err != nil {
		return "", err
	}
	now, err := f.h.store.LinkGeneration(ctx, id)
	switch {
	case err != nil:
		return "", err
	case generation < now:
		return "", fmt.Errorf("%w: submission %s", webform.ErrRevoked, id)
	case generation > now:
		return "", fmt.Errorf("%w: token", ingest.ErrNotFound)
	}
	return id, nil
}

// Follow implements webform.Follower.
func (f follower) Follow(ctx context.Context, token string) (webform.Status, error) {
	id, err := f.Answering(ctx, token)
	if err != nil {
		return webform.Status{}, err
	}
	rec, err := f.h.store.Submission(ctx, id)
	if err != nil {
		return webform.Status{}, err
	}
	st := webform.Status{
		ID: rec.ID, ReceivedAt: rec.ReceivedAt, State: rec.State, Link: rec.Link, Reference: rec.Request,
		CanAnswer: rec.State == ingest.StateFiled || rec.State == ingest.StateReceived,
	}
	if rec.Request == "" {
		return st, nil
	}
	q, err := f.h.store.Request(ctx, rec.Request)
	if err != nil {
		return webform.Status{}, err
	}
	st.Status = string(q.Status)
	if !q.NeedsReview {
		// A guess that an agent has yet to confirm is not told to the citizen.
		st.Category = f.h.categoryLabel(q.Category)
		if m, ok := f.h.secretary.Matter(q.Category, notice.Procedure(q.Procedure)); ok {
			st.Service = &webform.ServiceLine{Name: m.Service.Name, Email: m.Service.Email, Phone: m.Service.Phone, Address: m.Service.Address}
			st.Deadline = f.silence(q)
		}
	}
	for _, a := range q.Pieces {
		if until, err := time.Parse(time.DateOnly, a.Until); err == nil && a.CameAt.IsZero() {
			st.Pieces, st.PiecesUntil = append(st.Pieces, a.Pieces...), until
		}
	}
	st.Receipts = receiptLines(q.Mails, id)
	if rec.Link == ingest.LinkOpens {
		// Who only joined is told where the matter stands, and not all that happened in it.
		history, err := f.h.store.History(ctx, q.Reference)
		if err != nil {
			return st, err
		}
		st.History = publicHistory(history)
	}
	return st, nil
}

// silence is what the citizen may know of the date on which silence decides.
func (f follower) silence(q ingest.Request) *webform.DeadlineLine {
	for _, d := range q.Deadlines {
		day, err := notice.ParseDay(d.Day)
		if err != nil || !d.DoneAt.IsZero() {
			continue
		}
		l := &webform.DeadlineLine{Label: "Réponse attendue avant le", Day: time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)}
		switch {
		case d.Sense == string(notice.Acceptance):
			l.Explain = "Si la mairie ne vous a pas répondu à cette date, votre demande est considérée comme acceptée, sous réserve que le dossier soit complet (" + d.Article + ")."
		case d.Sense == string(notice.Rejection):
			l.Explain = "Si la mairie ne vous a pas répondu à cette date, votre demande est considérée comme refusée, sous réserve que le dossier soit complet (" + d.Article + "). Vous pourrez alors contester ce refus."
		case d.Kind == string(notice.KindGDPR):
			l.Explain = "La mairie doit vous répondre avant cette date (" + d.Article + ")."
		default:
			continue
		}
		return l
	}
	return nil
}

// receiptLabels are the mails that a follow-up page lists.
var receiptLabels = map[ingest.MailKind]string{
	ingest.MailAEE: "Accusé d’enregistrement", ingest.MailARE: "Accusé de réception", ingest.MailJoined: "Accusé de réception de votre message",
	ingest.MailPaper: "Accusé de réception (courrier)", ingest.MailStatus: "Avis d’avancement",
	ingest.MailReply: "Réponse de la mairie", ingest.MailCounterReceipt: "Récépissé",
	ingest.MailPieces: "Demande de pièces", ingest.MailPiecesReminder: "Rappel\u00a0: pièces demandées",
}

// receiptLines lists what was written about a submission.
func receiptLines(mails []ingest.Mail, submission string) []webform.ReceiptLine {
	var out []webform.ReceiptLine
	for _, m := range mails {
		label, ok := receiptLabels[m.Kind]
		if !ok || m.Submission != submission || m.Kind == ingest.MailStatus && m.State == ingest.MailWithheld {
			continue
		}
		l := webform.ReceiptLine{ID: m.ID, Label: label, At: m.CreatedAt, State: string(m.State), Downloadable: m.SHA256 != ""}
		if !m.EndedAt.IsZero() {
			l.At = m.EndedAt
		}
		switch m.State {
		case ingest.MailPrinted:
			l.State = string(ingest.MailSent)
		case ingest.MailFailed:
			l.State, l.Explain = string(ingest.MailWithheld), "le serveur de messagerie l’a refusé\u00a0; la mairie en est avertie"
		case ingest.MailBounced:
			l.Explain = "votre adresse électronique n’a pas pu être jointe\u00a0; la mairie en est avertie"
		case ingest.MailWithheld:
			l.Explain = m.Reason
		}
		out = append(out, l)
	}
	return out
}

// Receipt implements webform.Correspondent.
func (f follower) Receipt(ctx context.Context, token, id string) (webform.Download, error) {
	submission, err := f.Answering(ctx, token)
	if err != nil {
		return webform.Download{}, err
	}
	m, err := f.h.store.Mail(ctx, id)
	if err != nil {
		return webform.Download{}, err
	}
	if _, shown := receiptLabels[m.Kind]; !shown || m.Submission != submission {
		return webform.Download{}, fmt.Errorf("%w: mail %s", ingest.ErrNotFound, id)
	}
	data, err := f.h.store.MailContent(ctx, id)
	if err != nil {
		return webform.Download{}, err
	}
	if data == nil {
		return webform.Download{}, fmt.Errorf("%w: mail %s is not made yet", ingest.ErrNotFound, id)
	}
	d := webform.Download{Name: "accuse-" + m.Request + ".eml", Type: "message/rfc822", Data: data}
	if m.Kind == ingest.MailReply {
		d.Name = "reponse-" + m.Request + ".eml"
	}
	if m.OnPaper() {
		d.Name, d.Type = strings.TrimSuffix(d.Name, ".eml")+".pdf", "application/pdf"
	}
	return d, nil
}

// publicHistory tells what happened to a request in words fit for the citizen: no agent's
// name, nothing about other people's submissions.
func publicHistory(events []store.Event) []webform.Event {
	var out []webform.Event
	for _, e := range events {
		text := ""
		switch e.Kind {
		case "request.opened":
			text = "Votre demande est enregistrée."
		case "request.assigned":
			text = "Votre demande est confiée au service compétent."
		case "request.status":
			text = statusTexts[e.Detail.NewStatus]
		case "request.replied":
			text = "La mairie vous a répondu."
		case "request.reopened":
			text = "Vous avez écrit de nouveau\u00a0: le traitement reprend."
		case "request.pieces_asked":
			text = "La mairie vous a demandé des pièces."
		case "request.pieces_came":
			text = "Les pièces demandées sont arrivées."
		case "request.transmitted":
			text = "Votre demande est transmise à l’administration compétente\u00a0: " + e.Detail.To + "."
		}
		if text != "" {
			out = append(out, webform.Event{At: e.At, Text: text})
		}
	}
	return out
}

var statusTexts = map[ingest.Status]string{
	ingest.StatusAssigned:       "Votre demande est confiée au service compétent.",
	ingest.StatusInProgress:     "Un agent s’occupe de votre demande.",
	ingest.StatusWaitingCitizen: "La mairie attend un complément de votre part.",
	ingest.StatusAnswered:       "La mairie a répondu à votre demande.",
	ingest.StatusClosed:         "Le traitement de votre demande est terminé.",
}
