package antivirus_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/antivirus"
	"saisine.fr/saisine/ingest/antivirus/clamdtest"
)

func scan(t *testing.T, c *antivirus.Client, content []byte) (antivirus.Answer, error) {
	t.Helper()
	return c.Scan(t.Context(), bytes.NewReader(content), int64(len(content)))
}

func unix(s *clamdtest.Server) *antivirus.Client {
	return &antivirus.Client{Network: "unix", Address: s.Socket, Timeout: 20 * time.Second}
}

func zipped(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("facture.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What the real clamd says, by both ways to reach it.
func TestRealClamd(t *testing.T) {
	s := clamdtest.Start(t, clamdtest.WithTCP(), clamdtest.With("MaxFileSize", "3M"))
	address := strings.TrimPrefix(s.TCPAddress(), "tcp://")
	for _, c := range []*antivirus.Client{unix(s), {Network: "tcp", Address: address}} {
		t.Run(c.Network, func(t *testing.T) {
			if err := c.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if v, err := c.Version(t.Context()); err != nil || !strings.HasPrefix(v.Engine, "ClamAV ") {
				t.Fatalf("%+v, %v", v, err)
			}
			random := make([]byte, clamdtest.StreamMaxLength+1)
			_, _ = rand.Read(random)
			for name, w := range map[string]struct {
				content []byte
				want    antivirus.Answer
			}{
				"text":     {[]byte("Bonjour, la rue est sale."), antivirus.Answer{Verdict: antivirus.Clean}},
				"nothing":  {nil, antivirus.Answer{Verdict: antivirus.Clean}},
				"2 MiB":    {random[:2<<20], antivirus.Answer{Verdict: antivirus.Clean}},
				"eicar":    {[]byte(clamdtest.Eicar), antivirus.Answer{Verdict: antivirus.Infected, Name: clamdtest.Signature}},
				"in a zip": {zipped(t, clamdtest.Eicar), antivirus.Answer{Verdict: antivirus.Infected, Name: clamdtest.Signature}},
				// Larger than what clamd reads of a file, and larger than what it takes.
				"over MaxFileSize": {random[:3<<20+1], antivirus.Answer{Verdict: antivirus.Unscannable, Name: "Heuristics.Limits.Exceeded.MaxFileSize"}},
				"over the stream":  {random, antivirus.Answer{Verdict: antivirus.Unscannable, Name: "INSTREAM size limit exceeded."}},
			} {
				if a, err := scan(t, c, w.content); err != nil || a != w.want {
					t.Errorf("%s: %+v, %v", name, a, err)
				}
			}
		})
	}
}

// Without AlertExceedsMax clamd calls clean what it has not read: the bound must be ours.
func TestOverMaxFileSizeIsNotClean(t *testing.T) {
	s := clamdtest.Start(t, clamdtest.With("MaxFileSize", "1M"), clamdtest.With("AlertExceedsMax", "no"))
	c := unix(s)
	content := append(bytes.Repeat([]byte{'x'}, 1<<20), clamdtest.Marker...)
	if a, err := scan(t, c, content); err != nil || a.Verdict != antivirus.Clean {
		t.Fatalf("clamd has changed: %+v, %v", a, err)
	}
	c.MaxSize = 1 << 20
	if a, err := scan(t, c, content); err != nil || a.Verdict != antivirus.Unscannable {
		t.Errorf("%+v, %v", a, err)
	}
	// A size that is not true changes nothing.
	if a, err := c.Scan(t.Context(), bytes.NewReader(content), 10); err != nil || a.Verdict != antivirus.Unscannable {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := scan(t, c, []byte("avant "+clamdtest.Marker)); err != nil || a.Name != clamdtest.MarkerSignature {
		t.Errorf("%+v, %v", a, err)
	}
}

// pipe gives a stream that is at its middle until it is let go on.
func pipe(t *testing.T) (r io.Reader, goOn func()) {
	pr, pw := io.Pipe()
	next := make(chan struct{})
	go func() {
		_, _ = pw.Write(make([]byte, 256<<10))
		select {
		case <-next:
		case <-t.Context().Done():
		}
		_, _ = pw.Write(make([]byte, 256<<10))
		_ = pw.Close()
	}()
	return pr, func() { close(next) }
}

// A clamd that is killed in mid-stream gives no verdict, is down, and is known to be back.
func TestKilledInMidStream(t *testing.T) {
	s := clamdtest.Start(t)
	w := antivirus.NewWatch(unix(s), slog.New(slog.DiscardHandler), 0)
	w.Look(t.Context())
	r, goOn := pipe(t)
	done := make(chan error, 1)
	go func() {
		a, err := w.Scan(t.Context(), "a", r, 512<<10)
		if err == nil {
			err = errors.New("verdict " + string(a.Verdict))
		}
		done <- err
	}()
	s.Scanning()
	s.Kill()
	goOn()
	if err := <-done; !errors.Is(err, antivirus.ErrDown) {
		t.Errorf("%v", err)
	}
	if _, _, down := w.State(); down == nil {
		t.Error("it counts as there")
	}
	begun := time.Now()
	if _, err := w.Scan(t.Context(), "b", strings.NewReader("x"), 1); !errors.Is(err, antivirus.ErrDown) || time.Since(begun) > time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
	s.Restart()
	w.Look(t.Context())
	if a, err := w.Scan(t.Context(), "a", strings.NewReader(clamdtest.Eicar), int64(len(clamdtest.Eicar))); err != nil || a.Verdict != antivirus.Infected {
		t.Errorf("%+v, %v", a, err)
	}
}

// One that hangs costs its time limit once; then the pieces wait without asking it.
func TestFrozen(t *testing.T) {
	s := clamdtest.Start(t)
	c := unix(s)
	c.Timeout = time.Second
	w := antivirus.NewWatch(c, slog.New(slog.DiscardHandler), 0)
	s.Freeze()
	begun := time.Now()
	if _, err := w.Scan(t.Context(), "a", strings.NewReader("x"), 1); !errors.Is(err, antivirus.ErrDown) {
		t.Errorf("%v", err)
	}
	if d := time.Since(begun); d < time.Second || d > 9*time.Second {
		t.Errorf("it took %s", d)
	}
	begun = time.Now()
	if _, err := w.Scan(t.Context(), "b", strings.NewReader("x"), 1); !errors.Is(err, antivirus.ErrDown) || time.Since(begun) > time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
	s.Thaw()
	w.Look(t.Context())
	if a, err := w.Scan(t.Context(), "a", strings.NewReader("x"), 1); err != nil || a.Verdict != antivirus.Clean {
		t.Errorf("%+v, %v", a, err)
	}
}

// talker is a clamd that says what it likes about a stream, and PONG and a version otherwise.
func talker(t *testing.T, answer func(conn net.Conn)) *antivirus.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				command := make([]byte, 0, 32)
				for one := make([]byte, 1); len(command) < 32; command = append(command, one[0]) {
					if _, err := conn.Read(one); err != nil || one[0] == 0 {
						break
					}
				}
				switch string(command) {
				case "zPING":
					_, _ = io.WriteString(conn, "PONG\x00")
				case "zVERSION":
					_, _ = io.WriteString(conn, "ClamAV 9.9\x00")
				case "zINSTREAM":
					answer(conn)
				}
			}()
		}
	}()
	return &antivirus.Client{Network: "unix", Address: path, Timeout: 2 * time.Second}
}

// drain takes a stream in to its end.
func drain(conn net.Conn) {
	var n uint32
	for binary.Read(conn, binary.BigEndian, &n) == nil && n > 0 {
		_, _ = io.CopyN(io.Discard, conn, int64(n))
	}
}

// Nothing that is no proper answer is clean, and a file at which clamd breaks off for ever is
// held in the end. A real clamd cannot be made to answer so.
func TestOddAnswers(t *testing.T) {
	say := func(s string) func(net.Conn) {
		return func(conn net.Conn) {
			drain(conn)
			_, _ = io.WriteString(conn, s)
		}
	}
	for name, answer := range map[string]func(net.Conn){
		"garbage":           say("\xff\xfe\x00"),
		"cut off":           say("stream: OK"),
		"nothing":           say(""),
		"no memory":         say("stream: Can't allocate memory ERROR\x00"),
		"cut in the middle": func(conn net.Conn) { _, _ = io.CopyN(io.Discard, conn, 1000) },
		"clean too early": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "stream: OK\x00")
			drain(conn)
		},
		"silent": func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := antivirus.NewWatch(talker(t, answer), slog.New(slog.DiscardHandler), 0)
			for try := 1; ; try++ {
				r, goOn := pipe(t)
				time.AfterFunc(100*time.Millisecond, goOn)
				a, err := w.Scan(t.Context(), "a", r, 512<<10)
				switch {
				case err == nil && a.Verdict == antivirus.Unscannable && try == 5 && a.Name != "":
					return
				case !errors.Is(err, antivirus.ErrDown) || try == 5:
					t.Fatalf("try %d: %+v, %v", try, a, err)
				}
				if _, _, down := w.State(); down != nil {
					t.Fatalf("it counts as down: %v", down)
				}
			}
		})
	}
}

// The error of the file's own reader is not clamd's, and a caller who goes is none either.
func TestNotClamdsFault(t *testing.T) {
	c := talker(t, func(conn net.Conn) {
		drain(conn)
		_, _ = io.Copy(io.Discard, conn) // no answer until the caller goes
	})
	w := antivirus.NewWatch(c, slog.New(slog.DiscardHandler), 0)
	broken := errors.New("disk broken")
	_, err := w.Scan(t.Context(), "a", io.MultiReader(strings.NewReader("x"), failing{broken}), 10)
	if !errors.Is(err, broken) || errors.Is(err, antivirus.ErrDown) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := w.Scan(ctx, "b", strings.NewReader("x"), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, _, down := w.State(); down != nil {
		t.Errorf("it counts as down: %v", down)
	}
	none := &antivirus.Client{Network: "unix", Address: filepath.Join(t.TempDir(), "none")}
	if err := none.Ping(t.Context()); !errors.Is(err, antivirus.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
