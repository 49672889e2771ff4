package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lines decodes a log in JSON.
func lines(t *testing.T, log string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(line, err)
		}
		all = append(all, v)
	}
	return all
}

// The log is quiet wherever a value stands: in the line, with the logger, in a group, in a list.
// Errors have one key.
func TestLogIsQuiet(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var b bytes.Buffer
		log, err := (&app{stderr: &b, logLevel: "debug", logFormat: format}).logger()
		if err != nil {
			t.Fatal(err)
		}
		scan := &os.PathError{Op: "openat", Path: "Zqcanari.pdf", Err: syscall.EIO}
		log.With("err", fmt.Errorf("x: %w", scan)).WithGroup("g").LogAttrs(t.Context(), slog.LevelWarn, "to zqcanari@example.fr",
			slog.Any("err", scan), slog.String("text", "from zqcanari@example.fr"), slog.Group("in", slog.Any("error", scan)),
			slog.Any("list", []string{"zqcanari@example.fr", "b"}), slog.Any("thing", struct{ A string }{"zqcanari@example.fr"}), slog.Any("none", nil), slog.Int("n", 3))
		if text := b.String(); strings.Contains(strings.ToLower(text), "zqcanari") || strings.Contains(text, "err=") || strings.Contains(text, `"err"`) || strings.Count(text, ".pdf: input/output error") != 3 {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// What net/http says of a page that panics, and of a client, goes to the log without the value
// and the address.
func TestWebServersAreQuiet(t *testing.T) {
	var b logBuffer
	log := slog.New(quietHandler{slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := startServers(log, l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Zqcanari\nzqcanari@example.fr") }), nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/zqcanari", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req); err == nil {
		_ = res.Body.Close()
		t.Error("the page answered")
	}
	if err := s.shutdown(); err != nil {
		t.Error(err)
	}
	httpLog(log).Print("http: TLS handshake error from 192.0.2.7:4711: EOF\nzqcanari")
	httpLog(log).Print("http: x from [2001:db8::7]:4711")
	text := b.String()
	if strings.Contains(strings.ToLower(text), "zqcanari") || strings.Contains(text, "4711") || strings.Contains(text, "127.0.0.1:") {
		t.Error(text)
	}
	all := lines(t, text)
	if len(all) != 3 || all[0]["msg"] != "panic while answering a call" || !strings.Contains(fmt.Sprint(all[0]["stack"]), "quietlog_test.go") ||
		all[1]["text"] != "http: TLS handshake error from <client>: EOF" {
		t.Errorf("%v", all)
	}
}
