package open311

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// GET has no authentication, so what this file lets through is published. Of whom a request
// comes, nothing is.

// statusOpen and statusClosed are all the statuses that GeoReport has.
const (
	statusOpen   = "open"
	statusClosed = "closed"
)

// maxDescription bounds a description in characters (GeoReport v2: 4,000).
const maxDescription = 4000

// entry is a request as everybody may see it. What is not known is left out. address_id, zipcode
// and expected_datetime are never known here, and media_url would be somebody's photograph.
type entry struct {
	ID          string   `xml:"service_request_id" json:"service_request_id"`
	Status      string   `xml:"status" json:"status"`
	Notes       string   `xml:"status_notes,omitempty" json:"status_notes,omitempty"`
	Name        string   `xml:"service_name" json:"service_name"`
	Code        string   `xml:"service_code" json:"service_code"`
	Description string   `xml:"description" json:"description"`
	Agency      string   `xml:"agency_responsible,omitempty" json:"agency_responsible,omitempty"`
	Requested   string   `xml:"requested_datetime" json:"requested_datetime"`
	Updated     string   `xml:"updated_datetime" json:"updated_datetime"`
	Address     string   `xml:"address,omitempty" json:"address,omitempty"`
	Lat         *float64 `xml:"lat,omitempty" json:"lat,omitempty"`
	Long        *float64 `xml:"long,omitempty" json:"long,omitempty"`
}

// notes says more of a status than open and closed do.
var notes = map[ingest.Status]string{
	ingest.StatusNew:            "Signalement reçu",
	ingest.StatusAssigned:       "Confié au service compétent",
	ingest.StatusInProgress:     "En cours de traitement",
	ingest.StatusWaitingCitizen: "En attente d’un complément",
	ingest.StatusAnswered:       "Une réponse a été donnée",
	ingest.StatusClosed:         "Clos",
}

// publisher decides what is public, by one state of the catalogue.
type publisher struct {
	*Adapter
	catalogue *catalogue
}

func (a *Adapter) publisher() publisher { return publisher{a, a.catalogue.Load()} }

// publish returns what of a request is public; ok is false when nothing is, not even that it
// exists.
//
// A request is public when its category is, no sealed service has it, and somebody meant it to
// be of that category: the user of an app who chose it, or a person of the town who confirmed
// it. A guess of the classifier publishes nothing. Words and place are shown of what came by an
// app only, which its user knows to be public; a letter, a mail or a call was not meant to be
// published, so that of those nothing is but their category.
func (p publisher) publish(r Report) (entry, bool) {
	if !p.public(r) {
		return entry{}, false
	}
	s := p.catalogue.service(r.Category)
	byApp := r.Channel == ingest.ChannelApp
	updated := r.UpdatedAt
	if updated.Before(r.OpenedAt) {
		updated = r.OpenedAt
	}
	e := entry{
		ID: r.Reference, Status: statusOpen, Notes: notes[r.Status], Name: s.Name, Code: s.Code, Description: s.Name,
		Agency: r.Service, Requested: p.when(r.OpenedAt), Updated: p.when(updated),
	}
	if Closed(r.Status) {
		e.Status = statusClosed
	}
	if !byApp {
		return e, true
	}
	m := p.masked.of(r)
	if text := strings.TrimSpace(m.description); text != "" {
		e.Description = text
	}
	e.Address = m.address
	if at := r.Position; at != nil && math.Abs(at.Lat) <= 90 && math.Abs(at.Long) <= 180 {
		lat, long := centimetres(at.Lat), centimetres(at.Long)
		e.Lat, e.Long = &lat, &long
		if positionOnly(r.Place) {
			e.Address = "" // the reader's stand-in for a place
		}
	}
	return e, true
}

// public reports whether anything of a request is public. It is quick.
func (p publisher) public(r Report) bool {
	return p.catalogue.service(r.Category) != nil && !r.Sealed && !slices.Contains(p.catalogue.sealed, r.Service) &&
		(r.Channel == ingest.ChannelApp || r.Confirmed) && r.Reference != ""
}

// lean is r without what publish does not go by, so that a list of hundreds holds no whole letters.
func (r Report) lean() Report {
	if r.Channel != ingest.ChannelApp {
		r.Text, r.Place, r.Position, r.Sender = "", "", nil, ingest.Person{}
		return r
	}
	// One character more than masking looks at, which tells it that there were more.
	r.Text = first(ingest.Open311Description(r.Text), maxDescription+maskMargin+1)
	r.Place = first(r.Place, maxLine+maskMargin+1)
	return r
}

// first is a copy of the first max characters of s, which does not hold on to the rest.
func first(s string, max int) string {
	n := 0
	for i := range s {
		if n == max {
			return strings.Clone(s[:i])
		}
		n++
	}
	return strings.Clone(s)
}

// weight is about how many bytes e takes in an answer, and rather too many: markup, and the
// references that XML and JSON write for some characters.
func (e entry) weight() int {
	n := entryMarkup
	for _, s := range []string{e.ID, e.Notes, e.Name, e.Code, e.Description, e.Agency, e.Address} {
		n += weight(s)
	}
	return n
}

const (
	// entryMarkup is the weight of an entry beside its words, escapedByte that of a character which
	// is written as a reference (&#34; and \u001f).
	entryMarkup = 700
	escapedByte = 6
)

func weight(s string) int {
	n := len(s)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || strings.IndexByte(`"'&<>\`, c) >= 0 {
			n += escapedByte - 1
		}
	}
	return n
}

// positionOnly reports whether a place is nothing but two numbers.
func positionOnly(place string) bool {
	lat, long, ok := strings.Cut(place, ", ")
	return ok && ingest.Open311Position(lat, long) != nil
}

// centimetres keeps seven decimals of a degree, and more are noise.
func centimetres(v float64) float64 { return math.Round(v*1e7) / 1e7 }

// cut shortens s to max characters.
func cut(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:max-1])) + "…"
}
