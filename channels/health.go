package channels

import (
	"sync"
	"time"
)

type healthState struct {
	mu     sync.Mutex
	status Status
}

// Status is a snapshot of an adapter's health.
type Status struct {
	// LastGood is when the source was last looked at without a fault (zero: never).
	LastGood time.Time
	// Err is the fault that stands at the moment, nil when there is none.
	Err error
	// Alarms are things a person should see to that do not stop the channel, by a
	// stable key: a client secret that ends soon, a mail that cannot be fetched.
	Alarms map[string]string
}

// Good records that the source was looked at without a fault.
func (h *Health) Good(now time.Time) {
	if h == nil {
		return
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	h.state.status.LastGood, h.state.status.Err = now, nil
}

// Bad records a fault that stands until the next Good.
func (h *Health) Bad(err error) {
	if h == nil {
		return
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	h.state.status.Err = err
}

// Alarm raises the alarm under key, or clears it when text is "".
func (h *Health) Alarm(key, text string) {
	if h == nil {
		return
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	if text == "" {
		delete(h.state.status.Alarms, key)
		return
	}
	if h.state.status.Alarms == nil {
		h.state.status.Alarms = make(map[string]string)
	}
	h.state.status.Alarms[key] = text
}

// Status returns a snapshot.
func (h *Health) Status() Status {
	if h == nil {
		return Status{}
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	s := h.state.status
	s.Alarms = make(map[string]string, len(h.state.status.Alarms))
	for k, v := range h.state.status.Alarms {
		s.Alarms[k] = v
	}
	return s
}
