package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

var importKinds = map[string]lister{
	"eml":     listFiles(func(name string) bool { return strings.EqualFold(filepath.Ext(name), ".eml") }, openMail),
	"maildir": listMaildir,
	"mbox":    listMbox,
	"scans":   listFiles(isScanName, openScan),
	"jsonl":   listLines,
}

func isScanName(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

type fileOpener func(path string, spool ingest.Spool, limits config.Limits) (ingest.Submission, error)

// listFiles walks files and folders; in folders only names that fit are taken.
func listFiles(fits func(name string) bool, open fileOpener) lister {
	return func(paths []string, yield func(item) error) error {
		for _, p := range paths {
			err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() || (path != p && !fits(d.Name())) {
					return err
				}
				return yield(item{source: path, open: func(spool ingest.Spool, limits config.Limits) (ingest.Submission, error) {
					return open(path, spool, limits)
				}})
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// listMaildir walks the cur and new folders of Maildirs, sub-folders (.Name) too.
func listMaildir(paths []string, yield func(item) error) error {
	inMaildir := func(path string) bool {
		dir := filepath.Base(filepath.Dir(path))
		return dir == "cur" || dir == "new"
	}
	return listFiles(func(string) bool { return true }, openMail)(paths, func(it item) error {
		if !inMaildir(it.source) {
			return nil
		}
		return yield(it)
	})
}

func openMail(path string, spool ingest.Spool, limits config.Limits) (ingest.Submission, error) {
	blob, _, err := openFile(spool, path, int64(limits.Message))
	if err != nil {
		return ingest.Submission{}, err
	}
	return mailSubmission(blob), nil
}

// mailSubmission is keyed by its bytes, so that the same mail is the same submission
// whatever file it comes from.
func mailSubmission(blob *ingest.Blob) ingest.Submission {
	sub := ingest.Submission{
		Channel: ingest.ChannelMailbox, SourceKey: "sha256:" + blob.SHA256(), Original: blob, MediaType: ingest.MediaMail,
	}
	// An old mail has no INTERNALDATE here; its own date is the nearest there is.
	if r, err := blob.Open(); err == nil {
		sub.ReceivedAt = message.Read(r, message.Options{}).Date
		_ = r.Close()
	}
	return sub
}

func openScan(path string, spool ingest.Spool, limits config.Limits) (ingest.Submission, error) {
	blob, mediaType, err := openFile(spool, path, int64(limits.File))
	if err != nil {
		return ingest.Submission{}, err
	}
	switch mediaType {
	case ingest.MediaPDF, ingest.MediaTIFF, ingest.MediaJPEG, ingest.MediaPNG:
	default:
		_ = blob.Close()
		return ingest.Submission{}, fmt.Errorf("its content is no scan (%s)", mediaType)
	}
	sub := ingest.Submission{Channel: ingest.ChannelScan, SourceKey: "sha256:" + blob.SHA256(), Original: blob, MediaType: mediaType}
	if st, err := os.Stat(path); err == nil {
		sub.ReceivedAt = st.ModTime()
	}
	return sub, nil
}

// listMbox reads mbox files.
func listMbox(paths []string, yield func(item) error) error {
	for _, p := range paths {
		if err := listMboxFile(p, yield); err != nil {
			return err
		}
	}
	return nil
}

func listMboxFile(path string, yield func(item) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n := 0
	return splitMbox(f, mboxMax, func(raw []byte, err error) error {
		n++
		source := fmt.Sprintf("%s#%d", path, n)
		if err != nil {
			return yield(failedItem(source, err))
		}
		return yield(item{source: source, open: func(spool ingest.Spool, limits config.Limits) (ingest.Submission, error) {
			blob, err := spool.Read(bytes.NewReader(raw), int64(limits.Message))
			if err != nil {
				return ingest.Submission{}, err
			}
			return mailSubmission(blob), nil
		}})
	})
}

// mboxMax bounds a mail of an mbox file, which is held in memory while it is taken in.
const mboxMax = 64 << 20

func failedItem(source string, err error) item {
	return item{source: source, open: func(ingest.Spool, config.Limits) (ingest.Submission, error) {
		return ingest.Submission{}, err
	}}
}

// lineMax bounds a line of an import of JSON lines.
const lineMax = 8 << 20

// listLines reads files of JSON lines, each an ingest.Note.
func listLines(paths []string, yield func(item) error) error {
	for _, p := range paths {
		if err := listLinesFile(p, yield); err != nil {
			return err
		}
	}
	return nil
}

func listLinesFile(path string, yield func(item) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(f)
	sc.Buffer(make([]byte, 0, 64<<10), lineMax)
	for n := 1; sc.Scan(); n++ {
		line := bytes.TrimSpace(bytes.Clone(sc.Bytes()))
		if len(line) == 0 {
			continue
		}
		err := yield(item{source: fmt.Sprintf("%s:%d", path, n), open: func(ingest.Spool, config.Limits) (ingest.Submission, error) {
			return noteSubmission(line)
		}})
		if err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return yield(failedItem(path, err))
	}
	return nil
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
