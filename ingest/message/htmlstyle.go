package message

import "strings"

// What a style says about the font size.
const (
	sizeUnset = iota
	sizeZero
	sizeSet
)

// readStyle finds in a style attribute what hides an element: the tricks by which
// newsletters put a preview line before their text. font-size 0 is told apart, since
// layouts set it on a wrapper and undo it within.
func readStyle(style string) (hidden bool, size int) {
	style = strings.ToLower(Cut(style, 4000))
	zeroHeight, clipped := false, false
	for decl := range strings.SplitSeq(style, ";") {
		prop, val, ok := strings.Cut(decl, ":")
		if !ok {
			continue
		}
		val = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(val), "!important"))
		switch strings.TrimSpace(prop) {
		case "display":
			hidden = hidden || val == "none"
		case "visibility":
			hidden = hidden || val == "hidden"
		case "mso-hide":
			hidden = hidden || val == "all"
		case "opacity":
			hidden = hidden || isZero(val)
		case "max-height", "height":
			zeroHeight = zeroHeight || isZero(val)
		case "overflow":
			clipped = clipped || val == "hidden"
		case "font-size":
			size = sizeSet
			if isZero(val) {
				size = sizeZero
			}
		}
	}
	return hidden || zeroHeight && clipped, size
}

// isZero reports whether a CSS length or number is zero, such as "0", "0px", ".0em".
func isZero(s string) bool {
	num := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz% ")
	return num != "" && strings.Trim(num, "0.") == "" && strings.Contains(num, "0")
}
