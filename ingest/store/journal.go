package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The journal is the evidence of what the town wrote: which bytes, when, and what the mail
// server said. Each line's hash is made of the line and the hash before it, so that no line
// can be changed, taken out or put in without all later ones telling. What was cut off at
// its end is told by the mails, each of which has its line.

// journal adds a line about a mail, or about none (""). sum is the SHA-256 of the bytes concerned, or "".
func (s *Store) journal(ctx context.Context, tx *tx, kind, mail, sum string, detail map[string]any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	var last journalLine
	err = tx.row(ctx, `SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1`).Scan(&last.seq, &last.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	l := journalLine{seq: last.seq + 1, at: micros(s.opts.Now()), kind: kind, mail: mail, sum: sum, detail: string(text)}
	return tx.exec(ctx, `INSERT INTO journal (seq, at, kind, mail, sha256, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		l.seq, l.at, l.kind, nullString(l.mail), l.sum, l.detail, l.chain(last.hash))
}

type journalLine struct {
	seq, at                       int64
	kind, mail, sum, detail, hash string
}

// rest is the hash of a line without its detail: what is still to be proved of one whose detail
// was taken out.
func (l journalLine) rest() string {
	l.detail = ""
	return l.chain("")
}

// chain is the hash of a line that follows one with the hash before. The parts are
// written with their lengths, so that no two lines are written alike.
func (l journalLine) chain(before string) string {
	h := sha256.New()
	for _, part := range []string{before, strconv.FormatInt(l.seq, 10), strconv.FormatInt(l.at, 10), l.kind, l.mail, l.sum, l.detail} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// JournalEntry is a line of the journal.
type JournalEntry struct {
	Seq  int64
	At   time.Time
	Kind string // mail.made, mail.sent, mail.failed, mail.bounced, mail.withheld, mail.printed, mail.eliminated
	Mail string
	// SHA256 is that of the mail's bytes, or "".
	SHA256 string
	// Detail is a JSON object: the server's answer, the reason. It is empty where it was eliminated.
	Detail json.RawMessage
	// Hash is that of the line and all before it.
	Hash string
}

// Journal returns the lines about a mail, oldest first.
func (s *Store) Journal(ctx context.Context, mail string) ([]JournalEntry, error) {
	var out []JournalEntry
	err := each(func(row rowScanner) error {
		var e JournalEntry
		var at int64
		var detail string
		err := row.Scan(&e.Seq, &at, &e.Kind, &e.Mail, &e.SHA256, &detail, &e.Hash)
		if detail == "" {
			detail = "{}"
		}
		e.At, e.Detail = s.time(at), json.RawMessage(detail)
		out = append(out, e)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT seq, at, kind, coalesce(mail, ''), sha256, detail, hash FROM journal WHERE mail = $1 ORDER BY seq`, mail)
	})
	return out, err
}

// FindingJournal is a line of the journal that does not fit the ones before it, or a mail
// that differs from what the journal says of it.
const FindingJournal = "journal_broken"

// verifyJournal follows the chain, and compares each mail with what the journal says.
func (s *Store) verifyJournal(ctx context.Context, rep *VerifyReport, report func(Finding)) error {
	before, next := "", int64(1)
	seals := newSeals()
	for {
		var page []journalLine
		err := each(func(row rowScanner) error {
			var l journalLine
			err := row.Scan(&l.seq, &l.at, &l.kind, &l.mail, &l.sum, &l.detail, &l.hash)
			page = append(page, l)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT seq, at, kind, coalesce(mail, ''), sha256, detail, hash FROM journal WHERE seq >= $1 ORDER BY seq LIMIT 500`, next)
		})
		if err != nil {
			return err
		}
		for _, l := range page {
			subject := strconv.FormatInt(l.seq, 10)
			switch {
			case l.seq != next:
				report(Finding{FindingJournal, subject, fmt.Sprintf("lines %d to %d are missing", next, l.seq-1)})
			case l.detail == "":
				seals.open(l)
			case l.chain(before) != l.hash:
				report(Finding{FindingJournal, subject, "the line was changed after it was written, or one before it was taken out"})
			case l.kind == journalEliminated:
				seals.close(l)
			}
			before, next = l.hash, l.seq+1
			rep.Journal++
		}
		if len(page) < 500 {
			break
		}
	}
	seals.report(report)
	return s.verifyMails(ctx, report)
}

// verifyMails compares the mails with the journal: every one that was made has the bytes
// whose hash the journal has, and one that came to an end has a line that says so.
func (s *Store) verifyMails(ctx context.Context, report func(Finding)) error {
	after := ""
	for {
		type mail struct{ id, state, sum, made, ended string }
		var page []mail
		var broken []Finding
		err := each(func(row rowScanner) error {
			var m mail
			var content []byte
			var gone int64
			if err := row.Scan(&m.id, &m.state, &m.sum, &content, &m.made, &m.ended, &gone); err != nil {
				return err
			}
			page = append(page, m)
			if gone != 0 {
				if len(content) > 0 || m.made != m.sum && m.made != "" {
					broken = append(broken, Finding{FindingElimination, m.id, "the mail was eliminated, but there is something left of it"})
				}
				return nil
			}
			if content != nil || m.made != "" {
				if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != m.made || m.made != m.sum {
					broken = append(broken, Finding{FindingJournal, m.id, "the mail's bytes are not those that the journal has"})
				}
			}
			if m.ended == "" && m.state != "queued" && m.state != "to_print" {
				broken = append(broken, Finding{FindingJournal, m.id, "the mail is " + m.state + ", and the journal does not say so"})
			}
			return nil
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT m.id, m.state, m.sha256, m.content,
				coalesce((SELECT j.sha256 FROM journal j WHERE j.mail = m.id AND j.kind = 'mail.made' ORDER BY j.seq LIMIT 1), ''),
				coalesce((SELECT j.kind FROM journal j WHERE j.mail = m.id AND j.kind = 'mail.' || m.state ORDER BY j.seq DESC LIMIT 1), ''), m.eliminated_at
				FROM mails m WHERE m.id > $1 ORDER BY m.id LIMIT 200`, after)
		})
		if err != nil {
			return err
		}
		for _, f := range broken {
			report(f)
		}
		if len(page) < 200 {
			return nil
		}
		after = page[len(page)-1].id
	}
}
