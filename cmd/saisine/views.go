package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// The JSON of the interface: its names are promises to scripts. Lists are [] and
// never null, times are RFC 3339 with the town's offset.

// readJSON is a line of `saisine read --json`.
type readJSON struct {
	File        string               `json:"file"`
	Kind        string               `json:"kind"`
	Subject     string               `json:"subject"`
	From        ingest.Person        `json:"from"`
	To          []string             `json:"to"`
	Cc          []string             `json:"cc"`
	Date        string               `json:"date"`
	MessageID   string               `json:"message_id"`
	InReplyTo   string               `json:"in_reply_to"`
	Automatic   string               `json:"automatic"`
	Text        string               `json:"text"`
	Attachments []readAttachmentJSON `json:"attachments"`
	Pages       []ingest.Page        `json:"pages"`
	Letters     []letterJSON         `json:"letters"`
	OwnText     string               `json:"own_text,omitempty"`
	Letter      *ingest.LetterFacts  `json:"letter,omitempty"`
	Problems    []ingest.Problem     `json:"problems"`
}

type readAttachmentJSON struct {
	view.Attachment
	Text string `json:"text"`
}

type letterJSON struct {
	Pages     [2]int `json:"pages"`
	Separator string `json:"separator"`
}

func viewReading(file string, r ingest.Reading) readJSON {
	v := readJSON{
		File: file, Kind: r.Kind, Subject: r.Subject, From: r.From, To: view.List(r.To), Cc: view.List(r.Cc),
		MessageID: r.MessageID, Automatic: r.Automatic, Text: r.Text,
		Attachments: []readAttachmentJSON{}, Pages: view.List(r.Pages), Letters: []letterJSON{}, Problems: view.List(r.Problems),
	}
	if !r.Date.IsZero() {
		v.Date = r.Date.Format(time.RFC3339)
	}
	if len(r.InReplyTo) > 0 {
		v.InReplyTo = r.InReplyTo[0]
	}
	for _, a := range r.Attachments {
		v.Attachments = append(v.Attachments, readAttachmentJSON{view.OfAttachment(a), a.Text})
	}
	v.OwnText, v.Letter = r.OwnText, view.OfLetter(r)
	letters, _ := r.Letters()
	for _, l := range letters {
		v.Letters = append(v.Letters, letterJSON{Pages: [2]int{l.First, l.Last}, Separator: l.Separator})
	}
	return v
}

// jsonLines writes one JSON object a line.
type jsonLines struct{ enc *json.Encoder }

func newJSONLines(w io.Writer) jsonLines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return jsonLines{enc}
}

func (j jsonLines) print(v any) error {
	if err := j.enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
