package main

import (
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/ingest/antivirus/clamdtest"
	"saisine.fr/saisine/ocr/samplescan"
)

// scrape returns what /metrics says, by series as it is written there: name{labels}.
func (tw *town) scrape() map[string]float64 {
	tw.t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(get(tw.t, "http://"+tw.admin+"/metrics")) {
		at := strings.LastIndex(line, " ")
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			tw.t.Fatal(line, err)
		}
		out[line[:at]] = v
	}
	return out
}

// seriesName is the name of the metric that a series is of, without a histogram's endings.
func seriesName(series string) string {
	name, _, _ := strings.Cut(series, "{")
	for _, end := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, end); ok && (base == "saisine_task_seconds" || base == "saisine_ocr_seconds") {
			return base
		}
	}
	return name
}

// registered returns the labels, sorted, of saisine's own metrics, as the program registers them.
func registered(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{"saisine_build_info": {"goversion", "version"}}
	ch := make(chan *prometheus.Desc)
	m := newMetrics()
	go func() {
		houseCollector{}.Describe(ch)
		m.tasks.Describe(ch)
		m.ocr.pages.Describe(ch)
		m.ocr.seconds.Describe(ch)
		close(ch)
	}()
	named := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	for d := range ch {
		parts := named.FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatal(d)
		}
		labels := strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(labels)
		found[parts[1]] = labels
	}
	return found
}

// A movement is what a cause does to a series.
type movement struct {
	series string
	to     func(before, after float64) bool
}

func grows(before, after float64) bool   { return after > before }
func changes(before, after float64) bool { return after != before } // others share the disk
func is(want float64) func(float64, float64) bool {
	return func(_, after float64) bool { return after == want }
}

// A cause makes metrics move.
type cause struct {
	name  string
	do    func()
	moves []movement
}

// Each metric moves when its cause happens, on a daemon with a real Dovecot, Exim and Redis, and
// promlint has nothing to say.
func TestMetricsMove(t *testing.T) {
	t.Parallel()
	clamd := clamdtest.Start(t)
	tw := newPostTown(t, "limits: {file: 1MiB}\nantivirus: {clamd: "+strconv.Quote(clamd.Address())+"}\n")
	started := time.Now()
	d := tw.start()
	tw.eventually(30*time.Second, "the ledger is counted", func() bool { return tw.scrape()[`saisine_scrape_ok{part="ledger_count"}`] == 1 })
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: filepath.Join(tw.data, "redis", "redis.sock")})
	defer rdb.Close()
	do := func(args ...any) {
		t.Helper()
		if err := rdb.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	image, err := samplescan.PDF([]string{"Objet : trottoir\n\nMadame la Maire, le trottoir de la rue des Lilas est cassé."}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := samplescan.TextPDF([]string{"Objet : haie\n\nMadame la Maire, la haie de la rue des Roses dépasse."})
	if err != nil {
		t.Fatal(err)
	}
	moved := map[string]bool{}
	for _, c := range []cause{
		{"nothing", func() {}, []movement{
			{`saisine_lease_held{lease="mailbox/sve"}`, is(1)},
			{`saisine_channel_last_good_timestamp_seconds{channel="mailbox/sve"}`, grows},
			{`saisine_ledger_counted_timestamp_seconds`, grows},
			{`saisine_ledger_count_seconds`, func(_, took float64) bool { return took > 0 && took < 1 }},
			{`saisine_scrape_ok{part="queue"}`, is(1)},
			{`saisine_data_dir_size_bytes`, func(_, n float64) bool { return n > 1<<20 }},
			{`saisine_redis_memory_used_bytes`, func(_, n float64) bool { return n > 1<<16 }},
			{`saisine_redis_append_only`, is(1)},
			{`saisine_redis_persistence_ok{part="append"}`, is(1)},
		}},
		{"a mail", func() { tw.dovecot.Deliver(townUser, citizenMail("zoe", "", lampText)) }, []movement{
			{`saisine_submissions_total`, grows},
			{`saisine_channel_submissions{channel="mailbox/sve",state="filed"}`, is(1)},
			{`saisine_store_writer_total{what="commits"}`, grows},
			{`saisine_task_seconds_count{kind="submission:process",outcome="done"}`, grows},
			{`saisine_smtp_last_good_timestamp_seconds`, func(_, at float64) bool { return at > float64(started.Unix()) }},
		}},
		{"an automatic answer", func() {
			tw.dovecot.Deliver(townUser, citizenMail("absent", "Auto-Submitted: auto-replied\r\n", "Je suis en congé."))
		}, []movement{{`saisine_channel_submissions{channel="mailbox/sve",state="set_aside"}`, is(1)}}},
		{"a scan over the limit", func() { tw.dropScan("grand.pdf", append(slices.Clone(text), make([]byte, 2<<20)...)) }, []movement{
			{`saisine_submissions{state="failed"}`, is(1)},
			{`saisine_channel_submissions{channel="scan/courrier",state="failed"}`, is(1)},
		}},
		{"a scan with a text layer", func() { tw.dropScan("haie.pdf", text) }, []movement{{`saisine_ocr_pages_total{source="text-layer"}`, grows}}},
		{"a scan without", func() { tw.dropScan("trottoir.pdf", image) }, []movement{
			{`saisine_ocr_pages_total{source="ocr"}`, grows},
			{`saisine_ocr_seconds_count{operation="page",outcome="done"}`, grows},
		}},
		{"folders within folders", func() {
			if err := os.MkdirAll(filepath.Join(tw.scans, "1/2/3/4/5/6/7"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []movement{{`saisine_channel_alarms{channel="scan/courrier"}`, is(1)}}},
		{"a mail of two weeks ago, whose receipt is put off", func() {
			tw.dovecot.Append(townUser, "INBOX", time.Now().AddDate(0, 0, -20), citizenMail("later.noe", "", lampText+"Numéro 77."))
		}, []movement{
			{`saisine_receipts_at_risk{due="overdue",kind="aee"}`, is(1)},
			{`saisine_outbox_deliveries{kind="mail",state="pending"}`, grows},
			{`saisine_outbox_oldest_pending_seconds{kind="mail"}`, func(_, s float64) bool { return s > 3 }},
			{`saisine_outbox{state="pending"}`, func(_, n float64) bool { return n >= 1 }},
			{`saisine_queue_tasks{queue="outbound",state="retry"}`, grows},
			{`saisine_smtp_fault`, is(0)},
		}},
		{"a mail whose receipt is refused", func() {
			tw.dovecot.Deliver(townUser, citizenMail("refuse.lea", "", lampText+"Numéro 99."))
		}, []movement{{`saisine_outbox{state="failed"}`, is(1)}, {`saisine_outbox_deliveries{kind="mail",state="failed"}`, is(1)}}},
		{"a mail server that is gone", func() {
			tw.exim.Kill()
			tw.dovecot.Deliver(townUser, citizenMail("tom", "", "Bonjour, je demande une place en crèche pour ma fille."))
		}, []movement{{`saisine_smtp_fault`, is(1)}}},
		{"and comes back", func() { tw.exim.Restart() }, []movement{{`saisine_smtp_fault`, is(0)}}},
		{"a queue that stands still", func() {
			do("SET", "asynq:{mail}:paused", time.Now().Unix())
			tw.dovecot.Deliver(townUser, citizenMail("ida", "", "Bonjour, où puis-je déposer mes encombrants ?"))
		}, []movement{
			{`saisine_queue_latency_seconds{queue="mail"}`, func(_, s float64) bool { return s > 1 }},
			{`saisine_submissions{state="received"}`, is(1)},
			{`saisine_oldest_waiting_seconds`, func(_, s float64) bool { return s > 1 }},
			{`saisine_channel_oldest_waiting_seconds{channel="mailbox/sve"}`, func(_, s float64) bool { return s > 1 }},
			{`saisine_channel_submissions{channel="mailbox/sve",state="received"}`, is(1)},
		}},
		{"and goes on", func() { do("DEL", "asynq:{mail}:paused") }, []movement{
			{`saisine_channel_oldest_waiting_seconds{channel="mailbox/sve"}`, is(0)},
			{`saisine_queue_latency_seconds{queue="mail"}`, is(0)},
		}},
		{"a virus", func() { tw.dovecot.Deliver(townUser, virusMail("joint", "facture.com", []byte(clamdtest.Eicar))) }, []movement{
			{`saisine_antivirus_submissions{state="held"}`, is(1)},
		}},
		{"a virus scan that is gone", func() { clamd.Kill() }, []movement{{`saisine_antivirus_up`, is(0)}}},
		{"and comes back", func() { clamd.Restart() }, []movement{{`saisine_antivirus_up`, is(1)}}},
		{"a backup", func() {
			tw.execute(`INSERT INTO settings (name, value) VALUES ('backup/last', '2026-03-02T08:00:00Z')`)
		}, []movement{
			{`saisine_backup_last_success_timestamp_seconds`, is(1772438400)},
		}},
		{"a bound for Redis", func() { do("CONFIG", "SET", "maxmemory", "100mb") }, []movement{{`saisine_redis_memory_max_bytes`, is(100 << 20)}}},
		{"a Redis without a log", func() { do("CONFIG", "SET", "appendonly", "no") }, []movement{{`saisine_redis_append_only`, is(0)}}},
		{"a large form", func() {
			if _, _, _, err := tw.post(form("groß"), map[string][]byte{"photo.bin": make([]byte, 900<<10)}); err != nil {
				t.Fatal(err)
			}
			tw.execute(`CREATE TABLE ballast AS SELECT zeroblob(20000000) AS b`)
		}, []movement{
			{`saisine_database_size_bytes`, grows},
			{`saisine_data_dir_free_bytes`, changes},
			{`saisine_channel_submissions{channel="webform",state="filed"}`, is(1)},
		}},
		{"a mailbox that is gone", func() { tw.dovecot.Kill() }, []movement{{`saisine_channel_fault{channel="mailbox/sve"}`, is(1)}}},
		{"and comes back", func() { tw.dovecot.Restart() }, []movement{{`saisine_channel_fault{channel="mailbox/sve"}`, is(0)}}},
	} {
		before := tw.scrape()
		c.do()
		for _, m := range c.moves {
			var after float64
			ok := tw.within(45*time.Second, func() bool {
				var there bool
				after, there = tw.scrape()[m.series]
				return there && m.to(before[m.series], after)
			})
			if !ok {
				t.Errorf("%s: %s was %v, is %v", c.name, m.series, before[m.series], after)
			}
			moved[seriesName(m.series)] = true
		}
	}
	moved["saisine_build_info"] = true                             // it never moves
	moved["saisine_antivirus_signatures_timestamp_seconds"] = true // these signatures have no date
	moved["saisine_lease_fence"] = true                            // with SQLite it is 0: TestThreeNodes
	all, exposed := map[string]bool{}, map[string]bool{}
	for series := range tw.scrape() {
		full, _, _ := strings.Cut(series, "{")
		exposed[full] = true
		if name := seriesName(series); strings.HasPrefix(name, "saisine_") {
			all[name] = true
		}
	}
	for name := range registered(t) {
		if !all[name] {
			t.Errorf("%s is registered and not on /metrics", name)
		}
		if !moved[name] {
			t.Errorf("nothing moves %s", name)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is on /metrics and not registered by name", name)
	}
	for name, who := range namedMetrics(t) {
		if !exposed[name] {
			t.Errorf("%s asks for %s, which is not on /metrics", who, name)
		}
	}
	problems, err := promlint.New(strings.NewReader(get(t, "http://"+tw.admin+"/metrics"))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
	d.stop()
}

// execute runs SQL on the town's database beside the daemon.
func (tw *town) execute(query string, args ...any) {
	tw.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(tw.data, "saisine.db")+"?_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		tw.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(tw.t.Context(), query, args...); err != nil {
		tw.t.Fatal(err)
	}
}

var benchScrape = flag.Int("bench.scrape", 20_000, "submissions of the measurement of a scrape")

// A scrape of a large ledger takes no longer than one of a small one, whatever is counted beside
// it. -bench.scrape=1000000 measures; the default keeps the measurement working.
func TestScrapeOfALargeLedger(t *testing.T) {
	tw := quietTown(t, "")
	d := tw.start()
	n := *benchScrape
	begun := time.Now()
	tw.execute(`INSERT INTO originals (sha256, size, content) VALUES ('0', 1, x'00')`)
	tw.execute(`INSERT INTO requests (reference, status, category, service, confidence, needs_review, reasons, subject, body, sender_name, sender_email, sender_phone, sender_address, place, opened_at)
		VALUES ('2026-000001', 'new', 'voirie', 'Voirie', 1, 0, '[]', '', '', '', '', '', '', '', 1)`)
	tw.execute(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, reason, request_id, link, acknowledged)
		SELECT printf('0198c2d4-0000-7000-8000-%012d', i), CASE WHEN i % 3 = 0 THEN 'webform' ELSE 'mailbox' END, CASE WHEN i % 3 = 0 THEN 'form' ELSE 'sve' END,
			'INBOX|1700000000|' || i, 'INBOX|1700000000', 1700000000000000 + i, 1700000000000000 + i, '0', 12345, 'message/rfc822',
			'{"filename":"","note":"`+strings.Repeat("x", 120)+`"}', CASE WHEN i % 1000 = 0 THEN 'failed' WHEN i % 10 = 0 THEN 'set_aside' ELSE 'filed' END,
			CASE WHEN i % 10 = 0 THEN 'essai' ELSE '' END, CASE WHEN i % 10 = 0 THEN NULL ELSE 1 END, CASE WHEN i % 10 = 0 THEN '' ELSE 'duplicate' END, 'Saisine/Traités'
		FROM n`, n)
	t.Logf("%d rows made in %s", n, time.Since(begun).Round(time.Second))
	var took []time.Duration
	tw.eventually(5*time.Minute, "the large ledger is counted", func() bool {
		one := time.Now()
		s := tw.scrape()
		took = append(took, time.Since(one))
		return s[`saisine_channel_submissions{channel="mailbox/sve",state="set_aside"}`] > float64(n)/20
	})
	for range 20 {
		one := time.Now()
		tw.scrape()
		took = append(took, time.Since(one))
	}
	slices.Sort(took)
	t.Logf("GET /metrics on %d submissions: median %s, worst %s; a count beside it takes %.3f s", n,
		took[len(took)/2].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond), tw.scrape()["saisine_ledger_count_seconds"])
	if worst := took[len(took)-1]; worst > 2*time.Second {
		t.Errorf("a scrape took %s", worst)
	}
	d.stop()
}
