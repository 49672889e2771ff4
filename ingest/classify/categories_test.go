package classify

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/config/strictyaml"
)

func TestFileProblems(t *testing.T) {
	entry := func(more string) string {
		return "categories:\n  - code: a\n    label: A\n    service: {name: S}\n" + more
	}
	for _, tc := range []struct{ name, data, want string }{
		{"empty", "", "f: categories: at least one category is required"},
		{"unknown key", entry("    silense: {}\n"), "f:5:5: categories[0].silense: unknown key; did you mean silence?"},
		{"no label", "categories:\n  - code: a\n    service: {name: S}\n", "f:2:5: categories[0].label: is required"},
		{"no service", "categories:\n  - code: a\n    label: A\n", "f:2:5: categories[0].service.name: is required"},
		{"no code", "categories:\n  - label: A\n    service: {name: S}\n", "f:2:5: categories[0].code: must be small letters"},
		{"bad code", "categories:\n  - code: État\n    label: A\n    service: {name: S}\n", "f:2:11: categories[0].code: must be small letters"},
		{"code twice", entry("  - {code: a, label: B, service: {name: S}}\n"), "f:5:12: categories[1].code: a is the code of categories[0] already"},
		{"threshold", "threshold: 1.5\n" + entry(""), "f:1:12: threshold: must be between 0 and 1"},
		{"threshold not a number", "threshold: .nan\n" + entry(""), "f:1:12: threshold: expected a number"},
		{"weight of evidence", "weights: {folder: -1}\n" + entry(""), "f:1:19: weights.folder: must be between 0 and 100"},
		{"mail", entry("    service: {name: S, email: nobody}\n"), "f:5:5: categories[0].service: written twice"},
		{"sense", entry("    silence: {sense: yes, months: 2}\n"), "f:5:22: categories[0].silence.sense: must be one of acceptance, rejection, none"},
		{"months", entry("    silence: {months: 0}\n"), "f:5:23: categories[0].silence.months: must be between 1 and 24"},
		{"sender", entry("    senders: [caf.fr, caf]\n"), "f:5:23: categories[0].senders[1]: must be a domain"},
		{"recipient", entry("    recipients: ['']\n"), "f:5:18: categories[0].recipients[0]: must be a name or address"},
		{"weight", entry("    phrases: [{any: [x]}]\n"), "f:5:15: categories[0].phrases[0].weight: must be between -100 and 100, and not 0"},
		{"only small words", entry("    phrases: [{weight: 1, any: [mot, dans la]}]\n"), "f:5:38: categories[0].phrases[0].any[1]: nothing is left"},
		{"urgent", "urgent: {any: [feu, 'fe*']}\n" + entry(""), "f:1:21: urgent.any[1]: at least three letters"},
		{"urgent, except", "urgent: {except: [dans la]}\n" + entry(""), "f:1:19: urgent.except[0]: nothing is left"},
		{"quiet", entry("    quiet: [closed, new]\n"), "f:5:21: categories[0].quiet[1]: must be one of [assigned in_progress waiting_citizen answered closed]"},
		{"quiet of no status", entry("    quiet: [done]\n"), "f:5:13: categories[0].quiet[0]: must be one of"},
		{"half sealed", entry("  - code: b\n    label: B\n    service: {name: S, sealed: true}\n"), "f:7:32: categories[1].service.sealed: must be the same in all categories of S: categories[0] has false"},
		{"sealed in the first only", "categories:\n  - {code: a, label: A, service: {name: S, sealed: true}}\n  - {code: b, label: B, service: {name: S}}\n", "f:3:34: categories[1].service.sealed: must be the same in all categories of S: categories[0] has true"},
		{"mails to the service", "categories:\n  - code: a\n    label: A\n    service: {name: S, mail: daily}\n", "f:4:30: categories[0].service.mail: must be one of each, hourly, none"},
		{"attribute without a code", entry("    attributes: [{label: L, datatype: string}]\n"), "f:5:18: categories[0].attributes[0].code: must be small letters"},
		{"attribute twice", entry("    attributes:\n      - {code: x, label: L, datatype: string}\n      - {code: x, label: L, datatype: text}\n"), "f:7:16: categories[0].attributes[1].code: x is the code of attributes[0] already"},
		{"attribute without a label", entry("    attributes: [{code: x, datatype: string}]\n"), "f:5:18: categories[0].attributes[0].label: is required"},
		{"attribute's datatype", entry("    attributes: [{code: x, label: L, datatype: list}]\n"), "f:5:48: categories[0].attributes[0].datatype: must be one of string, number, datetime, text, singlevaluelist, multivaluelist"},
		{"attribute's key", entry("    attributes: [{code: x, label: L, datatype: string, oblige: true}]\n"), "f:5:56: categories[0].attributes[0].oblige: unknown key"},
		{"list without values", entry("    attributes: [{code: x, label: L, datatype: multivaluelist}]\n"), "f:5:18: categories[0].attributes[0].values: a multivaluelist needs values"},
		{"values without a list", entry("    attributes: [{code: x, label: L, datatype: text, values: [{key: a, name: A}]}]\n"), "f:5:62: categories[0].attributes[0].values: only a singlevaluelist"},
		{"value's key", entry("    attributes: [{code: x, label: L, datatype: singlevaluelist, values: [{key: A b, name: A}]}]\n"), "f:5:80: categories[0].attributes[0].values[0].key: must be small letters"},
		{"value twice", entry("    attributes: [{code: x, label: L, datatype: singlevaluelist, values: [{key: a, name: A}, {key: a, name: B}]}]\n"), "f:5:99: categories[0].attributes[0].values[1].key: a is the key of values[0] already"},
		{"value without a name", entry("    attributes: [{code: x, label: L, datatype: singlevaluelist, values: [{key: a}]}]\n"), "f:5:74: categories[0].attributes[0].values[0].name: is required"},
		{"attributes without end", entry("    attributes:\n" + strings.Repeat("      - {code: x, label: L, datatype: string}\n", 21)), "f:6:7: categories[0].attributes: at most 20"},
		{"short beginning", entry("    phrases: [{weight: 1, any: ['éa*']}]\n"), "f:5:33: categories[0].phrases[0].any[0]: at least three letters"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseFile("f", []byte(tc.data))
			if _, ok := errors.AsType[*strictyaml.Errors](err); !ok || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestDefaultsOfTheFile(t *testing.T) {
	f, err := parseFile("f", []byte("categories: [{code: a, label: A, service: {name: S}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Categories[0]; c.Silence != (Silence{Sense: SenseRejection, Months: 2}) {
		t.Errorf("silence: got %+v, want rejection after two months (L231-4)", c.Silence)
	}
	if c := f.Categories[0]; c.Service != (Service{Name: "S", Mail: MailEach}) || c.Quiet != nil {
		t.Errorf("a service is told of each request, a citizen of each status: got %+v", c)
	}
	if f.Threshold != 0 || f.Weights.Choice == 0 {
		t.Errorf("got %+v", f)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
	// A town starts from a copy of the built-in file.
	if err := os.WriteFile(path, []byte(Builtin()), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil || len(r.File().Categories) != 21 {
		t.Errorf("the copy of the built-in file: %v", err)
	}
}

// What an acknowledgement must name of the service is there, or is missed by its line (CRPA
// R112-11-1).
func TestLacks(t *testing.T) {
	const phone, reach = "service.phone: is required", "service.email: or address is required"
	const whole = "{name: S, email: s@mairie.example, phone: 01 99 00 00 00}"
	for _, tt := range []struct {
		name    string
		service string // of the first category; the second one is whole
		town    Service
		want    []string
	}{
		{"mail and telephone", whole, Service{}, nil},
		{"address and telephone", "{name: S, address: 1 place de la Mairie, phone: 01 99 00 00 00}", Service{}, nil},
		{"nothing", "{name: S}", Service{}, []string{phone, reach}},
		{"no telephone", "{name: S, email: s@mairie.example}", Service{}, []string{phone}},
		{"no telephone, but the town's", "{name: S, email: s@mairie.example}", Service{Phone: "01 99 00 00 00"}, nil},
		{"telephone only", "{name: S, phone: 01 99 00 00 00}", Service{Phone: "01 99 00 00 00"}, []string{reach}},
		{"telephone, and the town's mail", "{name: S, phone: 01 99 00 00 00}", Service{Email: "sve@mairie.example"}, nil},
		{"telephone, and the town's address", "{name: S, phone: 01 99 00 00 00}", Service{Address: "1 place de la Mairie"}, nil},
		{"nothing, but the town's", "{name: S}", Service{Phone: "01 99 00 00 00", Email: "sve@mairie.example"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "categories:\n  - code: a\n    label: A\n    service: " + tt.service + "\n  - code: b\n    label: B\n    service: " + whole + "\n"
			lacks := Lacks("c.yaml", []byte(text), tt.town)
			if len(lacks) != len(tt.want) {
				t.Fatalf("lacks: %+v", lacks)
			}
			for i, want := range tt.want {
				l := lacks[i]
				if line := l.Problem.String(); !strings.HasPrefix(line, "c.yaml:4:") || !strings.Contains(line, "categories[0]."+want) {
					t.Errorf("got %s, want %s in line 4", line, want)
				}
				if l.Category != "a" || !strings.HasPrefix(want, "service."+l.Key+":") {
					t.Errorf("%+v for %s", l, want)
				}
			}
		})
	}
	// The built-in file knows no town: without anything of the town each category lacks both.
	if got := Lacks(BuiltinName, builtin, Service{}); len(got) != 42 || got[0].Problem.File != BuiltinName {
		t.Errorf("the built-in file by itself: %d, %+v", len(got), got)
	}
	if got := Lacks(BuiltinName, builtin, Service{Phone: "01 99 00 00 00", Email: "sve@mairie.example"}); got != nil {
		t.Errorf("the built-in file in a town that can be reached: %+v", got)
	}
	if got := Lacks("x", []byte("{"), Service{}); got != nil {
		t.Errorf("what is no file: %+v", got)
	}
}

// What apps ask of is nothing that a model is fitted to.
func TestAttributesAndTheModel(t *testing.T) {
	const entry = "categories:\n  - code: a\n    label: A\n    service: {name: S}\n    phrases: [{weight: 1, any: [nid de poule]}]\n"
	plain, err := parseFile("f", []byte(entry))
	if err != nil {
		t.Fatal(err)
	}
	asking, err := parseFile("f", []byte(entry+"    description: D\n    attributes: [{code: x, label: L, datatype: string}]\n"))
	if err != nil || len(asking.Categories[0].Attributes) != 1 {
		t.Fatalf("%+v, %v", asking.Categories, err)
	}
	if New(plain).hash() != New(asking).hash() {
		t.Error("the model would have to be made anew")
	}
}

// The services of the built-in file whose requests are nobody else's business.
func TestSealedServices(t *testing.T) {
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	all, sealed := f.Services()
	want := []string{"Centre communal d’action sociale", "Police municipale", "Direction des ressources humaines"}
	if !slices.Equal(sealed, want) || len(all) != 21 {
		t.Errorf("%d services, sealed: %q", len(all), sealed)
	}
	for name, want := range map[string][]string{
		"ccas": {want[0]}, "CCAS": {want[0]}, "Action  Sociale": {want[0]}, "police": {want[1]}, "RH": {want[2]}, "centre communal d'action sociale": {want[0]},
		"technique": {"Service voirie", "Service éclairage public", "Service propreté et déchets", "Service espaces verts", "Service de l’eau et de l’assainissement"},
		"":          nil, "inconnu": nil,
	} {
		if got := f.ServicesOf(name); !slices.Equal(got, want) {
			t.Errorf("folder %q: %q, want %q", name, got, want)
		}
	}
}

// What the built-in file has apps ask keeps nobody from reporting, and is asked for public
// categories only.
func TestBuiltinAttributes(t *testing.T) {
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, c := range f.Categories {
		for _, a := range c.Attributes {
			asked++
			if a.Required || !c.Public {
				t.Errorf("%s: %+v", c.Code, a)
			}
		}
		if c.Public && c.Description == "" {
			t.Errorf("%s is offered to apps without a description", c.Code)
		}
	}
	c, ok := f.Category("eclairage-public")
	if !ok || asked == 0 || len(c.Attributes) != 2 || c.Attributes[0].Code != "numero-lampadaire" || c.Attributes[0].List() || !c.Attributes[1].List() || c.Attributes[1].Values[0] != (AttributeValue{Key: "eteint", Name: "Éteint"}) {
		t.Errorf("%d asked; of street lights %+v", asked, c.Attributes)
	}
}
