package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
)

// smtpHealth is how the last conversation with the mail server ended. It is safe for concurrent
// use.
type smtpHealth struct {
	mu    sync.Mutex
	good  time.Time // the last that went well
	fault error     // that of the last one; nil when it went well, or there was none
	since time.Time // of the fault
	tried time.Time
}

// told takes the outcome of a try. What is about one mail or its recipient is no fault of the
// server: it was there and answered.
func (s *smtpHealth) told(err error, now time.Time) {
	if errors.Is(err, context.Canceled) {
		return // the daemon stops
	}
	var refusal *deliver.SMTPError
	if errors.As(err, &refusal) && refusal.Stage == deliver.StageRcpt && !refusal.WantsLogin() || ingest.IsPermanent(err) {
		err = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = now
	if err == nil {
		s.good = now
	} else if s.fault == nil {
		s.since = now
	}
	s.fault = err
}

// state returns the last good conversation, and the fault that stands, since when.
func (s *smtpHealth) state() (good, since time.Time, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.good, s.since, s.fault
}

// smtpRetry is how long a fault stands before the server is asked again whether it still does:
// the next mail may be hours away.
const smtpRetry = 30 * time.Second

func (s *smtpHealth) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault != nil && now.Sub(s.tried) >= smtpRetry
}

// recheck logs in to the mail server while a fault stands, and sends nothing.
func (r *mailroom) recheck(ctx context.Context) {
	if r.smtp == nil || !r.health.due(time.Now()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	r.health.told(r.smtp.Check(ctx), time.Now())
}
