package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/mail"
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

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/redis/go-redis/v9"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/servertest/toxitest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

var (
	soakDays = flag.Int("soak.days", 1, "days of TestSoak")
	soakSeed = flag.Uint64("soak.seed", 8, "what happens in TestSoak, and when")
	soakHour = flag.Duration("soak.hour", 900*time.Millisecond, "how long an hour of TestSoak lasts at least")
)

// soak is a town's days, with all that is real but the time: mails, scans, forms and calls of a
// program come by its office hours, a clerk closes requests, and servers and the daemon itself
// fail at hours drawn by lot.
type soak struct {
	*postTown
	clock      *simClock
	zone       *time.Location
	imap, smtp *toxitest.Proxy
	rng        *rand.Rand
	d          *daemonProcess
	key        string
	ballast    *os.File // fills the disk under the data folder; nil: there is no such disk

	n        int
	mails    map[string]time.Time // by the hash of the bytes: when it came
	scans    map[string]bool      // by the hash of the bytes
	posts    map[string]bool      // by the mark in the subject: answered
	calls    map[string]bool      // by the id that was answered
	waiting  []map[string]string  // forms that were told to come back
	kills    int
	cuts     int
	faults   map[string]int
	down     map[string]int // hours left of what is down
	process  []vitals
	pictured string          // the day whose picture has come
	settled  map[string]bool // requests that the clerk has closed
}

// vitals are those of the daemon's process at the end of a day.
type vitals struct {
	day                            string
	weekend                        bool
	pid, rss, heap, fds, goroutine int // rss in KB; heap in KB, after a collection
}

// TestSoak lets days go by and counts at each midnight: every UID that the server gave, every file
// that was dropped, every post that was answered is in the ledger exactly once and has come to its
// end; every opening has its one receipt; the process does not grow.
func TestSoak(t *testing.T) {
	t.Parallel()
	row := newFault(t, fmt.Sprintf("soak of %d days of simulated time", *soakDays),
		"each midnight: every UID, file, post and call in the ledger once and ended, one receipt for each opening, verify 0; the process does not grow")
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	// A Thursday; on the Sunday after it an hour comes twice.
	begin := time.Date(2025, 10, 23, 0, 0, 0, 0, zone)
	if *soakDays == 1 {
		begin = begin.AddDate(0, 0, 1)
	}
	s := newSoak(t, begin)
	for day := range *soakDays {
		s.day(begin.AddDate(0, 0, day), day)
		s.reconcile(begin.AddDate(0, 0, day))
		row.ran()
	}
	s.vital(row)
	var faults []string
	for name, n := range s.faults {
		faults = append(faults, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(faults)
	row.saw("%d mails, %d scans, %d forms, %d calls", len(s.mails), len(s.scans), len(s.posts), len(s.calls))
	row.saw("faults: %s", strings.Join(faults, ", "))
	s.d.stop()
}

func newSoak(t *testing.T, begin time.Time) *soak {
	s := &soak{
		zone: begin.Location(), rng: rand.New(rand.NewPCG(*soakSeed, 0)),
		mails: map[string]time.Time{}, scans: map[string]bool{}, posts: map[string]bool{}, calls: map[string]bool{},
		faults: map[string]int{}, down: map[string]int{}, settled: map[string]bool{},
	}
	var options []townOption
	disk := t.TempDir()
	if err := syscall.Mount("saisine-soak", disk, "tmpfs", 0, "size=300m"); err == nil {
		t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
		options = append(options, func(o *townSetup) { o.data = filepath.Join(disk, "data") })
		if s.ballast, err = os.Create(filepath.Join(disk, "ballast")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.ballast.Close() })
	}
	options = append(options, func(o *townSetup) { o.level = "info" })
	s.postTown = newPostTown(t, "letters: {days_before: 60, review: accueil@"+eximtest.Domain+", manager: dgs@"+eximtest.Domain+"}\n", options...)
	s.clock = newSimClock(t, begin)
	s.env = []string{s.clock.env()}
	s.imap = toxitest.Start(t, s.dovecot.IMAPSPort)
	s.smtp = toxitest.Start(t, s.exim.SubmissionPort)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for port, proxy := range map[int]*toxitest.Proxy{s.dovecot.IMAPSPort: s.imap, s.exim.SubmissionPort: s.smtp} {
		text = bytes.Replace(text, []byte("port: "+strconv.Itoa(port)), []byte("port: "+strconv.Itoa(proxy.Port)), 1)
	}
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.d = s.start()
	s.key = s.town.key("portail", "submit")
	return s
}

// day lets a day go by, hour by hour; one on which the clocks change has 23 or 25 of them.
func (s *soak) day(midnight time.Time, number int) {
	s.t.Helper()
	end := midnight.AddDate(0, 0, 1)
	lot := s.lots(number)
	for at := midnight; at.Before(end); at = at.Add(time.Hour) {
		s.clock.set(at)
		turn := time.Now()
		hour := at.Sub(midnight) / time.Hour
		slices.SortFunc(lot[int(hour)], func(a, b string) int { return strings.Compare(b, a) }) // the daemon last: Redis ends with it
		for _, fault := range lot[int(hour)] {
			s.faults[fault]++
			s.strike(fault)
		}
		s.load(at)
		s.recover()
		// An hour has to last as long as the daemon needs to see what is due in it.
		if left := *soakHour - time.Since(turn); left > 0 {
			time.Sleep(left)
		}
	}
	for name := range s.down {
		s.down[name] = 1
	}
	s.recover()
	s.clock.set(end)
}

// lots draws at what hours of a day what fails. In the second half of a longer soak the daemon is
// left alone, so that what it holds of memory and files can be compared.
func (s *soak) lots(number int) map[int][]string {
	lot := map[int][]string{}
	draw := func(from, to int, fault string) {
		hour := from + s.rng.IntN(to-from)
		lot[hour] = append(lot[hour], fault)
	}
	draw(7, 10, "IMAP down")
	draw(10, 17, "SMTP down")
	draw(8, 18, "Redis flushed")
	draw(0, 20, "Redis killed")
	draw(13, 18, "IMAP silent")
	draw(8, 18, "IMAP cut")
	draw(8, 18, "SMTP cut")
	if number < (*soakDays+1)/2 {
		draw(8, 12, "daemon killed")
		draw(12, 22, "daemon killed")
	}
	if s.ballast != nil && number%2 == 0 {
		draw(9, 15, "disk full")
	}
	return lot
}

func (s *soak) strike(fault string) {
	s.t.Helper()
	switch fault {
	case "daemon killed":
		s.kills++
		d := s.d
		time.AfterFunc(time.Duration(s.rng.IntN(400))*time.Millisecond, d.kill)
	case "Redis flushed":
		c := redis.NewClient(&redis.Options{Network: "unix", Addr: filepath.Join(s.data, "redis", "redis.sock")})
		_ = c.FlushAll(s.t.Context()).Err() // it may have been killed just now
		_ = c.Close()
	case "Redis killed":
		if s.d.ended() { // with it Redis has ended too
			s.d = s.start()
		}
		s.signalRedis(syscall.SIGKILL)
	case "IMAP down":
		s.imap.Down()
		s.down[fault] = 3
	case "SMTP down":
		s.smtp.Down()
		s.down[fault] = 4
	case "IMAP silent":
		s.imap.Downstream("timeout", toxitest.Attributes{"timeout": 0})
		s.down[fault] = 2
	case "IMAP cut":
		s.imap.Downstream("limit_data", toxitest.Attributes{"bytes": 3000 + s.rng.IntN(30_000)})
		s.down[fault] = 1
	case "SMTP cut":
		s.cuts++
		s.smtp.Downstream("limit_data", toxitest.Attributes{"bytes": 1500 + s.rng.IntN(1500)})
		s.down[fault] = 2
	case "disk full":
		s.fill()
		s.down[fault] = 2
	}
}

// fill takes the disk's last block.
func (s *soak) fill() {
	for size := 1 << 20; size >= 512; size /= 2 {
		for {
			if _, err := s.ballast.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}

// recover ends what was down for its time, and starts a daemon that was killed, as systemd does.
func (s *soak) recover() {
	s.t.Helper()
	for name := range s.down {
		if s.down[name]--; s.down[name] > 0 {
			continue
		}
		delete(s.down, name)
		switch {
		case name == "IMAP down":
			s.imap.Up()
		case name == "SMTP down":
			s.smtp.Up()
		case name == "disk full":
			if err := s.ballast.Truncate(0); err != nil {
				s.t.Fatal(err)
			}
			if _, err := s.ballast.Seek(0, 0); err != nil {
				s.t.Fatal(err)
			}
		case strings.HasPrefix(name, "IMAP") && s.down["IMAP down"] == 0:
			s.imap.Clear()
		case strings.HasPrefix(name, "SMTP") && s.down["SMTP down"] == 0:
			s.smtp.Clear()
		}
	}
	if s.d.ended() {
		if s.down["disk full"] == 0 || s.d.cmd.ProcessState.ExitCode() != 0 {
			s.d = s.start()
		}
	}
}

var soakStreets = []string{"des Acacias", "Pasteur", "du Moulin", "de la Gare", "des Lilas", "Victor-Hugo", "du Lavoir", "des Tilleuls"}

var soakMatters = []string{
	"Le lampadaire devant le %d rue %s est en panne, la rue est dans le noir.",
	"Un nid de poule s’est formé devant le %d rue %s, une voiture y a crevé.",
	"Les ordures ménagères du %d rue %s n’ont pas été ramassées cette semaine.",
	"Je demande l’inscription de mon fils à l’école pour la rentrée, nous habitons le %d rue %s.",
	"Les branches de l’arbre du %d rue %s touchent les fils, merci de l’élaguer.",
	"Le voisin du %d rue %s fait du bruit toutes les nuits après minuit.",
}

// words is the nth matter, which no other resembles.
func (s *soak) words(n int) string {
	return fmt.Sprintf(soakMatters[n%len(soakMatters)], 1+n, soakStreets[n/len(soakMatters)%len(soakStreets)]) + fmt.Sprintf(" Repère s%dx.", n)
}

// load is what comes in an hour.
func (s *soak) load(at time.Time) {
	s.t.Helper()
	local := at.In(s.zone)
	office := local.Hour() >= 8 && local.Hour() < 18 && local.Weekday() != time.Saturday && local.Weekday() != time.Sunday
	upTo := func(busy, quiet int) int {
		if office {
			return s.rng.IntN(busy + 1)
		}
		return s.rng.IntN(quiet + 1)
	}
	for range upTo(7, 2) {
		s.mail(at)
	}
	var citizens sync.WaitGroup
	again := s.waiting
	s.waiting = nil
	var mu sync.Mutex
	send := func(fields map[string]string) {
		citizens.Go(func() {
			status, _, _, err := s.post(fields, nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && status == http.StatusSeeOther {
				s.posts[fields["subject"]] = true
			} else {
				s.waiting = append(s.waiting, fields) // they come back in an hour
			}
		})
	}
	for _, fields := range again {
		send(fields)
	}
	for range upTo(4, 1) {
		s.n++
		send(map[string]string{
			"name": fmt.Sprintf("Citoyenne %d", s.n), "email": fmt.Sprintf("c%d@%s", s.n, eximtest.Domain),
			"subject": fmt.Sprintf("Formulaire s%dx", s.n), "message": s.words(s.n),
		})
	}
	for range upTo(2, 0) {
		s.scan(at)
	}
	citizens.Wait()
	for range upTo(2, 1) {
		s.n++
		s.program()
	}
	if office && local.Hour()%3 == 0 {
		s.clerk()
	}
}

func (s *soak) mail(at time.Time) {
	s.n++
	raw := citizenMail(fmt.Sprintf("c%d", s.n), "", s.words(s.n))
	raw = bytes.Replace(raw, []byte("Subject: Lampadaire en panne"), fmt.Appendf(nil, "Subject: Courriel s%dx", s.n), 1)
	if s.rng.IntN(4) == 0 { // some are large
		raw = append(raw, bytes.Repeat([]byte("Une ligne de plus qui ne dit rien de neuf.\r\n"), 1+s.rng.IntN(5000))...)
	}
	when := at.Truncate(time.Second)
	s.mails[hashOf(raw)] = when
	s.dovecot.DeliverAt(townUser, when, raw)
}

func hashOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// scan drops a letter: one a day is a picture that has to be recognised.
func (s *soak) scan(at time.Time) {
	s.t.Helper()
	s.n++
	pages := []string{fmt.Sprintf("Objet : courrier s%dx\n\nMadame la Maire,\n%s\nJe vous prie d'agréer mes salutations.", s.n, s.words(s.n))}
	make := samplescan.TextPDF
	if today := at.Format(time.DateOnly); today != s.pictured {
		s.pictured = today
		make = func(pages []string) ([]byte, error) { return samplescan.PDF(pages, samplescan.Options{}) }
	}
	pdf, err := make(pages)
	if err != nil {
		s.t.Fatal(err)
	}
	s.scans[hashOf(pdf)] = true
	s.dropScan(fmt.Sprintf("s%dx.pdf", s.n), pdf)
}

// program is a call of another program, which repeats it under its key until it is answered. While the
// daemon is away it gives up and has handed in nothing.
func (s *soak) program() {
	s.t.Helper()
	body := fmt.Sprintf(`{"message":%q,"email":"c%d@%s","subject":"Appel s%dx"}`, s.words(s.n), s.n, eximtest.Domain, s.n)
	last := ""
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		status, answer, err := s.call(http.MethodPost, "/api/v1/submissions", "application/json", body, "Authorization", "Bearer "+s.key, "Idempotency-Key", fmt.Sprint("s", s.n))
		var made struct {
			ID string `json:"id"`
		}
		if err == nil && status/100 == 2 && json.Unmarshal([]byte(answer), &made) == nil {
			s.calls[made.ID] = true
			return
		}
		last = fmt.Sprint(status, " ", answer, err)
		if s.d.ended() {
			s.d = s.start()
		}
		if s.down["disk full"] > 0 {
			return // it was told that nothing is recorded
		}
	}
	s.t.Errorf("the call s%d was never answered: %s", s.n, last)
}

// clerk closes the oldest request that is open, so that a notice goes out and there is something
// to learn from.
func (s *soak) clerk() {
	if s.down["disk full"] > 0 {
		return
	}
	for _, q := range s.requests() {
		if !s.settled[q.Reference] {
			if _, code := s.saisine("requests", "set", q.Reference, "status", "closed"); code == 0 {
				s.settled[q.Reference] = true
			}
			return
		}
	}
}

// reconcile is the count at midnight.
func (s *soak) reconcile(day time.Time) {
	s.t.Helper()
	name := day.Format(time.DateOnly)
	begun := time.Now()
	for len(s.waiting) > 0 {
		again := s.waiting
		s.waiting = nil
		for _, fields := range again {
			s.eventually(30*time.Second, "a form that was told to come back is taken", func() bool {
				status, _, _, err := s.post(fields, nil)
				return err == nil && status == http.StatusSeeOther
			})
			s.posts[fields["subject"]] = true
		}
	}
	s.eventually(90*time.Second, name+": inbox and scan folder are empty", func() bool { return s.inbox() == 0 && len(s.lying()) == 0 })
	uidValidity, uids := s.given()
	want := uids + len(s.scans) + len(s.posts) + len(s.calls)
	subs := s.town.settled(want, 3*time.Minute)

	byKey, bySum, byMark, byID := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	openings := map[string]int{}
	for _, r := range subs {
		byKey[string(r.Channel)+" "+r.SourceKey]++
		bySum[string(r.Channel)+" "+r.SHA256]++
		byMark[r.Subject]++
		byID[r.ID]++
		if r.Link == ingest.LinkOpens {
			openings[r.Request]++
		}
		if r.State == ingest.StateFailed {
			s.t.Errorf("%s: %s failed: %s", name, r.SourceKey, r.Reason)
		}
		if came, ok := s.mails[r.SHA256]; ok {
			if at, err := time.Parse(time.RFC3339, r.ReceivedAt); err != nil || !at.Equal(came) {
				s.t.Errorf("%s: mail of %s is dated %s", name, came, r.ReceivedAt)
			}
		}
		if at, err := time.Parse(time.RFC3339, r.ReceivedAt); err != nil || at.After(s.clock.now()) {
			s.t.Errorf("%s: received in the future: %s", name, r.ReceivedAt)
		}
	}
	once := func(what string, have map[string]int, key string) {
		if have[key] != 1 {
			s.t.Errorf("%s: %s %s is in the ledger %d times", name, what, key, have[key])
		}
	}
	for uid := 1; uid <= uids; uid++ {
		once("UID", byKey, fmt.Sprintf("mailbox INBOX|%d|%d", uidValidity, uid))
	}
	for h := range s.mails {
		once("mail", bySum, "mailbox "+h)
	}
	for h := range s.scans {
		once("scan", bySum, "scan "+h)
	}
	for subject := range s.posts {
		once("form", byMark, subject)
	}
	for id := range s.calls {
		once("call", byID, id)
	}
	if len(subs) != want {
		s.t.Errorf("%s: %d rows in the ledger; %d UIDs, %d scans, %d forms, %d calls", name, len(subs), uids, len(s.scans), len(s.posts), len(s.calls))
	}
	for reference, n := range openings {
		if n != 1 {
			s.t.Errorf("%s: %s was opened %d times", name, reference, n)
		}
	}
	s.receipts(name, subs)
	s.nightly(day)
	s.verify()
	v := s.vitals(name)
	v.weekend = day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	s.process = append(s.process, v)
	s.t.Logf("%s: %d UIDs, %d scans, %d forms, %d calls reconciled in %v; %d MB, %d MB of them heap, %d files, %d goroutines", name, uids, len(s.scans), len(s.posts), len(s.calls),
		time.Since(begun).Round(time.Second), v.rss>>10, v.heap>>10, v.fds, v.goroutine)
}

// given says which UIDs the server has ever given: 1 up to the number that comes back.
func (s *soak) given() (uidValidity uint32, last int) {
	s.t.Helper()
	s.dovecot.Client(townUser, func(c *imapclient.Client) error {
		data, err := c.Status("INBOX", &imap.StatusOptions{UIDValidity: true, UIDNext: true}).Wait()
		if err == nil {
			uidValidity, last = data.UIDValidity, int(data.UIDNext)-1
		}
		return err
	})
	return uidValidity, last
}

// receipts looks at what went out: to each opening by mail, form or program one receipt, and what
// arrived twice is the same mail.
func (s *soak) receipts(name string, subs []view.Submission) {
	s.t.Helper()
	var mails []view.Mail
	s.eventually(2*time.Minute, name+": the receipts are sent", func() bool {
		mails = s.postTown.mails()
		for _, m := range mails {
			if m.State == ingest.MailQueued && (m.Kind == ingest.MailARE || m.Kind == ingest.MailAEE) {
				return false
			}
		}
		return true
	})
	receipts := map[string]int{}
	for _, m := range mails {
		if m.Kind == ingest.MailARE || m.Kind == ingest.MailAEE {
			receipts[m.Submission+" "+string(m.Kind)]++
			if m.State != ingest.MailSent {
				s.t.Errorf("%s: a receipt is %s: %s", name, m.State, m.Reason)
			}
		}
	}
	for _, r := range subs {
		if r.Link != ingest.LinkOpens || r.Channel == ingest.ChannelScan {
			continue
		}
		are, aee := receipts[r.ID+" are"], receipts[r.ID+" aee"]
		if are > 1 || aee > 1 || are+aee == 0 {
			s.t.Errorf("%s: %s (%s) has %d AEE and %d ARE", name, r.Subject, r.Request, aee, are)
		}
	}
	arrived, twice := map[string]string{}, 0
	for _, m := range s.exim.Received() {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			s.t.Fatal(err)
		}
		id := strings.Trim(msg.Header.Get("Message-ID"), "<>")
		if to, ok := arrived[id]; ok {
			twice++
			if to != m.EnvelopeTo {
				s.t.Errorf("%s: %s went to two people", name, id)
			}
		}
		arrived[id] = m.EnvelopeTo
	}
	for _, m := range mails {
		if _, ok := arrived[m.MessageID]; m.State == ingest.MailSent && !ok {
			s.t.Errorf("%s: %s to %s counts as sent and did not arrive", name, m.Kind, m.To)
		}
	}
	// Only where the answer of the mail server was lost may one go twice.
	if most := s.kills + 2*s.cuts*outboundWorkers; twice > most {
		s.t.Errorf("%s: %d mails arrived twice, %d at most could", name, twice, most)
	}
	if n := s.faults["arrived twice"]; twice > n {
		s.faults["arrived twice"] = twice
	}
}

// nightly looks whether the jobs of the day were done: the training of the night, and the morning
// mail on working days, once.
func (s *soak) nightly(day time.Time) {
	s.t.Helper()
	name := day.Format(time.DateOnly)
	night, err := os.ReadFile(filepath.Join(s.data, "models", "night"))
	if err != nil || strings.TrimSpace(string(night)) != name {
		s.t.Errorf("the night of %s was not seen to: %q, %v", name, night, err)
	}
	mornings := map[string]int{}
	for _, m := range s.postTown.mails() {
		at, err := time.Parse(time.RFC3339, m.CreatedAt)
		if err != nil {
			s.t.Fatal(err)
		}
		at = at.In(s.zone)
		if m.Kind != ingest.MailMorning || at.Format(time.DateOnly) != name {
			continue
		}
		mornings[m.To]++
		if at.Hour() < 8 || at.Hour() >= 18 {
			s.t.Errorf("a morning mail at %s", at)
		}
	}
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	if weekend != (len(mornings) == 0) {
		s.t.Errorf("%s: %d services had a morning mail", name, len(mornings))
	}
}

// vitals reads how the daemon's process fares.
func (s *soak) vitals(day string) vitals {
	s.t.Helper()
	v := vitals{day: day, pid: s.d.cmd.Process.Pid}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	if m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status); m != nil {
		v.rss, _ = strconv.Atoi(string(m[1]))
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", v.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	v.fds = len(fds)
	_ = get(s.t, "http://"+s.admin+"/debug/pprof/heap?gc=1")
	metrics := get(s.t, "http://"+s.admin+"/metrics")
	for name, to := range map[string]*int{"go_goroutines": &v.goroutine, "go_memstats_heap_alloc_bytes": &v.heap} {
		if m := regexp.MustCompile(`(?m)^` + name + ` (\S+)`).FindStringSubmatch(metrics); m != nil {
			n, _ := strconv.ParseFloat(m[1], 64)
			*to = int(n)
		}
	}
	v.heap >>= 10
	return v
}

// vital compares the working days on which the process was the same: on a quiet day fewer
// connections are open at once, to the database and to Redis.
func (s *soak) vital(row *faultRow) {
	s.t.Helper()
	last := s.process[len(s.process)-1]
	first := last
	for _, v := range slices.Backward(s.process) {
		if v.pid == last.pid && !v.weekend {
			first = v
		}
	}
	row.saw("from %s to %s in one process: %d to %d MB of heap, %d to %d MB in all, %d to %d files, %d to %d goroutines", first.day, last.day,
		first.heap>>10, last.heap>>10, first.rss>>10, last.rss>>10, first.fds, last.fds, first.goroutine, last.goroutine)
	if last.fds > first.fds+10 || last.goroutine > first.goroutine+20 || last.heap > first.heap*5/4+10<<10 || last.rss > first.rss*3/2+20<<10 {
		s.t.Errorf("the process grows: %+v", s.process)
	}
}
