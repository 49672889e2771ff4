package publik

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// sign is the query with its signature, which comes last: base64 of HMAC-SHA256 of all before
// it (Authentification, « Signature des requêtes »). The server takes it for 30 seconds, by its
// own clock, and each nonce once.
func (c *Connector) sign(q url.Values) string {
	s := q.Encode()
	if s != "" {
		s += "&"
	}
	s += "algo=sha256&timestamp=" + url.QueryEscape(c.now().UTC().Format("2006-01-02T15:04:05Z")) +
		"&nonce=" + c.nonce() + "&orig=" + url.QueryEscape(c.o.Orig)
	mac := hmac.New(sha256.New, []byte(c.o.Key))
	mac.Write([]byte(s))
	return s + "&signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// call makes a signed call and decodes the answer, or its "data", into out.
func (c *Connector) call(ctx context.Context, method, path string, q url.Values, body, out any) error {
	if q == nil {
		q = url.Values{}
	}
	if c.o.Email != "" {
		q.Set("email", c.o.Email)
	}
	// The query is part of the path, since rest would sort the signature away from the end.
	a, err := c.client.Do(ctx, rest.Call{Method: method, Path: path + "?" + c.sign(q), JSON: body})
	if err != nil {
		return fmt.Errorf("publik: %w", withoutQuery(err, method, path))
	}
	trimmed := strings.TrimSpace(string(a.Body))
	var wrapped struct {
		Err  json.RawMessage `json:"err"`
		Desc string          `json:"err_desc"`
		Data json.RawMessage `json:"data"`
	}
	data := a.Body
	if strings.HasPrefix(trimmed, "{") {
		if err := rest.Decode(method, path, a.Body, &wrapped); err != nil {
			return fmt.Errorf("publik: %w", err)
		}
		if e := string(wrapped.Err); e != "" && e != "0" && e != "null" {
			return ingest.Permanent(&handover.SaidError{
				Err:  fmt.Errorf("publik: %s %s: the answer is an error", method, path),
				Said: fmt.Sprintf("error %.40s: %.300q", e, wrapped.Desc),
			})
		}
		if wrapped.Data != nil {
			data = wrapped.Data
		}
	}
	if out == nil {
		return nil
	}
	if err := rest.Decode(method, path, data, out); err != nil {
		return fmt.Errorf("publik: %w", err)
	}
	return nil
}

// withoutQuery takes the agent's address and the signature out of an error of rest.
func withoutQuery(err error, method, path string) error {
	var status *rest.StatusError
	if errors.As(err, &status) {
		clean := *status
		clean.Path = path
		return &clean
	}
	if cause := errors.Unwrap(err); cause != nil {
		return fmt.Errorf("%s %s: %w", method, path, cause)
	}
	return fmt.Errorf("%s %s: no answer that can be read", method, path)
}
