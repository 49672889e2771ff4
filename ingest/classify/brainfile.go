package classify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"saisine.fr/saisine/ingest/classify/model"
)

// A file of a trained classifier is the line brainMagic, the SHA-256 of all that follows,
// the length of the head, the head in JSON, the number of lessons, these (uint64), and the
// model as package model writes it. Numbers are uint32 in little endian.
const brainMagic = "saisine classifier 1\n"

// Bounds of what readBrain takes in.
const (
	maxHead  = 64 << 10
	maxBrain = 256 << 20
)

// errBrain says that a file is no trained classifier of this version, or is damaged.
var errBrain = errors.New("classify: not a usable model file")

// head is what stands in a file beside the model.
type head struct {
	Version Version `json:"version"`
	Fit     fit     `json:"fit"`
	// Probe is what the model says of probes.
	Probe []float64 `json:"probe"`
}

// probes are texts that a model is asked about before it is trusted: a program that takes
// texts apart in another way than the one that trained it would answer otherwise.
var probes = []model.Input{
	{Subject: "Lampadaire éteint", Body: "L’éclairage de la rue des Acacias ne fonctionne plus depuis huit jours."},
	{Body: "bjr jai pas recu la facture de cantine de mes 2 enfants, à qui m'adresser ? mrci"},
	{Subject: "Concession", Body: "Monsieur le Maire,\n\nJe souhaite renou-\nveler la concession de mes grands-parents au cimetière."},
}

// probe asks m about probes.
func probe(m *model.Model) []float64 {
	out := make([]float64, len(probes))
	for i, in := range probes {
		out[i] = m.Predict(in).Ranked[0].P
	}
	return out
}

// sameProbe compares two probes; machines may round a little differently.
func sameProbe(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-4 })
}

// write writes the brain as readBrain takes it.
func (b *brain) write(w io.Writer) error {
	head, err := json.Marshal(head{Version: b.about, Fit: b.fit, Probe: probe(b.model)})
	if err != nil {
		return fmt.Errorf("classify: write model: %w", err)
	}
	var body bytes.Buffer
	body.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(head))))
	body.Write(head)
	body.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(b.lessons))))
	for _, l := range b.lessons {
		body.Write(binary.LittleEndian.AppendUint64(nil, l))
	}
	if err := b.model.Write(&body); err != nil {
		return fmt.Errorf("classify: write model: %w", err)
	}
	sum := sha256.Sum256(body.Bytes())
	for _, piece := range [][]byte{[]byte(brainMagic), sum[:], body.Bytes()} {
		if _, err := w.Write(piece); err != nil {
			return fmt.Errorf("classify: write model: %w", err)
		}
	}
	return nil
}

// readBrain reads what write has written. Whatever the bytes say, it takes in a bounded
// amount of memory. Its error wraps errBrain, or is that of r.
func readBrain(r io.Reader) (*brain, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBrain+1))
	if err != nil {
		return nil, fmt.Errorf("classify: read model: %w", err)
	}
	rest, ok := bytes.CutPrefix(data, []byte(brainMagic))
	if !ok || len(data) > maxBrain || len(rest) < sha256.Size+4 {
		return nil, errBrain
	}
	sum, body := rest[:sha256.Size], rest[sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		return nil, fmt.Errorf("%w: the checksum differs", errBrain)
	}
	n := int(binary.LittleEndian.Uint32(body))
	if body = body[4:]; n > maxHead || n > len(body) {
		return nil, fmt.Errorf("%w: its head", errBrain)
	}
	var h head
	if err := json.Unmarshal(body[:n], &h); err != nil {
		return nil, fmt.Errorf("%w: its head: %w", errBrain, err)
	}
	if !h.Fit.sane() {
		return nil, fmt.Errorf("%w: its weights", errBrain)
	}
	lessons, body, ok := readLessons(body[n:])
	if !ok {
		return nil, fmt.Errorf("%w: its lessons", errBrain)
	}
	m, err := model.Read(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBrain, err)
	}
	if m.ID() != h.Version.Hash {
		return nil, fmt.Errorf("%w: its model is another one", errBrain)
	}
	if !sameProbe(h.Probe, probe(m)) {
		return nil, fmt.Errorf("%w: it was made by another version of the program", errBrain)
	}
	return newBrain(m, h.Fit, h.Version, lessons), nil
}

// readLessons takes the lessons off the front of b.
func readLessons(b []byte) (lessons []uint64, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > MostSettled || n > len(b)/8 {
		return nil, nil, false
	}
	for range n {
		lessons = append(lessons, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	return lessons, b, slices.IsSorted(lessons)
}

// sane reports whether a fit holds numbers that training can make.
func (f fit) sane() bool {
	const most = 1e3
	for _, w := range f.Weights {
		if math.IsNaN(w) || math.Abs(w) > most {
			return false
		}
	}
	return f.Sure >= 0 && f.Sure <= model.Never && f.Unwanted >= 0 && f.Unwanted <= 1
}
