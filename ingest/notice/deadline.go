package notice

import (
	"errors"
	"fmt"
	"time"

	"saisine.fr/saisine/ingest"
)

// Kind names a deadline; the words are in the JSON that others script against.
type Kind string

// The kinds.
const (
	// KindAEE is the accusé d’enregistrement électronique: 1 working day (R112-11-2).
	KindAEE Kind = "aee"
	// KindARE is the accusé de réception électronique: 10 working days (R112-11-2).
	KindARE Kind = "are"
	// KindAcknowledgement is that of what is not electronic; no text dates it (L112-3).
	KindAcknowledgement Kind = "acknowledgement"
	// KindImplicit is the decision that silence makes (L231-1 to L231-6).
	KindImplicit Kind = "implicit"
	// KindCADA is that on access to documents (R*311-12).
	KindCADA Kind = "cada"
	// KindGDPR is the answer to a data subject; silence is no decision there.
	KindGDPR Kind = "gdpr"
	// KindUrban is the end of the instruction of an urban planning file (R*423-23).
	KindUrban Kind = "urbanisme"
	// KindPieces is until when the citizen sends what is missing.
	KindPieces Kind = "pieces"
	// KindTransmission is passing on what another administration is competent for; no
	// text dates it (L114-2).
	KindTransmission Kind = "transmission"
)

// Who has to act before a deadline.
type Who string

// Those who act.
const (
	WhoTown    Who = "town"
	WhoCitizen Who = "citizen"
	// WhoOther is the competent administration, where that is not the town.
	WhoOther Who = "other"
)

// Step is one step of a computation: a French sentence and the article it rests on, or "".
type Step struct {
	Text    string `json:"text"`
	Article string `json:"article"`
}

// Deadline is a date that a rule sets for a request, with its reasons.
type Deadline struct {
	Kind Kind
	// Day is the date; zero while there is none, and Explanation says why.
	Day Day
	// Due is the moment: the last second of Day for what must be done by then; its first
	// for a decision that silence makes, since an answer must have left before. Zero with Day.
	Due time.Time
	// Sense is what silence then means; "" where the deadline is not about that.
	Sense Sense
	Who   Who
	// Rule is the rule in a few French words, Article where it stands.
	Rule    string
	Article string
	// Explanation is the computation, step by step.
	Explanation []Step
}

// Plan is all that a request asks of the town.
type Plan struct {
	// Deadlines in the order of their making: receipts, silence, pieces.
	Deadlines []Deadline
	// Remarks are what has to be known and sets no date.
	Remarks []Step
}

// Silence returns the deadline after which silence is a decision: what a receipt must
// name (R112-11-1, R112-5). ok is false where silence is none.
func (p Plan) Silence() (d Deadline, ok bool) {
	for _, d := range p.Deadlines {
		switch d.Kind {
		case KindImplicit, KindCADA, KindUrban:
			return d, true
		}
	}
	return Deadline{}, false
}

// Asked is one demand for missing pieces (CRPA L114-5).
type Asked struct {
	// At is when the citizen was asked.
	At time.Time
	// Until is the last day of the time allowed. In the procedures of the urban planning
	// code it is not looked at: R*423-39 allows three months.
	Until Day
	// CameAt is when the last of the pieces came; zero while they are awaited.
	CameAt time.Time
}

// Case is what the deadlines of a request depend on.
type Case struct {
	Rule    Rule
	Channel ingest.Channel
	// Received is when the town got it.
	Received time.Time
	// Postmark is the day of a letter's stamp; zero when there is none. It starts no clock.
	Postmark Day
	// First is when another administration got it that passed it on to the town; zero when
	// it came straight here.
	First time.Time
	// Elsewhere is true when the town is not competent and has to pass it on.
	Elsewhere bool
	// Competent is, with Elsewhere, when the competent administration got it; zero while
	// it is not known to have it.
	Competent time.Time
	// Missing are the demands for missing pieces.
	Missing []Asked
	// Complete is when the town found the file complete, or zero. It settles the demands
	// that were made up to then.
	Complete time.Time
}

// Years between which moments are believed; outside them one is a slip.
const (
	firstYear = 1900
	lastYear  = 2199
)

// maxAsked bounds the demands for pieces of one request.
const maxAsked = 100

// electronic reports whether what comes by a channel is an envoi électronique (CRPA
// L112-8): a mail, a form, an app. Counter and phone notes are written by an agent.
func electronic(ch ingest.Channel) (bool, error) {
	switch ch {
	case ingest.ChannelMailbox, ingest.ChannelWebform, ingest.ChannelApp, ingest.ChannelAPI:
		return true, nil
	case ingest.ChannelScan, ingest.ChannelCounter, ingest.ChannelPhone:
		return false, nil
	}
	return false, fmt.Errorf("%q is no channel", ch)
}

// check reports the first thing that cannot be in a case.
func (k Case) check(c Calendar) error {
	if k.Received.IsZero() {
		return errors.New("the time of reception is missing")
	}
	for _, m := range []struct {
		name string
		at   time.Time
	}{{"received", k.Received}, {"first seized", k.First}, {"competent seized", k.Competent}, {"complete", k.Complete}} {
		if err := inYears(m.name, c.Day(m.at), m.at.IsZero()); err != nil {
			return err
		}
	}
	if k.First.After(k.Received) {
		return errors.New("the first administration cannot have been seized after the town received what it passed on")
	}
	if !k.Competent.IsZero() && !k.Elsewhere {
		return errors.New("the seizure of another competent administration is given, but the town is competent")
	}
	if !k.Competent.IsZero() && k.Competent.Before(k.Received) {
		return errors.New("the competent administration cannot have been seized before the town that passes it on")
	}
	if len(k.Missing) > maxAsked {
		return fmt.Errorf("pieces were asked for %d times; %d at most are believed", len(k.Missing), maxAsked)
	}
	for _, a := range k.Missing {
		if err := a.check(c, k); err != nil {
			return fmt.Errorf("missing pieces: %w", err)
		}
	}
	return nil
}

func (a Asked) check(c Calendar, k Case) error {
	at, came := c.Day(a.At), c.Day(a.CameAt)
	if a.At.IsZero() {
		return errors.New("the time of asking is missing")
	}
	if err := inYears("asked", at, false); err != nil {
		return err
	}
	if err := inYears("came", came, a.CameAt.IsZero()); err != nil {
		return err
	}
	first := k.Received
	if !k.First.IsZero() {
		first = k.First
	}
	if at.Before(c.Day(first)) {
		return fmt.Errorf("they were asked for on %s, before the request came", at)
	}
	if !a.CameAt.IsZero() && a.CameAt.Before(a.At) {
		return fmt.Errorf("they came on %s, before they were asked for", came)
	}
	if k.urban() {
		return nil
	}
	if a.Until.IsZero() {
		return fmt.Errorf("the time allowed is missing for those asked for on %s (CRPA L114-5)", at)
	}
	if a.Until.Before(at) {
		return fmt.Errorf("the time allowed ends on %s, before they were asked for", a.Until)
	}
	return inYears("until", a.Until, false)
}

// urban reports whether missing pieces follow the urban planning code.
func (k Case) urban() bool {
	l, err := k.Rule.law()
	return err == nil && l.gap == gapUrban
}

func inYears(name string, d Day, none bool) error {
	if !none && (d.Year < firstYear || d.Year > lastYear) {
		return fmt.Errorf("%s: the year %d is not between %d and %d", name, d.Year, firstYear, lastYear)
	}
	return nil
}
