package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ocr"
)

// Ledger is what the pipeline needs of the store. Each writing method is one
// transaction, does nothing when the submission has left StateReceived already (so
// that a step can run twice), and is safe for concurrent use.
type Ledger interface {
	// Submission returns a row; ErrNotFound when there is none.
	Submission(ctx context.Context, id string) (Record, error)
	// Original returns the bytes of a row. Close the Blob after use.
	Original(ctx context.Context, rec Record) (*Blob, error)
	// File ends a submission as filed: it asks f.Match where it belongs, inside the
	// transaction and with no other filing under way, then writes request, link,
	// reading, events and outbox rows together.
	File(ctx context.Context, id string, f Filing) (Filed, error)
	// SetAside ends a submission that is no citizen's message.
	SetAside(ctx context.Context, id string, r Reading, reason string) error
	// Fail ends a submission that could not be treated, for a person to look at.
	Fail(ctx context.Context, id, reason string) error
	// Examined records that the virus scan holds nothing against a submission.
	Examined(ctx context.Context, id string, v Verdict) error
	// Quarantine ends a submission as failed that the virus scan does not let through, with its
	// verdict and, where it is not nil, what is known of the sender.
	Quarantine(ctx context.Context, id string, v Verdict, head *Reading, reason string) error
	// Collate sets submissions aside with their readings and adds those that were made
	// of their pages, all together, and returns the ids of the added ones. When one of
	// the former has left StateReceived already it does nothing.
	Collate(ctx context.Context, ended []Ending, made []Submission) ([]string, error)
	// Sides returns the scans of one side of a stack (Hints.TwoSided) that came into the
	// same folder as rec within a day of it, rec among them, in the order in which they
	// came. Those that were joined already are left out.
	Sides(ctx context.Context, rec Record) ([]Record, error)
}

// Filing is everything that filing a submission needs.
type Filing struct {
	Reading        Reading
	Classification Classification
	Profile        Profile
	Match          func(ctx context.Context, c Candidates) (Match, error)
}

// Filed is the outcome of a filing.
type Filed struct {
	Request string // reference
	Link    Link
}

// Candidates finds filed submissions. It is only valid inside Filing.Match.
type Candidates interface {
	// ByHash finds submissions with the same original bytes.
	ByHash(ctx context.Context, sha256 string) ([]Candidate, error)
	// ByMessageID finds mails with one of these Message-IDs.
	ByMessageID(ctx context.Context, ids []string) ([]Candidate, error)
	// ByReference finds the submissions of a request; of one that was merged, those of the
	// request that it went into.
	ByReference(ctx context.Context, reference string) ([]Candidate, error)
	// BySubmission finds a filed submission.
	BySubmission(ctx context.Context, id string) ([]Candidate, error)
	// Alike finds submissions that share a text key, a bucket or a fact with p: of each of
	// them the newest few, however many there are, and of all the likeliest.
	Alike(ctx context.Context, p Profile) ([]Candidate, error)
	// Suggested returns what is suggested as the same matter for a request, or it for them.
	Suggested(ctx context.Context, reference string) ([]Suggestion, error)
	// OthersWaiting reports whether other mails came into the ledger lately that have not
	// come to their end yet.
	OthersWaiting(ctx context.Context) (bool, error)
}

// Reader turns an original into a Reading. An ugly original is a Reading with
// problems; an error is a fault of the house (no OCR child can be started, disk
// full) that may be gone at the next try, ErrNeedsOCR excepted.
type Reader interface {
	Read(ctx context.Context, b *Blob, rec Record) (Reading, error)
}

// Matcher decides where a submission belongs.
type Matcher interface {
	// Profile makes what the submission is compared by.
	Profile(rec Record, r Reading, c Classification) Profile
	// Match decides. It is called inside the filing transaction.
	Match(ctx context.Context, c Candidates, rec Record, r Reading, p Profile) (Match, error)
}

// Classifier names category and service. It cannot fail: what it does not know it
// leaves for review.
type Classifier interface {
	Classify(ctx context.Context, rec Record, r Reading) Classification
}

// ErrNeedsOCR is returned by a Reader without OCR for a submission that has pages to
// be recognised: it belongs into the OCR queue.
var ErrNeedsOCR = errors.New("ingest: needs OCR")

// ErrNotYet is returned for a submission that waits: by a Matcher, for one that it may belong to
// and that is still being treated; by Antivirus, for the scanner. It is to be tried again in a
// moment, however often.
var ErrNotYet = errors.New("ingest: waits for something else")

// permanentError marks an error that no retry will mend.
type permanentError struct{ err error }

func (e permanentError) Error() string   { return e.err.Error() }
func (e permanentError) Unwrap() error   { return e.err }
func (e permanentError) Permanent() bool { return true }

// Permanent wraps an error that no retry will mend; the queue then records the
// failure at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether no retry will mend an error: it, or one that it wraps, has a method
// Permanent() bool that says so.
func IsPermanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}

// Pipeline takes a received submission to its end state: read, classify, match and
// file. It holds no state, so any number of goroutines and processes may use one;
// running it twice for the same submission changes nothing the second time.
type Pipeline struct {
	Ledger     Ledger
	Reader     Reader
	Matcher    Matcher
	Classifier Classifier
	// Antivirus looks at a submission before anything reads it; nil: there is no virus scan.
	Antivirus Antivirus
	// Notifier is told of submissions that are made of others; nil: the sweeper finds them.
	Notifier Notifier
	Log      *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Process treats the submission with this id. It returns ErrNeedsOCR when the Reader
// says so, an error with Permanent() true when a retry cannot help, and any other
// error when it may.
func (p *Pipeline) Process(ctx context.Context, id string) error {
	rec, err := p.Load(ctx, id)
	if err != nil {
		return err
	}
	return p.Treat(ctx, rec)
}

// Load returns the row of a submission. That there is none is permanent.
func (p *Pipeline) Load(ctx context.Context, id string) (Record, error) {
	rec, err := p.Ledger.Submission(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return rec, Permanent(err)
	}
	if err != nil {
		return rec, fmt.Errorf("pipeline: load %s: %w", id, err)
	}
	return rec, nil
}

// Treat is Process for a row that was loaded a moment ago.
func (p *Pipeline) Treat(ctx context.Context, rec Record) error {
	id := rec.ID
	if rec.State != StateReceived {
		return nil
	}
	crashpoint.Hit("worker.started")
	if held, err := p.examine(ctx, rec); held || err != nil {
		return err
	}
	if rec.Hints.TwoSided {
		ended, alone, err := p.join(ctx, rec)
		if ended || err != nil {
			return err
		}
		rec.Hints.Problems = append(slices.Clone(rec.Hints.Problems), alone...)
	}
	reading, err := p.read(ctx, rec)
	if err != nil {
		return err
	}
	crashpoint.Hit("worker.read")
	if ended, err := p.divide(ctx, rec, reading); ended || err != nil {
		return err
	}
	if reason := asideReason(reading); reason != "" && !rec.Kept {
		return p.setAside(ctx, id, reading, reason)
	}
	class := p.classify(ctx, rec, reading)
	if class.Aside != "" && !rec.Kept {
		return p.setAside(ctx, id, reading, class.Aside)
	}
	f := Filing{Reading: reading, Classification: class, Profile: p.Matcher.Profile(rec, reading, class)}
	f.Match = func(ctx context.Context, c Candidates) (Match, error) {
		return p.Matcher.Match(ctx, c, rec, reading, f.Profile)
	}
	crashpoint.Hit("worker.classified")
	filed, err := p.Ledger.File(ctx, id, f)
	if err != nil {
		return fmt.Errorf("pipeline: file %s: %w", id, err)
	}
	crashpoint.Hit("worker.filed")
	p.Log.LogAttrs(ctx, slog.LevelDebug, "submission filed",
		slog.String("id", id), slog.String("request", filed.Request), slog.String("link", string(filed.Link)))
	return nil
}

func (p *Pipeline) setAside(ctx context.Context, id string, r Reading, reason string) error {
	if err := p.Ledger.SetAside(ctx, id, r, reason); err != nil {
		return fmt.Errorf("pipeline: set aside %s: %w", id, err)
	}
	crashpoint.Hit("worker.set_aside")
	return nil
}

// classify asks the Classifier, except about words that were read unsurely: where no
// page is sure only the folder and the like may speak, and a person looks in any case.
func (p *Pipeline) classify(ctx context.Context, rec Record, r Reading) Classification {
	if len(r.InReplyTo) > 0 && answerSubject.MatchString(r.Subject) {
		r.Subject = "" // of what is answered, not of the answer
	}
	unsure, sure := r.sureness()
	if !unsure {
		return p.Classifier.Classify(ctx, rec, r)
	}
	var danger Classification
	if !sure {
		// Danger is worth a look even where it may be misread.
		danger = p.Classifier.Classify(ctx, rec, r)
		r.Subject, r.Text, r.OwnText, r.Attachments = "", "", "", nil
	}
	c := p.Classifier.Classify(ctx, rec, r)
	if len(c.Urgent) == 0 && len(danger.Urgent) > 0 {
		c.Urgent = danger.Urgent
		// The first reason is the one that names the danger.
		c.Reasons = append(slices.Clone(danger.Reasons[:min(1, len(danger.Reasons))]), c.Reasons...)
	}
	c.NeedsReview = true
	c.Reasons = append(c.Reasons, "lecture peu sûre (OCR)\u00a0: à vérifier sur l’image")
	return c
}

// emptySubjects are the words of subjects that forms have by themselves.
var emptySubjects = map[string]bool{
	"contact": true, "général": true, "générale": true, "demande": true, "question": true, "information": true, "informations": true, "message": true,
	"autre": true, "divers": true, "sans": true, "objet": true, "formulaire": true, "renseignement": true, "renseignements": true, "de": true, "test": true, "mairie": true,
}

// saysNothing reports whether a subject has such words only.
func saysNothing(subject string) bool {
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(subject)), func(w string) bool {
		return !emptySubjects[strings.Trim(w, "-–:.,")]
	})
}

// answerSubject matches the subject that a mail program gives an answer.
var answerSubject = regexp.MustCompile(`(?i)^\s*(?:re|ré|rép|aw|antw)\s*:`)

// asideReason says why a reading is no citizen's message, or "". Only what certainly
// says nothing is empty: where a page could not be read there is a problem, and a
// person looks at it.
func asideReason(r Reading) string {
	if r.Automatic != "" {
		return r.Automatic
	}
	// A form whose subject says nothing, without a word and without a name, is one that slipped.
	nameless := r.Kind == KindForm && r.From == (Person{}) && r.Place == "" && saysNothing(r.Subject)
	if len(r.Problems) > 0 || len(r.Attachments) > 0 || strings.TrimSpace(r.Text) != "" || strings.TrimSpace(r.Subject) != "" && !nameless {
		return ""
	}
	switch r.Kind {
	case KindPDF, KindTIFF, KindImage:
		for _, page := range r.Pages {
			if page.Source != ocr.SourceBlank {
				return ""
			}
		}
		if len(r.Pages) == 0 {
			return ""
		}
		return "empty: " + counted(len(r.Pages), "page blanche", "pages blanches")
	case KindMail, KindText, KindForm:
		return "empty: message vide"
	}
	return ""
}

func (p *Pipeline) read(ctx context.Context, rec Record) (Reading, error) {
	blob, err := p.Ledger.Original(ctx, rec)
	if err != nil {
		return Reading{}, fmt.Errorf("pipeline: original of %s: %w", rec.ID, err)
	}
	defer func() {
		if err := blob.Close(); err != nil {
			p.Log.LogAttrs(ctx, slog.LevelWarn, "original not closed", slog.String("id", rec.ID), slog.Any("err", err))
		}
	}()
	r, err := p.Reader.Read(ctx, blob, rec)
	if err != nil {
		return Reading{}, fmt.Errorf("pipeline: read %s: %w", rec.ID, err)
	}
	r.Problems = append(append([]Problem(nil), rec.Hints.Problems...), r.Problems...)
	if rec.Hints.Answers != "" && (rec.MediaType != MediaNote || r.From == Person{}) {
		// On a follow-up page nobody says who they are: it is whoever wrote before. Names in
		// such a post were put there by a program, and must not redirect what is sent. An agent
		// who adds a note to a request has seen who speaks.
		r.From = Person{}
		if first, err := p.Ledger.Submission(ctx, rec.Hints.Answers); err == nil && first.Reading != nil {
			r.From = first.Reading.From
		}
	}
	return r, nil
}
