package open311

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// joined parts the description from what the reader writes below it (ingest, readOpen311).
const joined = "— Précisions envoyées par l’application —"

// app is a report as an app's user may send it, with all that nobody else may see.
func app() Report {
	return Report{
		Reference: "2026-000007", Status: ingest.StatusInProgress, Category: "proprete-dechets", Service: "Service propreté et déchets",
		OpenedAt: testNow.Add(-time.Hour), UpdatedAt: testNow, Channel: ingest.ChannelApp,
		Text:  "Dépôt sauvage devant le square, par M. Dupont (AB-123-CD).\nJeanne Martin, 06 12 34 56 78\n\n" + joined + "\nnom : Luc Bernard\nmedia_url : https://photos.exemple.fr/jeanne\ntype-dechets : depot-sauvage",
		Place: "12 rue Haute, chez Mme Martin", Position: &ingest.Position{Lat: 48.85661234567, Long: 2.3522},
		Sender: ingest.Person{Name: "Jeanne Martin", Email: "jeanne@exemple.fr", Phone: "06 12 34 56 78", Address: "3 rue Basse, 99100 Saint-Exemple"},
	}
}

func TestPublish(t *testing.T) {
	a, _ := newServer(t, nil)
	other := func(c ingest.Channel, confirmed bool) func(*Report) {
		return func(r *Report) { r.Channel, r.Confirmed = c, confirmed }
	}
	for _, tt := range []struct {
		name   string
		change func(*Report)
		shown  bool
		words  bool
	}{
		{"by an app", func(*Report) {}, true, true},
		{"by an app, confirmed", func(r *Report) { r.Confirmed = true }, true, true},
		{"not of a public category", func(r *Report) { r.Category = "urbanisme" }, false, false},
		{"of no category", func(r *Report) { r.Category = "" }, false, false},
		{"sealed", func(r *Report) { r.Sealed = true }, false, false},
		{"sealed by the file", func(r *Report) { r.Service = "Police municipale" }, false, false},
		{"sealed and confirmed", func(r *Report) { r.Sealed, r.Confirmed = true, true }, false, false},
		{"by mail, unconfirmed", other(ingest.ChannelMailbox, false), false, false},
		{"by the form, unconfirmed", other(ingest.ChannelWebform, false), false, false},
		{"by another program, unconfirmed", other(ingest.ChannelAPI, false), false, false},
		{"by a channel that nobody named, unconfirmed", other("", false), false, false},
		{"by mail", other(ingest.ChannelMailbox, true), true, false},
		{"by the form", other(ingest.ChannelWebform, true), true, false},
		{"by letter", other(ingest.ChannelScan, true), true, false},
		{"by telephone", other(ingest.ChannelPhone, true), true, false},
		{"at the counter", other(ingest.ChannelCounter, true), true, false},
		{"by another program", other(ingest.ChannelAPI, true), true, false},
		{"by a channel that nobody named", other("", true), true, false},
		{"by mail, sealed", func(r *Report) { r.Channel, r.Confirmed, r.Sealed = ingest.ChannelMailbox, true, true }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := app()
			tt.change(&r)
			e, ok := a.publisher().publish(r)
			if ok != tt.shown {
				t.Fatalf("shown: %v, %+v", ok, e)
			}
			all := fmt.Sprintf("%+v", e)
			for _, secret := range []string{"Jeanne", "Martin", "Dupont", "AB-123", "34 56", "jeanne", "photos", "Bernard", "depot-sauvage", "Précisions", "Basse", "exemple.fr"} {
				if strings.Contains(all, secret) {
					t.Errorf("%q is in %s", secret, all)
				}
			}
			if has := strings.Contains(all, "square") || e.Address != "" || e.Lat != nil || e.Long != nil; has != tt.words {
				t.Errorf("words or place: %v, %s", has, all)
			}
			if tt.shown && !tt.words && e.Description != "Propreté et déchets" {
				t.Errorf("description %q", e.Description)
			}
			if tt.words && (e.Description != "Dépôt sauvage devant le square, par M. [masqué] ([masqué]).\n[masqué], [masqué]" ||
				e.Address != "12 rue Haute, chez Mme [masqué]" || *e.Lat != 48.8566123 || *e.Long != 2.3522) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestPublishDetails(t *testing.T) {
	a, _ := newServer(t, nil)
	show := func(change func(*Report)) entry {
		t.Helper()
		r := app()
		change(&r)
		e, ok := a.publisher().publish(r)
		if !ok {
			t.Fatal("not shown")
		}
		return e
	}
	if e := show(func(r *Report) { r.Text, r.Place = "", "48.85661, 2.35220" }); e.Description != "Propreté et déchets" || e.Address != "" || e.Lat == nil {
		t.Errorf("a place and nothing else: %+v", e)
	}
	if e := show(func(r *Report) { r.Text = joined + "\nmedia_url : https://a/1" }); e.Description != "Propreté et déchets" {
		t.Errorf("a photograph and nothing else: %+v", e)
	}
	if e := show(func(r *Report) { r.Position = &ingest.Position{Lat: 91} }); e.Lat != nil || e.Long != nil {
		t.Errorf("a position off the globe: %+v", e)
	}
	if e := show(func(r *Report) { r.UpdatedAt = time.Time{} }); e.Updated != e.Requested || e.Requested != "2026-06-15T11:30:00+02:00" {
		t.Errorf("never updated: %+v", e)
	}
	for status, want := range map[ingest.Status]string{
		ingest.StatusNew: "open", ingest.StatusAssigned: "open", ingest.StatusInProgress: "open", ingest.StatusWaitingCitizen: "open",
		ingest.StatusAnswered: "closed", ingest.StatusClosed: "closed", "another": "open",
	} {
		if e := show(func(r *Report) { r.Status = status }); e.Status != want || (e.Notes == "") != (status == "another") {
			t.Errorf("%s: %+v", status, e)
		}
	}
	if e := show(func(r *Report) {
		r.Sender, r.Text = ingest.Person{}, "Des sacs partout, encore.\nGwenaël Tanguy\n\n"+joined+"\ntype-dechets : autre\nmedia_url : https://a/1"
	}); e.Description != "Des sacs partout, encore.\n[masqué]" {
		t.Errorf("signed above the answers: %q", e.Description)
	}
	// However long a text is, what is shown ends before a number that may be cut.
	for margin := -24; margin < 240; margin += 24 {
		e := show(func(r *Report) {
			r.Text = strings.Repeat("a ", 2000+margin/2) + "06 12 34 56 78" + strings.Repeat(" b", 3000)
		})
		if n := len([]rune(e.Description)); n > 4000 || strings.Contains(e.Description, "06") {
			t.Fatalf("%d characters, ends in %q", n, e.Description[len(e.Description)-40:])
		}
	}
	if e := show(func(r *Report) { r.Text = strings.Repeat("06 12 34 56 78, ", 1000) }); strings.Contains(e.Description, "0") {
		t.Errorf("many numbers: %q", e.Description[max(0, len(e.Description)-40):])
	}
}

func TestMaskedTextsAreBounded(t *testing.T) {
	var m maskedTexts
	for i := range maxMasked + 10 {
		m.of(Report{Text: fmt.Sprint(i)})
	}
	if len(m.texts) != maxMasked {
		t.Errorf("%d are kept", len(m.texts))
	}
	// Another sender of the same words has other words hidden.
	one := m.of(Report{Text: "Le banc de Zoé", Sender: ingest.Person{Name: "Zoé Durand"}})
	two := m.of(Report{Text: "Le banc de Zoé", Sender: ingest.Person{Name: "Luc Durand"}})
	if one == two || strings.Contains(one.description, "Zoé") || !strings.Contains(two.description, "Zoé") {
		t.Errorf("%q and %q", one, two)
	}
}

func TestList(t *testing.T) {
	a, h := newServer(t, nil)
	at := func(days int, reference, category string, status ingest.Status) {
		r := app()
		r.Reference, r.Category, r.Status, r.OpenedAt = reference, category, status, testNow.AddDate(0, 0, -days)
		h.extra = append(h.extra, r)
	}
	at(0, "r0", "voirie", ingest.StatusNew)
	at(1, "r1", "voirie", ingest.StatusClosed)
	at(2, "r2", "espaces-verts", ingest.StatusAnswered)
	at(3, "r3", "urbanisme", ingest.StatusNew)
	at(89, "r89", "voirie", ingest.StatusNew)
	at(91, "r91", "voirie", ingest.StatusNew)
	h.merged["r5"] = "r1"
	for _, tt := range []struct{ query, want string }{
		{"", "r0 r1 r2 r89"},
		{"status=open", "r0 r89"},
		{"status=closed", "r1 r2"},
		{"status=open,closed", "r0 r1 r2 r89"},
		{"status=open&status=CLOSED", "r0 r1 r2 r89"},
		{"status=", "r0 r1 r2 r89"},
		{"service_code=voirie", "r0 r1 r89"},
		{"service_code=voirie,espaces-verts", "r0 r1 r2 r89"},
		{"service_code=espaces-verts&service_code=", "r2"},
		{"start_date=2026-06-14T00:00:00Z", "r0 r1"},
		{"start_date=2026-06-14T12:30:00%2B02:00&end_date=2026-06-14T12:30:00+02:00", "r1"},
		{"start_date=2026-06-14T10:30:01Z&end_date=2026-06-14T10:31Z", ""},
		{"end_date=2026-06-14T10:30:00.5Z", "r1 r2 r89"},
		{"start_date=2026-06-13&end_date=2026-06-14", "r1 r2"},
		{"end_date=2026-03-17", "r91"},
		{"start_date=2026-01-01T00:00:00Z", "r89 r91"}, // and the 90 days from then on
		{"start_date=2026-03-15&end_date=2026-06-13", "r2 r89 r91"},
		{"service_request_id=r0", "r0"},
		{"service_request_id=r91,r0&status=rubbish&start_date=x", "r91 r0"},
		{"service_request_id=r0,,r3,r7,r0", "r0"},
		{"service_request_id=r5,r1", "r1"},
		{"page=2&page_size=1", "r0 r1 r2 r89"},
	} {
		t.Run(tt.query, func(t *testing.T) {
			w := ask(a, "GET", Prefix+"requests.json?"+tt.query, "")
			if w.Code != 200 {
				t.Fatalf("answered %d: %s", w.Code, w.Body)
			}
			var got []string
			list, _ := valid(t, "requests", w.Body.Bytes()).([]any)
			for _, x := range list {
				got = append(got, fmt.Sprint(x.(map[string]any)["service_request_id"]))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, bad := range []string{
		"start_date=2026-02-30", "start_date=0", "end_date=" + url.QueryEscape("2026-06-14T00:00:00"), "status=opened", "service_code=urbanisme", "service_code=voirie,x",
		"start_date=2026-06-14&end_date=2026-06-13", "start_date=2026-01-01&end_date=2026-06-13", "start_date=2026-03-15T00:00:00Z&end_date=2026-06-14T12:00:00Z",
		"start_date=-2026-06-14", "start_date=%00", "service_request_id=" + strings.Join(numbers(101), ","), "service_request_id=" + strings.Join(numbers(101), "&service_request_id="),
		"service_code=" + strings.Join(numbers(101), ","), "status=" + strings.Join(numbers(50_000), ","),
	} {
		w := ask(a, "GET", Prefix+"requests.json?"+bad, "")
		if w.Code != 400 {
			t.Errorf("%.60q: answered %d", bad, w.Code)
		}
		valid(t, "errors", w.Body.Bytes())
		if w.Body.Len() > 1000 {
			t.Errorf("%.60q: an answer of %d bytes", bad, w.Body.Len())
		}
	}
	if w := ask(a, "GET", Prefix+"requests.json?service_request_id="+strings.Join(numbers(100), ",")+",1,2,3", ""); w.Code != 200 {
		t.Errorf("as many ids as there may be: %d", w.Code)
	}
	// A request that was merged shows the other one, under the other one's reference.
	if w := ask(a, "GET", Prefix+"requests/r5.json", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"service_request_id": "r1"`) {
		t.Errorf("merged: %d, %s", w.Code, w.Body)
	}
	for _, hidden := range []string{"r3", "r4"} {
		if w := ask(a, "GET", Prefix+"requests/"+hidden+".json", ""); w.Code != 404 {
			t.Errorf("%s: %d", hidden, w.Code)
		}
	}
}

func numbers(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func TestListIsBounded(t *testing.T) {
	a, h := newServer(t, nil)
	for i := range 2500 {
		r := app()
		r.Reference, r.Text, r.OpenedAt = fmt.Sprint(i), "", testNow.Add(-time.Duration(i)*time.Minute)
		r.Sealed = i%2 == 1
		h.extra = append(h.extra, r)
	}
	w := ask(a, "GET", Prefix+"requests.json", "")
	list, _ := valid(t, "requests", w.Body.Bytes()).([]any)
	if len(list) != 1000 || list[0].(map[string]any)["service_request_id"] != "0" || list[999].(map[string]any)["service_request_id"] != "1998" {
		t.Errorf("%d requests", len(list))
	}
	// The book is asked for what is wanted, and for nothing that is never shown.
	q := h.queries[len(h.queries)-1]
	if len(q.Categories) != 4 || !q.Open || !q.Closed || !q.To.Equal(testNow) || !q.From.Equal(testNow.AddDate(0, 0, -90)) {
		t.Errorf("query %+v", q)
	}
}

// watched is a book that looks on while it is held open.
type watched struct {
	Book
	look func(Report)
}

// Reports implements Book.
func (b watched) Reports(ctx context.Context, q Query, each func(Report) bool) error {
	return b.Book.Reports(ctx, q, func(r Report) bool {
		defer b.look(r)
		return each(r)
	})
}

// Long reports make a shorter list, of the newest, and masking keeps no book open.
func TestListOfLongReports(t *testing.T) {
	a, h := newServer(t, nil)
	given, before := 0, 0
	a.opts.Book = watched{h, func(Report) {
		given++
		if n := len(a.masked.texts); n > before {
			t.Fatalf("%d reports are masked while the book is open", n-before)
		}
	}}
	for _, tt := range []struct {
		name, text string
		least      int // bytes of the answer
		most       int // reports that the book is asked for
	}{
		{"quotes", strings.Repeat(`"`, 3990), 256 << 10, 100},
		{"growing", "short", 1 << 20, 1000}, // see below
		{"answers below", "Trou\n" + joined + strings.Repeat("\nx : y", 5000), 256 << 10, 1000},
	} {
		h.extra, given = nil, 0
		for i := range 1000 {
			r := app()
			r.Reference, r.OpenedAt = fmt.Sprint(i), testNow.Add(-time.Duration(i)*time.Minute)
			r.Text = fmt.Sprint(i, " ", tt.text)
			h.extra = append(h.extra, r)
			if tt.name == "growing" { // what masking makes of a text may be longer than it
				a.masked.texts[r.lean().words()] = masked{description: strings.Repeat("a", 3990)}
			}
		}
		for _, ending := range []string{"json", "xml"} {
			before = len(a.masked.texts)
			w := ask(a, "GET", Prefix+"requests."+ending, "")
			if n := w.Body.Len(); w.Code != 200 || n > 2<<20+50_000 || n < tt.least {
				t.Errorf("%s, %s: %d, %d bytes", tt.name, ending, w.Code, n)
			}
			if ending == "xml" {
				continue
			}
			list, _ := valid(t, "requests", w.Body.Bytes()).([]any)
			for i, x := range list {
				if got := x.(map[string]any)["service_request_id"]; got != fmt.Sprint(i) {
					t.Fatalf("%s: %v is in place %d", tt.name, got, i)
				}
			}
			if short := tt.name == "answers below"; (len(list) == 1000) != short || given > tt.most {
				t.Errorf("%s: a list of %d, %d of the book", tt.name, len(list), given)
			}
		}
	}
}

// JSON has marks as they are, which is half the bytes, and browsers are told not to guess.
func TestMarksInJSON(t *testing.T) {
	a, h := newServer(t, nil)
	r := app()
	r.Text = "Eau < 10 cm & boue"
	h.extra = []Report{r}
	w := ask(a, "GET", Prefix+"requests.json", "")
	if !strings.Contains(w.Body.String(), r.Text) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v: %s", w.Header(), w.Body)
	}
}
