package notice

import (
	"math/rand/v2"
	"testing"
	"testing/quick"
	"time"
)

func TestMonths(t *testing.T) {
	for _, tt := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-04-23", 2, "2026-06-23"},
		{"2026-01-31", 1, "2026-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2100-01-30", 1, "2100-02-28"}, // no leap year
		{"2026-12-31", 2, "2027-02-28"},
		{"2027-12-31", 2, "2028-02-29"},
		{"2026-08-31", 1, "2026-09-30"},
		{"2026-02-28", 2, "2026-04-28"}, // the last of a month is not the last of another
		{"2026-11-15", 24, "2028-11-15"},
		{"2026-04-27", 2, "2026-06-27"}, // a Saturday
	} {
		if got := (Calendar{}).Months(day(t, tt.from), tt.n).String(); got != tt.want {
			t.Errorf("%s and %d months: %s, want %s", tt.from, tt.n, got, tt.want)
		}
	}
}

// Quantième to quantième: the same number n months on, or the last day of a month that
// does not have it; never a day of the month after.
func TestMonthsKeepTheQuantieme(t *testing.T) {
	property := func(offset uint16, months uint8) bool {
		from, n := Day{1990, 1, 1}.Add(int(offset)), int(months%25)
		got := Calendar{}.Months(from, n)
		passed := (got.Year-from.Year)*12 + int(got.Month) - int(from.Month)
		return passed == n && (got.Day == from.Day || got.Day < from.Day && got.Add(1).Day == 1)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
}

func TestSilenceOneDayLater(t *testing.T) {
	c := calendarOf(t, "Europe/Paris", Metropole)
	for from, want := range map[string][2]string{"2026-04-23": {"2026-06-23", "2026-06-24"}, "2026-12-31": {"2027-02-28", "2027-03-01"}, "2026-04-30": {"2026-06-30", "2026-07-01"}} {
		if got := [2]string{c.Silence(day(t, from), 2).String(), c.OneDayLater().Silence(day(t, from), 2).String()}; got != want {
			t.Errorf("%s: %v, want %v", from, got, want)
		}
	}
}

func TestAppeal(t *testing.T) {
	c := calendarOf(t, "Europe/Paris", Metropole)
	for from, want := range map[string]string{
		"2026-04-23": "2026-06-24",
		"2026-06-23": "2026-08-24",
		"2026-03-13": "2026-05-15", // Ascension
		"2026-03-24": "2026-05-26", // Whit Monday
		"2026-03-07": "2026-05-11", // Friday 8 May, then a weekend
		"2026-12-31": "2027-03-01",
	} {
		if got := c.Appeal(day(t, from)).String(); got != want {
			t.Errorf("decision of %s: appeal until %s, want %s", from, got, want)
		}
	}
}

// Days are those of the town's clocks, whatever zone a moment is written in.
func TestDayInTheTown(t *testing.T) {
	for _, tt := range []struct{ moment, zone, want string }{
		{"2026-03-02T23:59:59+01:00", "Europe/Paris", "2026-03-02"},
		{"2026-03-02T23:00:00Z", "Europe/Paris", "2026-03-03"},
		{"2026-07-02T21:59:59Z", "Europe/Paris", "2026-07-02"}, // summer
		{"2026-07-02T22:00:00Z", "Europe/Paris", "2026-07-03"},
		{"2026-03-29T01:30:00+01:00", "Europe/Paris", "2026-03-29"}, // the day of 23 hours
		{"2026-03-29T22:30:00Z", "Europe/Paris", "2026-03-30"},
		{"2026-10-25T22:30:00Z", "Europe/Paris", "2026-10-25"}, // the day of 25 hours
		{"2026-03-02T20:00:00Z", "Indian/Reunion", "2026-03-03"},
		{"2026-03-02T21:00:00Z", "Indian/Mayotte", "2026-03-03"},
		{"2026-03-03T03:59:00Z", "America/Martinique", "2026-03-02"},
		{"2026-03-03T02:59:00Z", "America/Cayenne", "2026-03-02"},
		{"2026-03-03T09:59:00Z", "Pacific/Tahiti", "2026-03-02"},
		{"2026-03-02T13:00:00Z", "Pacific/Noumea", "2026-03-03"},
	} {
		at, err := time.Parse(time.RFC3339, tt.moment)
		if err != nil {
			t.Fatal(err)
		}
		c := calendarOf(t, tt.zone, Metropole)
		d := c.Day(at)
		if d.String() != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.moment, tt.zone, d, tt.want)
		}
		if c.Day(c.Start(d)) != d || c.Day(c.Start(d).Add(-time.Second)) != d.Add(-1) || c.Day(c.End(d)) != d || c.Day(c.End(d).Add(time.Second)) != d.Add(1) {
			t.Errorf("%s in %s: from %s to %s", d, tt.zone, c.Start(d), c.End(d))
		}
	}
	if !(Calendar{}).Start(Day{}).IsZero() || !(Calendar{}).End(Day{}).IsZero() {
		t.Error("no day has a moment")
	}
}

// The clock runs on every day that no suspension holds, and on no other: counted here one
// by one.
func TestSuspendAgainstACountOfDays(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 1))
	for range 5000 {
		start := Day{2026, 1, 1}.Add(rnd.IntN(400))
		end := start.Add(1 + rnd.IntN(70))
		var list []span
		at := start
		for range rnd.IntN(5) {
			at = at.Add(rnd.IntN(25))
			list = append(list, span{at, at.Add(rnd.IntN(30))})
		}
		got, counted := suspend(end, list)
		left := end.Sub(start)
		d := start
		for ; left > 0; d = d.Add(1) {
			still := false
			for _, s := range list[:counted] {
				still = still || !d.Before(s.from) && d.Before(s.to)
			}
			if !still {
				left--
			}
		}
		for _, s := range list[:counted] { // one that begins with the last day holds it
			if s.from == d && s.to.After(d) {
				t.Fatalf("a suspension on the end %s counted: %v", d, list)
			}
		}
		if got != d {
			t.Fatalf("from %s to %s with %v (%d count): %s, want %s", start, end, list, counted, got, d)
		}
		if counted < len(list) && list[counted].from.Before(got) {
			t.Fatalf("from %s to %s with %v: the suspension of %s is left out, the end is %s", start, end, list, list[counted].from, got)
		}
	}
}

func TestDayFrench(t *testing.T) {
	for s, want := range map[string]string{"2026-07-01": "mercredi 1er juillet 2026", "2026-08-15": "samedi 15 août 2026", "2027-02-28": "dimanche 28 février 2027"} {
		if got := day(t, s).French(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if (Day{}).French() != "" || (Day{}).String() != "" {
		t.Error("no day has a name")
	}
}

func FuzzParseDay(f *testing.F) {
	for _, s := range []string{"2026-04-23", "2026-02-29", "0000-00-00", "", "23/04/2026", "2026-04-23T10:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDay(s)
		if err == nil && d.String() != s {
			t.Errorf("%q was read as %s", s, d)
		}
	})
}
