package mailbox

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	// maxAttempts is how often a mail is asked for alone before it is set apart, by a server
	// that says no or says nothing about it.
	maxAttempts = 3
	// maxDeaths is the same where each try ended the connection, which the network may be to
	// blame for: with the pauses between them it is tried for three quarters of an hour.
	maxDeaths = 10
	// maxDeathPause, times RetryPause, is the longest of these pauses.
	maxDeathPause = 16
)

// destination says where a mail that is in the ledger belongs.
type destination int

const (
	toDone destination = iota
	toFailed
)

// place is what is known of a mail that is in the ledger.
type place struct {
	dest   destination
	copied bool // a copy is in its destination already
	stays  bool // flagged and left in the folder for good (moveByFlag)
}

// suspect is a mail that could not be fetched alone.
type suspect struct {
	attempts  int       // that the connection outlived
	deaths    int       // of the connection
	notBefore time.Time // when to try next
}

// hopeless reports whether it was tried often enough.
func (s suspect) hopeless() bool { return s.attempts >= maxAttempts || s.deaths >= maxDeaths }

// memory is what is remembered of a folder between looks and connections, for one
// UIDVALIDITY. Losing it costs time only: the ledger knows what it has. It is used by
// one goroutine.
type memory struct {
	uidValidity uint32
	// settled are the mails that are in the ledger and were still in the folder when
	// it was last searched; only moving them is left to do.
	settled map[imap.UID]place
	// groups are sets of mails whose common fetch failed: each is asked for by a
	// command of its own and halved when that fails again.
	groups [][]imap.UID
	// suspects are the mails that failed alone.
	suspects map[imap.UID]suspect
	// tooBig are mails whose literal was over the limit although RFC822.SIZE was not.
	tooBig map[imap.UID]int64
	// quarantined counts the mails set apart since the start.
	quarantined int
}

// epoch forgets everything when the folder was renumbered. It reports whether it was.
func (m *memory) epoch(uidValidity uint32) bool {
	if m.uidValidity == uidValidity {
		return false
	}
	renumbered := m.uidValidity != 0
	*m = memory{
		uidValidity: uidValidity, settled: make(map[imap.UID]place),
		suspects: make(map[imap.UID]suspect), tooBig: make(map[imap.UID]int64),
		quarantined: m.quarantined,
	}
	return renumbered
}

// keep forgets the mails that are no longer in the folder. present is ascending.
func (m *memory) keep(present []imap.UID) {
	gone := func(uid imap.UID) bool {
		_, found := slices.BinarySearch(present, uid)
		return !found
	}
	deleteGone(m.settled, gone)
	deleteGone(m.suspects, gone)
	deleteGone(m.tooBig, gone)
	for i := range m.groups {
		m.groups[i] = slices.DeleteFunc(m.groups[i], gone)
	}
	m.groups = slices.DeleteFunc(m.groups, func(g []imap.UID) bool { return len(g) == 0 })
}

func deleteGone[V any](set map[imap.UID]V, gone func(imap.UID) bool) {
	for uid := range set {
		if gone(uid) {
			delete(set, uid)
		}
	}
}

// fresh returns the mails of which nothing is known yet.
func (m *memory) fresh(present []imap.UID) []imap.UID {
	grouped := make(map[imap.UID]bool)
	for _, g := range m.groups {
		for _, uid := range g {
			grouped[uid] = true
		}
	}
	var fresh []imap.UID
	for _, uid := range present {
		_, settled := m.settled[uid]
		_, suspected := m.suspects[uid]
		if !settled && !suspected && !grouped[uid] {
			fresh = append(fresh, uid)
		}
	}
	return fresh
}

// takeDue takes out the sets that are to be asked for now, each alone: the groups,
// and the suspects whose pause is over.
func (m *memory) takeDue(now time.Time) [][]imap.UID {
	due := m.groups
	m.groups = nil
	for uid, s := range m.suspects {
		if !s.hopeless() && !now.Before(s.notBefore) {
			due = append(due, []imap.UID{uid})
		}
	}
	return due
}

// hopeless returns the mails that failed too often, ascending.
func (m *memory) hopeless() []imap.UID {
	var uids []imap.UID
	for uid, s := range m.suspects {
		if s.hopeless() {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids
}

// failed notes that fetching the set failed, and whether the connection died of it: two
// halves are tried apart, a single mail again after a pause.
func (m *memory) failed(uids []imap.UID, died bool, now time.Time, pause time.Duration) {
	switch len(uids) {
	case 0:
	case 1:
		s := m.suspects[uids[0]]
		if died {
			s.deaths++
			pause *= time.Duration(min(1<<(s.deaths-1), maxDeathPause))
		} else {
			s.attempts++
			pause *= time.Duration(s.attempts)
		}
		s.notBefore = now.Add(pause)
		m.suspects[uids[0]] = s
	default:
		half := len(uids) / 2
		m.groups = append(m.groups, slices.Clone(uids[:half]), slices.Clone(uids[half:]))
	}
}

// restore puts sets back that were taken and not tried.
func (m *memory) restore(sets [][]imap.UID) {
	for _, set := range sets {
		if len(set) > 1 {
			m.groups = append(m.groups, set)
			continue
		}
		if _, ok := m.suspects[set[0]]; !ok {
			m.groups = append(m.groups, set)
		}
	}
}

// settle notes that a mail is in the ledger.
func (m *memory) settle(uid imap.UID, p place) {
	m.settled[uid] = p
	delete(m.suspects, uid)
	delete(m.tooBig, uid)
}

// unmoved returns the mails that are in the ledger and must still leave the folder,
// ascending, by destination.
func (m *memory) unmoved(dest destination) (uids []imap.UID) {
	for uid, p := range m.settled {
		if p.dest == dest && !p.stays {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids
}

// copied returns which of the mails have a copy in their destination already.
func (m *memory) copied(uids []imap.UID) (copied []imap.UID) {
	for _, uid := range uids {
		if m.settled[uid].copied {
			copied = append(copied, uid)
		}
	}
	return copied
}

// due reports whether a set waits to be asked for at once.
func (m *memory) due() bool { return len(m.groups) > 0 }

// nextTry returns how long until a suspect's pause is over, at most limit.
func (m *memory) nextTry(now time.Time, limit time.Duration) time.Duration {
	for _, s := range m.suspects {
		if !s.hopeless() {
			limit = min(limit, max(0, s.notBefore.Sub(now)))
		}
	}
	return limit
}
