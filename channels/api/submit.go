package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/channels/pace"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/message"
)

// submittedAnswer is the answer to a submission. A replay gives the same one.
type submittedAnswer struct {
	ID        string `json:"id"`
	FollowURL string `json:"follow_up_url"`
}

// bodyTypes are what a submission can be written as.
const bodyTypes = "application/json, multipart/form-data, application/x-www-form-urlencoded"

// submit takes a submission in.
func (c *call) submit() error {
	key, ok := channels.IdempotencyKey(c.r.Header)
	if !ok {
		return problem(http.StatusBadRequest, "Idempotency-Key must be one value of 1 to 255 visible ASCII characters, such as a UUID.")
	}
	if !c.a.door.Open() {
		return unavailable("The town's server is starting or stopping. Nothing was recorded; send again later.")
	}
	in, err := c.read()
	if err != nil {
		return c.ourFault(err)
	}
	defer func() {
		if err := in.original.Close(); err != nil {
			c.a.log.LogAttrs(c.ctx(), slog.LevelWarn, "spool file of a submission stays", slog.Any("err", err))
		}
	}()
	if errs := in.check(c.a.knownCategory); len(errs) > 0 {
		return invalid(errs)
	}
	s := ingest.Submission{
		Channel: ingest.ChannelAPI, Account: c.key.Name, SourceKey: c.sourceKey(key), ReceivedAt: c.began,
		Original: in.original, MediaType: in.mediaType,
		Hints: ingest.Hints{Category: in.fields["category"], Problems: in.problems},
	}
	if key != "" {
		s.Hints.Digest = in.digest()
	}
	crashpoint.Hit("api.parsed")
	receipt, err := c.a.door.Submit(c.ctx(), s)
	if err != nil {
		return c.ourFault(fmt.Errorf("%w: %w", errNotRecorded, err))
	}
	crashpoint.Hit("api.submitted")
	c.a.opts.Health.Good(c.began)
	if receipt.Replayed {
		if err := c.sameAgain(receipt.ID, s.Hints.Digest); err != nil {
			return err
		}
		c.w.Header().Set("Idempotency-Replayed", "true")
	}
	return c.submitted(receipt.ID)
}

// errNotRecorded is wrapped by what kept a submission from being recorded.
var errNotRecorded = errors.New("api: not recorded")

// ourFault gives back the call that was counted when it failed by a fault of the house, and says
// what to do. Every such fault passes: the submission is still with its sender.
func (c *call) ourFault(err error) error {
	var p *problemError
	if errors.As(err, &p) {
		return err
	}
	c.a.calls.GiveBack(c.key.ID)
	c.a.opts.Health.Bad(err)
	c.a.log.LogAttrs(c.ctx(), slog.LevelError, "api submission not recorded", slog.Any("err", err))
	return unavailable("The storage is unavailable at the moment. Nothing was recorded; send again later, with the same Idempotency-Key.")
}

// sameAgain compares a submission with the one that has its key.
func (c *call) sameAgain(id, digest string) error {
	rec, err := c.a.opts.Ledger.Submission(c.ctx(), id)
	if err != nil {
		return fmt.Errorf("api: submission of an idempotency key: %w", err)
	}
	if rec.Hints.Digest == digest {
		return nil
	}
	return &problemError{
		Type: typeIdempotency, Title: "This Idempotency-Key was used for another submission", Status: http.StatusConflict,
		Detail: "Another submission was recorded under this key; the one that came now was not. Take a new key for each submission, and the same one only to send the same again.",
	}
}

// submitted answers for a submission that is recorded.
func (c *call) submitted(id string) error {
	url, err := c.followURL(id)
	if err != nil {
		// Recorded is recorded: a caller that hears of a fault would hand it in once more.
		c.a.log.LogAttrs(c.ctx(), slog.LevelError, "no follow-up token", slog.String("id", id), slog.Any("err", err))
	}
	c.w.Header().Set("Location", c.a.address("/submissions/"+id))
	c.json(http.StatusCreated, submittedAnswer{id, url})
	return nil
}

func (c *call) followURL(id string) (string, error) {
	token, err := c.a.opts.Follow.Token(c.ctx(), id)
	if err != nil {
		return "", fmt.Errorf("api: follow-up token of %s: %w", id, err)
	}
	return c.a.opts.PublicURL + "/suivi/" + token, nil
}

// sourceKey tells one submission of a key from another: by the idempotency key or, without one,
// not at all.
func (c *call) sourceKey(key string) string {
	if key == "" {
		return c.key.ID + ":once:" + rand.Text()
	}
	sum := sha256.Sum256([]byte(key))
	return c.key.ID + ":" + hex.EncodeToString(sum[:])
}

// read reads the body. The error is a *problemError unless the house is at fault.
func (c *call) read() (*handedIn, error) {
	in := &handedIn{fields: make(map[string]string)}
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	encoding := c.r.Header.Get("Content-Encoding")
	switch {
	case encoding != "" && encoding != "identity":
		return nil, c.unsupported("The body must not be compressed: Content-Encoding must be left out.")
	case err == nil && mediaType == "application/json":
		err = c.readJSON(in)
	case err == nil && (mediaType == "multipart/form-data" || mediaType == "application/x-www-form-urlencoded"):
		err = c.readForm(in)
	default:
		return nil, c.unsupported("A submission is written as one of " + bodyTypes + ".")
	}
	return in, err
}

// unsupported says what is taken (RFC 9110 §15.5.16).
func (c *call) unsupported(detail string) *problemError {
	c.w.Header().Set("Accept", bodyTypes)
	c.w.Header().Set("Accept-Encoding", "identity")
	return problem(http.StatusUnsupportedMediaType, "%s", detail)
}

func tooLarge(format string, args ...any) *problemError {
	return problem(http.StatusRequestEntityTooLarge, format, args...)
}

// brokenOff answers for a body that did not arrive.
func brokenOff(err error) *problemError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return problem(http.StatusRequestTimeout, "The body came too slowly. Nothing was recorded.")
	}
	return problem(http.StatusBadRequest, "The body broke off. Nothing was recorded.")
}

var errBusy = unavailable("Too many large submissions are arriving at once. Nothing was recorded; send again later.")

// readForm reads a form.
func (c *call) readForm(in *handedIn) error {
	l := c.a.opts.Limits
	p, err := c.a.posts.Receive(c.w, c.r, formpost.Source{Arrived: c.began.In(c.a.zone), Limits: l, Spool: &c.a.opts.Spool}, in)
	switch {
	case errors.Is(err, formpost.ErrBusy):
		return errBusy
	case errors.Is(err, formpost.ErrConnection):
		return brokenOff(err)
	case err != nil:
		return problem(http.StatusBadRequest, "The body is no form that can be read to its end: %s.", strings.TrimPrefix(err.Error(), formpost.ErrMalformed.Error()+": "))
	case p.Over != formpost.LimitNone:
		return overForm(p, l)
	case p.SpoolErr != nil:
		return fmt.Errorf("%w: %w", errNotRecorded, p.SpoolErr)
	}
	in.takeForm(p)
	return nil
}

// overForm names the limit that a form is over.
func overForm(p *formpost.Post, l formpost.Limits) *problemError {
	switch p.Over {
	case formpost.LimitFile:
		return tooLarge("The file %q is larger than %d bytes, which are the most for one file.", p.OverFile, l.MaxFile)
	case formpost.LimitFiles:
		return tooLarge("There are more than %d files.", l.MaxFiles)
	case formpost.LimitText:
		return tooLarge("The texts are longer than %d bytes.", formpost.MaxText)
	case formpost.LimitParts:
		return tooLarge("There are more than %d fields.", formpost.MaxParts)
	case formpost.LimitPost, formpost.LimitNone:
	}
	return tooLarge("The body is larger than %d bytes, which are the most for a form.", l.MaxPost)
}

// readJSON reads an object. Its bytes go to the spool while they are being read.
func (c *call) readJSON(in *handedIn) error {
	if c.r.ContentLength > maxJSON {
		formpost.Drain(c.w, c.r)
		return c.overJSON()
	}
	if c.r.ContentLength < 0 || c.r.ContentLength > formpost.SmallPost {
		release, ok := c.a.posts.Slot(c.ctx())
		if !ok {
			return errBusy
		}
		defer release()
	}
	body := pace.NewReader(c.w, c.r)
	defer body.Done(c.ctx(), channels.SubmitTimeout)
	spool := &spoolTee{r: body, w: c.a.opts.Spool.Writer()}
	defer spool.drop()
	l := c.a.opts.Limits
	post := message.ReadJSON(spool, message.Options{Limits: message.Limits{
		Size: maxJSON, File: l.MaxFile, Parts: l.MaxFiles, TextMax: formpost.MaxText,
	}})
	if post.Broken != nil {
		// A caller that still sends would see a reset instead of the answer.
		_, _ = io.CopyN(io.Discard, body, maxJSON)
	}
	var syntax *message.SyntaxError
	switch {
	case post.Err != nil:
		return brokenOff(post.Err)
	case errors.As(post.Broken, &syntax):
		return problem(http.StatusBadRequest, "The body is no JSON object (RFC 8259). After %d bytes: %s.", syntax.Offset, syntax.Detail)
	case post.Broken != nil:
		return c.overJSON()
	}
	if i := slices.IndexFunc(post.Files, func(f message.Attachment) bool { return f.Truncated }); i >= 0 {
		return tooLarge("files[%d] is larger than %d bytes, which are the most for one file.", i, l.MaxFile)
	}
	var err error
	if in.original, err = spool.blob(); err != nil {
		return fmt.Errorf("%w: %w", errNotRecorded, err)
	}
	in.takeJSON(post)
	return nil
}

func (c *call) overJSON() *problemError {
	l := c.a.opts.Limits
	return tooLarge("As JSON, a submission has at most %d bytes, %d of them of text, and %d files. Larger files (up to %d bytes each, %d in all) come as multipart/form-data.",
		maxJSON, formpost.MaxText, l.MaxFiles, l.MaxFile, l.MaxPost)
}

// spoolTee writes to the spool what is read. A spool that fails does not stop the reading: what
// is wrong with the body is told first.
type spoolTee struct {
	r   io.Reader
	w   *ingest.BlobWriter // nil once it has failed or ended
	err error
}

// Read implements io.Reader.
func (t *spoolTee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if t.w != nil && n > 0 {
		if _, t.err = t.w.Write(p[:n]); t.err != nil {
			t.drop()
		}
	}
	return n, err
}

func (t *spoolTee) drop() {
	if t.w != nil {
		t.w.Abort()
		t.w = nil
	}
}

func (t *spoolTee) blob() (*ingest.Blob, error) {
	if t.w == nil {
		return nil, t.err
	}
	w := t.w
	t.w = nil
	return w.Blob()
}
