// Package strictyaml decodes YAML into structs the way a configuration file needs
// it: every problem is collected with its line and column instead of only the first,
// unknown keys are problems that name the key that was probably meant, list entries
// start from their own defaults, and the place of each value is kept so that later
// checks can point at it too.
//
// It uses the parser of goccy/go-yaml and walks its syntax tree; that library's own
// decoder stops at the first wrong type and cannot say where a valid value stood.
package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Defaulter is implemented, on the pointer, by types that do not start from their
// zero value when they appear as the entry of a list or behind a pointer.
type Defaulter interface{ SetDefaults() }

// maxDepth bounds how deep aliases are followed; the structs themselves are finite.
const maxDepth = 32

// maxNodes bounds how much aliases may multiply a file ("billion laughs").
const maxNodes = 200_000

// maxBytes bounds the file: the parser takes time with the square of the nesting.
const maxBytes = 1 << 20

// Decode reads data, the content of file, into the struct that dst points to. Keys
// that are left out, or that are null, keep the value they have in dst. Everything
// wrong is added to errs, and what is right is set nevertheless, so that the caller
// can go on checking. It returns where each key was written.
//
// Aliases and merge keys (<<) are followed. Numbers and booleans are accepted where a
// text is expected (a password of digits), a quoted number where a number is.
func Decode(file string, data []byte, dst any, errs *Errors) Positions {
	d := &decoder{file: file, errs: errs, pos: Positions{"": {File: file}}, anchors: map[string]ast.Node{}}
	if body := d.parse(data); body != nil {
		d.value(body, reflect.ValueOf(dst).Elem(), "", 0)
	}
	return d.pos
}

type decoder struct {
	file    string
	errs    *Errors
	pos     Positions
	anchors map[string]ast.Node
	nodes   int
}

// parse returns the body of the file's only document, or nil when it is empty or
// not YAML.
func (d *decoder) parse(data []byte) (body ast.Node) {
	if len(data) > maxBytes {
		d.errs.Add(Problem{File: d.file, Message: fmt.Sprintf("the file is larger than %d MiB", maxBytes>>20)})
		return nil
	}
	// A byte order mark and CRLF come from Windows editors. The parser counts a CR as
	// a character of the line.
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	// The parser is somebody else's code and panics on some broken input; for the
	// person with the broken file that is a problem of the file like any other.
	defer func() {
		if r := recover(); r != nil {
			body = nil
			d.errs.Add(Problem{File: d.file, Message: fmt.Sprintf("the file is not YAML (%v)", r)})
		}
	}()
	tree, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.CommentGroupType:
		case body != nil:
			d.add(doc.Body, "", "only one YAML document is allowed in the file")
		default:
			body = doc.Body
		}
	}
	if body != nil {
		ast.Walk(d, body)
	}
	return body
}

// Visit implements ast.Visitor: it notes the anchors, which may be used before the
// place where the walk of the structs meets them.
func (d *decoder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil && a.Value != nil {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Format: "the file is not valid YAML: %s", Args: []any{err.Error()}}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		p.Args[0] = e.GetMessage()
		if tk := e.GetToken(); tk != nil && tk.Position != nil {
			p.Line, p.Column = tk.Position.Line, tk.Position.Column
		}
	}
	p.Message = fmt.Sprintf(p.Format, p.Args...)
	d.errs.Add(p)
}

func (d *decoder) position(n ast.Node) Position {
	p := Position{File: d.file}
	// The token of a block mapping is the colon of its first key; people look for the
	// key itself.
	if m, ok := n.(ast.MapNode); ok {
		if flow, ok := n.(*ast.MappingNode); !ok || !flow.IsFlowStyle {
			if it := m.MapRange(); it.Next() {
				n = it.Key()
			}
		}
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		p.Line, p.Column = tk.Position.Line, tk.Position.Column
	}
	return p
}

func (d *decoder) add(n ast.Node, path, format string, args ...any) {
	pos := d.position(n)
	d.errs.Add(Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Path: path, Message: fmt.Sprintf(format, args...), Format: format, Args: args})
}

// resolve takes anchors, aliases and tags off a node. It returns nil, with the
// problem noted, for an alias that leads nowhere or in a circle.
func (d *decoder) resolve(n ast.Node, path string) ast.Node {
	for range maxDepth {
		switch t := n.(type) {
		case *ast.AnchorNode:
			n = t.Value
		case *ast.TagNode:
			n = t.Value
		case *ast.AliasNode:
			target, ok := d.anchors[t.Value.GetToken().Value]
			if !ok {
				d.add(t, path, "there is no anchor &%s", t.Value.GetToken().Value)
				return nil
			}
			n = target
		default:
			return n
		}
		if n == nil {
			return nil
		}
	}
	d.add(n, path, "aliases are nested too deeply")
	return nil
}

// value decodes n into v.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, depth int) {
	// An alias is reported where it is used, not where its anchor is.
	at := n
	if n = d.resolve(n, path); n == nil {
		return
	}
	if d.nodes++; d.nodes > maxNodes || depth > maxDepth {
		if d.nodes == maxNodes+1 || depth > maxDepth {
			d.add(at, path, "the file is too large once its aliases are followed")
		}
		return
	}
	if path != "" {
		d.pos[path] = d.position(at)
	}
	if n.Type() == ast.NullType {
		return
	}
	switch {
	case v.Kind() == reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		v.Set(fresh)
		d.nodes--
		d.value(n, fresh.Elem(), path, depth)
	case scalarType(v.Type()):
		d.scalar(at, n, v, path)
	case v.Kind() == reflect.Struct:
		m, ok := n.(ast.MapNode)
		if !ok {
			d.add(at, path, "expected keys and values, found %s", kindName(n))
			return
		}
		d.mapping(m, v, path, depth)
	case v.Kind() == reflect.Map:
		m, ok := n.(ast.MapNode)
		if !ok {
			d.add(at, path, "expected keys and values, found %s", kindName(n))
			return
		}
		d.table(m, v, path, depth)
	case v.Kind() == reflect.Slice:
		d.list(at, n, v, path, depth)
	default:
		d.add(at, path, "cannot be set from a file (%s)", v.Type())
	}
}

func (d *decoder) scalar(at, n ast.Node, v reflect.Value, path string) {
	var text string
	switch t := n.(type) {
	case *ast.LiteralNode:
		text = t.Value.Value
	case *ast.StringNode:
		text = t.Value
	case ast.ScalarNode:
		// The text as written: a password 007 must not become 7.
		text = t.GetToken().Value
	default:
		d.add(at, path, "expected one value, found %s", kindName(n))
		return
	}
	if err := SetScalar(v, text); err != nil {
		d.add(at, path, "%s", err)
	}
}

func (d *decoder) list(at, n ast.Node, v reflect.Value, path string, depth int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(at, path, "expected a list, found %s", kindName(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, min(len(seq.Values), 64))
	for i, item := range seq.Values {
		if d.nodes > maxNodes {
			break
		}
		elem := reflect.New(v.Type().Elem())
		setDefaults(elem)
		d.value(item, elem.Elem(), fmt.Sprintf("%s[%d]", path, i), depth+1)
		out = reflect.Append(out, elem.Elem())
	}
	v.Set(out)
}

// mapping decodes the keys of m into the fields of the struct v.
func (d *decoder) mapping(m ast.MapNode, v reflect.Value, path string, depth int) {
	fields := Fields(v.Type())
	d.entries(m, path, depth, func(key, value ast.Node, name string) {
		i := indexOf(fields, name)
		if i < 0 {
			format, hint := didYouMean(name, fields)
			d.add(key, Join(path, name), "unknown key"+format, hint...)
			return
		}
		d.value(value, v.Field(fields[i].Index), Join(path, name), depth+1)
	})
}

// table decodes the keys of m into the map v, whose keys are texts.
func (d *decoder) table(m ast.MapNode, v reflect.Value, path string, depth int) {
	out := reflect.MakeMap(v.Type())
	d.entries(m, path, depth, func(_, value ast.Node, name string) {
		elem := reflect.New(v.Type().Elem())
		setDefaults(elem)
		d.value(value, elem.Elem(), Join(path, name), depth+1)
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), elem.Elem())
	})
	v.Set(out)
}

// entries calls set for each key of m once: first the keys written there, then those
// that come by merge keys and are not written there (yaml.org/type/merge.html).
func (d *decoder) entries(m ast.MapNode, path string, depth int, set func(key, value ast.Node, name string)) {
	seen := map[string]Position{}
	var merged []ast.Node
	for it := m.MapRange(); it.Next(); {
		key := it.Key()
		if key.IsMergeKey() {
			merged = append(merged, it.Value())
			continue
		}
		name := keyName(key)
		if first, ok := seen[name]; ok {
			d.add(key, Join(path, name), "written twice, first on line %d", first.Line)
			continue
		}
		seen[name] = d.position(key)
		set(key, it.Value(), name)
	}
	d.merge(merged, path, depth, seen, set)
}

func (d *decoder) merge(sources []ast.Node, path string, depth int, seen map[string]Position, set func(key, value ast.Node, name string)) {
	for _, source := range sources {
		n := d.resolve(source, path)
		if d.nodes++; n == nil || depth > maxDepth || d.nodes > maxNodes {
			continue
		}
		switch t := n.(type) {
		case ast.MapNode:
			var deeper []ast.Node
			for it := t.MapRange(); it.Next(); {
				if it.Key().IsMergeKey() {
					deeper = append(deeper, it.Value())
					continue
				}
				name := keyName(it.Key())
				if _, ok := seen[name]; !ok {
					seen[name] = d.position(it.Key())
					set(it.Key(), it.Value(), name)
				}
			}
			d.merge(deeper, path, depth+1, seen, set)
		case *ast.SequenceNode:
			d.merge(t.Values, path, depth+1, seen, set)
		default:
			d.add(source, path, "<< needs an alias of keys and values, found %s", kindName(n))
		}
	}
}

func keyName(key ast.Node) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}

func setDefaults(v reflect.Value) {
	if d, ok := v.Interface().(Defaulter); ok {
		d.SetDefaults()
	}
}

// kindName says in plain words what a node is.
func kindName(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
