package facts

import (
	"strconv"
	"strings"
	"time"
)

// monthNames are the French names of the months and their usual short forms, folded.
var monthNames = func() map[string]time.Month {
	m := map[string]time.Month{}
	for i, names := range []string{
		"janvier janv jan", "fevrier fevr fev", "mars", "avril avr", "mai", "juin", "juillet juil", "aout", "septembre sept sep", "octobre oct", "novembre nov", "decembre dec",
	} {
		for n := range strings.FieldsSeq(names) {
			m[n] = time.Month(i + 1)
		}
	}
	return m
}()

// dateAt reads the date at token i: "12 mars 2026", "1er mai", "12/03/26", "2026-03-12", or
// the two of "3 au 5 mai". It returns them with the weekday before them, and the end.
func (t text) dateAt(i int) (days []Date, to int) {
	from := i
	if weekdays[t.at(i-1).fold] && len(t.at(i-1).fold) > 4 {
		from--
	}
	if d, to := t.figureDate(i); to > 0 {
		return []Date{{d, t.cut(from, to)}}, to
	}
	day := dayOf(t.ts[i])
	if day == 0 {
		return nil, 0
	}
	p := i + 1
	if t.is(p, "er") {
		p++
	}
	if month := monthNames[t.at(p).fold]; month != 0 {
		d, to := t.yearBehind(Day{Month: month, Day: day}, p+1)
		if !d.valid() {
			return nil, 0
		}
		return []Date{{d, t.cut(from, to)}}, to
	}
	// "du 3 au 5 mai", "les 3 et 4 mai"
	if f := t.at(p).fold; f == "au" || f == "et" || f == "-" || f == "ou" {
		second := dayOf(t.at(p + 1))
		if month := monthNames[t.at(p+2).fold]; second > day && month != 0 {
			d, to := t.yearBehind(Day{Month: month, Day: second}, p+3)
			first := Day{d.Year, d.Month, day}
			if d.valid() && first.valid() {
				return []Date{{first, t.cut(from, to)}, {d, t.cut(p+1, to)}}, to
			}
		}
	}
	return nil, 0
}

// dayOf returns the day of a month that a token gives, or 0.
func dayOf(k token) int {
	f := k.fold
	if k.kind == mixed {
		if f != "1er" {
			return 0
		}
		return 1
	}
	if k.kind != number || len(f) > 2 {
		return 0
	}
	n, err := strconv.Atoi(f)
	if err != nil || n > 31 {
		return 0
	}
	return n
}

// yearBehind adds the year at token p, where one stands there.
func (t text) yearBehind(d Day, p int) (Day, int) {
	q := p
	if t.is(q, ".") && t.glued(q-1) { // "12 sept. 2026"
		q++
	}
	if y := t.at(q); y.kind == number && len(y.fold) == 4 && (y.fold[0] == '1' && y.fold[1] == '9' || y.fold[0] == '2' && y.fold[1] == '0') {
		d.Year, _ = strconv.Atoi(y.fold)
		return d, q + 1
	}
	return d, p
}

// figureDate reads a date of figures at token i. Its signs stand close and are the same.
func (t text) figureDate(i int) (Day, int) {
	sep := t.at(i + 1).fold
	if sep != "/" && sep != "." && sep != "-" || !t.glued(i) || !t.glued(i+1) || t.at(i-1).kind == punct && t.glued(i-1) && t.is(i-1, sep) {
		return Day{}, 0
	}
	a, b, c := t.at(i), t.at(i+2), t.at(i+4)
	if a.kind != number || b.kind != number || len(b.fold) > 2 {
		return Day{}, 0
	}
	longer := t.is(i+5, sep) && t.glued(i+4) && t.at(i+6).kind == number && t.glued(i+5)
	if t.is(i+3, sep) && t.glued(i+2) && t.glued(i+3) && c.kind == number && !longer {
		y, m, d := c.fold, b.fold, a.fold
		if len(a.fold) == 4 && len(c.fold) <= 2 && sep == "-" {
			y, d = a.fold, c.fold
		}
		if len(d) <= 2 && (len(y) == 4 || len(y) == 2 && sep != "-") {
			if day := civilDay(y, m, d); day.valid() && day.Year >= 1900 && day.Year <= 2100 {
				return day, i + 5
			}
		}
		return Day{}, 0
	}
	// "le 12/03": a fraction without such a word.
	if prev := t.at(i - 1).fold; sep == "/" && len(a.fold) <= 2 && len(b.fold) == 2 && (weekdays[prev] || prev == "le" || prev == "du" || prev == "au") {
		if day := civilDay("0000", b.fold, a.fold); day.valid() {
			return day, i + 3
		}
	}
	return Day{}, 0
}

func civilDay(year, month, day string) Day {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if len(year) == 2 {
		// Two figures are of this century, or of those born in the last.
		if y += 2000; y > 2050 {
			y -= 100
		}
	}
	return Day{y, time.Month(m), d}
}

// valid reports whether the calendar has the day; the 29th of February needs no year.
func (d Day) valid() bool {
	if d.Month < 1 || d.Month > 12 || d.Day < 1 {
		return false
	}
	y := d.Year
	if y == 0 {
		y = 2000
	}
	return time.Date(y, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Month() == d.Month
}
