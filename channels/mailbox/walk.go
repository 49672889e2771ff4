package mailbox

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/config"
)

// walkChunk is how many mails WalkFolder asks for with one command.
const walkChunk = 200

// WalkFolder calls fn with every mail of a folder, which it opens read-only (EXAMINE)
// and leaves as it is. The reader is good until fn returns; a mail that breaks off
// ends it with io.ErrUnexpectedEOF, never with a clean end. fn's error ends the walk
// and is returned as it is. Mails that are removed meanwhile are passed over; a mail
// that the server lists and does not deliver is an error.
func WalkFolder(ctx context.Context, cfg config.Mailbox, folder string, fn func(uid uint32, raw io.Reader) error) error {
	opts := Options{}.withDefaults()
	s, err := connect(ctx, cfg, opts, newTokens(cfg.OAuth2, opts.Now))
	if err != nil {
		return fmt.Errorf("mailbox %q: %w", cfg.Name, err)
	}
	defer s.close()
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	if err := s.selectFolder(folder, true); err != nil {
		return err
	}
	uids, err := s.search(&imap.SearchCriteria{})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(uids, walkChunk) {
		if err := s.walk(chunk, fn); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *session) walk(uids []imap.UID, fn func(uid uint32, raw io.Reader) error) error {
	seen := make(map[imap.UID]bool, len(uids))
	err := s.do(math.MaxInt64, func() error {
		cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{
			UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}},
		})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			uid, err := walkOne(msg, fn)
			if err != nil {
				s.abort(cmd, err)
				return err
			}
			if uid != 0 {
				seen[uid] = true
			}
		}
		if err := cmd.Close(); err != nil {
			return fmt.Errorf("mailbox: fetch mails: %w", aboutMails(err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(uids), func(uid imap.UID) bool { return seen[uid] })
	if len(missing) == 0 {
		return nil
	}
	lost, err := s.existing(missing)
	if err != nil {
		return err
	}
	if len(lost) > 0 {
		return fmt.Errorf("mailbox: the server lists %d mails that it does not deliver, the first with UID %d", len(lost), lost[0])
	}
	return nil
}

// walkOne returns the mail's UID once fn has had its body, else 0.
func walkOne(msg *imapclient.FetchMessageData, fn func(uid uint32, raw io.Reader) error) (done imap.UID, err error) {
	var uid imap.UID
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || done != 0 {
				continue
			}
			body := newLiteral(item.Literal)
			err := fn(uint32(uid), body)
			if body.failed() == nil && err == nil {
				_, err = io.Copy(io.Discard, body)
			}
			if broken := body.failed(); broken != nil {
				return 0, fmt.Errorf("mailbox: mail %d: %w", uid, aboutMails(broken))
			}
			if err != nil {
				return 0, err
			}
			done = uid
		}
	}
	return done, nil
}
