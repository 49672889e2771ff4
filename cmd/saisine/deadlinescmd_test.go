package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest/classify"
)

// deadlines runs the command below a root of its own, and returns its exit code.
func deadlines(t *testing.T, conf string, args ...string) (out, errOut string, code int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saisine.yaml")
	if err := os.WriteFile(path, []byte("data_dir: "+t.TempDir()+"\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	root := &cobra.Command{Use: "saisine", SilenceUsage: true, SilenceErrors: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newDeadlines(&app{stdout: &o, stderr: &e, configPath: path}))
	wrapArgs(root)
	root.SetArgs(append([]string{"deadlines"}, args...))
	code = report(root.ExecuteContext(t.Context()), &e)
	return o.String(), e.String(), code
}

// lines parses the JSON Lines, by kind.
func deadlineLines(t *testing.T, out string) map[string]deadlineLineJSON {
	t.Helper()
	all := map[string]deadlineLineJSON{}
	for l := range strings.Lines(out) {
		var v deadlineLineJSON
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		if _, twice := all[string(v.Kind)]; twice {
			t.Fatalf("%s is there twice", v.Kind)
		}
		if v.Rule == "" || v.Article == "" || len(v.Explanation) == 0 {
			t.Fatalf("no reasons: %s", l)
		}
		all[string(v.Kind)] = v
	}
	return all
}

func TestDeadlinesOfEveryCategory(t *testing.T) {
	want := map[string]string{
		"elections": "", "etat-civil": "2026-06-23 acceptance CRPA L231-1", "scolaire-periscolaire": "2026-06-23 acceptance CRPA L231-1",
		"urbanisme":      "2026-06-23 acceptance code de l’urbanisme R*424-1, R*423-23",
		"petite-enfance": "2026-08-23 rejection CRPA L231-5, L231-6",
	}
	file, err := classify.LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Categories {
		out, errOut, code := deadlines(t, "", "--category", c.Code, "--received", "2026-04-23T18:30:00+02:00", "--json")
		if code != exitDone {
			t.Fatalf("%s: %d %s", c.Code, code, errOut)
		}
		all := deadlineLines(t, out)
		if all["aee"].Due != "2026-04-24T23:59:59+02:00" || all["are"].Date != "2026-05-11" || all["are"].Article != "CRPA R112-11-2" {
			t.Errorf("%s: receipts %+v", c.Code, all)
		}
		if c.Silence.Note != "" && !strings.Contains(errOut, c.Silence.Note) {
			t.Errorf("%s: the exceptions are not told: %s", c.Code, errOut)
		}
		expected, special := want[c.Code]
		if !special {
			expected = "2026-06-23 rejection CRPA L231-4"
		}
		got := ""
		if d, ok := all["implicit"]; ok {
			got = d.Date + " " + string(d.Sense) + " " + d.Article
		}
		if got != expected {
			t.Errorf("%s: %q, want %q", c.Code, got, expected)
		}
	}
}

func TestDeadlinesFlags(t *testing.T) {
	reunion := "town: {timezone: Indian/Reunion, holidays: reunion}\n"
	for _, tt := range []struct {
		name, conf string
		args       []string
		kind, date string
	}{
		{"a day", "", []string{"--received", "2026-04-23"}, "implicit", "2026-06-23"},
		{"a time on the town's clock", "", []string{"--received", "2026-04-23 23:59"}, "aee", "2026-04-24"},
		{"an instant in another zone", "", []string{"--received", "2026-04-22T22:30:00Z"}, "aee", "2026-04-24"},
		{"the town's zone and holidays", reunion, []string{"--received", "2027-12-17T20:30:00Z"}, "aee", "2027-12-21"},
		{"paper", "", []string{"--received", "2026-04-23", "--channel", "scan", "--postmark", "2026-04-20"}, "acknowledgement", ""},
		{"type", "", []string{"--received", "2026-01-31", "--type", "declaration-prealable"}, "urbanisme", "2026-02-28"},
		{"first", "", []string{"--received", "2026-03-16", "--first", "2026-03-02"}, "implicit", "2026-05-02"},
		{"elsewhere", "", []string{"--received", "2026-03-02", "--elsewhere"}, "are", ""},
		{"competent", "", []string{"--received", "2026-03-02", "--competent", "2026-03-09"}, "are", "2026-03-23"},
		{"missing", "", []string{"--received", "2026-03-02", "--missing", "2026-03-10,2026-04-10,2026-03-20T15:00"}, "implicit", "2026-05-12"},
		{"missing, awaited", "", []string{"--received", "2026-03-02", "--missing", "2026-03-10,2026-04-10"}, "pieces", "2026-04-10"},
		{"complete", "", []string{"--received", "2026-03-02", "--missing", "2026-03-10,2026-04-10", "--complete", "2026-03-20"}, "implicit", "2026-05-12"},
		{"one day later", "", []string{"--received", "2026-04-23", "--one-day-later"}, "implicit", "2026-06-24"},
	} {
		out, errOut, code := deadlines(t, tt.conf, append(tt.args, "--category", "voirie", "--json")...)
		if code != exitDone {
			t.Errorf("%s: %d %s", tt.name, code, errOut)
			continue
		}
		d, ok := deadlineLines(t, out)[tt.kind]
		if !ok || d.Date != tt.date || (d.Due == "") != (tt.date == "") {
			t.Errorf("%s: %s\nwant %s %s", tt.name, out, tt.kind, tt.date)
		}
	}
}

func TestDeadlinesTable(t *testing.T) {
	out, errOut, code := deadlines(t, "", "--category", "urbanisme", "--received", "2026-04-02", "--channel", "webform")
	if code != exitDone || errOut != "" {
		t.Fatalf("%d %s", code, errOut)
	}
	out = strings.ReplaceAll(out, "\u00a0", " ")
	for _, want := range []string{"KIND", "aee", "2026-04-03", "2026-04-17", "2026-06-02", "acceptance", "lundi 6 avril 2026 (lundi de Pâques)", "[CRPA L114-3]", "Exceptions de la catégorie : Déclaration préalable"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDeadlinesWrongUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--received 2026-04-23", "--category is missing; the codes are voirie, "},
		{"--category voirrie --received 2026-04-23", `"voirrie" is no code of the categories file; the codes are voirie, eclairage-public`},
		{"--category voirie", "--received is missing"},
		{"--category voirie --received 23/04/2026", "write it as 2026-04-23"},
		{"--category voirie --received 2026-02-30", "write it as 2026-04-23"},
		{"--category voirie --received 0001-01-01", "between 1900 and 2199"},
		{"--category voirie --received 2026-04-23 --channel pigeon", `"pigeon" is no channel`},
		{"--category voirie --received 2026-04-23 --type cadda", "known are [reclamation"},
		{"--category voirie --received 2026-04-23 --postmark hier", "--postmark: "},
		{"--category voirie --received 2026-04-23 --missing 2026-05-01", "--missing: "},
		{"--category voirie --received 2026-04-23 --missing 2026-04-01,2026-05-01", "before the request came"},
		{"--category voirie --received 2026-04-23 --first 2026-05-01", "first administration"},
		{"--category voirie --received 2026-04-23 --what", "unknown flag"},
		{"--category voirie --received 2026-04-23 more", "unknown command"},
	} {
		out, errOut, code := deadlines(t, "", strings.Fields(tt.args)...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, tt.want) {
			t.Errorf("%s: %d %q %q", tt.args, code, out, errOut)
		}
	}
}

// The day that a time without an offset names is the town's, also where its clock skips an
// hour; and every time that is read is read again from what it is written as.
func FuzzParseMoment(f *testing.F) {
	for _, s := range []string{"2026-04-23", "2026-04-23T18:30", "2026-04-23T18:30:59", "2026-04-23T18:30:00+02:00", "2026-04-22T22:30:00Z", "2026-03-29T02:30", "2026-10-25 02:30", "23/04/2026", "", "0000-01-01", "9999-12-31T23:59:59-23:59"} {
		f.Add(s)
	}
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseMoment(s, zone)
		if err != nil {
			return
		}
		if !strings.ContainsAny(s[len("2026-04-23"):], "Zz+-") && at.In(zone).Format(time.DateOnly) != s[:len("2026-04-23")] {
			t.Errorf("%q was read as %s", s, at)
		}
		if y := at.Year(); y < 1 || y > 9998 {
			return // RFC 3339 has four digits
		}
		// Sub-seconds are dropped by the form; days do not need them.
		again, err := parseMoment(at.UTC().Format(time.RFC3339), zone)
		if err != nil || !again.Equal(at.Truncate(time.Second)) {
			t.Errorf("%q was read as %s, and then as %s (%v)", s, at, again, err)
		}
	})
}

func FuzzParseAsked(f *testing.F) {
	for _, s := range []string{"2026-03-10,2026-04-10", "2026-03-10,2026-04-10,2026-03-20T15:00", ",,", "", "a,b,c,d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAsked(s, time.UTC)
		if err == nil && (a.At.IsZero() && !strings.HasPrefix(s, "0001-01-01") || a.Until.IsZero()) {
			t.Errorf("%q was read as %+v", s, a)
		}
	})
}
