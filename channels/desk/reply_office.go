package desk

import (
	"context"

	"saisine.fr/saisine/ingest"
)

// Replies are answers to citizens. Answer.Officer is the viewer: what it says is not looked at.
type Replies interface {
	// Prepare is what the form of an answer shows.
	Prepare(ctx context.Context, v ingest.Viewer, reference string) (ReplyDesk, error)
	// Preview is an answer as it would go out. Nothing is written down.
	Preview(ctx context.Context, v ingest.Viewer, reference string, a ingest.Answer) (ReplyPreview, error)
	// Reply writes an answer: by mail, or as a letter to be printed. The same one again is
	// the mail that there is.
	Reply(ctx context.Context, v ingest.Viewer, reference string, a ingest.Answer) (ingest.Mail, error)
}

// ReplyDesk is what the form of an answer shows.
type ReplyDesk struct {
	Request ingest.Request
	// Templates are texts to start from, those that fit the request first, filled in for it.
	Templates []ReplyTemplate
	// Unreachable says in French why no mail can be sent, or "".
	Unreachable string
	Officer     ingest.Officer
}

// ReplyTemplate is a text to start an answer from.
type ReplyTemplate struct {
	Code, Label   string
	Subject, Body string
	// Status is what the request becomes, as the text proposes, or "".
	Status ingest.Status
}

// ReplyPreview is an answer as it would go out.
type ReplyPreview struct {
	To            string // the address, or the lines of a postal one
	Subject, Text string
	PDF           []byte // of a letter
}
