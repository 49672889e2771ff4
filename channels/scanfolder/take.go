package scanfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// scan is one file on its way into the ledger.
type scan struct {
	file  string // path in the folder
	info  fs.FileInfo
	media string
	size  int64
	sum   string
	ref   string // Hints.SourceRef
	at    time.Time
}

// verdict is what is to be done with a scan that the ledger has.
type verdict int

const (
	keep      verdict = iota // move to _traités
	again                    // take the failed submission up again, move to _traités
	reject                   // move to _échecs
	duplicate                // move to _doublons
	unlink                   // it lies in its place already, under a second name
)

// take brings one stable file into the ledger and to its place. nil means that the file
// is dealt with; an error that wraps ingest.ErrUnavailable, that nothing can be taken in
// at present; any other, that this file has to wait.
func (a *Adapter) take(ctx context.Context, sink ingest.Sink, file string, s *sighting) error {
	f, info, err := a.tree.open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if !same(s.info, info) || busy(f) {
		return errLater
	}
	if a.opts.MaxFile > 0 && info.Size() > a.opts.MaxFile {
		return a.refuse(context.WithoutCancel(ctx), sink, file, info, receivedAt(info.ModTime(), s.since))
	}
	media, whole, err := ends(f, info.Size())
	if err != nil {
		return err
	}
	if !whole && a.opts.Now().Sub(s.since) < patience*a.cfg.StableFor {
		return errLater
	}
	blob, err := a.spool(ctx, f, info)
	if err != nil {
		return err
	}
	defer func() {
		if err := blob.Close(); err != nil {
			a.opts.Log.WarnContext(ctx, "spool file left behind", "error", err)
		}
	}()
	crashpoint.Hit("scan.spooled")

	sc := scan{
		file: file, info: info, media: media, size: blob.Size(), sum: blob.SHA256(),
		ref: sourceRef(file, info), at: receivedAt(info.ModTime(), s.since),
	}
	// From here on the scan is finished even when ctx ends: an end between the
	// commit and the move would only mean to do it all again.
	ctx = context.WithoutCancel(ctx)
	sub := ingest.Submission{
		Channel: ingest.ChannelScan, Account: a.cfg.Name, SourceKey: sc.sum + "|" + a.cfg.Name,
		ReceivedAt: sc.at, Original: blob, MediaType: media,
		Hints: hints(file),
	}
	sub.Hints.SourceRef = sc.ref
	if media == mediaUnknown {
		sub.Settled, sub.Reason = ingest.StateFailed, reasonUnknown
	}
	receipt, err := sink.Submit(ctx, sub)
	if err != nil {
		return err
	}
	crashpoint.Hit("scan.submitted")
	return a.settle(ctx, sc, receipt)
}

// spool reads a file whole, and makes sure that it did not change meanwhile. Trouble on
// our side is ingest.ErrUnavailable: it would meet every other file too.
func (a *Adapter) spool(ctx context.Context, f *os.File, info fs.FileInfo) (*ingest.Blob, error) {
	src := &source{ctx: ctx, r: io.NewSectionReader(f, 0, info.Size()+1)}
	blob, err := a.opts.Spool.Read(src, 0)
	switch {
	case src.err != nil:
		return nil, fmt.Errorf("scanfolder: read scan: %w", src.err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
	}
	now, err := f.Stat()
	if err == nil && (!same(info, now) || blob.Size() != info.Size()) {
		err = errLater
	}
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return blob, nil
}

// source tells errors of the scan's own file system from ours, and stops with ctx.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// sourceRef identifies the concrete file, where the source key identifies its content.
func sourceRef(file string, info fs.FileInfo) string {
	return cleanText(file) + "|" +
		strconv.FormatInt(info.Size(), 10) + "|" + strconv.FormatInt(info.ModTime().UnixNano(), 10)
}

// receivedAt is when the town received a scan: the file's date, for the daemon may have
// stood still over a weekend, unless it cannot be right (a copier whose clock was never
// set, a copy that kept the date of an old file).
func receivedAt(modified, seen time.Time) time.Time {
	if modified.After(seen) || modified.Before(seen.AddDate(0, 0, -31)) {
		return seen
	}
	return modified.In(seen.Location())
}

// judge decides what becomes of a scan once the ledger has it.
//
// A submission that the ledger knew is either the same scan, whose move a crash
// interrupted, or another copy. The place was recorded before the move, so the move was
// interrupted when there is no place yet or the scan never came to lie there (neither
// its content nor a note of its own is there), unless the file that it was made from is
// still waiting beside this one. A failed submission is taken up again: somebody
// dropped the scan back. But one that failed at once, for what it is, may have been
// interrupted on its way to _échecs as well.
func (a *Adapter) judge(sc scan, r ingest.Receipt) (verdict, error) {
	if !r.Replayed {
		if r.State == ingest.StateFailed {
			return reject, nil
		}
		return keep, nil
	}
	landed, linked, err := a.landed(sc, r)
	switch {
	case err != nil:
		return 0, err
	case linked:
		return unlink, nil
	case r.State == ingest.StateFailed && sc.media == mediaUnknown && !landed && topDir(r.Acknowledged) != dirDone:
		return reject, nil
	case r.State == ingest.StateFailed:
		return again, nil
	case landed, sc.ref != r.SourceRef && a.waiting(r.SourceRef):
		return duplicate, nil
	}
	return keep, nil
}

// landed reports whether the submission's scan did reach its recorded place, and
// whether that is this very file (see moveByLink).
func (a *Adapter) landed(sc scan, r ingest.Receipt) (landed, linked bool, err error) {
	if r.Acknowledged == "" {
		return false, false, nil
	}
	real, err := a.tree.real(r.Acknowledged)
	if errors.Is(err, errPlace) {
		return true, false, nil // recorded by something else than us: leave it alone
	}
	if err != nil {
		return false, false, err
	}
	if linked, err := a.tree.sameFile(sc.file, real); err == nil && linked {
		return true, true, nil
	}
	if owner, found := a.tree.noteOwner(r.Acknowledged); found && owner == r.ID {
		return true, false, nil
	}
	landed, err = a.tree.holds(r.Acknowledged, sc.size, sc.sum)
	return landed, false, err
}

// waiting reports whether the file of that reference still lies in the folder.
func (a *Adapter) waiting(ref string) bool {
	for file, s := range a.seen {
		if sourceRef(file, s.info) != ref {
			continue
		}
		info, err := a.tree.root.Lstat(file)
		return err == nil && same(s.info, info)
	}
	return false
}
