package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// mailWith returns a mail with a text and one attachment in base64, as a stream.
func mailWith(content []byte) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		_, _ = io.WriteString(pw, citizen+"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nBonjour.\n--b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n")
		for len(content) > 0 {
			n := min(57, len(content))
			_, _ = io.WriteString(pw, base64.StdEncoding.EncodeToString(content[:n])+"\r\n")
			content = content[n:]
		}
		_, _ = io.WriteString(pw, "--b--\n")
		_ = pw.Close()
	}()
	return pr
}

func TestAttachmentContent(t *testing.T) {
	content := make([]byte, 300_001)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	var got bytes.Buffer
	var infos []AttachmentInfo
	m := Read(mailWith(content), Options{Attachment: func(a AttachmentInfo) io.Writer { infos = append(infos, a); return &got }})
	sum := sha256.Sum256(content)
	if len(m.Attachments) != 1 || !bytes.Equal(got.Bytes(), content) || m.Attachments[0].SHA256 != hex.EncodeToString(sum[:]) ||
		m.Attachments[0].Size != int64(len(content)) || m.Attachments[0].Truncated || len(m.Problems) > 0 {
		t.Fatalf("attachments %+v, problems %v, %d bytes written", m.Attachments, m.Problems, got.Len())
	}
	if len(infos) != 1 || infos[0] != (AttachmentInfo{Name: "a.pdf", Type: "application/pdf", Index: 0}) {
		t.Errorf("called with %+v", infos)
	}
}

func TestAttachmentTooLarge(t *testing.T) {
	content := bytes.Repeat([]byte("abc"), 10_000)
	var got bytes.Buffer
	m := Read(mailWith(content), Options{Limits: Limits{File: 1000}, Attachment: func(AttachmentInfo) io.Writer { return &got }})
	sum := sha256.Sum256(content)
	if got.Len() != 1000 || m.Attachments[0].Size != 30_000 || !m.Attachments[0].Truncated ||
		m.Attachments[0].SHA256 != hex.EncodeToString(sum[:]) || !hasCode(m.Problems, ProblemAttachmentTooLarge) {
		t.Errorf("%d bytes written, %+v, %v", got.Len(), m.Attachments, m.Problems)
	}
}

func TestMessageTooLarge(t *testing.T) {
	m := Read(mailWith(bytes.Repeat([]byte("abc"), 10_000)), Options{Limits: Limits{Size: 5000}})
	if m.Text != "Bonjour." || !hasCode(m.Problems, ProblemTooLarge) || len(m.Attachments) != 1 || m.Err != nil {
		t.Errorf("text %q, problems %v, attachments %v", m.Text, m.Problems, m.Attachments)
	}
	raw := citizen + "Subject: x\n\nBonjour."
	m = Read(strings.NewReader(raw), Options{Limits: Limits{Size: int64(len(raw))}})
	if len(m.Problems) > 0 || m.Text != "Bonjour." {
		t.Errorf("exactly at the limit: %v", m.Problems)
	}
}

// TestFaultsOfTheMachine: a disk that fails is no fault of the mail, and shows in Err.
func TestFaultsOfTheMachine(t *testing.T) {
	broken := errors.New("disk on fire")
	m := Read(io.MultiReader(strings.NewReader(citizen+"Subject: x\n\nBonj"), iotest.ErrReader(broken)), Options{})
	if !errors.Is(m.Err, broken) || m.Text != "Bonj" || !hasCode(m.Problems, ProblemInput) {
		t.Errorf("source: text %q, error %v", m.Text, m.Err)
	}
	m = Read(mailWith(make([]byte, 100_000)), Options{Attachment: func(AttachmentInfo) io.Writer {
		return iotest.TruncateWriter(failingWriter{broken}, 1)
	}})
	if !errors.Is(m.Err, broken) || m.Attachments[0].Size != 100_000 {
		t.Errorf("writer: error %v, %+v", m.Err, m.Attachments)
	}
	if f := ReadForm(iotest.ErrReader(broken), Options{}); !errors.Is(f.Err, broken) {
		t.Errorf("form: error %v", f.Err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func nested(n int) string {
	var b strings.Builder
	b.WriteString(citizen + "Subject: x\n")
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("\nle fond\n")
	for i := n - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\n", i)
	}
	return b.String()
}

func TestTooDeep(t *testing.T) {
	m := Read(strings.NewReader(nested(20)), Options{})
	if m.Text != "le fond" || len(m.Problems) > 0 {
		t.Errorf("20 levels: %q, %v", m.Text, m.Problems)
	}
	m = Read(strings.NewReader(nested(21)), Options{})
	if m.Text != "" || !hasCode(m.Problems, ProblemTooDeep) || len(m.Attachments) != 1 {
		t.Errorf("21 levels: %q, %v, %v", m.Text, m.Problems, m.Attachments)
	}
	mail := citizen + "Subject: x\nContent-Type: message/rfc822\n\n" + strings.Repeat("Content-Type: message/rfc822\n\n", 2000) + "Subject: fond\n\nle fond\n"
	m = Read(strings.NewReader(mail), Options{})
	if !hasCode(m.Problems, ProblemTooDeep) {
		t.Errorf("mails in mails: %v", m.Problems)
	}
}

func manyParts(n int) string {
	return citizen + "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nun\n", n) + "--b--\n"
}

func TestTooManyParts(t *testing.T) {
	m := Read(strings.NewReader(manyParts(200)), Options{})
	if strings.Count(m.Text, "un") != 200 || len(m.Problems) > 0 {
		t.Errorf("200 parts: %d, %v", strings.Count(m.Text, "un"), m.Problems)
	}
	m = Read(strings.NewReader(manyParts(201)), Options{})
	if strings.Count(m.Text, "un") != 200 || !hasCode(m.Problems, ProblemTooManyParts) {
		t.Errorf("201 parts: %d, %v", strings.Count(m.Text, "un"), m.Problems)
	}
}

func TestTextTruncated(t *testing.T) {
	for _, mediaType := range []string{"text/plain", "text/html"} {
		m := Read(strings.NewReader(citizen+"Subject: x\nContent-Type: "+mediaType+"\n\n"+strings.Repeat("été ", 10_000)), Options{Limits: Limits{TextMax: 1001}})
		if len(m.Text) > 1001 || len(m.Text) < 900 || !hasCode(m.Problems, ProblemTextTruncated) {
			t.Errorf("%s: %d bytes, %v", mediaType, len(m.Text), m.Problems)
		}
		checkMessage(t, m)
	}
}

// TestStreaming: the memory that a mail takes does not depend on its attachments.
func TestStreaming(t *testing.T) {
	content := make([]byte, 26<<20)
	src := mailWith(content)
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	next := 0
	probe := writerFunc(func(b []byte) (int, error) {
		if next -= len(b); next <= 0 {
			next = 2 << 20
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.HeapAlloc = max(peak.HeapAlloc, now.HeapAlloc)
		}
		return len(b), nil
	})
	m := Read(src, Options{Limits: Limits{File: 30 << 20}, Attachment: func(AttachmentInfo) io.Writer { return probe }})
	if len(m.Attachments) != 1 || m.Attachments[0].Size != 26<<20 || len(m.Problems) > 0 {
		t.Fatalf("%+v %v", m.Attachments, m.Problems)
	}
	runtime.KeepAlive(content) // or its end would hide what grew
	if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestHostile gives each attack at one size and at four times that size. Linear work
// takes four times as long; quadratic work sixteen times, and misses the bound.
func TestHostile(t *testing.T) {
	text := func(kind, s string) string {
		return citizen + "Subject: x\nContent-Type: " + kind + "\n\n" + s
	}
	rep := strings.Repeat
	attacks := []struct {
		name string
		make func(n int) string // n is about the number of bytes
		n    int
	}{
		{"divs", func(n int) string { return text("text/html", rep("<div>", n/5)) }, 10 << 20},
		{"divs and stray ends", func(n int) string { return text("text/html", rep("<div>", n/20)+rep("</i></b>", n/11)) }, 1 << 20},
		{"open links", func(n int) string { return text("text/html", rep("<a href=http://x.fr/>x", n/22)) }, 1 << 20},
		{"link around much", func(n int) string { return text("text/html", "<a href=http://x.fr/>"+rep("x <b>y ", n/7)) }, 1 << 20},
		{"nested tables", func(n int) string { return text("text/html", rep("<table><tr><td>x", n/16)) }, 1 << 20},
		{"nested lists", func(n int) string { return text("text/html", rep("<ul><li>x<blockquote>", n/20)) }, 1 << 20},
		{"less-thans", func(n int) string { return text("text/html", rep("<", n)) }, 1 << 20},
		{"titles", func(n int) string { return text("text/html", rep("<title>x", n/8)) }, 1 << 20},
		{"one tag of attributes", func(n int) string { return text("text/html", "<p "+rep("a=1 ", n/4)) }, 1 << 20},
		{"header lines", func(n int) string { return rep("X-A: b\n", n/7) + text("text/plain", "x") }, 700_000},
		{"header junk", func(n int) string { return rep("junk without colon\n", n/19) + text("text/plain", "x") }, 1 << 20},
		{"one header line", func(n int) string { return "Subject: " + rep("=?utf-8?Q?=C3?= ", n/16) + "\n\n" }, 1 << 20},
		{"folded header", func(n int) string { return "Subject: x\n" + rep(" y\n", n/3) + "\n" }, 1 << 20},
		{"addresses", func(n int) string { return "To: " + rep("\"a\\\"(<", n/6) + "\n\n" }, 1 << 20},
		{"quotes", func(n int) string { return "From: " + rep("\\\"", n/2) + "\n\n" }, 60_000},
		{"comments", func(n int) string { return "From: " + rep("(", n) + "\n\n" }, 60_000},
		{"parameters", func(n int) string { return "Content-Type: text/plain" + rep(";\"=\"a*0*=", n/10) + "\n\n" }, 1 << 20},
		{"base64 in one line", func(n int) string {
			return text("application/pdf; name=a\nContent-Transfer-Encoding: base64", rep("QUJD", n/4))
		}, 50 << 20},
		{"base64 paddings", func(n int) string {
			return text("text/plain\nContent-Transfer-Encoding: base64", rep("QQ==\n", n/5))
		}, 1 << 20},
		{"quoted-printable in one line", func(n int) string {
			return text("text/plain\nContent-Transfer-Encoding: quoted-printable", rep("=", n))
		}, 1 << 20},
		{"delimiters of nobody", func(n int) string {
			return text("multipart/mixed; boundary=b", "--b\n\n"+rep("--c\n", n/4))
		}, 1 << 20},
		{"multiparts without delimiters", func(n int) string {
			return text("multipart/mixed; boundary=b", rep("--b\nContent-Type: multipart/mixed; boundary=zz\n\n", n/50))
		}, 1 << 20},
		{"parts", func(n int) string { return manyParts(n / 8) }, 800_000},
		{"nested parts", func(n int) string { return nested(n / 50) }, 100_000},
		{"uuencode begins", func(n int) string { return text("text/plain", rep("begin 644 a\n#86)C\n", n/18)) }, 1 << 20},
		{"quote depth", func(n int) string { return text("text/plain; format=flowed", rep(">", n)+" x \n") }, 1 << 20},
		{"attributions", func(n int) string { return text("text/plain", rep("Le 3 nov. 2025 x\n", n/17)) }, 1 << 20},
		{"outlook headers", func(n int) string { return text("text/plain", rep("De : x\n", n/7)) }, 1 << 20},
		{"one long line", func(n int) string { return text("text/plain", rep("le a écrit ", n/12)) }, 1 << 20},
		{"footers", func(n int) string { return text("text/plain", rep("Envoyé de mon iPhone\n\n", n/22)) }, 1 << 20},
		{"calendar", func(n int) string { return text("text/calendar", "BEGIN:VEVENT\n"+rep("SUMMARY:x\n y\n", n/13)) }, 1 << 20},
		{"utf-7", func(n int) string { return text("text/plain; charset=utf-7", rep("+", n)) }, 1 << 20},
		{"status fields", func(n int) string { return text("message/delivery-status", rep("Action: failed\n\n", n/16)) }, 1 << 20},
		{"nested BER", func(n int) string {
			return text("application/pkcs7-mime", "0\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x800\x80\x02\x01\x011\x000\x80\x06\x01\x01\xA0\x80"+rep("\x24\x80", n/2))
		}, 1 << 20},
	}
	big := Limits{Size: 1 << 30, Depth: 1 << 20, Parts: 1 << 20}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			run := func(n int) time.Duration {
				raw := a.make(n)
				start := cpuTime(t)
				m := Read(strings.NewReader(raw), Options{Limits: big})
				used := cpuTime(t) - start
				if len(m.Problems) > maxProblems {
					t.Fatalf("%d problems", len(m.Problems))
				}
				return used
			}
			n := a.n
			if raceEnabled {
				n /= 8 // the whole size is for the run without the detector
			}
			small, large := run(n/4), run(n)
			grows := func() bool { return large > 10*small && large > 300*time.Millisecond }
			for range 4 { // the collector may fall into either run: the least of each counts
				if !grows() {
					break
				}
				small, large = min(small, run(n/4)), min(large, run(n))
			}
			t.Logf("%v, then %v", small, large)
			if grows() {
				t.Errorf("a quarter took %v, the whole %v", small, large)
			}
			if bound := 20 * time.Second; large > bound {
				t.Errorf("took %v", large)
			}
		})
	}
}

// cpuTime is what this process has used so far: unlike the wall clock it does not
// depend on what else the machine does.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sampleMail is a mail of 5 kB as citizens send them: plain text and HTML.
func sampleMail() string {
	para := "Le lampadaire de la rue des =C3=89coles est =C3=A9teint depuis une semaine, =\nmerci de le r=C3=A9parer.\n\n"
	return citizen + "Received: from a by b; Mon, 3 Nov 2025 10:12:05 +0100\nSubject: =?utf-8?Q?Lampadaire_=C3=A9teint?=\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/alternative; boundary=\"----=_Part_1\"\n\n------=_Part_1\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
		strings.Repeat(para, 18) + "\n------=_Part_1\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<html><body>" +
		strings.Repeat("<p style=3D\"margin:0\">"+para+"</p>", 18) + "</body></html>\n------=_Part_1--\n"
}

func BenchmarkRead(b *testing.B) {
	raw := sampleMail()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if m := Read(strings.NewReader(raw), Options{}); len(m.Problems) > 0 || m.Text == "" {
			b.Fatal(m.Problems)
		}
	}
}

func BenchmarkReadAttachment(b *testing.B) {
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(mailWith(make([]byte, 10<<20))); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(raw.Len()))
	b.ReportAllocs()
	for b.Loop() {
		Read(bytes.NewReader(raw.Bytes()), Options{})
	}
}
