package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

func addAgent(t *testing.T, s *Store, login string, role ingest.Role, password string, services ...string) {
	t.Helper()
	if err := s.AddAgent(t.Context(), ingest.Agent{Login: login, Role: role, Services: services}, password, "test"); err != nil {
		t.Fatal(err)
	}
}

func setAgent(s *Store, t *testing.T, login string, f func(*ingest.Agent)) error {
	return s.ChangeAgent(t.Context(), login, "test", func(a *ingest.Agent) error { f(a); return nil })
}

func getAgent(t *testing.T, s *Store, login string) ingest.Agent {
	t.Helper()
	a, err := s.Agent(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAgents(t *testing.T) {
	s := open(t, t.TempDir())
	until := day.Add(time.Hour)
	if err := s.AddAgent(t.Context(), ingest.Agent{
		Login: "j.dupont", Name: " Jeanne  Dupont ", Title: "Cheffe", Email: " j@d.fr ", Role: ingest.RoleAgent, Services: []string{"Voirie", "CCAS", "Voirie"}, OneTime: until,
	}, "hash", "test"); err != nil {
		t.Fatal(err)
	}
	a := getAgent(t, s, "j.dupont")
	if a.Name != "Jeanne Dupont" || a.Title != "Cheffe" || a.Email != "j@d.fr" || a.Role != ingest.RoleAgent || !slices.Equal(a.Services, []string{"CCAS", "Voirie"}) ||
		a.Language != "fr" || !a.HasPassword || a.HasTOTP || !a.OneTime.Equal(until) || a.Disabled || a.Generation != 0 || a.CreatedAt.IsZero() || !a.SeenAt.IsZero() {
		t.Errorf("%+v", a)
	}
	for login, role := range map[string]ingest.Role{"j.dupont": "agent", "J.Dupont": "agent", "": "agent", ".a": "agent", "a b": "agent", "é": "agent", "x": "boss", strings.Repeat("a", 65): "agent"} {
		if err := s.AddAgent(t.Context(), ingest.Agent{Login: login, Role: role}, "", "test"); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("login %q, role %q: %v", login, role, err)
		}
	}
	if _, err := s.Agent(t.Context(), "nobody"); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	for name, f := range map[string]func(login string) error{
		"change": func(l string) error { return setAgent(s, t, l, func(*ingest.Agent) {}) }, "password": func(l string) error { return s.SetPassword(t.Context(), l, "x", time.Time{}, "test") },
		"codes": func(l string) error { return s.SetTOTP(t.Context(), l, "x", 1, "test") }, "sessions": func(l string) error { _, err := s.EndSessions(t.Context(), l); return err },
		"credentials": func(l string) error { _, err := s.Credentials(t.Context(), l); return err },
	} {
		if err := f("nobody"); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
	addAgent(t, s, "b", ingest.RoleReader, "")
	var services string
	if err := s.read.QueryRowContext(t.Context(), `SELECT services FROM agents WHERE login = 'b'`).Scan(&services); err != nil || services != "[]" {
		t.Errorf("no services are stored as %s (%v)", services, err)
	}
	if err := s.Seen(t.Context(), "b", day); err != nil {
		t.Fatal(err)
	}
	all, err := s.Agents(t.Context())
	if err != nil || len(all) != 2 || all[0].Login != "j.dupont" || all[1].Name != "b" || !all[1].SeenAt.Equal(day) {
		t.Errorf("%+v, %v", all, err)
	}
}

// What changes the rights ends the sessions, and nothing else does.
func TestGeneration(t *testing.T) {
	s := open(t, t.TempDir())
	addAgent(t, s, "a", ingest.RoleAgent, "hash", "Voirie")
	addAgent(t, s, "other", ingest.RoleAgent, "hash")
	for _, step := range []struct {
		name  string
		act   func() error
		raise int64
	}{
		{"name, title, address, language", func() error {
			return setAgent(s, t, "a", func(a *ingest.Agent) { a.Name, a.Title, a.Email, a.Language = "A", "T", "a@b.fr", "en" })
		}, 0},
		{"nothing", func() error {
			return setAgent(s, t, "a", func(a *ingest.Agent) { a.Services = []string{"Voirie", "Voirie"} })
		}, 0},
		{"role", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Role = ingest.RoleManager }) }, 1},
		{"services", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Services = nil }) }, 1},
		{"disabled", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Disabled = true }) }, 1},
		{"enabled", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Disabled = false }) }, 1},
		{"linked", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Subject = "i s" }) }, 0},
		{"unlinked", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Subject = "" }) }, 1},
		{"password", func() error { return s.SetPassword(t.Context(), "a", "new", time.Time{}, "test") }, 1},
		{"hashed anew", func() error { return s.Rehash(t.Context(), "a", "new", "newer") }, 0},
		{"own codes", func() error { return s.SetTOTP(t.Context(), "a", "x", 7, ingest.ActorAgent+"a") }, 0},
		{"codes, by somebody", func() error { return s.SetTOTP(t.Context(), "a", "", 0, "test") }, 1},
		{"sessions", func() error { _, err := s.EndSessions(t.Context(), "a"); return err }, 1},
		{"login is no property", func() error { return setAgent(s, t, "a", func(a *ingest.Agent) { a.Login = "z" }) }, 0},
	} {
		before := getAgent(t, s, "a").Generation
		if err := step.act(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := getAgent(t, s, "a").Generation - before; got != step.raise {
			t.Errorf("%s: raised by %d, want %d", step.name, got, step.raise)
		}
	}
	if getAgent(t, s, "other").Generation != 0 {
		t.Error("another agent's sessions ended")
	}
	c, err := s.Credentials(t.Context(), "a")
	if err != nil || c.Password != "newer" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := s.Rehash(t.Context(), "a", "new", "old again"); err != nil {
		t.Fatal(err)
	}
	if c, _ := s.Credentials(t.Context(), "a"); c.Password != "newer" {
		t.Error("a hash was put over a password that was changed meanwhile")
	}
}

// Somebody who can let others in is left, always.
func TestLastAdministrator(t *testing.T) {
	s := open(t, t.TempDir())
	addAgent(t, s, "a", ingest.RoleAgent, "hash")
	// There is none yet: nothing is held back.
	if err := setAgent(s, t, "a", func(a *ingest.Agent) { a.Role = ingest.RoleReader }); err != nil {
		t.Fatal(err)
	}
	addAgent(t, s, "boss", ingest.RoleAdministrator, "hash")
	addAgent(t, s, "keyless", ingest.RoleAdministrator, "")
	addAgent(t, s, "off", ingest.RoleAdministrator, "hash")
	if err := setAgent(s, t, "off", func(a *ingest.Agent) { a.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	acts := map[string]func() error{
		"role":     func() error { return setAgent(s, t, "boss", func(a *ingest.Agent) { a.Role = ingest.RoleManager }) },
		"disabled": func() error { return setAgent(s, t, "boss", func(a *ingest.Agent) { a.Disabled = true }) },
		"password": func() error { return s.SetPassword(t.Context(), "boss", "", time.Time{}, "test") },
	}
	for name, act := range acts {
		before := getAgent(t, s, "boss")
		if err := act(); !errors.Is(err, ingest.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		if after := getAgent(t, s, "boss"); after.Role != before.Role || after.Disabled || !after.HasPassword || after.Generation != before.Generation {
			t.Errorf("%s: refused, and done: %+v", name, after)
		}
	}
	if err := setAgent(s, t, "keyless", func(a *ingest.Agent) { a.Subject = "issuer sub" }); err != nil {
		t.Fatal(err)
	}
	if err := acts["password"](); err != nil {
		t.Errorf("another one can log in: %v", err)
	}
	if err := setAgent(s, t, "keyless", func(a *ingest.Agent) { a.Subject = "" }); !errors.Is(err, ingest.ErrRefused) {
		t.Errorf("unlinking the last one: %v", err)
	}
}

func TestSubjects(t *testing.T) {
	s := open(t, t.TempDir())
	addAgent(t, s, "a", ingest.RoleAgent, "")
	addAgent(t, s, "b", ingest.RoleAgent, "")
	if err := setAgent(s, t, "a", func(a *ingest.Agent) { a.Subject, a.Email = "i 1", "A@x.fr" }); err != nil {
		t.Fatal(err)
	}
	if err := setAgent(s, t, "b", func(a *ingest.Agent) { a.Subject = "i 1" }); !errors.Is(err, ingest.ErrRefused) {
		t.Errorf("one account for two agents: %v", err)
	}
	if err := s.AddAgent(t.Context(), ingest.Agent{Login: "c", Role: ingest.RoleAgent, Subject: "i 1"}, "", "test"); !errors.Is(err, ingest.ErrRefused) {
		t.Errorf("one account for two agents: %v", err)
	}
	if a, err := s.AgentBySubject(t.Context(), "i 1"); err != nil || a.Login != "a" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, subject := range []string{"", "i 2"} {
		if _, err := s.AgentBySubject(t.Context(), subject); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("subject %q: %v", subject, err)
		}
	}
	for email, want := range map[string]int{"a@X.fr": 1, "": 0, "b@x.fr": 0} {
		if list, err := s.AgentsByEmail(t.Context(), email); err != nil || len(list) != want {
			t.Errorf("address %q: %d, %v", email, len(list), err)
		}
	}
}

func TestTakeStep(t *testing.T) {
	s := open(t, t.TempDir())
	addAgent(t, s, "a", ingest.RoleAgent, "hash")
	for _, tt := range []struct {
		step int64
		want bool
	}{{10, true}, {10, false}, {9, false}, {11, true}, {10, false}} {
		if fresh, err := s.TakeStep(t.Context(), "a", tt.step); err != nil || fresh != tt.want {
			t.Errorf("step %d: %v, %v", tt.step, fresh, err)
		}
	}
	// Two at the same time: one of them.
	results := make(chan bool, 8)
	for range 8 {
		go func() {
			fresh, err := s.TakeStep(t.Context(), "a", 12)
			if err != nil {
				t.Error(err)
			}
			results <- fresh
		}()
	}
	n := 0
	for range 8 {
		if <-results {
			n++
		}
	}
	if n != 1 {
		t.Errorf("a code was good %d times", n)
	}
}

func TestSessions(t *testing.T) {
	now := day
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Zone: time.UTC, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	keep := func(token, data string, for_ time.Duration) {
		t.Helper()
		if err := s.KeepSession(t.Context(), token, []byte(data), now.Add(for_)); err != nil {
			t.Fatal(err)
		}
	}
	find := func(token, want string) {
		t.Helper()
		data, found, err := s.FindSession(t.Context(), token)
		if err != nil || found != (want != "") || string(data) != want {
			t.Errorf("%s: %q, %v, %v, want %q", token, data, found, err, want)
		}
	}
	keep("a", "one", time.Hour)
	keep("b", "two", 2*time.Hour)
	keep("a", "three", time.Hour)
	find("a", "three")
	find("c", "")
	if err := s.LogAccess(t.Context(), "agent:a", ingest.AccessLogin, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	find("a", "")
	find("b", "two")
	if err := s.LogAccess(t.Context(), "agent:a", ingest.AccessLogout, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.DropExpired(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM sessions`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if lines, next, err := s.AccessLog(t.Context(), ingest.Viewer{}, time.Time{}, 10); !next.IsZero() || err != nil || len(lines) != 1 || lines[0].What != ingest.AccessLogout || !lines[0].At.Equal(now) {
		t.Errorf("%+v, %v", lines, err)
	}
	for range 2 {
		if err := s.DropSession(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		find("b", "")
	}
}

// accessDetails reads the whole log by pages, and returns its details, newest first.
func accessDetails(t *testing.T, s *Store, v ingest.Viewer, limit int) (details string, pages int) {
	t.Helper()
	var before time.Time
	for {
		page, next, err := s.AccessLog(t.Context(), v, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, l := range page {
			details += l.Detail
		}
		if next.IsZero() {
			return details, pages
		}
		before = next
	}
}

func TestAccessLog(t *testing.T) {
	now := day
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Zone: time.UTC, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, service := range []string{"", "CCAS", "", "", "Police", "", "", ""} {
		if i != 3 && i != 7 { // these two at the same time as those before them
			now = now.Add(time.Second)
		}
		if err := s.LogRead(t.Context(), "agent:a", ingest.AccessRequest, string(rune('a'+i)), service); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		hidden []string
		limit  int
		want   string
		pages  int
	}{
		{nil, 100, "hgfedcba", 1},
		{nil, 3, "hgfedcba", 3},
		{nil, 1, "hgfedcba", 6},
		{[]string{"CCAS"}, 3, "hgfedca", 3},
		{[]string{"CCAS", "Police"}, 2, "hgfdca", 3},
	} {
		if got, pages := accessDetails(t, s, ingest.Viewer{Hidden: tt.hidden}, tt.limit); got != tt.want || pages != tt.pages {
			t.Errorf("hidden %v, %d a page: %q on %d pages, want %q on %d", tt.hidden, tt.limit, got, pages, tt.want, tt.pages)
		}
	}
}

// A service that was sealed stays so until the file says otherwise.
func TestSealed(t *testing.T) {
	s := open(t, t.TempDir())
	for _, step := range []struct{ all, sealed, want []string }{
		{nil, nil, nil},
		{[]string{"Voirie", "CCAS", "Police"}, []string{"CCAS", "Police"}, []string{"CCAS", "Police"}},
		{[]string{"Voirie", "Police"}, []string{"Police"}, []string{"CCAS", "Police"}}, // CCAS has left the file
		{[]string{"Voirie", "Police"}, nil, []string{"CCAS"}},                          // Police is in it, and open
		{[]string{"Voirie", "CCAS"}, nil, nil},
		{[]string{"CCAS"}, []string{"CCAS"}, []string{"CCAS"}},
	} {
		if err := s.SetSealed(t.Context(), step.all, step.sealed); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Sealed(t.Context()); err != nil || !slices.Equal(got, step.want) {
			t.Errorf("%v: %v, %v", step, got, err)
		}
	}
}

func TestProposedServices(t *testing.T) {
	s := open(t, t.TempDir())
	want := func(names ...string) {
		t.Helper()
		for range 2 {
			if got, err := s.ProposedServices(t.Context()); err != nil || !slices.Equal(got, names) {
				t.Errorf("%q, %v, want %q", got, err, names)
			}
		}
	}
	want()
	record(t, s, mail("1", "a"))
	want()
	sub := mail("2", "b")
	sub.Hints.Service = "Action Sociale"
	r := record(t, s, sub)
	want("Action Sociale")
	sub = mail("3", `"service":`)
	sub.Hints.Service = "CCAS"
	record(t, s, sub)
	record(t, s, mail("4", "d"))
	want("Action Sociale", "CCAS")
	if service, err := s.SubmissionService(t.Context(), r.ID); err != nil || service != "Action Sociale" {
		t.Errorf("%q, %v", service, err)
	}
	filed := file(t, s, r.ID, ingest.Filing{Classification: ingest.Classification{Category: "aide", Service: "CCAS"}})
	if service, err := s.SubmissionService(t.Context(), r.ID); err != nil || service != "CCAS" {
		t.Errorf("%q, %v", service, err)
	}
	if service, err := s.RequestService(t.Context(), filed.Request); err != nil || service != "CCAS" {
		t.Errorf("%q, %v", service, err)
	}
	for _, err := range []error{second(s.RequestService(t.Context(), "2020-000001")), second(s.SubmissionService(t.Context(), "x"))} {
		if !errors.Is(err, ingest.ErrNotFound) {
			t.Error(err)
		}
	}
}

func second(_ string, err error) error { return err }
