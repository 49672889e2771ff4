package antivirus

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		raw     string
		verdict Verdict
		name    string
	}{
		{"stream: OK\x00", Clean, ""},
		{"stream: OK\n\x00", Clean, ""},
		{"stream: Eicar-Test-Signature FOUND\x00", Infected, "Eicar-Test-Signature"},
		{"stream: Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68) FOUND\x00", Infected, "Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68)"},
		{"stream: \x1b[31mRot\u202e FOUND\x00", Infected, "[31mRot"},
		{"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\x00", Unscannable, "Heuristics.Limits.Exceeded.MaxFileSize"},
		{"stream: Heuristics.Encrypted.Zip FOUND\x00", Unscannable, "Heuristics.Encrypted.Zip"},
		{"INSTREAM size limit exceeded. ERROR\x00", Unscannable, "INSTREAM size limit exceeded."},
		{"stream: Can't allocate memory ERROR\x00", Refused, "Can't allocate memory"},
		{"stream: OK", "", ""}, // cut off
		{"stream: OK\x00stream: X FOUND\x00", "", ""},
		{"stream: OKAY\x00", "", ""},
		{"stream:OK\x00", "", ""},
		{"stream: FOUND\x00", "", ""},
		{"stream: \x01 FOUND\x00", "", ""},
		{"UNKNOWN COMMAND\x00", "", ""},
		{"HTTP/1.1 400 Bad Request\r\n\x00", "", ""},
		{"\x00", "", ""},
		{"", "", ""},
		{"stream: " + strings.Repeat("x", maxAnswer) + " FOUND\x00", "", ""},
	} {
		a, err := ParseAnswer([]byte(c.raw))
		if c.verdict == "" {
			if !errors.Is(err, ErrAnswer) || a != (Answer{}) {
				t.Errorf("%.60q: %+v, %v", c.raw, a, err)
			}
			continue
		}
		if err != nil || a != (Answer{c.verdict, c.name}) {
			t.Errorf("%.60q: %+v, %v", c.raw, a, err)
		}
	}
}

func TestVersions(t *testing.T) {
	v, err := ParseVersion("ClamAV 1.4.3/27500/Fri Nov  6 09:34:56 2026")
	if want := time.Date(2026, 11, 6, 9, 34, 56, 0, time.UTC); err != nil || v.Engine != "ClamAV 1.4.3" || v.Database != "27500" || !v.Built.Equal(want) {
		t.Errorf("%+v, %v", v, err)
	}
	if v.String() != "ClamAV 1.4.3/27500/2026-11-06" {
		t.Error(v.String())
	}
	if v, err := ParseVersion("ClamAV 1.4.6"); err != nil || v.String() != "ClamAV 1.4.6" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, bad := range []string{"", "PONG", "ClamAV 1.4.3/27500/yesterday", "ClamAV 1.4.3/27500", "nginx/1.2"} {
		if v, err := ParseVersion(bad); !errors.Is(err, ErrAnswer) {
			t.Errorf("%q: %+v, %v", bad, v, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"stream: OK\x00", "stream: X FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00", "stream: \xff FOUND\x00", "ClamAV 1.4.3/27500/Fri Nov  6 09:34:56 2026"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := ParseAnswer(raw)
		clean := strings.TrimRight(strings.TrimSuffix(string(raw), "\x00"), "\n") == "stream: OK" && strings.HasSuffix(string(raw), "\x00")
		if (a.Verdict == Clean && err == nil) != clean {
			t.Errorf("%q: %+v", raw, a)
		}
		if (err == nil) == (a.Verdict == "") {
			t.Errorf("%q: %+v, %v", raw, a, err)
		}
		if len(a.Name) > maxName || strings.ContainsFunc(a.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: name %q", raw, a.Name)
		}
		if v, err := ParseVersion(string(raw)); err == nil && !strings.HasPrefix(v.String(), "ClamAV ") {
			t.Errorf("%q: version %q", raw, v)
		}
	})
}
