package ocr

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// evaluationScans finds the folder with evaluation letters (NAME.VARIANT.pdf with the
// truth in NAME.txt): scans below SAISINE_EVALUATION, or below ../shared/evaluation
// beside the module.
func evaluationScans(t testing.TB) string {
	t.Helper()
	root := os.Getenv("SAISINE_EVALUATION")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "evaluation")
	}
	dir, err := filepath.Abs(filepath.Join(root, "scans"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no evaluation scans: set SAISINE_EVALUATION to the folder that holds scans/")
	}
	return dir
}

// goals are the mean character error rates that each variant must reach.
var goals = map[string]float64{
	"scan200": 0.005, "scan150": 0.005, "grey300": 0.005, "colour300": 0.005, "skew3": 0.005,
	"rot90": 0.005, "rot180": 0.005, "bw300": 0.005, "bw200": 0.01,
}

// TestEvaluation measures the mean character error rate of each variant of the
// evaluation letters: of one letter as a rule, of all when SAISINE_EVALUATION is set,
// and with SAISINE_EVALUATION_PLAIN=1 that of plain "pdftoppm -r 300 | tesseract"
// beside it.
func TestEvaluation(t *testing.T) {
	dir := evaluationScans(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("SAISINE_EVALUATION") == "" {
		// The files of the last letter, and those without a truth beside them.
		last, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), ".")
		files = slices.DeleteFunc(files, func(f string) bool {
			name, _, _ := strings.Cut(filepath.Base(f), ".")
			_, err := os.Stat(filepath.Join(dir, name+".txt"))
			return name != last && err == nil
		})
	}
	r := newReader(t, Options{})
	type sums struct{ rate, plain, confidence, least, n float64 }
	variants := map[string]*sums{}
	began, pages := time.Now(), 0
	for _, file := range files {
		name, variant, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".pdf"), ".")
		doc, err := r.Read(t.Context(), file)
		if err != nil || len(doc.Pages) != 1 {
			t.Fatalf("%s: %+v, %v", file, doc, err)
		}
		if len(doc.Problems) > 0 {
			t.Errorf("%s: problems %v", filepath.Base(file), doc.Problems)
		}
		if doc.Pages[0].Unsure {
			t.Errorf("%s passes as unsure, with confidence %.2f", filepath.Base(file), doc.Pages[0].Confidence)
		}
		if len(doc.Pages[0].Barcodes) > 0 {
			t.Errorf("%s: barcodes %q", filepath.Base(file), doc.Pages[0].Barcodes)
		}
		pages++
		truth, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if err != nil {
			if doc.Pages[0].Source != SourceBlank {
				t.Errorf("%s: no truth beside it, yet not blank: %q", filepath.Base(file), doc.Pages[0].Text)
			}
			continue
		}
		s := variants[variant]
		if s == nil {
			s = &sums{least: 1}
			variants[variant] = s
		}
		s.n++
		s.rate += errorRate(string(truth), doc.Pages[0].Text)
		s.confidence += doc.Pages[0].Confidence
		s.least = min(s.least, doc.Pages[0].Confidence)
		if os.Getenv("SAISINE_EVALUATION_PLAIN") != "" {
			s.plain += errorRate(string(truth), plainly(t, file))
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-10s %8s %8s %8s %10s %6s\n", "variant", "CER %", "plain %", "goal %", "confidence", "least")
	names := make([]string, 0, len(variants))
	for name := range variants {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := variants[name]
		plain := "-"
		if s.plain > 0 {
			plain = fmt.Sprintf("%.2f", s.plain/s.n*100)
		}
		fmt.Fprintf(&table, "%-10s %8.3f %8s %8.1f %10.2f %6.2f\n", name, s.rate/s.n*100, plain, goals[name]*100, s.confidence/s.n, s.least)
		if goal, ok := goals[name]; ok && s.rate/s.n > goal {
			t.Errorf("%s: mean character error rate %.3f %%, goal %.1f %%", name, s.rate/s.n*100, goal*100)
		}
	}
	t.Logf("%s%d pages, one at a time, in %s", table.String(), pages, time.Since(began).Round(time.Millisecond))
}

// plainly reads a page as a shell script would.
func plainly(t *testing.T, file string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "page")
	run(t, "pdftoppm", "-r", "300", "-png", "-singlefile", file, root)
	cmd := exec.CommandContext(t.Context(), "tesseract", root+".png", "-", "-l", "fra")
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// BenchmarkEvaluation reads the evaluation letters as fast as the machine can, whole
// PDF to text, and reports pages per minute.
func BenchmarkEvaluation(b *testing.B) {
	dir := evaluationScans(b)
	files, err := filepath.Glob(filepath.Join(dir, "*.*.pdf"))
	if err != nil {
		b.Fatal(err)
	}
	r, err := New(Options{ChildArgs: []string{"ocr-child"}, TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	began, pages := time.Now(), 0
	for b.Loop() {
		errs := make(chan error, len(files))
		for _, file := range files {
			go func() {
				doc, err := r.Read(b.Context(), file)
				if err == nil && len(doc.Pages) != 1 {
					err = fmt.Errorf("%s: %v", file, doc.Problems)
				}
				errs <- err
			}()
		}
		for range files {
			if err := <-errs; err != nil {
				b.Fatal(err)
			}
		}
		pages += len(files)
	}
	b.ReportMetric(float64(pages)/time.Since(began).Minutes(), "pages/min")
}
