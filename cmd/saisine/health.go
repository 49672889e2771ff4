package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/ingest/view"
)

// silentAfter is how long a channel may go without a good look before it counts as
// unwell.
const silentAfter = 15 * time.Minute

// adminHandler serves what the machine's own monitoring reads.
//
//	/healthz  the process answers
//	/readyz   it can take in and treat what comes; names what is wrong otherwise, and
//	          the alarms: what a person should see to, though all works
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
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": view.List(problems), "alarms": view.List(alarms)})
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
		if !c.OK && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelError, "scans cannot be read and will wait",
				slog.String("check", c.Check), slog.String("detail", c.Detail), slog.String("fix", c.Fix))
		}
	}
}

// problem is something that keeps the house from doing all its work.
type problem struct {
	Part   string `json:"part"`
	Detail string `json:"detail"`
}

func (h *house) problems(ctx context.Context, super *channels.Supervisor, started time.Time) (out, alarms []problem) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTime)
	defer cancel()
	if err := h.store.Ping(ctx); err != nil {
		out = append(out, problem{"database", err.Error()})
	}
	if client := h.client.Load(); client != nil {
		if _, err := client.Depths(ctx); err != nil {
			out = append(out, problem{"queue", "Redis does not answer; intake goes on, treatment waits: " + err.Error()})
		}
	}
	if h.ocr != nil {
		for _, c := range h.ocrState(ctx) {
			if !c.OK {
				out = append(out, problem{"ocr", strings.TrimSpace(c.Check + ": " + c.Detail + " " + c.Fix)})
			}
		}
	}
	statuses := super.Statuses()
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		s := statuses[name]
		seen := s.LastGood
		if seen.IsZero() {
			seen = started
		}
		keys := slices.Sorted(maps.Keys(s.Alarms))
		for _, k := range keys {
			alarms = append(alarms, problem{name, s.Alarms[k]})
		}
		switch {
		case name == "webform":
			// The form has no source to look at: a fault of it is one of the database, which
			// was tried above, and would stand here until the next citizen posts.
			if s.LastGood.IsZero() {
				out = append(out, problem{name, "not open yet"})
			}
		case s.Err != nil:
			out = append(out, problem{name, s.Err.Error()})
		case clock().Sub(seen) > silentAfter:
			out = append(out, problem{name, fmt.Sprintf("no good look for %s", clock().Sub(seen).Round(time.Minute))})
		}
	}
	return out, alarms
}
