package ingest

import (
	"bytes"
	"encoding/binary"
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
	if mt := SniffScan(head); mt != "" {
		return mt
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

// SniffScan tells the media type of a scan from its first bytes: MediaPDF, MediaTIFF,
// MediaJPEG, MediaPNG, or "" for anything else. Names play no part: copiers and clerks
// get them wrong too often.
func SniffScan(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return MediaJPEG
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return MediaPNG
	case TIFFOrder(head) != nil:
		return MediaTIFF
	case bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")):
		// Readers accept the mark anywhere in the first 1,024 bytes (ISO 32000-1, annex
		// H, note 13), and copiers do put bytes before it.
		return MediaPDF
	}
	return ""
}

// TIFFOrder returns the byte order of a TIFF (magic 42) or BigTIFF (43), nil for
// anything else.
func TIFFOrder(head []byte) binary.ByteOrder {
	if len(head) < 4 {
		return nil
	}
	var order binary.ByteOrder
	switch string(head[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return nil
	}
	if m := order.Uint16(head[2:]); m != 42 && m != 43 {
		return nil
	}
	return order
}
