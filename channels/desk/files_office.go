package desk

import (
	"context"
	"io"

	"saisine.fr/saisine/ingest"
)

// Files are the originals, what can be seen of them, and what the town wrote.
type Files interface {
	// Original opens the bytes as they came in.
	Original(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// Attachment opens the nth attachment (from 0) of a mail or form.
	Attachment(ctx context.Context, v ingest.Viewer, submission string, n int) (File, error)
	// Copy opens the searchable copy of a scan.
	Copy(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// Mail opens a mail that the town wrote, as it was sent or printed.
	Mail(ctx context.Context, v ingest.Viewer, id string) (File, error)
	// HTML returns the HTML of a mail as it was sent. The error wraps ingest.ErrNotFound for
	// one that has none.
	HTML(ctx context.Context, v ingest.Viewer, submission string) (MailHTML, error)
	// Page returns what is known of the picture of a page (from 1), and where its words
	// stand on it. It is cheap, and an error where there can be no picture.
	Page(ctx context.Context, v ingest.Viewer, submission string, page int) (PageImage, error)
	// Picture returns the picture, upright. Making one takes half a second, of a bad file up to a minute.
	Picture(ctx context.Context, v ingest.Viewer, submission string, page int) (Picture, error)
}

// File is something to be downloaded. Its reader must be closed.
type File struct {
	// Name is what the file was called by whoever sent it, or "". It is not to be trusted.
	Name string
	// Type is the media type where it is known from the house itself, as that of a mail; "" where it is
	// only said by somebody outside. The bytes have the last word.
	Type string
	Size int64 // -1 where it is not known
	Body io.ReadCloser
	// Request is the reference of the request that it belongs to, or "".
	Request string
	// Holds are other submissions whose pages are in it: of a stack, its letters.
	Holds []string
}

// MailHTML is the HTML of a mail, not sanitised, with the files that it can refer to by their
// Content-ID.
type MailHTML struct {
	HTML   string
	Images map[string][]byte
	// Cut is set when the HTML is longer than what is read of it.
	Cut bool
}

// PageImage is what can be said of the picture of a page before it is made.
type PageImage struct {
	// Width and Height are its size in pixels, as far as that is known: else that of a sheet.
	Width, Height int
	Words         []PageWord
}

// PageWord is a word on a page.
type PageWord struct {
	Text       string
	Confidence float64 // 0–1
	// X, Y, W, H are its box in parts of the picture's width and height (0–1).
	X, Y, W, H float64
}

// Picture is a page as a JPEG.
type Picture struct {
	JPEG []byte
	// Tag is another one when the picture is: an ETag without quotes.
	Tag string
}
