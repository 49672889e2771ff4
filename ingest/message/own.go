package message

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// ownWords returns what the sender wrote of a text: without quoted history, signature
// blocks, the advertisements of mobiles and webmails, and confidentiality footers. It
// goes by what French and English programs write. "" means that nothing was left.
func ownWords(text string) string {
	// No \s of package regexp matches a non-breaking blank.
	lines := strings.Split(strings.NewReplacer("\u00A0", " ", "\u202F", " ").Replace(text), "\n")
	lines = cutHistory(lines)
	lines = dropQuotes(lines)
	lines = cutSignature(lines)
	lines = cutFooters(lines)
	return tidy(strings.Join(lines, "\n"))
}

var (
	// "Le lun. 3 nov. 2025 à 10:12, Jean Dupont <jean@x.fr> a écrit :" of Gmail, Apple
	// Mail, Thunderbird, Orange, Free; "On Mon, Nov 3, 2025 … wrote:".
	attribution = lazy.Regexp(`(?i)^\W{0,4}(?:(?:le|en date de|en date du|on|quoting|citando)\s.{5,300}(?:a\s+écrit|a\s+ecrit|wrote|écrivait)\s*:?|.{3,200}\sa\s+écrit\s*:|(?:le\s)?.{3,200}<[^>]+@[^>]+>\s*(?:a\s+écrit|wrote)\s*:|20\d\d[-/]\d\d?[-/]\d\d?\s.{0,200}<[^<>]*@[^<>]*>\s*:)\s*$`)
	// "-----Message d'origine-----" of Outlook and SFR, "> Message du 03/11/25 10:12" of Orange.
	separator = lazy.Regexp(`(?i)^\W*(?:-{2,}|_{2,}|={2,}|>)\s*(?:message\s+(?:d['’]origine|original|initial|transféré|transmis|du\s+\d|transféré par)|original\s+(?:message|appointment)|forwarded\s+message|e-?mail\s+d['’]origine|courriel\s+original|mail\s+transféré|mail\s+original|forwarded\s+by|reply\s+message)(?:\PL|$)`)
	// "---- Le lun., 3 nov. 2025 … a écrit ----" of Zoho.
	attributionRule = lazy.Regexp(`(?i)^\s*-{2,}\s*(?:on|le)\s.{5,200}(?:wrote|a\s+écrit)\s*:?\s*-{2,}\s*$`)
	// Yahoo's programs for telephones leave no line end after it.
	attributionInLine = lazy.Regexp(`(?i)^\s*(?:le|on)\s.{5,200}<[^<>\s]+@[^<>\s]+>\s*(?:a\s+écrit|wrote)\s*:\s*\S`)
	// What a person tells of a letter: "l'agent m'a écrit :".
	personWrote = lazy.Regexp(`(?i)(?:\PL[mt]['’]|\PL(?:nous|vous|lui|leur|qui|on)\s+)a\s+écrit`)
	isoDate     = lazy.Regexp(`^20\d\d[-/]\d\d?[-/]\d`) // how Gmail began until 2014
	// What an attribution says, in the languages that are not taken apart further.
	wroteWord = lazy.Regexp(`(?i)écrit|ecrit|wrote|writes|schrieb|schreef|scritto|escribi|escreveu|skrev|said|dit\s*:|@`)
	clock     = lazy.Regexp(`\d{1,2}\s?[:hH]\s?\d{2}`)
	// A mail that forwards another and says no more than a greeting is sent for that one.
	forwarded    = lazy.Regexp(`(?im)^\W*(?:-{2,}|début du|begin)\s*(?:e-?mail|message|courriel|forwarded)\s+(?:transféré|réexpédié|transmis|message|by)`)
	greetingOnly = lazy.Regexp(`(?i)^\W*(?:(?:bonjour|bonsoir|hello|hi|salut|madame|monsieur|mesdames|messieurs|et|à\s+tous|le\s+maire|la\s+maire)\W*)+$`)
	// Apple Mail's line before a forwarded mail.
	appleForward = lazy.Regexp(`(?i)^\s*(?:début du message (?:réexpédié|transféré|transmis)|begin forwarded message)\s*:\s*$`)
	// The header block that Outlook puts before history.
	historyFrom = lazy.Regexp(`(?i)^[\s*>|]*(?:de|from|expéditeur|envoyé par)\s*[\s*]*:[\s*]*\S`)
	historyRest = lazy.Regexp(`(?i)^[\s*>|]*(?:envoyé(?:\s+le)?|date|sent|à|to|destinataires?|cc|copie(?:\s+à)?|objet|subject|sujet|pièces?\s+jointes?|importance)\s*[\s*]*:`)
	historyDate = lazy.Regexp(`(?i)^[\s*>|]*(?:envoyé(?:\s+le)?|date|sent)\s*[\s*]*:`)
	historySent = lazy.Regexp(`(?i)^[\s*>|]*(?:envoyé(?:\s+le)?|sent)\s*[\s*]*:`)
	rule        = lazy.Regexp(`^\s*(?:_{10,}|-{10,}|={10,}|\*{10,})\s*$`)
	// What a program adds under a text in praise of itself.
	advert = lazy.Regexp(`(?i)^\W*(?:` +
		`envoyée?\s+(?:de(?:puis)?|à\s+partir\s+de|avec|via|par)\s+(?:mon|ma|l['’]|la|le|un|une|une?|outlook|yahoo|gmail|orange|free|sfr|bouygues|samsung|proton|courrier|mail|android|iphone|ios|thunderbird)[^.!?\n]{0,100}|` +
		`sent\s+(?:from|with|via|using)\s+(?:my|the|outlook|yahoo|gmail|mail|proton|samsung|windows|mobile|airmail|iphone|android|a|an)\b[^.!?\n]{0,100}|` +
		`(?:télécharger?|obtenez|obtenir|get)\s+outlook\s+(?:pour|for)\b[^\n]{0,160}|` +
		`provenance\s*:\s*courrier[^\n]{0,100}|` +
		`(?:garanti\s+)?sans\s+virus\b[^\n]{0,120}|virus-free\b[^\n]{0,120}|` +
		`(?:cet?\s+(?:e-?mail|courrier|message|courriel)[^\n]{0,60}(?:vérifi|analys|contrôl)[^\n]{0,60}(?:antivirus|avast|virus)|this\s+(?:e-?mail|message)\s+has\s+been\s+(?:checked|scanned)\s+for\s+virus)[^\n]{0,200}|` +
		`(?:afin de|pour)\s+(?:respecter|préserver|contribuer au respect de)\s+l['’]environnement[^\n]{0,200}|` +
		`(?:pensez|pensons)\s+(?:à|a)\s+l['’]environnement[^\n]{0,200}|(?:please\s+)?(?:consider|think\s+of)\s+the\s+environment[^\n]{0,200}|` +
		`(?:merci\s+de\s+)?n['’]?imprime[rz]\s+(?:ce|cet)\s[^\n]{0,160}` +
		`)[.!]?(?:\s*(?:veuillez|merci\s+de\s+bien\s+vouloir|please|pardon(?:nez)?)\s[^.!\n]{0,80}[.!]?)?\s*$`)
	// The start and the weight of a confidentiality footer.
	footerStart = lazy.Regexp(`(?i)^\W*(?:(?:ce|cet|cette)\s+(?:message|mail|e-?mail|courriel|courrier|transmission|communication)\b|les?\s+(?:informations?|contenu)\s+(?:contenue?s?|figurant|de ce)|l['’]?(?:intégrité|émetteur)\b|this\s+(?:e-?mail|message|communication|transmission)\b|the\s+information\s+(?:contained|in\s+this)|avis\s+de\s+confidentialité|confidentialit[éy]|disclaimer|avertissement|si\s+vous\s+(?:avez\s+reçu|n['’]êtes\s+pas\s+(?:le\s+)?destinataire)|if\s+you\s+(?:have\s+received|are\s+not\s+the)|toute\s+(?:utilisation|diffusion|publication))`)
	footerWords = lazy.Regexp(`(?i)confidenti|destinataire|privileged|intended|recipient|par\s+erreur|in\s+error|décline\s+toute|disclaim|altér`)
	bareLink    = lazy.Regexp(`^\W*(?:https?://\S+|www\.\S+)\W*$`)
)

// cutHistory cuts at the first line from which on all is an older mail that is not
// marked line by line.
func cutHistory(lines []string) []string {
	for i, line := range lines {
		if separator().MatchString(line) && !startsQuoteOnly(lines[i:]) || strings.HasPrefix(line, "--") && attributionRule().MatchString(line) || appleForward().MatchString(line) || isHeaderBlock(lines[i:]) {
			end := i
			for end > 0 && (rule().MatchString(lines[end-1]) || strings.TrimSpace(lines[end-1]) == "") {
				end--
			}
			return dropAttribution(lines[:end])
		}
	}
	return lines
}

// dropAttribution takes an attribution off the end: some programs write one and a
// header block too.
func dropAttribution(lines []string) []string {
	for n := 1; n <= min(4, len(lines)); n++ {
		tail := lines[len(lines)-n:]
		if attributionLines(tail) == n && names(tail) {
			return lines[:len(lines)-n]
		}
	}
	return lines
}

// startsQuoteOnly reports whether what follows a separator is marked with ">" anyway,
// so that an answer below it can be told from it.
func startsQuoteOnly(lines []string) bool {
	for _, line := range lines[1:] {
		if t := strings.TrimSpace(line); t != "" {
			return strings.HasPrefix(t, ">")
		}
	}
	return false
}

// isHeaderBlock recognises the "De : … Envoyé : … À : … Objet : …" of Outlook: a
// sender, and two more fields of which one is a date, in the next lines. A letter may
// begin alike ("De : … Date : … Objet : …"), so there is an address too, or the
// date of a mail.
func isHeaderBlock(lines []string) bool {
	if !historyFrom().MatchString(lines[0]) {
		return false
	}
	fields, dated, mail := 0, false, strings.Contains(lines[0], "@")
	for _, line := range lines[1:min(len(lines), 9)] {
		if historyRest().MatchString(line) {
			fields++
			dated = dated || historyDate().MatchString(line)
			mail = mail || strings.Contains(line, "@") || historySent().MatchString(line)
		}
	}
	return fields >= 2 && dated && mail
}

// dropQuotes drops lines marked with ">", and the attribution before them. Answers
// between and below quotations stay.
func dropQuotes(lines []string) []string {
	out := make([]string, 0, len(lines))
	list := false // in a list whose items begin with ">"
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if isQuoted(line) {
			if list = list || i > 0 && len(out) > 0 && out[len(out)-1] == lines[i-1] && opensList(line, lines[i-1]); list {
				out = append(out, line)
			}
			continue
		}
		list = false
		if strings.Contains(line, "@") && attributionOpens(strings.TrimSpace(line)) && attributionInLine().MatchString(line) && hasText(out) {
			return out
		}
		if n := attributionLines(lines[i:]); n > 0 {
			rest := lines[i+n:]
			if quotedNext(rest) {
				i += n - 1
				continue
			}
			if hasText(out) && len(rest) > 0 && names(lines[i:i+n]) {
				// History that is not marked: Yahoo, some webmails.
				return out
			}
		}
		out = append(out, line)
	}
	return out
}

// opensList reports whether line is the first item of a list rather than a quotation:
// it follows at once on a sentence that ends with a colon and is no attribution.
func opensList(line, before string) bool {
	return strings.HasSuffix(strings.TrimSpace(before), ":") && !wroteWord().MatchString(before) &&
		!strings.HasPrefix(strings.TrimLeft(line, "> \t"), ">") && strings.Count(line, ">") == 1
}

// names reports whether an attribution tells a time of day or an address: only then does
// what is not marked count as history. "Mon voisin a écrit :" is a citizen's sentence.
func names(attribution []string) bool {
	s := strings.Join(attribution, " ")
	return strings.Contains(s, "@") || attributionOpens(strings.TrimSpace(s)) && clock().MatchString(s) && !personWrote().MatchString(s)
}

func isQuoted(line string) bool {
	t := strings.TrimLeft(line, " \t")
	return strings.HasPrefix(t, ">") || strings.HasPrefix(t, "|>")
}

// attributionLines returns over how many lines an attribution goes, 0 when there is
// none. Programs wrap it.
func attributionLines(lines []string) int {
	first := strings.TrimSpace(lines[0])
	if first == "" || len(first) > 300 {
		return 0
	}
	joined := first
	for n := 1; ; n++ {
		if strings.HasSuffix(joined, ":") || strings.HasSuffix(joined, "écrit") || strings.HasSuffix(joined, "wrote") {
			if attribution().MatchString(joined) {
				return n
			}
			return 0
		}
		if n == 4 || n >= len(lines) || !attributionOpens(first) {
			return 0
		}
		next := strings.TrimSpace(lines[n])
		if next == "" || len(joined)+len(next) > 400 {
			return 0
		}
		joined += " " + next
	}
}

func attributionOpens(s string) bool {
	l := strings.ToLower(Cut(s, 12))
	return strings.HasPrefix(l, "le ") || strings.HasPrefix(l, "on ") || strings.HasPrefix(l, "en date d") || isoDate().MatchString(l)
}

func quotedNext(lines []string) bool {
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			return isQuoted(line)
		}
	}
	return false
}

func hasText(lines []string) bool {
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			return true
		}
	}
	return false
}

// cutSignature cuts at the separator "-- " of RFC 3676 §4.3; programs that trim lines
// leave "--". What is longer than signatures are is no signature.
func cutSignature(lines []string) []string {
	const longest = 20
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-longest-1; i-- {
		if t := strings.TrimRight(lines[i], " \t"); (t == "--" || t == "—") && hasText(lines[:i]) {
			return lines[:i]
		}
	}
	return lines
}

// cutFooters drops, from the end upwards, advertisements and confidentiality footers.
// It stops at the first paragraph that is neither, and never takes all.
func cutFooters(lines []string) []string {
	end := len(lines)
	for end > 0 {
		for end > 0 && strings.TrimSpace(lines[end-1]) == "" {
			end--
		}
		start := end
		for start > 0 && strings.TrimSpace(lines[start-1]) != "" {
			start--
		}
		if start == end {
			break
		}
		para := lines[start:end]
		if isAdvert(para) || hasText(lines[:start]) && isFooter(para) {
			end = start
			continue
		}
		// An advertisement without a blank line before it.
		last := strings.TrimSpace(lines[end-1])
		if end-start > 1 && (advert().MatchString(last) || rule().MatchString(last)) {
			end--
			continue
		}
		break
	}
	return lines[:end]
}

func isAdvert(para []string) bool {
	joined := strings.Join(strings.Fields(strings.Join(para, " ")), " ")
	if len(joined) > 600 {
		return false
	}
	if advert().MatchString(joined) || rule().MatchString(joined) {
		return true
	}
	some := false
	for _, line := range para {
		switch {
		case advert().MatchString(line):
			some = true
		case rule().MatchString(line), bareLink().MatchString(line):
		default:
			return false
		}
	}
	return some
}

func isFooter(para []string) bool {
	joined := strings.Join(strings.Fields(strings.Join(para, " ")), " ")
	return len(joined) > 60 && len(joined) < 4000 && footerStart().MatchString(joined) && footerWords().MatchString(joined)
}
