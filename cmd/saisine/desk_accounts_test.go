package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

const accountsTown = `
categories:
  - {code: voirie, label: Voirie, service: {name: Voirie, phone: "1", email: a@b.fr}, folders: [voirie, technique]}
  - {code: aide, label: Aide, service: {name: CCAS, phone: "1", email: a@b.fr, sealed: true}, folders: [action sociale, social]}
  - {code: police, label: Police, service: {name: Police, phone: "1", email: a@b.fr, sealed: true}}
`

// proposed records a scan in a folder, and returns its id.
func (h *clockHouse) proposed(key, folder string) string {
	h.t.Helper()
	r, err := h.store.Record(h.t.Context(), ingest.Submission{
		Channel: ingest.ChannelScan, Account: "test", SourceKey: key, ReceivedAt: h.now, Original: ingest.NewBlob([]byte(key)), MediaType: ingest.MediaPDF,
		Hints: ingest.Hints{Service: folder},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return r.ID
}

// What a viewer does not see: sealed services that are not theirs, and the folders of these as
// they were written.
func TestHidden(t *testing.T) {
	t.Parallel()
	h := newClockHouseOf(t, "2026-11-23 10:00", accountsTown)
	d := h.accounts(nil)
	hidden := func(role ingest.Role, services ...string) []string {
		t.Helper()
		v, err := d.Viewer(t.Context(), ingest.Agent{Login: "a", Name: "A", Title: "T", Role: role, Services: services, Language: "fr"})
		if err != nil || v.Login != "a" || v.Name != "A" || v.Title != "T" || v.Role != role || v.Language != "fr" {
			t.Fatalf("%+v, %v", v, err)
		}
		return v.Hidden
	}
	if got := hidden(ingest.RoleReader); got != nil {
		t.Errorf("nothing is sealed yet: %q", got)
	}
	if err := sealServices(t.Context(), h.house); err != nil {
		t.Fatal(err)
	}
	want := []string{"CCAS", "Police"}
	if got := hidden(ingest.RoleAdministrator); !slices.Equal(got, want) {
		t.Errorf("administrator: %q", got)
	}
	id := h.proposed("1", "ACTION  Sociale")
	h.proposed("2", "technique")
	h.proposed("3", "CCAS")
	h.proposed("4", "police")
	for _, tt := range []struct {
		services, want []string
	}{
		{nil, []string{"CCAS", "Police", "ACTION  Sociale", "police"}},
		{[]string{"Voirie"}, []string{"CCAS", "Police", "ACTION  Sociale", "police"}},
		{[]string{"CCAS"}, []string{"Police", "police"}},
		{[]string{"CCAS", "Police"}, nil},
	} {
		if got := hidden(ingest.RoleAgent, tt.services...); !slices.Equal(got, tt.want) {
			t.Errorf("member of %q: %q, want %q", tt.services, got, tt.want)
		}
	}
	v, err := d.Viewer(t.Context(), ingest.Agent{Login: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.VisibleSubmission(t.Context(), v, id); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("a scan in a sealed folder: %v", err)
	}
}

// Reads of what is sealed are noted, once in a while, and no others.
func TestWitness(t *testing.T) {
	t.Parallel()
	h := newClockHouseOf(t, "2026-11-23 10:00", accountsTown)
	if err := sealServices(t.Context(), h.house); err != nil {
		t.Fatal(err)
	}
	now := h.now
	d := h.accounts(func() time.Time { return now })
	scan, open := h.proposed("1", "Social"), h.proposed("2", "technique")
	request := func(key, category, service string) (reference, id string) {
		id = h.proposed(key, "")
		filed, err := h.store.File(t.Context(), id, ingest.Filing{
			Classification: ingest.Classification{Category: category, Service: service}, Match: func(context.Context, ingest.Candidates) (ingest.Match, error) {
				return ingest.Match{Link: ingest.LinkOpens}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return filed.Request, id
	}
	help, helpID := request("3", "aide", "CCAS")
	road, _ := request("4", "voirie", "Voirie")
	v := ingest.Viewer{Login: "a"}
	saw := func(what ingest.AccessKind, id string) {
		t.Helper()
		if err := d.Saw(t.Context(), v, what, id); err != nil {
			t.Error(err)
		}
	}
	saw(ingest.AccessRequest, road)
	saw(ingest.AccessFile, open)
	saw(ingest.AccessRequest, help)
	saw(ingest.AccessRequest, help)
	saw(ingest.AccessFile, helpID)
	saw(ingest.AccessFile, scan)
	now = now.Add(notedFor)
	saw(ingest.AccessRequest, help)
	v.Login = "b"
	saw(ingest.AccessRequest, help)
	for what, id := range map[ingest.AccessKind]string{ingest.AccessRequest: "2020-000001", ingest.AccessFile: "nothing"} {
		if err := d.Saw(t.Context(), v, what, id); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s of nothing: %v", what, err)
		}
	}
	lines, _, err := h.store.AccessLog(t.Context(), ingest.Viewer{}, time.Time{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range slices.Backward(lines) {
		got = append(got, l.Agent+" "+string(l.What)+" "+l.Detail)
	}
	want := []string{
		"agent:a request.read " + help, "agent:a file.read " + helpID, "agent:a file.read " + scan, "agent:a request.read " + help, "agent:b request.read " + help,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if lines, _, err = h.store.AccessLog(t.Context(), ingest.Viewer{Hidden: []string{"CCAS"}}, time.Time{}, 100); err != nil || len(lines) != 0 {
		t.Errorf("who is outside sees %d lines (%v)", len(lines), err)
	}
}
