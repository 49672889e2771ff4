package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// streamLine is one submission of a stream to evaluate with, as INTERFACE and
// docs/architecture.md describe it. What is expected is only compared with.
type streamLine struct {
	ID        string            `json:"id"`
	At        time.Time         `json:"at"`
	Channel   string            `json:"channel"`
	Subject   string            `json:"subject"`
	Body      string            `json:"body"`
	Sender    ingest.Person     `json:"sender"`
	MessageID string            `json:"message_id"`
	InReplyTo string            `json:"in_reply_to"`
	Headers   map[string]string `json:"headers"`
	Category  string            `json:"category"`
	Expect    *streamExpect     `json:"expect"`
}

type streamExpect struct {
	Outcome string `json:"outcome"`
	Of      string `json:"of"`
	Reason  string `json:"reason"`
}

// streamOutcome is a line of the answer.
type streamOutcome struct {
	ID        string   `json:"id"`
	Outcome   string   `json:"outcome"`
	Of        string   `json:"of"`
	Reason    string   `json:"reason"`
	Suggested []string `json:"suggested"`
	Category  string   `json:"category"`
}

// streamSummary is the last line of the answer.
type streamSummary struct {
	N           int     `json:"n"`
	Links       int     `json:"links"`            // made without a person
	Precision   float64 `json:"precision"`        // of them, right
	Expected    int     `json:"expected"`         // duplicates and follow-ups that there are
	Found       float64 `json:"found"`            // of them, linked or suggested
	Linked      float64 `json:"linked"`           // of them, linked
	WrongMerges int     `json:"wrong_merges"`     // openings that were linked
	Aside       float64 `json:"set_aside"`        // of what is to be set aside, set aside
	AsideWrong  int     `json:"citizens_aside"`   // of what is not
	Suggestions float64 `json:"suggestions_each"` // per line
	Accuracy    float64 `json:"category_accuracy"`
}

// outcomes of lines beside the links of submissions.
const (
	outcomeSetAside = "set_aside"
	outcomeFailed   = "failed"
)

// streamHouse is a throw-away town for a stream: the real store, intake and pipeline,
// with a clock that stands at the line being fed.
type streamHouse struct {
	store    *store.Store
	intake   *ingest.Intake
	pipeline *ingest.Pipeline
	tokens   ingest.Tokens
	now      time.Time
	ids      map[string]string // line → submission
	lines    map[string]string // submission → line
}

// evaluateStream feeds a stream to a throw-away town and writes what became of each line.
func evaluateStream(ctx context.Context, cfg config.Config, log *slog.Logger, r io.Reader, each func(streamLine, streamOutcome) error) (s streamSummary, err error) {
	lines, err := readStream(r)
	if err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "saisine-evaluate-")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := openStreamHouse(ctx, cfg, log, dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.store.Close()) }()
	var score streamScore
	for _, line := range lines {
		out, err := h.feed(ctx, line)
		if err != nil {
			return s, fmt.Errorf("line %s: %w", line.ID, err)
		}
		score.add(line, out)
		if err := each(line, out); err != nil {
			return s, err
		}
	}
	return score.summary(), nil
}

func readStream(r io.Reader) ([]streamLine, error) {
	var out []streamLine
	seen := map[string]bool{}
	err := eachJSONLine(r, func(n int, raw []byte) error {
		var l streamLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if l.ID == "" || seen[l.ID] {
			return fmt.Errorf("line %d: each line needs an id of its own, not %q", n, l.ID)
		}
		if l.Expect != nil && l.Expect.Of != "" && !seen[l.Expect.Of] {
			return fmt.Errorf("line %d: expects %q, which is no earlier line", n, l.Expect.Of)
		}
		seen[l.ID] = true
		out = append(out, l)
		return nil
	})
	return out, err
}

func openStreamHouse(ctx context.Context, cfg config.Config, log *slog.Logger, dir string) (*streamHouse, error) {
	h := &streamHouse{ids: map[string]string{}, lines: map[string]string{}}
	clock := func() time.Time { return h.now }
	understand, err := openUnderstanding(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	streets, err := loadStreets(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	h.store, err = store.Open(ctx, store.Options{Dir: dir, Zone: zoneOf(cfg), Log: log, Now: clock})
	if err != nil {
		return nil, err
	}
	key, err := h.store.Secret(ctx, "follow")
	if err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	h.tokens = ingest.Tokens{Key: key}
	h.intake = &ingest.Intake{Recorder: h.store, Log: log, Now: clock}
	h.pipeline = understand.pipeline(h.store, &ingest.DocumentReader{
		Limits: cfg.Limits, Pages: h.store, Streets: streets, Town: cfg.Town.Name, TempDir: h.store.Spool().Dir, Log: log,
	}, h.tokens, log)
	h.pipeline.Now = clock
	return h, nil
}

// feed hands a line in and returns what became of it.
func (h *streamHouse) feed(ctx context.Context, line streamLine) (streamOutcome, error) {
	h.now = line.At
	if err := h.fill(ctx, &line); err != nil {
		return streamOutcome{}, err
	}
	sub, err := line.submission()
	if err != nil {
		return streamOutcome{}, err
	}
	receipt, err := h.intake.Submit(ctx, sub)
	if err != nil {
		return streamOutcome{}, err
	}
	h.ids[line.ID], h.lines[receipt.ID] = receipt.ID, line.ID
	if err := h.pipeline.Process(ctx, receipt.ID); err != nil {
		return streamOutcome{ID: line.ID, Outcome: outcomeFailed, Reason: err.Error(), Suggested: []string{}}, nil //nolint:nilerr // an outcome
	}
	return h.outcome(ctx, line.ID, receipt.ID)
}

var placeholder = regexp.MustCompile(`\{(ref|ack):([^}]+)\}`)

// fill puts references and Message-IDs in for their placeholders.
func (h *streamHouse) fill(ctx context.Context, line *streamLine) error {
	var failure error
	replace := func(s string) string {
		return placeholder.ReplaceAllStringFunc(s, func(m string) string {
			part := placeholder.FindStringSubmatch(m)
			id, ok := h.ids[part[2]]
			if !ok {
				failure = errors.Join(failure, fmt.Errorf("%s names no earlier line", m))
				return m
			}
			if part[1] == "ack" {
				ack, err := h.tokens.MessageID(id, streamDomain)
				failure = errors.Join(failure, err)
				return "<" + ack + ">"
			}
			rec, err := h.store.Submission(ctx, id)
			failure = errors.Join(failure, err)
			return rec.Request
		})
	}
	line.Subject, line.Body, line.InReplyTo = replace(line.Subject), replace(line.Body), replace(line.InReplyTo)
	return failure
}

// outcome reads what became of a submission.
func (h *streamHouse) outcome(ctx context.Context, line, id string) (streamOutcome, error) {
	out := streamOutcome{ID: line, Suggested: []string{}}
	rec, err := h.store.Submission(ctx, id)
	if err != nil {
		return out, err
	}
	switch rec.State {
	case ingest.StateFiled:
	case ingest.StateSetAside:
		out.Outcome, out.Reason = outcomeSetAside, rec.Reason
		return out, nil
	default:
		out.Outcome, out.Reason = outcomeFailed, cmp.Or(rec.Reason, string(rec.State))
		return out, nil
	}
	req, err := h.store.Request(ctx, rec.Request)
	if err != nil {
		return out, err
	}
	out.Outcome, out.Category = string(rec.Link), req.Category
	if out.Of, err = h.opener(req); err != nil || rec.Link == ingest.LinkOpens {
		out.Of = ""
	}
	if rec.Link == ingest.LinkOpens {
		out.Reason = strings.Join(req.Reasons, " ; ")
	} else {
		reasons, err := h.store.LinkReasons(ctx, id)
		if err != nil {
			return out, err
		}
		out.Reason = strings.Join(reasons, " ; ")
	}
	for _, s := range req.Suggestions {
		other, err := h.store.Request(ctx, s.Reference)
		if err != nil {
			return out, err
		}
		opener, err := h.opener(other)
		if err != nil {
			return out, err
		}
		out.Suggested = append(out.Suggested, opener)
	}
	return out, nil
}

// opener is the line that opened a request.
func (h *streamHouse) opener(req ingest.Request) (string, error) {
	for _, s := range req.Submissions {
		if s.Link == ingest.LinkOpens {
			return h.lines[s.ID], nil
		}
	}
	return "", fmt.Errorf("request %s has no opening", req.Reference)
}

// streamDomain is that of the throw-away town.
const streamDomain = "mairie.example"

// submission makes of a line what its channel would hand in.
func (l streamLine) submission() (ingest.Submission, error) {
	sub := ingest.Submission{SourceKey: "line:" + l.ID, Account: "evaluate", ReceivedAt: l.At}
	var raw []byte
	var err error
	switch l.Channel {
	case "email":
		sub.Channel, sub.MediaType = ingest.ChannelMailbox, ingest.MediaMail
		raw = l.mail()
	case "form":
		sub.Channel, sub.MediaType = ingest.ChannelWebform, ingest.MediaForm
		raw, err = l.form()
	case "letter":
		sub.Channel, sub.MediaType = ingest.ChannelScan, ingest.MediaText
		raw = l.letter()
	default:
		raw, err = json.Marshal(ingest.Note{Channel: l.Channel, At: l.At, Subject: l.Subject, Body: l.Body, Sender: l.Sender})
		sub.Channel, sub.MediaType = ingest.Note{Channel: l.Channel}.ChannelName(), ingest.MediaNote
		if sub.Channel == "" {
			err = fmt.Errorf("channel %q: email, form, letter, counter, phone, app or api", l.Channel)
		}
	}
	sub.Original = ingest.NewBlob(raw)
	return sub, err
}

// mail is the line as the mail that it was.
func (l streamLine) mail() []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	headers := map[string]string{}
	for name, value := range l.Headers {
		headers[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	contentType := cmp.Or(headers["Content-Type"], "text/plain; charset=utf-8")
	delete(headers, "Content-Type")
	for _, name := range sortedKeys(headers) {
		header(name, headers[name])
	}
	if l.Sender != (ingest.Person{}) {
		from := mail.Address{Name: l.Sender.Name, Address: l.Sender.Email}
		header("From", from.String())
	}
	header("To", "sve@"+streamDomain)
	header("Date", l.At.Format(time.RFC1123Z))
	header("Subject", mime.QEncoding.Encode("utf-8", l.Subject))
	header("Message-ID", l.MessageID)
	header("In-Reply-To", l.InReplyTo)
	header("References", l.InReplyTo)
	header("MIME-Version", "1.0")
	body := strings.ReplaceAll(l.Body, "\n", "\r\n")
	if media, params, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(media, "multipart/") {
		// Of such a mail the stream gives the readable part only.
		params["boundary"] = "=_part"
		header("Content-Type", mime.FormatMediaType(media, params))
		fmt.Fprintf(&b, "\r\n--=_part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--=_part--\r\n", body)
		return b.Bytes()
	}
	header("Content-Type", contentType)
	header("Content-Transfer-Encoding", "8bit")
	fmt.Fprintf(&b, "\r\n%s\r\n", body)
	return b.Bytes()
}

// form is the line as the post of the web form.
func (l streamLine) form() ([]byte, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	var errs []error
	for _, f := range [][2]string{
		{"name", l.Sender.Name},
		{"email", l.Sender.Email},
		{"phone", l.Sender.Phone},
		{"address", l.Sender.Address},
		{"subject", l.Subject},
		{"message", l.Body},
	} {
		errs = append(errs, w.WriteField(f[0], f[1]))
	}
	errs = append(errs, w.Close())
	head := "MIME-Version: 1.0\r\nContent-Type: " + w.FormDataContentType() + "\r\n\r\n"
	return append([]byte(head), body.Bytes()...), errors.Join(errs...)
}

// letter is the line as the text of the page that it was.
func (l streamLine) letter() []byte {
	var parts []string
	head := l.Sender.Name
	for part := range strings.SplitSeq(l.Sender.Address, ", ") {
		head += "\n" + part
	}
	if l.Sender.Phone != "" {
		head += "\nTél. : " + l.Sender.Phone
	}
	if head = strings.TrimSpace(head); head != "" {
		parts = append(parts, head)
	}
	if l.Subject != "" {
		parts = append(parts, "Objet : "+l.Subject)
	}
	return []byte(strings.Join(append(parts, l.Body), "\n\n"))
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// streamScore counts what was right.
type streamScore struct {
	n, links, right, expected, found, linked, wrongMerges, aside, asideRight, asideWrong, suggested int
	categories, categoriesRight                                                                     int
}

func (s *streamScore) add(l streamLine, o streamOutcome) {
	s.n++
	s.suggested += len(o.Suggested)
	if l.Expect == nil {
		return
	}
	isLink := o.Outcome == string(ingest.LinkDuplicate) || o.Outcome == string(ingest.LinkFollowUp)
	if isLink {
		s.links++
		if o.Of == l.Expect.Of {
			s.right++
		}
	}
	if o.Outcome == outcomeSetAside && l.Expect.Outcome != outcomeSetAside {
		s.asideWrong++
	}
	switch l.Expect.Outcome {
	case outcomeSetAside:
		s.aside++
		if o.Outcome == outcomeSetAside {
			s.asideRight++
		}
		return
	case string(ingest.LinkOpens):
		if isLink {
			s.wrongMerges++
		}
	default:
		s.expected++
		switch {
		case isLink && o.Of == l.Expect.Of:
			s.found++
			s.linked++
		case slices.Contains(o.Suggested, l.Expect.Of):
			s.found++
		}
	}
	if l.Category != "" && o.Outcome == string(ingest.LinkOpens) {
		s.categories++
		if o.Category == l.Category {
			s.categoriesRight++
		}
	}
}

func (s *streamScore) summary() streamSummary {
	share := func(a, b int) float64 {
		if b == 0 {
			return 1
		}
		return float64(a) / float64(b)
	}
	return streamSummary{
		N: s.n, Links: s.links, Precision: share(s.right, s.links), Expected: s.expected, Found: share(s.found, s.expected),
		Linked: share(s.linked, s.expected), WrongMerges: s.wrongMerges, Aside: share(s.asideRight, s.aside), AsideWrong: s.asideWrong,
		Suggestions: share(s.suggested, s.n), Accuracy: share(s.categoriesRight, s.categories),
	}
}
