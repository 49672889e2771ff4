package message

import (
	"bufio"
	"bytes"
)

// IsHTML reports whether a file begins as an HTML page does.
func IsHTML(head []byte) bool {
	return looksLikeHTML(bufio.NewReaderSize(bytes.NewReader(head), 512))
}

// HTMLText returns the readable text of an HTML file, about max bytes of it at most. The
// character set is the one that the page declares unless its bytes say otherwise. It
// takes any bytes and time in proportion to their number.
func HTMLText(b []byte, max int) string {
	s, _ := decodeText(b, metaCharset(b))
	return Cut(htmlText(s, max), max)
}

// PlainText returns a plain text file as UTF-8 without control characters. The
// character set is found by the bytes; what is no UTF-8 is windows-1252.
func PlainText(b []byte) string {
	s, _ := decodeText(b, "")
	return tidy(cleanText(s))
}
