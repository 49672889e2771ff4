package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ocr"
)

// Recognizer reads scans and PDFs; *ocr.Reader is one.
type Recognizer interface {
	Read(ctx context.Context, path string) (ocr.Document, error)
}

// DocumentReader is the one reading path: the worker and `saisine read` share it. It
// is safe for concurrent use.
type DocumentReader struct {
	// OCR reads pages. When nil, a submission that has any gives ErrNeedsOCR.
	OCR    Recognizer
	Limits config.Limits
	// TempDir is where attachments lie while they are being read; "" is the system's.
	TempDir string
	Log     *slog.Logger
}

// Kinds of readings, as the interface names them.
const (
	KindMail  = "mail"
	KindForm  = "form"
	KindPDF   = "pdf"
	KindTIFF  = "tiff"
	KindImage = "image"
	KindText  = "text"
)

// Read implements Reader.
func (d *DocumentReader) Read(ctx context.Context, b *Blob, rec Record) (Reading, error) {
	switch rec.MediaType {
	case MediaMail:
		return d.readMail(ctx, b)
	case MediaForm:
		return d.readForm(ctx, b)
	case MediaPDF, MediaTIFF, MediaJPEG, MediaPNG:
		return d.readScan(ctx, b, rec)
	case MediaNote:
		return readNote(b)
	}
	return d.readText(b, rec)
}

func (d *DocumentReader) messageOptions(f *filesToRead) message.Options {
	return message.Options{
		Limits: message.Limits{
			Size: int64(d.Limits.Message), File: int64(d.Limits.File),
			Depth: d.Limits.Depth, Parts: d.Limits.Parts,
		},
		Attachment: f.writer,
	}
}

func (d *DocumentReader) readMail(ctx context.Context, b *Blob) (Reading, error) {
	var out Reading
	files, err := d.withOriginal(ctx, b, func(r io.Reader, f *filesToRead) ([]message.Attachment, error) {
		m := message.Read(r, d.messageOptions(f))
		out = mailReading(m)
		return m.Attachments, m.Err
	})
	out.addFiles(files)
	return out, err
}

func mailReading(m message.Message) Reading {
	r := Reading{
		Kind: KindMail, Subject: m.Subject, Text: m.Text, Date: m.Date,
		From:      Person{Name: m.From.Name, Email: strings.ToLower(m.From.Email)},
		MessageID: bareID(m.MessageID), Automatic: m.Automatic,
	}
	for _, a := range m.To {
		r.To = append(r.To, a.Email)
	}
	for _, a := range m.Cc {
		r.Cc = append(r.Cc, a.Email)
	}
	for _, id := range m.InReplyTo {
		r.InReplyTo = append(r.InReplyTo, bareID(id))
	}
	for _, id := range m.References {
		r.References = append(r.References, bareID(id))
	}
	for _, p := range m.Problems {
		r.Problems = append(r.Problems, Problem(p))
	}
	return r
}

// bareID strips the angle brackets of a Message-ID (RFC 5322 §3.6.4: they are no part
// of it), so that it compares equal whoever wrote it.
func bareID(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
}

func (d *DocumentReader) readForm(ctx context.Context, b *Blob) (Reading, error) {
	out := Reading{Kind: KindForm}
	files, err := d.withOriginal(ctx, b, func(r io.Reader, f *filesToRead) ([]message.Attachment, error) {
		form := message.ReadForm(r, d.messageOptions(f))
		field := func(name string) string {
			if v := form.Fields[name]; len(v) > 0 {
				return strings.TrimSpace(v[0])
			}
			return ""
		}
		out.Subject, out.Text = field("subject"), field("message")
		out.Category, out.Place = field("category"), field("place")
		out.From = Person{Name: field("name"), Email: strings.ToLower(field("email")), Phone: field("phone"), Address: field("address")}
		for _, p := range form.Problems {
			out.Problems = append(out.Problems, Problem(p))
		}
		return form.Files, form.Err
	})
	out.addFiles(files)
	return out, err
}

func (d *DocumentReader) readScan(ctx context.Context, b *Blob, rec Record) (Reading, error) {
	if d.OCR == nil {
		return Reading{}, ErrNeedsOCR
	}
	path := b.Path()
	if path == "" {
		tmp, err := d.tempFile(rec.MediaType)
		if err != nil {
			return Reading{}, err
		}
		defer func() { _ = os.Remove(tmp.Name()) }()
		if _, err := tmp.Write(b.Bytes()); err != nil {
			return Reading{}, errors.Join(fmt.Errorf("ingest: temporary file: %w", err), tmp.Close())
		}
		if err := tmp.Close(); err != nil {
			return Reading{}, fmt.Errorf("ingest: temporary file: %w", err)
		}
		path = tmp.Name()
	}
	doc, err := d.OCR.Read(ctx, path)
	if err != nil {
		return Reading{}, err
	}
	out := Reading{Kind: doc.Kind, Text: documentText(doc), Subject: subjectLine(documentText(doc))}
	for _, p := range doc.Pages {
		out.Pages = append(out.Pages, Page{Number: p.Number, Text: p.Text, Source: p.Source, Confidence: p.Confidence, Rotation: p.Rotation})
	}
	for _, p := range doc.Problems {
		out.Problems = append(out.Problems, Problem{Code: p.Code, Detail: p.Detail})
	}
	if out.Kind == "" {
		out.Kind = KindPDF
	}
	return out, nil
}

// readText reads what is no known format as text, when it is one.
func (d *DocumentReader) readText(b *Blob, rec Record) (Reading, error) {
	out := Reading{Kind: KindText}
	if !strings.HasPrefix(rec.MediaType, "text/") {
		return out, Permanent(ErrUnknownFormat)
	}
	r, err := b.Open()
	if err != nil {
		return out, fmt.Errorf("ingest: open original: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, textMax+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return out, fmt.Errorf("ingest: read original: %w", err)
	}
	if len(raw) > textMax {
		raw = raw[:textMax]
		out.Problems = append(out.Problems, Problem{Code: "text_truncated", Detail: fmt.Sprintf("seuls les %d premiers octets ont été lus", textMax)})
	}
	out.Text = cleanText(raw)
	out.Subject = subjectLine(out.Text)
	return out, nil
}

// ErrUnknownFormat means that this version cannot read that kind of file.
var ErrUnknownFormat = errors.New("format de fichier inconnu : conservé, mais non lu")

// textMax bounds the bytes of a plain text that are read.
const textMax = 4 << 20

// cleanText makes UTF-8 without NUL of bytes that claim to be text. What is not UTF-8
// is windows-1252 in practice, never Latin-1 (WHATWG Encoding §4.2 maps the label
// iso-8859-1 to windows-1252 for that reason).
func cleanText(raw []byte) string {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		if s, err := charmap.Windows1252.NewDecoder().Bytes(raw); err == nil {
			raw = s
		}
	}
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\x00", "")
}

// subjectLine finds the subject of a letter: its "Objet :" line, or its first line
// that says something.
func subjectLine(text string) string {
	first := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if lower := strings.ToLower(line); strings.HasPrefix(lower, "objet") {
			rest := strings.TrimSpace(strings.TrimLeft(line[len("objet"):], " \u00a0\u202f"))
			if s, ok := strings.CutPrefix(rest, ":"); ok && strings.TrimSpace(s) != "" {
				return clip(strings.TrimSpace(s), subjectMax)
			}
		}
		if first == "" && len([]rune(line)) >= 12 {
			first = line
		}
	}
	return clip(first, subjectMax)
}

const subjectMax = 200

func clip(s string, max int) string {
	if r := []rune(s); len(r) > max {
		return string(r[:max-1]) + "…"
	}
	return s
}

func documentText(doc ocr.Document) string {
	var parts []string
	for _, p := range doc.Pages {
		if t := strings.TrimSpace(p.Text); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, "\n\n")
}

// tempFile makes a file whose name ends as its media type asks, for programs that look.
func (d *DocumentReader) tempFile(mediaType string) (*os.File, error) {
	f, err := os.CreateTemp(d.TempDir, "read-*"+extensions[mediaType])
	if err != nil {
		return nil, fmt.Errorf("ingest: temporary file: %w", err)
	}
	return f, nil
}

var extensions = map[string]string{MediaPDF: ".pdf", MediaTIFF: ".tif", MediaJPEG: ".jpg", MediaPNG: ".png"}

// scanType tells whether an attachment is one that OCR can read, by its declared type
// or, since many programs declare application/octet-stream, by its name.
func scanType(mediaType, name string) string {
	switch mt := strings.ToLower(mediaType); mt {
	case MediaPDF, MediaTIFF, MediaJPEG, MediaPNG:
		return mt
	case "image/jpg", "image/pjpeg":
		return MediaJPEG
	case "application/x-pdf":
		return MediaPDF
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".pdf":
		return MediaPDF
	case ".tif", ".tiff":
		return MediaTIFF
	case ".jpg", ".jpeg":
		return MediaJPEG
	case ".png":
		return MediaPNG
	}
	return ""
}
