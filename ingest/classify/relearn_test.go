package classify

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify/model"
)

func TestLuck(t *testing.T) {
	for _, tc := range []struct {
		won, lost int
		want      float64
	}{
		{0, 0, 1}, {1, 0, 0.5}, {5, 0, 1.0 / 32}, {6, 0, 1.0 / 64}, {1, 1, 0.75}, {8, 2, 56.0 / 1024}, {0, 3, 1}, {20_000, 0, 0}, {10_000, 10_000, 0.5},
	} {
		if got := luck(tc.won, tc.lost); math.Abs(got-tc.want) > 0.003 {
			t.Errorf("%d to %d: got %v, want %v", tc.won, tc.lost, got, tc.want)
		}
	}
}

// One more hit of many is luck, and does not replace a model.
func TestCompareAsksForMoreThanLuck(t *testing.T) {
	o := options(t, t.TempDir())
	c := open(t, o)
	old := c.mind.Load()
	say := func(code string) opinion {
		p := opinion{p: make([]float64, len(o.Rules.file.Categories)), order: []int{o.Rules.codes[code]}}
		p.p[p.order[0]] = 1
		return p
	}
	// Of 30 texts about lamps, those settled as culture are wrong by the old model.
	for corrected, want := range map[int]bool{0: false, 1: false, 5: false, 6: true, 20: true} {
		var town []Settled
		var held []opinion
		for i := range 30 {
			s := Settled{Reference: fmt.Sprint(i), Subject: "Lampadaire éteint", Text: "Le lampadaire de la rue est éteint.", Category: "eclairage-public"}
			if i < corrected {
				s.Category = "culture"
			}
			town, held = append(town, s), append(held, say(s.Category))
		}
		tr, better := c.compare(trained{brain: old.brain, held: held}, nil, nil)
		if better || tr.New.N != 0 {
			t.Errorf("nothing to measure with: %+v", tr)
		}
		tr, better = c.compare(trained{brain: old.brain, held: held}, old, town)
		if better != want || tr.Won != corrected || tr.Lost != 0 || tr.New.Accuracy != 1 || tr.Why == "" {
			t.Errorf("%d more right of 30: %v, %+v", corrected, better, tr)
		}
	}
}

// A model that was not better is not trained again each night until luck lets it win.
func TestRejectionIsRemembered(t *testing.T) {
	o := options(t, t.TempDir())
	c := open(t, o)
	lamps := func(n int) []Settled {
		out := townsRequests(n)
		for i := range out {
			out[i].Text, out[i].Subject, out[i].Category = fmt.Sprintf("Le lampadaire %d de la rue est éteint, éclairage public en panne.", i), "Lampadaire éteint", "eclairage-public"
		}
		return out
	}
	night := TrainOptions{Unasked: true}
	train := func(c *Classifier, town []Settled, o TrainOptions) Training {
		t.Helper()
		tr, err := c.Train(t.Context(), town, o)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	if tr := train(c, lamps(25), TrainOptions{Dry: true}); tr.Used || tr.New.N != 25 {
		t.Fatalf("got %+v", tr)
	}
	if tr := train(c, lamps(25), night); tr.Used || tr.New.N != 25 {
		t.Fatalf("a dry run was remembered: %+v", tr)
	}
	restarted := open(t, o)
	if tr := train(restarted, lamps(25+LeastNew-1), night); tr.Used || tr.New.N != 0 || !strings.Contains(tr.Why, fmt.Sprint(LeastNew-1)) {
		t.Errorf("it was trained again: %+v", tr)
	}
	if tr := train(restarted, lamps(25), TrainOptions{}); tr.New.N != 25 {
		t.Errorf("a person asks: %+v", tr)
	}
	if tr := train(restarted, lamps(25+LeastNew), night); tr.New.N != 25+LeastNew {
		t.Errorf("with enough others: %+v", tr)
	}
	// Against another model, or with other rules, it may win.
	townsModel(t, o.Dir, townName, false)
	if tr := train(restarted, lamps(25), night); tr.New.N != 25 {
		t.Errorf("another model is in use: %+v", tr)
	}
	for _, spoilt := range []string{`{"lessons":[3,2,1]}`, `{`, ``} { // costs one more training
		if err := os.WriteFile(filepath.Join(o.Dir, rejectedName), []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.shelf.rejected(); len(got.Lessons) != 0 {
			t.Errorf("%q was believed: %+v", spoilt, got)
		}
	}
}

// Where the rules have changed, a model of the town is due for training, however few
// requests are new.
func TestTrainAfterOtherRules(t *testing.T) {
	o := options(t, t.TempDir())
	town := townsRequests(30)
	if tr, err := open(t, o).Train(t.Context(), town, TrainOptions{}); err != nil || !tr.Used {
		t.Fatalf("got %+v, %v", tr, err)
	}
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	f.Categories[0].Phrases = append(f.Categories[0].Phrases, Phrases{Weight: 3, Any: []string{"licorne"}})
	var log strings.Builder
	o.Rules, o.Log = New(f), slog.New(slog.NewTextHandler(&log, nil))
	c := open(t, o)
	if look(c); strings.Count(log.String(), "a training is due") != 1 {
		t.Errorf("it is not said once:\n%s", &log)
	}
	before := c.Version()
	if tr, err := c.Train(t.Context(), nil, TrainOptions{Unasked: true}); err != nil || tr.Used || tr.New.N != 0 {
		t.Errorf("without requests: %+v, %v", tr, err)
	}
	tr, err := c.Train(t.Context(), town, TrainOptions{Unasked: true})
	if err != nil || !tr.Used || tr.New.N != 30 || tr.Old.Accuracy > 0.5 || c.Version().Rules == before.Rules {
		t.Errorf("got %+v, %v", tr, err)
	}
	if again, err := c.Train(t.Context(), town, TrainOptions{Unasked: true}); err != nil || again.New.N != 0 {
		t.Errorf("it is due still: %+v, %v", again, err)
	}
}

// An old built-in model is not said to be in use, nor listed; and a choice can be taken back.
func TestUse(t *testing.T) {
	o := options(t, t.TempDir())
	c := open(t, o)
	builtin := c.Version()
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	const old = "builtin-0123456789abcdef"
	x := *b
	x.about.Name = old
	if err := c.shelf.save(&x); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Use(t.Context(), old); !errors.Is(err, ErrOldBuiltin) {
		t.Errorf("got %v", err)
	}
	if list, err := c.Versions(); err != nil || len(list) != 1 || list[0] != builtin {
		t.Errorf("got %+v, %v", list, err)
	}
	pinned := func() bool {
		t.Helper()
		v, err := c.shelf.current()
		if err != nil {
			t.Fatal(err)
		}
		return v.Pinned
	}
	if v, err := c.Use(t.Context(), Newest); err != nil || v != builtin || pinned() {
		t.Errorf("the town has none: %+v, %v", v, err)
	}
	const newer = "town-20260202-000000-abcdabcd"
	townsModel(t, o.Dir, newer, false)
	townsModel(t, o.Dir, townName, false)
	if err := os.WriteFile(c.shelf.path("town-20260303-000000-abcdabcd"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Use(t.Context(), townName); err != nil || !pinned() {
		t.Errorf("got %v", err)
	}
	if v, err := c.Use(t.Context(), Newest); err != nil || v.Name != newer || pinned() || c.Version().Name != newer {
		t.Errorf("got %+v, %v", v, err)
	}
	if _, err := c.Train(t.Context(), nil, TrainOptions{Unasked: true}); err != nil {
		t.Errorf("the night: %v", err)
	}
}

// What does not fit on the disk is noticed before the training and not after.
func TestTrainTriesTheRoom(t *testing.T) {
	s := shelf{t.TempDir()}
	if err := s.room(1 << 20); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := syscall.Mount("saisine-test", s.dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(s.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	c := open(t, options(t, s.dir))
	if _, err := c.Train(t.Context(), townsRequests(30), TrainOptions{}); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrNotKept) {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

func TestUsable(t *testing.T) {
	c := open(t, options(t, ""))
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	settled := func(i int, category, text string) Settled {
		return Settled{Reference: fmt.Sprintf("2026-%06d", i), Category: category, Text: text, OpenedAt: day.Add(time.Duration(i) * time.Minute)}
	}
	many := func(n int, category, text string) (out []Settled) {
		for i := range n {
			out = append(out, settled(i, category, text))
		}
		return out
	}
	const plain = "Le lampadaire de la rue est éteint."
	long := strings.Repeat("é", 100<<10)
	for _, tc := range []struct {
		name string
		town []Settled
		want int
	}{
		{"plain", many(3, "voirie", plain), 3},
		{"not of the file", many(30, "nur", plain), 0},
		{"few words", many(3, "voirie", "Voir pièce jointe, merci"), 0},
		{"none", many(3, "voirie", ""), 0},
		{"too few of a new category", many(leastExamples-1, "police-municipale", plain), 0},
		{"enough of a new category", many(leastExamples, "police-municipale", plain), leastExamples},
		{"long", many(5000, "voirie", "un deux trois quatre cinq "+long), MostWords / (MaxWords - 1)},
		{"many", many(MostSettled+5, "voirie", plain), MostSettled},
	} {
		got := c.usable(tc.town)
		if len(got) != tc.want {
			t.Errorf("%s: %d of %d, want %d", tc.name, len(got), len(tc.town), tc.want)
			continue
		}
		size := 0
		for i, s := range got {
			size += len(s.Subject) + len(s.Text)
			if len(s.Text) > MaxWords || !utf8.ValidString(s.Text) || i > 0 && !s.OpenedAt.Before(got[i-1].OpenedAt) {
				t.Fatalf("%s: text %d has %d bytes, is of %s", tc.name, i, len(s.Text), s.OpenedAt)
			}
		}
		if size > MostWords || len(got) > 0 && got[0].Reference != tc.town[len(tc.town)-1].Reference {
			t.Errorf("%s: %d bytes, the newest is %s", tc.name, size, got[0].Reference)
		}
	}
}

// A category with one example lives by its rules still.
func TestOneExampleKeepsTheRules(t *testing.T) {
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	f.Categories = append(f.Categories, Category{Code: "trottinettes", Label: "T", Service: f.Categories[0].Service, Phrases: []Phrases{{Weight: 4, Any: []string{"trottinette"}}}})
	o := options(t, t.TempDir())
	o.Rules, o.Cache = New(f), ""
	c := open(t, o)
	reading := ingest.Reading{Subject: "Trottinette", Text: "Une trottinette encombre le passage devant chez moi."}
	before := c.Classify(t.Context(), mailed, reading)
	town := append(townsRequests(30), Settled{Reference: "x", Category: "trottinettes", Text: "Des trottinettes partout sur les trottoirs.", OpenedAt: time.Now()})
	if tr, err := c.Train(t.Context(), town, TrainOptions{}); err != nil || !tr.Used || tr.Version.Town != 30 {
		t.Fatalf("got %+v, %v", tr, err)
	}
	if after := c.Classify(t.Context(), mailed, reading); before.Category != "trottinettes" || after.Category != "trottinettes" {
		t.Errorf("got %s, before %s", after.Category, before.Category)
	}
}

// Equal texts are held out together: a model that has learned one knows the other.
func TestGroup(t *testing.T) {
	a := Settled{Reference: "a", Subject: "Pétition", Text: "Nous demandons la réouverture de l'école du bourg."}
	same := Settled{Reference: "b", Subject: "PETITION", Text: "nous demandons la reouverture\n de l’école du bourg", Category: "x"}
	other := Settled{Subject: "Pétition", Text: "Nous demandons la réouverture de la piscine du bourg."}
	if a.group() != same.group() || a.group() == other.group() {
		t.Errorf("got %s, %s, %s", a.group(), same.group(), other.group())
	}
	// Of texts that come twice and say nothing, the category is not foretold.
	codes := []string{"voirie", "culture", "urbanisme", "cimetiere", "scolaire-periscolaire", "sports-associations"}
	rng := rand.New(rand.NewPCG(1, 2))
	var town []Settled
	for i := range 40 {
		text := fmt.Sprintf("Zorglub %x brimborion %x calembredaine %x turlupin", rng.Uint32(), rng.Uint32(), rng.Uint32())
		for k := range 2 {
			town = append(town, Settled{Reference: fmt.Sprint(i, k), Text: text, Category: codes[i%len(codes)]})
		}
	}
	tr, err := train(t.Context(), Default(), fewTexts(), town, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := newMind(Default(), tr.brain)
	right := 0
	for i, s := range town {
		if m.rules.file.Categories[tr.held[i].best()].Code == s.Category && m.prediction(tr.held[i]).Confidence > 0.5 {
			right++
		}
	}
	if right > len(town)/4 {
		t.Errorf("%d of %d texts that say nothing are known: by their twins", right, len(town))
	}
}

// What is learned is what a classifier is asked about.
func TestWordsAreThoseOfClassify(t *testing.T) {
	full := ingest.Reading{Subject: "Voir", Text: "Voir pièce jointe.\n> ancien", OwnText: "Voir pièce jointe.", Attachments: []ingest.Attachment{{Text: "Le lampadaire est éteint."}}}
	subject, text := Words(full)
	if in := input(full); subject != in.Subject || text != in.Body || !strings.Contains(text, "lampadaire") || strings.Contains(text, "ancien") {
		t.Errorf("got %q, %q", subject, text)
	}
	// In a training the words come back as the text of a reading, and must stay as they are.
	s := Settled{Subject: subject, Text: text}
	if in := input(s.reading()); in.Subject != subject || in.Body != text {
		t.Errorf("got %+v", in)
	}
}

// pinned is the hash of the model below for each featuresVersion. A change in how texts
// become a model must come with another featuresVersion, or the built-in model of before is
// taken for the one of today.
var pinned = map[string]string{
	"4": "406faff466d023a4856d324c2b1603b92633234cbcf4b8c829588bb0b747f22e",
}

func TestFeaturesVersion(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other machines round otherwise")
	}
	f, err := parseFile("f", []byte(`categories:
  - {code: lampe, label: L, service: {name: S}, phrases: [{weight: 3, any: [lampadaire, éclairage]}]}
  - {code: livre, label: B, service: {name: S}, phrases: [{weight: 3, any: [bibliothèque]}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var builtin []model.Example
	var town []Settled
	for i, text := range []string{"La lampe de la rue est éteinte", "Le lampadaire ne marche plus", "Il fait noir dans l’allée", "Un livre à rendre", "Prolonger un prêt de la médiathèque", "Carte de lecteur perdue"} {
		label := []string{"lampe", "livre"}[i/3]
		for _, author := range []string{"a", "b", "c"} {
			builtin = append(builtin, model.Example{Subject: label, Body: text + " " + author, Label: label, Group: author, Weight: 1})
		}
		town = append(town, Settled{Reference: strconv.Itoa(i), Subject: text, Text: "Bonjour, " + text + ", merci.", Category: label, Person: i%2 == 0})
	}
	tr, err := train(t.Context(), New(f), builtin, town, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tr.brain.about.Hash; got != pinned[featuresVersion] {
		t.Errorf("the same texts make another model, %s: give featuresVersion another value and pin its hash here", got)
	}
}

// BenchmarkTrainTown trains on all built-in texts and more of the town's than are learned
// from, and tells the highest memory of the process, of which a training may take 200 MB.
func BenchmarkTrainTown(b *testing.B) {
	sources := builtinCorpus().examples
	rng := rand.New(rand.NewPCG(1, 1))
	var town []Settled
	for i := range MostSettled {
		e := sources[i%len(sources)]
		if e.Label == unwanted {
			continue
		}
		fields := strings.Fields(e.Body)
		rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		town = append(town, Settled{Reference: strconv.Itoa(i), Subject: e.Subject, Text: fmt.Sprintf("%s Nom%x", strings.Join(fields, " "), rng.Uint64()), Category: e.Label})
	}
	c := &Classifier{o: Options{Rules: Default(), examples: sources}}
	before := resident(b, "VmRSS")
	for b.Loop() {
		usable := c.usable(town)
		tr, err := train(b.Context(), Default(), sources, usable, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(tr.brain.about.Town), "town-texts")
		b.ReportMetric(resident(b, "VmHWM")-before, "peak-MB")
	}
}

// resident is a figure of /proc/self/status, in megabytes.
func resident(b *testing.B, name string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("memory is measured on Linux only")
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		b.Fatalf("no %s", name)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n / 1000
}
