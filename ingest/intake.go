package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/crashpoint"
)

// Recorder writes originals and ledger rows durably.
type Recorder interface {
	// Record stores the original and its ledger row; it is the transaction behind
	// Sink.Submit and keeps the same promises.
	Record(ctx context.Context, s Submission) (Receipt, error)
}

// Notifier tells the workers that a submission waits. It must not block: a lost
// notice is made up for by the sweeper.
type Notifier interface {
	Notify(id string, attempt int, lane Lane)
}

// Lane is the queue that a submission is treated in. They are apart so that a scan of
// 200 pages never holds up a mail.
type Lane string

// The lanes.
const (
	LaneMail Lane = "mail"
	LaneOCR  Lane = "ocr"
)

// LaneOf tells where a submission of this media type begins. A mail whose
// attachments need OCR starts in LaneMail and is moved over (ErrNeedsOCR).
func LaneOf(mediaType string) Lane {
	switch mediaType {
	case MediaPDF, MediaTIFF, MediaJPEG, MediaPNG:
		return LaneOCR
	}
	return LaneMail
}

// Intake is the Sink of the house. It is safe for concurrent use.
type Intake struct {
	Recorder Recorder
	Notifier Notifier // nil: the sweeper finds the rows
	Log      *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Submit implements Sink.
func (in *Intake) Submit(ctx context.Context, s Submission) (Receipt, error) {
	now := time.Now
	if in.Now != nil {
		now = in.Now
	}
	if err := check(&s, now()); err != nil {
		return Receipt{}, err
	}
	r, err := in.Recorder.Record(ctx, s)
	if err != nil {
		return Receipt{}, fmt.Errorf("submit %s: %w", s.Channel, err)
	}
	crashpoint.Hit("submit.recorded")
	if !r.Replayed && r.State == StateReceived && in.Notifier != nil {
		in.Notifier.Notify(r.ID, 0, LaneOf(s.MediaType))
	}
	return r, nil
}

// check refuses what a channel must never hand in, and fills in what it may leave out.
func check(s *Submission, now time.Time) error {
	switch {
	case s.Channel == "":
		return fmt.Errorf("%w: no channel", ErrInvalid)
	case s.SourceKey == "":
		return fmt.Errorf("%w: no source key", ErrInvalid)
	case s.Original == nil:
		return fmt.Errorf("%w: no original", ErrInvalid)
	case s.MediaType == "":
		return fmt.Errorf("%w: no media type", ErrInvalid)
	case s.Settled != "" && s.Settled != StateSetAside && s.Settled != StateFailed:
		return fmt.Errorf("%w: settled as %q", ErrInvalid, s.Settled)
	case s.Settled != "" && strings.TrimSpace(s.Reason) == "":
		return fmt.Errorf("%w: settled without a reason", ErrInvalid)
	}
	if s.ReceivedAt.IsZero() || s.ReceivedAt.After(now) {
		// A clock ahead of ours must not date a letter in the future: deadlines
		// would start late, to the citizen's cost.
		s.ReceivedAt = now
	}
	return nil
}
