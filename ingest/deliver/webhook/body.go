package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

type payload struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Seq        int64         `json:"seq,omitempty"`
	Request    string        `json:"request,omitempty"`
	Submission string        `json:"submission,omitempty"`
	Category   string        `json:"category,omitempty"`
	Service    string        `json:"service,omitempty"`
	Status     ingest.Status `json:"status,omitempty"`
	OldStatus  ingest.Status `json:"old_status,omitempty"`
	URL        string        `json:"url,omitempty"`
}

// Body is the message for an event: its codes and references (a "thin" payload of the
// specification), so that what a citizen wrote is read at the interface, with a key and in the
// log of access. base is the public address of the town's saisine, such as
// https://saisine.example.fr; with "" there is no url. Empty fields are left out.
func Body(e ingest.PublicEvent, base string) ([]byte, error) {
	if e.Kind == "" || e.At.IsZero() {
		return nil, ingest.Permanent(errors.New("webhook: the event has no kind or no time"))
	}
	d := data{
		Seq: e.Seq, Request: e.Request, Submission: e.Submission, Category: e.Category, Service: e.Service,
		Status: e.Status, OldStatus: e.OldStatus,
	}
	if base != "" && e.Request != "" {
		d.URL = strings.TrimRight(base, "/") + "/api/v1/requests/" + url.PathEscape(e.Request)
	}
	out, err := json.Marshal(payload{e.Kind, e.At.UTC().Format(time.RFC3339), d})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return out, nil
}
