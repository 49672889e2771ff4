package channels

import (
	"maps"
	"sync"
	"time"

	"saisine.fr/saisine/ingest/discreet"
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
	// Discreet are the same alarms for logs and for the machine's monitoring, under the same
	// keys: without the names of citizens' files.
	Discreet map[string]string
	// Elsewhere is true while the adapter waits for its turn to run, Holder who has it, as far as is
	// known. A fault is then that of the last run here, and alarms are the holder's to raise.
	Elsewhere bool
	Holder    string
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

// Alarm raises the alarm under key, or clears it when text is "". The text must name nothing
// of a citizen's; AlarmError is for what may.
func (h *Health) Alarm(key, text string) { h.alarm(key, text, text) }

// AlarmError raises the alarm under key with the words of err: in whole for who works in the
// desk, without what it quotes (discreet.Text) for the machine's monitoring.
func (h *Health) AlarmError(key string, err error) { h.alarm(key, err.Error(), discreet.Text(err)) }

func (h *Health) alarm(key, text, safe string) {
	if h == nil {
		return
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	if text == "" {
		delete(h.state.status.Alarms, key)
		delete(h.state.status.Discreet, key)
		return
	}
	if h.state.status.Alarms == nil {
		h.state.status.Alarms, h.state.status.Discreet = make(map[string]string), make(map[string]string)
	}
	h.state.status.Alarms[key], h.state.status.Discreet[key] = text, safe
}

// elsewhere records whether the adapter waits for its turn.
func (h *Health) elsewhere(yes bool) {
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	h.state.status.Elsewhere = yes
}

// Status returns a snapshot.
func (h *Health) Status() Status {
	if h == nil {
		return Status{}
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	s := h.state.status
	s.Alarms, s.Discreet = maps.Clone(s.Alarms), maps.Clone(s.Discreet)
	return s
}
