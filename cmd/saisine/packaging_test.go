package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const packaging = "../../packaging"

// promtool runs Prometheus's own checker.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (apt-get install prometheus)")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// alertRule is a rule of packaging/prometheus.
type alertRule struct {
	Alert, Expr string
	Labels      map[string]string
	Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(packaging, "prometheus", "saisine.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []alertRule } }
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var all []alertRule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// panel is what the tests look at of a panel of Grafana.
type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource *struct{ Type, UID string }
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct {
		Expr       string
		RefID      string
		Datasource struct{ Type, UID string }
	}
}

type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
}

func grafanaDashboard(t *testing.T) dashboard {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(packaging, "grafana", "saisine.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The rules are sound, and each alert has a test of promtool's with a cause that fires it and one
// that does not.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", filepath.Join(packaging, "prometheus", "saisine.rules.yml"))
	promtool(t, "test", "rules", filepath.Join(packaging, "prometheus", "saisine.test.yml"))
	tests, err := os.ReadFile(filepath.Join(packaging, "prometheus", "saisine.test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range alertRules(t) {
		for _, kind := range []string{"fires", "quiet"} {
			if !strings.Contains(string(tests), `"`+r.Alert+" "+kind+`"`) {
				t.Errorf("%s has no unit test %q", r.Alert, kind)
			}
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) {
			t.Errorf("%s lacks summary, description or severity", r.Alert)
		}
		if want := "docs/monitoring.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
	}
}

// The dashboard has what Grafana needs of a dashboard: a data source that is chosen, numbers of
// its own for panels, places in the grid that do not overlap, expressions that parse.
func TestDashboard(t *testing.T) {
	t.Parallel()
	d := grafanaDashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 30 {
		t.Errorf("head: %q %q %d", d.UID, d.Title, d.SchemaVersion)
	}
	names := map[string]string{}
	for _, v := range d.Templating.List {
		names[v.Name] = v.Type
	}
	if names["datasource"] != "datasource" || names["instance"] != "query" {
		t.Errorf("variables: %v", names)
	}
	var rows []string
	ids := map[int]bool{}
	var exprs []string
	for i, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("panel %q: number %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X < 0 || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 {
			t.Errorf("panel %q: place %+v", p.Title, p.GridPos)
		}
		for _, q := range d.Panels[:i] {
			if p.GridPos.X < q.GridPos.X+q.GridPos.W && q.GridPos.X < p.GridPos.X+p.GridPos.W &&
				p.GridPos.Y < q.GridPos.Y+q.GridPos.H && q.GridPos.Y < p.GridPos.Y+p.GridPos.H {
				t.Errorf("panels %q and %q overlap", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q has no data source or no query", p.Title)
		}
		refs := map[string]bool{}
		for _, x := range p.Targets {
			if refs[x.RefID] || x.RefID == "" || x.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: query %+v", p.Title, x)
			}
			refs[x.RefID] = true
			exprs = append(exprs, x.Expr)
		}
	}
	if want := []string{"Intake", "Channels", "OCR", "Queue", "Deliveries and receipts", "Machine"}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	parseExpressions(t, exprs)
}

// parseExpressions has promtool parse expressions, as rules of a file, with Grafana's own
// variables filled in.
func parseExpressions(t *testing.T, exprs []string) {
	t.Helper()
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	fill := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")
	var rules []rule
	for i, e := range exprs {
		rules = append(rules, rule{"test:" + strings.Repeat("x", i+1), fill.Replace(e)})
	}
	raw, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

var metricName = regexp.MustCompile(`\b(saisine|process|go)_[a-z_]+\b`)

// namedMetrics are the metrics that rules and dashboard ask for, by who asks.
func namedMetrics(t *testing.T) map[string]string {
	t.Helper()
	named := map[string]string{}
	for _, r := range alertRules(t) {
		for _, name := range metricName.FindAllString(r.Expr, -1) {
			named[name] = "alert " + r.Alert
		}
	}
	for _, p := range grafanaDashboard(t).Panels {
		for _, x := range p.Targets {
			for _, name := range metricName.FindAllString(x.Expr, -1) {
				named[name] = "panel " + p.Title
			}
		}
	}
	return named
}

// The pages for administrators have a row for each metric of the program, with its type and
// labels, and a paragraph for each alert; and none that there is not.
func TestMonitoringPagesAreInStep(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^\\| `(saisine_[a-z_]+)` \\| (gauge|counter|histogram) \\|([^|]*)\\|")
	heading := regexp.MustCompile(`(?m)^### (Saisine\w+)$`)
	labels := regexp.MustCompile("`([a-z]+)`")
	var alerts []string
	for _, r := range alertRules(t) {
		alerts = append(alerts, r.Alert)
	}
	slices.Sort(alerts)
	known := registered(t)
	for _, page := range []string{"monitoring.md", "monitoring.fr.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
			names = append(names, m[1])
			var have []string
			for _, l := range labels.FindAllStringSubmatch(m[3], -1) {
				have = append(have, l[1])
			}
			slices.Sort(have)
			if want := known[m[1]]; !slices.Equal(have, want) {
				t.Errorf("%s: %s has labels %v, the program's are %v", page, m[1], have, want)
			}
		}
		for name := range known {
			if !slices.Contains(names, name) {
				t.Errorf("%s lacks %s", page, name)
			}
		}
		if len(names) != len(known) {
			t.Errorf("%s has %d metrics, the program %d", page, len(names), len(known))
		}
		var headings []string
		for _, m := range heading.FindAllStringSubmatch(string(raw), -1) {
			headings = append(headings, m[1])
		}
		if slices.Sort(headings); !slices.Equal(headings, alerts) {
			t.Errorf("%s: alerts %v, want %v", page, headings, alerts)
		}
	}
}
