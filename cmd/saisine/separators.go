package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// sheetsMax bounds the pages of one file of separator sheets: a slip of the finger in
// --copies must not fill a printer.
const sheetsMax = 2000

// separators are the words of `saisine separators`.
type separators struct {
	app      *app
	services []string
	all      bool
	channel  string
	postmark string
	copies   int
	output   string
	force    bool
}

func newSeparators(a *app) *cobra.Command {
	s := &separators{app: a}
	cmd := &cobra.Command{
		Use: "separators", Short: "Make sheets that part several letters in one scan",
		Long: `Makes a PDF of A4 sheets to print. A clerk lays one before each letter of a stack
and sends the whole stack through the copier at once: each letter becomes a
submission of its own, and the sheets are not kept. The QR code on a sheet also says
for which service the letter is, how it came in and the day of its postmark, as far as
the sheet names them; it is on the sheet twice, so that a folded corner costs nothing.

Services are those of the categories file. A service may be written without capitals
and accents, or as the code of one of its categories. Without --service and --all there
is one plain sheet, which only separates. Print the sheets in their true size, on one side;
black and white will do.`,
		Example: `  saisine separators --output plain.pdf
  saisine separators --service "Service état civil" --service voirie --copies 5 --output sheets.pdf
  saisine separators --service urbanisme --channel counter --postmark 2026-03-02 | lp
  saisine separators --all --output all.pdf`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&s.services, "service", nil, "the `SERVICE` that the letters are for; may be repeated, one sheet for each")
	f.BoolVar(&s.all, "all", false, "one sheet for each service of the categories file")
	f.StringVar(&s.channel, "channel", "", "how the letters came in: scan or counter (default: that of the scan)")
	f.StringVar(&s.postmark, "postmark", "", "the day of their postmark, `YYYY-MM-DD`")
	f.IntVar(&s.copies, "copies", 1, "how many of each sheet")
	f.StringVarP(&s.output, "output", "o", "-", "`FILE` to write, or - for standard output")
	f.BoolVar(&s.force, "force", false, "overwrite the file if there is one")
	return cmd
}

func (s *separators) run(ctx context.Context) error {
	if s.output == "-" && isTerminal(s.app.stdout) {
		return usageError{errors.New("a PDF is nothing for a terminal: add --output FILE, or send it to a printer (| lp)")}
	}
	cfg, err := s.app.load(false)
	if err != nil {
		return err
	}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	sheets, err := s.sheets(texts.rules.File())
	if err != nil {
		return usageError{err}
	}
	var pdf bytes.Buffer
	if err := writeSheets(&pdf, sheets); err != nil {
		return err
	}
	if s.output == "-" {
		if _, err := s.app.stdout.Write(pdf.Bytes()); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	}
	if err := s.save(pdf.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(s.app.stderr, "Wrote %s, sheets: %d. Print it on A4, in true size, on one side.\n", s.output, len(sheets))
	return nil
}

// sheets says what each page is to say. Its errors are wrong usage.
func (s *separators) sheets(file *classify.File) ([]ingest.Separator, error) {
	plain := ingest.Separator{Channel: ingest.Channel(s.channel)}
	if s.postmark != "" {
		day, err := time.Parse(time.DateOnly, s.postmark)
		if err != nil {
			return nil, fmt.Errorf("--postmark %q: a day of the calendar, such as 2026-03-02", s.postmark)
		}
		plain.Postmark = day
	}
	names, err := s.names(file)
	if err != nil {
		return nil, err
	}
	if s.copies < 1 || s.copies > sheetsMax/max(1, len(names)) {
		return nil, fmt.Errorf("--copies %d: at least 1, and at most %d sheets in one file", s.copies, sheetsMax)
	}
	if len(names) == 0 {
		names = []string{""}
	}
	var sheets []ingest.Separator
	for _, name := range names {
		sheet := plain
		sheet.Service = name
		if err := sheet.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", orDash(name), err)
		}
		for range s.copies {
			sheets = append(sheets, sheet)
		}
	}
	return sheets, nil
}

// names lists the services that get a sheet, as the categories file writes them.
func (s *separators) names(file *classify.File) ([]string, error) {
	if s.all && len(s.services) > 0 {
		return nil, errors.New("--all and --service exclude each other")
	}
	var all []string
	byKey := map[string]string{}
	for _, c := range file.Categories {
		name := c.Service.Name
		if k := serviceKey(name); byKey[k] == "" {
			byKey[k] = name
			all = append(all, name)
		}
	}
	for _, c := range file.Categories {
		// A name goes before a code that reads the same.
		if k := serviceKey(c.Code); byKey[k] == "" {
			byKey[k] = c.Service.Name
		}
	}
	if s.all {
		return all, nil
	}
	var names []string
	for _, asked := range s.services {
		name := byKey[serviceKey(asked)]
		if name == "" {
			return nil, fmt.Errorf("there is no service %q; the services of the categories file are:\n  %s", asked, strings.Join(all, "\n  "))
		}
		names = append(names, name)
	}
	return names, nil
}

// serviceKey folds a name as people type it: case, accents, the shape of the apostrophe
// and runs of spaces make no difference.
func serviceKey(name string) string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == '’':
			return '\''
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(name))
	return strings.Join(strings.Fields(folded), " ")
}

// save writes the file.
func (s *separators) save(pdf []byte) error {
	flag := os.O_EXCL
	if s.force {
		flag = os.O_TRUNC
	}
	err := writeFile(s.output, flag, 0o644, bytes.NewReader(pdf)) // nothing on a sheet is secret, and others print it
	if os.IsExist(err) {
		return usageError{fmt.Errorf("%s exists already; it is left alone. Choose another name, or add --force", s.output)}
	}
	return err
}

// isTerminal reports whether somebody sees what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
