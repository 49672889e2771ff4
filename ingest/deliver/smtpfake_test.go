package deliver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// fake is a server for what a real one never does. It answers each command of its
// script, and keeps what it heard.
type fake struct {
	port int

	mu    sync.Mutex
	heard []string
}

// silence as an answer means none at all; hangUp closes the connection.
const (
	silence = "silence"
	hangUp  = "hang up"
)

// answers start with the greeting; "." is the answer to the mail. What is not named gets
// 250.
func startFake(t *testing.T, answers map[string]string) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{port: l.Addr().(*net.TCPAddr).Port}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		f.serve(conn, answers)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return f
}

func (f *fake) serve(conn net.Conn, answers map[string]string) {
	lines := bufio.NewScanner(conn)
	command := "greeting"
	for {
		answer, ok := answers[command]
		switch {
		case !ok && command == "greeting":
			answer = "220 fake\r\n"
		case !ok && command == "DATA":
			answer = "354 go on\r\n"
		case !ok:
			answer = "250 fake\r\n"
		}
		inData := command == "DATA" && strings.HasPrefix(answer, "354")
		switch answer {
		case silence:
		case hangUp:
			return
		default:
			if !dribble(conn, answer) {
				return
			}
		}
		for {
			if !lines.Scan() {
				return
			}
			f.mu.Lock()
			f.heard = append(f.heard, lines.Text())
			f.mu.Unlock()
			if !inData || lines.Text() == "." {
				break
			}
		}
		command, _, _ = strings.Cut(lines.Text(), " ")
	}
}

// dribble sends an answer; one that ends with "…" goes on for ever, byte by byte.
func dribble(conn net.Conn, answer string) bool {
	start, endless := strings.CutSuffix(answer, "…")
	if _, err := fmt.Fprint(conn, start); err != nil {
		return false
	}
	for endless {
		time.Sleep(20 * time.Millisecond)
		if _, err := fmt.Fprint(conn, "x"); err != nil {
			return false
		}
	}
	return true
}

func (f *fake) commands() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.heard, "\n")
}

func TestSendToBadServers(t *testing.T) {
	t.Parallel()
	raw := composed(t, nil)
	for name, c := range map[string]struct {
		answers   map[string]string
		mode      string
		permanent bool
		says      string
		silentOn  string // what the server must not have heard
	}{
		"greeting drips":      {map[string]string{"greeting": "220-…"}, ModeNone, false, "failed at greeting", "EHLO"},
		"greeting missing":    {map[string]string{"greeting": silence}, ModeNone, false, "failed at greeting", "EHLO"},
		"greeting refused":    {map[string]string{"greeting": "554 5.3.2 not here\r\n"}, ModeNone, false, "554 5.3.2", "EHLO"},
		"greeting is no SMTP": {map[string]string{"greeting": "SSH-2.0-x\r\n"}, ModeNone, false, "failed at greeting", "EHLO"},
		"greeting floods":     {map[string]string{"greeting": strings.Repeat("220-x\r\n", maxReplies/5)}, ModeNone, false, "does not stop talking", "EHLO"},
		"EHLO drips":          {map[string]string{"EHLO": "250-…"}, ModeNone, false, "failed at EHLO", "MAIL"},
		"no STARTTLS":         {map[string]string{"EHLO": "250-fake\r\n250 AUTH PLAIN\r\n"}, ModeStartTLS, false, "does not offer STARTTLS", "AUTH"},
		"STARTTLS refused":    {map[string]string{"EHLO": "250-fake\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", "STARTTLS": "454 4.7.0 no\r\n"}, ModeStartTLS, false, "refused at STARTTLS", "AUTH"},
		"STARTTLS hangs":      {map[string]string{"EHLO": "250-fake\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", "STARTTLS": "220 go\r\n…"}, ModeStartTLS, false, "failed at STARTTLS", "AUTH"},
		"no TLS":              {nil, ModeImplicit, false, "failed at STARTTLS", "AUTH"},
		"RCPT drips":          {map[string]string{"RCPT": "250-…"}, ModeNone, false, "failed at RCPT", "DATA"},
		"DATA refused":        {map[string]string{"DATA": "554 5.5.1 no\r\n"}, ModeNone, true, "refused at DATA", "Subject"},
		"silence after mail":  {map[string]string{".": silence}, ModeNone, false, "failed at DATA", "QUIT"},
		"answer drips":        {map[string]string{".": "250-OK …"}, ModeNone, false, "failed at DATA", "QUIT"},
		"250 is lost":         {map[string]string{".": hangUp}, ModeNone, false, "failed at DATA", "QUIT"},
		"mail refused":        {map[string]string{".": "550 5.7.1 spam\r\n"}, ModeNone, true, "550 5.7.1", "QUIT"},
		"shutting down":       {map[string]string{".": "421 4.3.2 bye\r\n"}, ModeNone, false, "421 4.3.2", "QUIT"},
		"too big":             {map[string]string{"EHLO": "250-fake\r\n250 SIZE 1\r\n", "MAIL": "552 5.3.4 too big\r\n"}, ModeNone, true, "552 5.3.4", "RCPT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, c.answers)
			// Most of what fails does so by waiting; what is answered must not, on a busy machine.
			o := SMTPOptions{Host: "127.0.0.1", Port: f.port, Mode: c.mode, Timeout: 15 * time.Second}
			if strings.HasPrefix(c.says, "failed at") {
				o.Timeout = 2 * time.Second
			}
			if c.mode != ModeNone {
				o.Username, o.Password = "saisine", "secret"
			}
			// Only a server that holds on past its time gets to see this end.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			answer, err := NewSMTP(o).Send(ctx, sender, citizen, raw)
			if err == nil || answer != "" || ingest.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q, permanent %t, %v", answer, ingest.IsPermanent(err), err)
			}
			if ctx.Err() != nil {
				t.Error("it held on past its time")
			}
			if heard := f.commands(); strings.Contains(heard, c.silentOn) {
				t.Errorf("%s must not be sent: %s", c.silentOn, heard)
			}
		})
	}
}

// TestSendEightBit: bytes that a server did not say it transports are not sent to it.
func TestSendEightBit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ehlo, msg, want string }{
		{"250 fake\r\n", "Subject: x\r\n\r\né\r\n", ""},
		{"250-fake\r\n250 8BITMIME\r\n", "Subject: é\r\n\r\nx\r\n", ""},
		{"250-fake\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", "Subject: x\r\n\r\né\r\n", "MAIL FROM:<retours@mairie.test> BODY=8BITMIME\n"},
		{"250-fake\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", "Subject: é\r\n\r\nx\r\n", "MAIL FROM:<retours@mairie.test> BODY=8BITMIME SMTPUTF8\n"},
		{"250-fake\r\n250-SMTPUTF8\r\n250-SIZE\r\n250 8BITMIME\r\n", "Subject: x\r\n\r\nx\r\n", "MAIL FROM:<retours@mairie.test> SIZE=17\n"},
	} {
		f := startFake(t, map[string]string{"EHLO": c.ehlo})
		s := NewSMTP(SMTPOptions{Host: "127.0.0.1", Port: f.port, Mode: ModeNone, Timeout: 5 * time.Second})
		_, err := s.Send(t.Context(), sender, citizen, []byte(c.msg))
		if heard := f.commands(); (err == nil) != (c.want != "") || !strings.Contains(heard, c.want) || (err != nil && (!ingest.IsPermanent(err) || strings.Contains(heard, "MAIL"))) {
			t.Errorf("%q to a server with %q: %v, heard %q", c.msg, c.ehlo, err, heard)
		}
	}
}

// TestSendFarewell: once the mail is accepted, nothing that the server does afterwards
// makes it a failure, which would send it twice.
func TestSendFarewell(t *testing.T) {
	t.Parallel()
	for _, bye := range []string{silence, hangUp, "500 no\r\n", "221 …"} {
		f := startFake(t, map[string]string{".": "250-2.0.0 OK\r\n250 2.0.0 id=1\x1b[2J\r\n", "QUIT": bye})
		s := NewSMTP(SMTPOptions{Host: "127.0.0.1", Port: f.port, Mode: ModeNone, Timeout: 2 * time.Second})
		answer, err := s.Send(t.Context(), sender, citizen, composed(t, nil))
		if err != nil || answer != "250 2.0.0 OK 2.0.0 id=1 [2J" {
			t.Errorf("%q: %q, %v", bye, answer, err)
		}
	}
}

// TestSendInterrupted: the end of the context ends a session that waits, long before the
// time-out does.
func TestSendInterrupted(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]string{".": silence})
	ctx, cancel := context.WithCancel(t.Context())
	s := NewSMTP(SMTPOptions{Host: "127.0.0.1", Port: f.port, Mode: ModeNone, Timeout: 20 * time.Second})
	result := make(chan error)
	go func() {
		_, err := s.Send(ctx, sender, citizen, composed(t, nil))
		result <- err
	}()
	for !strings.HasSuffix(f.commands(), "\n.") {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	start := time.Now()
	if err := <-result; !errors.Is(err, context.Canceled) || ingest.IsPermanent(err) {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it held on for %v", took)
	}
}
