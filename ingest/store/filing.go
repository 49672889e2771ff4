package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Kinds of events. They are stored, so they never change.
const (
	eventOpened    = "request.opened"
	eventDuplicate = "request.duplicate"
	eventFollowUp  = "request.follow_up"
	eventSetAside  = "submission.set_aside"
	eventFailed    = "submission.failed"
	eventRetried   = "submission.retried"
	eventHeld      = "submission.held"
	eventReleased  = "submission.released"
	eventCollated  = "submission.collated"
)

// actorSystem is the actor of what the daemon does by itself.
const actorSystem = "saisine"

// File implements ingest.Ledger.
func (s *Store) File(ctx context.Context, id string, f ingest.Filing) (ingest.Filed, error) {
	var filed ingest.Filed
	reading, err := encode(f.Reading)
	if err != nil {
		return filed, err
	}
	if reading.classification, err = encodeClassification(f.Classification); err != nil {
		return filed, err
	}
	words := searchText(f.Reading)
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		filed = ingest.Filed{}
		row, err := waiting(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.state != ingest.StateReceived {
			filed = ingest.Filed{Request: row.reference, Link: row.link}
			return nil
		}
		filled := full{}
		m, err := f.Match(ctx, candidates{run: tx, store: s, except: id, full: filled})
		if err != nil {
			return fmt.Errorf("store: match: %w", err)
		}
		crashpoint.Hit("store.matched")
		if err := s.saveReading(ctx, tx, id, reading, f.Profile.TextKey); err != nil {
			return err
		}
		if err := s.engine.index(ctx, tx, row.seq, words); err != nil {
			return err
		}
		if err := saveProfile(ctx, matchIndex{tx, s.engine}, row.seq, f.Profile, filled); err != nil {
			return err
		}
		requestID, err := s.place(ctx, tx, row, f, m, &filed)
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, `UPDATE submissions SET state = 'filed', reason = '', request_id = $1, link = $2, answers = $3 WHERE id = $4`,
			requestID, string(m.Link), nullString(m.To), id); err != nil {
			return err
		}
		if _, err := s.register(ctx, tx, ingest.Incoming, row.receivedAt, row.channel, id, ""); err != nil {
			return err
		}
		if m.Link != ingest.LinkOpens && len(f.Classification.Urgent) > 0 {
			// Somebody writes again because it has become dangerous.
			if err := addUrgent(ctx, tx, requestID, f.Classification.Urgent); err != nil {
				return err
			}
		}
		// A letter out of an archive asks for nothing more.
		if m.Link == ingest.LinkFollowUp && !settledStatus(row.imported) {
			if err := s.reopenFor(ctx, tx, requestID, id); err != nil {
				return err
			}
		}
		if err := s.acknowledge(ctx, tx, id, requestID); err != nil {
			return err
		}
		crashpoint.Hit("store.filing")
		if f.Reading.Recognised() || row.made {
			// A letter of a pile has no file of its own but its copy.
			if err := s.outbox(ctx, tx, ingest.OutboxScanCopy, id, requestID); err != nil {
				return err
			}
		}
		return s.announce(ctx, tx, row, requestID)
	})
	if err != nil {
		// When ctx has ended, the writer may still be at it: filed is not ours to read.
		return ingest.Filed{}, err
	}
	return filed, nil
}

// place opens a request for the submission, or joins it to the one that the match names.
func (s *Store) place(ctx context.Context, tx *tx, row ledgerRow, f ingest.Filing, m ingest.Match, filed *ingest.Filed) (int64, error) {
	kind := eventOpened
	var requestID int64
	var err error
	switch m.Link {
	case ingest.LinkOpens:
		requestID, filed.Request, err = s.open(ctx, tx, row, f)
	case ingest.LinkDuplicate, ingest.LinkFollowUp:
		kind = eventDuplicate
		if m.Link == ingest.LinkFollowUp {
			kind = eventFollowUp
		}
		filed.Request = m.Request
		var q requestKey
		q, err = liveRequest(ctx, tx, m.Request)
		requestID = q.id
	default:
		err = fmt.Errorf("store: match gave the link %q", m.Link)
	}
	if err != nil {
		return 0, err
	}
	filed.Link = m.Link
	for _, sg := range m.Suggestions {
		if err := tx.exec(ctx, `INSERT INTO suggestions (request_id, other_id, score, why, kind)
			SELECT $1, id, $2, $3, $4 FROM requests WHERE reference = $5 AND id <> $1
			ON CONFLICT (request_id, other_id) DO NOTHING`, requestID, sg.Score, sg.Why, string(cmp.Or(sg.Kind, ingest.SuggestSame)), sg.Reference); err != nil {
			return 0, err
		}
	}
	return requestID, s.event(ctx, tx, kind, actorSystem, row.id, requestID, map[string]any{"reasons": m.Reasons})
}

func (s *Store) open(ctx context.Context, tx *tx, row ledgerRow, f ingest.Filing) (id int64, reference string, err error) {
	reference, err = s.nextReference(ctx, tx, row.receivedAt)
	if err != nil {
		return 0, "", err
	}
	c, r := f.Classification, f.Reading
	status, answered := row.begins()
	reasons, err := json.Marshal(nonNil(c.Reasons))
	if err != nil {
		return 0, "", fmt.Errorf("store: reasons: %w", err)
	}
	urgent, err := json.Marshal(nonNil(c.Urgent))
	if err != nil {
		return 0, "", fmt.Errorf("store: urgency: %w", err)
	}
	err = tx.row(ctx, `INSERT INTO requests
		(reference, status, category, service, confidence, needs_review, reasons, subject, body,
		 sender_name, sender_email, sender_phone, sender_address, place, opened_at, second_category, urgent, channel, answered_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id`,
		reference, string(status), c.Category, c.Service, c.Confidence, boolInt(c.NeedsReview), string(reasons), r.Subject, r.Text,
		r.From.Name, r.From.Email, r.From.Phone, r.From.Address, r.Place, micros(row.receivedAt), c.Second, string(urgent), string(row.channel), micros(answered)).Scan(&id)
	return id, reference, err
}

// begins is the status in which a request begins, and since when the town has done with it.
func (r ledgerRow) begins() (status ingest.Status, answered time.Time) {
	if !slices.Contains(statuses, r.imported) {
		return ingest.StatusNew, time.Time{}
	}
	if !settledStatus(r.imported) {
		return r.imported, time.Time{}
	}
	if answered = r.importedSince; answered.Before(r.receivedAt) {
		answered = r.receivedAt
	}
	return r.imported, answered
}

// nextReference numbers requests within the town's year of reception.
func (s *Store) nextReference(ctx context.Context, tx *tx, received time.Time) (string, error) {
	year := received.In(s.opts.Zone).Year()
	var n int64
	err := tx.row(ctx, `INSERT INTO counters (name, value) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`,
		fmt.Sprintf("reference/%d", year)).Scan(&n)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%06d", year, n), nil
}

// SetAside implements ingest.Ledger.
func (s *Store) SetAside(ctx context.Context, id string, r ingest.Reading, reason string) error {
	reading, err := encode(r)
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil || row.state != ingest.StateReceived {
			return err
		}
		if err := s.saveReading(ctx, tx, id, reading, ""); err != nil {
			return err
		}
		if u := r.Undelivered; u != nil {
			if err := s.bounced(ctx, tx, id, bounce{u.MessageID, u.Recipient, u.Reason}); err != nil {
				return err
			}
		}
		return s.end(ctx, tx, row, ingest.StateSetAside, reason, eventSetAside)
	})
}

// Fail implements ingest.Ledger.
func (s *Store) Fail(ctx context.Context, id, reason string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil || row.state != ingest.StateReceived {
			return err
		}
		return s.end(ctx, tx, row, ingest.StateFailed, reason, eventFailed)
	})
}

func (s *Store) end(ctx context.Context, tx *tx, row ledgerRow, state ingest.State, reason, kind string) error {
	if strings.TrimSpace(reason) == "" {
		reason = "sans motif enregistré"
	}
	if err := tx.exec(ctx, `UPDATE submissions SET state = $1, reason = $2 WHERE id = $3`, string(state), reason, row.id); err != nil {
		return err
	}
	if err := s.event(ctx, tx, kind, actorSystem, row.id, 0, map[string]any{"reason": reason}); err != nil {
		return err
	}
	return s.announce(ctx, tx, row, 0)
}

// Retry takes a submission up again that has failed, or was set aside: it is received once
// more, under a new attempt number, and the latter is not set aside again. It does nothing in any other state, or when its
// original is not the thing itself (ingest.Hints.Partial).
func (s *Store) Retry(ctx context.Context, id string) error {
	return s.retry(ctx, id, actorSystem)
}

func (s *Store) retry(ctx context.Context, id, actor string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil || row.state != ingest.StateFailed && !canBeKept(row.state, row.reason) || row.partial || row.gone {
			return err
		}
		if err := tx.exec(ctx, `UPDATE submissions SET kept = CASE WHEN state = 'set_aside' THEN 1 ELSE kept END,
			state = 'received', reason = '', attempt = attempt + 1 WHERE id = $1`, id); err != nil {
			return err
		}
		return s.event(ctx, tx, eventRetried, actor, id, 0, map[string]any{})
	})
}

// Acknowledge records where a channel put the source after Submit (a scan's new
// path), so that an interrupted acknowledgement can be told from a second copy.
func (s *Store) Acknowledge(ctx context.Context, id, place string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `UPDATE submissions SET acknowledged = $1 WHERE id = $2`, place, id)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
		}
		return err
	})
}

// ledgerRow is what the writing side needs of a submission.
type ledgerRow struct {
	seq        int64
	id         string
	channel    ingest.Channel
	state      ingest.State
	reason     string
	partial    bool
	made       bool // of other submissions
	gone       bool // eliminated
	link       ingest.Link
	reference  string
	receivedAt time.Time
	// imported and importedSince are ingest.Hints.ImportedAs and ImportedSince.
	imported      ingest.Status
	importedSince time.Time
}

func waiting(ctx context.Context, tx *tx, id string) (ledgerRow, error) {
	row := ledgerRow{id: id}
	var channel, state, hints, link string
	var at int64
	var reference sql.NullString
	err := tx.row(ctx, `SELECT s.seq, s.channel, s.state, s.reason, s.hints, s.link, s.received_at, s.eliminated_at <> 0, r.reference
		FROM submissions s LEFT JOIN requests r ON r.id = s.request_id WHERE s.id = $1`, id).
		Scan(&row.seq, &channel, &state, &row.reason, &hints, &link, &at, &row.gone, &reference)
	if errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	if err != nil {
		return row, err
	}
	var h ingest.Hints
	if err := json.Unmarshal([]byte(hints), &h); err != nil {
		return row, fmt.Errorf("store: hints of %s: %w", id, err)
	}
	row.partial, row.made = h.Partial, len(h.Parents) > 0
	row.imported, row.importedSince = h.ImportedAs, h.ImportedSince
	row.channel, row.state, row.link = ingest.Channel(channel), ingest.State(state), ingest.Link(link)
	row.reference, row.receivedAt = reference.String, time.UnixMicro(at)
	return row, nil
}

// readingDetail is the part of a reading that no query looks into.
type readingDetail struct {
	To          []string            `json:"to,omitempty"`
	Cc          []string            `json:"cc,omitempty"`
	Date        *time.Time          `json:"date,omitempty"`
	InReplyTo   []string            `json:"in_reply_to,omitempty"`
	References  []string            `json:"references,omitempty"`
	Automatic   string              `json:"automatic,omitempty"`
	Undelivered *ingest.Undelivered `json:"undelivered,omitempty"`
	Category    string              `json:"category,omitempty"`
	Place       string              `json:"place,omitempty"`
	Position    *ingest.Position    `json:"position,omitempty"`
	OwnText     string              `json:"own_text,omitempty"`
	Attachments []ingest.Attachment `json:"attachments,omitempty"`
	Pages       []ingest.Page       `json:"pages,omitempty"`
	Total       int                 `json:"total,omitempty"`
	Letter      ingest.LetterFacts  `json:"letter,omitzero"`
	Facts       ingest.Facts        `json:"facts,omitzero"`
	Problems    []ingest.Problem    `json:"problems,omitempty"`
}

// savedReading is a reading as it is kept.
type savedReading struct {
	ingest.Reading
	detail         string
	layouts        []byte // nil where no page was recognised
	classification string // "" where none was made
}

// savedClassification is what is kept of a classification for each submission.
type savedClassification struct {
	Category    string          `json:"category,omitempty"`
	Service     string          `json:"service,omitempty"`
	Confidence  float64         `json:"confidence"`
	NeedsReview bool            `json:"needs_review,omitempty"`
	Reasons     []string        `json:"reasons,omitempty"`
	Top         []ingest.Ranked `json:"top,omitempty"`
	Second      string          `json:"second,omitempty"`
	Urgent      []string        `json:"urgent,omitempty"`
}

func encodeClassification(c ingest.Classification) (string, error) {
	data, err := json.Marshal(savedClassification{
		Category: c.Category, Service: c.Service, Confidence: c.Confidence, NeedsReview: c.NeedsReview,
		Reasons: c.Reasons, Top: c.Top, Second: c.Second, Urgent: c.Urgent,
	})
	if err != nil {
		return "", fmt.Errorf("store: classification: %w", err)
	}
	return string(data), nil
}

// encode makes of a reading what is kept of it. Of 200 pages that takes a second, so it
// is done before the work that holds the writer.
func encode(r ingest.Reading) (savedReading, error) {
	d := readingDetail{
		To: r.To, Cc: r.Cc, InReplyTo: r.InReplyTo, References: r.References, Automatic: r.Automatic, Undelivered: r.Undelivered,
		Category: r.Category, Place: r.Place, Position: r.Position, OwnText: r.OwnText, Attachments: r.Attachments, Pages: r.Pages, Total: r.Total,
		Letter: r.Letter, Facts: r.Facts, Problems: r.Problems,
	}
	if !r.Date.IsZero() {
		d.Date = &r.Date
	}
	detail, err := json.Marshal(d)
	if err != nil {
		return savedReading{}, fmt.Errorf("store: reading: %w", err)
	}
	layouts, err := encodeLayouts(r.Pages)
	return savedReading{Reading: r, detail: string(detail), layouts: layouts}, err
}

func (s *Store) saveReading(ctx context.Context, tx *tx, id string, r savedReading, textKey string) error {
	if r.layouts != nil {
		if err := tx.exec(ctx, `INSERT INTO layouts (submission_id, data) VALUES ($1, $2)
			ON CONFLICT (submission_id) DO UPDATE SET data = excluded.data`, id, r.layouts); err != nil {
			return err
		}
	}
	return tx.exec(ctx, `INSERT INTO readings
		(submission_id, kind, subject, body, sender_name, sender_email, sender_phone, sender_address, message_id, text_key, detail, classification, no_reply)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (submission_id) DO UPDATE SET kind = excluded.kind, subject = excluded.subject, body = excluded.body,
		sender_name = excluded.sender_name, sender_email = excluded.sender_email, sender_phone = excluded.sender_phone,
		sender_address = excluded.sender_address, message_id = excluded.message_id, text_key = excluded.text_key, detail = excluded.detail,
		classification = excluded.classification, no_reply = excluded.no_reply`,
		id, r.Kind, r.Subject, r.Text, r.From.Name, r.From.Email, r.From.Phone, r.From.Address, r.MessageID, textKey, r.detail, r.classification, r.NoReply)
}

// event appends to the history. submissionID "" and requestID 0 mean none.
func (s *Store) event(ctx context.Context, tx *tx, kind, actor, submissionID string, requestID int64, detail map[string]any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("store: event: %w", err)
	}
	if requestID != 0 {
		// Each act is an event: here none can be forgotten.
		if err := stillThere(ctx, tx, requestID); err != nil {
			return err
		}
		tx.touch(requestID)
		if kind != eventOpened && kind != eventDuplicate && kind != eventFollowUp {
			tx.reword(requestID)
		}
	}
	var seq int64
	err = tx.row(ctx, `INSERT INTO events (at, kind, actor, submission_id, request_id, detail) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq`,
		micros(s.opts.Now()), kind, actor, nullString(submissionID), nullInt(requestID), string(text)).Scan(&seq)
	if err == nil && requestID != 0 {
		tx.happened = append(tx.happened, happened{seq, requestID})
	}
	return err
}

// announce writes the outbox rows that the end of a submission causes: the note beside
// the scan that it came in.
func (s *Store) announce(ctx context.Context, tx *tx, row ledgerRow, requestID int64) error {
	scans := []string{row.id}
	switch {
	case row.made:
		var err error
		if scans, err = roots(ctx, tx, row.id); err != nil {
			return err
		}
	case row.channel != ingest.ChannelScan:
		return nil
	}
	for _, id := range scans {
		if err := s.outbox(ctx, tx, ingest.OutboxScanNote, id, requestID); err != nil {
			return err
		}
	}
	return nil
}

// outbox adds a row to the outbox. requestID 0 means none.
func (s *Store) outbox(ctx context.Context, tx *tx, kind, submissionID string, requestID int64) error {
	uid, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("store: new id: %w", err)
	}
	tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: uid.String(), Kind: kind})
	return s.outboxRow(ctx, tx, uid.String(), kind, submissionID, requestID)
}

// outboxRow adds the row with this id, or takes one that has ended up again; whether it is
// told of is for the caller. submissionID "" and requestID 0 mean none.
func (s *Store) outboxRow(ctx context.Context, tx *tx, id, kind, submissionID string, requestID int64) error {
	return tx.exec(ctx, `INSERT INTO outbox (id, kind, submission_id, request_id, payload, state, created_at) VALUES ($1, $2, $3, $4, '{}', 'pending', $5)
		ON CONFLICT (id) DO UPDATE SET state = 'pending', reason = '', ended_at = NULL, attempt = outbox.attempt + 1`,
		id, kind, nullString(submissionID), nullInt(requestID), micros(s.opts.Now()))
}

// candidates answers Filing.Match from inside the filing transaction.
type candidates struct {
	run    sqlRunner
	store  *Store
	except string
	full   full // what the lookups found, for saveProfile
}

// alikeQuery brings what likeness compares: all of it is in the summary, so that the readings,
// whose rows are as long as their texts, are left alone.
const alikeQuery = `SELECT s.seq, s.id, r.reference, s.channel, s.received_at, '', '', '', '', '', r.status, r.category, m.summary
	FROM match_docs m JOIN submissions s ON s.seq = m.doc JOIN requests r ON r.id = s.request_id `

const candidateQuery = `SELECT s.seq, s.id, r.reference, s.channel, s.received_at, d.sender_name, d.sender_email, d.sender_phone, d.sender_address, d.message_id,
	r.status, r.category, m.summary
	FROM submissions s JOIN requests r ON r.id = s.request_id JOIN readings d ON d.submission_id = s.id
	LEFT JOIN match_docs m ON m.doc = s.seq `

// The conditions of the lookups. Each must be answered from an index, at any size of
// the ledger; TestCandidatesUseIndexes holds them to it. The tests for "" look idle, and
// are what lets SQLite use an index that leaves the empty ones out.
const (
	whereHash      = `WHERE s.sha256 = $1`
	whereMessageID = `WHERE d.message_id = $1 AND d.message_id <> ''`
	whereTextKey   = `WHERE d.text_key = $1 AND d.text_key <> ''`
	whereID        = `WHERE s.id = $1`
	whereRequest   = `WHERE s.request_id = $1`
	// Of many equal letters the first ones decide.
	candidateOrder = ` ORDER BY s.seq LIMIT 64`
)

// numbered is a candidate with its place in the ledger.
type numbered struct {
	ingest.Candidate
	seq int64
}

func plain(found []numbered, err error) ([]ingest.Candidate, error) {
	out := make([]ingest.Candidate, len(found))
	for i, k := range found {
		out[i] = k.Candidate
	}
	return out, err
}

func (c candidates) find(ctx context.Context, where string, args ...any) ([]numbered, error) {
	return c.load(ctx, candidateQuery+where+candidateOrder, args)
}

func (c candidates) load(ctx context.Context, query string, args []any) ([]numbered, error) {
	var out []numbered
	err := c.run.rows(ctx, query, args, func(r rowScanner) error {
		var k numbered
		var channel, status string
		var at int64
		if err := r.Scan(&k.seq, &k.SubmissionID, &k.Request, &channel, &at,
			&k.From.Name, &k.From.Email, &k.From.Phone, &k.From.Address, &k.MessageID, &status, &k.Category, &k.Summary); err != nil {
			return err
		}
		k.Channel, k.ReceivedAt, k.Status = ingest.Channel(channel), c.store.time(at), ingest.Status(status)
		if k.SubmissionID != c.except {
			out = append(out, k)
		}
		return nil
	})
	return out, err
}

func (c candidates) ByHash(ctx context.Context, sha256 string) ([]ingest.Candidate, error) {
	return plain(c.find(ctx, whereHash, sha256))
}

func (c candidates) ByMessageID(ctx context.Context, ids []string) ([]ingest.Candidate, error) {
	var out []ingest.Candidate
	for _, id := range ids {
		if id == "" {
			continue
		}
		found, err := plain(c.find(ctx, whereMessageID, id))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// BySubmission implements ingest.Candidates.
func (c candidates) BySubmission(ctx context.Context, id string) ([]ingest.Candidate, error) {
	return plain(c.find(ctx, whereID, id))
}

// ByReference implements ingest.Candidates.
func (c candidates) ByReference(ctx context.Context, reference string) ([]ingest.Candidate, error) {
	q, err := liveRequest(ctx, c.run, reference)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return plain(c.find(ctx, whereRequest, q.id))
}

func (c candidates) byTextKey(ctx context.Context, key string) ([]ingest.Candidate, error) {
	if key == "" {
		return nil, nil
	}
	return plain(c.find(ctx, whereTextKey, key))
}

// lately is how long ago another piece may have come in to count as waiting.
const lately = 2 * time.Minute

// othersQuery looks among the newest that wait. Without the inner limit SQLite goes through
// every mail that ever came in, by the index of the source keys.
const othersQuery = `SELECT count(*) FROM (SELECT 1 FROM (SELECT seq, id, channel, recorded_at FROM submissions
	WHERE state = 'received' ORDER BY seq DESC LIMIT 200) AS newest
	WHERE channel = 'mailbox' AND recorded_at > $1 AND id <> $2 LIMIT 1) AS one`

func (c candidates) OthersWaiting(ctx context.Context) (bool, error) {
	var n int
	err := c.run.row(ctx, othersQuery, micros(c.store.opts.Now().Add(-lately)), c.except).Scan(&n)
	return n > 0, err
}

func nullString(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func nullInt(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
