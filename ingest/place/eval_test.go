package place

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// labelled is one text of the evaluation set.
type labelled struct {
	ID, Channel, Subject, Body, Place string
	Sender                            struct{ Address string }
}

// evaluationSet reads labelled texts, and skips where they are missing.
func evaluationSet(t testing.TB, path string) []labelled {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no evaluation data: %v", err)
	}
	var out []labelled
	for line := range strings.Lines(string(raw)) {
		var l labelled
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// find finds the place of a labelled text. A form has the address in a field of its own; elsewhere it is in the text.
func (l labelled) find() (Place, bool) {
	opts := Options{Town: "Saint-Exemple"} // as a town configures its name
	if l.Channel == "form" {
		opts.Address = l.Sender.Address
	}
	return Find(l.Body, l.Subject, opts)
}

// exact says whether both are the same words in any order of case, accents, articles and punctuation.
func exact(p Place, label string) bool {
	return strings.Join(contentWords(p.Text), " ") == strings.Join(contentWords(label), " ")
}

// TestEvaluation measures Find on labelled texts of three authors. The floors are a little under what it reaches.
func TestEvaluation(t *testing.T) {
	for _, s := range []struct {
		path                       string
		agrees, exact, inventAbove float64
	}{
		{"../../../shared/evaluation/requests-dev.jsonl", 0.88, 0.68, 0.08},
		{"../../cmd/saisine/testdata/texts-b.jsonl", 0.95, 0.64, 0.05},
		{"../../cmd/saisine/testdata/texts-c.jsonl", 0.93, 0.64, 0.05},
	} {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			agrees, exactly, inventing := measure(t, evaluationSet(t, s.path))
			if agrees < s.agrees || exactly < s.exact || inventing > s.inventAbove {
				t.Errorf("agrees %.3f (want %.2f), exact %.3f (want %.2f), invented %.3f (want at most %.2f)",
					agrees, s.agrees, exactly, s.exact, inventing, s.inventAbove)
			}
		})
	}
}

// measure gives the shares of right and of exact places of those stated, and of invented ones where none is.
func measure(t *testing.T, set []labelled) (agrees, exactly, inventing float64) {
	t.Helper()
	var stated, none, same, right, invented, missing int
	for _, l := range set {
		p, ok := l.find()
		if l.Place == "" {
			none++
			if ok {
				invented++
				t.Logf("%s %s: invented %q", l.ID, l.Channel, p.Text)
			}
			continue
		}
		stated++
		if exact(p, l.Place) {
			same++
		}
		switch {
		case Agrees(p.Text, l.Place):
			right++
		case !ok:
			missing++
			t.Logf("%s %s: missing %q", l.ID, l.Channel, l.Place)
		default:
			t.Logf("%s %s: %q, want %q", l.ID, l.Channel, p.Text, l.Place)
		}
	}
	agrees, exactly, inventing = float64(right)/float64(stated), float64(same)/float64(stated), float64(invented)/float64(none)
	t.Logf("place stated in %d: agrees %.3f, exact %.3f, missing %d; none in %d: invented %.3f", stated, agrees, exactly, missing, none, inventing)
	return agrees, exactly, inventing
}
