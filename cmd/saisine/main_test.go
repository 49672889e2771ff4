package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// The main job, once, on real servers: a mail, a form and a scan become requests.
func TestThreeChannelsBecomeRequests(t *testing.T) {
	t.Parallel()
	tw := newTown(t, testBuild)
	letter, err := samplescan.PDF([]string{"Huguette Barbier\n\nObjet : trottoir défoncé\n\nMadame la Maire,\n\nLes racines du platane ont soulevé le trottoir\ndevant le numéro 8 de la rue de la Fontaine.\n"}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tw.dropScan("lettre.pdf", letter)
	tw.deliver("mail1")
	d := tw.start()
	status, location, _, err := tw.post(form("form1"), map[string][]byte{"photo.txt": []byte("une pièce")})
	if err != nil || status != http.StatusSeeOther || !strings.HasPrefix(location, "/suivi/") {
		t.Fatalf("form: %d %q %v", status, location, err)
	}
	subs := tw.settled(3, time.Minute)
	if len(subs) != 3 {
		t.Fatalf("%d submissions", len(subs))
	}
	seen := map[ingest.Channel]view.Request{}
	for _, q := range tw.requests() {
		seen[q.Submissions[0].Channel] = q
		if q.Submissions[0].Link != ingest.LinkOpens || q.Status != ingest.StatusNew || q.Text == "" {
			t.Errorf("request: %+v", q)
		}
	}
	if len(seen) != 3 {
		t.Fatalf("requests from %d channels", len(seen))
	}
	if q := seen[ingest.ChannelScan]; !strings.Contains(q.Text, "trottoir") || q.Category != "voirie" || q.Subject != "trottoir défoncé" {
		t.Errorf("scan: category %q, subject %q, text %q", q.Category, q.Subject, q.Text)
	}
	if q := seen[ingest.ChannelMailbox]; q.Category != "eclairage-public" || q.Sender.Email != "citoyen-mail1@example.fr" {
		t.Errorf("mail: %+v", q)
	}
	if q := seen[ingest.ChannelWebform]; q.Sender.Name != "Citoyenne form1" || q.Category != "voirie" {
		t.Errorf("form: %+v", q)
	}
	tw.eventually(10*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })

	// The citizen's page shows the reference, the clerk's note too.
	var page string
	tw.eventually(10*time.Second, "the follow-up page shows the reference", func() bool {
		page = get(t, "http://"+tw.public+location)
		return strings.Contains(page, seen[ingest.ChannelWebform].Reference)
	})
	month := time.Now().Format("2006-01")
	note := filepath.Join(tw.scans, "_traités", month, "lettre.pdf.reçu.txt")
	tw.eventually(15*time.Second, "the note beside the scan names the request", func() bool {
		text, err := os.ReadFile(note)
		if err != nil {
			names, _ := filepath.Glob(filepath.Join(tw.scans, "_traités", month, "*"))
			t.Log(names)
		}
		return strings.Contains(string(text), seen[ingest.ChannelScan].Reference)
	})
	if !tw.answers("http://" + tw.admin + "/readyz") {
		t.Error("not ready: " + get(t, "http://"+tw.admin+"/readyz"))
	}
	for _, want := range []string{"saisine_submissions_total 3", `saisine_queue_tasks{queue="mail",state="pending"} 0`, `saisine_channel_fault{channel="mailbox/sve"} 0`} {
		if m := get(t, "http://"+tw.admin+"/metrics"); !strings.Contains(m, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	tw.verify()
	d.stop()
	tw.verify()
}

func get(t testing.TB, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// malformed are the mails of thirty-year-old programs that must all get a ledger row.
func malformed(i int) []byte {
	mark := fmt.Sprintf("bad%02d", i)
	head := "From: Vieux Logiciel <vieux-" + mark + "@example.fr>\r\nTo: " + townUser + "\r\nMessage-ID: <" + mark + "@example.fr>\r\n"
	switch i % 6 {
	case 0: // a header line without a colon
		return []byte(head + "Ceci n'est pas un en-tête\r\nSubject: sans deux-points " + mark + "\r\n\r\nLe trottoir est cassé, " + mark + "\r\n")
	case 1: // multipart without its boundary
		return []byte(head + "Subject: sans limite " + mark + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nLe trottoir est cassé, " + mark + "\r\n--x--\r\n")
	case 2: // unknown charset
		return []byte(head + "Subject: jeu inconnu " + mark + "\r\nContent-Type: text/plain; charset=x-martien\r\n\r\nLe trottoir est cass\xe9, " + mark + "\r\n")
	case 3: // truncated base64
		return []byte(head + "Subject: base64 " + mark + "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nTGUgdHJvdHRvaXIgZXN0IGNhc3PDqSBkZXZhbnQgY2hleiBtb2kg" + mark[:5] + "\r\n")
	case 4: // raw 8-bit headers
		return []byte("From: Andr\xe9 Lef\xe8vre <andre-" + mark + "@example.fr>\r\nTo: " + townUser + "\r\nSubject: Probl\xe8me d'\xe9clairage " + mark + "\r\n\r\nLe lampadaire est \xe9teint, " + mark + "\r\n")
	}
	// An attachment of 26 MB, over limits.file but under limits.message.
	line := strings.Repeat("QUJD", 19) + "\r\n"
	var b bytes.Buffer
	b.WriteString(head + "Subject: tres gros " + mark + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nVoici les photos du trottoir, " + mark +
		"\r\n--b\r\nContent-Type: application/octet-stream; name=\"photos.zip\"\r\nContent-Disposition: attachment; filename=\"photos.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for b.Len() < 26<<20*4/3 {
		b.WriteString(line)
	}
	b.WriteString("\r\n--b--\r\n")
	return b.Bytes()
}

// 500 mails in a real Dovecot, 20 of them malformed: 500 ledger rows, an empty inbox.
func TestFiveHundredMails(t *testing.T) {
	t.Parallel()
	tw := newTown(t, testBuild)
	bad := 0
	for i := range 500 {
		if i%25 == 3 {
			tw.dovecot.Deliver(townUser, malformed(bad))
			bad++
			continue
		}
		tw.deliver(fmt.Sprintf("m%03d", i))
	}
	if bad != 20 {
		t.Fatalf("%d malformed mails", bad)
	}
	d := tw.start()
	subs := tw.settled(500, 3*time.Minute)
	if len(subs) != 500 {
		t.Errorf("%d ledger rows", len(subs))
	}
	tw.eventually(20*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	for _, s := range subs {
		if s.State != ingest.StateFiled {
			t.Errorf("%s %q: %s %s", s.SourceKey, s.Subject, s.State, s.Reason)
		}
		if strings.Contains(s.Text, "repère") && !strings.Contains(s.Subject, "Demande m") {
			t.Errorf("subject %q, text %q", s.Subject, s.Text)
		}
	}
	seen := map[string]int{}
	for _, s := range subs {
		for i := range bad {
			if mark := fmt.Sprintf("bad%02d", i); strings.Contains(s.Subject, mark) {
				seen[mark]++
				if i%6 == 4 && (s.From.Name != "André Lefèvre" || !strings.HasPrefix(s.Subject, "Problème d'éclairage")) {
					t.Errorf("raw 8-bit header read as %q, %q", s.From.Name, s.Subject)
				}
			}
		}
	}
	if len(seen) != 20 {
		t.Errorf("found %d of the malformed mails: %v", len(seen), seen)
	}
	tw.verify()
	d.stop()
}
