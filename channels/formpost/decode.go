package formpost

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
)

const (
	// SmallPost is the size up to which a post of known length is read in one go.
	SmallPost = 64 << 10
	// MaxText bounds all text fields of one post together, in bytes.
	MaxText = 256 << 10
	// MaxParts bounds the parts of one post, of which most must be unknown to us.
	MaxParts = 200
	// maxPartHeader bounds what lies before a part: preamble, boundary and header.
	maxPartHeader = 32 << 10
	// maxContentType bounds the request's header that is copied into the evidence.
	maxContentType = 1000
)

// Why a post cannot be read at all. Its sender is told, and nothing is recorded.
var (
	ErrUnsupported = errors.New("formpost: not a form post")
	ErrMalformed   = errors.New("formpost: malformed form post")
	ErrConnection  = errors.New("formpost: body did not arrive")
)

// Source is a post on its way in.
type Source struct {
	ContentType string
	Length      int64 // < 0: unknown
	Body        io.Reader
	Arrived     time.Time
	Limits      Limits        // as they are: see WithDefaults
	Spool       *ingest.Spool // nil: the original is not wanted
}

// evidenceHeader is the MIME header under which a post is kept: what RFC 2045 needs to
// read the body again, and when it arrived.
func (s *Source) evidenceHeader() []byte {
	b := make([]byte, 0, 160+len(s.ContentType)+int(min(max(s.Length, 0), SmallPost)))
	b = append(b, "MIME-Version: 1.0\r\nDate: "...)
	b = s.Arrived.AppendFormat(b, time.RFC1123Z)
	b = append(b, "\r\nContent-Type: "...)
	b = append(b, s.ContentType...)
	return append(b, "\r\nContent-Transfer-Encoding: binary\r\n\r\n"...)
}

// Decode reads the whole post. An error wraps ErrUnsupported, ErrMalformed or
// ErrConnection; being over a limit is no error but stands in the post, with the
// text that could be read, and then the body is not read to its end.
func Decode(s Source, form Form) (*Post, error) {
	mediaType, params, err := mime.ParseMediaType(s.ContentType)
	boundary := params["boundary"]
	switch {
	case len(s.ContentType) > maxContentType:
		return nil, fmt.Errorf("%w: content type of %d bytes", ErrMalformed, len(s.ContentType))
	case mediaType == "multipart/form-data":
		if boundary == "" || len(boundary) > 200 { // RFC 2046 §5.1.1 allows 70
			return nil, fmt.Errorf("%w: boundary of %d bytes", ErrMalformed, len(boundary))
		}
	case mediaType == "application/x-www-form-urlencoded":
	default:
		// Not what it says: that is anybody's words, and this goes to the log.
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return nil, fmt.Errorf("%w: its type is that of no form", ErrUnsupported)
	}
	if s.Length >= 0 && s.Length <= min(SmallPost, s.Limits.MaxPost) {
		return s.decodeSmall(boundary, form)
	}
	return s.decodeStream(boundary, form)
}

// decodeSmall reads a small post into one buffer that becomes the original as it is.
func (s *Source) decodeSmall(boundary string, form Form) (*Post, error) {
	buf := s.evidenceHeader()
	head := len(buf)
	if need := head + int(s.Length); need <= cap(buf) {
		buf = buf[:need]
	} else {
		buf = append(buf, make([]byte, s.Length)...)
	}
	if _, err := io.ReadFull(s.Body, buf[head:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConnection, err)
	}
	p := &Post{form: form}
	if err := p.parse(bytes.NewReader(buf[head:]), nil, boundary, s.Limits); err != nil {
		return nil, err
	}
	if s.Spool != nil && p.Over == LimitNone {
		p.Original = ingest.NewBlob(buf)
	}
	return p, nil
}

// decodeStream parses a post while it is written to the spool.
func (s *Source) decodeStream(boundary string, form Form) (*Post, error) {
	body := &teeBody{src: s.Body, limit: s.Limits.MaxPost, budget: -1}
	if s.Spool != nil {
		body.spool = s.Spool.Writer()
		body.write(s.evidenceHeader())
	}
	defer body.drop()

	p := &Post{form: form}
	err := p.parse(body, body, boundary, s.Limits)
	if err == nil && p.Over == LimitNone {
		// What follows the last boundary belongs to the evidence as well.
		if _, err := io.Copy(io.Discard, body); errors.Is(err, errOverPost) {
			p.Over = LimitPost
		}
	}
	switch {
	case body.err != nil:
		return nil, fmt.Errorf("%w: %w", ErrConnection, body.err)
	case err != nil:
		return nil, err
	case p.Over != LimitNone:
		return p, nil
	}
	p.Original, p.SpoolErr = body.blob()
	return p, nil
}

// parse reads fields and files from r. body is r when it is streamed, else nil.
func (p *Post) parse(r io.Reader, body *teeBody, boundary string, limits Limits) error {
	if boundary == "" {
		return p.parseURLEncoded(r)
	}
	scratch := scratchPool.Get().(*[]byte)
	defer scratchPool.Put(scratch)
	mr := multipart.NewReader(r, boundary)
	for n := 0; ; n++ {
		if body != nil {
			body.budget = maxPartHeader
		}
		part, err := mr.NextPart()
		if body != nil {
			body.budget = -1
		}
		if err == io.EOF { //nolint:errorlint // a wrapped EOF is a missing end boundary, the bare one is the end
			return nil
		}
		if err == nil {
			if n >= MaxParts {
				p.Over = LimitParts
				return nil
			}
			err = p.part(part, *scratch, limits)
		}
		if err != nil {
			return p.broken(err)
		}
		if p.Over == LimitParts || p.Over == LimitFiles || p.Over == LimitText {
			return nil
		}
		if p.Over == LimitFile && body != nil {
			body.drop() // only what the citizen wrote is of use now
		}
	}
}

// broken decides what a post that cannot be read to its end is worth: with enough
// in it, it is taken, and the fault noted.
func (p *Post) broken(err error) error {
	if errors.Is(err, errOverPost) {
		p.Over = LimitPost
		return nil
	}
	if !p.form.Enough() {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p.Problem("form_truncated", "L’envoi du formulaire s’arrête avant sa fin\u00a0; ce qui a été reçu est conservé.")
	return nil
}

// scratchPool holds the buffers through which parts are read.
var scratchPool = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// part takes one part in.
func (p *Post) part(part *multipart.Part, scratch []byte, limits Limits) error {
	name, filename, isFile := disposition(part.Header.Get("Content-Disposition"))
	if isFile {
		return p.file(part, name, filename, scratch, limits)
	}
	value := scratch[:0] // grows out of scratch only when it must
	for room := MaxText - p.text; ; {
		if len(value) == cap(value) {
			value = append(value, 0)[:len(value)]
		}
		n, err := part.Read(value[len(value):cap(value)])
		value = value[:len(value)+n]
		if len(value) > room {
			value, p.Over = value[:room], LimitText
			err = io.EOF
		}
		if err != nil {
			p.text += len(value)
			p.form.Set(p, name, value)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// file hashes and measures a file. One over the limit is read on, unless the post as
// a whole is too large, because the text may come after it.
func (p *Post) file(part io.Reader, field, name string, scratch []byte, limits Limits) error {
	name, _ = Clean([]byte(strings.ReplaceAll(name, "%22", `"`))) // as browsers write a quote
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:] // some browsers sent the whole path
	}
	f := File{Field: field, Name: name}
	h := sha256.New()
	for {
		n, err := part.Read(scratch)
		h.Write(scratch[:n])
		f.Size += int64(n)
		if f.Size > limits.MaxFile && p.Over == LimitNone {
			p.Over, p.OverFile = LimitFile, name
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if f.Name == "" && f.Size == 0 {
		return nil // an empty file control is sent like this (WHATWG HTML, "constructing the entry list")
	}
	h.Sum(f.Sum[:0])
	if p.Files = append(p.Files, f); len(p.Files) > limits.MaxFiles && p.Over == LimitNone {
		p.Over = LimitFiles
	}
	return nil
}

// parseURLEncoded reads application/x-www-form-urlencoded, which cannot carry files.
func (p *Post) parseURLEncoded(r io.Reader) error {
	// Three bytes for each escaped one.
	raw, err := io.ReadAll(io.LimitReader(r, 3*MaxText+1))
	if err != nil && !errors.Is(err, errOverPost) {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(raw) > 3*MaxText {
		raw, p.Over = raw[:3*MaxText], LimitText
	}
	if err != nil {
		p.Over = LimitPost
	}
	for n := 0; len(raw) > 0; n++ {
		if n >= MaxParts {
			p.Over = LimitParts
			return nil
		}
		var pair []byte
		pair, raw, _ = bytes.Cut(raw, []byte{'&'})
		key, value, _ := bytes.Cut(pair, []byte{'='})
		v := p.unescape(value)
		if room := MaxText - p.text; len(v) > room {
			v, p.Over = v[:room], LimitText
		}
		p.text += len(v)
		p.form.Set(p, p.unescape(key), []byte(v))
	}
	return nil
}

// unescape undoes the URL encoding. url.ParseQuery would drop a whole pair for one
// stray percent sign ("remise de 5% svp").
func (p *Post) unescape(b []byte) string {
	s, err := url.QueryUnescape(string(b))
	if err == nil {
		return s
	}
	p.Problem("form_encoding", "Un champ du formulaire est mal codé (signe «\u00a0%\u00a0» isolé)\u00a0; il est repris tel quel.")
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '+':
			out = append(out, ' ')
		case b[i] == '%' && i+2 < len(b):
			if s, err := url.QueryUnescape(string(b[i : i+3])); err == nil {
				out = append(out, s...)
				i += 2
				continue
			}
			out = append(out, '%')
		default:
			out = append(out, b[i])
		}
	}
	return string(out)
}
