package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// crashPoints are the places at which the process is killed, in the order of the way
// of the data, with how many times a point is passed before it kills: under load, so
// that other things are under way at the same time.
var crashPoints = []struct {
	name string
	nth  int
}{
	{"mailbox.fetched", 1},
	{"scan.spooled", 1},
	{"form.parsed", 2},
	{"store.original_synced", 1},
	{"store.original_renamed", 1},
	{"store.row_written", 5},
	{"store.before_commit", 4},
	{"store.committed", 4},
	{"submit.recorded", 6},
	{"mailbox.submitted", 1},
	{"mailbox.copied", 1},
	{"mailbox.flagged", 1},
	{"mailbox.moved", 1},
	{"scan.submitted", 1},
	{"scan.acknowledged", 1},
	{"scan.moved", 1},
	{"scan.noted", 1},
	{"form.submitted", 2},
	{"queue.enqueued", 3},
	{"queue.handler_started", 5},
	{"worker.started", 5},
	{"worker.read", 5},
	{"worker.set_aside", 1},
	{"worker.classified", 4},
	{"store.matched", 6},
	{"store.filing", 4},
	{"worker.filed", 4},
	{"queue.handler_done", 6},
	{"deliver.started", 1},
	{"deliver.handed_over", 1},
}

// crashPointsElsewhere are killed in tests of their own: they lie on a path that only a
// failed scan takes, or one with several letters in it, or a town that answers.
var crashPointsElsewhere = map[string]string{
	"scan.retried":        "channels/scanfolder",
	"api.parsed":          "TestKillAtInterfaces",
	"api.submitted":       "TestKillAtInterfaces",
	"open311.parsed":      "TestKillAtInterfaces",
	"open311.submitted":   "TestKillAtInterfaces",
	"handover.created":    "TestHandoverKilled",
	"handover.attached":   "TestHandoverKilled",
	"worker.examined":     "TestKillBetweenVerdictAndFiling",
	"worker.held":         "TestKillBetweenVerdictAndFiling",
	"store.collating":     "TestKillWhileCollating",
	"store.original_sent": "TestTownOnS3",
	"copy.stored":         "TestKillWhileCollating",
	"mail.made":           "TestKillWhileAnswering",
	"mail.taken":          "TestKillWhileAnswering, TestThousandReceipts",
	"mail.bouncing":       "TestKillWhileAnswering",

	"eliminate.approved":   "TestKillWhileEliminating",
	"eliminate.wiping":     "TestKillWhileEliminating",
	"eliminate.wiped":      "TestKillWhileEliminating",
	"eliminate.files_gone": "TestKillWhileEliminating",
	"eliminate.line_done":  "TestKillWhileEliminating",
	"eliminate.lines_done": "TestKillWhileEliminating",
	"eliminate.scrubbed":   "TestKillWhileEliminating",
	"eliminate.reapplied":  "TestKillWhileEliminating",
}

// namedPoints lists the crash points that the code names.
func namedPoints(t *testing.T) []string {
	t.Helper()
	named := regexp.MustCompile(`crashpoint\.Hit\("([^"]+)"\)`)
	found := map[string]bool{}
	for _, room := range []string{"ingest", "channels", "queue", "ocr", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			for _, m := range named.FindAllStringSubmatch(string(src), -1) {
				if m[1] != "name" {
					found[m[1]] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 15 {
		t.Errorf("only %d crash points in the code", len(found))
	}
	return slices.Sorted(maps.Keys(found))
}

// Every point named in the code is killed at in a test of make test; TestKillAtEveryPoint has
// those that traffic passes 20 times in make test-faults.
func TestEveryCrashPointIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, p := range crashPoints {
		tested[p.name] = true
	}
	found := namedPoints(t)
	for _, name := range found {
		if !tested[name] && crashPointsElsewhere[name] == "" {
			t.Errorf("crash point %s is in the code and in no test", name)
		}
	}
	for name := range tested {
		if !slices.Contains(found, name) {
			t.Errorf("crash point %s is in the test and not in the code", name)
		}
	}
}

// load is what a town gets while the daemon is being killed. Every piece carries a
// mark by which it is found again.
type load struct {
	tw    *town
	marks map[string]ingest.State // the end that each piece must come to
	twins map[string]bool         // pieces that come twice, by two ways, and are one matter
	piles map[string]bool         // scans of two letters each
	back  map[string]bool         // files that a clerk may have dropped back, and which are read then

	// maybe are the pieces that were refused, and of which a row is no harm: the fault may
	// have come after the write.
	maybe map[string]bool

	mu   sync.Mutex
	told map[string]string // forms whose citizen was shown a number, and the page it leads to
}

func newLoad(tw *town) *load {
	return &load{tw: tw, marks: map[string]ingest.State{}, twins: map[string]bool{}, piles: map[string]bool{}, back: map[string]bool{}, maybe: map[string]bool{}, told: map[string]string{}}
}

func (l *load) mail(mark string) {
	l.tw.deliver(mark)
	l.marks[mark] = ingest.StateFiled
}

// bigMail has an original that becomes a file.
func (l *load) bigMail(mark string) {
	l.tw.dovecot.Deliver(townUser, plainMail(mark, strings.Repeat("Une ligne de plus qui ne dit rien de neuf.\r\n", 8000)))
	l.marks[mark] = ingest.StateFiled
}

func (l *load) automaticMail(mark string) {
	raw := bytes.Replace(plainMail(mark, ""), []byte("MIME-Version"), []byte("Auto-Submitted: auto-replied\r\nMIME-Version"), 1)
	l.tw.dovecot.Deliver(townUser, raw)
	l.marks[mark] = ingest.StateSetAside
}

// scan drops a PDF with a text layer: OCR has tests of its own, and would only slow
// this one.
func (l *load) scan(mark string) {
	pdf, err := samplescan.TextPDF([]string{"Objet : courrier " + mark + "\n\nMadame la Maire, le trottoir devant chez moi est dangereux,\nje vous prie de le faire réparer. Repère " + mark + "."})
	if err != nil {
		l.tw.t.Fatal(err)
	}
	l.tw.dropScan(mark+".pdf", pdf)
	l.marks[mark] = ingest.StateFiled
}

// form posts a form as a patient citizen does: again, until the town has answered. It
// returns at once; wait ends when the citizen has been answered.
func (l *load) form(wg *sync.WaitGroup, mark string, file []byte) {
	files := map[string][]byte{}
	if file != nil {
		files["piece.bin"] = file
	}
	l.formOf(wg, mark, form(mark), files)
}

func (l *load) formOf(wg *sync.WaitGroup, mark string, fields map[string]string, files map[string][]byte) {
	l.marks[mark] = ingest.StateFiled
	wg.Go(func() {
		deadline := time.Now().Add(time.Minute)
		for time.Now().Before(deadline) {
			if status, page, _, err := l.tw.post(fields, files); err == nil && status == http.StatusSeeOther {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.told[mark] = page
				return
			}
			time.Sleep(30 * time.Millisecond) // a person takes longer
		}
		l.tw.t.Errorf("form %s was never accepted", mark)
	})
}

// twin sends one matter by mail and by the form, at the same time.
func (l *load) twin(wg *sync.WaitGroup, mark string) {
	l.twins[mark] = true
	l.form(wg, mark, nil)
	f := form(mark)
	l.tw.dovecot.Deliver(townUser, []byte("From: "+f["name"]+" <"+f["email"]+">\r\nTo: "+townUser+"\r\nSubject: "+f["subject"]+
		"\r\nMessage-ID: <"+mark+"@example.fr>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+f["message"]+"\r\n"))
}

// check proves that every piece is in the ledger once, ended as it must, and that no
// request was opened twice.
func (l *load) check() {
	l.tw.t.Helper()
	pieces := len(l.marks) + len(l.twins)
	subs := slices.DeleteFunc(l.tw.settled(pieces, 90*time.Second), func(s view.Submission) bool { return l.maybe[markOf(s)] })
	if len(subs) != pieces {
		l.tw.t.Errorf("%d pieces, %d ledger rows", pieces, len(subs))
	}
	requests := map[string]string{} // of twins
	count := map[string]int{}
	openings := map[string]int{}
	for _, s := range subs {
		mark := markOf(s)
		count[mark]++
		if want := l.marks[mark]; s.State != want {
			l.tw.t.Errorf("%s ended as %s (%s), want %s", mark, s.State, s.Reason, want)
		}
		if l.twins[mark] {
			if other, ok := requests[mark]; ok && other != s.Request {
				l.tw.t.Errorf("%s is in the requests %s and %s", mark, other, s.Request)
			}
			requests[mark] = s.Request
		}
		if s.Link == ingest.LinkOpens {
			openings[s.Request]++
		} else if l.twins[mark] && s.Link == ingest.LinkDuplicate {
			continue
		} else if s.State == ingest.StateFiled {
			l.tw.t.Errorf("%s was filed as %s of %s", mark, s.Link, s.Request)
		}
	}
	for mark := range l.marks {
		want := 1
		if l.twins[mark] {
			want = 2
		}
		if count[mark] != want {
			l.tw.t.Errorf("%s is %d times in the ledger", mark, count[mark])
		}
	}
	for ref, n := range openings {
		if n != 1 {
			l.tw.t.Errorf("request %s was opened %d times", ref, n)
		}
	}
}

var marks = regexp.MustCompile(`k\d+x[a-z]+\d+`)

func markOf(s view.Submission) string {
	if m := marks.FindString(s.Subject + " " + s.Text); m != "" {
		return m
	}
	return s.ID
}

// TestKillAtEveryStep kills the daemon with SIGKILL at each crash point while mails,
// forms and scans are coming in, starts it again, and proves that every piece is in
// the ledger once and filed once. The points are shared out among a few towns, and no town
// is cleaned between its points, as none is.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	const towns = 3
	var shares [towns][]int // of crashPoints
	for i, p := range crashPoints {
		at := i % towns
		switch p.name {
		case "mailbox.copied", "mailbox.flagged": // the path of a server without MOVE
			at = 0
		case "mailbox.moved":
			at = 1
		}
		shares[at] = append(shares[at], i)
	}
	for at, points := range shares {
		t.Run(fmt.Sprintf("town %d", at), func(t *testing.T) {
			t.Parallel()
			var opts []townOption
			if at == 0 {
				opts = append(opts, withDovecot(dovecottest.WithCapability("IMAP4rev1 UIDPLUS IDLE LITERAL+ SASL-IR")))
			}
			tw := newTown(t, opts...)
			l := newLoad(tw)
			for _, i := range points {
				p := crashPoints[i]
				t.Run(p.name, func(t *testing.T) {
					tw.t = t
					defer func() { tw.t = t }()
					killAt(t, tw, l, i, fmt.Sprintf("%s:%d", p.name, p.nth))
				})
				if t.Failed() {
					return // the town is in an unknown state now
				}
			}
		})
	}
}

func withDovecot(o ...dovecottest.Option) townOption {
	return func(s *townSetup) { s.dovecot = append(s.dovecot, o...) }
}

func killAt(t *testing.T, tw *town, l *load, round int, spec string) {
	mark := func(kind string, n int) string { return fmt.Sprintf("k%dx%s%d", round, kind, n) }
	for n := range 8 {
		l.mail(mark("mail", n))
	}
	l.bigMail(mark("gros", 0))
	l.automaticMail(mark("auto", 0))
	l.scan(mark("scan", 0))
	l.scan(mark("scan", 1))
	var citizens sync.WaitGroup
	for n := range 4 {
		l.form(&citizens, mark("form", n), nil)
	}
	l.twin(&citizens, mark("jumeau", 0))
	l.form(&citizens, mark("pj", 0), bytes.Repeat([]byte{0, 1, 2, 3, byte(round)}, 80_000))

	first := tw.launch(crashpoint.EnvVar + "=" + spec)
	if !first.dieBy(40 * time.Second) {
		t.Fatalf("%s was not reached:\n%s", spec, first.log.tail(60))
	}
	restarted := time.Now()
	second := tw.start()
	citizens.Wait()
	l.check()
	t.Logf("everything settled %s after the restart", time.Since(restarted).Round(10*time.Millisecond))
	tw.eventually(20*time.Second, "inbox and scan folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
	tw.verify()
	second.stop()
}

// lying lists the scans that still lie in the folder.
func (tw *town) lying() []string {
	tw.t.Helper()
	names, err := filepath.Glob(filepath.Join(tw.scans, "*.pdf"))
	if err != nil {
		tw.t.Fatal(err)
	}
	sort.Strings(names)
	return names
}
