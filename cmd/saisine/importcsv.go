package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// csvImport is an import of lines of another program.
type csvImport struct {
	columns  map[string]string
	statuses map[string]string
	account  string
	dry      bool

	app        *app
	known      map[string]ingest.Status
	categories map[string]string
	ids        map[[8]byte]linePlace // of the lines of all files
}

// lister prepares the import, and names its account.
func (c *csvImport) lister(ctx context.Context, im *importer, cfg config.Config) (lister, error) {
	c.app = im.app
	if c.account != "" {
		im.account += "-" + c.account
	}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.categories = csvCategories(texts.rules.File())
	c.known, err = csvStatuses(c.statuses)
	return c.list, err
}

func (c *csvImport) list(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
	// The columns of all files are known before the first line is taken in.
	for _, path := range paths {
		if err := c.open(path, in, func(io.Reader) io.Reader { return nil }, nil); err != nil {
			return err
		}
	}
	if err := expectBytes(in, paths); err != nil {
		return err
	}
	for _, path := range paths {
		err := c.open(path, in, in.progress.counted, func(r *csvReader, lines *csvLines) error {
			if unknown := lines.columns.unknown(); len(unknown) > 0 {
				fmt.Fprintf(c.app.stderr, "saisine: %s: these columns are kept with the lines and not read: %s\n", path, printable(quoted(unknown)))
			}
			return c.each(ctx, r, lines, func(line csvLine, sub ingest.Submission, err error) error {
				source := fmt.Sprintf("%s:%d", path, line.number)
				if err != nil {
					return yield(failedItem(source, err))
				}
				return yield(item{source: source, open: func() (ingest.Submission, error) { return sub, nil }})
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// open opens a file and calls f, which may be nil, with its lines. counted sees the bytes.
func (c *csvImport) open(path string, in importInput, counted func(io.Reader) io.Reader, f func(*csvReader, *csvLines) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if st, err := file.Stat(); err == nil && !st.Mode().IsRegular() {
		return usageError{fmt.Errorf("%s: %w", path, errNotRegular)}
	}
	form, err := sniffCSV(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if f == nil {
		counted = func(r io.Reader) io.Reader { return r }
	}
	r, err := openCSV(file, form, counted)
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", path, err)}
	}
	columns, err := readColumns(r.header, c.columns)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if f == nil {
		return nil
	}
	return f(r, c.lines(path, columns, in))
}

// each calls f for each record: with what it makes, or with what is wrong with it.
func (c *csvImport) each(ctx context.Context, r *csvReader, lines *csvLines, f func(csvLine, ingest.Submission, error) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			// Nothing after it can be found again.
			return f(line, ingest.Submission{}, fmt.Errorf("the file cannot be read on: %w", err))
		}
		var sub ingest.Submission
		if err = line.err; err == nil {
			sub, err = lines.submission(line)
		}
		if err := f(line, sub, err); err != nil {
			return err
		}
		if errors.Is(err, errCSVRecord) {
			return nil
		}
	}
}

// dryProblems is how many problems a dry run tells of one file.
const dryProblems = 20

// dryRun says how the files are read, and takes in nothing.
func (c *csvImport) dryRun(ctx context.Context, cfg config.Config, paths []string) error {
	bad := 0
	in := importInput{zone: zoneOf(cfg), now: time.Now}
	for _, path := range paths {
		err := c.open(path, in, func(r io.Reader) io.Reader { return r }, func(r *csvReader, lines *csvLines) error {
			n, err := c.tryFile(ctx, path, r, lines)
			bad += n
			return err
		})
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

func (c *csvImport) tryFile(ctx context.Context, path string, r *csvReader, lines *csvLines) (bad int, err error) {
	out := c.app.stdout
	fmt.Fprintf(out, "%s: %s, separated by %q\n", path, r.form.Encoding, string(r.form.Separator))
	for i, title := range lines.columns.titles {
		what := string(lines.columns.of[i])
		if what == "" {
			what = "kept, not read"
		}
		fmt.Fprintf(out, "  column %d %q: %s\n", i+1, printable(title), what)
	}
	seen := tried{odd: map[string]int{}, statuses: map[ingest.Status]int{}}
	err = c.each(ctx, r, lines, func(line csvLine, sub ingest.Submission, err error) error {
		if err != nil {
			if bad++; bad <= dryProblems {
				fmt.Fprintf(out, "  line %d: %s\n", line.number, printable(err.Error()))
			}
			return nil
		}
		seen.look(lines.columns, line, sub)
		return nil
	})
	if bad > dryProblems {
		fmt.Fprintf(out, "  and %d lines more\n", bad-dryProblems)
	}
	seen.print(out)
	fmt.Fprintf(out, "  %d lines can be taken in, %d cannot\n", seen.good, bad)
	return bad, err
}

// tried is what a dry run counts.
type tried struct {
	good     int
	odd      map[string]int // words that mean nothing
	statuses map[ingest.Status]int
	first    sync.Once
	from, to time.Time
}

// oddMax bounds the words that a dry run remembers.
const oddMax = 50

func (t *tried) look(c csvColumns, line csvLine, sub ingest.Submission) {
	t.good++
	t.statuses[sub.Hints.ImportedAs]++
	t.first.Do(func() { t.from, t.to = sub.ReceivedAt, sub.ReceivedAt })
	if sub.ReceivedAt.Before(t.from) {
		t.from = sub.ReceivedAt
	}
	if sub.ReceivedAt.After(t.to) {
		t.to = sub.ReceivedAt
	}
	for _, f := range []csvField{csvChannel, csvCategory} {
		word := c.cell(line.cells, f)
		_, known := csvChannels[fold(word)]
		if f == csvCategory {
			known = sub.Hints.Category != ""
		}
		key := fmt.Sprintf("%s %q", f, cut(word))
		if _, had := t.odd[key]; word != "" && !known && (had || len(t.odd) < oddMax) {
			t.odd[key]++
		}
	}
}

func (t *tried) print(out io.Writer) {
	if t.good > 0 {
		fmt.Fprintf(out, "  received from %s to %s\n", t.from.Format(time.DateOnly), t.to.Format(time.DateOnly))
	}
	for _, word := range slices.Sorted(maps.Keys(t.odd)) {
		instead := "the words decide on the category"
		if strings.HasPrefix(word, string(csvChannel)) {
			instead = "taken for " + string(ingest.ChannelAPI)
		}
		fmt.Fprintf(out, "  %d times %s is not known: %s\n", t.odd[word], printable(word), instead)
	}
	for _, status := range slices.Sorted(maps.Keys(t.statuses)) {
		name := string(status)
		if name == "" {
			name = string(ingest.StatusNew)
		}
		fmt.Fprintf(out, "  %d begin as %s\n", t.statuses[status], name)
	}
}
