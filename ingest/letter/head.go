package letter

import (
	"regexp"
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// headOf returns how many lines stand before the body: up to the salutation, or to the
// first line of prose.
func headOf(ls []line) int {
	for i, l := range ls {
		if l.blank() {
			continue
		}
		if isSalutation(l) && len(l.cells) < 2 && !interleavedCue().MatchString(l.fold) {
			return i
		}
		if isProse(l) && !isLabel(l) && !isContact(l) && !openers().MatchString(l.fold) {
			return i
		}
		if i > maxEdge/2 {
			return i
		}
	}
	return len(ls)
}

// A block is what stands together in the head, in one column.
type block struct {
	lines     []line
	recipient bool
	maybe     bool // a recipient by a word that the sender's own letterhead may have too
	forced    bool // "Expéditeur :" stands before it
	right     bool // it stands in the right column
	// settled tells that it has its postal code, or a way to reach the sender.
	settled bool
}

var openers = lazy.Regexp(`^(?:(?:de la part de|expedit(?:eur|rice)|emett(?:eur|rice)|sender)\b ?:? ?|(?:de|exp\.?) ?: ?)`)

// blocks parts the head into blocks, in the order in which they begin.
func blocks(head []line) []block {
	var out []block
	left, right := &builder{}, &builder{right: true}
	head = closeUp(head)
	flush := func() {
		// The left column comes first: that is where the sender stands.
		out = append(out, left.take()...)
		out = append(out, right.take()...)
	}
	for _, l := range columns(head) {
		if l.left.blank() {
			left.blank()
		} else {
			left.add(l.left)
		}
		if l.right.blank() {
			right.blank()
		} else {
			right.add(l.right)
		}
		if l.left.blank() && l.right.blank() {
			flush()
		}
	}
	flush()
	return rejoin(out)
}

// rejoin puts together what a stray blank line has parted: OCR gives one wherever two lines
// stand a little wider apart. A block that begins with a street or a town goes on
// with the one above it in its column, as long as that one lacks them.
func rejoin(bs []block) []block {
	var out []block
	above := map[bool]int{} // column to the index in out, plus one
	for _, b := range bs {
		if i := above[b.right] - 1; i >= 0 && !b.recipient && !b.forced && len(b.lines) > 0 {
			a := &out[i]
			switch k := kindOf(b.lines[0]); {
			case !a.settled && (k == kindStreet || k == kindPostal || k == kindLegal),
				!a.recipient && (k == kindContact || k == kindLegal):
				a.lines = append(a.lines, b.lines...)
				a.settled = a.settled || b.settled
				continue
			}
		}
		out = append(out, b)
		above[b.right] = len(out)
	}
	return out
}

// closeUp drops the blank lines of a head in which nearly every line stands alone: wide
// spacing, which OCR gives as blank lines, parts nothing.
func closeUp(head []line) []line {
	full, alone := make([]line, 0, len(head)), 0
	for i, l := range head {
		if l.blank() {
			continue
		}
		full = append(full, l)
		if (i == 0 || head[i-1].blank()) && (i+1 == len(head) || head[i+1].blank()) {
			alone++
		}
	}
	if len(full) >= 6 && alone*10 >= len(full)*8 {
		return full
	}
	return head
}

// A builder makes blocks of the lines of one column.
type builder struct {
	right bool
	done  []block
	cur   block
}

func (b *builder) blank() {
	if len(b.cur.lines) > 0 {
		b.cur.right = b.right
		b.done = append(b.done, b.cur)
	}
	if len(b.cur.lines) > 0 || !b.cur.forced {
		b.cur = block{}
	}
}

func (b *builder) take() []block {
	b.blank()
	d := b.done
	b.done = nil
	return d
}

func (b *builder) add(l line) {
	if m := openers().FindStringIndex(l.fold); m != nil {
		b.blank()
		b.cur = block{forced: true}
		if l = newLine(l.cut(m[1], len(l.fold))); l.blank() {
			return
		}
	}
	k := kindOf(l)
	switch k {
	case kindLabel, kindSalutation, kindDate, kindProse:
		b.blank()
		return
	case kindRecipient:
		if b.employer(l) {
			break
		}
		if !b.cur.recipient {
			b.blank()
			b.cur.recipient = true
		}
	case kindMaybeRecipient:
		if b.cur.recipient || len(b.cur.lines) == 0 || b.cur.settled {
			if !b.cur.recipient {
				b.blank()
				b.cur.maybe = true
			}
			b.cur.recipient = true
		}
	case kindPerson, kindOrg:
		// OCR loses the blank line between two addresses.
		if b.cur.settled && b.cur.recipient {
			b.blank()
		}
	}
	b.cur.lines = append(b.cur.lines, l)
	b.cur.settled = b.cur.settled || k == kindPostal || k == kindContact && !b.cur.recipient
}

// employer reports whether a line that could begin the recipient's address goes on with the
// sender's: "Adjoint technique", "Ville de Port-Aval" below a name.
func (b *builder) employer(l line) bool {
	n := len(b.cur.lines)
	return n >= 2 && !b.cur.recipient && !b.cur.settled && kindOf(b.cur.lines[0]) == kindPerson && kindOf(b.cur.lines[n-1]) == kindRole && !civilities.has(tokens(l.fold)[0])
}

// A row is a line of the head in its two columns.
type row struct{ left, right line }

// interleavedCue is the beginning of the recipient's column where OCR has put two columns
// into one line.
var (
	interleavedCue = lazy.Regexp(`. ((?:monsieur|madame|messieurs|mme|m\.) (?:le|la|les|l')[ ]?(?:[mn]a[il1]re|adjoint|president|directeur|directrice|conseiller)|ma[il1]r[il1]e (?:de|du|d'|des)|ma[il1]r[il1]e$|hotel de v[il1][l1i]{2}e|serv[il1]ces? (?:de|du|des|d'|tech)|place de la ma[il1]r[il1]e|a (?:madame|monsieur|l'attention))`)
	strongCue      = lazy.Regexp(`. (?:monsieur|madame|messieurs) (?:le|la|les|l')[ ]?[mn]?a|. ma[il1]r[il1]e`)
	secondPostal   = lazy.Regexp(`.{6,} ([0-9]{5} [a-z])`)
	secondStreet   = lazy.Regexp(`.{8,}[a-z]{3} ([0-9]{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|route|impasse|allee|quai|cours|square) )`)
)

// columns puts the head into two columns: where white space keeps them apart, and where
// OCR ran them together, at the words that begin the recipient's.
func columns(head []line) []row {
	run := interleaved(head)
	out := make([]row, 0, len(head))
	for i, l := range head {
		switch {
		case l.blank():
			out = append(out, row{})
		case len(l.cells) > 1:
			r := row{right: newLine(strings.Join(l.cells[1:], " "))}
			if l.cells[0] != "" {
				r.left = newLine(l.cells[0])
			}
			out = append(out, r)
		case i < run:
			out = append(out, splitRow(l))
		default:
			out = append(out, row{left: l})
		}
	}
	return out
}

// interleaved returns the end of the first lines that hold two columns, or 0.
func interleaved(head []line) int {
	n, strong, end := 0, false, 0
	for i, l := range head {
		if l.blank() {
			if n > 0 {
				break
			}
			continue
		}
		if isLabel(l) || isDate(l) || isSalutation(l) {
			continue
		}
		if at := cueAt(l); at > 0 {
			n++
			strong = strong || strongCue().MatchString(l.fold)
		}
		end = i + 1
	}
	if n < 2 || !strong {
		return 0
	}
	return end
}

// cueAt returns where the right column begins in a line, or -1.
func cueAt(l line) int {
	if isRecipient(tokens(l.fold)) {
		return -1
	}
	for _, re := range []*regexp.Regexp{interleavedCue(), secondStreet()} {
		m := re.FindStringSubmatchIndex(l.fold)
		if m == nil {
			continue
		}
		// "3, place de la Mairie" is one address.
		before := strings.TrimRight(l.fold[:m[2]], " ,")
		if c := before[len(before)-1]; strings.HasPrefix(l.fold[m[2]:], "place") && c >= '0' && c <= '9' || strings.HasSuffix(before, " bis") {
			continue
		}
		return m[2]
	}
	// A postal code after a full line of address or after a phone number is the other column's.
	if m := secondPostal().FindStringSubmatchIndex(l.fold); m != nil {
		before := newLine(l.cut(0, m[2]))
		if isPostal(before) || isContact(before) || isStreet(before, tokens(before.fold)) {
			return m[2]
		}
	}
	return -1
}

func splitRow(l line) row {
	if isRecipient(tokens(l.fold)) {
		return row{right: l}
	}
	if at := cueAt(l); at > 0 {
		return row{left: newLine(l.cut(0, at)), right: newLine(l.cut(at, len(l.fold)))}
	}
	return row{left: l}
}
