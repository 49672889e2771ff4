package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ocr"
)

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	spool := Spool{Dir: dir}
	for _, size := range []int{0, 1, InlineMax, InlineMax + 1, 3 * InlineMax} {
		content := bytes.Repeat([]byte("x"), size)
		b, err := spool.Read(bytes.NewReader(content), 0)
		if err != nil {
			t.Fatal(err)
		}
		if (b.Path() != "") != (size > InlineMax) {
			t.Errorf("%d bytes: path %q", size, b.Path())
		}
		if b.SHA256() != NewBlob(content).SHA256() || b.Size() != int64(size) {
			t.Errorf("%d bytes: size %d, hash %s", size, b.Size(), b.SHA256())
		}
		r, err := b.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: read back %d, %v", size, len(got), err)
		}
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	}
	if _, err := spool.Read(strings.NewReader("12345"), 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	if b, err := spool.Read(strings.NewReader("1234"), 4); err != nil || b.Size() != 4 {
		t.Errorf("at the limit: %v", err)
	}
	fault := errors.New("line cut")
	if _, err := spool.Read(io.MultiReader(bytes.NewReader(make([]byte, 2*InlineMax)), failing{fault}), 0); !errors.Is(err, fault) {
		t.Errorf("a broken source: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := (Spool{Dir: filepath.Join(dir, "missing")}).Read(bytes.NewReader(make([]byte, 2*InlineMax)), 0); err == nil {
		t.Error("a missing folder was not noticed")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type recorder struct {
	got     []Submission
	receipt Receipt
	err     error
}

func (r *recorder) Record(_ context.Context, s Submission) (Receipt, error) {
	r.got = append(r.got, s)
	return r.receipt, r.err
}

type notes []string

func (n *notes) Notify(id string, attempt int, lane Lane) {
	*n = append(*n, fmt.Sprintf("%s %d %s", id, attempt, lane))
}

func TestIntake(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	good := Submission{Channel: ChannelScan, SourceKey: "k", Original: NewBlob([]byte("x")), MediaType: MediaPDF, ReceivedAt: now.Add(-time.Hour)}
	submit := func(s Submission, r *recorder) (*notes, error) {
		n := &notes{}
		in := &Intake{Recorder: r, Notifier: n, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
		_, err := in.Submit(t.Context(), s)
		return n, err
	}
	r := &recorder{receipt: Receipt{ID: "1", State: StateReceived}}
	if n, err := submit(good, r); err != nil || len(*n) != 1 || (*n)[0] != "1 0 ocr" {
		t.Errorf("%v %v", *n, err)
	}
	if !r.got[0].ReceivedAt.Equal(good.ReceivedAt) {
		t.Error("the date of reception was changed")
	}
	for name, receipt := range map[string]Receipt{
		"replayed": {ID: "1", State: StateReceived, Replayed: true}, "settled": {ID: "1", State: StateSetAside},
	} {
		if n, err := submit(good, &recorder{receipt: receipt}); err != nil || len(*n) != 0 {
			t.Errorf("%s: workers told %v, %v", name, *n, err)
		}
	}
	if n, err := submit(good, &recorder{err: ErrUnavailable}); !errors.Is(err, ErrUnavailable) || len(*n) != 0 {
		t.Errorf("full disk: told %v, %v", *n, err)
	}
	for name, at := range map[string]time.Time{"zero": {}, "future": now.AddDate(0, 1, 0)} {
		r := &recorder{}
		s := good
		s.ReceivedAt = at
		if _, err := submit(s, r); err != nil || !r.got[0].ReceivedAt.Equal(now) {
			t.Errorf("%s: dated %v, %v", name, r.got[0].ReceivedAt, err)
		}
	}
	for name, breakIt := range map[string]func(*Submission){
		"no channel":      func(s *Submission) { s.Channel = "" },
		"no key":          func(s *Submission) { s.SourceKey = "" },
		"no original":     func(s *Submission) { s.Original = nil },
		"no type":         func(s *Submission) { s.MediaType = "" },
		"settled filed":   func(s *Submission) { s.Settled, s.Reason = StateFiled, "x" },
		"settled for why": func(s *Submission) { s.Settled, s.Reason = StateFailed, " " },
	} {
		s, r := good, &recorder{}
		breakIt(&s)
		if _, err := submit(s, r); !errors.Is(err, ErrInvalid) || len(r.got) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokens(t *testing.T) {
	tokens := Tokens{Key: bytes.Repeat([]byte{7}, 32)}
	const id = "0195d1a2-3b4c-7d5e-8f60-718293a4b5c6"
	token, err := tokens.Token(id, 0)
	if err != nil || len(token) != 43 {
		t.Fatal(token, err)
	}
	if got, _, err := tokens.Submission(token); err != nil || got != id {
		t.Errorf("%s %v", got, err)
	}
	forged := []string{"", "x", token[:42], token + "A", strings.ToUpper(token), "B" + token[1:]}
	other, _ := Tokens{Key: bytes.Repeat([]byte{8}, 32)}.Token(id, 0)
	for _, f := range append(forged, other) {
		if got, _, err := tokens.Submission(f); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q was taken for %q (%v)", f, got, err)
		}
	}
	if _, err := tokens.Token("7", 0); err == nil {
		t.Error("a token for what is no id")
	}
}

// A link that was revoked stays recognisable, and cannot be made into a later one.
func TestTokenGenerations(t *testing.T) {
	tokens := Tokens{Key: bytes.Repeat([]byte{7}, 32)}
	const id = "0195d1a2-3b4c-7d5e-8f60-718293a4b5c6"
	seen := map[string]bool{}
	for generation := range 12 {
		token, err := tokens.Token(id, generation)
		if err != nil {
			t.Fatal(err)
		}
		if got, n, err := tokens.Submission(token); err != nil || got != id || n != generation {
			t.Errorf("%s: %s, generation %d, %v", token, got, n, err)
		}
		head, _, _ := strings.Cut(token, ".")
		if seen[head] {
			t.Errorf("generation %d has the proof of an earlier one", generation)
		}
		seen[head] = true
		for _, tail := range []string{"", ".", ".0", ".1", ".01", ".+1", ".-1", ".1.1", ".x", ".11", ".99999999999999999999"} {
			if head+tail == token {
				continue
			}
			if got, n, err := tokens.Submission(head + tail); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q was taken for %s, generation %d (%v)", head+tail, got, n, err)
			}
		}
	}
}

func FuzzTokens(f *testing.F) {
	tokens := Tokens{Key: bytes.Repeat([]byte{7}, 32)}
	const id = "0195d1a2-3b4c-7d5e-8f60-718293a4b5c6"
	for generation := range 3 {
		token, err := tokens.Token(id, generation)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(token)
	}
	f.Add("ar.x.are@mairie.example")
	f.Fuzz(func(t *testing.T, text string) {
		if got, n, err := tokens.Submission(text); err == nil {
			if again, err := tokens.Token(got, n); err != nil || again != text {
				t.Errorf("%q is also %q (%v)", text, again, err)
			}
		}
		if got, err := tokens.Answered(text); err == nil {
			local, domain, _ := strings.Cut(text, "@")
			_, mark, _ := strings.Cut(strings.TrimPrefix(local, receiptPrefix), ".")
			if again, err := tokens.MarkedMessageID(got, mark, domain); err != nil || strings.TrimSuffix(again, ".") != strings.TrimSuffix(local, ".")+"@"+domain {
				t.Errorf("%q is also %q (%v)", text, again, err)
			}
		}
	})
}

// The mails about one submission have Message-IDs of their own, by each of which an answer is
// known; none of them is a link, and no link is one of them.
func TestMarkedMessageIDs(t *testing.T) {
	tokens := Tokens{Key: bytes.Repeat([]byte{7}, 32)}
	const id = "0195d1a2-3b4c-7d5e-8f60-718293a4b5c6"
	seen := map[string]bool{}
	for _, mark := range []string{"", "are", "status1", "status2", "pieces"} {
		messageID, err := tokens.MarkedMessageID(id, mark, "mairie.example")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := tokens.MarkedMessageID(id, mark, "mairie.example"); err != nil || again != messageID {
			t.Errorf("a second try is named %s, not %s (%v)", again, messageID, err)
		}
		local, _, _ := strings.Cut(messageID, "@")
		if seen[messageID] || len(local) > 64 { // RFC 5321 §4.5.3.1.1
			t.Errorf("%s: named twice, or too long", messageID)
		}
		seen[messageID] = true
		for _, domain := range []string{"mairie.example", "old.example"} { // a town may change its domain
			if got, err := tokens.Answered(local + "@" + domain); err != nil || got != id {
				t.Errorf("%s@%s: %s %v", local, domain, got, err)
			}
		}
		for _, forged := range []string{local, local + "x@mairie.example", local + ".more@mairie.example", strings.ToUpper(local) + "@mairie.example", "x" + messageID} {
			if got, err := tokens.Answered(forged); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s was taken for %s", forged, got)
			}
		}
		if _, _, err := tokens.Submission(strings.TrimPrefix(local, receiptPrefix)); !errors.Is(err, ErrNotFound) {
			t.Errorf("who sees the header of a mail has its link: %v", err)
		}
	}
	if plain, err := tokens.MessageID(id, "mairie.example"); err != nil || !seen[plain] {
		t.Errorf("the plain one is the one without a mark: %s %v", plain, err)
	}
	for generation := range 2 {
		link, err := tokens.Token(id, generation)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tokens.Answered(receiptPrefix + link + "@mairie.example"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a link was taken for an answer to %s", got)
		}
	}
	if _, err := tokens.MarkedMessageID("7", "are", "mairie.example"); err == nil {
		t.Error("a Message-ID for what is no id")
	}
}

func TestSniff(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"a.pdf", "%PDF-1.4\n", MediaPDF},
		{"a.txt", "junk before\n%PDF-1.4\n", MediaPDF},
		{"a.pdf", "II*\x00....", MediaTIFF},
		{"a.tif", "MM\x00*....", MediaTIFF},
		{"a.tif", "MM\x00+....", MediaTIFF},
		{"x", "\xff\xd8\xff\xe0", MediaJPEG},
		{"x", "\x89PNG\r\n\x1a\n", MediaPNG},
		{"x.eml", "Bonjour", MediaMail},
		{"x", "From: a@b\nSubject: c\n\nd", MediaMail},
		{"x", "From a@b Mon\nReceived: x\nSubject: c\n\nd", MediaMail},
		{"x.txt", "From: a@b\nSubject: c\n\nd", MediaText},
		{"x", "Madame,\nObjet : route\n", MediaText},
		{"x", "\x00\x01\x02", "application/octet-stream"},
		{"x", "", "application/octet-stream"},
		{"x.docx", "PK\x03\x04\x00", "application/octet-stream"},
	}
	for _, tt := range tests {
		if got := Sniff([]byte(tt.head), tt.name); got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.name, tt.head, got, tt.want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("From: a\nTo: b\n"), "x")
	f.Add([]byte("II*\x00"), "x.tif")
	f.Fuzz(func(t *testing.T, head []byte, name string) {
		if Sniff(head, name) == "" {
			t.Error("no type")
		}
	})
}

// pages is an OCR that reads every file as the same document.
type pages struct{ doc ocr.Document }

func (p pages) Read(_ context.Context, path string) (ocr.Document, error) {
	_, err := os.Stat(path)
	return p.doc, err
}

func TestDocumentReader(t *testing.T) {
	doc := ocr.Document{Kind: "pdf", Pages: []ocr.Page{{Number: 1, Text: "Jean Petit\n\nObjet : fuite d'eau\n\nMadame,", Source: "ocr", Confidence: .9}, {Number: 2, Source: "blank"}}, Problems: []ocr.Problem{{Code: "c", Detail: "d"}}}
	with := &DocumentReader{OCR: pages{doc}, Limits: config.Default().Limits, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	without := &DocumentReader{Limits: config.Default().Limits, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	read := func(d *DocumentReader, mediaType, content string) (Reading, error) {
		return d.Read(t.Context(), NewBlob([]byte(content)), Record{MediaType: mediaType})
	}
	attached := "From: A <A@B.fr>\r\nSubject: s\r\nMessage-ID: <m@x>\r\nIn-Reply-To: <p@x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/octet-stream; name=\"l.pdf\"\r\n\r\n%PDF-1.4 x\r\n--b--\r\n"
	logo := strings.NewReplacer("l.pdf", "logo.png", "%PDF-1.4 x", "\x89PNG\r\n\x1a\n").Replace(attached)

	if r, err := read(with, MediaPDF, "%PDF-"); err != nil || r.Kind != KindPDF || r.Subject != "fuite d'eau" || len(r.Pages) != 2 || len(r.Problems) != 1 || !strings.Contains(r.Text, "Madame") {
		t.Errorf("scan: %+v %v", r, err)
	}
	if _, err := read(without, MediaPDF, "%PDF-"); !errors.Is(err, ErrNeedsOCR) {
		t.Errorf("scan without OCR: %v", err)
	}
	r, err := read(with, MediaMail, attached)
	if err != nil || r.Kind != KindMail || r.From.Email != "a@b.fr" || r.MessageID != "m@x" || len(r.InReplyTo) != 1 || r.InReplyTo[0] != "p@x" {
		t.Errorf("mail: %+v %v", r, err)
	}
	if len(r.Attachments) != 1 || !strings.Contains(r.Attachments[0].Text, "fuite") || strings.TrimSpace(r.Text) != "Bonjour" {
		t.Errorf("attachment: %+v, text %q", r.Attachments, r.Text)
	}
	if _, err := read(without, MediaMail, attached); !errors.Is(err, ErrNeedsOCR) {
		t.Errorf("a mail with a PDF belongs into the OCR queue: %v", err)
	}
	if r, err := read(without, MediaMail, logo); err != nil || len(r.Attachments) != 1 {
		t.Errorf("the logo of a signature is no letter: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(with.TempDir, "*")); len(left) != 0 {
		t.Errorf("temporary files left: %v", left)
	}
	form := "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n Bonjour \r\n--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nA@B.fr\r\n--b\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\nvoirie\r\n--b--\r\n"
	if r, err := read(without, MediaForm, form); err != nil || r.Text != "Bonjour" || r.From.Email != "a@b.fr" || r.Category != "voirie" {
		t.Errorf("form: %+v %v", r, err)
	}
	note := `{"channel":"phone","subject":"S","body":"B\u0000","sender":{"name":"N","email":"X@Y.fr"},"message_id":"<m@x>"}`
	if r, err := read(without, MediaNote, note); err != nil || r.Subject != "S" || r.Text != "B" || r.From.Email != "x@y.fr" || r.MessageID != "m@x" {
		t.Errorf("note: %+v %v", r, err)
	}
	if r, err := read(without, MediaNote, "{broken"); err != nil || len(r.Problems) != 1 || r.Text != "{broken" {
		t.Errorf("broken note: %+v %v", r, err)
	}
	if r, err := read(without, MediaText, "\xef\xbb\xbfcaf\xe9\r\n\x00"); err != nil || r.Text != "café" {
		t.Errorf("text: %q %v", r.Text, err)
	}
	for _, mt := range []string{MediaText, "application/octet-stream"} {
		if r, err := read(without, mt, ""); err != nil || len(r.Problems) != 1 || r.Problems[0].Code != "empty_file" {
			t.Errorf("an empty %s: %+v %v", mt, r, err)
		}
	}
	var permanent interface{ Permanent() bool }
	if _, err := read(without, "application/octet-stream", "\x7fELF\x02\x01\x01\x00\x00\x00"); !errors.Is(err, ErrUnknownFormat) || !errors.As(err, &permanent) {
		t.Errorf("unknown: %v", err)
	}
}

// ledger is a Ledger of one row.
type ledger struct {
	Ledger
	rec      Record
	filed    *Filing
	setAside string
	err      error
}

func (l *ledger) Submission(context.Context, string) (Record, error) { return l.rec, l.err }

func (l *ledger) Original(context.Context, Record) (*Blob, error) { return NewBlob([]byte("x")), nil }

func (l *ledger) File(_ context.Context, _ string, f Filing) (Filed, error) {
	l.filed = &f
	return Filed{Request: "2026-000001", Link: LinkOpens}, nil
}

func (l *ledger) SetAside(_ context.Context, _ string, _ Reading, reason string) error {
	l.setAside = reason
	return nil
}

type stub struct {
	reading Reading
	err     error
}

func (s stub) Read(context.Context, *Blob, Record) (Reading, error) { return s.reading, s.err }
func (stub) Profile(Record, Reading, Classification) Profile        { return Profile{TextKey: "key"} }

func (stub) Match(context.Context, Candidates, Record, Reading, Profile) (Match, error) {
	return Match{Link: LinkOpens}, nil
}

func (stub) Classify(context.Context, Record, Reading) Classification {
	return Classification{Category: "voirie"}
}

func TestPipeline(t *testing.T) {
	process := func(l *ledger, s stub) error {
		p := &Pipeline{Ledger: l, Reader: s, Matcher: s, Classifier: s, Log: slog.New(slog.DiscardHandler)}
		return p.Process(t.Context(), "1")
	}
	received := Record{ID: "1", State: StateReceived, Hints: Hints{Problems: []Problem{{Code: "a"}}}}
	l := &ledger{rec: received}
	if err := process(l, stub{reading: Reading{Text: "x", Problems: []Problem{{Code: "b"}}}}); err != nil || l.filed == nil {
		t.Fatal(err)
	}
	if p := l.filed.Reading.Problems; len(p) != 2 || p[0].Code != "a" || l.filed.Profile.TextKey != "key" || l.filed.Classification.Category != "voirie" {
		t.Errorf("filing: %+v", l.filed)
	}
	l = &ledger{rec: received}
	if err := process(l, stub{reading: Reading{Automatic: "dsn: x"}}); err != nil || l.setAside != "dsn: x" || l.filed != nil {
		t.Errorf("automatic mail: %+v %v", l, err)
	}
	// A person has said that it is somebody's message.
	kept := received
	kept.Kept = true
	l = &ledger{rec: kept}
	if err := process(l, stub{reading: Reading{Automatic: "dsn: x"}}); err != nil || l.setAside != "" || l.filed == nil {
		t.Errorf("taken up again: %+v %v", l, err)
	}
	for _, state := range []State{StateFiled, StateSetAside, StateFailed} {
		l = &ledger{rec: Record{ID: "1", State: state}}
		if err := process(l, stub{}); err != nil || l.filed != nil || l.setAside != "" {
			t.Errorf("%s was treated again: %v", state, err)
		}
	}
	var permanent interface{ Permanent() bool }
	if err := process(&ledger{err: ErrNotFound}, stub{}); !errors.As(err, &permanent) {
		t.Errorf("no such row: %v", err)
	}
	if err := process(&ledger{err: ErrUnavailable}, stub{}); err == nil || errors.As(err, &permanent) {
		t.Errorf("a fault that passes: %v", err)
	}
	if err := process(&ledger{rec: received}, stub{err: ErrNeedsOCR}); !errors.Is(err, ErrNeedsOCR) {
		t.Errorf("needs OCR: %v", err)
	}
	if Permanent(nil) != nil {
		t.Error("Permanent(nil) must be nil")
	}
}

// On a follow-up page nobody says who they are: a program that does redirects nothing.
func TestFollowUpIsOfWhoeverWroteBefore(t *testing.T) {
	first := &Reading{From: Person{Name: "Alice", Email: "alice@example.fr"}}
	for _, tt := range []struct {
		name    string
		answers string
		reading *Reading // of what is answered
		want    string
	}{
		{"another channel", "", first, "mallory@example.fr"},
		{"follow-up page", "1", first, "alice@example.fr"},
		{"of what is not read yet", "1", nil, ""},
	} {
		// The ledger has one row: it stands for both submissions.
		l := &ledger{rec: Record{ID: "1", State: StateReceived, Hints: Hints{Answers: tt.answers}, Reading: tt.reading}}
		s := stub{reading: Reading{Text: "x", From: Person{Name: "Mallory", Email: "mallory@example.fr"}}}
		p := &Pipeline{Ledger: l, Reader: s, Matcher: s, Classifier: s, Log: slog.New(slog.DiscardHandler)}
		if err := p.Process(t.Context(), "1"); err != nil || l.filed == nil || l.filed.Reading.From.Email != tt.want {
			t.Errorf("%s: %+v %v", tt.name, l.filed, err)
		}
	}
}

// Only what failed for good, and says of which mail it speaks, is a mail of ours that came back.
func TestUndelivered(t *testing.T) {
	failed := message.RecipientStatus{Email: "alice@example.fr", Action: "failed", Status: "5.1.1", Diagnostic: "smtp; 550 no such user"}
	delayed := message.RecipientStatus{Email: "bob@example.fr", Action: "delayed", Status: "4.4.1"}
	report := func(kind, id string, list ...message.RecipientStatus) *message.DeliveryReport {
		return &message.DeliveryReport{Kind: kind, OriginalMessageID: id, Recipients: list}
	}
	for _, tt := range []struct {
		name   string
		report *message.DeliveryReport
		want   string
	}{
		{"no report", nil, ""},
		{"failed", report("dsn", "<ar.x@mairie.example>", failed), "ar.x@mairie.example alice@example.fr 5.1.1 smtp; 550 no such user"},
		{"failed for one of two", report("dsn", "ar.x@mairie.example", delayed, failed), "ar.x@mairie.example alice@example.fr 5.1.1 smtp; 550 no such user"},
		{"delayed", report("dsn", "<ar.x@mairie.example>", delayed), ""},
		{"delivered", report("dsn", "<ar.x@mairie.example>", message.RecipientStatus{Email: "a@b.fr", Action: "delivered"}), ""},
		{"of no mail", report("dsn", "", failed), ""},
		{"read receipt", report("mdn", "<ar.x@mairie.example>", failed), ""},
		{"complaint", report("feedback", "<ar.x@mairie.example>", failed), ""},
	} {
		got := ""
		if u := undelivered(tt.report); u != nil {
			got = u.MessageID + " " + u.Recipient + " " + u.Reason
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAsideReason(t *testing.T) {
	blank := []Page{{Number: 1, Source: "blank"}, {Number: 2, Source: "blank"}}
	tests := []struct {
		name string
		r    Reading
		want string
	}{
		{"automatic", Reading{Automatic: "auto_submitted: x", Text: "y"}, "auto_submitted: x"},
		{"a mail that says nothing", Reading{Kind: KindMail, Text: " \n"}, "empty: message vide"},
		{"only a subject", Reading{Kind: KindMail, Subject: "Rappelez-moi"}, ""},
		{"only an attachment", Reading{Kind: KindMail, Attachments: []Attachment{{Name: "a"}}}, ""},
		{"blank pages", Reading{Kind: KindPDF, Pages: blank}, "empty: 2 pages blanches"},
		{"one page not blank", Reading{Kind: KindPDF, Pages: append([]Page{{Source: "ocr"}}, blank...)}, ""},
		{"a page could not be read", Reading{Kind: KindPDF, Pages: blank, Problems: []Problem{{Code: "page_failed"}}}, ""},
		{"no page at all", Reading{Kind: KindPDF}, ""},
	}
	for _, tt := range tests {
		if got := asideReason(tt.r); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestAttachedDocuments reads what word processors make, without any OCR.
func TestAttachedDocuments(t *testing.T) {
	var docx bytes.Buffer
	z := zip.NewWriter(&docx)
	for name, content := range map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
		"word/document.xml":   `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Le lampadaire est éteint.</w:t></w:r></w:p></w:body></w:document>`,
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	attach := func(name, mediaType string, content []byte) string {
		return "--b\r\nContent-Type: " + mediaType + "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" +
			base64.StdEncoding.EncodeToString(content) + "\r\n"
	}
	mail := "From: a@b.fr\r\nDate: Wed, 25 Nov 2026 10:00:00 +0100\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoir pièce jointe.\r\n" +
		attach("lettre.docx", "application/octet-stream", docx.Bytes()) +
		attach("ancien.doc", "application/msword", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"+strings.Repeat("\x00", 600))) +
		attach("table.xlsx", "application/octet-stream", []byte("PK\x03\x04")) + "--b--\r\n"
	d := &DocumentReader{TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	r, err := d.Read(t.Context(), NewBlob([]byte(mail)), Record{MediaType: MediaMail})
	if err != nil || len(r.Attachments) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := r.Attachments[0].Text; got != "Le lampadaire est éteint." {
		t.Errorf("docx: %q", got)
	}
	if len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0].Detail, "ancien.doc : ") {
		t.Errorf("problems: %+v", r.Problems)
	}
	if left, _ := filepath.Glob(filepath.Join(d.TempDir, "*")); len(left) != 0 {
		t.Errorf("temporary files left: %v", left)
	}
	// By itself.
	if r, err := d.Read(t.Context(), NewBlob(docx.Bytes()), Record{MediaType: "application/octet-stream"}); err != nil || r.Text != "Le lampadaire est éteint." || r.Kind != KindText {
		t.Errorf("a docx by itself: %+v, %v", r, err)
	}
}

// What somebody passes on is the matter; what an answer quotes is not.
func TestMatter(t *testing.T) {
	const own, quoted = "Pour traitement svp.", "Pour traitement svp.\n-----Message d'origine-----\nLe lampadaire est éteint."
	for _, tt := range []struct {
		name string
		r    Reading
		want string
	}{
		{"own words only", Reading{Text: own}, own},
		{"forwarded", Reading{Subject: "TR: lampadaire", OwnText: own, Text: quoted}, quoted},
		{"forwarded under a new subject", Reading{Subject: "lampadaire", OwnText: own, Text: quoted}, quoted},
		{"answered", Reading{Subject: "RE: lampadaire", OwnText: own, Text: quoted, InReplyTo: []string{"a@b"}}, own},
	} {
		if got := tt.r.Matter(); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
