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

// maxNesting bounds the graphics states that are kept.
const maxNesting = 64

// placed finds where a page puts its only image, from the content of the page: the few
// operators that a scanner's program writes (q, Q, cm, Do). It returns false for any
// page that is less simple.
func placed(content []byte) (qpdf.Rect, bool) {
	state := transform{1, 0, 0, 1, 0, 0}
	var stack []transform
	var operands []float64
	var place qpdf.Rect
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
				return qpdf.Rect{}, false
			}
			stack = append(stack, state)
		case "Q":
			if len(stack) > 0 {
				state, stack = stack[len(stack)-1], stack[:len(stack)-1]
			}
		case "cm":
			if len(operands) != 6 {
				return qpdf.Rect{}, false
			}
			state = state.before(transform(operands))
		case "Do":
			if found {
				return qpdf.Rect{}, false
			}
			place, found = state.unitSquare(), true
		case "BI", "BT":
			return qpdf.Rect{}, false
		}
		operands = operands[:0]
	}
	return place, found
}

// isBlank reports white space of PDF (ISO 32000-1, 7.2.2).
func isBlank(r rune) bool {
	return r == 0 || r == '\t' || r == '\n' || r == '\f' || r == '\r' || r == ' '
}
