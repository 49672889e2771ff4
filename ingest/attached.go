package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ingest/office"
)

// Below this many bytes an attached image is a logo of a signature or a tracking
// pixel, never a photographed letter: OCR of it costs seconds and gives noise.
const imageMin = 40 << 10

// filesToRead keeps, while a mail or form is being parsed, those attachments that can
// be read. The others are only hashed.
type filesToRead struct {
	reader *DocumentReader
	files  map[int]*os.File // by attachment index
	err    error
}

// writer is message.Options.Attachment.
func (f *filesToRead) writer(a message.AttachmentInfo) io.Writer {
	mt := scanType(a.Type, a.Name)
	switch {
	case f.err != nil, mt == "" && !office.Readable(a.Type, a.Name):
		return nil
	case mt != "" && f.reader.OCR == nil:
		// Only its size decides now whether the OCR queue is needed.
		return nil
	}
	file, err := f.reader.tempFile(mt)
	if err != nil {
		f.err = err
		return nil
	}
	f.files[a.Index] = file
	return file
}

func (f *filesToRead) remove() {
	for _, file := range f.files {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
}

// readFile is an attachment with what was read of it.
type readFile struct {
	Attachment
	problems []Problem
}

// withOriginal parses an original by parse and then reads the attachments that can be
// read, each on its own: one that is broken costs a problem.
func (d *DocumentReader) withOriginal(ctx context.Context, b *Blob, parse func(io.Reader, *filesToRead) ([]message.Attachment, error)) ([]readFile, error) {
	r, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("ingest: open original: %w", err)
	}
	kept := &filesToRead{reader: d, files: make(map[int]*os.File)}
	defer kept.remove()
	attachments, err := parse(r, kept)
	if err := errors.Join(err, kept.err, r.Close()); err != nil {
		return nil, fmt.Errorf("ingest: read original: %w", err)
	}
	out := make([]readFile, 0, len(attachments))
	for _, a := range attachments {
		rf := readFile{Attachment: Attachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256}}
		if worthOCR(a) {
			if d.OCR == nil {
				return nil, ErrNeedsOCR
			}
			if file := kept.files[a.Index]; file != nil {
				if err := d.readAttachment(ctx, file, &rf); err != nil {
					return nil, err
				}
			}
		} else if file := kept.files[a.Index]; file != nil && scanType(a.Type, a.Name) == "" {
			if err := d.readOffice(file, &rf); err != nil {
				return nil, err
			}
		}
		out = append(out, rf)
	}
	return out, nil
}

func worthOCR(a message.Attachment) bool {
	switch scanType(a.Type, a.Name) {
	case "":
		return false
	case MediaJPEG, MediaPNG:
		return a.Size >= imageMin
	}
	return a.Size > 0
}

func (d *DocumentReader) readAttachment(ctx context.Context, file *os.File, rf *readFile) error {
	doc, err := d.OCR.Read(ctx, file.Name())
	if err != nil {
		return err
	}
	rf.Text = documentText(doc)
	for _, p := range doc.Problems {
		rf.problems = append(rf.problems, Problem{Code: p.Code, Detail: strings.TrimSpace(rf.Name + " : " + p.Detail)})
	}
	return nil
}

// readOffice reads an attachment that no OCR is needed for. A file that is nothing to
// read after all is an attachment like any other.
func (d *DocumentReader) readOffice(file *os.File, rf *readFile) error {
	doc, err := office.Read(file, rf.Size, d.officeLimits())
	if err != nil {
		return fmt.Errorf("ingest: read attachment: %w", err)
	}
	rf.Text = doc.Text
	if doc.Kind == office.KindOther {
		return nil
	}
	for _, p := range doc.Problems {
		rf.problems = append(rf.problems, Problem{Code: p.Code, Detail: strings.TrimSpace(rf.Name + " : " + p.Detail)})
	}
	return nil
}

// addFiles adds attachments and their problems to a reading.
func (r *Reading) addFiles(files []readFile) {
	for _, f := range files {
		r.Attachments = append(r.Attachments, f.Attachment)
		r.Problems = append(r.Problems, f.problems...)
	}
}
