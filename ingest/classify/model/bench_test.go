package model

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// authors are the texts written for the project, one file an author.
func authors(b *testing.B) (out []Example) {
	files, err := filepath.Glob("../texts/*.jsonl")
	if err != nil || len(files) < 2 {
		b.Skip("no texts of two authors under ingest/classify/texts")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var x struct{ Category, Subject, Body string }
			if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			out = append(out, Example{Subject: x.Subject, Body: x.Body, Label: x.Category, Group: filepath.Base(name)})
		}
		if err := lines.Err(); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
	}
	return out
}

// BenchmarkLeaveOneAuthorOut measures the recipe as it was chosen: each author's texts
// are asked of a model of the other authors'.
func BenchmarkLeaveOneAuthorOut(b *testing.B) {
	examples := authors(b)
	for b.Loop() {
		m, r, err := Train(b.Context(), examples, Options{Seed: 1, ByGroup: true, Noise: 0.05})
		if err != nil {
			b.Fatal(err)
		}
		var file bytes.Buffer
		if err := m.Write(&file); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(r.Overall.Top1, "top1")
		b.ReportMetric(r.Overall.Top3, "top3")
		b.ReportMetric(r.Overall.MacroF1, "macro-F1")
		b.ReportMetric(r.Overall.ECE, "ECE")
		b.ReportMetric(r.Overall.Precision, "precision")
		b.ReportMetric(r.Overall.Coverage, "coverage")
		b.ReportMetric(r.Noisy.Top1, "noisy-top1")
		b.ReportMetric(float64(file.Len()), "file-bytes")
		for _, g := range r.Groups {
			b.Logf("%-24s %4d texts, top-1 %.3f, top-3 %.3f, precision %.3f at coverage %.3f", g.Group, g.N, g.Top1, g.Top3, g.Precision, g.Coverage)
		}
	}
}

// BenchmarkTrain10000 trains on 10,000 texts of some 600 characters, made of the pieces
// of the authors' texts, and tells the highest memory of the process so far.
func BenchmarkTrain10000(b *testing.B) {
	sources := authors(b)
	byLabel := map[string][]Example{}
	for _, e := range sources {
		byLabel[e.Label] = append(byLabel[e.Label], e)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	examples := make([]Example, 10_000)
	size := 0
	for i := range examples {
		e := sources[i%len(sources)]
		var pieces []string
		for n := 0; n < 600; n += len(pieces[len(pieces)-1]) {
			same := byLabel[e.Label]
			words := strings.Fields(same[rng.IntN(len(same))].Body + " rien")
			from := rng.IntN(len(words))
			pieces = append(pieces, strings.Join(words[from:min(len(words), from+15)], " "))
		}
		e.Body = strings.Join(append(pieces, fmt.Sprintf("Nom%x%x", rng.Uint32(), rng.Uint32())), " ")
		size += len(e.Body)
		examples[i] = e
	}
	debug.FreeOSMemory()
	before := resident(b, "VmRSS")
	for b.Loop() {
		m, r, err := Train(b.Context(), examples, Options{Seed: 1, Noise: 0.05})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(m.Features()), "features")
		b.ReportMetric(float64(size/len(examples)), "bytes/text")
		b.ReportMetric(r.Overall.Top1, "top1")
		b.ReportMetric(resident(b, "VmHWM")-before, "peak-MB")
	}
}

// resident is a figure of /proc/self/status, in megabytes.
func resident(b *testing.B, name string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("memory is measured on Linux only")
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		b.Fatalf("no %s", name)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n / 1000
}

// BenchmarkPredict asks for a text of 5,000 characters that is new each time.
func BenchmarkPredict(b *testing.B) {
	examples := authors(b)
	m, _, err := Train(b.Context(), examples, Options{Seed: 1, Folds: 2})
	if err != nil {
		b.Fatal(err)
	}
	var texts []string
	for i := 0; i+40 < len(examples); i += 10 {
		var s strings.Builder
		for _, e := range examples[i:] {
			if s.WriteString(e.Body + "\n"); s.Len() > 5200 {
				break
			}
		}
		texts = append(texts, s.String()[:min(s.Len(), 5200)])
	}
	i := 0
	b.Run("Predict", func(b *testing.B) {
		for b.Loop() {
			m.Predict(Input{Subject: "Signalement", Body: texts[i%len(texts)]})
			i++
		}
	})
	b.Run("Explain", func(b *testing.B) {
		for b.Loop() {
			m.Explain(Input{Subject: "Signalement", Body: texts[i%len(texts)]}, m.labels[0], 6)
			i++
		}
	})
}
