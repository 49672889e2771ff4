package match

import (
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// summary is what is kept of a submission to compare others with.
type summary struct {
	Text     string   // subject and own words, folded
	Entities []string // folded words that name a thing: proper names, numbers
	Who      party
	Place    spot            // where the matter is
	Top      []ingest.Ranked // categories, best first
	Sure     bool            // the first of them is likely
	Public   bool            // and about public space
	Misread  bool            // recognised from an image: some of the letters are wrong
	Follows  bool            // says that its sender wrote before
	Fresh    bool            // says that something is new, or happened again
	Strays   bool            // says that it is about something else
	Called   bool            // says that its sender has phoned or come
	Passed   bool            // passes somebody else's words on
	Files    string          // identifies the files that came with it; "" for none
}

// A summary is kept as text: fields parted by one control character, the items of a list by
// another, which stand in no folded text. It is read inside the writer's transaction, for
// every candidate, and so must be cheap; JSON was half of the time. Fields are only ever
// added at the end: a summary of an older version lacks the last ones.
const (
	summaryVersion = "1"
	fieldEnd       = "\x1e"
	itemEnd        = "\x1f"
	wordEnd        = " "
)

// The flags of a summary, each a letter.
const flagLetters = "spmfnxcw"

func (s *summary) flags() []*bool {
	return []*bool{&s.Sure, &s.Public, &s.Misread, &s.Follows, &s.Fresh, &s.Strays, &s.Called, &s.Passed}
}

func (s *summary) encode() []byte {
	var flags, categories, scores, names []string
	for i, on := range s.flags() {
		if *on {
			flags = append(flags, flagLetters[i:i+1])
		}
	}
	for _, t := range s.Top {
		categories = append(categories, clean(t.Category))
		scores = append(scores, strconv.FormatFloat(t.Score, 'g', 4, 64))
	}
	for _, n := range s.Who.names {
		names = append(names, strings.Join(n, wordEnd))
	}
	return []byte(strings.Join([]string{
		summaryVersion, strings.Join(flags, ""), s.Text, strings.Join(s.Entities, itemEnd),
		strings.Join(categories, itemEnd), strings.Join(scores, itemEnd), s.Place.street, s.Place.number,
		clean(s.Who.email), s.Who.phone, strings.Join(names, itemEnd), s.Who.place.street, s.Who.place.number, s.Who.place.postal, s.Files,
	}, fieldEnd))
}

// clean takes control characters out of foreign text.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s)
}

// decode reads a summary. What is not one is an empty summary, which is like nothing.
func decode(data []byte) summary {
	var s summary
	fields := strings.Split(string(data), fieldEnd)
	if fields[0] != summaryVersion {
		return s
	}
	field := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return ""
	}
	list := func(i int) []string {
		if field(i) == "" {
			return nil
		}
		return strings.Split(field(i), itemEnd)
	}
	for i, on := range s.flags() {
		*on = strings.Contains(field(1), flagLetters[i:i+1])
	}
	s.Text, s.Entities = field(2), list(3)
	scores := list(5)
	for i, c := range list(4) {
		t := ingest.Ranked{Category: c}
		if i < len(scores) {
			t.Score, _ = strconv.ParseFloat(scores[i], 64)
		}
		s.Top = append(s.Top, t)
	}
	s.Sure = s.Sure && len(s.Top) > 0
	s.Place = spot{street: field(6), number: field(7)}
	s.Who = party{email: field(8), phone: field(9), place: spot{field(11), field(12), field(13)}}
	s.Files = field(14)
	for _, n := range list(10) {
		s.Who.names = append(s.Who.names, strings.Split(n, wordEnd))
	}
	return s
}
