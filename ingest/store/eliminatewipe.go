package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// What goes of something that is eliminated: the original and its copies, what was read and
// recognised, the index of search and that of likeness, the history, what was written and sent,
// what other software was told, suggestions, demands for pieces, holds.
//
// What stays, since it says nothing about a person and the house needs it:
//   - The ledger's row: its id, channel, times, state, the hash of its bytes and that of its source
//     key, so that the same mail, seen again in its folder or in a backup, is known and not taken
//     in anew. The hash of whole letter bytes leads back to nobody who does not have the letter.
//   - The request's row: its reference, which is in letters and in the register, its category,
//     service, status and dates, from which the figures count; and its deadlines, which are dates
//     and articles.
//   - The numbers of the registers of mail, which must have no gap.
//   - Mails without content, recipient and answers: kind, state, dates and hash, as the journal
//     has them. The journal loses the details of its lines and no line.
//   - Of the history, whether a person has changed the category: the figures of the classifier.
//   - Which scan a letter was made from.

// goneKey is what stands for the source key of something that was eliminated. A key may hold a
// file's name or a Message-ID. No key has this form by itself.
func goneKey(key string) string {
	if strings.HasPrefix(key, goneKeyPrefix) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return goneKeyPrefix + hex.EncodeToString(sum[:])
}

const goneKeyPrefix = "eliminated:"

// tombstone is what is kept of a line of a list outside the tables that it emptied, so that a
// store that was restored from an older backup can do the same again.
type tombstone struct {
	List    int64    `json:"list"`
	Line    int      `json:"line"`
	Kind    LineKind `json:"kind"`
	Subject string   `json:"subject"`
	At      int64    `json:"at"` // microseconds since 1970
	// Requests are the references that lead to it, the live one first.
	Requests    []tombstoneRequest `json:"requests,omitempty"`
	Submissions []tombstonePiece   `json:"submissions"`
}

type tombstoneRequest struct {
	Reference string `json:"reference"`
	OpenedAt  int64  `json:"opened_at"`
}

type tombstonePiece struct {
	ID         string `json:"id"`
	Channel    string `json:"channel"`
	Account    string `json:"account"`
	Key        string `json:"key"` // goneKey
	Epoch      string `json:"epoch,omitempty"`
	ReceivedAt int64  `json:"received_at"`
	SHA256     string `json:"sha256"`
	Size       int64  `json:"size"`
	MediaType  string `json:"media_type"`
	// Copy is the hash of the searchable copy, or "".
	Copy string `json:"copy,omitempty"`
}

// wiping is one elimination under way, in one transaction.
type wiping struct {
	s    *Store
	tx   *tx
	at   int64
	list int64
	sum  string // of the list
}

// wipe takes all that a mass has out of the database. What lies in files is named in the
// tombstone, and taken away after the commit (dropFiles).
func (w wiping) wipe(ctx context.Context, m mass, kind LineKind, line int) (tombstone, error) {
	t := tombstone{List: w.list, Line: line, Kind: kind, Subject: m.subject, At: w.at}
	for _, q := range m.requests {
		opened, err := w.request(ctx, q)
		if err != nil {
			return t, err
		}
		t.Requests = append(t.Requests, tombstoneRequest{q.reference, opened})
	}
	for _, p := range m.pieces {
		stone, err := w.piece(ctx, p)
		if err != nil {
			return t, err
		}
		t.Submissions = append(t.Submissions, stone)
	}
	if live := m.live(); live != 0 {
		if err := w.s.refreshTwins(ctx, w.tx, live); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (w wiping) all(ctx context.Context, arg any, queries ...string) error {
	for _, q := range queries {
		if err := w.tx.exec(ctx, q, arg); err != nil {
			return err
		}
	}
	return nil
}

// outboxOf takes rows of the outbox away, with what was noted of their tries.
func (w wiping) outboxOf(ctx context.Context, where string, arg any) error {
	return w.all(ctx, arg,
		`DELETE FROM tries WHERE outbox_id IN (SELECT id FROM outbox WHERE `+where+`)`,
		`DELETE FROM dealt_with WHERE id IN (SELECT id FROM outbox WHERE `+where+`)`,
		`DELETE FROM outbox WHERE `+where,
	)
}

// request empties a request, and returns when it was opened.
func (w wiping) request(ctx context.Context, q requestKey) (opened int64, err error) {
	if err := w.mails(ctx, `request_id = $1`, q.id); err != nil {
		return 0, err
	}
	if err := w.outboxOf(ctx, `request_id = $1`, q.id); err != nil {
		return 0, err
	}
	if err := w.history(ctx, q.id); err != nil {
		return 0, err
	}
	if err := w.all(ctx, q.id,
		`DELETE FROM handed_pieces WHERE handover_id IN (SELECT id FROM handovers WHERE request_id = $1)`,
		`DELETE FROM handovers WHERE request_id = $1`,
		`DELETE FROM suggestions WHERE request_id = $1`,
		`DELETE FROM suggestions WHERE other_id = $1`,
		`DELETE FROM asked_pieces WHERE request_id = $1`,
		`DELETE FROM reminders WHERE request_id = $1`,
		`DELETE FROM elimination_holds WHERE request_id = $1`,
	); err != nil {
		return 0, err
	}
	if err := w.s.engine.index(ctx, w.tx, -q.id, ""); err != nil {
		return 0, err
	}
	// The subject is what agents are shown wherever they come upon it. Who confirmed the category
	// is forgotten, that somebody did is counted.
	err = w.tx.row(ctx, `UPDATE requests SET status = CASE WHEN status IN ('answered', 'closed') THEN status ELSE 'closed' END,
		answered_at = CASE WHEN answered_at <> 0 THEN answered_at ELSE $1 END,
		needs_review = 0, reasons = '[]', subject = $2, body = '', sender_name = '', sender_email = '', sender_phone = '', sender_address = '', place = '',
		second_category = '', urgent = '[]', category_by = CASE WHEN category_by = '' THEN '' ELSE '-' END, first_at = 0, elsewhere = '', competent_at = 0,
		assignee = '', next_due = 0, next_day = '', next_rule = '', next_article = '', eliminated_at = $1, elimination = $3 WHERE id = $4 RETURNING opened_at`,
		w.at, ingest.Eliminated(w.s.time(w.at), w.list), w.list, q.id).Scan(&opened)
	return opened, err
}

// history forgets what happened to a request, but for the first time that a person settled its
// category, from which the figures count (see checkedQuery).
func (w wiping) history(ctx context.Context, requestID int64) error {
	var seq int64
	var text string
	err := w.tx.row(ctx, `SELECT seq, detail FROM events WHERE request_id = $1 AND kind = '`+eventCategorized+`' ORDER BY seq LIMIT 1`, requestID).Scan(&seq, &text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if seq != 0 {
		var d struct {
			Old struct {
				Category    string `json:"category"`
				NeedsReview bool   `json:"needs_review"`
				By          string `json:"by"`
			} `json:"old"`
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return fmt.Errorf("store: event %d: %w", seq, err)
		}
		if d.Old.By != "" {
			d.Old.By = "-"
		}
		kept, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("store: event %d: %w", seq, err)
		}
		if err := w.tx.exec(ctx, `UPDATE events SET actor = '-', submission_id = NULL, detail = $1 WHERE seq = $2`, string(kept), seq); err != nil {
			return err
		}
	}
	return w.tx.exec(ctx, `DELETE FROM events WHERE request_id = $1 AND seq <> $2`, requestID, seq)
}

// reasonKept is the beginning of the reason of what was set aside or has failed: what follows it
// may name somebody.
func reasonKept(reason string) string {
	code, _, _ := strings.Cut(reason, ":")
	if code == ingest.ReasonSplit || code == ingest.ReasonJoined {
		return code + ":"
	}
	return "éliminée"
}

// piece empties a row of the ledger, and returns what is kept of it.
func (w wiping) piece(ctx context.Context, p massPiece) (tombstonePiece, error) {
	t := tombstonePiece{ID: p.id, ReceivedAt: p.received, SHA256: p.sha}
	var key, hints, state string
	err := w.tx.row(ctx, `SELECT channel, account, source_key, epoch, size, media_type, hints, state FROM submissions WHERE id = $1`, p.id).
		Scan(&t.Channel, &t.Account, &key, &t.Epoch, &t.Size, &t.MediaType, &hints, &state)
	if err != nil {
		return t, err
	}
	t.Key = goneKey(key)
	if err := w.tx.row(ctx, `SELECT sha256 FROM copies WHERE submission_id = $1`, p.id).Scan(&t.Copy); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return t, err
	}
	if err := w.mails(ctx, `submission_id = $1 AND request_id IS NULL`, p.id); err != nil {
		return t, err
	}
	// What is of a request that stays is that one's.
	if err := w.outboxOf(ctx, `submission_id = $1 AND (request_id IS NULL OR request_id IN (SELECT id FROM requests WHERE eliminated_at <> 0))`, p.id); err != nil {
		return t, err
	}
	if err := w.unmatch(ctx, p.seq); err != nil {
		return t, err
	}
	if err := w.s.engine.index(ctx, w.tx, p.seq, ""); err != nil {
		return t, err
	}
	if err := w.all(ctx, p.id,
		`DELETE FROM events WHERE submission_id = $1 AND request_id IS NULL`,
		`DELETE FROM readings WHERE submission_id = $1`,
		`DELETE FROM layouts WHERE submission_id = $1`,
		`DELETE FROM copies WHERE submission_id = $1`,
		`DELETE FROM dealt_with WHERE id = $1`,
	); err != nil {
		return t, err
	}
	if err := w.aliases(ctx, p.id); err != nil {
		return t, err
	}
	kept, err := hintsKept(hints)
	if err != nil {
		return t, fmt.Errorf("store: hints of %s: %w", p.id, err)
	}
	// What a restored backup still holds as received must not be taken up any more.
	if err := w.tx.exec(ctx, `UPDATE submissions SET source_key = $1, hints = $2, acknowledged = '', state = CASE WHEN state = 'received' THEN 'set_aside' ELSE state END,
		reason = CASE WHEN state = 'filed' THEN '' ELSE $3 END, virus = '{}', eliminated_at = $4, elimination = $5 WHERE id = $6`,
		t.Key, kept, reasonKept(p.reason), w.at, w.list, p.id); err != nil {
		return t, err
	}
	// Another piece may have the same bytes, and stay.
	return t, leaveGone(ctx, w.tx, p.sha)
}

// hintsKept is what stays of the hints: from which service it is hidden, what it was made of, and
// the hash by which an idempotency key knows its own.
func hintsKept(text string) (string, error) {
	var h ingest.Hints
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return "", err
	}
	kept, err := json.Marshal(ingest.Hints{
		Service: h.Service, Partial: h.Partial, Parents: h.Parents, Digest: h.Digest, NoReceipt: h.NoReceipt, ImportedAs: h.ImportedAs, ImportedSince: h.ImportedSince,
	})
	return string(kept), err
}

// aliases hashes the other names of a piece's source.
func (w wiping) aliases(ctx context.Context, id string) error {
	keys, err := idList(ctx, w.tx, `SELECT source_key FROM source_aliases WHERE submission_id = $1`, id)
	for _, key := range keys {
		if err == nil {
			err = w.tx.exec(ctx, `UPDATE source_aliases SET source_key = $1 WHERE submission_id = $2 AND source_key = $3`, goneKey(key), id, key)
		}
	}
	return err
}

// unmatch takes a submission out of what others are compared with.
func (w wiping) unmatch(ctx context.Context, doc int64) error {
	var keys []byte
	err := w.tx.row(ctx, `SELECT keys FROM match_docs WHERE doc = $1`, doc).Scan(&keys)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	for ; err == nil && len(keys) >= 8; keys = keys[8:] {
		err = w.tx.exec(ctx, `DELETE FROM match_keys WHERE key = $1 AND doc = $2`, int64(binary.BigEndian.Uint64(keys)), doc)
	}
	if err != nil {
		return err
	}
	return w.tx.exec(ctx, `DELETE FROM match_docs WHERE doc = $1`, doc)
}

// journalEliminated says that a mail was eliminated, and which lines of the journal lost their
// details by it.
const journalEliminated = "mail.eliminated"

// seal is the detail of such a line: of each line the hash of what is left (journalLine.rest).
type seal struct {
	List  int64             `json:"list"`
	Lines map[string]string `json:"lines"`
}

// mails empties the mails that a condition names.
func (w wiping) mails(ctx context.Context, where string, arg any) error {
	type mail struct{ id, sum, state string }
	var list []mail
	if err := w.tx.rows(ctx, `SELECT id, sha256, state FROM mails WHERE eliminated_at = 0 AND `+where+` ORDER BY seq`, []any{arg}, func(r rowScanner) error {
		var m mail
		err := r.Scan(&m.id, &m.sum, &m.state)
		list = append(list, m)
		return err
	}); err != nil {
		return err
	}
	for _, m := range list {
		if m.state == string(ingest.MailQueued) || m.state == string(ingest.MailToPrint) {
			// Only in a backup, where it still was to be sent.
			if err := w.s.journal(ctx, w.tx, eventMailWithheld, m.id, m.sum, map[string]any{}); err != nil {
				return err
			}
		}
		if err := w.mail(ctx, m.id, m.sum); err != nil {
			return err
		}
	}
	return nil
}

func (w wiping) mail(ctx context.Context, id, sum string) error {
	if err := w.outboxOf(ctx, `id = $1`, id); err != nil {
		return err
	}
	// Its place in the register stays; a mail that was sent keeps that it had bytes, as none.
	if err := w.tx.exec(ctx, `UPDATE mails SET recipient = '', detail = '{}', answer = '', once = '', message_id = '',
		state = CASE WHEN state IN ('queued', 'to_print') THEN 'withheld' ELSE state END, reason = CASE WHEN state IN ('sent', 'printed') THEN '' ELSE 'éliminée' END,
		ended_at = coalesce(ended_at, $1), eliminated_at = $1 WHERE id = $2`, w.at, id); err != nil {
		return err
	}
	if err := w.tx.exec(ctx, `UPDATE mails SET content = $1 WHERE id = $2 AND content IS NOT NULL`, []byte{}, id); err != nil {
		return err
	}
	var lines []journalLine
	if err := w.tx.rows(ctx, `SELECT seq, at, kind, coalesce(mail, ''), sha256, detail, hash FROM journal WHERE mail = $1 AND detail <> '' AND kind <> '`+journalEliminated+`' ORDER BY seq`,
		[]any{id}, func(r rowScanner) error {
			var l journalLine
			err := r.Scan(&l.seq, &l.at, &l.kind, &l.mail, &l.sum, &l.detail, &l.hash)
			lines = append(lines, l)
			return err
		}); err != nil {
		return err
	}
	rests := make(map[string]string, len(lines))
	for _, l := range lines {
		rests[strconv.FormatInt(l.seq, 10)] = l.rest()
		if err := w.tx.exec(ctx, `UPDATE journal SET detail = '' WHERE seq = $1`, l.seq); err != nil {
			return err
		}
	}
	return w.s.journal(ctx, w.tx, journalEliminated, id, sum, map[string]any{"list": w.list, "lines": rests})
}

// seals follows the lines of the journal without details.
type seals struct {
	opened map[int64]string // seq to rest
	broken []Finding
}

func newSeals() *seals { return &seals{opened: map[int64]string{}} }

// open notes a line without its detail.
func (s *seals) open(l journalLine) { s.opened[l.seq] = l.rest() }

// close takes the line that answers for lines without their details.
func (s *seals) close(l journalLine) {
	var d seal
	if err := json.Unmarshal([]byte(l.detail), &d); err != nil {
		s.broken = append(s.broken, Finding{FindingJournal, strconv.FormatInt(l.seq, 10), "it does not say which lines lost their details"})
		return
	}
	for text, rest := range d.Lines {
		seq, err := strconv.ParseInt(text, 10, 64)
		if err == nil && s.opened[seq] == rest {
			delete(s.opened, seq)
		}
	}
}

// report tells of the lines whose details are gone without an elimination, or that are others.
func (s *seals) report(report func(Finding)) {
	for seq := range s.opened {
		s.broken = append(s.broken, Finding{FindingJournal, strconv.FormatInt(seq, 10), "its detail was taken out, and no elimination answers for the rest"})
	}
	for _, f := range s.broken {
		report(f)
	}
}

// houseMails empties the mails within the town that name something that was eliminated: a list of
// new requests has the subjects and names of all of them.
func (w wiping) houseMails(ctx context.Context, after int64) (last int64, err error) {
	type mail struct {
		id, sum string
		names   []string
	}
	var page []mail
	if err := w.tx.rows(ctx, `SELECT seq, id, sha256, coalesce(json_extract(detail, '$.references'), '') FROM mails WHERE seq > $1 AND request_id IS NULL AND submission_id IS NULL
		AND eliminated_at = 0 AND state NOT IN ('queued', 'to_print') ORDER BY seq LIMIT 200`, []any{after}, func(r rowScanner) error {
		var m mail
		var names string
		if err := r.Scan(&last, &m.id, &m.sum, &names); err != nil {
			return err
		}
		if names != "" {
			if err := json.Unmarshal([]byte(names), &m.names); err != nil {
				return fmt.Errorf("store: mail %s: %w", m.id, err)
			}
		}
		page = append(page, m)
		return nil
	}); err != nil {
		return 0, err
	}
	for _, m := range page {
		for _, reference := range m.names {
			var n int
			if err := w.tx.row(ctx, `SELECT count(*) FROM requests WHERE reference = $1 AND eliminated_at <> 0`, reference).Scan(&n); err != nil {
				return 0, err
			}
			if n > 0 {
				if err := w.mail(ctx, m.id, m.sum); err != nil {
					return 0, err
				}
				break
			}
		}
	}
	return last, nil
}

// dropTime bounds what a bucket may take to let the files of one submission go.
const dropTime = 5 * time.Second

// dropFiles takes away the files of what was wiped, submission by submission. It holds the writer's
// transaction: whoever takes the same bytes in again looks for the file inside theirs (see Record).
// That is also why a bucket is asked before whether it answers, and not waited for long in there,
// where everybody waits.
func (s *Store) dropFiles(ctx context.Context, t tombstone) error {
	for _, p := range t.Submissions {
		if _, err := s.files.there(ctx, p.SHA256); err != nil {
			return err
		}
		if err := s.do(ctx, func(ctx context.Context, tx *tx) error { return s.dropFilesOf(ctx, tx, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) dropFilesOf(ctx context.Context, tx *tx, p tombstonePiece) error {
	var gone, copies int
	if err := tx.row(ctx, `SELECT count(*) FROM originals WHERE sha256 = $1 AND gone = 1`, p.SHA256).Scan(&gone); err != nil {
		return err
	}
	if p.Copy != "" {
		if err := tx.row(ctx, `SELECT count(*) FROM copies WHERE sha256 = $1`, p.Copy).Scan(&copies); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	if gone > 0 {
		if err := s.files.remove(ctx, p.SHA256); err != nil {
			return err
		}
	}
	if p.Copy != "" && copies == 0 {
		return s.copies.remove(ctx, p.Copy)
	}
	return nil
}

// eliminatedTime is a moment of an elimination.
func (s *Store) eliminatedTime() (time.Time, int64) {
	now := s.opts.Now()
	return now, micros(now)
}
