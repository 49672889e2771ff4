package antivirus

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Verdict is what an answer means.
type Verdict string

// The verdicts. The zero value is none of them.
const (
	// Clean: clamd has seen the whole file and knows nothing bad of it.
	Clean Verdict = "clean"
	// Infected: a signature fits.
	Infected Verdict = "infected"
	// Unscannable: clamd has not seen all of it, so that nothing is known.
	Unscannable Verdict = "unscannable"
	// Refused: clamd could not do it this time (no memory, no room for its temporary file).
	Refused Verdict = "refused"
)

// Answer is what clamd said of one file.
type Answer struct {
	Verdict Verdict
	// Name is the signature, or clamd's own words for what it could not do; "" when Clean.
	// It is printable and at most maxName bytes.
	Name string
}

const (
	// maxName bounds a name: real ones have some 60 letters.
	maxName = 200
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 4 << 10
)

// ErrAnswer is wrapped by errors about answers that are none.
var ErrAnswer = errors.New("antivirus: not an answer of clamd")

// limitNames begin the names under which clamd, set to AlertExceedsMax or AlertEncrypted,
// reports what it has not looked into. They are no viruses.
var limitNames = []string{"Heuristics.Limits.Exceeded", "Heuristics.Encrypted."}

// sizeLimit is the answer to a stream over StreamMaxLength.
const sizeLimit = "INSTREAM size limit exceeded."

// ParseAnswer reads the answer to zINSTREAM: one line that ends with a NUL. What was cut off
// before that is no answer, whatever it begins with.
func ParseAnswer(raw []byte) (Answer, error) {
	line, ended := bytes.CutSuffix(raw, []byte{0})
	if !ended || bytes.IndexByte(line, 0) >= 0 || len(raw) > maxAnswer {
		return Answer{}, fmt.Errorf("%w: %q", ErrAnswer, clip(string(raw)))
	}
	s := strings.TrimRight(string(line), "\n")
	if s == "stream: OK" {
		return Answer{Verdict: Clean}, nil
	}
	if words, ok := strings.CutSuffix(s, " ERROR"); ok {
		words = printable(strings.TrimPrefix(words, "stream: "))
		if words == sizeLimit {
			return Answer{Verdict: Unscannable, Name: sizeLimit}, nil
		}
		return Answer{Verdict: Refused, Name: words}, nil
	}
	if found, ok := strings.CutSuffix(s, " FOUND"); ok {
		name, ok := strings.CutPrefix(found, "stream: ")
		if name = printable(name); ok && name != "" {
			for _, limit := range limitNames {
				if strings.HasPrefix(name, limit) {
					return Answer{Verdict: Unscannable, Name: name}, nil
				}
			}
			return Answer{Verdict: Infected, Name: name}, nil
		}
	}
	return Answer{}, fmt.Errorf("%w: %q", ErrAnswer, clip(s))
}

// printable makes foreign words fit for a page and a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.TrimSpace(clip(s))
}

func clip(s string) string {
	if len(s) <= maxName {
		return s
	}
	return strings.ToValidUTF8(s[:maxName], "")
}
