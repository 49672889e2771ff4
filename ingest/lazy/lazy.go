// Package lazy makes what a package declares, and few processes need, when it is first used.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp compiles an expression when it is first asked for. A process that only lists requests, or
// reads one page, does not pay for the hundreds that other parts declare: together they took 40 ms
// at each start. Safe for use by several goroutines; a wrong expression panics at its first use, so
// that each wants a test that comes by.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
