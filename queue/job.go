package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind names what is to be done with a row. Kinds are stored in Redis, so that
// they never change their names.
type Kind string

// The kinds of tasks.
const (
	// KindProcess reads, matches, classifies and files a submission.
	KindProcess Kind = "submission:process"
	// KindRecognize does the same for a submission that has pages to be recognised. It
	// is a kind of its own since it may take as long as a scan of 200 pages does.
	KindRecognize Kind = "scan:recognize"
	// KindDeliver sends a row of the outbox.
	KindDeliver Kind = "outbox:deliver"
	// KindCopy makes the searchable copy that a row of the outbox asks for. It is a kind
	// of its own since it may take as long as the scan took to be read.
	KindCopy Kind = "outbox:copy"
	// KindWebhook tells an endpoint what a row of the outbox says. It is a kind of its own
	// since its pauses are those of Standard Webhooks.
	KindWebhook Kind = "outbox:webhook"
	// KindHandover brings what a row of the outbox names into other software.
	KindHandover Kind = "outbox:handover"
	// KindPull asks other software where the requests that it has taken over stand. Its id
	// is the connector and the minute for which it is due.
	KindPull Kind = "handover:pull"
	// KindTrain learns the categories anew. Its id is the night for which it is due.
	KindTrain Kind = "classify:train"
	// KindNote brings the note beside a scan up to date. It is a kind of its own since only the
	// node that watches the folder does so.
	KindNote Kind = "outbox:note"
	// KindRemind makes a round of reminders. Its id is the hour for which it is due.
	KindRemind Kind = "letters:remind"
)

// The queues. Each has workers of its own, so that a scan of 200 pages never holds
// up a mail, and a mail server that answers slowly holds up neither.
const (
	QueueMail     = "mail"
	QueueOCR      = "ocr"
	QueueOutbound = "outbound"
	// QueueCopies has what may wait until all else is done.
	QueueCopies = "copies"
	// QueuePartners has what other people's servers take, or do not take.
	QueuePartners = "partners"
	// QueueNotes has what is written into scan folders, for the nodes that may watch them.
	QueueNotes = "notes"
)

// Queues lists all queues.
func Queues() []string {
	return []string{QueueMail, QueueOCR, QueueOutbound, QueueCopies, QueuePartners, QueueNotes}
}

// Kinds lists all kinds of tasks.
func Kinds() []Kind {
	return []Kind{KindProcess, KindRecognize, KindDeliver, KindCopy, KindWebhook, KindHandover, KindPull, KindTrain, KindRemind, KindNote}
}

// Job is one row of the ledger or the outbox that waits to be worked on.
type Job struct {
	Kind Kind
	// ID is the row's identifier.
	ID string
	// Attempt is how often a person has taken the row up anew. It is part of the
	// task's name, so that a retry is never mistaken for the task that failed.
	Attempt int
	// Queue is one of the Queue constants. It must follow from the row alone: whoever
	// makes a Job of a row must name the same queue, because a task's name is known
	// within its queue only.
	Queue string
	// Seq is the row's place in the order of its ledger, above zero. Only the
	// sweeper needs it.
	Seq int64
}

// ErrInvalidJob means that a job cannot be enqueued as it is: a fault of the caller.
var ErrInvalidJob = errors.New("queue: invalid job")

// maxIDLen bounds an id; ours are far shorter.
const maxIDLen = 200

func validID(id string) bool {
	if id == "" || len(id) > maxIDLen {
		return false
	}
	for _, r := range id {
		if r <= ' ' || r > '~' || r == ':' || r == freshMark {
			return false
		}
	}
	return true
}

func (j Job) validate() error {
	switch {
	case !slices.Contains(Kinds(), j.Kind):
		return fmt.Errorf("%w: unknown kind %q", ErrInvalidJob, j.Kind)
	case !slices.Contains(Queues(), j.Queue):
		return fmt.Errorf("%w: unknown queue %q", ErrInvalidJob, j.Queue)
	case !validID(j.ID):
		return fmt.Errorf("%w: id %q", ErrInvalidJob, j.ID)
	case j.Attempt < 0:
		return fmt.Errorf("%w: attempt %d", ErrInvalidJob, j.Attempt)
	}
	return nil
}

// taskID names the task of this attempt, such as "submission:01J…:0". One row and
// attempt always give the same name, which is what makes enqueueing idempotent.
func (j Job) taskID() string {
	prefix, _, _ := strings.Cut(string(j.Kind), ":")
	return prefix + ":" + j.ID + ":" + strconv.Itoa(j.Attempt)
}

// freshMark sets the part of a task's name apart that only makes it new: it is put
// on when a task is orphaned and its own name is still taken in Redis.
const freshMark = '~'

// baseID is the name of a task without what was put on to make it new.
func baseID(taskID string) string {
	base, _, _ := strings.Cut(taskID, string(freshMark))
	return base
}

// payload is what a task carries: no personal data.
type payload struct {
	ID string `json:"id"`
	// Interrupted counts the processes that died while they worked on this row.
	Interrupted int `json:"interrupted,omitempty"`
}

func (p payload) encode() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("queue: encode payload: %w", err)
	}
	return b, nil
}

// decodePayload reads what a task carries. Redis may be shared, so that the bytes
// are not taken on trust.
func decodePayload(b []byte) (payload, error) {
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		return payload{}, fmt.Errorf("queue: decode payload: %w", err)
	}
	if !validID(p.ID) || p.Interrupted < 0 {
		return payload{}, fmt.Errorf("queue: decode payload: %w", ErrInvalidJob)
	}
	return p, nil
}

// Policy says how one kind of task is tried.
type Policy struct {
	// MaxRetry is how often a task is tried again after its first failure.
	MaxRetry int
	// Base is the pause before the first retry; each later one is twice as long, up
	// to Cap, and varied by a fifth so that tasks that failed together part.
	Base, Cap time.Duration
	// Schedule, when not nil, takes the place of Base and Cap: the pause after each failure.
	Schedule []time.Duration
	// Limit ends the context of one try.
	Limit time.Duration
}

// DefaultPolicies returns the policy of each kind: a submission is tried for about
// twenty minutes, after which a person should see it; an outgoing mail for about
// five days, as mail servers do (RFC 5321 §4.5.4.1), and so is a hand-over. A training is tried three times, and a
// round of reminders within its hour: the next one makes up for it.
func DefaultPolicies() map[Kind]Policy {
	return map[Kind]Policy{
		KindProcess:   {MaxRetry: 8, Base: 5 * time.Second, Cap: time.Hour, Limit: 2 * time.Hour},
		KindRecognize: {MaxRetry: 8, Base: 5 * time.Second, Cap: time.Hour, Limit: 2 * time.Hour},
		KindDeliver:   {MaxRetry: 30, Base: 15 * time.Second, Cap: 6 * time.Hour, Limit: 5 * time.Minute},
		KindNote:      {MaxRetry: 30, Base: 2 * time.Second, Cap: time.Hour, Limit: 5 * time.Minute},
		KindCopy:      {MaxRetry: 8, Base: 5 * time.Second, Cap: time.Hour, Limit: 2 * time.Hour},
		KindWebhook:   {MaxRetry: 9, Base: 5 * time.Second, Cap: 24 * time.Hour, Limit: 10 * time.Minute},
		KindHandover:  {MaxRetry: 30, Base: 15 * time.Second, Cap: 6 * time.Hour, Limit: 30 * time.Minute},
		KindPull:      {MaxRetry: 2, Base: time.Minute, Cap: 5 * time.Minute, Limit: 10 * time.Minute},
		KindRemind:    {MaxRetry: 5, Base: time.Minute, Cap: 10 * time.Minute, Limit: 10 * time.Minute},
		KindTrain:     {MaxRetry: 2, Base: 10 * time.Minute, Cap: time.Hour, Limit: 2 * time.Hour},
	}
}

// abandonMargin is how much longer than Policy.Limit asynq waits. An asynq timeout
// does not stop a handler: asynq stops listening to it and starts the task again
// beside it (processor.go, "case <-ctx.Done()"). So the handler's own limit must
// always come first.
const abandonMargin = 10 * time.Minute

// delay is the pause after the n-th failure, n counting from zero, before it is varied.
func (p Policy) delay(n int) time.Duration {
	if len(p.Schedule) > 0 {
		return p.Schedule[min(max(n, 0), len(p.Schedule)-1)]
	}
	d := p.Base
	for range n {
		if d >= p.Cap/2 {
			return p.Cap
		}
		d *= 2
	}
	return min(d, p.Cap)
}
