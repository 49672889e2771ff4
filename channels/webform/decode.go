package webform

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
	// smallPost is the size up to which a post of known length is read in one go.
	smallPost = 64 << 10
	// maxText bounds all text fields of one post together, in bytes.
	maxText = 256 << 10
	// maxParts bounds the parts of one post, of which most must be unknown to us.
	maxParts = 200
	// maxPartHeader bounds what lies before a part: preamble, boundary and header.
	maxPartHeader = 32 << 10
	// maxContentType bounds the request's header that is copied into the evidence.
	maxContentType = 1000
)

// Why a post cannot be read at all. Its sender gets a page, and nothing is recorded.
var (
	errUnsupported = errors.New("webform: not a form post")
	errMalformed   = errors.New("webform: malformed form post")
	errConnection  = errors.New("webform: body did not arrive")
)

// limitKind says which limit a post is over.
type limitKind int

const (
	limitNone limitKind = iota
	limitPost
	limitFile
	limitFiles
	limitText
	limitParts
)

// file is one attached file, of which only name, size and hash are kept here: its
// bytes lie in the original.
type file struct {
	name string
	size int64
	sum  [sha256.Size]byte
}

// post is a decoded form post.
type post struct {
	fields
	token    string
	trap     string
	confirm  bool
	files    []file
	problems []ingest.Problem

	over     limitKind // when not limitNone the rest is what could be read
	overFile string    // name of the file that is over limitFile

	original *ingest.Blob // nil when over a limit, not wanted or not spooled
	spoolErr error        // why it could not be spooled
	text     int          // bytes of text taken so far
}

// close removes the original's temporary file, unless the store has adopted it.
func (p *post) close() error {
	if p.original == nil {
		return nil
	}
	return p.original.Close()
}

func (p *post) problem(code, detail string) {
	for i := range p.problems {
		if p.problems[i].Code == code {
			return
		}
	}
	p.problems = append(p.problems, ingest.Problem{Code: code, Detail: detail})
}

// source is a post on its way in.
type source struct {
	contentType string
	length      int64 // < 0: unknown
	body        io.Reader
	arrived     time.Time
	limits      Limits
	spool       *ingest.Spool // nil: the original is not wanted
}

// evidenceHeader is the MIME header under which a post is kept: what RFC 2045 needs to
// read the body again, and when it arrived.
func (s *source) evidenceHeader() []byte {
	b := make([]byte, 0, 160+len(s.contentType)+int(min(max(s.length, 0), smallPost)))
	b = append(b, "MIME-Version: 1.0\r\nDate: "...)
	b = s.arrived.AppendFormat(b, time.RFC1123Z)
	b = append(b, "\r\nContent-Type: "...)
	b = append(b, s.contentType...)
	return append(b, "\r\nContent-Transfer-Encoding: binary\r\n\r\n"...)
}

// decode reads the whole post. An error wraps errUnsupported, errMalformed or
// errConnection; being over a limit is no error but stands in the post, with the
// text that could be read, and then the body is not read to its end.
func decode(s source) (*post, error) {
	mediaType, params, err := mime.ParseMediaType(s.contentType)
	boundary := params["boundary"]
	switch {
	case len(s.contentType) > maxContentType:
		return nil, fmt.Errorf("%w: content type of %d bytes", errMalformed, len(s.contentType))
	case mediaType == "multipart/form-data":
		if boundary == "" || len(boundary) > 200 { // RFC 2046 §5.1.1 allows 70
			return nil, fmt.Errorf("%w: boundary of %d bytes", errMalformed, len(boundary))
		}
	case mediaType == "application/x-www-form-urlencoded":
	default:
		return nil, fmt.Errorf("%w: %q (%w)", errUnsupported, mediaType, errors.Join(err))
	}
	if s.length >= 0 && s.length <= min(smallPost, s.limits.MaxPost) {
		return s.decodeSmall(boundary)
	}
	return s.decodeStream(boundary)
}

// decodeSmall reads a small post into one buffer that becomes the original as it is.
func (s *source) decodeSmall(boundary string) (*post, error) {
	buf := s.evidenceHeader()
	head := len(buf)
	if need := head + int(s.length); need <= cap(buf) {
		buf = buf[:need]
	} else {
		buf = append(buf, make([]byte, s.length)...)
	}
	if _, err := io.ReadFull(s.body, buf[head:]); err != nil {
		return nil, fmt.Errorf("%w: %w", errConnection, err)
	}
	p := &post{}
	if err := p.parse(bytes.NewReader(buf[head:]), nil, boundary, s.limits); err != nil {
		return nil, err
	}
	if s.spool != nil && p.over == limitNone {
		p.original = ingest.NewBlob(buf)
	}
	return p, nil
}

// decodeStream parses a post while it is written to the spool.
func (s *source) decodeStream(boundary string) (*post, error) {
	body := &teeBody{src: s.body, limit: s.limits.MaxPost, budget: -1}
	if s.spool != nil {
		body.spool = s.spool.Writer()
		body.write(s.evidenceHeader())
	}
	defer body.drop()

	p := &post{}
	err := p.parse(body, body, boundary, s.limits)
	if err == nil && p.over == limitNone {
		// What follows the last boundary belongs to the evidence as well.
		if _, err := io.Copy(io.Discard, body); errors.Is(err, errOverPost) {
			p.over = limitPost
		}
	}
	switch {
	case body.err != nil:
		return nil, fmt.Errorf("%w: %w", errConnection, body.err)
	case err != nil:
		return nil, err
	case p.over != limitNone:
		return p, nil
	}
	p.original, p.spoolErr = body.blob()
	return p, nil
}

// parse reads fields and files from r. body is r when it is streamed, else nil.
func (p *post) parse(r io.Reader, body *teeBody, boundary string, limits Limits) error {
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
			if n >= maxParts {
				p.over = limitParts
				return nil
			}
			err = p.part(part, *scratch, limits)
		}
		if err != nil {
			return p.broken(err)
		}
		if p.over == limitParts || p.over == limitFiles || p.over == limitText {
			return nil
		}
		if p.over == limitFile && body != nil {
			body.drop() // only what the citizen wrote is of use now
		}
	}
}

// broken decides what a post that cannot be read to its end is worth: with a message
// in it, it is taken, and the fault noted.
func (p *post) broken(err error) error {
	if errors.Is(err, errOverPost) {
		p.over = limitPost
		return nil
	}
	if p.Message == "" {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	p.problem("form_truncated", "L’envoi du formulaire s’arrête avant sa fin\u00a0; ce qui a été reçu est conservé.")
	return nil
}

// scratchPool holds the buffers through which parts are read.
var scratchPool = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// part takes one part in.
func (p *post) part(part *multipart.Part, scratch []byte, limits Limits) error {
	name, filename, isFile := disposition(part.Header.Get("Content-Disposition"))
	if isFile {
		return p.file(part, filename, scratch, limits)
	}
	value := scratch[:0] // grows out of scratch only when it must
	for room := maxText - p.text; ; {
		if len(value) == cap(value) {
			value = append(value, 0)[:len(value)]
		}
		n, err := part.Read(value[len(value):cap(value)])
		value = value[:len(value)+n]
		if len(value) > room {
			value, p.over = value[:room], limitText
			err = io.EOF
		}
		if err != nil {
			p.text += len(value)
			p.set(name, value)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// file hashes and measures a file. One over the limit is read on, unless the post as
// a whole is too large, because the text may come after it.
func (p *post) file(part io.Reader, name string, scratch []byte, limits Limits) error {
	name, _ = clean([]byte(strings.ReplaceAll(name, "%22", `"`))) // as browsers write a quote
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:] // some browsers sent the whole path
	}
	f := file{name: name}
	h := sha256.New()
	for {
		n, err := part.Read(scratch)
		h.Write(scratch[:n])
		f.size += int64(n)
		if f.size > limits.MaxFile && p.over == limitNone {
			p.over, p.overFile = limitFile, name
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if f.name == "" && f.size == 0 {
		return nil // an empty file control is sent like this (WHATWG HTML, "constructing the entry list")
	}
	h.Sum(f.sum[:0])
	if p.files = append(p.files, f); len(p.files) > limits.MaxFiles && p.over == limitNone {
		p.over = limitFiles
	}
	return nil
}

// parseURLEncoded reads application/x-www-form-urlencoded, which cannot carry files.
func (p *post) parseURLEncoded(r io.Reader) error {
	// Three bytes for each escaped one.
	raw, err := io.ReadAll(io.LimitReader(r, 3*maxText+1))
	if err != nil && !errors.Is(err, errOverPost) {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	if len(raw) > 3*maxText {
		raw, p.over = raw[:3*maxText], limitText
	}
	if err != nil {
		p.over = limitPost
	}
	for n := 0; len(raw) > 0; n++ {
		if n >= maxParts {
			p.over = limitParts
			return nil
		}
		var pair []byte
		pair, raw, _ = bytes.Cut(raw, []byte{'&'})
		key, value, _ := bytes.Cut(pair, []byte{'='})
		v := p.unescape(value)
		if room := maxText - p.text; len(v) > room {
			v, p.over = v[:room], limitText
		}
		p.text += len(v)
		p.set(p.unescape(key), []byte(v))
	}
	return nil
}

// unescape undoes the URL encoding. url.ParseQuery would drop a whole pair for one
// stray percent sign ("remise de 5% svp").
func (p *post) unescape(b []byte) string {
	s, err := url.QueryUnescape(string(b))
	if err == nil {
		return s
	}
	p.problem("form_encoding", "Un champ du formulaire est mal codé (signe «\u00a0%\u00a0» isolé)\u00a0; il est repris tel quel.")
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

// set stores a field. Of a repeated one the first that is not empty counts; the
// others stay in the original.
func (p *post) set(name string, raw []byte) {
	switch name {
	case fieldToken:
		p.token, _ = clean(raw)
		return
	case fieldTrap:
		p.trap, _ = clean(raw)
		return
	case fieldConfirm:
		p.confirm = len(raw) > 0
		return
	}
	field := p.byName(name)
	if field == nil {
		return
	}
	value, guessed := clean(raw)
	if guessed {
		p.problem("charset", "Le texte n’est pas en UTF-8\u00a0; il a été lu comme windows-1252.")
	}
	if *field != "" && value != "" {
		p.problem("form_repeated", "Un champ du formulaire a été envoyé plusieurs fois\u00a0; le premier compte.")
		return
	}
	if value != "" {
		*field = value
	}
}
