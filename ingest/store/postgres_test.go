package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store/postgrestest"
)

// onServer opens a store on a database of a PostgreSQL.
func onServer(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: url, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// PostgreSQL is killed, again and again, while mails come in and are filed: what was acknowledged is there,
// nothing is twice, and the store goes on by itself once the server is back.
func TestPostgresKilled(t *testing.T) {
	server := postgrestest.Start(t)
	s := onServer(t, server.URL)
	const writers, each = 4, 40
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]string{} // by source key
	refused := 0
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				key := fmt.Sprintf("%d|%d", w, i)
				for {
					r, err := s.Record(context.Background(), mail(key, "mail "+key))
					if err == nil {
						_, err = s.File(context.Background(), r.ID, ingest.Filing{Match: opens})
					}
					if err == nil {
						mu.Lock()
						acknowledged[key] = r.ID
						mu.Unlock()
						break
					}
					if !errors.Is(err, ingest.ErrUnavailable) {
						t.Errorf("%s: %v", key, err)
						return
					}
					mu.Lock()
					refused++
					mu.Unlock()
					time.Sleep(20 * time.Millisecond) // as a channel does before its next try
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	kills := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(300 * time.Millisecond):
			if kills == 4 {
				<-done
				running = false
				break
			}
			kills++
			server.Kill()
			if err := server.Begin(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if refused == 0 {
		t.Error("no write was refused: the kills show nothing")
	}
	t.Logf("%d kills, %d writes refused and tried again", kills, refused)
	if len(acknowledged) != writers*each {
		t.Fatalf("%d of %d were acknowledged", len(acknowledged), writers*each)
	}
	seen := map[string]bool{}
	if err := s.Submissions(t.Context(), "", func(rec ingest.Record) error {
		if seen[rec.SourceKey] || acknowledged[rec.SourceKey] != rec.ID || rec.State != ingest.StateFiled {
			t.Errorf("row %s of %s: %s", rec.ID, rec.SourceKey, rec.State)
		}
		seen[rec.SourceKey] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != writers*each {
		t.Errorf("%d rows", len(seen))
	}
	verified(t, s, 0)
}

// A node that is stopped in the midst of a write holds up the others for some seconds, and
// not for ever; when it goes on, its write is refused.
func TestPostgresStoppedWriter(t *testing.T) {
	server := postgrestest.Start(t)
	frozen, other := onServer(t, server.URL), onServer(t, server.URL)
	inside, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		once := sync.OnceFunc(func() { close(inside) })
		ended <- frozen.do(context.Background(), func(ctx context.Context, tx *tx) error {
			if err := tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('frozen', 'x')`); err != nil {
				return err
			}
			once()
			<-goOn
			return nil
		})
	}()
	<-inside
	begun := time.Now()
	if err := other.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('other', 'x')`)
	}); err != nil {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
	t.Logf("the other node wrote after %s", time.Since(begun).Round(time.Millisecond))
	close(goOn)
	if err := <-ended; !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("the stopped writer ended with %v", err)
	}
	var names string
	if err := other.read.QueryRowContext(t.Context(), `SELECT string_agg(name, ',') FROM settings WHERE name IN ('frozen', 'other')`).Scan(&names); err != nil || names != "other" {
		t.Errorf("rows %q, %v", names, err)
	}
	// It goes on by itself.
	if err := frozen.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('frozen', 'y')`)
	}); err != nil {
		t.Error(err)
	}
}

// Several nodes file at once: references and register numbers are given once and without a gap, and of equal
// letters one opens the request.
func TestPostgresSeveralNodes(t *testing.T) {
	server := postgrestest.Start(t)
	nodes := []*Store{onServer(t, server.URL), onServer(t, server.URL), onServer(t, server.URL)}
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			s := nodes[i%len(nodes)]
			// Each is taken in and filed by two nodes, as after a take-over.
			var ids [2]string
			for j, s := range []*Store{s, nodes[(i+1)%len(nodes)]} {
				r, err := s.Record(t.Context(), mail(fmt.Sprint(i), fmt.Sprint("mail ", i)))
				if err != nil {
					t.Error(err)
					return
				}
				ids[j] = r.ID
				if _, err := s.File(t.Context(), r.ID, ingest.Filing{Match: opens}); err != nil {
					t.Error(err)
				}
			}
			if ids[0] != ids[1] {
				t.Errorf("%d has two rows", i)
			}
		})
	}
	wg.Wait()
	counts, err := nodes[0].Counts(t.Context())
	if err != nil || counts[ingest.StateFiled] != n {
		t.Errorf("%v, %v", counts, err)
	}
	verified(t, nodes[1], 0)
}

// What PostgreSQL refuses in texts and indexes comes from citizens' programs all the same.
func TestPostgresTakesAnyText(t *testing.T) {
	server := postgrestest.Start(t)
	s := onServer(t, server.URL)
	long := strings.Repeat("x", 100_000)
	words := make([]string, 200_000)
	for i := range words {
		words[i] = fmt.Sprintf("mot%d", i)
	}
	for name, reading := range map[string]ingest.Reading{
		"null and half a letter": {Subject: "a\x00b", Text: "c\xff\x00d", From: ingest.Person{Name: "N\x00M"}, Place: "rue\x00 \\u0000"},
		"long message id":        {MessageID: long, InReplyTo: []string{long}},
		"long address":           {From: ingest.Person{Email: long + "@example.fr", Name: long, Phone: long, Address: long}},
		"one long word":          {Subject: long, Text: strings.Repeat("é", 50_000)},
		"very many words":        {Text: strings.Join(words, " ")},
		"quotes":                 {Subject: `'; DROP TABLE requests; --`, Text: `\' ' " & | ! <-> :*`},
		"a file's name":          {Attachments: []ingest.Attachment{{Name: "a\x00.pdf", Text: "x\x00y"}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := mail(name, name)
			r := record(t, s, m)
			f := file(t, s, r.ID, ingest.Filing{Reading: reading})
			rec, err := s.Submission(t.Context(), r.ID)
			if err != nil || rec.Reading == nil || rec.Request != f.Request {
				t.Errorf("%+v, %v", rec, err)
			}
			if _, err := s.Request(t.Context(), f.Request); err != nil {
				t.Error(err)
			}
		})
	}
	for _, words := range []string{"mot7", `"mot7 mot8"`, "mot199999", `'`, `\`, "mot1*"} {
		if _, err := s.List(t.Context(), clerk, ingest.Filter{Words: words}); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
	verified(t, s, 0)
}

func TestStorable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":           "plain",
		"a\x00b":          "a\uFFFDb",
		"a\xffb":          "a\uFFFDb",
		`{"a":"\u0000"}`:  `{"a":"\ufffd"}`,
		`{"a":"\\u0000"}`: `{"a":"\\u0000"}`,
		`["\\\u0000"]`:    `["\\\ufffd"]`,
		`no JSON \u0000`:  `no JSON \u0000`,
	} {
		if got := storable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The server must keep what it acknowledges.
func TestPostgresRefusesUnsafe(t *testing.T) {
	server := postgrestest.Start(t)
	for _, set := range []string{"fsync", "full_page_writes"} {
		server.Exec(t, "ALTER SYSTEM SET "+set+" = off", "SELECT pg_reload_conf()")
		until := time.Now().Add(10 * time.Second)
		for {
			_, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: server.URL})
			if errors.Is(err, ErrUnsafe) && strings.Contains(err.Error(), set) {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("%s off: %v", set, err)
			}
		}
		server.Exec(t, "ALTER SYSTEM RESET "+set, "SELECT pg_reload_conf()")
	}
	// A database that says synchronous_commit=off is overruled.
	server.Exec(t, "ALTER DATABASE postgres SET synchronous_commit = off")
	s := onServer(t, server.URL)
	var sync string
	if err := s.writer.do(t.Context(), true, func(ctx context.Context, tx *tx) error {
		return tx.row(ctx, "SHOW synchronous_commit").Scan(&sync)
	}); err != nil || sync != "on" {
		t.Errorf("synchronous_commit is %q (%v)", sync, err)
	}
	server.Exec(t, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	if _, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: strings.Replace(server.URL, "/postgres?", "/latin?", 1)}); !errors.Is(err, ErrSchema) {
		t.Errorf("LATIN1: %v", err)
	}
	_, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: "postgres://a:hunter2@127.0.0.1:1/db"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no server there, a password in the address: %v", err)
	}
}

// A work that passes over an error of the database is not acknowledged: PostgreSQL calls the
// commit of such a transaction a success, and keeps nothing of it.
func TestPostgresAbortedIsNoSuccess(t *testing.T) {
	server := postgrestest.Start(t)
	s := onServer(t, server.URL)
	err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('kept', 'x')`); err != nil {
			return err
		}
		_ = tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('kept', 'again')`)
		return nil
	})
	if !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("acknowledged: %v", err)
	}
	if err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('kept', 'y')`)
	}); err != nil {
		t.Error("the next write:", err)
	}
}
