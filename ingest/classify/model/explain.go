package model

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Explain returns at most max words of the text that spoke most for label over its rival,
// the weightiest first: the runner-up when label is the likeliest, else the likeliest. The
// words are whole and written as where they first stand in the text; numbers and small
// words are left out. It is empty when nothing in the text speaks for label, or the model
// does not know it.
func (m *Model) Explain(in Input, label string, max int) []string {
	l := slices.Index(m.labels, label)
	if l < 0 || max <= 0 {
		return nil
	}
	s := m.read(in)
	defer m.release(s)
	rival := best(m.scores(s), l)
	t := &telling{model: m, scratch: s, label: l, rival: rival, at: map[uint64]int{}}
	t.text(in.Subject, true)
	t.text(in.Body, false)
	return t.top(max)
}

// best returns the label with the highest score, not counting without.
func best(scores []float64, without int) int {
	out := -1
	for l, x := range scores {
		if l != without && (out < 0 || x > scores[out]) {
			out = l
		}
	}
	return out
}

// telling adds up what each word of a text says for a label over its rival. A word stands
// for its stem, so that "poubelle" and "poubelles" are one.
type telling struct {
	model        *Model
	scratch      *scratch
	label, rival int
	at           map[uint64]int // stem to place in words
	words        []told
}

// told is a word and what it says.
type told struct {
	written string
	points  float64
}

// text adds the words of one text.
func (t *telling) text(text string, subject bool) {
	x := &t.scratch.extractor
	var before *wordFeatures
	for _, w := range x.splitter.split(text) {
		f := x.word(w)
		if f.stop {
			continue
		}
		if _, ok := t.at[f.stem]; !ok && worthNaming(w) {
			t.at[f.stem] = len(t.words)
			t.words = append(t.words, told{written: written(text[w.start:w.end])})
		}
		for _, c := range f.chars {
			t.add(f, blockChars, c, 1)
		}
		t.add(f, blockWords, f.word, 1)
		if subject {
			t.add(f, blockSubject, f.title, 1)
		}
		if before != nil {
			// Each half of a pair gets half of what it says.
			t.add(before, blockWords, pair(kindPair, before, f), 0.5)
			t.add(f, blockWords, pair(kindPair, before, f), 0.5)
			if subject {
				t.add(before, blockSubject, pair(kindSubPair, before, f), 0.5)
				t.add(f, blockSubject, pair(kindSubPair, before, f), 0.5)
			}
		}
		before = f
	}
}

// add gives a word its part of what one occurrence of a feature says.
func (t *telling) add(to *wordFeatures, block int, hash uint64, part float64) {
	i, ok := t.at[to.stem]
	if !ok {
		return
	}
	m, s := t.model, t.scratch
	f, ok := m.table.find(hash)
	if !ok {
		return
	}
	w := m.weights[int(f)*len(m.labels):][:len(m.labels)]
	difference := float64(w[t.label]) - float64(w[t.rival])
	n := s.counts[f]
	t.words[i].points += part * difference * float64(s.scale[block]*m.scale[f]*dampened[n]) / float64(max(1, n))
}

// leastPart is the part of the weightiest word's points that a word needs to be named.
const leastPart = 0.15

// top returns the weightiest words.
func (t *telling) top(max int) []string {
	slices.SortStableFunc(t.words, func(a, b told) int { return cmp.Compare(b.points, a.points) })
	var out []string
	for _, w := range t.words {
		if len(out) == max || w.points <= 0 || w.points < leastPart*t.words[0].points {
			break
		}
		out = append(out, w.written)
	}
	return out
}

// worthNaming reports whether a word tells a person something: three letters, no digits,
// and more than politeness or grammar.
func worthNaming(w word) bool {
	return utf8.RuneCountInString(w.folded) >= 3 && !strings.Contains(w.folded, "0") && !idleWords[w.folded]
}

// idleWords stand in letters about anything. The model may weigh them, since they tell the
// voice of a text, but as a reason they tell a person nothing. Folded.
var idleWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		bonjour bonsoir merci cordialement salutations distinguees respectueuses sinceres meilleures veuillez agreer madame monsieur mesdames messieurs
		attente avance remerciant remercie remercions svp salut bien bonne bon jour journee soiree
		etre suis sommes etes sont etait etaient etais serait seraient serais sera seront soit soient ete etant
		avoir avons avez ont avait avaient avais aurait aurais auriez aura auront ait aient eue ayant
		faire fais fait faite faites faits font faisait ferait fera faut faudrait fallait
		pouvoir peut peux pouvez pouvons peuvent pourrait pourrais pourriez pourrions puis puisse possible possibles impossible
		vouloir veut veux voulons voulez veulent voudrais voudrait voudrions vouloir voulu
		demande demander demandons demandez demandant souhaite souhaiter souhaitons souhaiterais souhaiterait souhaiterions aimerais aimerions
		savoir sais sait savez dire dit dites voir vois voit vu vois aller vais allons allez vont mettre met mis doit dois devons devez doivent devrait
		voici voila ceci cela celui celle ceux celles cette cet ces cest quand comment combien pourquoi quoi quel quelle quels quelles lequel laquelle
		dont donc alors ainsi aussi encore deja toujours jamais plus moins tres trop peu beaucoup assez tout toute tous toutes rien chaque plusieurs quelque quelques autre autres meme memes
		avec sans pour dans chez vers depuis pendant avant apres entre sous sur contre selon jusque jusqu lors lorsque parce puisque comme sinon mais car afin
		notre votre leur leurs nos vos mes ses son mon ton moi toi lui elle elles eux nous vous ils
	`) {
		m[w] = true
	}
	return m
}()

// written is a word as it stands in the text, without what parts it at the end of a line.
func written(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > maxWord || !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s)
}
