package classify

import "slices"

// maxGap is how many other words may stand between two words of a phrase: "trou énorme
// dans la chaussée" still is "trou chaussée". Stop words do not count.
const maxGap = 1

// matcher finds the phrases of all categories in a text in one pass. It is a trie over
// symbols; a symbol is a stem, or the beginning of a word (written with a star), that
// occurs in some phrase, so that most words of a text are left after one look-up. It is
// read only once built, and safe for concurrent use then.
type matcher struct {
	stems    map[string]int32 // stem → symbol
	prefixes map[string]int32 // beginning → symbol
	longest  int              // length of the longest beginning
	starts   map[[3]byte]bool // first three bytes of all beginnings
	next     map[edge]int32   // trie
	ends     map[int32][]int  // node → phrases that end there
	nodes    int32
	symbols  int32
}

type edge struct{ node, symbol int32 }

// minPrefix is how many letters must stand before a star.
const minPrefix = 3

func newMatcher() *matcher {
	return &matcher{
		stems: map[string]int32{}, prefixes: map[string]int32{}, next: map[edge]int32{}, ends: map[int32][]int{},
		starts: map[[3]byte]bool{}, nodes: 1, symbols: 1,
	}
}

// add makes the matcher report id where the phrase stands. It returns false for a
// phrase that checkPhrase refuses.
func (m *matcher) add(phrase string, id int) bool {
	if checkPhrase(phrase) != nil {
		return false
	}
	node := int32(0)
	for _, p := range phraseWords(phrase) {
		e := edge{node, m.symbol(p)}
		to, ok := m.next[e]
		if !ok {
			to = m.nodes
			m.nodes++
			m.next[e] = to
		}
		node = to
	}
	if !slices.Contains(m.ends[node], id) {
		m.ends[node] = append(m.ends[node], id)
	}
	return true
}

// phraseWord is a word of a phrase: a stem, or the beginning of words.
type phraseWord struct {
	text   string
	prefix bool
}

// phraseWords takes a phrase apart. A star ends a word of which only the beginning is
// given.
func phraseWords(phrase string) []phraseWord {
	var out []phraseWord
	start := 0
	take := func(part string, prefix bool) {
		var list []phraseWord
		words(part, func(w []byte) {
			if !stopWords[string(w)] {
				list = append(list, phraseWord{text: string(w)})
			}
		})
		for i := range list {
			if prefix && i == len(list)-1 {
				// Doubled letters are halved as in texts, but endings are not cut.
				list[i] = phraseWord{text: string(halve([]byte(list[i].text))), prefix: true}
				continue
			}
			list[i].text = string(stem([]byte(list[i].text)))
		}
		out = append(out, list...)
	}
	for i := range len(phrase) {
		if phrase[i] == '*' {
			take(phrase[start:i], true)
			start = i + 1
		}
	}
	take(phrase[start:], false)
	return out
}

func (m *matcher) symbol(p phraseWord) int32 {
	table := m.stems
	if p.prefix {
		table = m.prefixes
		m.longest = max(m.longest, len(p.text))
		m.starts[[3]byte([]byte(p.text))] = true
	}
	s, ok := table[p.text]
	if !ok {
		s = m.symbols
		m.symbols++
		table[p.text] = s
	}
	return s
}

// state is where the trie stands after some words: its node, how many more words may be
// skipped before the next, and where the phrase began.
type state struct {
	node, begin int32
	left        int8
	length      int8
}

// place is where a phrase stands in a text: its first and last word, and how many words
// it has itself.
type place struct {
	id         int
	begin, end int32
	length     int8
}

// find calls hit with the number of each phrase that stands in text, as often as it
// does. A phrase that is part of a longer one there does not count: "assistante
// maternelle" says nothing about the école maternelle, whatever category it is of.
func (m *matcher) find(text string, hit func(id int)) {
	var places []place
	cover := map[int32]int8{} // word → length of the longest phrase that begins or ends there
	m.scan(text, func(p place) {
		places = append(places, p)
		cover[p.begin] = max(cover[p.begin], p.length)
		cover[p.end] = max(cover[p.end], p.length)
	})
	for _, p := range places {
		if cover[p.begin] <= p.length || cover[p.end] <= p.length {
			hit(p.id)
		}
	}
}

// scan calls hit with each place of each phrase.
func (m *matcher) scan(text string, hit func(place)) {
	var active, after []state
	var halved []byte
	symbols := make([]int32, 0, 8)
	at := int32(-1)
	step := func(from state, symbol int32) {
		to, ok := m.next[edge{from.node, symbol}]
		if !ok {
			return
		}
		for _, id := range m.ends[to] {
			hit(place{id: id, begin: from.begin, end: at, length: from.length + 1})
		}
		after = append(after, state{node: to, begin: from.begin, left: maxGap, length: from.length + 1})
	}
	words(text, func(w []byte) {
		if stopWords[string(w)] {
			return
		}
		at++
		symbols, halved = m.lookUp(w, symbols[:0], halved)
		after = after[:0]
		for _, s := range symbols {
			step(state{begin: at}, s)
			for _, a := range active {
				step(a, s)
			}
		}
		for _, a := range active {
			if a.left > 0 {
				a.left--
				after = append(after, a)
			}
		}
		active, after = after[:min(len(after), maxActive)], active
	})
}

// lookUp appends the symbols that the word w is. It changes w, and uses scratch.
func (m *matcher) lookUp(w []byte, symbols []int32, scratch []byte) (out []int32, used []byte) {
	scratch = halve(append(scratch[:0], w...))
	if len(scratch) >= minPrefix && m.starts[[3]byte(scratch)] {
		for n := minPrefix; n <= min(m.longest, len(scratch)); n++ {
			if s, ok := m.prefixes[string(scratch[:n])]; ok {
				symbols = append(symbols, s)
			}
		}
	}
	if s, ok := m.stems[string(stem(w))]; ok {
		symbols = append(symbols, s)
	}
	return symbols, scratch
}

// maxActive bounds the phrases that are followed at once; a text would have to be made
// for the purpose to come near.
const maxActive = 256
