package main

import (
	"context"
	"math"
	"slices"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// deskFigures is desk.Figures.
type deskFigures struct{ h *house }

var _ desk.Figures = deskFigures{}

// weeksMax is the number of weeks from which on months are counted.
const weeksMax = 53

// Figures implements desk.Figures. A span ends where the town's day ends, and so has 23 or 25
// hours more or less when the clocks change.
func (d deskFigures) Figures(ctx context.Context, v ingest.Viewer, q desk.FiguresQuery) ([]desk.FigureTable, error) {
	all := store.Span{From: q.From, To: q.To.AddDate(0, 0, 1)}
	volume, err := d.volume(ctx, v, all)
	if err != nil {
		return nil, err
	}
	services, categories, err := d.subjects(ctx, v, all)
	if err != nil {
		return nil, err
	}
	delays, err := d.h.store.Delays(ctx, v, all)
	if err != nil {
		return nil, err
	}
	late, err := d.h.store.Lateness(ctx, v, all)
	if err != nil {
		return nil, err
	}
	checks, err := d.h.store.Checks(ctx, v, all)
	if err != nil {
		return nil, err
	}
	return []desk.FigureTable{
		volume, services, categories, delayTable(delays), lateTable(late),
		checkTable(desk.FigureChecks, checks, func(c store.Checked) string { return c.Category }),
		checkTable(desk.FigureChecksByChannel, checks, func(c store.Checked) string { return string(c.Channel) }),
	}, nil
}

// spans divides a period, which begins and ends with a day of the town, into weeks from Monday
// (ISO 8601), or for a long one into months. The first and the last may be parts of one.
func spans(all store.Span) (out []store.Span, months bool) {
	months = all.To.Sub(all.From) > weeksMax*7*24*time.Hour
	for at := all.From; at.Before(all.To); {
		next := at.AddDate(0, 0, 7-(int(at.Weekday())+6)%7)
		if months {
			next = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, at.Location())
		}
		if next.After(all.To) {
			next = all.To
		}
		out = append(out, store.Span{From: at, To: next})
		at = next
	}
	return out, months
}

func (d deskFigures) volume(ctx context.Context, v ingest.Viewer, all store.Span) (desk.FigureTable, error) {
	t := desk.FigureTable{Code: desk.FigureVolume}
	parts, months := spans(all)
	t.Months = months
	counts, err := d.h.store.Volumes(ctx, v, parts)
	if err != nil || len(counts) == 0 {
		return t, err
	}
	for _, c := range ingest.Channels() {
		if slices.ContainsFunc(counts, func(x store.Volume) bool { return x.Channel == c }) {
			t.Columns = append(t.Columns, string(c))
		}
	}
	total := make([]float64, len(t.Columns))
	for _, p := range parts {
		t.Rows = append(t.Rows, desk.FigureRow{Key: p.From.Format(time.DateOnly), Values: make([]float64, len(t.Columns))})
	}
	for _, x := range counts {
		if i := slices.Index(t.Columns, string(x.Channel)); i >= 0 {
			t.Rows[x.Span].Values[i] = float64(x.Count)
			total[i] += float64(x.Count)
		}
	}
	t.Total = &desk.FigureRow{Values: total}
	return t, nil
}

func (d deskFigures) subjects(ctx context.Context, v ingest.Viewer, all store.Span) (services, categories desk.FigureTable, err error) {
	services, categories = desk.FigureTable{Code: desk.FigureServices}, desk.FigureTable{Code: desk.FigureCategories}
	found, err := d.h.store.Subjects(ctx, v, all)
	if err != nil {
		return services, categories, err
	}
	for _, x := range found {
		add(&services, x.Service, float64(x.Count))
		add(&categories, x.Category, float64(x.Count))
	}
	for _, t := range []*desk.FigureTable{&services, &categories} {
		slices.SortStableFunc(t.Rows, func(a, b desk.FigureRow) int { return int(b.Values[0] - a.Values[0]) })
	}
	return services, categories, nil
}

// add adds to the one value of a row.
func add(t *desk.FigureTable, key string, n float64) {
	i := slices.IndexFunc(t.Rows, func(r desk.FigureRow) bool { return r.Key == key })
	if i < 0 {
		t.Rows = append(t.Rows, desk.FigureRow{Key: key, Values: []float64{0}})
		i = len(t.Rows) - 1
	}
	t.Rows[i].Values[0] += n
}

// delayTable makes median and 90th percentile of the counted delays, which come by service.
func delayTable(counts []store.Delay) desk.FigureTable {
	t := desk.FigureTable{Code: desk.FigureDelays}
	all := slices.SortedFunc(slices.Values(counts), func(a, b store.Delay) int { return a.Hours - b.Hours })
	for len(counts) > 0 {
		end := slices.IndexFunc(counts, func(x store.Delay) bool { return x.Service != counts[0].Service })
		if end < 0 {
			end = len(counts)
		}
		t.Rows = append(t.Rows, delayRow(counts[0].Service, counts[:end]))
		counts = counts[end:]
	}
	if len(t.Rows) > 1 {
		total := delayRow("", all)
		t.Total = &total
	}
	return t
}

// delayRow sums counts up, which are of one service and the shortest first.
func delayRow(service string, counts []store.Delay) desk.FigureRow {
	n := 0
	for _, x := range counts {
		n += x.Count
	}
	return desk.FigureRow{Key: service, Values: []float64{float64(n), quantile(counts, n, 0.5), quantile(counts, n, 0.9)}}
}

// quantile is the delay in days within which a share of n requests was ended (nearest rank).
func quantile(counts []store.Delay, n int, share float64) float64 {
	rank := int(math.Ceil(share * float64(n)))
	for _, x := range counts {
		if rank -= x.Count; rank <= 0 {
			return float64(x.Hours) / 24
		}
	}
	return math.NaN()
}

func lateTable(counts []store.Lateness) desk.FigureTable {
	t := desk.FigureTable{Code: desk.FigureLate}
	var all store.Lateness
	row := func(x store.Lateness) desk.FigureRow {
		return desk.FigureRow{Key: x.Service, Values: []float64{
			float64(x.Answers), shareOf(x.AnswersLate, x.Answers), float64(x.Receipts), shareOf(x.ReceiptsLate, x.Receipts),
		}}
	}
	for _, x := range counts {
		t.Rows = append(t.Rows, row(x))
		all.Answers, all.AnswersLate = all.Answers+x.Answers, all.AnswersLate+x.AnswersLate
		all.Receipts, all.ReceiptsLate = all.Receipts+x.Receipts, all.ReceiptsLate+x.ReceiptsLate
	}
	if len(counts) > 1 {
		total := row(all)
		t.Total = &total
	}
	return t
}

// shareOf is a part of a number; unknown for a part of nothing.
func shareOf(part, whole int) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole)
}

// checkTable sums the checks up by a key, the largest first.
func checkTable(code string, counts []store.Checked, key func(store.Checked) string) desk.FigureTable {
	t := desk.FigureTable{Code: code}
	sums := map[string]store.Checked{}
	var all store.Checked
	plus := func(a, b store.Checked) store.Checked {
		a.Count, a.Right, a.Abstained, a.SureRight = a.Count+b.Count, a.Right+b.Right, a.Abstained+b.Abstained, a.SureRight+b.SureRight
		return a
	}
	row := func(k string, x store.Checked) desk.FigureRow {
		return desk.FigureRow{Key: k, Values: []float64{
			float64(x.Count), shareOf(x.Right, x.Count), shareOf(x.Abstained, x.Count), shareOf(x.SureRight, x.Count-x.Abstained),
		}}
	}
	for _, x := range counts {
		sums[key(x)] = plus(sums[key(x)], x)
		all = plus(all, x)
	}
	for k, x := range sums {
		t.Rows = append(t.Rows, row(k, x))
	}
	slices.SortFunc(t.Rows, func(a, b desk.FigureRow) int {
		if a.Values[0] != b.Values[0] {
			return int(b.Values[0] - a.Values[0])
		}
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	if len(t.Rows) > 1 {
		total := row("", all)
		t.Total = &total
	}
	return t
}
