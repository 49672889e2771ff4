package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/deliver/handover/sshdtest"
)

var faultKills = flag.Int("faults.kills", 20, "how often make test-faults kills the daemon at each crash point")

// siege is a town that is killed over and over at one point.
type siege struct {
	*town
	l *load
	// more is what the town gets in each tick beside mails, forms and scans, so that the
	// point is passed as often as it takes; nil: nothing.
	more func(tr *traffic, round, n int)
	// atEnd looks at what only the end shows; nil: nothing.
	atEnd func(kills int)
	// most is the highest count of passing at which the town is killed.
	most int
}

// sieged makes the town that passes a point.
func sieged(t *testing.T, point string) *siege {
	t.Helper()
	quiet := func(s *townSetup) { s.level = "info" }
	s := &siege{most: 20}
	switch {
	case point == "mailbox.copied", point == "mailbox.flagged": // the path of a server without MOVE
		s.town = newTown(t, quiet, withDovecot(dovecottest.WithCapability("IMAP4rev1 UIDPLUS IDLE LITERAL+ SASL-IR")))
	case strings.HasPrefix(point, "api."), strings.HasPrefix(point, "open311."):
		s.town = newTown(t, quiet, func(s *townSetup) { s.extra = "  open311: {enabled: true}\n" })
		s.start().stop() // makes the database
		secret := s.key("portail", "submit,open311", "--rate-limit", "100000")
		s.more = func(tr *traffic, round, n int) {
			tr.call(strings.HasPrefix(point, "api"), fmt.Sprintf("k%dxappel%d", round, n), secret)
		}
	case strings.HasPrefix(point, "mail."):
		post := newPostTown(t, "", quiet)
		s.town = post.town
		s.more = func(tr *traffic, round, n int) {
			name := fmt.Sprintf("k%dxecrit%d", round, n)
			if point == "mail.bouncing" {
				name = fmt.Sprintf("bounce.k%dxecrit%d", round, n)
			}
			mark := strings.TrimPrefix(name, "bounce.")
			// Each about another street light: a matter of its own.
			text := strings.Replace(lampText, "12 rue des Acacias", fmt.Sprintf("%d rue du Repère %s", n+1, mark), 1)
			tr.l.tw.dovecot.Deliver(townUser, citizenMail(name, "", text))
			tr.l.marks[mark] = ingest.StateFiled
		}
		s.atEnd = func(kills int) { post.answeredOnce(kills, s.l) }
	case strings.HasPrefix(point, "handover."):
		server := sshdtest.Start(t)
		s.town = newTown(t, quiet, withConnector(fmt.Sprintf("  - {name: depot, type: sftp, categories: [voirie], url: %q, username: %q, key_file: %q, host_key: %q, poll: 0s}",
			fmt.Sprintf("sftp://%s:%d%s", server.Host, server.Port, server.Dir), server.Username, server.KeyFile, server.HostKey)))
		s.more = func(tr *traffic, round, n int) { tr.handed(fmt.Sprintf("k%dxvoirie%d", round, n)) }
		s.atEnd = func(int) { s.handedOnce(server.Dir) }
	case point == "store.collating", point == "copy.stored":
		s.town = newTown(t, quiet)
		s.most = 2 // each takes seconds of OCR
		sheet := s.printedSheet()
		pile := stack(t, scanned(t, "alpha"), sheet, scanned(t, "bravo"))
		s.more = func(tr *traffic, round, n int) {
			if n == 0 || n == 5 {
				tr.pile(fmt.Sprintf("k%dxpile%d", round, n), pile)
			}
		}
	default:
		s.town = newTown(t, quiet)
		switch point {
		case "scan.retried":
			s.more = func(tr *traffic, round, n int) {
				tr.comeback(fmt.Sprintf("k%dxretour%d", round, n))
			}
		case "worker.set_aside":
			s.more = func(tr *traffic, round, n int) { tr.l.automaticMail(fmt.Sprintf("k%dxmachine%d", round, n)) }
		case "store.original_synced", "store.original_renamed":
			s.more = func(tr *traffic, round, n int) { tr.l.bigMail(fmt.Sprintf("k%dxlourd%d", round, n)) }
		}
	}
	s.l = newLoad(s.town)
	return s
}

// TestKillAtEveryPoint kills the daemon with SIGKILL at each crash point that it passes in traffic,
// 20 times each, each time at another passing of it, under traffic by every way in. After
// each restart the sources and the ledger are reconciled. make test has one such kill for
// two of the points, and TestKillAtEveryStep and its like for the rest.
func TestKillAtEveryPoint(t *testing.T) {
	t.Parallel()
	points := slices.DeleteFunc(namedPoints(t), func(point string) bool {
		// These are passed by a command, by a town on S3 and by one with clamd: TestKillWhileEliminating,
		// TestTownOnS3, TestKillBetweenVerdictAndFiling.
		return strings.HasPrefix(point, "eliminate.") || slices.Contains([]string{"store.original_sent", "worker.examined", "worker.held"}, point)
	})
	if !*faultsFull {
		points = []string{"api.submitted", "scan.retried"}
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			row := newFault(t, "kill -9 at "+point, "nothing lost, nothing twice, verify 0")
			s := sieged(t, point)
			kills := runs(1, *faultKills)
			slowest := time.Duration(0)
			for k := range kills {
				nth := 1 + k%s.most
				if !*faultsFull {
					nth = 2
				}
				settled := s.kill(t, k, fmt.Sprintf("%s:%d", point, nth))
				if t.Failed() {
					return
				}
				slowest = max(slowest, settled)
				row.ran()
			}
			if s.atEnd != nil {
				d := s.start()
				s.atEnd(kills)
				d.stop()
				s.verify()
			}
			row.saw("%d pieces, each there once; settled at most %s after a restart", len(s.l.marks)+len(s.l.twins)+len(s.l.piles), slowest.Round(10*time.Millisecond))
		})
	}
}

// kill runs the town under traffic until it is killed, starts it again and reconciles. It
// returns how long that took to settle.
func (s *siege) kill(t *testing.T, round int, spec string) time.Duration {
	var more func(*traffic, int)
	if s.more != nil {
		more = func(tr *traffic, n int) { s.more(tr, round, n) }
	}
	first := s.launch(crashpoint.EnvVar + "=" + spec)
	tr := s.l.begin(round, more)
	died := first.dieBy(2 * time.Minute)
	tr.stop()
	if !died {
		t.Fatalf("%s was not reached:\n%s", spec, first.log.tail(60))
	}
	s.l.acknowledged(t)
	restarted := time.Now()
	second := s.start()
	tr.citizens.Wait()
	s.l.reconcile(t)
	settled := time.Since(restarted)
	s.eventually(30*time.Second, "inbox and scan folder are empty", func() bool { return s.inbox() == 0 && len(s.lying()) == 0 })
	s.verify()
	second.stop()
	return settled
}

// call posts to one of the interfaces as a program does, until it is answered.
func (tr *traffic) call(api bool, mark, secret string) {
	tr.l.marks[mark] = ingest.StateFiled
	tw := tr.l.tw
	path, contentType, body := "/open311/v2/requests.json", "application/x-www-form-urlencoded",
		url.Values{"service_code": {"espaces-verts"}, "address_string": {"parc " + mark}, "description": {"Banc cassé, repère " + mark}}.Encode()
	header := []string{"Authorization", "Bearer " + secret}
	if api {
		path, contentType, body = "/api/v1/submissions", "application/json", `{"message":"Un banc est cassé au parc, repère `+mark+`.","email":"`+mark+`@example.org"}`
		header = append(header, "Idempotency-Key", mark)
	}
	tr.citizens.Go(func() {
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if status, _, err := tw.call(http.MethodPost, path, contentType, body, header...); err == nil && status/100 == 2 {
				tr.l.mu.Lock()
				defer tr.l.mu.Unlock()
				tr.l.told[mark] = ""
				return
			}
		}
		tw.t.Errorf("call %s was never answered", mark)
	})
}

// handed posts a form, with a file, that goes on to other software.
func (tr *traffic) handed(mark string) {
	tr.l.marks[mark] = ingest.StateFiled
	f := form(mark)
	f["category"] = "voirie"
	tr.l.formOf(&tr.citizens, mark, f, map[string][]byte{"a.bin": []byte(mark)})
}

// pile drops a pile of two letters: the scan is set aside, its letters are filed.
func (tr *traffic) pile(mark string, pdf []byte) {
	// A comment behind its end makes each pile another one.
	pdf = append(slices.Clone(pdf), []byte("\n%"+mark+"\n%%EOF\n")...)
	if err := writeSynced(filepath.Join(tr.l.tw.scans, mark+".pdf"), pdf); err != nil {
		tr.l.tw.t.Error(err)
	}
	tr.l.piles[mark] = true
}

// comeback drops a file that is no scan; a clerk drops it back from where it came to lie.
func (tr *traffic) comeback(mark string) {
	tw := tr.l.tw
	if err := writeSynced(filepath.Join(tw.scans, mark+".doc"), []byte("ceci n’est pas un scan, "+mark)); err != nil {
		tw.t.Error(err)
		return
	}
	tr.l.marks[mark], tr.l.back[mark] = ingest.StateFailed, true
	refused, _ := filepath.Glob(filepath.Join(tw.scans, "_échecs", "*.doc"))
	for _, f := range refused {
		if _, again := tr.back[filepath.Base(f)]; again {
			continue
		}
		// A clerk reads why it is there first.
		if notes, _ := filepath.Glob(f + ".*"); len(notes) == 0 {
			continue
		}
		tr.back[filepath.Base(f)] = struct{}{}
		if err := os.Rename(f, filepath.Join(tw.scans, filepath.Base(f))); err != nil {
			tw.t.Error(err)
		}
	}
}

// answeredOnce checks the receipts of a town that writes: each citizen has one, or the same
// one again for each kill.
func (tw *postTown) answeredOnce(kills int, l *load) {
	tw.t.Helper()
	want := map[string]bool{}
	for mark := range l.marks {
		if strings.Contains(mark, "xecrit") {
			want[mark] = true
		}
	}
	received := map[string]string{}
	var mu sync.Mutex
	tw.eventually(2*time.Minute, fmt.Sprintf("%d receipts are settled", len(want)), func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, m := range tw.mails() {
			if m.Kind == ingest.MailARE && strings.HasSuffix(m.To, "@"+eximtest.Domain) && (m.State == ingest.MailSent || m.State == ingest.MailBounced) {
				n++
				received[m.To] = m.MessageID
			}
		}
		return n >= len(want)
	})
	if len(received) != len(want) {
		tw.t.Errorf("%d citizens wrote, %d have a receipt", len(want), len(received))
	}
	extra := 0
	seen := map[string]string{}
	for _, m := range tw.exim.Received() {
		id := messageIDOf(m.Raw)
		if old, again := seen[m.EnvelopeTo]; again {
			extra++
			if old != id {
				tw.t.Errorf("%s got two receipts, %s and %s", m.EnvelopeTo, old, id)
			}
		}
		seen[m.EnvelopeTo] = id
	}
	if extra > kills {
		tw.t.Errorf("%d receipts went out again, at %d kills", extra, kills)
	}
}

// handedOnce checks the folder that cases are handed over to: one for each matter.
func (s *siege) handedOnce(dir string) {
	s.t.Helper()
	want := 0
	for mark := range s.l.marks {
		if strings.Contains(mark, "xvoirie") {
			want++
		}
	}
	count := func() map[string]int {
		found := map[string]int{}
		manifests, _ := filepath.Glob(filepath.Join(dir, "*", "*.json"))
		for _, f := range manifests {
			raw, err := os.ReadFile(f)
			if err != nil {
				s.t.Fatal(err)
			}
			if mark := marks.FindString(string(raw)); strings.Contains(mark, "xvoirie") {
				found[mark]++
			}
		}
		return found
	}
	s.eventually(3*time.Minute, fmt.Sprintf("%d cases are handed over", want), func() bool { return len(count()) >= want })
	for mark, n := range count() {
		if n != 1 {
			s.t.Errorf("%s was handed over %d times", mark, n)
		}
	}
}
