package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

type keyJSON struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Scopes    []ingest.Scope `json:"scopes"`
	Services  []string       `json:"services"`
	RateLimit int            `json:"rate_limit"`
	CreatedAt string         `json:"created_at"`
	CreatedBy string         `json:"created_by"`
	UsedAt    string         `json:"used_at"`
	RevokedAt string         `json:"revoked_at"`
	// Secret is told once, by key add.
	Secret string `json:"secret,omitempty"`
}

func viewKey(k ingest.APIKey, zone *time.Location) keyJSON {
	return keyJSON{
		ID: k.ID, Name: k.Name, Scopes: view.List(k.Scopes), Services: view.List(k.Services), RateLimit: k.RateLimit, CreatedAt: view.Time(k.CreatedAt, zone),
		CreatedBy: k.CreatedBy, UsedAt: view.Time(k.UsedAt, zone), RevokedAt: view.Time(k.RevokedAt, zone),
	}
}

func newKey(a *app) *cobra.Command {
	cmd := parent("key", "The keys of other programs, for /api/v1/ and /open311/v2/")
	cmd.AddCommand(newKeyAdd(a), newKeyList(a), newKeyRevoke(a))
	return cmd
}

func newKeyAdd(a *app) *cobra.Command {
	var scopes, services []string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "add NAME --scopes SCOPE,...", Short: "Make a key, whose secret is printed once", Args: cobra.ExactArgs(1),
		Long: `Makes a key for another program and prints its secret, which is kept nowhere: only its hash
is. NAME stands with all that comes by the key.

Scopes: submit (hand in submissions, see what became of them), read (read requests, their
comments, files and events), write (change a status, comment), open311 (mobile apps).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			k := ingest.APIKey{Name: args[0], Services: services, RateLimit: limit}
			for _, s := range scopes {
				k.Scopes = append(k.Scopes, ingest.Scope(s))
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				secret, err := s.AddKey(ctx, k, actor())
				switch {
				case errors.Is(err, ingest.ErrRefused):
					return usageError{err}
				case err != nil:
					return err
				case asJSON:
					v := viewKey(k, zoneOf(cfg))
					v.Secret = secret
					return newJSONLines(a.stdout).print(v)
				}
				fmt.Fprintln(a.stderr, "This is the secret of the key. It is shown once; give it to the program by a safe way.")
				_, err = fmt.Fprintln(a.stdout, secret)
				return err
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scopes", nil, "what it may do: "+joinNames(ingest.Scopes()))
	cmd.Flags().StringSliceVar(&services, "services", nil, "sealed services whose requests it sees too")
	cmd.Flags().IntVar(&limit, "rate-limit", 0, "calls in a minute; 0 = api.rate_limit of the configuration")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func newKeyList(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				keys, err := s.Keys(ctx)
				if err != nil {
					return err
				}
				zone, out := zoneOf(cfg), newJSONLines(a.stdout)
				tw := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(tw, "NAME\tSCOPES\tSEALED SERVICES\tCREATED\tLAST USED\tREVOKED")
				}
				for _, k := range keys {
					v := viewKey(k, zone)
					if asJSON {
						err = out.print(v)
					} else {
						_, err = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, joinNames(k.Scopes), orDash(strings.Join(k.Services, ", ")), v.CreatedAt, orDash(v.UsedAt), orDash(v.RevokedAt))
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

func newKeyRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a key, at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, _ config.Config, s *store.Store) error {
				err := s.RevokeKey(ctx, args[0], actor())
				if errors.Is(err, ingest.ErrNotFound) {
					return fmt.Errorf("no key in force is called %q; \"saisine key list\" shows them", args[0])
				}
				return err
			})
		},
	}
}
