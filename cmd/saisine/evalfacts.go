package main

import (
	"context"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/facts"
	"saisine.fr/saisine/ingest/place"
)

// evalReader reads labelled texts as the intake reads what its channels hand in.
type evalReader struct{ reader *ingest.DocumentReader }

func newEvalReader(cfg config.Config) (evalReader, error) {
	streets, err := loadStreets(cfg)
	if err != nil {
		return evalReader{}, usageError{err}
	}
	return evalReader{&ingest.DocumentReader{Limits: cfg.Limits, Streets: streets, Town: cfg.Town.Name}}, nil
}

// stated is what the channel itself states of a sender: a form its fields, a mail its
// address. Everything else has to be read out of the text. (A real mail names its sender
// too; here the name counts as to be found.)
func stated(channel string, p ingest.Person) ingest.Person {
	switch channel {
	case "form":
		return p
	case "email":
		return ingest.Person{Email: p.Email}
	}
	return ingest.Person{}
}

// read returns what a labelled text is read as.
func (e evalReader) read(ctx context.Context, t evalText) (ingest.Record, ingest.Reading, error) {
	line := t.line()
	line.Sender = stated(t.Channel, t.Sender)
	sub, err := line.submission()
	if err != nil {
		return ingest.Record{}, ingest.Reading{}, err
	}
	rec := ingest.Record{ID: t.ID, Channel: sub.Channel, MediaType: sub.MediaType}
	reading, err := e.reader.Read(ctx, sub.Original, rec)
	return rec, reading, err
}

// factScore counts how much of what labelled texts state was found.
type factScore struct {
	fields, fieldsRight int // of senders, where the channel did not state them itself
	places, placesRight int
	none, invented      int // texts without a place, and those that were given one
}

// factFigures are the figures of a factScore.
type factFigures struct {
	Sender   float64 `json:"sender"`
	Place    float64 `json:"place"`
	Invented float64 `json:"place_invented"`
}

func (s *factScore) add(t evalText, r ingest.Reading) {
	known := plainPerson(stated(t.Channel, t.Sender))
	got, want := plainPerson(r.From), plainPerson(t.Sender)
	for i := range want {
		if want[i] == "" || known[i] != "" {
			continue
		}
		s.fields++
		if got[i] == want[i] {
			s.fieldsRight++
		}
	}
	if t.Place == "" {
		s.none++
		if r.Place != "" {
			s.invented++
		}
		return
	}
	s.places++
	if r.Place != "" && place.Agrees(r.Place, t.Place) {
		s.placesRight++
	}
}

func (s *factScore) figures() factFigures {
	share := func(a, b int) float64 { return float64(a) / float64(max(1, b)) }
	return factFigures{Sender: share(s.fieldsRight, s.fields), Place: share(s.placesRight, s.places), Invented: share(s.invented, s.none)}
}

// civility is what may stand before a name and is no part of it.
var civility = regexp.MustCompile(`^(?:(?:et )?(?:M\.|Mr|Mme|Mlle|Me|Monsieur|Madame|Maître|Mademoiselle) )+`)

// firmBehind is the organisation that may stand in parentheses behind a person's name, or the
// person behind the organisation's: texts are labelled with and without it.
var firmBehind = regexp.MustCompile(`\s*\([^()]*\)$`)

// plainPerson folds case, accents, spaces and punctuation of the fields away.
func plainPerson(p ingest.Person) [4]string {
	phone := facts.E164(p.Phone)
	if phone == "" {
		phone = plainWords(p.Phone)
	}
	return [4]string{plainWords(civility.ReplaceAllString(firmBehind.ReplaceAllString(p.Name, ""), "")), plainWords(p.Email), phone, plainWords(p.Address)}
}

func plainWords(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(strings.NewReplacer("œ", "oe", "&", " et ").Replace(s))) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}
