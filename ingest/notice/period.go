package notice

import "time"

// Months returns the day n months after from, quantième to quantième: 23 April and two
// months is 23 June. Where that month has no such day it is the month's last one: 31
// January and one month is 28 or 29 February. The period is not "franc" and is not
// prolonged: its end may be a Sunday or a public holiday.
func (c Calendar) Months(from Day, n int) Day {
	first := time.Date(from.Year, from.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Day{first.Year(), first.Month(), min(from.Day, last)}
}

// Silence returns the day on which the silence of the administration becomes a decision,
// when its months run from this day: Months, and one more day where the town counts so
// (OneDayLater).
func (c Calendar) Silence(from Day, months int) Day {
	d := c.Months(from, months)
	if c.oneDayLater {
		d = d.Add(1)
	}
	return d
}

// Appeal returns the last day on which a decision of this day can be brought before the
// administrative court: two months (code de justice administrative R421-1, R421-2) that
// are "francs", so neither the first nor the last day counts, and are prolonged to the next
// working day. A decision of 23 April can be attacked up to 24 June.
func (c Calendar) Appeal(decision Day) Day { return c.NextWorking(c.Months(decision, 2).Add(1)) }

// span is days from one up to another, both known.
type span struct{ from, to Day }

// suspend moves the end of a period by the days of the suspensions, given in the order of
// their begin; days that two of them share count once. A suspension that begins on the
// end, or after it, comes too late: it and all later ones are left out. It returns the new
// end and how many suspensions counted.
func suspend(end Day, list []span) (Day, int) {
	var until Day
	for i, s := range list {
		if !s.from.Before(end) {
			return end, i
		}
		from := s.from
		if !until.IsZero() && from.Before(until) {
			from = until
		}
		if n := s.to.Sub(from); n > 0 {
			end, until = end.Add(n), s.to
		}
	}
	return end, len(list)
}
