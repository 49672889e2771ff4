// Package s3test runs a real S3 server for tests: Versity's gateway over a temporary folder, on
// a free loopback port. The program is built once, by the go command, into the user's cache
// folder.
package s3test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/servertest"
)

// Version is the version of the gateway.
const Version = "v1.8.0"

const (
	// AccessKey and SecretKey are the keys to the server.
	AccessKey, SecretKey = "saisine-test", "0000000000-secret-key"
	// Bucket is there. It keeps no versions, unless it is told to.
	Bucket = "saisine"
	// Region goes into signatures.
	Region = "us-east-1"

	startPatience = 30 * time.Second
	buildPatience = 10 * time.Minute
)

// Server is a running S3 server. Its methods are for one goroutine at a time.
type Server struct {
	// Endpoint is host:port, plain HTTP.
	Endpoint string
	// Dir is where the objects of Bucket lie, one file each under its name.
	Dir string

	tb      testing.TB
	base    string
	process *servertest.Process
}

// URL names the bucket as the configuration does.
func (s *Server) URL() string {
	return "s3://" + Bucket + "?endpoint=http://" + s.Endpoint + "&region=" + Region
}

// Start runs a server until the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	// Not tb.TempDir, which goes before what is cleaned up here has ended.
	base, err := os.MkdirTemp("", "s3test-") //nolint:usetesting // see above
	if err != nil {
		tb.Fatal(err)
	}
	port, err := servertest.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Endpoint: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Dir: filepath.Join(base, "data", Bucket), tb: tb, base: base}
	tb.Cleanup(func() {
		s.process.Stop(5 * time.Second)
		if tb.Failed() {
			tb.Logf("S3 server's log:\n%s", servertest.Tail(base, 40, "log"))
		}
		_ = os.RemoveAll(base)
	})
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(base, "versions"), 0o700); err != nil {
		tb.Fatal(err)
	}
	s.Run()
	return s
}

// Run starts the server again, after Kill, with what it has kept.
func (s *Server) Run() {
	s.tb.Helper()
	var err error
	s.process, err = servertest.Start(servertest.Command{
		Args: []string{
			program(s.tb), "--port", s.Endpoint, "--access", AccessKey, "--secret", SecretKey, "--region", Region,
			"posix", "--versioning-dir", filepath.Join(s.base, "versions"), filepath.Join(s.base, "data"),
		},
		Dir: s.base, Log: filepath.Join(s.base, "log"),
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.process.Await(startPatience, s.answers); err != nil {
		s.tb.Fatalf("s3test: %v\n%s", err, servertest.Tail(s.base, 40, "log"))
	}
}

// answers reports whether the server answers anything.
func (s *Server) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Endpoint+"/", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return true
}

// Kill ends the server with SIGKILL.
func (s *Server) Kill() { s.process.Kill() }

// program returns the path of the gateway, which is built when it is not in the cache.
func program(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatalf("s3test: no folder for the S3 server: %v. Set HOME or XDG_CACHE_HOME.", err)
	}
	path := filepath.Join(cache, "saisine-tools", "versitygw-"+Version)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := build(tb.Context(), path); err != nil {
		if os.Getenv("CI") == "" {
			tb.Skipf("s3test: %v. It needs the Go module proxy once.", err)
		}
		tb.Fatalf("s3test: %v", err)
	}
	return path
}

// build makes the program at path, which appears whole or not at all, for several runs may do
// so at once.
func build(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "versitygw-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, buildPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+Version)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build versitygw: %w\n%s", err, out)
	}
	return os.Rename(filepath.Join(dir, "versitygw"), path)
}
