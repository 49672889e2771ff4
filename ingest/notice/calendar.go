package notice

import (
	"fmt"
	"slices"
	"time"
)

// Calendar counts days as one town does. The zero Calendar is that of metropolitan
// France in UTC; NewCalendar makes the others. A Calendar is a value that never changes.
type Calendar struct {
	zone        *time.Location
	region      Region
	oneDayLater bool
}

// NewCalendar returns the calendar of a town: zone is its time zone (config town.timezone),
// region its public holidays (town.holidays). An unknown region is an error.
func NewCalendar(zone *time.Location, region string) (Calendar, error) {
	if zone == nil {
		return Calendar{}, fmt.Errorf("notice: a calendar needs a time zone")
	}
	if !slices.Contains(Regions(), Region(region)) {
		return Calendar{}, fmt.Errorf("notice: %q has no calendar of public holidays; known are %v", region, Regions())
	}
	return Calendar{zone: zone, region: Region(region)}, nil
}

// OneDayLater returns the same calendar for a town whose tools date an implicit decision
// one day later: 24 June, not 23 June, for a request of 23 April. Only Silence counts so.
func (c Calendar) OneDayLater() Calendar {
	c.oneDayLater = true
	return c
}

// Zone returns the town's time zone.
func (c Calendar) Zone() *time.Location {
	if c.zone == nil {
		return time.UTC
	}
	return c.zone
}

// Day returns the day that the town's clocks show at t: what comes at 23:59 is of that day.
func (c Calendar) Day(t time.Time) Day { return DayIn(t, c.zone) }

// Start returns the first moment of a day in the town; no day is the zero time.
func (c Calendar) Start(d Day) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, c.Zone())
}

// End returns the last second of a day in the town; no day is the zero time.
func (c Calendar) End(d Day) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, 23, 59, 59, 0, c.Zone())
}

// Working reports whether the day is a working one (jour ouvré): no Saturday, no Sunday,
// no public holiday.
func (c Calendar) Working(d Day) bool {
	switch d.Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	_, holiday := c.Holiday(d)
	return !holiday
}

// NextWorking returns d when it is a working day, else the first one after it.
func (c Calendar) NextWorking(d Day) Day {
	for !c.Working(d) {
		d = d.Add(1)
	}
	return d
}

// AddWorkingDays returns the n-th working day after from. The day of reception is day 0,
// working day or not; n below 1 gives from itself.
func (c Calendar) AddWorkingDays(from Day, n int) Day {
	for ; n > 0; n-- {
		from = c.NextWorking(from.Add(1))
	}
	return from
}

// WorkingDaysAfter counts the working days after from, up to and with to; 0 when to is not
// after from.
func (c Calendar) WorkingDaysAfter(from, to Day) int {
	n := 0
	for d := from.Add(1); !d.After(to) && n < maxLate; d = d.Add(1) {
		if c.Working(d) {
			n++
		}
	}
	return n
}

// maxLate bounds how far lateness is counted: beyond, nobody counts.
const maxLate = 1000
