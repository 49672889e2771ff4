package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/spreadsheet"
	"saisine.fr/saisine/ingest/store"
)

// sealedHelp says what --sealed means for every export.
const sealedHelp = `Requests of sealed services are left out, unless --sealed is given: the command asks nobody
for a password, since whoever runs it has the rights to the data folder anyway. Think of who
gets the file.`

func newExport(a *app) *cobra.Command {
	cmd := parent("export", "Requests, registers and archives for other programs")
	cmd.AddCommand(newExportRequests(a), newExportRegister(a), newExportArchive(a))
	return cmd
}

// exporter is one export.
type exporter struct {
	app       *app
	from, to  string
	category  string
	service   string
	status    string
	sealed    bool
	separator string
	output    string
	noMark    bool
}

func (e *exporter) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.from, "from", "", "only what came in on this `DATE` (2026-04-23) or later")
	f.StringVar(&e.to, "to", "", "only what came in on this `DATE` or earlier")
	f.StringVar(&e.category, "category", "", "only this category, by its code")
	f.StringVar(&e.service, "service", "", "only this service")
	f.StringVar(&e.status, "status", "", "only this status")
	f.BoolVar(&e.sealed, "sealed", false, "with the requests of sealed services")
}

// table adds the flags of a single table.
func (e *exporter) table(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.output, "output", "-", "`FILE` to write; - is standard output")
	cmd.Flags().StringVar(&e.separator, "separator", ";", "`SIGN` between the cells: ; or , or tab")
}

func newExportRequests(a *app) *cobra.Command {
	e := &exporter{app: a}
	cmd := &cobra.Command{
		Use: "requests", Short: "The requests as a table (CSV), one a line", Args: cobra.NoArgs,
		Long: "Writes the requests as they are at this moment, oldest first, while the daemon may run.\nTexts that a spreadsheet would take for formulas get an apostrophe before them.\n\n" + sealedHelp,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.run(cmd.Context(), func(ctx context.Context, x *export) error {
				separator, err := e.sign()
				if err != nil {
					return err
				}
				return e.toFile(func(w io.Writer) error { return x.requests(ctx, w, separator, !e.noMark) })
			})
		},
	}
	e.flags(cmd)
	e.table(cmd)
	cmd.Flags().BoolVar(&e.noMark, "no-bom", false, "without the mark of UTF-8 (BOM), for programs that trip over it; Excel needs it")
	return cmd
}

func newExportRegister(a *app) *cobra.Command {
	e := &exporter{app: a}
	var direction string
	var year int
	cmd := &cobra.Command{
		Use: "register", Short: "A register of mail as a table (CSV), as the desk gives it", Args: cobra.NoArgs,
		Long: "Writes the register of incoming or outgoing mail of a year, in the order of its numbers.\n\n" + sealedHelp,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := ingest.Direction(direction)
			if d != ingest.Incoming && d != ingest.Outgoing {
				return usageError{fmt.Errorf("--direction %q: in or out", direction)}
			}
			return e.run(cmd.Context(), func(ctx context.Context, x *export) error {
				separator, err := e.sign()
				if err != nil {
					return err
				}
				if year == 0 {
					year = time.Now().In(x.zone).Year()
				}
				from := time.Date(year, 1, 1, 0, 0, 0, 0, x.zone)
				x.filter.From, x.filter.To = from, from.AddDate(1, 0, 0)
				return e.toFile(func(w io.Writer) error { return x.register(ctx, w, d, separator) })
			})
		},
	}
	e.table(cmd)
	cmd.Flags().BoolVar(&e.sealed, "sealed", false, "with the mail of sealed services")
	cmd.Flags().StringVar(&direction, "direction", string(ingest.Incoming), "in or out")
	cmd.Flags().IntVar(&year, "year", 0, "the `YEAR` (default: this one)")
	return cmd
}

// export is an export under way.
type export struct {
	cfg    config.Config
	zone   *time.Location
	store  *store.Store
	frozen *store.Frozen
	filter store.ExportFilter
	warn   func(string)
}

// run opens the store, freezes it and calls f.
func (e *exporter) run(ctx context.Context, f func(context.Context, *export) error) error {
	return e.app.withStore(ctx, func(ctx context.Context, cfg config.Config, s *store.Store) error {
		x := &export{cfg: cfg, zone: zoneOf(cfg), store: s, warn: func(text string) { fmt.Fprintln(e.app.stderr, "saisine: "+printable(text)) }}
		if err := e.choose(ctx, x); err != nil {
			return err
		}
		return s.Freeze(ctx, func(z *store.Frozen) error {
			x.frozen = z
			return f(ctx, x)
		})
	})
}

// choose turns the flags into a filter.
func (e *exporter) choose(ctx context.Context, x *export) error {
	x.filter = store.ExportFilter{Category: e.category, Service: e.service, Status: ingest.Status(e.status)}
	all := []ingest.Status{ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}
	if e.status != "" && !slices.Contains(all, x.filter.Status) {
		return usageError{fmt.Errorf("--status %q: %s", e.status, joinNames(all))}
	}
	for _, f := range []struct {
		flag, text string
		days       int
		at         *time.Time
	}{{"--from", e.from, 0, &x.filter.From}, {"--to", e.to, 1, &x.filter.To}} {
		if f.text == "" {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, f.text, x.zone)
		if err != nil {
			return usageError{fmt.Errorf("%s %q is no day; write it as 2026-04-23", f.flag, f.text)}
		}
		*f.at = day.AddDate(0, 0, f.days)
	}
	if !x.filter.From.IsZero() && !x.filter.To.IsZero() && !x.filter.From.Before(x.filter.To) {
		return usageError{errors.New("--to lies before --from")}
	}
	if e.sealed {
		return nil
	}
	// As at the desk: the folders that mean a sealed service too, whose scans may be in no request.
	texts, err := readTexts(ctx, x.cfg)
	if err != nil {
		return err
	}
	x.filter.Viewer.Hidden, err = accountsOf(x.store, texts.rules, time.Now).hiddenFrom(ctx, nil)
	return err
}

func (e *exporter) sign() (rune, error) {
	switch e.separator {
	case ";":
		return spreadsheet.Semicolon, nil
	case ",":
		return spreadsheet.Comma, nil
	case "tab", "\t":
		return spreadsheet.Tab, nil
	}
	return 0, usageError{fmt.Errorf("--separator %q: ; or , or tab", e.separator)}
}

// toFile calls f with where the table goes. A file has its name only when it is whole.
func (e *exporter) toFile(f func(io.Writer) error) error {
	if e.output == "-" {
		w := bufio.NewWriter(e.app.stdout)
		if err := f(w); err != nil {
			return err
		}
		return w.Flush()
	}
	return exportWhole(e.output, f)
}

// exportWhole writes a file under a name of its own, and gives it its name when it is whole and
// on the disk. Only this user can read it.
func exportWhole(name string, f func(io.Writer) error) (err error) {
	part := name + ".part"
	_ = os.Remove(part) // of an export that was killed
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(part))
		}
	}()
	w := bufio.NewWriterSize(file, 256<<10)
	if err := f(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), file.Sync()); err != nil {
		return err
	}
	if err := os.Rename(part, name); err != nil {
		return err
	}
	if dir, derr := os.Open(filepath.Dir(name)); derr == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return file.Close()
}

// register writes the register of the filter's time.
func (x *export) register(ctx context.Context, w io.Writer, d ingest.Direction, separator rune) error {
	f := ingest.RegisterFilter{Direction: d, From: x.filter.From, To: x.filter.To}
	if f.To.IsZero() {
		f.To = time.Now().AddDate(1, 0, 0)
	}
	return desk.WriteRegister(w, d, separator, x.zone, func(line func(ingest.RegisterLine) error) error {
		return x.frozen.Register(ctx, x.filter.Viewer, f, line)
	})
}
