package classify

import (
	"fmt"

	"saisine.fr/saisine/config/strictyaml"
)

// Parse reads the content of a categories file; name is what problems call it. When
// something is wrong with the content the error is a *strictyaml.Errors with every problem
// and its place. A file without urgent has the words of danger of the built-in one: a danger
// that nobody thought of listing is one still.
func Parse(name string, data []byte) (File, error) {
	f, err := parseFile(name, data)
	if err != nil || f.Urgent != nil {
		return f, err
	}
	base, err := parseFile(BuiltinName, builtin)
	if err != nil {
		return f, err
	}
	f.Urgent = base.Urgent
	return f, nil
}

// Lack is something that the law wants an acknowledgement to say of a service (CRPA
// R112-11-1), and that neither the category nor the town has.
type Lack struct {
	// Category is the code, Key what is missing: phone, or email for an address of either
	// kind.
	Category, Key string
	Problem       strictyaml.Problem
}

// Lacks returns what the categories of a file lack for their acknowledgements, in the order
// of the file. town is what letters name where a service has nothing of its own. What is no
// categories file lacks nothing here: Parse says what is wrong with it.
func Lacks(name string, data []byte, town Service) []Lack {
	var errs strictyaml.Errors
	var f File
	f.SetDefaults()
	pos := strictyaml.Decode(name, data, &f, &errs)
	var out []Lack
	for i, c := range f.Categories {
		lacks := func(key, message string) {
			out = append(out, Lack{c.Code, key, pos.Problemf(fmt.Sprintf("categories[%d].service.%s", i, key), "%s", message)})
		}
		if c.Service.Phone == "" && town.Phone == "" {
			lacks("phone", "is required: an acknowledgement must name it (CRPA R112-11-1); or set town.phone for all services")
		}
		if c.Service.Email+c.Service.Address+town.Email+town.Address == "" {
			lacks("email", "or address is required: an acknowledgement must name one of them (CRPA R112-11-1); or set town.email or town.address for all services")
		}
	}
	return out
}
