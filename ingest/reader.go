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
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/letter"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ingest/office"
	"saisine.fr/saisine/ingest/place"
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
	// Pages gives what was read of the scans that a collation is made of; nil where there
	// is no ledger.
	Pages PageSource
	// Streets is the town's street list, or nil; Town is its name, which is no place in it.
	Streets *place.Streets
	Town    string
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
	r, err := d.read(ctx, b, rec)
	if err != nil {
		return r, err
	}
	d.understand(&r, rec)
	return r, nil
}

func (d *DocumentReader) read(ctx context.Context, b *Blob, rec Record) (Reading, error) {
	switch rec.MediaType {
	case MediaMail:
		return d.readMail(ctx, b)
	case MediaForm:
		return d.readForm(ctx, b)
	case MediaAPI:
		return d.readAPI(ctx, b)
	case MediaOpen311:
		return d.readOpen311(ctx, b)
	case MediaPDF, MediaTIFF, MediaJPEG, MediaPNG:
		return d.readScan(ctx, b, rec)
	case MediaNote:
		return readNote(b)
	case MediaCollation:
		return d.readCollation(ctx, b, rec)
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
		MessageID: bareID(m.MessageID), Automatic: m.Automatic, NoReply: m.NoReply, Undelivered: undelivered(m.Delivery),
	}
	if m.OwnText != m.Text {
		r.OwnText = m.OwnText
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

// undelivered returns what a report says of a mail that failed for good, nil for any other.
func undelivered(d *message.DeliveryReport) *Undelivered {
	if d == nil || d.Kind != "dsn" || d.OriginalMessageID == "" {
		return nil
	}
	for _, r := range d.Recipients {
		if r.Action == "failed" {
			return &Undelivered{MessageID: bareID(d.OriginalMessageID), Recipient: r.Email, Reason: strings.TrimSpace(r.Status + " " + r.Diagnostic)}
		}
	}
	return nil
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
		out.takeFields(form)
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
	return scanReading(doc, rec.ReceivedAt), nil
}

func scanReading(doc ocr.Document, received time.Time) Reading {
	out := Reading{Kind: doc.Kind, Total: doc.Total}
	if out.Kind == "" {
		out.Kind = KindPDF
	}
	var written []int
	for _, p := range doc.Pages {
		page := Page{
			Number: p.Number, Text: p.Text, Source: p.Source, Confidence: p.Confidence, Rotation: p.Rotation,
			Unsure: p.Unsure, Layout: p.Layout,
		}
		for _, b := range p.Barcodes {
			if _, ok := ParseSeparator(b.Text); ok {
				if len(strings.Fields(p.Text)) > ocr.SheetWords {
					// A page with more is a page of a letter, whatever code is on it: a citizen may
					// copy or stick one onto it, and no page of a letter may be taken away unseen.
					written = append(written, p.Number)
					break
				}
				// What little else is read off such a sheet is no doubt of a letter's.
				page.Separator, page.Unsure = strings.TrimSpace(b.Text), false
				break
			}
		}
		out.Pages = append(out.Pages, page)
	}
	for _, p := range doc.Problems {
		if p.Code != ocr.ProblemUnsure { // said by doubt, which knows of separator sheets
			out.Problems = append(out.Problems, Problem{Code: p.Code, Detail: p.Detail})
		}
	}
	if len(written) > 0 {
		out.Problems = append(out.Problems, Problem{
			Code:   "separator_ignored",
			Detail: ocr.PageList(written) + "\u00a0: code de séparation sur une page écrite, lue comme une page de courrier.",
		})
	}
	out.doubt()
	out.letter(received)
	return out
}

// letter fills in what the pages say as a letter. received is when it came, or zero.
func (r *Reading) letter(received time.Time) {
	var texts []string
	for _, p := range r.Pages {
		if t := strings.TrimSpace(p.Text); t != "" && p.Separator == "" {
			texts = append(texts, t)
		}
	}
	r.letterOf(received, texts...)
}

// letterOf fills in the text of a letter, and its facts.
func (r *Reading) letterOf(received time.Time, texts ...string) {
	r.Text = strings.Join(texts, "\n\n")
	f := letter.Read(texts...)
	if r.Subject = clip(f.Subject, subjectMax); r.Subject == "" {
		r.Subject = firstLine(r.Text)
	}
	r.From = Person{Name: f.Sender.Name, Email: f.Sender.Email, Phone: f.Sender.Phone, Address: f.Sender.Address}
	r.Letter = LetterFacts{YourRef: f.YourRef, OurRef: f.OurRef, Signature: f.Signature, Registered: f.Registered, Enclosures: f.Enclosures}
	// A day in the future is a slip of the pen or of OCR. No date is better than a wrong one.
	if received.IsZero() || !f.Date.After(received.Add(24*time.Hour)) {
		r.Date = f.Date
	}
}

// readText reads what is no scan and no mail: the file of a word processor, or text.
func (d *DocumentReader) readText(b *Blob, rec Record) (Reading, error) {
	out := Reading{Kind: KindText}
	r, size, err := b.readerAt()
	if err != nil {
		return out, fmt.Errorf("ingest: open original: %w", err)
	}
	doc, err := office.Read(r, size, d.officeLimits())
	if err == nil && size > 0 && doc.Kind == office.KindOther && strings.HasPrefix(rec.MediaType, "text/") {
		// Whoever handed it in says that it is text.
		var raw []byte
		raw, err = io.ReadAll(io.NewSectionReader(r, 0, textMax))
		doc = office.Document{Kind: office.KindText, Text: message.PlainText(raw)}
	}
	if err := errors.Join(err, r.Close()); err != nil {
		return out, fmt.Errorf("ingest: read original: %w", err)
	}
	if doc.Kind == office.KindOther && size > 0 {
		return out, Permanent(ErrUnknownFormat)
	}
	for _, p := range doc.Problems {
		out.Problems = append(out.Problems, Problem(p))
	}
	out.letterOf(rec.ReceivedAt, doc.Text)
	return out, nil
}

func (d *DocumentReader) officeLimits() office.Limits {
	return office.Limits{Ratio: d.Limits.UnpackedRatio, Unpacked: officeMax, Text: textMax}
}

// ErrUnknownFormat means that this version cannot read that kind of file.
var ErrUnknownFormat = errors.New("format de fichier inconnu : conservé, mais non lu")

const (
	// textMax bounds the text that is made of one file, in bytes.
	textMax = 4 << 20
	// officeMax bounds what is unpacked of a word processor's file, in bytes: it is read in
	// the daemon itself.
	officeMax = 32 << 20
)

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

// firstLine is the first line of a text that says something, to stand for a subject.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len([]rune(line)) >= 12 {
			return clip(line, subjectMax)
		}
	}
	return ""
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
