package classify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
)

// ErrNoCategory says that there is no category of a code in a file.
var ErrNoCategory = errors.New("classify: there is no such category")

// change is a value of a file and the place where it is to be.
type change struct {
	path  string
	value any
}

// EditCategory writes what is commonest to change of a category into the text of a categories
// file, and leaves the rest of the text as it is, comments too: Label, Service, Silence,
// Quiet and Public of c, whose Code says which category. With everywhere the other categories
// of the service get what has changed of it; whether it is sealed they get in any case, since
// a service is sealed as a whole.
//
// The text must be one that Parse accepts; what comes out need not be. The error wraps
// ErrNoCategory, or strictyaml.ErrEdit where a value has to be changed by hand.
func EditCategory(data []byte, c Category, everywhere bool) ([]byte, error) {
	f, err := Parse(ingest.CategoriesName, data)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(f.Categories, func(o Category) bool { return o.Code == c.Code })
	if at < 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoCategory, c.Code)
	}
	was := f.Categories[at]
	for _, ch := range changesOf(at, was, c) {
		if data, err = strictyaml.Set(data, ch.path, ch.value); err != nil {
			return nil, fmt.Errorf("classify: category %s: %w", c.Code, err)
		}
	}
	for i, o := range f.Categories {
		if i == at {
			continue
		}
		service := o.Service
		if everywhere && service.Name == was.Service.Name {
			service = carried(was.Service, c.Service, service)
		}
		if service.Name == c.Service.Name {
			service.Sealed = c.Service.Sealed
		}
		for _, ch := range serviceChanges(i, o.Service, service) {
			if data, err = strictyaml.Set(data, ch.path, ch.value); err != nil {
				return nil, fmt.Errorf("classify: category %s: %w", o.Code, err)
			}
		}
	}
	return data, nil
}

// carried is a service with what has changed of another copy of it.
func carried(was, is, service Service) Service {
	carry := func(was, is string, to *string) {
		if was != is {
			*to = is
		}
	}
	carry(was.Name, is.Name, &service.Name)
	carry(was.Email, is.Email, &service.Email)
	carry(was.Phone, is.Phone, &service.Phone)
	carry(was.Address, is.Address, &service.Address)
	carry(was.Mail, is.Mail, &service.Mail)
	return service
}

func changesOf(i int, was, is Category) []change {
	at := fmt.Sprintf("categories[%d].", i)
	var out []change
	if was.Label != is.Label {
		out = append(out, change{at + "label", is.Label})
	}
	out = append(out, serviceChanges(i, was.Service, is.Service)...)
	if was.Silence.Sense != is.Silence.Sense {
		out = append(out, change{at + "silence.sense", is.Silence.Sense})
	}
	if was.Silence.Months != is.Silence.Months {
		out = append(out, change{at + "silence.months", is.Silence.Months})
	}
	if was.Silence.Note != is.Silence.Note {
		out = append(out, change{at + "silence.note", is.Silence.Note})
	}
	if !slices.Equal(was.Quiet, is.Quiet) {
		quiet := make([]string, len(is.Quiet))
		for i, q := range is.Quiet {
			quiet[i] = string(q)
		}
		out = append(out, change{at + "quiet", quiet})
	}
	if was.Public != is.Public {
		out = append(out, change{at + "public", is.Public})
	}
	return out
}

func serviceChanges(i int, was, is Service) []change {
	at := fmt.Sprintf("categories[%d].service.", i)
	var out []change
	for _, v := range []struct{ key, was, is string }{
		{"name", was.Name, is.Name}, {"email", was.Email, is.Email}, {"phone", was.Phone, is.Phone}, {"address", was.Address, is.Address}, {"mail", was.Mail, is.Mail},
	} {
		if v.was != v.is {
			out = append(out, change{at + v.key, v.is})
		}
	}
	if was.Sealed != is.Sealed {
		out = append(out, change{at + "sealed", is.Sealed})
	}
	return out
}

// AddCategory adds a category at the end of the text of a categories file: what the form of
// EditCategory sets. Its words are left to be written in the text.
func AddCategory(data []byte, c Category) ([]byte, error) {
	f, err := Parse(ingest.CategoriesName, data)
	if err != nil {
		return nil, err
	}
	if _, taken := f.Category(c.Code); taken || !codeForm().MatchString(c.Code) {
		return nil, fmt.Errorf("classify: %q cannot be a new code", c.Code)
	}
	indent, err := listIndent(data)
	if err != nil {
		return nil, err
	}
	text := string(data)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	// The required keys, for the form to fill in.
	text += fmt.Sprintf("\n%[1]s- code: %[2]s\n%[1]s  label: \"-\"\n%[1]s  service: {name: \"-\"}\n%[1]s  silence: {sense: %[3]s, months: 2}\n", indent, c.Code, SenseRejection)
	added, err := Parse(ingest.CategoriesName, []byte(text))
	if err != nil || len(added.Categories) != len(f.Categories)+1 {
		return nil, fmt.Errorf("classify: category %s: %w", c.Code, strictyaml.ErrEdit) // something stands below the list
	}
	return EditCategory([]byte(text), c, false)
}

// listIndent is the space before the entries of the list of categories.
func listIndent(data []byte) (string, error) {
	_, list, found := strings.Cut("\n"+string(data), "\ncategories:")
	for line := range strings.Lines(list) {
		body := strings.TrimLeft(line, " ")
		if found && strings.HasPrefix(body, "- ") {
			return line[:len(line)-len(body)], nil
		}
	}
	return "", fmt.Errorf("classify: the list of categories: %w", strictyaml.ErrEdit)
}
