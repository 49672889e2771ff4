package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/ocr/samplescan"
)

// The measurement of `make bench-ocr`. `make test` runs it with these small numbers and
// without ocrmypdf, to keep it working, and holds it to nothing.
var (
	benchPages     = flag.Int("bench.pages", 2, "pages of the OCR measurement; ocrmypdf takes part from 9 on")
	benchOCRRounds = flag.Int("bench.ocrrounds", 1, "rounds of the OCR measurement")
)

// The ratios that are wanted.
const (
	wantedOverRaw      = 1.25
	wantedOverOCRmyPDF = 8.0
)

// contender is one way from PDFs to their text. run reads all files and returns the
// number of pages that it read.
type contender struct {
	name  string
	run   func(t *testing.T, files []string) int
	rates []float64 // pages a minute, by round
}

func (c *contender) round(t *testing.T, files []string, pages int) {
	t.Helper()
	begun := time.Now()
	got := c.run(t, files)
	took := time.Since(begun)
	if got != pages {
		t.Fatalf("%s read %d of %d pages", c.name, got, pages)
	}
	rate := float64(pages) / took.Minutes()
	c.rates = append(c.rates, rate)
	t.Logf("%-46s %3d pages in %7.1f s: %6.1f pages/min", c.name, pages, took.Seconds(), rate)
}

func (c *contender) median() float64 {
	rates := slices.Sorted(slices.Values(c.rates))
	n := len(rates)
	return (rates[(n-1)/2] + rates[n/2]) / 2
}

// TestBenchOCR measures whole PDFs to text: this program, the bare pipeline that
// everybody would write first, and ocrmypdf with and without straightening. Rounds are
// interleaved, so that a machine that slows down does so for all.
func TestBenchOCR(t *testing.T) {
	files, origin := ocrFiles(t, *benchPages)
	pages := 0
	for _, f := range files {
		pages += pageCount(t, f)
	}
	cores := runtime.NumCPU()
	t.Logf("%d PDFs (%s) with %d pages; %d cores, %s; %s", len(files), origin, pages, cores, cpuName(), strings.Join(versions(), "; "))

	tw := quietTown(t, "")
	ours := &contender{name: "saisine read", run: func(t *testing.T, files []string) int { return readAll(t, tw, files) }}
	raw := &contender{name: fmt.Sprintf("pdftoppm | tesseract, %d at once", cores), run: rawPipeline}
	contenders := []*contender{ours, raw}
	var straight, plain *contender
	if *benchPages >= len(sampleKinds) {
		if _, err := exec.LookPath("ocrmypdf"); err != nil {
			t.Fatal("ocrmypdf is not installed: .ci/packages bench-ocr")
		}
		straight = fastestOCRmyPDF(t, files, "--deskew", "--rotate-pages")
		plain = fastestOCRmyPDF(t, files)
		contenders = append(contenders, straight, plain)
	}
	for range *benchOCRRounds {
		for _, c := range contenders {
			c.round(t, files, pages)
		}
	}
	for _, c := range contenders {
		t.Logf("median of %d rounds: %-46s %6.1f pages/min, all: %.1f", len(c.rates), c.name, c.median(), c.rates)
	}
	t.Logf("saisine / raw = %.2f (wanted ≥ %.2f)", ours.median()/raw.median(), wantedOverRaw)
	if straight != nil {
		t.Logf("saisine / ocrmypdf --deskew --rotate-pages = %.2f (wanted ≥ %.0f)", ours.median()/straight.median(), wantedOverOCRmyPDF)
		t.Logf("saisine / ocrmypdf = %.2f", ours.median()/plain.median())
	}
}

// readAll is the real program on all files in one command.
func readAll(t *testing.T, tw *town, files []string) int {
	t.Helper()
	out, errOut, code := tw.output(append([]string{"read", "--json"}, files...)...)
	if code != exitDone {
		t.Fatalf("saisine read: exit %d: %s", code, errOut)
	}
	pages := 0
	for _, l := range readLines(t, out) {
		pages += len(l.Pages)
		if l.Text == "" && !strings.Contains(filepath.Base(l.File), "blank") {
			t.Fatalf("%s was read as nothing", l.File)
		}
	}
	return pages
}

// rawPipeline is what `xargs -P` would do: a process of tesseract for each page, one
// thread each, as many at once as there are cores.
func rawPipeline(t *testing.T, files []string) int {
	t.Helper()
	pages := make([]int, len(files))
	atOnce(t, runtime.NumCPU(), files, func(ctx context.Context, i int, file, dir string) error {
		if err := command(ctx, "pdftoppm", "-r", "300", "-gray", file, filepath.Join(dir, "page")); err != nil {
			return err
		}
		images, err := filepath.Glob(filepath.Join(dir, "page*.pgm"))
		if err != nil {
			return err
		}
		for _, image := range images {
			if err := command(ctx, "tesseract", image, strings.TrimSuffix(image, ".pgm"), "-l", "fra"); err != nil {
				return err
			}
			if _, err := os.Stat(strings.TrimSuffix(image, ".pgm") + ".txt"); err != nil {
				return err
			}
			pages[i]++
		}
		return nil
	})
	return sum(pages)
}

// fastestOCRmyPDF returns ocrmypdf with the given options in the way that is fastest on
// the first of the files: one file after the other with all cores on
// each, one process a core, or all pages in one PDF.
func fastestOCRmyPDF(t *testing.T, files []string, options ...string) *contender {
	t.Helper()
	cores := runtime.NumCPU()
	title := strings.Join(append([]string{"ocrmypdf"}, options...), " ")
	ocr := func(ctx context.Context, jobs int, in, dir string) error {
		side := filepath.Join(dir, "text")
		args := append([]string{"-q", "-l", "fra", "-j", strconv.Itoa(jobs), "--sidecar", side}, options...)
		if err := command(ctx, "ocrmypdf", append(args, in, filepath.Join(dir, "out.pdf"))...); err != nil {
			return err
		}
		_, err := os.Stat(side)
		return err
	}
	each := func(atOnceN, jobs int) func(t *testing.T, files []string) int {
		return func(t *testing.T, files []string) int {
			t.Helper()
			pages := make([]int, len(files))
			atOnce(t, atOnceN, files, func(ctx context.Context, i int, file, dir string) error {
				if err := ocr(ctx, jobs, file, dir); err != nil {
					return err
				}
				pages[i] = pageCount(t, filepath.Join(dir, "out.pdf"))
				return nil
			})
			return sum(pages)
		}
	}
	ways := []*contender{
		{name: fmt.Sprintf("%s -j %d, one by one", title, cores), run: each(1, cores)},
		{name: fmt.Sprintf("%s -j 1, %d at once", title, cores), run: each(cores, 1)},
		{name: fmt.Sprintf("%s -j %d, all in one PDF", title, cores), run: func(t *testing.T, files []string) int {
			t.Helper()
			dir := t.TempDir()
			whole := filepath.Join(dir, "whole.pdf")
			if err := command(t.Context(), "pdfunite", append(slices.Clone(files), whole)...); err != nil {
				t.Fatal(err)
			}
			if err := ocr(t.Context(), cores, whole, dir); err != nil {
				t.Fatal(err)
			}
			return pageCount(t, filepath.Join(dir, "out.pdf"))
		}},
	}
	some := files[:min(len(files), len(sampleKinds))]
	pages := 0
	for _, f := range some {
		pages += pageCount(t, f)
	}
	t.Logf("%s: which way is fastest?", title)
	best := ways[0]
	for _, w := range ways {
		w.round(t, some, pages)
		if w.rates[0] > best.rates[0] {
			best = w
		}
	}
	best.rates = nil
	return best
}

// atOnce calls work for each file with an empty folder, at most n at once.
func atOnce(t *testing.T, n int, files []string, work func(ctx context.Context, i int, file, dir string) error) {
	t.Helper()
	root := t.TempDir()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(n)
	for i, file := range files {
		group.Go(func() error {
			dir := filepath.Join(root, strconv.Itoa(i))
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			if err := work(ctx, i, file, dir); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
			return os.RemoveAll(dir)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// command runs a program. tesseract gets one thread: it would otherwise spread each of
// its processes over all cores, and be slower for it. ocrmypdf sees to that itself.
func command(ctx context.Context, name string, args ...string) error {
	var errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	if name == "tesseract" {
		cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	}
	cmd.Stderr = &errOut
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, errOut.String())
	}
	return nil
}

func sum(values []int) (total int) {
	for _, v := range values {
		total += v
	}
	return total
}

func pageCount(t *testing.T, file string) int {
	t.Helper()
	out, err := exec.Command("pdfinfo", file).Output()
	if err != nil {
		t.Fatalf("pdfinfo %s: %v", file, err)
	}
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, "Pages:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(rest))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s: pdfinfo tells no number of pages", file)
	return 0
}

// sampleKinds are the ways through the copier of sample letters, as near to those of
// the evaluation scans as samplescan comes.
var sampleKinds = []samplescan.Options{
	{DPI: 200, Skew: 1, Noise: 6},
	{DPI: 150, Skew: -1, Noise: 6},
	{DPI: 300, Paper: 225, Noise: 6},
	{DPI: 300, Noise: 4},
	{DPI: 200, Skew: 3, Noise: 6},
	{DPI: 200, Turn: 90, Noise: 6},
	{DPI: 200, Turn: 180, Noise: 6},
	{DPI: 300, Noise: 1},
	{DPI: 200, Noise: 1},
}

// ocrFiles gives image-only PDFs of at least so many pages, each under a name of its
// own: the evaluation scans, over again when they are too few, or sample letters.
func ocrFiles(t *testing.T, pages int) (files []string, origin string) {
	t.Helper()
	dir := t.TempDir()
	var scans []string
	if root := os.Getenv("SAISINE_EVALUATION"); root != "" {
		var err error
		if scans, err = filepath.Glob(filepath.Join(root, "scans", "*.pdf")); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < pages; {
		i := len(files)
		name := filepath.Join(dir, fmt.Sprintf("%04d.pdf", i))
		if len(scans) > 0 {
			scan := scans[i%len(scans)]
			// The name says which one it is, "blank" among them.
			name = filepath.Join(dir, fmt.Sprintf("%04d.%s", i, filepath.Base(scan)))
			if err := os.Symlink(scan, name); err != nil {
				t.Fatal(err)
			}
		} else {
			pdf, err := samplescan.PDF([]string{sampleLetter(i)}, sampleKinds[i%len(sampleKinds)])
			if err != nil {
				t.Fatal(err)
			}
			put(t, name, pdf)
		}
		files = append(files, name)
		n += pageCount(t, name)
	}
	if len(scans) > 0 {
		return files, "evaluation scans"
	}
	return files, "sample letters"
}

// sampleLetter is a letter of one page in ordinary words, a different one each time.
func sampleLetter(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Habitant %d\n3 rue de la Fontaine\n\nObjet : demande numéro %d\n\nMadame la Maire,\n\n", i, i)
	for j := range 220 {
		b.WriteString(words[(i*7+j*5)%len(words)])
		b.WriteByte(" \n"[min(1, j%10/9)])
	}
	b.WriteString("\nVeuillez agréer, Madame la Maire, mes salutations distinguées.\n")
	return b.String()
}

func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(rest, "\t :\n")
		}
	}
	return runtime.GOARCH
}

// versions names the programs that take part.
func versions() (lines []string) {
	for _, args := range [][]string{{program(), "version"}, {"tesseract", "--version"}, {"pdftoppm", "-v"}, {"ocrmypdf", "--version"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			continue // not installed: then it takes no part
		}
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if args[0] == "ocrmypdf" {
			first = "ocrmypdf " + first
		}
		lines = append(lines, first)
	}
	return lines
}
