package scanfolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/discreet"
)

// settle moves a scan that is in the ledger to where it belongs.
func (a *Adapter) settle(ctx context.Context, sc scan, r ingest.Receipt) error {
	what, err := a.judge(sc, r)
	if err != nil {
		return err
	}
	// A file that was written to since it was read is another scan by now: it stays,
	// and is looked at anew.
	if info, err := a.tree.root.Lstat(sc.file); err != nil {
		return err
	} else if !same(info, sc.info) {
		return errLater
	}
	if err := ingest.Held(ctx); err != nil {
		return err // another node moves it
	}
	log := a.opts.Log.With("submission", r.ID, "file", discreet.Mark(sc.file))
	note := Note{ID: r.ID, State: r.State, Reason: r.Reason, Reference: r.Request, ReceivedAt: sc.at}
	switch what {
	case duplicate:
		_, err := a.moveNoted(sc.file, sc.info, dirDuplicate, r.ID, suffixDuplicate, func(name string) string {
			return duplicateText(name, note)
		})
		if err != nil {
			return err
		}
		log.InfoContext(ctx, "scan was seen before", "folder", dirDuplicate)
		return nil
	case unlink:
		if err := a.tree.root.Remove(sc.file); err != nil {
			return err
		}
		suffix := suffixReceipt
		if topDir(r.Acknowledged) == dirFailed {
			suffix = suffixError
		}
		a.owe(ctx, owedNote{place: r.Acknowledged, suffix: suffix, note: note})
		return nil
	case reject:
		return a.place(ctx, sc, r, dirFailed, suffixError, note, false)
	case again:
		note.State, note.Reason = ingest.StateReceived, ""
		return a.place(ctx, sc, r, monthDir(a.opts.Now()), suffixReceipt, note, true)
	default:
		return a.place(ctx, sc, r, monthDir(a.opts.Now()), suffixReceipt, note, false)
	}
}

// place records a place in the ledger, moves the scan there and writes its note.
func (a *Adapter) place(ctx context.Context, sc scan, r ingest.Receipt, folder, suffix string, note Note, retry bool) error {
	for range maxVariants {
		place, err := a.tree.free(folder, path.Base(sc.file), r.ID)
		if err != nil {
			return err
		}
		if err := a.opts.Ledger.Acknowledge(ctx, r.ID, place); err != nil {
			return fmt.Errorf("scanfolder: record the place of a scan: %w", err)
		}
		crashpoint.Hit("scan.acknowledged")
		if retry {
			a.dropErrorNotes(ctx, sc, r)
			if err := a.opts.Ledger.Retry(ctx, r.ID); err != nil {
				return fmt.Errorf("scanfolder: take a failed scan up again: %w", err)
			}
			retry = false
			crashpoint.Hit("scan.retried")
		}
		if err := ingest.Held(ctx); err != nil {
			return err
		}
		err = a.tree.move(sc.file, place)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := a.confirm(sc.file, sc.info, place); err != nil {
			return err
		}
		crashpoint.Hit("scan.moved")
		a.owe(ctx, owedNote{place: place, suffix: suffix, note: note})
		crashpoint.Hit("scan.noted")
		a.opts.Log.InfoContext(ctx, "scan taken in", "submission", r.ID, "file", discreet.Mark(sc.file),
			"folder", path.Dir(place), "media", sc.media, "size", sc.size, "replayed", r.Replayed)
		return nil
	}
	return errCrowded
}

// confirm makes sure that what moved is what was read. A file that replaced it,
// or was written to, in the instant between is another scan: it goes back, under a
// new name if need be, and is looked at anew.
func (a *Adapter) confirm(file string, was fs.FileInfo, place string) error {
	real, err := a.tree.real(place)
	if err != nil {
		return err
	}
	info, err := a.tree.root.Lstat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // UpdateNote has moved it on already
	}
	if err != nil {
		return err
	}
	if same(info, was) {
		return nil
	}
	for n := 1; n <= maxVariants; n++ {
		back := file
		if n > 1 {
			back = path.Join(path.Dir(file), variant(path.Base(file), n))
		}
		err := a.tree.rename(real, back)
		if err == nil {
			return errLater
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errCrowded
}

// dropErrorNotes removes the note of a failure that is being retried, unless a scan lies
// beside it (a clerk copied it instead of moving it). After a crash the ledger has
// the new place already, so the note is also looked for under the scan's name.
func (a *Adapter) dropErrorNotes(ctx context.Context, sc scan, r ingest.Receipt) {
	err := a.dropErrorNote(r.Acknowledged, r.ID)
	for n := 1; n <= maxVariants && err == nil; n++ {
		place := dirFailed + "/" + variant(path.Base(sc.file), n)
		found, hasErr := a.tree.has(place)
		if _, noted := a.tree.noteOwner(place); hasErr == nil && !found && !noted {
			break
		}
		err = errors.Join(hasErr, a.dropErrorNote(place, r.ID))
	}
	if err != nil {
		a.opts.Log.WarnContext(ctx, "an old error note stays behind", "submission", r.ID, "error", err)
	}
}

func (a *Adapter) dropErrorNote(place, id string) error {
	if topDir(place) != dirFailed {
		return nil
	}
	if found, err := a.tree.has(place); err != nil || found {
		return err
	}
	return a.tree.removeNote(place+suffixError, id)
}

// moveNoted moves a file that no later UpdateNote will describe: the note comes first,
// so that when it cannot be written the file stays and the whole is tried again.
func (a *Adapter) moveNoted(file string, info fs.FileInfo, folder, owner, suffix string, text func(name string) string) (string, error) {
	for range maxVariants {
		place, err := a.tree.free(folder, path.Base(file), owner)
		if err != nil {
			return "", err
		}
		if err := a.tree.writeNote(place+suffix, text(path.Base(place)), true); err != nil {
			return "", err
		}
		crashpoint.Hit("scan.noted")
		err = a.tree.move(file, place)
		if errors.Is(err, fs.ErrExist) {
			if err := a.tree.removeNote(place+suffix, owner); err != nil {
				return "", err
			}
			continue
		}
		if err == nil {
			if err = a.confirm(file, info, place); errors.Is(err, errLater) {
				err = errors.Join(err, a.tree.removeNote(place+suffix, owner))
			}
		}
		if err != nil {
			return "", err
		}
		crashpoint.Hit("scan.moved")
		return place, nil
	}
	return "", errCrowded
}

// refuse puts a file over the size limit aside. The ledger says that it came and where
// it lies; the note names the limit and what to do.
func (a *Adapter) refuse(ctx context.Context, sink ingest.Sink, file string, info fs.FileInfo, at time.Time) error {
	ref, about := sourceRef(file, info), hints(file)
	about.SourceRef, about.Partial = ref, true
	r, err := sink.Submit(ctx, ingest.Submission{
		Channel: ingest.ChannelScan, Account: a.cfg.Name, SourceKey: "volumineux|" + ref + "|" + a.cfg.Name, ReceivedAt: at,
		Original:  ingest.NewBlob([]byte(tooLargeText(path.Base(file), ref, info.Size(), a.opts.MaxFile))),
		MediaType: ingest.MediaAbsent, Hints: about,
		Settled: ingest.StateFailed, Reason: tooLargeReason(path.Base(file), info.Size(), a.opts.MaxFile),
	})
	if err != nil {
		return err
	}
	if err := ingest.Held(ctx); err != nil {
		return err
	}
	place, err := a.moveNoted(file, info, dirFailed, r.ID, suffixError, func(name string) string {
		return tooLargeText(name, r.ID, info.Size(), a.opts.MaxFile)
	})
	if err != nil {
		return err
	}
	a.opts.Log.WarnContext(ctx, "scan is over limits.file, put aside", "submission", r.ID, "file", discreet.Mark(file),
		"folder", path.Dir(place), "size", info.Size(), "limit", a.opts.MaxFile)
	return nil
}

// owedNote is the first note of a scan that has moved. When it cannot be written (disk
// full) the scan is safe all the same: the note is tried again at every look, and
// UpdateNote writes it in any case.
type owedNote struct {
	place, suffix string
	note          Note
}

// maxOwed bounds the notes that are remembered.
const maxOwed = 1000

func (a *Adapter) owe(ctx context.Context, o owedNote) {
	if err := a.firstNote(o); err != nil {
		a.opts.Log.WarnContext(ctx, "note not written yet, the scan itself is safe", "submission", o.note.ID, "error", err)
		if len(a.owed) < maxOwed {
			a.owed = append(a.owed, o)
		}
	}
}

func (a *Adapter) payNotes(ctx context.Context) {
	for len(a.owed) > 0 {
		if err := a.firstNote(a.owed[0]); err != nil {
			a.opts.Log.DebugContext(ctx, "note still not written", "submission", a.owed[0].note.ID, "error", err)
			return
		}
		a.owed = a.owed[1:]
	}
}

// firstNote writes a note unless UpdateNote, which knows more, was faster. It may also
// have moved the scan away meanwhile; then the note must not stay behind alone.
func (a *Adapter) firstNote(o owedNote) error {
	if err := a.tree.writeNote(o.place+o.suffix, o.note.text(path.Base(o.place)), false); err != nil {
		return err
	}
	found, err := a.tree.has(o.place)
	if err == nil && !found {
		err = a.tree.removeNote(o.place+o.suffix, o.note.ID)
	}
	return err
}
