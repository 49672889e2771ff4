package message

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// aliases are names in real mail that the registries of go-message do not know, or
// read more strictly than mail programs do: Latin-1 is windows-1252 in practice (WHATWG
// Encoding §4.2), GB2312 is written by programs that mean GB18030.
var aliases = map[string]string{
	"": "", "us-ascii": "", "ascii": "", "ansi_x3.4-1968": "", "7bit": "", "8bit": "", "default": "", "default_charset": "",
	"unknown": "", "unknown-8bit": "", "x-unknown": "", "none": "", "iso-8859": "", "binary": "",
	"utf8": "utf-8", "utf-8-mac": "utf-8", "utf8mb4": "utf-8", "utf-8-sig": "utf-8", "unicode-1-1-utf-8": "utf-8", "cp65001": "utf-8", "unicode": "utf-8",
	"iso-8859-1": "windows-1252", "latin1": "windows-1252", "latin-1": "windows-1252", "l1": "windows-1252", "8859-1": "windows-1252",
	"iso_8859-1": "windows-1252", "iso8859-1": "windows-1252", "iso-8859-1-windows-3.1-latin-1": "windows-1252",
	"iso-8859-1-windows-3.0-latin-1": "windows-1252", "cp1252": "windows-1252", "ansi": "windows-1252", "windows-ansi": "windows-1252",
	"win-1252": "windows-1252", "x-ansi": "windows-1252", "1252": "windows-1252", "iso-latin-1": "windows-1252", "western": "windows-1252",
	"latin9": "iso-8859-15", "latin-9": "iso-8859-15", "iso8859-15": "iso-8859-15", "8859-15": "iso-8859-15", "iso_8859-15": "iso-8859-15",
	"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030", "windows-936": "gb18030", "x-gbk": "gb18030",
	"gb_2312-80": "gb18030", "euc-cn": "gb18030", "chinesebig5": "big5", "cp950": "big5", "big5-hkscs": "big5", "x-big5": "big5",
	"cp932": "shift_jis", "ms932": "shift_jis", "x-sjis": "shift_jis", "sjis": "shift_jis", "windows-31j": "shift_jis",
	"iso-2022-jp-ms": "iso-2022-jp", "_iso-2022-jp$esc": "iso-2022-jp", "iso-2022-jp-1": "iso-2022-jp", "cp50220": "iso-2022-jp",
	"ks_c_5601-1987": "euc-kr", "cp949": "euc-kr", "uhc": "euc-kr", "windows-949": "euc-kr",
	"macintosh": "macintosh", "x-mac-roman": "macintosh", "macroman": "macintosh", "mac": "macintosh",
	"cp850": "ibm850", "cp-850": "ibm850", "850": "ibm850", "dos-850": "ibm850", "cp437": "ibm437", "cp858": "ibm00858", "ibm-858": "ibm00858",
	"utf7": "utf-7", "unicode-1-1-utf-7": "utf-7", "x-unicode-2-0-utf-7": "utf-7", "csunicode11utf7": "utf-7",
}

// charsetName brings a declared character set to the name that is looked up; "" means
// that none was declared.
func charsetName(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"';:,<>()="))
	s = strings.TrimPrefix(s, "charset=")
	if i := strings.IndexAny(s, "\"'; \t,*"); i >= 0 {
		s = s[:i]
	}
	if a, ok := aliases[s]; ok {
		return a
	}
	t := strings.ReplaceAll(strings.TrimPrefix(s, "x-"), "_", "-")
	if rest, ok := strings.CutPrefix(t, "cp125"); ok {
		t = "windows-125" + rest
	}
	if rest, ok := strings.CutPrefix(t, "iso8859"); ok {
		t = "iso-8859" + rest
	}
	// "windows-1252http-equivcontent-type" and the like
	for _, p := range []string{"windows-1252", "utf-8", "iso-8859-15"} {
		if strings.HasPrefix(t, p) {
			return p
		}
	}
	if a, ok := aliases[t]; ok {
		return a
	}
	if t != s {
		if _, err := charset.Reader(t, strings.NewReader("")); err == nil {
			return t
		}
	}
	return s
}

// decodeText turns b into valid UTF-8. declared is what the message says; the bytes
// themselves are asked first whether that can be true. problem is "",
// ProblemCharset or ProblemWrongCharset.
func decodeText(b []byte, declared string) (text, problem string) {
	if bom, n := unicodeBOM(b); n > 0 {
		b, declared = b[n:], bom
	}
	name := charsetName(declared)
	switch name {
	case "", "utf-8":
		if utf8.Valid(b) {
			if name == "" && isISO2022JP(b) {
				name = "iso-2022-jp"
				break
			}
			return string(b), ""
		}
		if name != "" && !cutAtEnd(b) {
			problem = ProblemWrongCharset
		}
		return repairUTF8(b), problem
	case "utf-7":
		return decodeUTF7(b), ""
	}
	if !isMultiByte(name) {
		// Accents in a single-byte character set are hardly ever valid UTF-8 by chance.
		if utf8.Valid(b) {
			if !isASCII(b) {
				problem = ProblemWrongCharset
			}
			return string(b), problem
		}
	}
	r, err := charset.Reader(name, bytes.NewReader(b))
	if err != nil {
		return repairUTF8(b), ProblemCharset
	}
	dec, err := io.ReadAll(r)
	if err != nil || tooManyReplaced(dec) {
		if fixed := repairUTF8(b); err != nil || !strings.Contains(fixed, "\x00") {
			return fixed, ProblemWrongCharset
		}
	}
	return strings.ToValidUTF8(string(dec), "\uFFFD"), ""
}

// isMultiByte reports whether text in a character set may well be valid UTF-8, or
// ASCII, and mean something else.
func isMultiByte(name string) bool {
	for _, p := range []string{"utf-16", "utf-32", "iso-2022", "hz", "gb", "big5", "euc", "shift", "johab"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// tooManyReplaced reports whether a decoder gave up on more than one character in ten.
func tooManyReplaced(dec []byte) bool {
	bad := bytes.Count(dec, []byte("\uFFFD"))
	return bad > 0 && bad*10 > utf8.RuneCount(dec)
}

// unicodeBOM recognises a byte order mark, and returns what it means and its length.
func unicodeBOM(b []byte) (name string, n int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return "utf-8", 3
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return "utf-16le", 2
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return "utf-16be", 2
	}
	return "", 0
}

// utf16Reader decodes a whole message that was saved as UTF-16, byte order mark and all.
func utf16Reader(r io.Reader) io.Reader {
	return transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func isISO2022JP(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@"))
}

// cutAtEnd reports whether b is UTF-8 that was only cut within its last character.
func cutAtEnd(b []byte) bool {
	for n := 1; n <= 3 && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			rest := b[:len(b)-n]
			// Without another accent in it, that byte is more likely one of windows-1252.
			return tail[0] >= 0xC0 && !utf8.FullRune(tail) && !isASCII(rest) && utf8.Valid(rest)
		}
	}
	return false
}

// repairUTF8 keeps what is UTF-8 in b and reads every other byte as windows-1252, so
// that texts in either, or glued together from both, lose no accent.
func repairUTF8(b []byte) string {
	if cutAtEnd(b) {
		for len(b) > 0 && !utf8.Valid(b) {
			b = b[:len(b)-1]
			if utf8.Valid(b) {
				break
			}
		}
	}
	var s strings.Builder
	s.Grow(len(b) + len(b)/8)
	for len(b) > 0 {
		if b[0] < 0x80 {
			n := 1
			for n < len(b) && b[n] < 0x80 {
				n++
			}
			s.Write(b[:n])
			b = b[n:]
			continue
		}
		if r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1 {
			s.Write(b[:n])
			b = b[n:]
			continue
		}
		s.WriteRune(charmap.Windows1252.DecodeByte(b[0]))
		b = b[1:]
	}
	return s.String()
}
