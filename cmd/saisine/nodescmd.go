package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/lease"
	"saisine.fr/saisine/ingest/store"
)

// nodeJSON is one line of `saisine nodes --json`.
type nodeJSON struct {
	Node      string     `json:"node"`
	Host      string     `json:"host"`
	PID       int        `json:"pid"`
	Roles     []string   `json:"roles"`
	Version   string     `json:"version"`
	StartedAt string     `json:"started_at"`
	SeenAt    string     `json:"seen_at"`
	Alive     bool       `json:"alive"`
	Holds     []heldJSON `json:"holds"`
}

func newNodes(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "nodes", Short: "List the nodes, and which of them holds what",
		Long: `Lists the processes that work on this town's data, and what each does as the only one: emptying
a mailbox, watching a scan folder, sweeping.

With PostgreSQL it looks twice, some seconds apart: a node whose beat has not changed is not
alive, and what it holds is about to pass to another. With SQLite the nodes are processes of
this machine, and only those are listed that hold something.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.begin(false)
			if err != nil {
				return err
			}
			var list []nodeJSON
			if oneFolder(cfg) {
				list, err = localNodes(cfg)
			} else {
				var s *store.Store
				if s, err = a.openStoreWith(cmd.Context(), cfg, store.Options{Log: log}); err != nil {
					return err
				}
				defer func() { _ = s.Close() }()
				list, err = tableNodes(cmd.Context(), cfg, s)
			}
			if err != nil {
				return err
			}
			return a.tellNodes(list, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (a *app) tellNodes(list []nodeJSON, asJSON bool) error {
	if asJSON {
		lines := newJSONLines(a.stdout)
		for _, n := range list {
			if err := lines.print(n); err != nil {
				return err
			}
		}
		return nil
	}
	tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NODE\tROLES\tALIVE\tSEEN\tHOLDS\tFENCE\tSINCE")
	for _, n := range list {
		first := []string{n.Node, orDash(strings.Join(n.Roles, ",")), map[bool]string{true: "yes", false: "NO"}[n.Alive], orDash(n.SeenAt)}
		if len(n.Holds) == 0 {
			fmt.Fprintf(tw, "%s\t-\t-\t-\n", strings.Join(first, "\t"))
		}
		for _, h := range n.Holds {
			fmt.Fprintf(tw, "%s\t%s\t%d\t%s\n", strings.Join(first, "\t"), h.Name, h.Fence, h.Since)
			first = []string{"", "", "", ""}
		}
	}
	return tw.Flush()
}

// localNodes are those of one machine.
func localNodes(cfg config.Config) ([]nodeJSON, error) {
	rows, nodes, err := lease.InFolder(lockFolder(cfg), lease.Node{}).Look()
	return listNodes(cfg, rows, nodes, func(lease.Node) bool { return true }), err
}

// secondLook is how long after the first the second look is: longer than a beat.
const secondLook = 7 * time.Second

// tableNodes are those that share a database.
func tableNodes(ctx context.Context, cfg config.Config, s lease.Rows) ([]nodeJSON, error) {
	_, before, err := s.Look(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(secondLook):
	}
	rows, nodes, err := s.Look(ctx)
	return listNodes(cfg, rows, nodes, func(n lease.Node) bool {
		return !slices.ContainsFunc(before, func(b lease.Node) bool { return b.ID == n.ID && b.Beat == n.Beat })
	}), err
}

// listNodes also lists holders that are no longer in the table of nodes.
func listNodes(cfg config.Config, rows []lease.Row, nodes []lease.Node, alive func(lease.Node) bool) []nodeJSON {
	zone := zoneOf(cfg)
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(time.RFC3339)
	}
	var out []nodeJSON
	for _, n := range nodes {
		roles := []string{}
		if n.Roles != "" {
			roles = strings.Split(n.Roles, ",")
		}
		out = append(out, nodeJSON{
			Node: n.ID, Host: n.Host, PID: n.PID, Roles: roles, Version: n.Version,
			StartedAt: at(n.StartedAt), SeenAt: at(n.SeenAt), Alive: alive(n), Holds: []heldJSON{},
		})
	}
	for _, r := range rows {
		if r.Holder == "" {
			continue
		}
		i := slices.IndexFunc(out, func(n nodeJSON) bool { return n.Node == r.Holder })
		if i < 0 {
			i = len(out)
			out = append(out, nodeJSON{Node: r.Holder, Roles: []string{}})
		}
		out[i].Holds = append(out[i].Holds, heldJSON{Name: r.Name, Fence: r.Fence, Since: at(r.Since)})
	}
	return out
}

// checkNodes is the part of doctor about several nodes; there is nothing to say of one.
func checkNodes(ctx context.Context, cfg config.Config, s lease.Rows) []checkJSON {
	list, err := tableNodes(ctx, cfg, s)
	if err != nil {
		return []checkJSON{result("nodes", "", err, "")}
	}
	var alive []string
	var out []checkJSON
	for _, n := range list {
		if n.Alive {
			alive = append(alive, fmt.Sprintf("%s (%s)", n.Node, strings.Join(n.Roles, ",")))
			continue
		}
		for _, h := range n.Holds {
			out = append(out, checkJSON{
				Check: "nodes", Detail: fmt.Sprintf("%s is held by %s, which gives no sign of life", h.Name, n.Node),
				Fix: "another node takes it over within 30 s; is one running that may (--roles)?",
			})
		}
	}
	if len(alive) == 0 {
		alive = []string{"none runs"}
	}
	return append(out, checkJSON{Check: "nodes", OK: true, Detail: strings.Join(alive, "; ")})
}
