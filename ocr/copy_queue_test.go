package ocr

import (
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/wire"
)

func numbered(n int) job { return job{req: wire.Request{Task: wire.Task{Number: n}}} }

// takes expects next to hand out a job of that number, or none for 0.
func takes(t *testing.T, q *queue, want int) job {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	j, ok := q.take()
	if ok != (want != 0) || j.req.Task.Number != want {
		t.Errorf("took job %d (%t), want %d", j.req.Task.Number, ok, want)
	}
	return j
}

// Patient jobs wait until no other is left, and leave a worker free.
func TestPatientJobsWait(t *testing.T) {
	t.Parallel()
	q := newQueue(3)
	copies, reading := q.openPatient(), q.open()
	q.put(copies, numbered(1), numbered(2), numbered(3))
	q.put(reading, numbered(11), numbered(12))
	takes(t, q, 11)
	takes(t, q, 12)
	first := takes(t, q, 1)
	takes(t, q, 2)
	takes(t, q, 0) // the third worker is for reading
	q.put(reading, numbered(13))
	takes(t, q, 13)
	q.finished(first)
	takes(t, q, 3)
	takes(t, q, 0)
	if n := q.drop(copies); n != 0 {
		t.Errorf("%d jobs left", n)
	}
}

func TestOneWorkerTakesPatientJobs(t *testing.T) {
	t.Parallel()
	q := newQueue(1)
	copies := q.openPatient()
	q.put(copies, numbered(1), numbered(2))
	j := takes(t, q, 1)
	takes(t, q, 0)
	q.finished(j)
	q.finished(numbered(5)) // no patient job
	takes(t, q, 2)
	q.put(copies, numbered(3))
	if n := q.drop(copies); n != 1 || q.drop(copies) != 0 {
		t.Errorf("%d jobs left, want 1", n)
	}
}

// A letter that comes while a long copy is made is read first, even by a lone worker.
func TestReadingGoesBeforeCopies(t *testing.T) {
	t.Parallel()
	data, err := samplescan.TextPDF(make([]string, 5*partPages))
	long := write(t, "long.pdf", data, err)
	data, err = samplescan.PDF([]string{"Bonjour"}, samplescan.Options{DPI: 100})
	one := write(t, "one.pdf", data, err)
	// Each part of the copy takes two seconds.
	r := newReader(t, Options{Workers: 1}, "slow=100ms")
	pages := make([]CopyPage, 5*partPages)
	for i := range pages {
		pages[i] = CopyPage{Path: long, Number: i + 1}
	}
	var wg sync.WaitGroup
	var copyDone time.Time
	wg.Go(func() {
		copyOf(t, r, pages)
		copyDone = time.Now()
	})
	waitFor(t, func() bool { r.queue.mu.Lock(); defer r.queue.mu.Unlock(); return r.queue.patient > 0 })
	if doc, err := r.Read(t.Context(), one); err != nil || len(doc.Pages) != 1 {
		t.Errorf("the letter: %+v, %v", doc, err)
	}
	readDone := time.Now()
	wg.Wait()
	if readDone.After(copyDone.Add(-2 * time.Second)) {
		t.Errorf("the letter was read at %v, the copy made at %v", readDone, copyDone)
	}
}
