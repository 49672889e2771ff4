package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr/samplescan"
)

// traffic keeps a town busy, without a pause and by every way in, until it is ended: a fault
// that may come at any moment then meets work of every kind.
type traffic struct {
	l        *load
	citizens sync.WaitGroup
	end      chan struct{}
	once     sync.Once
	ended    chan struct{}
	// torn are the scans whose copier was told that writing failed: only a look into the
	// folder tells whether they came to lie there.
	torn []string
	back map[string]struct{} // files that a clerk has dropped back
}

// tick is the pause between two sets of pieces: a busy day, and not a flood. After the first flurry
// they come slower: a point that is passed once for many pieces, as those of the mailbox are for
// each batch, is waited for on a daemon that keeps up.
const (
	tick   = 120 * time.Millisecond
	flurry = 20
)

// begin starts the traffic. The marks of a round must not have been used by the load yet.
// more, when not nil, is called in each tick.
func (l *load) begin(round int, more func(tr *traffic, n int)) *traffic {
	tr := &traffic{l: l, end: make(chan struct{}), ended: make(chan struct{}), back: map[string]struct{}{}}
	l.tw.t.Cleanup(func() { // of a test that failed they would speak after its end
		tr.stop()
		tr.citizens.Wait()
	})
	go func() {
		defer close(tr.ended)
		for n := 0; ; n++ {
			mark := func(kind string) string { return fmt.Sprintf("k%dx%s%d", round, kind, n) }
			l.mail(mark("mail"))
			l.form(&tr.citizens, mark("form"), nil)
			if n%3 == 0 { // reading one takes as long as ten mails
				tr.scan(mark("scan"))
			}
			switch n % 4 {
			case 0:
				l.automaticMail(mark("auto"))
			case 1:
				l.form(&tr.citizens, mark("pj"), make([]byte, 300_000+n))
			case 2:
				l.bigMail(mark("gros"))
			case 3:
				l.twin(&tr.citizens, mark("jumeau"))
			}
			if more != nil {
				more(tr, n)
			}
			pause := tick
			if n >= flurry {
				pause = 4 * tick
			}
			select {
			case <-tr.end:
				return
			case <-time.After(pause):
			}
		}
	}()
	return tr
}

// stop ends the traffic. Citizens who have not been answered go on asking.
func (tr *traffic) stop() {
	tr.once.Do(func() { close(tr.end) })
	<-tr.ended
}

// scan drops a scan as a copier does that knows when it is on the disk.
func (tr *traffic) scan(mark string) {
	text := "Objet : courrier " + mark + "\n\nMadame la Maire, le trottoir devant chez moi est dangereux,\nje vous prie de le faire réparer. Repère " + mark + "."
	pdf, err := samplescan.TextPDF([]string{text})
	if err != nil {
		tr.l.tw.t.Error(err)
		return
	}
	if err := writeSynced(filepath.Join(tr.l.tw.scans, mark+".pdf"), pdf); err != nil {
		tr.torn = append(tr.torn, mark)
		return
	}
	tr.l.marks[mark] = ingest.StateFiled
}

// settleTorn finds out which of the torn scans lie in the folder after all.
func (tr *traffic) settleTorn(t *testing.T) {
	t.Helper()
	for _, mark := range tr.torn {
		_, err := os.Stat(filepath.Join(tr.l.tw.scans, mark+".pdf"))
		if err == nil {
			tr.l.marks[mark] = ingest.StateFiled
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	tr.torn = nil
}

// writeSynced returns nil when the file is on the disk, whole and under its name.
func writeSynced(path string, content []byte) error {
	part := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
