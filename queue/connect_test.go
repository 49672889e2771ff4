package queue

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestConnect(t *testing.T) {
	for address, want := range map[string]redis.UniversalOptions{
		"redis://h":                         {Addrs: []string{"h:6379"}},
		"redis://h:1234/3":                  {Addrs: []string{"h:1234"}, DB: 3},
		"redis://u:p%40ss@h":                {Addrs: []string{"h:6379"}, Username: "u", Password: "p@ss"},
		"redis://:pass@[::1]:7":             {Addrs: []string{"[::1]:7"}, Password: "pass"},
		"redis://[::1]":                     {Addrs: []string{"[::1]:6379"}},
		"unix:///run/redis/r.sock":          {Addrs: []string{"/run/redis/r.sock"}},
		"unix://:pw@/run/r.sock?db=2":       {Addrs: []string{"/run/r.sock"}, Password: "pw", DB: 2},
		"redis-sentinel://a,b:1/4?master=m": {Addrs: []string{"a:26379", "b:1"}, MasterName: "m", DB: 4},
		"redis-cluster://a:1,b":             {Addrs: []string{"a:1", "b:6379"}, IsClusterMode: true},
	} {
		c, err := Connect(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		} else if !reflect.DeepEqual(c.opt, want) {
			t.Errorf("%s: %+v, want %+v", address, c.opt, want)
		}
	}
	c, err := Connect("rediss://h:9")
	if err != nil || c.opt.TLSConfig == nil || c.opt.TLSConfig.ServerName != "h" {
		t.Errorf("rediss: %+v, %v", c.opt.TLSConfig, err)
	}
}

func TestConnectRefuses(t *testing.T) {
	for _, address := range []string{
		"", "localhost:6379", "http://h", "redis://", "redis://:p@", "redis://h:0", "redis://h:x", "redis://h:70000",
		"redis://h/x", "redis://h/-1", "redis://a,b", "unix://h/p", "unix://", "unix:///p?db=x",
		"redis-sentinel://a", "redis-sentinel://?master=m", "redis-cluster://a/1", "redis://u:se%cret@h", "redis://u:secret@h:x/\x7f",
		"redis://u:secret@h/secret2/%zz", "redis://u:12/secret@h", "redis-cluster://a,u:secret",
	} {
		_, err := Connect(address)
		if !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", address, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cret") && strings.Contains(address, "%cret") {
			t.Errorf("the error gives the password away: %v", err)
		}
	}
	c, err := Connect("redis://user:geheim@h/1")
	if err != nil || strings.Contains(c.String(), "geheim") || strings.Contains(c.String(), "user") {
		t.Errorf("label %q, %v", c, err)
	}
}

func FuzzConnect(f *testing.F) {
	f.Add("redis://u:p@h:1/2")
	f.Add("redis-sentinel://a,b/4?master=m")
	f.Add("unix:///p?db=1")
	f.Add("redis://[::1")
	f.Fuzz(func(t *testing.T, address string) {
		c, err := Connect(address)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Fatal(err)
			}
			return
		}
		if len(c.opt.Addrs) == 0 || c.opt.DB < 0 {
			t.Fatalf("%+v", c.opt)
		}
	})
}

// TestSentinelAndCluster enqueues through real servers of both kinds.
func TestSentinelAndCluster(t *testing.T) {
	t.Parallel()
	needRedis(t)
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	server := func(args ...string) {
		cmd := exec.CommandContext(context.Background(), "redis-server", args...)
		cmd.Dir = t.TempDir()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	try := func(address string) {
		t.Helper()
		conn, err := Connect(address)
		if err != nil {
			t.Fatal(err)
		}
		l := newLedger()
		l.add("1")
		startNode(t, options(t, conn, l))
		eventually(t, 15*time.Second, "row filed through "+address, func() bool { return l.count("filed") == 1 })
	}

	main, sentinel := port(), port()
	server("--port", main, "--bind", "127.0.0.1", "--save", "")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, []byte("sentinel monitor town 127.0.0.1 "+main+" 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server(conf, "--sentinel", "--port", sentinel, "--bind", "127.0.0.1")
	try("redis-sentinel://127.0.0.1:" + sentinel + "?master=town")

	node, bus := port(), port()
	server("--port", node, "--bind", "127.0.0.1", "--save", "", "--cluster-enabled", "yes", "--cluster-port", bus)
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + node})
	defer rdb.Close()
	eventually(t, 10*time.Second, "cluster node answers", func() bool {
		return rdb.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err() == nil
	})
	try("redis-cluster://127.0.0.1:" + node)
}
