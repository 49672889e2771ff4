package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

var errNotMbox = errors.New("not an mbox file: it does not begin with a \"From \" line")

// splitMbox calls f with each mail of an mbox (RFC 4155, appendix A): mails begin at a
// line "From …" at the start or after an empty line, and the quoting of such lines
// within a mail (">From ", any depth: the mboxrd variant) is undone. A mail larger than
// max is skipped and reported through f's error; the next one goes on. f may keep the
// bytes.
func splitMbox(r io.Reader, max int, f func(raw []byte, err error) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var mail []byte
	var size int
	begun, blank := false, true
	flush := func() error {
		if !begun {
			return nil
		}
		if size > max {
			return f(nil, fmt.Errorf("mail of %d bytes, more than %d", size, max))
		}
		return f(bytes.Clone(mail), nil)
	}
	for {
		line, err := readLine(br, max)
		if len(line) > 0 {
			switch {
			case blank && bytes.HasPrefix(line, []byte("From ")):
				if ferr := flush(); ferr != nil {
					return ferr
				}
				begun, mail, size = true, mail[:0], 0
			case !begun && len(bytes.TrimSpace(line)) > 0:
				return f(nil, errNotMbox)
			default:
				line = unquoteFrom(line)
				if size += len(line); size <= max {
					mail = append(mail, line...)
				}
			}
			blank = len(bytes.TrimRight(line, "\r\n")) == 0
		}
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return f(nil, err)
		}
	}
}

// readLine reads one line whatever its length; of one beyond max only the beginning.
func readLine(br *bufio.Reader, max int) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		if len(line) <= max {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func unquoteFrom(line []byte) []byte {
	rest := bytes.TrimLeft(line, ">")
	if len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		return line[1:]
	}
	return line
}
