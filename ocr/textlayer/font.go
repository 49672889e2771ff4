package textlayer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf16"

	"saisine.fr/saisine/ocr/pdfobj"
)

// The measures of the font, as parts of its size.
const (
	advance = 0.5
	ascent  = 0.8
	descent = 0.2
	unit    = 1000 // units of the font in its size
)

// maxCodes is how many different characters two bytes can name, 0 left out.
const maxCodes = 1<<16 - 1

// font numbers the characters of a document as they occur.
type font struct {
	ref   pdfobj.Ref
	codes map[rune]uint16
	runes []rune // runes[i] has code i+1
}

func newFont(out *pdfobj.Writer) *font {
	return &font{ref: out.Reserve(), codes: make(map[rune]uint16)}
}

// encode returns the codes of a text in hexadecimal, and how many they are.
func (f *font) encode(text string) (hex string, n int) {
	var b strings.Builder
	for _, r := range text {
		code, ok := f.codes[r]
		if !ok {
			if len(f.runes) == maxCodes {
				continue // no document has as many; its words are cut short
			}
			f.runes = append(f.runes, r)
			code = uint16(len(f.runes))
			f.codes[r] = code
		}
		fmt.Fprintf(&b, "%04X", code)
		n++
	}
	return b.String(), max(1, n)
}

// write writes the font for the characters that have occurred (ISO 32000-1, 9.7).
func (f *font) write(out *pdfobj.Writer) {
	const name = "/BaseFont /GlyphLess"
	file := trueType()
	descriptor := out.Add(fmt.Sprintf("<</Type /FontDescriptor /FontName /GlyphLess /Flags 4 /FontBBox [0 %d %d %d] "+
		"/ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %s>>",
		milli(-descent), milli(advance), milli(ascent), milli(ascent), milli(-descent), milli(ascent),
		out.Flate(fmt.Sprintf("/Length1 %d", len(file)), file)))
	// Two bytes for each code: all are glyph 1, code 0 too, though it does not occur. Where
	// it is another, ghostscript's pdfwrite embeds the font anew for each character.
	glyphs := bytes.Repeat([]byte{0, 1}, len(f.runes)+1)
	cid := out.Add(fmt.Sprintf("<</Type /Font /Subtype /CIDFontType2 %s /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>> "+
		"/FontDescriptor %s /DW %d /CIDToGIDMap %s>>", name, descriptor, milli(advance), out.Flate("", glyphs)))
	out.Set(f.ref, fmt.Sprintf("<</Type /Font /Subtype /Type0 %s /Encoding /Identity-H /DescendantFonts [%s] /ToUnicode %s>>",
		name, cid, out.Flate("", f.toUnicode())))
}

func milli(v float64) int { return int(math.Round(v * unit)) }

// toUnicode is the table from codes to UTF-16 (ISO 32000-1, 9.10.3; Adobe Technical Note
// 5411). A block holds at most 100 entries.
func (f *font) toUnicode() []byte {
	var b bytes.Buffer
	b.WriteString(`/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
`)
	const block = 100
	for start := 0; start < len(f.runes); start += block {
		part := f.runes[start:min(len(f.runes), start+block)]
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for i, r := range part {
			fmt.Fprintf(&b, "<%04X> <", start+i+1)
			for _, half := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, "%04X", half)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}

// trueType is a font file of two glyphs: 0, which every font must have, and 1, which is
// empty and as wide as the font says. It has the tables that a font in a PDF needs
// (ISO 32000-1, 9.9) and no more (OpenType specification, the chapter of each).
func trueType() []byte {
	be := binary.BigEndian
	words := func(values ...uint16) []byte {
		var b []byte
		for _, v := range values {
			b = be.AppendUint16(b, v)
		}
		return b
	}
	signed := func(v float64) uint16 { return uint16(int16(milli(v))) }
	wide := uint16(milli(advance))
	tables := []struct {
		tag  string
		data []byte
	}{
		{"glyf", make([]byte, 4)}, // empty glyphs have no data; a table of no bytes is refused by some
		{"head", words(1, 0, 1, 0, 0, 0, 0x5F0F, 0x3CF5, 0, unit, 0, 0, 0, 0, 0, 0, 0, 0,
			0, signed(-descent), wide, signed(ascent), 0, 8, 2, 0, 0)},
		{"hhea", words(1, 0, signed(ascent), signed(-descent), 0, wide, 0, 0, wide, 1, 0, 0, 0, 0, 0, 0, 0, 2)},
		{"hmtx", words(wide, 0, wide, 0)},
		{"loca", words(0, 0, 0)},
		{"maxp", words(1, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)},
	}
	const entry, header = 16, 12
	// Search helpers for 6 tables: the largest power of two below, times 16.
	file := append([]byte{0, 1, 0, 0}, words(uint16(len(tables)), 4*entry, 2, uint16(len(tables)-4)*entry)...)
	at := header + entry*len(tables)
	headAt := 0
	var body []byte
	for _, t := range tables {
		if t.tag == "head" {
			headAt = at + len(body)
		}
		file = append(file, t.tag...)
		file = be.AppendUint32(file, sum(t.data))
		file = be.AppendUint32(file, uint32(at+len(body)))
		file = be.AppendUint32(file, uint32(len(t.data)))
		body = append(body, t.data...)
		body = append(body, make([]byte, -len(t.data)&3)...)
	}
	file = append(file, body...)
	// The sum of the whole file with checkSumAdjustment is to be 0xB1B0AFBA.
	be.PutUint32(file[headAt+8:], 0xB1B0AFBA-sum(file))
	return file
}

// sum adds up a table as big-endian numbers of 32 bits.
func sum(data []byte) uint32 {
	var total uint32
	for i, b := range data {
		total += uint32(b) << (24 - 8*(i%4))
	}
	return total
}
