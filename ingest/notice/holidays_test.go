package notice

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
)

// frenchHolidays are the public holidays of metropolitan France as they are printed in
// calendars: written down, not computed.
var frenchHolidays = map[int]string{
	2024: "01-01 04-01 05-01 05-08 05-09 05-20 07-14 08-15 11-01 11-11 12-25",
	2025: "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25",
	2026: "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25",
	2027: "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25",
	2028: "01-01 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25",
	2029: "01-01 04-02 05-01 05-08 05-10 05-21 07-14 08-15 11-01 11-11 12-25",
	2030: "01-01 04-22 05-01 05-08 05-30 06-10 07-14 08-15 11-01 11-11 12-25",
	2031: "01-01 04-14 05-01 05-08 05-22 06-02 07-14 08-15 11-01 11-11 12-25",
	2032: "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25",
	2033: "01-01 04-18 05-01 05-08 05-26 06-06 07-14 08-15 11-01 11-11 12-25",
	2034: "01-01 04-10 05-01 05-08 05-18 05-29 07-14 08-15 11-01 11-11 12-25",
	2035: "01-01 03-26 05-01 05-03 05-08 05-14 07-14 08-15 11-01 11-11 12-25",
}

// goodFridays are those of the same years.
var goodFridays = map[int]string{
	2024: "03-29", 2025: "04-18", 2026: "04-03", 2027: "03-26", 2028: "04-14", 2029: "03-30",
	2030: "04-19", 2031: "04-11", 2032: "03-26", 2033: "04-15", 2034: "04-07", 2035: "03-23",
}

// regionHolidays are what the regions add every year.
var regionHolidays = map[Region]string{
	Metropole: "", AlsaceMoselle: "12-26", Guadeloupe: "05-27", Martinique: "05-22", Guyane: "06-10", Reunion: "12-20",
	Mayotte: "04-27", SaintMartin: "05-27", SaintBarthelemy: "10-09",
}

// printed reports whether the written list has this day.
func printed(region Region, d Day) bool {
	list := frenchHolidays[d.Year] + " " + regionHolidays[region]
	if region == AlsaceMoselle {
		list += " " + goodFridays[d.Year]
	}
	return slices.Contains(strings.Fields(list), d.String()[5:])
}

// workingByList is Working by the written list.
func workingByList(region Region, d Day) bool {
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday && !printed(region, d)
}

func calendarOf(t testing.TB, zone string, region Region) Calendar {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCalendar(loc, string(region))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func day(t testing.TB, s string) Day {
	t.Helper()
	d, err := ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHolidaysAgainstAPrintedCalendar(t *testing.T) {
	for _, region := range Regions() {
		c := calendarOf(t, "Europe/Paris", region)
		for d := (Day{2024, 1, 1}); d.Year < 2036; d = d.Add(1) {
			if h, ok := c.Holiday(d); ok != printed(region, d) {
				t.Errorf("%s, %s: holiday %v (%q), printed %v", region, d, ok, h.Name, printed(region, d))
			}
			if c.Working(d) != workingByList(region, d) {
				t.Errorf("%s, %s: working %v", region, d, c.Working(d))
			}
		}
	}
}

// Easter Sundays outside the years of the list: the extremes, and those that a slip in the
// two corrections of the computation gets wrong.
func TestEaster(t *testing.T) {
	for _, want := range []string{"1818-03-22", "1943-04-25", "1954-04-18", "1961-04-02", "1981-04-19", "2000-04-23", "2008-03-23", "2019-04-21", "2038-04-25", "2049-04-18", "2076-04-19", "2100-03-28"} {
		if got := Easter(day(t, want).Year).String(); got != want {
			t.Errorf("Easter %s, want %s", got, want)
		}
	}
}

func TestHolidaysNameTheirSource(t *testing.T) {
	sources := map[Region]string{AlsaceMoselle: "L3134-13", Metropole: "L3133-1"}
	for _, region := range Regions() {
		want := sources[region]
		if want == "" {
			want = "L3422-2"
		}
		c := calendarOf(t, "Europe/Paris", region)
		list := c.Holidays(2026)
		if !slices.ContainsFunc(list, func(h Holiday) bool { return strings.HasSuffix(h.Source, want) }) {
			t.Errorf("%s: no holiday by %s", region, want)
		}
		if !slices.IsSortedFunc(list, func(a, b Holiday) int { return a.Day.Sub(b.Day) }) {
			t.Errorf("%s: not in order: %v", region, list)
		}
		for _, h := range list {
			if h.Name == "" || h.Source == "" {
				t.Errorf("%s: %+v", region, h)
			}
		}
	}
}

// The configuration promises these regions.
func TestRegionsAreThoseOfTheConfiguration(t *testing.T) {
	var ours []string
	for _, r := range Regions() {
		ours = append(ours, string(r))
	}
	if !slices.Equal(ours, config.Holidays) {
		t.Errorf("%v, the configuration has %v", ours, config.Holidays)
	}
	if _, err := NewCalendar(time.UTC, "bretagne"); err == nil {
		t.Error("a region that is none was taken")
	}
	if _, err := NewCalendar(nil, "metropole"); err == nil {
		t.Error("a calendar without a zone was made")
	}
}

func TestWorkingDaysAgainstAPrintedCalendar(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 42))
	for range 4000 {
		region := Regions()[rnd.IntN(len(Regions()))]
		c := calendarOf(t, "Europe/Paris", region)
		from := Day{2024, 1, 1}.Add(rnd.IntN(365 * 11))
		n := rnd.IntN(25)
		got := c.AddWorkingDays(from, n)
		counted := 0
		for d := from.Add(1); !d.After(got); d = d.Add(1) {
			if workingByList(region, d) {
				counted++
			}
		}
		if counted != n || n > 0 && !workingByList(region, got) || n == 0 && got != from {
			t.Fatalf("%s: %s and %d working days is %s, which counts %d", region, from, n, got, counted)
		}
	}
}
