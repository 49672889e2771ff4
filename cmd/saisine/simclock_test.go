package main

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// clockFile names the variable with the file from which a daemon under test takes its clock.
const clockFile = "GO_TEST_CLOCK"

// simClock is a clock that the test sets and daemons follow, through eight bytes of memory that
// they share: how far it is ahead of the system's.
type simClock struct {
	file  string
	ahead *atomic.Int64
}

func newSimClock(t testing.TB, at time.Time) *simClock {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	ahead, err := shared(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &simClock{file, ahead}
	c.set(at)
	return c
}

// set has the clock say that it is at, and go on from there.
func (c *simClock) set(at time.Time) { c.ahead.Store(int64(time.Until(at))) }

func (c *simClock) now() time.Time { return ahead(c.ahead) }

// env is what a daemon needs to follow it.
func (c *simClock) env() string { return clockFile + "=" + c.file }

// ahead has no monotonic reading: two times of before and after a jump differ by the jump.
func ahead(by *atomic.Int64) time.Time {
	return time.Now().Add(time.Duration(by.Load())).Round(0)
}

// shared maps the file for as long as the process lives.
func shared(file string) (*atomic.Int64, error) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Int64)(unsafe.Pointer(&b[0])), nil
}

// followClock makes this process a daemon of simulated time: what happens each minute or after a
// pause happens as much sooner as its hours are shorter.
func followClock(file string) {
	by, err := shared(file)
	if err != nil {
		panic(err)
	}
	clock = func() time.Time { return ahead(by) }
	sweepEvery, shortPauses, smtpTimeout = 500*time.Millisecond, 60, 5*time.Second
}
