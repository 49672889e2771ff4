package redminetest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const setupPatience = 3 * time.Minute

//go:embed setup.rb
var setup []byte

// template names the database that tests start from, by what it is made of.
func (s *Server) template() (string, error) {
	version, err := os.ReadFile(root + "/lib/redmine/version.rb")
	if err != nil {
		return "", err
	}
	var numbers []string
	for _, m := range regexp.MustCompile(`(?m)^ *(?:MAJOR|MINOR|TINY) *= *(\d+)`).FindAllSubmatch(version, -1) {
		numbers = append(numbers, string(m[1]))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(setup, AdminKey+Key+ReaderKey+Project...))
	return filepath.Join(cache, "saisine-tests", "redmine-"+strings.Join(numbers, "."), hex.EncodeToString(sum[:8])+".sqlite3"), nil
}

// makeTemplate fills the server's database and keeps a copy for the next ones.
func (s *Server) makeTemplate(template string) error {
	ctx, cancel := context.WithTimeout(s.tb.Context(), setupPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/ruby", "bin/rails", "runner", filepath.Join(s.dir, "setup.rb"))
	cmd.Dir, cmd.Env = root, s.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.user.Credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the database: %w\n%s", err, out)
	}
	content, err := os.ReadFile(s.Database)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(template), "new-")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), template)
}
