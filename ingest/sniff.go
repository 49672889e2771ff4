package ingest

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// SniffLen is the number of bytes from the beginning that Sniff looks at.
const SniffLen = 4096

// Sniff tells the media type of a file from its first bytes, whatever its name says:
// one of the Media constants, or "application/octet-stream". The name only decides
// between mail and text.
func Sniff(head []byte, name string) string {
	if len(head) > SniffLen {
		head = head[:SniffLen]
	}
	switch {
	case bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")),
		bytes.HasPrefix(head, []byte("II+\x00")), bytes.HasPrefix(head, []byte("MM\x00+")): // BigTIFF
		return MediaTIFF
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return MediaJPEG
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return MediaPNG
	case bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")):
		// Readers accept the mark anywhere in the first 1,024 bytes (PDF Reference
		// 1.7, appendix H, note 13), and copiers do put bytes before it.
		return MediaPDF
	}
	ext := strings.ToLower(filepath.Ext(name))
	if ext == ".eml" || ext == ".mbox" || (ext != ".txt" && looksLikeMail(head)) {
		return MediaMail
	}
	if ext == ".txt" || looksLikeText(head) {
		return MediaText
	}
	return "application/octet-stream"
}

// looksLikeMail reports whether the text begins as a header block does, with at least
// one field that only mail has.
func looksLikeMail(head []byte) bool {
	fields := 0
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' || bytes.HasPrefix(line, []byte("From ")) {
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(name, " \t") {
			continue
		}
		switch strings.ToLower(string(name)) {
		case "from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version", "delivered-to", "content-type":
			fields++
		}
	}
	return fields >= 2
}

func looksLikeText(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 || len(head) == 0 {
		return false
	}
	control := 0
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' {
			control++
		}
	}
	if control*100 > len(head) {
		return false
	}
	return utf8.Valid(head[:len(head)-min(len(head), utf8.UTFMax)]) || control == 0
}
