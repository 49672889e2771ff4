package desk

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
)

// fileKind is what a file is taken for: the ending of its name, and the media type under
// which it is sent. Types that a browser would run or show with scripts are not among them.
type fileKind struct{ ext, mediaType string }

const (
	octets = "application/octet-stream"
	// sniffLength is how much of a file is looked at. The header of a PDF may stand anywhere in it
	// (ISO 32000-1, Annex H.3, implementation note 13).
	sniffLength = 1024
)

// signatures tell files by their first bytes.
var signatures = []struct {
	at   int
	mark string
	kind fileKind
	// also are the endings that files of this family keep: what is in them is told by no
	// first byte.
	also []string
}{
	{0, "\x89PNG\r\n\x1a\n", fileKind{".png", "image/png"}, nil},
	{0, "\xff\xd8\xff", fileKind{".jpg", "image/jpeg"}, []string{".jpeg"}},
	{0, "GIF87a", fileKind{".gif", "image/gif"}, nil},
	{0, "GIF89a", fileKind{".gif", "image/gif"}, nil},
	{8, "WEBPVP8", fileKind{".webp", "image/webp"}, nil},
	{0, "II*\x00", fileKind{".tif", "image/tiff"}, []string{".tiff"}},
	{0, "MM\x00*", fileKind{".tif", "image/tiff"}, []string{".tiff"}},
	{4, "ftypheic", fileKind{".heic", octets}, nil},
	{4, "ftypheix", fileKind{".heic", octets}, nil},
	{4, "ftypmif1", fileKind{".heic", octets}, nil},
	{4, "ftypavif", fileKind{".avif", octets}, nil},
	{4, "ftypM4A", fileKind{".m4a", octets}, nil},
	{4, "ftypqt", fileKind{".mov", octets}, nil},
	{4, "ftyp3g", fileKind{".3gp", octets}, nil},
	{4, "ftyp", fileKind{".mp4", octets}, []string{".m4v"}},
	{0, "\x1aE\xdf\xa3", fileKind{".webm", octets}, []string{".mkv"}},
	{0, "OggS", fileKind{".ogg", octets}, []string{".oga", ".opus"}},
	{0, "ID3", fileKind{".mp3", octets}, nil},
	{8, "WAVE", fileKind{".wav", octets}, nil},
	{8, "AVI ", fileKind{".avi", octets}, nil},
	{0, "#!AMR", fileKind{".amr", octets}, nil},
	// Without macros: .docm and its like are sent as what they are, an archive.
	{0, "PK\x03\x04", fileKind{".zip", "application/zip"}, []string{".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".odg"}},
	{0, "PK\x05\x06", fileKind{".zip", "application/zip"}, nil},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", fileKind{".bin", octets}, []string{".doc", ".xls", ".ppt", ".msg"}},
	{0, `{\rtf`, fileKind{".rtf", octets}, nil},
	{0, "7z\xbc\xaf\x27\x1c", fileKind{".7z", octets}, nil},
	{0, "Rar!\x1a\x07", fileKind{".rar", octets}, nil},
	{0, "\x1f\x8b", fileKind{".gz", octets}, nil},
}

// plainEndings are the endings that plain text keeps: no program runs it for them.
var plainEndings = []string{".csv", ".tsv", ".ics", ".vcf", ".json", ".md", ".log", ".asc"}

// kindOf says what a file is by its first bytes, among what is known; a media type that the
// house gave it, and the ending that its sender gave it, only choose between what the bytes allow.
func kindOf(head []byte, mediaType, name string) fileKind {
	// What the house made, or took down as it came, may hold the marks of anything.
	switch mediaType {
	case ingest.MediaMail:
		return fileKind{".eml", octets}
	case ingest.MediaForm:
		return fileKind{".form.txt", octets}
	case ingest.MediaNote, ingest.MediaCollation:
		return fileKind{".json", octets}
	}
	ext := strings.ToLower(path.Ext(cleanName(name)))
	for _, s := range signatures {
		if len(head) >= s.at+len(s.mark) && string(head[s.at:s.at+len(s.mark)]) == s.mark {
			if slices.Contains(s.also, ext) {
				return fileKind{ext, s.kind.mediaType}
			}
			return s.kind
		}
	}
	if bytes.Contains(head[:min(len(head), sniffLength)], []byte("%PDF-")) {
		return fileKind{".pdf", "application/pdf"}
	}
	// Markup is text too, and its ending would have a browser open it.
	if strings.HasPrefix(http.DetectContentType(head), "text/") {
		if slices.Contains(plainEndings, ext) {
			return fileKind{ext, octets}
		}
		return fileKind{".txt", octets}
	}
	return fileKind{".bin", octets}
}

// maxName bounds the name of a file in characters, its ending left out. Most file systems
// take 255 bytes.
const maxName = 80

// cleanName makes the name that somebody outside gave a file one that any system can save:
// without folders, characters that cannot be seen or turn the direction, and those that
// Windows forbids. "" when nothing is left.
func cleanName(name string) string {
	name = norm.NFC.String(strings.ToValidUTF8(name, ""))
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r): // control, format, private use, what is not assigned
			return -1
		case strings.ContainsRune(`<>:"|?*%;`, r):
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	stem, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	if len(ext) > 20 || len([]rune(ext)) > 10 {
		stem, ext = name, ""
	}
	if runes := []rune(stem); len(runes) > maxName {
		stem = string(runes[:maxName])
	}
	if stem = strings.Trim(stem, ". "); stem == "" {
		return strings.Trim(ext, ". ")
	}
	// The devices of DOS have no other file of their name (Win32, "Naming Files").
	device, _, _ := strings.Cut(strings.ToUpper(stem), ".")
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, device) || len(device) == 4 && (device[:3] == "COM" || device[:3] == "LPT") {
		stem = "_" + stem
	}
	return stem + ext
}

// foreignName is the name that somebody outside gave a file, with the ending of what it is:
// another one is kept, but does not stand at the end.
func foreignName(name string, kind fileKind) string {
	name = cleanName(name)
	if name == "" || strings.HasSuffix(strings.ToLower(name), kind.ext) {
		return name
	}
	return strings.TrimRight(name, ". ") + kind.ext
}

// disposition writes a Content-Disposition (RFC 6266): how it is to be shown, a name that is
// made here, and the foreign one beside it, which browsers prefer.
func disposition(how, base, foreign string, kind fileKind) string {
	base = strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_') {
			return r
		}
		return '-'
	}, base)
	out := how + `; filename="` + base + kind.ext + `"`
	if name := foreignName(foreign, kind); name != "" {
		out += "; filename*=UTF-8''" + extValue(name)
	}
	return out
}

// extValue encodes a parameter's value (RFC 8187 §3.2.1, attr-char).
func extValue(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 0x80 && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("!#$&+-.^_`|~", c) >= 0) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
