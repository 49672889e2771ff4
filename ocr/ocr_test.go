package ocr

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/samplescan"
)

func codes(doc Document) string {
	var out []string
	for _, p := range doc.Problems {
		out = append(out, p.Code)
	}
	return strings.Join(out, " ")
}

func TestReadPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	image := func(o samplescan.Options) func() ([]byte, error) {
		return func() ([]byte, error) { return samplescan.PDF([]string{letter(1)}, o) }
	}
	for name, tc := range map[string]struct {
		make     func() ([]byte, error)
		kind     string
		source   string
		rotation int
	}{
		"text.pdf":   {func() ([]byte, error) { return samplescan.TextPDF([]string{letter(1)}) }, "pdf", SourceTextLayer, 0},
		"clean.pdf":  {image(samplescan.Options{Noise: 5}), "pdf", SourceOCR, 0},
		"skew.pdf":   {image(samplescan.Options{Noise: 5, Skew: 3}), "pdf", SourceOCR, 0},
		"grey.pdf":   {image(samplescan.Options{Noise: 8, Paper: 190, Skew: -1}), "pdf", SourceOCR, 0},
		"150.pdf":    {image(samplescan.Options{DPI: 150, Noise: 5}), "pdf", SourceOCR, 0},
		"300.pdf":    {image(samplescan.Options{DPI: 300, Noise: 5}), "pdf", SourceOCR, 0},
		"turn90.pdf": {image(samplescan.Options{Noise: 5, Turn: 90}), "pdf", SourceOCR, 270},
		"over.pdf":   {image(samplescan.Options{Noise: 5, Turn: 180, Skew: 1}), "pdf", SourceOCR, 180},
		"turn270":    {image(samplescan.Options{Noise: 5, Turn: 270}), "pdf", SourceOCR, 90},
		"page.png":   {func() ([]byte, error) { return samplescan.PNG(letter(1), samplescan.Options{Skew: 1}) }, "image", SourceOCR, 0},
		"page.jpeg":  {func() ([]byte, error) { return samplescan.JPEG(letter(1), samplescan.Options{Noise: 4}) }, "image", SourceOCR, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := tc.make()
			doc, err := r.Read(t.Context(), write(t, name, data, err))
			if err != nil {
				t.Fatal(err)
			}
			if doc.Kind != tc.kind || len(doc.Pages) != 1 || len(doc.Problems) != 0 {
				t.Fatalf("got %q, %d pages, problems %v", doc.Kind, len(doc.Pages), doc.Problems)
			}
			p := doc.Pages[0]
			rate := errorRate(letter(1), p.Text)
			if p.Source != tc.source || p.Rotation != tc.rotation || p.Confidence < 0.85 || rate > 0.01 {
				t.Errorf("source %s, rotation %d, confidence %.2f, error rate %.2f %%, text %q", p.Source, p.Rotation, p.Confidence, rate*100, p.Text)
			}
		})
	}
}

func TestReadMixedAndBlank(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.PDF([]string{letter(1), "", letter(3)}, samplescan.Options{Noise: 6, Paper: 235})
	doc, err := r.Read(t.Context(), write(t, "mixed.pdf", data, err))
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Pages) != 3 {
		t.Fatalf("got %d pages, problems %v", len(doc.Pages), doc.Problems)
	}
	for i, source := range []string{SourceOCR, SourceBlank, SourceOCR} {
		p := doc.Pages[i]
		if p.Number != i+1 || p.Source != source || (source == SourceBlank) != (p.Text == "") {
			t.Errorf("page %d: number %d, source %s, text %q", i+1, p.Number, p.Source, p.Text)
		}
	}
	if !strings.Contains(doc.Pages[2].Text, "courrier 3") {
		t.Errorf("page 3 holds another page's text: %q", doc.Pages[2].Text)
	}
}

// A reader never fails a file for what is in it.
func TestReadUgly(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{MaxPixels: 4_000_000, MaxPages: 2})
	scan, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := samplescan.TextPDF([]string{letter(1), letter(2), letter(3)})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data  []byte
		codes string
		pages int
	}{
		"empty":               {nil, ProblemEmpty, 0},
		"word":                {[]byte("PK\x03\x04 a zip file"), ProblemUnsupported, 0},
		"pdf without a body":  {[]byte("%PDF-1.4\n"), ProblemUnreadable, 0},
		"truncated pdf":       {scan[:len(scan)/20], ProblemUnreadable, 0},
		"tiff without a body": {[]byte("II*\x00\x08\x00\x00\x00\xff\xff"), ProblemUnreadable, 0},
		"png without a body":  {[]byte("\x89PNG\r\n\x1a\n and nothing else"), ProblemPageFailed, 0},
		"png of 60,000 x 60,000": {
			[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 64)),
			ProblemTooManyPixels, 0,
		},
		"too many pages": {text, ProblemTooManyPages, 2},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := r.Read(t.Context(), write(t, "ugly", tc.data, nil))
			if err != nil {
				t.Fatal(err)
			}
			if codes(doc) != tc.codes || len(doc.Pages) != tc.pages {
				t.Errorf("got problems %v and %d pages, want %q and %d", doc.Problems, len(doc.Pages), tc.codes, tc.pages)
			}
		})
	}
}

func TestReadTIFF(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	path := filepath.Join(t.TempDir(), "fax.tiff")
	writeTIFF(t, path, grayPage(t, "Première page", samplescan.Options{}), grayPage(t, "", samplescan.Options{}),
		grayPage(t, "Troisième page", samplescan.Options{Turn: 0}))
	doc, err := r.Read(t.Context(), path)
	if err != nil || doc.Kind != "tiff" || len(doc.Pages) != 3 || len(doc.Problems) != 0 {
		t.Fatalf("got %+v, %v", doc, err)
	}
	if doc.Pages[0].Text != "Première page" || doc.Pages[1].Source != SourceBlank || doc.Pages[2].Text != "Troisième page" {
		t.Errorf("got %+v", doc.Pages)
	}
}

// A page that gets worse step by step: what is hardly legible is not passed as sure.
func TestConfidenceTellsNoise(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	for _, noise := range []float64{0, 40, 100} {
		data, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{DPI: 150, Points: 10, Noise: noise, Paper: 240})
		doc, err := r.Read(t.Context(), write(t, "noise.pdf", data, err))
		if err != nil || len(doc.Pages) != 1 {
			t.Fatalf("noise %.0f: %+v, %v", noise, doc, err)
		}
		rate, p := errorRate(letter(1), doc.Pages[0].Text), doc.Pages[0]
		t.Logf("noise %3.0f: error rate %5.1f %%, confidence %.2f, %s", noise, rate*100, p.Confidence, p.Source)
		if rate > 0.15 && p.Source == SourceOCR && p.Confidence > 0.8 {
			t.Errorf("noise %.0f: error rate %.0f %% passes with confidence %.2f", noise, rate*100, p.Confidence)
		}
		if noise == 0 && (rate > 0.01 || p.Confidence < 0.9) {
			t.Errorf("the clean page: error rate %.1f %%, confidence %.2f", rate*100, p.Confidence)
		}
	}
}

func TestReadEncrypted(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.TextPDF([]string{letter(1)})
	plain := write(t, "plain.pdf", data, err)
	locked := filepath.Join(t.TempDir(), "locked.pdf")
	run(t, "qpdf", "--encrypt", "secret", "secret", "256", "--", plain, locked)
	doc, err := r.Read(t.Context(), locked)
	if err != nil || codes(doc) != ProblemEncrypted || doc.Kind != "pdf" {
		t.Fatalf("got %+v, %v", doc, err)
	}
	// A file that only forbids printing opens without a password.
	open := filepath.Join(t.TempDir(), "open.pdf")
	run(t, "qpdf", "--encrypt", "", "secret", "256", "--print=none", "--", plain, open)
	if doc, err = r.Read(t.Context(), open); err != nil || len(doc.Pages) != 1 || len(doc.Problems) != 0 {
		t.Fatalf("got %+v, %v", doc, err)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{})
	path := write(t, "scan.pdf", data, err)
	t.Run("no such file", func(t *testing.T) {
		if _, err := newReader(t, Options{}).Read(t.Context(), path+".gone"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no program", func(t *testing.T) {
		if _, err := newReader(t, Options{Exe: "/does/not/exist"}).Read(t.Context(), path); !errors.Is(err, ErrChild) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a program that is no child", func(t *testing.T) {
		if _, err := newReader(t, Options{Exe: "/bin/true"}).Read(t.Context(), path); !errors.Is(err, ErrChild) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no traineddata", func(t *testing.T) {
		if _, err := newReader(t, Options{Languages: []string{"xyz"}}).Read(t.Context(), path); !errors.Is(err, ErrChild) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := newReader(t, Options{}, "hang=1").Read(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		r := newReader(t, Options{})
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(t.Context(), path); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("closed while reading", func(t *testing.T) {
		r := newReader(t, Options{}, "hang=1")
		got := make(chan error, 1)
		go func() {
			_, err := r.Read(t.Context(), path)
			got <- err
		}()
		waitFor(t, func() bool { return len(childPIDs(t, r)) > 0 })
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-got; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// One page costs one child: the others are read, and the next document too. The pages
// hold little, so that only what is tested takes time.
func TestFaultCostsOnePage(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Première page", "Deuxième page", "Troisième page"}, samplescan.Options{DPI: 150})
	path := write(t, "scan.pdf", data, err)
	for name, tc := range map[string]struct {
		fault   string
		once    bool
		timeout time.Duration
		pages   int
		codes   string
	}{
		"dies once":   {"kill=2", true, 0, 3, ""},
		"dies always": {"kill=2", false, 0, 2, ProblemPageFailed},
		"hangs once":  {"hang=2", true, 8 * time.Second, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := []string{tc.fault}
			if tc.once {
				faults = append(faults, "once="+filepath.Join(t.TempDir(), "mark"))
			}
			r := newReader(t, Options{PageTimeout: tc.timeout}, faults...)
			doc, err := r.Read(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if len(doc.Pages) != tc.pages || codes(doc) != tc.codes {
				t.Fatalf("got %d pages and problems %v", len(doc.Pages), doc.Problems)
			}
			one, err := samplescan.PDF([]string{"Lettre suivante"}, samplescan.Options{})
			next, err := r.Read(t.Context(), write(t, "next.pdf", one, err))
			if err != nil || len(next.Pages) != 1 || next.Pages[0].Text != "Lettre suivante" {
				t.Fatalf("the next letter: %+v, %v", next, err)
			}
		})
	}
}

// What libraries print on standard output does not reach the protocol.
func TestStandardOutputIsNotTheProtocol(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{}, "noise=Detected 28 diacritics")
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{})
	doc, err := r.Read(t.Context(), write(t, "scan.pdf", data, err))
	if err != nil || len(doc.Pages) != 1 {
		t.Fatalf("got %+v, %v", doc, err)
	}
}

func TestDocumentTimeoutKeepsPages(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"", letter(2)}, samplescan.Options{})
	path := write(t, "scan.pdf", data, err)
	r := newReader(t, Options{DocumentTimeout: 6 * time.Second}, "hang=2")
	doc, err := r.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Pages) != 1 || doc.Pages[0].Number != 1 || codes(doc) != ProblemDocumentTimeout {
		t.Fatalf("got %d pages, problems %v", len(doc.Pages), doc.Problems)
	}
}

// A document of many pages does not starve a letter of one page.
func TestDocumentsTakeTurns(t *testing.T) {
	t.Parallel()
	long := make([]string, 24) // blank pages, which cost only the 300 ms of the hook
	data, err := samplescan.PDF(long, samplescan.Options{DPI: 100})
	many := write(t, "many.pdf", data, err)
	data, err = samplescan.PDF([]string{"Bonjour"}, samplescan.Options{})
	one := write(t, "one.pdf", data, err)
	r := newReader(t, Options{Workers: 1}, "slow=300ms")
	var wg sync.WaitGroup
	var manyDone time.Time
	wg.Go(func() {
		if doc, err := r.Read(t.Context(), many); err != nil || len(doc.Pages) != len(long) {
			t.Errorf("the long document: %d pages, %v, %v", len(doc.Pages), doc.Problems, err)
		}
		manyDone = time.Now()
	})
	waitFor(t, func() bool { r.queue.mu.Lock(); defer r.queue.mu.Unlock(); return r.queue.pending() > 10 })
	if doc, err := r.Read(t.Context(), one); err != nil || len(doc.Pages) != 1 {
		t.Errorf("the letter: %+v, %v", doc, err)
	}
	oneDone := time.Now()
	wg.Wait()
	if oneDone.After(manyDone.Add(-time.Second)) {
		t.Errorf("the letter was read at %v, the long document at %v", oneDone, manyDone)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition was not met in time")
		}
	}
}

// childPIDs finds the children of a Reader by their temporary folder.
func childPIDs(t *testing.T, r *Reader) []int {
	t.Helper()
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(env), "TMPDIR="+r.opts.TempDir+"/") {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}
