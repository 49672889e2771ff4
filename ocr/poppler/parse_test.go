package poppler

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParseInfo(t *testing.T) {
	t.Parallel()
	// A title may look like a key: the real one comes later and wins.
	got, err := parseInfo([]byte("Title:           x\nPages: 99999\nForm:            XFA\nPages:           2\n" +
		"Page    1 size:  595.44 x 842.04 pts (A4)\nPage    1 rot:   0\nPage    2 size:  842 x nan pts\nPage    2 rot:   -90\n"))
	want := Info{Pages: 2, XFA: true, Sizes: map[int]Size{1: {595.44, 842.04, 0}, 2: {842, 0, 270}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseInfo([]byte("Pages: many\n")); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func TestParseImages(t *testing.T) {
	t.Parallel()
	got := parseImages([]byte(`page   num  type   width height color comp bpc  enc interp  object ID x-ppi y-ppi size ratio
--------------------------------------------------------------------------------------------
   1     0 image    1654  2339  gray    1   8  jpeg   no         7  0   200   201  600K  16%
   2     1 smask      16    16  gray    1   8  image  no   [inline]     72    73   13B  5%
   3     2 image    junk
`))
	want := []Image{
		{Page: 1, Type: "image", Width: 1654, Height: 2339, Color: "gray", Bits: 8, Encoding: "jpeg", XPPI: 200, YPPI: 201},
		{Page: 2, Type: "smask", Width: 16, Height: 16, Color: "gray", Bits: 8, Encoding: "image", XPPI: 72, YPPI: 73},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseAttachments(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"0 embedded files\n":                                    nil,
		"2 embedded files\n1: a: b.pdf\n2: d\xe9.pdf\n":         {"a: b.pdf", "d\uFFFD.pdf"},
		"3 embedded files\n1: un\nnom\n2: deux\n3: \n7: sept\n": {"un nom", "deux", " 7: sept"},
		"": nil,
	} {
		if got := parseAttachments([]byte(in)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestParseText(t *testing.T) {
	t.Parallel()
	got := parseText([]byte("un\n\f\fd\xe9ux\n\f"))
	if want := []string{"un\n", "", "d\uFFFDux\n"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRunLimits(t *testing.T) {
	t.Parallel()
	r := Runner{Dir: t.TempDir(), Timeout: 5 * time.Second, Memory: 1 << 30, Output: 1 << 10}
	for name, tc := range map[string]struct {
		program string
		args    []string
		timeout time.Duration
		want    error
	}{
		"missing":         {"no-such-program", nil, 0, ErrMissing},
		"fails":           {"false", nil, 0, ErrBroken},
		"too slow":        {"sleep", []string{"60"}, 300 * time.Millisecond, ErrLimit},
		"too much output": {"yes", nil, 0, ErrLimit},
		"too much memory": {"dd", []string{"if=/dev/zero", "of=/dev/null", "bs=2G", "count=1"}, 0, ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limited := r
			if tc.timeout > 0 {
				limited.Timeout = tc.timeout
			}
			began := time.Now()
			if _, err := limited.run(context.Background(), tc.program, tc.args...); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if time.Since(began) > 20*time.Second {
				t.Errorf("it took %s", time.Since(began))
			}
		})
	}
}

func TestInfoOfRubbish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.pdf")
	if err := os.WriteFile(path, []byte("%PDF-1.4\nrubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Runner{Dir: dir, Timeout: 20 * time.Second, Memory: 1 << 30, Output: 1 << 20}
	if _, err := r.Info(t.Context(), path, 10); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Pages: 2\nPage    1 size:  595.44 x 842.04 pts (A4)\nPage    1 rot:   90\n"))
	f.Add([]byte("   1     0 image    1654  2339  gray    1   8  jpeg   no         7  0   200   201  600K  16%\n"))
	f.Add([]byte("   2     1 smask      16    16  gray    1   8  image  no   [inline]     72    73   13B  5%\n"))
	f.Add([]byte("a\fb\f"))
	f.Add([]byte("2 embedded files\n1: a.pdf\n2: b\xff\nc.pdf\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := parseInfo(data)
		if err == nil && info.Pages < 0 {
			t.Errorf("%d pages", info.Pages)
		}
		for n, s := range info.Sizes {
			if s.Width < 0 || s.Height < 0 || s.Rotate < 0 || s.Rotate >= 360 {
				t.Errorf("page %d: %+v", n, s)
			}
		}
		parseImages(data)
		parseText(data)
		for _, name := range parseAttachments(data) {
			if !utf8.ValidString(name) {
				t.Errorf("name %q", name)
			}
		}
	})
}
