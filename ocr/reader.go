package ocr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"saisine.fr/saisine/ocr/wire"
)

// Reader reads documents in a pool of child processes. It is safe for concurrent use:
// the pages of a document are spread over the children, and documents take turns.
type Reader struct {
	opts  Options
	queue *queue
	// shown is for the pictures of pages, which have children of their own: somebody waits
	// for them, and reading a page takes seconds.
	shown    *queue
	launcher *launcher
	// life ends when the Reader is closed.
	life context.Context // the Reader's own life, not a caller's
	end  context.CancelFunc

	mu      sync.Mutex // no worker is started while Close holds it
	running sync.WaitGroup
	once    sync.Once
}

// New returns a Reader. It starts no process until one is needed.
func New(opts Options) (*Reader, error) {
	opts = opts.withDefaults()
	if opts.TempDir != "" {
		if err := os.MkdirAll(opts.TempDir, 0o700); err != nil {
			return nil, fmt.Errorf("ocr: make temporary folder: %w", err)
		}
	}
	life, end := context.WithCancel(context.Background())
	return &Reader{opts: opts, queue: newQueue(opts.Workers), shown: newQueue(max(1, opts.Workers/2)), launcher: newLauncher(opts), life: life, end: end}, nil
}

// Close ends the children and waits for them. A Read in progress returns ErrClosed.
// It returns nil; a second call does nothing.
func (r *Reader) Close() error {
	r.once.Do(func() {
		r.queue.close()
		r.shown.close()
		r.end()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running.Wait()
		r.launcher.close()
	})
	return nil
}

// submit queues jobs and starts as many workers as they need and the options allow.
func (r *Reader) submit(l *lane, jobs ...job) error { return r.submitTo(r.queue, l, jobs...) }

func (r *Reader) submitTo(q *queue, l *lane, jobs ...job) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	start, ok := q.put(l, jobs...)
	if !ok {
		return ErrClosed
	}
	for range start {
		w := &worker{reader: r, queue: q}
		r.running.Go(w.run)
	}
	return nil
}

// Read reads the document at path, which must not change meanwhile. It returns an error
// only for faults of the machine (wrapping ErrChild), when ctx ends (its error), when
// the Reader is closed (ErrClosed) and when the file cannot be opened; the same file
// is then worth another try. A file that is ugly, encrypted, empty or broken is a
// Document with Problems.
func (r *Reader) Read(ctx context.Context, path string) (Document, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Document{}, fmt.Errorf("ocr: %w", err)
	}
	if st, err := os.Stat(path); err != nil {
		return Document{}, fmt.Errorf("ocr: %w", err)
	} else if !st.Mode().IsRegular() {
		return Document{}, fmt.Errorf("ocr: %w: not a regular file", os.ErrInvalid)
	}
	reading := &reading{reader: r, path: path, lane: r.queue.open(), left: newBudget()}
	defer r.queue.drop(reading.lane)
	limited, cancel := context.WithTimeout(ctx, r.opts.DocumentTimeout)
	defer cancel()
	if err := reading.run(limited); err != nil {
		// The document's own time is over, but not the caller's: keep what there is.
		if limited.Err() == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return Document{}, err
		}
		reading.problem(ProblemDocumentTimeout, fmt.Sprintf("Lecture interrompue après %s : %d page(s) lue(s).",
			r.opts.DocumentTimeout, len(reading.doc.Pages)))
	}
	slices.SortFunc(reading.doc.Pages, func(a, b Page) int { return a.Number - b.Number })
	reading.doc.Problems = mergeProblems(reading.doc.Problems)
	if p, ok := unsureProblem(reading.doc.Pages); ok {
		reading.doc.Problems = append(reading.doc.Problems, p)
	}
	r.tellPages(reading.doc.Pages)
	return reading.doc, nil
}

func (r *Reader) tellPages(pages []Page) {
	bySource := map[string]int{}
	for _, p := range pages {
		bySource[p.Source]++
	}
	for source, n := range bySource {
		r.opts.Observer.Pages(source, n)
	}
}

// reading is one document on its way through the children.
type reading struct {
	reader *Reader
	path   string
	lane   *lane
	doc    Document
	left   budget
}

func (d *reading) problem(code, detail string) {
	d.doc.Problems = append(d.doc.Problems, Problem{code, detail})
}

// run plans the document and reads its pages. doc holds what has come in so far at any
// return.
func (d *reading) run(ctx context.Context) error {
	opts := d.reader.opts
	done := make(chan outcome, 1)
	// Planning runs up to three programs, each bounded by half of the page's time.
	err := d.reader.submit(d.lane, job{
		ctx: ctx, req: wire.Request{Op: wire.OpPlan, Path: d.path}, timeout: 2 * opts.PageTimeout, done: done,
	})
	if err != nil {
		return err
	}
	out, err := d.wait(ctx, done)
	if errors.Is(err, errCrashed) {
		d.problem(ProblemUnreadable, "Le fichier a fait échouer le programme de lecture deux fois.")
		return nil
	}
	if err != nil {
		return err
	}
	d.doc.Problems = append(d.doc.Problems, acceptProblems(out.resp.Problems)...)
	if out.resp.Plan == nil {
		if len(d.doc.Problems) == 0 {
			d.problem(ProblemUnreadable, "Le programme de lecture n’a rien su dire du fichier.")
		}
		return nil
	}
	plan := acceptPlan(*out.resp.Plan, opts.MaxPages)
	d.doc.Kind, d.doc.Total = plan.Kind, plan.Total
	for _, p := range plan.Done {
		d.doc.Pages = append(d.doc.Pages, d.left.accept(p, p.Number))
	}
	if plan.Total > opts.MaxPages {
		d.problem(ProblemTooManyPages, fmt.Sprintf("Le document compte %d pages ; les %d premières sont lues.", plan.Total, opts.MaxPages))
	}
	return d.pages(ctx, plan.Todo)
}

func (d *reading) pages(ctx context.Context, todo []wire.Task) error {
	done := make(chan outcome, len(todo))
	jobs := make([]job, len(todo))
	for i, task := range todo {
		jobs[i] = job{
			ctx: ctx, req: wire.Request{Op: wire.OpPage, Path: d.path, Task: task},
			timeout: d.reader.opts.PageTimeout, done: done,
		}
	}
	if err := d.reader.submit(d.lane, jobs...); err != nil {
		return err
	}
	for range todo {
		out, err := d.wait(ctx, done)
		if i := d.read(out.number); i >= 0 && (err == nil || errors.Is(err, errCrashed)) {
			// The page was only looked at for barcodes: it has its text, whatever came of it.
			if out.resp.Page != nil {
				d.doc.Pages[i].Barcodes = acceptBarcodes(out.resp.Page.Barcodes)
			}
			continue
		}
		if errors.Is(err, errCrashed) {
			d.problem(ProblemPageFailed, fmt.Sprintf("Page %d : le programme de lecture a échoué deux fois.", out.number))
			continue
		}
		if err != nil {
			return err
		}
		d.take(out)
	}
	return nil
}

// wait returns the next outcome, and its error if it has one.
func (d *reading) wait(ctx context.Context, done <-chan outcome) (outcome, error) {
	select {
	case out := <-done:
		return out, out.err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case <-d.reader.life.Done():
		return outcome{}, ErrClosed
	}
}

// read returns the index of a page that has been read already, or -1.
func (d *reading) read(number int) int {
	return slices.IndexFunc(d.doc.Pages, func(p Page) bool { return p.Number == number })
}

// take adds what came of a page.
func (d *reading) take(out outcome) {
	problems := acceptProblems(out.resp.Problems)
	if out.resp.Page != nil {
		d.doc.Pages = append(d.doc.Pages, d.left.accept(*out.resp.Page, out.number))
	} else if len(problems) == 0 {
		problems = []Problem{{ProblemPageFailed, fmt.Sprintf("Page %d : le programme de lecture n’en a rien dit.", out.number)}}
	}
	d.doc.Problems = append(d.doc.Problems, problems...)
}
