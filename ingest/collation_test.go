package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ocr"
)

// stackOf makes pages of a description: a letter is a page with that text, "-" a blank
// page, "|" a separator sheet, "." a page that could not be read.
func stackOf(description string) Reading {
	r := Reading{Kind: KindPDF, Total: len(description)}
	for i, c := range description {
		p := Page{Number: i + 1, Source: ocr.SourceOCR, Text: strings.Repeat(string(c)+" ", 12), Confidence: 0.9}
		switch c {
		case '-':
			p.Source, p.Text = ocr.SourceBlank, ""
		case '|':
			p.Separator, p.Text = PatchT, "Feuille de séparation"
		case '.':
			continue
		}
		r.Pages = append(r.Pages, p)
	}
	return r
}

func TestLetters(t *testing.T) {
	tests := []struct {
		pages  string
		want   string
		sheets int
	}{
		{"abc", "1-3", 0},
		{"", "", 0},
		{"|ab|c", "2-3 5-5", 2},
		{"ab|c", "1-2 4-4", 1},
		{"a|", "1-1", 1},
		{"||a||", "3-3", 4},
		{"|", "", 1},
		// Pages that could not be read belong to the letter that they stand in.
		{"|..|a.", "2-3 5-6", 2},
		{".|.", "1-1 3-3", 1},
		// The blank back of a sheet stays with the letter: it does no harm.
		{"|-a-|-b", "2-4 6-7", 2},
	}
	for _, tt := range tests {
		letters, sheets := stackOf(tt.pages).Letters()
		var got []string
		for _, l := range letters {
			got = append(got, fmt.Sprintf("%d-%d", l.First, l.Last))
		}
		if s := strings.Join(got, " "); s != tt.want || sheets != tt.sheets {
			t.Errorf("%q: %q and %d sheets, want %q and %d", tt.pages, s, sheets, tt.want, tt.sheets)
		}
	}
}

func TestPairOf(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	scan := func(id string, minute int) Record {
		t := at.Add(time.Duration(minute) * time.Minute)
		return Record{ID: id, ReceivedAt: t, RecordedAt: t}
	}
	a, b, c, d := scan("a", 0), scan("b", 5), scan("c", 6), scan("d", 50)
	tests := []struct {
		name    string
		waiting []Record
		rec     Record
		minute  int
		want    string
	}{
		{"the fronts wait", []Record{a}, a, 10, "waits"},
		{"long enough", []Record{a}, a, 31, "alone"},
		{"a pair, seen by the fronts", []Record{a, b}, a, 5, "a+b"},
		{"a pair, seen by the backs", []Record{a, b}, b, 5, "a+b"},
		{"the next stack waits", []Record{a, b, c}, c, 7, "waits"},
		{"too late for a pair", []Record{a, d}, d, 51, "waits"},
		{"and the first is alone", []Record{a, d}, a, 51, "alone"},
		{"after one that stays alone", []Record{a, scan("e", 40), d}, d, 51, "e+d"},
		{"ended meanwhile", []Record{b, c}, a, 7, "waits"},
	}
	for _, tt := range tests {
		s := pairOf(tt.waiting, tt.rec, at.Add(time.Duration(tt.minute)*time.Minute))
		got := "waits"
		switch {
		case s.paired:
			got = s.fronts.ID + "+" + s.backs.ID
		case s.alone:
			got = "alone"
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// town is a Ledger in memory with readings of its rows.
type town struct {
	Ledger
	rows       map[string]Record
	originals  map[string]*Blob
	readings   map[string]Reading
	order      []string
	classified []Reading
}

func newTown() *town {
	return &town{rows: map[string]Record{}, originals: map[string]*Blob{}, readings: map[string]Reading{}}
}

func (t *town) add(rec Record, b *Blob, r Reading) {
	rec.State = StateReceived
	rec.SHA256 = b.SHA256()
	t.rows[rec.ID], t.originals[rec.ID], t.readings[rec.ID] = rec, b, r
	t.order = append(t.order, rec.ID)
}

func (t *town) Submission(_ context.Context, id string) (Record, error) {
	rec, ok := t.rows[id]
	if !ok {
		return rec, ErrNotFound
	}
	return rec, nil
}

func (t *town) Original(_ context.Context, rec Record) (*Blob, error) {
	return t.originals[rec.ID], nil
}

func (t *town) end(id string, state State, reason string, r Reading) {
	rec := t.rows[id]
	rec.State, rec.Reason, rec.Reading = state, reason, &r
	t.rows[id] = rec
}

func (t *town) File(_ context.Context, id string, f Filing) (Filed, error) {
	t.end(id, StateFiled, "", f.Reading)
	rec := t.rows[id]
	rec.Request = "2026-" + id
	t.rows[id] = rec
	return Filed{}, nil
}

func (t *town) SetAside(_ context.Context, id string, r Reading, reason string) error {
	t.end(id, StateSetAside, reason, r)
	return nil
}

func (t *town) Collate(_ context.Context, ended []Ending, made []Submission) ([]string, error) {
	for _, e := range ended {
		if t.rows[e.ID].State != StateReceived {
			return nil, nil
		}
	}
	var ids []string
	for i, s := range made {
		id := fmt.Sprintf("%s.%d", ended[0].ID, i+1)
		t.add(Record{ID: id, Channel: s.Channel, Account: s.Account, SourceKey: s.SourceKey, MediaType: s.MediaType, Hints: s.Hints}, s.Original, Reading{})
		ids = append(ids, id)
	}
	for _, e := range ended {
		t.end(e.ID, StateSetAside, e.Reason, e.Reading)
	}
	return ids, nil
}

func (t *town) Sides(context.Context, Record) ([]Record, error) {
	var out []Record
	for _, id := range t.order {
		if rec := t.rows[id]; rec.Hints.TwoSided && rec.State == StateReceived {
			out = append(out, rec)
		}
	}
	return out, nil
}

// Read gives the readings of scans, and reads collations as they are read in earnest.
func (t *town) Read(ctx context.Context, b *Blob, rec Record) (Reading, error) {
	if rec.MediaType == MediaCollation {
		return (&DocumentReader{Pages: t}).Read(ctx, b, rec)
	}
	return t.readings[rec.ID], nil
}

func (t *town) Classify(_ context.Context, _ Record, r Reading) Classification {
	t.classified = append(t.classified, r)
	return Classification{}
}

func (t *town) treatAll(test *testing.T, now time.Time) {
	test.Helper()
	p := &Pipeline{Ledger: t, Reader: t, Matcher: stub{}, Classifier: t, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	for i := 0; i < len(t.order); i++ { // it grows
		if err := p.Process(test.Context(), t.order[i]); err != nil && !errors.Is(err, ErrNotYet) {
			test.Fatal(err)
		}
	}
}

func TestSplit(t *testing.T) {
	house := newTown()
	sheet := Separator{Service: "etat-civil", Channel: ChannelCounter, Postmark: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	scan := stackOf("a|bc|.d|-")
	for i := range scan.Pages {
		if scan.Pages[i].Number == 5 {
			scan.Pages[i].Separator = sheet.String()
		}
	}
	received := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	house.add(Record{
		ID: "s", Channel: ChannelScan, Account: "courrier", MediaType: MediaPDF, ReceivedAt: received,
		Hints: Hints{Service: "voirie", Filename: "pile.pdf", NoReceipt: true},
	}, NewBlob([]byte("pdf")), scan)
	house.treatAll(t, received)

	if rec := house.rows["s"]; rec.State != StateSetAside || !strings.HasPrefix(rec.Reason, ReasonSplit+": 4 courriers, 3 feuilles") {
		t.Errorf("the scan ended as %s, %s", rec.State, rec.Reason)
	}
	if len(house.order) != 5 {
		t.Fatalf("rows: %v", house.order)
	}
	first, second, third, last := house.rows["s.1"], house.rows["s.2"], house.rows["s.3"], house.rows["s.4"]
	for _, l := range []Record{first, second, third, last} {
		if !slices.Equal(l.Hints.Parents, []string{"s"}) || l.Hints.Filename != "pile.pdf" || !l.Hints.NoReceipt || l.Account != "courrier" {
			t.Errorf("letter %s: %+v", l.ID, l)
		}
	}
	if first.Reading.Text != strings.TrimSpace(stackOf("a").Pages[0].Text) || first.Hints.Service != "voirie" || first.Channel != ChannelScan {
		t.Errorf("first letter: %+v, %+v", first, first.Reading)
	}
	if r := second.Reading; len(r.Pages) != 2 || r.Pages[1].Number != 2 || strings.Contains(r.Text, "séparation") || second.State != StateFiled {
		t.Errorf("second letter: %+v", r)
	}
	if third.Hints.Service != "etat-civil" || third.Channel != ChannelCounter || !third.Hints.Postmark.Equal(sheet.Postmark) {
		t.Errorf("what the sheet says is not in the letter: %+v", third)
	}
	if r := third.Reading; len(r.Problems) != 1 || r.Problems[0].Code != ocr.ProblemPageFailed || r.Total != 2 || len(r.Pages) != 1 || r.Pages[0].Number != 2 {
		t.Errorf("a page that was not read: %+v", r)
	}
	if last.State != StateSetAside || !strings.HasPrefix(last.Reason, "empty") {
		t.Errorf("a blank letter: %s %s", last.State, last.Reason)
	}
	c, err := ReadCollation(house.originals["s.3"])
	if want := []PageRef{{"s", house.rows["s"].SHA256, 6}, {"s", house.rows["s"].SHA256, 7}}; err != nil || !reflect.DeepEqual(c.Pages, want) || c.Separator != sheet.String() {
		t.Errorf("collation %+v, %v", c, err)
	}

	empty := newTown()
	empty.add(Record{ID: "s", Channel: ChannelScan, MediaType: MediaPDF}, NewBlob([]byte("pdf")), stackOf("||"))
	empty.treatAll(t, received)
	if rec := empty.rows["s"]; rec.State != StateSetAside || !strings.HasPrefix(rec.Reason, "empty: 2 feuille") {
		t.Errorf("nothing but sheets: %s %s", rec.State, rec.Reason)
	}
}

func TestTwoSides(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	stack := func(fronts, backs string) *town {
		house := newTown()
		for i, side := range []string{fronts, backs} {
			if side == "none" {
				continue
			}
			received := at.Add(time.Duration(i) * time.Minute)
			r := stackOf(side)
			if side == "" {
				r.Problems = []Problem{{Code: ocr.ProblemUnreadable}}
			}
			house.add(Record{
				ID: fmt.Sprint("s", i), Channel: ChannelScan, MediaType: MediaPDF, ReceivedAt: received, RecordedAt: received,
				Hints: Hints{TwoSided: true},
			}, NewBlob([]byte(side)), r)
		}
		return house
	}
	text := func(rec Record) string {
		var out string
		for _, p := range rec.Reading.Pages {
			out += (p.Text + "-")[:1]
		}
		return out
	}
	house := stack("ace", "fdb")
	house.treatAll(t, at)
	one := house.rows["s0.1"]
	if len(house.order) != 3 || one.State != StateFiled || text(one) != "abcdef" || !slices.Equal(one.Hints.Parents, []string{"s0", "s1"}) {
		t.Errorf("a stack: %v, %+v", house.order, one)
	}
	for _, id := range []string{"s0", "s1"} {
		if rec := house.rows[id]; rec.State != StateSetAside || !strings.HasPrefix(rec.Reason, ReasonJoined+": ") {
			t.Errorf("%s ended as %s, %s", id, rec.State, rec.Reason)
		}
	}

	// Separator sheets in a stack, their backs blank: the letters name pages of the scans.
	house = stack("|ac|e", "f-db-")
	house.treatAll(t, at)
	if got := text(house.rows["s0.1.1"]) + " " + text(house.rows["s0.1.2"]); got != "-abcd -ef" {
		t.Errorf("letters %q of %v", got, house.order)
	}
	if c, err := ReadCollation(house.originals["s0.1.2"]); err != nil || !slices.Equal(c.Scans(), []string{"s1", "s0"}) {
		t.Errorf("pages of the last letter: %+v %v", c, err)
	}

	for name, sides := range map[string][2]string{"other counts": {"ace", "fd"}, "unreadable backs": {"ace", ""}} {
		house = stack(sides[0], sides[1])
		house.treatAll(t, at)
		for _, id := range []string{"s0.1", "s0.2"} {
			rec := house.rows[id]
			i := -1
			if rec.Reading != nil {
				i = slices.IndexFunc(rec.Reading.Problems, func(p Problem) bool { return p.Code == "recto_verso_mismatch" })
			}
			if rec.State != StateFiled || i < 0 || rec.Hints.Parents[0] != "s"+string(id[3]-1) {
				t.Errorf("%s: both must be kept and say so: %+v %+v", name, rec, rec.Reading)
			}
		}
		if len(house.order) != 4 {
			t.Errorf("%s: %v", name, house.order)
		}
	}

	house = stack("ace", "none")
	house.treatAll(t, at.Add(SideWait))
	if rec := house.rows["s0"]; rec.State != StateReceived {
		t.Errorf("the fronts did not wait: %+v", rec)
	}
	house.treatAll(t, at.Add(SideWait+time.Second))
	if rec := house.rows["s0"]; rec.State != StateFiled || len(rec.Reading.Problems) != 1 || rec.Reading.Problems[0].Code != "recto_verso_alone" {
		t.Errorf("alone for good: %+v", rec)
	}
}

func TestUnsurePages(t *testing.T) {
	classified := func(r Reading) (Reading, Classification) {
		house := newTown()
		p := &Pipeline{Classifier: house}
		c := p.classify(t.Context(), Record{}, r)
		return house.classified[len(house.classified)-1], c
	}
	r := stackOf("ab")
	r.letter(time.Time{})
	if _, c := classified(r); c.NeedsReview {
		t.Error("a sure reading goes to review")
	}
	r.Pages[0].Unsure = true
	if seen, c := classified(r); !c.NeedsReview || len(c.Reasons) != 1 || seen.Text == "" {
		t.Errorf("one page in doubt: %+v, %+v", c, seen)
	}
	r.Pages[1].Unsure = true
	if seen, c := classified(r); !c.NeedsReview || seen.Text != "" || seen.Subject != "" {
		t.Errorf("all pages in doubt, and the words were guessed from: %+v, %+v", c, seen)
	}
	r.doubt()
	if p := r.Problems; len(p) != 1 || p[0].Code != ocr.ProblemUnsure || !strings.HasPrefix(p[0].Detail, "Pages 1, 2\u00a0:") {
		t.Errorf("problems %+v", p)
	}
}

func TestScanReading(t *testing.T) {
	received := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	letter := func(date string) string {
		return "Madame Claire Fontaine\n12 rue des Lilas\n44000 Nantes\n\nNantes, le " + date +
			"\n\nObjet : toboggan cassé\n\nMadame la Maire,\n\nLe toboggan est cassé.\n\nVeuillez agréer mes salutations distinguées.\n\nClaire Fontaine"
	}
	doc := ocr.Document{Kind: KindPDF, Total: 3, Problems: []ocr.Problem{{Code: ocr.ProblemUnsure, Detail: "Pages 1, 2"}}, Pages: []ocr.Page{
		{Number: 1, Source: ocr.SourceOCR, Text: "Feuille", Unsure: true, Barcodes: []ocr.Barcode{{Type: "CODE-39", Text: "LOT12"}, {Type: "QR-Code", Text: Separator{Service: "voirie"}.String()}}},
		{Number: 2, Source: ocr.SourceOCR, Text: letter("20 novembre 2026"), Unsure: true, Barcodes: []ocr.Barcode{{Type: "QR-Code", Text: "https://exemple.fr"}}},
	}}
	r := scanReading(doc, received)
	if r.Pages[0].Separator != "saisine:separateur?service=voirie" || r.Pages[0].Unsure || r.Pages[1].Separator != "" || r.Total != 3 {
		t.Errorf("pages %+v", r.Pages)
	}
	if len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0].Detail, "Page 2\u00a0:") {
		t.Errorf("a separator sheet is in doubt, or the letter is not: %+v", r.Problems)
	}
	if r.Subject != "toboggan cassé" || r.From.Name != "Claire Fontaine" || r.From.Address != "12 rue des Lilas, 44000 Nantes" ||
		r.Letter.Signature != "Claire Fontaine" || r.Date.Format(time.DateOnly) != "2026-11-20" || strings.Contains(r.Text, "Feuille") {
		t.Errorf("%+v", r)
	}
	doc.Pages[1].Text = letter("20 novembre 2027")
	if r := scanReading(doc, received); !r.Date.IsZero() {
		t.Errorf("a letter from the future: %s", r.Date)
	}
	if r := scanReading(doc, time.Time{}); r.Date.IsZero() {
		t.Error("without a day of reception any day will do")
	}
}

// A page of a scan whose original is another one by now is no page of the letter.
func TestCollationOfOtherBytes(t *testing.T) {
	house := newTown()
	house.add(Record{ID: "s", MediaType: MediaPDF}, NewBlob([]byte("pdf")), Reading{})
	house.end("s", StateSetAside, "split: 1", stackOf("ab"))
	raw := `{"pages":[{"scan":"s","sha256":"other","page":1}]}`
	r, err := (&DocumentReader{Pages: house}).Read(t.Context(), NewBlob([]byte(raw)), Record{MediaType: MediaCollation})
	if err != nil || len(r.Pages) != 0 || len(r.Problems) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	var permanent interface{ Permanent() bool }
	for _, raw := range []string{`{"pages":[{"scan":"nobody","sha256":"x","page":1}]}`, "{"} {
		if _, err := (&DocumentReader{Pages: house}).Read(t.Context(), NewBlob([]byte(raw)), Record{MediaType: MediaCollation}); !errors.As(err, &permanent) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// Of a pair one worker alone does the reading.
func TestFrontsLeaveItToTheBacks(t *testing.T) {
	house := newTown()
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	for _, id := range []string{"s0", "s1"} {
		house.add(Record{ID: id, MediaType: MediaPDF, ReceivedAt: at, RecordedAt: at, Hints: Hints{TwoSided: true}}, NewBlob([]byte(id)), stackOf("a"))
	}
	p := &Pipeline{Ledger: house, Reader: house, Matcher: stub{}, Classifier: house, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }}
	if err := p.Process(t.Context(), "s0"); !errors.Is(err, ErrNotYet) {
		t.Errorf("the fronts: %v", err)
	}
	if err := p.Process(t.Context(), "s1"); err != nil || house.rows["s0"].State != StateSetAside {
		t.Errorf("the backs: %v, %+v", err, house.rows["s0"])
	}
}

// One side of a stack that was refused or failed keeps its place: its other side is not
// joined with the next stack.
func TestPairOfKeepsPlaces(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	scan := func(id string, minute int, state State) Record {
		t := at.Add(time.Duration(minute) * time.Minute)
		return Record{ID: id, ReceivedAt: t, RecordedAt: t, State: state}
	}
	refused, backs := scan("f1", 0, StateFailed), scan("b1", 2, StateReceived)
	fronts2, backs2 := scan("f2", 4, StateReceived), scan("b2", 6, StateReceived)
	came := []Record{refused, backs, fronts2, backs2}
	if s := pairOf(came, backs, at); !s.alone {
		t.Errorf("the other side of one that was refused: %+v", s)
	}
	came[1].State = StateFiled
	if s := pairOf(came, backs2, at); !s.paired || s.fronts.ID != "f2" {
		t.Errorf("the next stack: %+v", s)
	}
}

func TestWrittenPageIsNoSeparator(t *testing.T) {
	doc := ocr.Document{Kind: KindPDF, Total: 1, Pages: []ocr.Page{{
		Number: 1, Source: ocr.SourceOCR, Text: strings.Repeat("mot ", ocr.SheetWords+1),
		Barcodes: []ocr.Barcode{{Type: "QR-Code", Text: Separator{}.String()}},
	}}}
	r := scanReading(doc, time.Time{})
	if r.Pages[0].Separator != "" || r.Text == "" || len(r.Problems) != 1 || r.Problems[0].Code != "separator_ignored" {
		t.Errorf("%+v", r)
	}
}
