package notice

import (
	"slices"
	"time"
)

// Region is a part of France with public holidays of its own, as town.holidays of the
// configuration names it.
type Region string

// The regions.
const (
	Metropole       Region = "metropole"
	AlsaceMoselle   Region = "alsace-moselle"
	Guadeloupe      Region = "guadeloupe"
	Martinique      Region = "martinique"
	Guyane          Region = "guyane"
	Reunion         Region = "reunion"
	Mayotte         Region = "mayotte"
	SaintMartin     Region = "saint-martin"
	SaintBarthelemy Region = "saint-barthelemy"
)

// Where the holidays stand.
const (
	sourceFrance   = "code du travail L3133-1"
	sourceAlsace   = "code du travail L3134-13"
	sourceOverseas = "code du travail L3422-2"
)

// Holiday is a public holiday.
type Holiday struct {
	Day Day
	// Name is French, in small letters where French writes them so: "lundi de Pâques".
	Name string
	// Source is the article that makes it one.
	Source string
}

// festival is a holiday by its rule: a day of the year, or a number of days after Easter.
type festival struct {
	name        string
	month       time.Month // 0 = counted from Easter
	day         int        // of the month, or days after Easter Sunday
	source      string
	onlyRegions []Region // none = everywhere
}

// festivals are all public holidays of the regions. Good Friday is one only in those
// communes of Alsace-Moselle that have a Protestant church (L3134-13): a town without one
// chooses metropole, and then has no 26 December either, which errs on the early side.
// Saint-Martin keeps to the text of L3422-2, 27 May, though it often celebrates on the 28th.
var festivals = []festival{
	{name: "jour de l’An", month: time.January, day: 1, source: sourceFrance},
	{name: "vendredi saint", day: -2, source: sourceAlsace, onlyRegions: []Region{AlsaceMoselle}},
	{name: "lundi de Pâques", day: 1, source: sourceFrance},
	{name: "abolition de l’esclavage", month: time.April, day: 27, source: sourceOverseas, onlyRegions: []Region{Mayotte}},
	{name: "fête du Travail", month: time.May, day: 1, source: sourceFrance},
	{name: "victoire de 1945", month: time.May, day: 8, source: sourceFrance},
	{name: "Ascension", day: 39, source: sourceFrance},
	{name: "lundi de Pentecôte", day: 50, source: sourceFrance},
	{name: "abolition de l’esclavage", month: time.May, day: 22, source: sourceOverseas, onlyRegions: []Region{Martinique}},
	{name: "abolition de l’esclavage", month: time.May, day: 27, source: sourceOverseas, onlyRegions: []Region{Guadeloupe, SaintMartin}},
	{name: "abolition de l’esclavage", month: time.June, day: 10, source: sourceOverseas, onlyRegions: []Region{Guyane}},
	{name: "fête nationale", month: time.July, day: 14, source: sourceFrance},
	{name: "Assomption", month: time.August, day: 15, source: sourceFrance},
	{name: "abolition de l’esclavage", month: time.October, day: 9, source: sourceOverseas, onlyRegions: []Region{SaintBarthelemy}},
	{name: "Toussaint", month: time.November, day: 1, source: sourceFrance},
	{name: "armistice de 1918", month: time.November, day: 11, source: sourceFrance},
	{name: "abolition de l’esclavage", month: time.December, day: 20, source: sourceOverseas, onlyRegions: []Region{Reunion}},
	{name: "Noël", month: time.December, day: 25, source: sourceFrance},
	{name: "Saint-Étienne", month: time.December, day: 26, source: sourceAlsace, onlyRegions: []Region{AlsaceMoselle}},
}

// Regions lists the regions in the order of the configuration's reference.
func Regions() []Region {
	return []Region{Metropole, AlsaceMoselle, Guadeloupe, Martinique, Guyane, Reunion, Mayotte, SaintMartin, SaintBarthelemy}
}

// Easter returns Easter Sunday of a year of the Gregorian calendar (1583 and later), by
// the computation of Meeus, Jones and Butcher (Astronomical Algorithms, chapter 8).
func Easter(year int) Day {
	golden := year % 19
	century, rest := year/100, year%100
	moon := (19*golden + century - century/4 - (century-(century+8)/25+1)/3 + 15) % 30
	sunday := (32 + 2*(century%4) + 2*(rest/4) - moon - rest%4) % 7
	late := (golden + 11*moon + 22*sunday) / 451
	n := moon + sunday - 7*late + 114
	return Day{year, time.Month(n / 31), n%31 + 1}
}

// Holidays returns the public holidays of a year (1583 and later) in the calendar's
// region, in their order. Two may fall on one day, as Ascension and 1 May did in 2008.
func (c Calendar) Holidays(year int) []Holiday {
	easter := Easter(year)
	var list []Holiday
	for _, f := range festivals {
		if f.in(c.region) {
			list = append(list, Holiday{f.on(easter), f.name, f.source})
		}
	}
	slices.SortStableFunc(list, func(a, b Holiday) int { return a.Day.Sub(b.Day) })
	return list
}

// Holiday returns the public holiday that falls on this day, if there is one.
func (c Calendar) Holiday(d Day) (Holiday, bool) {
	easter := Easter(d.Year)
	for _, f := range festivals {
		if f.in(c.region) && f.on(easter) == d {
			return Holiday{d, f.name, f.source}, true
		}
	}
	return Holiday{}, false
}

// in reports whether the region has the festival; the region of the zero Calendar has
// those of all France.
func (f festival) in(region Region) bool {
	return len(f.onlyRegions) == 0 || slices.Contains(f.onlyRegions, region)
}

// on returns the festival's day in the year of this Easter Sunday.
func (f festival) on(easter Day) Day {
	if f.month == 0 {
		return easter.Add(f.day)
	}
	return Day{easter.Year, f.month, f.day}
}
