package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ocr"
	"saisine.fr/saisine/queue"
)

// metrics holds what /metrics shows. What each one means to an administrator stands in
// docs/monitoring.md.
type metrics struct {
	registry *prometheus.Registry
	tasks    *prometheus.HistogramVec
	ocr      ocrMetrics
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		tasks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "saisine_task_seconds", Help: "Time of one try of a task, by kind and outcome.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 600},
		}, []string{"kind", "outcome"}),
		ocr: newOCRMetrics(),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "saisine_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.tasks, m.ocr.pages, m.ocr.seconds, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(kind queue.Kind, outcome queue.Outcome, took time.Duration) {
	m.tasks.WithLabelValues(string(kind), string(outcome)).Observe(took.Seconds())
}

// ocrMetrics is ocr.Observer.
type ocrMetrics struct {
	pages   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newOCRMetrics() ocrMetrics {
	return ocrMetrics{
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "saisine_ocr_pages_total", Help: "Pages read, by where their text came from.",
		}, []string{"source"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "saisine_ocr_seconds", Help: "Time of one request to a reading child, by operation and outcome.",
			Buckets: []float64{.05, .2, .5, 1, 2, 5, 10, 30, 60, 120},
		}, []string{"operation", "outcome"}),
	}
}

// Step implements ocr.Observer.
func (m ocrMetrics) Step(operation string, took time.Duration, err error) {
	outcome := "done"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ocr.ErrClosed):
		outcome = "interrupted"
	case err != nil:
		outcome = "failed"
	}
	m.seconds.WithLabelValues(operation, outcome).Observe(took.Seconds())
}

// Pages implements ocr.Observer.
func (m ocrMetrics) Pages(source string, n int) { m.pages.WithLabelValues(source).Add(float64(n)) }

var (
	descTotal     = prometheus.NewDesc("saisine_submissions_total", "Submissions that ever came into the ledger.", nil, nil)
	descState     = prometheus.NewDesc("saisine_submissions", "Submissions that wait for a worker, or for a person.", []string{"state"}, nil)
	descOldest    = prometheus.NewDesc("saisine_oldest_waiting_seconds", "Age of the oldest submission that no worker has ended.", nil, nil)
	descOutbox    = prometheus.NewDesc("saisine_outbox", "Outbox rows not delivered.", []string{"state"}, nil)
	descGood      = prometheus.NewDesc("saisine_channel_last_good_timestamp_seconds", "When the channel was last looked at without a fault.", []string{"channel"}, nil)
	descFault     = prometheus.NewDesc("saisine_channel_fault", "1 while a fault stands.", []string{"channel"}, nil)
	descAlarms    = prometheus.NewDesc("saisine_channel_alarms", "Things that a person should see to.", []string{"channel"}, nil)
	descQueue     = prometheus.NewDesc("saisine_queue_tasks", "Tasks in the queue.", []string{"queue", "state"}, nil)
	descLatency   = prometheus.NewDesc("saisine_queue_latency_seconds", "How long the oldest task that could be worked on has waited.", []string{"queue"}, nil)
	descWriter    = prometheus.NewDesc("saisine_store_writer_total", "Commits, the writes that shared them, and groups split because one write failed.", []string{"what"}, nil)
	descReadable  = prometheus.NewDesc("saisine_scrape_ok", "1 when this part could be read at this scrape.", []string{"part"}, nil)
	descAccount   = prometheus.NewDesc("saisine_channel_submissions", "Submissions of a channel by their state, as last counted.", []string{"channel", "state"}, nil)
	descWaiting   = prometheus.NewDesc("saisine_channel_oldest_waiting_seconds", "Age of the channel's oldest submission that no worker has ended; 0 when none waits.", []string{"channel"}, nil)
	descPending   = prometheus.NewDesc("saisine_outbox_deliveries", "Outbox rows not delivered, by kind, as last counted.", []string{"kind", "state"}, nil)
	descOutboxAge = prometheus.NewDesc("saisine_outbox_oldest_pending_seconds", "How long the oldest delivery of a kind has been due; 0 when none is.", []string{"kind"}, nil)
	descReceipts  = prometheus.NewDesc("saisine_receipts_at_risk", "Acknowledgements that the law asks for, not sent, and due within a day (soon) or past their day (overdue).", []string{"kind", "due"}, nil)
	descCounted   = prometheus.NewDesc("saisine_ledger_counted_timestamp_seconds", "When the ledger was last counted.", nil, nil)
	descCount     = prometheus.NewDesc("saisine_ledger_count_seconds", "How long the last count of the ledger took.", nil, nil)
	descBackup    = prometheus.NewDesc("saisine_backup_last_success_timestamp_seconds", "When the last backup was complete; 0 when none is known.", nil, nil)
	descFree      = prometheus.NewDesc("saisine_data_dir_free_bytes", "Free space of the file system of data_dir.", nil, nil)
	descSize      = prometheus.NewDesc("saisine_data_dir_size_bytes", "Size of the file system of data_dir.", nil, nil)
	descDatabase  = prometheus.NewDesc("saisine_database_size_bytes", "Size of the database in data_dir, its log included.", nil, nil)
	descRedisUsed = prometheus.NewDesc("saisine_redis_memory_used_bytes", "Memory that Redis uses.", nil, nil)
	descRedisMax  = prometheus.NewDesc("saisine_redis_memory_max_bytes", "Memory that Redis may use; 0 when nothing bounds it.", nil, nil)
	descRedisAOF  = prometheus.NewDesc("saisine_redis_append_only", "1 when Redis keeps a log of its changes on the disk.", nil, nil)
	descRedisKept = prometheus.NewDesc("saisine_redis_persistence_ok", "1 while the last write of this part of Redis to its disk went well.", []string{"part"}, nil)
	descSMTPFault = prometheus.NewDesc("saisine_smtp_fault", "1 while the last conversation with the mail server failed.", nil, nil)
	descSMTPGood  = prometheus.NewDesc("saisine_smtp_last_good_timestamp_seconds", "When the last conversation with the mail server went well.", nil, nil)
	descVirusUp   = prometheus.NewDesc("saisine_antivirus_up", "1 while clamd answers; only with a virus scan.", nil, nil)
	descVirusAge  = prometheus.NewDesc("saisine_antivirus_signatures_timestamp_seconds", "When the virus signatures were made.", nil, nil)
	descVirus     = prometheus.NewDesc("saisine_antivirus_submissions", "Submissions that are held by the virus scan, or wait for it.", []string{"state"}, nil)
	descHeld      = prometheus.NewDesc("saisine_lease_held", "1 for what this node does as the only one; of all nodes together each lease should have one.", []string{"lease"}, nil)
	descFence     = prometheus.NewDesc("saisine_lease_fence", "How often the lease has had another holder; 0 where a lock of the kernel holds it.", []string{"lease"}, nil)
)

// houseCollector reads the store, the queue and the channels at each scrape. What would take
// longer on a large ledger is counted beside it (keepCounting).
type houseCollector struct {
	h     *house
	super *channels.Supervisor
}

func (houseCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descTotal, descState, descOldest, descOutbox, descGood, descFault, descAlarms, descQueue, descLatency, descWriter, descReadable,
		descAccount, descWaiting, descPending, descOutboxAge, descReceipts, descCounted, descCount, descBackup,
		descFree, descSize, descDatabase, descRedisUsed, descRedisMax, descRedisAOF, descRedisKept, descSMTPFault, descSMTPGood,
		descVirusUp, descVirusAge, descVirus, descHeld, descFence,
	} {
		ch <- d
	}
}

// scrapeTime bounds what a scrape waits for a Redis or database that hangs.
const scrapeTime = 3 * time.Second

// scrape is one scrape on its way.
type scrape struct {
	houseCollector
	ctx context.Context //nolint:containedctx // lives as long as one Collect
	ch  chan<- prometheus.Metric
	now time.Time
}

func (c houseCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s := scrape{c, ctx, ch, time.Now()}
	s.ledger()
	s.counted()
	s.queue()
	s.channels()
	s.machine()
	s.antivirus()
	s.smtp()
}

func (s scrape) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s scrape) ok(part string, err error) {
	if err != nil {
		s.h.log.LogAttrs(s.ctx, slog.LevelWarn, "metrics not readable", slog.String("part", part), slog.Any("err", err))
	}
	s.gauge(descReadable, boolFloat(err == nil), part)
}

// ledger is what the partial indexes of the ledger know at once.
func (s scrape) ledger() {
	w := s.h.store.WriterStats()
	for what, n := range map[string]int64{"commits": w.Commits, "writes": w.Writes, "splits": w.Splits} {
		s.ch <- prometheus.MustNewConstMetric(descWriter, prometheus.CounterValue, float64(n), what)
	}
	for _, l := range s.h.leases.Mine() {
		s.gauge(descHeld, 1, l.Name)
		s.gauge(descFence, float64(l.Fence), l.Name)
	}
	g, err := s.h.store.Gauges(s.ctx)
	s.ok("store", err)
	if err != nil {
		return
	}
	s.ch <- prometheus.MustNewConstMetric(descTotal, prometheus.CounterValue, float64(g.Submissions))
	s.gauge(descState, float64(g.Received), "received")
	s.gauge(descState, float64(g.Failed), "failed")
	s.gauge(descOldest, g.Oldest.Seconds())
	s.gauge(descOutbox, float64(g.OutboxPending), "pending")
	s.gauge(descOutbox, float64(g.OutboxFailed), "failed")
}

// counted is what keepCounting found last. Ages go on by themselves in between.
func (s scrape) counted() {
	t := s.h.counted.fresh(s.now)
	s.gauge(descReadable, boolFloat(t != nil), "ledger_count") // keepCounting says why
	if t == nil {
		return
	}
	s.gauge(descCounted, seconds(t.at))
	s.gauge(descCount, t.took.Seconds())
	s.gauge(descBackup, seconds(t.Backup))
	for _, a := range foldAccounts(t.Accounts, s.super.Statuses()) {
		for state, n := range a.States {
			s.gauge(descAccount, float64(n), a.Account, string(state))
		}
		s.gauge(descWaiting, s.age(a.Oldest), a.Account)
	}
	outbox := map[string]store.OutboxTally{}
	for _, kind := range []string{ingest.OutboxMail, ingest.OutboxWebhook, ingest.OutboxHandover, ingest.OutboxScanNote, ingest.OutboxScanCopy} {
		outbox[kind] = store.OutboxTally{Kind: kind}
	}
	for _, o := range t.Outbox {
		outbox[o.Kind] = o
	}
	for kind, o := range outbox {
		s.gauge(descPending, float64(o.Pending), kind, "pending")
		s.gauge(descPending, float64(o.Failed), kind, "failed")
		s.gauge(descOutboxAge, s.age(o.Oldest), kind)
	}
	for _, r := range t.Receipts {
		s.gauge(descReceipts, float64(r.Soon), r.Kind, "soon")
		s.gauge(descReceipts, float64(r.Overdue), r.Kind, "overdue")
	}
}

// age is 0 for what is not there, and for what a clock that jumped puts into the future.
func (s scrape) age(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, s.now.Sub(since).Seconds())
}

// seconds is a time as Prometheus writes it, 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// maxAccounts bounds the accounts that have series of their own: an API has as many keys as the
// town makes. The others are one, "other".
const maxAccounts = 100

// foldAccounts names each account as its channel is named elsewhere (mailbox/sve, scan/courrier,
// api/KEY), and adds the channels that nothing has come by yet, so that their series begin at 0.
func foldAccounts(accounts []store.AccountTally, statuses map[string]channels.Status) []store.AccountTally {
	byName := map[string]*store.AccountTally{}
	var out []*store.AccountTally
	add := func(name string, a store.AccountTally) {
		at := byName[name]
		if at == nil {
			at = &store.AccountTally{Account: name, States: map[ingest.State]int64{
				ingest.StateReceived: 0, ingest.StateFiled: 0, ingest.StateSetAside: 0, ingest.StateFailed: 0,
			}}
			byName[name], out = at, append(out, at)
		}
		for state, n := range a.States {
			at.States[state] += n
		}
		if !a.Oldest.IsZero() && (at.Oldest.IsZero() || a.Oldest.Before(at.Oldest)) {
			at.Oldest = a.Oldest
		}
	}
	for name := range statuses {
		if strings.HasPrefix(name, "mailbox/") || strings.HasPrefix(name, "scan/") || name == "webform" {
			add(name, store.AccountTally{})
		}
	}
	// The largest have names.
	accounts = slices.Clone(accounts)
	slices.SortStableFunc(accounts, func(a, b store.AccountTally) int { return cmp.Compare(pieces(b), pieces(a)) })
	for _, a := range accounts {
		name := accountName(a)
		if byName[name] == nil && len(out) >= maxAccounts {
			name = "other"
		}
		add(name, a)
	}
	list := make([]store.AccountTally, len(out))
	for i, a := range out {
		list[i] = *a
	}
	return list
}

func pieces(a store.AccountTally) (n int64) {
	for _, x := range a.States {
		n += x
	}
	return n
}

// accountName is the name of an account: that of its adapter where there is one. An import may
// have named an account as it liked, so that what is not a name of our own form is left out.
func accountName(a store.AccountTally) string {
	channel := string(a.Channel)
	switch {
	case a.Channel == ingest.ChannelWebform && a.Account == webform.Account, a.Account == desk.Account, a.Account == "":
		return channel
	case strings.Contains(a.Account, "@"):
		return channel + "/other"
	}
	return channel + "/" + a.Account
}

func (s scrape) queue() {
	client := s.h.client.Load()
	if client == nil {
		return
	}
	depths, err := client.Depths(s.ctx)
	s.ok("queue", err)
	if err != nil {
		return // Redis would only be waited for again
	}
	for q, d := range depths {
		for state, n := range map[string]int{"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled, "retry": d.Retry, "archived": d.Archived} {
			s.gauge(descQueue, float64(n), q, state)
		}
		s.gauge(descLatency, d.Latency.Seconds(), q)
	}
	r, err := client.Health(s.ctx)
	s.ok("redis", err)
	if err != nil || !r.Known {
		return
	}
	s.gauge(descRedisUsed, float64(r.MemoryUsed))
	s.gauge(descRedisMax, float64(r.MemoryMax))
	s.gauge(descRedisAOF, boolFloat(r.AppendOnly))
	s.gauge(descRedisKept, boolFloat(!r.AppendFailed), "append")
	s.gauge(descRedisKept, boolFloat(!r.RewriteFailed), "rewrite")
	s.gauge(descRedisKept, boolFloat(!r.SnapshotFailed), "snapshot")
}

func (s scrape) channels() {
	for name, st := range s.super.Statuses() {
		if !st.LastGood.IsZero() {
			s.gauge(descGood, seconds(st.LastGood), name)
		}
		s.gauge(descFault, boolFloat(st.Err != nil), name)
		s.gauge(descAlarms, float64(len(st.Alarms)), name)
	}
}

func (s scrape) machine() {
	free, size, err := diskSpace(s.h.cfg.DataDir)
	s.ok("data_dir", err)
	if err == nil {
		s.gauge(descFree, float64(free))
		s.gauge(descSize, float64(size))
	}
	if n, ok := s.h.store.Size(); ok {
		s.gauge(descDatabase, float64(n))
	}
}

func (s scrape) antivirus() {
	counts, err := s.h.store.VirusCounts(s.ctx)
	s.ok("antivirus", err)
	if err == nil {
		s.gauge(descVirus, float64(counts.Held), "held")
		s.gauge(descVirus, float64(counts.Pending), "waiting")
	}
	if s.h.antivirus == nil {
		return
	}
	version, _, down := s.h.antivirus.State()
	s.gauge(descVirusUp, boolFloat(down == nil))
	s.gauge(descVirusAge, seconds(version.Built))
}

func (s scrape) smtp() {
	if s.h.mails.smtp == nil {
		return
	}
	good, _, fault := s.h.mails.health.state()
	s.gauge(descSMTPFault, boolFloat(fault != nil))
	s.gauge(descSMTPGood, seconds(good))
}

func boolFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
