package classify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
)

func brainBytes(t testing.TB, b *brain) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := b.write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// sealed makes a file of a body, with a checksum that fits.
func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(append([]byte(brainMagic), sum[:]...), body...)
}

func TestBrainFile(t *testing.T) {
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	taught := *b
	taught.lessons = []uint64{3, 5, 8}
	data := brainBytes(t, &taught)
	got, err := readBrain(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got.model.ID() != b.model.ID() || got.fit != b.fit || !reflect.DeepEqual(got.about, b.about) || !reflect.DeepEqual(got.lessons, taught.lessons) {
		t.Errorf("got %+v %+v %v", got.about, got.fit, got.lessons)
	}

	start := len(brainMagic) + sha256.Size
	body := data[start:]
	n := int(binary.LittleEndian.Uint32(body))
	cut := func(f func(b []byte) []byte) []byte { return sealed(f(bytes.Clone(body))) }
	for name, bad := range map[string][]byte{
		"nothing":         nil,
		"another file":    []byte("SQLite format 3\x00"),
		"another version": append([]byte("saisine classifier 2\n"), data[len(brainMagic):]...),
		"cut short":       data[:len(data)/2],
		"one bit":         func() []byte { d := bytes.Clone(data); d[len(d)-9] ^= 1; return d }(),
		"another lesson": func() []byte { // which is as good as the right one but for the checksum
			d := bytes.Clone(data)
			d[start+4+n+4+16]++
			return d
		}(),
		"more at the end":      append(bytes.Clone(data), 0),
		"a head beyond bounds": cut(func(b []byte) []byte { binary.LittleEndian.PutUint32(b, 1<<31); return b }),
		"a head of no JSON":    cut(func(b []byte) []byte { b[4] = '['; return b }),
		"weights beyond bounds": cut(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"sure":0.`), []byte(`"sure":9.`), 1)
		}),
		"too many lessons": cut(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[4+n:], 1<<30); return b }),
		"lessons unsorted": cut(func(b []byte) []byte { b[4+n+4] = 7; return b }),
		"no model":         cut(func(b []byte) []byte { return b[:4+n+4+24] }),
		"another probe":    cut(func(b []byte) []byte { return bytes.Replace(b, []byte(`"probe":[0`), []byte(`"probe":[1`), 1) }),
		"another model":    cut(func(b []byte) []byte { return bytes.Replace(b, []byte(b0(taught.about.Hash)), []byte(b0("f0e1")), 1) }),
	} {
		if _, err := readBrain(bytes.NewReader(bad)); !errors.Is(err, errBrain) {
			t.Errorf("%s: got %v, want errBrain", name, err)
		}
	}
}

// b0 is the beginning of a hash as it stands in a head.
func b0(hash string) string { return `"hash":"` + hash[:4] }

func FuzzReadBrain(f *testing.F) {
	b, err := few()
	if err != nil {
		f.Fatal(err)
	}
	data := brainBytes(f, b)
	body := data[len(brainMagic)+sha256.Size:]
	n := int(binary.LittleEndian.Uint32(body))
	f.Add(body[:4+n+4])
	f.Add([]byte{2, 0, 0, 0, '{', '}', 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := readBrain(bytes.NewReader(sealed(body)))
		if err != nil && !errors.Is(err, errBrain) {
			t.Errorf("got %v", err)
		}
		if err == nil && len(b.labels) == 0 {
			t.Error("a brain without labels")
		}
	})
}
