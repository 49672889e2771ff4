package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// openBeside opens the store of a town as a daemon has it.
func openBeside(t *testing.T, tw *town) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: tw.data, Database: tw.database, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The agents by the command line, beside a process that has the store open.
func TestUserCommands(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	command := func(stdin string, args ...string) (string, string, int) {
		var out, errOut bytes.Buffer
		code := run(t.Context(), append([]string{"user", "--config", tw.config}, args...), strings.NewReader(stdin), &out, &errOut)
		return out.String(), errOut.String(), code
	}
	if _, errOut, code := command("", "list"); code != exitFailed || !strings.Contains(errOut, "saisine serve") {
		t.Errorf("without a database: exit %d, %s", code, errOut)
	}
	s := openBeside(t, tw)
	const password = "une phrase assez longue"

	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        int
		says        string // on standard output, or on standard error when it fails
	}{
		{"add", password + "\n", []string{"add", "boss", "--role", "administrator", "--name", "Ada Martin", "--email", "ada@ville.test", "--title", "Directrice"}, exitDone, "boss is added, as administrator"},
		{"add without a line break", password, []string{"add", "b", "--role=agent", "--services", "Service voirie,Police municipale"}, exitDone, "b is added"},
		{"add with a service that nobody names", password, []string{"add", "c", "--role=reader", "--services", "Voirie"}, exitDone, "c is added"},
		{"add for the provider only", "", []string{"add", "d", "--role=agent", "--no-password", "--language", "en"}, exitDone, "d is added"},
		{"taken", password, []string{"add", "boss", "--role", "agent"}, exitFailed, "is taken"},
		{"no role", password, []string{"add", "e"}, exitUsage, "role"},
		{"unknown role", password, []string{"add", "e", "--role", "boss"}, exitUsage, "reader, agent, manager, administrator"},
		{"no login", password, []string{"add", "--role", "agent"}, exitUsage, "arg"},
		{"login with capitals", password, []string{"add", "Boss", "--role", "agent"}, exitUsage, "no login"},
		{"unknown language", password, []string{"add", "e", "--role", "agent", "--language", "de"}, exitUsage, "fr or en"},
		{"no address", password, []string{"add", "e", "--role", "agent", "--email", "nobody"}, exitUsage, "mail address"},
		{"subject without a provider", password, []string{"add", "e", "--role", "agent", "--subject", "x"}, exitUsage, "channels.desk.oidc"},
		{"no password", "", []string{"add", "e", "--role", "agent"}, exitFailed, "no password"},
		{"empty password", "\n", []string{"add", "e", "--role", "agent"}, exitFailed, "no password"},
		{"short password", "court\n", []string{"add", "e", "--role", "agent"}, exitFailed, "12 characters"},
		{"login as password", "jean-christophe\n", []string{"add", "jean-christophe", "--role", "agent"}, exitFailed, "not the login"},
		{"common password", "azertyuiop123\n", []string{"add", "e", "--role", "agent"}, exitFailed, "tried first"},

		{"passwd", "une autre phrase encore\r\n", []string{"passwd", "boss"}, exitDone, "boss has another password"},
		{"passwd of nobody", password, []string{"passwd", "nobody"}, exitFailed, `there is no agent "nobody"`},
		{"set", "", []string{"set", "b", "--role", "manager", "--services", "", "--name", "Béa"}, exitDone, "b is changed"},
		{"set of nobody", "", []string{"set", "nobody", "--role", "agent"}, exitFailed, "user list"},
		{"disable", "", []string{"disable", "b"}, exitDone, "b is disabled"},
		{"enable", "", []string{"enable", "b"}, exitDone, "b is enabled"},
		{"disable the last administrator", "", []string{"disable", "boss"}, exitFailed, "no administrator"},
		{"take the last password", "", []string{"set", "boss", "--no-password"}, exitFailed, "no administrator"},
		{"take a password", "", []string{"set", "c", "--no-password", "--no-code"}, exitDone, "c is changed"},
		{"half a command", "", nil, exitUsage, "needs one of the commands"},
	} {
		out, errOut, code := command(tt.stdin, tt.args...)
		told := out
		if tt.code != exitDone {
			told = errOut
		}
		if code != tt.code || !strings.Contains(told, tt.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", tt.name, code, tt.code, tt.says, out, errOut)
		}
		if strings.Contains(out+errOut, password) {
			t.Errorf("%s: the password is printed", tt.name)
		}
		if strings.Contains(tt.name, "nobody names") != strings.Contains(errOut, `no category names a service "Voirie"`) {
			t.Errorf("%s: %s", tt.name, errOut)
		}
	}

	c, err := s.Credentials(t.Context(), "boss")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := credentials.Check(t.Context(), c.Password, "une autre phrase encore"); !ok || err != nil {
		t.Errorf("the new password is not good: %v", err)
	}
	out, _, code := command("", "list", "--json")
	var all []userJSON
	for line := range strings.Lines(out) {
		var u userJSON
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, u)
	}
	if code != exitDone || len(all) != 4 || all[0].Login != "boss" || all[0].Name != "Ada Martin" || all[0].Title != "Directrice" || !all[0].Password || all[0].Role != "administrator" {
		t.Errorf("exit %d: %+v", code, all)
	}
	if b := all[1]; b.Login != "b" || b.Role != "manager" || len(b.Services) != 0 || b.Name != "Béa" || b.Disabled || !strings.Contains(out, `"services":[]`) {
		t.Errorf("%+v\n%s", b, out)
	}
	if out, _, code = command("", "list"); code != exitDone || strings.Count(out, "\n") != 5 || !strings.Contains(out, "Ada Martin") || strings.Contains(out, "argon2") {
		t.Errorf("exit %d: %s", code, out)
	}
	// Each stands in the access log, with who did it.
	lines, _, err := s.AccessLog(t.Context(), ingest.Viewer{}, time.Time{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	var details []string
	for _, l := range slices.Backward(lines) {
		details = append(details, string(l.What)+" "+l.Detail)
		if !strings.HasPrefix(l.Agent, "cli:") {
			t.Errorf("%+v", l)
		}
	}
	want := []string{
		"agent.added boss: role: administrator", "agent.added b: role: agent; services: Police municipale, Service voirie", "agent.added c: role: reader; services: Voirie",
		"agent.added d: role: agent", "agent.password boss", "agent.changed b: role: agent → manager; services: Police municipale, Service voirie → –; name",
		"agent.changed b: disabled: true", "agent.changed b: disabled: false", "agent.password.off c", "agent.totp.off c",
	}
	if !slices.Equal(details, want) {
		t.Errorf("access log:\n%s", strings.Join(details, "\n"))
	}
}

// On a terminal the password is asked for twice, and not shown.
func TestUserPasswordOnATerminal(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	s := openBeside(t, tw)
	for name, tt := range map[string]struct {
		again string
		code  int
	}{"same": {"une phrase assez longue", exitDone}, "other": {"une phrase pas pareille", exitFailed}} {
		term := openTerminal(t)
		cmd := exec.Command(program(), "user", "add", name, "--role", "agent", "--config", tw.config)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = term.slave, term.slave, term.slave
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = term.slave.Close()
		var seen logBuffer
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(&seen, term.master) })
		for _, step := range []struct{ asked, typed string }{{"Password for " + name + ": ", "une phrase assez longue"}, {"The same once more for " + name + ": ", tt.again}} {
			tw.eventually(20*time.Second, step.asked, func() bool { return strings.Contains(seen.String(), step.asked) })
			if _, err := term.master.WriteString(step.typed + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		reading.Wait()
		if code := cmd.ProcessState.ExitCode(); code != tt.code {
			t.Errorf("%s: exit %d: %s", name, code, seen.String())
		}
		if text := seen.String(); strings.Contains(text, "phrase") {
			t.Errorf("%s: the password is shown: %q", name, text)
		}
		_, err := s.Agent(t.Context(), name)
		if (err == nil) != (tt.code == exitDone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
