package model

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func fileOf(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFileRoundTrip(t *testing.T) {
	m, _ := trained()
	file := fileOf(t, m)
	got, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID() != m.ID() || len(m.ID()) != 64 || got.Threshold() != m.Threshold() || got.Temperature() != m.Temperature() ||
		!reflect.DeepEqual(got.Labels(), m.Labels()) || got.Features() != m.Features() {
		t.Errorf("read %v, wrote %v", got.ID(), m.ID())
	}
	for _, e := range sample(5, true) {
		if a, b := m.Predict(e.input()), got.Predict(e.input()); !reflect.DeepEqual(a, b) {
			t.Fatalf("predicts %v, and read again %v", a.Ranked, b.Ranked)
		}
		if a, b := m.Explain(e.input(), e.Label, 5), got.Explain(e.input(), e.Label, 5); !reflect.DeepEqual(a, b) {
			t.Fatalf("explains by %q, and read again by %q", a, b)
		}
	}
	if bytes.Contains(m.content(), []byte("lampadaire")) {
		t.Error("the file holds readable words of the texts")
	}
}

// packed makes a file of a content, with a true checksum.
func packed(t testing.TB, content []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(content)
	b := bytes.NewBufferString(magic)
	b.Write(sum[:])
	w := gzip.NewWriter(b)
	_, err := w.Write(content)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadRefuses(t *testing.T) {
	m, _ := trained()
	file, content := fileOf(t, m), m.content()
	changed := func(i int) []byte {
		b := bytes.Clone(file)
		b[i] ^= 1
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrNotModel},
		{"another file", []byte(strings.Repeat("PK\x03\x04", 50)), ErrNotModel},
		{"another version", append([]byte("saisine model 9\n"), file[len(magic):]...), ErrVersion},
		{"cut in the head", file[:20], ErrDamaged},
		{"cut in the middle", file[:len(file)/2], ErrDamaged},
		{"cut at the end", file[:len(file)-9], ErrDamaged},
		{"checksum changed", changed(len(magic) + 3), ErrDamaged},
		{"content changed", changed(len(file) / 2), ErrDamaged},
		{"content cut", packed(t, content[:len(content)-1]), ErrDamaged},
		{"content too long", packed(t, append(bytes.Clone(content), 0)), ErrDamaged},
		{"no content", packed(t, nil), ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
	t.Run("its reader's error", func(t *testing.T) {
		broken := errors.New("broken")
		if _, err := Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a bomb", func(t *testing.T) {
		b := bytes.NewBufferString(magic + strings.Repeat("x", sha256.Size))
		w := gzip.NewWriter(b)
		zeros := make([]byte, 1<<20)
		for range maxContent>>20 + 1 {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("error %v", err)
		}
	})
}

// failing takes in n bytes and no more.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestWriteFails(t *testing.T) {
	m, _ := trained()
	size := len(fileOf(t, m))
	for _, n := range []int{0, 10, size / 2, size - 1} {
		if err := m.Write(&failing{n}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestModelConcurrent(t *testing.T) {
	m, _ := trained()
	examples := sample(10, true)
	want := make([]Prediction, len(examples))
	for i, e := range examples {
		want[i] = m.Predict(e.input())
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, e := range examples {
				if got := m.Predict(e.input()); !reflect.DeepEqual(got, want[i]) {
					t.Errorf("%v, alone %v", got.Ranked, want[i].Ranked)
				}
				m.Explain(e.input(), e.Label, 3)
			}
		})
	}
	wg.Wait()
}

// Any content is refused or makes a model that works.
func FuzzParse(f *testing.F) {
	m, _, err := Train(f.Context(), sample(2, false)[:8], Options{Seed: 1})
	if err != nil {
		f.Fatal(err)
	}
	content := m.content()
	f.Add(content)
	f.Add(content[:200])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 300))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := parse(content)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		p := m.Predict(Input{Subject: "poubelle", Body: letter, Hints: []string{"rule:x"}})
		for _, r := range p.Ranked {
			if !(r.P >= 0 && r.P <= 1) {
				t.Fatalf("ranked %v", p.Ranked)
			}
		}
		m.Explain(Input{Body: letter}, m.labels[0], 5)
	})
}

// Any bytes are refused or read.
func FuzzRead(f *testing.F) {
	m, _, err := Train(f.Context(), sample(2, false)[:8], Options{Seed: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(fileOf(f, m))
	f.Add([]byte(magic))
	f.Add(packed(f, []byte("\x05")))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := Read(bytes.NewReader(file))
		if (m == nil) == (err == nil) {
			t.Fatalf("model %v, error %v", m, err)
		}
	})
}
