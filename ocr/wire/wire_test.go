package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	want := Response{Page: &Page{Number: 3, Text: "Évry\n« été »", Confidence: 0.5}}
	for range 2 {
		if err := Write(&buf, want); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		var got Response
		if err := Read(&buf, &got); err != nil {
			t.Fatal(err)
		}
		if got.Page == nil || got.Page.Text != want.Page.Text || got.Page.Number != 3 {
			t.Fatalf("got %+v", got.Page)
		}
	}
	if err := Read(&buf, new(Response)); !errors.Is(err, io.EOF) {
		t.Fatalf("after the last frame: %v, want io.EOF", err)
	}
}

func TestReadRefuses(t *testing.T) {
	frame := func(n uint32, body string) string {
		return string(binary.BigEndian.AppendUint32(nil, n)) + body
	}
	for name, tc := range map[string]struct {
		in   string
		want error
	}{
		"cut in the length": {"\x00\x00", io.ErrUnexpectedEOF},
		"cut in the body":   {frame(10, "{}"), io.ErrUnexpectedEOF},
		"too long":          {frame(MaxFrame+1, "{}"), ErrFrame},
		"no JSON":           {frame(4, "abcd"), ErrFrame},
		"wrong type":        {frame(2, "[]"), ErrFrame},
		"empty":             {frame(0, ""), ErrFrame},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Read(strings.NewReader(tc.in), new(Response)); !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestWriteRefusesTooLong(t *testing.T) {
	var buf bytes.Buffer
	err := Write(&buf, Page{Text: strings.Repeat("x", MaxFrame)})
	if !errors.Is(err, ErrTooLong) || buf.Len() != 0 {
		t.Fatalf("err %v, %d bytes written", err, buf.Len())
	}
}

func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	_ = Write(&buf, Response{Plan: &Plan{Kind: "pdf", Total: 2, Todo: []Task{{Number: 1}}}})
	f.Add(buf.Bytes())
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Response
		if err := Read(bytes.NewReader(data), &v); err != nil {
			return
		}
		var again bytes.Buffer
		if err := Write(&again, v); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

// A frame of short values must not unfold to many times its size in memory.
func TestReadRefusesManyValues(t *testing.T) {
	for name, body := range map[string]string{
		"words":  `{"Page":{"Layout":{"Words":[` + strings.TrimSuffix(strings.Repeat("{},", maxObjects), ",") + `]}}}`,
		"stamps": `{"Page":{"Stamps":[` + strings.TrimSuffix(strings.Repeat(`"",`, maxQuotes/2), ",") + `]}}`,
	} {
		frame := string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
		if err := Read(strings.NewReader(frame), new(Response)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The largest page and the largest plan that a child makes fit into a frame and are read.
func TestLargestHonestFrames(t *testing.T) {
	words := make([]Word, 20_000)
	for i := range words {
		words[i] = Word{Text: "administration", Confidence: 0.9512345678, X: 12345, Y: 12345, W: 1234, H: 1234, Line: i}
	}
	pages := make([]Page, 200)
	for i := range pages {
		pages[i] = Page{Number: i + 1, Source: "text-layer", Text: strings.Repeat("l’été <b> \"x\"\n", 12<<20/200/18)}
	}
	for name, want := range map[string]Response{
		"page": {Page: &Page{Number: 1, Layout: &Layout{Width: 20000, Height: 20000, DPI: 200, Words: words}}},
		"plan": {Plan: &Plan{Kind: "pdf", Total: 200, Done: pages}},
	} {
		var buf bytes.Buffer
		if err := Write(&buf, want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got Response
		if err := Read(&buf, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
