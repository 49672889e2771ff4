package match

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// fakeCandidates answers from lists, as the store would from its tables.
type fakeCandidates struct {
	waiting bool
	hash    map[string][]ingest.Candidate
	mid     map[string][]ingest.Candidate
	text    map[string][]ingest.Candidate
}

func (f fakeCandidates) ByHash(_ context.Context, h string) ([]ingest.Candidate, error) {
	return f.hash[h], nil
}

func (f fakeCandidates) ByMessageID(_ context.Context, ids []string) (out []ingest.Candidate, _ error) {
	for _, id := range ids {
		out = append(out, f.mid[id]...)
	}
	return out, nil
}

func (f fakeCandidates) ByTextKey(_ context.Context, k string) ([]ingest.Candidate, error) {
	return f.text[k], nil
}

func (f fakeCandidates) OthersWaiting(context.Context) (bool, error) { return f.waiting, nil }

func TestMatch(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	alice := ingest.Person{Name: "Alice Martin", Email: "alice@example.fr"}
	bob := ingest.Person{Name: "Bob Petit", Email: "bob@example.fr"}
	text := "Le lampadaire devant le 18 rue des Acacias ne s'allume plus depuis dix jours."
	m := &Matcher{}
	key := m.TextKey(ingest.Reading{Text: text})
	c := fakeCandidates{
		hash: map[string][]ingest.Candidate{"h1": {{SubmissionID: "s1", Request: "2026-000001", From: alice, ReceivedAt: at}}},
		mid:  map[string][]ingest.Candidate{"<m1@x>": {{SubmissionID: "s1", Request: "2026-000001", From: alice, ReceivedAt: at}}},
		text: map[string][]ingest.Candidate{key: {{SubmissionID: "s1", Request: "2026-000001", From: alice, ReceivedAt: at}}},
	}
	tests := []struct {
		name      string
		rec       ingest.Record
		reading   ingest.Reading
		link      ingest.Link
		request   string
		suggested int
	}{
		{"nothing known opens", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{From: alice, Text: "Autre chose, tout à fait autre chose, et assez long pour compter."}, ingest.LinkOpens, "", 0},
		{"same bytes", ingest.Record{SHA256: "h1", ReceivedAt: at}, ingest.Reading{From: bob}, ingest.LinkDuplicate, "2026-000001", 0},
		{"reply of the same sender", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{From: ingest.Person{Email: "ALICE@example.fr"}, InReplyTo: []string{"<m1@x>"}}, ingest.LinkFollowUp, "2026-000001", 0},
		{"reply found through References", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{From: alice, References: []string{"<m1@x>", "<m9@x>"}}, ingest.LinkFollowUp, "2026-000001", 0},
		{"reply of somebody else opens and suggests", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{From: bob, InReplyTo: []string{"<m1@x>"}}, ingest.LinkOpens, "", 1},
		{"same words, same sender", ingest.Record{SHA256: "h2", ReceivedAt: at.Add(time.Hour)}, ingest.Reading{From: alice, Text: strings.ToUpper(text) + "\n"}, ingest.LinkDuplicate, "2026-000001", 0},
		{"same words, other sender: a petition", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{From: bob, Text: text}, ingest.LinkOpens, "", 1},
		{"same words, sender unknown", ingest.Record{SHA256: "h2", ReceivedAt: at}, ingest.Reading{Text: text}, ingest.LinkOpens, "", 1},
		{"same words a year later is a new matter", ingest.Record{SHA256: "h2", ReceivedAt: at.AddDate(1, 0, 0)}, ingest.Reading{From: alice, Text: text}, ingest.LinkOpens, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := m.Match(t.Context(), c, tt.rec, tt.reading, m.TextKey(tt.reading))
			if err != nil {
				t.Fatal(err)
			}
			if got.Link != tt.link || got.Request != tt.request || len(got.Suggestions) != tt.suggested {
				t.Errorf("got %+v, want %s of %q with %d suggestions", got, tt.link, tt.request, tt.suggested)
			}
			if got.Link != ingest.LinkOpens && len(got.Reasons) == 0 {
				t.Error("a link without a reason")
			}
		})
	}
}

func TestTextKeyIgnoresShortTexts(t *testing.T) {
	m := &Matcher{}
	if k := m.TextKey(ingest.Reading{Text: "Bonjour, merci d'avance. Cordialement"}); k != "" {
		t.Errorf("a greeting identifies nobody's matter, got key %q", k)
	}
}

func TestSamePerson(t *testing.T) {
	tests := []struct {
		a, b ingest.Person
		want bool
	}{
		{ingest.Person{Phone: "06 12 34 56 78"}, ingest.Person{Phone: "+33612345678"}, true},
		{ingest.Person{Phone: "06 12 34 56 78"}, ingest.Person{Phone: "0033 6 12 34 56 78"}, true},
		{ingest.Person{Phone: "17"}, ingest.Person{Phone: "17"}, false},
		{ingest.Person{Name: "Jean Martin"}, ingest.Person{Name: "Jean Martin"}, false},
		{ingest.Person{Name: "Jérôme Élie", Address: "3, rue du Bac"}, ingest.Person{Name: "JEROME ELIE", Address: "3 rue du Bac"}, true},
		{ingest.Person{}, ingest.Person{}, false},
		{ingest.Person{Email: " a@b.fr"}, ingest.Person{Email: "A@b.fr"}, true},
	}
	for _, tt := range tests {
		if got := samePerson(tt.a, tt.b) != ""; got != tt.want {
			t.Errorf("samePerson(%+v, %+v) = %v", tt.a, tt.b, got)
		}
	}
}

func TestSuggestionsAreBounded(t *testing.T) {
	var many []ingest.Candidate
	for i := range 100 {
		many = append(many, ingest.Candidate{Request: string(rune('a' + i))})
	}
	if got := suggest(nil, many, 0.5, "x"); len(got) != suggestionsMax {
		t.Errorf("got %d suggestions", len(got))
	}
}

// The same covering words with another file are another matter.
func TestTextKeyTellsFilesApart(t *testing.T) {
	m := &Matcher{}
	words := "Bonjour, veuillez trouver ci-joint ma demande. Cordialement, J. Martin"
	key := func(files ...string) string {
		r := ingest.Reading{Text: words}
		for _, f := range files {
			r.Attachments = append(r.Attachments, ingest.Attachment{SHA256: f})
		}
		return m.TextKey(r)
	}
	if key("permis") == key("cantine") || key() == key("permis") {
		t.Error("different files, one key")
	}
	if key("a", "b") != key("b", "a") {
		t.Error("the order of the files matters")
	}
}

// A reply that came in together with what it answers waits for it, but not for ever.
func TestReplyWaitsForItsMail(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	m := &Matcher{Now: func() time.Time { return now }}
	reply := ingest.Reading{InReplyTo: []string{"unknown@x"}}
	for _, tt := range []struct {
		name    string
		age     time.Duration
		waiting bool
		reading ingest.Reading
		want    error
	}{
		{"others are being read", time.Second, true, reply, ingest.ErrNotYet},
		{"nothing else waits", time.Second, false, reply, nil},
		{"long enough", 2 * patience, true, reply, nil},
		{"no reply", time.Second, true, ingest.Reading{}, nil},
	} {
		_, err := m.Match(t.Context(), fakeCandidates{waiting: tt.waiting}, ingest.Record{RecordedAt: now.Add(-tt.age)}, tt.reading, "")
		if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
