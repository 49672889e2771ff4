package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr"
)

func newRead(a *app) *cobra.Command {
	r := &readCommand{app: a}
	cmd := &cobra.Command{
		Use: "read {FILE|FOLDER}...", Short: "Dry run: show what mails, PDFs, TIFFs or images would be read as",
		Long: `Reads files exactly as the daemon would, stores nothing and needs no server. Many
files are read at once, and shown in the order in which they are named. A folder stands for
the files below it, sorted by name, without hidden ones; links to folders are not followed.
--files-from takes a list of files and folders, one a line or separated by NUL.

A file that cannot be read at all is named on standard error, "unreadable" is true in
its JSON line, the others are read all the same, and the exit code is 1. A file of which
something could be read has its faults in "problems".`,
		Example: `  saisine read letter.pdf
  saisine read --json /srv/archive > archive.jsonl
  find /srv/archive -name '*.eml' -print0 | saisine read --json --files-from - > mails.jsonl
  saisine read --json /srv/archive | jq -r 'select(.unreadable) | .file'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVar(&r.json, "json", false, "one JSON object a line")
	cmd.Flags().BoolVar(&r.words, "words", false, "with --json: each word of a recognised page, with its confidence and place")
	cmd.Flags().StringVar(&r.filesFrom, "files-from", "", "read also what the list in `FILE` names; - is standard input")
	return cmd
}

// readCommand is one call of `saisine read`.
type readCommand struct {
	app       *app
	json      bool
	words     bool
	filesFrom string

	bar                           *progressbar.ProgressBar
	total                         int
	done, unreadable, withProblem int
}

// readLineJSON is a line of `saisine read --json`.
type readLineJSON struct {
	readJSON
	Pages []readPageJSON `json:"pages"` // in place of those of readJSON
	// Unreadable is true when nothing at all could be read; the problems say why.
	Unreadable bool `json:"unreadable"`
}

// readPageJSON is a page, with --words the words on it too.
type readPageJSON struct {
	ingest.Page
	Layout *layoutJSON `json:"layout,omitempty"`
}

// layoutJSON says where the words of a recognised page stand: in pixels of the page as
// it was recognised, upright and straightened by Skew degrees clockwise.
type layoutJSON struct {
	Width  int        `json:"width"`
	Height int        `json:"height"`
	DPI    int        `json:"dpi"`
	Skew   float64    `json:"skew"`
	Words  []wordJSON `json:"words"`
}

type wordJSON struct {
	Text       string  `json:"text"`
	Confidence float64 `json:"confidence"`
	Box        [4]int  `json:"box"` // left, top, width, height
	Line       int     `json:"line"`
}

func viewPages(pages []ingest.Page, words bool) []readPageJSON {
	out := make([]readPageJSON, len(pages))
	for i, p := range pages {
		out[i].Page = p
		if l := p.Layout; words && l != nil {
			v := &layoutJSON{Width: l.Width, Height: l.Height, DPI: l.DPI, Skew: l.Skew, Words: make([]wordJSON, len(l.Words))}
			for j, w := range l.Words {
				v.Words[j] = wordJSON{w.Text, w.Confidence, [4]int{w.X, w.Y, w.W, w.H}, w.Line}
			}
			out[i].Layout = v
		}
	}
	return out
}

// fileReading is what became of one file. err means that the file itself could not be
// read.
type fileReading struct {
	name    string
	reading ingest.Reading
	err     error
}

// documentsMore is how many more files are read at once than there are reading children,
// so that none idles while a document is between its pages, and mails, which need no
// child, pass by.
const documentsMore = 4

// documentsWaiting is how many files more than that may have been read ahead of the one
// that is to be shown next. Each reading holds up to some megabytes of text.
const documentsWaiting = 16

func (c *readCommand) run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 && c.filesFrom == "" {
		return usageError{errors.New("name at least one file or folder, or give --files-from (see saisine read --help)")}
	}
	cfg, log, err := c.app.begin(false)
	if err != nil {
		return err
	}
	if c.filesFrom != "" {
		names, err := readNames(c.filesFrom, c.app.stdin)
		if err != nil {
			return err
		}
		args = append(args, names...)
	}
	inputs := listInputs(args)
	tmp, err := os.MkdirTemp("", "saisine-read-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	recognizer, err := openOCR(cfg, log, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recognizer.Close()) }()
	streets, err := loadStreets(cfg)
	if err != nil {
		return usageError{err}
	}
	reader := &ingest.DocumentReader{OCR: recognizer, Limits: cfg.Limits, Streets: streets, Town: cfg.Town.Name, TempDir: tmp, Log: log}

	children := cfg.OCR.Workers
	if children <= 0 {
		children = runtime.NumCPU()
	}
	parallel := children + documentsMore
	c.total, c.bar = len(inputs), c.app.progress(len(inputs), "read")
	err = inOrder(ctx, inputs, parallel, parallel+documentsWaiting, func(ctx context.Context, in readInput) fileReading {
		if in.err != nil {
			return fileReading{name: in.name, err: in.err}
		}
		reading, err := readFile(ctx, reader, ingest.Spool{Dir: tmp}, in.name, int64(cfg.Limits.Message))
		return fileReading{in.name, reading, err}
	}, c.show)
	_ = c.bar.Finish()
	if ctx.Err() != nil {
		return fmt.Errorf("ended after %d of %d files: %w", c.done, c.total, err)
	}
	if err != nil {
		return err
	}
	return c.summarize()
}

// show prints one reading and counts it.
func (c *readCommand) show(r fileReading) error {
	if r.err != nil {
		r.reading = ingest.Reading{Problems: []ingest.Problem{{Code: "unreadable", Detail: r.err.Error()}}}
	}
	unreadable := r.err != nil || unread(r.reading)
	c.done++
	switch {
	case unreadable:
		c.unreadable++
		_ = c.bar.Clear()
		p := r.reading.Problems[0]
		fmt.Fprintf(c.app.stderr, "saisine: %s: %s\n", printable(r.name), oneLine(p.Detail, 300))
		c.bar.Describe(fmt.Sprintf("read, %d unreadable", c.unreadable))
	case len(r.reading.Problems) > 0:
		c.withProblem++
	}
	if isTerminal(c.app.stdout) {
		_ = c.bar.Clear() // the same terminal, as a rule
	}
	var err error
	if c.json {
		err = newJSONLines(c.app.stdout).print(readLineJSON{viewReading(r.name, r.reading), viewPages(r.reading.Pages, c.words), unreadable})
	} else {
		err = printReading(c.app.stdout, r.name, r.reading)
	}
	_ = c.bar.Add(1)
	return err
}

// summarize says how many of several files could be read; an error when any could not.
func (c *readCommand) summarize() error {
	if c.total != 1 {
		fmt.Fprintf(c.app.stderr, "%d read, %d unreadable, %d with problems\n", c.done-c.unreadable, c.unreadable, c.withProblem)
	}
	if c.unreadable > 0 {
		return errReported
	}
	return nil
}

// unread reports whether nothing at all could be read of a file, for a reason.
func unread(r ingest.Reading) bool {
	if r.Text != "" || r.Subject != "" || len(r.Attachments) > 0 || len(r.Pages) > 0 || len(r.Problems) == 0 {
		return false
	}
	switch r.Kind {
	case ingest.KindPDF, ingest.KindTIFF, ingest.KindImage:
		return true // no page came out of it, and the problems say why
	}
	// A mail with no more than odd headers is an empty mail, and read.
	return slices.ContainsFunc(r.Problems, func(p ingest.Problem) bool {
		switch p.Code {
		case ocr.ProblemUnreadable, ocr.ProblemEncrypted, ocr.ProblemUnsupported, ocr.ProblemOverLimit, ocr.ProblemEmpty:
			return true
		}
		return false
	})
}

// readFile reads one file. Its error means that the file itself could not be read.
func readFile(ctx context.Context, reader *ingest.DocumentReader, spool ingest.Spool, name string, limit int64) (ingest.Reading, error) {
	blob, mediaType, err := openFile(spool, name, limit)
	if err != nil {
		return ingest.Reading{}, bareError(err)
	}
	if blob.Size() == 0 {
		return ingest.Reading{}, errors.Join(errors.New("the file is empty"), blob.Close())
	}
	r, err := reader.Read(ctx, blob, ingest.Record{MediaType: mediaType})
	return r, errors.Join(err, blob.Close())
}

// openFile spools a file and tells its media type.
func openFile(spool ingest.Spool, name string, limit int64) (*ingest.Blob, string, error) {
	// O_NONBLOCK: opening a pipe that nobody writes to must not wait.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if !st.Mode().IsRegular() {
		return nil, "", errNotRegular
	}
	head := make([]byte, ingest.SniffLen)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	blob, err := spool.Read(f, limit)
	if errors.Is(err, ingest.ErrTooLarge) {
		return nil, "", fmt.Errorf("larger than limits.message (%d bytes)", limit)
	}
	return blob, ingest.Sniff(head[:n], name), err
}

func printReading(w io.Writer, name string, r ingest.Reading) error {
	var b bytes.Buffer // written at once, so that nothing comes between its lines
	fmt.Fprintf(&b, "== %s (%s)\n", printable(name), orDash(r.Kind))
	for _, line := range [][2]string{
		{"from", oneLine(r.From.Name+" "+r.From.Email, 200)},
		{"date", view.Time(r.Date, time.Local)},
		{"subject", oneLine(r.Subject, 200)},
		{"automatic", oneLine(r.Automatic, 200)},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-10s %s\n", line[0]+":", line[1])
		}
	}
	for _, p := range r.Pages {
		fmt.Fprintf(&b, "page %d:    %s, confidence %.2f, turned by %d°%s%s\n", p.Number, p.Source, p.Confidence, p.Rotation,
			map[bool]string{true: ", unsure"}[p.Unsure], prefixed(", separator sheet: ", oneLine(p.Separator, 200)))
	}
	if letters, sheets := r.Letters(); sheets > 0 {
		for i, l := range letters {
			fmt.Fprintf(&b, "letter %d:  pages %d to %d\n", i+1, l.First, l.Last)
		}
	}
	for _, at := range r.Attachments {
		fmt.Fprintf(&b, "attached:  %s, %s, %d bytes\n", oneLine(at.Name, 100), oneLine(at.Type, 60), at.Size)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem:   %s: %s\n", p.Code, oneLine(p.Detail, 200))
	}
	fmt.Fprintf(&b, "\n%s\n\n", printable(r.Text))
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// noSpinner keeps a bar of unknown length from turning by itself: the goroutine that does so
// reads what Add writes (progressbar v3.19.1, NewOptions64 and IsStarted).
var noSpinner = progressbar.OptionSetSpinnerChangeInterval(0)

// progress shows a bar on standard error when that is a terminal and there is enough
// to do; otherwise it shows nothing. A total of -1 means that nobody knows it.
func (a *app) progress(total int, what string) *progressbar.ProgressBar {
	if !isTerminal(a.stderr) || total == 0 || total == 1 {
		return progressbar.NewOptions(total, progressbar.OptionSetVisibility(false), noSpinner)
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true), noSpinner)
}
