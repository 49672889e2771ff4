package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest"
)

// importKinds are the kinds that read paths and need nothing of the configuration; csv and
// imap have listers of their own.
var importKinds = map[string]lister{
	"eml":     listFiles(func(name string) bool { return strings.EqualFold(filepath.Ext(name), ".eml") }, openMail),
	"maildir": listMaildir,
	"mbox":    listMbox,
	"scans":   listScans,
	"jsonl":   listLines,
}

func importNames() []string {
	names := []string{"csv", "imap"}
	for name := range importKinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// foundFile is a file below a path that was named.
type foundFile struct {
	path string
	root string // the path that was named
}

type fileOpener func(in importInput, f foundFile) (ingest.Submission, error)

// walkFiles calls f for the files below the paths; in folders for those only whose names fit.
func walkFiles(ctx context.Context, paths []string, fits func(name string) bool, f func(foundFile) error) error {
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() && path != p || d.IsDir() || (path != p && !fits(d.Name())) {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(foundFile{path: path, root: p})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listFiles walks files and folders, and counts them first.
func listFiles(fits func(name string) bool, open fileOpener) lister {
	return func(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
		if err := expectFiles(ctx, in, paths, fits); err != nil {
			return err
		}
		return walkFiles(ctx, paths, fits, func(f foundFile) error {
			return yield(item{source: f.path, size: 1, open: func() (ingest.Submission, error) { return open(in, f) }})
		})
	}
}

func expectFiles(ctx context.Context, in importInput, paths []string, fits func(name string) bool) error {
	var n int64
	err := walkFiles(ctx, paths, fits, func(foundFile) error { n++; return nil })
	in.progress.expect(n, false)
	return err
}

// listMaildir walks the cur and new folders of Maildirs, those of sub-folders (.Name) too.
func listMaildir(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
	inMaildir := func(f foundFile) bool {
		dir := filepath.Base(filepath.Dir(f.path))
		return dir == "cur" || dir == "new"
	}
	all := func(string) bool { return true }
	var n int64
	err := walkFiles(ctx, paths, all, func(f foundFile) error {
		if inMaildir(f) {
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	in.progress.expect(n, false)
	return walkFiles(ctx, paths, all, func(f foundFile) error {
		if !inMaildir(f) {
			return nil
		}
		return yield(item{source: f.path, size: 1, open: func() (ingest.Submission, error) {
			if maildirGone(f.path) {
				return ingest.Submission{}, errSkipped
			}
			return openMail(in, f)
		}})
	})
}

// maildirGone reports whether a mail is marked as trashed, or is a draft
// (cr.yp.to/proto/maildir.html: the flags follow ":2,").
func maildirGone(path string) bool {
	_, flags, ok := strings.Cut(filepath.Base(path), ":2,")
	return ok && strings.ContainsAny(flags, "TD")
}

// lineMax bounds a line of an import of JSON lines.
const lineMax = 8 << 20

// listLines reads files of JSON lines, each an ingest.Note.
func listLines(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
	if err := expectBytes(in, paths); err != nil {
		return err
	}
	for _, p := range paths {
		if err := listLinesFile(ctx, in, p, yield); err != nil {
			return err
		}
	}
	return nil
}

// expectBytes adds the sizes of files to what is to come.
func expectBytes(in importInput, paths []string) error {
	var n int64
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return err
		}
		n += st.Size()
	}
	in.progress.expect(n, true)
	return nil
}

func listLinesFile(ctx context.Context, in importInput, path string, yield func(item) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(in.progress.counted(f))
	sc.Buffer(make([]byte, 0, 64<<10), lineMax)
	for n := 1; sc.Scan() && ctx.Err() == nil; n++ {
		line := bytes.TrimSpace(bytes.Clone(sc.Bytes()))
		if len(line) == 0 {
			continue
		}
		err := yield(item{source: fmt.Sprintf("%s:%d", path, n), open: func() (ingest.Submission, error) { return noteSubmission(line) }})
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := sc.Err(); err != nil {
		return yield(failedItem(path, err))
	}
	return nil
}

func failedItem(source string, err error) item {
	return item{source: source, open: func() (ingest.Submission, error) { return ingest.Submission{}, err }}
}

func noteSubmission(line []byte) (ingest.Submission, error) {
	var note ingest.Note
	if err := json.Unmarshal(line, &note); err != nil {
		return ingest.Submission{}, fmt.Errorf("not a JSON object: %w", err)
	}
	channel := note.ChannelName()
	if channel == "" {
		return ingest.Submission{}, fmt.Errorf("channel %q: mailbox, webform, scan, counter, phone, app or api", note.Channel)
	}
	blob := ingest.NewBlob(line)
	key := "sha256:" + blob.SHA256()
	if note.ID != "" {
		key = "id:" + note.ID
	}
	return ingest.Submission{Channel: channel, SourceKey: key, ReceivedAt: note.At, Original: blob, MediaType: ingest.MediaNote}, nil
}
