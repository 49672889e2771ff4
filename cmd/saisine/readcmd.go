package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"saisine.fr/saisine/ingest"
)

func newRead(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "read FILE...", Short: "Dry run: show what a mail, PDF, TIFF or image would be read as",
		Long: `Reads files exactly as the daemon would, stores nothing and needs no server.
Exit code 1 when a file could not be read at all.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.read(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (a *app) read(ctx context.Context, files []string, asJSON bool) (err error) {
	cfg, log, err := a.begin(false)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "saisine-read-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	recognizer, err := openOCR(cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recognizer.Close()) }()
	reader := &ingest.DocumentReader{OCR: recognizer, Limits: cfg.Limits, TempDir: tmp, Log: log}
	bar := a.progress(len(files), "read")
	bad := 0
	for _, name := range files {
		reading, err := readFile(ctx, reader, ingest.Spool{Dir: tmp}, name, int64(cfg.Limits.Message))
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			bad++
			reading = ingest.Reading{Problems: []ingest.Problem{{Code: "unreadable", Detail: err.Error()}}}
			fmt.Fprintf(a.stderr, "saisine: %s: %v\n", name, err)
		} else if unread(reading) {
			bad++
		}
		if asJSON {
			err = newJSONLines(a.stdout).print(viewReading(name, reading))
		} else {
			err = printReading(a.stdout, name, reading)
		}
		if err != nil {
			return err
		}
		_ = bar.Add(1)
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

// unread reports whether nothing at all could be read of a file, for a reason.
func unread(r ingest.Reading) bool {
	if r.Text != "" || r.Subject != "" || len(r.Attachments) > 0 {
		return false
	}
	for _, p := range r.Problems {
		switch p.Code {
		case "unreadable_file", "encrypted", "unsupported_format", "over_limit", "empty_file":
			return true
		}
	}
	return false
}

// readFile reads one file. Its error means that the file itself could not be read.
func readFile(ctx context.Context, reader *ingest.DocumentReader, spool ingest.Spool, name string, limit int64) (ingest.Reading, error) {
	blob, mediaType, err := openFile(spool, name, limit)
	if err != nil {
		return ingest.Reading{}, err
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
		return nil, "", errors.New("not a regular file")
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
	fmt.Fprintf(w, "== %s (%s)\n", name, orDash(r.Kind))
	for _, line := range [][2]string{
		{"from", oneLine(r.From.Name+" "+r.From.Email, 200)},
		{"date", rfc3339(r.Date, time.Local)},
		{"subject", oneLine(r.Subject, 200)},
		{"automatic", oneLine(r.Automatic, 200)},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-10s %s\n", line[0]+":", line[1])
		}
	}
	for _, p := range r.Pages {
		fmt.Fprintf(w, "page %d:    %s, confidence %.2f, turned by %d°\n", p.Number, p.Source, p.Confidence, p.Rotation)
	}
	for _, at := range r.Attachments {
		fmt.Fprintf(w, "attached:  %s, %s, %d bytes\n", oneLine(at.Name, 100), oneLine(at.Type, 60), at.Size)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "problem:   %s: %s\n", p.Code, oneLine(p.Detail, 200))
	}
	_, err := fmt.Fprintf(w, "\n%s\n\n", printable(r.Text))
	return err
}

// progress shows a bar on standard error when that is a terminal and there is enough
// to do; otherwise it shows nothing.
func (a *app) progress(total int, what string) *progressbar.ProgressBar {
	f, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || total < 2 {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
}
