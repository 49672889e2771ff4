package classify

import (
	"fmt"
	"slices"
	"strings"
)

// Attribute is one question that an app asks beside the description: an attribute of a service
// definition of GeoReport v2, whose names it has. What else it may say (order, variable) goes by
// its place in the list.
type Attribute struct {
	// Code names the attribute to programs; it never changes.
	Code string `yaml:"code"`
	// Label is the question as people read it.
	Label string `yaml:"label"`
	// Datatype is string, number, datetime, text, singlevaluelist or multivaluelist.
	Datatype string `yaml:"datatype"`
	// Hint helps to answer (datatype_description), or "".
	Hint string `yaml:"datatype_description"`
	// Required is true when nothing can be reported without an answer.
	Required bool `yaml:"required"`
	// Values are the answers of a list, and of nothing else.
	Values []AttributeValue `yaml:"values"`
}

// AttributeValue is one answer of a list.
type AttributeValue struct {
	Key  string `yaml:"key"`
	Name string `yaml:"name"`
}

// The datatypes of attributes (GeoReport v2, GET Service Definition).
const (
	DatatypeString   = "string"
	DatatypeNumber   = "number"
	DatatypeDatetime = "datetime"
	DatatypeText     = "text"
	DatatypeSingle   = "singlevaluelist"
	DatatypeMulti    = "multivaluelist"
)

// List reports whether it is answered by choosing of its values.
func (a Attribute) List() bool { return a.Datatype == DatatypeSingle || a.Datatype == DatatypeMulti }

// maxAttributes is how many questions an app may ask, far more than anybody answers.
const maxAttributes = 20

func (c Category) checkAttributes(path string, add func(path, format string, args ...any)) {
	if len(c.Attributes) > maxAttributes {
		add(path+".attributes", "at most %d", maxAttributes)
		return
	}
	datatypes := []string{DatatypeString, DatatypeNumber, DatatypeDatetime, DatatypeText, DatatypeSingle, DatatypeMulti}
	for i, a := range c.Attributes {
		at := fmt.Sprintf("%s.attributes[%d]", path, i)
		if !codeForm().MatchString(a.Code) {
			add(at+".code", "must be small letters and digits with single dashes between, such as numero-lampadaire")
		}
		if j := slices.IndexFunc(c.Attributes[:i], func(o Attribute) bool { return o.Code == a.Code }); j >= 0 && a.Code != "" {
			add(at+".code", "%s is the code of attributes[%d] already", a.Code, j)
		}
		if strings.TrimSpace(a.Label) == "" {
			add(at+".label", "is required")
		}
		switch {
		case !slices.Contains(datatypes, a.Datatype):
			add(at+".datatype", "must be one of %s", strings.Join(datatypes, ", "))
		case a.List() && len(a.Values) == 0:
			add(at+".values", "a %s needs values to choose from, such as {key: oui, name: Oui}", a.Datatype)
		case !a.List() && len(a.Values) > 0:
			add(at+".values", "only a singlevaluelist or multivaluelist has values")
		}
		for j, v := range a.Values {
			in := fmt.Sprintf("%s.values[%d]", at, j)
			if !codeForm().MatchString(v.Key) {
				add(in+".key", "must be small letters and digits with single dashes between")
			}
			if k := slices.IndexFunc(a.Values[:j], func(o AttributeValue) bool { return o.Key == v.Key }); k >= 0 && v.Key != "" {
				add(in+".key", "%s is the key of values[%d] already", v.Key, k)
			}
			if strings.TrimSpace(v.Name) == "" {
				add(in+".name", "is required")
			}
		}
	}
}
