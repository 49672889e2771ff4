// Package faulttest reports what the tests of faults saw: one line for each fault, in one file
// for all packages, from which the tables of docs/reliability.md are made.
package faulttest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Full says whether the whole suite is wanted (make test-faults), and not its short form.
var Full = flag.Bool("faults.full", false, "each fault as often as make test-faults asks, instead of once or twice")

var report = flag.String("faults.report", "", "a file to which each fault adds its line")

// Runs is how often a fault happens: long in make test-faults, short in make test.
func Runs(short, long int) int {
	if *Full {
		return long
	}
	return short
}

// Row is one line of the report: what was done, what must come of it, what came of it. Its
// methods may be called at once.
type Row struct {
	t        testing.TB
	name     string
	expected string
	begun    time.Time

	mu   sync.Mutex
	runs int
	seen []string
}

// New begins a line. It is written when the test ends, so that a failed one is in the report too.
// A fault that never happened fails its test.
func New(t testing.TB, name, expected string) *Row {
	t.Helper()
	r := &Row{t: t, name: name, expected: expected, begun: time.Now()}
	t.Cleanup(r.write)
	return r
}

// Ran counts one time that the fault really happened and its outcome was looked at.
func (r *Row) Ran() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
}

// Saw adds a figure or a fact to what is reported as seen; each once.
func (r *Row) Saw(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.seen, text) {
		r.seen = append(r.seen, text)
	}
}

func (r *Row) write() {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := "so"
	if len(r.seen) > 0 {
		seen += ": " + strings.Join(r.seen, "; ")
	}
	switch {
	case r.t.Skipped():
		seen = "not run here"
	case r.t.Failed():
		seen = "NOT SO" + strings.TrimPrefix(seen, "so")
	case r.runs == 0:
		r.t.Errorf("%s never happened", r.name)
		seen = "never happened"
	}
	line := fmt.Sprintf("FAULT %s: expected %s; seen %s (%d runs, %s, %s)", r.name, r.expected, seen, r.runs,
		time.Since(r.begun).Round(100*time.Millisecond), r.t.Name())
	r.t.Log(line)
	if *report == "" {
		return
	}
	// One write of one line: tests of other packages may add theirs at the same time.
	file, err := os.OpenFile(*report, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString("- " + line + "\n")
		if e := file.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		r.t.Errorf("the report of the faults: %v", err)
	}
}
