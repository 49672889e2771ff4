package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// plainProgram is where a build without the race detector lies, beside this one.
func plainProgram() string {
	exe, err := os.Executable() // of a child, Args[0] is /proc/self/exe
	if err != nil {
		panic(err)
	}
	return exe + ".plain"
}

// becomePlain turns a reading child of a daemon under test into one of the build without the
// race detector: it works on pixels in one goroutine, where the detector finds nothing and
// takes ten times as long.
func becomePlain() {
	_ = syscall.Exec(plainProgram(), os.Args, os.Environ()) // where there is none, it goes on as it is
}

// longRun says that nothing is left out (make test-long).
func longRun() bool { return os.Getenv("GO_TEST_LONG") != "" }

// buildPlain builds plainProgram, with what TestMain hooks in. Without the race detector it is
// this very program.
func buildPlain() error {
	if exe, err := os.Executable(); err == nil && !raced() {
		_ = os.Remove(plainProgram())
		if os.Link(exe, plainProgram()) == nil {
			return nil
		}
	}
	if out, err := exec.Command("go", "test", "-tags", "sqlite_fts5", "-c", "-o", plainProgram(), ".").CombinedOutput(); err != nil {
		return fmt.Errorf("build saisine: %w\n%s", err, out)
	}
	return nil
}

// raced tells whether this was built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// warmed has whether a model was trained, by the categories it is for.
var warmed sync.Map

// warmModel has the built-in model for the given categories ("": the built-in ones) trained into
// the user's cache, from where all take it. A build without the race detector does it: with it, each
// would take minutes of both cores.
func warmModel(categories string) error {
	train, _ := warmed.LoadOrStore(categories, sync.OnceValue(func() error {
		dir, err := os.MkdirTemp("", "saisine-warm-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		config, file := filepath.Join(dir, "saisine.yaml"), filepath.Join(dir, "categories.yaml")
		text := fmt.Appendf(nil, "data_dir: %q\n", filepath.Join(dir, "none"))
		if categories != "" {
			text = fmt.Appendf(text, "categories: %q\n", file)
		}
		if err := errors.Join(os.WriteFile(config, text, 0o600), os.WriteFile(file, []byte(categories), 0o600)); err != nil {
			return err
		}
		cmd := exec.Command(plainProgram(), "classify", "--config", config)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stdin = strings.NewReader("Le lampadaire est éteint.")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("train a model: %w\n%s", err, out)
		}
		return nil
	}))
	return train.(func() error)()
}
