package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest"
)

// acquaintancesMax is how many requests are looked at: whoever types a name wants to see the
// person, not their whole past.
const acquaintancesMax = 60

// phoneEnd is how many digits of a phone number tell it, without the trunk prefix or the code
// of the country.
const phoneEnd = 9

const acquaintanceColumns = `r.reference, r.subject, r.status, r.opened_at, r.sender_name, r.sender_email, r.sender_phone, r.sender_address`

// ByPhone returns the newest requests whose sender has a phone number with the same last nine
// digits, as the viewer sees them; none for fewer digits. Numbers of two countries may have
// these in common: the caller compares them whole.
func (s *Store) ByPhone(ctx context.Context, v ingest.Viewer, phone string) ([]ingest.Acquaintance, error) {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	if len(digits) < phoneEnd {
		return nil, nil
	}
	args := []any{digits[len(digits)-phoneEnd:]}
	seen, args := seenSQL(v, "r.service", args)
	args = append(args, acquaintancesMax)
	return s.acquaintances(ctx, `SELECT `+acquaintanceColumns+` FROM requests r WHERE `+s.engine.phoneEnd("r.sender_phone")+
		` = $1 AND r.sender_phone <> '' AND r.merged_into IS NULL`+seen+` ORDER BY r.id DESC LIMIT $`+strconv.Itoa(len(args)), args)
}

// nameWordsMax bounds the words of a name that are looked up.
const nameWordsMax = 8

// ByName returns the newest requests whose sender's name has all the words of name, or words
// that begin so, whatever their order and accents, as the viewer sees them. Single letters are
// passed over.
func (s *Store) ByName(ctx context.Context, v ingest.Viewer, name string) ([]ingest.Acquaintance, error) {
	var words []string
	for _, w := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		if len([]rune(w)) > 1 && len(words) < nameWordsMax {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return nil, nil
	}
	q := s.engine.byName(words)
	args := []any{q.arg}
	seen, args := seenSQL(v, "r.service", args)
	args = append(args, acquaintancesMax)
	return s.acquaintances(ctx, `SELECT `+acquaintanceColumns+` FROM `+q.from+`
		WHERE `+q.where+` AND r.merged_into IS NULL`+seen+` ORDER BY `+q.order+` DESC LIMIT $`+strconv.Itoa(len(args)), args)
}

func (s *Store) acquaintances(ctx context.Context, query string, args []any) ([]ingest.Acquaintance, error) {
	var out []ingest.Acquaintance
	err := (reading{s.read}).rows(ctx, query, args, func(row rowScanner) error {
		var a ingest.Acquaintance
		var status string
		var at int64
		err := row.Scan(&a.Reference, &a.Subject, &status, &at, &a.Sender.Name, &a.Sender.Email, &a.Sender.Phone, &a.Sender.Address)
		a.Status, a.OpenedAt = ingest.Status(status), s.time(at)
		out = append(out, a)
		return err
	})
	return out, err
}

// Acquaintance returns the sender of a request (of one that was merged, of the one that it
// went into), and the submission that opened it. The error wraps ingest.ErrNotFound when there
// is none, or the viewer does not see it.
func (s *Store) Acquaintance(ctx context.Context, v ingest.Viewer, reference string) (ingest.Acquaintance, error) {
	q, err := s.visible(ctx, reading{s.read}, v, reference)
	if err != nil {
		return ingest.Acquaintance{}, err
	}
	found, err := s.acquaintances(ctx, `SELECT `+acquaintanceColumns+` FROM requests r WHERE r.id = $1`, []any{q.id})
	if err != nil {
		return ingest.Acquaintance{}, err
	}
	if len(found) == 0 {
		return ingest.Acquaintance{}, fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	err = s.read.QueryRowContext(ctx, `SELECT id FROM submissions WHERE request_id = $1 AND link = 'opens'`, q.id).Scan(&found[0].Opening)
	return found[0], unavailable(err)
}

// Compare lets match look among the submissions that are filed, as Filing.Match does, and
// changes nothing. What the viewer does not see is no candidate.
func (s *Store) Compare(ctx context.Context, v ingest.Viewer, match func(ctx context.Context, c ingest.Candidates) (ingest.Match, error)) (ingest.Match, error) {
	c := candidates{run: reading{s.read}, store: s, full: full{}}
	if len(v.Hidden) == 0 {
		return match(ctx, c)
	}
	return match(ctx, seenCandidates{c, v})
}

// seenCandidates leaves out the candidates that are hidden from a viewer: suggestions are few,
// and hidden ones must not take the place of others, or show in the reasons of those.
type seenCandidates struct {
	candidates
	viewer ingest.Viewer
}

// hidden returns those of the references whose request the viewer does not see.
func (c seenCandidates) hidden(ctx context.Context, references []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, ref := range references {
		if _, known := out[ref]; known {
			continue
		}
		var service string
		if err := c.run.row(ctx, `SELECT service FROM requests WHERE reference = $1`, ref).Scan(&service); err != nil {
			return nil, unavailable(err)
		}
		out[ref] = !c.viewer.Sees(service)
	}
	return out, nil
}

// seenOnly leaves out what belongs to requests that the viewer does not see; reference is that
// of an item.
func seenOnly[T any](ctx context.Context, c seenCandidates, found []T, err error, reference func(T) string) ([]T, error) {
	if err != nil {
		return nil, err
	}
	references := make([]string, len(found))
	for i, x := range found {
		references[i] = reference(x)
	}
	hidden, err := c.hidden(ctx, references)
	var out []T
	for _, x := range found {
		if !hidden[reference(x)] {
			out = append(out, x)
		}
	}
	return out, err
}

func (c seenCandidates) seen(ctx context.Context, found []ingest.Candidate, err error) ([]ingest.Candidate, error) {
	return seenOnly(ctx, c, found, err, func(k ingest.Candidate) string { return k.Request })
}

// ByHash implements ingest.Candidates.
func (c seenCandidates) ByHash(ctx context.Context, sha256 string) ([]ingest.Candidate, error) {
	found, err := c.candidates.ByHash(ctx, sha256)
	return c.seen(ctx, found, err)
}

// ByMessageID implements ingest.Candidates.
func (c seenCandidates) ByMessageID(ctx context.Context, ids []string) ([]ingest.Candidate, error) {
	found, err := c.candidates.ByMessageID(ctx, ids)
	return c.seen(ctx, found, err)
}

// BySubmission implements ingest.Candidates.
func (c seenCandidates) BySubmission(ctx context.Context, id string) ([]ingest.Candidate, error) {
	found, err := c.candidates.BySubmission(ctx, id)
	return c.seen(ctx, found, err)
}

// ByReference implements ingest.Candidates.
func (c seenCandidates) ByReference(ctx context.Context, reference string) ([]ingest.Candidate, error) {
	found, err := c.candidates.ByReference(ctx, reference)
	return c.seen(ctx, found, err)
}

// Alike implements ingest.Candidates.
func (c seenCandidates) Alike(ctx context.Context, p ingest.Profile) ([]ingest.Candidate, error) {
	found, err := c.candidates.Alike(ctx, p)
	return c.seen(ctx, found, err)
}

// Suggested implements ingest.Candidates.
func (c seenCandidates) Suggested(ctx context.Context, reference string) ([]ingest.Suggestion, error) {
	found, err := c.candidates.Suggested(ctx, reference)
	return seenOnly(ctx, c, found, err, func(g ingest.Suggestion) string { return g.Reference })
}
