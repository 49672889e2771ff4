package notice

import (
	"fmt"
	"time"
)

// Day is a day of the Gregorian calendar, without time and zone. Days compare with ==.
// The zero Day means that there is none.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// DayIn returns the day that clocks in this zone show at t; nil means UTC.
func DayIn(t time.Time, zone *time.Location) Day {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	return Day{y, m, d}
}

// ParseDay reads a day written as 2026-04-23 (ISO 8601). The error says so.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fmt.Errorf("%q is no day; write it as 2026-04-23", s)
	}
	return dayOf(t), nil
}

// dayOf is the day of a moment that utc has made.
func dayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day{y, m, d}
}

// utc is the day's midnight in a zone that never changes its clocks, for counting.
func (d Day) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// IsZero reports whether there is no day.
func (d Day) IsZero() bool { return d == Day{} }

// Add returns the day n days later, or earlier when n is below 0.
func (d Day) Add(n int) Day { return dayOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC)) }

// Sub returns how many days d is after o; below 0 when it is before.
func (d Day) Sub(o Day) int { return int(d.utc().Sub(o.utc()) / (24 * time.Hour)) }

// Before reports whether d is before o.
func (d Day) Before(o Day) bool { return d.utc().Before(o.utc()) }

// After reports whether d is after o.
func (d Day) After(o Day) bool { return o.Before(d) }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// String writes the day as 2026-04-23; no day is "".
func (d Day) String() string {
	if d.IsZero() {
		return ""
	}
	return d.utc().Format(time.DateOnly)
}

var (
	frenchDays   = [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	frenchMonths = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
)

// French writes the day for a citizen: "jeudi 23 avril 2026", "mercredi 1er juillet 2026".
// No day is "".
func (d Day) French() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s %s %s %d", frenchDays[d.Weekday()], d.ordinal(), frenchMonths[d.Month-1], d.Year)
}

// Date writes the day without that of the week, in one piece that no line parts: "1er mars
// 2026" with no-break spaces. No day is "".
func (d Day) Date() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s\u00a0%s\u00a0%d", d.ordinal(), frenchMonths[d.Month-1], d.Year)
}

// FrenchMonth names a month: "mars".
func FrenchMonth(m time.Month) string { return frenchMonths[m-1] }

// ordinal is the number of the day; only the first is an ordinal in French.
func (d Day) ordinal() string {
	if d.Day == 1 {
		return "1er"
	}
	return fmt.Sprint(d.Day)
}
