package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// plainProgram is where a build without the race detector lies, beside this one.
func plainProgram() (string, error) {
	exe, err := os.Executable()
	return exe + ".plain", err
}

// becomePlain turns a reading child of a daemon under test into one of the build without the
// race detector: it works on pixels in one goroutine, where the detector finds nothing and
// takes ten times as long.
func becomePlain() {
	if plain, err := plainProgram(); err == nil {
		_ = syscall.Exec(plain, os.Args, os.Environ()) // where there is none, it goes on as it is
	}
}

// warmModels has the built-in model trained into the user's cache, from where all daemons
// of the tests take it. A build without the race detector does it, which would take a
// hundred seconds and more with it.
func warmModels() error {
	dir, err := os.MkdirTemp("", "saisine-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "saisine.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "data_dir: %q\n", filepath.Join(dir, "none")), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	plain, err := plainProgram()
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-tags", "sqlite_fts5", "-o", plain, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("build saisine: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, plain, "classify", "--config", config)
	cmd.Stdin = strings.NewReader("Le lampadaire est éteint.")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("warm the models: %w\n%s", err, &out)
	}
	return nil
}
