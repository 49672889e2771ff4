package store

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// Each query goes by the index that is meant for it: the partial ones of the few, and never by
// the rows of the ledger.
func TestTallyUsesIndexes(t *testing.T) {
	onlySQLite(t)
	s := open(t, t.TempDir())
	for query, want := range map[string][]string{
		tallyTotals:   {"SCAN submissions USING COVERING INDEX sqlite_autoindex_submissions_2"},
		tallyStates:   {"submissions USING INDEX submissions_waiting", "submissions USING INDEX submissions_failed", "submissions USING INDEX submissions_aside"},
		tallyOutbox:   {"o USING INDEX outbox_pending", "outbox USING INDEX outbox_failed", "SEARCH m USING"},
		tallyReceipts: {"deadlines USING INDEX deadlines_open"},
	} {
		args := []any{int64(1), int64(2)}[:strings.Count(query, "$2")+min(1, strings.Count(query, "$1"))]
		var plan strings.Builder
		err := (reading{s.read}).rows(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(row rowScanner) error {
			var id, parent, unused int
			var detail string
			err := row.Scan(&id, &parent, &unused, &detail)
			plan.WriteString(detail + "\n")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(plan.String(), w) {
				t.Errorf("%s\ndoes not say %q:\n%s", query, w, plan.String())
			}
		}
	}
}

func TestTally(t *testing.T) {
	now := day
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	record(t, s, mail("1", "a"))
	now = now.Add(time.Hour)
	record(t, s, mail("2", "b"))
	filed := record(t, s, mail("3", "c"))
	file(t, s, filed.ID, ingest.Filing{Match: opens})
	failed := record(t, s, mail("4", "d"))
	if err := s.Fail(t.Context(), failed.ID, "gâté"); err != nil {
		t.Fatal(err)
	}
	other := mail("1", "e")
	other.Channel, other.Account = ingest.ChannelWebform, "form"
	record(t, s, other)
	err = s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		for i, d := range []struct {
			kind      string
			due, done time.Time
			who       string
		}{
			{"aee", now.Add(23 * time.Hour), time.Time{}, "town"},
			{"aee", now.Add(25 * time.Hour), time.Time{}, "town"},
			{"aee", now.Add(-time.Hour), time.Time{}, "town"},
			{"aee", now.Add(-time.Hour), now, "town"},
			{"are", now.Add(-time.Hour), time.Time{}, "other"},
			{"are", now.Add(time.Hour), time.Time{}, "town"},
			{"implicit", now.Add(time.Hour), time.Time{}, "town"},
			{"are", time.Time{}, time.Time{}, "town"},
		} {
			if err := tx.exec(ctx, `INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at) VALUES (1, $1, $2, $3, '', '', '', '', $4, $5)`,
				100+i, d.kind, micros(d.due), d.who, micros(d.done)); err != nil {
				return err
			}
		}
		for i, o := range []struct {
			kind, state string
			created     time.Time
			notBefore   time.Time
		}{
			{"webhook", "pending", now.Add(-2 * time.Hour), time.Time{}},
			{"webhook", "pending", now.Add(-time.Hour), time.Time{}},
			{"webhook", "failed", now, time.Time{}},
			{"mail", "pending", now.Add(-9 * time.Hour), now.Add(time.Hour)},      // held back
			{"mail", "pending", now.Add(-9 * time.Hour), now.Add(-3 * time.Hour)}, // was held back
			{"mail", "delivered", now.Add(-99 * time.Hour), time.Time{}},
		} {
			id := "o" + string(rune('a'+i))
			if err := tx.exec(ctx, `INSERT INTO outbox (id, kind, payload, state, reason, created_at) VALUES ($1, $2, '{}', $3, 'x', $4)`, id, o.kind, o.state, micros(o.created)); err != nil {
				return err
			}
			if o.kind == "mail" {
				if err := tx.exec(ctx, `INSERT INTO mails (id, kind, recipient, detail, state, created_at, not_before) VALUES ($1, 'notice', 'a@example.fr', '{}', 'queued', $2, $3)`, id, micros(o.created), micros(o.notBefore)); err != nil {
					return err
				}
			}
		}
		return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('backup/last', $1)`, "1772438400000000")
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Tally(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Accounts) != 2 {
		t.Fatalf("accounts: %+v", got.Accounts)
	}
	for _, a := range got.Accounts {
		want := map[ingest.State]int64{ingest.StateReceived: 1}
		oldest := now
		if a.Channel == ingest.ChannelMailbox {
			want = map[ingest.State]int64{ingest.StateReceived: 2, ingest.StateFiled: 1, ingest.StateFailed: 1}
			oldest = day
		}
		for state, n := range a.States {
			if n != want[state] {
				t.Errorf("%s/%s: %d %s, want %d", a.Channel, a.Account, n, state, want[state])
			}
		}
		if !a.Oldest.Equal(oldest) {
			t.Errorf("%s: oldest %s, want %s", a.Channel, a.Oldest, oldest)
		}
	}
	outbox := map[string]OutboxTally{}
	for _, o := range got.Outbox {
		outbox[o.Kind] = o
	}
	if o := outbox["webhook"]; o.Pending != 2 || o.Failed != 1 || !o.Oldest.Equal(now.Add(-2*time.Hour)) {
		t.Errorf("webhooks: %+v", o)
	}
	if o := outbox["mail"]; o.Pending != 2 || o.Failed != 0 || !o.Oldest.Equal(now.Add(-3*time.Hour)) {
		t.Errorf("mails: %+v", o)
	}
	if r := got.Receipts; r[0] != (ReceiptTally{"aee", 1, 1}) || r[1] != (ReceiptTally{"are", 1, 0}) {
		t.Errorf("receipts: %+v", r)
	}
	if want := time.UnixMicro(1772438400000000); !got.Backup.Equal(want) {
		t.Errorf("backup: %s, want %s", got.Backup, want)
	}
	if n, ok := s.Size(); !ok || n < 4096 {
		t.Errorf("size: %d %v", n, ok)
	}
}
