package facts_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest/facts"
)

// shared is the folder of evaluation data beside the module. It is measured with and
// nothing else.
var shared = filepath.Join("..", "..", "..", "shared", "evaluation")

// plain folds case, accents, spaces and punctuation away.
func plain(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(strings.NewReplacer("œ", "oe", "&", " et ").Replace(s))) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var civility = regexp.MustCompile(`^(?:(?:et )?(?:M\.|Mr|Mme|Mlle|Me|Monsieur|Madame|Maître|Mademoiselle) )+`)

func plainName(s string) string { return plain(civility.ReplaceAllString(s, "")) }

func plainPhone(s string) string {
	if e := facts.E164(s); e != "" {
		return e
	}
	return plain(s)
}

var fieldNames = []string{"name", "email", "phone", "address"}

func plainFields(p facts.Person) []string {
	return []string{plainName(p.Name), plain(p.Email), plainPhone(p.Phone), plain(p.Address)}
}

func rawFields(p facts.Person) []string { return []string{p.Name, p.Email, p.Phone, p.Address} }

// stated reports whether every folded word of a value occurs in the text.
func stated(value, body string) bool {
	words := strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,()'’", r) })
	have := map[string]bool{}
	for w := range strings.FieldsFuncSeq(body, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '@' && r != '-' && r != '.'
	}) {
		have[plain(w)] = true
	}
	all := plain(body)
	return value != "" && (strings.Contains(all, plain(value)) || !slices.ContainsFunc(words, func(w string) bool { return !have[plain(w)] }))
}

type tally struct{ right, stated, textRight, textStated, invented, empty, given int }

// TestSharedRequests measures on the shared requests. A channel states what it would: a mail
// its address, a form all its fields, a letter nothing; a call or an app what cannot be found
// in its text.
func TestSharedRequests(t *testing.T) {
	f, err := os.Open(filepath.Join(shared, "requests-dev.jsonl"))
	if err != nil {
		t.Skip("shared evaluation data is missing: ", err)
	}
	defer f.Close()
	show := os.Getenv("FACTS_SHOW") != ""
	sums := map[string]*tally{}
	text := &tally{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r struct {
			ID, Channel, Subject, Body string
			Sender                     facts.Person
		}
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		in := facts.Input{Subject: r.Subject, Text: r.Body}
		switch r.Channel {
		case "email":
			in.Header.Email = r.Sender.Email
		case "form":
			in.Kind, in.Header = facts.Form, r.Sender
		case "letter":
			in.Kind = facts.Letter
		case "phone", "app":
			if in.Kind = facts.Note; r.Channel == "app" {
				in.Kind = facts.Form
			}
			if !stated(r.Sender.Name, r.Body) {
				in.Header.Name = r.Sender.Name
			}
			if !stated(r.Sender.Phone, r.Body) {
				in.Header.Phone = r.Sender.Phone
			}
		}
		got, want, given := facts.Sender(in).Person, rawFields(r.Sender), rawFields(in.Header)
		g, w := plainFields(got), plainFields(r.Sender)
		for i, field := range fieldNames {
			if field == "email" && r.Channel == "letter" && !stated(want[i], r.Body) {
				continue
			}
			c := sums[r.Channel+" "+field]
			if c == nil {
				c = &tally{}
				sums[r.Channel+" "+field] = c
			}
			same := g[i] == w[i]
			switch {
			case want[i] == "":
				c.empty++
				if g[i] != "" {
					c.invented++
					text.invented++
					if show {
						t.Logf("INVENTED %s %s %s: %q", r.ID, r.Channel, field, rawFields(got)[i])
					}
				}
				continue
			case given[i] != "":
				c.given++
			case stated(want[i], r.Body):
				c.textStated++
				text.textStated++
				if same {
					c.textRight++
					text.textRight++
				} else if show {
					t.Logf("MISSED %s %s %s: %q, want %q", r.ID, r.Channel, field, rawFields(got)[i], want[i])
				}
			}
			c.stated++
			text.stated++
			if same {
				c.right++
				text.right++
			} else if show && !stated(want[i], r.Body) {
				t.Logf("unstated %s %s %s: %q, want %q", r.ID, r.Channel, field, rawFields(got)[i], want[i])
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	for _, ch := range []string{"email", "form", "letter", "phone", "app"} {
		for _, field := range fieldNames {
			if c := sums[ch+" "+field]; c != nil {
				t.Logf("%-7s %-8s exact %3d/%3d (channel gave %3d)  read out of the text %3d/%3d  invented %d of %d empty", ch, field, c.right, c.stated, c.given, c.textRight, c.textStated, c.invented, c.empty)
			}
		}
	}
	all, read := float64(text.right)/float64(text.stated), float64(text.textRight)/float64(text.textStated)
	t.Logf("all: exact %.3f (%d/%d), read out of the text %.3f (%d/%d), invented %d", all, text.right, text.stated, read, text.textRight, text.textStated, text.invented)
	if all < 0.9 || read < 0.9 {
		t.Errorf("sender fields: exact %.3f, read out of the text %.3f, want 0.9", all, read)
	}
}
