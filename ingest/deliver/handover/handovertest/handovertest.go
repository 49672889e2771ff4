// Package handovertest is the suite that every connector passes, on the real program where it
// can run here.
package handovertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
)

// Seen is what the other side has of a case, as the test finds out by a way of its own.
type Seen struct {
	// Cases is how many cases there are with the reference of the case.
	Cases int
	// Subject and Text are those of the case, Added the texts that were added to it.
	Subject, Text string
	Added         []string
	// Files are all files of the case: name to content. A name that is there twice is an error
	// of the test's own look.
	Files map[string][]byte
}

// Case is a case with all that is hard: accents, a quote, a line that looks like a header.
func Case(reference string) handover.Case {
	return handover.Case{
		Reference: reference, Town: "Saint-Exemple", Subject: "Nid-de-poule « rue de l’Église » : danger",
		Text:     "Bonjour,\n\nle trou devant le n° 12 s’agrandit.\nSubject: ceci n’est pas un en-tête\n.\n<b>œuf</b> & Cie 🚲\n",
		Category: "voirie", Label: "Voirie", Service: "Services techniques", Channel: ingest.ChannelWebform,
		Sender:     ingest.Person{Name: "Zoé Lefèvre", Email: "zoe.lefevre@example.org", Phone: "06 12 34 56 78", Address: "12 rue de l’Église\n99100 Saint-Exemple"},
		Place:      "12 rue de l’Église",
		Position:   &ingest.Position{Lat: 48.8566, Long: 2.3522},
		ReceivedAt: time.Date(2026, 4, 23, 10, 30, 0, 0, time.FixedZone("CEST", 7200)),
		Due:        time.Date(2026, 6, 23, 0, 0, 0, 0, time.FixedZone("CEST", 7200)),
		URL:        "https://demarches.saint-exemple.fr/agent/demandes/" + reference,
	}
}

// File makes a file of a case.
func File(name, mediaType string, content []byte) handover.File {
	sum := sha256.Sum256(content)
	return handover.File{
		Name: name, Type: mediaType, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// Bytes is content with every byte there is, line ends of all kinds among them.
func Bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 / 3)
	}
	return b
}

// Option bends Run for a side that cannot do all there is.
type Option func(*options)

type options struct{ nothingLater bool }

// NothingLater says that the other side takes nothing after creation: to Attach what it cannot
// carry must then be a permanent error, so that a person sends it.
func NothingLater() Option { return func(o *options) { o.nothingLater = true } }

// Run holds a connector to the promises of handover.Connector. look tells what the other side
// has; it may return nil Files where it keeps none.
func Run(t *testing.T, c handover.Connector, reference string, look func(t *testing.T, r handover.Remote) Seen, opts ...Option) handover.Remote {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if line, err := c.Check(ctx); err != nil || line == "" {
		t.Fatalf("Check: %q, %v", line, err)
	}
	want := Case(reference)
	first, err := c.Create(ctx, want)
	if err != nil {
		t.Fatal("Create:", err)
	}
	if first.ID == "" {
		t.Fatal("Create gave no id")
	}
	again, err := c.Create(ctx, want)
	if err != nil || again != first {
		t.Fatalf("Create again: %+v, %v, want %+v", again, err, first)
	}
	opening := handover.Addition{Key: "opening-" + reference, ReceivedAt: want.ReceivedAt, Channel: want.Channel, Files: []handover.File{
		File("Été à l’œuvre (1).PDF", "application/pdf", append([]byte("%PDF-1.4\r\n"), Bytes(70_000)...)),
		File("plan.txt", "text/plain", []byte("ligne\r\nligne\nœ\r")),
		File("PLAN.txt", "text/plain", []byte("un autre")),
		File("vide.txt", "text/plain", nil),
	}}
	later := handover.Addition{Key: "later-" + reference, Text: "Le trou s’est agrandi.", ReceivedAt: want.ReceivedAt.Add(48 * time.Hour), Channel: ingest.ChannelMailbox}
	for _, a := range []handover.Addition{opening, later, opening, later} {
		err := c.Attach(ctx, first.ID, a)
		if o.nothingLater {
			if !ingest.IsPermanent(err) {
				t.Errorf("Attach %s: %v, want a permanent error", a.Key, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("Attach %s: %v", a.Key, err)
		}
	}
	seen := look(t, first)
	if seen.Cases != 1 {
		t.Errorf("there are %d cases with %s, want 1", seen.Cases, reference)
	}
	if seen.Files != nil {
		checkFiles(t, seen.Files, opening.Files)
	}
	return first
}

// checkFiles wants each file once, byte for byte, but those that are empty, which some programs
// do not take.
func checkFiles(t *testing.T, got map[string][]byte, want []handover.File) {
	t.Helper()
	names := handover.Names(want)
	for i, f := range want {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		have, ok := got[names[i]]
		switch {
		case !ok && len(content) == 0:
		case !ok:
			t.Errorf("%s is not there as %s; there are %d files", f.Name, names[i], len(got))
		case !bytes.Equal(have, content):
			t.Errorf("%s: %d bytes that are not the %d sent", names[i], len(have), len(content))
		}
	}
	if len(got) > len(want) {
		t.Errorf("%d files, want at most %d", len(got), len(want))
	}
}
