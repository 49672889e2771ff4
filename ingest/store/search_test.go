package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

func TestSearchWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Les réparations de l’école", "repar ecol"},
		{"RÉPARÉS, réparer ; Réparée", "repar repar repar"},
		{"REPAREE SECURITE", "repar secur"},
		{"sécurité œuvre Œuvre naïve", "secur oeuvr oeuvr naiv"},
		{"répara-\ntion porte-monnaie", "repar port monnai"},
		{"12/03/2026 n° 4bis", "12 03 2026 4bis"},
		{"de la les et", ""},
		{"e\u0301cole e\u0301cole", "ecol ecol"},
		{"ﬁchier coeur\u00ad", "fichi coeur"},
		{"Łódź Straße мэрия", "lodz strass мэрия"},
		{"", ""},
		{"\x00\xff\"*(", ""},
		{"Tél. 06 12 34 56 78", "tel 06 12 34 56 78 0612345678"},
		{"+33 (0)6.12.34.56.78 et 0612345679", "33 0 6 12 34 56 78 0612345679 0612345678"},
		{"+32 470 12 34 56", "32 470 12 34 56 32470123456"},
		{"0033612345678 00 33 6 12 34 56 78", "0033612345678 00 33 6 12 34 56 78 0612345678 0612345678"},
		{"facture 0102 2026", "factur 0102 2026"},
	} {
		if got := strings.TrimSpace(indexed(c.text)); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Run("few", testSearch)
	walkAlways(t)
	t.Run("walk", testSearch)
}

func testSearch(t *testing.T) {
	w := newTown(t)
	w.file(listed{ // 1
		subject: "Réparation du trottoir", text: "Bonjour, le trottoir de la rue des Lilas est abîmé devant l’école. Merci de le réparer.",
		from: ingest.Person{Name: "Hélène Dupond-Martin", Email: "h.dupond@exemple.fr", Phone: "+33612345678", Address: "4 bis rue Haute"},
	})
	w.file(listed{ // 2
		subject: "Inscription", text: "Bonjour, je voudrais inscrire ma fille à la cantine. Mon numéro : 06.98.76.54.32.",
		attachments: []ingest.Attachment{{Name: "attestation_quotient.pdf", Text: "Quotient familial de la caisse"}},
	})
	third, _ := w.file(listed{text: "Bonjour, les lampadaires de la place de la Mairie sont éteints."}) // 3
	w.file(listed{text: "Bonjour, la cantine était froide, la fille pleurait.", match: joins(ref(3))})  // into 3
	w.file(listed{text: "Rien à voir"})                                                                 // 4
	for _, c := range []struct{ words, want string }{
		{"trottoir", "1"},
		{"TROTTOIRS", "1"},
		{"réparés", "1"},
		{"repares", "1"},
		{"réparation", "1"},
		{"ecole", "1"},
		{"école", "1"},
		{"l’école", "1"},
		{"abimé", "1"},
		{"dupond", "1"},
		{"helene dupond", "1"},
		{"dupond-martin", "1"},
		{"martin-dupond", ""},
		{"h.dupond@exemple.fr", "1"},
		{"06 12 34 56 78", "1"},
		{"0612345678", "1"},
		{"+33 6 12 34 56 78", "1"},
		{"06.12.34.56.78", "1"},
		{"06 12 34", "1"},
		{"061234", "1"},
		{"06 98 76 54 32", "2"},
		{"0698765432", "2"},
		{"06 99 76 54 32", ""},
		{"4 bis rue haute", "1"},
		{"quotient", "2"},
		{"attestation_quotient.pdf", "2"},
		{"bonjour", "3 2 1"},
		{"bonjour cantine", "3 2"},
		{"cantine lampadaires", ""}, // each in another submission
		{"\"rue des lilas\"", "1"},
		{"« rue des lilas »", "1"},
		{"\"lilas rue\"", ""},
		{"“place mairie”", "3"},
		{"\"place de la mairie", "3"},
		{"lamp*", "3"},
		{"lampad*", "3"},
		{"reparati*", "1"},
		{"la*", "4 3 2 1"}, // too short a beginning is a word: one of those that are everywhere
		{"trot* lil*", "1"},
		{"zzz", ""},
		{"2026-000002", "2"},
		{"2026-2", "2"},
		{"n° 2026-000004", "4"},
		{"2026-000004*", "4"}, // while it is typed
		{"2026-000099", ""},
		{third, "3"},
		{"A-2026-000004", "3"}, // the number of a submission that joined it
		{"a-2026-1", "1"},
		{"D-2026-000001", ""},
		{"de la", "4 3 2 1"},
		{"la cantine", "3 2"},
		{"OR AND NOT", ""},
		{"words:trottoir", ""},
		{"trottoir OR zzz", ""},
		{"-trottoir", "1"},
		{"^trottoir", "1"},
		{"\"", "4 3 2 1"},
	} {
		if got := w.refs(clerk, ingest.Filter{Words: c.words}); got != c.want {
			t.Errorf("%q finds %q, want %q", c.words, got, c.want)
		}
	}
	if p := w.page(clerk, ingest.Filter{Words: "de la"}); !slices.Equal(p.Ignored, []string{"de", "la"}) {
		t.Errorf("ignored: %q", p.Ignored)
	}
	if p := w.page(clerk, ingest.Filter{Words: "la cantine"}); p.Ignored != nil || p.Total != 2 {
		t.Errorf("ignored: %q of %d", p.Ignored, p.Total)
	}
	if p := w.page(clerk, ingest.Filter{Words: strings.Repeat("mot ", 20)}); len(p.Ignored) != 4 {
		t.Errorf("of 20 words %d are ignored", len(p.Ignored))
	}
}

// What people write in a request is found, and no more once it is not shown.
func TestSearchNotes(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	w.file(listed{text: "une demande"})
	w.file(listed{text: "une demande"})
	find := func(words, want string) {
		t.Helper()
		if got := w.refs(clerk, ingest.Filter{Words: words, Settled: true}); got != want {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
	w.do(w.s.SetStatus(ctx, ref(1), ingest.StatusClosed, "Le balayage est passé", "agent:marie"))
	find("balayages", "1")
	w.do(w.s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `UPDATE requests SET sender_name = 'Zoé Corrigée' WHERE reference = $1`, ref(2)); err != nil {
			return err
		}
		return w.s.event(ctx, tx, "request.commented", "agent:marie", "", 2, map[string]any{"text": "Vu avec le géomètre"})
	}))
	find("geometre", "2")
	find("corrigée", "2")
	q := w.page(clerk, ingest.Filter{Words: "géomètres"}).Items[0]
	if !slices.Contains(q.Passage, ingest.Piece{Text: "géomètre", Found: true}) {
		t.Errorf("passage of a comment: %v", q.Passage)
	}
	w.do(w.s.Merge(ctx, ref(2), ref(1), "agent:marie"))
	find("geometre", "")
	verified(t, w.s, 0)
}

// What an older version has filed is indexed later, in as many runs as it takes.
func TestIndexSearch(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	for range 2*indexBatch + 3 {
		w.file(listed{text: "le lampadaire", attachments: []ingest.Attachment{{Name: "photo.jpg"}}})
	}
	w.do(w.s.SetStatus(ctx, ref(5), ingest.StatusInProgress, "Le balayage est passé", "agent:marie"))
	total := func(words string) int { return w.page(clerk, ingest.Filter{Words: words}).Total }
	n, err := w.s.IndexSearch(ctx)
	w.do(err)
	if n != 1 { // the request is written again, which does no harm
		t.Errorf("what this version filed was indexed again: %d rows", n)
	}
	w.do(w.s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := w.s.engine.clear(ctx, tx); err != nil {
			return err
		}
		return tx.exec(ctx, `DELETE FROM settings WHERE name = $1`, settingIndexed)
	}))
	w.file(listed{text: "le lampadaire"})
	if total("lampadaire") != 1 {
		t.Fatalf("found %d", total("lampadaire"))
	}
	stopped, cancel := context.WithCancel(ctx)
	w.do(w.s.restartIndex(ctx))
	state, err := w.s.indexState(ctx)
	w.do(err)
	_, err = w.s.indexSubmissions(ctx, state)
	w.do(err)
	if _, err = w.s.indexSubmissions(ctx, state); err != nil { // another run that is behind
		t.Fatal(err)
	}
	cancel()
	if _, err := w.s.IndexSearch(stopped); err == nil {
		t.Error("a run that was stopped ends well")
	}
	if got := total("lampadaire"); got != indexBatch {
		t.Errorf("after one batch %d are found", got)
	}
	n, err = w.s.IndexSearch(ctx)
	w.do(err)
	if want := indexBatch + 4 + 1; n != want {
		t.Errorf("the rest: %d rows, want %d", n, want)
	}
	for words, want := range map[string]int{"lampadaire": 2*indexBatch + 4, "photo.jpg": 2*indexBatch + 3, "balayage": 1} {
		if got := total(words); got != want {
			t.Errorf("%s: %d, want %d", words, got, want)
		}
	}
	if n, err := w.s.IndexSearch(ctx); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
	// Words of another version are made anew.
	w.do(w.s.do(ctx, func(ctx context.Context, tx *tx) error { return saveIndexState(ctx, tx, indexState{Version: "0"}) }))
	if n, err := w.s.IndexSearch(ctx); n != 2*indexBatch+4+1 || err != nil {
		t.Errorf("another version: %d, %v", n, err)
	}
	verified(t, w.s, 0)
}

func TestPassages(t *testing.T) {
	long := strings.Repeat("Une phrase sans intérêt pour personne. ", 20)
	for _, c := range []struct{ text, words, want string }{
		{"Le trottoir est abîmé.", "trottoirs", "Le [trottoir] est abîmé."},
		{"Le trottoir\n\n  est abîmé.", "abîmée trottoir", "Le [trottoir] est [abîmé]."},
		{"Appelez le 06 12 34 56 78.", "0612345678", "Appelez le [06 12 34 56 78]."},
		{"Des réparations", "répar*", "Des [réparations]"},
		{"Rien", "trottoir", ""},
		{long + "Voici le trottoir abîmé. " + long, "trottoir", "… Une phrase sans intérêt pour personne. Voici le [trottoir] abîmé. Une phrase sans intérêt pour personne. Une phrase sans intérêt pour personne. Une phrase sans intérêt pour personne. Une phrase sans intérêt …"},
		{long + "le trottoir. " + long + "Un trottoir de la rue Haute. ", "trottoir haute", "… pour personne. Une phrase sans intérêt pour personne. Un [trottoir] de la rue [Haute]."},
	} {
		var b strings.Builder
		for _, p := range newFinder(parseQuery(c.words)).passage(c.text) {
			if p.Found {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		if b.String() != c.want {
			t.Errorf("%q in %.40q:\n got %q\nwant %q", c.words, c.text, b.String(), c.want)
		}
	}
}

// Whatever is typed is no fault of the database's.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"trottoir", "\"", "a\"b", "\"rue de\" la*", "NEAR(a b)", "words : x", "{words} : x", "a AND", "(", "*", "^a", "+33 6 12 34 56 78", "06 12 3*",
		"0", "\x00", "\xff\xfe", "« a", "é*", "n'", "-1", "2026-000001", "'; DROP TABLE requests; --", "%", "ﷺ ŉ", "e\u0301", "0612 3456 78 06 12",
	} {
		f.Add(s, "une lettre sur le trottoir de la rue")
	}
	s, err := Open(context.Background(), Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, query, text string) {
		for _, words := range []string{query, query + "*"} {
			if _, err := s.List(t.Context(), clerk, ingest.Filter{Words: words}); err != nil {
				t.Fatalf("%q: %v", words, err)
			}
		}
		q := parseQuery(query)
		if len(q.terms) > maxTerms+1 {
			t.Errorf("%q: %d terms", query, len(q.terms))
		}
		var whole strings.Builder
		for _, p := range newFinder(q).passage(text) {
			whole.WriteString(p.Text)
		}
		if whole.Len() > len(text)+len("…  …")+8 {
			t.Errorf("%q in %q: %q", query, text, whole.String())
		}
		// A text is found by its own first words.
		if err := s.do(t.Context(), func(ctx context.Context, tx *tx) error { return s.engine.index(ctx, tx, 1, indexed(text)) }); err != nil {
			t.Fatal(err)
		}
		own := parseQuery(text)
		if len(own.terms) == 0 || len(text) > maxQuery || strings.ContainsAny(text, "\r\n") || !utf8.ValidString(text) {
			return // cut, or with a word that goes on in the next line
		}
		h, err := findHits(t.Context(), s.engine, reading{s.read}, own)
		if err != nil {
			t.Fatal(err)
		}
		if h.n != 1 {
			t.Errorf("%q does not find itself: %s in %q", text, ftsExpression(own), indexed(text))
		}
	})
}
