package match

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// scratch is where candidates are read one after another: a set of its own for each took
// more time than comparing.
type scratch struct {
	grams gramSet
	words vector
}

// The measures of likeness. They were chosen on the project's own streams (testdata) and
// on none of a town.
const (
	copyJaccard     = 0.60 // the same text, but for a word or two
	copyContainment = 0.85 // one is a part of the other
	copyGrams       = 60   // of a text of fewer, nothing is a copy

	quotedContainment = 0.6  // quoted with omissions
	scanJaccard       = 0.25 // the same text, one of them misread
	scanCosine        = 0.45
	alikeJaccard      = 0.22 // enough to be shown
	alikeContain      = 0.45
	speaksOf          = 0.12 // cosine: they speak of the same things
	alienCosine       = 0.12 // cosine under which an answer may be about something else
	sameMatter        = 0.30 // cosine: they hardly speak of two matters
	alienScore        = 0.80 // how sure the category of an answer must be to say that it is about something else
)

// pair is what a submission and a candidate have in common.
type pair struct {
	k       ingest.Candidate
	other   summary
	grams   int // how many 5-grams the other text has, where they were compared
	kin     kinship
	jaccard float64
	contain float64
	cosine  float64
	same    bool // the same place
	apart   bool // different places
	age     time.Duration
	copied  bool // the text is quoted
	passed  bool // it quotes or forwards a mail of the same sender
	named   bool // one names the other's sender in full
}

func (d *decision) pair(k ingest.Candidate) pair {
	p := pair{k: k, age: distance(d.rec.ReceivedAt, k.ReceivedAt)}
	p.other = decode(k.Summary)
	p.kin = kin(d.own.Who, p.other.Who, d.own.Misread || p.other.Misread)
	if !p.kin.contact && !p.kin.address && (d.own.Text != p.other.Text) && (livesIn(d.own.Who, p.other.Text) || livesIn(p.other.Who, d.own.Text)) {
		p.kin.address = true
		p.kin.why = cmp.Or(p.kin.why, "même adresse postale")
	}
	p.same, p.apart = d.own.Place.near(p.other.Place)
	p.passed = slices.ContainsFunc(d.own.authors, func(a party) bool { return kin(a, p.other.Who, false).certain() })
	p.named = mentions(d.own.summary, p.other.Who) || mentions(p.other, d.own.Who)
	twin := p.other.Text == d.own.Text // of a petition all are
	if !p.kin.related() && !p.passed && !p.named {
		if d.strangers++; d.strangers > strangersMax {
			return p // enough of them are compared to show a group
		}
	}
	// Texts that are alike share buckets; a short one that is a part of a long one may not,
	// but then counts for nothing unless the senders have something in common.
	if k.Shared > 0 || p.kin.related() {
		grams := d.own.grams
		if !twin {
			grams = &d.scratch.grams
			readGrams(grams, p.other.Text)
		}
		p.grams = grams.n
		p.jaccard, p.contain = overlap(d.own.grams, grams)
		if d.own.quoted.n >= copyGrams && p.grams >= copyGrams {
			_, in := overlap(grams, d.own.quoted)
			p.copied = in >= copyContainment || d.own.quoted.n > p.grams/2 && in >= quotedContainment
		}
	}
	if k.Shared > 0 || p.kin.why != "" || p.kin.family || p.passed || p.named || sharesCategory(d.own.summary, p.other) {
		words := d.own.words
		if !twin {
			words = &d.scratch.words
			words.read(d.m.Weights, p.other.Text)
		}
		p.cosine = cosine(d.own.words, words)
	}
	return p
}

// alike looks among the submissions that have something in common with this one.
func (d *decision) alike(ctx context.Context, c ingest.Candidates) (ingest.Match, bool, error) {
	found, err := c.Alike(ctx, d.p)
	if err != nil {
		return ingest.Match{}, false, err
	}
	var pairs []pair
	for _, k := range found {
		p := d.pair(k)
		if p.age > d.m.window() && (k.Status == ingest.StatusClosed || k.Status == ingest.StatusAnswered) {
			continue
		}
		pairs = append(pairs, p)
	}
	// Of several, the likeliest; of equals, the first.
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.jaccard+b.cosine, a.jaccard+a.cosine), a.k.ReceivedAt.Compare(b.k.ReceivedAt), cmp.Compare(a.k.SubmissionID, b.k.SubmissionID))
	})
	petition := slices.ContainsFunc(pairs, func(p pair) bool { return p.jaccard >= copyJaccard && !p.kin.related() })
	for _, p := range pairs {
		if petition && !p.kin.certain() {
			continue // the same words came from others: a name alone does not make two signatures one
		}
		if why := d.repeats(p); why != "" {
			return link(ingest.LinkDuplicate, p.k, why), true, nil
		}
	}
	for _, p := range pairs {
		if why := d.continues(p, pairs); why != "" {
			return link(ingest.LinkFollowUp, p.k, why), true, nil
		}
	}
	for _, p := range pairs {
		d.resembles(p)
	}
	return ingest.Match{}, false, nil
}

// repeats says why a submission certainly is the candidate once more, or "".
func (d *decision) repeats(p pair) string {
	own, other := d.own.summary, p.other
	misread := own.Misread || other.Misread
	switch {
	case p.age > d.m.window(), !p.kin.same(), d.vetoed(other), own.Passed, other.Passed, own.Files != other.Files, p.apart && !misread:
		return ""
	case own.Text == other.Text && p.kin.contact && p.age <= doubleClick:
		return "même texte, " + p.kin.why
	case own.Fresh && !other.Fresh:
		return ""
	case d.reportsAgain(p):
		return "même personne, même lieu et même sujet à peu de jours, " + p.kin.why
	case min(d.own.grams.n, p.grams) < copyGrams:
		return ""
	case own.Text == other.Text:
		return "même texte, " + p.kin.why
	case d.m.quarrel(own, other):
		return ""
	case misread:
		if own.Misread != other.Misread && p.cosine >= scanCosine && p.jaccard >= scanJaccard {
			return "même texte par une autre voie (lecture optique), " + p.kin.why
		}
	case p.jaccard >= copyJaccard:
		return "texte presque identique, " + p.kin.why
	case p.contain >= copyContainment:
		return "l’un des textes contient l’autre, " + p.kin.why
	}
	return ""
}

// doubleClick is within how long the same few words of the same contact are one post.
const doubleClick = time.Hour

// strangersMax bounds the candidates whose words are compared though their senders have no
// more in common with this one than a family's name: they can only be shown. The likeliest
// come first.
const strangersMax = 8

// soon is within how many days somebody who reports the same trouble at the same place
// again has not seen it mended and broken anew.
const soon = 4 * 24 * time.Hour

// reportsAgain reports whether the same person reports the same trouble in public space, in
// other words: at the same place, of the same category, within days.
func (d *decision) reportsAgain(p pair) bool {
	return p.kin.certain() && !p.kin.clash && !d.own.Follows && p.same && p.age <= soon && p.cosine >= speaksOf &&
		d.own.Public && p.other.Public && d.own.Sure && p.other.Sure && d.own.Top[0].Category == p.other.Top[0].Category
}

// continues says why a submission certainly goes on with the candidate's matter, or "":
// the same person says that they wrote before, and there is one matter only that they
// can mean.
func (d *decision) continues(p pair, all []pair) string {
	switch {
	case p.copied && p.kin.certain():
		return "reprend le message d’origine, " + p.kin.why
	case !p.kin.contact && !d.called(p), d.vetoed(p.other), p.apart, p.age > d.m.window(), p.cosine < speaksOf && !p.same:
		return ""
	case !d.own.Follows && !d.called(p), d.own.Fresh, d.own.Passed, d.m.quarrel(names(d.own.summary), names(p.other)):
		return ""
	}
	for _, o := range all {
		if o.k.Request != p.k.Request && o.kin.related() && o.cosine >= p.cosine/2 {
			return ""
		}
	}
	return "fait suite à cette demande, " + p.kin.why
}

// names is a summary with the names as all that it says: who goes on names less, and other
// things than before, but not another child.
func names(s summary) summary {
	s.Entities = slices.DeleteFunc(slices.Clone(s.Entities), func(w string) bool { return strings.ContainsAny(w, "0123456789") })
	return s
}

// called reports whether somebody of a fitting name, who says that they phoned or came,
// writes of the same place and the same trouble within days of the note of it.
func (d *decision) called(p pair) bool {
	return d.own.Called && (p.k.Channel == ingest.ChannelPhone || p.k.Channel == ingest.ChannelCounter) &&
		(p.kin.name || p.kin.surname) && !p.kin.against && p.same && p.age <= soon && sharesCategory(d.own.summary, p.other)
}

// vetoed reports whether the categories are surely different ones.
func (d *decision) vetoed(o summary) bool {
	return d.own.Sure && o.Sure && len(d.own.Top) > 0 && len(o.Top) > 0 &&
		rank(d.own.Top, o.Top[0].Category) < 0 && rank(o.Top, d.own.Top[0].Category) < 0
}

// sharesCategory reports whether one's category is among the other's likely ones.
func sharesCategory(a, b summary) bool {
	return len(a.Top) > 0 && len(b.Top) > 0 && (rank(a.Top, b.Top[0].Category) >= 0 || rank(b.Top, a.Top[0].Category) >= 0)
}

// likelyScore is how likely a category must be to count among the likely ones.
const likelyScore = 0.15

// rank is the place of a category among the likely ones, -1 when it is not.
func rank(top []ingest.Ranked, category string) int {
	return slices.IndexFunc(top, func(r ingest.Ranked) bool { return r.Category == category && r.Score >= likelyScore })
}

// strays says why an answer is about something else than the request that it answers, or "".
func (d *decision) strays(all []ingest.Candidate) string {
	lately := slices.ContainsFunc(all, func(k ingest.Candidate) bool { return distance(k.ReceivedAt, d.rec.ReceivedAt) <= d.m.window() })
	own := d.own.summary
	alien := len(strings.Fields(own.Text)) >= substance && own.Sure && own.Top[0].Score >= alienScore
	for _, k := range all {
		if !alien {
			break
		}
		o := decode(k.Summary)
		alien = rank(own.Top, k.Category) < 0 && !sharesCategory(own, o) && cosine(d.own.words, d.m.Weights.vector(o.Text)) < alienCosine
	}
	settled := !slices.ContainsFunc(all, func(k ingest.Candidate) bool {
		return k.Status != ingest.StatusClosed && k.Status != ingest.StatusAnswered
	})
	switch {
	case own.Strays:
		return "annonce un autre sujet"
	case alien:
		return "parle d’autre chose"
	case own.Fresh && !lately:
		return "annonce un fait nouveau"
	case settled && !lately && !own.Follows:
		return "la demande est close depuis longtemps"
	}
	return ""
}

// substance is the number of words from which a text says what it is about.
const substance = 6

// livesIn reports whether a text names the address of a sender: of two of one household, one
// states it in a field, the other below the letter.
func livesIn(who party, text string) bool {
	if who.place.number == "" || who.place.street == "" {
		return false
	}
	var b strings.Builder
	for w := range strings.FieldsSeq(text) {
		if !fillers[w] {
			b.WriteString(" " + cmp.Or(abbreviations[w], w))
		}
	}
	return strings.Contains(b.String()+" ", " "+who.place.number+" "+who.place.street+" ")
}

// mentions reports whether a text names a sender in full.
func mentions(c summary, who party) bool {
	text := " " + c.Text + " "
	return slices.ContainsFunc(who.names, func(name []string) bool {
		return len(name) >= 2 && !slices.ContainsFunc(name, func(w string) bool {
			return len(w) < minName || !strings.Contains(text, " "+w+" ")
		})
	})
}

// resembles suggests the candidate's request where a person should look.
func (d *decision) resembles(p pair) {
	alike := p.jaccard >= alikeJaccard || p.contain >= alikeContain && min(p.grams, d.own.grams.n) >= copyGrams || p.copied
	speaks := p.cosine >= speaksOf
	category := sharesCategory(d.own.summary, p.other)
	late := 1.0
	if p.age > d.m.window() {
		late = 0.8
	}
	at := func(score float64, kind ingest.SuggestionKind, why string) { d.suggest(p.k, kind, score*late, why) }
	switch {
	case alike && (p.kin.related() || p.copied):
		at(0.85, ingest.SuggestSame, "texte semblable, "+cmp.Or(p.kin.why, "texte d’origine repris"))
	case alike:
		at(0.5+p.jaccard/4, ingest.SuggestGroup, "mêmes mots, autre expéditeur")
	case p.kin.contact && (speaks || category || p.same || d.own.Follows):
		at(0.6+min(p.cosine, 0.25), ingest.SuggestSame, "même personne, sujet voisin ("+p.kin.why+")")
	case (p.kin.name || p.kin.address) && (speaks || category || p.same || p.kin.name && p.age <= soon):
		at(0.5+min(p.cosine, 0.25), ingest.SuggestSame, p.kin.why+", sujet voisin")
	case p.passed && (speaks || category):
		at(0.6+min(p.cosine, 0.25), ingest.SuggestSame, "transmet un message du même expéditeur")
	case p.named && (speaks || category):
		at(0.5+min(p.cosine, 0.25), ingest.SuggestSame, "nomme l’autre demandeur")
	case p.kin.firm && (speaks && category || p.cosine >= 2*speaksOf || d.own.Follows && speaks):
		at(0.45+min(p.cosine, 0.25), ingest.SuggestSame, p.kin.why+", sujet voisin")
	case p.kin.family && category && p.age <= d.m.window() && (p.same || p.cosine >= 1.5*speaksOf):
		at(0.35+min(p.cosine, 0.25), ingest.SuggestSame, "même nom de famille, sujet voisin")
	case p.kin.surname && (category && (speaks || p.age <= d.m.window()) || p.cosine >= 2*speaksOf || d.own.Follows && speaks):
		at(0.4+min(p.cosine, 0.25), ingest.SuggestSame, p.kin.why+", sujet voisin")
	case p.cosine >= sameMatter && category && !p.apart:
		at(0.35+min(p.cosine, 0.25), ingest.SuggestSame, "mêmes noms et mêmes faits")
	case p.same && category && p.age <= d.m.window():
		at(0.35+min(p.cosine, 0.25), ingest.SuggestNeighbour, "même lieu et même sujet, autre personne")
	}
}
