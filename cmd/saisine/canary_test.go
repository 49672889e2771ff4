package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/deliver/webhook"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// canary is a word that no program says by itself. All that a citizen of this town says of
// themselves holds it, or is one of the others.
const canary = "zqcanari"

const (
	canaryName  = "Zqcanari Duponteau"
	canaryPhone = "06 39 98 71 53"
	canaryIBAN  = "FR76 3000 6000 0112 3456 7890 189"
	canaryRef   = "ZQ-47110815-C"
	canaryText  = "Bonjour,\r\n\r\nje suis " + canaryName + ", 12 rue Zqcanari. Mon numéro est le " + canaryPhone + ", mon compte " + canaryIBAN +
		", mon dossier " + canaryRef + ". Le lampadaire est en panne.\r\n"
)

// canaries are what must not be found, in small letters, and how each is called.
type canaries map[string]string

func newCanaries() canaries {
	c := canaries{
		canary: "the word", strings.ReplaceAll(strings.ToLower(canaryRef), "-", ""): "the reference", strings.ToLower(canaryRef): "the reference",
		canaryPhone: "the phone", "639987153": "the phone", "639 98 71 53": "the phone", strings.ToLower(canaryIBAN): "the IBAN", strings.ToLower(strings.ReplaceAll(canaryIBAN, " ", "")): "the IBAN",
		strings.ToLower(deskPassword): "the agent's password", strings.ToLower(dovecottest.Password): "the mailbox's password",
	}
	// As base64 has the word, wherever it begins, in the two spellings that are used.
	for _, word := range []string{canary, "Zqcanari"} {
		for skip := range 3 {
			coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("-", skip) + word))
			c[strings.ToLower(coded[(skip*8+5)/6:len(coded)-2])] = "the word in base64"
		}
	}
	return c
}

func (c canaries) secret(what, value string) string {
	if len(value) >= 8 {
		c[strings.ToLower(value)] = what
	}
	return value
}

// in returns the lines of a text that hold one of the canaries, and what they hold.
func (c canaries) in(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		low := strings.ToLower(line)
		for word, what := range c {
			if strings.Contains(low, word) {
				found = append(found, fmt.Sprintf("%s: %.600s", what, line))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// imapLiar passes on all that is said between the daemon and a real Dovecot, but for a few
// commands, which it refuses with words of a server that quotes the mail.
type imapLiar struct {
	ln   net.Listener
	to   string
	mu   sync.Mutex
	lies map[string]int // how often a command is refused yet
	told int
}

func newIMAPLiar(t *testing.T, to int, lies map[string]int) *imapLiar {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &imapLiar{ln: ln, to: net.JoinHostPort("127.0.0.1", strconv.Itoa(to)), lies: lies}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return l
}

func (l *imapLiar) port() int { return l.ln.Addr().(*net.TCPAddr).Port }

func (l *imapLiar) serve(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer s.Close()
	go func() { _, _ = io.Copy(c, s); _ = c.Close() }()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if l.lie(line) {
			tag, _, _ := strings.Cut(line, " ")
			_, err = fmt.Fprintf(c, "%s NO [SERVERBUG] cannot do this to the mail \"%s\" of %s <%s@example.fr>\r\n", tag, "Sujet "+canary, canaryName, canary)
		} else {
			_, err = io.WriteString(s, line)
		}
		if err != nil {
			return
		}
	}
}

func (l *imapLiar) lie(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for command, left := range l.lies {
		if left > 0 && strings.Contains(strings.ToUpper(line), command) {
			l.lies[command]--
			l.told++
			return true
		}
	}
	return false
}

// offspring watches what the processes below one show of themselves.
type offspring struct {
	mu   sync.Mutex
	seen map[string]bool
	stop chan struct{}
	done sync.WaitGroup
}

func watchOffspring(pid int) *offspring {
	o := &offspring{seen: map[string]bool{}, stop: make(chan struct{})}
	o.done.Go(func() {
		for {
			select {
			case <-o.stop:
				return
			case <-time.After(15 * time.Millisecond):
			}
			o.look(pid)
		}
	})
	return o
}

var parentPID = regexp.MustCompile(`\) \S (\d+) `)

func (o *offspring) look(root int) {
	parents := map[int]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
			if m := parentPID.FindSubmatch(stat); m != nil {
				parents[pid], _ = strconv.Atoi(string(m[1]))
			}
		}
	}
	for pid := range parents {
		at := pid
		for at > 1 && at != root {
			at = parents[at]
		}
		if at != root {
			continue
		}
		for _, name := range []string{"cmdline", "environ"} {
			raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
			o.mu.Lock()
			o.seen[strings.ReplaceAll(string(raw), "\x00", "\n")] = true
			o.mu.Unlock()
		}
	}
}

func (o *offspring) all() string {
	close(o.stop)
	o.done.Wait()
	var b strings.Builder
	for text := range o.seen {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// Nothing that a citizen says of themselves, and no secret, is in the log at level debug, in the
// metrics, in /readyz, in what Redis keeps or in the list of processes, whatever way it came and
// whatever went wrong with it.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	c := newCanaries()
	var hookCalls sync.Map
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hookCalls.Store(string(body), true)
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "no: %s of %s <%s@example.fr>", body, canaryName, canary)
	}))
	t.Cleanup(hook.Close)
	secretFile := filepath.Join(t.TempDir(), "hook.secret")
	if err := os.WriteFile(secretFile, []byte(c.secret("the webhook's secret", webhook.NewSecret())), 0o600); err != nil {
		t.Fatal(err)
	}
	tw := newPostTown(t, fmt.Sprintf(`
api: {enabled: true}
webhooks:
  - {name: sourd, url: "%s/%s?cle=%s", secret_file: %q, allow: [127.0.0.1]}
`, hook.URL, canary, canary, secretFile), func(s *townSetup) {
		s.extra = "  open311: {enabled: true, jurisdiction_id: saint-exemple.fr}\n"
	})
	c.secret("the mail server's password", tw.exim.Password)
	liar := newIMAPLiar(t, tw.dovecot.IMAPPort, map[string]int{"UID MOVE": 2, "UID FETCH": 1, "UID SEARCH": 1, "LOGIN": 1, "AUTHENTICATE": 1})
	tw.reconfigure("port: "+strconv.Itoa(tw.dovecot.IMAPSPort)+", tls: implicit", "port: "+strconv.Itoa(liar.port())+", tls: none")
	d := tw.start(hookPause + "=200ms")
	tw.addAgent("anne", ingest.RoleAdministrator)
	processes := watchOffspring(d.cmd.Process.Pid)
	var looked bytes.Buffer
	look := func() {
		for _, page := range []string{"/metrics", "/readyz"} {
			looked.WriteString(get(t, "http://"+tw.admin+page))
		}
	}

	// By mail: whole, with files, malformed, an answer to nobody, a bounce of our own receipt.
	mailFrom := func(local, extra, body string) []byte {
		return fmt.Appendf(nil, "Return-Path: <%[1]s@%[2]s>\r\nFrom: %[3]s <%[1]s@%[2]s>\r\nTo: %[4]s\r\nSubject: Lampadaire %[5]s %[6]s\r\nMessage-ID: <%[1]s.%[5]s@%[2]s>\r\n"+
			"MIME-Version: 1.0\r\n%[7]s\r\n%[8]s", local, eximtest.Domain, canaryName, townUser, canary, canaryRef, extra, body)
	}
	text := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
	letter, err := samplescan.TextPDF([]string{strings.ReplaceAll(canaryText, "\r\n", "\n")})
	if err != nil {
		t.Fatal(err)
	}
	scan, err := samplescan.PDF([]string{strings.ReplaceAll(canaryText, "\r\n", "\n")}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	broken := append(slices.Clone(letter[:len(letter)/2]), []byte("Zqcanari")...)
	attached := func(name string, content []byte) string {
		return "--b\r\n" + text + "\r\n" + canaryText + "\r\n--b\r\nContent-Type: application/pdf; name=\"" + name + "\"\r\nContent-Disposition: attachment; filename=\"" + name +
			"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(content) + "\r\n--b--\r\n"
	}
	mixed := "Content-Type: multipart/mixed; boundary=b\r\n"
	mails := [][]byte{
		mailFrom(canary, text, canaryText),
		mailFrom("refuse."+canary, text, canaryText+"Numéro 2."),
		mailFrom("later."+canary, text, canaryText+"Numéro 3."),
		mailFrom("bounce."+canary, text, canaryText+"Numéro 4."),
		mailFrom(canary+".5", mixed, attached("Lettre de Zqcanari.pdf", scan)),
		mailFrom(canary+".6", mixed, attached("Zqcanari gâté.pdf", broken)),
		mailFrom(canary+".7", mixed, attached("Zqcanari\" ; x=\"\\y.pdf", letter)),
		mailFrom(canary+".8", "Auto-Submitted: auto-replied\r\n"+text, canaryText),
		mailFrom(canary+".9", "Zqcanari sans deux-points\r\nContent-Type: text/Zqcanari; charset=x-zqcanari\r\nDate: Zqcanari\r\n", canaryText),
		mailFrom(canary+".10", "Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: zqcanari\r\n", "--zqcanari\r\n\r\n"+canaryText),
		mailFrom(canary+".11", "Content-Type: application/ms-tnef; name=zqcanari.dat\r\nContent-Transfer-Encoding: base64\r\n", "enFjYW5hcmk!zqcanari\r\n"),
		[]byte("Zqcanari\r\n\r\n"),
		{},
	}
	for _, m := range mails {
		tw.dovecot.Deliver(townUser, m)
	}

	// By paper: a letter, one that only OCR reads, broken ones, one in the way, a folder too deep.
	tw.dropScan("Zqcanari Duponteau.pdf", scan)
	tw.dropScan("Zqcanari texte.pdf", letter)
	tw.dropScan("Zqcanari gâté.pdf", broken)
	tw.dropScan("Zqcanari.tiff", []byte("II*\x00zqcanari"))
	tw.dropScan("Zqcanari.exe", []byte("MZ zqcanari"))
	if err := os.MkdirAll(filepath.Join(tw.scans, "Zqcanari/2/3/4/5/6/7"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nonexistent/zqcanari", filepath.Join(tw.scans, "Lien Zqcanari.pdf")); err != nil {
		t.Fatal(err)
	}

	// By the form: with a file, over a limit, malformed, a follow-up page with and without its key.
	fields := map[string]string{
		"name": canaryName, "email": canary + ".f@" + eximtest.Domain, "phone": canaryPhone, "address": "12 rue Zqcanari", "subject": "Zqcanari " + canaryRef,
		"message": canaryText, "place": "12 rue Zqcanari", "category": canary,
	}
	status, location, _, err := tw.post(fields, map[string][]byte{"Photo de Zqcanari.pdf": letter})
	if err != nil || status != http.StatusSeeOther {
		t.Fatal(status, err)
	}
	token := c.secret("the follow-up token", strings.TrimPrefix(location, "/suivi/"))
	get(t, "http://"+tw.public+location)
	get(t, "http://"+tw.public+"/suivi/"+canary+"?q="+canary)
	get(t, "http://"+tw.public+"/suivi/"+token[:len(token)-2]+"zz")
	_, _, _, _ = tw.postTo(location, map[string]string{"message": canaryText + "Suite."}, map[string][]byte{"Zqcanari.png": broken})
	_, _, _, _ = tw.post(map[string]string{"message": strings.Repeat(canaryText, 20_000), "email": canary}, map[string][]byte{"Zqcanari": bytes.Repeat([]byte("z"), 30<<20)})
	_, _, _ = tw.call(http.MethodPost, "/demandes", "multipart/form-data; boundary="+canary, "--"+canary+"\r\nContent-Disposition: form-data; name=\"zqcanari\"; filename=\"zq\r\n\r\n"+canaryText)
	_, _, _ = tw.call(http.MethodPost, "/demandes", "application/"+canary, canaryText)

	// By other programs, with keys that are right and wrong.
	key := c.secret("an API key", tw.key("portail", "submit,read,open311"))
	bearer := []string{"Authorization", "Bearer " + key}
	body := fmt.Sprintf(`{"name":%q,"email":"%s.a@%s","phone":%q,"address":"12 rue Zqcanari","subject":"Zqcanari","message":%q}`, canaryName, canary, eximtest.Domain, canaryPhone, canaryText)
	for _, idempotency := range []string{canary + "-1", canary + "-1", canary + "-2"} {
		_, _, _ = tw.call(http.MethodPost, "/api/v1/submissions", "application/json", body, append(slices.Clone(bearer), "Idempotency-Key", idempotency)...)
	}
	_, _, _ = tw.call(http.MethodPost, "/api/v1/submissions", "application/json", body+"zqcanari", bearer...)
	_, _, _ = tw.call(http.MethodPost, "/api/v1/submissions", "application/json", `{"message":"`+canary+`","zqcanari":1}`, bearer...)
	_, _, _ = tw.call(http.MethodPost, "/api/v1/submissions", "application/json", body, "Authorization", "Bearer "+canary+canary)
	_, _, _ = tw.call(http.MethodGet, "/api/v1/requests/"+canary+"?q="+canary, "", "", bearer...)
	report := url.Values{"service_code": {"voirie"}, "jurisdiction_id": {"saint-exemple.fr"}, "address_string": {"12 rue Zqcanari"}, "description": {canaryText}, "email": {canary + "@example.fr"}, "first_name": {"Zqcanari"}, "phone": {canaryPhone}}
	for _, k := range []string{key, canary} {
		report.Set("api_key", k)
		_, _, _ = tw.call(http.MethodPost, "/open311/v2/requests.json", "application/x-www-form-urlencoded", report.Encode())
	}
	_, _, _ = tw.call(http.MethodGet, "/open311/v2/requests/"+canary+".json?service_code="+canary, "", "")

	// At the desk: wrong and right password, a note of the counter, searches, a page that is not there.
	keeper := &cookieKeeper{kept: map[string]string{}}
	anne := &session{t: t, url: "http://" + tw.public, client: &http.Client{Transport: keeper, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	anne.post("/agent/connexion", url.Values{"login": {canary}, "password": {canary + deskPassword}})
	anne.post("/agent/connexion", url.Values{"login": {"anne"}, "password": {"Zqcanari, un autre"}})
	if status, body := anne.post("/agent/connexion", url.Values{"login": {"anne"}, "password": {deskPassword}}); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	form := anne.form("texte", canaryText, "nom", canaryName, "telephone", canaryPhone, "courriel", canary+".g@"+eximtest.Domain, "lieu", "12 rue Zqcanari")
	id := anne.enter(form)
	for _, path := range []string{"/agent/", "/agent/?q=" + canary, "/agent/recherche?q=" + canary, "/agent/demandes/" + canary, "/agent/nouvelle/" + id, "/agent/" + canary, "/agent/pieces/" + canary + "/0"} {
		anne.get(path)
	}
	for name, value := range keeper.kept {
		c.secret("the cookie "+name, value)
	}
	look()

	// All of it comes to an end, and what goes wrong later goes wrong.
	tw.eventually(2*time.Minute, "all is settled", func() bool {
		look()
		subs := tw.submissions()
		return len(subs) >= len(mails)+4+4 && !slices.ContainsFunc(subs, func(s view.Submission) bool { return !s.State.Final() })
	})
	for _, state := range []ingest.MailState{ingest.MailSent, ingest.MailFailed, ingest.MailBounced} {
		if !tw.within(time.Minute, func() bool {
			return slices.ContainsFunc(tw.mails(), func(m view.Mail) bool { return m.State == state })
		}) {
			t.Errorf("no mail is %s: %+v", state, tw.mails())
		}
	}
	tw.eventually(30*time.Second, "the webhook was called in vain", func() bool {
		n := 0
		hookCalls.Range(func(any, any) bool { n++; return true })
		return n > 0 && tw.scrape()[`saisine_task_seconds_count{kind="outbox:webhook",outcome="retry"}`] > 0
	})
	tw.exim.Kill()
	tw.dovecot.Deliver(townUser, mailFrom(canary+".12", text, canaryText+"Numéro 12."))
	tw.eventually(30*time.Second, "the mail server's fault is named", func() bool { return names(tw.readiness().Problems, "smtp", "") })
	tw.dovecot.Kill()
	tw.eventually(30*time.Second, "the mailbox's fault is named", func() bool { look(); return names(tw.readiness().Problems, "mailbox/sve", "") })
	look()
	if liar.told < 4 {
		t.Errorf("the IMAP server lied only %d times", liar.told)
	}
	aof := redisFiles(t, tw.data)
	shown := processes.all()
	d.stop()

	if log := d.log.String(); strings.Count(log, "\n") < 100 || !strings.Contains(log, "level=DEBUG") {
		t.Errorf("the log has %d lines", strings.Count(log, "\n"))
	}
	if !strings.Contains(shown, "ocr-child") {
		t.Error("no OCR child was seen")
	}
	for where, text := range map[string]string{"the log": d.log.String(), "/metrics and /readyz": looked.String(), "Redis's files": aof, "the process list": shown} {
		if len(text) == 0 {
			t.Errorf("%s: nothing to look at", where)
		}
		for _, found := range c.in(text) {
			t.Errorf("%s holds %s", where, found)
		}
	}
	// The test would find it.
	for _, text := range []string{"x=Zqcanari", base64.StdEncoding.EncodeToString([]byte("ab Zqcanari Duponteau")), "token=" + token, "tel " + canaryPhone} {
		if len(c.in(text)) == 0 {
			t.Errorf("%q is not found", text)
		}
	}
}

// redisFiles are what the private Redis has written.
func redisFiles(t *testing.T, data string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join(data, "redis"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		b.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// reconfigure replaces a text of the configuration, which must be there.
func (tw *town) reconfigure(before, after string) {
	tw.t.Helper()
	raw, err := os.ReadFile(tw.config)
	if err != nil {
		tw.t.Fatal(err)
	}
	if !strings.Contains(string(raw), before) {
		tw.t.Fatalf("%q is not in the configuration:\n%s", before, raw)
	}
	if err := os.WriteFile(tw.config, []byte(strings.ReplaceAll(string(raw), before, after)), 0o600); err != nil {
		tw.t.Fatal(err)
	}
}
