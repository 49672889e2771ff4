package desk

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// eventKinds are all kinds of events that the store writes.
func eventKinds(t *testing.T) []string {
	t.Helper()
	constant := regexp.MustCompile(`(?m)^(?:const )?\s*event\w+\s*=\s*"([a-z_.]+)"`)
	files, err := filepath.Glob("../../ingest/store/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllSubmatch(source, -1) {
			out = append(out, string(m[1]))
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d kinds found: %v", len(out), out)
	}
	return out
}

func newTeller(t *testing.T, lang string) teller {
	t.Helper()
	p, err := newPages("Saint-Exemple", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return teller{tongue: p.tongues[lang], reference: ref, names: map[string]string{"lea": "Léa Martin"}, categories: newBureau().Categories()}
}

// Whatever the store writes into a history has a text of its own in both languages.
func TestHistoryKnowsAllEvents(t *testing.T) {
	fr, en := newTeller(t, french), newTeller(t, english)
	for _, kind := range eventKinds(t) {
		e := ingest.Event{Kind: kind, Raw: json.RawMessage(`{"procedure":"permis"}`), Detail: ingest.EventDetail{
			From: "2026-000002", To: ref, Kind: string(ingest.MailARE), Until: "2026-04-23", OldStatus: ingest.StatusNew, NewStatus: ingest.StatusClosed,
			Old: &ingest.Choice{Category: "eau"}, New: &ingest.Choice{Category: "voirie"}, Agent: "lea", Service: "Voirie", Number: "D-2026-000001",
			Before: &ingest.Correction{Subject: "a"}, After: &ingest.Correction{Subject: "b"},
		}}
		f, moreF := fr.eventText(e)
		g, moreG := en.eventText(e)
		if f == "" || f == g || strings.Contains(f, kind) || strings.Contains(g, kind) || strings.Contains(f+g, "%!") || len(moreF) != len(moreG) {
			t.Errorf("%s: %q, %q", kind, f, g)
		}
	}
	if text, _ := fr.eventText(ingest.Event{Kind: "request.unheard"}); text != "Événement «\u00a0request.unheard\u00a0»" {
		t.Errorf("of another version: %q", text)
	}
}

func TestHistoryTexts(t *testing.T) {
	fr := newTeller(t, french)
	other := "2026-000002"
	for _, tt := range []struct {
		e    ingest.Event
		want string
		more string
	}{
		{ingest.Event{Kind: "request.merged", Detail: ingest.EventDetail{From: other, To: ref}}, "2026-000002 est réunie à cette demande.", ""},
		{ingest.Event{Kind: "request.merged", Detail: ingest.EventDetail{From: ref, To: other}}, "Réunie à 2026-000002.", ""},
		{ingest.Event{Kind: "request.merged", Detail: ingest.EventDetail{To: ref}}, "une autre demande est réunie à cette demande.", ""}, // hidden
		{ingest.Event{Kind: "request.linked", Detail: ingest.EventDetail{From: other, To: ref}}, "Des pièces sont venues de 2026-000002.", ""},
		{ingest.Event{Kind: "request.linked", Detail: ingest.EventDetail{From: ref, To: other}}, "Des pièces sont passées dans 2026-000002.", ""},
		{ingest.Event{Kind: "request.linked", Detail: ingest.EventDetail{From: ref, To: ref}}, "Rattachement changé.", ""},
		{ingest.Event{Kind: "request.split", Detail: ingest.EventDetail{From: ref, To: other}}, "Des pièces sont sorties\u00a0: 2026-000002.", ""},
		{ingest.Event{Kind: "request.unlinked", Detail: ingest.EventDetail{From: other, To: ref, Restored: true}}, "Rétablie\u00a0: ses pièces sont sorties de 2026-000002.", ""},
		{ingest.Event{Kind: "request.unlinked", Detail: ingest.EventDetail{From: other, To: ref}}, "Ouverte par des pièces sorties de 2026-000002.", ""},
		{ingest.Event{Kind: "request.categorized", Detail: ingest.EventDetail{Old: &ingest.Choice{Category: "eau"}, New: &ingest.Choice{Category: "eau"}}}, "Catégorie confirmée\u00a0: Eau.", ""},
		{ingest.Event{Kind: "request.categorized", Detail: ingest.EventDetail{Old: &ingest.Choice{}, New: &ingest.Choice{Category: "voirie"}}}, "Catégorie choisie\u00a0: Voirie et trottoirs.", ""},
		{ingest.Event{Kind: "request.categorized", Detail: ingest.EventDetail{Old: &ingest.Choice{Category: "ancienne"}, New: &ingest.Choice{Category: "eau"}}}, "Catégorie\u00a0: de «\u00a0ancienne\u00a0» à «\u00a0Eau\u00a0».", ""},
		{ingest.Event{Kind: "request.assigned_to", Detail: ingest.EventDetail{Agent: "lea"}}, "Confiée à Léa Martin.", ""},
		{ingest.Event{Kind: "request.assigned_to", Detail: ingest.EventDetail{From: "parti"}}, "N’est plus confiée à parti.", ""},
		{ingest.Event{Kind: "request.status", Detail: ingest.EventDetail{OldStatus: "new", NewStatus: "closed"}}, "Statut\u00a0: de «\u00a0Nouvelle\u00a0» à «\u00a0Close\u00a0».", ""},
		{ingest.Event{Kind: "request.pieces_asked", Detail: ingest.EventDetail{Until: "2026-04-23", Pieces: []string{"RIB", "acte"}}}, "Pièces demandées jusqu’au 23\u00a0avril\u00a02026.", "RIB|acte"},
		{ingest.Event{Kind: "mail.bounced", Detail: ingest.EventDetail{Kind: "are", Reason: "boîte pleine"}}, "Accusé de réception\u00a0: non remis.", "boîte pleine"},
		{ingest.Event{Kind: "request.duplicate", Detail: ingest.EventDetail{Reasons: []string{"même texte"}}}, "Un envoi s’est ajouté\u00a0: doublon.", "même texte"},
		{
			ingest.Event{Kind: "request.corrected", Detail: ingest.EventDetail{
				Before: &ingest.Correction{Subject: "Trou", Sender: ingest.Person{Name: "A"}}, After: &ingest.Correction{Subject: "Trou", Sender: ingest.Person{Name: "B"}, Place: "ici"},
			}},
			"Corrigée.", "Nom\u00a0: «\u00a0B\u00a0» au lieu de «\u00a0A\u00a0»|Lieu\u00a0: «\u00a0ici\u00a0» au lieu de «\u00a0\u00a0»",
		},
	} {
		text, more := fr.eventText(tt.e)
		if text != tt.want || strings.Join(more, "|") != tt.more {
			t.Errorf("%s: %q %q; want %q %q", tt.e.Kind, text, more, tt.want, tt.more)
		}
	}
	for actor, want := range map[string]string{"agent:lea": "Léa Martin", "agent:parti": "parti", "cli:root": "root (ligne de commande)", "saisine": "saisine"} {
		if got := fr.actor(actor); got != want {
			t.Errorf("%s: %q", actor, got)
		}
	}
}

// A move can be taken back while things are as it left them, the last one between two requests
// only.
func TestHistoryUndo(t *testing.T) {
	fr := newTeller(t, french)
	q := newBureau().requests[ref] // p1 opens; p2, p3; 2026-000003 is merged into it
	event := func(kind, from, to string, pieces ...string) ingest.Event {
		return ingest.Event{Kind: kind, Detail: ingest.EventDetail{From: from, To: to, Submissions: pieces}}
	}
	for _, tt := range []struct {
		name   string
		events []ingest.Event
		want   string // the undo of each, newest first
	}{
		{"linked", []ingest.Event{event("request.linked", "2026-000009", ref, "p2")}, "separer [p2]"},
		{"merged", []ingest.Event{event("request.merged", "2026-000003", ref, "p2", "p3")}, "separer [p2 p3]"},
		{"merged and given back", []ingest.Event{event("request.merged", "2026-000009", ref, "p2")}, "-"},
		{"moved on", []ingest.Event{event("request.linked", "2026-000009", ref, "p2", "elsewhere")}, "-"},
		{"what opens it now", []ingest.Event{event("request.linked", "2026-000009", ref, "p1")}, "-"},
		{"gone from here", []ingest.Event{event("request.linked", ref, "2026-000009", "x")}, "-"},
		{"as something else", []ingest.Event{event("request.linked", ref, ref, "p2")}, "-"},
		{"from something hidden", []ingest.Event{event("request.linked", "", ref, "p2")}, "-"},
		{"split", []ingest.Event{event("request.split", ref, "2026-000009", "x")}, "reunir 2026-000009 in 2026-000001"},
		{"split and back", []ingest.Event{event("request.split", ref, "2026-000003", "x")}, "-"},
		{"split, the piece is back", []ingest.Event{event("request.split", ref, "2026-000009", "p2")}, "-"},
		{"twice", []ingest.Event{event("request.linked", "2026-000009", ref, "p2"), event("request.linked", "2026-000009", ref, "p3")}, "separer [p3], -"},
		{"no move", []ingest.Event{event("request.opened", "", "")}, "-"},
	} {
		for _, may := range []bool{true, false} {
			var got []string
			for _, l := range historyLines(fr, q, tt.events, may) {
				switch u := l.Undo; {
				case u == nil:
					got = append(got, "-")
				case u.Into != "":
					got = append(got, u.Act+" "+u.Reference+" in "+u.Into)
				default:
					got = append(got, u.Act+" ["+strings.Join(u.Pieces, " ")+"]")
				}
			}
			want := tt.want
			if !may {
				want = strings.Repeat(", -", len(tt.events))[2:]
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s, may act %t: %v, want %s", tt.name, may, got, want)
			}
		}
	}
	// What has just been merged is offered to be taken back above the page.
	b := newBureau()
	b.details.History = []ingest.Event{event("request.merged", "2026-000003", ref, "p2", "p3")}
	_, body := b.desk(t, clerk).get("/agent/demandes/" + ref + "?reunie=2026-000003")
	contains(t, body, "Annuler la réunion", `action="/agent/demandes/2026-000001/separer"`, `name="pieces" value="p2"`)
	_, body = b.desk(t, clerk).get("/agent/demandes/" + ref + "?reunie=2026-000009")
	lacks(t, body, "Annuler la réunion")
}
