package queue

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAsynqLogHoldsBack(t *testing.T) {
	var out bytes.Buffer
	l := newAsynqLog(slog.New(slog.NewTextHandler(&out, nil)))
	now := time.Unix(1, 0)
	l.now = func() time.Time { return now }
	for range 50 {
		l.Error("Failed to write server state data: connection refused")
		l.Warn("Could not move task id=1 from here to there")
	}
	l.Info("Starting processing")
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Fatalf("%d lines for two sorts of message:\n%s", n, &out)
	}
	out.Reset()
	now = now.Add(logInterval)
	l.Error("Failed to write server state data: again")
	if s := out.String(); !strings.Contains(s, "more_like_it=49") {
		t.Errorf("the ones held back are not counted: %s", s)
	}
	for i := range 10 * maxSorts {
		l.Warn(strings.Repeat(string(rune('a'+i%26)), i%30) + time.Duration(i).String())
	}
	if len(l.seen) > maxSorts {
		t.Errorf("%d sorts are remembered", len(l.seen))
	}
}
