// Package classify says what a submission is about and which service sees to it.
//
// Rules of the categories file come first: the citizen's own choice, the address written
// to, the folder of a scan, the sender's domain. Where none of them decides, a model does
// that has learned from texts, mixed with the phrases of the file. It names the rules and
// words that decided, and says how sure it is; where it is not, or where there are words
// of danger, a person looks.
//
//   - Rules is the categories file, which can classify by itself.
//   - Classifier adds the model: the built-in one, made of the texts in texts/, or one that
//     has learned from the town's settled requests as well. Open finds or trains it, Train
//     makes a new one, Use goes back.
//   - Package model is the learning.
//   - Score adds up figures, for `saisine evaluate`.
package classify

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// maxTop is how many categories a Classification lists.
const maxTop = 3

// maxWords is how many words a reason names.
const maxWords = 6

// Rules is a Classifier made of a categories file. It is immutable and safe for
// concurrent use.
type Rules struct {
	file       File
	danger     *danger
	matcher    *matcher
	phrases    []phrase
	codes      map[string]int
	recipients map[string][]int
	senders    map[string][]int
	folders    map[string][]int
}

var _ ingest.Classifier = (*Rules)(nil)

// phrase is one phrase of one category.
type phrase struct {
	category int
	weight   float64
	text     string
}

// New makes the classifier of a file that was loaded without error.
func New(f File) *Rules {
	r := &Rules{
		file: f, danger: newDanger(f.danger()), matcher: newMatcher(), codes: map[string]int{},
		recipients: map[string][]int{}, senders: map[string][]int{}, folders: map[string][]int{},
	}
	shapes := map[string]bool{}
	index := func(m map[string][]int, names []string, category int) {
		for _, n := range names {
			if n = key(n); !slices.Contains(m[n], category) {
				m[n] = append(m[n], category)
			}
		}
	}
	for i, c := range f.Categories {
		r.codes[c.Code] = i
		index(r.recipients, c.Recipients, i)
		index(r.senders, c.Senders, i)
		// A separator sheet names the service itself.
		index(r.folders, append([]string{c.Code, c.Service.Name}, c.Folders...), i)
		for _, group := range c.Phrases {
			for _, text := range group.Any {
				// Two spellings of one phrase in one category are one phrase.
				shape := fmt.Sprint(i, phraseWords(text))
				if !shapes[shape] && r.matcher.add(text, len(r.phrases)) {
					shapes[shape] = true
					r.phrases = append(r.phrases, phrase{category: i, weight: group.Weight, text: text})
				}
			}
		}
	}
	return r
}

// Load makes the classifier of the file at path ("" = the built-in one). See LoadFile
// for its errors.
func Load(path string) (*Rules, error) {
	f, err := LoadFile(path)
	if err != nil {
		return nil, err
	}
	return New(f), nil
}

// Default makes the classifier of the built-in file.
func Default() *Rules {
	r, err := Load("")
	if err != nil {
		// The file is part of the program, and a test holds it.
		panic("classify: built-in categories: " + err.Error())
	}
	return r
}

// File returns the categories file that the rules are made of. It must not be changed.
func (r *Rules) File() *File { return &r.file }

// key folds a name for comparison: case, accents, dashes and spaces make no difference.
func key(s string) string {
	if local, domain, ok := strings.Cut(s, "@"); ok {
		return key(local) + "@" + strings.ToLower(domain)
	}
	if strings.Contains(s, ".") && !strings.Contains(s, " ") {
		return strings.ToLower(s) // a domain
	}
	var parts []string
	words(s, func(w []byte) { parts = append(parts, string(w)) })
	return strings.Join(parts, " ")
}

// evidence is what speaks for one category.
type evidence struct {
	score   float64
	reasons []string // rules other than phrases
	found   []find
}

// find is a phrase that stands in the submission.
type find struct {
	phrase  int
	points  float64
	subject bool
}

// Classify implements ingest.Classifier. The context is not used: it takes well under
// a millisecond, since only the first 64 KiB of each text are looked at.
func (r *Rules) Classify(_ context.Context, rec ingest.Record, reading ingest.Reading) ingest.Classification {
	e := make([]evidence, len(r.file.Categories))
	r.named(e, rec, reading)
	r.words(e, reading)
	order := make([]int, len(e))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(e[b].score, e[a].score) })

	c := ingest.Classification{NeedsReview: true, Urgent: r.danger.find(reading)}
	if len(order) == 0 || e[order[0]].score <= 0 {
		c.Service = rec.Hints.Service
		if service, ok := r.clerksService(rec.Hints.Service, none); ok {
			c.Service = service
		}
		c.Reasons = []string{"aucune règle ne s’applique : à qualifier"}
	} else {
		r.name(&c, rec, e, order)
	}
	flagUrgent(&c)
	spaceAll(&c)
	return c
}

// name writes the best of the categories in order into c, what spoke for it, and the doubts
// about it.
func (r *Rules) name(c *ingest.Classification, rec ingest.Record, e []evidence, order []int) {
	best := e[order[0]]
	second := 0.0
	if len(order) > 1 {
		second = max(0, e[order[1]].score)
	}
	category := r.file.Categories[order[0]]
	c.Category, c.Service, c.Public = category.Code, category.Service.Name, category.Public
	c.Confidence = confidence(best.score, second)
	c.NeedsReview = c.Confidence < cmp.Or(r.file.Threshold, ruleThreshold)
	c.Reasons = r.reasons(best)
	if c.NeedsReview && second > 0 {
		other := r.file.Categories[order[1]]
		c.Reasons = append(c.Reasons, fmt.Sprintf("hésitation avec %s : %s", quoted(other.Label), strings.Join(r.reasons(e[order[1]]), " ; ")))
	}
	if service, ok := r.clerksService(rec.Hints.Service, order[0]); ok {
		// Whoever laid the letter there decided for whom it is; what it is about is left open.
		c.Service = service
		doubt(c, "service indiqué par le dossier ou la feuille de séparation : %s", quoted(service))
	}
	total := 0.0
	for _, x := range e {
		total += max(0, x.score)
	}
	for _, i := range order[:min(maxTop, len(order))] {
		if e[i].score > 0 {
			c.Top = append(c.Top, ingest.Ranked{Category: r.file.Categories[i].Code, Score: e[i].score / total})
		}
	}
}

// named adds the rules that need no reading: choice, addresses, folder.
func (r *Rules) named(e []evidence, rec ingest.Record, reading ingest.Reading) {
	w := r.file.Weights
	choice := cmp.Or(reading.Category, rec.Hints.Category)
	if i, ok := r.codes[choice]; ok {
		e[i].add(w.Choice, "choix du demandeur : "+quoted(r.file.Categories[i].Label))
	}
	seen := map[int]bool{}
	for _, address := range slices.Concat(reading.To, reading.Cc) {
		address = key(bareAddress(address))
		local, _, _ := strings.Cut(address, "@")
		for _, i := range slices.Concat(r.recipients[address], r.recipients[local]) {
			if !seen[i] {
				seen[i] = true
				e[i].add(w.Recipient, "adresse de destination : "+quoted(local))
			}
		}
	}
	if rec.Hints.Service != "" {
		list := r.folders[key(rec.Hints.Service)]
		for _, i := range list {
			e[i].add(w.Folder/float64(len(list)), "dossier ou feuille de séparation : "+quoted(rec.Hints.Service))
		}
	}
	_, domain, _ := strings.Cut(bareAddress(reading.From.Email), "@")
	for domain = strings.ToLower(domain); domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		for _, i := range r.senders[domain] {
			e[i].add(w.Sender, "domaine de l’expéditeur : "+quoted(domain))
		}
	}
}

// clerksService returns the one service that a folder or separator sheet names, unless
// the category fits it already.
func (r *Rules) clerksService(name string, category int) (string, bool) {
	list := r.folders[key(name)]
	if name == "" || len(list) == 0 || slices.Contains(list, category) {
		return "", false
	}
	service := r.file.Categories[list[0]].Service.Name
	for _, i := range list[1:] {
		if r.file.Categories[i].Service.Name != service {
			return "", false
		}
	}
	return service, true
}

// bareAddress takes the name off "Name <address>".
func bareAddress(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s = strings.TrimSuffix(strings.TrimSpace(s[i+1:]), ">")
	}
	return strings.TrimSpace(s)
}

func (e *evidence) add(points float64, reason string) {
	if points > 0 {
		e.score += points
		e.reasons = append(e.reasons, reason)
	}
}

// words adds the phrases of subject, text and attachments. A phrase counts in full once,
// half a second time and no more: somebody who repeats a word is not twice as sure.
func (r *Rules) words(e []evidence, reading ingest.Reading) {
	counts := make([]uint8, len(r.phrases))
	inSubject := make([]bool, len(r.phrases))
	r.matcher.find(reading.Subject, func(id int) { inSubject[id] = true })
	count := func(id int) { counts[id] = min(2, counts[id]+1) }
	r.matcher.find(reading.Matter(), count)
	for _, a := range reading.Attachments {
		r.matcher.find(a.Text, count)
	}
	for id, p := range r.phrases {
		var points float64
		switch {
		case inSubject[id]:
			points = p.weight * r.file.Weights.Subject
		case counts[id] > 0:
			points = p.weight
		default:
			continue
		}
		if counts[id] > 1 {
			points += p.weight / 2
		}
		x := &e[p.category]
		x.score += points
		x.found = append(x.found, find{phrase: id, points: points, subject: inSubject[id]})
	}
}

// reasons says in French what spoke for a category, the weightiest words first.
func (r *Rules) reasons(e evidence) []string {
	out := slices.Clone(e.reasons)
	found := slices.DeleteFunc(slices.Clone(e.found), func(f find) bool { return f.points <= 0 })
	slices.SortStableFunc(found, func(a, b find) int { return cmp.Compare(b.points, a.points) })
	var list []string
	for _, f := range found[:min(maxWords, len(found))] {
		text := quoted(strings.ReplaceAll(r.phrases[f.phrase].text, "*", "…"))
		if f.subject {
			text += " (objet)"
		}
		list = append(list, text)
	}
	switch len(list) {
	case 0:
		return out
	case 1:
		return append(out, "mot reconnu : "+list[0])
	default:
		return append(out, "mots reconnus : "+strings.Join(list, ", "))
	}
}

// quoted puts text between French quotation marks, with their no-break spaces.
func quoted(s string) string {
	q := strconv.Quote(s) // foreign text: control characters must not get into reasons
	return "«\u00a0" + q[1:len(q)-1] + "\u00a0»"
}

// ruleThreshold is the confidence below which a person looks when there are rules only
// and the file names none.
const ruleThreshold = 0.6

// The curve of confidence, fitted by hand on the project's own texts (testdata): how
// often the best category was right for each lead and strength.
const (
	// halfStrength is the score at which strength is one half.
	halfStrength = 1.5
	// leadPower is how much a close second category weighs.
	leadPower = 0.7
)

// confidence turns the scores of the two best categories into how likely the first is
// right: high only when much speaks for it and little for the other.
func confidence(best, second float64) float64 {
	strength := best / (best + halfStrength)
	lead := (best - second) / best
	return strength * math.Pow(lead, leadPower)
}
