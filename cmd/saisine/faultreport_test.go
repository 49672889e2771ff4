package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	faultsFull   = flag.Bool("faults.full", false, "each fault as often as make test-faults asks, instead of once or twice")
	faultsReport = flag.String("faults.report", "", "a file to which each fault adds its line")
)

// runs is how often a fault happens: long in make test-faults, short in make test.
func runs(short, long int) int {
	if *faultsFull {
		return long
	}
	return short
}

// faultRow is one line of the report of the fault suite: what was done, what must come of it,
// what came of it. It is written when the test that made it ends, so that a failed one is in
// the report too. Its methods may be called at once.
type faultRow struct {
	t        testing.TB
	name     string
	expected string
	begun    time.Time

	mu   sync.Mutex
	runs int
	seen []string
}

// newFault begins a line; the test that owns t, or t.Cleanup, ends it.
func newFault(t testing.TB, name, expected string) *faultRow {
	t.Helper()
	f := &faultRow{t: t, name: name, expected: expected, begun: time.Now()}
	t.Cleanup(f.write)
	return f
}

// ran counts one time that the fault really happened and its outcome was looked at.
func (f *faultRow) ran() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs++
}

// saw adds a figure or a fact to what is reported as seen; each once.
func (f *faultRow) saw(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	for _, s := range f.seen {
		if s == text {
			return
		}
	}
	f.seen = append(f.seen, text)
}

func (f *faultRow) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := "so"
	if len(f.seen) > 0 {
		seen += ": " + strings.Join(f.seen, "; ")
	}
	switch {
	case f.t.Skipped():
		seen = "not run here"
	case f.t.Failed():
		seen = "NOT SO" + strings.TrimPrefix(seen, "so")
	case f.runs == 0:
		f.t.Errorf("%s never happened", f.name)
		seen = "never happened"
	}
	line := fmt.Sprintf("FAULT %s: expected %s; seen %s (%d runs, %s, %s)", f.name, f.expected, seen, f.runs,
		time.Since(f.begun).Round(100*time.Millisecond), f.t.Name())
	f.t.Log(line)
	if *faultsReport == "" {
		return
	}
	// One write of one line: tests of other packages may add theirs at the same time.
	file, err := os.OpenFile(*faultsReport, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = file.WriteString("- " + line + "\n")
		if e := file.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		f.t.Errorf("the report of the faults: %v", err)
	}
}
