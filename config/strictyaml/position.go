package strictyaml

import (
	"fmt"
	"strings"
)

// Position is where a value was written.
type Position struct {
	// File is the path of the file, or the name of the environment variable.
	File string
	// Line and Column count from 1, and are 0 for an environment variable.
	Line, Column int
}

// Positions knows where each key was written, by its path, such as
// channels.mailbox[0].port. Keys that were left out are not in it.
type Positions map[string]Position

// Find returns where path was written, or else the nearest thing around it: a
// missing channels.mailbox[0].host is reported at the entry it is missing from.
func (p Positions) Find(path string) Position {
	for {
		if pos, ok := p[path]; ok {
			return pos
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return p[""]
		}
		path = path[:cut]
	}
}

// Has reports whether path was written at all.
func (p Positions) Has(path string) bool {
	_, ok := p[path]
	return ok
}

// Problem makes a problem at the place of path.
func (p Positions) Problem(path, message string) Problem {
	pos := p.Find(path)
	return Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Path: path, Message: message}
}

// Problemf is Problem with a message made of its parts.
func (p Positions) Problemf(path, format string, args ...any) Problem {
	problem := p.Problem(path, fmt.Sprintf(format, args...))
	problem.Format, problem.Args = format, args
	return problem
}
