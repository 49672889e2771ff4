package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/view"
)

// deadlineFlags are what the command was called with.
type deadlineFlags struct {
	category, received, channel, file     string
	postmark, first, competent, completed string
	missing                               []string
	elsewhere, dayLater, asJSON           bool
}

func newDeadlines(a *app) *cobra.Command {
	var f deadlineFlags
	cmd := &cobra.Command{
		Use: "deadlines --category CODE --received TIME", Short: "Dry run: the deadlines of a request, and why",
		Long: `Shows each deadline that a request would have: its kind, date, what silence then
means, the rule and its article, and the computation step by step. Stores nothing and
needs no server.

Times are RFC 3339 (2026-04-23T18:30:00+02:00), or a day with or without a time
(2026-04-23, 2026-04-23T18:30), which is read on the town's clock (town.timezone). Public
holidays are those of town.holidays.`,
		Example: `  saisine deadlines --category voirie --received 2026-04-23
  saisine deadlines --category urbanisme --type declaration-prealable --received 2026-01-31
  saisine deadlines --category voirie --received 2026-03-02 --missing 2026-03-10,2026-04-10,2026-03-20
  saisine deadlines --category etat-civil --received 2026-04-03T23:59 --channel scan --postmark 2026-04-01 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(false)
			if err != nil {
				return err
			}
			plan, calendar, err := planDeadlines(cmd.Context(), cfg, f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return encodeDeadlines(a.stdout, a.stderr, plan, calendar.Zone())
			}
			return printDeadlines(a.stdout, plan)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.category, "category", "", "`CODE` of a category of the categories file")
	flags.StringVar(&f.received, "received", "", "`TIME` at which the town received it")
	flags.StringVar(&f.channel, "channel", string(ingest.ChannelMailbox), "how it came: "+joinNames(ingest.Channels()))
	flags.StringVar(&f.file, "type", "", "kind of file with a rule of its own: "+joinNames(notice.Procedures()))
	flags.StringVar(&f.postmark, "postmark", "", "`DAY` of a letter's stamp")
	flags.StringVar(&f.first, "first", "", "`TIME` at which another administration received it, which passed it on to the town")
	flags.BoolVar(&f.elsewhere, "elsewhere", false, "the town is not competent and has to pass it on")
	flags.StringVar(&f.competent, "competent", "", "`TIME` at which the competent administration received it from the town (implies --elsewhere)")
	flags.StringArrayVar(&f.missing, "missing", nil, "missing pieces, `ASKED,UNTIL[,CAME]`: when they were asked for, the last day of the time allowed, when they came; repeatable")
	flags.StringVar(&f.completed, "complete", "", "`TIME` at which the town found the file complete")
	flags.BoolVar(&f.dayLater, "one-day-later", false, "date implicit decisions one day later, as some tools do")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object a line; what sets no date goes to standard error")
	return cmd
}

func joinNames[T ~string](list []T) string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = string(n)
	}
	return strings.Join(names, ", ")
}

// planDeadlines computes what the flags describe. Its errors are wrong usage.
func planDeadlines(ctx context.Context, cfg config.Config, f deadlineFlags) (notice.Plan, notice.Calendar, error) {
	calendar, err := notice.NewCalendar(zoneOf(cfg), cfg.Town.Holidays)
	if err != nil {
		return notice.Plan{}, calendar, usageError{err}
	}
	if f.dayLater {
		calendar = calendar.OneDayLater()
	}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return notice.Plan{}, calendar, err
	}
	c, category, err := deadlineCase(f, texts.rules.File(), calendar.Zone())
	if err != nil {
		return notice.Plan{}, calendar, usageError{err}
	}
	plan, err := calendar.Plan(c)
	if err != nil {
		return plan, calendar, usageError{err}
	}
	if note := category.Silence.Note; note != "" && f.file == "" {
		plan.Remarks = append(plan.Remarks, notice.Step{Text: "Exceptions de la catégorie : " + note})
	}
	return plan, calendar, nil
}

// deadlineCase reads the flags.
func deadlineCase(f deadlineFlags, file *classify.File, zone *time.Location) (notice.Case, classify.Category, error) {
	codes := make([]string, len(file.Categories))
	for i, c := range file.Categories {
		codes[i] = c.Code
	}
	category, ok := file.Category(f.category)
	switch {
	case f.category == "":
		return notice.Case{}, category, fmt.Errorf("--category is missing; the codes are %s", strings.Join(codes, ", "))
	case !ok:
		return notice.Case{}, category, fmt.Errorf("--category: %q is no code of the categories file; the codes are %s", f.category, strings.Join(codes, ", "))
	case f.received == "":
		return notice.Case{}, category, errors.New("--received is missing; give the time of reception, such as 2026-04-23T18:30")
	}
	c := notice.Case{Rule: noticeRule(category, notice.Procedure(f.file)), Channel: ingest.Channel(f.channel), Elsewhere: f.elsewhere || f.competent != ""}
	for _, t := range []struct {
		flag, value string
		to          *time.Time
	}{
		{"--received", f.received, &c.Received},
		{"--first", f.first, &c.First},
		{"--competent", f.competent, &c.Competent},
		{"--complete", f.completed, &c.Complete},
	} {
		if t.value == "" {
			continue
		}
		var err error
		if *t.to, err = parseMoment(t.value, zone); err != nil {
			return c, category, fmt.Errorf("%s: %w", t.flag, err)
		}
	}
	if f.postmark != "" {
		var err error
		if c.Postmark, err = notice.ParseDay(f.postmark); err != nil {
			return c, category, fmt.Errorf("--postmark: %w", err)
		}
	}
	for _, m := range f.missing {
		asked, err := parseAsked(m, zone)
		if err != nil {
			return c, category, fmt.Errorf("--missing: %w", err)
		}
		c.Missing = append(c.Missing, asked)
	}
	return c, category, nil
}

// ruleArticles are the articles of categories of the built-in file whose silence has its
// rule outside the general law of CRPA L231-1 to L231-6.
var ruleArticles = map[string]string{"urbanisme": "code de l’urbanisme R*424-1, R*423-23"}

// noticeRule is what the categories file says of the silence on a request; a kind of file
// has its own rule.
func noticeRule(c classify.Category, procedure notice.Procedure) notice.Rule {
	if procedure != notice.Ordinary {
		return notice.Rule{Procedure: procedure}
	}
	r := notice.Rule{Sense: notice.Sense(c.Silence.Sense), Months: c.Silence.Months}
	if r.Sense == notice.Acceptance {
		r.Article = ruleArticles[c.Code]
	}
	return r
}

// momentForms are how a time may be written, those with an offset first.
var momentForms = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parseMoment reads a time; one without an offset is on the town's clock. One that the clock
// skips in spring, or shows twice in autumn, is of the same day either way.
func parseMoment(s string, zone *time.Location) (time.Time, error) {
	for _, form := range momentForms {
		if t, err := time.ParseInLocation(form, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write it as 2026-04-23, 2026-04-23T18:30 or 2026-04-23T18:30:00+02:00", s)
}

// parseAsked reads one --missing.
func parseAsked(s string, zone *time.Location) (notice.Asked, error) {
	parts := strings.Split(s, ",")
	if len(parts) < 2 || len(parts) > 3 {
		return notice.Asked{}, fmt.Errorf("%q must be ASKED,UNTIL or ASKED,UNTIL,CAME, such as 2026-03-10,2026-04-10", s)
	}
	var a notice.Asked
	var err error
	if a.At, err = parseMoment(parts[0], zone); err != nil {
		return a, err
	}
	if a.Until, err = notice.ParseDay(parts[1]); err != nil {
		return a, err
	}
	if len(parts) == 3 {
		a.CameAt, err = parseMoment(parts[2], zone)
	}
	return a, err
}

// deadlineLineJSON is one line of `saisine deadlines --json`. due and date are "" while
// there is no date; explanation says why.
type deadlineLineJSON struct {
	Kind        notice.Kind   `json:"kind"`
	Due         string        `json:"due"`
	Date        string        `json:"date"`
	Sense       notice.Sense  `json:"sense"`
	Who         notice.Who    `json:"who"`
	Rule        string        `json:"rule"`
	Article     string        `json:"article"`
	Explanation []notice.Step `json:"explanation"`
}

func encodeDeadlines(out, messages io.Writer, plan notice.Plan, zone *time.Location) error {
	enc := json.NewEncoder(out)
	for _, d := range plan.Deadlines {
		line := deadlineLineJSON{d.Kind, view.Time(d.Due, zone), d.Day.String(), d.Sense, d.Who, d.Rule, d.Article, d.Explanation}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	for _, r := range plan.Remarks {
		fmt.Fprintln(messages, sentence(r))
	}
	return nil
}

func printDeadlines(w io.Writer, plan notice.Plan) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tDATE\tSILENCE\tRULE\tARTICLE")
	for _, d := range plan.Deadlines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.Kind, orDash(d.Day.String()), orDash(string(d.Sense)), d.Rule, d.Article)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range plan.Deadlines {
		fmt.Fprintf(w, "\n%s\n", d.Kind)
		for _, s := range d.Explanation {
			fmt.Fprintf(w, "  %s\n", sentence(s))
		}
	}
	if len(plan.Remarks) > 0 {
		fmt.Fprintln(w)
	}
	for _, r := range plan.Remarks {
		fmt.Fprintln(w, sentence(r))
	}
	return nil
}

// sentence is a step with its article.
func sentence(s notice.Step) string {
	if s.Article == "" {
		return s.Text
	}
	return fmt.Sprintf("%s [%s]", s.Text, s.Article)
}
