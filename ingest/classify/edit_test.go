package classify

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ours is a file as a town writes it by hand.
const ours = `# Nos catégories, revues en mars.
weights: {choice: 9} # le choix compte plus

categories:
  # Les rues
  - code: voirie # ne change jamais
    label: Voirie
    service:
      name: Services techniques   # bâtiment B
      phone: '01 99 00 00 01' # le standard
      # plus de courriel
      mail: hourly
    silence: {sense: rejection, months: 2}
    phrases: # des mots
      - {weight: 3, any: [nid de poule]}

  - code: eclairage
    label: "Éclairage"
    service: {name: Services techniques, phone: "01 99 00 00 02"}
    quiet: [assigned] # dit au téléphone
    phrases:
      - {weight: 3, any: [lampadaire]}

  - code: aide
    label: Aide sociale
    service: {name: CCAS, sealed: true}
    phrases:
      - {weight: 3, any: [rsa]}
`

// The form changes values and nothing else: comments, order and blank lines stay.
func TestEditCategoryGolden(t *testing.T) {
	f, err := Parse("f", []byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	get := func(code string) Category {
		c, ok := f.Category(code)
		if !ok {
			t.Fatal(code)
		}
		return c
	}
	for _, tt := range []struct {
		name       string
		code       string
		everywhere bool
		edit       func(*Category)
	}{
		{"nothing", "voirie", true, func(*Category) {}},
		{"all", "voirie", false, func(c *Category) {
			c.Label, c.Public = "Voirie : rues & places", true
			c.Service = Service{Name: "Pôle technique", Email: "technique@ville.example", Phone: "", Address: "1 place de la Mairie\n99100 Ville", Mail: MailEach}
			c.Silence = Silence{Sense: SenseNone, Months: 0, Note: "sauf #1"}
			c.Quiet = []ingest.Status{ingest.StatusAssigned, ingest.StatusClosed}
		}},
		{"everywhere", "voirie", true, func(c *Category) {
			c.Service.Name, c.Service.Phone, c.Service.Sealed = "Pôle technique", "01 99 00 00 03", true
		}},
		{"sealed as a whole", "eclairage", false, func(c *Category) { c.Service.Sealed = true }},
		{"into a sealed service", "eclairage", false, func(c *Category) {
			c.Service.Name, c.Service.Sealed, c.Quiet = "CCAS", true, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := get(tt.code)
			tt.edit(&c)
			got, err := EditCategory([]byte(ours), c, tt.everywhere)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "edit", strings.ReplaceAll(tt.name, " ", "_")+".yaml")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s", got)
			}
			if _, err := Parse("f", got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEditCategoryRefuses(t *testing.T) {
	if _, err := EditCategory([]byte(ours), Category{Code: "none"}, false); !errors.Is(err, ErrNoCategory) {
		t.Errorf("another code: %v", err)
	}
	var problems *strictyaml.Errors
	if _, err := EditCategory([]byte("categories: [{code: a, lable: b}]"), Category{Code: "a"}, false); !errors.As(err, &problems) {
		t.Errorf("a broken text: %v", err)
	}
	shared := "categories:\n  - code: a\n    label: A\n    service: &s {name: S}\n  - code: b\n    label: B\n    service: *s\n"
	c := Category{Code: "b", Label: "B", Service: Service{Name: "T", Mail: MailEach}, Silence: Silence{Sense: SenseRejection, Months: 2}}
	if _, err := EditCategory([]byte(shared), c, false); !errors.Is(err, strictyaml.ErrEdit) {
		t.Errorf("an alias: %v", err)
	}
}

func TestAddCategory(t *testing.T) {
	c := Category{
		Code: "velos", Label: "Vélos : garage", Service: Service{Name: "Mobilités", Phone: "01 99 00 00 04", Mail: MailNone},
		Silence: Silence{Sense: SenseAcceptance, Months: 3}, Public: true,
	}
	for _, text := range []string{ours, Builtin(), strings.TrimSuffix(ours, "\n")} {
		got, err := AddCategory([]byte(text), c)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got), text) {
			t.Error("what was there has changed")
		}
		f, err := Parse("f", got)
		if err != nil {
			t.Fatal(err)
		}
		added := f.Categories[len(f.Categories)-1]
		if added.Code != c.Code || added.Label != c.Label || added.Service != c.Service || added.Silence != c.Silence || !added.Public {
			t.Errorf("added %+v", added)
		}
	}
	for _, code := range []string{"voirie", "Vélos", ""} {
		c.Code = code
		if got, err := AddCategory([]byte(ours), c); err == nil {
			t.Errorf("%q: %s", code, got)
		}
	}
	c.Code = "velos"
	for _, text := range []string{"categories: [{code: a, label: A, service: {name: S}}]\n", ours + "threshold: 0.7\n"} {
		if _, err := AddCategory([]byte(text), c); !errors.Is(err, strictyaml.ErrEdit) {
			t.Errorf("got %v", err)
		}
	}
}

// Every category of the built-in file can be edited in the form.
func TestEditBuiltin(t *testing.T) {
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Categories {
		c.Label += "!"
		c.Service.Phone, c.Service.Mail, c.Quiet, c.Public, c.Silence.Months = "01 99 00 00 00", MailNone, []ingest.Status{ingest.StatusClosed}, !c.Public, 3
		got, err := EditCategory([]byte(Builtin()), c, true)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse("f", got)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := back.Category(c.Code); b.Label != c.Label || b.Service != c.Service || b.Public != c.Public || len(b.Quiet) != 1 || b.Silence != c.Silence {
			t.Errorf("%+v", b)
		}
		if strings.Count(string(got), "#") != strings.Count(Builtin(), "#") {
			t.Errorf("%s: comments are gone", c.Code)
		}
	}
}
