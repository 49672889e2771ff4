package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/queue"
)

// metrics holds what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	tasks    *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		tasks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "saisine_task_seconds", Help: "Time of one try of a task, by kind and outcome.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 600},
		}, []string{"kind", "outcome"}),
	}
	m.registry.MustRegister(m.tasks, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(kind queue.Kind, outcome queue.Outcome, took time.Duration) {
	m.tasks.WithLabelValues(string(kind), string(outcome)).Observe(took.Seconds())
}

var (
	descTotal    = prometheus.NewDesc("saisine_submissions_total", "Submissions in the ledger.", nil, nil)
	descState    = prometheus.NewDesc("saisine_submissions", "Submissions that wait for a worker, or for a person.", []string{"state"}, nil)
	descOldest   = prometheus.NewDesc("saisine_oldest_waiting_seconds", "Age of the oldest submission that no worker has ended.", nil, nil)
	descOutbox   = prometheus.NewDesc("saisine_outbox", "Outbox rows not delivered.", []string{"state"}, nil)
	descGood     = prometheus.NewDesc("saisine_channel_last_good_timestamp_seconds", "When the channel was last looked at without a fault.", []string{"channel"}, nil)
	descFault    = prometheus.NewDesc("saisine_channel_fault", "1 while a fault stands.", []string{"channel"}, nil)
	descAlarms   = prometheus.NewDesc("saisine_channel_alarms", "Things that a person should see to.", []string{"channel"}, nil)
	descQueue    = prometheus.NewDesc("saisine_queue_tasks", "Tasks in the queue.", []string{"queue", "state"}, nil)
	descWriter   = prometheus.NewDesc("saisine_store_writer_total", "Commits, the writes that shared them, and groups split because one write failed.", []string{"what"}, nil)
	descVirusUp  = prometheus.NewDesc("saisine_antivirus_up", "1 while clamd answers; only with a virus scan.", nil, nil)
	descVirusAge = prometheus.NewDesc("saisine_antivirus_signatures_timestamp_seconds", "When the virus signatures were made.", nil, nil)
	descVirus    = prometheus.NewDesc("saisine_antivirus_submissions", "Submissions that are held by the virus scan, or wait for it.", []string{"state"}, nil)
	descReadable = prometheus.NewDesc("saisine_scrape_ok", "1 when this part could be read at this scrape.", []string{"part"}, nil)
)

// houseCollector reads the store, the queue and the channels at each scrape.
type houseCollector struct {
	h     *house
	super *channels.Supervisor
}

func (houseCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descTotal, descState, descOldest, descOutbox, descGood, descFault, descAlarms, descQueue, descWriter, descVirusUp, descVirusAge, descVirus, descReadable} {
		ch <- d
	}
}

// scrapeTime bounds what a scrape waits for a Redis or database that hangs.
const scrapeTime = 3 * time.Second

func (c houseCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ok := func(part string, err error) {
		if err != nil {
			c.h.log.LogAttrs(ctx, slog.LevelWarn, "metrics not readable", slog.String("part", part), slog.Any("err", err))
		}
		gauge(descReadable, boolFloat(err == nil), part)
	}
	w := c.h.store.WriterStats()
	for what, n := range map[string]int64{"commits": w.Commits, "writes": w.Writes, "splits": w.Splits} {
		ch <- prometheus.MustNewConstMetric(descWriter, prometheus.CounterValue, float64(n), what)
	}
	g, err := c.h.store.Gauges(ctx)
	ok("store", err)
	if err == nil {
		gauge(descTotal, float64(g.Submissions))
		gauge(descState, float64(g.Received), "received")
		gauge(descState, float64(g.Failed), "failed")
		gauge(descOldest, g.Oldest.Seconds())
		gauge(descOutbox, float64(g.OutboxPending), "pending")
		gauge(descOutbox, float64(g.OutboxFailed), "failed")
	}
	counts, err := c.h.store.VirusCounts(ctx)
	ok("antivirus", err)
	if err == nil {
		gauge(descVirus, float64(counts.Held), "held")
		gauge(descVirus, float64(counts.Pending), "waiting")
	}
	if c.h.antivirus != nil {
		version, _, down := c.h.antivirus.State()
		gauge(descVirusUp, boolFloat(down == nil))
		if !version.Built.IsZero() {
			gauge(descVirusAge, float64(version.Built.Unix()))
		}
	}
	if client := c.h.client.Load(); client != nil {
		depths, err := client.Depths(ctx)
		ok("queue", err)
		for q, d := range depths {
			for state, n := range map[string]int{"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled, "retry": d.Retry, "archived": d.Archived} {
				gauge(descQueue, float64(n), q, state)
			}
		}
	}
	for name, s := range c.super.Statuses() {
		if !s.LastGood.IsZero() {
			gauge(descGood, float64(s.LastGood.UnixMilli())/1000, name)
		}
		gauge(descFault, boolFloat(s.Err != nil), name)
		gauge(descAlarms, float64(len(s.Alarms)), name)
	}
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
