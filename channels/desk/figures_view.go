package desk

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/channels/desk/chart"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// figureKind is how a table is told: its words, how its values are written, and its chart.
type figureKind struct {
	title, note, head string
	columns           []figureColumn
	// chart draws the columns that are charted.
	chart func(chart.Chart) string
	top   float64
}

// figureColumn is a column: what it is called, how it is written, whether it is charted.
type figureColumn struct {
	title   string
	write   func(tongue, float64) string
	charted bool
}

func writeCount(t tongue, x float64) string { return t.p.Sprintf("%d", int64(x)) }

func writeShare(t tongue, x float64) string { return t.Percent(x) }

// writeDays writes days with one place: two hours are a tenth of a day.
func writeDays(t tongue, x float64) string {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	if t.lang != english {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + "\u00a0" + t.T("j")
}

var figureKinds = map[string]figureKind{
	FigureVolume: {
		title: "Demandes par canal et par semaine", head: "Semaine",
		note:  "Demandes ouvertes dans la période, par le canal de leur premier envoi. Les doublons et les suites ne comptent pas.",
		chart: chart.Chart.Columns,
	},
	FigureServices: {
		title: "Demandes par service", head: "Service", note: "Demandes ouvertes dans la période.",
		columns: []figureColumn{{"Demandes", writeCount, true}}, chart: chart.Chart.Bars,
	},
	FigureCategories: {
		title: "Demandes par catégorie", head: "Catégorie", note: "Demandes ouvertes dans la période.",
		columns: []figureColumn{{"Demandes", writeCount, true}}, chart: chart.Chart.Bars,
	},
	FigureDelays: {
		title: "Délai de traitement", head: "Service",
		note:    "De la réception à la réponse ou à la clôture, pour les demandes terminées dans la période\u00a0; en jours de 24 heures. La moitié des demandes prend moins de temps que la médiane, neuf sur dix moins que la troisième colonne.",
		columns: []figureColumn{{"Terminées", writeCount, false}, {"Médiane", writeDays, true}, {"Neuf sur dix", writeDays, true}}, chart: chart.Chart.Bars,
	},
	FigureLate: {
		title: "Part en retard", head: "Service",
		note:    "Demandes ouvertes dans la période dont une échéance de la mairie est passée avant que la chose soit faite, parmi celles qui en ont une. Les réponses et les accusés de réception sont comptés à part.",
		columns: []figureColumn{{"Réponses dues", writeCount, false}, {"Réponses en retard", writeShare, true}, {"Accusés dus", writeCount, false}, {"Accusés en retard", writeShare, true}},
		chart:   chart.Chart.Bars, top: 1,
	},
	FigureChecks: {
		title: "Classement automatique, par catégorie", head: "Catégorie", note: checksNote, columns: checksColumns, chart: chart.Chart.Bars, top: 1,
	},
	FigureChecksByChannel: {
		title: "Classement automatique, par canal", head: "Canal", note: checksNote, columns: checksColumns, chart: chart.Chart.Bars, top: 1,
	},
}

const checksNote = "Demandes ouvertes dans la période dont une personne a choisi ou confirmé la catégorie\u00a0: surtout celles que saisine lui a laissées à vérifier, donc les plus difficiles. «\u00a0Juste\u00a0»\u00a0: la catégorie automatique était celle que la personne a retenue."

var checksColumns = []figureColumn{
	{"Vérifiées", writeCount, false}, {"Juste", writeShare, true}, {"Laissées à vérifier", writeShare, true}, {"Juste quand saisine était sûre", writeShare, false},
}

// figureWords tells tables in a language.
type figureWords struct {
	t          tongue
	categories map[string]string // labels by code
	zone       *time.Location
}

func (a *Adapter) figureWords(t tongue) figureWords {
	w := figureWords{t: t, categories: map[string]string{}, zone: a.zone}
	if a.opts.Facts != nil {
		for _, c := range a.opts.Facts.Categories() {
			w.categories[c.Code] = c.Label
		}
	}
	return w
}

// columns returns those of a table; a channel is one in FigureVolume.
func (w figureWords) columns(table FigureTable) []figureColumn {
	if table.Code != FigureVolume {
		return figureKinds[table.Code].columns
	}
	var out []figureColumn
	for _, c := range table.Columns {
		out = append(out, figureColumn{w.t.Channel(ingest.Channel(c)), writeCount, true})
	}
	return out
}

// label names a row, and in the chart of the volume, where there is little room, shortly.
func (w figureWords) label(table FigureTable, key string, short bool) string {
	switch table.Code {
	case FigureVolume:
		return w.span(key, table.Months, short)
	case FigureCategories, FigureChecks:
		if key == "" {
			return w.t.T("Sans catégorie")
		}
		if label := w.categories[key]; label != "" {
			return label
		}
	case FigureChecksByChannel:
		return w.t.Channel(ingest.Channel(key))
	case FigureServices, FigureDelays, FigureLate:
		if key == "" {
			return w.t.T("Sans service")
		}
	}
	return key
}

// span names the week (ISO 8601) or month that begins on a day.
func (w figureWords) span(key string, months, short bool) string {
	at, err := time.ParseInLocation(time.DateOnly, key, w.zone)
	switch {
	case err != nil:
		return key
	case months && short:
		return at.Format("01/06")
	case months && w.t.lang == english:
		return at.Format("January 2006")
	case months:
		return fmt.Sprintf("%s %d", notice.FrenchMonth(at.Month()), at.Year())
	}
	_, week := at.ISOWeek()
	if short {
		return w.t.T("S%s", strconv.Itoa(week))
	}
	return w.t.T("S%s, du %s", strconv.Itoa(week), w.t.ShortDay(at))
}

func (w figureWords) line(table FigureTable, label string, values []float64) figureLine {
	out := figureLine{Label: label}
	for i, c := range w.columns(table) {
		if i >= len(values) || math.IsNaN(values[i]) {
			out.Cells = append(out.Cells, "–")
			continue
		}
		out.Cells = append(out.Cells, c.write(w.t, values[i]))
	}
	return out
}

func (w figureWords) title(table FigureTable) string {
	if table.Months {
		return w.t.T("Demandes par canal et par mois")
	}
	return w.t.T(figureKinds[table.Code].title)
}

func (w figureWords) head(table FigureTable) string {
	if table.Months {
		return w.t.T("Mois")
	}
	return w.t.T(figureKinds[table.Code].head)
}

func (w figureWords) view(table FigureTable, q FiguresQuery) figureView {
	kind := figureKinds[table.Code]
	v := figureView{
		Code: table.Code, Title: w.title(table), Note: w.t.T(kind.note), Head: w.head(table), Chart: w.draw(table),
		CSV: "/agent/chiffres?du=" + q.From.Format(time.DateOnly) + "&au=" + q.To.Format(time.DateOnly) + "&csv=" + table.Code,
	}
	for _, c := range w.columns(table) {
		v.Columns = append(v.Columns, w.t.T(c.title))
	}
	for _, r := range table.Rows {
		v.Rows = append(v.Rows, w.line(table, w.label(table, r.Key, false), r.Values))
	}
	if table.Total != nil {
		total := w.line(table, w.t.T("Ensemble"), table.Total.Values)
		v.Total = &total
	}
	return v
}

// manySpans is the number of weeks from which on columns get too thin to be told apart.
const manySpans = 26

// draw makes the chart of a table.
func (w figureWords) draw(table FigureTable) template.HTML {
	kind := figureKinds[table.Code]
	c := chart.Chart{ID: "graphique-" + table.Code, Title: w.title(table), Top: kind.top}
	for _, r := range table.Rows {
		c.Labels = append(c.Labels, w.label(table, r.Key, true))
	}
	for i, column := range w.columns(table) {
		if !column.charted {
			continue
		}
		s := chart.Series{Name: w.t.T(column.title)}
		for _, r := range table.Rows {
			s.Values = append(s.Values, r.Values[i])
		}
		c.Series = append(c.Series, s)
		c.Number = func(x float64) string { return column.write(w.t, x) }
	}
	c.Description = w.t.T("Les mêmes chiffres sont dans le tableau qui suit.")
	draw := kind.chart
	if table.Code == FigureVolume && len(table.Rows) > manySpans {
		draw = chart.Chart.Lines
	}
	return template.HTML(draw(c)) //nolint:gosec // G203: the chart escapes every text in it
}
