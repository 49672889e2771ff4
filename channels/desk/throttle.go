package desk

import (
	"sync"
	"time"
)

// throttle slows guessing down. Each login and each client address has a few tries, then a
// delay that doubles up to a bound; who waits as long as told gets a try, always. A browser
// from which an agent has logged in before is counted apart from strangers who guess at the
// same login (OWASP, device cookies), so that they cannot keep the agent out. It is safe for
// concurrent use, and bounded.
type throttle struct {
	now  func() time.Time
	mu   sync.Mutex
	keys map[string]attempts
}

// attempts are the failures of a key.
type attempts struct {
	// clear is when the last of them will be forgotten, one after the other: as many count as
	// there are throttleForget until then.
	clear time.Time
	// until is when the next try is taken.
	until time.Time
}

func (a attempts) failed(now time.Time) int {
	if !a.clear.After(now) {
		return 0
	}
	return int((a.clear.Sub(now)-1)/throttleForget) + 1
}

const (
	// freeTries are those of a login or device, addressTries those of an address: a whole
	// town hall may come from one.
	freeTries    = 5
	addressTries = 25
	// throttleMax bounds the delay, throttleForget is after how long one failure is forgotten:
	// both allow 1,440 guesses a day at the most.
	throttleMax    = time.Minute
	throttleForget = time.Minute
	throttleKeys   = 20_000
)

// throttleKey is one thing that is counted.
type throttleKey struct {
	name string
	free int
}

func loginKey(login string) throttleKey     { return throttleKey{"l" + login, freeTries} }
func deviceKey(device string) throttleKey   { return throttleKey{"d" + device, freeTries} }
func addressKey(address string) throttleKey { return throttleKey{"a" + address, addressTries} }

// take counts a try for each of the keys, as one that fails. When one of them must wait it
// counts none and returns for how long.
func (t *throttle) take(keys ...throttleKey) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, k := range keys {
		// A clock that was set back makes nobody wait for longer than the bound.
		wait = max(wait, min(t.keys[k.name].until.Sub(now), throttleMax))
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		a := t.keys[k.name]
		failed := min(a.failed(now), 2*addressTries) + 1
		a.clear, a.until = now.Add(time.Duration(failed)*throttleForget), now
		if over := failed - k.free; over >= 0 {
			a.until = now.Add(min(time.Second<<min(over, 10), throttleMax))
		}
		t.keep(k.name, a, now)
	}
	return 0
}

// keep keeps the bound: what is old goes first, then those with few failures, since those
// with many are the ones to slow down. It makes room for many at once, so that a flood of
// logins does not have it look through all of them each time.
func (t *throttle) keep(name string, a attempts, now time.Time) {
	if t.keys == nil {
		t.keys = map[string]attempts{}
	}
	if _, there := t.keys[name]; !there && len(t.keys) >= throttleKeys {
		for few := range freeTries + 1 {
			for k, b := range t.keys {
				if len(t.keys) > throttleKeys*3/4 && b.failed(now) <= few {
					delete(t.keys, k)
				}
			}
		}
		for k := range t.keys {
			if len(t.keys) > throttleKeys*3/4 {
				delete(t.keys, k)
			}
		}
	}
	t.keys[name] = a
}

// forgive takes back what a try has counted, once its login has gone through. A login and a
// device begin anew; of an address only this try is taken back, for somebody with a login of
// their own must not buy guesses at others by it.
func (t *throttle) forgive(keys ...throttleKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		a, ok := t.keys[k.name]
		switch {
		case !ok:
		case k.free == addressTries:
			a.clear = a.clear.Add(-throttleForget)
			t.keys[k.name] = a
		default:
			delete(t.keys, k.name)
		}
	}
}
