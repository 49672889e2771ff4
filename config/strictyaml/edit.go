package strictyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// ErrEdit says that a value cannot be set by Set, and has to be written by a person: it is
// shared by an alias, stands in several lines, or what is around it is missing.
var ErrEdit = errors.New("this value has to be changed in the text itself")

// Set changes one value in a file and leaves every other byte as it is: comments, order,
// quotes and blank lines stay. path is that of Problem.Path, such as
// categories[2].service.phone; value is a string, a bool, an int or a []string. A key that is
// missing is added to the keys around it, which are added too where they are missing.
//
// The result is read again: when anything else than the value has changed its meaning the
// error wraps ErrEdit. The file has to be valid YAML, of lines that end in \n.
func Set(data []byte, path string, value any) (out []byte, err error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("strictyaml: the file is larger than %d MiB", maxBytes>>20)
	}
	// The parser panics on some broken input; see decoder.parse.
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("strictyaml: the file is not YAML (%v)", r)
		}
	}()
	keys, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(data, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("strictyaml: the file is not valid YAML: %w", err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fmt.Errorf("strictyaml: the file does not hold one document: %w", ErrEdit)
	}
	e := &editor{data: data, lines: lineStarts(data)}
	if out, err = e.set(tree.Docs[0].Body, keys, value); err != nil {
		return nil, fmt.Errorf("strictyaml: set %s: %w", path, err)
	}
	if err := onlyChanged(data, out, keys, value); err != nil {
		return nil, fmt.Errorf("strictyaml: set %s: %w", path, err)
	}
	return out, nil
}

// step is a key or, where key is "", an index.
type step struct {
	key   string
	index int
}

var pathForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[\d{1,6}\])*(\.[A-Za-z0-9_-]+(\[\d{1,6}\])*)*$`)

func parsePath(path string) ([]step, error) {
	if !pathForm.MatchString(path) {
		return nil, fmt.Errorf("strictyaml: %q is no path of a value", path)
	}
	var steps []step
	for part := range strings.SplitSeq(path, ".") {
		name, rest, _ := strings.Cut(part, "[")
		steps = append(steps, step{key: name})
		for index := range strings.SplitSeq(strings.ReplaceAll(rest, "]", ""), "[") {
			if index == "" {
				continue
			}
			n, err := strconv.Atoi(index)
			if err != nil {
				return nil, fmt.Errorf("strictyaml: %q is no path of a value", path)
			}
			steps = append(steps, step{index: n})
		}
	}
	return steps, nil
}

// editor finds places in the bytes of a file. The parser counts lines and characters.
type editor struct {
	data  []byte
	lines []int // where each begins
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// offset is the byte at which a token begins.
func (e *editor) offset(t *token.Token) (int, error) {
	if t == nil || t.Position == nil || t.Position.Line < 1 || t.Position.Line > len(e.lines) {
		return 0, ErrEdit
	}
	at := e.lines[t.Position.Line-1]
	for range t.Position.Column - 1 {
		if at >= len(e.data) || e.data[at] == '\n' {
			return 0, ErrEdit
		}
		at++
		for at < len(e.data) && e.data[at]&0xc0 == 0x80 { // the rest of a character
			at++
		}
	}
	return at, nil
}

// set walks along the path and replaces or adds the value.
func (e *editor) set(n ast.Node, keys []step, value any) ([]byte, error) {
	for i, k := range keys {
		switch t := n.(type) {
		case *ast.MappingNode:
			if k.key == "" {
				return nil, ErrEdit
			}
			entry := entryOf(t, k.key)
			if entry == nil {
				return e.add(t, keys[i:], value)
			}
			if i == len(keys)-1 {
				return e.replace(entry, value)
			}
			n = entry.Value
		case *ast.SequenceNode:
			if k.key != "" || k.index >= len(t.Values) {
				return nil, ErrEdit
			}
			n = t.Values[k.index]
		default: // an alias, an anchor, a single value
			return nil, ErrEdit
		}
	}
	return nil, ErrEdit // it ends at an index
}

func entryOf(m *ast.MappingNode, key string) *ast.MappingValueNode {
	for _, v := range m.Values {
		if keyName(v.Key) == key {
			return v
		}
	}
	return nil
}

// replace puts a value in the place of an entry's.
func (e *editor) replace(entry *ast.MappingValueNode, value any) ([]byte, error) {
	start, end, err := e.span(entry.Value)
	if err != nil {
		return nil, err
	}
	text, err := render(value, quoted(entry.Value))
	if err != nil {
		return nil, err
	}
	// Nothing, and a list below its key, begin without the space that a value needs.
	if start > 0 && e.data[start-1] == ':' {
		text = " " + text
	}
	return e.splice(start, end, text), nil
}

func (e *editor) splice(start, end int, text string) []byte {
	return append(append(bytes.Clone(e.data[:start]), text...), e.data[end:]...)
}

// span is where a value begins and ends.
func (e *editor) span(n ast.Node) (start, end int, err error) {
	switch t := n.(type) {
	case *ast.NullNode:
		if t.GetToken().Type == token.ImplicitNullType {
			start, err = e.offset(t.GetToken())
			return start, start, err
		}
		return e.written(t.GetToken())
	case *ast.LiteralNode:
		return e.block(t)
	case *ast.MappingNode:
		if t.IsFlowStyle {
			return e.brackets(t.Start, t.End)
		}
	case *ast.SequenceNode:
		if t.IsFlowStyle {
			return e.brackets(t.Start, t.End)
		}
		return e.sequence(t)
	case ast.ScalarNode:
		return e.written(t.GetToken())
	}
	return 0, 0, ErrEdit
}

// written is the span of a single value: its token holds it as it is written, with the space
// around it.
func (e *editor) written(t *token.Token) (start, end int, err error) {
	if start, err = e.offset(t); err != nil {
		return 0, 0, err
	}
	text := strings.TrimSpace(t.Origin)
	if text == "" || !bytes.HasPrefix(e.data[start:], []byte(text)) {
		return 0, 0, ErrEdit
	}
	return start, start + len(text), nil
}

// block is the span of a text after | or >.
func (e *editor) block(n *ast.LiteralNode) (start, end int, err error) {
	if start, err = e.offset(n.Start); err != nil {
		return 0, 0, err
	}
	head := bytes.IndexByte(e.data[start:], '\n')
	text := strings.TrimRight(n.Value.GetToken().Origin, " \n")
	if head < 0 || text == "" || !bytes.HasPrefix(e.data[start+head+1:], []byte(text)) {
		return 0, 0, ErrEdit
	}
	return start, start + head + 1 + len(text), nil
}

func (e *editor) brackets(open, closing *token.Token) (start, end int, err error) {
	if start, err = e.offset(open); err != nil {
		return 0, 0, err
	}
	if end, err = e.offset(closing); err != nil || end >= len(e.data) {
		return 0, 0, ErrEdit
	}
	return start, end + 1, nil
}

// sequence is the span of a list of single values below its key, from the end of the key on.
func (e *editor) sequence(n *ast.SequenceNode) (start, end int, err error) {
	if len(n.Values) == 0 {
		return 0, 0, ErrEdit
	}
	first, err := e.offset(n.Start)
	if err != nil {
		return 0, 0, err
	}
	if _, end, err = e.span(n.Values[len(n.Values)-1]); err != nil {
		return 0, 0, err
	}
	start = bytes.LastIndexByte(e.data[:first], ':') + 1
	if start == 0 || strings.TrimSpace(string(e.data[start:first])) != "" {
		return 0, 0, ErrEdit // a comment stands in between
	}
	return start, end, nil
}

// add adds an entry to a mapping. What of the path does not exist is written around it.
func (e *editor) add(m *ast.MappingNode, keys []step, value any) ([]byte, error) {
	text, err := render(value, false)
	if err != nil {
		return nil, err
	}
	for i := len(keys) - 1; i > 0; i-- {
		if keys[i].key == "" {
			return nil, ErrEdit
		}
		text = "{" + keys[i].key + ": " + text + "}"
	}
	text = keys[0].key + ": " + text
	if m.IsFlowStyle {
		return e.addInBraces(m, text)
	}
	return e.addLine(m, text)
}

func (e *editor) addInBraces(m *ast.MappingNode, text string) ([]byte, error) {
	if len(m.Values) == 0 {
		start, _, err := e.brackets(m.Start, m.End)
		if err != nil {
			return nil, err
		}
		return e.splice(start+1, start+1, text), nil
	}
	_, end, err := e.span(m.Values[len(m.Values)-1].Value)
	if err != nil {
		return nil, err
	}
	return e.splice(end, end, ", "+text), nil
}

// addLine adds a line below the first entries of a mapping that take one line each, so that
// it does not end up below a long list.
func (e *editor) addLine(m *ast.MappingNode, text string) ([]byte, error) {
	at, indent := -1, 0
	for _, v := range m.Values {
		start, err := e.offset(v.Key.GetToken())
		if err != nil {
			return nil, err
		}
		_, end, err := e.span(v.Value)
		if err != nil || bytes.IndexByte(e.data[start:end], '\n') >= 0 {
			break
		}
		at, indent = end, v.Key.GetToken().Position.Column-1
	}
	if at < 0 {
		return nil, ErrEdit
	}
	line := strings.Repeat(" ", indent) + text
	if n := bytes.IndexByte(e.data[at:], '\n'); n >= 0 {
		return e.splice(at+n+1, at+n+1, line+"\n"), nil
	}
	return e.splice(len(e.data), len(e.data), "\n"+line), nil
}

func quoted(n ast.Node) bool {
	s, ok := n.(*ast.StringNode)
	return ok && (s.Token.Type == token.DoubleQuoteType || s.Token.Type == token.SingleQuoteType)
}

// plainForm is what means itself without quotes wherever it stands.
var plainForm = regexp.MustCompile(`^[\p{L}\p{N}(][\p{L}\p{M}\p{N} '’.@/()+_-]*$`)

// render writes a value in one line.
func render(value any, quotes bool) (string, error) {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case string:
		var back any
		if !quotes && plainForm.MatchString(v) && !strings.HasSuffix(v, " ") && yaml.Unmarshal([]byte(v), &back) == nil && back == any(v) {
			return v, nil
		}
		// What JSON writes is YAML too (yaml.org/spec/1.2.2 §1.2).
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		return strings.TrimSuffix(b.String(), "\n"), err
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			var err error
			if items[i], err = render(s, false); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(items, ", ") + "]", nil
	}
	return "", fmt.Errorf("a value of type %T cannot be written", value)
}

// onlyChanged reports whether the meaning of two files differs by that value alone.
func onlyChanged(before, after []byte, keys []step, value any) error {
	var was, is any
	if err := yaml.Unmarshal(before, &was); err != nil {
		return err
	}
	if err := yaml.Unmarshal(after, &is); err != nil {
		return fmt.Errorf("%w (%w)", ErrEdit, err)
	}
	if !reflect.DeepEqual(plain(with(was, keys, plain(value))), plain(is)) {
		return ErrEdit
	}
	return nil
}

// plain is a value as it is read back: numbers of one type, lists of any.
func plain(v any) any {
	switch t := v.(type) {
	case int:
		return uint64(t)
	case int64:
		return uint64(t)
	case []string:
		out := make([]any, len(t))
		for i, s := range t {
			out[i] = s
		}
		return out
	case []any:
		out := make([]any, len(t))
		for i, x := range t {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, x := range t {
			out[k] = plain(x)
		}
		return out
	}
	return v
}

// with returns v with a value at a path.
func with(v any, keys []step, value any) any {
	if len(keys) == 0 {
		return value
	}
	k := keys[0]
	switch t := v.(type) {
	case []any:
		out := append([]any{}, t...)
		if k.key == "" && k.index < len(out) {
			out[k.index] = with(out[k.index], keys[1:], value)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t)+1)
		for name, x := range t {
			out[name] = x
		}
		out[k.key] = with(out[k.key], keys[1:], value)
		return out
	case nil:
		return map[string]any{k.key: with(nil, keys[1:], value)}
	}
	return v
}
