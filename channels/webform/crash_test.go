package webform

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// fileSink stands for the ledger of a process that is about to die.
type fileSink struct{ path string }

func (s fileSink) Submit(context.Context, ingest.Submission) (ingest.Receipt, error) {
	return ingest.Receipt{ID: "id0"}, os.WriteFile(s.path, []byte("row"), 0o600)
}

// TestCrashPoints kills a process of its own at both points: before Submit nothing is
// in the ledger, after it the row is, and the citizen has no answer either way.
func TestCrashPoints(t *testing.T) {
	const child = "SAISINE_TEST_CRASH_CHILD"
	if dir := os.Getenv(child); dir != "" {
		h := newHouse(t, nil)
		h.stop()
		go func() { _ = h.Run(t.Context(), fileSink{filepath.Join(dir, "row")}) }()
		eventually(t, h.door.Open)
		h.post(form("message", "x"))
		_ = os.WriteFile(filepath.Join(dir, "answer"), nil, 0o600)
		return
	}
	for point, stored := range map[string]bool{"form.parsed": false, "form.submitted": true} {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashPoints$")
			cmd.Env = append(os.Environ(), child+"="+dir, crashpoint.EnvVar+"="+point)
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("process ended with %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "row")); (err == nil) != stored {
				t.Errorf("row stored: %v", err == nil)
			}
			if _, err := os.Stat(filepath.Join(dir, "answer")); err == nil {
				t.Error("the citizen has an answer")
			}
		})
	}
}
