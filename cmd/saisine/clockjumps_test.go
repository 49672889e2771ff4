package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ocr/samplescan"
)

// TestClockJumpsUnderWay has the clock of a running daemon jump while mails, scans, forms and calls
// come in: each is treated and answered within seconds, and dated by when it came, never later than
// now. What was begun before the jump (a form on a screen, a call that is repeated, a link in a
// receipt, a notice that waits for its hour) is good after it.
func TestClockJumpsUnderWay(t *testing.T) {
	t.Parallel()
	row := newFault(t, "clock jumps: an hour, a day, a year, either way; both changes of the clocks; a leap day",
		"all that comes is filed and answered within seconds, no reception invented; forms, links, repeats, held notices of before the jump are good")
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	tw := newPostTown(t, "")
	sim := newSimClock(t, time.Date(2025, 3, 12, 9, 0, 0, 0, zone))
	tw.env = []string{sim.env()}
	d := tw.start()
	key := tw.key("portail", "submit")
	jumps := []struct {
		name string
		to   func(time.Time) time.Time
	}{
		{"a day on", func(at time.Time) time.Time { return at.AddDate(0, 0, 1) }},
		{"an hour back", func(at time.Time) time.Time { return at.Add(-time.Hour) }},
		{"a year on", func(at time.Time) time.Time { return at.AddDate(1, 0, 0) }},
		{"a year back", func(at time.Time) time.Time { return at.AddDate(-1, 0, 0) }},
	}
	if runs(0, 1) == 1 {
		day := func(y int, m time.Month, d, h, minute int) func(time.Time) time.Time {
			return func(time.Time) time.Time { return time.Date(y, m, d, h, minute, 50, 0, zone) }
		}
		jumps = append(jumps, []struct {
			name string
			to   func(time.Time) time.Time
		}{
			{"a day back", func(at time.Time) time.Time { return at.AddDate(0, 0, -1) }},
			{"to the hour that there is not", day(2025, 3, 30, 1, 59)},
			{"to the hour that comes twice", day(2025, 10, 26, 2, 59)},
			{"to its second time", func(at time.Time) time.Time { return at.Add(time.Hour) }},
			{"to the eve of a leap day", day(2024, 2, 28, 23, 59)},
			{"to the end of a leap day", day(2024, 2, 29, 23, 59)},
			{"to the end of a year", day(2025, 12, 31, 23, 59)},
		}...)
	}
	n, call := 0, func(i int) string {
		body := fmt.Sprintf(`{"message":"Un banc est cassé au parc numéro %d.","email":"p%[1]d@%s"}`, i, eximtest.Domain)
		return tw.until(http.MethodPost, "/api/v1/submissions", "application/json", body, "Authorization", "Bearer "+key, "Idempotency-Key", fmt.Sprint("jump", i))
	}
	first, total := call(1000), 1
	held := 0
	for i, jump := range jumps {
		token := formToken(t, tw.town)
		before := sim.now()
		sim.set(jump.to(before))
		at := sim.now()
		came := at.Add(-2 * time.Second).Truncate(time.Second)
		n++
		name := fmt.Sprintf("j%d", i)
		tw.dovecot.DeliverAt(townUser, came, citizenMail(name, "", fmt.Sprintf(soakMatters[i%len(soakMatters)], 100+i, "du Port")))
		pdf, err := samplescan.TextPDF([]string{fmt.Sprintf("Objet : saut %d\n\nMadame la Maire, le trottoir du %d quai Nord est dangereux.", i, 200+i)})
		if err != nil {
			t.Fatal(err)
		}
		tw.dropScan(name+".pdf", pdf)
		fields := map[string]string{
			"name": "Citoyenne " + name, "email": "f" + name + "@" + eximtest.Domain, "subject": "Saut " + name,
			"message": fmt.Sprintf("Il y a un nid de poule devant le %d rue du Puits.", 300+i),
		}
		for k, v := range token {
			fields[k] = v
		}
		if status, _, body, err := tw.post(fields, nil); err != nil || status != http.StatusSeeOther {
			t.Errorf("%s: the form that was open answers %d %v %s", jump.name, status, err, body)
		}
		if again := call(1000); again != first {
			t.Errorf("%s: the repeated call is another: %s, %s", jump.name, first, again)
		}
		total += 3
		begun := time.Now()
		tw.settled(total, 20*time.Second)
		for _, s := range tw.submissions() {
			got, err := time.Parse(time.RFC3339, s.ReceivedAt)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case s.From.Email == name+"@"+eximtest.Domain && !got.Equal(came):
				t.Errorf("%s: the mail of %s is dated %s", jump.name, came, got)
			case strings.Contains(s.From.Email+s.Subject+s.Text, "f"+name+"@") && (got.Before(at.Add(-time.Second)) || got.After(sim.now())):
				t.Errorf("%s: the form of %s is dated %s", jump.name, at, got)
			}
		}
		for _, to := range []string{name, "f" + name} {
			tw.eventually(20*time.Second, jump.name+": the receipt to "+to+" is sent", func() bool {
				for _, m := range tw.mails() {
					if m.To == to+"@"+eximtest.Domain && m.Kind.Receipt() && m.State == ingest.MailSent {
						return true
					}
				}
				return false
			})
			if t.Failed() {
				t.Logf("%+v", tw.mails())
			}
		}
		row.saw("filed and answered within %d s", 1+int(time.Since(begun).Seconds()))
		tw.eventually(15*time.Second, jump.name+": mailbox and scan folder are well", func() bool {
			problems := tw.readiness().Problems
			return !names(problems, "mailbox/sve", "") && !names(problems, "scan/courrier", "")
		})
		// A notice to who has just had a receipt waits for its hour: the next jump takes it along.
		for _, m := range tw.mails() {
			if m.To == name+"@"+eximtest.Domain && m.Kind.Receipt() {
				if _, code := tw.saisine("requests", "set", m.Request, "status", "closed"); code == 0 {
					held++
				}
			}
		}
		row.ran()
	}
	// No notice is left behind, wherever the clock was when it was written.
	sim.set(sim.now().AddDate(0, 0, 3))
	tw.eventually(30*time.Second, "the notices are sent", func() bool {
		sent := 0
		for _, m := range tw.mails() {
			if m.Kind == ingest.MailStatus && m.State == ingest.MailSent {
				sent++
			}
		}
		return sent == held
	})
	if n := len(tw.submissions()); n != total {
		t.Errorf("%d submissions, %d came", n, total)
	}
	tw.verify()
	d.stop()
}

// hiddenField is one of a form.
var hiddenField = regexp.MustCompile(`<input type="hidden" name="(jeton)" value="([^"]*)"`)

// formToken opens the form, and returns the hidden fields of it.
func formToken(t *testing.T, tw *town) map[string]string {
	t.Helper()
	page := get(t, "http://"+tw.public+"/")
	out := map[string]string{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		out[m[1]] = m[2]
	}
	if len(out) == 0 {
		t.Fatalf("the form has no hidden field:\n%s", page)
	}
	return out
}
