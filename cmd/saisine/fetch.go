package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// showSubmission is the whole view of one submission.
func showSubmission(ctx context.Context, s *store.Store, rec ingest.Record, zone *time.Location) (view.Submission, error) {
	v := view.OfSubmission(rec, zone)
	made, err := s.Made(ctx, rec.ID)
	if err != nil {
		return v, err
	}
	for _, m := range made {
		v.Letters = append(v.Letters, m.ID)
	}
	c, err := s.Copy(ctx, rec.ID)
	if errors.Is(err, ingest.ErrNotFound) {
		return v, nil
	}
	v.Copy = &view.Copy{SHA256: c.SHA256, Size: c.Size, Pages: c.Pages, PDFA: c.PDFA, Reason: c.Reason, MadeAt: view.Time(c.MadeAt, zone)}
	return v, err
}

// findSubmission returns the submission that somebody named.
func findSubmission(ctx context.Context, s *store.Store, id string) (ingest.Record, error) {
	rec, err := s.Submission(ctx, id)
	if errors.Is(err, ingest.ErrNotFound) {
		err = fmt.Errorf("there is no submission %q; \"saisine submissions list\" shows them", id)
	}
	return rec, err
}

// newFetch is a command that writes bytes that belong to a submission.
func newFetch(a *app, name, short string, open func(context.Context, *store.Store, ingest.Record) (io.ReadCloser, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: name + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, _ config.Config, s *store.Store) error {
				rec, err := findSubmission(ctx, s, args[0])
				if err != nil {
					return err
				}
				if err := rec.Verdict.MayLeave(ingest.UseDownload); err != nil {
					return fmt.Errorf("%w; \"saisine retry %s\" has it scanned again, \"saisine submissions release %[2]s\" lets it go", err, rec.ID)
				}
				r, err := open(ctx, s, rec)
				if err != nil {
					return err
				}
				return errors.Join(a.writeTo(output, r), r.Close())
			})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "the file to write, which must not exist; - is standard output")
	return cmd
}

func fetchOriginal(ctx context.Context, s *store.Store, rec ingest.Record) (io.ReadCloser, error) {
	b, err := s.Original(ctx, rec)
	if err != nil {
		return nil, err
	}
	r, err := b.Open()
	return r, errors.Join(err, b.Close()) // what is open can be read to its end
}

func fetchCopy(ctx context.Context, s *store.Store, rec ingest.Record) (io.ReadCloser, error) {
	c, err := s.Copy(ctx, rec.ID)
	made, merr := s.Made(ctx, rec.ID)
	switch {
	case merr != nil:
		return nil, merr
	case errors.Is(err, ingest.ErrNotFound) && len(made) > 0:
		return nil, fmt.Errorf("submission %s is a scan of several letters, and each has its own copy; \"saisine submissions show %s\" names them", rec.ID, rec.ID)
	case errors.Is(err, ingest.ErrNotFound):
		return nil, fmt.Errorf("submission %s has no searchable copy (yet): the daemon makes one of scans with recognised pages, after they were filed", rec.ID)
	case err != nil:
		return nil, err
	case c.SHA256 == "":
		return nil, fmt.Errorf("no searchable copy of %s could be made: %s", rec.ID, c.Reason)
	}
	return s.OpenCopy(ctx, c.SHA256)
}

// writeTo writes r into a new file, or to standard output for "-" unless that is a terminal.
func (a *app) writeTo(name string, r io.Reader) error {
	if name == "-" {
		if isTerminal(a.stdout) {
			return usageError{errors.New("this is not written to a terminal; name a file with --output")}
		}
		_, err := io.Copy(a.stdout, r)
		return err
	}
	return writeFile(name, os.O_EXCL, 0o600, r)
}

// writeFile writes r into a file: with os.O_EXCL a new one, with os.O_TRUNC in place of
// an older one. It leaves none behind that is cut short: the next try would find it in
// its way.
func writeFile(name string, flag int, mode os.FileMode, r io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
