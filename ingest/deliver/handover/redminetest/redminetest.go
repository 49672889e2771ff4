// Package redminetest starts a real Redmine, Debian's, for a test: on a free loopback port, with
// a SQLite database and files of its own, without root rights. It speaks French.
//
// The project Project has the trackers that Redmine comes with in French (Anomalie, Evolution,
// Assistance) and the custom fields CustomField and ChosenField. Files may have 512 KiB and not end in .exe.
package redminetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

const (
	// AdminKey is that of an administrator, Key that of a member of Project who may see and
	// add issues and add notes, ReaderKey that of one who may see them.
	AdminKey  = "0000000000000000000000000000000000000adm"
	Key       = "0000000000000000000000000000000000000key"
	ReaderKey = "0000000000000000000000000000000000000lec"
	// Project is where cases go. Key's user is also a member of Other, and not of Private.
	Project, Other, Private = "voirie", "proprete", "prive"
	// CustomField is a field for a short text that all issues have, ChosenField one that those
	// of Project have. No API lists the former for this project (Redmine 5.0).
	CustomField, ChosenField = "Référence saisine", "Dossier saisine"
	// MaxFile is the largest file that Redmine takes, in bytes.
	MaxFile = 512 << 10

	root          = "/usr/share/redmine"
	startPatience = 60 * time.Second
	stopPatience  = 5 * time.Second
)

// Server is a running Redmine.
type Server struct {
	URL string
	// Database is its SQLite file.
	Database string

	tb      testing.TB
	dir     string
	user    servertest.User
	process *servertest.Process
}

// Start runs a Redmine until the test ends. It skips the test where there is none. The first
// one of a version takes some ten seconds more, for its database.
func Start(tb testing.TB) *Server {
	tb.Helper()
	for _, path := range []string{root + "/config.ru", "/usr/bin/puma"} {
		if _, err := os.Stat(path); err != nil {
			tb.Skip("redminetest: Redmine is not installed: apt-get install redmine redmine-sqlite puma")
		}
	}
	s := &Server{tb: tb}
	tb.Cleanup(func() {
		s.process.Stop(stopPatience)
		if tb.Failed() {
			tb.Logf("redmine's log:\n%s", s.log())
		}
		if s.dir != "" {
			_ = os.RemoveAll(s.dir)
		}
	})
	if err := s.prepare(); err != nil {
		tb.Fatalf("redminetest: %v\n%s", err, s.log())
	}
	if err := s.launch(); err != nil {
		tb.Fatalf("redminetest: %v\n%s", err, s.log())
	}
	return s
}

// gemfile is Redmine's, which looks for the adapters of the machine's own databases.
func (s *Server) gemfile() ([]byte, error) {
	gemfile, err := os.ReadFile(root + "/Gemfile")
	if err != nil {
		return nil, err
	}
	found := regexp.MustCompile(`Dir\['[^']*database\.yml'\]`)
	if !found.Match(gemfile) {
		return nil, errors.New("this Redmine's Gemfile is not one of Debian 12")
	}
	return found.ReplaceAll(gemfile, []byte("Dir['"+s.dir+"/config/database.yml']")), nil
}

func (s *Server) prepare() (err error) {
	if s.user, err = servertest.Unprivileged(); err != nil {
		return err
	}
	// Not tb.TempDir: Redmine may run as another user, who could not get there.
	if s.dir, err = os.MkdirTemp("", "redminetest-"); err != nil {
		return err
	}
	s.Database = filepath.Join(s.dir, "db", "redmine.sqlite3")
	gemfile, err := s.gemfile()
	if err != nil {
		return err
	}
	lock, err := os.ReadFile(root + "/Gemfile.lock")
	if err != nil {
		return err
	}
	database := fmt.Sprintf("production:\n  adapter: sqlite3\n  database: %s\n  encoding: utf8\n  timeout: 10000\n", s.Database)
	files := map[string][]byte{
		"config/database.yml":   []byte(database),
		"config/secret_key.txt": []byte(rand.Text() + rand.Text()),
		"bundle/Gemfile":        gemfile, "bundle/Gemfile.lock": lock,
		"setup.rb": setup, "files/.keep": nil, "log/.keep": nil, "tmp/cache/.keep": nil, "tmp/pids/.keep": nil, "public/plugin_assets/.keep": nil,
	}
	template, err := s.template()
	if err != nil {
		return err
	}
	content, err := os.ReadFile(template)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if missing {
		files["db/.keep"] = nil
	} else {
		files["db/redmine.sqlite3"] = content
	}
	if err := s.user.Lay(s.dir, files); err != nil {
		return err
	}
	if missing {
		return s.makeTemplate(template)
	}
	return nil
}

// environment makes a program in Redmine's folder work in that of the test. The instance is a
// path that leads from Redmine's own instances there; Debian's patch puts all that is written
// below it (lib/redmine/multi_tenancy.rb).
func (s *Server) environment() []string {
	return []string{
		"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + s.dir, "TMPDIR=" + filepath.Join(s.dir, "tmp"), "RAILS_ENV=production",
		"REDMINE_INSTANCE=../../../.." + s.dir, "BUNDLE_GEMFILE=" + filepath.Join(s.dir, "bundle", "Gemfile"),
		"ADMIN_KEY=" + AdminKey, "KEY=" + Key, "READER_KEY=" + ReaderKey, "PROJECT=" + Project,
	}
}

func (s *Server) launch() error {
	port, err := servertest.FreePort()
	if err != nil {
		return err
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.URL = "http://" + addr
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{"/usr/bin/puma", "-e", "production", "-t", "1:4", "-b", "tcp://" + addr, "config.ru"},
		Dir:  root, Env: s.environment(), Credential: s.user.Credential(), Log: filepath.Join(s.dir, "log", "output"),
	})
	if err != nil {
		return err
	}
	if err := s.process.Await(startPatience, s.answers); err != nil {
		return fmt.Errorf("redmine does not answer: %w", err)
	}
	return nil
}

// answers asks for something that needs the database.
func (s *Server) answers() bool {
	r, err := http.NewRequestWithContext(s.tb.Context(), http.MethodGet, s.URL+"/users/current.json", nil)
	if err != nil {
		return false
	}
	r.Header.Set("X-Redmine-API-Key", Key)
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// log returns the end of each log.
func (s *Server) log() string {
	return servertest.Tail(filepath.Join(s.dir, "log"), 60, "output", "production.log")
}
