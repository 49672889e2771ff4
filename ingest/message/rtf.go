package message

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// rtfDictionary is what the window of compressed RTF starts with ([MS-OXRTFCP] §2.1.2.1).
const rtfDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// unpackRTF undoes the compression of [MS-OXRTFCP], up to limit bytes. ok is false when b is
// no such thing; a stream that is cut short gives what it has.
func unpackRTF(b []byte, limit int) (rtf []byte, ok bool) {
	const header = 16
	if len(b) < header {
		return nil, false
	}
	raw := int(binary.LittleEndian.Uint32(b[4:]))
	limit = min(limit, raw)
	kind := string(b[8:12])
	b = b[header:]
	switch kind {
	case "MELA": // not compressed
		return b[:min(len(b), limit)], true
	case "LZFu":
	default:
		return nil, false
	}
	var window [4096]byte
	pos := copy(window[:], rtfDictionary)
	put := func(c byte) {
		rtf = append(rtf, c)
		window[pos] = c
		pos = (pos + 1) & 4095
	}
	for len(b) > 0 && len(rtf) < limit {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0 && len(rtf) < limit; bit++ {
			if flags>>bit&1 == 0 {
				put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 {
				return rtf, true
			}
			ref := int(b[0])<<8 | int(b[1])
			b = b[2:]
			from := ref >> 4
			if from == pos {
				return rtf, true // the end mark
			}
			for n := ref&15 + 2; n > 0; n-- {
				put(window[from])
				from = (from + 1) & 4095
			}
		}
	}
	return rtf, true
}

// rtfHidden are the destinations whose content is no text.
var rtfHidden = map[string]bool{
	"fonttbl": true, "colortbl": true, "stylesheet": true, "info": true, "pict": true, "object": true, "header": true, "footer": true,
	"listtable": true, "listoverridetable": true, "rsidtbl": true, "generator": true, "themedata": true, "xmlnstbl": true, "fldinst": true,
}

// IsRTF reports whether a file begins as RTF does.
func IsRTF(head []byte) bool { return bytes.HasPrefix(head, []byte("{\\rtf")) }

// RTFText returns the text of an RTF file, about max bytes of it at most. It takes any
// bytes and time in proportion to their number; truncated says that max was met.
func RTFText(b []byte, max int) (text string, truncated bool) {
	text, truncated = readRTF(b, max)
	return tidy(cleanText(text)), truncated
}

// rtfReader turns RTF into text. Groups are counted, not nested, so that depth costs
// nothing.
type rtfReader struct {
	b        []byte
	out      strings.Builder
	bytes    []byte   // characters of the code page, until they are decoded
	units    []uint16 // \u characters, until they are decoded: pairs are two
	codepage string
	depth    int
	hidden   int // depth at which a hidden destination began, 0 for none
	skip     int // characters that repeat a \u one for old readers
	unicode  int // how many: \uc
}

// rtfText returns the text of RTF of which there is no more than is to be read.
func rtfText(b []byte) string {
	text, _ := readRTF(b, math.MaxInt)
	return text
}

// readRTF reads until the text has about max bytes.
func readRTF(b []byte, max int) (text string, truncated bool) {
	r := rtfReader{b: b, codepage: "windows-1252", unicode: 1}
	for len(r.b) > 0 && !truncated {
		c := r.b[0]
		r.b = r.b[1:]
		switch c {
		case '{':
			r.depth++
		case '}':
			if r.hidden == r.depth {
				r.hidden = 0
			}
			if r.depth > 0 {
				r.depth--
			}
		case '\\':
			r.control()
		case '\r', '\n', 0:
		default:
			r.char(c)
		}
		truncated = r.out.Len()+len(r.bytes) >= max
	}
	r.flush()
	return r.out.String(), truncated
}

// char takes one character of the code page.
func (r *rtfReader) char(c byte) {
	if r.skip > 0 {
		r.skip--
		return
	}
	if r.hidden == 0 {
		r.flushUnits()
		r.bytes = append(r.bytes, c)
	}
}

func (r *rtfReader) flushUnits() {
	if len(r.units) > 0 {
		r.out.WriteString(string(utf16.Decode(r.units)))
		r.units = r.units[:0]
	}
}

func (r *rtfReader) flush() {
	r.flushUnits()
	if len(r.bytes) > 0 {
		s, _ := decodeText(r.bytes, r.codepage)
		r.out.WriteString(s)
		r.bytes = r.bytes[:0]
	}
}

func (r *rtfReader) write(s string) {
	if r.hidden == 0 {
		r.flush()
		r.out.WriteString(s)
	}
}

// control reads what follows a backslash.
func (r *rtfReader) control() {
	if len(r.b) == 0 {
		return
	}
	c := r.b[0]
	if c < 'a' || c > 'z' {
		r.b = r.b[1:]
		switch c {
		case '\'':
			if len(r.b) >= 2 && isHex(r.b[0]) && isHex(r.b[1]) {
				r.char(unhex(r.b[0])<<4 | unhex(r.b[1]))
				r.b = r.b[2:]
			}
		case '*':
			if r.hidden == 0 {
				r.hidden = max(r.depth, 1)
			}
		case '~':
			r.write("\u00A0")
		case '\r', '\n':
			r.write("\n")
		case '{', '}', '\\':
			r.char(c)
		}
		return
	}
	n := 0
	for n < len(r.b) && n < 32 && r.b[n] >= 'a' && r.b[n] <= 'z' {
		n++
	}
	word := string(r.b[:n])
	r.b = r.b[n:]
	n = 0
	for n < len(r.b) && n < 11 && (r.b[n] >= '0' && r.b[n] <= '9' || n == 0 && r.b[n] == '-') {
		n++
	}
	arg, err := strconv.Atoi(string(r.b[:n]))
	hasArg := err == nil
	r.b = r.b[n:]
	if len(r.b) > 0 && r.b[0] == ' ' {
		r.b = r.b[1:]
	}
	r.word(word, arg, hasArg)
}

func (r *rtfReader) word(word string, arg int, hasArg bool) {
	switch word {
	case "par", "line", "row", "page", "sect":
		r.write("\n")
	case "tab", "cell":
		r.write("\t")
	case "emdash":
		r.write("—")
	case "endash":
		r.write("–")
	case "lquote":
		r.write("‘")
	case "rquote":
		r.write("’")
	case "ldblquote":
		r.write("“")
	case "rdblquote":
		r.write("”")
	case "bullet":
		r.write("•")
	case "ansicpg":
		if name := codepageName(uint32(arg)); name != "" && hasArg {
			r.codepage = name
		}
	case "uc":
		r.unicode = min(max(arg, 0), 8)
	case "u":
		if hasArg && r.hidden == 0 {
			if len(r.units) == 0 {
				r.flush()
			}
			r.units = append(r.units, uint16(arg))
		}
		r.skip = r.unicode
	case "bin":
		r.b = r.b[min(max(arg, 0), len(r.b)):]
	default:
		if rtfHidden[word] && r.hidden == 0 {
			r.hidden = max(r.depth, 1)
		}
	}
}
