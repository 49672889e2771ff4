package letter

import (
	"slices"
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// A party is the sender as the letter gives it, before its name is put together.
type party struct {
	person, org string
	address     []string
	closed      bool // the address has its town
	phone       string
	email       string
}

func (p party) reachable() bool { return len(p.address) > 0 || p.phone != "" || p.email != "" }

// sender puts the name together: the person, then the organisation in brackets.
func (p party) sender() Sender {
	s := Sender{Name: p.person, Phone: p.phone, Email: p.email, Address: clip(strings.Join(p.address, ", "), maxAddress)}
	switch {
	case p.org != "" && p.person != "":
		s.Name += " (" + p.org + ")"
	case p.org != "":
		s.Name = p.org
	}
	s.Name = clip(s.Name, 2*maxName)
	return s
}

// findSender puts the sender together of all places that tell it, the surest first.
func findSender(ls []line, head int, end ending) party {
	if p, ok := fromForm(ls); ok {
		return p
	}
	p := fromHead(ls[:head], end)
	if q, ok := fromSentence(ls); ok {
		if p.person == "" && p.org == "" {
			p.person = q.person
		}
		p.fill(q)
	}
	tail := readBlock(end.block, end.name, true)
	if p.person == "" && p.org == "" || end.name == "" || sameName(p.person, end.name) || p.org != "" && p.person == "" {
		if p.person == "" {
			p.person = end.name
		}
		if p.org == "" && tail.org != "" && len(p.address) == 0 {
			p.org = tail.org
		}
		p.fill(tail)
		p.fill(readFooter(end.after))
	}
	p.notary()
	if p.org != "" && sameName(p.org, p.person) && strings.HasPrefix(fold(p.org), "etude de ") {
		p.org = "" // "Étude de Maître Paul Lacaze" says no more than his name
	}
	for _, l := range ls {
		if p.phone != "" {
			break
		}
		p.phone = ownPhone(l)
	}
	return p
}

// studyOf is how the study of a notary, or the practice of a lawyer, is called after its holder.
var studyOf = lazy.Regexp(`^(?:etude|cabinet|office(?: notarial)?) de (?:me|maitre) `)

// notary puts the holder for a study that is called after one and that nobody else signs for:
// "Étude de Me Anne Petit, notaire". Of two partners neither is taken.
func (p *party) notary() {
	m := studyOf().FindStringIndex(fold(p.org))
	if m == nil || p.person != "" {
		return
	}
	name, _, _ := strings.Cut(string([]rune(p.org)[m[1]:]), ",")
	if q, ok := personOf(name, 1); ok && !strings.Contains(fold(name), " et ") {
		p.person, p.org = "Me "+q.name, ""
	}
}

// fill takes from q what p lacks.
func (p *party) fill(q party) {
	if len(p.address) == 0 {
		p.address, p.closed = q.address, q.closed
	}
	if p.phone == "" {
		p.phone = q.phone
	}
	if p.email == "" {
		p.email = q.email
	}
}

// fromHead reads the blocks of the head that are not the recipient's.
func fromHead(head []line, end ending) party {
	var p party
	var found, afterRecipient bool
	bs := blocks(head)
	// A head that begins with "Direction …" and names the town below is another office's.
	addressed := slices.ContainsFunc(bs, func(b block) bool { return b.recipient && !b.maybe })
	for i, b := range bs {
		if ownOffice := i == 0 && b.maybe && addressed; b.recipient && !ownOffice {
			afterRecipient = true
			continue
		}
		q := readBlock(b.lines, end.name, false)
		named := q.person != "" || q.org != ""
		switch {
		case b.forced && named && !found:
			p, found = q, true
		case !found && named && (q.reachable() || certain(b.lines[0], q, end)):
			if !afterRecipient && p.person == "" && p.org == "" {
				// An address above the name, as on some letterheads.
				q.fill(p)
			}
			p, found, afterRecipient = q, true, false
		case found && !afterRecipient && !named:
			p.fill(q)
		case found && !afterRecipient && p.org != "" && p.person == "" && q.org == "":
			p.person = q.person
			p.fill(q)
		case !found && !afterRecipient && !named:
			p.fill(q)
		}
	}
	if !found && end.name == "" {
		return party{}
	}
	return p
}

// certain tells that a name without any address in the head is the sender's: it has the
// legal form of a firm, it is civil, or it is that of the signature.
func certain(l line, q party, end ending) bool {
	if sameName(q.person, end.name) {
		return true
	}
	if q.org != "" {
		return legalForm().MatchString(l.fold)
	}
	return civilWords(strings.Fields(l.text)) > 0 && end.name == ""
}

var (
	legalForm = lazy.Regexp(`\b(?:sarl|sasu?|eurl|sci|scop|selarl|gaec|earl|association|cabinet|etude|ets|societe|syndicat|comite|collectif|club)\b`)
	dashes    = lazy.Regexp(` +[-–—•|·/] +| {3,}`)
	careOf    = lazy.Regexp(`^(?:c/o|chez|a l'adresse de|representee?s? par) `)
	// addressLabel stands before the street on some letterheads.
	addressLabel = lazy.Regexp(`^(?:siege(?: social)?|adresse(?: postale)?|domicile|domicilie(?:e|\(e\))?) ?: ?`)
	nameThen     = lazy.Regexp(`^[^,]{3,60}, *(?:n ?o? ?)?[0-9]`)
	// relative is in a line with somebody else's number: "Téléphone de ma fille : …".
	relative = lazy.Regexp(`\b(?:de|a|chez) (?:ma|mon|mes|notre|nos) [a-z]`)
	// placeThenTown is a line with a name, then the postal code.
	placeThenTown = lazy.Regexp(`^[^,0-9]{3,60}, *[0-9]{2} ?[0-9]{3} [a-z' -]{2,40}$`)
	townTail      = lazy.Regexp(` +[-–—] .*$| *[,;(].*$`)
	// motto is a line by which a firm praises its age.
	motto = lazy.Regexp(`^(?:(?:maison|entreprise|etablissement|societe|fabrique|artisans?|menuisiers?|couvreurs?) )?(?:(?:fondee?|creee?|etablie?|ouverte?)s? (?:en|depuis)|depuis|a votre service depuis) (?:l'an )?[0-9]{4}[ .!]*$|^(?:maison|entreprise) familiale\b|^de peres? en fils\b`)
	// calledHouse begins an address by the name of the house: "maison dite « Les Tilleuls », …".
	calledHouse = lazy.Regexp(`^(?:maison|villa|ferme|pavillon|chalet|moulin) (?:dite?|nommee?|appelee?|denommee?) `)
	// proxy stands before the one who signs for another ("par ordre").
	proxy = lazy.Regexp(`^(?:p/o|p\.o\.|par ordre|pour ordre)[ :,]+`)
	// lodging is a home that rooms are let in, with the room: below a name it is where one
	// lives. Without a room it may be where one works.
	lodging  = lazy.Regexp(`^(?:ehpad|maison de retraite|maison de repos|foyer|residence|hopital|clinique)\b.*[ ,(-](?:chambre|ch\.|chbre|appartement|appt|apt|studio|logement) ?(?:n ?o ?)?[0-9a-z]{1,5}\b`)
	onlyTown = lazy.Regexp(`^[0-9oil|sz]{2} ?[0-9oil|sz]{3} `)
)

// pieces parts a line of a letterhead at its dashes, if that yields an address or a way
// to reach the sender.
func pieces(l line) []line {
	if i := strings.LastIndex(l.text, ","); i > 0 && isContact(l) {
		// "Rosine Malet, 17 rue des Vignerons, 99100 Saint-Exemple, 06 39 98 12 12"
		if rest, last := newLine(l.text[:i]), newLine(strings.TrimSpace(l.text[i+1:])); isPostal(rest) && !isContact(rest) && isContact(last) {
			return append(pieces(rest), last)
		}
	}
	if nameThen().MatchString(l.fold) {
		// "Rosine Malet, 17 rue des Vignerons", "La présidente : Rosine Malet, 17 rue …"
		if first, rest, ok := strings.Cut(l.text, ","); ok {
			if role, name, ok := strings.Cut(first, " :"); ok && isRole(role) {
				first = strings.TrimSpace(name)
			}
			if _, is := personOf(first, 2); is {
				return append([]line{newLine(first)}, pieces(newLine(strings.TrimSpace(rest)))...)
			}
		}
	}
	parts := dashes().Split(l.text, 12)
	if len(parts) < 2 {
		return []line{l}
	}
	out := make([]line, 0, len(parts))
	useful := false
	for _, s := range parts {
		pl := newLine(strings.TrimSpace(s))
		if pl.blank() {
			continue
		}
		useful = useful || isPostal(pl) || isContact(pl) || isLegal(pl, tokens(pl.fold))
		out = append(out, pl)
	}
	if !useful {
		return []line{l}
	}
	return out
}

// readBlock reads the lines of one block. signature is the name below the letter; bottom
// tells that the block stands there, where the firm comes after the person.
func readBlock(ls []line, signature string, bottom bool) party {
	r := reader{signature: signature, bottom: bottom}
	for _, whole := range ls {
		parts := pieces(whole)
		if (r.person != "" || r.org != "") && placeThenTown().MatchString(whole.fold) && !sameName(parts[0].text, signature) {
			// Below a name, "Friche Lavalette, 99100 Saint-Exemple" is a place, not another name.
			parts = []line{whole}
		}
		for _, l := range parts {
			r.read(l)
		}
	}
	return r.party
}

// A reader puts a party together line by line.
type reader struct {
	party
	signature string
	bottom    bool
	// pending are lines that are part of the address if a street or a town follows.
	pending []string
}

// read takes what a line of the sender's block says.
func (p *reader) read(l line) {
	if m := addressLabel().FindStringIndex(l.fold); m != nil {
		l = newLine(l.cut(m[1], len(l.fold)))
	}
	if l.blank() {
		return
	}
	if motto().MatchString(l.fold) {
		return
	}
	if m := proxy().FindStringIndex(l.fold); m != nil && p.person == "" {
		if q, rest, ok := nameIn(l.cut(m[1], len(l.fold)), 2); ok {
			p.person = q.name
			if rest != "" {
				p.read(newLine(rest))
			}
			return
		}
	}
	ts := tokens(l.fold)
	named := p.person != "" || p.org != ""
	if isContact(l) {
		p.contact(l)
		return
	}
	if p.person != "" && p.org == "" && !p.closed && lodging().MatchString(l.fold) {
		p.pending = append(p.pending, strings.TrimRight(l.text, " ,.;"))
		return
	}
	if what, rest, ok := strings.Cut(l.text, ","); ok && p.person != "" && hasLetters(what, 4) && !calledHouse().MatchString(l.fold) {
		// "Étudiant, résidence Colbert, chambre 112"
		if r := newLine(strings.TrimSpace(rest)); isStreet(r, tokens(r.fold)) && (isRole(what) || describes(newLine(what))) {
			l = r
			ts = tokens(l.fold)
		}
	}
	if p.abroad(l) || p.closed {
		return
	}
	switch k := kindOf(l); {
	case k == kindLabel || k == kindDate || k == kindSalutation || k == kindProse:
	case careOf().MatchString(l.fold):
		m := careOf().FindStringIndex(l.fold)
		if q, rest, ok := nameIn(l.cut(m[1], len(l.fold)), 1); ok && p.org != "" && p.person == "" {
			p.person = q.name
			if rest != "" && !isRole(rest) {
				p.read(newLine(rest))
			}
			return
		}
		p.pending = append(p.pending, l.text)
	case k == kindPostal:
		p.town(l)
	case k == kindStreet:
		p.pending = append(p.pending, strings.TrimRight(l.text, " ,.;"))
		if streetNum().MatchString(l.fold) || wayWords.has(ts[0]) {
			p.address = append(p.address, p.pending...)
			p.pending = nil
		}
	case k == kindLegal || cedex().MatchString(l.fold):
	case k == kindOrg && p.person != "" && roleWords.is(ts[0]) && !orgWords.is(ts[0]):
		// "Délégué des parents, école du Bourg" says what the person is.
	case k == kindPerson && p.person != "" && p.org == "" && len(p.address) == 0 && len(p.pending) == 0 && civilWords(strings.Fields(l.text)) > 0 && !p.bottom:
		// Two people, each on a line of their own.
		if q, _, ok := nameIn(l.text, 1); ok && len(p.person) < maxName {
			p.person += " et " + q.name
		}
	case k == kindOrg && p.org == "" && len(p.address) == 0 && (!p.bottom || named):
		p.org = withoutSlogan(l.text)
		if q, ok := personOf(l.text, 2); ok && p.person == "" && !orgWords.any(ts) && ts[0] != key("copropriete") && !dottedForm().MatchString(l.fold) && !kinFirm().MatchString(l.fold) {
			p.person = q.name
		}
	case k == kindMaybeRecipient && !named && len(p.address) == 0 && !p.bottom:
		p.org = strings.Trim(l.text, " ,;:-")
	case (k == kindPerson || k == kindOther && len(ts) > 2) && ts[0] == key("les") && !named && !p.bottom:
		p.org = strings.Trim(l.text, " ,;:-") // "Les Amis de la Tour"
	case k == kindRole && p.person != "" && p.org == "" && len(p.address) == 0 && !p.bottom && articles.is(ts[0]) && !roleWords.any(ts):
		p.pending = append(p.pending, strings.TrimRight(l.text, " ,.;")) // "Le Clos fleuri"
	case k == kindRole || k == kindOrg || k == kindMaybeRecipient || k == kindRecipient:
	case p.person == "":
		p.name(l, named)
	case p.person != "" && describes(l):
	case named && len(ts) <= 8 && (p.org == "" || streetNum().MatchString(l.fold)):
		p.pending = append(p.pending, strings.TrimRight(l.text, " ,.;"))
	}
}

// slogan is what a firm says it does, behind its name: a dash, then a small letter or a list
// that goes on in small letters.
var slogan = lazy.Regexp(` [-–—•|·] +(?:\p{Ll}|\p{Lu}[^,]{2,30}, \p{Ll}).*$`)

// withoutSlogan returns the name of an organisation as its line gives it.
func withoutSlogan(s string) string {
	if at := slogan().FindStringIndex(s); at != nil && hasLetters(s[:at[0]], 3) {
		s = s[:at[0]]
	}
	return strings.Trim(s, " ,;:-–—")
}

// contact takes the phone number and the e-mail address of a line.
func (p *reader) contact(l line) {
	if ph := phones(l); p.phone == "" && len(ph) > 0 && !relative().MatchString(l.fold) {
		p.phone = ph[0]
	}
	if p.email == "" {
		p.email = email(l)
	}
}

// town takes the line with the postal code, which ends the address.
func (p *reader) town(l line) {
	p.address = append(p.address, p.pending...)
	p.pending = nil
	text := l.text
	if at := postalAt(l); at == 0 && onlyTown().MatchString(l.fold) {
		text = townTail().ReplaceAllString(text, "")
	}
	p.address = append(p.address, strings.TrimRight(text, " ,.;"))
	p.closed = true
}

// name takes the name of a person, where the line holds one, and reads what follows it.
// named is true when the block has a person or an organisation already.
func (p *reader) name(l line, named bool) {
	q, rest, ok := nameIn(l.text, 2)
	if !ok {
		if named && (p.org == "" || streetNum().MatchString(l.fold)) {
			p.pending = append(p.pending, l.text)
		}
		return
	}
	if p.org != "" && !q.civil && !sameName(q.name, p.signature) && !isRole(rest) {
		return // below the firm it may as well be a house
	}
	if strings.Contains(fold(l.text), " et me ") || strings.Contains(fold(l.text), " et maitre ") {
		return // two partners: which of them writes is for the signature to tell
	}
	p.person = q.name
	if rest != "" {
		p.read(newLine(rest))
	}
}

// readFooter reads the small print at the foot of a letterhead: one or two lines of
// pieces between dashes, with the sender's town among them.
func readFooter(ls []line) party {
	for i, l := range ls {
		if ps := pieces(l); len(ps) < 3 || belowSign().MatchString(l.fold) {
			continue
		}
		p := readBlock(ls[i:min(i+3, len(ls))], "", true)
		if p.closed {
			return p
		}
	}
	return party{}
}

// Sentences by which a letter names its sender.
var (
	iUndersigned = lazy.Regexp(`\bje,? ?s[o0]ussigne(?:\(e\)|e)?,? ?`)
	fromPart     = lazy.Regexp(`^de la part de ?:? ?`)
	living       = lazy.Regexp(`\b(?:demeurant|domicilie(?:\(e\)|e)?|habitant|residant)(?: actuellement)?(?: (?:a l'adresse(?: suivante)?|au|aux|a|en))?[ :]+`)
	iLive        = lazy.Regexp(`\b(?:j'habite|nous habitons|je demeure|je reside|nous residons)(?: (?:au|aux|a))? (?:l'adresse suivante ?:? ?)?((?:[0-9]{1,4}(?: bis| ter)?,? )?(?:rue|avenue|boulevard|bd|place|chemin|route|impasse|allee|quai|cours|square|venelle|passage) [^,.;:()]{3,50}?(?:,? [0-9]{5} [a-z' -]{2,40}?)?)(?: (?:et|depuis|ou|avec|je|nous|mais|car|qui|a cote|au-dessus) |[,.;:()]|$)`)
	addressStops = lazy.Regexp(`,? (?:certifie|atteste|declare|demande|souhaite|sollicite|agissant|ne\b|nee\b|autorise|donne|reconnais|m'engage|et je|et nous|depuis|vous|qui|,? en qualite)|[.;)]`)
	// townAfterA is the town behind its street in a sentence: "12 rue Haute à 99100 …".
	townAfterA = lazy.Regexp(`(\S),? [àÀa] ((?:F ?- ?)?[0-9]{2} ?[0-9]{3} \p{Lu})`)
	streetIn   = lazy.Regexp(`, ?[0-9]{1,4}(?: ?bis| ?ter)?,? [a-z]`)
)

// fromSentence reads "Je soussigné …, demeurant au …" and "De la part de …".
func fromSentence(ls []line) (party, bool) {
	var p party
	for i, l := range ls {
		if i > maxEdge {
			break
		}
		m := iUndersigned().FindStringIndex(l.fold)
		if m == nil {
			m = fromPart().FindStringIndex(l.fold)
		}
		if m == nil {
			if s := iLive().FindStringSubmatchIndex(l.fold); s != nil && len(p.address) == 0 {
				p.address = []string{l.cut(s[2], s[3])}
			}
			continue
		}
		// The sentence may be wrapped.
		text := l.cut(m[1], len(l.fold))
		for j := i + 1; j < len(ls) && j <= i+3 && !ls[j].blank(); j++ {
			text += " " + ls[j].text
		}
		s := newLine(text)
		if q, ok := leadingName(s); ok {
			p.person = q
		} else {
			continue
		}
		if d := living().FindStringIndex(s.fold); d != nil {
			p.address = sentenceAddress(s, d[1])
		} else if d := streetIn().FindStringIndex(s.fold); d != nil && d[0] < maxName {
			p.address = sentenceAddress(s, d[0]+1)
		}
		return p, true
	}
	return p, len(p.address) > 0
}

// leadingName returns the name that a sentence begins with.
func leadingName(l line) (string, bool) {
	to := strings.IndexAny(l.fold, ",;(:")
	if to < 0 {
		to = len(l.fold)
	}
	ws := strings.Fields(l.cut(0, to))
	for n := min(len(ws), 8); n > 0; n-- {
		if q, ok := personOf(strings.Join(ws[:n], " "), 2); ok {
			return q.name, true
		}
	}
	return "", false
}

// sentenceAddress returns the address that begins at from in a sentence, if it looks
// like one.
func sentenceAddress(l line, from int) []string {
	to := len(l.fold)
	if m := addressStops().FindStringIndex(l.fold[from:]); m != nil {
		to = from + m[0]
	}
	a := newLine(townAfterA().ReplaceAllString(strings.Trim(l.cut(from, to), " ,:"), "$1, $2"))
	if at := postalAt(a); at >= 0 {
		// The town ends at the next comma.
		if i := strings.IndexByte(a.fold[at:], ','); i > 0 {
			a = newLine(a.cut(0, at+i))
		}
	}
	if len(a.fold) > 160 || !isPostal(a) && !isStreet(a, tokens(a.fold)) {
		return nil
	}
	return []string{a.text}
}
