package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a bomb may cost at most, in KiB of resident memory: the daemon by promise, a
// child by its limit (ocr.Options.Memory, 1.5 GiB) and what it holds from the start.
const (
	daemonMax = 300 << 10
	childMax  = (1536 + 256) << 10
)

// memoryWatch follows the memory of a process and of all that descend from it. It reads
// the high-water marks that the kernel keeps (proc(5), VmHWM), so that a peak between
// two looks counts unless the process is gone by the second.
type memoryWatch struct {
	pid  int
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	self     int64
	child    int64 // the largest of any descendant
	childCmd string
}

// watchMemory follows a process until the test ends or finish is called.
func watchMemory(t testing.TB, pid int) *memoryWatch {
	w := &memoryWatch{pid: pid, stop: make(chan struct{})}
	w.done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			w.look()
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() { w.finish() })
	return w
}

// finish ends the watch and returns the largest figures in KiB.
func (w *memoryWatch) finish() (self, child int64, childCmd string) {
	w.mu.Lock()
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.mu.Unlock()
	w.done.Wait()
	return w.self, w.child, w.childCmd
}

// check ends the watch and fails the test when somebody took more than allowed.
func (w *memoryWatch) check(t testing.TB) {
	t.Helper()
	self, child, cmd := w.finish()
	t.Logf("peak memory: %d MiB, of a child %d MiB (%s)", self>>10, child>>10, cmd)
	if self > daemonMax {
		t.Errorf("the process took %d MiB", self>>10)
	}
	if child > childMax {
		t.Errorf("its child %s took %d MiB", cmd, child>>10)
	}
	if self == 0 {
		t.Error("its memory was never seen")
	}
}

func (w *memoryWatch) look() {
	parents := make(map[int]int)
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is sound
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			parents[pid] = statusField(pid, "PPid:")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.self = max(w.self, int64(statusField(w.pid, "VmHWM:")))
	for pid := range parents {
		for p, n := parents[pid], 0; p > 1 && n < 20; p, n = parents[p], n+1 {
			if p != w.pid {
				continue
			}
			if kib := int64(statusField(pid, "VmHWM:")); kib > w.child {
				comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // it may be gone
				w.child, w.childCmd = kib, strings.TrimSpace(string(comm))
			}
			break
		}
	}
}

// statusField is a number of /proc/PID/status, 0 when the process is gone.
func statusField(pid int, name string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("\n"+name))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(line)), "kB"))) // what is no number is 0
	return n
}
