package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// eliminator is one call of "saisine eliminate".
type eliminator struct {
	app *app
	// What to do; one of them.
	propose, lists, holds   bool
	show, approve, exportOf int64
	hold, unhold, apply     string
	// How.
	category, before, by, visa, sum, because, out, pdf string
	yes, asJSON, compact                               bool
}

func newEliminate(a *app) *cobra.Command {
	e := &eliminator{app: a}
	cmd := &cobra.Command{
		Use: "eliminate", Short: "Propose what may be destroyed, and destroy what an administrator approved",
		Long: `Files are public archives: none is destroyed without a list (bordereau d'élimination) and the
visa of the archives (code du patrimoine L212-2, R212-14). So there are two steps.

  saisine eliminate --propose             makes a numbered list of what is closed and whose time
                                          is over, by the rules of the categories file
                                          (retention:), and destroys nothing
  saisine eliminate --approve N --by LOGIN --visa TEXT
                                          destroys what is on the list N; LOGIN is an
                                          administrator of the desk

What has changed since the proposal is left out, and the list says why. An elimination that was
cut short goes on when it is approved again. It can run beside the daemon. What was eliminated
keeps its number, its category and its dates, and nothing about a person.

  saisine eliminate --hold REF --because TEXT   keeps a request, whatever its age (lawsuit)
  saisine eliminate --unhold REF                ends that; --holds lists them
  saisine eliminate --lists, --show N           the lists so far; one of them
  saisine eliminate --export N [FILE]           the tombstones of the list N (0: of all): keep
                                                them beside your backups
  saisine eliminate --apply FILE                eliminates again after an older backup was
                                                restored`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 && (e.exportOf < 0 || len(args) > 1) {
				return fmt.Errorf("unknown argument %q", args[len(args)-1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				e.out = args[0]
			}
			act, err := e.act(cmd)
			if err != nil {
				return usageError{err}
			}
			return a.withStore(cmd.Context(), act)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&e.propose, "propose", false, "make a list of what may be destroyed, and print it; destroys nothing")
	f.StringVar(&e.category, "category", "", "of this category only, by its `CODE`")
	f.StringVar(&e.before, "before", "", "only what was over before this `DATE` (2026-04-23)")
	f.StringVar(&e.out, "out", "-", "`FILE` for the list; - is standard output")
	f.StringVar(&e.pdf, "pdf", "", "`FILE` for the list as PDF, to be signed")
	f.Int64Var(&e.approve, "approve", 0, "approve the list `N` and carry it out, or go on with it")
	f.StringVar(&e.by, "by", "", "the `LOGIN` of the administrator who approves")
	f.StringVar(&e.visa, "visa", "", "the archives' visa: its number and date, as `TEXT`")
	f.StringVar(&e.sum, "sha256", "", "refuse a list with another `HASH` than the one that was shown")
	f.BoolVar(&e.yes, "yes", false, "do not ask for the number of the list again")
	f.BoolVar(&e.compact, "compact", false, "write the whole database file anew afterwards: once, after an upgrade from a version that did not overwrite what it deleted; nothing can be written meanwhile")
	f.StringVar(&e.hold, "hold", "", "keep the request `REF`, whatever its age")
	f.StringVar(&e.because, "because", "", "why it is kept, as `TEXT`")
	f.StringVar(&e.unhold, "unhold", "", "end the hold of the request `REF`")
	f.BoolVar(&e.holds, "holds", false, "list what is held")
	f.BoolVar(&e.lists, "lists", false, "list the lists")
	f.Int64Var(&e.show, "show", 0, "print the list `N` again, with what became of it")
	f.Int64Var(&e.exportOf, "export", -1, "write the tombstones of the list `N` (0: of all lists)")
	f.StringVar(&e.apply, "apply", "", "eliminate again what the tombstones in `FILE` name")
	f.BoolVar(&e.asJSON, "json", false, "one JSON object a line")
	return cmd
}

// act is what the flags ask for; an error is wrong usage.
func (e *eliminator) act(cmd *cobra.Command) (func(context.Context, config.Config, *store.Store) error, error) {
	acts := map[string]func(context.Context, config.Config, *store.Store) error{
		"propose": e.doPropose, "approve": e.doApprove, "hold": e.doHold, "unhold": e.doUnhold, "holds": e.doHolds,
		"lists": e.doLists, "show": e.doShow, "export": e.doExport, "apply": e.doApply,
	}
	var found []string
	for name := range acts {
		if cmd.Flags().Changed(name) {
			found = append(found, name)
		}
	}
	switch {
	case len(found) != 1:
		return nil, errors.New("give one of --propose, --approve, --show, --lists, --hold, --unhold, --holds, --export, --apply")
	case found[0] == "approve" && e.by == "":
		return nil, errors.New("--by is missing: the login of the administrator who approves")
	case found[0] == "hold" && strings.TrimSpace(e.because) == "":
		return nil, errors.New("--because is missing: say why the request is kept")
	case found[0] == "export" && e.exportOf < 0:
		return nil, errors.New("--export: the number of a list, or 0 for all")
	}
	return acts[found[0]], nil
}

func (e *eliminator) doPropose(ctx context.Context, cfg config.Config, s *store.Store) error {
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	file := texts.rules.File()
	q := store.EliminationQuery{Retention: file.Kept(), Category: e.category}
	if e.before != "" {
		if q.Before, err = parseMoment(e.before, zoneOf(cfg)); err != nil {
			return usageError{fmt.Errorf("--before: %w", err)}
		}
		if q.Before.After(time.Now()) {
			return usageError{errors.New("--before: nothing is over in the future")}
		}
	}
	if _, ok := file.Category(e.category); e.category != "" && !ok {
		return usageError{fmt.Errorf("--category: %q is no code of the categories file", e.category)}
	}
	list, spared, err := s.Propose(ctx, q)
	if err != nil {
		return err
	}
	b := bordereau{list: list, spared: spared, town: cfg.Town.Name, zone: zoneOf(cfg), labels: labelsOf(file)}
	if err := e.print(b); err != nil {
		return err
	}
	if list.Number == 0 {
		fmt.Fprintln(e.app.stderr, "nothing to propose; no list was made")
		return nil
	}
	fmt.Fprintf(e.app.stderr, "list %d: %d lines; nothing is destroyed. With the visa of the archives: saisine eliminate --approve %d --by LOGIN --visa TEXT --sha256 %s\n",
		list.Number, len(list.Lines), list.Number, list.SHA256)
	return nil
}

// print writes a list where the flags want it.
func (e *eliminator) print(b bordereau) error {
	if e.pdf != "" && b.list.Number != 0 {
		var buf bytes.Buffer
		if err := b.writePDF(&buf); err != nil {
			return err
		}
		if err := writeWhole(e.pdf, buf.Bytes()); err != nil {
			return err
		}
	}
	var buf bytes.Buffer
	write := b.writeText
	if e.asJSON {
		write = b.writeJSON
	}
	if err := write(&buf); err != nil {
		return err
	}
	if e.out == "-" || e.out == "" {
		_, err := e.app.stdout.Write(buf.Bytes())
		return err
	}
	return writeWhole(e.out, buf.Bytes())
}

func (e *eliminator) doShow(ctx context.Context, cfg config.Config, s *store.Store) error {
	list, err := s.Elimination(ctx, e.show)
	if err != nil {
		return noList(err)
	}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	return e.print(bordereau{list: list, town: cfg.Town.Name, zone: zoneOf(cfg), labels: labelsOf(texts.rules.File())})
}

func noList(err error) error {
	if errors.Is(err, ingest.ErrNotFound) {
		return fmt.Errorf("%w; \"saisine eliminate --lists\" and \"saisine user list\" show what there is", err)
	}
	return err
}

func (e *eliminator) doLists(ctx context.Context, cfg config.Config, s *store.Store) error {
	lists, err := s.Eliminations(ctx)
	if err != nil {
		return err
	}
	for _, l := range lists {
		b := bordereau{list: l, zone: zoneOf(cfg)}
		if e.asJSON {
			err = newJSONLines(e.app.stdout).print(b.head())
		} else {
			_, err = fmt.Fprintf(e.app.stdout, "%d\t%s\tproposed %s\t%s\n", l.Number, l.State, l.ProposedAt.In(zoneOf(cfg)).Format(time.DateOnly), b.approval())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eliminator) doApprove(ctx context.Context, cfg config.Config, s *store.Store) error {
	list, err := s.Elimination(ctx, e.approve)
	if err != nil {
		return noList(err)
	}
	if list.State == store.ListExecuted {
		fmt.Fprintf(e.app.stderr, "list %d is carried out already: nothing to do\n", list.Number)
		return nil
	}
	if list.State == store.ListProposed {
		if e.visa == "" {
			fmt.Fprintln(e.app.stderr, "warning: no --visa. Public archives must not be destroyed without the visa of the archives (code du patrimoine R212-14, L214-3)")
		}
		if err := e.confirm(list); err != nil {
			return err
		}
	}
	if _, err := s.Approve(ctx, e.approve, e.sum, e.by, e.visa); err != nil {
		return noList(err)
	}
	list, err = s.Eliminate(ctx, e.approve, nil)
	if err != nil {
		return fmt.Errorf("%w (what is done is done; run the same again to go on)", err)
	}
	if e.compact {
		if err := s.Compact(ctx); err != nil {
			return err
		}
	}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	if err := e.print(bordereau{list: list, town: cfg.Town.Name, zone: zoneOf(cfg), labels: labelsOf(texts.rules.File())}); err != nil {
		return err
	}
	fmt.Fprintf(e.app.stderr, `list %d is carried out. Not saisine's to empty, and still to be done:
- the mails in the done folders of the mailboxes, and the scans in theirs (docs/retention.md)
- backups of before: keep the tombstones beside them (saisine eliminate --export 0 FILE), and let them run out
`, list.Number)
	return nil
}

// confirm asks for the number of the list again: what follows cannot be taken back.
func (e *eliminator) confirm(list store.Elimination) error {
	if e.yes {
		return nil
	}
	pieces := 0
	for _, l := range list.Lines {
		pieces += l.Pieces
	}
	fmt.Fprintf(e.app.stderr, "The list %d destroys %d lines with %d submissions for good. Type its number to go on: ", list.Number, len(list.Lines), pieces)
	line, err := bufio.NewReader(e.app.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != strconv.FormatInt(list.Number, 10) {
		return usageError{errors.New("that is not its number; nothing was destroyed (scripts give --yes)")}
	}
	return nil
}

func (e *eliminator) doHold(ctx context.Context, _ config.Config, s *store.Store) error {
	if err := s.Hold(ctx, e.hold, e.because, actor()); err != nil {
		return actError(err)
	}
	_, err := fmt.Fprintf(e.app.stdout, "%s is kept until \"saisine eliminate --unhold %s\"\n", e.hold, e.hold)
	return err
}

func (e *eliminator) doUnhold(ctx context.Context, _ config.Config, s *store.Store) error {
	if err := s.Unhold(ctx, e.unhold); err != nil {
		return actError(err)
	}
	_, err := fmt.Fprintf(e.app.stdout, "%s is no longer held\n", e.unhold)
	return err
}

// holdJSON is a line of --holds --json.
type holdJSON struct {
	Request string `json:"request"`
	Because string `json:"because"`
	Actor   string `json:"actor"`
	At      string `json:"at"`
}

func (e *eliminator) doHolds(ctx context.Context, cfg config.Config, s *store.Store) error {
	list, err := s.Holds(ctx)
	if err != nil {
		return err
	}
	for _, h := range list {
		at := h.At.In(zoneOf(cfg))
		if e.asJSON {
			err = newJSONLines(e.app.stdout).print(holdJSON{h.Reference, h.Because, h.Actor, at.Format(time.RFC3339)})
		} else {
			_, err = fmt.Fprintf(e.app.stdout, "%s\t%s\t%s\t%s\n", h.Reference, at.Format(time.DateOnly), h.Actor, oneLine(h.Because, 200))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eliminator) doExport(ctx context.Context, _ config.Config, s *store.Store) error {
	var buf bytes.Buffer
	var err error
	if e.exportOf == 0 {
		err = s.ExportTombstones(ctx, &buf)
	} else {
		err = s.ExportTombstonesOf(ctx, &buf, e.exportOf)
	}
	if err != nil {
		return noList(err)
	}
	if e.out == "-" || e.out == "" {
		_, err := e.app.stdout.Write(buf.Bytes())
		return err
	}
	return writeWhole(e.out, buf.Bytes())
}

func (e *eliminator) doApply(ctx context.Context, _ config.Config, s *store.Store) error {
	f, err := os.Open(e.apply)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n, err := s.ApplyTombstones(ctx, f)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.app.stdout, "%d lines were eliminated again\n", n)
	return err
}
