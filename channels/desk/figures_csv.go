package desk

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/spreadsheet"
)

// serveCSV sends a table for a spreadsheet: UTF-8 with its mark, and semicolons, since French
// spreadsheets take commas for the decimal sign.
func (w figureWords) serveCSV(rw http.ResponseWriter, table FigureTable, q FiguresQuery) error {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	out := csv.NewWriter(&b)
	out.Comma, out.UseCRLF = ';', true
	columns := w.columns(table)
	head := []string{w.head(table)}
	for _, c := range columns {
		head = append(head, w.t.T(c.title))
	}
	rows := [][]string{head}
	for _, r := range table.Rows {
		rows = append(rows, append([]string{w.label(table, r.Key, false)}, w.numbers(r.Values)...))
	}
	if table.Total != nil {
		rows = append(rows, append([]string{w.t.T("Ensemble")}, w.numbers(table.Total.Values)...))
	}
	for _, row := range rows {
		row[0] = spreadsheet.Harmless(row[0])
		if err := out.Write(row); err != nil {
			return fmt.Errorf("desk: figures: %w", err)
		}
	}
	if out.Flush(); out.Error() != nil {
		return fmt.Errorf("desk: figures: %w", out.Error())
	}
	h := rw.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s-%s.csv"`, table.Code, q.From.Format(time.DateOnly), q.To.Format(time.DateOnly)))
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = rw.Write(b.Bytes()) // a reader that has gone needs nothing
	return nil
}

// numbers writes values as spreadsheets of the language read them; nothing for what is unknown.
func (w figureWords) numbers(values []float64) []string {
	out := make([]string, len(values))
	for i, x := range values {
		if math.IsNaN(x) {
			continue
		}
		out[i] = strconv.FormatFloat(math.Round(x*1e4)/1e4, 'f', -1, 64)
		if w.t.lang != english {
			out[i] = strings.Replace(out[i], ".", ",", 1)
		}
	}
	return out
}
