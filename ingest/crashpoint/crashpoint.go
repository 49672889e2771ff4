// Package crashpoint names the places between a channel's source and the filed
// request where the fault suite kills the process, so that "kill -9 at any step
// loses nothing" is tested on the very binary that is shipped.
//
// A point does nothing unless the process was started with SAISINE_CRASH_AT set
// to its name; then the process kills itself with SIGKILL, exactly as a power
// cut or the kernel's out-of-memory killer would end it: no deferred function
// runs and no buffer is flushed.
package crashpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// EnvVar is the environment variable that arms a point: "NAME" kills the process
// the first time the point is reached, "NAME:3" the third time.
const EnvVar = "SAISINE_CRASH_AT"

type target struct {
	name string
	left atomic.Int64
}

// armed is set once, before main runs, and only read afterwards.
var armed = parse(os.Getenv(EnvVar))

func parse(spec string) *target {
	if spec == "" {
		return nil
	}
	name, count, found := strings.Cut(spec, ":")
	t := &target{name: name}
	t.left.Store(1)
	if n, err := strconv.ParseInt(count, 10, 64); found && err == nil && n > 0 {
		t.left.Store(n)
	}
	return t
}

// Hit marks a named place. It is safe for concurrent use and costs one pointer
// comparison when no point is armed.
func Hit(name string) {
	if armed == nil || armed.name != name {
		return
	}
	if armed.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way; nothing after this point may run
	}
}
