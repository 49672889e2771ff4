package rt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/rt"
	"saisine.fr/saisine/ingest/deliver/handover/rttest"
)

func connect(t *testing.T, o rt.Options) *rt.RT {
	t.Helper()
	c, err := rt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func options(s *rttest.Server) rt.Options {
	return rt.Options{URL: s.URL, Token: s.Token, Queue: rttest.Queue}
}

func marked(reference string) string { return "Subject LIKE '[" + reference + "]'" }

// create makes the case of the suite with another reference.
func create(t *testing.T, c *rt.RT, reference string) handover.Remote {
	t.Helper()
	remote, err := c.Create(t.Context(), handovertest.Case(reference))
	if err != nil {
		t.Fatal(err)
	}
	return remote
}

// TestRT shares one server, since RT takes its time to start.
func TestRT(t *testing.T) {
	t.Parallel()
	s := rttest.Start(t)
	for name, test := range map[string]func(*testing.T, *rttest.Server){
		"suite": testSuite, "ticket": testTicket, "no mail to the citizen": testMail, "references": testReferences,
		"reference field": testField, "rewritten": testRewritten, "two of an earlier try": testTwo, "status": testStatus,
		"merged": testMerged, "gone": testGone, "bytes": testBytes, "lone file": testLone, "another life": testForeign, "check": testCheck, "rights": testRights,
		"parallel": testParallel, "lost answers": testLost, "killed": testKilled,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func testSuite(t *testing.T, s *rttest.Server) {
	const reference = "2026-000001"
	remote := handovertest.Run(t, connect(t, options(s)), reference, func(t *testing.T, r handover.Remote) handovertest.Seen {
		ticket := s.Ticket(r.ID)
		return handovertest.Seen{
			Cases: len(s.Find(marked(reference))), Subject: ticket.Subject, Text: ticket.Text, Added: ticket.Comments, Files: ticket.Files,
		}
	})
	if want := s.URL + "/Ticket/Display.html?id=" + remote.ID; remote.URL != want {
		t.Errorf("the page is %s, want %s", remote.URL, want)
	}
}

func testTicket(t *testing.T, s *rttest.Server) {
	c := connect(t, rt.Options{URL: s.URL + "/", Username: s.Username, Password: s.Password, Queue: rttest.Queue})
	want := handovertest.Case("2026-000002")
	remote := create(t, c, want.Reference)
	err := c.Attach(t.Context(), remote.ID, handover.Addition{Key: "k", Text: "D’accord 🚲", ReceivedAt: want.ReceivedAt})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Ticket(remote.ID)
	if got.Subject != "[2026-000002] "+want.Subject {
		t.Errorf("subject %q", got.Subject)
	}
	if got.Text != handover.Describe(want) {
		t.Errorf("text %q", got.Text)
	}
	if !slices.Equal(got.Comments, []string{"D’accord 🚲"}) || len(got.Replies) != 0 {
		t.Errorf("comments %q, replies %q", got.Comments, got.Replies)
	}
	// The end of 23 June in Paris.
	if !got.Due.Equal(time.Date(2026, 6, 23, 21, 59, 59, 0, time.UTC)) {
		t.Errorf("due %v", got.Due)
	}
	if !slices.Equal(got.Links, []string{want.URL}) || len(got.Requestors) != 0 {
		t.Errorf("links %q, requestors %q", got.Links, got.Requestors)
	}
}

func testMail(t *testing.T, s *rttest.Server) {
	before := len(s.Mails())
	send := func(c *rt.RT, reference string) []string {
		remote := create(t, c, reference)
		err := c.Attach(t.Context(), remote.ID, handover.Addition{Key: "k", Text: "encore", Files: []handover.File{handovertest.File("a.pdf", "application/pdf", []byte("%PDF"))}})
		if err != nil {
			t.Fatal(err)
		}
		mails := s.Mails()[before:]
		before += len(mails)
		return mails
	}
	citizen := handovertest.Case("").Sender.Email
	toCitizen := func(mail string) bool { return strings.Contains(mail, "To: "+citizen) }
	mails := send(connect(t, options(s)), "2026-000003")
	if len(mails) != 2 || slices.ContainsFunc(mails, toCitizen) {
		t.Errorf("RT sent %d mails, want two to the staff and none to the citizen:\n%s", len(mails), strings.Join(mails, "\n"))
	}
	o := options(s)
	o.Requestor = true
	if mails := send(connect(t, o), "2026-000004"); !slices.ContainsFunc(mails, toCitizen) {
		t.Errorf("RT wrote nothing to a requestor: %q", mails)
	}
}

func testReferences(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	seen := map[string]string{}
	// LIKE finds the longer for the shorter, any letter for _ and anything for %.
	for _, reference := range []string{"2026-000055", "2026-00005", "2026-0000555", "2026-00005_", "2026-0000%", `l'été "5"`, `a\`, `a\' OR id > 0 OR Subject = 'x`, "Abc", "abc"} {
		first, again := create(t, c, reference), create(t, c, reference)
		if first != again {
			t.Errorf("%s: %v and %v", reference, first, again)
		}
		if other, ok := seen[first.ID]; ok {
			t.Errorf("%s and %s are the same ticket", reference, other)
		}
		seen[first.ID] = reference
	}
	// A citizen, or anybody else, may write our reference to RT as well.
	var made struct{ ID string }
	s.Do("POST", "/ticket", map[string]string{"Queue": rttest.Queue, "Subject": "[2026-000077] c’est moi"}, &made)
	if got := create(t, c, "2026-000077"); got.ID == made.ID {
		t.Error("somebody else’s ticket was taken for ours")
	}
}

func testField(t *testing.T, s *rttest.Server) {
	o := options(s)
	o.ReferenceField = rttest.Field
	c := connect(t, o)
	one := handovertest.Case("2026-000100")
	one.URL = ""
	first, err := c.Create(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Ticket(first.ID).Fields[rttest.Field]; !slices.Equal(got, []string{one.Reference}) {
		t.Errorf("the field holds %q", got)
	}
	s.Do("PUT", "/ticket/"+first.ID, map[string]string{"Subject": "nid-de-poule"}, nil)
	if again, err := c.Create(t.Context(), one); err != nil || again != first {
		t.Errorf("after the subject was rewritten: %v, %v, want %v", again, err, first)
	}
	if other := create(t, c, "2026-00010"); other == first {
		t.Error("2026-00010 found 2026-000100")
	}
	o.ReferenceField = "Nulle part"
	if _, err := connect(t, o).Check(t.Context()); err == nil || !strings.Contains(err.Error(), `no custom field "Nulle part"`) {
		t.Error("Check:", err)
	}
}

func testRewritten(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	first := create(t, c, "2026-000110")
	s.Do("PUT", "/ticket/"+first.ID, map[string]string{"Subject": "nid-de-poule", "Queue": rttest.Closed, "Status": "resolved"}, nil)
	if again := create(t, c, "2026-000110"); again != first {
		t.Errorf("rewritten, moved and resolved: %v, want %v", again, first)
	}
}

func testTwo(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	first := create(t, c, "2026-000120")
	second := create(t, c, "2026-000121")
	s.Do("PUT", "/ticket/"+second.ID, map[string]string{"Subject": "[2026-000120] encore"}, nil)
	if again := create(t, c, "2026-000120"); again != first {
		t.Errorf("of two: %v, want %v", again, first)
	}
}

func testStatus(t *testing.T, s *rttest.Server) {
	o := options(s)
	o.Statuses = map[string]ingest.Status{"Stalled": ingest.StatusWaitingCitizen}
	c := connect(t, o)
	remote := create(t, c, "2026-000130")
	for _, want := range []handover.State{
		{Raw: "new"},
		{Raw: "open", Status: ingest.StatusInProgress},
		{Raw: "stalled", Status: ingest.StatusWaitingCitizen},
		{Raw: "resolved", Status: ingest.StatusAnswered},
		{Raw: "rejected", Status: ingest.StatusClosed},
		{Raw: "deleted", Status: ingest.StatusClosed},
	} {
		if want.Raw != "new" {
			s.Do("PUT", "/ticket/"+remote.ID, map[string]string{"Status": want.Raw}, nil)
		}
		if got, err := c.Status(t.Context(), remote.ID); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

func testMerged(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	into, first := create(t, c, "2026-000140"), create(t, c, "2026-000141")
	s.Do("PUT", "/ticket/"+first.ID, map[string]string{"MergeInto": into.ID}, nil)
	s.Do("PUT", "/ticket/"+into.ID, map[string]string{"Status": "resolved"}, nil)
	if again := create(t, c, "2026-000141"); again != first {
		t.Errorf("created again: %v, want %v", again, first)
	}
	if got, err := c.Status(t.Context(), first.ID); err != nil || got.Raw != "resolved" {
		t.Errorf("status %v, %v, want that of the other ticket", got, err)
	}
	for range 2 {
		if err := c.Attach(t.Context(), first.ID, handover.Addition{Key: "m", Text: "après"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Ticket(into.ID).Comments; !slices.Equal(got, []string{"après"}) {
		t.Errorf("the comments are %q", got)
	}
}

func testGone(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	// The key is one that RT has, with another ticket.
	if err := c.Attach(t.Context(), create(t, c, "2026-000145").ID, handover.Addition{Key: "gone", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context(), "999999"); !errors.Is(err, handover.ErrGone) {
		t.Error("Status:", err)
	}
	if err := c.Attach(t.Context(), "999999", handover.Addition{Key: "gone", Text: "x"}); !errors.Is(err, handover.ErrGone) || !ingest.IsPermanent(err) {
		t.Error("Attach:", err)
	}
	for _, id := range []string{"", "0", "-1", "1/../2", "1 ", "é"} {
		if _, err := c.Status(t.Context(), id); !ingest.IsPermanent(err) {
			t.Errorf("Status %q: %v", id, err)
		}
		if err := c.Attach(t.Context(), id, handover.Addition{Key: "k", Text: "x"}); !ingest.IsPermanent(err) {
			t.Errorf("Attach %q: %v", id, err)
		}
	}
}

func testBytes(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	remote := create(t, c, "2026-000150")
	contents := map[string][]byte{"vide": nil, "octets": handovertest.Bytes(70_001), "latin1": []byte("\xe9t\xe9\r\n\xff"), "bom": []byte("\xef\xbb\xbfa\r"), "zero": {0}, "0": []byte("0")}
	a := handover.Addition{Key: "une clé\n" + strings.Repeat("x", 300)}
	for _, mediaType := range []string{"", "text/plain", "text/plain; charset=iso-8859-1", "text/html", "text/csv", "image/jpeg", "image/svg+xml", "application/pdf", "application/xml", "message/rfc822", "multipart/mixed", "multipart/signed", "application/pkcs7-mime", `bad"type`} {
		for name, content := range contents {
			a.Files = append(a.Files, handovertest.File(name+" "+mediaType+".txt", mediaType, content))
		}
	}
	// More parts than RT lists at once.
	for i := range 30 {
		a.Files = append(a.Files, handovertest.File(fmt.Sprintf("%d.txt", i), "", []byte{byte(i)}))
	}
	for range 2 {
		if err := c.Attach(t.Context(), remote.ID, a); err != nil {
			t.Fatal(err)
		}
	}
	got := files(t, s, remote.ID)
	for i, name := range handover.Names(a.Files) {
		want := read(t, a.Files[i])
		if have, ok := got[name]; !ok || string(have) != string(want) {
			t.Errorf("%s: %d bytes (there: %v) that are not the %d sent", name, len(have), ok, len(want))
		}
	}
	if len(got) != len(a.Files) {
		t.Errorf("%d files, want %d", len(got), len(a.Files))
	}
}

// testLone: RT would lose the subject, by which it is found again, of a file without a text.
func testLone(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	remote := create(t, c, "2026-000155")
	for range 2 {
		if err := c.Attach(t.Context(), remote.ID, handover.Addition{Key: "lone", Files: []handover.File{handovertest.File("é.bin", "", []byte{0})}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Ticket(remote.ID); len(got.Files) != 1 || len(got.Comments) != 1 || !strings.Contains(got.Comments[0], "é.bin (1 octets)") {
		t.Errorf("files %q, comments %q", got.Files, got.Comments)
	}
	if err := c.Attach(t.Context(), remote.ID, handover.Addition{Key: "nothing"}); err != nil {
		t.Error("nothing to add:", err)
	}
}

func testCheck(t *testing.T, s *rttest.Server) {
	if line, err := connect(t, options(s)).Check(t.Context()); err != nil || !strings.HasPrefix(line, "RT 5.") || !strings.HasSuffix(line, fmt.Sprintf("queue %q", rttest.Queue)) {
		t.Errorf("%q, %v", line, err)
	}
	for name, test := range map[string]struct {
		change func(*rt.Options)
		want   string
	}{
		"password":   {func(o *rt.Options) { o.Token, o.Username, o.Password = "", s.Username, "faux" }, "the login was refused"},
		"user":       {func(o *rt.Options) { o.Token, o.Username, o.Password = "", "personne", "faux" }, "the login was refused"},
		"token":      {func(o *rt.Options) { o.Token = "1-28-00000000000000000000000000000000" }, "the login was refused"},
		"no queue":   {func(o *rt.Options) { o.Queue = "Nulle/part ?" }, `there is no queue "Nulle/part ?", or the user may not see it`},
		"other":      {func(o *rt.Options) { o.Queue = rttest.Other }, "there is no queue"},
		"disabled":   {func(o *rt.Options) { o.Queue = rttest.Closed }, "is disabled"},
		"unseen":     {func(o *rt.Options) { *o = without(s, "SeeQueue") }, "there is no queue"},
		"may not":    {func(o *rt.Options) { *o = without(s, "CreateTicket") }, "may not create tickets"},
		"no RT":      {func(o *rt.Options) { o.URL += "/rt" }, "there is no RT at"},
		"no address": {func(o *rt.Options) { o.URL = "http://127.0.0.1:1" }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(s)
			test.change(&o)
			c := connect(t, o)
			line, err := c.Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || ingest.IsPermanent(err) {
				t.Errorf("Check: %q, %v (permanent: %v), want %q", line, err, ingest.IsPermanent(err), test.want)
			}
			if name == "unseen" {
				return // creating needs no sight of the queue
			}
			if _, err := c.Create(t.Context(), handovertest.Case("2026-000161")); err == nil || ingest.IsPermanent(err) {
				t.Errorf("Create: %v (permanent: %v)", err, ingest.IsPermanent(err))
			}
			if o.Password != "" && strings.Contains(err.Error(), o.Password) || strings.Contains(err.Error(), s.Token) {
				t.Errorf("a credential is told: %v", err)
			}
		})
	}
	if got := s.Find(marked("2026-000161")); len(got) != 0 {
		t.Errorf("tickets %v were made", got)
	}
}

// without logs in as somebody who lacks one right.
func without(s *rttest.Server, right string) rt.Options {
	o := options(s)
	o.Token = ""
	o.Username, o.Password = s.Without(right)
	return o
}

// testRights: the rights that the handbook names must be enough, which all other tests show, and
// each one that is missing must be told.
func testRights(t *testing.T, s *rttest.Server) {
	remote := create(t, connect(t, options(s)), "2026-000170")
	mute, blind := connect(t, without(s, "CommentOnTicket")), connect(t, without(s, "ShowTicketComments"))
	if _, err := mute.Check(t.Context()); err == nil || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "CommentOnTicket") {
		t.Error("Check:", err)
	}
	a := handover.Addition{Key: "k", Text: "x"}
	if err := mute.Attach(t.Context(), remote.ID, a); err == nil || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "CommentOnTicket") {
		t.Errorf("who may not comment: %v (permanent: %v)", err, ingest.IsPermanent(err))
	}
	if err := blind.Attach(t.Context(), remote.ID, a); !ingest.IsPermanent(err) || !strings.Contains(err.Error(), "ShowTicketComments") {
		t.Errorf("who may not see it: %v (permanent: %v)", err, ingest.IsPermanent(err))
	}
}

func testParallel(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			reference := fmt.Sprintf("2026-0002%02d", i)
			remote, err := c.Create(t.Context(), handovertest.Case(reference))
			if err == nil {
				err = c.Attach(t.Context(), remote.ID, handover.Addition{Key: reference, Text: reference, Files: []handover.File{handovertest.File("a", "", []byte(reference))}})
			}
			if err != nil {
				t.Errorf("%s: %v", reference, err)
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		reference := fmt.Sprintf("2026-0002%02d", i)
		if got := s.Find(marked(reference)); len(got) != 1 {
			t.Errorf("%s: tickets %v", reference, got)
		}
	}
}

// A ticket of before the case was decided on is another town's, or of a try-out.
func testForeign(t *testing.T, s *rttest.Server) {
	c := connect(t, options(s))
	old := create(t, c, "2026-008801")
	again := handovertest.Case("2026-008801")
	again.Since = time.Now()
	if got, err := c.Create(t.Context(), again); err != nil || got != old {
		t.Errorf("a ticket of now: %+v, %v, want %+v", got, err, old)
	}
	again.Since = time.Now().Add(2 * time.Hour)
	if got, err := c.Create(t.Context(), again); err != nil || got == old {
		t.Errorf("a ticket of long before was taken: %+v, %v", got, err)
	}
}
