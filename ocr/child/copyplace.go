package child

import (
	"bytes"
	"math"
	"strconv"

	"saisine.fr/saisine/ocr/qpdf"
)

// transform is a matrix of a content stream, [a b c d e f] (ISO 32000-1, 8.3.4).
type transform [6]float64

// before returns the transformation that does m first and t afterwards.
func (t transform) before(m transform) transform {
	return transform{
		m[0]*t[0] + m[1]*t[2], m[0]*t[1] + m[1]*t[3],
		m[2]*t[0] + m[3]*t[2], m[2]*t[1] + m[3]*t[3],
		m[4]*t[0] + m[5]*t[2] + t[4], m[4]*t[1] + m[5]*t[3] + t[5],
	}
}

// unitSquare is what the unit square, and thus an image, becomes.
func (t transform) unitSquare() qpdf.Rect {
	x1, x2, y1, y2 := t[4]+t[0], t[4]+t[2], t[5]+t[1], t[5]+t[3]
	far, farY := t[4]+t[0]+t[2], t[5]+t[1]+t[3]
	return qpdf.Rect{
		X0: math.Min(math.Min(t[4], far), math.Min(x1, x2)), Y0: math.Min(math.Min(t[5], farY), math.Min(y1, y2)),
		X1: math.Max(math.Max(t[4], far), math.Max(x1, x2)), Y1: math.Max(math.Max(t[5], farY), math.Max(y1, y2)),
	}
}

// quarters is by how many degrees clockwise an image is turned: 0, 90, 180 or 270. It
// returns false for any other turn, and for a mirrored image.
func (t transform) quarters() (int, bool) {
	const slight = 0.01 // half a degree
	a, b, c, d := t[0], t[1], t[2], t[3]
	if !(a*d-b*c > 0) {
		return 0, false
	}
	straight, across := math.Min(math.Abs(a), math.Abs(d)), math.Min(math.Abs(b), math.Abs(c))
	switch {
	case math.Max(math.Abs(b), math.Abs(c)) <= slight*straight:
		if a < 0 {
			return 180, true
		}
		return 0, true
	case math.Max(math.Abs(a), math.Abs(d)) <= slight*across:
		// The lower edge of the image, its first axis, points downwards or upwards.
		if b < 0 {
			return 90, true
		}
		return 270, true
	}
	return 0, false
}

// maxNesting bounds the graphics states that are kept.
const maxNesting = 64

// placed finds where a page puts its only image. It returns false as placement does.
func placed(content []byte) (qpdf.Rect, bool) {
	t, ok := placement(content)
	return t.unitSquare(), ok
}

// placement finds what a page does to its only image, from the content of the page: the
// few operators that a scanner's program writes (q, Q, cm, Do). It returns false for any
// page that is less simple.
func placement(content []byte) (transform, bool) {
	state := transform{1, 0, 0, 1, 0, 0}
	var stack []transform
	var operands []float64
	var place transform
	found := false
	for _, token := range bytes.FieldsFunc(content, isBlank) {
		if v, err := strconv.ParseFloat(string(token), 64); err == nil {
			operands = append(operands, v)
			if len(operands) > 6 {
				operands = operands[1:]
			}
			continue
		}
		switch string(token) {
		case "q":
			if len(stack) == maxNesting {
				return transform{}, false
			}
			stack = append(stack, state)
		case "Q":
			if len(stack) > 0 {
				state, stack = stack[len(stack)-1], stack[:len(stack)-1]
			}
		case "cm":
			if len(operands) != 6 {
				return transform{}, false
			}
			state = state.before(transform(operands))
		case "Do":
			if found {
				return transform{}, false
			}
			place, found = state, true
		case "BI", "BT":
			return transform{}, false
		}
		operands = operands[:0]
	}
	return place, found
}

// isBlank reports white space of PDF (ISO 32000-1, 7.2.2).
func isBlank(r rune) bool {
	return r == 0 || r == '\t' || r == '\n' || r == '\f' || r == '\r' || r == ' '
}
