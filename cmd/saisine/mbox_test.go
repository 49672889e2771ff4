package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

// collected is an mboxTaker that keeps the mails.
type collected struct {
	mails []string
	open  bool
	stop  error
}

func (c *collected) begin() error {
	if c.open {
		return errors.New("a mail begins before the last one ended")
	}
	c.mails, c.open = append(c.mails, ""), true
	return nil
}

func (c *collected) Write(p []byte) (int, error) {
	c.mails[len(c.mails)-1] += string(p)
	return len(p), nil
}

func (c *collected) end() error {
	c.open = false
	return c.stop
}

const postmarked = "From a@b Mon Jan  1 10:00:00 2018\n"

func TestSplitMbox(t *testing.T) {
	long := strings.Repeat("z", 3*mboxBuffer)
	tests := []struct {
		name, in string
		want     []string
		err      error
	}{
		{"two mails", postmarked + "Subject: 1\n\nHello\n\nFrom c@d Tue\nSubject: 2\n\nBye\n", []string{"Subject: 1\n\nHello\n", "Subject: 2\n\nBye\n"}, nil},
		{"quoted From", "From a\nX: y\n\n>From here\n>>From there\n>quote\n", []string{"X: y\n\nFrom here\n>From there\n>quote\n"}, nil},
		{"From inside a paragraph is text", "From a\nX: y\n\nhello\nFrom now on\n", []string{"X: y\n\nhello\nFrom now on\n"}, nil},
		{"From at a paragraph's beginning is text too", "From a\nX: y\n\nFrom now on\nwe meet\n", []string{"X: y\n\nFrom now on\nwe meet\n"}, nil},
		{"a date is enough, whatever follows", "From a\nX: y\n\nz\n\n" + postmarked + "no header\n", []string{"X: y\n\nz\n", "no header\n"}, nil},
		{"Thunderbird", "From - Mon Jan 01 10:00:00 2018\nX: y\n\nz\n\nFrom - Mon Jan 01 10:00:00 2018\nX: w\n\n", []string{"X: y\n\nz\n", "X: w\n"}, nil},
		{"no line end at the end", "From a\nX: y\n\nz", []string{"X: y\n\nz"}, nil},
		{"CRLF", "From a\r\nX: y\r\n\r\nz\r\n\r\nFrom b\r\nX: w\r\n\r\n", []string{"X: y\r\n\r\nz\r\n", "X: w\r\n"}, nil},
		{"more empty lines are the mail's", "From a\nX: y\n\nz\n\n\n\nFrom b\nX: w\n", []string{"X: y\n\nz\n\n\n", "X: w\n"}, nil},
		{"Content-Length is not trusted", "From a\nContent-Length: 90000\n\nz\n\nFrom b\nX: w\n", []string{"Content-Length: 90000\n\nz\n", "X: w\n"}, nil},
		{"a long line", "From a\nX: y\n\n" + long + "\nFrom x\n\nFrom b\nX: w\n", []string{"X: y\n\n" + long + "\nFrom x\n", "X: w\n"}, nil},
		{"empty file", "", nil, nil},
		{"no mbox", "Subject: 1\n\nHello\n", nil, errNotMbox},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got collected
			err := splitMbox(iotest.HalfReader(strings.NewReader(tt.in)), &got)
			if !errors.Is(err, tt.err) || got.open || strings.Join(got.mails, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%v, got %.200q", err, got.mails)
			}
		})
	}
	stop := errors.New("stop")
	if err := splitMbox(strings.NewReader("From a\n\nFrom b\n\n"), &collected{stop: stop}); !errors.Is(err, stop) {
		t.Errorf("the caller's error is lost: %v", err)
	}
}

func FuzzSplitMbox(f *testing.F) {
	f.Add("From a\nX: y\n\nz\n\nFrom b\n")
	f.Add(postmarked + ">From x\r\n\r\n\r\nFrom 10:00 2018")
	f.Fuzz(func(t *testing.T, in string) {
		var got collected
		err := splitMbox(strings.NewReader(in), &got)
		if err != nil && !errors.Is(err, errNotMbox) || got.open {
			t.Fatal(err)
		}
		if total := len(strings.Join(got.mails, "")); total > len(in) {
			t.Errorf("%d bytes out of %d", total, len(in))
		}
	})
}

func TestMailMarks(t *testing.T) {
	for head, gone := range map[string]bool{
		"X-Mozilla-Status: 0009\nA: b\n\n": true, "X-Mozilla-Status: 0001\n\n": false, "A: b\n\nX-Mozilla-Status: 0008\n": false, "X-Mozilla-Status: x\n": false,
	} {
		if thunderbirdGone([]byte(head)) != gone {
			t.Errorf("%q", head)
		}
	}
	for name, gone := range map[string]bool{"1:2,S": false, "1:2,ST": true, "1:2,D": true, "1T": false, "1": false} {
		if maildirGone("cur/"+name) != gone {
			t.Error(name)
		}
	}
}

// wholeMbox is an mboxTaker that keeps all mails as one run of bytes.
type wholeMbox struct {
	bytes.Buffer
	mails int
}

func (w *wholeMbox) begin() error { w.mails++; return nil }
func (w *wholeMbox) end() error   { return nil }

// A line "From …" that is text stays whole wherever the reader's buffer ends: to look behind
// the line moves the buffer.
func TestSplitMboxAtBufferEdge(t *testing.T) {
	var words strings.Builder
	for i := 0; words.Len() < mboxBuffer+100; i++ {
		fmt.Fprintf(&words, "%d is a word ", i)
	}
	fill := words.String()
	const first, head = "From a\n", "X: y\n\n"
	for _, line := range []string{"From now on\n", "From " + strings.Repeat("here ", 60) + "\n"} {
		for at := mboxBuffer - 550; at < mboxBuffer+50; at++ {
			mail := head + fill[:at-len(first)-len(head)-2] + "\n\n" + line + "we meet\n" + fill
			var got wholeMbox
			if err := splitMbox(strings.NewReader(first+mail), &got); err != nil || got.mails != 1 || got.Len() != len(mail) {
				t.Fatalf("at %d: %v, %d mails of %d bytes for %d", at, err, got.mails, got.Len(), len(mail))
			}
			if text := got.String(); text != mail {
				t.Fatalf("at %d: %.60q for %.60q", at, text[at-len(first):], mail[at-len(first):])
			}
		}
	}
}
