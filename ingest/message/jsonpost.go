package message

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

const (
	maxJSONKey    = 1000 // bytes of a member's name
	maxJSONFaults = 20   // faults that are told at once
)

// ErrLimit is wrapped by JSONPost.Broken when the post is beyond Limits.Size, Limits.TextMax
// or Limits.Parts.
var ErrLimit = errors.New("message: post over a limit")

// Fault is something in a post that its sender has to mend.
type Fault struct {
	Field  string // as files[0].content
	Detail string // in English: it is for programmers
}

// JSONPost is what a form says, handed in as a JSON object. Members that are null count as
// left out. Values are cleaned as all texts are.
type JSONPost struct {
	Form
	// Numbers are lat and long, when they were given.
	Numbers map[string]float64
	// Faults are what the object should not be: members that nobody knows, or of another
	// type, or twice.
	Faults []Fault
	// Broken is why it could not be read to its end, as a *SyntaxError or ErrLimit. What was
	// read until then is there.
	Broken error
}

// ReadJSON reads a form post as a JSON object: the fields as strings, lat and long as
// numbers, and files as an array of {"name", "type", "content"}, content in base64
// (RFC 4648 §4). The name and type of a file may stand behind its content: o.Attachment is told
// what is known of them by then. With Contents it is told all.
func ReadJSON(r io.Reader, o Options) JSONPost {
	j := newJSONReader(r, o)
	j.post.Broken = j.read()
	switch {
	case j.src.err != nil || j.p.err != nil:
		j.post.Err, j.post.Broken = cmp.Or(j.src.err, j.p.err), nil
	case j.src.over:
		j.post.Broken = fmt.Errorf("%w: more than %d bytes", ErrLimit, j.p.lim.Size)
	}
	j.post.Files, j.post.Problems = j.p.attachments, j.p.problems
	return j.post
}

// Contents reads the same bytes once more and hands the contents of the files to
// o.Attachment. The error is that of the source, or of a writer.
func (p JSONPost) Contents(r io.Reader, o Options) error {
	j := newJSONReader(r, o)
	j.files = p.Files
	err := j.read()
	if j.src.err != nil {
		return j.src.err
	}
	if j.p.err != nil {
		return j.p.err
	}
	if err != nil && p.Broken == nil {
		return err // not the same bytes
	}
	return nil
}

type jsonReader struct {
	p     *parser
	src   *source
	scan  *jsonScanner
	post  JSONPost
	files []Attachment // as they were read before, or nil
}

func newJSONReader(r io.Reader, o Options) *jsonReader {
	p := newParser(o)
	src := &source{r: r, left: p.lim.Size}
	return &jsonReader{
		p: p, src: src, scan: newJSONScanner(src),
		post: JSONPost{Form: Form{Fields: make(map[string][]string)}, Numbers: make(map[string]float64)},
	}
}

func (j *jsonReader) fault(field, format string, args ...any) {
	if len(j.post.Faults) < maxJSONFaults {
		j.post.Faults = append(j.post.Faults, Fault{Cut(cleanLine(field), 200), fmt.Sprintf(format, args...)})
	}
}

// jsonTexts and jsonNumbers are the members beside "files".
var (
	jsonTexts   = []string{"name", "email", "phone", "address", "category", "place", "subject", "message"}
	jsonNumbers = []string{"lat", "long"}
)

func (j *jsonReader) read() error {
	err := j.object("", func(key string) (taken bool, err error) {
		switch {
		case slices.Contains(jsonTexts, key):
			text, ok, err := j.text(key)
			if ok {
				j.post.Fields[key] = []string{cleanText(text)}
			}
			return true, err
		case slices.Contains(jsonNumbers, key):
			return true, j.number(key)
		case key == "files":
			return true, j.fileList()
		}
		return false, nil
	})
	if err == nil {
		err = j.scan.end()
	}
	return err
}

// object reads an object whose members f takes.
func (j *jsonReader) object(where string, f func(key string) (taken bool, err error)) error {
	seen := make(map[string]bool)
	return j.scan.object(func(key string) error {
		if seen[key] {
			j.fault(where+key, "stands twice")
			return j.scan.skip(0)
		}
		taken, err := f(key)
		if err == nil && !taken {
			j.fault(where+key, "is not known here")
			return j.scan.skip(0)
		}
		// Unknown names are not kept, for there may be any number of them.
		seen[key] = taken
		return err
	})
}

// is reports whether the next value begins with one of these characters. One of another type
// is skipped, and is a fault unless it is null.
func (j *jsonReader) is(field, begins, what string) (bool, error) {
	b, err := j.scan.next()
	if err != nil {
		return false, err
	}
	for i := range len(begins) {
		if begins[i] == b {
			return true, nil
		}
	}
	if b != 'n' {
		j.fault(field, "must be %s", what)
	}
	return false, j.scan.skip(0)
}

func (j *jsonReader) text(field string) (string, bool, error) {
	if ok, err := j.is(field, `"`, "a string"); !ok {
		return "", false, err
	}
	s, err := j.scan.text(j.p.textLeft)
	if errors.Is(err, errJSONLong) {
		return "", false, fmt.Errorf("%w: more than %d bytes of text", ErrLimit, j.p.lim.TextMax)
	}
	j.p.textLeft -= int64(len(s))
	return s, err == nil, err
}

func (j *jsonReader) number(field string) error {
	if ok, err := j.is(field, "-0123456789", "a number"); !ok {
		return err
	}
	f, err := j.scan.number()
	if err == nil {
		j.post.Numbers[field] = f
	}
	return err
}

func (j *jsonReader) fileList() error {
	if ok, err := j.is("files", "[", "an array"); !ok {
		return err
	}
	return j.scan.array(func(i int) error {
		if i >= j.p.lim.Parts {
			return fmt.Errorf("%w: more than %d files", ErrLimit, j.p.lim.Parts)
		}
		return j.file(i)
	})
}

// file reads the ith file. Each has its place among the attachments, those that are not as
// they should be too.
func (j *jsonReader) file(i int) error {
	where := fmt.Sprintf("files[%d]", i)
	c := jsonContent{sum: sha256.New()}
	a := Attachment{Index: i, Field: "files"}
	ok, err := j.is(where, "{", "an object")
	if ok {
		given := false
		err = j.object(where+".", func(key string) (bool, error) {
			var err error
			switch key {
			case "name":
				a.Name, _, err = j.text(where + ".name")
			case "type":
				a.Type, _, err = j.text(where + ".type")
			case "content":
				given = true
				err = j.content(where+".content", a, &c)
			default:
				return false, nil
			}
			return true, err
		})
		if err == nil && !given {
			j.fault(where+".content", "is missing")
		}
	}
	if err != nil {
		return err
	}
	a.Type = sniffType(a.Type, c.head)
	a.Name = fileName(a.Name, a.Type, i)
	a.Size, a.SHA256 = c.size, hex.EncodeToString(c.sum.Sum(nil))
	if a.Size > j.p.lim.File {
		a.Truncated = true
		j.p.problem(ProblemAttachmentTooLarge, fmt.Sprintf("La pièce jointe « %s » dépasse la limite de %s.", a.Name, size(j.p.lim.File)))
	}
	j.p.attachments = append(j.p.attachments, a)
	return nil
}

// jsonContent measures the content of a file.
type jsonContent struct {
	sum  hash.Hash
	head []byte
	size int64
}

// Write implements io.Writer.
func (c *jsonContent) Write(b []byte) (int, error) {
	if room := 512 - len(c.head); room > 0 {
		c.head = append(c.head, b[:min(room, len(b))]...)
	}
	c.size += int64(len(b))
	return c.sum.Write(b)
}

// content reads the content of a file, of which a is what is known by now.
func (j *jsonReader) content(field string, a Attachment, c *jsonContent) error {
	if ok, err := j.is(field, `"`, "a string in base64"); !ok {
		return err
	}
	r, err := j.scan.str()
	if err != nil {
		return err
	}
	sink := &attachmentSink{left: j.p.lim.File}
	if j.p.attachment != nil {
		info := AttachmentInfo{Name: fileName(a.Name, a.Type, a.Index), Type: sniffType(a.Type, nil), Index: a.Index}
		if a.Index < len(j.files) {
			info.Name, info.Type = j.files[a.Index].Name, j.files[a.Index].Type
		}
		sink.w = j.p.attachment(info)
	}
	_, err = io.Copy(io.MultiWriter(c, sink), base64.NewDecoder(base64.StdEncoding, r))
	if sink.err != nil && j.p.err == nil {
		j.p.err = fmt.Errorf("message: write attachment %d: %w", a.Index, sink.err)
	}
	var broken *SyntaxError
	if errors.As(err, &broken) {
		return err
	}
	if err != nil {
		j.fault(field, "is not base64 with padding (RFC 4648 §4), without a \"data:\" prefix")
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
