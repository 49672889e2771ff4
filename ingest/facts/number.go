package facts

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// numbersIn finds the phone numbers, e-mail addresses, bank accounts and social security
// numbers of a clean text, in their order and without overlap. The figures of the last two
// may look like a phone number, so they are found first.
func numbersIn(s string) []token {
	var out []token
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '@':
			if from, to := emailAround(s, i); to > 0 && (len(out) == 0 || out[len(out)-1].to <= from) {
				out = append(out, token{kind: email, fold: strings.ToLower(s[from:to]), from: from, to: to})
				i = to - 1
			}
		case (c == 'h' || c == 'w') && wordStart(s, i):
			if to := linkAt(s, i); to > 0 {
				out = append(out, token{kind: link, fold: "www", from: i, to: to})
				i = to - 1
			}
		case (c >= 'A' && c <= 'Z' || c == 'f') && wordStart(s, i):
			if to := ibanAt(s, i); to > 0 {
				out = append(out, token{kind: secret, fold: "iban", from: i, to: to})
				i = to - 1
			}
		case c >= '0' && c <= '9' || c == '+' || c == '(':
			run := runAt(s, i)
			if len(run) == 0 {
				continue
			}
			if !wordStart(s, i) { // "B12", or the minutes of "9h40"
				i = max(i, run[0].to-1)
				continue
			}
			end := run[len(run)-1].to
			if end < len(s) && letterAt(s, end) { // "… 9h"
				run = run[:len(run)-1]
			}
			if len(run) > 0 {
				out = phonesOf(s, run, out)
			}
			i = max(i, end-1)
		}
	}
	return slices.Clip(out)
}

// wordStart reports whether no letter, figure or sign of an address stands before i.
func wordStart(s string, i int) bool {
	if i == 0 {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return !unicode.IsLetter(r) && (r < '0' || r > '9') && r != '@' && r != '_' && r != '#'
}

func letterAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsLetter(r) || r == '@' || r == '_'
}

// A group is a run of figures.
type group struct {
	from, to int
	plus     bool // + stands before it
	trunk    bool // it is the (0) after a country code
	sep      byte // the sign before it: space, dot, dash, slash, or 0
	wide     bool // a full stop and a space stand before it
}

// maxGroups bounds the groups of one run. More are no number.
const maxGroups = 40

// runAt reads the groups of figures at i that at most two signs part.
func runAt(s string, i int) []group {
	var out []group
	sep, wide := byte(0), false
	for i < len(s) && len(out) < maxGroups {
		g := group{from: i, sep: sep, wide: wide}
		switch {
		case s[i] == '+':
			g.plus = true
			i++
			if i < len(s) && s[i] == ' ' {
				i++
			}
		case s[i] == '(' && strings.HasPrefix(s[i:], "(0)"):
			g.trunk = true
			i++
		case s[i] == '(' && (strings.HasPrefix(s[i:], "(+33)") || strings.HasPrefix(s[i:], "(+ 33)")):
			g.plus = true
			i = strings.IndexByte(s[i:], '3') + i
		case s[i] == '(':
			return out
		}
		j := i
		for j < len(s) && (s[j] >= '0' && s[j] <= '9' || corsica(s, i, j)) {
			j++
		}
		if j == i {
			break
		}
		if j < len(s) && s[j] == ')' && (g.plus || g.trunk) {
			j++
		}
		g.to = j
		out = append(out, g)
		i, sep = j, 0
		for n := 0; n < 2 && i < len(s) && strings.IndexByte(" .-/", s[i]) >= 0; n++ {
			if sep == 0 || sep == ' ' {
				sep = s[i]
			}
			i++
		}
		wide = i > j+1 && s[j] == '.' && s[j+1] == ' '
		if i < len(s) && s[i] == '/' && sep != 0 {
			sep = '/'
			i++
			if i < len(s) && s[i] == ' ' {
				i++
			}
		}
		if i >= len(s) || (s[i] < '0' || s[i] > '9') && s[i] != '+' && s[i] != '(' {
			break
		}
	}
	return out
}

// corsica reports whether the sign at j is the letter of the departments 2A and 2B in a social
// security number whose group begins at i.
func corsica(s string, i, j int) bool {
	return (s[j] == 'A' || s[j] == 'B') && (j == i+1 || j == i+6) && s[j-1] == '2' && (j+1 == len(s) || !letterAt(s, j+1))
}

// shapes are the ways in which the ten figures of a French number are grouped.
var shapes = [][]int{{10}, {2, 2, 2, 2, 2}, {4, 2, 2, 2}, {2, 2, 2, 4}, {2, 4, 4}, {4, 6}, {4, 3, 3}, {2, 3, 3, 2}, {2, 8}, {3, 3, 4}, {2, 2, 6}, {2, 2, 2, 2, 1, 1}, {2, 4, 2, 2}, {3, 3, 2, 2}}

// phonesOf adds the phone numbers among the groups of one run.
func phonesOf(s string, run []group, out []token) []token {
	if to := nirAt(s, run); to > 0 {
		return append(out, token{kind: secret, fold: "secu", from: run[0].from, to: to})
	}
	for i := 0; i < len(run); {
		n := phoneGroups(s, run[i:])
		// A number that goes on with more figures of its own kind is another one: the
		// figures of a file, of a bank account.
		if n == 0 || i > 0 && !parted(run, i) || i+n < len(run) && !parted(run, i+n) {
			i++
			continue
		}
		from, to := run[i].from, run[i+n-1].to
		out = append(out, token{kind: phone, fold: s[from:to], from: from, to: to})
		i += n
	}
	return out
}

// parted reports whether group i of a run begins something new: after a slash or a dash
// where the others have none, at another phone number, or after a short number such as that
// of a house or a floor.
func parted(run []group, i int) bool {
	if run[i].plus || run[i].sep == '/' || run[i].wide && i > 1 && !run[i-1].wide {
		return true
	}
	size := func(k int) int { return run[k].to - run[k].from }
	// "14 06 39 98 41 07": one group before a number of five pairs.
	if i == 1 && size(0) <= 3 && len(run) == 6 {
		return true
	}
	// Two numbers one after the other; a year, a postal code or an hour behind one.
	return i >= 5 && size(i-1) == 2 && (size(i) == 2 && len(run)-i >= 5 || size(i) > 2 && i%5 == 0) || size(i-1) == 10 || size(i) == 10 && i > 0
}

// phoneGroups returns how many of the first groups make a phone number, or 0.
func phoneGroups(s string, run []group) int {
	abroad := run[0].plus || strings.HasPrefix(s[run[0].from:run[0].to], "00")
	var digits []byte
	for i := range min(len(run), 8) {
		if i > 0 && (run[i].plus || run[i].sep == '/') {
			break
		}
		if run[i].trunk && (i == 0 || !abroad) {
			return 0
		}
		if !run[i].trunk {
			digits = append(digits, keepDigits(s[run[i].from:run[i].to])...)
		}
		switch {
		case abroad && len(digits) >= 9 && (i+1 == len(run) || len(digits) >= 11):
			if n := i + 1; abroadNumber(string(digits)) {
				return n
			}
		case !abroad && len(digits) == 10:
			if digits[0] != '0' || digits[1] == '0' || !shaped(run[:i+1]) {
				return 0
			}
			return i + 1
		}
		if len(digits) > 15 {
			break
		}
	}
	return 0
}

func shaped(run []group) bool {
	return slices.ContainsFunc(shapes, func(shape []int) bool {
		return slices.EqualFunc(shape, run, func(n int, g group) bool { return g.to-g.from == n })
	})
}

func abroadNumber(digits string) bool {
	digits = strings.TrimPrefix(digits, "00")
	if rest, ok := strings.CutPrefix(digits, "33"); ok {
		return len(strings.TrimPrefix(rest, "0")) == 9
	}
	return E164("+"+digits) != ""
}

// nirAt returns the end of a social security number at the beginning of a run, or 0: sex,
// year, month, department (of which two are 2A and 2B), commune, order and often a key, 13 or 15 figures (décret n° 82-103, article 4).
func nirAt(s string, run []group) int {
	var d []byte
	for i, g := range run {
		if g.plus || g.trunk {
			return 0
		}
		for _, c := range []byte(s[g.from:g.to]) {
			if c == 'A' || c == 'B' {
				c = '0'
			}
			d = append(d, c)
		}
		whole := i+1 == len(run) || len(d) == 15
		if len(d) > 15 {
			return 0
		}
		if whole && (len(d) == 13 || len(d) == 15) {
			month := int(d[3]-'0')*10 + int(d[4]-'0')
			if (d[0] == '1' || d[0] == '2') && (month >= 1 && month <= 12 || month >= 20 && month <= 42 || month >= 50) {
				return g.to
			}
			return 0
		}
	}
	return 0
}

// ibanLengths are the lengths of the bank accounts of France and of those countries whose
// accounts are seen there (ISO 13616, IBAN registry).
var ibanLengths = map[string]int{
	"FR": 27, "MC": 27, "BE": 16, "DE": 22, "ES": 24, "IT": 27, "LU": 20, "PT": 25, "CH": 21, "NL": 18, "GB": 22, "IE": 22, "LT": 20,
}

// ibanAt returns the end of an IBAN at i, or 0. A French one counts even where its check
// figures are wrong: it is hidden all the same.
func ibanAt(s string, i int) int {
	if i+4 > len(s) {
		return 0
	}
	country := strings.ToUpper(s[i : i+2])
	length := ibanLengths[country]
	if length == 0 {
		return 0
	}
	account := make([]byte, 0, 34)
	figures, j := 0, i
	for ; j < len(s) && len(account) < length; j++ {
		c := s[j]
		switch {
		case c >= '0' && c <= '9':
			figures++
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z':
		case c == ' ' && s[j-1] != ' ':
			continue
		default:
			return 0
		}
		account = append(account, c)
		if n := len(account); (n == 3 || n == 4) && figures != n-2 {
			return 0
		}
	}
	if len(account) < length || figures < 10 || j < len(s) && (s[j] >= '0' && s[j] <= '9' || letterAt(s, j)) || country != "FR" && !ibanValid(account) {
		return 0
	}
	return j
}

// ibanValid reports whether the check figures are right: modulo 97 (ISO 7064).
func ibanValid(account []byte) bool {
	rest := 0
	for k := range account {
		switch c := account[(k+4)%len(account)]; {
		case c >= 'A':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

// linkAt returns the end of a web address at i, or 0.
func linkAt(s string, i int) int {
	if !strings.HasPrefix(s[i:], "http://") && !strings.HasPrefix(s[i:], "https://") && !strings.HasPrefix(s[i:], "www.") {
		return 0
	}
	to := i
	for to < len(s) && s[to] > ' ' && s[to] != '<' && s[to] != '>' && s[to] != ')' && s[to] < utf8.RuneSelf {
		to++
	}
	for to > i && strings.IndexByte(".,;:!?", s[to-1]) >= 0 {
		to--
	}
	return to
}

// maxLocal and maxDomain are the bounds of RFC 5321 §4.5.3.1.
const (
	maxLocal  = 64
	maxDomain = 255
)

// emailAround returns the e-mail address round the @ at i, or zeros.
func emailAround(s string, i int) (from, to int) {
	from = i
	for from > 0 && i-from < maxLocal && localByte(s[from-1]) {
		from--
	}
	for from < i && strings.IndexByte(".-+%", s[from]) >= 0 {
		from++
	}
	to = i + 1
	for to < len(s) && to-i <= maxDomain && (localByte(s[to]) && s[to] != '%' && s[to] != '+' && s[to] != '_') {
		to++
	}
	for to > i && (s[to-1] == '.' || s[to-1] == '-') {
		to--
	}
	domain := s[i+1 : max(to, i+1)]
	dot := strings.LastIndexByte(domain, '.')
	if from == i || dot <= 0 || len(domain)-dot < 3 || strings.Contains(domain, "..") || from > 0 && s[from-1] >= utf8.RuneSelf {
		return 0, 0
	}
	return from, to
}

func localByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._%+-", c) >= 0
}
