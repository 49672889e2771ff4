package desk

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"saisine.fr/saisine/ingest"
)

// Figures are counts over time. What is hidden from the viewer is not counted.
type Figures interface {
	Figures(ctx context.Context, v ingest.Viewer, q FiguresQuery) ([]FigureTable, error)
}

// FiguresQuery is a period by days of the town's calendar, both included.
type FiguresQuery struct{ From, To time.Time }

// The tables of figures. The words stand in addresses.
const (
	// FigureVolume is what was opened by channel (the columns) in each week or month, whose
	// first day is the key of the row (2026-03-02).
	FigureVolume = "volume"
	// FigureServices and FigureCategories are what was opened by service and by category.
	FigureServices   = "services"
	FigureCategories = "categories"
	// FigureDelays are days from the opening to the answer, by service: count, median and
	// 90th percentile.
	FigureDelays = "delais"
	// FigureLate is how many answers and acknowledgements were owed, and the share (0–1) that
	// was late, by service.
	FigureLate = "retards"
	// FigureChecks and FigureChecksByChannel say how the automatic category fared that a person
	// has checked: count, share right, share left for review, share right of the others.
	FigureChecks          = "classement"
	FigureChecksByChannel = "classement-canaux"
)

// FigureTable is a table of figures. Its words are the desk's.
type FigureTable struct {
	Code string
	// Columns are channels in FigureVolume, and left out elsewhere.
	Columns []string
	Rows    []FigureRow
	// Total is the row for all together; nil where it makes no sense.
	Total *FigureRow
	// Months is set where a row of FigureVolume is a month and no week.
	Months bool
}

// FigureRow is a row. Key is a day, a service, the code of a category or a channel. Values that
// are unknown are NaN.
type FigureRow struct {
	Key    string
	Values []float64
}

// figureRoutes are the figures.
func (a *Adapter) figureRoutes(o *router) {
	if a.opts.Figures == nil {
		return
	}
	o.handle("GET /agent/chiffres", ingest.RoleReader, a.serveFigures)
}

// figuresPage is the page of figures.
type figuresPage struct {
	From, To string // as typed
	Error    string
	Presets  []figurePreset
	Tables   []figureView
}

type figurePreset struct {
	Label, From, To string
	Current         bool
}

// figureView is a table as the page shows it.
type figureView struct {
	Code, Title, Note string
	Head              string // of the first column
	Columns           []string
	Rows              []figureLine
	Total             *figureLine
	Chart             template.HTML
	CSV               string // address
}

type figureLine struct {
	Label string
	Cells []string
}

// figureYears bounds the period: beyond it nobody compares.
const figureYears = 10

// period reads the days of a query; without any it is the last twelve weeks, from a Monday to
// today. wrong says what is the matter with them, and the default stands then.
func (a *Adapter) period(t tongue, from, to string) (q FiguresQuery, wrong string) {
	today := a.today()
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	usual := FiguresQuery{monday.AddDate(0, 0, -7*11), today}
	if from == "" && to == "" {
		return usual, ""
	}
	q = usual
	var err error
	if from != "" {
		if q.From, err = time.ParseInLocation(time.DateOnly, from, a.zone); err != nil {
			return usual, t.T("La date de début n’est pas une date.")
		}
	}
	if to != "" {
		if q.To, err = time.ParseInLocation(time.DateOnly, to, a.zone); err != nil {
			return usual, t.T("La date de fin n’est pas une date.")
		}
	}
	switch {
	case q.To.Before(q.From):
		return usual, t.T("La date de fin vient avant la date de début.")
	case q.To.After(q.From.AddDate(figureYears, 0, 0)):
		return usual, t.T("La période est trop longue\u00a0: dix ans au plus.")
	}
	return q, ""
}

// today is the first moment of the town's day.
func (a *Adapter) today() time.Time {
	y, m, d := a.now().In(a.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, a.zone)
}

func (a *Adapter) presets(t tongue, q FiguresQuery) []figurePreset {
	today := a.today()
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	year := time.Date(today.Year(), 1, 1, 0, 0, 0, 0, a.zone)
	var out []figurePreset
	for _, p := range []struct {
		label    string
		from, to time.Time
	}{
		{t.T("4 semaines"), monday.AddDate(0, 0, -7*3), today},
		{t.T("12 semaines"), monday.AddDate(0, 0, -7*11), today},
		{t.T("Cette année"), year, today},
		{t.T("L’année dernière"), year.AddDate(-1, 0, 0), year.AddDate(0, 0, -1)},
	} {
		out = append(out, figurePreset{p.label, p.from.Format(time.DateOnly), p.to.Format(time.DateOnly), p.from.Equal(q.From) && p.to.Equal(q.To)})
	}
	return out
}

func (a *Adapter) serveFigures(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	query := r.URL.Query()
	q, wrong := a.period(t, query.Get("du"), query.Get("au"))
	tables, err := a.opts.Figures.Figures(r.Context(), v, q)
	if err != nil {
		return err
	}
	words := a.figureWords(t)
	if code := query.Get("csv"); code != "" {
		for _, table := range tables {
			if table.Code == code && wrong == "" {
				return words.serveCSV(w, table, q)
			}
		}
		return ingest.ErrNotFound
	}
	body := figuresPage{From: q.From.Format(time.DateOnly), To: q.To.Format(time.DateOnly), Error: wrong, Presets: a.presets(t, q)}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusUnprocessableEntity
		body.From, body.To = query.Get("du"), query.Get("au")
	}
	for _, table := range tables {
		if len(table.Rows) > 0 {
			body.Tables = append(body.Tables, words.view(table, q))
		}
	}
	return a.show(w, r, v, status, "chiffres", page{Title: "Chiffres", Section: "chiffres", Body: body, Wide: true})
}
