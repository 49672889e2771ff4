package desk

import (
	"fmt"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// The pages are written in French; what stands in them is the key of the catalogue, which
// has the English. A refusal's key is its English format, and the catalogue has the French.
//
// Each group of pages keeps its entries beside it, as a map in english_*.go; they are listed
// in words.

// languages of the desk.
const (
	french  = "fr"
	english = "en"
)

// words lists the entries of the catalogue: French to English.
var words = []map[string]string{englishCommon, englishAccounts, englishRequest, englishFiles, englishCounter, englishFailures, englishFigures, englishPaper, englishAdmin, englishPartners, englishLists}

// newCatalogue makes the catalogue of all entries.
func newCatalogue() (*catalog.Builder, error) {
	b := catalog.NewBuilder(catalog.Fallback(language.French))
	for _, list := range words {
		for fr, en := range list {
			if err := b.SetString(language.English, fr, en); err != nil {
				return nil, fmt.Errorf("desk: catalogue: %q: %w", fr, err)
			}
			if err := b.SetString(language.French, fr, fr); err != nil {
				return nil, fmt.Errorf("desk: catalogue: %q: %w", fr, err)
			}
		}
	}
	for _, list := range []map[string]string{frenchRefusals, frenchProblems} {
		for en, fr := range list {
			if err := b.SetString(language.French, en, fr); err != nil {
				return nil, fmt.Errorf("desk: catalogue: %q: %w", en, err)
			}
		}
	}
	return b, nil
}

// tongue writes in one language.
type tongue struct {
	lang string
	p    *message.Printer
	zone *time.Location
}

// T writes a text of the catalogue, with arguments as in fmt. Numbers must be given as text
// where they are references or years, since a printer groups their digits.
func (t tongue) T(key string, args ...any) string { return t.p.Sprintf(message.Key(key, key), args...) }

// Day writes a day: 25 novembre 2026.
func (t tongue) Day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(t.zone)
	if t.lang == english {
		return at.Format("2 January 2006")
	}
	return notice.DayIn(at, t.zone).Date()
}

// ShortDay writes a day in a column: 25/11/2026.
func (t tongue) ShortDay(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(t.zone).Format("02/01/2006")
}

// Time writes a time: 25/11/2026 à 9 h 05.
func (t tongue) Time(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(t.zone)
	if t.lang == english {
		return at.Format("02/01/2006 15:04")
	}
	return at.Format("02/01/2006") + fmt.Sprintf(" à %d\u00a0h\u00a0%02d", at.Hour(), at.Minute())
}

// ISO writes a time for programs.
func (t tongue) ISO(at time.Time) string { return at.In(t.zone).Format(time.RFC3339) }

// CalendarDay writes a day given as 2026-04-23; what is none stays as it is.
func (t tongue) CalendarDay(day string) string {
	at, err := time.ParseInLocation(time.DateOnly, day, t.zone)
	if err != nil {
		return day
	}
	return t.Day(at)
}

// Size writes a number of bytes.
func (t tongue) Size(n int64) string {
	unit := map[bool][4]string{true: {"B", "kB", "MB", "GB"}, false: {"o", "ko", "Mo", "Go"}}[t.lang == english]
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f\u00a0%s", float64(n)/(1<<30), unit[3])
	case n >= 1<<20:
		return fmt.Sprintf("%.1f\u00a0%s", float64(n)/(1<<20), unit[2])
	case n >= 1<<10:
		return fmt.Sprintf("%d\u00a0%s", n>>10, unit[1])
	}
	return fmt.Sprintf("%d\u00a0%s", n, unit[0])
}

// Percent writes a share (0–1).
func (t tongue) Percent(x float64) string { return fmt.Sprintf("%.0f\u00a0%%", x*100) }

var channelNames = map[ingest.Channel]string{
	ingest.ChannelMailbox: "Courriel", ingest.ChannelWebform: "Formulaire", ingest.ChannelScan: "Courrier papier",
	ingest.ChannelCounter: "Accueil", ingest.ChannelPhone: "Téléphone", ingest.ChannelApp: "Application", ingest.ChannelAPI: "Logiciel",
}

// Channel names a channel.
func (t tongue) Channel(c ingest.Channel) string {
	if name, ok := channelNames[c]; ok {
		return t.T(name)
	}
	return string(c)
}

var statusNames = map[ingest.Status]string{
	ingest.StatusNew: "Nouvelle", ingest.StatusAssigned: "Confiée", ingest.StatusInProgress: "En cours",
	ingest.StatusWaitingCitizen: "En attente du citoyen", ingest.StatusAnswered: "Répondue", ingest.StatusClosed: "Close",
}

// Status names a status.
func (t tongue) Status(s ingest.Status) string {
	if name, ok := statusNames[s]; ok {
		return t.T(name)
	}
	return string(s)
}

var linkNames = map[ingest.Link]string{
	ingest.LinkOpens: "Ouvre la demande", ingest.LinkDuplicate: "Doublon", ingest.LinkFollowUp: "Suite",
}

// Link names a link.
func (t tongue) Link(l ingest.Link) string {
	if name, ok := linkNames[l]; ok {
		return t.T(name)
	}
	return string(l)
}

var roleNames = map[ingest.Role]string{
	ingest.RoleReader: "Lecture", ingest.RoleAgent: "Agent", ingest.RoleManager: "Responsable", ingest.RoleAdministrator: "Administrateur",
}

// Role names a role.
func (t tongue) Role(r ingest.Role) string {
	if name, ok := roleNames[r]; ok {
		return t.T(name)
	}
	return string(r)
}
