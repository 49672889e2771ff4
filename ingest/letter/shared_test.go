package letter_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest/letter"
)

// shared is the folder of evaluation data beside the module. It is measured with and
// nothing else: only figures are printed, never which text was missed.
var shared = filepath.Join("..", "..", "..", "shared", "evaluation")

var civility = regexp.MustCompile(`^(?:M\.|Mme|Mlle|Me|Monsieur|Madame|Maître|Mademoiselle) `)

// person is the first name and surname of a name, without civility and organisation.
func person(name string) string {
	name, _, _ = strings.Cut(name, " (")
	return plain(civility.ReplaceAllString(name, ""))
}

// TestSharedRequests measures on what the shared requests say of their senders, where the
// text itself states it.
func TestSharedRequests(t *testing.T) {
	f, err := os.Open(filepath.Join(shared, "requests-dev.jsonl"))
	if err != nil {
		t.Skip("shared evaluation data is missing: ", err)
	}
	defer f.Close()
	same, org, abbreviated := 0, 0, 0
	byChannel := map[string]map[string]*tally{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r struct {
			Channel, Body string
			Sender        struct{ Name, Email, Phone, Address string }
		}
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		got := letter.Read(r.Body).Sender
		if byChannel[r.Channel] == nil {
			byChannel[r.Channel] = map[string]*tally{"name": {}, "email": {}, "phone": {}, "address": {}}
		}
		body := plain(r.Body)
		if a, b := person(got.Name), person(r.Sender.Name); r.Channel == "letter" && a != "" && a != b {
			switch {
			case strings.Contains(a, b) || strings.Contains(b, a):
				same++
			case len(a) > 4 && len(b) > 4 && a[len(a)-4:] == b[len(b)-4:]:
				abbreviated++
			case !strings.Contains(got.Name, "(") && strings.Contains(r.Sender.Name, "("):
				org++
			}
		}
		for field, pair := range map[string][2]string{
			"name":    {person(got.Name), person(r.Sender.Name)},
			"email":   {plain(got.Email), plain(r.Sender.Email)},
			"phone":   {plain(got.Phone), plain(r.Sender.Phone)},
			"address": {plain(got.Address), plain(r.Sender.Address)},
		} {
			c := byChannel[r.Channel][field]
			stated := pair[1] != "" && strings.Contains(body, pair[1])
			if stated {
				c.stated++
			}
			if pair[0] != "" {
				c.found++
				if pair[0] == pair[1] {
					c.right++
				}
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("letters, names that differ: one holds the other %d, same surname %d, organisation alone %d", same, abbreviated, org)
	for _, ch := range []string{"letter", "email", "form", "phone", "app"} {
		for _, field := range []string{"name", "email", "phone", "address"} {
			if c := byChannel[ch][field]; c != nil && c.found+c.stated > 0 {
				t.Logf("%-7s %-8s precision %.3f (%d/%d)  recall %.3f (%d stated)", ch, field, c.precision(), c.right, c.found, float64(c.right)/float64(max(c.stated, 1)), c.stated)
			}
		}
	}
	if c := byChannel["letter"]["name"]; c != nil && c.precision() < 0.8 {
		t.Errorf("names of letters: precision %.3f, want 0.8", c.precision())
	}
}

// TestSharedScans reads the true texts of the shared scans.
func TestSharedScans(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(shared, "scans", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("shared evaluation data is missing: ", shared)
	}
	found := map[string]int{}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range fields(letter.Read(string(text))) {
			// What is found stands in the text; the day is written otherwise there.
			if v != "" {
				found[fieldNames[i]]++
			}
		}
	}
	t.Logf("%d letters, facts found: %v", len(paths), found)
	for _, f := range []string{"name", "address", "date", "subject", "signature"} {
		if found[f] != len(paths) {
			t.Errorf("%s: found in %d of %d", f, found[f], len(paths))
		}
	}
}
