package classify

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lazy"
)

// A message is set aside as unwanted only where the model is all but certain, the words
// themselves show an offer or a fraud (see offers), and nothing at all says that somebody may
// want something of the town (see vetoes). The model alone cannot be believed: who warns of
// an advertisement, passes one on, or answers a tender uses the same words as who sends one.
// A doubt costs a person's look; an error, a citizen.

const (
	// surelyUnwanted is the probability that a message needs to be set aside, whatever
	// training has found to be enough.
	surelyUnwanted = 0.97
	// leastUnwantedWords is how many words it needs: of a few words too little is known.
	leastUnwantedWords = 15
	// longestUnwanted is how long it may be, in bytes: what is not read to its end may say
	// anything there, and reading must not take long.
	longestUnwanted = 16 << 10
	// leastMarks is how many different marks of an offer it must show, and leastTelling how
	// many of them must be more than slight. One must be a call to act, too.
	leastMarks   = 3
	leastTelling = 2
)

// ourReference is a request's reference, as in ingest/match.
var ourReference = lazy.Regexp(`\b20\d{2}-\d{6}\b`)

// Of mails that pass another one on or quote it, as far as the text shows it. "Re:" proves
// nothing: whoever sells writes it, and a true answer says so in its headers.
var (
	passingOn = lazy.Regexp(`(?i)^\s*(?:tr|fwd?|transf|transféré|i)\s*:`)
	quoting   = lazy.Regexp(`(?im)^\s*>|^\s*(?:de|from|expéditeur)\s*:.*@|message\s+(?:d['’]origine|transféré|original)|forwarded\s+message|début\s+du\s+message|a\s+écrit\s*:\s*$`)
)

// unwantedMarks returns the marks of an offer or a fraud that a message shows, where it may
// be set aside if the model says so; else nil. What a clerk wrote down or a scanner took in
// was in somebody's hands already; who answers, passes on, names a request, chose a
// category or sends a file may want something.
func unwantedMarks(rec ingest.Record, reading ingest.Reading, named []evidence) []string {
	switch rec.Channel {
	case ingest.ChannelMailbox, ingest.ChannelWebform, ingest.ChannelAPI:
	default:
		return nil
	}
	if reading.Category != "" || rec.Hints.Category != "" || len(reading.Attachments) > 0 || len(reading.Pages) > 0 {
		return nil
	}
	if len(reading.InReplyTo) > 0 || len(reading.References) > 0 || reading.Matter() != reading.Words() ||
		passingOn().MatchString(reading.Subject) || quoting().MatchString(reading.Text) {
		return nil
	}
	for _, e := range named {
		if e.score > 0 {
			return nil
		}
	}
	if len(reading.Subject)+len(reading.Text) > longestUnwanted {
		return nil
	}
	text := plain(reading.Subject + ". " + reading.Text)
	if len(strings.Fields(text)) < leastUnwantedWords || ourReference().MatchString(text) || publicSender(reading.From.Email) || wanted(text) {
		return nil
	}
	marks, evident := offers(text)
	if !evident {
		return nil
	}
	return marks
}

// webAddress matches web and mail addresses in plain text; the question marks and words in
// them say nothing.
var webAddress = lazy.Regexp(`\S*(?:://|@|\bwww\.)\S*`)

// signs are written in one way only, so that lists of words need no variants.
var signs = strings.NewReplacer(
	"œ", "oe", "æ", "ae", "’", "'", "‘", "'", "ʼ", "'", "`", "'",
	"‐", "-", "–", "-", "—", "-", "−", "-",
	"\u00ad", "", "\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "",
)

// plain folds text to small letters without accents, in whatever form of Unicode they were
// written, and joins lines and spaces of all kinds to single spaces: where a mail program
// wraps a line must not change what it says. Web and mail addresses are left out, but for
// those of the State.
func plain(text string) string {
	decomposed := norm.NFKD.String(text)
	var b strings.Builder
	b.Grow(len(decomposed))
	for _, r := range decomposed {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	folded := webAddress().ReplaceAllStringFunc(signs.Replace(b.String()), func(address string) string {
		if strings.Contains(address, stateDomain) {
			return stateDomain
		}
		return " "
	})
	return strings.Join(strings.Fields(folded), " ")
}
