package ocr

import (
	"context"
	"sync"
	"time"

	"saisine.fr/saisine/ocr/wire"
)

// job is one request that a child must answer.
type job struct {
	ctx     context.Context // the job travels from Read to a worker
	req     wire.Request
	timeout time.Duration
	// collect, if there is one, takes what the child has left in its temporary folder
	// dir, before the child may end. Its error is the job's.
	collect func(dir string, resp wire.Response) error
	// done receives exactly one outcome if a worker takes the job; it has room for it.
	done chan<- outcome
	// patient is set for a job of a patient lane once a worker takes it.
	patient bool
}

// outcome is what became of a job.
type outcome struct {
	number int // of the page
	resp   wire.Response
	err    error
	took   time.Duration
}

// queue hands out jobs to workers, document by document in turn, so that a document of
// 200 pages delays a letter of one page by no more than the pages in work. Jobs of
// patient lanes are handed out only while no other job waits, and never to the last
// worker, where there are several. It is safe for concurrent use.
type queue struct {
	mu      sync.Mutex
	wake    *sync.Cond
	ring    []*lane
	at      int // the lane whose turn it is
	most    int // workers at most
	workers int // workers that are running or about to be started
	idle    int // workers that wait in next
	patient int // jobs of patient lanes that are in work
	closed  bool
}

// lane holds the waiting jobs of one document. The queue's mutex guards it.
type lane struct {
	jobs []job
	// patient jobs wait for all others.
	patient bool
}

func newQueue(most int) *queue {
	q := &queue{most: most}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// open gives a document its lane.
func (q *queue) open() *lane { return q.add(&lane{}) }

// openPatient gives work that must never be in the way of reading its lane.
func (q *queue) openPatient() *lane { return q.add(&lane{patient: true}) }

func (q *queue) add(l *lane) *lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ring = append(q.ring, l)
	return l
}

// drop takes a lane out, with the jobs that no worker has taken: these get no outcome. It
// returns how many they are; a second time it does nothing.
func (q *queue) drop(l *lane) (untaken int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.ring {
		if other != l {
			continue
		}
		q.ring = append(q.ring[:i], q.ring[i+1:]...)
		if i < q.at {
			q.at--
		}
		return len(l.jobs)
	}
	return 0
}

// put adds jobs to a lane. It returns how many workers the caller must start for them,
// which count as running from now on, and false when the queue is closed.
func (q *queue) put(l *lane, jobs ...job) (start int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, false
	}
	l.jobs = append(l.jobs, jobs...)
	start = max(0, min(q.pending()-q.idle, q.most-q.workers))
	q.workers += start
	q.wake.Broadcast()
	return start, true
}

func (q *queue) pending() int {
	n := 0
	for _, l := range q.ring {
		n += len(l.jobs)
	}
	return n
}

// next waits for a job, up to patience. It returns false when there was none in that
// time or the queue is closed: the worker no longer counts then and must end.
func (q *queue) next(patience time.Duration) (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	expired := false
	timer := time.AfterFunc(patience, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		expired = true
		q.wake.Broadcast()
	})
	defer timer.Stop()
	for {
		if q.closed {
			q.workers--
			return job{}, false
		}
		if j, ok := q.take(); ok {
			return j, true
		}
		if expired {
			q.workers--
			return job{}, false
		}
		q.idle++
		q.wake.Wait()
		q.idle--
	}
}

// take returns the first job of the next lane in turn that has one, patient lanes last.
func (q *queue) take() (job, bool) {
	if j, ok := q.takeFrom(false); ok {
		return j, true
	}
	if q.patient >= max(1, q.most-1) {
		return job{}, false
	}
	j, ok := q.takeFrom(true)
	if ok {
		j.patient = true
		q.patient++
	}
	return j, ok
}

func (q *queue) takeFrom(patient bool) (job, bool) {
	for range q.ring {
		q.at %= len(q.ring)
		l := q.ring[q.at]
		q.at++
		if l.patient == patient && len(l.jobs) > 0 {
			j := l.jobs[0]
			l.jobs = l.jobs[1:]
			return j, true
		}
	}
	return job{}, false
}

// finished says that a job that next has handed out is no longer in work.
func (q *queue) finished(j job) {
	if !j.patient {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.patient--
	q.wake.Broadcast()
}

// close lets every next return false.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Broadcast()
}
