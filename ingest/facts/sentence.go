package facts

// introductions are the words by which a text names its own sender. The apostrophe is no
// word here.
var introductions = []struct {
	words []string
	// weak ones need a civility or two words behind them.
	weak bool
	// begins tells that the words must begin a sentence.
	begins bool
}{
	{words: []string{"je", "m", "appelle"}},
	{words: []string{"je", "m", "apelle"}},
	{words: []string{"je", "m", "apel"}},
	{words: []string{"je", "mappelle"}},
	{words: []string{"je", "mapelle"}},
	{words: []string{"jmappelle"}},
	{words: []string{"jmapelle"}},
	{words: []string{"je", "me", "nomme"}},
	{words: []string{"je", "me", "presente"}, weak: true},
	{words: []string{"je", "soussigne"}},
	{words: []string{"je", "soussignee"}},
	{words: []string{"nous", "soussignes"}},
	{words: []string{"nous", "soussignees"}},
	{words: []string{"mon", "nom", "est"}},
	{words: []string{"moi", "c", "est"}, weak: true},
	{words: []string{"c", "est", "encore"}, weak: true},
	{words: []string{"c", "est", "toujours"}, weak: true},
	{words: []string{"c", "est"}, weak: true, begins: true},
	{words: []string{"ici"}, weak: true, begins: true},
	{words: []string{"je", "suis"}, weak: true},
	{words: []string{"nous", "sommes"}, weak: true},
	{words: []string{"de", "la", "part", "de"}, weak: true, begins: true},
	{words: []string{"signe", ":"}},
	{words: []string{"coordonnees", ":"}},
	{words: []string{"my", "name", "is"}},
	{words: []string{"nom", ":"}},
	{words: []string{"nom", "et", "prenom", ":"}},
}

// skipWords returns the token behind ws at p, elisions left out, or 0.
func (t text) skipWords(p, end int, ws []string) int {
	for _, w := range ws {
		if t.is(p, "'") || t.is(p, ",") && w != ":" {
			p++
		}
		if p >= end || t.ts[p].fold != w {
			return 0
		}
		p++
	}
	return p
}

// introduced finds the name that a sentence gives as the sender's own.
func (t text) introduced(end int) (name, bool) {
	for i := range end {
		k := t.ts[i]
		if k.kind != word || !introFirst[k.fold] {
			continue
		}
		for _, in := range introductions {
			p := t.skipWords(i, end, in.words)
			if p == 0 || in.begins && !t.sentenceStart(i) {
				continue
			}
			for p < end && (t.is(p, ",") || t.is(p, ":")) {
				p++
			}
			if t.is(p, "(") && t.is(p+1, "e") && t.is(p+2, ")") {
				if p += 3; t.is(p, ",") {
					p++
				}
			}
			// "je suis sa fille, Anne Petit"
			if in.weak && others[t.at(p+1).fold] && t.is(p+2, ",") {
				p += 3
			}
			n, ok := t.nameAt(p, end, false)
			if !ok {
				n, ok = t.nameAt(p, end, true)
			}
			sure := !in.weak || n.civil || n.known && (n.words > 1 || in.words[0] == "ici")
			if !ok || !sure || t.functional(n) {
				continue
			}
			return n, true
		}
	}
	return name{}, false
}

var introFirst = func() vocab {
	v := vocab{}
	for _, in := range introductions {
		v[in.words[0]] = true
	}
	return v
}()

// functional reports whether a name is in truth a function: "Mme Directrice".
func (t text) functional(n name) bool { return functions[t.at(n.bare).fold] }

// sentenceStart reports whether token i begins a sentence.
func (t text) sentenceStart(i int) bool {
	switch k := t.at(i - 1); k.fold {
	case ".", "!", "?", ",", ":", "(", "-":
		return true
	default:
		return i == 0 || k.kind == newline || k.kind == gap || k.fold == "bonjour" || k.fold == "bonsoir"
	}
}

// officers are those who write for an organisation.
var officers = words("president presidente tresorier tresoriere secretaire gerant gerante directeur directrice responsable membre vice-president vice-presidente")

// office finds the organisation for which a sentence says that the sender writes: "Trésorière
// de l'association Les Aiguilles, …", "au nom du club de judo". Behind
// a comma it may be said of somebody else, save in the signature.
func (t text) office(sig signature, end int) string {
	for i := range end {
		k := t.ts[i]
		switch {
		case officers[k.fold] && (t.sentenceStart(i) && (!t.is(i-1, ",") || i >= sig.from) || t.firstPersonBefore(i) || t.is(i-1, "que") || t.is(i-1, "de") && t.is(i-2, "qualite")):
		case k.fold == "nom" && t.is(i-1, "au"):
		case k.fold == "represente" && t.is(i-1, "je"), k.fold == "representons":
		default:
			continue
		}
		p := i + 1
		switch t.at(p).fold {
		case "de", "du", "d", "la", "le", "l":
		default:
			continue
		}
		for p++; p < end && (t.is(p, "la") || t.is(p, "l") || t.is(p, "'")); p++ {
		}
		q := t.orgAt(p, end, true)
		if q == 0 {
			continue
		}
		// The common noun is no part of a name that has its own article: "association Les …".
		if f := t.ts[p]; !f.upper && (f.fold == "association" || f.fold == "asso" || f.fold == "societe" || f.fold == "entreprise") && t.at(p+1).upper {
			p++
		}
		return t.cut(p, q)
	}
	return ""
}
