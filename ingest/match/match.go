// Package match decides where a submission belongs: into a request of its own, or, as
// a duplicate or follow-up, into one that is there. Wrong merges lose a citizen, so
// what is not certain opens a request and suggests the other one to a person.
//
// In order: what the channel knows; the same bytes; an answer to a receipt of ours or to a known mail; the
// reference of a request; likeness (see likeness.go). Each decision says why.
package match

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lazy"
)

// Matcher decides by the rules of this package. It holds no state and is safe for
// concurrent use; that two equal submissions which arrive at once become one request
// follows from the store, which lets one filing look and write at a time.
type Matcher struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Window is how far back a submission that is alike is the same matter still; zero
	// means 30 days. Open requests are looked at however old they are, but by likeness
	// nothing is linked to them without a person; answers and references link at any age.
	Window time.Duration
	// Tokens recognise the Message-IDs of our receipts.
	Tokens ingest.Tokens
	// Weights tell telling words from others; nil weighs all alike.
	Weights *Weights
}

const defaultWindow = 30 * 24 * time.Hour

func (m *Matcher) window() time.Duration {
	if m.Window > 0 {
		return m.Window
	}
	return defaultWindow
}

// patience is how long after its arrival a reply waits for the mail that it answers.
const patience = 90 * time.Second

func (m *Matcher) since(t time.Time) time.Duration {
	if m.Now != nil {
		return m.Now().Sub(t)
	}
	return time.Since(t)
}

// suggestionsMax bounds the suggestions of one submission: of a petition with 20,000
// signatures, an agent wants to see the group and not a list.
const suggestionsMax = 5

// decision is a match under way.
type decision struct {
	m   *Matcher
	rec ingest.Record
	r   ingest.Reading
	p   ingest.Profile
	own *prepared
	// strangers counts those that were compared.
	strangers int
	found     map[string]ingest.Suggestion // by reference
	scratch   scratch
}

// Match implements ingest.Matcher.
func (m *Matcher) Match(ctx context.Context, c ingest.Candidates, rec ingest.Record, r ingest.Reading, p ingest.Profile) (ingest.Match, error) {
	d := &decision{m: m, rec: rec, r: r, p: p, found: map[string]ingest.Suggestion{}}
	own, ok := p.Prepared.(*prepared)
	if !ok {
		own = m.prepare(decode(p.Summary), r)
	}
	d.own = own
	for _, step := range []func(context.Context, ingest.Candidates) (ingest.Match, bool, error){
		d.answers, d.sameBytes, d.thread, d.reference, d.alike,
	} {
		found, ok, err := step(ctx, c)
		if err != nil {
			return ingest.Match{}, fmt.Errorf("match: %w", err)
		}
		if ok {
			delete(d.found, found.Request)
			found.Suggestions = d.suggestions()
			return found, nil
		}
	}
	if err := d.secondHand(ctx, c); err != nil {
		return ingest.Match{}, fmt.Errorf("match: %w", err)
	}
	return ingest.Match{Link: ingest.LinkOpens, Suggestions: d.suggestions()}, nil
}

// secondHandScore is how much a suggestion loses that comes from another one.
const secondHandScore = 0.7

// secondHand suggests what is suggested for the suggested: who asks after the mail of
// somebody who had phoned before means the call too.
func (d *decision) secondHand(ctx context.Context, c ingest.Candidates) error {
	best := d.suggestions()
	least := 0.0 // what the last of them has, where there is no room for more
	if len(best) == suggestionsMax {
		least = best[suggestionsMax-1].Score
	}
	for _, s := range best {
		if s.Kind != ingest.SuggestSame || s.Score*secondHandScore < least {
			continue
		}
		others, err := c.Suggested(ctx, s.Reference)
		if err != nil {
			return err
		}
		for _, o := range others {
			d.suggest(ingest.Candidate{Request: o.Reference}, ingest.SuggestSame, s.Score*o.Score*secondHandScore, "proposée avec "+s.Reference)
		}
	}
	return nil
}

// kin compares the sender with that of a candidate.
func (d *decision) kin(k ingest.Candidate) kinship {
	s := decode(k.Summary)
	return kin(d.own.Who, s.Who, d.own.Misread || s.Misread)
}

func link(l ingest.Link, k ingest.Candidate, why ...string) ingest.Match {
	return ingest.Match{Link: l, Request: k.Request, To: k.SubmissionID, Reasons: why}
}

// suggest keeps the best suggestion of each request.
func (d *decision) suggest(k ingest.Candidate, kind ingest.SuggestionKind, score float64, why string) {
	if have, ok := d.found[k.Request]; ok && have.Score >= score {
		return
	}
	d.found[k.Request] = ingest.Suggestion{Reference: k.Request, Kind: kind, Score: score, Why: why}
}

func (d *decision) suggestions() []ingest.Suggestion {
	var out []ingest.Suggestion
	for _, s := range d.found {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b ingest.Suggestion) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Reference, b.Reference))
	})
	return out[:min(len(out), suggestionsMax)]
}

// answers follows the channel, which knows what it answers: who wrote on a follow-up page has
// its link.
func (d *decision) answers(ctx context.Context, c ingest.Candidates) (ingest.Match, bool, error) {
	if d.rec.Hints.Answers == "" {
		return ingest.Match{}, false, nil
	}
	found, err := c.BySubmission(ctx, d.rec.Hints.Answers)
	if err != nil {
		return ingest.Match{}, false, err
	}
	if len(found) == 0 {
		// It is being filed itself: whoever has just posted a form adds to it at once.
		if d.m.since(d.rec.RecordedAt) < patience {
			return ingest.Match{}, false, ingest.ErrNotYet
		}
		return ingest.Match{}, false, nil // it was set aside, or failed: a person looks at both
	}
	why := "écrit sur la page de suivi de cette demande"
	if d.rec.MediaType == ingest.MediaNote {
		why = "ajouté à cette demande par l’agent qui l’a noté"
	}
	return link(ingest.LinkFollowUp, found[0], why), true, nil
}

func (d *decision) sameBytes(ctx context.Context, c ingest.Candidates) (ingest.Match, bool, error) {
	same, err := c.ByHash(ctx, d.rec.SHA256)
	if err != nil || len(same) == 0 {
		return ingest.Match{}, false, err
	}
	return link(ingest.LinkDuplicate, same[0], "mêmes octets que la pièce "+same[0].SubmissionID), true, nil
}

// Scores of suggestions that headers and references make.
const (
	scoreForeign = 0.6 // answers a known mail or names a reference, but somebody else wrote it
	scoreStray   = 0.4 // answers, but speaks of something else
)

// thread follows In-Reply-To and References. Who answers one of our receipts has seen
// it, so that the sender need not be known; a Message-ID of somebody else can be forged.
func (d *decision) thread(ctx context.Context, c ingest.Candidates) (ingest.Match, bool, error) {
	ids := threadIDs(d.r)
	for _, id := range ids {
		receipt, err := d.m.Tokens.Answered(id)
		if err != nil {
			continue // none of ours
		}
		sent, err := c.BySubmission(ctx, receipt)
		if err != nil {
			return ingest.Match{}, false, err
		}
		for _, k := range sent {
			match, ok, err := d.answer(ctx, c, k, "répond à notre accusé")
			if ok || err != nil {
				return match, ok, err
			}
		}
	}
	known, err := c.ByMessageID(ctx, ids)
	if err != nil {
		return ingest.Match{}, false, err
	}
	if len(known) == 0 && len(ids) > 0 && len(d.found) == 0 && d.m.since(d.rec.RecordedAt) < patience {
		// A mail and its reply that come in together (after an outage, in an import) may be
		// read in any order: wait for the others before saying that it answers nothing.
		waiting, err := c.OthersWaiting(ctx)
		if err != nil {
			return ingest.Match{}, false, err
		}
		if waiting {
			return ingest.Match{}, false, ingest.ErrNotYet
		}
	}
	asked := map[string]bool{} // requests
	for _, k := range known {
		if asked[k.Request] {
			continue
		}
		if kin := d.kin(k); kin.certain() {
			match, ok, err := d.answer(ctx, c, k, "répond à un message connu, "+kin.why)
			if ok || err != nil {
				return match, ok, err
			}
			asked[k.Request] = true
			continue
		}
		d.suggest(k, ingest.SuggestSame, scoreForeign, "répond à un message de cette demande, autre expéditeur")
	}
	return ingest.Match{}, false, nil
}

// answer links an answer to the request of k, unless it speaks of something else.
func (d *decision) answer(ctx context.Context, c ingest.Candidates, k ingest.Candidate, why string) (ingest.Match, bool, error) {
	all, err := c.ByReference(ctx, k.Request)
	if err != nil {
		return ingest.Match{}, false, err
	}
	if stray := d.strays(all); stray != "" {
		d.suggest(k, ingest.SuggestSame, scoreStray, why+", mais "+stray)
		return ingest.Match{}, false, nil
	}
	return link(ingest.LinkFollowUp, k, why), true, nil
}

// referencePattern matches a reference as people and OCR write it: 2026-000123, "2026 -
// 000123", 2O26-OOO1Z3.
var referencePattern = lazy.Regexp(`\b([2Zz][0Oo][0-9OoIlZzSB]{2}) ?[-–—_.] ?([0-9OoIlZzSB]{6})\b`)

// misreadDigits are the letters that OCR makes of digits.
var misreadDigits = strings.NewReplacer("O", "0", "o", "0", "I", "1", "l", "1", "Z", "2", "z", "2", "S", "5", "B", "8")

// referencesMax bounds how many references of a text are looked up.
const referencesMax = 8

// references returns the references that a text names, in order.
func references(text string) []string {
	var out []string
	for _, m := range referencePattern().FindAllStringSubmatch(text, -1) {
		ref := misreadDigits.Replace(m[1]) + "-" + misreadDigits.Replace(m[2])
		if !slices.Contains(out, ref) {
			if out = append(out, ref); len(out) == referencesMax {
				break
			}
		}
	}
	return out
}

// reference follows the reference that subject or text name. A reference can be guessed,
// so that it links only who is known in that request.
func (d *decision) reference(ctx context.Context, c ingest.Candidates) (ingest.Match, bool, error) {
	for _, ref := range d.own.references {
		all, err := c.ByReference(ctx, ref)
		if err != nil {
			return ingest.Match{}, false, err
		}
		if len(all) == 0 {
			continue
		}
		var who kinship
		at := slices.IndexFunc(all, func(k ingest.Candidate) bool {
			who = d.kin(k)
			return who.certain()
		})
		switch stray := d.strays(all); {
		case at < 0:
			d.suggest(all[0], ingest.SuggestSame, scoreForeign, "cite la référence "+ref+", autre expéditeur")
		case stray != "":
			d.suggest(all[0], ingest.SuggestSame, scoreStray, "cite la référence "+ref+", mais "+stray)
		default:
			return link(ingest.LinkFollowUp, all[at], "cite la référence "+ref+", "+who.why), true, nil
		}
	}
	return ingest.Match{}, false, nil
}

// threadMax bounds how many Message-IDs of a header are looked up: References grows
// with the thread, and a hostile one can hold any number.
const threadMax = 20

// threadIDs lists the Message-IDs that a mail answers to, nearest first: In-Reply-To
// names the mail answered, References the thread from its beginning (RFC 5322 §3.6.4).
func threadIDs(r ingest.Reading) []string {
	var ids []string
	add := func(id string) {
		if len(ids) < threadMax && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range r.InReplyTo {
		add(id)
	}
	for i := len(r.References) - 1; i >= 0; i-- {
		add(r.References[i])
	}
	return ids
}

func distance(a, b time.Time) time.Duration {
	if a.Before(b) {
		return b.Sub(a)
	}
	return a.Sub(b)
}
