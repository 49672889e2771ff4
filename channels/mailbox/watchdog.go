package mailbox

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

var (
	// errSilent means that the server sent nothing for too long.
	errSilent = errors.New("mailbox: the server fell silent")
	// errFlood means that the server sent more than any answer to the command needs.
	errFlood = errors.New("mailbox: the server sent more than was asked for")
)

// idleBudget is what a server may send while nothing is asked of it: news during
// IDLE, "still here" lines.
const idleBudget = 4 << 20

// watchedConn is a connection that dies of silence and of floods. While it is armed
// (a command is outstanding) every read must bring a byte within the timeout, and all
// reads together no more than the budget; disarmed it waits for ever.
//
// It lies under TLS, so that the two sides' own records count as life. Read deadlines
// that are set from above are ignored: go-imap sets an absolute one of five minutes
// for each literal, which a large mail on a slow line would miss, and none at all
// while it waits for a response.
//
// Read is called by one goroutine, everything else by any.
type watchedConn struct {
	net.Conn

	mu      sync.Mutex
	timeout time.Duration // 0: disarmed
	budget  int64
	cause   error // why the watchdog killed the connection
}

func newWatchedConn(conn net.Conn) *watchedConn {
	return &watchedConn{Conn: conn, budget: idleBudget}
}

// arm starts the watch for one command.
func (c *watchedConn) arm(timeout time.Duration, budget int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timeout, c.budget = timeout, budget
	_ = c.Conn.SetReadDeadline(time.Now().Add(timeout))
}

// disarm ends it.
func (c *watchedConn) disarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timeout, c.budget = 0, idleBudget
	_ = c.Conn.SetReadDeadline(time.Time{})
}

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget -= int64(n)
	var timeout net.Error
	switch {
	case c.budget < 0:
		c.cause = errFlood
		return 0, errFlood
	case errors.As(err, &timeout) && timeout.Timeout():
		c.cause = fmt.Errorf("%w for %v", errSilent, c.timeout)
		return n, c.cause
	case err == nil && c.timeout > 0:
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.timeout))
	}
	return n, err
}

// SetReadDeadline implements net.Conn and does nothing: see the type.
func (c *watchedConn) SetReadDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn for the write side only.
func (c *watchedConn) SetDeadline(t time.Time) error { return c.SetWriteDeadline(t) }

// killedBy returns why the watchdog killed the connection, nil when it did not.
func (c *watchedConn) killedBy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}
