package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// importTell is how often an import that nobody watches says where it is.
const importTell = 30 * time.Second

// importProgress shows how far an import is: a bar on a terminal, elsewhere a line now and
// then. It is safe for concurrent use.
type importProgress struct {
	out      io.Writer
	bar      *progressbar.ProgressBar
	bytes    bool
	things   atomic.Int64
	have     atomic.Int64
	total    atomic.Int64 // 0: nobody knows
	mu       sync.Mutex   // of bar
	stop     chan struct{}
	stopped  sync.WaitGroup
	terminal bool
}

func (a *app) importProgress(quiet bool) *importProgress {
	p := &importProgress{out: a.stderr, stop: make(chan struct{}), terminal: isTerminal(a.stderr)}
	if p.terminal || quiet {
		return p
	}
	p.stopped.Go(func() { p.tellEvery(importTell) })
	return p
}

func (p *importProgress) tellEvery(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.tell()
		}
	}
}

func (p *importProgress) tell() {
	done := ""
	if have, total := p.have.Load(), p.total.Load(); total > 0 {
		done = fmt.Sprintf(", %d %%", min(100*have/total, 100))
	}
	fmt.Fprintf(p.out, "saisine: import: %d read%s\n", p.things.Load(), done)
}

// expect adds to what is to come: so many bytes, or so many things.
func (p *importProgress) expect(n int64, bytes bool) {
	p.bytes = bytes
	total := p.total.Add(n)
	if !p.terminal || total == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.ChangeMax64(total)
		return
	}
	unit := progressbar.OptionShowCount()
	if bytes {
		unit = progressbar.OptionShowBytes(true)
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription("import"), unit,
		progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true), noSpinner)
}

// done counts one thing, and what it counts for beside.
func (p *importProgress) done(n int64) {
	p.things.Add(1)
	p.came(n)
}

// came counts bytes, or things, of what was expected.
func (p *importProgress) came(n int64) {
	if n == 0 {
		return
	}
	p.have.Add(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add64(n)
	}
}

func (p *importProgress) finish() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// counted reads r and counts its bytes.
func (p *importProgress) counted(r io.Reader) io.Reader { return countingReader{r, p} }

type countingReader struct {
	r io.Reader
	p *importProgress
}

func (c countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.came(int64(n))
	return n, err
}
