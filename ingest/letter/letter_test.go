package letter_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest/letter"
)

// golden is what a test letter states.
type golden struct {
	Sender struct {
		Name, Address, Phone, Email string
	}
	Date       string
	Subject    string
	YourRef    string `json:"your_ref"`
	OurRef     string `json:"our_ref"`
	Signature  string
	Registered bool
	Enclosures []string
}

type sample struct {
	name, text string
	want       golden
}

func samples(t testing.TB, half string) []sample {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", half, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 20 {
		t.Fatalf("%d letters in testdata/%s", len(paths), half)
	}
	var out []sample
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(strings.TrimSuffix(p, ".txt") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		s := sample{name: strings.TrimSuffix(filepath.Base(p), ".txt"), text: string(text)}
		if err := json.Unmarshal(raw, &s.want); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		out = append(out, s)
	}
	return out
}

// fields are the facts as texts, in the order of fieldNames.
func fields(f letter.Facts) []string {
	day, reg := "", ""
	if !f.Date.IsZero() {
		day = f.Date.Format(time.DateOnly)
	}
	if f.Registered {
		reg = "true"
	}
	return []string{f.Sender.Name, f.Sender.Address, f.Sender.Phone, f.Sender.Email, day, f.Subject, f.YourRef, f.OurRef, f.Signature, reg, strings.Join(f.Enclosures, " | ")}
}

func wanted(g golden) []string {
	reg := ""
	if g.Registered {
		reg = "true"
	}
	return []string{g.Sender.Name, g.Sender.Address, g.Sender.Phone, g.Sender.Email, g.Date, g.Subject, g.YourRef, g.OurRef, g.Signature, reg, strings.Join(g.Enclosures, " | ")}
}

var fieldNames = []string{"name", "address", "phone", "email", "date", "subject", "your_ref", "our_ref", "signature", "registered", "enclosures"}

// exact are fields in which one wrong sign makes another fact.
var exact = map[string]bool{"phone": true, "date": true, "registered": true}

// tally counts a field: found and right, found, and stated by the letters.
type tally struct{ right, found, stated int }

func (c tally) precision() float64 {
	if c.found == 0 {
		return 1
	}
	return float64(c.right) / float64(c.found)
}

func (c tally) recall() float64 {
	if c.stated == 0 {
		return 1
	}
	return float64(c.right) / float64(c.stated)
}

type score map[string]*tally

// add compares two rows of fields. slack is the share of signs that may differ in a free
// text, for letters in which signs were changed on purpose.
func (s score) add(name string, got, want []string, slack float64, logf func(string, ...any)) {
	for i, field := range fieldNames {
		c := s[field]
		if c == nil {
			c = &tally{}
			s[field] = c
		}
		g, w := got[i], want[i]
		if w != "" {
			c.stated++
		}
		if g != "" {
			c.found++
		}
		ok := g == w
		if !ok && g != "" && w != "" && !exact[field] && slack > 0 {
			a, b := plain(g), plain(w)
			ok = float64(distance(a, b)) <= slack*float64(max(len(b), 8))
		}
		if ok && w != "" {
			c.right++
		}
		if !ok {
			logf("%s %s:\n   got %q\n  want %q", name, field, g, w)
		}
	}
}

func (s score) total() tally {
	var t tally
	for _, c := range s {
		t.right, t.found, t.stated = t.right+c.right, t.found+c.found, t.stated+c.stated
	}
	return t
}

func (s score) String() string {
	var b strings.Builder
	for _, f := range fieldNames {
		if c := s[f]; c.found+c.stated > 0 {
			fmt.Fprintf(&b, "\n  %-11s precision %.3f (%d/%d)  recall %.3f (%d/%d)", f, c.precision(), c.right, c.found, c.recall(), c.right, c.stated)
		}
	}
	t := s.total()
	fmt.Fprintf(&b, "\n  %-11s precision %.3f  recall %.3f", "all", t.precision(), t.recall())
	return b.String()
}

// plain keeps small letters and figures without accents.
func plain(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(diag+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// confusions are what OCR takes for one another.
var confusions = map[rune]string{
	'é': "e", 'è': "e", 'ê': "e", 'à': "a", 'ç': "c", 'ô': "o", 'î': "i", 'û': "u",
	'l': "1I", 'I': "l1", '1': "l", 'i': "l", 'O': "0", '0': "O", 'o': "0", 'e': "c", 'c': "e",
	'm': "rn", 'n': "r", 'u': "n", 'h': "b", 'S': "5", 'B': "8", ',': ".", '.': ",", '\'': "’", ':': ".;", 't': "f", 'a': "o", 'r': "n", 's': "a",
}

// noisy changes a share of the signs of a text as OCR does; equal seeds give equal texts.
func noisy(text string, share float64, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 7))
	var b strings.Builder
	for _, r := range text {
		c, known := confusions[r]
		switch {
		case rng.Float64() >= share:
			b.WriteRune(r)
		case r == ' ' && rng.IntN(2) == 0: // a space lost
		case r == 'm':
			b.WriteString("rn")
		case known:
			rs := []rune(c)
			b.WriteRune(rs[rng.IntN(len(rs))])
		case unicode.IsLetter(r) && rng.IntN(4) == 0: // a letter lost
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func silent(string, ...any) {}

// The held half was written before the code and is only measured: its misses are not
// printed, so that nobody writes rules for them.
func TestLetters(t *testing.T) {
	for _, half := range []string{"built", "held"} {
		t.Run(half, func(t *testing.T) {
			logf := silent
			if half == "built" {
				logf = t.Errorf // these are understood to the last fact
			}
			s := score{}
			for _, l := range samples(t, half) {
				s.add(l.name, fields(letter.Read(l.text)), wanted(l.want), 0, logf)
			}
			t.Logf("%s letters, clean:%s", half, s)
			for field, c := range s {
				if least := leastPrecision[field]; c.precision() < max(least, 0.9) || c.recall() < 0.85 {
					t.Errorf("%s: precision %.3f, recall %.3f", field, c.precision(), c.recall())
				}
			}
			if all := s.total(); all.precision() < 0.95 || all.recall() < 0.85 {
				t.Errorf("precision %.3f, recall %.3f; want 0.95 and 0.85", all.precision(), all.recall())
			}
		})
	}
}

// leastPrecision is asked of the fields in which a wrong fact does harm.
var leastPrecision = map[string]float64{"name": 0.95, "phone": 0.99, "email": 0.99, "date": 0.99, "registered": 0.99}

// slack is the share of signs by which a text read under noise may differ from the truth:
// what OCR garbled stays garbled.
const slack = 0.2

func TestLettersUnderNoise(t *testing.T) {
	for _, half := range []string{"built", "held"} {
		for _, tc := range []struct{ share, precision float64 }{{0.01, 0.9}, {0.03, 0.9}, {0.08, 0}} {
			t.Run(fmt.Sprintf("%s %.0f%%", half, 100*tc.share), func(t *testing.T) {
				s := score{}
				for i, l := range samples(t, half) {
					for seed := range uint64(2) {
						text := noisy(l.text, tc.share, seed*1000+uint64(i))
						logf := silent
						if half == "built" && seed == 0 && tc.share < 0.05 {
							logf = t.Logf
						}
						s.add(l.name, fields(letter.Read(text)), wanted(l.want), slack, logf)
					}
				}
				t.Logf("%s letters, %.0f %% of signs changed:%s", half, 100*tc.share, s)
				if all := s.total(); all.precision() < tc.precision {
					t.Errorf("precision %.3f, want %.2f", all.precision(), tc.precision)
				}
			})
		}
	}
}

// layouts are what OCR and copying make of the lines of a letter.
var layouts = map[string]func(string) string{
	"stray blank lines": func(s string) string {
		rng := rand.New(rand.NewPCG(1, uint64(len(s))))
		var b strings.Builder
		for l := range strings.Lines(s) {
			b.WriteString(l)
			if rng.IntN(6) == 0 {
				b.WriteByte('\n')
			}
		}
		return b.String()
	},
	"blank line after every line": func(s string) string { return strings.ReplaceAll(s, "\n", "\n\n") },
	"no blank lines": func(s string) string {
		for strings.Contains(s, "\n\n") {
			s = strings.ReplaceAll(s, "\n\n", "\n")
		}
		return s
	},
	"single spaces": func(s string) string {
		lines := strings.Split(s, "\n")
		for i, l := range lines {
			lines[i] = strings.Join(strings.Fields(l), " ")
		}
		return strings.Join(lines, "\n")
	},
	"CRLF and no-break spaces": func(s string) string {
		return strings.NewReplacer("\n", "\r\n", " :", "\u00a0:", "'", "’").Replace(s)
	},
	"decomposed accents": norm.NFD.String,
}

func TestLettersInOtherLayouts(t *testing.T) {
	for _, half := range []string{"built", "held"} {
		for name, layout := range layouts {
			t.Run(half+" "+name, func(t *testing.T) {
				logf := silent
				if half == "built" {
					logf = t.Logf
				}
				s := score{}
				for _, l := range samples(t, half) {
					got := fields(letter.Read(layout(l.text)))
					for i := range got {
						got[i] = strings.ReplaceAll(got[i], "’", "'")
					}
					s.add(l.name, got, wanted(l.want), 0, logf)
				}
				t.Logf("%s:%s", name, s)
				if all := s.total(); all.precision() < 0.95 || all.recall() < 0.92 {
					t.Errorf("precision %.3f, recall %.3f; want 0.95 and 0.92", all.precision(), all.recall())
				}
			})
		}
	}
}
