package main

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

var benchDeskData = flag.String("bench.deskdata", "", "data folder of the measurement of the desk's pages, as TestBenchDesk of ingest/store keeps it")

// TestBenchDeskPages measures the desk of a large town in Chromium: from the address to the
// first paint, and the most memory that the daemon had.
func TestBenchDeskPages(t *testing.T) {
	if *benchDeskData == "" {
		t.Skip("no -bench.deskdata: make bench-desk gives one")
	}
	tw := newTown(t, func(s *townSetup) { s.noMail, s.data, s.level = true, *benchDeskData, "warn" })
	d := tw.start()
	login := fmt.Sprintf("mesure-%d", time.Now().UnixNano())
	tw.addAgent(login, ingest.RoleAdministrator)
	b := openBrowser(t, "http://"+tw.public)
	begun := time.Now()
	b.logIn(login, deskPassword)
	t.Logf("login and the first page: %s; first paint after %.0f ms", time.Since(begun).Round(time.Millisecond), firstPaint(b))
	reference := evaluate[string](b, `document.querySelector("a[href*='/agent/demandes/']").pathname`)
	for _, page := range []string{
		"/agent/", "/agent/?revue=1", "/agent/?doublons=1", "/agent/?ordre=due", "/agent/?q=lampadaire", "/agent/?q=bonjour", reference,
		"/agent/nouvelle", "/agent/courrier", "/agent/echecs", "/agent/chiffres", "/agent/administration/machine",
	} {
		var paints []float64
		for range 7 {
			b.open(page)
			paints = append(paints, firstPaint(b))
		}
		first := paints[0]
		slices.Sort(paints)
		t.Logf("%-32s first paint: first time %4.0f ms, median %4.0f ms, worst %4.0f ms", page, first, paints[len(paints)/2], paints[len(paints)-1])
		if page == "/agent/" && first > 1000 {
			t.Errorf("the first page is painted after %.0f ms", first)
		}
	}
	peak := peakMemory(t, d.cmd.Process.Pid)
	t.Logf("peak memory of the daemon: %v MB", peak)
	if peak > 250 {
		t.Errorf("the daemon needed %v MB", peak)
	}
}

// firstPaint is when the page was first painted, in milliseconds since its address was asked for.
func firstPaint(b *browser) float64 {
	b.t.Helper()
	return evaluate[float64](b, `new Promise(done => new PerformanceObserver(list => {
		for (const e of list.getEntries()) { if (e.name === "first-contentful-paint") { done(e.startTime); } }
	}).observe({type: "paint", buffered: true}))`)
}
