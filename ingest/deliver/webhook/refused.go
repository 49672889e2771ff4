package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds what an endpoint may ask for: no longer than the schedule's last wait.
const maxRetryAfter = 24 * time.Hour

// ErrGoneEndpoint means that the endpoint wants no more messages (410). The caller disables it.
var ErrGoneEndpoint = errors.New("the endpoint answered 410: it wants no more messages, and is to be disabled")

// RefusedError is an answer that is not 2xx.
type RefusedError struct {
	Status int
	// Wait is how long an answer of 429 or 503 asked to wait, at most 24 h; 0 = it did not.
	Wait time.Duration
}

// Error leaves out what the endpoint said, which is in Result: errors go to the log.
func (e *RefusedError) Error() string {
	switch {
	case e.Status == http.StatusGone:
		return ErrGoneEndpoint.Error()
	case e.Status/100 == 3:
		return fmt.Sprintf("the endpoint answered %d, a redirect, which is not followed: enter the address where it is now", e.Status)
	}
	return fmt.Sprintf("the endpoint answered %d", e.Status)
}

// Unwrap makes 410 ErrGoneEndpoint.
func (e *RefusedError) Unwrap() error {
	if e.Status == http.StatusGone {
		return ErrGoneEndpoint
	}
	return nil
}

// Permanent reports whether another attempt is useless: after 410 only. The specification has
// every other answer tried again, 400 and 404 too, since a receiver's mistakes get mended.
func (e *RefusedError) Permanent() bool { return e.Status == http.StatusGone }

// RetryAfter is Wait, for the queue.
func (e *RefusedError) RetryAfter() time.Duration { return e.Wait }

// retryAfter reads seconds or a date (RFC 9110 §10.2.3); what is neither counts for nothing.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	v := resp.Header.Get("Retry-After")
	var wait time.Duration
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		wait = time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
