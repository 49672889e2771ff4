package strictyaml

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong in a file or in an environment variable.
type Problem struct {
	// File is the file's path, or the variable's name for a value that came from
	// the environment.
	File string
	// Line and Column count from 1; columns are characters, not bytes. Zero means
	// that there is no place to point at: a variable, or a key that is missing from
	// the whole file.
	Line, Column int
	// Path names the key, such as channels.mailbox[0].port, or is "".
	Path string
	// Message is one sentence without a full stop.
	Message string
	// Format and Args make up the message, as in fmt, so that it can be told in another
	// language; Format is "" where it cannot. A Format of "%s" says that its one argument
	// is a sentence by itself.
	Format string
	Args   []any
}

// String formats the problem in one line, the way editors can follow:
// FILE:LINE:COLUMN: PATH: MESSAGE.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Errors is every problem that was found, so that a person can mend all of them in
// one go. The zero value is empty and ready to use; it is not safe for concurrent
// use.
type Errors struct { //nolint:errname // a list of problems, not one error
	List []Problem
}

// Error joins the problems, one a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.List))
	for i, p := range e.List {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Add notes one more problem.
func (e *Errors) Add(p Problem) { e.List = append(e.List, p) }

// Sort orders the problems as a person meets them: by file, line and column.
// Problems at the same place keep their order.
func (e *Errors) Sort() {
	sort.SliceStable(e.List, func(i, j int) bool {
		a, b := e.List[i], e.List[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}

// Err returns e, sorted, or nil when it holds no problem. Return this rather than e
// itself: a nil *Errors in an error would not compare equal to nil.
func (e *Errors) Err() error {
	if e == nil || len(e.List) == 0 {
		return nil
	}
	e.Sort()
	return e
}
