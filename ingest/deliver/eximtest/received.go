package eximtest

import (
	"bytes"
	"errors"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

// Stored is a mail that the server delivered to a citizen.
type Stored struct {
	// ReturnPath is the envelope's sender, "" for the null path; EnvelopeTo its recipient.
	ReturnPath, EnvelopeTo string
	// Raw is the mail in CRLF lines: the server's own header fields on top, then the
	// bytes as they came.
	Raw []byte
}

// Received returns the mails that were delivered to citizens so far, oldest first.
func (s *Server) Received() []Stored {
	s.tb.Helper()
	dir := filepath.Join(s.Dir, "mail", "new")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no mail yet
	}
	s.must(err)
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return modified(a).Compare(modified(b)) })
	var all []Stored
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		s.must(err)
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		s.must(err)
		all = append(all, Stored{
			ReturnPath: strings.Trim(m.Header.Get("Return-Path"), "<>"),
			EnvelopeTo: m.Header.Get("Envelope-To"), Raw: raw,
		})
	}
	return all
}

func modified(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Await returns Received as soon as it holds n mails, and fails the test when it does
// not within patience.
func (s *Server) Await(n int, patience time.Duration) []Stored {
	s.tb.Helper()
	dir := filepath.Join(s.Dir, "mail", "new")
	err := servertest.Await(patience, func() bool {
		entries, _ := os.ReadDir(dir)
		return len(entries) >= n
	})
	got := s.Received()
	if err != nil {
		s.tb.Fatalf("eximtest: %d mails were delivered, want %d: %v", len(got), n, err)
	}
	return got
}
