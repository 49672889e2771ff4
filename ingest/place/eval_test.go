package place

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// labelled is one text of the evaluation set.
type labelled struct {
	ID, Channel, Subject, Body, Place string
	Sender                            struct{ Address string }
}

// evaluationSet reads the labelled texts beside the checkout, and skips where they are missing.
func evaluationSet(t testing.TB) []labelled {
	t.Helper()
	const path = "../../../shared/evaluation/requests-dev.jsonl"
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

// TestEvaluation measures Find on the labelled texts. The floors are a little under what it reaches.
func TestEvaluation(t *testing.T) {
	set := evaluationSet(t)
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
	agree, exactly, inventing := float64(right)/float64(stated), float64(same)/float64(stated), float64(invented)/float64(none)
	t.Logf("place stated in %d: agrees %.3f, exact %.3f, missing %d; none in %d: invented %.3f", stated, agree, exactly, missing, none, inventing)
	if agree < 0.82 || exactly < 0.64 || inventing > 0.09 {
		t.Errorf("agrees %.3f (want 0.82), exact %.3f (want 0.64), invented %.3f (want at most 0.09)", agree, exactly, inventing)
	}
}
