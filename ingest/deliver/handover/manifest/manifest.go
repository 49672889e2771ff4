// Package manifest is the file that describes a case to software that takes folders or mails:
// JSON in UTF-8, version 1.
//
//	{
//	  "version": 1,
//	  "reference": "2026-000123",            our reference, the same for ever
//	  "town": "Saint-Exemple",
//	  "category": "voirie", "label": "Voirie",
//	  "service": "Services techniques",
//	  "channel": "webform",
//	  "subject": "…", "text": "…",           lines parted by \n
//	  "sender": {"name": "", "email": "", "phone": "", "address": ""},
//	  "place": "12 rue de l’Église",
//	  "position": {"lat": 48.8566, "long": 2.3522},   or null
//	  "received_at": "2026-04-23T10:30:00+02:00",
//	  "due": "2026-06-23",                   or ""
//	  "url": "https://…",
//	  "additions": [{
//	    "key": "…",                          unique and stable: what is known already is to be left
//	    "channel": "mailbox", "received_at": "…",
//	    "text": "…",                         "" for the files of the opening
//	    "files": [{
//	      "name": "plan.pdf",                as it lies beside, ASCII
//	      "original_name": "Plan à l’échelle.pdf",
//	      "type": "application/pdf", "size": 70009, "sha256": "…"
//	    }]
//	  }]
//	}
//
// Readers ignore fields that they do not know; a change of meaning gets another version.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
)

const (
	// Name is the name of the file.
	Name = "manifest.json"
	// Version is that of the schema.
	Version = 1
	// MaxSize bounds a manifest, in bytes.
	MaxSize = 16 << 20
)

// Manifest describes a case.
type Manifest struct {
	Version    int              `json:"version"`
	Reference  string           `json:"reference"`
	Town       string           `json:"town"`
	Category   string           `json:"category"`
	Label      string           `json:"label"`
	Service    string           `json:"service"`
	Channel    ingest.Channel   `json:"channel"`
	Subject    string           `json:"subject"`
	Text       string           `json:"text"`
	Sender     ingest.Person    `json:"sender"`
	Place      string           `json:"place"`
	Position   *ingest.Position `json:"position"`
	ReceivedAt time.Time        `json:"received_at"`
	// Due is a day such as 2026-06-23, or "".
	Due       string     `json:"due"`
	URL       string     `json:"url"`
	Additions []Addition `json:"additions"`
}

// Addition is what one submission brought.
type Addition struct {
	Key        string         `json:"key"`
	Channel    ingest.Channel `json:"channel"`
	ReceivedAt time.Time      `json:"received_at"`
	Text       string         `json:"text"`
	Files      []File         `json:"files"`
}

// File is one file of an addition.
type File struct {
	Name         string `json:"name"`
	OriginalName string `json:"original_name"`
	Type         string `json:"type"`
	Size         int64  `json:"size"`
	SHA256       string `json:"sha256"` // hex
}

// Of is the manifest of a case to which nothing was added.
func Of(c handover.Case) Manifest {
	m := Manifest{
		Version: Version, Reference: c.Reference, Town: c.Town, Category: c.Category, Label: c.Label,
		Service: c.Service, Channel: c.Channel, Subject: c.Subject, Text: c.Text, Sender: c.Sender,
		Place: c.Place, Position: c.Position, ReceivedAt: c.ReceivedAt, URL: c.URL, Additions: []Addition{},
	}
	if !c.Due.IsZero() {
		m.Due = c.Due.Format(time.DateOnly)
	}
	return m
}

// IsOf reports whether the manifest is of this case. The reference alone does not tell: each town
// counts from 1, and counts anew after a try-out. When a case came in, to the second, and to which
// town never change.
func (m *Manifest) IsOf(c handover.Case) bool {
	return m.Reference == c.Reference && m.Town == c.Town && m.ReceivedAt.Unix() == c.ReceivedAt.Unix()
}

// OfAddition describes an addition whose files go by these names.
func OfAddition(a handover.Addition, names []string) Addition {
	out := Addition{Key: a.Key, Channel: a.Channel, ReceivedAt: a.ReceivedAt, Text: a.Text, Files: []File{}}
	for i, f := range a.Files {
		out.Files = append(out.Files, File{Name: names[i], OriginalName: f.Name, Type: f.Type, Size: f.Size, SHA256: f.SHA256})
	}
	return out
}

// Has reports whether the addition with this key is in the manifest.
func (m *Manifest) Has(key string) bool {
	return slices.ContainsFunc(m.Additions, func(a Addition) bool { return a.Key == key })
}

// Encode writes v, a manifest or a part of one, for people and programs. What is larger than
// MaxSize is a permanent error.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, ingest.Permanent(fmt.Errorf("manifest: %w", err))
	}
	if b.Len() > MaxSize {
		return nil, ingest.Permanent(fmt.Errorf("manifest: %d bytes, at most %d are possible: hand this case over by hand", b.Len(), MaxSize))
	}
	return b.Bytes(), nil
}

// Parse reads a manifest that Encode wrote.
func Parse(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	if m.Version != Version || m.Reference == "" {
		return m, errors.New("manifest: this is no manifest of version 1")
	}
	return m, nil
}

var (
	word     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	reserved = regexp.MustCompile(`(?i)(\.(json|part|tmp)|\.)$`)
)

// CheckWord wants a reference or key that can be the name of a folder and a part of a
// Message-ID as it stands. The error is permanent.
func CheckWord(what, s string) error {
	if !word.MatchString(s) || reserved.MatchString(s) {
		return ingest.Permanent(fmt.Errorf("handover: the %s %q cannot be the name of a folder: letters without accents, digits, dot, dash and underscore only, at most 100, and no .json, .part or .tmp at the end", what, s))
	}
	return nil
}
