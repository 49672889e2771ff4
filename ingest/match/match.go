// Package match decides where a submission belongs: into a request of its own, or, as
// a duplicate or follow-up, into one that is there. Wrong merges lose a citizen, so
// what is not certain opens a request and suggests the other one to a person.
package match

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Matcher decides by the rules of this package. It holds no state and is safe for
// concurrent use; that two equal submissions which arrive at once become one request
// follows from the store, which lets one filing look and write at a time.
type Matcher struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Window is how far back the same text of the same sender is still the same
	// matter; zero means 30 days.
	Window time.Duration
}

const defaultWindow = 30 * 24 * time.Hour

// Scores of suggestions.
const (
	scoreForeignReply = 0.6 // replies to a known mail, but somebody else wrote it
	scoreSameText     = 0.5 // the same words from somebody else: a petition, a neighbour
)

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

// textKeyMin is the number of letters and digits under which a text says too little
// to be recognised ("Bonjour", "Merci d'avance").
const textKeyMin = 40

// TextKey identifies the words of a reading whatever their case, accents, spacing
// and punctuation, together with the files that came with them; "" when there are too
// few words. "Please find my request attached" is another matter with each file, and a
// copier that scans to mail always says the same.
func (*Matcher) TextKey(r ingest.Reading) string {
	folded := Fold(r.Text)
	if len(folded) < textKeyMin {
		return ""
	}
	files := make([]string, 0, len(r.Attachments))
	for _, a := range r.Attachments {
		files = append(files, a.SHA256)
	}
	slices.Sort(files)
	sum := sha256.Sum256([]byte(folded + "\x00" + strings.Join(files, ",")))
	return hex.EncodeToString(sum[:16])
}

// Match implements ingest.Matcher. In order: the same bytes, a reply to a known mail,
// the same words of the same sender.
func (m *Matcher) Match(ctx context.Context, c ingest.Candidates, rec ingest.Record, r ingest.Reading, key string) (ingest.Match, error) {
	out := ingest.Match{Link: ingest.LinkOpens}

	same, err := c.ByHash(ctx, rec.SHA256)
	if err != nil {
		return out, fmt.Errorf("match: by hash: %w", err)
	}
	if len(same) > 0 {
		return link(ingest.LinkDuplicate, same[0], "mêmes octets que la pièce "+same[0].SubmissionID), nil
	}

	known, err := c.ByMessageID(ctx, threadIDs(r))
	if err != nil {
		return out, fmt.Errorf("match: by Message-ID: %w", err)
	}
	if len(known) == 0 && len(threadIDs(r)) > 0 && m.since(rec.RecordedAt) < patience {
		// A mail and its reply that come in together (after an outage, in an import) may be
		// read in any order: wait for the others before saying that it answers nothing.
		waiting, err := c.OthersWaiting(ctx)
		if err != nil {
			return out, fmt.Errorf("match: others waiting: %w", err)
		}
		if waiting {
			return out, ingest.ErrNotYet
		}
	}
	if len(known) > 0 {
		// In-Reply-To names the mail answered, References the thread from its
		// beginning (RFC 5322 §3.6.4); threadIDs puts the nearest first.
		for _, k := range known {
			if who := samePerson(r.From, k.From); who != "" {
				return link(ingest.LinkFollowUp, k, "répond à un message connu, "+who), nil
			}
		}
		out.Suggestions = suggest(out.Suggestions, known, scoreForeignReply, "répond à un message de cette demande, autre expéditeur")
	}

	window := m.Window
	if window <= 0 {
		window = defaultWindow
	}
	equal, err := c.ByTextKey(ctx, key)
	if err != nil {
		return out, fmt.Errorf("match: by text: %w", err)
	}
	for _, k := range equal {
		if distance(rec.ReceivedAt, k.ReceivedAt) > window {
			continue
		}
		if who := samePerson(r.From, k.From); who != "" {
			return link(ingest.LinkDuplicate, k, "même texte, "+who), nil
		}
		out.Suggestions = suggest(out.Suggestions, []ingest.Candidate{k}, scoreSameText, "même texte, expéditeur différent ou inconnu")
	}
	return out, nil
}

func link(l ingest.Link, k ingest.Candidate, why string) ingest.Match {
	return ingest.Match{Link: l, Request: k.Request, Reasons: []string{why}}
}

func suggest(have []ingest.Suggestion, found []ingest.Candidate, score float64, why string) []ingest.Suggestion {
next:
	for _, k := range found {
		for _, s := range have {
			if s.Reference == k.Request {
				continue next
			}
		}
		if len(have) >= suggestionsMax {
			return have
		}
		have = append(have, ingest.Suggestion{Reference: k.Request, Score: score, Why: why})
	}
	return have
}

// threadMax bounds how many Message-IDs of a header are looked up: References grows
// with the thread, and a hostile one can hold any number.
const threadMax = 50

// threadIDs lists the Message-IDs that a mail answers to, nearest first.
func threadIDs(r ingest.Reading) []string {
	ids := append([]string(nil), r.InReplyTo...)
	for i := len(r.References) - 1; i >= 0; i-- {
		ids = append(ids, r.References[i])
	}
	if len(ids) > threadMax {
		ids = ids[:threadMax]
	}
	return ids
}

func distance(a, b time.Time) time.Duration {
	if a.Before(b) {
		return b.Sub(a)
	}
	return a.Sub(b)
}
