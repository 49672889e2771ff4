package open311

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/facts"
)

// hidden stands for what was taken out of a text. No rule below finds anything in it.
const hidden = "[masqué]"

// mask takes out of a report what tells who somebody is: addresses of mail and of the Web,
// telephone and other long numbers, plates, people's names, where the sender lives. It would
// rather take out a word too many, for what is once published cannot be called back. It is no
// anonymisation, which no list of rules is: "le voisin du 4" stays.
type mask struct {
	// own are the words of the sender's name and address, folded.
	own map[string]bool
	// address is where the sender lives, as far as a text names it, or nil.
	address *regexp.Regexp
}

// newMask makes the mask for a report by sender, who may have signed the text as well.
func newMask(sender ingest.Person, text string) mask {
	m := mask{own: map[string]bool{}}
	found := facts.Sender(facts.Input{Kind: facts.Form, Header: facts.Person(sender), Text: text})
	names := []string{sender.Name}
	for _, name := range []string{found.Name, found.Signature} {
		// A report of a few words ("Banc Cassé") is no signature.
		if at := strings.LastIndex(text, name); at > 0 && strings.Contains(strings.TrimSpace(text[:at]), "\n") || strings.Contains(text[:max(at, 0)], ".") {
			names = append(names, name)
		}
	}
	if above, last, ok := lastLine(text); ok && signature.MatchString(last) && strings.ContainsAny(above, ".!?,") {
		names = append(names, last)
	}
	for _, name := range names {
		for _, w := range words.FindAllString(name, -1) {
			if f := fold(w); len(f) > 1 && !particles[f] {
				m.own[f] = true
			}
		}
	}
	for _, address := range []string{sender.Address, found.Address} {
		if line, _, _ := strings.Cut(address, ","); countDigits(line) > 0 && len(line) >= 8 && len(line) < 200 {
			m.address = regexp.MustCompile(`(?i)` + strings.Join(strings.Fields(regexp.QuoteMeta(plainRunes(line))), `[\s,]+`))
		}
	}
	return m
}

// signature is a line that may be a name and nothing else.
var signature = regexp.MustCompile(`^\p{Lu}[\p{L}'’.\-]*(?: +(?:(?:de|du|des|la|le|DE|DU|LE|LA) +|[dDlL]['’])*\p{Lu}[\p{L}'’\-]*){1,3}\.?$`)

// lastLine parts a text of several lines before its last one.
func lastLine(text string) (above, last string, ok bool) {
	text = strings.TrimSpace(text)
	i := strings.LastIndexByte(text, '\n')
	if i < 0 {
		return "", text, false
	}
	return text[:i], strings.TrimSpace(text[i:]), true
}

// particles are words of names that are words of everything else, too.
var particles = set("de du des d la le les l et ou a au aux en van von der den m mr mme mlle monsieur madame mademoiselle dr famille " +
	"association syndicat copropriete conseil comite collectif mairie ville ecole college lycee")

var words = regexp.MustCompile(`\p{L}+`)

const (
	houseNumber = `(?:n°\s*|num[ée]ro\s+)?\d{1,4}\s?(?:bis|ter|quater|[a-d]\b)?\s*,?\s*`
	street      = `\b(?:rue|ruelle|avenue|ave?\b|boulevard|bd\b|bvd|allées?|impasse|place|pl\b|chemin|route|cours|quai|square|résidence|lotissement|passage|sentier|venelle|hameau|cité|faubourg|promenade|villa|clos|mail|esplanade)\b`
)

// The rules, in the order in which they are gone by. RE2 needs time linear in the text.
var (
	webAddress  = regexp.MustCompile(`(?i)\b(?:https?|ftp)\s*:\s*//\S+|\bwww\.\S+`)
	domain      = regexp.MustCompile(`(?i)\b(?:[a-z0-9-]+\.)+(?:fr|com|org|net|eu|info|io|be|ch|re|nc|pf|paris|bzh|alsace|corsica|gp|mq|biz|me|tv|app|social|online|site)\b(?:/\S*)?`)
	mailAddress = regexp.MustCompile(`[^\s@,;:<>()\[\]"]*\s?[@＠]\s?[^\s@,;:<>()\[\]"]+`)
	spelledMail = regexp.MustCompile(`(?i)[^\s,;:]+\s*[\[({]\s*(?:at|arobase|a|chez)\s*[\])}]\s*\S+(?:\s*(?:[\[({]\s*(?:dot|point)\s*[\])}]|\bpoint\b|\.)\s*[\pL\d]+)*|[^\s,;:]+\s+(?:arobase|arrobase)\s+\S+(?:\s+point\s+\S+)*`)
	// A number is a run of figures with what people write between them, be it on several lines.
	number  = regexp.MustCompile(`[+(]{0,2}(?:\b[Oo][1-9]|\d)(?:(?:[\s.\-/_·•()]{0,4}|,)\d)*`)
	anyDate = regexp.MustCompile(`(?:0?[1-9]|[12]\d|3[01])[/.\-](?:0?[1-9]|1[0-2])[/.\-](?:19|20)\d\d|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`)
	spelled = regexp.MustCompile(`(?i)\bz[ée]ro(?:[\s,\-]+(?:et|z[ée]ro|une?|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|quarante|cinquante|soixante|cents?)\b){3,}`)
	iban    = regexp.MustCompile(`(?i)\b[a-z]{2}\d{2}(?:[\s\-]?[a-z0-9]{4}){2,8}(?:[\s\-]?[a-z0-9]{1,3})?\b`)
	// A French social security number may have a letter for a département of Corsica.
	corsican = regexp.MustCompile(`(?i)\b[1-4]\s?\d{2}\s?\d{2}\s?2\s?[ab]\s?\d{3}\s?\d{3}(?:\s?\d{2})?\b`)
	// Plates since 2009 (no I, O, U), and those before.
	newPlate = regexp.MustCompile(`(?i)\b[a-hj-np-tv-z]{2}[-.]?\d{3}[-.]?[a-hj-np-tv-z]{2}\b`)
	newWide  = regexp.MustCompile(`\b[A-HJ-NP-TV-Z]{2}[\s\-.]{1,3}\d{3}[\s\-.]{1,3}[A-HJ-NP-TV-Z]{2}\b`)
	oldPlate = regexp.MustCompile(`\b\d{1,4}[\s\-]?([A-Z]{2,3})[\s\-]?(?:\d{2}|2[AB]|97\d)\b`)
	titled   = regexp.MustCompile(`((?i:\bmonsieur|\bmadame|\bmademoiselle|\bmessieurs|\bmesdames|\bma[îi]tre|\bdocteur|\bdr\.?|\bmrs?\.?|\bmmes?\.?|\bmlles?\.?|\bm\.|\bfamille)|\bM|\bMe)\s+((?:(?i:et|ou|de|du|des|la|le|van|von|el|ben)\s+|[dDlL]['’])*\p{Lu}[\p{L}'’\-.]*(?:\s+(?:(?:de|du|des|la|le|van|von|el|ben|DE|DU|LE|LA)\s+|[dDlL]['’])*\p{Lu}[\p{L}'’\-.]*){0,3})`)
	titledLC = regexp.MustCompile(`(?i)(\bmmes?\.?|\bmlles?\.?|\bmrs?\.?)(\s+)(\p{L}[\p{L}'’\-]+)`)
	named    = regexp.MustCompile(`((?i:\bje\s+m['’]appelle|\bmon\s+nom\s+est|\bnomm[ée]e?s?|\bappel[ée]e?\s+(?:monsieur|madame)|\bje\s+suis|\bsign[ée]e?\s*:?|\bcordialement[,.\s]|\bsalutations[,.\s]|\bbien\s+à\s+vous[,.\s]|\bcontacter|\bappeler|\bvoisine?\b|\bpropriétaire\b|\blocataire\b)\s*)(\p{Lu}[\p{L}'’\-.]*(?:\s+(?:(?:de|du|des|la|le)\s+)?\p{Lu}[\p{L}'’\-.]*){0,3})`)
	// Where the sender lives is not where the trouble is; a street, with its number, up to the
	// end of the clause.
	home = regexp.MustCompile(`(?i)(\bj['’]\s?habit(?:e|ais)|\b(?:nous|on)\s+habit(?:ons|e)|\bje\s+(?:r[ée]side|demeure|loge|vis)|\bnous\s+(?:r[ée]sidons|vivons)|\bdemeurant|\bdomicili[ée]e?s?|\br[ée]sidante?s?|\bmon\s+(?:adresse|domicile|appartement|immeuble)|\bma\s+maison|\bnotre\s+(?:adresse|domicile|maison|immeuble)|\bchez\s+(?:moi|nous))([^.;!?\n\d]{0,30}?)((?:au\s+)?` + houseNumber + street + `[^.;,!?\n]{0,60}\b|` + street + `[^.;,!?\n]{0,60}\b|(?:au|n°|num[ée]ro)\s*\d{1,4}\b)`)
	born = regexp.MustCompile(`(?i)((?:^|[^\pL])n(?:é\(e\)|é[.·\-/]e|ée|ee|é)s?\s*:?\s*(?:\(?\b(?:le|en)\b\)?\s*)?|\bdate\s+de\s+naissance\s*:?\s*)([^.;,\n\d]{0,20}(?:\d{1,2}\s?[./\-]\s?\d{1,2}\s?[./\-]\s?\d{2,4}|\d[^.;,\n]{0,25}))`)
	code = regexp.MustCompile(`(?i)(\bdigicode|\bcode\s+(?:d['’]\s?(?:acc[eè]s|entr[ée]e)|(?:du|de\s+la)\s+(?:portail|porte|digicode))|\bmot\s+de\s+passe|\binterphone|\bnum[ée]ro\s+(?:de\s+(?:s[ée]curit[ée]\s+sociale|permis|passeport|carte)))(\s*(?:est|:|n°|no)?\s*)(\S+)`)
)

// functionWords follow a title without being a name.
var functionWords = set("le la les l de du des d maire l'adjoint adjoint adjointe president presidente conseiller conseillere directeur directrice prefet " +
	"je vous qui que et ou a est sont ont au aux en dans sur pour par avec un une ce cette mon ma mes son sa ses notre nos votre vos leur " +
	"bonjour bonsoir merci tout tous toute il elle on nous se ne pas y")

// notPlates are words that stand between two numbers where a plate has its letters.
var notPlates = set("rue ave bld bis ter av bd chm imp hlm zac res du de et au ou la le km ans rn rd")

// hide returns text without what the rules find.
func (m mask) hide(text string) string {
	text = plainRunes(text)
	text = replaceAll(text, webAddress, nil)
	text = replaceAll(text, spelledMail, nil)
	text = replaceAll(text, mailAddress, nil)
	text = replaceAll(text, domain, nil)
	text = replaceAll(text, iban, func(s string) bool { return countDigits(s) >= 10 })
	text = replaceAll(text, corsican, nil)
	text = home.ReplaceAllString(text, "${1}${2}"+hidden)
	if m.address != nil {
		text = m.address.ReplaceAllString(text, hidden)
	}
	text = born.ReplaceAllString(text, "${1}"+hidden)
	text = code.ReplaceAllString(text, "${1}${2}"+hidden)
	text = replaceAll(text, number, longNumber)
	text = replaceAll(text, spelled, nil)
	text = replaceAll(text, newPlate, nil)
	text = replaceAll(text, newWide, func(s string) bool { return !notPlates[fold(s[:2])] || !notPlates[fold(s[len(s)-2:])] })
	text = oldPlate.ReplaceAllStringFunc(text, func(s string) string {
		if notPlates[fold(words.FindString(s))] {
			return s
		}
		return hidden
	})
	text = replaceNames(text, titled)
	text = titledLC.ReplaceAllStringFunc(text, func(s string) string {
		p := titledLC.FindStringSubmatch(s)
		if functionWords[fold(p[3])] {
			return s
		}
		return p[1] + p[2] + hidden
	})
	text = replaceNames(text, named)
	return again.ReplaceAllString(m.hideOwn(text), hidden)
}

// again is the mark several times, which says no more than once.
var again = regexp.MustCompile(`\[masqué\](?:[ \-]?\[masqué\])+`)

// hideOwn takes out the words of the sender's own name, whatever their case and accents.
func (m mask) hideOwn(text string) string {
	if len(m.own) == 0 {
		return text
	}
	return words.ReplaceAllStringFunc(text, func(w string) string {
		if w != "masqué" && m.own[fold(w)] {
			return hidden
		}
		return w
	})
}

// replaceAll hides what rule finds, where sure is nil or says so.
func replaceAll(text string, rule *regexp.Regexp, sure func(string) bool) string {
	return rule.ReplaceAllStringFunc(text, func(s string) string {
		if strings.Contains(s, hidden) || sure != nil && !sure(s) {
			return s
		}
		// What ends a sentence is no part of an address.
		end := strings.TrimRight(s, ".,;:!?)»\"'")
		return hidden + s[len(end):]
	})
}

// replaceNames hides the second group of a rule, from the first word on that may be a name.
func replaceNames(text string, rule *regexp.Regexp) string {
	return rule.ReplaceAllStringFunc(text, func(s string) string {
		name := rule.FindStringSubmatch(s)[2]
		for _, at := range words.FindAllStringIndex(name, -1) {
			if w := fold(name[at[0]:at[1]]); !functionWords[w] && !particles[w] {
				return s[:len(s)-len(name)+at[0]] + hidden
			}
		}
		return s
	})
}

// longNumber reports whether a run of figures is a telephone number, an account or a file, as
// against a house number, a sum or a date.
func longNumber(s string) bool {
	figures := strings.TrimLeft(s, "+(")
	n := countDigits(figures)
	if strings.ContainsAny(figures[:1], "Oo") {
		return n >= 7 // the letter for a zero, of who wants to slip by
	}
	date := anyDate.FindStringIndex(figures)
	dated := date != nil && date[0] == 0 && (date[1] == len(figures) || strings.IndexByte(" \n", figures[date[1]]) >= 0)
	if n == 10 && figures[0] == '0' && !dated || len(figures) < len(s) && n >= 8 {
		return true
	}
	return n-countDigits(strings.Join(anyDate.FindAllString(figures, -1), "")) >= 8
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

// plainRunes undoes what hides figures and letters from the rules: characters of no width,
// accents apart from their letters, wide forms, figures of other scripts, and the many spaces.
func plainRunes(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r), r >= 0xfe00 && r <= 0xfe0f, r == 0x20e3, r == 0x034f, r == 0x3164, r == 0x2800:
			return -1
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xfee0
		case unicode.Is(unicode.Zs, r):
			return ' '
		case r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
			return '\n'
		case r > 0x7f && unicode.Is(unicode.Nd, r):
			return figure(r)
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")))
	return ringed.ReplaceAllStringFunc(s, norm.NFKC.String)
}

// ringed are figures in circles, and small ones but for those of m² and m³.
var ringed = regexp.MustCompile(`[\x{2460}-\x{24ff}\x{2776}-\x{2793}\x{2070}-\x{2089}\x{1f100}-\x{1f10a}]+`)

// figure is a figure of another script. They stand in rows of ten.
func figure(r rune) rune {
	zero := r
	for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
		zero--
	}
	return '0' + (r - zero)
}

// fold makes words comparable that differ in case and accents.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

func set(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[w] = true
	}
	return out
}
