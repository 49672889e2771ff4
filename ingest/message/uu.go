package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// uuBegin parses the first line of uuencoded content: "begin 644 name".
func uuBegin(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("begin "))
	if !ok {
		return "", false
	}
	mode, file, ok := strings.Cut(strings.TrimLeft(string(rest), " "), " ")
	if !ok || len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" {
		return "", false
	}
	file = strings.TrimSpace(file)
	return file, file != ""
}

// uuLine decodes one line into dst. ok is false when it cannot be uuencoded data:
// its first character tells how many bytes it holds, and its length must fit.
// Encoders differ by trailing blanks (cut in transit) and up to a quantum of filling.
func uuLine(dst, line []byte) (out []byte, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return dst, false
	}
	n := int(line[0]-' ') & 63
	body := line[1:]
	need := (n + 2) / 3 * 4
	if len(body) > need+4 || (len(body) < need && n > 0 && len(bytes.TrimRight(body, " "))+need/2 < need) {
		return dst, false
	}
	for _, c := range body {
		if c < ' ' || c > '`' {
			return dst, false
		}
	}
	at := func(i int) byte {
		if i < len(body) {
			return (body[i] - ' ') & 63
		}
		return 0 // a blank that was cut in transit
	}
	for i := 0; n > 0; i += 4 {
		a, b, c, d := at(i), at(i+1), at(i+2), at(i+3)
		q := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | d}
		dst = append(dst, q[:min(n, 3)]...)
		n -= 3
	}
	return dst, true
}

// uuReader decodes uuencoded lines up to "end". With seek it first looks for the
// "begin" line, and hands the bytes through when there is none.
type uuReader struct {
	br     *bufio.Reader
	seek   bool
	report func(code, detail string)
	name   string // from the begin line, once it is found
	out    []byte
	buf    []byte
	done   bool
	broken bool
}

// Read implements io.Reader.
func (u *uuReader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.done {
			return 0, io.EOF
		}
		u.buf = u.buf[:0]
		line, err := u.br.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			u.done = true
		}
		u.line(line)
		u.out = u.buf
		if u.done && (u.broken || err != nil) {
			u.report(ProblemUU, "Un contenu codé en « uuencode » est abîmé ou coupé ; il a été décodé autant que possible.")
			u.broken = false
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *uuReader) line(line []byte) {
	if u.seek {
		if name, ok := uuBegin(line); ok {
			u.name, u.seek = name, false
		} else if decoded, ok := uuLine(u.buf, line); ok && len(decoded) >= 30 {
			u.buf, u.seek = decoded, false // the begin line was lost
		}
		return
	}
	trimmed := bytes.TrimSpace(line)
	if bytes.Equal(trimmed, []byte("end")) {
		u.done = true
		return
	}
	if len(trimmed) == 0 {
		return
	}
	out, ok := uuLine(u.buf, line)
	if !ok {
		u.broken = true
		return
	}
	u.buf = out
}
