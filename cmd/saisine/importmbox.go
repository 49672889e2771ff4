package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"saisine.fr/saisine/ingest"
)

// listMbox reads mbox files. In a folder those are taken that begin like one: Thunderbird's
// have no ending, and lie beside their indexes (.msf) and in the folders of their sub-folders
// (.sbd).
func listMbox(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
	var files []string
	err := walkFiles(ctx, paths, func(string) bool { return true }, func(f foundFile) error {
		if f.path == f.root || beginsLikeMbox(f.path) {
			files = append(files, f.path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := expectBytes(in, files); err != nil {
		return err
	}
	for _, path := range files {
		if err := listMboxFile(ctx, in, path, yield); err != nil {
			return err
		}
	}
	return nil
}

func beginsLikeMbox(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 5)
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == "From "
}

func listMboxFile(ctx context.Context, in importInput, path string, yield func(item) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	t := &mboxImport{ctx: ctx, in: in, path: path, yield: yield}
	defer t.close()
	err = splitMbox(in.progress.counted(f), t)
	if t.fault != nil || ctx.Err() != nil || err == nil {
		return errors.Join(t.fault, ctx.Err())
	}
	return yield(failedItem(path, err))
}

// mboxImport is an mboxTaker that hands the mails on.
type mboxImport struct {
	ctx   context.Context
	in    importInput
	path  string
	yield func(item) error
	n     int
	mail  *mailKeeper
	fault error // why the import ends
}

func (t *mboxImport) begin() error {
	t.n++
	t.mail = newMailKeeper(t.in.spool, int64(t.in.limits.Message))
	return t.ctx.Err()
}

// Write implements io.Writer.
func (t *mboxImport) Write(p []byte) (int, error) {
	n, err := t.mail.Write(p)
	if err != nil {
		t.fault = err // of the spool
	}
	return n, err
}

func (t *mboxImport) end() error {
	source := fmt.Sprintf("%s#%d", t.path, t.n)
	k := t.mail
	t.mail = nil
	if thunderbirdGone(k.head) {
		k.drop()
		t.fault = t.yield(failedItem(source, errSkipped))
		return t.fault
	}
	sub, err := k.submission(source, time.Time{})
	if err != nil {
		t.fault = err
		return err
	}
	t.fault = t.yield(item{
		source: source, drop: func() { _ = sub.Original.Close() },
		open: func() (ingest.Submission, error) { return sub, nil },
	})
	return t.fault
}

func (t *mboxImport) close() {
	if t.mail != nil {
		t.mail.drop()
	}
}
