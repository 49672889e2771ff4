package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/queue"
)

// say runs a command of a town with this standard input.
func (tw *town) say(stdin string, args ...string) (stdout, stderr string, code int) {
	tw.t.Helper()
	var out, errOut strings.Builder
	code = run(tw.t.Context(), append([]string{"--config", tw.config}, args...), strings.NewReader(stdin), &out, &errOut)
	return out.String(), errOut.String(), code
}

func TestClassifyCommand(t *testing.T) {
	tw := quietTown(t, "")
	out, errOut, code := tw.say("Objet : Lampadaire éteint\nLe lampadaire devant le 12 rue Foch est éteint. Attention, un fil électrique pend à terre.\n", "classify", "--json")
	var got classifiedJSON
	if code != exitDone || json.Unmarshal([]byte(out), &got) != nil {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	if len(got.Categories) != 3 || got.Categories[0].Category != "eclairage-public" || got.Categories[0].Label != "Éclairage public" ||
		got.Service != "Service éclairage public" || got.Confidence < 0.5 || !got.NeedsReview || len(got.Reasons) == 0 || !slices.Contains(got.Urgent, "fil électrique") {
		t.Errorf("got %+v", got)
	}
	for _, key := range []string{"categories", "service", "confidence", "needs_review", "reasons", "second_category", "urgent", "aside"} {
		if !strings.Contains(out, `"`+key+`"`) {
			t.Errorf("the key %s is missing: %s", key, out)
		}
	}
	if _, err := os.Stat(tw.data); !os.IsNotExist(err) {
		t.Errorf("a dry run made the data folder: %v", err)
	}

	out, _, code = tw.say("Bonjour, on a un mariage en juin, quels papiers ?", "classify")
	if code != exitDone || !strings.Contains(out, "etat-civil") || !strings.Contains(out, "needs review") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, _, code = tw.say("", "classify", "--json"); code != exitDone || !strings.Contains(out, `"categories":[]`) {
		t.Errorf("nothing on standard input: exit %d: %s", code, out)
	}
}

func TestSubjectOf(t *testing.T) {
	for text, want := range map[string][2]string{
		"Objet : Trou\nUn trou.":     {"Trou", "Un trou."},
		"Subject: Trou\r\nUn trou.":  {"Trou", "Un trou."},
		"\ufeffOBJET: Trou\nUn trou": {"Trou", "Un trou"},
		"Un trou.\nObjet : rien":     {"", "Un trou.\nObjet : rien"},
		"objet":                      {"", "objet"},
		"":                           {"", ""},
	} {
		if subject, rest := subjectOf(text); subject != want[0] || rest != want[1] {
			t.Errorf("%q: got %q, %q", text, subject, rest)
		}
	}
}

func TestEvaluateCommand(t *testing.T) {
	tw := quietTown(t, "")
	file := filepath.Join(tw.dir, "texts.jsonl")
	lines := `{"id":"1","channel":"email","subject":"Lampadaire éteint","body":"Le lampadaire devant chez moi ne s'allume plus.","category":"eclairage-public"}

{"id":"2","channel":"phone","subject":"","body":"Mme Roux : sa concession au cimetière arrive à échéance, souhaite la renouveler.","category":"etat-civil","also":["cimetiere"]}
{"id":"3","channel":"form","subject":"Cantine","body":"Je voudrais inscrire ma fille à la cantine.","category":"voirie"}
`
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := tw.say("", "evaluate", file, "--json")
	all := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitDone || len(all) != 4 {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	var first struct {
		ID, Category string
		Confidence   float64
		Top3         []string
		NeedsReview  *bool `json:"needs_review"`
		Sender       *ingest.Person
		Place        *string
	}
	if err := json.Unmarshal([]byte(all[0]), &first); err != nil || first.ID != "1" || first.Category != "eclairage-public" || len(first.Top3) != 3 ||
		first.Top3[0] != first.Category || first.NeedsReview == nil || first.Sender == nil || first.Place == nil {
		t.Errorf("got %s", all[0])
	}
	var last struct{ Summary classify.Figures }
	if err := json.Unmarshal([]byte(all[3]), &last); err != nil || last.Summary.N != 3 || last.Summary.Accuracy < 0.66 || last.Summary.Accuracy > 0.67 {
		t.Errorf("two of three are right: got %s", all[3])
	}
	for _, key := range []string{"n", "accuracy", "top3", "macro_f1", "coverage", "precision", "ece"} {
		if !strings.Contains(all[3], `"`+key+`":`) {
			t.Errorf("the summary has no %s: %s", key, all[3])
		}
	}
	if out, _, code = tw.say("", "evaluate", file); code != exitDone || !strings.Contains(out, "voirie → scolaire-periscolaire") {
		t.Errorf("exit %d: %s", code, out)
	}
	for name, bad := range map[string]string{"no JSON": "x\n", "no category": `{"id":"1"}` + "\n"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errOut, code := tw.say("", "evaluate", file); code != exitFailed || !strings.Contains(errOut, "line 1") {
			t.Errorf("%s: exit %d: %s", name, code, errOut)
		}
	}
	if _, _, code := tw.say("", "evaluate", filepath.Join(tw.dir, "none")); code != exitUsage {
		t.Errorf("a file that is not there: exit %d", code)
	}
}

// TestStrangers holds how well the built-in model understands authors from whom it has not
// learned, each in turn, as it was measured in its training.
func TestStrangers(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	u, err := openUnderstanding(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	f := u.classifier.Now().Version().Figures
	t.Logf("%+v", f)
	if f.Accuracy < 0.88 || f.Top3 < 0.97 || f.MacroF1 < 0.88 || f.Precision < 0.95 || f.Coverage < 0.7 || f.ECE > 0.05 {
		t.Error("the built-in model got worse")
	}
}

// TestPlainWords asks about what each category is called by: short texts with the obvious
// word, which the built-in texts often avoid.
func TestPlainWords(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	u, err := openUnderstanding(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"inscription cantine": "scolaire-periscolaire", "Je voudrais inscrire ma fille à la cantine.": "scolaire-periscolaire",
		"trou dans la chaussée": "voirie", "un nid de poule sur la route": "voirie", "lampadaire éteint": "eclairage-public", "poubelle non ramassée": "proprete-dechets",
		"dépôt sauvage": "proprete-dechets", "élagage des arbres": "espaces-verts", "fuite d'eau dans la rue": "eau-assainissement",
		"installer une terrasse": "domaine-public", "carte d'identité": "etat-civil", "acte de naissance": "etat-civil", "carte électorale": "elections",
		"permis de construire": "urbanisme", "place en crèche": "petite-enfance", "assistante maternelle": "petite-enfance",
		"aide alimentaire": "action-sociale", "stationnement gênant": "police-municipale", "chien qui aboie": "police-municipale",
		"logement insalubre": "logement", "logement social": "logement", "location de la salle des fêtes": "sports-associations", "subvention association": "sports-associations",
		"bibliothèque": "culture", "école de musique": "culture", "facture à payer": "finances", "concession cimetière": "cimetiere",
		"candidature spontanée": "ressources-humaines", "demande de stage": "ressources-humaines", "recours gracieux": "juridique-acces-documents",
		"rendez-vous avec Madame la Maire": "elus-cabinet",
	} {
		c := u.classifier.Classify(t.Context(), ingest.Record{Channel: ingest.ChannelMailbox}, ingest.Reading{Text: text})
		if c.Category != want || c.Aside != "" {
			t.Errorf("%q: got %s (%.2f) %q, want %s", text, c.Category, c.Confidence, c.Aside, want)
		}
	}
}

// Commands that only look leave the folder of the models as it is, also with other rules
// than the daemon's: it may belong to another user.
func TestLookingLeavesTheModels(t *testing.T) {
	tw := quietTown(t, "")
	models := filepath.Join(tw.data, "models")
	if err := os.MkdirAll(models, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"classify"}, {"train", "--list"}} {
		if _, errOut, code := tw.say("Un lampadaire est éteint.", args...); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, errOut)
		}
		if left, err := os.ReadDir(models); err != nil || len(left) != 0 {
			t.Errorf("%v: left %v, %v", args, left, err)
		}
	}
}

// TestEvaluationTargets measures the shared texts, from which nothing is learned, against
// what the project has promised.
func TestEvaluationTargets(t *testing.T) {
	file := "../../../shared/evaluation/requests-dev.jsonl"
	if _, err := os.Stat(file); err != nil {
		t.Skip("the texts to measure with are not there: ", err)
	}
	out, errOut, code := quietTown(t, "").say("", "evaluate", file, "--json")
	all := strings.Split(strings.TrimSpace(out), "\n")
	var last struct{ Summary classify.Figures }
	if code != exitDone || json.Unmarshal([]byte(all[len(all)-1]), &last) != nil {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	f := last.Summary
	t.Logf("%+v", f)
	if f.Accuracy < 0.80 || f.Top3 < 0.94 || f.MacroF1 < 0.78 || f.Precision < 0.95 || f.Coverage < 0.50 || f.ECE > 0.05 {
		t.Error("the figures fall short")
	}
	for _, line := range all[:len(all)-1] {
		var o evalOutcome
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.Aside != "" {
			t.Errorf("a citizen's message would be set aside: %s", line)
		}
	}
}

func TestTrainCommand(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	if _, errOut, code := tw.say("", "train"); code != exitFailed || !strings.Contains(errOut, "data_dir") {
		t.Errorf("without a data folder: exit %d: %s", code, errOut)
	}
	d := tw.start()
	out, errOut, code := tw.say("", "train", "--json")
	var tr classify.Training
	if code != exitDone || json.Unmarshal([]byte(out), &tr) != nil || tr.Used || !strings.HasPrefix(tr.Why, "0 settled requests") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	// The night that was missed is made up for.
	tw.eventually(30*time.Second, "the training of the night", func() bool {
		return strings.Contains(d.log.String(), "training of the night")
	})
	done, err := os.ReadFile(filepath.Join(tw.data, "models", "night"))
	if err != nil || strings.TrimSpace(string(done)) != lastNight(time.Now(), time.FixedZone("", 0)) && len(strings.TrimSpace(string(done))) != len(nightForm) {
		t.Errorf("the night was not noted: %q, %v", done, err)
	}
	if out, errOut, code = tw.say("", "train", "--use", "builtin"); code != exitDone || !strings.Contains(errOut, "is in use") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	out, _, code = tw.say("", "train", "--list", "--json")
	var listed modelJSON
	if code != exitDone || json.Unmarshal([]byte(out), &listed) != nil || !listed.Used || listed.Source != classify.SourceBuiltin || listed.Figures.Accuracy < 0.8 {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, _, code = tw.say("", "train", "--list"); code != exitDone || !strings.Contains(out, "*  builtin-") {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, errOut, code = tw.say("", "train", "--use", "town-1"); code != exitUsage || !strings.Contains(errOut, "--list") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if out, errOut, code = tw.say("", "train", "--use", "newest"); code != exitDone || !strings.Contains(errOut, "is in use") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	current, err := os.ReadFile(filepath.Join(tw.data, "models", "current"))
	if err != nil || strings.Contains(string(current), "pinned") {
		t.Errorf("--use newest leaves a choice: %s, %v", current, err)
	}
	if _, _, code = tw.say("", "train", "--list", "--dry-run"); code == exitDone {
		t.Error("--list and --dry-run together")
	}
}

func TestLastNight(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-03-10T03:14:59+01:00": "2026-03-09",
		"2026-03-10T03:15:00+01:00": "2026-03-10",
		"2026-03-10T23:00:00+01:00": "2026-03-10",
		"2026-01-01T00:30:00+01:00": "2025-12-31",
		"2026-03-29T01:59:00+01:00": "2026-03-28", // the night without 02:00 to 03:00
		"2026-03-29T03:15:00+02:00": "2026-03-29",
		"2026-10-25T02:30:00+01:00": "2026-10-24", // 02:00 to 03:00 for the second time
		"2026-10-25T03:15:00+01:00": "2026-10-25",
		"2026-03-09T20:00:00-08:00": "2026-03-10", // seen from elsewhere
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := lastNight(at, paris); got != want {
			t.Errorf("%s: got %s, want %s", now, got, want)
		}
	}
}

// nightAt is a training of the night in a folder of its own, by a clock that stands.
func nightAt(t *testing.T, now string) *nightly {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{zone: time.UTC, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	h.cfg.DataDir = t.TempDir()
	n := newNightly(h)
	n.now = func() time.Time { return at }
	return n
}

// due is the night for which a training is handed to the queue, or "".
func (n *nightly) due(t *testing.T) string {
	t.Helper()
	jobs, err := n.Unfinished(t.Context(), 0, 10)
	if err != nil || len(jobs) > 1 {
		t.Fatalf("got %+v, %v", jobs, err)
	}
	if len(jobs) == 0 {
		return ""
	}
	if next, err := n.Unfinished(t.Context(), jobs[0].Seq, 10); err != nil || len(next) != 0 || jobs[0].Kind != queue.KindTrain {
		t.Fatalf("got %+v, after it %+v, %v", jobs, next, err)
	}
	return jobs[0].ID
}

// The night is handed to the queue until it was seen to or has failed.
func TestNightIsDueOnce(t *testing.T) {
	n := nightAt(t, "2026-05-07T12:00:00Z")
	for range 2 {
		if got := n.due(t); got != "2026-05-07" {
			t.Fatalf("got %q", got)
		}
	}
	if err := n.Fail(t.Context(), "2026-05-07", "x"); err != nil {
		t.Fatal(err)
	}
	if got := n.due(t); got != "" {
		t.Errorf("a night that failed is due again: %q", got)
	}
	restarted := newNightly(n.h)
	restarted.now = n.now
	if got := restarted.due(t); got != "" {
		t.Errorf("after a restart it is due again: %q", got)
	}
	if left, err := filepath.Glob(filepath.Join(modelsDir(n.h.cfg), ".*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
	// A night that is over needs no training: it would only be made twice. A classifier
	// would be needed for one here.
	if err := n.Process(t.Context(), "2026-05-06"); err != nil {
		t.Error(err)
	}
}

// Whatever stands in the file of the night, a training is put off by one night at most.
func TestNightTrustsNoFile(t *testing.T) {
	for content, want := range map[string]string{
		"2026-05-06\n":           "2026-05-07", // missed
		"2026-05-07\n":           "",
		"2026-05-07":             "",
		"2099-01-01\n":           "2026-05-07", // by a clock that was wrong
		"9999":                   "2026-05-07",
		"zzzz\n":                 "2026-05-07",
		"":                       "2026-05-07",
		"2026-05-07\x00\x00\x00": "2026-05-07", // cut off by a crash
	} {
		n := nightAt(t, "2026-05-07T12:00:00Z")
		if err := os.MkdirAll(modelsDir(n.h.cfg), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n.doneFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := n.due(t); got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

// A night that cannot be written down is over all the same, and what was trained and could
// not be kept is not trained again when the disk is full.
func TestNightWithoutRoom(t *testing.T) {
	n := nightAt(t, "2026-05-07T12:00:00Z")
	if err := os.WriteFile(modelsDir(n.h.cfg), nil, 0o600); err != nil { // in the way of the folder
		t.Fatal(err)
	}
	if n.setDone("2026-05-06") == nil {
		t.Fatal("the test does not keep it from being written")
	}
	if got := n.due(t); got != "2026-05-07" {
		t.Fatalf("got %q", got)
	}
	if err := n.Fail(t.Context(), "2026-05-07", "x"); err != nil {
		t.Error(err)
	}
	if got := n.due(t); got != "" {
		t.Errorf("it is due again: %q", got)
	}
	var permanent interface{ Permanent() bool }
	err := error(spentNightError{fmt.Errorf("%w: %w", classify.ErrNotKept, syscall.ENOSPC)})
	if !errors.As(err, &permanent) || !permanent.Permanent() || errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space") {
		t.Errorf("the queue would wait and train again: %v", err)
	}
}

// The daemon runs at once without a model, by its rules, and a stop breaks off the making of
// the model.
func TestDaemonWithoutModel(t *testing.T) {
	tw := quietTown(t, "")
	d := tw.start("XDG_CACHE_HOME=" + t.TempDir())
	log := d.log.String()
	if !strings.Contains(log, "the built-in model is being made") || strings.Contains(log, "the built-in model was trained") {
		t.Errorf("it did not begin by its rules:\n%s", d.log.tail(20))
	}
	d.stop()
	if strings.Contains(d.log.String(), "the built-in model cannot be made") {
		t.Errorf("a stop is no failure:\n%s", d.log.tail(20))
	}
}
