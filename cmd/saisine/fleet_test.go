package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lease"
	"saisine.fr/saisine/ingest/servertest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/postgrestest"
)

var fleetRounds = flag.Int("fleet.rounds", 0, "how many nodes are struck at random in TestNodesAtRandom; 0: it is skipped")

// fleet is one town with several nodes, each a process with a data folder of its own: one
// PostgreSQL, one Redis, one mailbox, one scan folder, and originals that all can read.
type fleet struct {
	*town // its first node, and what commands look at
	nodes []*fleetNode
	store *store.Store // for the test's own looks
	// postmaster and redis are the processes of the servers.
	postmaster, redis int
}

type fleetNode struct {
	tw *town
	d  *daemonProcess
}

// newFleet starts the servers that the nodes share, and no node.
func newFleet(t testing.TB, n int, extra string) *fleet {
	t.Helper()
	pg := postgrestest.Start(t)
	database := pg.Database(t)
	port, err := servertest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	redis, err := servertest.Start(servertest.Command{
		Args: []string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"},
		Dir:  dir, Log: filepath.Join(dir, "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Kill)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := redis.Await(20*time.Second, func() bool { return servertest.Answers(address) }); err != nil {
		t.Fatal(err)
	}
	f := &fleet{town: newTown(t, func(s *townSetup) {
		s.database, s.extra = database, fmt.Sprintf("redis: %q\n%s", "redis://"+address, extra)
	})}
	f.postmaster, f.redis = firstNumber(t, filepath.Join(pg.Dir, "data", "postmaster.pid")), redis.PID()
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tw := *f.town
		if i > 0 {
			tw.data, tw.config = fmt.Sprintf("%s%d", f.data, i), filepath.Join(f.dir, fmt.Sprintf("saisine%d.yaml", i))
			tw.public, tw.admin = freePort(t), freePort(t)
			own := strings.NewReplacer(strconv.Quote(f.data), strconv.Quote(tw.data), strconv.Quote(f.public), strconv.Quote(tw.public), strconv.Quote(f.admin), strconv.Quote(tw.admin))
			if err := os.WriteFile(tw.config, []byte(own.Replace(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(tw.data, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"originals", "copies"} {
			shared := filepath.Join(f.dir, "shared-"+name)
			if err := os.MkdirAll(shared, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(shared, filepath.Join(tw.data, name)); err != nil {
				t.Fatal(err)
			}
		}
		f.nodes = append(f.nodes, &fleetNode{tw: &tw})
	}
	// It also makes the tables, before the nodes meet.
	if f.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Database: database}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	return f
}

func firstNumber(t testing.TB, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fleet) startAll(n int) {
	for _, node := range f.nodes[:n] {
		node.d = node.tw.launch()
	}
	for _, node := range f.nodes[:n] {
		node.await()
	}
}

// await waits until the node answers.
func (n *fleetNode) await() {
	n.tw.t.Helper()
	n.tw.eventually(60*time.Second, "the node answers", func() bool {
		if n.d.ended() {
			n.tw.t.Fatalf("the node ended:\n%s", n.d.log.tail(40))
		}
		return strings.Contains(get(n.tw.t, "http://"+n.tw.admin+"/metrics"), `saisine_channel_last_good_timestamp_seconds{channel="webform"}`)
	})
}

func (n *fleetNode) signal(s syscall.Signal) {
	n.tw.t.Helper()
	if err := n.d.cmd.Process.Signal(s); err != nil {
		n.tw.t.Fatal(err)
	}
}

// rows are the leases by name.
func (f *fleet) rows() map[string]lease.Row {
	f.t.Helper()
	rows, _, err := f.store.Look(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[string]lease.Row{}
	for _, r := range rows {
		out[r.Name] = r
	}
	return out
}

// pidOf is the process of a node's id, 0 where there is none.
func (f *fleet) pidOf(id string) int {
	f.t.Helper()
	_, nodes, err := f.store.Look(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, n := range nodes {
		if n.ID == id {
			return n.PID
		}
	}
	return 0
}

// holder is the index of the node that holds a lease, -1 where none does.
func (f *fleet) holder(name string) int {
	pid := f.pidOf(f.rows()[name].Holder)
	return slices.IndexFunc(f.nodes, func(n *fleetNode) bool { return n.d != nil && n.d.cmd.Process.Pid == pid })
}

// exclusive is what one node does at a time in the tests' town.
var exclusive = []string{"mailbox/sve", "scan/courrier", "sweeper"}

// believes lists what a node itself says it holds.
func (n *fleetNode) believes() []string {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + n.tw.admin + "/readyz")
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	var body struct{ Holds []heldJSON }
	if json.NewDecoder(res.Body).Decode(&body) != nil {
		return nil
	}
	var names []string
	for _, h := range body.Holds {
		names = append(names, h.Name)
	}
	return names
}

// takeovers waits until each lease of a struck node has another holder with a higher fence, and
// returns how long that took for the last.
func (f *fleet) takeovers(before map[string]lease.Row, names []string, struck time.Time) time.Duration {
	f.t.Helper()
	f.eventually(30*time.Second, "every lease of the struck node has passed on", func() bool {
		now := f.rows()
		return !slices.ContainsFunc(names, func(name string) bool {
			return now[name].Fence <= before[name].Fence || now[name].Holder == "" || now[name].Holder == before[name].Holder
		})
	})
	return time.Since(struck)
}

var hiddenToken = regexp.MustCompile(`name="jeton" value="([^"]+)"`)

// citizen posts the form as a browser does behind a load balancer: to whichever node answers,
// again with the same hidden token until one has taken it.
func (f *fleet) citizen(l *load, wg *sync.WaitGroup, mark string) {
	l.marks[mark] = ingest.StateFiled
	client := &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(method, path, kind string, body []byte) (*http.Response, string, error) {
		node := f.nodes[rand.IntN(len(f.nodes))]
		req, err := http.NewRequestWithContext(context.Background(), method, "http://"+node.tw.public+path, bytes.NewReader(body))
		if err != nil {
			return nil, "", err
		}
		req.Header.Set("Content-Type", kind)
		res, err := client.Do(req)
		if err != nil {
			return nil, "", err
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(res.Body)
		return res, b.String(), err
	}
	wg.Go(func() {
		token := ""
		deadline := time.Now().Add(2 * time.Minute)
		for ; time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if token == "" {
				if _, page, err := ask(http.MethodGet, "/", "", nil); err == nil {
					if m := hiddenToken.FindStringSubmatch(page); m != nil {
						token = m[1]
					}
				}
				continue
			}
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			for k, v := range form(mark) {
				_ = w.WriteField(k, v)
			}
			_ = w.WriteField("jeton", token)
			_ = w.Close()
			if res, _, err := ask(http.MethodPost, "/demandes", w.FormDataContentType(), b.Bytes()); err == nil && res.StatusCode == http.StatusSeeOther {
				return
			}
		}
		f.t.Errorf("form %s was never accepted", mark)
	})
}

// send gives the town so much of everything, some of it with originals that become files.
func (f *fleet) send(l *load, wg *sync.WaitGroup, round, n int) {
	for i := range n {
		l.mail(fmt.Sprintf("k%dxmail%d", round, i))
		if i%4 == 0 {
			l.scan(fmt.Sprintf("k%dxscan%d", round, i))
			f.citizen(l, wg, fmt.Sprintf("k%dxform%d", round, i))
		}
		if i%10 == 0 {
			l.bigMail(fmt.Sprintf("k%dxgros%d", round, i))
		}
	}
}

// done waits until all is settled and proves that nothing is lost and nothing twice: in the ledger,
// in the requests, and at the sources.
func (f *fleet) done(l *load) {
	f.t.Helper()
	l.check()
	f.eventually(60*time.Second, "inbox and scan folder are empty", func() bool { return f.inbox() == 0 && len(f.lying()) == 0 })
	mails := 0
	for mark := range l.marks {
		if strings.Contains(mark, "xmail") || strings.Contains(mark, "xgros") {
			mails++
		}
	}
	if n := f.dovecot.Count(townUser, "Saisine/Traités"); n != mails {
		f.t.Errorf("%d mails lie in the done folder, %d were sent", n, mails)
	}
	moved, err := filepath.Glob(filepath.Join(f.scans, "_traités", "*", "*.pdf"))
	twice, err2 := filepath.Glob(filepath.Join(f.scans, "_doublons", "*"))
	scans := 0
	for mark := range l.marks {
		if strings.Contains(mark, "xscan") {
			scans++
		}
	}
	if err != nil || err2 != nil || len(moved) != scans || len(twice) != 0 {
		f.t.Errorf("%d scans in _traités, %d in _doublons, %d were dropped", len(moved), len(twice), scans)
	}
	f.eventually(90*time.Second, "every scan has its note with the reference", func() bool {
		notes, err := filepath.Glob(filepath.Join(f.scans, "_traités", "*", "*.txt"))
		if err != nil {
			f.t.Fatal(err)
		}
		good := 0
		for _, name := range notes {
			if text, err := os.ReadFile(name); err == nil && regexp.MustCompile(`\d{4}-\d{6}`).Match(text) {
				good++
			}
		}
		return good == scans
	})
	f.verify()
}

// TestThreeNodes freezes the node that empties the mailbox, and kills another, while all comes
// in. The third takes over within 30 s; the frozen one wakes, notices, and does no harm.
func TestThreeNodes(t *testing.T) {
	f := newFleet(t, 3, "")
	f.startAll(3)
	l := newLoad(f.town)
	var citizens sync.WaitGroup
	f.eventually(30*time.Second, "everything has a holder", func() bool {
		return !slices.ContainsFunc(exclusive, func(name string) bool { return f.holder(name) < 0 })
	})
	f.eventually(30*time.Second, "each node has done what it does once", func() bool { // nobody would take it over
		upkeep := f.rows()[leaseUpkeep]
		return upkeep.Fence >= 3 && upkeep.Holder == ""
	})
	f.send(l, &citizens, 0, 40)
	f.eventually(30*time.Second, "work is under way", func() bool { return f.inbox() < 40 })
	frozen := f.holder("mailbox/sve")
	killed := (frozen + 1) % 3
	before := f.rows()
	var names []string
	for _, name := range exclusive {
		if at := f.holder(name); at == frozen || at == killed {
			names = append(names, name)
		}
	}
	struck := time.Now()
	f.nodes[frozen].signal(syscall.SIGSTOP)
	f.nodes[killed].d.kill()
	f.send(l, &citizens, 1, 40)
	t.Logf("%v taken over %v after the strike", names, f.takeovers(before, names, struck).Round(100*time.Millisecond))
	f.eventually(60*time.Second, "the third node does all", func() bool { return f.inbox() == 0 })
	// A person sees it as well.
	alive := 0
	for _, n := range list[nodeJSON](f.town, "nodes") {
		switch {
		case n.Alive:
			alive++
			if len(n.Holds) < len(exclusive) || !slices.Contains(n.Roles, roleWorkers) {
				t.Errorf("the node that lives: %+v", n)
			}
		case len(n.Holds) > 0:
			t.Errorf("a node that gives no sign of life holds something: %+v", n)
		}
	}
	if alive != 1 {
		t.Errorf("%d nodes are listed as alive", alive)
	}
	f.nodes[frozen].signal(syscall.SIGCONT)
	woken := time.Now()
	f.nodes[killed].d = f.nodes[killed].tw.launch()
	f.eventually(10*time.Second, "the old holder has noticed", func() bool {
		return !slices.Contains(f.nodes[frozen].believes(), "mailbox/sve") && strings.Contains(f.nodes[frozen].d.log.String(), "a lease was lost")
	})
	t.Logf("the old holder had noticed %v after it woke", time.Since(woken).Round(time.Millisecond))
	f.nodes[killed].await()
	f.send(l, &citizens, 2, 10)
	citizens.Wait()
	f.done(l)
	for _, n := range f.nodes {
		n.d.stop()
	}
	// Each gave back what it held, at once.
	for name, r := range f.rows() {
		if r.Holder != "" {
			t.Errorf("%s is still held by %s", name, r.Holder)
		}
	}
}

// TestOneNode is the town that most have: one process and SQLite. Its locks cost it no write.
func TestOneNode(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	d := tw.start()
	nodes := list[nodeJSON](tw, "nodes")
	if len(nodes) != 1 || nodes[0].PID != d.cmd.Process.Pid || len(nodes[0].Holds) == 0 || nodes[0].Holds[0].Name != "scan/courrier" {
		t.Errorf("%+v", nodes)
	}
	commits := func() string {
		for line := range strings.Lines(get(t, "http://"+tw.admin+"/metrics")) {
			if strings.HasPrefix(line, `saisine_store_writer_total{what="commits"}`) {
				return line
			}
		}
		t.Fatal("no figure of commits")
		return ""
	}
	tw.eventually(20*time.Second, "the start is over", func() bool {
		return !strings.Contains(get(t, "http://"+tw.admin+"/readyz"), leaseUpkeep)
	})
	before := commits()
	time.Sleep(2 * lease.Term / 3)
	if after := commits(); after != before {
		t.Errorf("an idle town writes: %s then %s", before, after)
	}
	d.stop()
	if nodes := list[nodeJSON](tw, "nodes"); len(nodes) != 0 {
		t.Errorf("after its end: %+v", nodes)
	}
}

// TestNodesWithoutCommonRedis: two nodes that share a database and no Redis would do everything
// twice; the second does not start.
func TestNodesWithoutCommonRedis(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, "")
	for _, n := range f.nodes {
		text, err := os.ReadFile(n.tw.config)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`(?m)^redis: .*$`).ReplaceAll(text, nil)
		if err := os.WriteFile(n.tw.config, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.startAll(1)
	second := f.nodes[1].tw.launch()
	f.eventually(2*queueWait, "the second has ended", second.ended)
	if code := second.cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(second.log.String(), "several nodes need one that they share") {
		t.Errorf("exit %d: %s", code, second.log.tail(3))
	}
	f.nodes[0].d.kill()
	begun := time.Now()
	f.startAll(1) // as systemd does
	t.Logf("started again %v after a kill", time.Since(begun).Round(100*time.Millisecond))
	f.nodes[0].d.stop()
}

// TestNodesAtRandom strikes nodes at random, round after round.
func TestNodesAtRandom(t *testing.T) {
	if *fleetRounds == 0 {
		t.Skip("make test-faults runs this (-fleet.rounds)")
	}
	f := newFleet(t, 3, "")
	f.startAll(3)
	l := newLoad(f.town)
	var citizens sync.WaitGroup
	var took []time.Duration
	for round := range *fleetRounds {
		f.eventually(40*time.Second, "everything has a holder", func() bool {
			return !slices.ContainsFunc(exclusive, func(name string) bool { return f.holder(name) < 0 })
		})
		f.send(l, &citizens, round, 30)
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond) // a moment that nobody chose
		at := rand.IntN(3)
		if rand.IntN(4) > 0 {
			at = f.holder("mailbox/sve") // which has most to lose
		}
		n := f.nodes[max(at, 0)]
		before := f.rows()
		var names []string
		for _, name := range exclusive {
			if f.holder(name) == max(at, 0) {
				names = append(names, name)
			}
		}
		what, asleep := "killed", time.Duration(0)
		struck := time.Now()
		if rand.IntN(2) == 0 {
			n.d.kill()
		} else {
			// From a wink to long after its work was given to others.
			asleep = time.Duration(1+rand.IntN(50)) * time.Second
			what = "frozen for " + asleep.String()
			n.signal(syscall.SIGSTOP)
		}
		f.send(l, &citizens, round+1000, 10)
		if asleep == 0 || asleep > 30*time.Second {
			d := f.takeovers(before, names, struck)
			if len(names) > 0 {
				took = append(took, d)
			}
			what += fmt.Sprintf(", %v taken over after %v", names, d.Round(100*time.Millisecond))
		}
		if asleep > 0 {
			time.Sleep(time.Until(struck.Add(asleep)))
			n.signal(syscall.SIGCONT)
		} else {
			n.d = n.tw.launch()
		}
		n.await()
		t.Logf("round %d: node %d %s", round, max(at, 0), what)
	}
	citizens.Wait()
	f.done(l)
	if len(took) > 0 {
		slices.Sort(took)
		t.Logf("%d takeovers: median %v, longest %v; %d pieces", len(took), took[len(took)/2].Round(100*time.Millisecond), took[len(took)-1].Round(100*time.Millisecond), len(l.marks))
	}
	held := map[string]int{}
	for i, n := range f.nodes {
		for _, name := range n.believes() {
			if was, twice := held[name]; twice {
				t.Errorf("the nodes %d and %d both believe to hold %s", was, i, name)
			}
			held[name] = i
		}
	}
	if len(held) < len(exclusive) {
		t.Errorf("only %v is held", slices.Sorted(maps.Keys(held)))
	}
	for _, n := range f.nodes {
		n.d.stop()
	}
}
