package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/antivirus"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/message"
)

// Examination is the outcome of a virus scan.
type Examination struct {
	Verdict Verdict
	// Head says from whom it is and about what, so that a person knows whom to write to should
	// it be held; nil where that would take more than parting it into its files.
	Head *Reading
}

// Antivirus looks for viruses in a submission before anything else reads it.
type Antivirus interface {
	// Examine returns the verdict on an original and the files in it. The error wraps
	// ErrNotYet when the scanner is not there.
	Examine(ctx context.Context, rec Record, b *Blob) (Examination, error)
}

// VirusScanner is clamd as an Examiner needs it; *antivirus.Watch is one.
type VirusScanner interface {
	Scan(ctx context.Context, key string, r io.Reader, size int64) (antivirus.Answer, error)
	State() (v antivirus.Version, since time.Time, down error)
}

// Examiner is Antivirus by clamd. It is safe for concurrent use.
type Examiner struct {
	Scanner VirusScanner
	// Limits are those by which originals are read: the scan sees the same files.
	Limits config.Limits
	Spool  Spool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Examine implements Antivirus. The original is looked at as it came, and so is each file as
// this program takes it out of it: how clamd takes a mail apart may be another way, and of files
// in JSON it knows nothing. What is in an archive is clamd's business.
func (e *Examiner) Examine(ctx context.Context, rec Record, b *Blob) (out Examination, err error) {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	files := map[int]*BlobWriter{}
	reading, attached, err := e.part(rec, b, files)
	blobs := map[int]*Blob{}
	defer func() {
		for _, b := range blobs {
			err = errors.Join(err, b.Close())
		}
	}()
	for _, n := range slices.Sorted(maps.Keys(files)) {
		if err != nil {
			files[n].Abort()
		} else if blobs[n], err = files[n].Blob(); err != nil {
			delete(blobs, n)
		}
	}
	if err != nil {
		return out, err
	}
	if reading.Kind != "" {
		out.Head = &Reading{Kind: reading.Kind, Subject: reading.Subject, From: reading.From, MessageID: reading.MessageID}
	}
	out.Verdict = Verdict{State: VirusClean, Attempt: rec.Attempt}
	seen := map[string]bool{}
	look := func(name string, b *Blob) error {
		if seen[b.SHA256()] || out.Verdict.State == VirusInfected {
			return nil
		}
		seen[b.SHA256()] = true
		a, err := e.scan(ctx, b)
		switch {
		case err != nil:
			return err
		case a.Verdict == antivirus.Infected:
			out.Verdict.State, out.Verdict.Signature, out.Verdict.File = VirusInfected, a.Name, name
		case a.Verdict != antivirus.Clean && out.Verdict.State == VirusClean:
			out.Verdict.State, out.Verdict.Signature, out.Verdict.File = VirusUnscannable, a.Name, name
		}
		return nil
	}
	// The files first: a name tells more than "somewhere in this mail". Of what is too large as a
	// whole each file is looked at all the same, since a virus is worse news.
	for _, n := range slices.Sorted(maps.Keys(blobs)) {
		name := ""
		if n < len(attached) {
			name = attached[n].Name
		}
		if name == "" {
			name = fmt.Sprintf("n° %d", n+1)
		}
		if err := look(name, blobs[n]); err != nil {
			return out, err
		}
	}
	if err := look("", b); err != nil {
		return out, err
	}
	version, _, _ := e.Scanner.State()
	out.Verdict.Scanner, out.Verdict.At = version.String(), now()
	return out, nil
}

func (e *Examiner) scan(ctx context.Context, b *Blob) (antivirus.Answer, error) {
	r, err := b.Open()
	if err != nil {
		return antivirus.Answer{}, fmt.Errorf("ingest: open for virus scan: %w", err)
	}
	a, err := e.Scanner.Scan(ctx, b.SHA256(), r, b.Size())
	if errors.Is(err, antivirus.ErrDown) {
		err = fmt.Errorf("%w: %w", ErrNotYet, err)
	}
	return a, errors.Join(err, r.Close())
}

// part takes an original apart as its reader will, and puts its files into files.
func (e *Examiner) part(rec Record, b *Blob, files map[int]*BlobWriter) (out Reading, attached []message.Attachment, err error) {
	o := message.Options{
		// Whatever can be downloaded of a file is looked at, and not only what is read of it.
		Limits: message.Limits{Size: int64(e.Limits.Message), File: int64(e.Limits.Message), Depth: e.Limits.Depth, Parts: e.Limits.Parts},
		Attachment: func(a message.AttachmentInfo) io.Writer {
			files[a.Index] = e.Spool.Writer()
			return files[a.Index]
		},
	}
	r, err := b.Open()
	if err != nil {
		return out, nil, fmt.Errorf("ingest: open original: %w", err)
	}
	switch rec.MediaType {
	case MediaMail:
		m := message.Read(r, o)
		out, attached, err = mailReading(m), m.Attachments, m.Err
	case MediaForm:
		f := message.ReadForm(r, o)
		out.Kind = KindForm
		out.takeFields(f)
		attached, err = f.Files, f.Err
	case MediaOpen311:
		f := message.ReadForm(r, o)
		out.Kind = KindForm
		out.open311(f.Fields)
		attached, err = f.Files, f.Err
	case MediaAPI:
		p := message.ReadJSON(r, o)
		out.Kind = KindForm
		out.takeFields(p.Form)
		attached, err = p.Files, p.Err
	}
	if err := errors.Join(err, r.Close()); err != nil {
		return out, nil, fmt.Errorf("ingest: take original apart: %w", err)
	}
	return out, attached, nil
}

// examine has a submission looked through for viruses, and reports whether that was its end. A
// verdict of this attempt stands: a process that died after it, or another lane, need not ask
// again.
func (p *Pipeline) examine(ctx context.Context, rec Record) (held bool, err error) {
	v := rec.Verdict
	if v.ReleasedBy != "" || p.examined(rec) {
		return false, nil
	}
	if p.Antivirus == nil && v.Bad() {
		// It was taken up again where no scanner is: what one had found stands.
		return true, p.hold(ctx, rec, Examination{Verdict: v})
	}
	if p.Antivirus == nil && v.State == VirusUnknown && rec.MediaType != MediaCollation {
		return false, nil
	}
	e, err := p.verdict(ctx, rec)
	if err != nil {
		return false, fmt.Errorf("pipeline: virus scan of %s: %w", rec.ID, err)
	}
	if e.Verdict.Held() {
		return true, p.hold(ctx, rec, e)
	}
	if e.Verdict.State == v.State && e.Verdict.Attempt == v.Attempt {
		return false, nil // nothing new: there is no scanner, and never was
	}
	if err := p.Ledger.Examined(ctx, rec.ID, e.Verdict); err != nil {
		return false, fmt.Errorf("pipeline: virus scan of %s: %w", rec.ID, err)
	}
	crashpoint.Hit("worker.examined")
	return false, nil
}

// examined reports whether nothing is to be looked for in a submission any more.
func (p *Pipeline) examined(rec Record) bool {
	return rec.Verdict.State == VirusClean && rec.Verdict.Attempt == rec.Attempt
}

func (p *Pipeline) hold(ctx context.Context, rec Record, e Examination) error {
	e.Verdict.Attempt = rec.Attempt
	if err := p.Ledger.Quarantine(ctx, rec.ID, e.Verdict, e.Head, e.Verdict.Reason()); err != nil {
		return fmt.Errorf("pipeline: hold %s: %w", rec.ID, err)
	}
	crashpoint.Hit("worker.held")
	return nil
}

// verdict asks about a submission. The bytes of a collation are those of the scans that its
// pages are in: what is known of them is known of it.
func (p *Pipeline) verdict(ctx context.Context, rec Record) (Examination, error) {
	if rec.MediaType != MediaCollation {
		return p.ask(ctx, rec)
	}
	var out Examination
	for i, id := range rec.Hints.Parents {
		parent, err := p.Ledger.Submission(ctx, id)
		if err != nil {
			return out, err
		}
		v := parent.Verdict
		if !v.Bad() && v.State != VirusClean && v.ReleasedBy == "" {
			e, err := p.verdict(ctx, parent) // it came before there was a scanner
			if err != nil {
				return out, err
			}
			v = e.Verdict
		}
		// Of two, the worse one; of two that are clean, the older.
		if w := worse(v) - worse(out.Verdict); i == 0 || w > 0 || w == 0 && v.At.Before(out.Verdict.At) {
			out.Verdict = v
			if v.File == "" {
				out.Verdict.File = parent.Hints.Filename
			}
		}
	}
	out.Verdict.Attempt = rec.Attempt
	return out, nil
}

// worse orders verdicts.
func worse(v Verdict) int {
	switch {
	case v.Held():
		return 3
	case v.State == VirusInfected:
		return 2
	case v.State != VirusClean:
		return 1
	}
	return 0
}

func (p *Pipeline) ask(ctx context.Context, rec Record) (e Examination, err error) {
	if p.Antivirus == nil {
		return Examination{Verdict: Verdict{State: VirusUnknown, Attempt: rec.Attempt}}, nil
	}
	blob, err := p.Ledger.Original(ctx, rec)
	if err != nil {
		return e, err
	}
	e, err = p.Antivirus.Examine(ctx, rec, blob)
	return e, errors.Join(err, blob.Close())
}
