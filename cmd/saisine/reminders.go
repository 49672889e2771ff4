package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/queue"
)

// rounds are the rounds of reminders, one each working hour. As a queue.Ledger it says which
// one is due, so that the sweeper hands it to the queue within a minute of its time, or at
// the next start in those hours; as a queue.Processor it makes the round. What is reminded
// of follows from the store alone, and what was given is noted there: a round that was
// missed is made up for by the next one, and one that is made twice writes nothing twice.
// All that a service is told in a morning is one mail, so that a clock that jumps by a year
// makes no flood.
type rounds struct {
	h     *house
	hours notice.Hours
	now   func() time.Time
}

func newRounds(h *house) *rounds {
	return &rounds{h: h, now: clock, hours: notice.Hours{Morning: clockTime(h.cfg.Letters.Morning), Evening: clockTime(h.cfg.Letters.Evening)}}
}

// clockTime is a time of the day as the time after midnight; Validate has refused others.
func clockTime(s string) time.Duration {
	t, err := time.Parse(config.ClockForm, s)
	if err != nil {
		return 0
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// roundSlot is the slot of the store that holds the last round.
const roundSlot = "round"

// Unfinished implements queue.Ledger.
func (r *rounds) Unfinished(ctx context.Context, after int64, _ int) ([]queue.Job, error) {
	round := r.h.secretary.Calendar.Round(r.now(), r.hours)
	if after > 0 || round == "" || r.h.mails.smtp == nil {
		return nil, nil
	}
	done, err := r.h.store.SlotTaken(ctx, roundSlot, round)
	if err != nil || done {
		return nil, err
	}
	return []queue.Job{{Kind: queue.KindRemind, ID: round, Queue: queue.QueueOutbound, Seq: 1}}, nil
}

// Process implements queue.Processor.
func (r *rounds) Process(ctx context.Context, round string) error {
	if round != r.h.secretary.Calendar.Round(r.now(), r.hours) {
		return nil // of an hour that is over: the next one makes up for it
	}
	due, err := r.due(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, []store.Due) error{r.digests, r.mornings, r.escalate, r.pieces} {
		if err := step(ctx, due); err != nil {
			return err
		}
	}
	_, err = r.h.store.TakeSlot(ctx, roundSlot, round)
	return err
}

// Fail implements queue.FailureRecorder: the next hour tries again.
func (r *rounds) Fail(ctx context.Context, round, reason string) error {
	r.h.log.LogAttrs(ctx, slog.LevelError, "a round of reminders failed; the next hour makes up for it", slog.String("round", round), slog.String("reason", reason))
	_, err := r.h.store.TakeSlot(ctx, roundSlot, round)
	return err
}

// listMax bounds how many requests one mail lists; it says itself how many more there are.
const listMax = 500

// services lists those of the categories file, each once.
func services(rules ruleBook) []classify.Service {
	var out []classify.Service
	for _, c := range rules.File().Categories {
		if !slices.ContainsFunc(out, func(o classify.Service) bool { return o.Name == c.Service.Name }) {
			out = append(out, c.Service)
		}
	}
	return out
}

// stepDigest is the step of a request that its service was told of in a list.
const stepDigest = "digest"

// digests tells the services that want one list an hour of what is new.
func (r *rounds) digests(ctx context.Context, _ []store.Due) error {
	for _, s := range services(r.h.rules) {
		if s.Mail != classify.MailHourly || s.Email == "" {
			continue
		}
		references, err := r.h.store.Untold(ctx, s.Name, stepDigest, listMax)
		if err != nil {
			return err
		}
		if len(references) == 0 {
			continue
		}
		_, err = r.h.store.Remind(ctx, store.Reminder{Step: stepDigest, Draft: ingest.MailDraft{
			Kind: ingest.MailDigest, To: s.Email, Detail: ingest.MailDetail{Service: s.Name, References: references},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// due lists the open deadlines of the town that lie up to so many working days ahead, and
// all that are late; by request, the nearest first.
func (r *rounds) due(ctx context.Context) ([]store.Due, error) {
	calendar := r.h.secretary.Calendar
	today := calendar.Day(r.now())
	horizon := today
	if n := r.h.cfg.Letters.DaysBefore; n > 0 {
		horizon = calendar.AddWorkingDays(today, n)
	}
	var list []store.Due
	err := r.h.store.OpenDeadlines(ctx, calendar.Start(horizon.Add(1)), func(d store.Due) error {
		day, err := notice.ParseDay(d.Deadline.Day)
		// What the citizen has not sent in time is the service's business, and not before.
		if err == nil && (d.Deadline.Who == string(notice.WhoTown) || d.Deadline.Who == string(notice.WhoCitizen) && day.Before(today)) {
			list = append(list, d)
		}
		return nil
	})
	return list, err
}

// mornings sends each service, once a working day, what is due soon, due today and late. Nothing
// due, no mail.
func (r *rounds) mornings(ctx context.Context, list []store.Due) error {
	byService := map[string][]string{}
	for _, d := range list {
		name := d.Service
		if d.NeedsReview {
			name = "" // nobody has taken it yet
		}
		if !slices.Contains(byService[name], d.Reference) && len(byService[name]) < listMax {
			byService[name] = append(byService[name], d.Reference)
		}
	}
	review := classify.Service{Name: "", Email: cmp.Or(addressOf(r.h.cfg.Letters.Review), townContact(r.h.cfg).Email)}
	today := r.h.secretary.Calendar.Day(r.now()).String()
	for _, s := range append(services(r.h.rules), review) {
		references := byService[s.Name]
		if len(references) == 0 || s.Email == "" || s.Mail == classify.MailNone {
			continue
		}
		_, err := r.h.store.Remind(ctx, store.Reminder{Slot: "morning/" + s.Name, Value: today, Draft: ingest.MailDraft{
			Kind: ingest.MailMorning, To: s.Email, Withheld: r.toOurselves(s.Email), Detail: ingest.MailDetail{Service: cmp.Or(s.Name, "Demandes à classer"), References: references},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// toOurselves says why a mail to this address would come in as a submission, or "".
func (r *rounds) toOurselves(address string) string {
	for _, m := range r.h.cfg.Channels.Mailbox {
		if m.Username == address {
			return "l’adresse est celle d’une boîte que saisine relève\u00a0: réglez letters.review"
		}
	}
	return ""
}

// escalate tells the manager once of each request with a deadline that stays late.
func (r *rounds) escalate(ctx context.Context, list []store.Due) error {
	if r.h.cfg.Letters.Manager == "" {
		return nil
	}
	calendar := r.h.secretary.Calendar
	today := calendar.Day(r.now())
	byDeadline := map[string][]string{}
	var kinds []string
	for _, d := range list {
		day, err := notice.ParseDay(d.Deadline.Day)
		if err != nil || d.Deadline.Who != string(notice.WhoTown) || calendar.WorkingDaysAfter(day, today) < max(1, r.h.cfg.Letters.EscalateAfter) {
			continue
		}
		if !slices.Contains(kinds, d.Deadline.Kind) {
			kinds = append(kinds, d.Deadline.Kind)
		}
		if len(byDeadline[d.Deadline.Kind]) < listMax {
			byDeadline[d.Deadline.Kind] = append(byDeadline[d.Deadline.Kind], d.Reference)
		}
	}
	for _, kind := range kinds {
		_, err := r.h.store.Remind(ctx, store.Reminder{Step: "escalated/" + kind, Draft: ingest.MailDraft{
			Kind: ingest.MailEscalation, To: addressOf(r.h.cfg.Letters.Manager), Detail: ingest.MailDetail{References: byDeadline[kind]},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// pieces reminds citizens once of the pieces that they were asked for.
func (r *rounds) pieces(ctx context.Context, _ []store.Due) error {
	awaited, err := r.h.store.AwaitedPieces(ctx)
	if err != nil {
		return err
	}
	for _, a := range awaited {
		log, err := r.h.store.MailLog(ctx, a.Sender.Email)
		if err != nil {
			return err
		}
		draft, ok := r.h.secretary.RemindOfPieces(r.now(), a.Sender.Email, a.NoReply, a.Asked, log)
		if !ok {
			continue
		}
		_, err = r.h.store.Remind(ctx, store.Reminder{Step: "pieces/" + a.Asked.At.UTC().Format(time.RFC3339), Request: a.Reference, Draft: draft})
		if err != nil && !errors.Is(err, ingest.ErrNotFound) {
			return err
		}
	}
	return nil
}

// replan computes the deadlines of all open requests again: the categories file, or the program,
// may be another one than the last time.
func (h *house) replan(ctx context.Context) {
	n, err := h.store.ReplanAll(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "the deadlines are not computed anew; those that are written down stand", slog.Any("err", err))
	default:
		h.log.LogAttrs(ctx, slog.LevelDebug, "deadlines computed anew", slog.Int("requests", n))
	}
}
