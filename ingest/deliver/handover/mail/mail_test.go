package mail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
	"saisine.fr/saisine/ingest/message"
)

const (
	reference = "2026-000123"
	to        = "dossiers@" + eximtest.Domain
	bounce    = "retours@saint-exemple.test"
)

func connector(t *testing.T, sender Sender, maxSize int64) *Mail {
	t.Helper()
	c, err := New(Options{
		Sender: sender, From: netmail.Address{Address: "mairie@saint-exemple.test"}, To: to, Bounce: bounce,
		Town: "Saint-Exemple", MaxSize: maxSize,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read1 is a mail as two independent readers see it.
type read1 struct {
	message.Message
	header netmail.Header
	files  map[string][]byte
}

// open reads a mail with the standard library and with our own reader, which must agree.
func open(t *testing.T, raw []byte) read1 {
	t.Helper()
	std, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := read1{header: std.Header, files: map[string][]byte{}}
	_, params, err := mime.ParseMediaType(std.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(std.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.FileName() == "" {
			continue
		}
		if p.Header.Get("Content-Transfer-Encoding") != "base64" {
			t.Errorf("%s is not base64", p.FileName())
		}
		content, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if _, twice := out.files[p.FileName()]; err != nil || twice {
			t.Fatalf("%s: %v, twice %t", p.FileName(), err, twice)
		}
		out.files[p.FileName()] = content
	}
	var contents []*bytes.Buffer
	out.Message = message.Read(bytes.NewReader(raw), message.Options{Attachment: func(message.AttachmentInfo) io.Writer {
		contents = append(contents, &bytes.Buffer{})
		return contents[len(contents)-1]
	}})
	if len(out.Attachments) != len(out.files) || len(out.Problems) > 0 {
		t.Errorf("%d and %d attachments, problems %v", len(out.Attachments), len(out.files), out.Problems)
	}
	for i, a := range out.Attachments {
		if got, ok := out.files[a.Name]; !ok || !bytes.Equal(got, contents[i].Bytes()) {
			t.Errorf("%s is read differently by the two readers", a.Name)
		}
	}
	return out
}

// look reads the mailbox as a program would that knows a Message-ID: the second mail of the
// same is the first.
func look(t *testing.T, mails [][]byte, r handover.Remote) handovertest.Seen {
	t.Helper()
	seen := handovertest.Seen{Files: map[string][]byte{}}
	known := map[string]bool{}
	for _, raw := range mails {
		m := open(t, raw)
		if known[m.MessageID] {
			continue
		}
		known[m.MessageID] = true
		if got := m.header.Get("Auto-Submitted"); got != "auto-generated" {
			t.Errorf("Auto-Submitted: %q", got)
		}
		if m.MessageID == r.ID {
			seen.Cases++
			seen.Subject, seen.Text = m.Subject, m.Text
			if got, err := manifest.Parse(m.files[manifest.Name]); err != nil || got.Reference != reference {
				t.Errorf("manifest %+v, %v", got, err)
			}
			continue
		}
		if len(m.InReplyTo) != 1 || m.InReplyTo[0] != r.ID || len(m.References) != 1 || m.References[0] != r.ID {
			t.Errorf("%s is not in the thread", m.MessageID)
		}
		var got partManifest
		if err := json.Unmarshal(m.files[manifest.Name], &got); err != nil || got.Reference != reference || len(got.Additions) != 1 {
			t.Fatalf("manifest %+v, %v", got, err)
		}
		if text := got.Additions[0].Text; text != "" {
			seen.Added = append(seen.Added, text)
		}
		if len(m.files) != len(got.Additions[0].Files)+1 {
			t.Errorf("%d files, the manifest has %d", len(m.files)-1, len(got.Additions[0].Files))
		}
		for _, f := range got.Additions[0].Files {
			content, ok := m.files[f.Name]
			if have := handovertest.File(f.OriginalName, f.Type, content); !ok || have.SHA256 != f.SHA256 || have.Size != f.Size {
				t.Errorf("%s is not what the manifest says", f.Name)
			}
			if _, twice := seen.Files[f.Name]; twice {
				t.Errorf("%s came twice", f.Name)
			}
			seen.Files[f.Name] = content
		}
	}
	return seen
}

func TestSuite(t *testing.T) {
	t.Parallel()
	exim := eximtest.Start(t)
	sender := deliver.NewSMTP(deliver.SMTPOptions{Host: exim.Host, Port: exim.PlainPort, Mode: deliver.ModeNone})
	c := connector(t, sender, 0)
	r := handovertest.Run(t, c, reference, func(t *testing.T, r handover.Remote) handovertest.Seen {
		t.Helper()
		var mails [][]byte
		for _, m := range exim.Await(6, 20*time.Second) {
			if m.ReturnPath != bounce || m.EnvelopeTo != to {
				t.Errorf("envelope %s, %s", m.ReturnPath, m.EnvelopeTo)
			}
			mails = append(mails, m.Raw)
		}
		seen := look(t, mails, r)
		want := handovertest.Case(reference)
		if seen.Subject != "[2026-000123] "+want.Subject || !strings.Contains(seen.Text, "l’Église") || !slices.Equal(seen.Added, []string{"Le trou s’est agrandi."}) {
			t.Errorf("seen %q, %q, %q", seen.Subject, seen.Text, seen.Added)
		}
		return seen
	})
	if r.ID != "handover+2026-000123@saint-exemple.test" || r.URL != "" {
		t.Errorf("%+v", r)
	}
	if _, err := c.Status(t.Context(), r.ID); !errors.Is(err, handover.ErrNoStatus) {
		t.Errorf("Status: %v", err)
	}
	exim.Kill()
	if _, err := c.Check(t.Context()); err == nil {
		t.Error("Check of a server that is not there found nothing wrong")
	}
	if _, err := c.Create(t.Context(), handovertest.Case(reference)); err == nil || ingest.IsPermanent(err) {
		t.Errorf("Create without a server: %v", err)
	}
}

// box is a Sender that keeps what it is given, and fails at the mail with this number.
type box struct {
	mails  [][]byte
	failAt int
}

func (b *box) Send(_ context.Context, _, _ string, msg []byte) (string, error) {
	if b.failAt == len(b.mails)+1 {
		b.failAt = 0
		return "", errors.New("busy")
	}
	b.mails = append(b.mails, msg)
	return "250 OK", nil
}

func addition(files ...handover.File) handover.Addition {
	return handover.Addition{Key: "cle", Text: "Suite é.", ReceivedAt: time.Unix(1_780_000_000, 0).UTC(), Channel: ingest.ChannelMailbox, Files: files}
}

func ids(t *testing.T, mails [][]byte) (out []string) {
	t.Helper()
	for _, raw := range mails {
		out = append(out, open(t, raw).MessageID)
	}
	return out
}

func TestDivided(t *testing.T) {
	t.Parallel()
	const maxSize = 100_000
	var files []handover.File
	for i, n := range []int{30_000, 30_000, 30_000, 1, 60_000, 0, 60_000} {
		files = append(files, handovertest.File(fmt.Sprintf("pièce %d.bin", i), "application/octet-stream", handovertest.Bytes(n)))
	}
	b := &box{failAt: 3}
	c := connector(t, b, maxSize)
	r, err := c.Create(t.Context(), handovertest.Case(reference))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Attach(t.Context(), r.ID, addition(files...)); err == nil {
		t.Fatal("a failing sender was not noticed")
	}
	b.mails = b.mails[:1]
	if err := c.Attach(t.Context(), r.ID, addition(files...)); err != nil {
		t.Fatal(err)
	}
	want := []string{r.ID, "handover+2026-000123+cle@saint-exemple.test", "handover+2026-000123+cle+2@saint-exemple.test", "handover+2026-000123+cle+3@saint-exemple.test", "handover+2026-000123+cle+4@saint-exemple.test"}
	if got := ids(t, b.mails); !slices.Equal(got, want) {
		t.Errorf("Message-IDs %q, want %q", got, want)
	}
	for i, raw := range b.mails {
		if len(raw) > maxSize {
			t.Errorf("mail %d has %d bytes", i, len(raw))
		}
	}
	seen := look(t, b.mails, r)
	if len(seen.Files) != len(files) || len(seen.Added) != 1 {
		t.Errorf("%d files, texts %q", len(seen.Files), seen.Added)
	}
	if got := open(t, b.mails[2]).Subject; got != "[2026-000123] Suite du dossier (2/4)" {
		t.Errorf("subject %q", got)
	}
	sent := len(b.mails)
	err = c.Attach(t.Context(), r.ID, addition(files[0], handovertest.File("grand.bin", "", handovertest.Bytes(80_000))))
	if !ingest.IsPermanent(err) || !strings.Contains(err.Error(), "file 2 of 2 has 80000 bytes") || len(b.mails) != sent {
		t.Errorf("a file that is too large: %v, %d mails went", err, len(b.mails)-sent)
	}
	long := addition()
	long.Text = strings.Repeat("é", maxSize)
	if err := c.Attach(t.Context(), r.ID, long); !ingest.IsPermanent(err) || len(b.mails) != sent {
		t.Errorf("a text that is too large: %v", err)
	}
	if err := c.Attach(t.Context(), r.ID, handover.Addition{Key: "vide"}); err != nil || len(b.mails) != sent {
		t.Errorf("nothing to add: %v, %d mails went", err, len(b.mails)-sent)
	}
}

// TestNearLimit moves the size of the files about the limit of a mail.
func TestNearLimit(t *testing.T) {
	t.Parallel()
	const maxSize = minSize
	for n := 45_000; n < 49_000; n += 37 {
		b := &box{}
		a := addition(handovertest.File("a.bin", "", make([]byte, n)), handovertest.File("b.bin", "", make([]byte, n%3)))
		if err := connector(t, b, maxSize).Attach(t.Context(), "handover+2026-000123@x.test", a); err != nil && (len(b.mails) > 0 || !strings.Contains(err.Error(), "file 1 of 2")) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for _, raw := range b.mails {
			if len(raw) > maxSize {
				t.Fatalf("%d bytes of files became %d", n, len(raw))
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("très long nom ", 20)
	files := []handover.File{
		handovertest.File("manifest.json", "application/json", []byte("{}")),
		handovertest.File(long+"1.pdf", "application/pdf", []byte("1")),
		handovertest.File(long+"2.pdf", "text/html; charset=x", []byte("2")),
		handovertest.File("a\r\nBcc: x@y.test\r\n\r\n.eml", "message/rfc822", []byte("Subject: x\r\n\r\ny")),
		handovertest.File("sans type", "bogus", []byte("z")),
	}
	b := &box{}
	if err := connector(t, b, 0).Attach(t.Context(), "handover+2026-000123@x.test", addition(files...)); err != nil {
		t.Fatal(err)
	}
	seen := look(t, b.mails, handover.Remote{ID: "handover+2026-000123@x.test"})
	for name, want := range map[string]string{
		"manifest-2.json": "{}", "sans_type": "z", "a__Bcc__x_y.test____.eml": "Subject: x\r\n\r\ny",
		"tres_long_nom_tres_long_nom_tres_lon.pdf": "1", "tres_long_nom_tres_long_nom_tres_lon-2.pdf": "2",
	} {
		if got, ok := seen.Files[name]; !ok || string(got) != want {
			t.Errorf("%s is %q, %t", name, got, ok)
		}
	}
	if len(seen.Files) != len(files) || open(t, b.mails[0]).header.Get("Bcc") != "" {
		t.Errorf("%d files", len(seen.Files))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := &box{}
	c := connector(t, b, 0)
	for _, bad := range []string{"", "a b", "a+b", "a>b", "a@b", "é", "a\r\nb"} {
		if _, err := c.Create(t.Context(), handovertest.Case(bad)); !ingest.IsPermanent(err) {
			t.Errorf("Create of %q: %v", bad, err)
		}
		a := addition()
		a.Key = bad
		if err := c.Attach(t.Context(), "handover+2026-000123@x.test", a); !ingest.IsPermanent(err) {
			t.Errorf("Attach of %q: %v", bad, err)
		}
		if err := c.Attach(t.Context(), bad, addition()); !ingest.IsPermanent(err) {
			t.Errorf("Attach to %q: %v", bad, err)
		}
	}
	changed := handovertest.File("a.txt", "text/plain", []byte("a"))
	changed.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("b")), nil }
	if err := c.Attach(t.Context(), "handover+2026-000123@x.test", addition(changed)); !ingest.IsPermanent(err) {
		t.Errorf("a file that is not the one in the ledger: %v", err)
	}
	if len(b.mails) > 0 {
		t.Errorf("%d mails went", len(b.mails))
	}
	if line, err := c.Check(t.Context()); err != nil || line == "" {
		t.Errorf("Check of a sender that cannot be checked: %q, %v", line, err)
	}
	good := Options{Sender: b, From: netmail.Address{Address: "a@x.test"}, To: to}
	for name, change := range map[string]func(*Options){
		"no sender":    func(o *Options) { o.Sender = nil },
		"no from":      func(o *Options) { o.From.Address = "" },
		"to with name": func(o *Options) { o.To = "Moi <" + to + ">" },
		"bad bounce":   func(o *Options) { o.Bounce = "x" },
		"bad domain":   func(o *Options) { o.From.Address = "a@x_é..test" },
		"small":        func(o *Options) { o.MaxSize = 1000 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
