package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

func TestSpans(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	day := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateOnly, s, paris)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct {
		from, to string // the latter not included
		want     string
		months   bool
	}{
		// The clocks change on Sunday, 29 March 2026: that week has 167 hours, 25 October 169.
		{"2026-03-23", "2026-04-06", "2026-03-23+167 2026-03-30+168", false},
		{"2026-10-19", "2026-11-02", "2026-10-19+169 2026-10-26+168", false},
		{"2026-12-30", "2027-01-06", "2026-12-30+120 2027-01-04+48", false},
		{"2026-03-29", "2026-03-30", "2026-03-29+23", false},
		{"2025-12-15", "2027-01-02", "", true},
	} {
		got, months := spans(store.Span{From: day(tt.from), To: day(tt.to)})
		var words []string
		for i, s := range got {
			words = append(words, fmt.Sprintf("%s+%.0f", s.From.Format(time.DateOnly), s.To.Sub(s.From).Hours()))
			if i > 0 && !s.From.Equal(got[i-1].To) {
				t.Errorf("%s: there is a gap before %s", tt.from, s.From)
			}
		}
		if months != tt.months || tt.want != "" && strings.Join(words, " ") != tt.want {
			t.Errorf("%s–%s: %v, months %t", tt.from, tt.to, words, months)
		}
		if !got[0].From.Equal(day(tt.from)) || !got[len(got)-1].To.Equal(day(tt.to)) {
			t.Errorf("%s–%s is not covered: %v", tt.from, tt.to, words)
		}
		if tt.months && (len(got) != 14 || got[1].From != day("2026-01-01") || got[13].From != day("2027-01-01")) {
			t.Errorf("months: %v", words)
		}
	}
}

func TestQuantiles(t *testing.T) {
	counts := []store.Delay{{Service: "A", Hours: 0, Count: 1}, {Service: "A", Hours: 24, Count: 8}, {Service: "A", Hours: 240, Count: 1}, {Service: "B", Hours: 12, Count: 1}}
	table := delayTable(counts)
	got := fmt.Sprint(table.Rows, *table.Total)
	if want := "[{A [10 1 1]} {B [1 0.5 0.5]}] { [11 1 1]}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := fmt.Sprint(delayRow("A", []store.Delay{{Hours: 24, Count: 8}, {Hours: 240, Count: 2}}).Values); got != "[10 1 10]" {
		t.Errorf("nine in ten of ten: %s", got)
	}
	if table := delayTable(nil); table.Rows != nil || table.Total != nil {
		t.Errorf("of nothing: %+v", table)
	}
}

// The figures of a small town through the page, the week in which the clocks change among
// them: what comes in the last hour of Sunday belongs to that week by the town's clock.
func TestFiguresPage(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-03-29 23:30", sealedTown)
	note := func(channel ingest.Channel, category, text string) string {
		h.n++
		rec := h.submit(channel, fmt.Appendf(nil, `{"id":"%d","channel":%q,"subject":%q,"body":%q,"sender":{"name":"Citoyen %d"}}`, h.n, channel, text, text, h.n), ingest.MediaNote, ingest.Hints{})
		c, _ := h.rules.File().Category(category)
		if err := h.store.Categorize(t.Context(), rec.Request, category, c.Service.Name, "test"); err != nil {
			t.Fatal(err)
		}
		return rec.Request
	}
	first := note(ingest.ChannelPhone, "voirie", "Un nid de poule au carrefour")
	note(ingest.ChannelPhone, "action-sociale", "Un secours pour le chauffage")
	h.at("2026-03-30 00:30")
	note(ingest.ChannelCounter, "voirie", "La barrière du stade est cassée depuis hier")
	h.at("2026-03-31 11:30")
	if err := h.store.SetStatus(t.Context(), first, ingest.StatusAnswered, "", "test"); err != nil {
		t.Fatal(err)
	}
	h.agent("luc", ingest.RoleReader, "Voirie")
	h.agent("cece", ingest.RoleReader, "CCAS")
	luc, cece := h.as("luc"), h.as("cece")
	csv := func(s *session, code string) string {
		t.Helper()
		status, body := s.get("/agent/chiffres?du=2026-03-23&au=2026-04-05&csv=" + code)
		if status != http.StatusOK {
			t.Fatalf("%s answers %d: %s", code, status, body)
		}
		text, ok := strings.CutPrefix(body, "\ufeff")
		if !ok {
			t.Errorf("%s has no mark of UTF-8", code)
		}
		return strings.ReplaceAll(text, "\r\n", "|")
	}
	for _, tt := range []struct {
		who        *session
		code, want string
	}{
		{luc, desk.FigureVolume, `Semaine;Accueil;Téléphone|S13, du 23/03/2026;0;1|S14, du 30/03/2026;1;0|Ensemble;1;1|`},
		{cece, desk.FigureVolume, `Semaine;Accueil;Téléphone|S13, du 23/03/2026;0;2|S14, du 30/03/2026;1;0|Ensemble;1;2|`},
		{luc, desk.FigureServices, `Service;Demandes|Voirie;2|`},
		{cece, desk.FigureServices, `Service;Demandes|Voirie;2|CCAS;1|`},
		{luc, desk.FigureCategories, `Catégorie;Demandes|Voirie;2|`},
		// 35 hours and not 36: the clock went ahead in the night before it came.
		{luc, desk.FigureDelays, `Service;Terminées;Médiane;Neuf sur dix|Voirie;1;1,5;1,5|`},
	} {
		if got := csv(tt.who, tt.code); got != tt.want {
			t.Errorf("%s\n%s\nwant\n%s", tt.code, got, tt.want)
		}
	}
	if got := csv(luc, desk.FigureChecks); strings.Contains(got, "Action sociale") || !strings.Contains(got, "Voirie;2;") {
		t.Errorf("checks: %s", got)
	}

	status, body := luc.get("/agent/chiffres?du=2026-03-23&au=2026-04-05")
	if status != http.StatusOK || strings.Count(body, "<svg class=\"graphique\"") < 5 || strings.Contains(body, "CCAS") || strings.Contains(body, "style=") {
		t.Errorf("the page answers %d: %s", status, body)
	}
	for query, want := range map[string]string{
		"?du=hier":                     "n’est pas une date",
		"?du=2026-04-05&au=2026-03-2":  "n’est pas une date",
		"?du=2026-04-05&au=2026-03-23": "vient avant",
		"?du=1900-01-01&au=2026-03-23": "dix ans au plus",
	} {
		if status, body := luc.get("/agent/chiffres" + query); status != http.StatusUnprocessableEntity || !strings.Contains(noBreaks(body), want) {
			t.Errorf("%s answers %d without %q", query, status, want)
		}
	}
	if status, _ := luc.get("/agent/chiffres?csv=autre"); status != http.StatusNotFound {
		t.Errorf("a table that there is not answers %d", status)
	}
}
