package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// What did not come by an app lends no word to what is published, whoever asks for it later.
func TestReports(t *testing.T) {
	ctx := t.Context()
	w := newTown(t)
	w.do(w.s.SetSealed(ctx, []string{"Voirie", "CCAS"}, []string{"CCAS"}))
	n := 0
	report := func(channel ingest.Channel, category, service string) (id, ref string) {
		n++
		m := mail("key"+strings.Repeat("x", n), "report")
		m.Channel, m.ReceivedAt = channel, day.Add(time.Duration(n)*time.Hour)
		m.Hints.Digest = "digest"
		r := record(t, w.s, m)
		filed := file(t, w.s, r.ID, ingest.Filing{
			Reading: ingest.Reading{
				Kind: "form", Text: "un trou", Place: "rue du Puits", Position: &ingest.Position{Lat: 48.5, Long: -2.25},
				From: ingest.Person{Name: "Zoé", Email: "zoe@example.org", Phone: "0612345678", Address: "1 rue du Puits"},
			},
			Classification: ingest.Classification{Category: category, Service: service},
		})
		return r.ID, filed.Request
	}
	id, app := report(ingest.ChannelApp, "voirie", "Voirie")
	_, letter := report(ingest.ChannelScan, "voirie", "Voirie")
	_, secret := report(ingest.ChannelApp, "voirie", "CCAS")
	_, other := report(ingest.ChannelApp, "ecole", "École")
	w.do(w.s.SetStatus(ctx, letter, ingest.StatusClosed, "", "x"))

	list := func(q ingest.ReportQuery, max int) []string {
		t.Helper()
		var out []string
		err := w.s.Reports(ctx, q, func(r ingest.Report) bool {
			out = append(out, r.Reference)
			return len(out) < max
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := ingest.ReportQuery{From: day, To: day.Add(24 * time.Hour), Categories: []string{"voirie", "ecole"}, Open: true, Closed: true}
	want(t, "all", list(all, 10), []string{other, secret, letter, app})
	want(t, "two", list(all, 2), []string{other, secret})
	q := all
	q.Open = false
	want(t, "closed", list(q, 10), []string{letter})
	q = all
	q.Closed, q.Categories = false, []string{"voirie"}
	want(t, "open voirie", list(q, 10), []string{secret, app})
	q = all
	q.From, q.To = day.Add(2*time.Hour), day.Add(3*time.Hour)
	want(t, "span", list(q, 10), []string{secret, letter})

	r, err := w.s.Report(ctx, app)
	if err != nil || r.Text != "un trou" || r.Place != "rue du Puits" || r.Position == nil || r.Position.Long != -2.25 || r.Sender.Email != "zoe@example.org" || r.Sealed || r.Confirmed || !r.UpdatedAt.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = w.s.Report(ctx, letter)
	if err != nil || r.Text+r.Place+r.Sender.Name+r.Sender.Email != "" || r.Position != nil || r.UpdatedAt.IsZero() || r.Status != ingest.StatusClosed {
		t.Errorf("a letter lends its words: %+v, %v", r, err)
	}
	if r, err := w.s.Report(ctx, secret); err != nil || !r.Sealed {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := w.s.Report(ctx, "2026-999999"); !errors.Is(err, ingest.ErrNotFound) {
		t.Error(err)
	}
	w.do(w.s.Categorize(ctx, app, "voirie", "Voirie", "marie"))
	w.do(w.s.Merge(ctx, app, other, "x"))
	if r, err := w.s.Report(ctx, app); err != nil || r.Reference != other {
		t.Errorf("%+v, %v", r, err)
	}
	if slices.Contains(list(all, 10), app) {
		t.Error("a request that was merged is listed")
	}
	if ref, digest, err := w.s.FiledIn(ctx, id); err != nil || ref != other || digest != "digest" {
		t.Errorf("%q, %q, %v", ref, digest, err)
	}
	if _, _, err := w.s.FiledIn(ctx, "nothing"); !errors.Is(err, ingest.ErrNotFound) {
		t.Error(err)
	}
}
