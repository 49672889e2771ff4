package deliver

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/message"

	"saisine.fr/saisine/ingest"
)

var receipt = Message{
	From:    mail.Address{Name: "Mairie de Saint-Exemple", Address: "sve@saint-exemple.fr"},
	To:      mail.Address{Name: "Zoé d’Été", Address: "zoe@exemple-citoyen.test"},
	Subject: "Accusé de réception électronique – demande 2026-000123",
	Text:    "Bonjour,\n\nVotre demande est arrivée.\n.\nFrom la mairie\n", HTML: "<p>Votre demande est arrivée.</p>",
	MessageID: "are.1@saint-exemple.fr", Date: time.Date(2026, 11, 25, 9, 30, 0, 0, time.FixedZone("CET", 3600)),
	InReplyTo: "question@exemple-citoyen.test", References: []string{"first@x.test", "question@exemple-citoyen.test"},
	AutoSubmitted: "auto-replied",
}

func parse(t testing.TB, raw []byte) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	return m
}

// fields returns the names of the header fields as they stand, which net/mail would
// merge and rename.
func fields(raw []byte) (names []string) {
	header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(header), "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestComposeReceipt(t *testing.T) {
	t.Parallel()
	raw, err := Compose(receipt)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, raw)
	for name, want := range map[string]string{
		"From": `"Mairie de Saint-Exemple" <sve@saint-exemple.fr>`, "Date": "Wed, 25 Nov 2026 09:30:00 +0100",
		"Message-Id": "<are.1@saint-exemple.fr>", "In-Reply-To": "<question@exemple-citoyen.test>",
		"References":     "<first@x.test> <question@exemple-citoyen.test>",
		"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "OOF, AutoReply, RN, NRN", "Mime-Version": "1.0",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || got != receipt.Subject {
		t.Errorf("subject %q, %v", got, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || *to[0] != receipt.To {
		t.Errorf("to %v, %v", to, err)
	}
	if err := sendable(raw); err != nil {
		t.Error(err)
	}
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		t.Fatalf("%s, %v", media, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ media, text string }{
		{"text/plain; charset=UTF-8", receipt.Text}, {"text/html; charset=UTF-8", receipt.HTML},
	} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if got := strings.ReplaceAll(string(text), "\r\n", "\n"); err != nil || got != want.text || p.Header.Get("Content-Type") != want.media {
			t.Errorf("part %s: %q, %v", p.Header.Get("Content-Type"), got, err)
		}
	}
}

// TestComposeAttachment reads the mail with the parser of incoming mail: what it sees is
// what a citizen's program sees.
func TestComposeAttachment(t *testing.T) {
	t.Parallel()
	m := receipt
	data := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{0, 13, 10, '.', 255}, 5000)...)
	pdf := []byte("%PDF-1.4\n.\n")
	m.Attachments = []File{
		{Name: "reçu n° 1.pdf", Type: "application/pdf", Data: data},
		{Name: strings.Repeat("é", 300) + ".pdf", Type: "multipart/mixed; boundary=x", Data: pdf},
		{Name: "\r\nBcc: a@b.test\r\n", Type: "text/plain\r\nX-Evil: 1", Data: []byte("é")},
	}
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendable(raw); err != nil {
		t.Error(err)
	}
	read := message.Read(bytes.NewReader(raw), message.Options{})
	if read.Err != nil || len(read.Problems) != 0 || !strings.HasPrefix(read.Automatic, "auto_submitted") {
		t.Errorf("%v, %v, %q", read.Err, read.Problems, read.Automatic)
	}
	want := []string{
		fmt.Sprintf("reçu n° 1.pdf application/pdf %x", sha256.Sum256(data)),
		fmt.Sprintf("%s.pdf application/pdf %x", strings.Repeat("é", maxFileName-5)+"…", sha256.Sum256(pdf)),
		fmt.Sprintf("Bcc_ a@b.test application/octet-stream %x", sha256.Sum256([]byte("é"))),
	}
	var got []string
	for _, a := range read.Attachments {
		got = append(got, fmt.Sprintf("%s %s %s", a.Name, a.Type, a.SHA256))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestComposeLeavesOut(t *testing.T) {
	t.Parallel()
	m := receipt
	m.HTML, m.AutoSubmitted, m.InReplyTo = "", "", "a@b>\r\nBcc: x@y.test"
	m.References = []string{"", "no-at", "with blank@x", "a@b@c", "<a@b>", "é@x", strings.Repeat("x", 300) + "@x"}
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"}
	if got := fields(raw); !slices.Equal(got, want) {
		t.Errorf("fields %q", got)
	}
	for i := range 50 {
		m.References = append(m.References, fmt.Sprintf("%d@x.test", i))
	}
	if raw, err = Compose(m); err != nil {
		t.Fatal(err)
	}
	refs := strings.Fields(parse(t, raw).Header.Get("References"))
	if len(refs) != maxReferences || refs[0] != "<0@x.test>" || refs[1] != "<31@x.test>" || refs[19] != "<49@x.test>" {
		t.Errorf("references %q", refs)
	}
}

func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Message)
		want   error
	}{
		"recipient":     {func(m *Message) { m.To.Address = "nobody" }, ErrAddress},
		"injection":     {func(m *Message) { m.To.Address = "a@b.test>\r\nBcc: <c@d.test" }, ErrAddress},
		"second":        {func(m *Message) { m.To.Address = "a@b.test, c@d.test" }, ErrAddress},
		"sender":        {func(m *Message) { m.From.Address = "" }, ErrAddress},
		"message id":    {func(m *Message) { m.MessageID = "x" }, ErrMessage},
		"no date":       {func(m *Message) { m.Date = time.Time{} }, ErrMessage},
		"autosubmitted": {func(m *Message) { m.AutoSubmitted = "no\r\nX: y" }, ErrMessage},
	} {
		m := receipt
		c.change(&m)
		if _, err := Compose(m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCompose: whatever the foreign bytes are, the header holds the intended fields,
// each once, and the mail can be sent as it stands.
func FuzzCompose(f *testing.F) {
	f.Add("Zoé", "zoe@exemple.fr", "Objet", "Bonjour", "a@b.test", "c@d.test", "a.pdf", "application/pdf")
	f.Add("x\r\nBcc: y", "a@b\r\n>", "=?utf-8?q?=0D=0ABcc:?=", "\r\n.\r\n", "a>\r\n\r\n", "<a@b>", "\r\n\"; x=\"", "a/b; c=d")
	f.Add("", "a@b.fr", "", "", "", "", "", "")
	f.Add(strings.Repeat("\U0001f600", 999), "a@b.fr", strings.Repeat("\U0001f600", 999), "x", "", "", strings.Repeat("\U0001f600", 999), strings.Repeat("a", 50)+"/"+strings.Repeat("b", 49))
	f.Add(strings.Repeat("é", 999), "\"a\\\"b\"@x.fr", strings.Repeat("x", 3000), strings.Repeat("x ", 3000), "", "", "", "")
	f.Fuzz(func(t *testing.T, name, to, subject, text, reply, reference, fileName, fileType string) {
		m := receipt
		m.To, m.Subject, m.Text, m.HTML = mail.Address{Name: name, Address: to}, subject, text, "<p>"+text
		m.InReplyTo, m.References = reply, []string{reference, reply}
		m.Attachments = []File{{Name: fileName, Type: fileType, Data: []byte(text)}}
		raw, err := Compose(m)
		if err != nil {
			if !ingest.IsPermanent(err) {
				t.Fatal(err)
			}
			return
		}
		if err := sendable(raw); err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
		want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To", "X-Auto-Response-Suppress"}
		if isMessageID(reply) {
			want = append(want, "In-Reply-To")
		}
		if isMessageID(reply) || isMessageID(reference) {
			want = append(want, "References")
		}
		slices.Sort(want)
		if got := fields(raw); !slices.Equal(got, want) {
			t.Fatalf("fields %q in %q", got, raw)
		}
		parsed := parse(t, raw)
		tos, err := parsed.Header.AddressList("To")
		if err != nil || len(tos) != 1 || !strings.EqualFold(tos[0].Address[:strings.LastIndexByte(tos[0].Address, '@')], to[:strings.LastIndexByte(to, '@')]) {
			t.Fatalf("to %v, %v", tos, err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("subject %q, %v", got, err)
		}
		media, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
		if err != nil || media != "multipart/mixed" {
			t.Fatalf("%s, %v", media, err)
		}
		parts := multipart.NewReader(parsed.Body, params["boundary"])
		var medias []string
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			media, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
			medias = append(medias, media)
			for field := range p.Header {
				if !slices.Contains([]string{"Content-Type", "Content-Disposition", "Content-Transfer-Encoding"}, field) {
					t.Fatalf("a part has the field %q", field)
				}
			}
		}
		if len(medias) != 2 || medias[0] != "multipart/alternative" {
			t.Fatalf("parts %q", medias)
		}
		m.HTML, m.Attachments = "", nil
		if raw, err = Compose(m); err != nil {
			t.Fatal(err)
		}
		if err := sendable(raw); err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
	})
}
