package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/spreadsheet"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

func newExportArchive(a *app) *cobra.Command {
	e := &exporter{app: a}
	check := false
	cmd := &cobra.Command{
		Use: "archive FILE.zip", Short: "All there is of requests in one file, for an archive service", Args: cobra.ExactArgs(1),
		Long: `Writes requests with their history, their originals byte for byte and what the town wrote
about them, tables of requests and submissions, the registers of mail, and a manifest with the
SHA-256 of every file in it. FILE.zip may be - for standard output. It is the state of one
moment, and can be made while the daemon runs. Without a filter but days, what came in and is
in no request (set aside, failed) is there too.

--check reads such a file again and compares every hash with the manifest.

` + sealedHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if check {
				return checkArchive(a, args[0])
			}
			return e.run(cmd.Context(), func(ctx context.Context, x *export) error { return e.archive(ctx, x, args[0]) })
		},
	}
	e.flags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "check a file that was made before, and write nothing")
	return cmd
}

func (e *exporter) archive(ctx context.Context, x *export, name string) error {
	var m manifest
	write := func(w io.Writer) (err error) {
		m, err = x.archive(ctx, w, e)
		return err
	}
	e.output = name
	if err := e.toFile(write); err != nil {
		return err
	}
	fmt.Fprintf(e.app.stderr, "saisine: %d requests, %d submissions, %d mails, %d files\n", m.Counts.Requests, m.Counts.Submissions, m.Counts.Mails, m.Counts.Files)
	if len(m.Problems) > 0 {
		return errReported
	}
	return nil
}

// manifestVersion is raised when what reads it must know of a change.
const manifestVersion = 1

// manifestName is the entry that says what is in the archive. It is the last one, since it has
// the hashes of all others.
const manifestName = "manifest.json"

// manifest is the beginning of manifest.json; "entries" follow in it.
type manifest struct {
	Version  int            `json:"version"`
	Program  string         `json:"program"`
	Town     string         `json:"town"`
	MadeAt   string         `json:"made_at"`
	Filter   manifestFilter `json:"filter"`
	Counts   manifestCounts `json:"counts"`
	Problems []string       `json:"problems"`
}

type manifestFilter struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Category string `json:"category"`
	Service  string `json:"service"`
	Status   string `json:"status"`
	Sealed   bool   `json:"sealed"`
}

type manifestCounts struct {
	Requests    int `json:"requests"`
	Submissions int `json:"submissions"`
	Mails       int `json:"mails"`
	Files       int `json:"files"`
}

type manifestEntry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// archiver writes an archive. What grows with it lies in files of the spool.
type archiver struct {
	*export
	zip      *zip.Writer
	at       time.Time
	manifest manifest
	entries  *os.File // JSON lines of manifestEntry
	lines    *json.Encoder
	requests *spooledTable
	pieces   *spooledTable
}

func (x *export) archive(ctx context.Context, w io.Writer, e *exporter) (m manifest, err error) {
	a := &archiver{export: x, zip: zip.NewWriter(w), at: time.Now().In(x.zone)}
	a.manifest = manifest{
		Version: manifestVersion, Program: "saisine " + version, Town: x.cfg.Town.Name, MadeAt: view.Time(a.at, x.zone), Problems: []string{},
		Filter: manifestFilter{e.from, e.to, e.category, e.service, e.status, e.sealed},
	}
	dir := x.store.Spool().Dir
	if a.entries, err = os.CreateTemp(dir, "export-*"); err != nil {
		return a.manifest, err
	}
	defer func() { err = errors.Join(err, a.entries.Close(), os.Remove(a.entries.Name())) }()
	a.lines = json.NewEncoder(a.entries)
	for _, t := range []struct {
		table **spooledTable
		heads []string
	}{{&a.requests, requestHeads()}, {&a.pieces, submissionHeads}} {
		table, err := newSpooledTable(dir, t.heads)
		if err != nil {
			return a.manifest, err
		}
		defer table.drop()
		*t.table = table
	}
	if err := a.write(ctx); err != nil {
		return a.manifest, err
	}
	return a.manifest, nil
}

func (a *archiver) write(ctx context.Context) error {
	if err := a.frozen.Requests(ctx, a.filter, true, func(e store.Exported) error { return a.request(ctx, e) }); err != nil {
		return err
	}
	if a.filter.Category == "" && a.filter.Service == "" && a.filter.Status == "" {
		err := a.frozen.Unfiled(ctx, a.filter, func(rec ingest.Record) error { return a.piece(ctx, "unfiled/", rec) })
		if err != nil {
			return err
		}
	}
	for name, table := range map[string]*spooledTable{"requests.csv": a.requests, "submissions.csv": a.pieces} {
		if err := a.add(name, a.at, table.copyTo); err != nil {
			return err
		}
	}
	for name, d := range map[string]ingest.Direction{"register-in.csv": ingest.Incoming, "register-out.csv": ingest.Outgoing} {
		if err := a.add(name, a.at, func(w io.Writer) error { return a.register(ctx, w, d, spreadsheet.Semicolon) }); err != nil {
			return err
		}
	}
	if err := a.writeManifest(); err != nil {
		return err
	}
	return a.zip.Close()
}

// request writes the folder of a request.
func (a *archiver) request(ctx context.Context, e store.Exported) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q := e.Request
	folder := "requests/" + q.Reference + "/"
	v := view.OfRequest(q, a.zone)
	for name, content := range map[string]any{"request.json": v, "history.json": view.OfHistory(e.History, a.zone)} {
		if err := a.addJSON(folder+name, q.OpenedAt, content); err != nil {
			return err
		}
	}
	for _, rec := range e.Records {
		if err := a.piece(ctx, folder+"originals/", rec); err != nil {
			return err
		}
		if rec.MediaType == ingest.MediaCollation {
			if err := a.letter(ctx, folder, rec); err != nil {
				return err
			}
		}
	}
	for _, m := range q.Mails {
		if err := a.mail(ctx, folder, m); err != nil {
			return err
		}
	}
	a.manifest.Counts.Requests++
	return a.requests.table.Write(requestCells(e, a.zone))
}

// endings are those of originals, by their media types.
var endings = map[string]string{
	ingest.MediaMail: ".eml", ingest.MediaForm: ".mime", ingest.MediaOpen311: ".mime", ingest.MediaPDF: ".pdf", ingest.MediaTIFF: ".tif",
	ingest.MediaJPEG: ".jpg", ingest.MediaPNG: ".png", ingest.MediaText: ".txt", ingest.MediaAbsent: ".txt",
	ingest.MediaNote: ".json", ingest.MediaAPI: ".json", ingest.MediaCollation: ".json",
}

// piece writes the original of a submission, and its line in the table.
func (a *archiver) piece(ctx context.Context, folder string, rec ingest.Record) error {
	ending, ok := endings[rec.MediaType]
	if !ok {
		ending = ".bin"
	}
	name := folder + rec.ID + ending
	var blob *ingest.Blob
	err := rec.Verdict.MayLeave(ingest.UsePass)
	held := err != nil
	if !held {
		blob, err = a.store.Original(ctx, rec)
	}
	if held {
		a.problem(rec.ID + ": its original is not exported: " + err.Error())
		name = ""
	} else if err != nil {
		a.problem(rec.ID + ": its original is missing: " + err.Error())
		name = ""
	} else {
		sum, err := a.addFile(name, rec.ReceivedAt, blob.Open)
		if err := errors.Join(err, blob.Close()); err != nil {
			return err
		}
		if sum != rec.SHA256 {
			a.problem(rec.ID + ": its original is not what the ledger has: \"saisine verify\" says more")
		}
	}
	a.manifest.Counts.Submissions++
	return a.pieces.table.Write(submissionCells(rec, name, a.zone))
}

// letter writes the pages of a letter that came in a pile: its original only says which these are.
func (a *archiver) letter(ctx context.Context, folder string, rec ingest.Record) error {
	if err := rec.Verdict.MayLeave(ingest.UsePass); err != nil {
		return nil //nolint:nilerr // piece has said so
	}
	c, err := a.store.Copy(ctx, rec.ID)
	if errors.Is(err, ingest.ErrNotFound) || err == nil && c.SHA256 == "" {
		return nil // not made yet, or none can be made; the pile has the pages
	}
	if err != nil {
		return err
	}
	_, err = a.addFile(folder+"copies/"+rec.ID+".pdf", rec.ReceivedAt, func() (io.ReadCloser, error) { return a.store.OpenCopy(ctx, c.SHA256) })
	return err
}

// mail writes what the town wrote.
func (a *archiver) mail(ctx context.Context, folder string, m ingest.Mail) error {
	if m.SHA256 == "" {
		return nil // not made yet, or withheld
	}
	content, err := a.store.MailContent(ctx, m.ID)
	if err != nil || content == nil {
		return err
	}
	ending := ".eml"
	if bytes.HasPrefix(content, []byte("%PDF-")) {
		ending = ".pdf"
	}
	a.manifest.Counts.Mails++
	return a.add(folder+"mails/"+m.ID+ending, m.CreatedAt, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func (a *archiver) problem(text string) {
	a.warn(text)
	if len(a.manifest.Problems) < problemsMax {
		a.manifest.Problems = append(a.manifest.Problems, text)
	}
}

// problemsMax bounds what the manifest tells of a broken store.
const problemsMax = 1000

func (a *archiver) addJSON(name string, at time.Time, content any) error {
	return a.add(name, at, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(content)
	})
}

// addFile adds what open gives, and returns its hash.
func (a *archiver) addFile(name string, at time.Time, open func() (io.ReadCloser, error)) (sum string, err error) {
	r, err := open()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return a.entry(name, at, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

func (a *archiver) add(name string, at time.Time, f func(io.Writer) error) error {
	_, err := a.entry(name, at, f)
	return err
}

// stored are the endings of what is compressed already.
var stored = []string{".pdf", ".jpg", ".png", ".tif", ".bin"}

// entry adds an entry, and notes its hash.
func (a *archiver) entry(name string, at time.Time, f func(io.Writer) error) (sum string, err error) {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
	if slices.ContainsFunc(stored, func(ending string) bool { return hasEnding(name, ending) }) {
		h.Method = zip.Store
	}
	w, err := a.zip.CreateHeader(h)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	size := &tallied{w: io.MultiWriter(w, hash)}
	if err := f(size); err != nil {
		return "", err
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	if name == manifestName {
		return sum, nil
	}
	a.manifest.Counts.Files++
	return sum, a.lines.Encode(manifestEntry{name, size.n, sum})
}

// tallied counts what is written.
type tallied struct {
	w io.Writer
	n int64
}

func (t *tallied) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.n += int64(n)
	return n, err
}

// writeManifest writes the manifest with the entries that lie in the spool.
func (a *archiver) writeManifest() error {
	head, err := json.MarshalIndent(a.manifest, "", "  ")
	if err != nil {
		return err
	}
	if _, err := a.entries.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return a.add(manifestName, a.at, func(w io.Writer) error {
		// The object goes on after its last field.
		if _, err := fmt.Fprintf(w, "%s,\n  \"entries\": [", bytes.TrimSuffix(bytes.TrimSpace(head), []byte("\n}"))); err != nil {
			return err
		}
		dec := json.NewDecoder(a.entries)
		for n := 0; dec.More(); n++ {
			var line json.RawMessage
			if err := dec.Decode(&line); err != nil {
				return err
			}
			sep := ",\n    "
			if n == 0 {
				sep = "\n    "
			}
			if _, err := fmt.Fprintf(w, "%s%s", sep, line); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, "\n  ]\n}\n")
		return err
	})
}

// spooledTable is a table that lies in the spool until it is whole.
type spooledTable struct {
	file  *os.File
	table *spreadsheet.Writer
}

func newSpooledTable(dir string, heads []string) (*spooledTable, error) {
	f, err := os.CreateTemp(dir, "export-*")
	if err != nil {
		return nil, err
	}
	t := &spooledTable{file: f}
	if t.table, err = spreadsheet.NewWriter(f, spreadsheet.Semicolon, true); err == nil {
		err = t.table.Write(heads)
	}
	if err != nil {
		t.drop()
	}
	return t, err
}

func (t *spooledTable) copyTo(w io.Writer) error {
	if err := t.table.Flush(); err != nil {
		return err
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, t.file)
	return err
}

func (t *spooledTable) drop() {
	_ = t.file.Close()
	_ = os.Remove(t.file.Name())
}
