package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest"
)

// Tally says how the ledger and the outbox stand, by account and kind. It costs more than
// Gauges: some hundred milliseconds on a ledger of a million rows, so it is taken beside the
// scrapes and not by them.
type Tally struct {
	Accounts []AccountTally
	Outbox   []OutboxTally
	Receipts []ReceiptTally
	// Backup is when the last backup was complete, by the setting backup/last; zero: none is known.
	Backup time.Time
}

// AccountTally counts the submissions of one account of a channel by their state.
type AccountTally struct {
	Channel ingest.Channel
	Account string
	States  map[ingest.State]int64
	// Oldest is when the oldest one that waits for a worker came into the ledger; zero: none waits.
	Oldest time.Time
}

// OutboxTally counts what has not left the house, of one kind.
type OutboxTally struct {
	Kind            string
	Pending, Failed int64
	// Oldest is since when the oldest pending one could have gone; zero: none waits. A mail that
	// is held back on purpose waits from the end of that on.
	Oldest time.Time
}

// ReceiptTally counts the acknowledgements of one kind (aee, are) that the law asks for and that
// have not been sent.
type ReceiptTally struct {
	Kind string
	// Soon are due within a day, Overdue should have gone.
	Soon, Overdue int64
}

// receiptSoon is how long before its end a deadline counts as at risk.
const receiptSoon = 24 * time.Hour

// tallyTotals counts by the index of the source keys alone, and no row of the ledger is read.
const tallyTotals = `SELECT channel, account, count(*) FROM submissions GROUP BY channel, account`

// tallyStates counts by the partial indexes of the states that are few; what they leave of the
// total is filed. Each state stands as a constant, since a parameter hides it from the planner,
// which would also go by the index of the source keys, and so read each row of the ledger, were
// the columns not hidden in an expression.
const tallyStates = `SELECT channel || '', account || '', 'received', count(*), min(recorded_at) FROM submissions WHERE state = 'received' GROUP BY channel || '', account || ''
	UNION ALL SELECT channel || '', account || '', 'failed', count(*), min(recorded_at) FROM submissions WHERE state = 'failed' GROUP BY channel || '', account || ''
	UNION ALL SELECT channel || '', account || '', 'set_aside', count(*), min(recorded_at) FROM submissions WHERE state = 'set_aside' GROUP BY channel || '', account || ''`

// tallyOutbox is by the partial indexes of the outbox. $1 is now.
const tallyOutbox = `SELECT o.kind, 'pending', count(*), min(CASE WHEN m.not_before > $1 THEN NULL WHEN m.not_before > o.created_at THEN m.not_before ELSE o.created_at END)
		FROM outbox o LEFT JOIN mails m ON m.id = o.id WHERE o.state = 'pending' GROUP BY o.kind
	UNION ALL SELECT kind, 'failed', count(*), NULL FROM outbox WHERE state = 'failed' GROUP BY kind`

// tallyReceipts is by the index of open deadlines. $1 is now, $2 the end of what is soon.
const tallyReceipts = `SELECT kind, CASE WHEN due < $1 THEN 1 ELSE 0 END, count(*) FROM deadlines
	WHERE done_at = 0 AND due <> 0 AND due <= $2 AND who = 'town' AND kind IN ('aee', 'are') GROUP BY 1, 2`

// lastBackup is the setting that says when the last backup was complete: microseconds since
// 1970, or RFC 3339.
const lastBackup = "backup/last"

// Tally counts. The figures are those of one moment, each query's own.
func (s *Store) Tally(ctx context.Context) (Tally, error) {
	var t Tally
	if err := s.tallyAccounts(ctx, &t); err != nil {
		return t, err
	}
	now := s.opts.Now()
	outbox := map[string]*OutboxTally{}
	var kinds []string
	err := (reading{s.read}).rows(ctx, tallyOutbox, []any{micros(now)}, func(row rowScanner) error {
		var kind, state string
		var n int64
		var oldest sql.NullInt64
		if err := row.Scan(&kind, &state, &n, &oldest); err != nil {
			return err
		}
		if outbox[kind] == nil {
			outbox[kind], kinds = &OutboxTally{Kind: kind}, append(kinds, kind)
		}
		if state == string(ingest.OutboxFailed) {
			outbox[kind].Failed = n
			return nil
		}
		outbox[kind].Pending, outbox[kind].Oldest = n, s.time(oldest.Int64)
		return nil
	})
	if err != nil {
		return t, err
	}
	for _, kind := range kinds {
		t.Outbox = append(t.Outbox, *outbox[kind])
	}
	receipts := map[string]*ReceiptTally{"aee": {Kind: "aee"}, "are": {Kind: "are"}}
	err = (reading{s.read}).rows(ctx, tallyReceipts, []any{micros(now), micros(now.Add(receiptSoon))}, func(row rowScanner) error {
		var kind string
		var overdue int
		var n int64
		if err := row.Scan(&kind, &overdue, &n); err != nil {
			return err
		}
		if overdue == 1 {
			receipts[kind].Overdue = n
		} else {
			receipts[kind].Soon = n
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	t.Receipts = []ReceiptTally{*receipts["aee"], *receipts["are"]}
	t.Backup, err = s.lastBackup(ctx)
	return t, err
}

func (s *Store) tallyAccounts(ctx context.Context, t *Tally) error {
	type key struct {
		channel ingest.Channel
		account string
	}
	at := map[key]int{}
	err := (reading{s.read}).rows(ctx, tallyTotals, nil, func(row rowScanner) error {
		var k key
		var n int64
		if err := row.Scan(&k.channel, &k.account, &n); err != nil {
			return err
		}
		at[k] = len(t.Accounts)
		t.Accounts = append(t.Accounts, AccountTally{Channel: k.channel, Account: k.account, States: map[ingest.State]int64{
			ingest.StateReceived: 0, ingest.StateFiled: n, ingest.StateSetAside: 0, ingest.StateFailed: 0,
		}})
		return nil
	})
	if err != nil {
		return err
	}
	return (reading{s.read}).rows(ctx, tallyStates, nil, func(row rowScanner) error {
		var k key
		var state ingest.State
		var n, oldest int64
		if err := row.Scan(&k.channel, &k.account, &state, &n, &oldest); err != nil {
			return err
		}
		i, ok := at[k]
		if !ok {
			return nil // its first submission came in between: the next tally has it
		}
		a := &t.Accounts[i]
		// What came in between the two questions is not in the total.
		a.States[state], a.States[ingest.StateFiled] = n, max(0, a.States[ingest.StateFiled]-n)
		if state == ingest.StateReceived {
			a.Oldest = s.time(oldest)
		}
		return nil
	})
}

func (s *Store) lastBackup(ctx context.Context) (time.Time, error) {
	var text string
	err := s.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, lastBackup).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	if us, err := strconv.ParseInt(text, 10, 64); err == nil {
		return s.time(us), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // what cannot be read is no backup that one may count on
	}
	return at, nil
}

// Size is how many bytes the database takes on the disk, its log included. ok is false when it
// does not lie in the data folder.
func (s *Store) Size() (bytes int64, ok bool) {
	path := filepath.Join(s.opts.Dir, "saisine.db")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err == nil {
			bytes, ok = bytes+info.Size(), true
		}
	}
	return bytes, ok
}
