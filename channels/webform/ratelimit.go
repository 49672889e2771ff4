package webform

import (
	"net/netip"
	"sync"
	"time"
)

// maxClients bounds the memory of the rate limit: about 5 MB.
const maxClients = 1 << 16

// rateLimiter allows each client a number of posts within a sliding window. It keeps
// two counters for each client, that of the running window and that of the one
// before, and weighs the latter by the part of it that the sliding window still
// covers. Unlike a token bucket it never lets a burst and its refill both through.
type rateLimiter struct {
	limit  float64
	window time.Duration

	mu      sync.Mutex
	clients map[netip.Prefix]clientCount
}

type clientCount struct {
	start     time.Time // of the running window
	now, then int32     // posts in the running window and in the one before
}

func newRateLimiter(limit int, window time.Duration) *rateLimiter {
	return &rateLimiter{limit: float64(limit), window: window, clients: make(map[netip.Prefix]clientCount)}
}

// take counts a post of client. It returns 0 when the post is allowed, and otherwise
// how long the client should wait; a post that is not allowed is not counted.
func (l *rateLimiter) take(client netip.Prefix, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.clients[client]
	if !ok {
		l.makeRoom(now)
		c = clientCount{start: now}
	}
	c = l.roll(c, now)
	if wait := l.wait(c, now); wait > 0 {
		return wait
	}
	c.now++
	l.clients[client] = c
	return 0
}

// giveBack takes a counted post back, when the fault was ours.
func (l *rateLimiter) giveBack(client netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.clients[client]; ok && c.now > 0 {
		c.now--
		l.clients[client] = c
	}
}

// roll moves c's running window to the one that holds now.
func (l *rateLimiter) roll(c clientCount, now time.Time) clientCount {
	switch age := now.Sub(c.start); {
	case age < 0, age >= 2*l.window: // long ago, or the clock was set back
		return clientCount{start: now}
	case age >= l.window:
		return clientCount{start: c.start.Add(l.window), then: c.now}
	default:
		return c
	}
}

// wait returns how long it takes until one more post fits into the sliding window.
func (l *rateLimiter) wait(c clientCount, now time.Time) time.Duration {
	done := now.Sub(c.start)
	share := func(part float64) time.Duration { return time.Duration(part * float64(l.window)) }
	if float64(c.now)+1 > l.limit { // only the next window can help, and later in it
		return l.window - done + max(share(1-(l.limit-1)/float64(c.now)), time.Second)
	}
	if c.then == 0 {
		return 0
	}
	// then*(1-x) + now + 1 <= limit, solved for x, the passed part of the window.
	return share(1-(l.limit-1-float64(c.now))/float64(c.then)) - done
}

// makeRoom keeps the number of clients within maxClients: those that are idle go, and
// when nobody is, an arbitrary one.
func (l *rateLimiter) makeRoom(now time.Time) {
	if len(l.clients) < maxClients {
		return
	}
	for k, c := range l.clients {
		if now.Sub(c.start) >= 2*l.window {
			delete(l.clients, k)
		}
	}
	if len(l.clients) < maxClients {
		return
	}
	drop := maxClients / 16 // so that a flood does not walk the whole map for each post
	for k := range l.clients {
		delete(l.clients, k)
		if drop--; drop <= 0 {
			return
		}
	}
}
