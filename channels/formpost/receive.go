package formpost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/pace"
)

const (
	// slotWait is how long a large post waits for its turn.
	slotWait = 10 * time.Second
	// maxDrain is how much of a refused post is read and dropped. A browser shows
	// nothing but "connection reset" when it is answered while it still sends.
	maxDrain = 256 << 20
)

// ErrBusy means that too many large posts are being read.
var ErrBusy = errors.New("formpost: too many large posts at once")

// Receiver reads posts off requests: a bounded number of large ones at a time, each as
// fast as it makes progress (see pace). It is safe for concurrent use.
type Receiver struct {
	large chan struct{} // one slot for each streamed post
}

// NewReceiver makes a Receiver that reads so many posts above SmallPost at the same time.
// Each of them holds at most ingest.InlineMax and MaxText in memory.
func NewReceiver(streamed int) *Receiver {
	return &Receiver{large: make(chan struct{}, streamed)}
}

// Receive reads the post that r carries into form; of s it takes when it arrived, the
// limits and the spool. The whole body is read, or as much of a refused one as can be
// asked of anybody. The errors are those of Decode, and ErrBusy.
func (v *Receiver) Receive(w http.ResponseWriter, r *http.Request, s Source, form Form) (*Post, error) {
	s.ContentType, s.Length = r.Header.Get("Content-Type"), r.ContentLength
	body := pace.NewReader(w, r)
	defer body.Done(r.Context(), channels.SubmitTimeout)
	s.Body = body
	p, err := v.decode(r, s, form)
	if err != nil && !errors.Is(err, ErrConnection) || p != nil && p.Over != LimitNone {
		// What the draining meets does not matter: the answer stands.
		_, _ = io.CopyN(io.Discard, body, maxDrain)
	}
	return p, err
}

// decode reads s, once it is its turn.
func (v *Receiver) decode(r *http.Request, s Source, form Form) (*Post, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, fmt.Errorf("%w: it has a content encoding", ErrUnsupported)
	}
	if s.Length < 0 || s.Length > SmallPost {
		release, ok := v.Slot(r.Context())
		if !ok {
			return nil, ErrBusy
		}
		defer release()
	}
	return Decode(s, form)
}

// Slot waits for one of the places of large posts. It is not ok when none gets free
// within a few seconds, or ctx ends.
func (v *Receiver) Slot(ctx context.Context) (release func(), ok bool) {
	release = func() { <-v.large }
	select {
	case v.large <- struct{}{}:
		return release, true
	default:
	}
	timer := time.NewTimer(slotWait)
	defer timer.Stop()
	select {
	case v.large <- struct{}{}:
		return release, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, false
}

// Drain reads off and drops the body of a request that is refused unread.
func Drain(w http.ResponseWriter, r *http.Request) {
	body := pace.NewReader(w, r)
	_, _ = io.CopyN(io.Discard, body, maxDrain) // as in Receive
	body.Done(r.Context(), channels.SubmitTimeout)
}
