package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

func newMails(a *app) *cobra.Command {
	var asJSON, raw bool
	var state string
	cmd := parent("mails", "What the town wrote: receipts, notices, letters to print")
	list := &cobra.Command{
		Use: "list", Short: "List the mails, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(ingest.MailStates(), ingest.MailState(state)) {
				return usageError{fmt.Errorf("--state %q: %s", state, joinNames(ingest.MailStates()))}
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return listMails(ctx, a.stdout, s, zoneOf(cfg), ingest.MailState(state), asJSON)
			})
		},
	}
	list.Flags().StringVar(&state, "state", "", "only these: "+joinNames(ingest.MailStates()))
	show := &cobra.Command{
		Use: "show ID", Short: "Show one mail, with the journal's lines about it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return showMail(ctx, a.stdout, s, zoneOf(cfg), args[0], raw, asJSON)
			})
		},
	}
	show.Flags().BoolVar(&raw, "raw", false, "the bytes as they were sent or printed")
	for _, c := range []*cobra.Command{list, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
		cmd.AddCommand(c)
	}
	return cmd
}

func listMails(ctx context.Context, w io.Writer, s *store.Store, zone *time.Location, state ingest.MailState, asJSON bool) error {
	if asJSON {
		out := newJSONLines(w)
		return s.Mails(ctx, state, func(m ingest.Mail) error { return out.print(view.OfMail(m, zone)) })
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tKIND\tSTATE\tREQUEST\tTO\tREASON")
	err := s.Mails(ctx, state, func(m ingest.Mail) error {
		_, err := fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Kind, m.State, orDash(m.Request), orDash(oneLine(m.To, 40)), oneLine(m.Reason, 80))
		return err
	})
	return errors.Join(err, tw.Flush())
}

func showMail(ctx context.Context, w io.Writer, s *store.Store, zone *time.Location, id string, raw, asJSON bool) error {
	m, err := s.Mail(ctx, id)
	if errors.Is(err, ingest.ErrNotFound) {
		return fmt.Errorf("there is no mail %q; \"saisine mails list\" shows them", id)
	}
	if err != nil {
		return err
	}
	content, err := s.MailContent(ctx, id)
	if err != nil {
		return err
	}
	if raw {
		if content == nil {
			return fmt.Errorf("mail %s is not made yet: it is %s", id, m.State)
		}
		_, err := w.Write(content)
		return err
	}
	lines, err := s.Journal(ctx, id)
	if err != nil {
		return err
	}
	v := view.OfMail(m, zone)
	for _, l := range lines {
		v.Journal = append(v.Journal, view.JournalLine{Seq: l.Seq, At: view.Time(l.At, zone), Kind: l.Kind, SHA256: l.SHA256, Detail: l.Detail, Hash: l.Hash})
	}
	if asJSON {
		return newJSONLines(w).print(v)
	}
	fmt.Fprintln(w, mailLine(m, zone))
	for _, l := range v.Journal {
		fmt.Fprintf(w, "  %d  %s  %s  %s\n", l.Seq, l.At, l.Kind, oneLine(string(l.Detail), 200))
	}
	if !m.OnPaper() && content != nil {
		fmt.Fprintf(w, "\n%s\n", printable(string(content)))
	}
	return nil
}
