package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/ingest/servertest"
)

// redisUnderTest is the Redis of a town: its private one, or one of the town's own.
type redisUnderTest struct {
	t       *testing.T
	tw      *town
	dir     string
	address string // "" for the private one
	process *servertest.Process
	frozen  int // the process that was sent a signal last: a frozen one does not say its number
}

// ownRedis prepares a Redis of the town's own; run starts it.
func ownRedis(t *testing.T, dir string) *redisUnderTest {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &redisUnderTest{t: t, dir: dir, address: freePort(t)}
}

func (r *redisUnderTest) run() {
	r.t.Helper()
	_, port, _ := net.SplitHostPort(r.address)
	var err error
	r.process, err = servertest.Start(servertest.Command{
		Args: []string{
			"redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--save", "",
			"--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--enable-debug-command", "yes",
		},
		Dir: r.dir, Log: filepath.Join(r.dir, "redis.log"),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.process.Kill)
	r.tw.eventually(10*time.Second, "redis answers", func() bool {
		return r.do(func(c *redis.Client) error { return c.Ping(context.Background()).Err() }) == nil
	})
}

func (r *redisUnderTest) do(f func(*redis.Client) error) error {
	o := &redis.Options{Addr: r.address, MaxRetries: -1}
	if r.address == "" {
		o.Network, o.Addr = "unix", filepath.Join(r.dir, "redis.sock")
	}
	c := redis.NewClient(o)
	defer c.Close()
	return f(c)
}

func (r *redisUnderTest) must(args ...any) {
	r.t.Helper()
	r.tw.eventually(10*time.Second, fmt.Sprint(args...), func() bool {
		return r.do(func(c *redis.Client) error { return c.Do(context.Background(), args...).Err() }) == nil
	})
}

func (r *redisUnderTest) pid() int {
	r.t.Helper()
	if r.address == "" {
		return r.tw.redisPID()
	}
	var pid int
	if err := r.do(func(c *redis.Client) error {
		info, err := c.Info(context.Background(), "server").Result()
		for line := range strings.Lines(info) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "process_id:"); ok {
				pid, err = strconv.Atoi(v)
			}
		}
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	return pid
}

func (r *redisUnderTest) signal(s syscall.Signal) {
	r.t.Helper()
	r.frozen = r.pid()
	if err := syscall.Kill(r.frozen, s); err != nil {
		r.t.Fatal(err)
	}
}

// aof returns the file that commands are appended to.
func (r *redisUnderTest) aof() string {
	r.t.Helper()
	found, _ := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
	if len(found) == 0 {
		r.t.Fatal("no append-only file")
	}
	return found[len(found)-1]
}

// damage cuts the append-only file at a random place, or writes garbage into its middle.
func (r *redisUnderTest) damage(cut bool) {
	r.t.Helper()
	name := r.aof()
	st, err := os.Stat(name)
	if err != nil {
		r.t.Fatal(err)
	}
	at := rand.Int64N(max(st.Size(), 1))
	if cut {
		err = os.Truncate(name, at)
	} else {
		var f *os.File
		if f, err = os.OpenFile(name, os.O_RDWR, 0); err == nil {
			_, err = f.WriteAt([]byte("\x00\xffgarbage\r\n*-7\r\n$99999999999\r\n"), at/2)
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// smallDisk mounts one of 6 MB at dir.
func smallDisk(t *testing.T, dir string) (fill, free func()) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("saisine-test", dir, "tmpfs", 0, "size=6m,mode=700"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	return func() {
			f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for size := 1 << 16; size >= 1; size /= 2 {
				for {
					if _, err := f.Write(make([]byte, size)); err != nil {
						break
					}
				}
			}
		}, func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
}

// redisFault is one way in which a Redis fails a town. before happens before the daemon
// runs, strike under load, heal when all has been taken in.
type redisFault struct {
	name                 string
	before, strike, heal func(r *redisUnderTest)
	// restart kills the daemon, and with it the private Redis, for strike to find it ended.
	restart   bool
	smallDisk bool
}

// TestRedisFails fails the Redis of a town in each way, the private one and one of its own.
// Intake must not notice, and all is treated once afterwards.
func TestRedisFails(t *testing.T) {
	nothing := func(*redisUnderTest) {}
	faults := []redisFault{
		{name: "frozen", strike: func(r *redisUnderTest) { r.signal(syscall.SIGSTOP) }, heal: func(r *redisUnderTest) {
			if r.address != "" { // the private one is ended by its supervisor
				if err := syscall.Kill(r.frozen, syscall.SIGCONT); err != nil {
					r.t.Fatal(err)
				}
			}
		}},
		{name: "flushed", strike: func(r *redisUnderTest) { r.must("FLUSHALL") }, heal: nothing},
		{name: "out of memory", strike: func(r *redisUnderTest) { r.must("CONFIG", "SET", "maxmemory", "1") }, heal: func(r *redisUnderTest) { r.must("CONFIG", "SET", "maxmemory", "0") }},
		{name: "a read-only replica", strike: func(r *redisUnderTest) { r.must("REPLICAOF", "127.0.0.1", "1") }, heal: func(r *redisUnderTest) { r.must("REPLICAOF", "NO", "ONE") }},
		{name: "its disk full (MISCONF)", smallDisk: true},
		{name: "append-only file cut short", restart: true, strike: func(r *redisUnderTest) { r.damage(true) }, heal: nothing},
		{name: "garbage in the append-only file", restart: true, strike: func(r *redisUnderTest) { r.damage(false) }, heal: func(r *redisUnderTest) {
			if r.address == "" {
				return // the daemon puts it aside itself
			}
			// The administrator's part: the file is moved away.
			if err := os.Rename(filepath.Join(r.dir, "appendonlydir"), filepath.Join(r.dir, "broken")); err != nil {
				r.t.Fatal(err)
			}
			r.run()
		}},
		{name: "killed", strike: func(r *redisUnderTest) {
			if r.address == "" {
				r.signal(syscall.SIGKILL)
			} else {
				r.process.Kill()
			}
		}, heal: func(r *redisUnderTest) {
			if r.address != "" {
				r.run()
			}
		}},
		{name: "not there at the start", before: func(r *redisUnderTest) { r.process.Kill() }, strike: nothing, heal: func(r *redisUnderTest) { r.run() }},
	}
	for _, f := range faults {
		for _, own := range []bool{false, true} {
			switch {
			case !own && f.before != nil:
				continue // TestIntakeWithoutRedis
			case !*faultsFull && own != (f.name == "garbage in the append-only file" || f.name == "its disk full (MISCONF)" || f.name == "not there at the start"):
				continue // half of them are enough for every day; TestRedisFaultsUnderLoad has more
			case !*faultsFull && !own && (f.name == "frozen" || f.name == "flushed" || f.name == "killed"):
				continue // TestRedisFaultsUnderLoad
			}
			whose := "private"
			if own {
				whose = "external"
			}
			t.Run(whose+" "+f.name, func(t *testing.T) {
				t.Parallel()
				row := newFault(t, fmt.Sprintf("Redis (%s) %s", whose, f.name), "intake goes on, all is filed once afterwards, verify 0")
				for n := range runs(1, 5) {
					if failRedis(t, row, f, own, n); t.Failed() {
						return
					}
				}
			})
		}
	}
}

func failRedis(t *testing.T, row *faultRow, f redisFault, own bool, round int) {
	var r *redisUnderTest
	var tw *town
	fill, free := func() {}, func() {}
	if own {
		r = ownRedis(t, filepath.Join(t.TempDir(), "redis"))
		tw = newTown(t, func(s *townSetup) { s.extra = "redis: redis://" + r.address + "\n" })
	} else {
		tw = newTown(t)
		r = &redisUnderTest{t: t, dir: filepath.Join(tw.data, "redis")}
	}
	r.tw = tw
	if f.smallDisk {
		fill, free = smallDisk(t, r.dir)
		f.strike, f.heal = func(*redisUnderTest) { fill() }, func(*redisUnderTest) { free() }
	}
	if own {
		r.run()
	}
	if f.before != nil {
		f.before(r)
	}
	d := tw.start()
	l := newLoad(tw)
	var citizens sync.WaitGroup
	send := func(from, to int) {
		for n := from; n < to; n++ {
			l.mail(fmt.Sprintf("k%dxmail%d", round, n))
			l.form(&citizens, fmt.Sprintf("k%dxform%d", round, n), nil)
		}
	}
	send(0, 10)
	if f.restart {
		tw.eventually(20*time.Second, "something is in the append-only file", func() bool {
			found, _ := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
			for _, name := range found {
				if st, err := os.Stat(name); err == nil && st.Size() > 2000 {
					return true
				}
			}
			return false
		})
		d.kill()
		if own {
			r.process.Kill()
		} else {
			tw.eventually(10*time.Second, "the private redis has ended", func() bool {
				return r.do(func(c *redis.Client) error { return c.Ping(context.Background()).Err() }) != nil
			})
		}
	}
	f.strike(r)
	if f.restart {
		if own && f.name != "garbage in the append-only file" {
			r.run()
		}
		d = tw.start()
	}
	send(10, 20)
	struck := time.Now()
	// Intake does not wait for Redis.
	tw.eventually(20*time.Second, "40 pieces are in the ledger while Redis fails", func() bool { return len(tw.submissions()) >= 40 })
	citizens.Wait()
	in := time.Since(struck)
	f.heal(r)
	healed := time.Now()
	l.check()
	row.ran()
	row.saw("all in the ledger within %ds, filed within %ds of the mending", roundUp(in), roundUp(time.Since(healed)))
	tw.eventually(20*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	tw.verify()
	d.stop()
	if own {
		r.process.Kill()
	}
}

// roundUp gives seconds in coarse steps, so that repeats of a fault make few different figures.
func roundUp(d time.Duration) int {
	for _, s := range []int{1, 2, 5, 10, 20, 30, 60} {
		if d <= time.Duration(s)*time.Second {
			return s
		}
	}
	return 120
}
