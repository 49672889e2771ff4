package mailbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest/crashpoint"
)

// moveMode is how mails leave the folder without ever touching a mail that is not
// ours. A plain EXPUNGE or CLOSE would remove whatever other programs have marked
// \Deleted, and is never sent.
type moveMode int

const (
	// moveAtomic is UID MOVE (RFC 6851). UIDPLUS is required beside it because
	// go-imap's Move would fall back to a plain EXPUNGE without the two.
	moveAtomic moveMode = iota
	// moveByCopy is UID COPY, UID STORE +FLAGS \Deleted and UID EXPUNGE (RFC 4315).
	moveByCopy
	// moveByFlag leaves the mail where it is, with flagDone, or where the server
	// keeps no keywords with \Seen and \Flagged.
	moveByFlag
)

func (s *session) moveMode() moveMode {
	switch {
	case !s.caps.Has(imap.CapUIDPlus):
		return moveByFlag
	case s.caps.Has(imap.CapMove):
		return moveAtomic
	default:
		return moveByCopy
	}
}

// move takes mails out of the selected folder. copied are those among uids that have
// a copy in their destination already (something came between COPY and EXPUNGE). An
// OK proves little: a server says OK to moving a UID that does not exist; the next
// look at the folder tells. didCopy is true when a failed move left copies behind.
func (s *session) move(uids, copied []imap.UID, folder string) (didCopy bool, err error) {
	if len(uids) == 0 {
		return false, nil
	}
	set := imap.UIDSetNum(uids...)
	err = s.do(commandBudget, func() (err error) {
		switch s.moveMode() {
		case moveAtomic:
			_, err = s.client.Move(set, s.names.resolve(folder)).Wait()
		case moveByCopy:
			didCopy, err = s.moveByCopy(set, without(uids, copied), folder)
		case moveByFlag:
			err = s.store(set, s.doneFlags())
		}
		return err
	})
	if err != nil {
		return didCopy, fmt.Errorf("mailbox: move %d mails to %q: %w", len(uids), folder, aboutMails(err))
	}
	crashpoint.Hit("mailbox.moved")
	return didCopy, nil
}

func (s *session) moveByCopy(set imap.UIDSet, uncopied []imap.UID, folder string) (didCopy bool, err error) {
	if len(uncopied) > 0 {
		if _, err := s.client.Copy(imap.UIDSetNum(uncopied...), s.names.resolve(folder)).Wait(); err != nil {
			return false, err
		}
	}
	crashpoint.Hit("mailbox.copied")
	if err := s.store(set, []imap.Flag{imap.FlagDeleted}); err != nil {
		return true, err
	}
	crashpoint.Hit("mailbox.flagged")
	return true, s.client.UIDExpunge(set).Close()
}

func (s *session) store(set imap.UIDSet, flags []imap.Flag) error {
	return s.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: flags}, nil).Close()
}

// doneFlags are the flags of moveByFlag. \Seen and \Flagged are for people only: a
// clerk may have set them, so they never make saisine skip a mail.
func (s *session) doneFlags() []imap.Flag {
	if slices.Contains(s.permanent, imap.FlagWildcard) || slices.Contains(s.permanent, flagDone) {
		return []imap.Flag{flagDone}
	}
	return []imap.Flag{imap.FlagSeen, imap.FlagFlagged}
}

// temporary reports whether a status response says that the server cannot at the
// moment, whatever the mail (RFC 5530): no reason to suspect the mail.
func temporary(err error) bool {
	var status *imap.Error
	if !errors.As(err, &status) {
		return false
	}
	switch status.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeLimit,
		imap.ResponseCodeContactAdmin, imap.ResponseCodeNoPerm, imap.ResponseCodeAuthorizationFailed,
		imap.ResponseCodeExpired, imap.ResponseCodePrivacyRequired:
		return true
	default:
		return false
	}
}

// overQuota reports whether a status response says that the account is full (RFC 9208).
func overQuota(err error) bool {
	var status *imap.Error
	return errors.As(err, &status) && status.Code == imap.ResponseCodeOverQuota
}

// without returns the UIDs of all that are not in some.
func without(all, some []imap.UID) []imap.UID {
	if len(some) == 0 {
		return all
	}
	rest := make([]imap.UID, 0, len(all))
	for _, uid := range all {
		if !slices.Contains(some, uid) {
			rest = append(rest, uid)
		}
	}
	return rest
}
