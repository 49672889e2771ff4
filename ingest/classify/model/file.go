package model

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// A model file is the line magic, the SHA-256 of the content, and the content packed by
// gzip. The content is, with numbers as unsigned varints and floats as IEEE 754 in little
// endian:
//
//	texts; threshold, temperature, share of each block (float64)
//	number of labels; of each its length and name, then its bias (float32)
//	number of features; of each
//	  the distance of its hash from the one before it
//	  the number of texts it is in, 0 for a hint
//	of each feature its scale (float32)
//	of each label its weight of each feature (int8): label after label packs best
//
// A change of this layout, or of how a text becomes features, needs a new number.
const magic = "saisine model 1\n"

// Bounds of what Read takes in.
const (
	maxContent    = 256 << 20 // bytes, unpacked
	maxLabels     = 1 << 10
	maxLabelBytes = 200
)

var (
	// ErrNotModel says that the bytes are no model file.
	ErrNotModel = errors.New("model: not a model file")
	// ErrVersion says that the file is of another version of the program.
	ErrVersion = errors.New("model: model file of another version")
	// ErrDamaged says that a model file is cut short, changed or out of bounds.
	ErrDamaged = errors.New("model: damaged model file")
)

// Write writes the model as Read takes it. Errors are those of w, wrapped.
func (m *Model) Write(w io.Writer) error {
	content := m.content()
	sum := sha256.Sum256(content)
	out := bufio.NewWriter(w)
	_, err := out.WriteString(magic)
	if err == nil {
		_, err = out.Write(sum[:])
	}
	if err == nil {
		packer := gzip.NewWriter(out)
		_, err = packer.Write(content)
		if e := packer.Close(); err == nil {
			err = e
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("model: write: %w", err)
	}
	return nil
}

// content is the model in bytes, the same for the same model.
func (m *Model) content() []byte {
	le := binary.LittleEndian
	b := binary.AppendUvarint(nil, uint64(m.texts))
	for _, x := range append([]float64{m.threshold, m.temperature}, m.share[:]...) {
		b = le.AppendUint64(b, math.Float64bits(x))
	}
	b = binary.AppendUvarint(b, uint64(len(m.labels)))
	for l, name := range m.labels {
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		b = le.AppendUint32(b, math.Float32bits(m.bias[l]))
	}
	b = binary.AppendUvarint(b, uint64(len(m.hashes)))
	before := uint64(0)
	for f, h := range m.hashes {
		b = binary.AppendUvarint(b, h-before)
		b = binary.AppendUvarint(b, uint64(m.inText[f]))
		before = h
	}
	for _, s := range m.scale {
		b = le.AppendUint32(b, math.Float32bits(s))
	}
	for l := range m.labels {
		for f := range m.hashes {
			b = append(b, byte(m.weights[f*len(m.labels)+l]))
		}
	}
	return b
}

// Read reads a model that Write has written. It takes in a bounded amount of memory
// whatever the bytes say: 256 MiB of content at most, and lists no longer than what is
// there. Errors are ErrNotModel, ErrVersion or ErrDamaged, or those of r, wrapped.
func Read(r io.Reader) (*Model, error) {
	var head [len(magic) + sha256.Size]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("model: read: %w", err)
		}
		if !bytes.HasPrefix(head[:n], []byte(magic)) {
			return nil, ErrNotModel
		}
		return nil, fmt.Errorf("%w: cut short", ErrDamaged)
	}
	if line := head[:len(magic)]; string(line) != magic {
		if bytes.HasPrefix(line, []byte(magic[:len("saisine model ")])) {
			return nil, ErrVersion
		}
		return nil, ErrNotModel
	}
	packed, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	content, err := io.ReadAll(io.LimitReader(packed, maxContent+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(content) > maxContent {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrDamaged, maxContent)
	}
	if sum := sha256.Sum256(content); !bytes.Equal(sum[:], head[len(magic):]) {
		return nil, fmt.Errorf("%w: the checksum differs", ErrDamaged)
	}
	return parse(content)
}

// parse makes the model of a content.
func parse(content []byte) (*Model, error) {
	c := cursor{rest: content}
	m := &Model{texts: uint32(c.number(math.MaxUint32))}
	m.threshold, m.temperature = c.float64(), c.float64()
	for b := range m.share {
		m.share[b] = c.float64()
	}
	labels := c.number(maxLabels)
	for range labels {
		name := c.bytes(c.number(maxLabelBytes))
		if c.bad = c.bad || !utf8.Valid(name); c.bad {
			break
		}
		if n := len(m.labels); n > 0 && m.labels[n-1] >= string(name) {
			c.bad = true
		}
		m.labels = append(m.labels, string(name))
		m.bias = append(m.bias, c.float32())
	}
	// A feature takes two bytes and a scale at the least, and a byte of each label.
	features := c.number(min(maxFeatures, len(c.rest)/(6+labels)))
	if c.bad || labels < 2 || m.threshold < 0 || m.temperature <= 0 {
		return nil, fmt.Errorf("%w: its head", ErrDamaged)
	}
	m.hashes, m.inText = make([]uint64, features), make([]uint32, features)
	before := uint64(0)
	for f := range features {
		step := c.varint()
		m.inText[f] = uint32(c.number(int(m.texts)))
		if step > 1<<hashBits || step == 0 && f > 0 || before+step >= 1<<hashBits {
			c.bad = true
		}
		if c.bad {
			return nil, fmt.Errorf("%w: its features", ErrDamaged)
		}
		before += step
		m.hashes[f] = before
	}
	m.scale = make([]float32, features)
	for f := range m.scale {
		m.scale[f] = c.float32()
	}
	m.weights = make([]int8, features*labels)
	for l := range labels {
		for f, x := range c.bytes(features) {
			m.weights[f*labels+l] = int8(x)
		}
	}
	if c.bad || len(c.rest) > 0 {
		return nil, fmt.Errorf("%w: its weights", ErrDamaged)
	}
	sum := sha256.Sum256(content)
	m.id = hex.EncodeToString(sum[:])
	m.ready()
	return m, nil
}

// cursor takes values off the front of bytes. After the first that is not there or out
// of bounds it is bad, and all that follow are zero.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) varint() uint64 {
	x, n := binary.Uvarint(c.rest)
	if c.bad || n <= 0 {
		c.bad = true
		return 0
	}
	c.rest = c.rest[n:]
	return x
}

// number takes a varint that is most at the highest.
func (c *cursor) number(most int) int {
	x := c.varint()
	if x > uint64(most) {
		c.bad = true
		return 0
	}
	return int(x)
}

func (c *cursor) bytes(n int) []byte {
	if c.bad || n > len(c.rest) {
		c.bad = true
		return nil
	}
	out := c.rest[:n]
	c.rest = c.rest[n:]
	return out
}

// float64 takes a finite number.
func (c *cursor) float64() float64 {
	b := c.bytes(8)
	if b == nil {
		return 0
	}
	return c.finite(math.Float64frombits(binary.LittleEndian.Uint64(b)))
}

func (c *cursor) float32() float32 {
	b := c.bytes(4)
	if b == nil {
		return 0
	}
	return float32(c.finite(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))))
}

// greatest bounds numbers, so that no sum of them is infinite.
const greatest = 1e9

func (c *cursor) finite(x float64) float64 {
	if math.IsNaN(x) || math.Abs(x) > greatest {
		c.bad = true
		return 0
	}
	return x
}
