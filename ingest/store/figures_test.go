package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// largeTown is how many requests the town of TestFiguresOfALargeTown has.
var largeTown = flag.Int("figures.requests", 0, "measure the figures over so many requests")

// fill runs SQL in the store.
func (s *Store) fillBy(t *testing.T, queries ...string) {
	t.Helper()
	if err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		for _, q := range queries {
			if err := tx.exec(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// inventTown fills a store with n requests over four years, each with two dates of the town,
// two thirds of them answered and one third checked by a person.
func inventTown(t *testing.T, s *Store, n int) {
	t.Helper()
	at := micros(time.Date(2022, 3, 1, 8, 0, 0, 0, time.UTC))
	step := int64(4*365*24*time.Hour/time.Microsecond) / int64(n)
	s.fillBy(t,
		fmt.Sprintf(`WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			INSERT INTO requests (id, reference, status, category, service, confidence, needs_review, reasons, subject, body,
				sender_name, sender_email, sender_phone, sender_address, place, opened_at, channel, answered_at, category_by)
			SELECT i + 1, printf('2022-%%06d', i), CASE WHEN i %% 3 THEN 'answered' ELSE 'new' END, 'categorie-' || (i * 7 %% 21), 'Service ' || (i * 7 %% 21 / 3),
				0.5, 0, '[]', 'Sujet ' || i, hex(randomblob(700)), 'Prénom' || (i %% 900) || ' Nom' || (i %% 7001), 'a@example.fr', printf('06 39 %%02d %%02d %%02d', i / 10000 %% 100, i / 100 %% 100, i %% 100), '', '',
				%d + i * %d, CASE i %% 7 WHEN 0 THEN 'counter' WHEN 1 THEN 'phone' WHEN 2 THEN 'scan' WHEN 3 THEN 'webform' ELSE 'mailbox' END,
				CASE WHEN i %% 3 THEN %d + i * %d + (i * 7919 %% 60) * 86400000000 ELSE 0 END, CASE WHEN i %% 3 = 1 THEN 'agent:a' ELSE '' END FROM c`, n-1, at, step, at, step),
		`INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at)
			SELECT id, 0, 'are', opened_at + 864000000000, '', '', '', '', 'town', CASE WHEN id % 5 THEN opened_at + 1 ELSE 0 END FROM requests`,
		`INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at)
			SELECT id, 1, 'implicit', opened_at + 5184000000000, '', '', '', '', 'town', answered_at FROM requests`,
		`INSERT INTO events (at, kind, actor, request_id, detail) SELECT opened_at, 'request.opened', 'saisine', id, '{"reasons":[]}' FROM requests`,
		`INSERT INTO events (at, kind, actor, request_id, detail) SELECT opened_at + 1, 'request.categorized', 'agent:a', id,
			json_object('old', json_object('category', CASE WHEN id % 10 THEN category ELSE 'autre' END, 'by', '', 'needs_review', json(CASE WHEN id % 4 THEN 'false' ELSE 'true' END)), 'new', json_object('category', category))
			FROM requests WHERE category_by <> ''`,
	)
}

// At 200,000 requests all figures together take less than a page may: go test -run
// FiguresOfALargeTown -args -figures.requests=200000
func TestFiguresOfALargeTown(t *testing.T) {
	onlySQLite(t)
	n, bound := 5000, 1500*time.Millisecond
	if *largeTown > 0 {
		n = *largeTown
	}
	s := open(t, t.TempDir())
	inventTown(t, s, n)
	v := ingest.Viewer{Hidden: []string{"Service 3"}}
	for _, weeks := range []int{12, 53, 208} {
		to := time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
		all := Span{to.AddDate(0, 0, -7*weeks), to}
		var spans []Span
		for i := range weeks {
			spans = append(spans, Span{all.From.AddDate(0, 0, 7*i), all.From.AddDate(0, 0, 7*i+7)})
		}
		began := time.Now()
		lap := func(what string, err error) {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d weeks, %-10s after %v", weeks, what, time.Since(began).Round(time.Millisecond))
		}
		_, err := s.Volumes(t.Context(), v, spans)
		lap("volumes", err)
		_, err = s.Subjects(t.Context(), v, all)
		lap("subjects", err)
		_, err = s.Delays(t.Context(), v, all)
		lap("delays", err)
		_, err = s.Lateness(t.Context(), v, all)
		lap("lateness", err)
		_, err = s.Checks(t.Context(), v, all)
		lap("checks", err)
		if took := time.Since(began); took > bound {
			t.Errorf("%d weeks: the figures took %v", weeks, took)
		}
	}
}

// A small town counted by hand. Its requests are written as rows, since their times are what
// matters; the one of service CCAS is sealed, and one was merged into another.
func TestFigures(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Zone: time.UTC, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	at := func(month time.Month, day, hour int) int64 {
		return micros(time.Date(2026, month, day, hour, 0, 0, 0, time.UTC))
	}
	for i, r := range []struct {
		channel, service, category, by string
		opened, answered               int64
		due, done                      int64 // of the answer
		receipt, sent                  int64 // of the acknowledgement
		old                            string
		review                         bool
	}{
		{"mailbox", "Voirie", "voirie", "agent:a", at(3, 2, 8), at(3, 4, 9), at(5, 2, 0), at(3, 4, 9), at(3, 3, 0), at(3, 2, 9), "voirie", false},
		{"phone", "Voirie", "voirie", "agent:a", at(3, 3, 8), at(3, 13, 8), at(3, 10, 0), at(3, 13, 8), 0, 0, "proprete", false},
		{"mailbox", "Voirie", "proprete", "agent:a", at(3, 10, 8), 0, at(5, 10, 0), 0, at(3, 12, 0), at(3, 13, 0), "proprete", true},
		{"mailbox", "Voirie", "proprete", "", at(3, 11, 8), 0, at(6, 30, 0), 0, at(3, 12, 0), 0, "", false},
		{"counter", "CCAS", "action-sociale", "agent:b", at(3, 3, 8), at(3, 3, 9), at(5, 3, 0), at(3, 3, 9), at(3, 4, 0), 0, "voirie", false},
		{"mailbox", "Voirie", "voirie", "", at(3, 3, 8), 0, at(4, 3, 0), 0, 0, 0, "", false}, // merged into the first
		{"scan", "", "", "", at(5, 4, 8), 0, 0, 0, 0, 0, "", false},                          // after the span
	} {
		merged := "NULL"
		if i == 5 {
			merged = "1"
		}
		s.fillBy(t, fmt.Sprintf(`INSERT INTO requests (reference, status, category, service, confidence, needs_review, reasons, subject, body, sender_name, sender_email,
			sender_phone, sender_address, place, opened_at, channel, answered_at, category_by, merged_into)
			VALUES ('2026-%06d', 'new', '%s', '%s', 0, 0, '[]', '', '', '', '', '', '', '', %d, '%s', %d, '%s', %s)`,
			i+1, r.category, r.service, r.opened, r.channel, r.answered, r.by, merged))
		for n, d := range [][3]any{{"implicit", r.due, r.done}, {"aee", r.receipt, r.sent}} {
			if d[1] == int64(0) {
				continue
			}
			s.fillBy(t, fmt.Sprintf(`INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at)
				VALUES (%d, %d, '%s', %d, '', '', '', '', 'town', %d)`, i+1, n, d[0], d[1], d[2]))
		}
		if r.by != "" {
			// The second choice must not pass for saisine's.
			for _, detail := range []string{
				fmt.Sprintf(`{"old":{"category":%q,"by":"","needs_review":%t},"new":{"category":"autre"}}`, r.old, r.review),
				fmt.Sprintf(`{"old":{"category":"autre","by":"agent:a","needs_review":false},"new":{"category":%q}}`, r.category),
			} {
				s.fillBy(t, fmt.Sprintf(`INSERT INTO events (at, kind, actor, request_id, detail) VALUES (1, 'request.categorized', 'agent:a', %d, '%s')`, i+1, detail))
			}
		}
	}
	march := Span{time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)}
	weeks := []Span{{march.From, march.From.AddDate(0, 0, 7)}, {march.From.AddDate(0, 0, 7), march.To}}
	count := func(v ingest.Viewer) string {
		t.Helper()
		volumes, err1 := s.Volumes(t.Context(), v, weeks)
		subjects, err2 := s.Subjects(t.Context(), v, march)
		delays, err3 := s.Delays(t.Context(), v, march)
		late, err4 := s.Lateness(t.Context(), v, march)
		checks, err5 := s.Checks(t.Context(), v, march)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%v\n%v\n%v\n%v\n%v", volumes, subjects, delays, late, checks)
	}
	agent := ingest.Viewer{Hidden: []string{"CCAS"}}
	want := `[{0 mailbox 1} {0 phone 1} {1 mailbox 2}]
[{Voirie proprete 2} {Voirie voirie 2}]
[{Voirie 49 1} {Voirie 240 1}]
[{Voirie 4 2 3 2}]
[{proprete mailbox 1 1 1 0} {voirie mailbox 1 1 0 1} {voirie phone 1 0 0 0}]`
	if got := count(agent); got != want {
		t.Errorf("an agent of the road service counts\n%s\nwant\n%s", got, want)
	}
	want = `[{0 counter 1} {0 mailbox 1} {0 phone 1} {1 mailbox 2}]
[{Voirie proprete 2} {Voirie voirie 2} {CCAS action-sociale 1}]
[{CCAS 1 1} {Voirie 49 1} {Voirie 240 1}]
[{CCAS 1 0 1 1} {Voirie 4 2 3 2}]
[{action-sociale counter 1 0 0 0} {proprete mailbox 1 1 1 0} {voirie mailbox 1 1 0 1} {voirie phone 1 0 0 0}]`
	if got := count(ingest.Viewer{}); got != want {
		t.Errorf("who sees all counts\n%s\nwant\n%s", got, want)
	}
	if got, err := s.Volumes(t.Context(), agent, nil); err != nil || got != nil {
		t.Errorf("no span: %v, %v", got, err)
	}
}
