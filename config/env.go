package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/config/strictyaml"
)

// EnvPrefix begins every environment variable that overrides the file.
//
// The rest of a variable's name is the key's path in capitals with _ between its
// parts, and the number of the entry, from 0, for lists: SAISINE_DATA_DIR,
// SAISINE_OCR_PAGE_TIMEOUT, SAISINE_CHANNELS_MAILBOX_0_HOST. The number may be one
// more than the last entry of the file and then makes a new one. Lists of words are
// separated by commas: SAISINE_OCR_LANGUAGES=fra,eng.
const EnvPrefix = "SAISINE_"

// otherVariables are read by other parts of the program, or by its tests, and are no
// configuration.
var otherVariables = map[string]bool{
	"SAISINE_CRASH_AT":   true, // ingest/crashpoint
	"SAISINE_EVALUATION": true, // where make eval finds labelled texts
}

// testPrefix begins the variables with which tests find their servers.
const testPrefix = "SAISINE_TEST_"

// override is a variable and the key that it sets.
type override struct {
	name, text string
	steps      []step
	typ        reflect.Type
}

// step is one part of a path: a field of a struct, or an entry of a list.
type step struct {
	field strictyaml.Field
	index int // entry number, or -1 for a field
}

// applyEnv sets what the variables say, after the file.
func applyEnv(cfg *Config, env []string, pos strictyaml.Positions, errs *Errors) {
	var overrides []override
	for _, pair := range env {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || !strings.HasPrefix(name, EnvPrefix) || otherVariables[name] || strings.HasPrefix(name, testPrefix) {
			continue
		}
		steps, typ := matchKey(strings.TrimPrefix(name, EnvPrefix), reflect.TypeFor[Config]())
		if steps == nil {
			errs.Add(Problem{File: name, Message: "no key of the configuration has this name" + nearestVariable(name)})
			continue
		}
		overrides = append(overrides, override{name: name, text: text, steps: steps, typ: typ})
	}
	// Entry 1 can only be made after entry 0.
	slices.SortStableFunc(overrides, func(a, b override) int {
		return slices.CompareFunc(a.steps, b.steps, func(x, y step) int {
			if x.index != y.index {
				return x.index - y.index
			}
			return x.field.Index - y.field.Index
		})
	})
	for _, o := range overrides {
		o.apply(cfg, pos, errs)
	}
}

// matchKey finds the key that name spells from type t on. Keys hold underscores
// themselves (tls and tls_ca), so every key that fits is tried.
func matchKey(name string, t reflect.Type) ([]step, reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice && !strictyaml.IsScalar(t.Elem()) {
		number, rest, _ := strings.Cut(name, "_")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || strconv.Itoa(i) != number {
			return nil, nil
		}
		if steps, typ := matchKey(rest, t.Elem()); steps != nil {
			return append([]step{{index: i}}, steps...), typ
		}
		return nil, nil
	}
	if t.Kind() != reflect.Struct {
		return nil, nil
	}
	for _, f := range strictyaml.Fields(t) {
		rest, ok := strings.CutPrefix(name, strings.ToUpper(f.Name))
		if !ok {
			continue
		}
		if rest == "" && settable(f.Type) {
			return []step{{field: f, index: -1}}, f.Type
		}
		if rest, ok = strings.CutPrefix(rest, "_"); !ok {
			continue
		}
		if steps, typ := matchKey(rest, f.Type); steps != nil {
			return append([]step{{field: f, index: -1}}, steps...), typ
		}
	}
	return nil, nil
}

// settable reports whether one variable can hold a value of type t.
func settable(t reflect.Type) bool {
	return strictyaml.IsScalar(t) || (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && strictyaml.IsScalar(t.Elem())
}

func (o override) apply(cfg *Config, pos strictyaml.Positions, errs *Errors) {
	v, path := reflect.ValueOf(cfg).Elem(), ""
	for _, s := range o.steps {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(withDefaults(v.Type().Elem()))
			}
			v = v.Elem()
		}
		if s.index < 0 {
			v, path = v.Field(s.field.Index), strictyaml.Join(path, s.field.Name)
			continue
		}
		if s.index > v.Len() {
			errs.Add(Problem{File: o.name, Path: path, Message: fmt.Sprintf("there is no entry %d before it", s.index-1)})
			return
		}
		path = fmt.Sprintf("%s[%d]", path, s.index)
		if s.index == v.Len() {
			v.Set(reflect.Append(v, withDefaults(v.Type().Elem()).Elem()))
			pos[path] = strictyaml.Position{File: o.name}
		}
		v = v.Index(s.index)
	}
	pos[path] = strictyaml.Position{File: o.name}
	if err := setText(v, o.text); err != nil {
		errs.Add(Problem{File: o.name, Path: path, Message: err.Error()})
	}
}

// withDefaults makes a pointer to a new t that starts from its defaults.
func withDefaults(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if d, ok := p.Interface().(strictyaml.Defaulter); ok {
		d.SetDefaults()
	}
	return p
}

func setText(v reflect.Value, text string) error {
	if strictyaml.IsScalar(v.Type()) {
		return strictyaml.SetScalar(v, text)
	}
	if v.Kind() == reflect.Map {
		return setPairs(v, text)
	}
	list := reflect.MakeSlice(v.Type(), 0, 4)
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := strictyaml.SetScalar(elem, word); err != nil {
			return err
		}
		list = reflect.Append(list, elem)
	}
	v.Set(list)
	return nil
}

// setPairs reads a=b,c=d.
func setPairs(v reflect.Value, text string) error {
	pairs := reflect.MakeMap(v.Type())
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if key = strings.TrimSpace(key); key == "" || !ok {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			return fmt.Errorf("%q is no pair such as resolved=answered", pair)
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := strictyaml.SetScalar(elem, strings.TrimSpace(value)); err != nil {
			return err
		}
		pairs.SetMapIndex(reflect.ValueOf(key), elem)
	}
	v.Set(pairs)
	return nil
}

func nearestVariable(name string) string {
	// The numbers of entries are taken from the name itself.
	var numbers []string
	for part := range strings.SplitSeq(name, "_") {
		if _, err := strconv.Atoi(part); err == nil {
			numbers = append(numbers, part)
		}
	}
	var names []string
	for _, n := range variables() {
		for _, number := range numbers {
			n = strings.Replace(n, "_N_", "_"+number+"_", 1)
		}
		names = append(names, n)
	}
	if best := strictyaml.Nearest(name, names); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// variables lists every variable, with N for the number of an entry.
func variables() []string {
	var out []string
	var walk func(t reflect.Type, name string)
	walk = func(t reflect.Type, name string) {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case settable(t):
			out = append(out, name)
		case t.Kind() == reflect.Slice:
			walk(t.Elem(), name+"_N")
		case t.Kind() == reflect.Struct:
			for _, f := range strictyaml.Fields(t) {
				walk(f.Type, name+"_"+strings.ToUpper(f.Name))
			}
		}
	}
	walk(reflect.TypeFor[Config](), strings.TrimSuffix(EnvPrefix, "_"))
	return out
}
