package scanfolder

import (
	"bytes"
	"io"

	"saisine.fr/saisine/ingest"
)

// mediaUnknown is the type of a file whose content is no scan.
const mediaUnknown = "application/octet-stream"

// window is how much of the beginning and of the end of a file is looked at. PDF
// readers search the header in the first and the end mark in the last 1024 bytes
// (ISO 32000-1, annex H, notes 13 and 18).
const window = 1024

// sniff tells the media type of a file from its first bytes.
func sniff(head []byte) string {
	if mt := ingest.SniffScan(head); mt != "" {
		return mt
	}
	return mediaUnknown
}

// ends looks at both ends of a file: its media type, and whether it looks as if it
// was written to its end. A copier that pauses between two pages, or a program that
// reserves the whole size before it writes, leaves a file that is stable but half
// there. "Not whole" is a reason to wait for a while, never to refuse: there are
// readable files without an end mark.
func ends(r io.ReaderAt, size int64) (media string, whole bool, err error) {
	head, err := readAt(r, 0, min(size, window))
	if err != nil {
		return "", false, err
	}
	tail, err := readAt(r, max(0, size-window), min(size, window))
	if err != nil {
		return "", false, err
	}
	media = sniff(head)
	switch media {
	case ingest.MediaPDF:
		whole = bytes.Contains(tail, []byte("%%EOF"))
	case ingest.MediaJPEG:
		whole = bytes.Contains(tail, []byte("\xff\xd9")) // EOI
	case ingest.MediaPNG:
		whole = bytes.Contains(tail, []byte("IEND"))
	case ingest.MediaTIFF:
		whole = tiffHasDirectory(head, size)
	default:
		// Zeros where nothing was written yet may still become a scan.
		whole = len(bytes.Trim(head, "\x00")) > 0
	}
	return media, whole, nil
}

// tiffHasDirectory reports whether the first directory lies within the file. Writers
// put its place into the header last.
func tiffHasDirectory(head []byte, size int64) bool {
	order := ingest.TIFFOrder(head)
	if order == nil || len(head) < 16 {
		return false
	}
	offset := uint64(order.Uint32(head[4:]))
	if order.Uint16(head[2:]) == 43 {
		offset = order.Uint64(head[8:])
	}
	return offset >= 8 && offset < uint64(size)
}

func readAt(r io.ReaderAt, offset, n int64) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(r, offset, n))
}
