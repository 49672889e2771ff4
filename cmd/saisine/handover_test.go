package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rttest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// withConnector adds connectors to a town's configuration.
func withConnector(lines string) townOption {
	return func(s *townSetup) { s.extra += "\nconnectors:\n" + lines + "\n" }
}

// inQueue finds all tickets of the queue.
const inQueue = "Queue = '" + rttest.Queue + "'"

// handedOver waits until n hand-overs have ended well, and returns them by reference.
func handedOver(t *testing.T, s *store.Store, references []string, patience time.Duration) map[string]ingest.Handover {
	t.Helper()
	out := map[string]ingest.Handover{}
	deadline := time.Now().Add(patience)
	for {
		clear(out)
		states := map[ingest.OutboxState]int{}
		for _, ref := range references {
			list, err := s.Handovers(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range list {
				states[h.State]++
				if h.State == ingest.OutboxDelivered {
					out[ref] = h
				}
			}
		}
		if len(out) == len(references) {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d requests %d were handed over within %s: %v", len(references), len(out), patience, states)
		}
		time.Sleep(200 * time.Millisecond) // between two looks
	}
}

// Requests go to a real RT that is killed in the middle: as many tickets, none twice, each file
// byte for byte, and what RT says of a ticket stands on the citizen's page.
func TestRequestTrackerTakesOver(t *testing.T) {
	t.Parallel()
	n := 15
	if longRun() {
		n = 50
	}
	server := rttest.Start(t)
	tw := newTown(t, func(s *townSetup) { s.noMail = true }, withConnector(fmt.Sprintf(
		`  - {name: voirie-rt, type: rt, categories: [voirie], url: %q, username: %q, password: %q, queue: %q, poll: 1m}`,
		server.URL, server.Username, server.Password, rttest.Queue)))
	if line, _, code := tw.output("connectors", "test"); code != 0 || !strings.HasPrefix(line, "voirie-rt: ") {
		t.Fatalf("connectors test: exit %d, %q", code, line)
	}
	d := tw.start()
	s := tw.look()

	files := map[string][]byte{} // by mark
	pages := map[string]string{}
	rnd := rand.New(rand.NewPCG(7, 50))
	for i := range n {
		mark := fmt.Sprintf("nid-%02d", i)
		content := make([]byte, 1+rnd.IntN(40_000))
		for j := range content {
			content[j] = byte(rnd.Uint32())
		}
		files[mark] = content
		f := map[string]string{
			"name": "Citoyenne " + mark, "email": mark + "@example.fr", "category": "voirie", "subject": "Nid-de-poule " + mark,
			"message": fmt.Sprintf("Il y a un nid-de-poule dangereux sur la chaussée devant le %d rue Pasteur, repère %s.", 3*i+1, mark),
		}
		status, location, _, err := tw.post(f, map[string][]byte{"Été à l’œuvre.bin": content})
		if err != nil || status != http.StatusSeeOther {
			t.Fatalf("post %d: %d, %v", i, status, err)
		}
		pages[mark] = location
	}
	// In the middle of it, RT dies, and stays away until a hand-over has noticed.
	tw.eventually(time.Minute, "a third is in RT", func() bool { return len(server.Find(inQueue)) >= n/3 })
	server.Kill()
	tw.eventually(time.Minute, "a hand-over fails", func() bool { return strings.Contains(d.log.String(), "kind=outbox:handover") })
	server.Restart()

	tw.settled(n, time.Minute)
	marks := map[string]string{} // by reference
	var references []string
	for _, q := range tw.requests() {
		mark := strings.TrimPrefix(q.Subject, "Nid-de-poule ")
		marks[q.Reference] = mark
		references = append(references, q.Reference)
	}
	if len(references) != n {
		t.Fatalf("%d requests, want %d", len(references), n)
	}
	handed := handedOver(t, s, references, 4*time.Minute)
	tickets := server.Find(inQueue)
	if len(tickets) != n {
		t.Errorf("%d tickets, want %d", len(tickets), n)
	}
	for _, ref := range references {
		ticket := server.Ticket(handed[ref].RemoteID)
		if !strings.Contains(ticket.Subject, ref) || !strings.Contains(ticket.Text, marks[ref]) {
			t.Errorf("%s is ticket %s: %q", ref, ticket.ID, ticket.Subject)
		}
		if got := ticket.Files[handover.ASCIIName("Été à l’œuvre.bin")]; len(ticket.Files) != 1 || !bytes.Equal(got, files[marks[ref]]) {
			t.Errorf("%s: %d files; %d bytes, want the %d sent", ref, len(ticket.Files), len(got), len(files[marks[ref]]))
		}
	}

	// The ticket's number and page stand with the request.
	ref := references[0]
	shown := list[view.Request](tw, "requests", "show", ref)
	if len(shown) != 1 || len(shown[0].Handovers) != 1 || shown[0].Handovers[0].RemoteID != handed[ref].RemoteID ||
		shown[0].Handovers[0].RemoteURL != server.URL+"/Ticket/Display.html?id="+handed[ref].RemoteID {
		t.Errorf("requests show: %+v", shown)
	}
	// The ticket is resolved; the citizen's page says so.
	server.Do(http.MethodPut, "/ticket/"+handed[ref].RemoteID, map[string]string{"Status": "resolved"}, nil)
	if _, errOut, code := tw.output("connectors", "pull", "voirie-rt"); code != 0 {
		t.Fatalf("connectors pull: exit %d: %s", code, errOut)
	}
	tw.eventually(10*time.Second, "the citizen's page shows it", func() bool {
		return strings.Contains(get(t, "http://"+tw.public+pages[marks[ref]]), "La mairie a répondu à votre demande.")
	})
	// What comes later is brought after; what was brought is not brought again.
	status, _, _, err := tw.postTo(pages[marks[ref]], map[string]string{"message": "Le trou est revenu, plus grand."}, map[string][]byte{"photo.bin": {0, 1, 2}})
	if err != nil || status != http.StatusSeeOther {
		t.Fatalf("answer: %d, %v", status, err)
	}
	tw.eventually(time.Minute, "the answer is in the ticket", func() bool {
		ticket := server.Ticket(handed[ref].RemoteID)
		return strings.Contains(strings.Join(ticket.Comments, "\n"), "Le trou est revenu") && len(ticket.Files) == 2
	})
	d.stop()
	tw.verify()
}

// The daemon is killed between RT's answer and its own record of it, and after each step: the
// ticket is made once.
func TestHandoverKilled(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"handover.created", "handover.attached"} {
		server := rttest.Start(t) // each town counts from 1
		tw := newTown(t, func(s *townSetup) { s.noMail = true }, withConnector(fmt.Sprintf(
			`  - {name: rt, type: rt, categories: [voirie], url: %q, token: %q, queue: %q, poll: 0s}`, server.URL, server.Token, rttest.Queue)))
		d := tw.start("SAISINE_CRASH_AT=" + point)
		mark := strings.ReplaceAll(point, ".", "-")
		f := form(mark)
		f["category"] = "voirie"
		if status, _, _, err := tw.post(f, map[string][]byte{"a.bin": {1, 2, 3}}); err != nil || status != http.StatusSeeOther {
			t.Fatalf("post: %d, %v", status, err)
		}
		if !d.dieBy(time.Minute) {
			t.Fatalf("the daemon was not killed at %s", point)
		}
		d = tw.start()
		s := tw.look()
		handed := handedOver(t, s, []string{tw.requests()[0].Reference}, 2*time.Minute) // what was cut off may still run for half a minute
		for ref, h := range handed {
			var mine []string
			for _, id := range server.Find(inQueue) {
				if ticket := server.Ticket(id); strings.Contains(ticket.Text, mark) {
					mine = append(mine, id)
					if len(ticket.Files) != 1 {
						t.Errorf("%s: %d files", point, len(ticket.Files))
					}
				}
			}
			if len(mine) != 1 || mine[0] != h.RemoteID {
				t.Errorf("%s: %s is %s, and the tickets are %q", point, ref, h.RemoteID, mine)
			}
		}
		d.stop()
		tw.verify()
	}
}

// A dry run says what would go, and nothing goes.
func TestConnectorDryRun(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true }, withConnector(
		`  - {name: depot, type: sftp, categories: [cimetiere], url: "sftp://127.0.0.1:9/depot", username: x, password: y, host_key: "SHA256:`+strings.Repeat("A", 43)+`"}`))
	tw.start()
	if status, _, _, err := tw.post(form("sec"), map[string][]byte{"Été.bin": {1, 2, 3}}); err != nil || status != http.StatusSeeOther {
		t.Fatalf("post: %d, %v", status, err)
	}
	tw.settled(1, time.Minute)
	ref := tw.requests()[0].Reference
	out := list[dryJSON](tw, "connectors", "dry-run", "depot", ref)
	if len(out) != 1 || out[0].Reference != ref || !strings.Contains(out[0].Text, "nid de poule") || len(out[0].Additions) != 1 ||
		len(out[0].Additions[0].Files) != 1 || out[0].Additions[0].Files[0].Name != "Ete.bin" {
		t.Errorf("dry run: %+v", out)
	}
	if list, err := tw.look().Handovers(context.Background(), ref); err != nil || len(list) != 0 {
		t.Errorf("a dry run hands over: %+v, %v", list, err)
	}
	// The server that is not there is told of in words, and a wrong name too.
	if _, errOut, code := tw.output("connectors", "test", "depot"); code != 1 || !strings.Contains(errOut, "depot:") {
		t.Errorf("test of a server that is not there: exit %d, %q", code, errOut)
	}
	if _, errOut, code := tw.output("connectors", "dry-run", "depott", ref); code != 2 || !strings.Contains(errOut, `"depott"`) {
		t.Errorf("wrong name: exit %d, %q", code, errOut)
	}
}
