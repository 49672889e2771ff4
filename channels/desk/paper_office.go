package desk

import (
	"context"

	"saisine.fr/saisine/ingest"
)

// Paper is what the mail room needs: letters to print, sheets, scans, registers.
type Paper interface {
	// Letters wait to be printed, oldest first; total is how many there are.
	Letters(ctx context.Context, v ingest.Viewer) (list []ingest.Mail, total int, err error)
	// Letter is one of them, printed or not, and LetterFile what is to be printed (PDF), the
	// same each time.
	Letter(ctx context.Context, v ingest.Viewer, id string) (ingest.Mail, error)
	LetterFile(ctx context.Context, v ingest.Viewer, id string) (File, error)
	// Acknowledge has the acknowledgement of a request written as a letter, in the place of a
	// mail that does not arrive (CRPA L112-3); where it was before, it is that letter.
	Acknowledge(ctx context.Context, v ingest.Viewer, reference string) (ingest.Mail, error)
	// Printed notes that letters were printed and posted, all or none, and returns how many
	// were not before.
	Printed(ctx context.Context, v ingest.Viewer, ids []string) (int, error)

	// Separators writes separator sheets (PDF).
	Separators(ctx context.Context, v ingest.Viewer, q SeparatorQuery) (File, error)
	// Scans are submissions with what has become of them, in the order of ids. What is hidden
	// from the viewer is left out.
	Scans(ctx context.Context, v ingest.Viewer, ids []string) ([]ScanState, error)

	// Register is a page of the lines of a register, in the order of their numbers: those
	// after the place that the page before named, or "" for the first.
	Register(ctx context.Context, v ingest.Viewer, q RegisterQuery, after string) (RegisterPage, error)
	// RegisterLines calls f for each line, until f returns an error.
	RegisterLines(ctx context.Context, v ingest.Viewer, q RegisterQuery, f func(ingest.RegisterLine) error) error
}

// SeparatorQuery says which separator sheets are wanted: Copies of each service, or of the
// plain sheet where none is named.
type SeparatorQuery struct {
	Services []string
	Copies   int
	Counter  bool   // for what is handed in at the counter
	Postmark string // a day as 2026-04-23, or ""
}

// ScanState is what has become of a scan.
type ScanState struct {
	ID, Filename string
	State        ingest.State
	Reason       string
	Request      string // reference, or ""
	// Letters are what was made of it, where it was a pile.
	Letters []ScanState
}

// Settled reports whether it has come to its end, with all that was made of it.
func (s ScanState) Settled() bool {
	for _, l := range s.Letters {
		if !l.State.Final() {
			return false
		}
	}
	return s.State.Final()
}

// RegisterQuery says which lines of which register.
type RegisterQuery struct {
	Direction ingest.Direction
	From, To  string // days by the town's calendar as 2026-04-23, both included
	Channel   ingest.Channel
}

// RegisterPage is a page of a register.
type RegisterPage struct {
	Lines []ingest.RegisterLine
	Total int
	Next  string // the place for the page after, "" on the last
}
