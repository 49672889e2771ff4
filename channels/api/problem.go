package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// problemError is what went wrong with a call: its problem details (RFC 9457).
type problemError struct {
	// Type tells kinds of problems apart that share a status; about:blank is all that the
	// status says.
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []fieldError `json:"errors,omitempty"`

	retry time.Duration // for Retry-After; 0 is none
}

// fieldError is what is wrong with one field or parameter.
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// The kinds of problems. They never change. A tag (RFC 4151) names without being an address.
const (
	typeBlank       = "about:blank"
	typeValidation  = "tag:saisine.fr,2026:validation"
	typeIdempotency = "tag:saisine.fr,2026:idempotency-conflict"
	typeRefused     = "tag:saisine.fr,2026:refused"
)

// Error implements error.
func (p *problemError) Error() string { return "api: " + p.Title + ": " + p.Detail }

func problem(status int, format string, args ...any) *problemError {
	return &problemError{Type: typeBlank, Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// invalid is a body that can be read and says what it must not.
func invalid(errs []fieldError) *problemError {
	return &problemError{
		Type: typeValidation, Title: "Some fields are not as they should be", Status: http.StatusUnprocessableEntity,
		Detail: "Nothing was done. Mend the fields that are listed in errors and send again.", Errors: errs,
	}
}

// badParameters is the same for the parameters of an address.
func badParameters(errs []fieldError) *problemError {
	return &problemError{
		Type: typeValidation, Title: "Some parameters are not as they should be", Status: http.StatusBadRequest,
		Detail: "Mend the parameters that are listed in errors.", Errors: errs,
	}
}

func unavailable(detail string) *problemError {
	p := problem(http.StatusServiceUnavailable, "%s", detail)
	p.retry = unavailableRetry
	return p
}

// asProblem says what an error of the house means for the caller.
func asProblem(err error, what string) *problemError {
	var p *problemError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, ingest.ErrNotFound):
		return problem(http.StatusNotFound, "There is no such %s, or the key may not see it.", what)
	case errors.Is(err, ingest.ErrRefused):
		return &problemError{Type: typeRefused, Title: "This cannot be done as things are", Status: http.StatusConflict, Detail: refusal(err)}
	case errors.Is(err, ingest.ErrUnavailable):
		return unavailable("The storage is unavailable at the moment. Nothing was recorded; send again later.")
	}
	return problem(http.StatusInternalServerError, "The fault is ours, and is in the log of the town's server.")
}

// refusal is why something cannot be done.
func refusal(err error) string {
	var r *ingest.RefusalError
	if errors.As(err, &r) {
		return fmt.Sprintf(r.Format, r.Args...)
	}
	return ingest.ErrRefused.Error()
}

// fail answers with a problem. What is a fault of the house goes to the log.
func (c *call) fail(err error, what string) {
	p := asProblem(err, what)
	if p.Status >= http.StatusInternalServerError {
		c.a.log.LogAttrs(c.r.Context(), slog.LevelError, "api call failed", slog.String("route", c.route), slog.Int("status", p.Status), slog.Any("err", err))
	}
	if p.retry > 0 {
		seconds := int64((p.retry + time.Second - 1) / time.Second)
		c.w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	c.send(p.Status, "application/problem+json", p)
}

// json answers with v.
func (c *call) json(status int, v any) { c.send(status, "application/json", v) }

func (c *call) send(status int, mediaType string, v any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // only what cannot be JSON at all: a fault of ours
		c.a.log.LogAttrs(c.r.Context(), slog.LevelError, "api answer cannot be written", slog.String("route", c.route), slog.Any("err", err))
		status, mediaType = http.StatusInternalServerError, "application/problem+json"
		b.Reset()
		b.WriteString(`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The fault is ours."}`)
	}
	c.status = status
	h := c.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(status)
	_, _ = c.w.Write([]byte(b.String())) // who has gone needs no answer
}
