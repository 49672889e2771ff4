package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// source counts what is read, and keeps the error that ended it.
type source struct {
	r    io.Reader
	left int64
	over bool
	err  error
}

// Read implements io.Reader. Beyond the limit and after an error it says io.EOF.
func (s *source) Read(p []byte) (int, error) {
	if s.err != nil || s.over {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	if int64(n) > s.left {
		n = int(s.left)
		s.over = true
	}
	s.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	if err != nil || s.over {
		err = io.EOF
	}
	return n, err
}

// normalise undoes what happens to whole messages in files: UTF-16 with a byte order
// mark, a UTF-8 one, and line ends that are carriage returns only.
func normalise(r io.Reader) io.Reader {
	var head [1024]byte
	n, _ := io.ReadFull(r, head[:]) // a short source is no fault, and source keeps errors
	b := head[:n]
	all := io.MultiReader(bytes.NewReader(b), r)
	switch name, size := unicodeBOM(b); {
	case strings.HasPrefix(name, "utf-16"):
		return utf16Reader(all)
	case size > 0:
		return io.MultiReader(bytes.NewReader(b[size:]), r)
	case bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') >= 0 && bytes.IndexByte(b, ':') > 0:
		return crReader{all}
	}
	return all
}

// crReader turns carriage returns into line feeds.
type crReader struct{ r io.Reader }

// Read implements io.Reader.
func (c crReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
