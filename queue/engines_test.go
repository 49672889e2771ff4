package queue

import (
	"context"
	"errors"
	"fmt"
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

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/servertest"
)

// These tests run the queue on what Redis can be beside the private child: behind TLS, behind
// Sentinels, and a Cluster of several masters.

func freePort(t testing.TB) int {
	t.Helper()
	port, err := servertest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// redisServer starts one on loopback, in a folder of its own.
func redisServer(t testing.TB, args ...string) *servertest.Process {
	t.Helper()
	needRedis(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	p, err := servertest.Start(servertest.Command{
		Args: append(append([]string{"redis-server"}, args...), "--bind", "127.0.0.1", "--dir", dir), Dir: dir, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Log(servertest.Tail(dir, 15, "log"))
		}
	})
	return p
}

func at(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func answers(t testing.TB, port int) *redis.Client {
	t.Helper()
	silenceRedis()
	rdb := redis.NewClient(&redis.Options{Addr: at(port), DialTimeout: time.Second, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	eventually(t, 20*time.Second, "redis-server answers", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	return rdb
}

// wholeQueue drives everything that saisine asks of asynq through conn: all lanes, retries, the
// archive and its revival, the look of a person, names of successors, and the marker.
func wholeQueue(t *testing.T, conn Conn) {
	t.Helper()
	ctx := t.Context()
	ledgers := map[string]*ledger{}
	o := Options{Conn: conn, Policies: fast(3), Log: testLog(t), Concurrency: map[string]int{}, ShutdownTimeout: 5 * time.Second, Works: map[Kind]Work{}}
	kinds := map[string]Kind{
		QueueMail: KindProcess, QueueOCR: KindRecognize, QueueOutbound: KindDeliver, QueueCopies: KindCopy, QueuePartners: KindWebhook, QueueNotes: KindNote,
	}
	for _, q := range Queues() {
		l := newLedger()
		l.queue, l.kind = q, kinds[q]
		var once sync.Map
		l.process = func(_ context.Context, id string) error {
			if strings.HasPrefix(id, "bad") {
				return ingest.Permanent(errors.New("no"))
			}
			if _, done := once.LoadOrStore(id, true); !done && strings.HasPrefix(id, "again") {
				return errors.New("not yet")
			}
			return nil
		}
		for n := range 20 {
			l.add(fmt.Sprint("good", n))
		}
		l.add("again")
		l.add("bad")
		ledgers[q] = l
		o.Works[l.kind] = Work{Processor: l, Failures: l}
		o.Policies[l.kind] = fast(3)[KindProcess]
		o.Concurrency[q] = 4
		o.Ledgers = append(o.Ledgers, l)
	}
	n := startNode(t, o)
	for _, q := range Queues() {
		l := ledgers[q]
		eventually(t, 60*time.Second, "all of lane "+q, func() bool { return l.count("filed") == 21 && l.count("failed") == 1 })
		// What lies in asynq's archive is taken up again.
		eventually(t, 10*time.Second, "the failed one is archived", func() bool {
			tasks, err := n.Client().inspect.ListArchivedTasks(q)
			return err == nil && len(tasks) == 1
		})
		l.mu.Lock()
		l.process = nil
		l.rows["bad"].state = "received"
		l.mu.Unlock()
		if err := n.Client().Enqueue(ctx, Job{Kind: l.kind, ID: "bad", Queue: q}); err != nil {
			t.Errorf("%s: %v", q, err)
		}
		eventually(t, 20*time.Second, "the failed one of "+q+" after its retry", func() bool { return l.count("filed") == 22 })
		for id := range l.rows {
			if r := l.row(id); r.filed != 1 {
				t.Errorf("%s of %s was filed %d times", id, q, r.filed)
			}
		}
	}
	lanes, err := n.Client().Inspect(ctx)
	if err != nil || len(lanes) != len(Queues()) {
		t.Errorf("inspect: %+v, %v", lanes, err)
	}
	if has, err := n.Client().Tasks(ctx); err != nil || has(Job{Kind: KindProcess, ID: "good1", Queue: QueueMail}) {
		t.Errorf("tasks: %v", err)
	}
	if _, _, err := n.sweeper.orphans.claimed(); err != nil {
		t.Errorf("servers: %v", err)
	}
	job := Job{Kind: KindProcess, ID: "x", Queue: QueueMail}
	if err := n.Client().tellSuccessor(ctx, job.taskID(), "y"); err != nil || n.Client().superseded(ctx, QueueMail, job.taskID()) {
		t.Errorf("successor: %v", err)
	}
}

// takeover has another process die in a handler.
func takeover(t *testing.T, address string, env ...string) {
	t.Helper()
	c := startChild(t, "block", append(env, childRedis+"="+address)...)
	c.line(t, "handler")
	l := newLedger()
	l.add("row")
	startNode(t, options(t, mustConnect(t, address), l))
	struck := time.Now()
	c.kill9(t)
	eventually(t, 40*time.Second, "what a dead process had is taken up", func() bool { return l.count("filed") == 1 })
	t.Logf("taken up after %v", time.Since(struck).Round(100*time.Millisecond))
}

func TestOnTLS(t *testing.T) {
	t.Parallel()
	cert, key, err := servertest.SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	redisServer(t, "--port", "0", "--tls-port", strconv.Itoa(port), "--tls-cert-file", certFile, "--tls-key-file", keyFile,
		"--tls-auth-clients", "no", "--requirepass", "geheim", "--save", "")
	address := "rediss://:geheim@" + at(port)
	// The authority is one that this machine trusts, as the town's own would be.
	c := startChild(t, "block", childRedis+"="+address, "SSL_CERT_FILE="+certFile)
	c.line(t, "handler")
	// Whoever does not trust it is told so, and sends no password.
	client := NewClient(mustConnect(t, address), nil, testLog(t))
	defer client.Close()
	err = client.Enqueue(t.Context(), Job{Kind: KindProcess, ID: "x", Queue: QueueMail})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
}

// TestSentinelFailover kills the master in the middle of the work. What it had acknowledged and not
// passed on is lost, and the ledger refills it.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	one, two := freePort(t), freePort(t)
	master := redisServer(t, "--port", strconv.Itoa(one), "--save", "")
	answers(t, one)
	redisServer(t, "--port", strconv.Itoa(two), "--save", "", "--replicaof", "127.0.0.1", strconv.Itoa(one))
	replica := answers(t, two)
	var sentinels []string
	for range 3 {
		port := freePort(t)
		conf := filepath.Join(t.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor town 127.0.0.1 %d 2\nsentinel down-after-milliseconds town 2000\nsentinel failover-timeout town 10000\n", one)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		redisServer(t, conf, "--sentinel", "--port", strconv.Itoa(port))
		s := answers(t, port)
		eventually(t, 30*time.Second, "the sentinel knows the replica", func() bool {
			list, err := s.Do(t.Context(), "SENTINEL", "REPLICAS", "town").Slice()
			return err == nil && len(list) == 1
		})
		sentinels = append(sentinels, at(port))
	}
	first := redis.NewSentinelClient(&redis.Options{Addr: sentinels[0]})
	defer first.Close()
	eventually(t, 30*time.Second, "the sentinels know each other", func() bool {
		list, err := first.Sentinels(t.Context(), "town").Result()
		return err == nil && len(list) == 2
	})
	eventually(t, 30*time.Second, "the replica follows", func() bool {
		info, err := replica.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	conn := mustConnect(t, "redis-sentinel://"+strings.Join(sentinels, ",")+"?master=town")
	l := newLedger()
	l.process = func(context.Context, string) error { time.Sleep(20 * time.Millisecond); return nil }
	for n := range 400 {
		l.add(fmt.Sprint("before", n))
	}
	n := startNode(t, options(t, conn, l))
	eventually(t, 30*time.Second, "work goes on", func() bool { return l.count("filed") > 100 })
	master.Kill()
	struck := time.Now()
	for i := range 400 {
		n.Client().Notify(l.add(fmt.Sprint("after", i)))
	}
	eventually(t, 120*time.Second, "all is filed after the failover", func() bool { return l.count("filed") == 800 })
	t.Logf("all is filed %v after the master's death", time.Since(struck).Round(100*time.Millisecond))
	for id := range l.rows {
		if r := l.row(id); r.filed != 1 {
			t.Errorf("%s was filed %d times", id, r.filed)
		}
	}
}

// cluster starts three masters that share the slots.
func cluster(t *testing.T) (address string, masters []*servertest.Process, ports []int) {
	t.Helper()
	var clients []*redis.Client
	for range 3 {
		port, bus := freePort(t), freePort(t)
		masters = append(masters, redisServer(t, "--port", strconv.Itoa(port), "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
			"--cluster-node-timeout", "3000", "--appendonly", "yes", "--save", ""))
		ports = append(ports, port)
		clients = append(clients, answers(t, port))
		if len(clients) > 1 {
			if err := clients[0].Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", port, bus).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range clients {
		from, to := i*16384/3, (i+1)*16384/3-1
		if err := c.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", from, to).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		eventually(t, 60*time.Second, "the cluster is whole", func() bool {
			info, err := c.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return "redis-cluster://" + at(ports[0]) + "," + at(ports[1]), masters, ports
}

func TestOnCluster(t *testing.T) {
	t.Parallel()
	address, masters, ports := cluster(t)
	conn := mustConnect(t, address)
	t.Run("all", func(t *testing.T) { wholeQueue(t, conn) })
	t.Run("takeover", func(t *testing.T) { takeover(t, address) })
	t.Run("a master away", func(t *testing.T) {
		// Whichever has the lane of mails is away for a while: its slots answer nothing.
		l := newLedger()
		l.process = func(context.Context, string) error { time.Sleep(5 * time.Millisecond); return nil }
		for n := range 300 {
			l.add(fmt.Sprint("row", n))
		}
		n := startNode(t, options(t, conn, l))
		eventually(t, 30*time.Second, "work goes on", func() bool { return l.count("filed") > 50 })
		for _, m := range masters {
			if err := m.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if err := m.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, 150*time.Second, "all is filed", func() bool { return l.count("filed") == 300 })
		// All lose their data; the next minute's sweep is made now.
		for i := range 300 {
			n.Client().Notify(l.add(fmt.Sprint("more", i)))
		}
		for _, port := range ports {
			if err := answers(t, port).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		n.Sweep()
		eventually(t, 90*time.Second, "all is filed after the flush", func() bool { return l.count("filed") == 600 })
		for id := range l.rows {
			if r := l.row(id); r.filed != 1 {
				t.Errorf("%s was filed %d times", id, r.filed)
			}
		}
	})
}
