package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/servertest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr"
)

// asProgram makes the test binary behave as saisine itself, so that the daemon under
// test is a process of its own that can be killed, built with the race detector.
const asProgram = "GO_TEST_AS_SAISINE"

// hookPause names the variable that shortens the pauses between the tries of a webhook, of
// which the third is five minutes.
const hookPause = "GO_TEST_HOOK_PAUSE"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ocrChild {
		becomePlain()
		os.Exit(ocr.ChildMain(os.Stdin, os.Stdout, os.Args[2:]))
	}
	if os.Getenv(asProgram) != "" {
		if file := os.Getenv(clockFile); file != "" {
			followClock(file)
		}
		if pause, err := time.ParseDuration(os.Getenv(hookPause)); err == nil {
			hookPauses = slices.Repeat([]time.Duration{pause}, len(hookPauses))
		}
		main()
		return
	}
	if err := errors.Join(buildPlain(), warmModel("")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stopEngines()
	os.Exit(code)
}

// program is this binary as saisine, or the one that GO_TEST_SAISINE_BINARY names (make bench
// measures what make build built).
func program() string {
	if p := os.Getenv("GO_TEST_SAISINE_BINARY"); p != "" {
		return p
	}
	return os.Args[0]
}

// realProgram is saisine as a town has it, without the race detector, which takes many times the
// memory and the time: what is measured must be what is shipped.
func realProgram() string {
	if p := os.Getenv("GO_TEST_SAISINE_BINARY"); p != "" {
		return p
	}
	return plainProgram()
}

// town is a town hall in temporary folders: a configuration, a Dovecot, a scan folder.
type town struct {
	t        testing.TB
	dir      string
	data     string
	database string // "" is SQLite
	scans    string
	config   string
	dovecot  *dovecottest.Server
	public   string // address of the form
	admin    string
	level    string
	exe      string // the daemon that runs here
	// cli is what commands are: a test looks with them over and over, and one that looks at a
	// store finds no more with the race detector.
	cli string
	// markCache holds the marks of rows, see ledger.
	markCache map[string]string
	// env is added to the environment of daemon and commands.
	env []string
}

const townUser = "sve@saint-exemple.fr"

type townOption func(*townSetup)

type townSetup struct {
	database string // "" is that of all towns
	data     string
	scans    string
	dovecot  []dovecottest.Option
	noMail   bool
	extra    string
	poll     string
	level    string
	exe      string
}

// testBuild makes the daemon this test binary: with the race detector where the tests have it. Whole
// towns in which much meets run so; the others, above all those that are killed and starved, run the
// program as a town has it, at a tenth of the cost. A test that asks for it belongs in the list
// MEETING of the Makefile, else make test runs it without the race detector.
func testBuild(s *townSetup) { s.exe = program() }

// newTown writes the configuration of a town that is quick to notice things.
func newTown(t testing.TB, opts ...townOption) *town {
	t.Helper()
	dir := t.TempDir()
	s := &townSetup{data: filepath.Join(dir, "data"), scans: filepath.Join(dir, "scans"), poll: "1s", level: "debug", exe: realProgram()}
	for _, o := range opts {
		o(s)
	}
	tw := &town{
		t: t, dir: dir, data: s.data, scans: s.scans, config: filepath.Join(dir, "saisine.yaml"),
		public: freePort(t), admin: freePort(t), level: s.level, exe: s.exe, cli: realProgram(),
	}
	if tw.database = s.database; tw.database == "" {
		tw.database = newDatabase(t)
	}
	if err := os.MkdirAll(tw.scans, 0o700); err != nil {
		t.Fatal(err)
	}
	mailboxes := ""
	if !s.noMail {
		tw.dovecot = dovecottest.Start(t, s.dovecot...)
		tw.dovecot.AddUser(townUser)
		mailboxes = fmt.Sprintf(`
  mailbox:
    - {name: sve, host: 127.0.0.1, port: %d, tls: implicit, tls_ca: %q, username: %q, password: %q, poll: %s}`,
			tw.dovecot.IMAPSPort, tw.dovecot.CAFile, townUser, dovecottest.Password, s.poll)
	}
	text := fmt.Sprintf(`
data_dir: %q
database: %q
%slisten: %q
admin_listen: %q
channels:%s
  scans:
    - {name: courrier, dir: %q, poll: 200ms, stable_for: 300ms}
  webform: {enabled: true, min_fill_time: 0s, rate_limit: 0}
%s
`, tw.data, tw.database, newOriginals(t), tw.public, tw.admin, mailboxes, tw.scans, s.extra)
	if err := os.WriteFile(tw.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return tw
}

func freePort(t testing.TB) string {
	t.Helper()
	port, err := servertest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// daemonProcess is a running `saisine serve`.
type daemonProcess struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{} // closed when the process has ended
}

// logBuffer keeps the end of a daemon's log for the report of a failed test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail(n int) string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// launch starts the daemon and does not wait for it.
func (tw *town) launch(env ...string) *daemonProcess {
	tw.t.Helper()
	d := &daemonProcess{t: tw.t, log: &logBuffer{}, done: make(chan struct{})}
	d.cmd = exec.Command(tw.exe, "serve", "--config", tw.config, "--log-level", tw.level)
	d.cmd.Env = slices.Concat(os.Environ(), []string{asProgram + "=1"}, tw.env, env)
	d.cmd.Stderr = d.log
	d.cmd.Stdout = d.log
	// The daemon must not outlive the tests, however they end.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		tw.t.Fatal(err)
	}
	go func() { _ = d.cmd.Wait(); close(d.done) }()
	tw.t.Cleanup(func() {
		d.kill()
		if tw.t.Failed() {
			tw.t.Logf("daemon %d:\n%s", d.cmd.Process.Pid, d.log.tail(40))
		}
	})
	return d
}

// start starts the daemon and waits until it answers.
func (tw *town) start(env ...string) *daemonProcess {
	tw.t.Helper()
	d := tw.launch(env...)
	tw.eventually(30*time.Second, "the daemon answers", func() bool {
		if d.ended() {
			tw.t.Fatalf("the daemon ended:\n%s", d.log.tail(40))
		}
		// The form is open when it has said so: a moment after the server answers.
		return strings.Contains(get(tw.t, "http://"+tw.admin+"/metrics"), `saisine_channel_last_good_timestamp_seconds{channel="webform"}`)
	})
	return d
}

func (tw *town) answers(url string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		tw.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (d *daemonProcess) ended() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// kill ends the daemon as a power cut would.
func (d *daemonProcess) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// stop ends the daemon with SIGTERM and fails the test when it does not end well.
func (d *daemonProcess) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.done:
	case <-time.After(60 * time.Second):
		_ = d.cmd.Process.Signal(syscall.SIGQUIT)
		<-d.done
		d.t.Fatalf("the daemon did not stop:\n%s", d.log.tail(120))
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Fatalf("the daemon ended with %d:\n%s", code, d.log.tail(40))
	}
	if strings.Contains(d.log.String(), "WARNING: DATA RACE") {
		d.t.Fatalf("data race:\n%s", d.log.String())
	}
}

// dieBy waits until the daemon was killed by a signal of its own.
func (d *daemonProcess) dieBy(patience time.Duration) bool {
	select {
	case <-d.done:
	case <-time.After(patience):
		return false
	}
	ws, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}

// saisine runs a command on the town's configuration.
func (tw *town) saisine(args ...string) (stdout string, code int) {
	tw.t.Helper()
	out, errOut, code := tw.output(args...)
	if code != 0 {
		tw.t.Logf("saisine %s: exit %d: %s", strings.Join(args, " "), code, errOut)
	}
	return out, code
}

func (tw *town) output(args ...string) (stdout, stderr string, code int) {
	tw.t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.Command(tw.cli, append(args, "--config", tw.config)...)
	cmd.Env = slices.Concat(os.Environ(), []string{asProgram + "=1"}, tw.env)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tw.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// list runs a command that prints JSON lines.
func list[T any](tw *town, args ...string) []T {
	tw.t.Helper()
	out, code := tw.saisine(append(args, "--json")...)
	if code != 0 {
		tw.t.Fatalf("saisine %s: exit %d", strings.Join(args, " "), code)
	}
	var all []T
	sc := bufio.NewScanner(strings.NewReader(out))
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			tw.t.Fatalf("%s: %v", sc.Text(), err)
		}
		all = append(all, v)
	}
	return all
}

func (tw *town) submissions() []view.Submission {
	tw.t.Helper()
	return list[view.Submission](tw, "submissions", "list")
}

func (tw *town) requests() []view.Request {
	tw.t.Helper()
	return list[view.Request](tw, "requests", "list")
}

// settled waits until the ledger holds n submissions and all have ended, and returns them.
func (tw *town) settled(n int, patience time.Duration) []view.Submission {
	tw.t.Helper()
	var all []view.Submission
	ok := tw.within(patience, func() bool {
		if _, err := os.Stat(filepath.Join(tw.data, "saisine.db")); err != nil && tw.database == "" {
			return n == 0
		}
		all = tw.submissions()
		if len(all) < n {
			return false
		}
		for _, s := range all {
			if !s.State.Final() {
				return false
			}
		}
		return true
	})
	if !ok {
		states := map[ingest.State]int{}
		for _, s := range all {
			states[s.State]++
		}
		tw.t.Fatalf("not settled within %s: %d of %d submissions, %v", patience, len(all), n, states)
	}
	return all
}

// verify fails the test unless every promise holds.
func (tw *town) verify() {
	tw.t.Helper()
	if out, code := tw.saisine("verify"); code != 0 {
		tw.t.Fatalf("verify: exit %d\n%s", code, out)
	}
}

func (tw *town) within(patience time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(patience)
	for {
		looked := time.Now()
		if ok() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		// A look that is dear is taken less often.
		time.Sleep(min(max(50*time.Millisecond, 2*time.Since(looked)), 500*time.Millisecond))
	}
}

func (tw *town) eventually(patience time.Duration, what string, ok func() bool) {
	tw.t.Helper()
	if !tw.within(patience, ok) {
		tw.t.Fatalf("not within %s: %s", patience, what)
	}
}

// inbox counts the mails that have not been moved yet.
func (tw *town) inbox() int {
	tw.t.Helper()
	return tw.dovecot.Count(townUser, "INBOX")
}

// deliver puts a plain mail into the inbox. mark makes it recognisable.
func (tw *town) deliver(mark string) {
	tw.t.Helper()
	tw.dovecot.Deliver(townUser, plainMail(mark, ""))
}

func plainMail(mark, extra string) []byte {
	return []byte("From: Citoyen <citoyen-" + mark + "@example.fr>\r\nTo: " + townUser + "\r\nSubject: Demande " + mark +
		"\r\nDate: Mon, 2 Mar 2026 08:14:00 +0100\r\nMessage-ID: <" + mark + "@example.fr>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour, le lampadaire est éteint devant chez moi, repère " + mark + ".\r\n" + extra)
}

// dropScan writes a file into the scan folder as a copier does.
func (tw *town) dropScan(name string, content []byte) {
	tw.t.Helper()
	if err := os.WriteFile(filepath.Join(tw.scans, name), content, 0o600); err != nil {
		tw.t.Fatal(err)
	}
}

// post posts the form and returns the status and where it leads.
func (tw *town) post(fields map[string]string, files map[string][]byte) (status int, location, body string, err error) {
	return tw.postTo("/demandes", fields, files)
}

func (tw *town) postTo(path string, fields map[string]string, files map[string][]byte) (status int, location, body string, err error) {
	return tw.postFor(15*time.Second, path, fields, files)
}

func (tw *town) postFor(patience time.Duration, path string, fields map[string]string, files map[string][]byte) (status int, location, body string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			return 0, "", "", err
		}
	}
	for name, content := range files {
		part, err := w.CreateFormFile("files", name)
		if err != nil {
			return 0, "", "", err
		}
		if _, err := part.Write(content); err != nil {
			return 0, "", "", err
		}
	}
	if err := w.Close(); err != nil {
		return 0, "", "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+tw.public+path, &b)
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Location"), string(text), err
}

// form is what a citizen would type, recognisable by mark.
func form(mark string) map[string]string {
	return map[string]string{
		"name": "Citoyenne " + mark, "email": "citoyenne-" + mark + "@example.fr", "subject": "Formulaire " + mark,
		"message": "Il y a un nid de poule devant le 12 rue Pasteur, repère " + mark + ".",
	}
}
