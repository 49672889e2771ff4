package strictyaml

import (
	"reflect"
	"strings"
)

// Field is a struct field that can be written in a file.
type Field struct {
	// Name is the key, from the yaml tag.
	Name string
	// Index is the field's number in its struct.
	Index int
	// Tag holds the other tags, such as the description.
	Tag reflect.StructTag
	// Type is the field's type.
	Type reflect.Type
}

// Fields lists the fields of struct type t that have a yaml tag, in their order.
func Fields(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, Field{Name: name, Index: i, Tag: f.Tag, Type: f.Type})
	}
	return out
}

// Join appends a key to a path.
func Join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// IsScalar reports whether values of t are written as one word or text.
func IsScalar(t reflect.Type) bool { return scalarType(t) }

func indexOf(fields []Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// didYouMean hints at what was meant, as the end of a message in its parts.
func didYouMean(name string, fields []Field) (format string, args []any) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	if best := Nearest(name, names); best != "" {
		return "; did you mean %s?", []any{best}
	}
	if len(names) <= 12 {
		return "; known here: %s", []any{strings.Join(names, ", ")}
	}
	return "", nil
}

// Nearest returns the one of names that a typing error could have turned into name,
// or "". Case and the choice between - and _ count for nothing.
func Nearest(name string, names []string) string {
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	best, bestDistance := "", max(1, min(3, len([]rune(name))/3))+1
	if len(name) > 64 {
		return ""
	}
	for _, n := range names {
		if d := distance(fold(name), fold(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with their
// neighbour (optimal string alignment) that turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
