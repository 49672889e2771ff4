package confine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func limits(t *testing.T) Limits {
	t.Helper()
	return Limits{Dir: t.TempDir(), Timeout: 20 * time.Second, Memory: 256 << 20, Output: 1 << 10, File: 4 << 10}
}

func TestRun(t *testing.T) {
	t.Parallel()
	l := limits(t)
	out, err := l.Run(t.Context(), "sh", "-c", "pwd; ulimit -v; ulimit -t; ulimit -f")
	// ulimit counts kibibytes, seconds, and blocks of 512 bytes.
	if want := l.Dir + "\n262144\n21\n8\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

func TestRunLimits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script  string
		timeout time.Duration
	}{
		"output":    {"exec head -c 2000 /dev/zero", 0},
		"file":      {"exec head -c 5000 /dev/zero > file", 0},
		"time":      {"exec sleep 60", 300 * time.Millisecond},
		"processor": {"ulimit -t 1; while :; do :; done", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := limits(t)
			if tc.timeout > 0 {
				l.Timeout = tc.timeout
			}
			if _, err := l.Run(t.Context(), "sh", "-c", tc.script); !errors.Is(err, ErrLimit) {
				t.Errorf("got %v", err)
			}
			if st, err := os.Stat(filepath.Join(l.Dir, "file")); err == nil && st.Size() > l.File {
				t.Errorf("wrote %d bytes", st.Size())
			}
		})
	}
}

func TestRunFailure(t *testing.T) {
	t.Parallel()
	out, err := limits(t).Run(t.Context(), "sh", "-c", "echo before; echo why >&2; exit 3")
	var f *ExitError
	if !errors.As(err, &f) || f.Code != 3 || f.Complaint != "why\n" || string(out) != "before\n" {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := limits(t).Run(t.Context(), "no-such-program"); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}
