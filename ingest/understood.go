package ingest

import (
	"regexp"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest/facts"
	"saisine.fr/saisine/ingest/place"
)

// Facts are what a text states beside its sender and place, each once and in its order.
type Facts struct {
	Dates      []StatedDate      `json:"dates,omitempty"`
	Amounts    []StatedAmount    `json:"amounts,omitempty"`
	References []StatedReference `json:"references,omitempty"`
}

// StatedDate is a day and the words that give it. The day is ISO 8601, or --05-01 where
// the text gives no year (RFC 6350 §4.3.1).
type StatedDate struct {
	Day  string `json:"day"`
	Text string `json:"text"`
}

// StatedAmount is a sum of money in cents of euro and the words that give it.
type StatedAmount struct {
	Cents int64  `json:"cents"`
	Text  string `json:"text"`
}

// StatedReference is a number by which something is known, and what it is of (facts.ReferenceKind).
// Of an IBAN only the end is kept, of a social security number nothing.
type StatedReference struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// understand fills in what the words say, whatever way they came: who writes, where the
// matter is, and the facts.
func (d *DocumentReader) understand(r *Reading, rec Record) {
	if r.Automatic != "" && !rec.Kept {
		return
	}
	r.identify(rec.Channel)
	d.locate(r)
	f := facts.Find(r.Subject + "\n" + r.Matter())
	for _, x := range f.Dates {
		r.Facts.Dates = append(r.Facts.Dates, StatedDate{Day: x.Day.String(), Text: x.Text})
	}
	for _, x := range f.Amounts {
		r.Facts.Amounts = append(r.Facts.Amounts, StatedAmount{Cents: x.Cents, Text: x.Text})
	}
	for _, x := range f.References {
		r.Facts.References = append(r.Facts.References, StatedReference{Kind: string(x.Kind), Value: x.Value})
	}
}

// identify completes the sender: what the channel states wins, the text fills the rest.
func (r *Reading) identify(channel Channel) {
	in := facts.Input{Header: facts.Person(r.From), Subject: r.Subject, Text: r.Text}
	switch {
	case r.Kind == KindMail:
		in.Kind = facts.Mail
		in.Text, in.Quoted = r.signedText()
	case r.Kind == KindForm:
		in.Kind = facts.Form
	case channel == ChannelPhone || channel == ChannelCounter:
		in.Kind = facts.Note
	case channel == ChannelApp || channel == ChannelAPI || channel == ChannelWebform:
		in.Kind = facts.Form
	case channel == ChannelMailbox:
		in.Kind = facts.Mail
	default:
		in.Kind = facts.Letter
	}
	found := facts.Sender(in)
	r.From = Person(found.Person)
	if found.Signature != "" {
		r.Letter.Signature = found.Signature
	}
}

// quoteBegins matches the first line of what a mail quotes or forwards.
var quoteBegins = regexp.MustCompile(`(?i)^\s*(?:>|(?:de|from|expéditeur)\s*:|-{3,}|_{5,}|le\s.{6,120}a\s+écrit|on\s.{6,120}wrote)`)

// signedText is a mail's own words with the signature, and the history that it quotes.
func (r *Reading) signedText() (own, quoted string) {
	lines := strings.SplitAfter(r.Text, "\n")
	skip := 0
	if r.OwnText != "" && strings.HasPrefix(r.Text, r.OwnText) {
		skip = strings.Count(r.OwnText, "\n")
	}
	end := slices.IndexFunc(lines[min(skip, len(lines)):], quoteBegins.MatchString)
	if end < 0 {
		return r.Text, ""
	}
	end += skip
	return strings.Join(lines[:end], ""), strings.Join(lines[end:], "")
}

// locate fills in where the matter is, unless the form has said so.
func (d *DocumentReader) locate(r *Reading) {
	if r.Place != "" {
		return
	}
	o := place.Options{Streets: d.Streets, Town: d.Town}
	if r.Kind == KindForm {
		o.Address = r.From.Address
	}
	if p, ok := place.Find(r.Matter(), r.Subject, o); ok {
		r.Place = p.Text
	}
}
