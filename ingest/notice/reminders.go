package notice

import (
	"slices"
	"time"

	"saisine.fr/saisine/ingest"
)

// Hours are when the town's people are at their desks, as times after midnight.
type Hours struct{ Morning, Evening time.Duration }

// Round names the round of reminders that is due at t, one for each working hour of the
// town's calendar, as 2026-11-25T09; "" outside of them.
func (c Calendar) Round(t time.Time, h Hours) string {
	local := t.In(c.Zone())
	day := c.Day(t)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, c.Zone())
	if at := local.Sub(midnight); !c.Working(day) || at < h.Morning || at >= h.Evening {
		return ""
	}
	return local.Format("2006-01-02T15")
}

// piecesNotice is how many days before the end of the time allowed citizens are reminded of
// missing pieces; of a shorter time, at its half.
const piecesNotice = 7

// RemindOfPieces decides whether a citizen is reminded today of pieces that are awaited. ok is
// false while it is too early, and once the time allowed is over.
func (s *Secretary) RemindOfPieces(now time.Time, to, noReply string, a ingest.AskedPieces, log ingest.MailLog) (d ingest.MailDraft, ok bool) {
	until, err := ParseDay(a.Until)
	if err != nil {
		return d, false
	}
	asked, today := s.Calendar.Day(a.At), s.Calendar.Day(now)
	from := until.Add(-min(piecesNotice, until.Sub(asked)/2))
	if today.Before(from) || today.After(until) || !today.After(asked) {
		return d, false
	}
	d = ingest.MailDraft{
		Kind: ingest.MailPiecesReminder, To: to, Withheld: s.forbidden(to, noReply),
		Detail: ingest.MailDetail{Pieces: slices.Clone(a.Pieces), Until: a.Until},
	}
	if recent(now, log.LastOther) {
		d.NotBefore = log.LastOther.Add(between)
	}
	return d, true
}
