package rttest_test

import (
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest/deliver/handover/rttest"
)

// TestServer looks whether the helper sees what a test relies on: tickets, texts, files, mails,
// and that all of it is there after a kill.
func TestServer(t *testing.T) {
	t.Parallel()
	s := rttest.Start(t)
	var made struct{ ID string }
	s.Do("POST", "/ticket", map[string]any{
		"Queue": rttest.Queue, "Subject": "essai « é »", "Content": "bonjour",
		"ContentType": "text/plain", "CustomFields": map[string]string{rttest.Field: "R1"},
	}, &made)
	s.Do("POST", "/ticket/"+made.ID+"/comment", map[string]any{
		"Content": "note", "ContentType": "text/plain",
		"Attachments": []map[string]string{{"FileName": "a.bin", "FileType": "application/octet-stream", "FileContent": "AAEC"}},
	}, nil)
	s.Kill()
	s.Restart()
	if got := s.Find("Subject LIKE 'essai'"); !slices.Equal(got, []string{made.ID}) {
		t.Fatalf("found %v, want %s", got, made.ID)
	}
	got := s.Ticket(made.ID)
	if got.Subject != "essai « é »" || got.Status != "new" || got.Text != "bonjour" || !slices.Equal(got.Comments, []string{"note"}) ||
		string(got.Files["a.bin"]) != "\x00\x01\x02" || !slices.Equal(got.Fields[rttest.Field], []string{"R1"}) {
		t.Errorf("the ticket is %+q", got)
	}
	mails := s.Mails()
	if len(mails) != 2 || !strings.Contains(mails[1], rttest.Staff) {
		t.Errorf("%d mails, want one for the ticket and one for the comment, to the staff: %q", len(mails), mails)
	}
}
