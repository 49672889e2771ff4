package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
)

var errNotMbox = errors.New("not an mbox file: it does not begin with a \"From \" line")

// mboxTaker takes the mails of an mbox one after the other, in pieces.
type mboxTaker interface {
	begin() error
	io.Writer
	end() error
}

// splitMbox hands the mails of an mbox to t (RFC 4155, appendix A): mails begin at a line
// "From …" at the start or after an empty line, and the quoting of such lines within a mail
// (">From ", any depth: the mboxrd variant) is undone. The empty line before the next mail
// belongs to neither. Content-Length is not trusted (the mboxcl variants): too many programs
// have changed a mail and left it as it was. The memory that it takes does not depend on the
// file. The errors are errNotMbox, the reader's and t's.
func splitMbox(r io.Reader, t mboxTaker) error {
	s := &mboxSplitter{br: bufio.NewReaderSize(r, mboxBuffer), t: t, blank: true}
	for {
		piece, err := s.br.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if len(piece) > 0 {
			if terr := s.take(piece, full); terr != nil {
				return terr
			}
		}
		switch {
		case err == nil || full:
		case errors.Is(err, io.EOF):
			return s.finish()
		default:
			return fmt.Errorf("read: %w", err)
		}
	}
}

// mboxBuffer is also how much of a line is looked at.
const mboxBuffer = 64 << 10

type mboxSplitter struct {
	br     *bufio.Reader
	t      mboxTaker
	begun  bool
	blank  bool   // the line before was empty
	inside bool   // in the middle of a long line
	held   []byte // an empty line that may be the one before the next mail
}

// take handles a line, or the next piece of a long one.
func (s *mboxSplitter) take(piece []byte, more bool) error {
	inside := s.inside
	s.inside = more
	if inside {
		return s.write(piece)
	}
	empty := len(bytes.TrimRight(piece, "\r\n")) == 0
	blank := s.blank
	s.blank = empty && !more
	if blank && s.begun && bytes.HasPrefix(piece, []byte("From ")) {
		// begins looks ahead, for which the reader may move its buffer under the piece.
		piece = bytes.Clone(piece)
	}
	switch {
	case blank && bytes.HasPrefix(piece, []byte("From ")) && (!s.begun || s.begins(piece)):
		s.held = nil
		if err := s.finish(); err != nil {
			return err
		}
		s.begun = true
		s.blank = false
		return s.t.begin()
	case !s.begun && len(bytes.TrimSpace(bytes.TrimPrefix(piece, []byte("\ufeff")))) > 0:
		return errNotMbox
	case !s.begun:
		return nil
	case empty:
		if err := s.flush(); err != nil {
			return err
		}
		s.held = bytes.Clone(piece)
		return nil
	}
	return s.write(unquoteFrom(piece))
}

func (s *mboxSplitter) write(piece []byte) error {
	if err := s.flush(); err != nil {
		return err
	}
	_, err := s.t.Write(piece)
	return err
}

func (s *mboxSplitter) flush() error {
	if s.held == nil {
		return nil
	}
	_, err := s.t.Write(s.held)
	s.held = nil
	return err
}

func (s *mboxSplitter) finish() error {
	if !s.begun {
		return nil
	}
	return s.t.end()
}

var (
	// postmarkLine has a time of the day and a year, as every program writes them there.
	postmarkLine = regexp.MustCompile(`\d{1,2}:\d{2}.*\b\d{4}\b|\b\d{4}\b.*\d{1,2}:\d{2}`)
	// headerLine is the beginning of a header (RFC 5322 §2.2).
	headerLine = regexp.MustCompile(`^[!-9;-~]+[ \t]*:`)
)

// begins reports whether a line "From …" after an empty one begins a mail: it has a date, or a
// header follows. Where programs leave such lines of a text unquoted, they are text. The line
// must not lie in the reader's buffer.
func (s *mboxSplitter) begins(line []byte) bool {
	if postmarkLine.Match(line) {
		return true
	}
	next, _ := s.br.Peek(256)
	return headerLine.Match(next)
}

func unquoteFrom(line []byte) []byte {
	rest := bytes.TrimLeft(line, ">")
	if len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		return line[1:]
	}
	return line
}
