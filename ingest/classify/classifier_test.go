package classify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// modelFiles lists the models in a folder.
func modelFiles(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+modelEnding))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOpenKeepsTheModel(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	trainings := func() int { return strings.Count(log.String(), "the built-in model was trained") }
	o := options(t, filepath.Join(dir, "models"))
	o.Log, o.Cache = slog.New(slog.NewTextHandler(&log, nil)), cache
	first := open(t, o)
	files := modelFiles(t, o.Dir)
	if len(files) != 1 || len(modelFiles(t, cache)) != 1 || trainings() != 1 {
		t.Fatalf("after the first opening: %q, %d trainings\n%s", files, trainings(), &log)
	}
	if v := open(t, o).Version(); v != first.Version() || trainings() != 1 {
		t.Errorf("the second opening trained again")
	}

	other := o
	other.Dir = filepath.Join(dir, "other")
	if v := open(t, other).Version(); v != first.Version() || trainings() != 1 || len(modelFiles(t, other.Dir)) != 1 {
		t.Errorf("another folder did not take the model from the cache")
	}
	dry := o
	dry.Dir = ""
	if open(t, dry); trainings() != 1 {
		t.Errorf("a dry run trained although the cache has the model")
	}

	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	o.Cache = ""
	for name, content := range map[string][]byte{"cut short": whole[:len(whole)/2], "foreign": []byte("<html>")} {
		if err := os.WriteFile(files[0], content, 0o600); err != nil {
			t.Fatal(err)
		}
		before := trainings()
		c := open(t, o)
		again, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if trainings() != before+1 || c.Version().Hash != first.Version().Hash || len(again) != len(whole) {
			t.Errorf("%s: it was not trained anew, to the same model", name)
		}
	}

	rules := o
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	f.Categories[0].Phrases = append(f.Categories[0].Phrases, Phrases{Weight: 3, Any: []string{"licorne"}})
	if rules.Rules = New(f); open(t, rules).Version().Name == first.Version().Name {
		t.Error("with other phrases the old model was taken")
	}
}

// A folder that cannot be written to costs a training, and no more.
func TestOpenWithoutAPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(t, filepath.Join(file, "models"))
	o.Cache = ""
	c := open(t, o)
	if got := c.Classify(t.Context(), mailed, ingest.Reading{Text: "Le lampadaire de la rue est éteint, on est dans le noir."}); got.Category != "eclairage-public" {
		t.Errorf("got %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Dir = ""
	if _, err := Open(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// townsRequests are settled requests of a town that calls what the built-in texts know as
// culture by the name of its sports service, and says it in words of its own.
func townsRequests(n int) []Settled {
	var out []Settled
	for i := range n {
		out = append(out, Settled{
			Reference: fmt.Sprintf("2026-%06d", i+1), Category: "sports-associations", Person: i%2 == 0,
			Subject:  "Médiathèque des Tilleuls",
			Text:     fmt.Sprintf("Je souhaite prolonger le prêt de %d livres de la bibliothèque, abonnement au nom de Lecteur numéro %d.", i%7+1, i),
			OpenedAt: time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC),
		})
	}
	return out
}

func TestTrain(t *testing.T) {
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	o := options(t, t.TempDir())
	o.Now = func() time.Time { return now }
	c := open(t, o)
	watcher := open(t, o) // another process on the same folder
	builtin := c.Version()
	loan := ingest.Reading{Text: "Je voudrais prolonger le prêt de trois livres de la bibliothèque."}
	category := func(c *Classifier) string { return c.Classify(t.Context(), mailed, loan).Category }
	train := func(town []Settled, o TrainOptions) Training {
		t.Helper()
		tr, err := c.Train(t.Context(), town, o)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}

	if tr := train(townsRequests(LeastNew-1), TrainOptions{}); tr.Used || tr.New.N != 0 {
		t.Errorf("too few requests: got %+v", tr)
	}
	if tr := train(townsRequests(30), TrainOptions{Dry: true}); tr.Used || tr.New.Accuracy <= tr.Old.Accuracy || c.Version() != builtin || len(modelFiles(t, o.Dir)) != 1 {
		t.Errorf("dry: got %+v", tr)
	}
	if category(c) != "culture" {
		t.Fatalf("before: %s", category(c))
	}
	tr := train(townsRequests(30), TrainOptions{})
	if !tr.Used || tr.Version.Source != SourceTown || tr.Version.Town != 30 || tr.New.N != 30 || tr.New.Accuracy <= tr.Old.Accuracy {
		t.Fatalf("got %+v", tr)
	}
	if category(c) != "sports-associations" || c.Version().Name != tr.Version.Name {
		t.Errorf("the new model is not in use: %s", category(c))
	}
	// Another process looks every 30 seconds.
	now = now.Add(lookEvery - time.Second)
	if category(watcher) != "culture" {
		t.Error("it was looked for too early")
	}
	now = now.Add(time.Second)
	if category(watcher) != "sports-associations" {
		t.Error("another process does not take the new model up")
	}
	if reopened := open(t, o); reopened.Version().Name != tr.Version.Name {
		t.Error("after a restart the built-in model is in use")
	}

	// What it has learned is not new to it, a correction is.
	if again := train(townsRequests(30), TrainOptions{}); again.Used || again.New.N != 0 {
		t.Errorf("nothing new: got %+v", again)
	}
	if more := train(townsRequests(55), TrainOptions{Dry: true}); more.New.N != 25 {
		t.Errorf("it is measured on %d requests, want the 25 that are new", more.New.N)
	}
	corrected := townsRequests(30)
	for i := range corrected {
		corrected[i].Category = "culture"
	}
	now = now.Add(time.Hour)
	if back := train(corrected, TrainOptions{}); !back.Used || back.New.N != 30 || category(c) != "culture" {
		t.Errorf("corrected: got %+v", back)
	}

	// A person goes back, and the night leaves it so.
	if v, err := c.Use(t.Context(), SourceBuiltin); err != nil || v.Name != builtin.Name || c.Version() != builtin {
		t.Errorf("back to the built-in one: %+v, %v", v, err)
	}
	if _, err := c.Train(t.Context(), townsRequests(30), TrainOptions{Unasked: true}); !errors.Is(err, ErrPinned) {
		t.Errorf("the night: got %v", err)
	}
	if _, err := c.Use(t.Context(), tr.Version.Name); err != nil || category(c) != "sports-associations" {
		t.Errorf("to an earlier one: %v", err)
	}
	for _, name := range []string{"town-20990101-000000-abcdabcd", "../../etc/passwd", ""} {
		if _, err := c.Use(t.Context(), name); !errors.Is(err, ErrNoModel) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	list, err := c.Versions()
	if err != nil || len(list) != 3 {
		t.Errorf("versions: %+v, %v", list, err)
	}

	// A model of the town that is damaged is not trusted.
	if err := os.WriteFile(c.shelf.path(tr.Version.Name), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if broken := open(t, o); broken.Version() != builtin {
		t.Errorf("a damaged model is in use: %+v", broken.Version())
	}
}

// What people have chosen at random teaches nothing, and a model of it is not used.
func TestTrainKeepsTheBetter(t *testing.T) {
	o := options(t, t.TempDir())
	c := open(t, o)
	codes := []string{"voirie", "culture", "urbanisme", "cimetiere"}
	var town []Settled
	for i, e := range fewTexts()[:60] {
		if e.Label == unwanted {
			continue
		}
		town = append(town, Settled{Reference: fmt.Sprint(i), Subject: e.Subject, Text: e.Body, Category: codes[i%len(codes)]})
	}
	before := c.Version()
	tr, err := c.Train(t.Context(), town, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if better := tr.New.Accuracy > tr.Old.Accuracy && tr.New.MacroF1 > tr.Old.MacroF1; tr.New.N == 0 || tr.Used && !better {
		t.Errorf("got %+v", tr)
	}
	if !tr.Used && c.Version() != before {
		t.Error("another model is in use")
	}
	// The same requests twice: neither is better, and the old one stays.
	right := townsRequests(25)
	for i := range right {
		right[i].Text, right[i].Subject, right[i].Category = "Le lampadaire de la rue est éteint, éclairage public en panne.", "Lampadaire éteint", "eclairage-public"
	}
	c = open(t, options(t, t.TempDir()))
	tie, err := c.Train(t.Context(), right, TrainOptions{})
	if err != nil || tie.Used || tie.New.Accuracy != 1 || tie.Old.Accuracy != 1 {
		t.Errorf("a tie: %+v, %v", tie, err)
	}
}

func TestTrainNeedsAFolder(t *testing.T) {
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	c := &Classifier{o: options(t, ""), builtin: b}
	if _, err := c.Train(t.Context(), nil, TrainOptions{}); !errors.Is(err, ErrNoFolder) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Use(t.Context(), SourceBuiltin); !errors.Is(err, ErrNoFolder) {
		t.Errorf("got %v", err)
	}
	if list, err := c.Versions(); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
}

// The shelf keeps the town's newest models, the one in use, and the built-in one.
func TestTidy(t *testing.T) {
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{t.TempDir()}
	var names []string
	for i := range keptModels + 3 {
		x := *b
		x.about.Name = fmt.Sprintf("town-20260101-0000%02d-abcdabcd", i)
		names = append(names, x.about.Name)
		if err := s.save(&x); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"builtin-aaaa", "builtin-bbbb"} {
		x := *b
		x.about.Name = name
		if err := s.save(&x); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.setCurrent(inUse{Version: Version{Name: names[1]}}); err != nil {
		t.Fatal(err)
	}
	half, busy := filepath.Join(s.dir, tempPrefix+"town-1"), filepath.Join(s.dir, tempPrefix+"town-2")
	for _, name := range []string{half, busy} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(half, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	if err := s.tidy("builtin-bbbb"); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, ".*")); fmt.Sprint(left) != fmt.Sprint([]string{busy}) {
		t.Errorf("left over: %q, want only what is being written", left)
	}
	got, err := s.names("")
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{"builtin-bbbb", names[1]}, names[3:]...)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var stands map[string]any
	data, err := os.ReadFile(filepath.Join(s.dir, currentName))
	if err != nil || json.Unmarshal(data, &stands) != nil || stands["version"] != names[1] {
		t.Errorf("current: %s, %v", data, err)
	}
	// A file under another name than its own is not trusted.
	if err := os.Rename(s.path(names[5]), s.path("town-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.load("town-1"); !errors.Is(err, errBrain) {
		t.Errorf("got %v", err)
	}
	for _, spoilt := range []string{"", "{", `{"version":"../x"}`, `{"version":7}`} {
		if err := os.WriteFile(filepath.Join(s.dir, currentName), []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := s.current(); !errors.Is(err, ErrCurrent) {
			t.Errorf("%q was believed: %+v", spoilt, v)
		}
		if err := s.tidy("builtin-bbbb"); !errors.Is(err, ErrCurrent) || len(modelFiles(t, s.dir)) == 0 {
			t.Errorf("%q: it was tidied without knowing what is in use: %v", spoilt, err)
		}
	}
}

// One writer at a time: in the same process as in another, since each opens the lock anew.
func TestLock(t *testing.T) {
	s := shelf{t.TempDir()}
	var mu sync.Mutex
	inside, most := 0, 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			unlock, err := s.lock(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			time.Sleep(time.Millisecond) // long enough for another to come in if it could
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d writers at once", most)
	}
}

// Any number of goroutines may ask while a new model comes into use.
func TestClassifyWhileTraining(t *testing.T) {
	c := open(t, options(t, t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if got := c.Classify(ctx, mailed, ingest.Reading{Text: "Le lampadaire de la rue est éteint."}); got.Category != "eclairage-public" {
					t.Errorf("got %+v", got)
					return
				}
			}
		})
	}
	_, err := c.Train(t.Context(), townsRequests(30), TrainOptions{})
	cancel()
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
}
