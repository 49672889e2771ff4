package main

import (
	"testing"

	"saisine.fr/saisine/ingest/servertest/faulttest"
)

var faultsFull = faulttest.Full

// runs is how often a fault happens: long in make test-faults, short in make test.
func runs(short, long int) int {
	if *faultsFull {
		return long
	}
	return short
}

// faultRow is a line of the report of the fault suite.
type faultRow struct{ *faulttest.Row }

func newFault(t testing.TB, name, expected string) *faultRow {
	t.Helper()
	return &faultRow{faulttest.New(t, name, expected)}
}

func (f *faultRow) ran() { f.Ran() }

func (f *faultRow) saw(format string, args ...any) { f.Saw(format, args...) }
