package letter

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/ingest/lazy"
)

// A date of a letter fills its line: with the place, "le", a weekday or "Fait à" before
// it at most. A date inside a sentence is of something else. OCR writes 1 as l, I or |
// and 0 as O, and "1er" as "ler".
var (
	datePrefix = `^(?:[(-] ?)?(?:(?:fait|signe|redige|ecrit)? ?(?:a )?(?P<town>[a-z][a-z015|' .-]{1,40}?) ?[,.]? ?\b(?:[li1|][ec]|ce)? ?:?|(?:[li1|][ec]|ce|date ?:|date ?: [li]e) ?|)` +
		`(?: ?(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche),?)? ?`
	wordDate    = lazy.Regexp(datePrefix + `\b([0-9oil|]{1,2}) ?(?:er|eme|[e°])? ?([a-z0-9]{3,10})\.? ?([0-9oil|sz]{4}) ?[.,;]?$`)
	figureDate  = lazy.Regexp(datePrefix + `\b([0-9oil|]{1,2}) ?[/.-] ?([0-9oil|]{1,2}) ?[/.-] ?([0-9oil|sz]{4}|[0-9oil|]{2}) ?[.,;]?$`)
	englishDate = lazy.Regexp(`^(?:[a-z][a-z' -]{1,40}, )?([a-z]{3,9}) ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})\.?$`)
	// notTown are beginnings of a line that make its date another one.
	notTown = lazy.Regexp(`\b(ne|nee|nes|recue?|depuis|votre|vos|courriel|du|au|avant|valable|expire|seance|naissance|facture|devis|ref|objet|manifestation|jusqu|date d|courrier)\b`)
)

// dateOf returns the day of a line that is a date of a letter. placed tells whether a
// place or "Fait à" stands before it.
func dateOf(l line) (day time.Time, placed bool) {
	for _, cell := range l.cells {
		if day, placed := dateOfCell(fold(cell)); !day.IsZero() {
			return day, placed
		}
	}
	return time.Time{}, false
}

func dateOfCell(f string) (day time.Time, placed bool) {
	if len(f) > 90 {
		return day, false
	}
	if m := englishDate().FindStringSubmatch(f); m != nil {
		if month := monthOf(m[1]); month != 0 {
			return civil(m[3], month, m[2]), true
		}
	}
	if m := wordDate().FindStringSubmatch(f); m != nil && !notTown().MatchString(m[1]) {
		if month := monthOf(m[3]); month != 0 {
			return civil(m[4], month, m[2]), m[1] != ""
		}
	}
	if m := figureDate().FindStringSubmatch(f); m != nil && !notTown().MatchString(m[1]) {
		if month, err := strconv.Atoi(figures(m[3])); err == nil {
			return civil(m[4], time.Month(month), m[2]), m[1] != ""
		}
	}
	return day, false
}

// figures undoes what OCR makes of the figures 0, 1, 2 and 5.
func figures(s string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1", "|", "1", "z", "2", "s", "5").Replace(s)
}

// civil makes a day, or the zero time where the calendar has none such.
func civil(year string, month time.Month, day string) time.Time {
	y, err := strconv.Atoi(figures(year))
	if err != nil {
		return time.Time{}
	}
	if len(year) == 2 {
		y += 2000
	}
	d, err := strconv.Atoi(figures(day))
	if err != nil || y < 1900 || y > 2100 {
		return time.Time{}
	}
	if t := time.Date(y, month, d, 0, 0, 0, 0, time.UTC); t.Day() == d && t.Month() == month {
		return t
	}
	return time.Time{}
}

// months are the French and English names and their usual short forms.
var months = sync.OnceValue(func() map[string]time.Month {
	m := map[string]time.Month{}
	for i, names := range []string{
		"janvier janv jan january", "fevrier fevr fev february feb", "mars mar march", "avril avr april apr", "mai may",
		"juin june", "juillet juil july", "aout august aug", "septembre sept sep september", "octobre oct october",
		"novembre nov november", "decembre dec december",
	} {
		for n := range strings.FieldsSeq(names) {
			m[key(n)] = time.Month(i + 1)
		}
	}
	return m
})

// monthOf reads a month with at most one slip of OCR, or returns 0 when two months are
// equally near.
func monthOf(word string) time.Month {
	k := key(word)
	if m := months()[k]; m != 0 {
		return m
	}
	var found time.Month
	if len(k) < 4 {
		return 0
	}
	for name, m := range months() {
		if len(name) < 4 || !near(name, k) {
			continue
		}
		if found != 0 && found != m {
			return 0
		}
		found = m
	}
	return found
}

// findDate returns the day that the head bears, or else the one beside the signature.
// Of several it takes the one with a place; when that leaves two, none.
func findDate(head []line, end ending) time.Time {
	var all []line
	all = append(all, head...)
	all = append(all, end.around...)
	var placedDay, bareDay time.Time
	placedMany, bareMany := false, false
	for _, l := range all {
		day, placed := dateOf(l)
		switch {
		case day.IsZero():
		case placed && placedDay.IsZero():
			placedDay = day
		case placed && !day.Equal(placedDay):
			placedMany = true
		case placed:
		case bareDay.IsZero():
			bareDay = day
		case !day.Equal(bareDay):
			bareMany = true
		}
	}
	switch {
	case placedMany:
		return time.Time{}
	case !placedDay.IsZero():
		return placedDay
	case bareMany:
		return time.Time{}
	}
	return bareDay
}
