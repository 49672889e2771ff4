package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lease"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/postgrestest"
	"saisine.fr/saisine/ocr/samplescan"
)

// The measurement of `make bench-nodes`.
var (
	fleetMails = flag.Int("fleet.mails", 0, "mails of the measurement of several nodes; 0: it is skipped")
	fleetPages = flag.Int("fleet.pages", 16, "scanned pages of the same")
)

// spent is processor time by who used it.
type spent struct{ nodes, postgres, redis time.Duration }

func (s spent) minus(o spent) spent {
	return spent{s.nodes - o.nodes, s.postgres - o.postgres, s.redis - o.redis}
}

func (s spent) each(n int) string {
	ms := func(d time.Duration) string {
		return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000/float64(n))
	}
	return fmt.Sprintf("%s ms (nodes) + %s ms (PostgreSQL) + %s ms (Redis) of a core", ms(s.nodes), ms(s.postgres), ms(s.redis))
}

// clockTick is the unit of times in /proc/PID/stat (proc(5)); 100 a second on all of Linux's ports.
const clockTick = 10 * time.Millisecond

// process reads what a process has used, its ended children included, and whose child it is.
func process(pid int) (used time.Duration, parent int, name string) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, ""
	}
	open, end := strings.IndexByte(string(data), '('), strings.LastIndexByte(string(data), ')')
	fields := strings.Fields(string(data[end+1:]))
	for _, i := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		used += time.Duration(n) * clockTick
	}
	parent, _ = strconv.Atoi(fields[1])
	return used, parent, string(data[open+1 : end])
}

// spentBy is what processes and their descendants have used.
func spentBy(roots ...int) time.Duration {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	parents, used := map[int]int{}, map[int]time.Duration{}
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		used[pid], parents[pid], _ = process(pid)
	}
	var total time.Duration
	for pid := range used {
		for at, depth := pid, 0; at > 1 && depth < 20; at, depth = parents[at], depth+1 {
			if contains(roots, at) {
				total += used[pid]
				break
			}
		}
	}
	return total
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// spent is what all have used since they began.
func (f *fleet) spent() spent {
	var nodes []int
	for _, n := range f.nodes {
		if n.d != nil {
			nodes = append(nodes, n.d.cmd.Process.Pid)
		}
	}
	return spent{nodes: spentBy(nodes...), postgres: spentBy(f.postmaster), redis: spentBy(f.redis)}
}

// filed waits until so many are filed, and says how long it took.
func (f *fleet) filed(n int, begun time.Time, patience time.Duration) time.Duration {
	f.t.Helper()
	f.eventually(patience, fmt.Sprint(n, " are filed"), func() bool {
		counts, err := f.store.Counts(f.t.Context())
		return err == nil && counts[ingest.StateFiled]+counts[ingest.StateSetAside] >= int64(n)
	})
	return time.Since(begun)
}

// TestBenchNodes measures mails without pages and scans, from their source to filed, with one, two
// and three nodes; what they cost; and how many commits the shared lock lets through.
func TestBenchNodes(t *testing.T) {
	if *fleetMails == 0 {
		t.Skip("make bench-nodes runs this (-fleet.mails)")
	}
	t.Logf("%d cores (%s), PostgreSQL, Redis and nodes on one machine; load average %s", runtime.NumCPU(), cpuName(), loadAverage())
	for n := 1; n <= 3; n++ {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			f := newFleet(t, n, "")
			fillInbox(f.town, *fleetMails)
			f.startAll(n)
			f.eventually(time.Minute, "the mailbox has a holder", func() bool { return f.holder("mailbox/sve") >= 0 })
			// From the start of the nodes on, whose own cost is in it.
			begun := time.Now()
			before := f.spent()
			took := f.filed(*fleetMails, begun, 30*time.Minute)
			used := f.spent().minus(before)
			t.Logf("%d mails with %d nodes: %.1f s, %.0f mails/s; each %s", *fleetMails, n, took.Seconds(), float64(*fleetMails)/took.Seconds(), used.each(*fleetMails))

			for i := range *fleetPages {
				pdf, err := samplescan.PDF([]string{sampleLetter(i)}, sampleKinds[i%len(sampleKinds)])
				if err != nil {
					t.Fatal(err)
				}
				f.dropScan(fmt.Sprintf("page%d.pdf", i), pdf)
			}
			begun, before = time.Now(), f.spent()
			took = f.filed(*fleetMails+*fleetPages, begun, time.Hour)
			f.eventually(time.Hour, "their searchable copies and notes are made", func() bool {
				g, err := f.store.Gauges(t.Context())
				return err == nil && g.OutboxPending == 0
			})
			used = f.spent().minus(before)
			t.Logf("%d pages with %d nodes: %.1f s, %.1f pages/min; each, its searchable copy too, %s", *fleetPages, n, took.Seconds(), float64(*fleetPages)/took.Minutes(), used.each(*fleetPages))

			quiet := f.spent()
			time.Sleep(20 * time.Second)
			idle := f.spent().minus(quiet)
			t.Logf("idle with %d nodes: %.1f %% of a core (nodes) + %.1f %% (PostgreSQL) + %.1f %% (Redis)", n,
				idle.nodes.Seconds()*5, idle.postgres.Seconds()*5, idle.redis.Seconds()*5)
			for _, node := range f.nodes {
				node.d.stop()
			}
		})
	}
	t.Run("write lock", benchWriteLock)
}

func loadAverage() string {
	data, _ := os.ReadFile("/proc/loadavg")
	return strings.TrimSpace(string(data))
}

// benchWriteLock has stores of several nodes write as little as a write can be.
func benchWriteLock(t *testing.T) {
	pg := postgrestest.Start(t)
	for _, writers := range []int{1, 32} {
		for n := 1; n <= 3; n++ {
			database := pg.Database(t)
			ctx, cancel := context.WithCancel(t.Context())
			var writes atomic.Int64
			var stores []*store.Store
			var wg sync.WaitGroup
			for node := range n {
				s, err := store.Open(ctx, store.Options{Dir: t.TempDir(), Database: database})
				if err != nil {
					t.Fatal(err)
				}
				stores = append(stores, s)
				for w := range writers {
					wg.Go(func() {
						for ctx.Err() == nil {
							if _, err := s.Beat(ctx, lease.Node{ID: fmt.Sprint(node, "-", w)}); err == nil {
								writes.Add(1)
							}
						}
					})
				}
			}
			time.Sleep(time.Second)
			commits := func() (n int64) {
				for _, s := range stores {
					n += s.WriterStats().Commits
				}
				return n
			}
			c, w, begun := commits(), writes.Load(), time.Now()
			time.Sleep(5 * time.Second)
			took := time.Since(begun).Seconds()
			t.Logf("write lock: %d nodes with %2d writers each: %6.0f commits/s, %6.0f writes/s", n, writers, float64(commits()-c)/took, float64(writes.Load()-w)/took)
			cancel()
			wg.Wait()
			for _, s := range stores {
				_ = s.Close()
			}
		}
	}
}
