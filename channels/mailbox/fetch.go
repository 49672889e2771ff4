package mailbox

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/ingest"
)

// flagDone is the keyword that marks a mail as taken in on servers from which it
// cannot be moved safely (see moveMode). No one but saisine sets it.
const flagDone imap.Flag = "$SaisineDone"

// oversizeHeader is how much of the header is kept of a mail over the size limit.
const oversizeHeader = ingest.InlineMax

// mail is what the server says about a mail without its body.
type mail struct {
	uid     imap.UID
	date    time.Time // INTERNALDATE
	size    int64     // RFC822.SIZE, which servers get wrong
	deleted bool      // \Deleted
	done    bool      // flagDone
}

// body is a mail with its bytes.
type body struct {
	mail
	blob *ingest.Blob
}

// tooBigError means that a literal is over the limit although RFC822.SIZE was not.
type tooBigError struct {
	uid  imap.UID
	size int64
}

func (e *tooBigError) Error() string {
	return fmt.Sprintf("mailbox: mail %d has %d bytes, more than announced and allowed", e.uid, e.size)
}

// search returns the UIDs in the folder, ascending. A plain SEARCH, not ESEARCH: a set
// such as 1:4294967295 could not be told from the truth. Not FETCH or n:* either,
// which always returns the last mail (RFC 9051 §9, seq-range).
func (s *session) search(criteria *imap.SearchCriteria) ([]imap.UID, error) {
	var uids []imap.UID
	err := s.do(commandBudget, func() error {
		data, err := s.client.UIDSearch(criteria, nil).Wait()
		if err != nil {
			return fmt.Errorf("mailbox: search: %w", aboutMails(err))
		}
		uids = data.AllUIDs()
		return nil
	})
	return uids, err
}

// existing returns which of the UIDs are still in the folder. NOOP first: a server
// may go on listing what another client removed until it has told us so.
func (s *session) existing(uids []imap.UID) ([]imap.UID, error) {
	err := s.do(commandBudget, func() error { return s.client.Noop().Wait() })
	if err != nil {
		return nil, fmt.Errorf("mailbox: noop: %w", aboutMails(err))
	}
	return s.search(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(uids...)}})
}

// list asks for size, date and flags of the UIDs. Those without a complete answer are
// left out of the result.
func (s *session) list(uids []imap.UID) ([]mail, error) {
	mails := make([]mail, 0, len(uids))
	err := s.do(commandBudget, func() error {
		cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{
			UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			if m, ok := readMail(msg); ok {
				mails = append(mails, m)
			}
		}
		if err := cmd.Close(); err != nil {
			return fmt.Errorf("mailbox: list mails: %w", aboutMails(err))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return mails, nil
}

func readMail(msg *imapclient.FetchMessageData) (mail, bool) {
	m := mail{size: -1}
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			m.uid = item.UID
		case imapclient.FetchItemDataInternalDate:
			m.date = item.Time
		case imapclient.FetchItemDataRFC822Size:
			m.size = item.Size
		case imapclient.FetchItemDataFlags:
			m.deleted = slices.Contains(item.Flags, imap.FlagDeleted)
			m.done = slices.Contains(item.Flags, flagDone)
		}
	}
	return m, m.uid != 0 && m.size >= 0
}

// bodies reads the whole mails with one command. It returns all of those that the
// server delivered in full, or an error and none: what arrived before a failure
// proves nothing, as the decoder may have lost its place. Errors: *tooBigError and
// *spoolError (the connection is closed then), a status response, or anything that
// the connection died of.
func (s *session) bodies(mails []mail, spool ingest.Spool, limit int64) ([]body, error) {
	return s.fetchBodies(mails, spool, limit, &imap.FetchItemBodySection{Peek: true})
}

// header reads the beginning of one mail's header.
func (s *session) header(m mail, spool ingest.Spool) ([]body, error) {
	return s.fetchBodies([]mail{m}, spool, oversizeHeader, &imap.FetchItemBodySection{
		Peek: true, Specifier: imap.PartSpecifierHeader, Partial: &imap.SectionPartial{Size: oversizeHeader},
	})
}

func (s *session) fetchBodies(mails []mail, spool ingest.Spool, limit int64, section *imap.FetchItemBodySection) ([]body, error) {
	asked := make(map[imap.UID]mail, len(mails))
	uids := make([]imap.UID, 0, len(mails))
	var announced int64
	for _, m := range mails {
		asked[m.uid] = m
		uids = append(uids, m.uid)
		announced += m.size
	}
	got := make([]body, 0, len(mails))
	err := s.do(bodyBudget(announced, limit), func() error {
		cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{
			UID: true, BodySection: []*imap.FetchItemBodySection{section},
		})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			b, err := readBody(msg, spool, limit)
			if err != nil {
				s.abort(cmd, err)
				return err
			}
			m, ok := asked[b.uid]
			if !ok || b.blob == nil {
				continue // no body: an unsolicited answer, or NIL; to be asked again
			}
			delete(asked, b.uid)
			got = append(got, body{mail: m, blob: b.blob})
		}
		if err := cmd.Close(); err != nil {
			return fmt.Errorf("mailbox: fetch mails: %w", aboutMails(err))
		}
		return nil
	})
	if err != nil {
		closeBlobs(got)
		return nil, err
	}
	return got, nil
}

// bodyBudget bounds what a server may send for bodies that it announced as so many
// bytes. It is wide because RFC822.SIZE is often wrong by a little, and finite so that
// a batch of wrong ones cannot fill the memory.
func bodyBudget(announced, limit int64) int64 {
	const slack = 16 << 20
	if limit <= 0 || limit > math.MaxInt64/8 || announced > math.MaxInt64/8 {
		return math.MaxInt64
	}
	return 4*announced + limit + slack
}

func readBody(msg *imapclient.FetchMessageData, spool ingest.Spool, limit int64) (b body, err error) {
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			b.uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || b.blob != nil {
				continue
			}
			if limit > 0 && item.Literal.Size() > limit {
				return b, &tooBigError{uid: b.uid, size: item.Literal.Size()}
			}
			if b.blob, err = newLiteral(item.Literal).keep(spool); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

func closeBlobs(bodies []body) {
	for _, b := range bodies {
		_ = b.blob.Close()
	}
}
