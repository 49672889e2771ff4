package patch

import "math"

// track is a patch code followed from line to line.
type track struct {
	first, last match
	hits        int
}

// tracker follows the codes of one order.
type tracker struct {
	lines
	// unit is a module in pixels, every the distance of the lines that are looked at.
	unit  float64
	every int
	// back is true when the code runs towards the end of the lines.
	back   bool
	tracks []track
}

// maxTracks bounds what is followed: a page made to be slow has a code in every place.
const maxTracks = 64

// add takes a match on a line that is not before the last one's.
func (t *tracker) add(m match) {
	for i := range t.tracks {
		last := &t.tracks[i]
		away := float64(m.line - last.last.line)
		// Three pixels are the unevenness of an edge.
		most := askew*away + 3
		if m.line-last.last.line > (gap+1)*t.every || away == 0 ||
			math.Abs(float64(m.first()-last.last.first())) > most || math.Abs(float64(m.last()-last.last.last())) > most {
			continue
		}
		last.last = m
		last.hits++
		return
	}
	if len(t.tracks) < maxTracks {
		t.tracks = append(t.tracks, track{first: m, last: m, hits: 1})
	}
}

// found reports whether one of the tracks is a patch.
func (t *tracker) found() bool {
	for _, k := range t.tracks {
		length := float64(k.last.line - k.first.line)
		lines := length/float64(t.every) + 1
		if length >= shortest*t.unit*shrunk && float64(k.hits) >= 0.7*lines && t.atEdge(k) && t.even(k) {
			return true
		}
	}
	return false
}

// atEdge reports whether the code lies next to the edge that it runs from, as it is
// read from there.
func (t *tracker) atEdge(k track) bool {
	before := (k.first.first() + k.last.first()) / 2
	behind := t.length - (k.first.last()+k.last.last())/2
	if t.back {
		before, behind = behind, before
	}
	return before <= behind && float64(t.length-behind) <= deepest*t.unit
}

// even reports whether the four bars end together, at both ends: those of a chart that
// happen to have the right widths are of different lengths.
func (t *tracker) even(k track) bool {
	slope := float64(k.last.first()-k.first.first()) / float64(k.last.line-k.first.line)
	return t.endsAt(k.first, -2.5*t.unit, slope) && t.endsAt(k.last, 2.5*t.unit, slope)
}

// endsAt reports whether all bars of a match, or none, go on so much further.
func (t *tracker) endsAt(m match, further, slope float64) bool {
	line := m.line + int(further)
	if line < 0 || line >= t.count {
		return true
	}
	black := 0
	for _, b := range m.bars {
		at := (b.from+b.to)/2 + int(slope*further)
		if at < 0 || at >= t.length || t.ink(line, at) {
			black++
		}
	}
	return black == 0 || black == len(m.bars)
}
