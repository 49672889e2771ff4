package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// openStore opens the store beside a daemon that may be running. Commands that only
// look must not make one where none is.
func (a *app) openStore(ctx context.Context, cfg config.Config, log *slog.Logger) (*store.Store, error) {
	return a.openStoreWith(ctx, cfg, store.Options{Log: log})
}

func (a *app) openStoreWith(ctx context.Context, cfg config.Config, o store.Options) (*store.Store, error) {
	if err := cfg.ReadAddresses(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "saisine.db")); cfg.Database == "" && errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s yet; \"saisine serve\" makes it. Is data_dir the right one?", cfg.DataDir)
	}
	if len(cfg.Webhooks)+len(cfg.Connectors) > 0 {
		// What a command does is told of and handed over as the daemon would.
		texts, err := readTexts(ctx, cfg)
		if err != nil {
			return nil, err
		}
		o.Partners = partnersOf(cfg, texts.rules)
	}
	o.NoMigration = true
	return openConfigured(ctx, cfg, o)
}

// office is what the acts of a person on requests work with.
type office struct {
	cfg       config.Config
	rules     *classify.Rules
	templates letterTexts
	secretary *notice.Secretary
	store     *store.Store
}

// withOffice runs f with the configured store, and with who decides on letters. What f has
// caused to be delivered is handed to the daemon that runs.
func (a *app) withOffice(ctx context.Context, f func(context.Context, office) error) error {
	cfg, log, err := a.begin(false)
	if err != nil {
		return err
	}
	o := office{cfg: cfg}
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	texts.warn(ctx, log)
	o.rules, o.templates = texts.rules, texts.templates
	if o.secretary, err = newSecretary(cfg, o.rules); err != nil {
		return err
	}
	var caused []string
	o.store, err = a.openStoreWith(ctx, cfg, store.Options{
		Log: log, Correspondence: o.secretary, OnOutbox: func(n ingest.OutboxNotice) { caused = append(caused, n.ID) },
	})
	if err != nil {
		return err
	}
	err = f(ctx, o)
	if len(caused) > 0 {
		a.wake(ctx, cfg, o.store, caused)
	}
	return errors.Join(err, o.store.Close())
}

// mailroom makes letters by the way of a command; it sends nothing itself.
func (o office) mailroom(ctx context.Context) (*mailroom, error) {
	key, err := o.store.Secret(ctx, "follow")
	if err != nil {
		return nil, err
	}
	return newMailroom(o.cfg, o.store, o.secretary, o.templates, ingest.Tokens{Key: key})
}

// withStore runs f with the configured store.
func (a *app) withStore(ctx context.Context, f func(context.Context, config.Config, *store.Store) error) error {
	cfg, log, err := a.begin(false)
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, cfg, s), s.Close())
}

// parent is a command that only holds others.
func parent(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return usageError{fmt.Errorf("saisine %s needs one of the commands above", name)}
		},
	}
}

func newRequests(a *app) *cobra.Command {
	var asJSON bool
	cmd := parent("requests", "The requests")
	list := &cobra.Command{
		Use: "list", Short: "List the requests, oldest first, without those that were merged into another one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return listRequests(ctx, a.stdout, s, zoneOf(cfg), asJSON)
			})
		},
	}
	show := &cobra.Command{
		Use: "show REF", Short: "Show one request; of one that was merged, the one that it went into", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOffice(cmd.Context(), func(ctx context.Context, o office) error {
				return showRequest(ctx, a.stdout, o, args[0], asJSON)
			})
		},
	}
	for _, c := range []*cobra.Command{list, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
		cmd.AddCommand(c)
	}
	cmd.AddCommand(newRequestActs(a)...)
	return cmd
}

// showRequest prints a request with its history.
func showRequest(ctx context.Context, w io.Writer, o office, reference string, asJSON bool) error {
	s, zone := o.store, zoneOf(o.cfg)
	q, err := s.Request(ctx, reference)
	if errors.Is(err, ingest.ErrNotFound) {
		return noRequest(reference)
	}
	if err != nil {
		return err
	}
	history, err := s.History(ctx, reference)
	if err != nil {
		return err
	}
	facts, err := s.DeadlineFacts(ctx, reference)
	if err != nil {
		return err
	}
	plan, _ := o.secretary.Plan(facts)
	if asJSON {
		v := view.OfRequest(q, zone)
		v.History = view.OfHistory(history, zone)
		explainDeadlines(v.Deadlines, plan)
		return newJSONLines(w).print(v)
	}
	return printRequest(w, q, history, plan, zone)
}

func listRequests(ctx context.Context, w io.Writer, s *store.Store, zone *time.Location, asJSON bool) error {
	if asJSON {
		out := newJSONLines(w)
		return s.Requests(ctx, func(q ingest.Request) error { return out.print(view.OfRequest(q, zone)) })
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "REFERENCE\tOPENED\tCHANNEL\tSTATUS\tCATEGORY\tREVIEW\tPIECES\tSUBJECT")
	err := s.Requests(ctx, func(q ingest.Request) error {
		channel := ""
		if len(q.Submissions) > 0 {
			channel = string(q.Submissions[0].Channel)
		}
		_, err := fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", q.Reference, q.OpenedAt.In(zone).Format("2006-01-02 15:04"),
			channel, q.Status, orDash(q.Category), yesNo(q.NeedsReview), len(q.Submissions),
			oneLine(map[bool]string{true: urgentMark + " "}[len(q.Urgent) > 0]+q.Subject, 60))
		return err
	})
	return errors.Join(err, tw.Flush())
}

// urgentMark catches the eye where a message speaks of danger.
const urgentMark = "!!"

func printRequest(w io.Writer, q ingest.Request, history []store.Event, plan notice.Plan, zone *time.Location) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(tw, "%s\t%s\n", name, oneLine(value, 500)) }
	row("reference", q.Reference)
	if len(q.Urgent) > 0 {
		row(urgentMark+" URGENT", strings.Join(q.Urgent, ", "))
	}
	if len(q.MergedFrom) > 0 {
		row("merged into it", strings.Join(q.MergedFrom, ", "))
	}
	row("status", string(q.Status))
	row("opened", view.Time(q.OpenedAt, zone))
	row("category", fmt.Sprintf("%s (confidence %.2f%s)", orDash(q.Category), q.Confidence, map[bool]string{true: ", to review"}[q.NeedsReview]))
	if q.SecondCategory != "" {
		row("second category", q.SecondCategory)
	}
	row("service", orDash(q.Service))
	for _, r := range q.Reasons {
		row("  reason", r)
	}
	row("sender", strings.Join(nonEmpty(q.Sender.Name, q.Sender.Email, q.Sender.Phone, q.Sender.Address), ", "))
	row("place", orDash(q.Place))
	for _, s := range q.Submissions {
		row("piece", fmt.Sprintf("%s  %s  %s  %s", s.ID, s.Channel, s.Link, view.Time(s.ReceivedAt, zone)))
	}
	for _, h := range q.Handovers {
		row("handed over", strings.Join(nonEmpty(h.Connector, string(h.State), prefixed("case ", h.RemoteID), h.RemoteStatus, h.RemoteURL, oneLine(h.Reason, 120)), "  "))
	}
	for _, s := range q.Suggestions {
		row(cmp.Or(suggestionLabels[s.Kind], "see also"), fmt.Sprintf("%s (%.2f): %s", s.Reference, s.Score, s.Why))
	}
	for _, d := range q.Deadlines {
		row("deadline", deadlineLine(d, zone))
		for _, p := range plan.Deadlines {
			if string(p.Kind) == d.Kind && p.Day.String() == d.Day {
				for _, s := range p.Explanation {
					row("  why", sentence(s))
				}
			}
		}
	}
	for _, m := range q.Mails {
		row("mail", mailLine(m, zone))
	}
	for _, e := range history {
		if act := told(e); act != "" {
			row("history", view.Time(e.At, zone)+"  "+act)
		}
	}
	row("subject", q.Subject)
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", printable(q.Text))
	return err
}

func newSubmissions(a *app) *cobra.Command {
	var asJSON bool
	var state string
	cmd := parent("submissions", "The ledger: all that came in")
	list := &cobra.Command{
		Use: "list", Short: "List the submissions, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st := ingest.State(state)
			if st != "" && st != ingest.StateReceived && !st.Final() {
				return usageError{fmt.Errorf("--state %q: received, filed, set_aside or failed", state)}
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return listSubmissions(ctx, a.stdout, s, zoneOf(cfg), st, asJSON)
			})
		},
	}
	list.Flags().StringVar(&state, "state", "", "only these: received, filed, set_aside or failed")
	show := &cobra.Command{
		Use: "show ID", Short: "Show one submission", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				rec, err := findSubmission(ctx, s, args[0])
				if err != nil {
					return err
				}
				v, err := showSubmission(ctx, s, rec, zoneOf(cfg))
				if err != nil {
					return err
				}
				if asJSON {
					return newJSONLines(a.stdout).print(v)
				}
				return printSubmission(a.stdout, rec, v, zoneOf(cfg))
			})
		},
	}
	for _, c := range []*cobra.Command{list, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
		cmd.AddCommand(c)
	}
	cmd.AddCommand(newFetch(a, "original", "Write the bytes of a submission as they came in", fetchOriginal))
	cmd.AddCommand(newRelease(a))
	cmd.AddCommand(newFetch(a, "copy", "Write the searchable copy of a scan or letter (PDF)", fetchCopy))
	return cmd
}

func listSubmissions(ctx context.Context, w io.Writer, s *store.Store, zone *time.Location, state ingest.State, asJSON bool) error {
	if asJSON {
		out := newJSONLines(w)
		return s.Submissions(ctx, state, func(r ingest.Record) error { return out.print(view.OfSubmission(r, zone)) })
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tRECEIVED\tCHANNEL\tSTATE\tREQUEST\tLINK\tSUBJECT OR REASON")
	err := s.Submissions(ctx, state, func(r ingest.Record) error {
		what := r.Reason
		if what == "" && r.Reading != nil {
			what = r.Reading.Subject
		}
		_, err := fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.ReceivedAt.In(zone).Format("2006-01-02 15:04"),
			r.Channel, r.State, orDash(r.Request), orDash(string(r.Link)), oneLine(what, 60))
		return err
	})
	return errors.Join(err, tw.Flush())
}

func printSubmission(w io.Writer, rec ingest.Record, v view.Submission, zone *time.Location) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(tw, "%s\t%s\n", name, oneLine(value, 500)) }
	row("id", rec.ID)
	row("channel", fmt.Sprintf("%s (%s)", rec.Channel, rec.Account))
	row("source", rec.SourceKey)
	row("received", view.Time(rec.ReceivedAt, zone))
	row("antivirus", virusLine(rec.Verdict, zone))
	row("original", fmt.Sprintf("%d bytes, %s, sha256 %s", rec.Size, rec.MediaType, rec.SHA256))
	row("state", strings.TrimSuffix(fmt.Sprintf("%s: %s", rec.State, rec.Reason), ": "))
	row("request", strings.TrimSpace(orDash(rec.Request)+" "+string(rec.Link)))
	row("from", strings.Join(nonEmpty(v.From.Name, v.From.Email, v.From.Phone, v.From.Address), ", "))
	row("subject", v.Subject)
	for _, at := range v.Attachments {
		row("attachment", fmt.Sprintf("%s, %s, %d bytes", at.Name, at.Type, at.Size))
	}
	if v.Date != "" {
		row("its own date", v.Date)
	}
	if v.Postmark != "" {
		row("postmark", v.Postmark)
	}
	if f := v.Letter; f != nil {
		row("letter", strings.Join(nonEmpty(prefixed("your ref. ", f.YourRef), prefixed("our ref. ", f.OurRef), prefixed("signed ", f.Signature),
			prefixed("enclosed ", strings.Join(f.Enclosures, ", ")), map[bool]string{true: "registered"}[f.Registered]), "; "))
	}
	for _, p := range v.Parents {
		row("made from", p)
	}
	for _, l := range v.Letters {
		row("letter in it", l)
	}
	if c := v.Copy; c != nil {
		row("searchable copy", strings.Join(nonEmpty(c.Reason, prefixed("sha256 ", c.SHA256), map[bool]string{true: "PDF/A"}[c.PDFA]), ", "))
	}
	for _, p := range v.Problems {
		row("problem", p.Code+": "+p.Detail)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", printable(v.Text))
	return err
}

type deliveryJSON struct {
	ID         string             `json:"id"`
	Kind       string             `json:"kind"`
	Submission string             `json:"submission"`
	Request    string             `json:"request"`
	State      ingest.OutboxState `json:"state"`
	Reason     string             `json:"reason"`
	CreatedAt  string             `json:"created_at"`
}

func newDeliveries(a *app) *cobra.Command {
	var asJSON bool
	var state string
	cmd := parent("deliveries", "The outbox: all that leaves the house")
	list := &cobra.Command{
		Use: "list", Short: "List the deliveries of a state, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st := ingest.OutboxState(state)
			if st != ingest.OutboxPending && st != ingest.OutboxDelivered && st != ingest.OutboxFailed {
				return usageError{fmt.Errorf("--state %q: pending, delivered or failed", state)}
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return listDeliveries(ctx, a.stdout, s, zoneOf(cfg), st, asJSON)
			})
		},
	}
	list.Flags().StringVar(&state, "state", string(ingest.OutboxFailed), "pending, delivered or failed")
	list.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.AddCommand(list)
	return cmd
}

func listDeliveries(ctx context.Context, w io.Writer, s *store.Store, zone *time.Location, state ingest.OutboxState, asJSON bool) error {
	out := newJSONLines(w)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(tw, "ID\tCREATED\tKIND\tSUBMISSION\tREQUEST\tSTATE\tREASON")
	}
	err := s.Deliveries(ctx, state, func(o ingest.OutboxItem) error {
		if asJSON {
			return out.print(deliveryJSON{o.ID, o.Kind, o.Submission, o.Request, o.State, o.Reason, view.Time(o.CreatedAt, zone)})
		}
		_, err := fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.CreatedAt.In(zone).Format("2006-01-02 15:04"),
			o.Kind, orDash(o.Submission), orDash(o.Request), o.State, oneLine(o.Reason, 80))
		return err
	})
	return errors.Join(err, tw.Flush())
}

func noRequest(reference string) error {
	return fmt.Errorf("there is no request %q; \"saisine requests list\" shows them", reference)
}

// prefixed is s after a word, or "" when s is.
func prefixed(word, s string) string {
	if s == "" {
		return ""
	}
	return word + s
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func nonEmpty(ss ...string) []string {
	var out []string
	for _, s := range ss {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// printable keeps foreign text from steering the terminal: control characters other
// than the line break and tab become spaces.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0)) {
			return ' '
		}
		return r
	}, s)
}

func oneLine(s string, max int) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if r := []rune(s); len(r) > max {
		return string(r[:max-1]) + "…"
	}
	return s
}
