package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

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
	cmd := exec.CommandContext(ctx, "go", "run", "-tags", "sqlite_fts5", ".", "classify", "--config", config)
	cmd.Stdin = strings.NewReader("Le lampadaire est éteint.")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("warm the models: %w\n%s", err, &out)
	}
	return nil
}
