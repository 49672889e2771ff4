package scanfolder

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Our own folders, at the top of the watched one. On a share that a Mac has written
// to they may exist in decomposed form (NFD); see tree.real.
const (
	dirDone      = "_traités"
	dirDuplicate = "_doublons"
	dirFailed    = "_échecs"
)

// The endings of the notes that lie beside a scan.
const (
	suffixReceipt   = ".reçu.txt"
	suffixError     = ".erreur.txt"
	suffixDuplicate = ".doublon.txt"
)

// maxName is how long in bytes a scan's name may be where we put it. File systems
// allow 255 (NAME_MAX), and the longest note ending must still fit.
const maxName = 230

// ownDir returns which of our own folders name means, whatever its normal form and
// case, or "".
func ownDir(name string) string {
	name = norm.NFC.String(name)
	for _, own := range []string{dirDone, dirDuplicate, dirFailed} {
		if strings.EqualFold(name, own) {
			return own
		}
	}
	return ""
}

// ignored reports whether a file or folder of this name is none of our business:
// hidden files, the lock files of office programs, what browsers and copy programs
// write before they rename it, what Windows, macOS and Synology put into every folder.
func ignored(name string) bool {
	low := strings.ToLower(name)
	for _, prefix := range []string{".", "~$"} {
		if strings.HasPrefix(low, prefix) {
			return true
		}
	}
	for _, suffix := range []string{".part", ".tmp", ".crdownload"} {
		if strings.HasSuffix(low, suffix) {
			return true
		}
	}
	switch low {
	case "thumbs.db", "desktop.ini", "@eadir", "__macosx":
		return true
	}
	return false
}

// ourNote reports whether a file in the watched folder is a note of ours that a clerk
// dragged along when dropping a scan back. It is no submission.
func ourNote(name string) bool {
	low := strings.ToLower(norm.NFC.String(name))
	return strings.HasSuffix(low, suffixReceipt) || strings.HasSuffix(low, suffixError) || strings.HasSuffix(low, suffixDuplicate)
}

// clean makes a foreign file name fit to be stored, shown and used as a name of ours.
func clean(name string) string {
	return strings.ReplaceAll(cleanText(name), "/", "_")
}

// cleanText makes foreign text fit for one line: valid UTF-8 in composed form,
// without control characters (a name may hold line breaks or terminal sequences) and
// without characters that reverse or hide text.
func cleanText(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "_"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return '_'
		}
		return r
	}, s)
}

// variant is the n-th name to try for a scan where names may be taken:
// "NAME.pdf", "NAME (2).pdf", "NAME (3).pdf" …, each at most maxName bytes long.
func variant(name string, n int) string {
	name = clean(name)
	ext := path.Ext(name)
	if len(ext) > 20 || ext == name {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	mark := ""
	if n > 1 {
		mark = fmt.Sprintf(" (%d)", n)
	}
	for len(stem)+len(mark)+len(ext) > maxName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return stem + mark + ext
}

// monthDir is the folder for scans of that month, in the time's own zone.
func monthDir(t time.Time) string { return dirDone + "/" + t.Format("2006-01") }
