package rttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

// The Debian package's places.
const (
	serverScript  = "/usr/share/request-tracker5/libexec/rt-server"
	setupScript   = "/usr/sbin/rt-setup-database-5"
	generatedPM   = "/usr/share/request-tracker5/lib/RT/Generated.pm"
	setupPatience = 2 * time.Minute
)

var versionLine = regexp.MustCompile(`\$VERSION = '([0-9A-Za-z.+~-]+)'`)

// installed returns RT's version, or an error that says what to install.
func installed() (string, error) {
	hint := errors.New("there is no Request Tracker 5: apt-get install request-tracker5 rt5-db-sqlite rt5-standalone")
	for _, path := range []string{serverScript, setupScript} {
		if _, err := os.Stat(path); err != nil {
			return "", hint
		}
	}
	content, err := os.ReadFile(generatedPM)
	if err != nil {
		return "", hint
	}
	m := versionLine.FindSubmatch(content)
	if m == nil {
		return "", fmt.Errorf("%s names no version", generatedPM)
	}
	return string(m[1]), nil
}

// template returns a folder of this machine with an initialised database (rt.sqlite) and the
// text of the user's token, and makes it when there is none: that takes RT some seconds. Tests
// of several processes may do so at once; the first to be done wins.
func template(ctx context.Context, version string, u servertest.User) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	// Other data is another template.
	sum := sha256.Sum256([]byte(siteConfig("", 0) + initialData("") + rootPassword))
	dir := filepath.Join(cache, "saisine-tests", fmt.Sprintf("rt-%s-%x", version, sum[:4]))
	if complete(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), "rt-new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(made) }()
	if err := initialise(ctx, made, u); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil && !complete(dir) {
		return "", err
	}
	return dir, nil
}

var templateFiles = []string{"rt.sqlite", "token"}

func complete(dir string) bool {
	for _, name := range templateFiles {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// initialise sets a database up in a folder that the user can get at, and copies it to made.
func initialise(ctx context.Context, made string, u servertest.User) error {
	dir, err := os.MkdirTemp("", "rttest-setup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = u.Lay(dir, map[string][]byte{
		"site.pm": []byte(siteConfig(dir, 8080)), "password": []byte(rootPassword + "\n"),
		"initialdata": []byte(initialData(filepath.Join(dir, "data", "token"))),
		"data/.keep":  nil, "mason/.keep": nil, "sessions/.keep": nil, "conf.d/.keep": nil,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, setupPatience)
	defer cancel()
	for _, args := range [][]string{
		{"--action", "init", "--skip-create", "--root-password-file", filepath.Join(dir, "password")},
		{"--action", "insert", "--skip-create", "--datafile", filepath.Join(dir, "initialdata")},
	} {
		cmd := exec.CommandContext(ctx, setupScript, args...)
		cmd.Dir, cmd.Env = dir, environment(dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.Credential()}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("rt-setup-database-5 %s: %w\n%s", args[1], err, out)
		}
	}
	for _, name := range templateFiles {
		content, err := os.ReadFile(filepath.Join(dir, "data", name))
		if err != nil {
			return fmt.Errorf("rt-setup-database-5 left no %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(made, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// environment is all that RT's programs are given: nothing of /etc/request-tracker5.
func environment(dir string) []string {
	return []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8",
		"RT_SITE_CONFIG=" + filepath.Join(dir, "site.pm"), "RT_SITE_CONFIG_DIR=" + filepath.Join(dir, "conf.d"),
	}
}
