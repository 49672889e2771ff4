package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/uuid"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// The measurements of `make bench`. `make test` runs them with these small numbers, to
// keep them working, and holds them to nothing; `make bench` runs the real numbers on
// the real build and prints what docs/performance.md reports.
var (
	benchMails  = flag.Int("bench.mails", 150, "mails of the intake measurement")
	benchMore   = flag.Int("bench.more", 0, "mails of the memory measurement, 0 for none")
	benchPosts  = flag.Int("bench.posts", 300, "posts of the form measurement")
	benchRounds = flag.Int("bench.rounds", 1, "rounds of the form measurement")
	benchIdle   = flag.Int("bench.idle", 4, "mails of the IDLE measurement")
)

var words = strings.Fields(`le lampadaire trottoir chaussée rue devant depuis semaine mairie école cantine enfant
	dossier acte naissance demande merci bonjour voisin bruit nuit travaux permis jardin arbre branche parc poubelle
	collecte inscription facture paiement subvention association salle gymnase bibliothèque crèche logement station
	parking voiture stationnement police animal chien perdu cimetière concession élection bureau vote carte identité
	passeport rendez-vous urgence danger fuite eau égout inondation réparation éclairage public place marché`)

// townMail is a mail of 2 to 10 kB in ordinary French words, different each time.
func townMail(r *rand.Rand, n int) []byte {
	size := 2000 + r.IntN(8000)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <habitant%d@example.fr>\r\nReceived: from mx.example.fr by mail.saint-exemple.fr; Mon, 2 Mar 2026 08:14:00 +0100\r\n", n)
	fmt.Fprintf(&b, "From: Habitant %d <habitant%d@example.fr>\r\nTo: %s\r\nSubject: =?utf-8?Q?Demande_num=C3=A9ro_%d?=\r\n", n, n, townUser, n)
	fmt.Fprintf(&b, "Date: Mon, 2 Mar 2026 08:14:00 +0100\r\nMessage-ID: <bench-%d-%d@example.fr>\r\nMIME-Version: 1.0\r\n", n, r.Uint64())
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nBonjour,\r\n\r\n")
	line := 0
	for b.Len() < size {
		w := words[r.IntN(len(words))]
		if line+len(w) > 72 {
			b.WriteString("\r\n")
			line = 0
		}
		b.WriteString(w + " ")
		line += len(w) + 1
	}
	fmt.Fprintf(&b, "\r\n\r\nHabitant %d\r\n", n)
	return b.Bytes()
}

// look opens the town's store beside the daemon, to count without the cost of a command.
func (tw *town) look() *store.Store {
	tw.t.Helper()
	tw.eventually(20*time.Second, "the database is there", func() bool {
		_, err := os.Stat(filepath.Join(tw.data, "saisine.db"))
		return err == nil && tw.answers("http://"+tw.admin+"/healthz")
	})
	s, err := store.Open(tw.t.Context(), store.Options{Dir: tw.data, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tw.t.Fatal(err)
	}
	tw.t.Cleanup(func() { _ = s.Close() })
	return s
}

// inboxFiles counts the mails of the inbox in the file system: it costs the server
// nothing.
func (tw *town) inboxFiles() int {
	tw.t.Helper()
	n := 0
	for _, dir := range []string{"new", "cur"} {
		names, err := os.ReadDir(filepath.Join(tw.dovecot.Dir, "mail", "sve", "Maildir", dir))
		if err != nil {
			tw.t.Fatal(err)
		}
		n += len(names)
	}
	return n
}

// peakMemory is the most memory that a process ever had, in MB (VmHWM, proc(5)).
func peakMemory(t testing.TB, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1000
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// mbsync pulls the inbox into a Maildir, as the baseline does it, and returns the time.
func (tw *town) mbsync() time.Duration {
	tw.t.Helper()
	if _, err := exec.LookPath("mbsync"); err != nil {
		tw.t.Skip("mbsync is not installed: apt-get install isync")
	}
	dir := tw.t.TempDir()
	conf := filepath.Join(dir, "mbsyncrc")
	text := fmt.Sprintf(`
IMAPAccount town
Host localhost
Port %d
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account town

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel pull
Far :far:INBOX
Near :near:INBOX
Create Near
Sync Pull
SyncState *
`, tw.dovecot.IMAPSPort, townUser, dovecottest.Password, tw.dovecot.CAFile, dir, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		tw.t.Fatal(err)
	}
	begun := time.Now()
	cmd := exec.CommandContext(tw.t.Context(), "mbsync", "-q", "-c", conf, "pull")
	if out, err := cmd.CombinedOutput(); err != nil {
		tw.t.Fatalf("mbsync: %v\n%s", err, out)
	}
	took := time.Since(begun)
	got, err := filepath.Glob(filepath.Join(dir, "INBOX", "*", "*"))
	if err != nil || len(got) < *benchMails {
		tw.t.Fatalf("mbsync pulled %d mails, %v", len(got), err)
	}
	return took
}

// intake is one measured run of the daemon over a full inbox.
type intake struct {
	durable, filed time.Duration
	memory         float64
}

func (tw *town) measureIntake(n int) intake {
	tw.t.Helper()
	begun := time.Now()
	d := tw.launch()
	s := tw.look()
	var m intake
	tw.eventually(10*time.Minute, "all mails are durable", func() bool {
		g, err := s.Gauges(tw.t.Context())
		if err != nil {
			tw.t.Fatal(err)
		}
		if m.durable == 0 && int(g.Submissions) >= n && tw.inboxFiles() == 0 {
			m.durable = time.Since(begun)
		}
		return m.durable > 0
	})
	tw.eventually(10*time.Minute, "all mails are filed", func() bool {
		g, err := s.Gauges(tw.t.Context())
		if err != nil {
			tw.t.Fatal(err)
		}
		return g.Received == 0
	})
	m.filed = time.Since(begun)
	m.memory = peakMemory(tw.t, d.cmd.Process.Pid)
	counts, err := s.Counts(tw.t.Context())
	if err != nil || counts[ingest.StateFiled] != int64(n) {
		tw.t.Fatalf("%v, %v", counts, err)
	}
	d.stop()
	return m
}

// atWork makes a town that logs as it does in service.
func atWork(s *townSetup) { s.level = "info" }

// fillInbox delivers n mails, the same ones at every run.
func fillInbox(tw *town, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		tw.dovecot.Deliver(townUser, townMail(r, i))
	}
}

// TestBenchMailIntake measures mails from a full Dovecot inbox into the ledger, against
// mbsync pulling the same mailbox in the same run.
func TestBenchMailIntake(t *testing.T) {
	n := *benchMails
	tw := newTown(t, atWork)
	fillInbox(tw, n)
	base := min(tw.mbsync(), tw.mbsync()) // the first one also warms the server's index
	m := tw.measureIntake(n)
	t.Logf("%d mails: mbsync %.2f s; durable %.2f s (%.2f x, %.0f mails/s); filed %.2f s (%.2f x, %.0f mails/s); peak memory %.0f MB",
		n, base.Seconds(), m.durable.Seconds(), m.durable.Seconds()/base.Seconds(), float64(n)/m.durable.Seconds(),
		m.filed.Seconds(), m.filed.Seconds()/base.Seconds(), float64(n)/m.filed.Seconds(), m.memory)
	tw.verify()
	if *benchMore == 0 {
		return
	}
	more := newTown(t, atWork)
	fillInbox(more, *benchMore)
	mm := more.measureIntake(*benchMore)
	t.Logf("%d mails: durable %.2f s, filed %.2f s (%.0f mails/s), peak memory %.0f MB, %.2f x that of %d mails",
		*benchMore, mm.durable.Seconds(), mm.filed.Seconds(), float64(*benchMore)/mm.filed.Seconds(), mm.memory, mm.memory/m.memory, n)
}

// benchConnections is the number of citizens who post at once.
const benchConnections = 32

// TestBenchFormPosts measures durable form posts against a bare loop that inserts the
// same two rows for each post, 32 posts to a commit, on the same disk.
func TestBenchFormPosts(t *testing.T) {
	var ratios []float64
	for range *benchRounds {
		ratios = append(ratios, formRound(t, *benchPosts))
	}
	slices.Sort(ratios)
	t.Logf("median ratio of %d rounds: %.2f", len(ratios), ratios[len(ratios)/2])
}

func formRound(t *testing.T, n int) (ratio float64) {
	tw := newTown(t, atWork, func(s *townSetup) { s.noMail = true })
	bare := bareLoop(t, filepath.Join(tw.dir, "bare"), n, true)
	heap := bareLoop(t, filepath.Join(tw.dir, "heap"), n, false)
	d := tw.start()
	// The workers file what comes in at the same time, as they would in a town.
	rate := postAll(t, tw.public, n)
	s := tw.look()
	g, err := s.Gauges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if int(g.Submissions) != n {
		t.Errorf("%d posts answered, %d rows in the ledger", n, g.Submissions)
	}
	t.Logf("%d posts at %d connections: %.0f durable posts/s; bare two-row loop %.0f/s, ratio %.2f; the same without any index %.0f/s, ratio %.2f",
		n, benchConnections, rate, bare, rate/bare, heap, rate/heap)
	d.stop()
	return rate / bare
}

// bareLoop does nothing but insert the two rows of each post, 32 posts to a
// transaction, into tables as the store has them, with its indexes or without any, and
// returns posts/s.
func bareLoop(t *testing.T, dir string, n int, indexes bool) float64 {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "saisine.db")+"?_journal_mode=WAL&_synchronous=FULL&_cache_size=-16000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	prepare := func(q string) *sql.Stmt {
		st, err := conn.PrepareContext(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	exec := func(st *sql.Stmt, args ...any) {
		if _, err := st.ExecContext(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	if !indexes {
		for _, table := range []string{"originals", "submissions"} {
			exec(prepare(`CREATE TABLE plain_` + table + ` AS SELECT * FROM ` + table))
		}
		exec(prepare(`DROP TABLE readings`))
		exec(prepare(`DROP TABLE outbox`))
		exec(prepare(`DROP TABLE events`))
		exec(prepare(`DROP TABLE source_aliases`))
		for _, table := range []string{"submissions", "originals"} {
			exec(prepare(`DROP TABLE ` + table))
			exec(prepare(`ALTER TABLE plain_` + table + ` RENAME TO ` + table))
		}
	}
	begin, commit := prepare(`BEGIN IMMEDIATE`), prepare(`COMMIT`)
	original := prepare(`INSERT INTO originals (sha256, size, content) VALUES ($1, $2, $3)`)
	row := prepare(`INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state)
		VALUES ($1, 'webform', 'form', $2, '', $3, $3, $4, $5, $6, '{}', 'received')`)
	type pair struct {
		id, key string
		blob    *ingest.Blob
	}
	pairs := make([]pair, n) // made before the clock starts
	for i := range pairs {
		_, body := benchPost(i)
		id, err := uuid.NewV7()
		if err != nil {
			t.Fatal(err)
		}
		pairs[i] = pair{id.String(), "direct:" + ingest.NewBlob([]byte(id.String())).SHA256(), ingest.NewBlob(body)}
	}
	begun := time.Now()
	for chunk := range slices.Chunk(pairs, benchConnections) {
		exec(begin)
		for _, p := range chunk {
			exec(original, p.blob.SHA256(), p.blob.Size(), p.blob.Bytes())
			exec(row, p.id, p.key, begun.UnixMicro(), p.blob.SHA256(), p.blob.Size(), ingest.MediaForm)
		}
		exec(commit)
	}
	return float64(n) / time.Since(begun).Seconds()
}

// benchPost is a form post of about 1 kB.
func benchPost(i int) (contentType string, body []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("saisine-bench-boundary")
	for k, v := range form(fmt.Sprintf("b%d", i)) {
		_ = w.WriteField(k, v)
	}
	_ = w.WriteField("address", "12 rue Pasteur, 00000 Saint-Exemple")
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

// postAll posts n forms over 32 connections that stay open, and returns posts/s. It
// writes and reads HTTP by hand: the machine's two cores are for the daemon.
func postAll(t *testing.T, addr string, n int) float64 {
	t.Helper()
	posts := make([][]byte, n) // made before the clock starts
	for i := range posts {
		contentType, body := benchPost(i)
		posts[i] = fmt.Appendf(nil, "POST /demandes HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", addr, contentType, len(body), body)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range benchConnections {
		wg.Go(func() {
			if err := postSome(addr, posts, &next); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begun).Seconds()
}

func postSome(addr string, posts [][]byte, next *atomic.Int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := textproto.NewReader(bufio.NewReader(conn))
	for {
		i := int(next.Add(1)) - 1
		if i >= len(posts) {
			return nil
		}
		if _, err := conn.Write(posts[i]); err != nil {
			return err
		}
		status, err := r.ReadLine()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(status, "HTTP/1.1 303 ") {
			return fmt.Errorf("post %d: %s", i, status)
		}
		header, err := r.ReadMIMEHeader()
		if err != nil {
			return err
		}
		length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
		if err != nil {
			return fmt.Errorf("post %d: %w", i, err)
		}
		if _, err := io.CopyN(io.Discard, r.R, length); err != nil {
			return err
		}
	}
}

// TestBenchIdle measures the time from a delivery to its ledger row while the daemon
// idles, beside the time that the server itself takes to tell a bare IDLE client.
func TestBenchIdle(t *testing.T) {
	tw := newTown(t, func(s *townSetup) { s.poll = "5m" }) // only IDLE can be quick
	d := tw.start()
	s := tw.look()
	tw.eventually(20*time.Second, "the inbox was looked at, and IDLE begins", func() bool {
		return strings.Contains(get(t, "http://"+tw.admin+"/metrics"), `saisine_channel_last_good_timestamp_seconds{channel="mailbox/sve"}`)
	})
	notice := tw.noticeDelays(*benchIdle)
	var delays []time.Duration
	g, err := s.Gauges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := g.Submissions
	for i := range *benchIdle {
		begun := time.Now()
		tw.deliver(fmt.Sprintf("idle%d", i))
		tw.eventually(30*time.Second, "the row is in the ledger", func() bool {
			g, err := s.Gauges(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return g.Submissions > have
		})
		delays = append(delays, time.Since(begun))
		have++
	}
	slices.Sort(delays)
	slices.Sort(notice)
	own, server := delays[len(delays)/2], notice[len(notice)/2]
	t.Logf("%d mails: delivery to ledger row, median %d ms; the server's own notice to a bare IDLE client, median %d ms; beyond it %d ms",
		*benchIdle, own.Milliseconds(), server.Milliseconds(), (own - server).Milliseconds())
	d.stop()
}

// noticeDelays measures how long the server takes to tell a client in IDLE of a
// delivery: n mails to another account, read by a client that does nothing else.
func (tw *town) noticeDelays(n int) []time.Duration {
	tw.t.Helper()
	const user = "temoin"
	tw.dovecot.AddUser(user)
	news := make(chan struct{}, 16)
	c, err := imapclient.DialInsecure(net.JoinHostPort(tw.dovecot.Host, strconv.Itoa(tw.dovecot.IMAPPort)), &imapclient.Options{
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				news <- struct{}{}
			}
		}},
	})
	if err != nil {
		tw.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(user, dovecottest.Password).Wait(); err != nil {
		tw.t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		tw.t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		tw.t.Fatal(err)
	}
	defer idle.Close()
	var delays []time.Duration
	for i := range n {
		begun := time.Now()
		tw.dovecot.Deliver(user, plainMail(fmt.Sprintf("temoin%d", i), ""))
		select {
		case <-news:
		case <-time.After(30 * time.Second):
			tw.t.Fatal("the server does not tell")
		}
		delays = append(delays, time.Since(begun))
	}
	return delays
}
