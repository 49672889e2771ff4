package desk

import (
	"encoding/csv"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// The usual period is the last twelve weeks by the town's calendar, the one under way
// included.
func TestFiguresPeriod(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		now      string // UTC
		from, to string
	}{
		{"2026-03-30T09:00:00Z", "2026-01-12", "2026-03-30"},
		{"2026-03-29T22:30:00Z", "2026-01-12", "2026-03-30"}, // Monday already, by the town's clock
		{"2026-03-29T21:30:00Z", "2026-01-05", "2026-03-29"},
	} {
		at, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		c := &clerks{}
		_, h := c.office(t, ingest.RoleReader, french, at)
		visit(t, h, http.MethodGet, "/agent/chiffres", nil)
		if from, to := c.query.From.In(paris).Format(time.DateTime), c.query.To.In(paris).Format(time.DateTime); from != tt.from+" 00:00:00" || to != tt.to+" 00:00:00" {
			t.Errorf("at %s: %s to %s, want %s to %s", tt.now, from, to, tt.from, tt.to)
		}
	}
}

// No cell of a CSV begins as a formula does, and numbers are those of the language.
func TestFiguresCSV(t *testing.T) {
	c := &clerks{tables: []FigureTable{
		{Code: FigureCategories, Rows: []FigureRow{{"piege", []float64{3}}, {"", []float64{1}}, {"+33", []float64{0.5}}, {"-1", []float64{1}}, {"@x", []float64{1}}, {"\tx", []float64{1}}, {"a;\"b\"\nc", []float64{math.NaN()}}}},
	}}
	for lang, half := range map[string]string{french: "0,5", english: "0.5"} {
		_, h := c.office(t, ingest.RoleReader, lang, monday)
		res, body := visit(t, h, http.MethodGet, "/agent/chiffres?csv=categories&du=2026-01-01&au=2026-03-30", nil)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/csv; charset=utf-8" || res.Header.Get("Content-Disposition") != `attachment; filename="categories-2026-01-01-2026-03-30.csv"` {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
		r.Comma = ';'
		rows, err := r.ReadAll()
		if err != nil || len(rows) != 8 {
			t.Fatalf("%v: %q", err, rows)
		}
		for _, row := range rows {
			if strings.ContainsAny(row[0][:1], "=+-@\t\r\n") {
				t.Errorf("a spreadsheet would run %q", row[0])
			}
		}
		if rows[1][0] != `'=HYPERLINK("http://x.test")` || rows[3][1] != half || rows[7][0] != "a;\"b\"\nc" || rows[7][1] != "" {
			t.Errorf("%s: %q", lang, rows)
		}
	}
}

// Every table is drawn and told, also with one row, with what is not known, and with codes
// that the town no longer has.
func TestFiguresAreDrawn(t *testing.T) {
	nan := math.NaN()
	row := func(key string, values ...float64) FigureRow { return FigureRow{key, values} }
	total := row("", 1, 0.5, 1, nan)
	c := &clerks{tables: []FigureTable{
		{Code: FigureVolume, Columns: []string{"mailbox", "phone"}, Rows: []FigureRow{row("2026-03-30", 3, 0)}, Total: &FigureRow{Values: []float64{3, 0}}},
		{Code: FigureServices, Rows: []FigureRow{row("", 1), row(`<script>alert(1)</script>`, 2)}},
		{Code: FigureCategories, Rows: []FigureRow{row("voirie", 1), row("ancienne", 2)}},
		{Code: FigureDelays, Rows: []FigureRow{row("Voirie", 2, 1.5, 12)}},
		{Code: FigureLate, Rows: []FigureRow{row("Voirie", 2, 0.5, 0, nan)}},
		{Code: FigureChecks, Rows: []FigureRow{row("voirie", 1, 1, 0, 1)}, Total: &total},
		{Code: FigureChecksByChannel, Rows: []FigureRow{row("scan", 1, 1, 1, nan)}},
	}}
	for _, lang := range []string{french, english} {
		_, h := c.office(t, ingest.RoleReader, lang, monday)
		res, body := visit(t, h, http.MethodGet, "/agent/chiffres", nil)
		if res.StatusCode != http.StatusOK || strings.Count(body, `<svg class="graphique"`) != len(c.tables) || strings.Count(body, "<table") != len(c.tables) {
			t.Fatalf("%s: %d: %s", lang, res.StatusCode, body)
		}
		for _, want := range map[string][]string{
			french:  {"S14, du 30/03/2026", "Sans service", "ancienne", "1,5 j", "50 %", "Courrier papier", "Ensemble"},
			english: {"W14, from 30/03/2026", "No service", "1.5 d", "50 %", "Paper", "All"},
		}[lang] {
			if !strings.Contains(body, want) {
				t.Errorf("%s: without %q", lang, want)
			}
		}
	}
	// Months, where weeks are too many; lines, where columns are.
	c.tables = []FigureTable{{Code: FigureVolume, Months: true, Columns: []string{"phone"}, Rows: []FigureRow{row("2026-02-01", 3)}}}
	_, h := c.office(t, ingest.RoleReader, french, monday)
	if _, body := visit(t, h, http.MethodGet, "/agent/chiffres", nil); !strings.Contains(body, "février 2026") || !strings.Contains(body, "par mois") || !strings.Contains(body, "02/26") {
		t.Errorf("by months: %s", body)
	}
	c.tables[0].Months = false
	for i := range manySpans {
		c.tables[0].Rows = append(c.tables[0].Rows, row(monday.AddDate(0, 0, 7*i).Format(time.DateOnly), float64(i)))
	}
	if _, body := visit(t, h, http.MethodGet, "/agent/chiffres", nil); !strings.Contains(body, `<path class="ligne`) {
		t.Error("many weeks are not drawn as lines")
	}
	c.tables = nil
	if _, body := visit(t, h, http.MethodGet, "/agent/chiffres", nil); !strings.Contains(body, "Aucune demande dans cette période") {
		t.Error("nothing is not told")
	}
}
