package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

func newWebhooks(a *app) *cobra.Command {
	cmd := parent("webhooks", "What other programs are told of, by Standard Webhooks")
	cmd.AddCommand(newWebhooksList(a), newWebhooksSecret(a), newWebhooksTest(a), newWebhooksLog(a), newWebhooksReplay(a), newWebhooksEnable(a))
	return cmd
}

func newWebhooksSecret(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "secret", Short: "Print a new secret, for secret_file and the other side", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.stdout, webhook.NewSecret())
			return err
		},
	}
}

func newWebhooksList(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the endpoints of the configuration, and which are off", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				out, tw := newJSONLines(a.stdout), tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(tw, "NAME\tURL\tSTATE")
				}
				for _, w := range cfg.Webhooks {
					why, err := s.WebhookOff(ctx, w.Name)
					if err != nil {
						return err
					}
					w = w.Redacted()
					if asJSON {
						err = out.print(map[string]any{"name": w.Name, "url": w.URL, "events": view.List(w.Events), "categories": view.List(w.Categories), "off": why})
					} else {
						_, err = fmt.Fprintf(tw, "%s\t%s\t%s\n", w.Name, w.URL, map[bool]string{true: "on", false: "off: " + why}[why == ""])
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

func noWebhook(name string) error {
	return usageError{fmt.Errorf("no webhook of the configuration is called %q; \"saisine webhooks list\" shows them", name)}
}

func newWebhooksTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Send an endpoint an event of the kind webhook.test, at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(true)
			if err != nil {
				return err
			}
			w, ok := partners{cfg: cfg}.webhook(args[0])
			if !ok {
				return noWebhook(args[0])
			}
			r, err := testWebhook(cmd.Context(), cfg, w)
			if err != nil {
				return fmt.Errorf("%s: %w", w.Name, err)
			}
			_, err = fmt.Fprintf(a.stdout, "%s answered %d in %s\n", w.Name, r.Status, r.Duration.Round(time.Millisecond))
			return err
		},
	}
}

type tryJSON struct {
	At     string `json:"at"`
	TookMS int64  `json:"took_ms"`
	Status int    `json:"status"`
	Said   string `json:"said"`
}

type sentJSON struct {
	ID       string             `json:"id"`
	Endpoint string             `json:"endpoint"`
	Type     string             `json:"type"`
	Request  string             `json:"request"`
	State    ingest.OutboxState `json:"state"`
	Reason   string             `json:"reason"`
	At       string             `json:"at"`
	Tries    []tryJSON          `json:"tries"`
}

func newWebhooksLog(a *app) *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use: "log [NAME]", Short: "Show what was told, or is to be told, and every try; the newest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			endpoint := ""
			if len(args) > 0 {
				endpoint = args[0]
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				out, tw := newJSONLines(a.stdout), tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(tw, "ID\tENDPOINT\tEVENT\tREQUEST\tSTATE\tTRIES\tLAST")
				}
				err := s.Webhooks(ctx, endpoint, limit, func(o ingest.OutboxItem) error {
					v, err := viewSent(ctx, s, o, zoneOf(cfg))
					if err != nil {
						return err
					}
					if asJSON {
						return out.print(v)
					}
					last := "-"
					if n := len(v.Tries); n > 0 {
						last = v.Tries[n-1].At + " " + strconv.Itoa(v.Tries[n-1].Status) + " " + oneLine(v.Tries[n-1].Said, 80)
					}
					_, err = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", v.ID, v.Endpoint, v.Type, orDash(v.Request), v.State, len(v.Tries), last)
					return err
				})
				return errors.Join(err, tw.Flush())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many; 0 = all")
	return cmd
}

func viewSent(ctx context.Context, s *store.Store, o ingest.OutboxItem, zone *time.Location) (sentJSON, error) {
	v := sentJSON{ID: o.ID, Request: o.Request, State: o.State, Reason: o.Reason, At: view.Time(o.CreatedAt, zone), Tries: []tryJSON{}}
	var p store.WebhookPayload
	if err := json.Unmarshal([]byte(o.Payload), &p); err != nil {
		return v, fmt.Errorf("webhook %s: %w", o.ID, err)
	}
	var body struct{ Type string }
	_ = json.Unmarshal([]byte(p.Body), &body) // what it says of itself, for people
	v.Endpoint, v.Type = p.Endpoint, body.Type
	tries, err := s.Tries(ctx, o.ID)
	for _, t := range tries {
		v.Tries = append(v.Tries, tryJSON{view.Time(t.At, zone), t.Took.Milliseconds(), t.Status, t.Said})
	}
	return v, err
}

func newWebhooksReplay(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "replay ID...", Short: "Send again what was delivered or has failed, with the same id and body",
		Long: `Sends webhooks again that were delivered, or that have failed, with the same id and body: a
receiver that has seen one knows it by its id. "saisine webhooks log" shows them; all that has
failed is taken up by "saisine retry --failed".`, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				bad := false
				for _, id := range args {
					taken, err := s.Replay(ctx, id)
					switch {
					case errors.Is(err, ingest.ErrNotFound):
						fmt.Fprintf(a.stderr, "saisine: there is no webhook %q\n", id)
						bad = true
					case err != nil:
						return err
					case taken:
						fmt.Fprintf(a.stdout, "%s is sent again\n", id)
					default:
						fmt.Fprintf(a.stdout, "%s waits to be sent; left alone\n", id)
					}
				}
				a.wake(ctx, cfg, s, args)
				if bad {
					return errReported
				}
				return nil
			})
		},
	}
}

func newWebhooksEnable(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "enable NAME", Short: "Tell an endpoint again that had said 410 Gone", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				if _, ok := (partners{cfg: cfg}).webhook(args[0]); !ok {
					return noWebhook(args[0])
				}
				return s.TurnOnWebhook(ctx, args[0])
			})
		},
	}
}
