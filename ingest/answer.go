package ingest

// The bounds of what an agent writes to a citizen, in characters.
const (
	MaxAnswerSubject = 200
	MaxAnswerBody    = 20_000
	MaxAddressee     = 500
)

// Answer is what an agent writes to a citizen about a request.
type Answer struct {
	// Once tells this answer from another one with the same words: posting it twice is
	// sending it once.
	Once          string
	Subject, Body string
	// Paper is set for a letter to be printed, which is addressed to To.
	Paper bool
	To    Addressee
	// Status is what the request becomes, or "" to leave it as it is.
	Status  Status
	Officer Officer
}
