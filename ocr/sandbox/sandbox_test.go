package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain makes the test binary the process that is confined: it works in its folder
// "work" beside "in", tries each thing that it is told, and says what came of it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "confined" {
		work, _ := os.Getwd()
		err := Enter(Folders{Read: []string{filepath.Join(filepath.Dir(work), "in")}, Write: []string{work}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for _, what := range os.Args[2:] {
			fmt.Printf("%s\t%v\n", what, try(what))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func try(what string) error {
	verb, path, _ := strings.Cut(what, " ")
	switch verb {
	case "read":
		_, err := os.ReadFile(path)
		return err
	case "list":
		_, err := os.ReadDir(path)
		return err
	case "write":
		return os.WriteFile(path, []byte("x"), 0o600)
	case "remove":
		return os.Remove(path)
	case "link":
		return os.Link(path, "linked")
	case "rename":
		return os.Rename(path, "renamed")
	case "dial":
		network, address, _ := strings.Cut(path, "!")
		c, err := net.Dial(network, address)
		if err == nil {
			_ = c.Close()
		}
		return err
	case "namespace":
		return unix.Unshare(unix.CLONE_NEWUSER)
	case "trace":
		var pid int
		_, _ = fmt.Sscan(path, &pid)
		return unix.PtraceAttach(pid)
	case "kill":
		var pid int
		_, _ = fmt.Sscan(path, &pid)
		return unix.Kill(pid, 0)
	case "sh":
		out, err := exec.Command("sh", "-c", path).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	return errors.New("no such verb")
}

// confined has a confined process try things, and returns what came of each.
func confined(t *testing.T, root string, what ...string) map[string]string {
	t.Helper()
	for _, d := range []string{"in", "work"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, append([]string{"confined"}, what...)...)
	cmd.Dir = filepath.Join(root, "work")
	// Its folder of coverage data and the like is none of its own.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TMPDIR=" + cmd.Dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := map[string]string{}
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		k, v, ok := strings.Cut(s.Text(), "\t")
		if !ok {
			t.Logf("it said %q", s.Text())
		}
		got[k] = v
	}
	return got
}

func needLandlock(t *testing.T) {
	t.Helper()
	if LandlockVersion() == 0 {
		t.Skip("this kernel has no Landlock")
	}
}

const none = "<nil>"

func TestFiles(t *testing.T) {
	t.Parallel()
	needLandlock(t)
	root, other := t.TempDir(), t.TempDir()
	secret := filepath.Join(other, "saisine.db")
	document := filepath.Join(root, "in", "0")
	for _, f := range []string{secret, document} {
		if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ppid := os.Getpid()
	may := []string{
		"read " + document, "list ../in", "write mine", "read mine", "read /proc/self/statm", "read /etc/ld.so.cache", "read /dev/null", "read /proc/cpuinfo",
		"sh echo ok > again && cat " + document + " > copied && mv again moved",
	}
	mayNot := []string{
		"read " + secret, "write " + secret, "remove " + secret, "link " + secret, "rename " + secret, "write " + secret + "-wal",
		"list " + other, "list /", "list " + root, "list /proc", "read /etc/passwd",
		"write " + document, "remove " + document, "link " + document, "rename " + document, "write ../in/1",
		"read /proc/1/environ", fmt.Sprintf("read /proc/%d/environ", ppid), fmt.Sprintf("read /proc/%d/maps", ppid),
		"sh cat " + secret, "sh ln " + secret + " here", "sh cp " + document + " /tmp/x", "sh cat /proc/" + fmt.Sprint(ppid) + "/environ",
	}
	got := confined(t, root, append(may, mayNot...)...)
	for _, what := range may {
		if got[what] != none {
			t.Errorf("%s: %s", what, got[what])
		}
	}
	for _, what := range mayNot {
		if got[what] == none || got[what] == "" || strings.Contains(got[what], "not found") {
			t.Errorf("%s: %q", what, got[what])
		}
	}
	for _, f := range []string{secret, document} {
		if b, err := os.ReadFile(f); err != nil || string(b) != "foreign" {
			t.Errorf("%s: %q, %v", f, b, err)
		}
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "redis.sock")
	var addresses []string
	for _, a := range [][2]string{{"unix", socket}, {"unix", "@saisine-" + filepath.Base(dir)}, {"tcp", "127.0.0.1:0"}} {
		l, err := net.Listen(a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, "dial "+a[0]+"!"+l.Addr().String())
	}
	mayNot := append(addresses, "dial udp!127.0.0.1:53", "namespace", fmt.Sprintf("trace %d", os.Getpid()))
	if LandlockVersion() >= 6 {
		mayNot = append(mayNot, fmt.Sprintf("kill %d", os.Getpid()))
	}
	got := confined(t, t.TempDir(), append(mayNot, "sh true & wait")...)
	for _, what := range mayNot {
		if !strings.HasSuffix(got[what], "operation not permitted") {
			t.Errorf("%s: %q", what, got[what])
		}
	}
	if got["sh true & wait"] != none {
		t.Errorf("a program: %q", got["sh true & wait"])
	}
}

// Not confined, everything that TestCalls denies would work, and Try says so.
func TestTryOutside(t *testing.T) {
	t.Parallel()
	if got := Try(); got != (Held{}) {
		t.Errorf("got %+v", got)
	}
}
