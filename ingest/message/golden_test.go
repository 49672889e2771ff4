package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden reads every mail of testdata/mail and compares all that came out with the
// golden file beside it. Each mail is also read byte by byte, which must make no
// difference.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/mail/*.eml")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d sample mails, error %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := golden(t, Read(bytes.NewReader(raw), Options{}))
			goldenFile := strings.TrimSuffix(file, ".eml") + ".golden.json"
			if *update {
				if err := os.WriteFile(goldenFile, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(goldenFile)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if slow := golden(t, Read(iotest.OneByteReader(bytes.NewReader(raw)), Options{})); !bytes.Equal(slow, want) {
				t.Errorf("byte by byte: got\n%s\nwant\n%s", slow, want)
			}
		})
	}
}

func golden(t *testing.T, m Message) []byte {
	t.Helper()
	checkMessage(t, m)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checkMessage holds for every message, whatever its bytes.
func checkMessage(t *testing.T, m Message) {
	t.Helper()
	lines := []string{
		m.Subject, m.Automatic, m.MessageID, m.From.Name, m.From.Email, m.Sender.Name, m.Sender.Email,
		m.ReplyTo.Name, m.ReplyTo.Email,
	}
	for _, a := range append(m.To[:len(m.To):len(m.To)], m.Cc...) {
		lines = append(lines, a.Name, a.Email)
	}
	lines = append(append(append(lines, m.DeliveredTo...), m.InReplyTo...), m.References...)
	for i, a := range m.Attachments {
		lines = append(lines, a.Name, a.Type, a.ContentID)
		if a.Index != i || a.Name == "" || len(a.SHA256) != 64 || strings.ContainsAny(a.Name, `/\`) {
			t.Errorf("attachment %d is %+v", i, a)
		}
	}
	for _, p := range m.Problems {
		lines = append(lines, p.Detail)
	}
	for _, s := range lines {
		checkText(t, s)
		if strings.Contains(s, "\n") {
			t.Errorf("%q goes over several lines", s)
		}
	}
	checkText(t, m.Text)
	checkText(t, m.OwnText)
	if m.Text != "" && m.OwnText == "" {
		t.Errorf("no own text in %q", m.Text)
	}
}

func checkText(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%q is no UTF-8", s)
	}
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7F && r < 0xA0 {
			t.Errorf("%q holds the control character %U", s, r)
			return
		}
	}
}
