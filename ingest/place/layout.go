package place

// zone says what a line of a message is.
type zone uint8

const (
	zoneBody   zone = iota
	zoneObject      // a subject, or the line "Objet :" of a letter
	zoneHead        // the writer's letter head
	zoneTail        // the signature
	zoneAside       // the addressee's address, or quoted mail: never the place
)

// line is one line that is not empty.
type line struct {
	from, to int // tokens
	words    int
	zone     zone
	postal   bool // has a postal code and a town
}

// Limits of what is looked at for a letter head and a signature, in lines that are not empty.
const (
	headLines = 24
	tailLines = 10
)

// salutations begin a message.
var salutations = set("bonjour bonsoir madame monsieur mesdames messieurs maitre cher chere coucou salut slt hello mademoiselle")

// closings begin the end of one.
var closings = set(`cordialement cdt cdlt cordiales salutations amicalement sincerement respectueusement merci veuillez recevez agreez croyez daignez bien
	bonne avec respects`)

// offices name the addressee.
var offices = set("mairie maire service services direction accueil adjoint adjointe commune")

// layOut sets the lines and their zones.
func (d *document) layOut() {
	for i := 0; i < len(d.tokens); {
		l := line{from: i}
		for ; i < len(d.tokens) && d.tokens[i].line == d.tokens[l.from].line; i++ {
			if d.tokens[i].kind == word || d.tokens[i].kind == number {
				l.words++
			}
		}
		l.to = i
		l.postal = d.postal(l)
		d.lines = append(d.lines, l)
	}
	if d.title {
		for i := range d.lines {
			d.lines[i].zone = zoneObject
		}
		return
	}
	d.quoted()
	d.head()
	d.tail()
}

// quoted sets aside quoted mail.
func (d *document) quoted() {
	for i := range d.lines {
		if d.is(d.lines[i].from, ">") {
			d.lines[i].zone = zoneAside
		}
	}
}

// prose says whether the line is one of running text, unlike the lines of an address.
func (d *document) prose(l line) bool {
	last := d.tokens[l.to-1]
	return !l.postal && (l.words >= 10 || l.words >= 5 && (last.fold == "." || last.fold == "!" || last.fold == "?") && !d.is(l.to-2, "tel"))
}

// object says whether the line names the subject: "Objet : …".
func (d *document) object(l line) bool {
	return d.is(l.from, "objet", "obj", "sujet", "concerne", "ref") && (d.is(l.from+1, ":", ".", "-") || d.tokens[l.from].fold == "objet")
}

// head marks the lines above the running text. Two blocks of address are the writer's and the addressee's; a block
// that names the town hall is the addressee's wherever it stands.
func (d *document) head() {
	end, marked, address := 0, false, false
	for end < len(d.lines) && end < headLines && !d.prose(d.lines[end]) {
		l := d.lines[end]
		if l.postal {
			address = true
		}
		if d.object(l) || d.in(l.from, salutations) && end > 0 {
			marked = true
		}
		end++
	}
	if end < len(d.lines) && d.object(d.lines[end]) {
		marked = true
	}
	if end == len(d.lines) || !marked && !address {
		d.objects()
		return
	}
	z := zoneHead
	for i := range end {
		l := &d.lines[i]
		if l.zone != zoneBody {
			continue
		}
		if d.office(*l) && (i > 0 || d.is(l.from, "mairie")) {
			z = zoneAside
		}
		l.zone = z
	}
	d.objects()
}

// office says whether a short line names the town hall.
func (d *document) office(l line) bool {
	if l.words > 8 {
		return false
	}
	for i := l.from; i < l.to; i++ {
		if d.in(i, offices) {
			return true
		}
	}
	return false
}

// objects marks the lines "Objet : …" near the top, with the lines that a long one runs over.
func (d *document) objects() {
	for i := 0; i < len(d.lines) && i < 2*headLines; i++ {
		if !d.object(d.lines[i]) {
			continue
		}
		d.lines[i].zone = zoneObject
		if i+1 < len(d.lines) && d.lines[i].words >= 8 && d.near(d.lines[i].to-1) && !d.in(d.lines[i+1].from, salutations) {
			d.lines[i+1].zone = zoneObject
		}
	}
}

// tail marks the signature: the short lines behind the running text or behind a closing formula.
func (d *document) tail() {
	start := len(d.lines)
	for start > 0 && len(d.lines)-start < tailLines {
		l := d.lines[start-1]
		if l.zone != zoneBody || d.prose(l) {
			break
		}
		start--
	}
	if start == 0 || d.lines[start-1].zone != zoneBody || !d.prose(d.lines[start-1]) {
		// All short lines: only what stands behind a closing formula is a signature.
		first := start
		for start < len(d.lines) && (start == first || !d.in(d.lines[start-1].from, closings)) {
			start++
		}
	}
	for i := start; i < len(d.lines); i++ {
		if d.lines[i].zone == zoneBody {
			d.lines[i].zone = zoneTail
		}
	}
}

// postal says whether the line has a postal code with a town behind it, and notes the town.
func (d *document) postal(l line) bool {
	for i := l.from; i < l.to-1; i++ {
		t := d.tokens[i]
		if t.kind == number && len(t.fold) == 5 && d.tokens[i+1].kind == word && (d.tokens[i+1].capital || d.allUpper(i+1)) {
			for j := i + 1; j < l.to && j <= i+3 && d.tokens[j].kind == word; j++ {
				d.town[d.tokens[j].fold] = true
			}
			return true
		}
	}
	return false
}

func (d *document) allUpper(i int) bool {
	s := d.text[d.tokens[i].start:d.tokens[i].end]
	return len(s) > 2 && fold(s) != s && s[0] >= 'A' && s[0] <= 'Z'
}

// zoneOf gives the zone of token i.
func (d *document) zoneOf(i int) zone {
	lo, hi := 0, len(d.lines)
	for lo+1 < hi {
		mid := (lo + hi) / 2
		if d.lines[mid].from <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return d.lines[lo].zone
}
