// Package rate bounds how often somebody may do something.
package rate

import (
	"sync"
	"time"
)

// maxClients bounds the memory of the rate limit: about 5 MB.
const maxClients = 1 << 16

// Limiter allows each client, known by a key, a number of calls within a sliding
// window. It keeps two counters for each client, that of the running window and that of
// the one before, and weighs the latter by the part of it that the sliding window still
// covers. Unlike a token bucket it never lets a burst and its refill both through.
type Limiter[K comparable] struct {
	limit  float64
	window time.Duration

	mu      sync.Mutex
	clients map[K]clientCount
}

type clientCount struct {
	start     time.Time // of the running window
	now, then int32     // calls in the running window and in the one before
}

// New makes a limiter of limit calls within each window. It is safe for concurrent use.
func New[K comparable](limit int, window time.Duration) *Limiter[K] {
	return &Limiter[K]{limit: float64(limit), window: window, clients: make(map[K]clientCount)}
}

// Take counts a call of client. It returns 0 when the call is allowed, and otherwise
// how long the client should wait; a call that is not allowed is not counted.
func (l *Limiter[K]) Take(client K, now time.Time) time.Duration {
	return l.take(client, l.limit, now)
}

// TakeOf is Take for a client with a limit of its own.
func (l *Limiter[K]) TakeOf(client K, limit int, now time.Time) time.Duration {
	return l.take(client, float64(limit), now)
}

func (l *Limiter[K]) take(client K, limit float64, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.clients[client]
	if !ok {
		l.makeRoom(now)
		c = clientCount{start: now}
	}
	c = l.roll(c, now)
	if wait := l.wait(c, limit, now); wait > 0 {
		return wait
	}
	c.now++
	l.clients[client] = c
	return 0
}

// Wait returns how long client should wait before its next call, or 0, and counts nothing.
func (l *Limiter[K]) Wait(client K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.clients[client]
	if !ok {
		return 0
	}
	return l.wait(l.roll(c, now), l.limit, now)
}

// GiveBack takes a counted call back, when the fault was ours.
func (l *Limiter[K]) GiveBack(client K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.clients[client]; ok && c.now > 0 {
		c.now--
		l.clients[client] = c
	}
}

// roll moves c's running window to the one that holds now.
func (l *Limiter[K]) roll(c clientCount, now time.Time) clientCount {
	switch age := now.Sub(c.start); {
	case age < 0, age >= 2*l.window: // long ago, or the clock was set back
		return clientCount{start: now}
	case age >= l.window:
		return clientCount{start: c.start.Add(l.window), then: c.now}
	default:
		return c
	}
}

// wait returns how long it takes until one more call fits into the sliding window.
func (l *Limiter[K]) wait(c clientCount, limit float64, now time.Time) time.Duration {
	done := now.Sub(c.start)
	share := func(part float64) time.Duration { return time.Duration(part * float64(l.window)) }
	if float64(c.now)+1 > limit { // only the next window can help, and later in it
		return l.window - done + max(share(1-(limit-1)/float64(c.now)), time.Second)
	}
	if c.then == 0 {
		return 0
	}
	// then*(1-x) + now + 1 <= limit, solved for x, the passed part of the window.
	return share(1-(limit-1-float64(c.now))/float64(c.then)) - done
}

// makeRoom keeps the number of clients within maxClients: those that are idle go, and
// when nobody is, an arbitrary one.
func (l *Limiter[K]) makeRoom(now time.Time) {
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
	drop := maxClients / 16 // so that a flood does not walk the whole map for each call
	for k := range l.clients {
		delete(l.clients, k)
		if drop--; drop <= 0 {
			return
		}
	}
}
