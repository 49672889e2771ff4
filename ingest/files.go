package ingest

import (
	"io"

	"saisine.fr/saisine/ingest/message"
)

// Attached reads the files that came with an original of this media type, as the reading of
// the submission had them, in the same order; o.Attachment takes their bytes. An original that
// holds no files has none.
func Attached(r io.Reader, mediaType string, o message.Options) ([]message.Attachment, error) {
	switch mediaType {
	case MediaMail:
		m := message.Read(r, o)
		return m.Attachments, m.Err
	case MediaForm, MediaOpen311:
		f := message.ReadForm(r, o)
		return f.Files, f.Err
	case MediaAPI:
		p := message.ReadJSON(r, o)
		return p.Files, p.Err
	}
	return nil, nil
}
