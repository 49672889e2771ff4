package desk

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Where the texts of the page of a request stand: in its templates, and in its sources.
var (
	templateKeys = regexp.MustCompile(`\bt ("(?:[^"\\]|\\.)*")`)
	sourceKeys   = []*regexp.Regexp{
		regexp.MustCompile(`(?:\.T\(|complain\([^"]*"[a-z]*", |needed\("[a-z]*", \w+, )("(?:[^"\\]|\\.)*")`),
		regexp.MustCompile(`(?:ingest\.\w+|"(?:mail|request|submission|failure)\.\w+"): +("(?:[^"\\]|\\.)*")`),
		regexp.MustCompile(`(?m)^\t\t\{("[^"]*"), (?:b\.|func)`),
	}
	twoWords = regexp.MustCompile(`[^\x{a0}«][:;!?»](?: |"|$)`)
)

// All that the page says has its English, and is written as French is printed.
func TestRequestWords(t *testing.T) {
	var keys []string
	find := func(pattern string, expressions ...*regexp.Regexp) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range expressions {
				for _, m := range x.FindAllStringSubmatch(string(source), -1) {
					key, err := strconv.Unquote(m[1])
					if err != nil {
						t.Fatalf("%s: %s: %v", f, m[1], err)
					}
					if !strings.HasSuffix(f, "_test.go") {
						keys = append(keys, key)
					}
				}
			}
		}
	}
	for _, f := range []string{"templates/demande.html", "templates/comparer.html", "templates/_demande*.html"} {
		find(f, templateKeys)
	}
	for _, f := range []string{"request*.go", "acts*.go", "compare*.go", "presence*.go", "history.go"} {
		find(f, sourceKeys...)
	}
	if len(keys) < 150 {
		t.Fatalf("only %d texts found", len(keys))
	}
	known := map[string]bool{}
	for _, list := range words {
		for key := range list {
			known[key] = true
		}
	}
	for _, key := range keys {
		if !known[key] {
			t.Errorf("no English for %q", key)
		}
		if strings.Contains(key, "'") || twoWords.MatchString(key) {
			t.Errorf("%q: apostrophe ’, and no-break spaces", key)
		}
	}
}
