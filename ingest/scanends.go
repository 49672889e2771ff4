package ingest

import (
	"bytes"
	"errors"
	"io"
)

// scanWindow is how much of the beginning and of the end of a scan is looked at. PDF readers
// search the header in the first and the end mark in the last 1024 bytes (ISO 32000-1, annex
// H, notes 13 and 18).
const scanWindow = 1024

// ScanEnds looks at both ends of a file: its media type ("" for what is no scan), and whether
// it looks as if it was written to its end. A copier that pauses between two pages, or a program that
// reserves the whole size before it writes, leaves a file that is stable but half there. "Not
// whole" is a reason to wait for a while or to say so, never to refuse: there are readable
// files without an end mark.
func ScanEnds(r io.ReaderAt, size int64) (media string, whole bool, err error) {
	head, err := readAt(r, 0, min(size, scanWindow))
	if err != nil {
		return "", false, err
	}
	tail, err := readAt(r, max(0, size-scanWindow), min(size, scanWindow))
	if err != nil {
		return "", false, err
	}
	media = SniffScan(head)
	switch media {
	case MediaPDF:
		whole = bytes.Contains(tail, []byte("%%EOF"))
	case MediaJPEG:
		whole = bytes.Contains(tail, []byte("\xff\xd9")) // EOI
	case MediaPNG:
		whole = bytes.Contains(tail, []byte("IEND"))
	case MediaTIFF:
		whole = tiffHasDirectory(head, size)
	default:
		// Zeros where nothing was written yet may still become a scan.
		whole = len(bytes.Trim(head, "\x00")) > 0
	}
	return media, whole, nil
}

// ScanEnds is that of the Blob's content.
func (b *Blob) ScanEnds() (media string, whole bool, err error) {
	r, size, err := b.readerAt()
	if err != nil {
		return "", false, err
	}
	media, whole, err = ScanEnds(r, size)
	return media, whole, errors.Join(err, r.Close())
}

// tiffHasDirectory reports whether the first directory lies within the file. Writers
// put its place into the header last.
func tiffHasDirectory(head []byte, size int64) bool {
	order := TIFFOrder(head)
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
