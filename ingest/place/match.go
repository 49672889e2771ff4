package place

import "strings"

// Scores of Match for what is not a matter of spelling.
const (
	scoreTail   = 0.9  // "rue Jaurès" for "Rue Jean Jaurès"
	scoreNoType = 0.85 // "les Acacias" for "Rue des Acacias"
)

// Match gives the one street of the list that is meant by a street name as people write it: in any case, without
// accents, with abbreviations, without particles or a first name, with one or two wrong characters. score is 1 for
// the same words and less for others, never under 0.7. Of two streets that fit equally well there is none.
func (s *Streets) Match(street string) (name string, score float64, ok bool) {
	found, score := s.match(street)
	if found == nil {
		return "", 0, false
	}
	return found.name, score, true
}

func (s *Streets) match(street string) (*listedStreet, float64) {
	if len(street) > maxCell {
		return nil, 0
	}
	key := streetKey(street)
	if key == "" {
		return nil, 0
	}
	if found := s.byKey[key]; found != nil {
		return found, 1
	}
	first, _, _ := strings.Cut(fold(strings.TrimSpace(street)), " ")
	way, core := "", key
	if w, isWay := wayTypes[strings.Trim(first, ".")]; isWay {
		if rest, found := strings.CutPrefix(key, streetKey(w.name)+" "); found {
			way, core = w.name, rest
		}
	}
	if way == "" {
		if found := s.byCore[core]; len(found) == 1 {
			return found[0], scoreNoType
		}
	}
	if found := only(s.byTail[core], way); found != nil && way != "" {
		return found, scoreTail
	}
	return s.spelled(way, strings.ReplaceAll(core, " ", ""))
}

// only gives the single street of the type, or nil.
func only(streets []*listedStreet, way string) *listedStreet {
	var found *listedStreet
	for _, s := range streets {
		if s.way != way {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	return found
}

// spelled gives the street of the type whose name has the fewest wrong characters, at most one up to eight
// characters and two above, and only where no other is as near. Names under five characters must be exact.
func (s *Streets) spelled(way, compact string) (*listedStreet, float64) {
	limit := 2
	switch n := len(compact); {
	case n < 5 || n > 200:
		return nil, 0
	case n < 9:
		limit = 1
	}
	var best *listedStreet
	least, twice := limit+1, false
	for _, n := range s.likely(compact, limit) {
		street := s.all[n]
		if way != "" && street.way != way {
			continue
		}
		if digitsOf(street.compact) != digitsOf(compact) {
			continue // "8 mai" is not "9 mai"
		}
		switch d := distance(street.compact, compact, least); {
		case d < least:
			best, least, twice = street, d, false
		case d == least && d <= limit:
			twice = true
		}
	}
	if best == nil || twice {
		return nil, 0
	}
	return best, max(0.7, 1-float64(least)/float64(len(compact)))
}

// likely gives the streets that share enough trigrams with a name to be within limit wrong characters: one wrong
// character spoils at most four trigrams, where two characters changed places.
func (s *Streets) likely(compact string, limit int) []int32 {
	counts := make([]uint8, len(s.all))
	grams := trigramsOf(compact)
	need := uint8(min(max(1, len(grams)-4*limit), 255))
	var out []int32
	for _, g := range grams {
		for _, n := range s.trigrams[g] {
			if counts[n]++; counts[n] == need {
				out = append(out, n)
			}
		}
	}
	return out
}

// trigramsOf gives the distinct three-byte pieces of a name with padded ends.
func trigramsOf(compact string) []string {
	padded := "^^" + compact + "$"
	seen := make(map[string]bool, len(padded))
	out := make([]string, 0, len(padded))
	for i := 0; i+3 <= len(padded); i++ {
		if g := padded[i : i+3]; !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	return out
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// distance is the optimal string alignment distance (Damerau–Levenshtein without editing a piece twice), in bytes of
// folded text. Above limit it gives limit+1 or more.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit+1 {
			return limit + 1
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

// maxFuzzy bounds the names of one message that are looked up with wrong characters, which is what costs.
const maxFuzzy = 100

// resolve finds the street of a candidate in the list. The list knows where a name ends better than the rules: the
// longest run of words from the type on that the list has exactly comes first, then the candidate's own words with
// wrong characters.
func (s *Streets) resolve(d *document, c *candidate) *listedStreet {
	end := min(c.to+3, len(d.tokens), c.from+maxName+3)
	var key strings.Builder
	var longest *listedStreet
	for i := c.from; i < end; i++ {
		t := d.tokens[i]
		if i >= c.to && (t.kind == punct || t.line > d.tokens[c.from].line+1) {
			break
		}
		if t.kind == punct || t.kind == elided || particles[t.fold] {
			continue
		}
		for _, w := range tokenWords(t.fold, i == c.from) {
			if key.Len() > 0 {
				key.WriteByte(' ')
			}
			key.WriteString(w)
		}
		if found := s.byKey[key.String()]; found != nil && (i > c.from || c.to == c.from+1) {
			longest = found
		}
	}
	if longest != nil {
		return longest
	}
	found, known := c.memo[c.name]
	if !known && len(c.memo) < maxFuzzy {
		found, _ = s.match(c.name)
		c.memo[c.name] = found
	}
	return found
}

// tokenWords gives the words of a key that one token is, see contentWords.
func tokenWords(folded string, first bool) []string {
	if t, ok := wayTypes[folded]; ok && first {
		return splitWords(t.name)
	}
	words := splitWords(folded)
	out := make([]string, 0, len(words))
	for i, w := range words {
		if particles[w] && i < len(words)-1 {
			continue
		}
		if long, ok := nameAbbreviations[w]; ok {
			out = append(out, strings.Fields(long)...)
			continue
		}
		out = append(out, w)
	}
	return out
}

// bare finds a street of the list that the text names at token i without its type: "aux Acacias". It must be the only
// street of that name, and the text must write it as a name: with a capital within the sentence, behind an article,
// or of several words.
func (s *Streets) bare(d *document, i int) (*listedStreet, int, bool) {
	t := d.tokens[i]
	if t.kind != word || i == 0 || landmarks[t.fold] || flat[t.fold] && !upland[t.fold] || institutions[t.fold] || titles[t.fold] || len(t.fold) < 4 || d.in(i-1, titles) {
		return nil, 0, false
	}
	if !d.is(i-1, "aux", "au", "la", "l'", "des", "les", "du", "de", "rue") {
		return nil, 0, false
	}
	if d.is(i-1, "la", "l'", "des", "les", "du", "de") && !t.capital {
		return nil, 0, false
	}
	for to := min(i+5, len(d.tokens)); to > i; to-- {
		last := d.tokens[to-1]
		if last.kind == punct || last.line != t.line || to > i+1 && inner[last.fold] {
			continue
		}
		key := streetKey(d.cutText(i, to))
		found := s.byCore[key]
		if len(found) == 1 && (t.capital || strings.Contains(key, " ")) {
			return found[0], to, true
		}
	}
	return nil, 0, false
}
