package main

import (
	"errors"
	"strings"
	"testing"
)

func TestSplitMbox(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		bad      int
	}{
		{"two mails", "From a@b Mon Jan 1\nSubject: 1\n\nHello\n\nFrom c@d Tue\nSubject: 2\n\nBye\n", []string{"Subject: 1\n\nHello\n\n", "Subject: 2\n\nBye\n"}, 0},
		{"quoted From", "From a\nX: y\n\n>From here\n>>From there\n>quote\n", []string{"X: y\n\nFrom here\n>From there\n>quote\n"}, 0},
		{"From inside a paragraph is text", "From a\nX: y\n\nhello\nFrom now on\n", []string{"X: y\n\nhello\nFrom now on\n"}, 0},
		{"no line end at the end", "From a\nX: y\n\nz", []string{"X: y\n\nz"}, 0},
		{"CRLF", "From a\r\nX: y\r\n\r\nz\r\n\r\nFrom b\r\nX: w\r\n\r\n", []string{"X: y\r\n\r\nz\r\n\r\n", "X: w\r\n\r\n"}, 0},
		{"empty file", "", nil, 0},
		{"no mbox", "Subject: 1\n\nHello\n", nil, 1},
		{"one too large, the next goes on", "From a\nX: y\n\n" + strings.Repeat("z", 300) + "\n\nFrom b\nX: w\n\nok\n", []string{"X: w\n\nok\n"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			bad := 0
			err := splitMbox(strings.NewReader(tt.in), 200, func(raw []byte, err error) error {
				if err != nil {
					bad++
				} else {
					got = append(got, string(raw))
				}
				return nil
			})
			if err != nil || bad != tt.bad || strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, %d bad, %v", got, bad, err)
			}
		})
	}
	stop := errors.New("stop")
	if err := splitMbox(strings.NewReader("From a\n\nFrom b\n\n"), 10, func([]byte, error) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error is lost: %v", err)
	}
}

func FuzzSplitMbox(f *testing.F) {
	f.Add("From a\nX: y\n\nz\n\nFrom b\n")
	f.Fuzz(func(t *testing.T, in string) {
		total := 0
		if err := splitMbox(strings.NewReader(in), 1<<10, func(raw []byte, _ error) error {
			total += len(raw)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if total > len(in) {
			t.Errorf("%d bytes out of %d", total, len(in))
		}
	})
}
