// Package lease gives what only one node of the house may do to one node at a time: to
// empty a mailbox, to watch a scan folder, to sweep.
//
// Two keepers do so. Files is for nodes that share a data folder, which are processes of one
// machine: a lock of the kernel, which costs nothing while it is held and is free at once
// when its process ends. Table is for nodes that share a database: leases with a term.
//
// # Clocks
//
// A lease in the table has no date at which it ends: clocks of two machines differ, and jump.
// Its holder writes a new beat every few seconds. A candidate takes over when it has seen the
// same fence and beat for a whole Term by its own clock, and the transaction in which it does
// so compares both again. The holder reckons from the moment before its last beat was sent, so
// that it always ends first; a little earlier, so that what is under way ends as well. The
// clock is CLOCK_BOOTTIME, which goes on while the process is stopped or the machine asleep. (The
// database's now() would do too, until a standby takes over whose clock is another one.)
//
// What no clock can settle (a virtual machine that was paused together with its clock, or a
// process stopped between the look at the clock and the effect) the fence does: the store
// refuses writes with a number that is not the last, and what is done outside of it (a mail
// moved, a scan moved) comes after its row and may be done twice.
package lease

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ingest"
)

// The times of a Table.
const (
	// Term is for how long a lease stands without a beat.
	Term = 15 * time.Second
	// beatEvery is how often a node writes that it lives: one small row for all its leases. When
	// the node that holds the database's write lock freezes, the others wait for it until the
	// database ends its session (8 s); a beat that waits so long must still come in time.
	beatEvery = 3 * time.Second
	// endEarly is how long before others may take over work is told to end.
	endEarly = Term / 5
	// lookEvery is how often a node looks at the others; it reads only.
	lookEvery = 2 * time.Second
	// checkEvery is how often a holder looks at the clock.
	checkEvery = 250 * time.Millisecond
)

// ErrLost is what Hold returns when the lease went to another node, or could not be renewed in
// time, while the work was under way. It wraps ingest.ErrFenced.
var ErrLost = fmt.Errorf("lease: lost: %w", ingest.ErrFenced)

// Work is done while a lease is held. Its context carries the ingest.Fence and ends when the
// lease is no longer sure to be held.
type Work = func(ctx context.Context) error

// Keeper hands out leases. It is safe for concurrent use.
type Keeper interface {
	// Hold waits until this node holds the lease, does work, and gives the lease back. It returns
	// what work returned, joined with ErrLost where the lease was lost meanwhile, or the error of
	// a ctx that ended before. One name is held once at a time in a process.
	Hold(ctx context.Context, name string, work Work) error
	// Try is Hold without the waiting: done is false when another node has the lease. A Table
	// knows a lease by what it saw last, and may say so of one that has just become free.
	Try(ctx context.Context, name string, work Work) (done bool, err error)
	// Holder describes who has the lease, as far as is known here, or is "".
	Holder(name string) string
	// Held returns the right under which work is being done here by that name; ok is false when
	// none is, or when it is no longer sure to be ours.
	Held(name string) (f ingest.Fence, ok bool)
	// Mine lists what this node holds.
	Mine() []Row
}

// now is the time since the machine started, its sleep included.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("lease: no CLOCK_BOOTTIME: " + err.Error()) // there always is one since Linux 2.6.39
	}
	return time.Duration(t.Nano())
}

// Here names where the numbers of processes mean what they mean to this one: this run of the kernel,
// and its namespace of processes, which containers have of their own. It is "" where that cannot
// be told.
func Here() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, err2 := os.Readlink("/proc/self/ns/pid")
	if err != nil || err2 != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
}
