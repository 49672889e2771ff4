package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

func newConnectors(a *app) *cobra.Command {
	cmd := parent("connectors", "The town's other software that takes requests over")
	cmd.AddCommand(newConnectorsList(a), newConnectorsTest(a), newConnectorsDryRun(a), newConnectorsSend(a), newConnectorsPull(a), newConnectorsCases(a))
	return cmd
}

func noConnector(name string) error {
	return usageError{fmt.Errorf("no connector of the configuration is called %q; \"saisine connectors list\" shows them", name)}
}

func connectorNamed(cfg config.Config, name string) (config.Connector, error) {
	for _, c := range cfg.Connectors {
		if c.Name == name {
			return c, nil
		}
	}
	return config.Connector{}, noConnector(name)
}

// experimental marks the types that were never tried on the real program.
func experimental(kind string) string {
	if config.ExperimentalConnector(kind) {
		return kind + " (experimental)"
	}
	return kind
}

func newConnectorsList(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the connectors of the configuration", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.load(false)
			if err != nil {
				return err
			}
			out, tw := newJSONLines(a.stdout), tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			if !asJSON {
				fmt.Fprintln(tw, "NAME\tTYPE\tURL\tCATEGORIES")
			}
			for _, c := range cfg.Connectors {
				c = c.Redacted()
				if asJSON {
					err = out.print(map[string]any{
						"name": c.Name, "type": c.Type, "experimental": config.ExperimentalConnector(c.Type), "url": c.URL, "categories": view.List(c.Categories),
					})
				} else {
					_, err = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", c.Name, experimental(c.Type), c.URL, joinNames(c.Categories))
				}
				if err != nil {
					return err
				}
			}
			return tw.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func newConnectorsTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "test [NAME...]", Short: "Log in and look whether what the configuration names is there; changes nothing",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(true)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, c := range cfg.Connectors {
					args = append(args, c.Name)
				}
			}
			bad := false
			for _, name := range args {
				c, err := connectorNamed(cfg, name)
				if err != nil {
					return err
				}
				line, err := checkConnector(cmd.Context(), cfg, c)
				if err != nil {
					fmt.Fprintf(a.stderr, "saisine: %s: %v\n", name, err)
					bad = true
					continue
				}
				if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", name, line); err != nil {
					return err
				}
			}
			if bad {
				return errReported
			}
			return nil
		},
	}
}

func checkConnector(ctx context.Context, cfg config.Config, c config.Connector) (string, error) {
	connector, err := newConnector(cfg, c)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	line, err := connector.Check(ctx)
	if detail := handover.Detail(err); err != nil && detail != "" {
		err = fmt.Errorf("%w: %s", err, detail)
	}
	if err == nil && config.ExperimentalConnector(c.Type) {
		line += " (experimental: never tried on the real program)"
	}
	return line, err
}

// dryJSON is what would be handed over.
type dryJSON struct {
	Connector string         `json:"connector"`
	Type      string         `json:"type"`
	Reference string         `json:"reference"`
	Subject   string         `json:"subject"`
	Text      string         `json:"text"`
	Additions []additionJSON `json:"additions"`
}

type additionJSON struct {
	Submission string     `json:"submission"`
	Text       string     `json:"text"`
	Files      []fileJSON `json:"files"`
}

type fileJSON struct {
	Name   string `json:"name"` // as it is called at the other side
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func newConnectorsDryRun(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "dry-run NAME REF", Short: "Show what a connector would be given of a request; sends nothing", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				c, err := connectorNamed(cfg, args[0])
				if err != nil {
					return err
				}
				rules, err := readTexts(ctx, cfg)
				if err != nil {
					return err
				}
				h := &house{cfg: cfg, store: s, zone: zoneOf(cfg), rules: rules.rules}
				v, err := (&handovers{h: h, now: time.Now}).dryRun(ctx, c, args[1])
				if errors.Is(err, ingest.ErrNotFound) {
					return noRequest(args[1])
				}
				if err != nil || asJSON {
					return errors.Join(err, newJSONLines(a.stdout).print(v))
				}
				fmt.Fprintf(a.stdout, "%s (%s) would get of %s:\n\n%s\n\n%s\n", c.Name, experimental(c.Type), v.Reference, printable(v.Subject), printable(v.Text))
				for _, add := range v.Additions {
					fmt.Fprintf(a.stdout, "with submission %s: %s\n", add.Submission, orDash(oneLine(add.Text, 100)))
					for _, f := range add.Files {
						fmt.Fprintf(a.stdout, "  %s  %s  %d bytes\n", f.Name, f.Type, f.Size)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// dryRun collects what would be handed over of a request.
func (d *handovers) dryRun(ctx context.Context, c config.Connector, reference string) (dryJSON, error) {
	q, err := d.h.store.Request(ctx, reference)
	if err != nil {
		return dryJSON{}, err
	}
	about, err := d.caseOf(ctx, q)
	if err != nil {
		return dryJSON{}, err
	}
	v := dryJSON{Connector: c.Name, Type: c.Type, Reference: about.Reference, Subject: about.Subject, Text: handover.Describe(about), Additions: []additionJSON{}}
	for _, s := range q.Submissions {
		rec, err := d.h.store.Submission(ctx, s.ID)
		if err != nil {
			return v, err
		}
		err = d.withAddition(ctx, rec, openingOf(q), func(a handover.Addition) error {
			add := additionJSON{Submission: a.Key, Text: a.Text, Files: []fileJSON{}}
			names := handover.Names(a.Files)
			for i, f := range a.Files {
				add.Files = append(add.Files, fileJSON{names[i], f.Type, f.Size, f.SHA256})
			}
			v.Additions = append(v.Additions, add)
			return nil
		})
		if err != nil && !errors.Is(err, ingest.ErrNotYet) {
			return v, err
		}
	}
	return v, nil
}

func newConnectorsSend(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "send NAME REF...", Short: "Hand requests over that were filed before the connector was there, or are of another category", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				if _, err := connectorNamed(cfg, args[0]); err != nil {
					return err
				}
				bad := false
				var ids []string
				for _, reference := range args[1:] {
					id, err := s.HandOver(ctx, reference, args[0])
					switch {
					case errors.Is(err, ingest.ErrNotFound):
						fmt.Fprintf(a.stderr, "saisine: there is no request %q\n", reference)
						bad = true
					case errors.Is(err, ingest.ErrRefused):
						fmt.Fprintf(a.stderr, "saisine: %v\n", err)
						bad = true
					case err != nil:
						return err
					case id == "":
						fmt.Fprintf(a.stdout, "%s is there already, or on its way\n", reference)
					default:
						ids = append(ids, id)
						fmt.Fprintf(a.stdout, "%s is handed over\n", reference)
					}
				}
				a.wake(ctx, cfg, s, ids)
				if bad {
					return errReported
				}
				return nil
			})
		},
	}
}

func newConnectorsPull(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "pull [NAME...]", Short: "Ask now where the requests stand that were handed over, as the daemon does by itself",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOffice(cmd.Context(), func(ctx context.Context, o office) error {
				if err := o.cfg.ReadSecrets(); err != nil {
					return asUsage(err)
				}
				log, err := a.logger()
				if err != nil {
					return err
				}
				d, err := newHandovers(&house{cfg: o.cfg, store: o.store, log: log, zone: zoneOf(o.cfg), rules: o.rules})
				if err != nil {
					return err
				}
				for _, c := range o.cfg.Connectors {
					if len(args) > 0 && !slices.Contains(args, c.Name) {
						continue
					}
					c.Poll = 0 // all are due
					if err := newPulls(d).look(ctx, c); err != nil {
						return err
					}
				}
				for _, name := range args {
					if _, err := connectorNamed(o.cfg, name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func newConnectorsCases(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "cases REF", Short: "Show what other software has of a request", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				list, err := s.Handovers(ctx, args[0])
				if errors.Is(err, ingest.ErrNotFound) {
					return noRequest(args[0])
				}
				if err != nil {
					return err
				}
				out, tw := newJSONLines(a.stdout), tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(tw, "CONNECTOR\tSTATE\tCASE\tSTATUS THERE\tASKED\tURL\tTROUBLE")
				}
				for _, h := range list {
					v := view.OfHandover(h, zoneOf(cfg))
					if asJSON {
						err = out.print(v)
					} else {
						_, err = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Connector, v.State, orDash(oneLine(v.RemoteID, 80)), orDash(oneLine(v.RemoteStatus, 80)), orDash(v.CheckedAt), orDash(oneLine(v.RemoteURL, 200)), orDash(oneLine(v.Reason+" "+v.Trouble, 120)))
					}
					if err != nil {
						return err
					}
				}
				return tw.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}
