package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/pprof"
	"os"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/ingest/discreet"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr"
	"saisine.fr/saisine/queue"
)

// silentAfter is how long a channel may go without a good look before it counts as
// unwell.
const silentAfter = 15 * time.Minute

// adminHandler serves what the machine's own monitoring reads.
//
//	/healthz  the process answers
//	/readyz   it can take in and treat what comes; names what is wrong otherwise, and
//	          the alarms: what a person should see to, though all works; and says what
//	          this node holds of that which one node does at a time
//	/metrics  Prometheus
//	/debug/pprof/  profiles of the running program
func adminHandler(h *house, super *channels.Supervisor) http.Handler {
	mux := http.NewServeMux()
	started := clock()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		problems, alarms := h.problems(r.Context(), super, started)
		w.Header().Set("Content-Type", "application/json")
		if len(problems) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": view.List(problems), "alarms": view.List(alarms), "node": h.leases.Node().ID, "holds": h.holdings()})
	})
	mux.Handle("GET /metrics", h.metrics.handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ocrLook is how often the programs and languages of OCR are looked for.
const ocrLook = time.Minute

// ocrState says whether what OCR needs is installed; without it scans are kept and
// wait, which nobody would notice before the first clerk asks.
func (h *house) ocrState(ctx context.Context) []checkJSON {
	h.ocrMu.Lock()
	defer h.ocrMu.Unlock()
	if h.ocrLooked.IsZero() || time.Since(h.ocrLooked) > ocrLook {
		// Not the asker's time: one who goes away must not leave "missing" behind.
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
		defer cancel()
		h.ocrChecks, h.ocrLooked = checkOCR(look, h.cfg), time.Now()
	}
	return h.ocrChecks
}

// warnOfOCR logs at the start what OCR lacks.
func (h *house) warnOfOCR(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	for _, c := range h.ocrState(ctx) {
		// The reader itself warns of children that are not cut off.
		if !c.OK && c.Check != ocr.ConfinementCheck && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelError, "scans cannot be read and will wait",
				slog.String("check", c.Check), slog.String("detail", c.Detail), slog.String("fix", c.Fix))
		}
	}
}

// problem is something that keeps the house from doing all its work. It names no citizen: this
// page is read by monitoring, and stored there.
type problem struct {
	Part   string `json:"part"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"` // what to do
}

// What to do about each part.
const (
	fixDatabase  = "see \"The database does not open\" in docs/administration.md; citizens are told to come back meanwhile"
	fixOriginals = "is the S3 store there, and may the key see the bucket? (saisine doctor) Large pieces stay with their source meanwhile"
	fixDataDir   = "give data_dir to the user that saisine runs as; is its disk mounted read-only? (saisine doctor)"
	fixDisk      = "make room on the disk of data_dir, or give it a larger one"
	fixRedis     = "nothing is lost: the private redis-server is started again by itself, see the log; for a Redis of your own, start it"
	fixRedisMem  = "raise maxmemory of this Redis, or give the machine more memory; nothing is lost, the ledger refills the queue"
	fixRedisAOF  = "is the disk of Redis full or read-only? Make room; nothing is lost, the ledger refills the queue"
	fixMailbox   = "try host, port, username, password and folders of this mailbox with saisine doctor"
	fixScans     = "is the folder there, the share mounted, and may saisine read and write in it? (saisine doctor)"
	fixChannel   = "see the log (journalctl -u saisine)"
	fixSMTP      = "try host, port, tls, username and password under smtp: with saisine doctor; mails wait and go by themselves"
	fixClock     = "apt-get install systemd-timesyncd (or chrony); dates of reception are the law's dates"
	fixAlarm     = "see the page of failures in the desk, which names the mail or file"
)

// findings are what is wrong.
type findings struct{ problems, alarms []problem }

func (r *findings) wrong(part, detail, fix string) {
	r.problems = append(r.problems, problem{part, discreet.WithoutAddresses(detail), fix})
}

func (r *findings) warn(part, detail, fix string) {
	r.alarms = append(r.alarms, problem{part, discreet.WithoutAddresses(detail), fix})
}

// problems looks at every part, each within its own time, so that one that hangs hides no other.
func (h *house) problems(ctx context.Context, super *channels.Supervisor, started time.Time) (out, alarms []problem) {
	var r findings
	timed := func(f func(context.Context, *findings)) {
		ctx, cancel := context.WithTimeout(ctx, scrapeTime)
		defer cancel()
		f(ctx, &r)
	}
	timed(h.databaseProblems)
	timed(h.originalsProblems)
	h.diskProblems(&r)
	timed(h.queueProblems)
	if h.ocr != nil {
		for _, c := range h.ocrState(ctx) {
			if !c.OK && c.Check == ocr.ConfinementCheck {
				r.warn("ocr", c.Check+": "+c.Detail, c.Fix) // it reads all the same
			} else if !c.OK {
				r.wrong("ocr", strings.TrimSpace(c.Check+": "+c.Detail), c.Fix)
			}
		}
	}
	timed(h.virusProblems)
	channelProblems(&r, super.Statuses(), started)
	h.smtpProblems(&r)
	if text := h.apart(); text != "" {
		r.warn("nodes", text, "see docs/scaling.md")
	}
	if c := checkClock(); !c.OK {
		r.warn("clock", c.Detail, fixClock)
	}
	return r.problems, r.alarms
}

func (h *house) originalsProblems(ctx context.Context, r *findings) {
	if err := h.store.PingOriginals(ctx); err != nil {
		r.wrong("originals", discreet.Text(err), fixOriginals)
	}
}

func (h *house) databaseProblems(ctx context.Context, r *findings) {
	if err := h.store.Ping(ctx); err != nil {
		r.wrong("database", discreet.Text(err), fixDatabase)
	}
}

// Below diskFull nothing large can be taken in; diskLow is an alarm.
const diskFull = 256 << 20

func (h *house) diskProblems(r *findings) {
	dir := h.cfg.DataDir
	// The database has its files open: a folder that became read-only shows only here.
	f, err := os.CreateTemp(h.store.Spool().Dir, ".ready-*")
	if err == nil {
		_, err = f.Write([]byte{0})
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		r.wrong("data_dir", discreet.Text(err), fixDataDir)
	}
	free, _, err := diskSpace(dir)
	detail := fmt.Sprintf("%.1f GiB free under %s", float64(free)/(1<<30), dir)
	switch {
	case err != nil:
		r.wrong("disk", discreet.Text(err), "is the disk mounted?")
	case free < diskFull:
		r.wrong("disk", detail, fixDisk)
	case free < diskLow:
		r.warn("disk", detail, fixDisk)
	}
}

func (h *house) queueProblems(ctx context.Context, r *findings) {
	client := h.client.Load()
	if client == nil {
		return
	}
	err := client.Probe(ctx)
	switch {
	case errors.Is(err, queue.ErrFull):
		r.wrong("queue", "Redis is out of memory; intake goes on, treatment waits: "+discreet.Text(err), fixRedisMem)
		return
	case errors.Is(err, queue.ErrNotKept):
		r.wrong("queue", "Redis cannot write to its disk; intake goes on, treatment waits: "+discreet.Text(err), fixRedisAOF)
		return
	case err != nil:
		r.wrong("queue", "Redis does not answer; intake goes on, treatment waits: "+discreet.Text(err), fixRedis)
		return
	}
	if s, err := client.Health(ctx); err == nil && s.Known {
		if s.AppendFailed || s.RewriteFailed {
			r.wrong("queue", "Redis cannot write its log; what it holds is lost at its next restart, and then refilled from the ledger", fixRedisAOF)
		}
		if s.SnapshotFailed {
			r.warn("queue", "the last snapshot of Redis failed", fixRedisAOF)
		}
	}
	if _, err := client.Depths(ctx); err != nil {
		r.wrong("queue", "Redis cannot be asked for its queues: "+discreet.Text(err), fixRedis)
	}
}

func channelProblems(r *findings, statuses map[string]channels.Status, started time.Time) {
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		s := statuses[name]
		seen := s.LastGood
		if seen.IsZero() {
			seen = started
		}
		fix := fixChannel
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "mailbox":
			fix = fixMailbox
		case "scan":
			fix = fixScans
		}
		for _, k := range slices.Sorted(maps.Keys(s.Discreet)) {
			r.warn(name, s.Discreet[k], fixAlarm)
		}
		switch {
		case name == "webform":
			// The form has no source to look at: a fault of it is one of the database, which
			// was tried above, and would stand here until the next citizen posts.
			if s.LastGood.IsZero() {
				r.wrong(name, "not open yet", fix)
			}
		case s.Elsewhere && s.Holder != "":
			// Whether it does well there, that node's own page says.
		case s.Err != nil:
			r.wrong(name, discreet.Text(s.Err), fix)
		case clock().Sub(seen) > silentAfter:
			r.wrong(name, fmt.Sprintf("no good look for %s", clock().Sub(seen).Round(time.Minute)), fix)
		}
	}
}

func (h *house) smtpProblems(r *findings) {
	if h.mails.smtp == nil {
		return
	}
	if _, since, fault := h.mails.health.state(); fault != nil {
		r.wrong("smtp", fmt.Sprintf("the mail server has not taken a mail since %s: %s", since.In(h.zone).Format(time.RFC3339), discreet.Text(fault)), fixSMTP)
	}
}
