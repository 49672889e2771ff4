package match

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var allPhrases = map[string]phrases{"follows": follows(), "fresh": fresh(), "strays": strays(), "called": called()}

// plain is the expression of phrases as one would write it without them.
func plain(p phrases) *regexp.Regexp {
	return regexp.MustCompile(`\b` + strings.TrimPrefix(p.re.String(), `\A`))
}

// Asking only at likely words finds what asking everywhere finds: in every text of the
// streams, and in each word of the expressions followed by another.
func TestPhrasesAgreeWithExpressions(t *testing.T) {
	var texts []string
	files, _ := filepath.Glob("testdata/stream-*.jsonl")
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var l struct{ Subject, Body string }
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, foldWords(l.Subject+"\n"+l.Body))
		}
	}
	if len(texts) < 100 {
		t.Fatalf("%d texts", len(texts))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, p := range allPhrases {
		words := regexp.MustCompile(`[a-z]+`).FindAllString(p.re.String(), -1)
		for range 20_000 {
			var b strings.Builder
			for range 1 + r.IntN(6) {
				b.WriteString(words[r.IntN(len(words))] + " ")
			}
			texts = append(texts, strings.TrimSpace(b.String()))
		}
		found, re := 0, plain(p)
		for _, text := range texts {
			want := re.MatchString(text)
			if got := p.match(text); got != want {
				t.Errorf("%s: %v, want %v: %q", name, got, want, text)
			}
			if want {
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s matches nothing", name)
		}
	}
}

func TestPhrasesMustBeginWithWords(t *testing.T) {
	for _, expr := range []string{`\w+ rien`, `(?:a )?\w*b`, `x*`, ``, `[a-z]`} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is taken", expr)
				}
			}()
			mustPhrases(expr)
		}()
	}
}

func BenchmarkPhrases(b *testing.B) {
	text := strings.Repeat("le lampadaire de la rue devant notre ecole est en panne depuis une semaine merci de le reparer ", 40)
	b.Run("words", func(b *testing.B) {
		for b.Loop() {
			for _, p := range allPhrases {
				p.match(text)
			}
		}
	})
	b.Run("everywhere", func(b *testing.B) {
		var all []*regexp.Regexp
		for _, p := range allPhrases {
			all = append(all, plain(p))
		}
		for b.Loop() {
			for _, re := range all {
				re.MatchString(text)
			}
		}
	})
}
