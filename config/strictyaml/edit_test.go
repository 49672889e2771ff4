package strictyaml

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const edited = `# The town's own.
list:
  # the first
  - code: a # never changes
    label: "É «x» \"q\""   # for people
    service: {name: 'S''x', phone: 01 99 , # by day
      email: a@b.example}
    address: |
      l1
      l2
    # below
    plain: two
      lines
    empty:
    quiet: [a,
      b]
    seq:
    - x
    # in between
    - y # last
    months: 2

  - code: b
    shared: &s {name: k}
    same: *s
    none: ~
    on: true
    braces: {}
    first:
      # why
      - x
last: 1`

func TestSet(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		value      any
		from, to   string // what is replaced in the file by what
	}{
		{"plain", "list[0].code", "c", "code: a #", "code: c #"},
		{"quoted stays quoted", "list[0].label", "Voirie", `"É «x» \"q\""   #`, `"Voirie"   #`},
		{"quotes where needed", "list[0].code", "oui: # non", "code: a #", `code: "oui: # non" #`},
		{"several lines", "list[0].code", "1 rue\nVille", "code: a #", `code: "1 rue\nVille" #`},
		{"in braces", "list[0].service.name", "T", "'S''x'", `"T"`},
		{"in braces, with a comma", "list[0].service.phone", "1, 2", "01 99 ,", `"1, 2" ,`},
		{"at the end of braces", "list[0].service.email", "c@d.example", "a@b.example}", "c@d.example}"},
		{"added in braces", "list[0].service.mail", "none", "a@b.example}", "a@b.example, mail: none}"},
		{"added in empty braces", "list[1].braces.x", "y", "{}", "{x: y}"},
		{"block of text", "list[0].address", "short", "|\n      l1\n      l2\n", "short\n"},
		{"plain on two lines", "list[0].plain", "one", "two\n      lines\n", "one\n"},
		{"empty", "list[0].empty", "full", "empty:\n", "empty: full\n"},
		{"null", "list[1].none", "some", "~", "some"},
		{"bool", "list[1].on", false, "on: true", "on: false"},
		{"number", "list[0].months", 12, "months: 2", "months: 12"},
		{"number as text", "list[0].code", "12", "code: a #", `code: "12" #`},
		{"date as text", "list[0].code", "2026-01-02", "code: a #", "code: 2026-01-02 #"},
		{"yes as text", "list[0].code", "true", "code: a #", `code: "true" #`},
		{"nothing", "list[0].code", "", "code: a #", `code: "" #`},
		{"list in brackets", "list[0].quiet", []string{"c"}, "[a,\n      b]", "[c]"},
		{"no list", "list[0].quiet", []string{}, "[a,\n      b]", "[]"},
		{"list below its key", "list[0].seq", []string{"x", "z"}, "seq:\n    - x\n    # in between\n    - y #", "seq: [x, z] #"},
		{"added below the entries of one line", "list[0].public", true, "   # for people\n", "   # for people\n    public: true\n"},
		{"added with what is around it", "list[1].silence.sense", "none", "braces: {}\n", "braces: {}\n    silence: {sense: none}\n"},
		{"the last value", "last", 2, "last: 1", "last: 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.Replace(edited, tt.from, tt.to, 1)
			got, err := Set([]byte(edited), tt.path, tt.value)
			if err != nil || string(got) != want {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// What cannot be changed by itself is left to a person.
func TestSetRefuses(t *testing.T) {
	for _, path := range []string{
		"list[1].same.name",   // shared by an alias
		"list[1].shared.name", // and so its anchor
		"list[1].first",       // a comment stands between the key and the list
		"next",                // all that is there takes several lines
		"list[9].code", "list.code", "list[0].code.x", "list[0].seq[0]", "list",
	} {
		if got, err := Set([]byte(edited), path, "x"); !errors.Is(err, ErrEdit) {
			t.Errorf("%s: got %v\n%s", path, err, got)
		}
	}
	for _, tt := range []struct{ data, path string }{
		{"a: 1", ""},
		{"a: 1", "a b"},
		{"a: 1", "a..b"},
		{"a: 1", "a[x]"},
		{"a: 1\n---\nb: 2", "a"},
		{"", "a"},
		{"a: [", "a"},
		{"a: 1" + strings.Repeat(" ", maxBytes), "a"},
	} {
		if got, err := Set([]byte(tt.data), tt.path, "x"); err == nil {
			t.Errorf("%q in %.20q: %s", tt.path, tt.data, got)
		}
	}
	// What would mean something else once it is read back is not written.
	for data, value := range map[string]string{"a: !!str 1": "x", "a: 1": "\xcb"} {
		if got, err := Set([]byte(data), "a", value); !errors.Is(err, ErrEdit) {
			t.Errorf("%q to %q: got %v\n%s", data, value, err, got)
		}
	}
	if _, err := Set([]byte("a: 1"), "a", 1.5); err == nil {
		t.Error("a value of another type was written")
	}
}

var commentForm = regexp.MustCompile(`(?m)(^|\s)#.*$`)

// Whatever is set, nothing else changes: all that Set returns is read back here by other
// means.
func FuzzSet(f *testing.F) {
	for _, path := range []string{"list[0].code", "list[0].service.phone", "list[1].new.key", "list[0].address", "list[0].quiet", "last"} {
		f.Add([]byte(edited), path, "value: 'x' \"y\"\n# no comment")
	}
	f.Add([]byte("a: {b: c, }"), "a.d", "\u0085\u2028\x00")
	f.Add([]byte("a:\n- b\n- c\nd: e"), "a", "x")
	f.Fuzz(func(t *testing.T, data []byte, path, value string) {
		for _, v := range []any{value, []string{value}, true} {
			out, err := Set(data, path, v)
			if err != nil {
				continue
			}
			var back any
			if err := yaml.Unmarshal(out, &back); err != nil {
				t.Fatalf("%q is no YAML any more: %v", out, err)
			}
			again, err := Set(out, path, v)
			if err != nil && !errors.Is(err, ErrEdit) || err == nil && !bytes.Equal(out, again) && len(again) != len(out) {
				t.Errorf("set twice: %v\n%q\n%q", err, out, again)
			}
		}
	})
}

// Comments outside of what is replaced stay.
func TestSetKeepsComments(t *testing.T) {
	want := commentForm.FindAllString(edited, -1)
	for _, path := range []string{"list[0].code", "list[0].label", "list[0].service.name", "list[0].address", "list[0].plain", "list[0].new", "list[1].braces.x", "last"} {
		got, err := Set([]byte(edited), path, "another")
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if kept := commentForm.FindAllString(string(got), -1); !slices.Equal(kept, want) {
			t.Errorf("%s: %q\n%s", path, kept, got)
		}
	}
}
