package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"saisine.fr/saisine/ingest"
)

const (
	maxAnswer = 4 << 10 // bytes of an answer that are read
	maxSaid   = 300     // characters of it that are kept
)

// Message is one event on its way.
type Message struct {
	// ID is the same in every attempt: the receiver knows repeats by it. Visible ASCII
	// without a full stop.
	ID string
	// Time is that of the attempt, which receivers hold against their clock (mostly 5 minutes
	// either way).
	Time time.Time
	// Body is JSON, sent and signed to the byte.
	Body []byte
}

// Result is what came of an attempt, as far as it came.
type Result struct {
	// Status is the answer's; 0 when there was none.
	Status   int
	Duration time.Duration
	// Said is the beginning of the answer, at most 300 characters on one line. It is the
	// other side's text: for people, not for the log.
	Said string
}

// Send makes one attempt. A nil error means an answer of 2xx.
//
// Whatever else the endpoint answers, 3xx among it, is a *RefusedError; with 410 it is
// ErrGoneEndpoint too, and permanent (ingest.Permanent), as is a message that cannot be sent
// to anybody. Anything else can be tried again: no answer within the timeout, a failing
// network or certificate, an address that is refused (*AddressError). The context ends the
// attempt. The answer may have been lost though the endpoint has the message.
func (s *Sender) Send(ctx context.Context, m Message) (Result, error) {
	if err := checkMeta(m.ID, m.Time); err != nil {
		return Result{}, ingest.Permanent(fmt.Errorf("webhook: endpoint %q: %w", s.name, err))
	}
	start := time.Now()
	r, err := s.attempt(ctx, m)
	r.Duration = time.Since(start)
	if err != nil {
		return r, fmt.Errorf("webhook: endpoint %q: %w", s.name, err)
	}
	return r, nil
}

func (s *Sender) attempt(caller context.Context, m Message) (Result, error) {
	ctx, cancel := context.WithTimeout(caller, s.timeout)
	defer cancel()
	req, err := s.request(ctx, m)
	if err != nil {
		return Result{}, err
	}
	// The transport itself, not a client: it follows no redirect, and its errors do not
	// repeat the URL.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return Result{}, s.explain(caller, ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	r := Result{Status: resp.StatusCode}
	if r.Status != http.StatusSwitchingProtocols { // after that the body is a bare connection that no timeout ends
		r.Said = said(resp.Body)
	}
	// The status decides: who has answered 2xx has the message, however its text ends.
	if r.Status/100 == 2 {
		return r, nil
	}
	return r, &RefusedError{Status: r.Status, Wait: retryAfter(resp, time.Now())}
}

func (s *Sender) request(ctx context.Context, m Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("the address cannot be used") // the error would repeat it
	}
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		signatures[i] = sign(key, m.ID, m.Time, m.Body)
	}
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", timestamp(m.Time))
	req.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "saisine")
	return req, nil
}

// explain says what to do about a failure that an administrator can mend.
func (s *Sender) explain(caller, ctx context.Context, err error) error {
	var cert *tls.CertificateVerificationError
	switch {
	case caller.Err() != nil:
		return fmt.Errorf("the attempt was broken off: %w", caller.Err())
	case ctx.Err() != nil:
		return fmt.Errorf("no answer within %s: %w", s.timeout, ctx.Err())
	case errors.As(err, &cert):
		return fmt.Errorf("%w; if the certificate is of the town's own authority, name the file of that", err)
	}
	return err
}

// said reads the beginning of an answer and makes it fit for a page. What breaks off, by the
// timeout among others, is kept as far as it came.
func said(body io.Reader) string {
	raw, _ := io.ReadAll(io.LimitReader(body, maxAnswer))
	text := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case !unicode.IsPrint(r): // among them those that turn the line's direction
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(raw), ""))
	out := []rune(strings.Join(strings.Fields(text), " "))
	return strings.TrimSpace(string(out[:min(len(out), maxSaid)]))
}
