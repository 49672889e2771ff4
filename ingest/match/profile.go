package match

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lazy"
)

const (
	// textMax bounds what is compared of a text, in bytes once folded: what a letter is
	// about stands on its first page.
	textMax = 4000
	// entityMax bounds the names and numbers that are kept of a text.
	entityMax = 64
	// keysMax bounds the facts and the words of a submission by which it is found again.
	keysMax = 48
	// textKeyMin is the number of letters and digits under which a text says too little
	// to be recognised ("Bonjour", "Merci d'avance").
	textKeyMin = 40
)

// sureScore is how likely a category must be to count for or against a link. It is not the
// town's threshold of review: that one may be moved for reasons of work.
const sureScore = 0.6

// Profile implements ingest.Matcher.
func (m *Matcher) Profile(rec ingest.Record, r ingest.Reading, c ingest.Classification) ingest.Profile {
	s := summarize(rec, r, c)
	p := ingest.Profile{TextKey: textKey(r), Facts: s.Who.facts(), Words: s.Who.words(), Summary: s.encode()}
	for _, w := range m.telling(s.Entities) {
		p.Words = append(p.Words, factKey("word", w))
	}
	if s.Place.street != "" && c.Category != "" {
		p.Facts = append(p.Facts, factKey("place", c.Category+" "+s.Place.street))
	}
	own := m.prepare(s, r)
	for _, author := range own.authors {
		p.Facts, p.Words = append(p.Facts, author.facts()...), append(p.Words, author.words()...)
	}
	p.Facts, p.Words = unique(p.Facts), unique(p.Words)
	p.Facts, p.Words = p.Facts[:min(len(p.Facts), keysMax)], p.Words[:min(len(p.Words), keysMax)]
	p.Bands, p.Quoted, p.Prepared = bands(own.grams), bands(own.quoted), own
	return p
}

// prepared is a new submission, ready to be compared.
type prepared struct {
	summary
	grams *gramSet
	words *vector
	// quoted are the 5-grams of what the mail quotes, authors who wrote it.
	quoted  *gramSet
	authors []party
	// references are those that it names.
	references []string
}

func (m *Matcher) prepare(s summary, r ingest.Reading) *prepared {
	return &prepared{
		summary: s, grams: grams5(s.Text), words: m.Weights.vector(s.Text),
		quoted: grams5(clipFolded(foldWords(clipRaw(quotedText(r))))), authors: quotedAuthors(r),
		references: references(r.Subject + "\n" + clipRaw(r.Words()) + "\n" + clipRaw(r.Text)),
	}
}

func unique(keys []int64) []int64 {
	slices.Sort(keys)
	return slices.Compact(keys)
}

func summarize(rec ingest.Record, r ingest.Reading, c ingest.Classification) summary {
	words := r.Matter()
	s := summary{
		Text:     clipFolded(foldWords(ownSubject(r) + "\n" + clipRaw(words))),
		Entities: entities(ownSubject(r) + " . " + clipRaw(words)),
		Who:      partyOf(r.From, r.Letter.Signature),
		Place:    spotOf(r.Place),
		Top:      c.Top,
		Sure:     len(c.Top) > 0 && c.Category == c.Top[0].Category && c.Top[0].Score >= sureScore,
		Public:   c.Public,
		Misread:  rec.Channel == ingest.ChannelScan || r.Recognised(),
		Passed:   words != r.Words(),
		Files:    filesKey(r),
	}
	s.Follows, s.Fresh, s.Strays, s.Called = follows().match(s.Text), fresh().match(s.Text), strays().match(s.Text), called().match(s.Text)
	return s
}

// clipRaw cuts a text to what can be of use once folded.
func clipRaw(s string) string { return s[:min(len(s), 4*textMax)] }

// filesKey identifies the files of a reading, whatever their order; "" for none.
func filesKey(r ingest.Reading) string {
	files := make([]string, 0, len(r.Attachments))
	for _, a := range r.Attachments {
		files = append(files, a.SHA256)
	}
	if len(files) == 0 {
		return ""
	}
	slices.Sort(files)
	sum := sha256.Sum256([]byte(strings.Join(files, ",")))
	return hex.EncodeToString(sum[:8])
}

// textKey identifies the words of a reading whatever their case, accents, spacing
// and punctuation, together with the files that came with them; "" when there are too
// few words. "Please find my request attached" is another matter with each file, and a
// copier that scans to mail always says the same.
func textKey(r ingest.Reading) string {
	folded := Fold(r.Text)
	if len(folded) < textKeyMin {
		return ""
	}
	sum := sha256.Sum256([]byte(folded + "\x00" + filesKey(r)))
	return hex.EncodeToString(sum[:16])
}

// quotedText is what a mail quotes of earlier ones.
func quotedText(r ingest.Reading) string {
	if r.OwnText == "" || r.OwnText == r.Text {
		return ""
	}
	return strings.TrimPrefix(r.Text, r.OwnText)
}

// clipFolded cuts a folded text to what is compared of it, between two words.
func clipFolded(s string) string {
	if len(s) <= textMax {
		return s
	}
	if i := strings.LastIndexByte(s[:textMax], ' '); i > 0 {
		return s[:i]
	}
	return s[:textMax]
}

// replyMarks are what mail programs put before the subject of an answer, forwardMarks
// before that of a mail that is passed on.
var (
	replyMarks   = map[string]bool{"re": true, "ré": true, "rép": true, "rep": true}
	forwardMarks = map[string]bool{"tr": true, "fw": true, "fwd": true, "transféré": true}
)

// ownSubject is the subject without the marks of mail programs; "" for that of an answer,
// which is the words of somebody else.
func ownSubject(r ingest.Reading) string {
	s := r.Subject
	for {
		s = strings.TrimSpace(s)
		head, rest, ok := strings.Cut(s, ":")
		switch mark := strings.ToLower(strings.TrimSpace(head)); {
		case ok && replyMarks[mark]:
			return ""
		case ok && forwardMarks[mark]:
			s = rest
		default:
			return s
		}
	}
}

// entities returns the words of a text that name something, folded: those with a capital
// in the middle of a sentence, and numbers. Two forms that differ in nothing else may be
// for two children.
func entities(text string) []string {
	var out []string
	start := true // of a sentence
	for w := range strings.FieldsSeq(text) {
		word := strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		first, digits := rune(0), false
		for i, r := range word {
			if i == 0 {
				first = r
			}
			digits = digits || unicode.IsDigit(r)
		}
		if digits || unicode.IsUpper(first) && !start {
			for part := range strings.FieldsSeq(foldWords(word)) {
				if len(part) > 1 && !slices.Contains(out, part) && len(out) < entityMax {
					out = append(out, part)
				}
			}
		}
		start = strings.ContainsAny(w, ".!?") || word == "" && start
	}
	return out
}

// tellingMax bounds the words of a text by which it is found again.
const tellingMax = 16

// telling returns the words among entities by which others that speak of the same can be
// found: the rarest, numbers of three digits and more, but no years.
func (m *Matcher) telling(entities []string) []string {
	type weighed struct {
		word   string
		weight float64
	}
	var list []weighed
	for _, w := range entities {
		switch digit := strings.ContainsAny(w, "0123456789"); {
		case digit && (len(w) < 3 || len(w) == 4 && (w[:2] == "19" || w[:2] == "20")), !digit && len(w) <= minName:
			continue
		}
		n, sum := 0, 0.0
		eachPart(w, func(part string) { n, sum = n+1, sum+m.Weights.of(part) })
		list = append(list, weighed{w, sum / float64(max(n, 1))})
	}
	slices.SortStableFunc(list, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	out := make([]string, 0, tellingMax)
	for _, w := range list[:min(len(list), tellingMax)] {
		out = append(out, w.word)
	}
	return out
}

// quotedAuthor matches how mail programs name the author of what they quote or forward.
var quotedAuthor = lazy.Regexp(`(?mi)^[>\s]*(?:de|from|exp[ée]diteur)\s*:\s*"?([^<\n"]*?)"?\s*(?:<([^>\s]+@[^>\s]+)>|\[mailto:([^\]\s]+)\])?\s*$|\ble\s[^\n]{6,60}?,?\s([^,<\n]{3,60}?)\s*<([^>\s]+@[^>\s]+)>\s*a\s+écrit`)

// quotedAuthors returns whose mails a mail quotes or forwards: of a letter that an elected
// member passes on, the citizen.
func quotedAuthors(r ingest.Reading) []party {
	quoted := clipRaw(quotedText(r))
	var out []party
	for _, m := range quotedAuthor().FindAllStringSubmatch(quoted, quotedMax) {
		p := partyOf(ingest.Person{Name: cmp.Or(m[1], m[4]), Email: cmp.Or(m[2], m[3], m[5])}, "")
		if p.email != "" || len(p.names) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// quotedMax bounds the authors that are looked for.
const quotedMax = 4

// quarrel reports whether two texts each name something that the other does not: the
// first name of another child, another number.
func (m *Matcher) quarrel(a, b summary) bool {
	return m.missing(a, b) && m.missing(b, a)
}

// rareShare is how near to that of a word never seen the weight of one must be that names
// something though it is written small.
const rareShare = 0.85

// missing reports whether a names something that b does not. Of a text that was recognised
// from an image, numbers say nothing, and names are compared with patience.
func (m *Matcher) missing(a, b summary) bool {
	misread := a.Misread || b.Misread
	other := strings.Fields(b.Text)
	have := make(map[string]bool, len(other))
	for _, w := range other {
		have[w] = true
	}
	absent := func(w string) bool {
		switch {
		case have[w]:
			return false
		case strings.ContainsAny(w, "0123456789"):
			return !misread
		}
		return !slices.ContainsFunc(other, func(x string) bool { return nearWord(w, x) })
	}
	if slices.ContainsFunc(a.Entities, absent) {
		return true
	}
	if m.Weights == nil {
		return false
	}
	for w := range strings.FieldsSeq(a.Text) {
		if len(w) > minName && !have[w] && m.Weights.rare(w) && absent(w) {
			return true
		}
	}
	return false
}
