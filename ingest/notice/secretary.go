package notice

import (
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Matter is what the town's categories file says of a category, as far as letters go.
type Matter struct {
	Label   string
	Rule    Rule
	Service Contact
	// Doubtful is set when kinds of files within the category have rules of their own: then
	// the sense of silence is not sure until a person has named the kind.
	Doubtful bool
	// Silent lists the statuses of which citizens are not told.
	Silent []ingest.Status
	// Hourly is set when the service wants one list an hour instead of a mail for each
	// request, Untold when it wants none.
	Hourly, Untold bool
}

// Secretary decides what the town writes to whom and when, and until when it owes what. It
// implements ingest.Correspondence, and is safe for concurrent use.
type Secretary struct {
	Calendar Calendar
	// Matter returns that of a category; ok is false for one that the town does not have.
	Matter func(category string, p Procedure) (m Matter, ok bool)
	Town   Contact
	// Muted says why no mail can be sent at all, in French, or "".
	Muted string
	// Own are the town's own addresses, to which nothing is written.
	Own []string
	// PerHour is how many receipts an address is sent in an hour; what goes beyond is abuse
	// by number (CRPA L112-11). 0 means DefaultPerHour.
	PerHour int
}

var _ ingest.Correspondence = (*Secretary)(nil)

// DefaultPerHour is how many receipts an address is sent in an hour. An association that
// sends the forms of its members stays below; a mail loop does not.
const DefaultPerHour = 50

// sureConfidence is how sure a category must be to name its service and the sense of its
// silence to the citizen without a person: surer than to go without review, since an agent
// corrects a wrong category in a moment, and a wrong acknowledgement only by another one.
const sureConfidence = 0.8

// between is how long an address is left in peace by automatic mails that are no receipts.
const between = time.Hour

// electronicChannel reports whether the receipts of L112-11 are owed.
func electronicChannel(c ingest.Channel) bool {
	online, err := electronic(c)
	return err == nil && online
}

// spoken reports whether a request was made by word of mouth.
func spoken(c ingest.Channel) bool {
	return c == ingest.ChannelCounter || c == ingest.ChannelPhone
}

// forbidden says why nothing may be written to an address, or "".
func (s *Secretary) forbidden(to, noReply string) string {
	to = strings.ToLower(strings.TrimSpace(to))
	switch {
	case to == "":
		return "aucune adresse électronique\u00a0: à envoyer par courrier"
	case slices.Contains(s.Own, to):
		return "l’adresse est celle de la mairie"
	case noReply != "":
		return noReply + " (RFC 3834)\u00a0: à envoyer à la main"
	}
	return s.Muted
}

// Unreachable implements ingest.Correspondence. What forbids automatic answers (RFC 3834) does
// not forbid a person's.
func (s *Secretary) Unreachable(to string) string { return s.forbidden(to, "") }

// Receipts implements ingest.Correspondence.
func (s *Secretary) Receipts(f ingest.ReceiptFacts) ingest.Reply {
	var out ingest.Reply
	m, known := s.Matter(f.Category, Procedure(f.Procedure))
	sure := known && !f.NeedsReview && f.Link == ingest.LinkOpens
	if sure && !f.NoReceipt {
		s.assign(&out, m)
	}
	kind, due := s.receipt(f, m, sure)
	if !due {
		return out
	}
	d := ingest.MailDraft{Kind: kind, To: f.From.Email, Withheld: s.withheld(kind, f)}
	if kind == ingest.MailPaper {
		d.To = ""
	}
	out.Mails = append(out.Mails, d)
	return out
}

// receipt says which one a submission gets; due is false when it has it, or gets none now.
// Paper, and what somebody says who leaves a postal address, is acknowledged once the service
// and the sense of silence can be named; what joins a request on paper is not.
func (s *Secretary) receipt(f ingest.ReceiptFacts, m Matter, sure bool) (kind ingest.MailKind, due bool) {
	has := func(k ingest.MailKind) bool { return slices.Contains(f.Sent, k) }
	online := electronicChannel(f.Channel)
	named := sure && (f.Confirmed || !m.Doubtful)
	switch {
	case f.Link != ingest.LinkOpens:
		return ingest.MailJoined, online && !has(ingest.MailJoined)
	case spoken(f.Channel) && strings.TrimSpace(f.From.Address) == "":
		// There is nowhere to send a letter to; who is there gets the desk's slip.
		return ingest.MailPaper, false
	case !online:
		return ingest.MailPaper, named && !has(ingest.MailPaper)
	case named && (f.Confirmed || f.Confidence >= sureConfidence) && len(s.lacking(f, m)) == 0:
		return ingest.MailARE, !has(ingest.MailARE)
	default:
		return ingest.MailAEE, !has(ingest.MailAEE) && !has(ingest.MailARE)
	}
}

// withheld says why a receipt is not sent, or "".
func (s *Secretary) withheld(kind ingest.MailKind, f ingest.ReceiptFacts) string {
	if f.NoReceipt {
		return "reprise d’anciens envois, sans accusé"
	}
	if kind == ingest.MailPaper {
		return ""
	}
	if why := s.forbidden(f.From.Email, f.NoReply); why != "" {
		return why
	}
	switch {
	case kind == ingest.MailJoined && (recent(f.Now, f.Log.LastReceipt) || recent(f.Now, f.Log.LastOther)):
		return "un message automatique est parti à cette adresse il y a moins d’une heure"
	case f.Log.Receipts >= s.perHour() && !f.Confirmed:
		return "envois trop nombreux de cette adresse en une heure (CRPA L112-11)"
	}
	return ""
}

func (s *Secretary) perHour() int {
	if s.PerHour > 0 {
		return s.PerHour
	}
	return DefaultPerHour
}

// queued is how far ahead a mail may wait for its turn: as many as go to an address in a day.
const queued = 24 * between

// recent reports whether t lies within the time in which an address is left in peace, or
// ahead, where one waits for its turn. What lies farther ahead was written by a clock that
// was wrong.
func recent(now, t time.Time) bool {
	d := now.Sub(t)
	return !t.IsZero() && d < between && d >= -queued
}

// assign hands a request to its service by telling it, at once or in its next list. One that
// is told nothing has been handed nothing yet: somebody there has to look.
func (s *Secretary) assign(out *ingest.Reply, m Matter) {
	if m.Untold || m.Service.Email == "" || s.Muted != "" {
		return
	}
	out.Assigned = m.Service.Name
	if m.Hourly {
		return
	}
	out.Mails = append(out.Mails, ingest.MailDraft{Kind: ingest.MailService, To: m.Service.Email, Detail: ingest.MailDetail{Service: m.Service.Name}})
}

// lacking lists the mandatory mentions that an ARE would lack.
func (s *Secretary) lacking(f ingest.ReceiptFacts, m Matter) []string {
	plan, err := s.Calendar.Plan(Case{Rule: m.Rule, Channel: f.Channel, Received: f.ReceivedAt})
	if err != nil {
		return []string{err.Error()}
	}
	return Mentions(Letter{Kind: LetterARE, Town: s.Town, Service: m.Service, Received: f.ReceivedAt, Plan: plan})
}

// StatusChanged implements ingest.Correspondence.
func (s *Secretary) StatusChanged(f ingest.StatusFacts) []ingest.MailDraft {
	m, _ := s.Matter(f.Category, Ordinary)
	if f.New == ingest.StatusNew || slices.Contains(m.Silent, f.New) {
		return nil
	}
	d := ingest.MailDraft{
		Kind: ingest.MailStatus, To: f.To, Withheld: s.forbidden(f.To, f.NoReply),
		Detail: ingest.MailDetail{Status: f.New, Note: f.Note},
	}
	if recent(f.Now, f.Log.LastOther) {
		d.NotBefore = f.Log.LastOther.Add(between)
	}
	return []ingest.MailDraft{d}
}

// Transmitted implements ingest.Correspondence. The law wants this mail (L114-2).
func (s *Secretary) Transmitted(f ingest.StatusFacts, administration string) []ingest.MailDraft {
	return []ingest.MailDraft{{
		Kind: ingest.MailStatus, To: f.To, Withheld: s.forbidden(f.To, f.NoReply),
		Detail: ingest.MailDetail{Status: StatusTransmitted, Note: "Administration compétente\u00a0: " + administration},
	}}
}

// PiecesAsked implements ingest.Correspondence. The law wants this mail (R112-11-4), so that
// it waits for nothing.
func (s *Secretary) PiecesAsked(f ingest.PiecesFacts) []ingest.MailDraft {
	return []ingest.MailDraft{{
		Kind: ingest.MailPieces, To: f.To, Withheld: s.forbidden(f.To, f.NoReply),
		Detail: ingest.MailDetail{Pieces: f.Pieces, Until: f.Until, Note: f.Note},
	}}
}

// Plan computes the deadlines of a request with their reasons. It fails for a category that
// the town does not have.
func (s *Secretary) Plan(f ingest.DeadlineFacts) (Plan, bool) {
	m, ok := s.Matter(f.Category, Procedure(f.Procedure))
	if !ok {
		// Nobody knows yet what it is about: receipts are owed all the same, and the law's
		// default stands.
		m = Matter{}
	}
	k := Case{
		Rule: m.Rule, Channel: f.Channel, Received: f.Received, First: f.First, Elsewhere: f.Elsewhere, Competent: f.Competent,
	}
	if !f.Postmark.IsZero() {
		k.Postmark = DayIn(f.Postmark, time.UTC) // kept at midnight UTC: it has no hour
	}
	for _, a := range f.Asked {
		until, err := ParseDay(a.Until)
		if err != nil {
			continue
		}
		k.Missing = append(k.Missing, Asked{At: a.At, Until: until, CameAt: a.CameAt})
	}
	plan, err := s.Calendar.Plan(k)
	if err != nil {
		// Pieces that were asked for by a clock that was wrong, say: better the plain dates than none.
		k.Missing, k.Rule.Procedure, k.First, k.Competent = nil, Ordinary, time.Time{}, time.Time{}
		plan, err = s.Calendar.Plan(k)
	}
	return plan, err == nil
}

// Deadlines implements ingest.Correspondence.
func (s *Secretary) Deadlines(f ingest.DeadlineFacts) []ingest.Deadline {
	plan, _ := s.Plan(f)
	out := make([]ingest.Deadline, 0, len(plan.Deadlines))
	for _, d := range plan.Deadlines {
		if f.NoReceipt && (d.Kind == KindAEE || d.Kind == KindARE || d.Kind == KindAcknowledgement || !d.Due.IsZero() && d.Due.Before(f.Recorded)) {
			continue // of an archive that was imported, nobody is owed what was due before
		}
		out = append(out, ingest.Deadline{
			Kind: string(d.Kind), Due: d.Due, Day: d.Day.String(), Rule: d.Rule, Article: d.Article, Sense: string(d.Sense), Who: string(d.Who), DoneAt: done(d, f),
		})
	}
	return out
}

// done is when what a deadline asks for was done; zero while it is open.
func done(d Deadline, f ingest.DeadlineFacts) time.Time {
	first := func(kinds ...ingest.MailKind) time.Time {
		for _, r := range f.Receipts {
			if slices.Contains(kinds, r.Kind) {
				return r.At
			}
		}
		return time.Time{}
	}
	switch d.Kind {
	case KindAEE:
		return first(ingest.MailAEE, ingest.MailARE, ingest.MailPaper)
	case KindARE:
		// Where no mail gets through, the letter says all that the mail would have said.
		return first(ingest.MailARE, ingest.MailPaper)
	case KindAcknowledgement:
		return first(ingest.MailPaper, ingest.MailARE)
	case KindImplicit, KindCADA, KindGDPR, KindUrban:
		return f.Answered
	}
	return time.Time{}
}
