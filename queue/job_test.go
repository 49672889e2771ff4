package queue

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestJobValidate(t *testing.T) {
	good := Job{Kind: KindProcess, ID: "01JD", Attempt: 2, Queue: QueueOCR}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := good.taskID(), "submission:01JD:2"; got != want {
		t.Errorf("task id %q, want %q", got, want)
	}
	if got, want := (Job{Kind: KindDeliver, ID: "7"}).taskID(), "outbox:7:0"; got != want {
		t.Errorf("task id %q, want %q", got, want)
	}
	for name, spoil := range map[string]func(*Job){
		"kind":      func(j *Job) { j.Kind = "other" },
		"queue":     func(j *Job) { j.Queue = "" },
		"no id":     func(j *Job) { j.ID = "" },
		"long id":   func(j *Job) { j.ID = strings.Repeat("x", maxIDLen+1) },
		"blank":     func(j *Job) { j.ID = "a b" },
		"colon":     func(j *Job) { j.ID = "a:b" },
		"mark":      func(j *Job) { j.ID = "a~b" },
		"non-ASCII": func(j *Job) { j.ID = "é" },
		"attempt":   func(j *Job) { j.Attempt = -1 },
	} {
		j := good
		spoil(&j)
		if err := j.validate(); !errors.Is(err, ErrInvalidJob) {
			t.Errorf("%s: %v, want ErrInvalidJob", name, err)
		}
	}
}

func TestNamesStayRecognisable(t *testing.T) {
	var n names
	own := "submission:1:0"
	if n.current(own) != own {
		t.Fatal("a task without successor has its own name")
	}
	first := n.renew(own, "boot")
	second := n.renew(first, "boot")
	if first == second || baseID(first) != own || baseID(second) != own {
		t.Fatalf("names %q, %q", first, second)
	}
	for _, old := range []string{own, first, second} {
		if got := n.current(old); got != second {
			t.Errorf("current(%q) = %q, want the latest %q", old, got, second)
		}
	}
	if other := "submission:1:1"; n.current(other) != other {
		t.Error("another attempt is another task")
	}
}

func TestPolicyDelay(t *testing.T) {
	p := Policy{Base: time.Second, Cap: 10 * time.Second}
	for n, want := range []float64{1, 2, 4, 8, 10, 10} {
		if got := p.delay(n); got.Seconds() != want {
			t.Errorf("delay(%d) = %v, want %vs", n, got, want)
		}
	}
	if got := p.delay(1 << 20); got != p.Cap {
		t.Errorf("a large count gives %v", got)
	}
	sum := func(p Policy) (d time.Duration) {
		for n := range p.MaxRetry {
			d += p.delay(n)
		}
		return d
	}
	all := DefaultPolicies()
	if d := sum(all[KindProcess]); d < 15*time.Minute || d > time.Hour {
		t.Errorf("a submission is tried for %v", d)
	}
	if d := sum(all[KindDeliver]).Hours() / 24; d < 4.5 || d > 5.5 {
		t.Errorf("an outgoing mail is tried for %.1f days, want about 5", d)
	}
}

func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte(`{"id":"01JD"}`))
	f.Add([]byte(`{"id":"x","interrupted":3}`))
	f.Add([]byte(`{"id":"a:b"}`))
	f.Add([]byte(`{"id":5}`))
	f.Add([]byte(`nonsense`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePayload(b)
		if err != nil {
			return
		}
		if !validID(p.ID) || p.Interrupted < 0 {
			t.Fatalf("accepted %+v", p)
		}
		again, err := p.encode()
		if err != nil {
			t.Fatal(err)
		}
		q, err := decodePayload(again)
		if err != nil || q != p {
			t.Fatalf("%s does not come back: %+v, %v", bytes.TrimSpace(again), q, err)
		}
	})
}
