package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// The acts of a person on where a request stands: its status, missing pieces, the wrong door,
// the letter on paper, the follow-up link.

func newStatusActs(a *app) []*cobra.Command {
	var note string
	set := newAct(a, "set REF status STATUS", "Move a request to a status, and tell the citizen",
		`STATUS is new, assigned, in_progress, waiting_citizen, answered or closed. The citizen is
told by mail unless the category's "quiet" lists the status.`, cobra.ExactArgs(3),
		func(ctx context.Context, o office, args []string) (string, string, error) {
			if args[1] != "status" {
				return "", "", usageError{fmt.Errorf("%q cannot be set; say: requests set %s status STATUS", args[1], args[0])}
			}
			err := o.store.SetStatus(ctx, args[0], ingest.Status(args[2]), note, actor())
			return args[0], fmt.Sprintf("%s is %s now", args[0], args[2]), err
		})
	set.Flags().StringVar(&note, "note", "", "words of your own to the citizen")

	var pieces []string
	var until string
	ask := newAct(a, "ask REF --piece TEXT --until DAY", "Ask the citizen for missing pieces",
		`The request waits for them; the clock of silence stands still or starts anew with them
(CRPA L114-5). "requests pieces-came" says that they are there.`, cobra.ExactArgs(1),
		func(ctx context.Context, o office, args []string) (string, string, error) {
			err := o.store.AskPieces(ctx, args[0], pieces, until, note, actor())
			return args[0], fmt.Sprintf("%s waits for %s until %s", args[0], strings.Join(pieces, ", "), until), err
		})
	ask.Flags().StringArrayVar(&pieces, "piece", nil, "a missing piece; repeatable")
	ask.Flags().StringVar(&until, "until", "", "the last `DAY` of the time allowed, as 2026-04-23")
	ask.Flags().StringVar(&note, "note", "", "words of your own to the citizen")

	var at string
	came := newAct(a, "pieces-came REF", "Say that the missing pieces are there",
		"The clocks of silence run on, or start, from the day on which they came.", cobra.ExactArgs(1),
		func(ctx context.Context, o office, args []string) (string, string, error) {
			when := time.Now()
			if at != "" {
				var err error
				if when, err = parseMoment(at, zoneOf(o.cfg)); err != nil {
					return "", "", usageError{fmt.Errorf("--at: %w", err)}
				}
			}
			return args[0], args[0] + " is complete", o.store.PiecesCame(ctx, args[0], when, actor())
		})
	came.Flags().StringVar(&at, "at", "", "`TIME` at which they came; now when left out")

	var competent string
	transmit := newAct(a, "transmit REF ADMINISTRATION", "Say that another administration is competent, and has been sent the request",
		`The clock of an acceptance starts when that one gets it, that of a rejection has started
with the town (CRPA L114-2, L114-3).`, cobra.ExactArgs(2),
		func(ctx context.Context, o office, args []string) (string, string, error) {
			var when time.Time
			if competent != "" {
				var err error
				if when, err = parseMoment(competent, zoneOf(o.cfg)); err != nil {
					return "", "", usageError{fmt.Errorf("--received: %w", err)}
				}
			}
			return args[0], fmt.Sprintf("%s is with %s", args[0], args[1]), o.store.Transmit(ctx, args[0], args[1], when, actor())
		})
	transmit.Flags().StringVar(&competent, "received", "", "`TIME` at which the competent administration got it, once it is known")

	return []*cobra.Command{
		set, ask, came, transmit,
		newAct(a, "set-type REF TYPE", "Name the kind of file that a request is, which has deadlines of its own",
			"TYPE is one of "+joinNames(notice.Procedures())+`; "" takes it back.`, cobra.ExactArgs(2),
			func(ctx context.Context, o office, args []string) (string, string, error) {
				if args[1] != "" && !slices.Contains(notice.Procedures(), notice.Procedure(args[1])) {
					return "", "", usageError{fmt.Errorf("there is no type %q; there are %s", args[1], joinNames(notice.Procedures()))}
				}
				return args[0], fmt.Sprintf("%s is of type %s now", args[0], orDash(args[1])), o.store.SetProcedure(ctx, args[0], args[1], actor())
			}),
		newAct(a, "revoke-link REF", "Make the follow-up links of a request worthless, and show a new one",
			"For a link that has come into the wrong hands.", cobra.ExactArgs(1), revokeLink),
		newAct(a, "letter REF FILE.pdf", "Write the acknowledgement on paper, ready to print",
			`For what came by post, at the counter or by phone (CRPA L112-3), and where no mail can be
sent. The letter counts as sent from then on; writing it again gives the same one.`, cobra.ExactArgs(2), writeLetter),
	}
}

func revokeLink(ctx context.Context, o office, args []string) (string, string, error) {
	if err := o.store.RevokeLinks(ctx, args[0], actor()); err != nil {
		return "", "", err
	}
	q, err := o.store.Request(ctx, args[0])
	if err != nil {
		return "", "", err
	}
	r, err := o.mailroom(ctx)
	if err != nil {
		return "", "", err
	}
	if opening := openingOf(q); opening != "" {
		url, err := r.followURL(ctx, opening)
		return q.Reference, fmt.Sprintf("the links of %s are revoked; the new one is %s", q.Reference, url), err
	}
	return q.Reference, "the links of " + q.Reference + " are revoked", nil
}

func writeLetter(ctx context.Context, o office, args []string) (string, string, error) {
	q, err := o.store.Request(ctx, args[0])
	if err != nil {
		return "", "", err
	}
	m, err := paperOf(ctx, o.store, q)
	if err != nil {
		return "", "", err
	}
	r, err := o.mailroom(ctx)
	if err != nil {
		return "", "", err
	}
	pdf, err := r.paper(ctx, m)
	if err != nil {
		return "", "", fmt.Errorf("the letter cannot be written: %w", err)
	}
	if err := os.WriteFile(args[1], pdf, 0o600); err != nil {
		return "", "", err
	}
	if err := o.store.MailPrinted(ctx, m.ID, actor()); err != nil {
		return "", "", err
	}
	return q.Reference, fmt.Sprintf("wrote %s; print it and send it to %s", args[1], orDash(strings.Join(nonEmpty(q.Sender.Name, q.Sender.Address), ", "))), nil
}

// errToReview means that a letter cannot be written yet.
var errToReview = errors.New("the letter names the service: confirm the category first (requests set-category)")

// paperOf returns the letter on paper of a request, which is noted where it was not yet.
func paperOf(ctx context.Context, s *store.Store, q ingest.Request) (ingest.Mail, error) {
	for _, m := range q.Mails {
		if m.Kind == ingest.MailPaper {
			return m, nil
		}
	}
	if q.NeedsReview {
		return ingest.Mail{}, errToReview
	}
	return s.DraftPaper(ctx, q.Reference)
}

// toldStatus is told for events about where a request stands.
func toldStatus(e store.Event) string {
	d := e.Detail
	switch e.Kind {
	case "request.assigned":
		return "handed it to " + d.Service
	case "request.status":
		return fmt.Sprintf("moved it from %s to %s", d.OldStatus, d.NewStatus)
	case "request.replied":
		out := "answered by mail"
		if d.Paper {
			out = "answered by letter"
		}
		if d.NewStatus != "" {
			out += fmt.Sprintf(" and moved it from %s to %s", d.OldStatus, d.NewStatus)
		}
		return out + " (" + d.Number + ")"
	case "request.reopened":
		return fmt.Sprintf("took it up again: the citizen has written (%s before)", d.OldStatus)
	case "request.pieces_asked":
		return fmt.Sprintf("asked for %s until %s", strings.Join(d.Pieces, ", "), d.Until)
	case "request.pieces_came":
		return "found the pieces complete"
	case "request.transmitted":
		return "passed it on to " + d.To
	case "request.procedure":
		return "named its type"
	case "request.link_revoked":
		return "revoked its follow-up links"
	case "request.assigned_to":
		if d.Agent == "" {
			return "took it from who had it"
		}
		return "handed it to " + d.Agent
	case "request.corrected":
		return "corrected subject, sender or place"
	case "request.comment":
		return "noted: " + d.Text
	case "request.apart":
		return fmt.Sprintf("told %s and %s apart", d.From, d.To)
	case "mail.bounced", "mail.failed", "mail.withheld":
		return fmt.Sprintf("%s %s: %s", strings.TrimPrefix(e.Kind, "mail."), d.Kind, d.Reason)
	}
	return ""
}

// deadlineLine is a deadline for people.
func deadlineLine(d ingest.Deadline, zone *time.Location) string {
	out := fmt.Sprintf("%s  %s  %s [%s]", d.Kind, orDash(d.Day), d.Rule, d.Article)
	if !d.DoneAt.IsZero() {
		out += "  done " + view.Time(d.DoneAt, zone)
	}
	return out
}

// mailLine is a mail for people.
func mailLine(m ingest.Mail, zone *time.Location) string {
	at := m.CreatedAt
	if !m.EndedAt.IsZero() {
		at = m.EndedAt
	}
	out := fmt.Sprintf("%s  %s  %s  %s", m.ID, m.Kind, m.State, view.Time(at, zone))
	if m.To != "" {
		out += "  to " + m.To
	}
	if m.Reason != "" {
		out += "  (" + m.Reason + ")"
	}
	return out
}

// explainDeadlines adds the reasons to the deadlines of a request.
func explainDeadlines(list []view.Deadline, plan notice.Plan) {
	for i := range list {
		for _, p := range plan.Deadlines {
			if string(p.Kind) != list[i].Kind || p.Day.String() != list[i].Day {
				continue
			}
			for _, s := range p.Explanation {
				list[i].Explanation = append(list[i].Explanation, sentence(s))
			}
		}
	}
}
