package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"regexp"
	"strings"

	"saisine.fr/saisine/ingest/discreet"
)

// quietHandler keeps personal data out of the log. Errors are written as discreet.Text has them,
// and mail addresses are left out of every text: whoever writes a line of the log need not know
// what an error that came from below quotes.
type quietHandler struct{ inner slog.Handler }

// Enabled implements slog.Handler.
func (q quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return q.inner.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (q quietHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, discreet.WithoutAddresses(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(quietAttr(a))
		return true
	})
	return q.inner.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (q quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	quiet := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		quiet[i] = quietAttr(a)
	}
	return quietHandler{q.inner.WithAttrs(quiet)}
}

// WithGroup implements slog.Handler.
func (q quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{q.inner.WithGroup(name)}
}

// quietAttr also gives errors one key: rooms call it err or error.
func quietAttr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(discreet.WithoutAddresses(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		quiet := make([]slog.Attr, len(group))
		for i, in := range group {
			quiet[i] = quietAttr(in)
		}
		a.Value = slog.GroupValue(quiet...)
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil:
		case error:
			a.Key, a.Value = errorKey, slog.StringValue(discreet.Text(v))
		case []string:
			quiet := make([]string, len(v))
			for i, s := range v {
				quiet[i] = discreet.WithoutAddresses(s)
			}
			a.Value = slog.AnyValue(quiet)
		default:
			a.Value = slog.StringValue(discreet.WithoutAddresses(fmt.Sprint(v)))
		}
	}
	return a
}

// errorKey is the key of every error in the log.
const errorKey = "error"

// httpLog is where the web servers write: what they say themselves holds addresses of citizens,
// and the value of a panic.
func httpLog(l *slog.Logger) *log.Logger { return log.New(httpWriter{l}, "", 0) }

type httpWriter struct{ log *slog.Logger }

var hostPort = regexp.MustCompile(`(\[[0-9a-fA-F:.%]+\]|\d{1,3}(\.\d{1,3}){3}):\d+`)

// Write takes one message of net/http (http.Server.ErrorLog).
func (w httpWriter) Write(p []byte) (int, error) {
	ctx := context.Background()
	text := string(bytes.TrimSpace(p))
	if strings.HasPrefix(text, "http: panic serving ") {
		// Of the value not even the type is to be had here; where it was is.
		stack := ""
		if at := strings.Index(text, "\ngoroutine "); at >= 0 {
			stack = text[at+1:]
		}
		w.log.LogAttrs(ctx, slog.LevelError, "panic while answering a call", slog.String("stack", stack))
		return len(p), nil
	}
	first, _, _ := strings.Cut(hostPort.ReplaceAllString(text, "<client>"), "\n")
	w.log.LogAttrs(ctx, slog.LevelDebug, "web server", slog.String("text", first))
	return len(p), nil
}
