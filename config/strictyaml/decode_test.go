package strictyaml

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

type inner struct {
	Name string        `yaml:"name"`
	Wait time.Duration `yaml:"wait"`
}

func (i *inner) SetDefaults() { i.Wait = time.Minute }

type outer struct {
	List  []inner           `yaml:"list"`
	One   *inner            `yaml:"one"`
	Table map[string]inner  `yaml:"table"`
	Words []string          `yaml:"words"`
	Share float64           `yaml:"share"`
	When  time.Time         `yaml:"when"`
	Long  string            `yaml:"long"`
	Free  map[string]string `yaml:"free"`
	Other chan int          `yaml:"other"`
	Own   int
}

func decode(data string) (outer, Positions, error) {
	var o outer
	var errs Errors
	pos := Decode("f", []byte(data), &o, &errs)
	return o, pos, errs.Err()
}

func TestDecode(t *testing.T) {
	const data = `
list: [{name: a}, {name: b, wait: 1s}, ]
one: {name: c}
table:
  x: {name: d}
words: [a, 1, 2.5, true]
share: 1e-1
when: 2027-06-30T12:00:00+02:00
long: |
  two
  lines
free: {007: x, "é": y}
`
	o, pos, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := outer{
		List:  []inner{{"a", time.Minute}, {"b", time.Second}},
		One:   &inner{"c", time.Minute},
		Table: map[string]inner{"x": {"d", time.Minute}},
		Words: []string{"a", "1", "2.5", "true"},
		Share: 0.1,
		When:  o.When,
		Long:  "two\nlines\n",
		Free:  map[string]string{"007": "x", "é": "y"},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if !o.When.Equal(time.Date(2027, 6, 30, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("when: got %v", o.When)
	}
	for path, want := range map[string]Position{
		"list[1].wait":   {"f", 2, 35},
		"list[0].wait":   {"f", 2, 8}, // left out: the entry
		"list[7].name":   {"f", 2, 7}, // no such entry: the list
		"table.x.name":   {"f", 5, 13},
		"nowhere.at.all": {"f", 0, 0},
	} {
		if got := pos.Find(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if pos.Has("list[0].wait") || !pos.Has("list[1].wait") {
		t.Error("Has does not tell what was written from what was not")
	}
}

func TestMergeKeys(t *testing.T) {
	o, _, err := decode(`
free: &base {a: 1, b: 2}
table:
  x: &x {name: first, wait: 5s}
  y: {<<: *x, name: second}
  z: {<<: [*x, {name: never}]}
  nested: {<<: {<<: *x}}
`)
	if err != nil {
		t.Fatal(err)
	}
	five := 5 * time.Second
	want := map[string]inner{"x": {"first", five}, "y": {"second", five}, "z": {"first", five}, "nested": {"first", five}}
	if !reflect.DeepEqual(o.Table, want) {
		t.Errorf("got %v, want %v", o.Table, want)
	}
	_, _, err = decode("one: {<<: text}\n")
	if err == nil || err.Error() != "f:1:11: one: << needs an alias of keys and values, found a single value" {
		t.Errorf("got %v", err)
	}
}

func TestCirclesEnd(t *testing.T) {
	for _, data := range []string{"one: &a *a\n", "one: &a {<<: *a}\n", "list: &l [*l]\n", "words: &w [*w, *w, *w]\n", "table: &t {x: {<<: *t}}\n"} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _, _ = decode(data)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%q never ends", data)
		}
	}
}

func TestLimits(t *testing.T) {
	_, _, err := decode("long: " + strings.Repeat("x", maxBytes))
	if err == nil || err.Error() != "f: the file is larger than 1 MiB" {
		t.Errorf("got %v", err)
	}
	_, _, err = decode("other: 1\n")
	if err == nil || !strings.Contains(err.Error(), "f:1:8: other: cannot be set from a file") {
		t.Errorf("got %v", err)
	}
	_, _, err = decode("own: 1\n")
	if err == nil || !strings.Contains(err.Error(), "f:1:1: own: unknown key") {
		t.Errorf("a field without a tag was set: %v", err)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"data_dir", "listen", "public_url", "poll", "tls", "tls_ca"}
	for name, want := range map[string]string{
		"data-dir": "data_dir", "DATA_DIR": "data_dir", "datadir": "data_dir", "lisetn": "listen", "public_uri": "public_url", "pol": "poll",
		"tsl": "tls", "xyz": "", "": "", "completely_other": "", strings.Repeat("listen", 100): "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestErrorsIsNilWhenEmpty(t *testing.T) {
	var errs Errors
	if err := errs.Err(); err != nil {
		t.Errorf("got %v", err)
	}
	if err := (*Errors)(nil).Err(); err != nil {
		t.Errorf("got %v", err)
	}
}
