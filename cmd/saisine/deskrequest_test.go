package main

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

var (
	formOf    = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)">(.*?)</form>`)
	hiddenOf  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	undoLabel = regexp.MustCompile(`>Annuler( la réunion)?</button>`)
)

// undoForm finds the first form of a page that takes a move back.
func undoForm(t *testing.T, page string) (action string, values url.Values) {
	t.Helper()
	for _, m := range formOf.FindAllStringSubmatch(page, -1) {
		if !undoLabel.MatchString(m[2]) {
			continue
		}
		values = url.Values{}
		for _, f := range hiddenOf.FindAllStringSubmatch(m[2], -1) {
			values.Add(f[1], html.UnescapeString(f[2]))
		}
		return m[1], values
	}
	t.Fatal("nothing on the page takes the move back")
	return "", nil
}

// promised looks whether the store keeps its promises.
func (h *deskHouse) promised() {
	h.t.Helper()
	if _, err := h.store.Verify(h.t.Context(), func(f store.Finding) { h.t.Errorf("verify: %+v", f) }, nil); err != nil {
		h.t.Error(err)
	}
}

// An agent puts two requests together, sees that they were not the same, and takes it back;
// then once more, by the history alone.
func TestMergeAndUndoAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, _ := fillTown(h, false)
	h.agent("lea", ingest.RoleAgent, "Voirie")
	lea := h.as("lea")
	one, other := "/agent/demandes/"+open[0], "/agent/demandes/"+open[1]

	status, page := lea.get(one + "/comparer/" + open[1])
	if status != http.StatusOK || !strings.Contains(page, "<mark>10</mark>") || !strings.Contains(page, "<mark>17</mark>") {
		t.Fatalf("compared: %d", status)
	}
	status, to := lea.post(other+"/reunir", url.Values{"dans": {open[0]}})
	if status != http.StatusSeeOther || to != one+"?reunie="+open[1] {
		t.Fatalf("merged: %d %s", status, to)
	}
	_, page = lea.get(to)
	if !strings.Contains(page, "La demande "+open[1]+" est réunie à celle-ci.") {
		t.Error("the page does not say what was done")
	}
	if status, to := lea.get(other); status != http.StatusSeeOther || to != one {
		t.Errorf("the old address: %d %s", status, to)
	}
	if status, _ := lea.get(one + "/comparer/" + open[1]); status != http.StatusSeeOther {
		t.Errorf("compared with itself: %d", status)
	}
	h.promised()

	action, values := undoForm(t, page)
	if status, to = lea.post(action, values); status != http.StatusSeeOther || to != one {
		t.Fatalf("taken back: %d %s", status, to)
	}
	for _, reference := range open {
		if q, err := h.store.Request(t.Context(), reference); err != nil || q.Reference != reference || len(q.Submissions) != 1 {
			t.Errorf("%s afterwards: %+v %v", reference, q, err)
		}
	}
	_, page = lea.get(one)
	for _, want := range []string{"Agent lea", open[1] + " est réunie à cette demande.", "Des pièces sont sorties\u00a0: " + open[1]} {
		if !strings.Contains(page, want) {
			t.Errorf("the history lacks %q", want)
		}
	}
	h.promised()

	// The split is taken back by the history, and that again.
	action, values = undoForm(t, page)
	if status, to = lea.post(action, values); status != http.StatusSeeOther || !strings.HasPrefix(to, one) {
		t.Fatalf("merged again: %d %s", status, to)
	}
	_, page = lea.get(to)
	action, values = undoForm(t, page)
	if status, _ = lea.post(action, values); status != http.StatusSeeOther {
		t.Fatalf("taken back again: %d", status)
	}
	if q, err := h.store.Request(t.Context(), open[1]); err != nil || q.Reference != open[1] {
		t.Errorf("%s afterwards: %+v %v", open[1], q, err)
	}
	h.promised()
}

// Every act reaches the store, by who did it.
func TestActsAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, _ := fillTown(h, false)
	h.agent("lea", ingest.RoleAgent, "Voirie")
	h.agent("chef", ingest.RoleManager, "Voirie")
	at := "/agent/demandes/" + open[0]
	lea, chef := h.as("lea"), h.as("chef")
	moved, err := h.store.Request(t.Context(), open[1])
	if err != nil {
		t.Fatal(err)
	}
	piece := moved.Submissions[0].ID
	for _, act := range []struct {
		by     *session
		path   string
		values url.Values
		kind   string
	}{
		{lea, at + "/categorie", url.Values{"code": {"voirie"}}, "request.categorized"},
		{lea, at + "/affectation", url.Values{"agent": {"lea"}}, "request.assigned_to"},
		{lea, at + "/statut", url.Values{"statut": {"in_progress"}, "note": {"Nous venons."}}, "request.status"},
		{
			lea, at + "/correction",
			url.Values{"objet": {"Nid de poule"}, "nom": {"Amélie Durand"}, "courriel": {"a@citoyen.test"}, "telephone": {""}, "adresse": {""}, "lieu": {"rue des Acacias"}},
			"request.corrected",
		},
		{lea, at + "/commentaire", url.Values{"texte": {"Vu sur place."}}, "request.comment"},
		{lea, at + "/pieces-demandees", url.Values{"pieces": {"une photo"}, "jusquau": {"2026-12-24"}}, "request.pieces_asked"},
		{lea, at + "/pieces-recues", url.Values{"le": {"2026-11-23"}}, "request.pieces_came"},
		{lea, at + "/transmission", url.Values{"administration": {"Département"}}, "request.transmitted"},
		{chef, at + "/liens-revoques", nil, "request.link_revoked"},
		{lea, "/agent/demandes/" + open[1] + "/rattacher", url.Values{"piece": {piece}, "reference": {open[0]}, "lien": {"follow_up"}}, "request.linked"},
		{lea, at + "/detacher", url.Values{"piece": {piece}}, "request.unlinked"},
		{lea, at + "/distinguer", url.Values{"autre": {open[2]}}, "request.apart"},
	} {
		if status, body := act.by.post(act.path, act.values); status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", act.path, status, body)
			continue
		}
		history, err := h.store.History(t.Context(), open[0])
		if err != nil {
			t.Fatal(err)
		}
		history = slices.DeleteFunc(history, func(e store.Event) bool { return strings.HasPrefix(e.Kind, "mail.") })
		if last := history[len(history)-1]; last.Kind != act.kind || !strings.HasPrefix(last.Actor, "agent:") {
			t.Errorf("%s: %s by %s", act.path, last.Kind, last.Actor)
		}
	}
	q, err := h.store.Request(t.Context(), open[0])
	if err != nil || q.Subject != "Nid de poule" || q.Sender.Email != "a@citoyen.test" || q.Place != "rue des Acacias" || q.CategoryBy != "agent:lea" {
		t.Errorf("afterwards: %+v %v", q, err)
	}
	_, page := lea.get(at)
	for _, want := range []string{"Nid de poule", "Vu sur place.", "Confiée à Agent lea", "Transmise à Département.", "Nous venons."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// What is noted is not for the citizen.
	token, err := follower{h.house}.Token(t.Context(), q.Submissions[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	st, err := follower{h.house}.Follow(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range st.History {
		if strings.Contains(e.Text, "Vu sur place") || strings.Contains(e.Text, "lea") {
			t.Errorf("the citizen is told %q", e.Text)
		}
	}
	h.promised()
}

// A clerk hands a matter to a sealed service, and sees it no more; its member does, which is
// noted, and cannot put it where others would read it.
func TestSealedAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, _ := fillTown(h, false)
	h.agent("lea", ingest.RoleAgent, "Voirie")
	h.agent("claire", ingest.RoleAgent, "CCAS")
	lea, claire := h.as("lea"), h.as("claire")
	at := "/agent/demandes/" + open[0]
	if status, to := lea.post(at+"/categorie", url.Values{"code": {"action-sociale"}}); status != http.StatusSeeOther || to != "/agent/" {
		t.Errorf("handed over: %d %s", status, to)
	}
	if status, _ := lea.get(at); status != http.StatusNotFound {
		t.Errorf("the clerk: %d", status)
	}
	if status, body := claire.get(at); status != http.StatusOK || !strings.Contains(body, "Action sociale") {
		t.Errorf("the member: %d", status)
	}
	log, _, err := h.store.AccessLog(t.Context(), ingest.Viewer{}, time.Time{}, 10)
	if err != nil || !slices.ContainsFunc(log, func(a ingest.Access) bool {
		return a.Agent == "agent:claire" && a.What == ingest.AccessRequest && a.Detail == open[0]
	}) {
		t.Errorf("noted: %+v %v", log, err)
	}
	status, body := claire.post(at+"/reunir", url.Values{"dans": {open[1]}})
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "relève du service protégé CCAS") {
		t.Errorf("merged into an open one: %d", status)
	}
	if status, _ := lea.post("/agent/demandes/"+open[1]+"/reunir", url.Values{"dans": {open[0]}}); status != http.StatusUnprocessableEntity {
		t.Errorf("merged into a hidden one: %d", status)
	}
	if _, err := h.store.RequestFor(t.Context(), ingest.Viewer{Hidden: []string{"CCAS"}}, open[0]); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("not hidden: %v", err)
	}
	h.promised()
}
