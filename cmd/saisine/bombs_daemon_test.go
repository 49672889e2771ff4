package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// bombDaemon sends bombs through a running daemon by the channels that they come in by
// in earnest: each becomes a row in one end state, and the next letter is filed.
func bombDaemon(t *testing.T) {
	tw := newTown(t, func(s *townSetup) { s.extra, s.level = bombSettings, "info" })
	dir := t.TempDir()
	d := tw.start()
	watch := watchMemory(t, d.cmd.Process.Pid)

	mails := bombMailsDelivered(t, tw, dir)
	scans := bombScansDropped(t, tw, dir)
	forms := bombForms(t, tw)
	rows := tw.settled(mails+len(scans)+forms, 4*time.Minute)

	channel := map[ingest.Channel]int{}
	sums := map[string]ingest.State{}
	for _, s := range rows {
		t.Logf("%s %.40q: %s %.60q", s.Channel, s.Subject, s.State, s.Reason)
		if len(s.Parents) > 0 {
			continue // a letter that a scan was split into
		}
		channel[s.Channel]++
		sums[s.SHA256] = s.State
	}
	if channel[ingest.ChannelMailbox] != mails || channel[ingest.ChannelWebform] != forms || channel[ingest.ChannelScan] != len(scans) {
		t.Errorf("rows by channel: %v; sent %d mails, %d scans, %d forms", channel, mails, len(scans), forms)
	}
	for name, sum := range scans {
		if !sums[sum].Final() {
			t.Errorf("the scan %s is in state %q", name, sums[sum])
		}
	}
	tw.eventually(30*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	if d.ended() {
		t.Fatalf("the daemon ended:\n%s", d.log.tail(40))
	}
	tw.verify()

	// The town goes on as if nothing had been.
	mail, scan := bombLetters(t, dir)
	raw, err := os.ReadFile(mail)
	if err != nil {
		t.Fatal(err)
	}
	letter, err := os.ReadFile(scan)
	if err != nil {
		t.Fatal(err)
	}
	tw.dovecot.DeliverLMTP(townUser, raw)
	tw.dropScan("lettre.pdf", letter)
	after := tw.settled(len(rows)+2, time.Minute)
	for mark, ch := range map[string]ingest.Channel{bombLetterMark: ingest.ChannelMailbox, bombScanMark: ingest.ChannelScan} {
		if !slices.ContainsFunc(after, func(s view.Submission) bool {
			return s.Channel == ch && s.State == ingest.StateFiled && strings.Contains(s.Text, mark) && len(s.Problems) == 0
		}) {
			t.Errorf("the %s letter was not filed", ch)
		}
	}
	tw.verify()
	watch.check(t)
	d.stop()
}

// bombMailsDelivered delivers all bombs that limits.message lets in, over LMTP those
// that are lines of text, and returns how many.
func bombMailsDelivered(t *testing.T, tw *town, dir string) (n int) {
	t.Helper()
	for _, b := range mailBombs() {
		if strings.Contains(b.name, "-over") {
			continue // they go to the folder for mails that cannot be taken in, without a row
		}
		raw, err := os.ReadFile(b.write(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		// As every mail server does; two equal mails would be one matter.
		raw = append([]byte("Message-ID: <"+b.name+"@example.fr>\r\n"), raw...)
		if len(raw) < 8<<20 && bytes.IndexByte(raw, 0) < 0 {
			tw.dovecot.DeliverLMTP(townUser, raw)
		} else {
			tw.dovecot.Deliver(townUser, raw)
		}
		n++
	}
	return n
}

// bombScansDropped drops scans and returns their hashes by name. Of the PDFs it takes a
// few, unless all are asked for: TestBombs reads the others.
func bombScansDropped(t *testing.T, tw *town, dir string) map[string]string {
	t.Helper()
	few := []string{"claimed-pages.pdf", "circular-form.pdf", "circular-pages.pdf", "nested-q.pdf", "pages.pdf"}
	sums := make(map[string]string)
	for _, b := range slices.Concat(pdfBombs(t), imageBombs(t)) {
		if ext := filepath.Ext(b.name); ext == ".docx" || ext == ".pdf" && !longRun() && !slices.Contains(few, b.name) {
			continue
		}
		content, err := os.ReadFile(b.write(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		sums[b.name] = hex.EncodeToString(sum[:])
		tw.dropScan(b.name, content)
	}
	return sums
}

// bombForms posts forms with a million fields and a hundred thousand parts, and returns
// how many were taken in.
func bombForms(t *testing.T, tw *town) (taken int) {
	t.Helper()
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": "message=Bonjour&" + strings.Repeat("a=1&", 1_000_000),
		"multipart/form-data; boundary=b":   strings.Repeat("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n", 100_000) + "--b--\r\n",
		"multipart/form-data; boundary=c":   "--c\r\nContent-Disposition: form-data; name=\"" + strings.Repeat("a", 10<<20) + "\"\r\n\r\n1\r\n--c--\r\n",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+tw.public+"/demandes", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(req)
		status := "cut off"
		if err == nil {
			status = fmt.Sprint(res.StatusCode)
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusSeeOther {
				taken++
			} else if res.StatusCode >= http.StatusInternalServerError {
				t.Errorf("form %s: status %s", kind, status)
			}
		}
		cancel()
		t.Logf("form %s: %s", kind, status)
	}
	return taken
}
