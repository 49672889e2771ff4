package match

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// phrases matches folded text (small letters, one space between words) against an
// expression that begins and ends at a word. It asks the expression only at the words with
// which a match can begin: tried at every letter of a long text, the expressions of cues.go
// were a sixth of what a mail costs.
type phrases struct {
	starts map[string]bool
	re     *regexp.Regexp // anchored
}

// mustPhrases compiles an expression whose matches all begin with a word that is spelled
// out in it; it panics for one that does not, as regexp.MustCompile does for a wrong one.
func mustPhrases(expr string) phrases {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic(err)
	}
	p := phrases{starts: map[string]bool{}, re: regexp.MustCompile(`\A(?:` + expr + `)\b`)}
	for _, h := range heads(tree.Simplify()) {
		word, _, _ := strings.Cut(h.text, " ")
		if !h.whole && !strings.Contains(h.text, " ") || word == "" {
			panic(fmt.Sprintf("match: a phrase does not begin with a word: %q", h.text))
		}
		p.starts[word] = true
	}
	return p
}

// lazyPhrases puts mustPhrases off to the first use, as lazy.Regexp does.
func lazyPhrases(expr string) func() phrases {
	return sync.OnceValue(func() phrases { return mustPhrases(expr) })
}

// match reports whether one of the phrases stands in a folded text.
func (p phrases) match(folded string) bool {
	for at := 0; at < len(folded); {
		end := len(folded)
		if i := strings.IndexByte(folded[at:], ' '); i >= 0 {
			end = at + i
		}
		if p.starts[folded[at:end]] && p.re.MatchString(folded[at:]) {
			return true
		}
		at = end + 1
	}
	return false
}

// head is how a match of an expression begins: whole when text is all that an alternative
// of it has, so that what follows belongs to the first word too as long as text has no space.
type head struct {
	text  string
	whole bool
}

// heads lists how matches of an expression begin, each up to its first word's end at least
// where the expression spells that out.
func heads(re *syntax.Regexp) []head {
	switch re.Op {
	case syntax.OpLiteral:
		return []head{{string(re.Rune), true}}
	case syntax.OpEmptyMatch:
		return []head{{"", true}}
	case syntax.OpCharClass:
		var out []head
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && len(out) <= classMax; r++ {
				out = append(out, head{string(r), true})
			}
		}
		if len(out) > classMax {
			return []head{{}} // \w and the like: it spells nothing out
		}
		return out
	case syntax.OpCapture:
		return heads(re.Sub[0])
	case syntax.OpQuest:
		return append(heads(re.Sub[0]), head{"", true})
	case syntax.OpAlternate:
		var out []head
		for _, sub := range re.Sub {
			out = append(out, heads(sub)...)
		}
		return out
	case syntax.OpConcat:
		out := []head{{"", true}}
		for _, sub := range re.Sub {
			out = joined(out, sub)
		}
		return out
	default:
		return []head{{}}
	}
}

// classMax is up to how many letters a class spells out.
const classMax = 8

// joined continues those of the heads that have not reached the end of a word.
func joined(begun []head, next *syntax.Regexp) []head {
	var out []head
	var more []head
	for _, h := range begun {
		if !h.whole || strings.Contains(h.text, " ") {
			out = append(out, h)
			continue
		}
		if more == nil {
			more = heads(next)
		}
		for _, m := range more {
			out = append(out, head{h.text + m.text, m.whole})
		}
	}
	return out
}
