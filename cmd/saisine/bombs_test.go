package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/samplescan"
)

// The bomb suite: files that were made to do harm, each read by the real program.
// The slowest run in make test-long only.

// bomb is a hostile file.
type bomb struct {
	name string // of the file
	make func(w *bufio.Writer)
	// codes are those of problems of which one must be told; "" among them: or text, or
	// a blank page, and no problem, since nothing is wrong with the file but its size.
	codes []string
	text  string // must be in the text, unless empty
}

const (
	bombSettings = "ocr: {workers: 2, page_timeout: 6s, document_timeout: 24s}"
	// bombPatience is the time after which the next file must have been shown at the
	// latest: what the configuration allows one document, and as much for a busy machine.
	bombPatience = 2 * 24 * time.Second
)

// write makes the file of a bomb.
func (b *bomb) write(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, b.name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	b.make(w)
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// bombReading is what the suite looks at in a line of `saisine read --json`.
type bombReading struct {
	File       string
	Text       string
	Subject    string
	Unreadable bool
	Pages      []struct{ Source string }
	Problems   []struct{ Code, Detail string }
}

// codes are those of its problems, each once.
func (r *bombReading) codes() []string {
	var all []string
	for _, p := range r.Problems {
		if !slices.Contains(all, p.Code) {
			all = append(all, p.Code)
		}
	}
	return all
}

// check fails the test unless a bomb was read as it should be.
func (b *bomb) check(t *testing.T, r bombReading) {
	t.Helper()
	known := slices.ContainsFunc(r.codes(), func(c string) bool { return slices.Contains(b.codes, c) })
	fine := slices.Contains(b.codes, "") && len(r.Problems) == 0 && (strings.TrimSpace(r.Text+r.Subject) != "" || len(r.Pages) > 0)
	if !known && !fine {
		t.Errorf("%s: problems %v, want one of %q; text %.80q", b.name, r.Problems, b.codes, r.Text)
	}
	if !strings.Contains(r.Text, b.text) {
		t.Errorf("%s: text %.80q, want %q in it", b.name, r.Text, b.text)
	}
}

const (
	bombLetterMark = "Le platane de la place Haute"
	bombScanMark   = "trottoir"
)

// bombLetters writes the mail and the scan that must be read as if nothing had been.
func bombLetters(t *testing.T, dir string) (mail, scan string) {
	t.Helper()
	mail, scan = filepath.Join(dir, "lettre.eml"), filepath.Join(dir, "lettre.pdf")
	letter, err := samplescan.PDF([]string{"Objet : trottoir\n\nMadame la Maire,\n\nLe trottoir est dangereux.\n"}, samplescan.Options{DPI: 150})
	if err == nil {
		err = os.WriteFile(scan, letter, 0o600)
	}
	if err = errors.Join(err, os.WriteFile(mail, []byte(bombHead+"Subject: Platane\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+bombLetterMark+" penche.\r\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return mail, scan
}

// readBombs reads bombs in one process, an ordinary mail after each and a scan after
// each that pages are recognised of, and checks all.
func readBombs(t *testing.T, settings string, patience time.Duration, bombs []bomb) {
	t.Helper()
	tw := quietTown(t, settings)
	dir := t.TempDir()
	mail, scan := bombLetters(t, dir)
	byFile := make(map[string]*bomb)
	args := []string{"read", "--json", "--config", tw.config}
	for i := range bombs {
		path := bombs[i].write(t, dir)
		byFile[path] = &bombs[i]
		args = append(args, path, mail)
		if !strings.HasSuffix(path, ".eml") {
			args = append(args, scan)
		}
	}
	args = append(args, scan)
	want, seen := make(map[string]int), make(map[string]int)
	for _, path := range args[4:] {
		want[path]++
	}
	last := time.Now()
	runReading(t, args, patience, func(r bombReading) {
		now := time.Now()
		seen[r.File]++
		if d := now.Sub(last); d > time.Second {
			t.Logf("%s: shown after %v", filepath.Base(r.File), d.Round(100*time.Millisecond))
		}
		last = now
		switch b := byFile[r.File]; {
		case b != nil:
			t.Logf("%s: %v %.60q", b.name, r.codes(), r.Text)
			b.check(t, r)
		case r.File == mail && (len(r.Problems) > 0 || !strings.Contains(r.Text, bombLetterMark)),
			r.File == scan && (len(r.Problems) > 0 || !strings.Contains(r.Text, bombScanMark)):
			t.Errorf("the letter %s: problems %v, text %.80q", filepath.Base(r.File), r.Problems, r.Text)
		}
	})
	if !maps.Equal(seen, want) {
		t.Errorf("shown so many times: %v, want %v", seen, want)
	}
}

// runReading runs the program and hands over each line. It fails the test when no line
// comes for too long, when the program ends otherwise than it says, and when it or a
// child takes too much memory.
func runReading(t *testing.T, args []string, patience time.Duration, show func(bombReading)) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	late := time.AfterFunc(patience, func() { cancel(errors.New("nothing was shown for " + patience.String())) })
	defer late.Stop()
	cmd := exec.CommandContext(ctx, realProgram(), args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watch := watchMemory(t, cmd.Process.Pid)
	unreadable := 0
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		late.Reset(patience)
		var r bombReading
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%.200s: %v", lines.Bytes(), err)
		}
		if r.Unreadable {
			unreadable++
		}
		show(r)
	}
	_, _ = io.Copy(io.Discard, out) // after a line that is too long, so that the program can end
	err = cmd.Wait()
	watch.check(t)
	if context.Cause(ctx) != nil {
		t.Fatalf("%v; the program said:\n%s", context.Cause(ctx), said.String())
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	want := 0
	if unreadable > 0 {
		want = 1
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("exit %d with %d unreadable files; the program said:\n%s", code, unreadable, said.String())
	}
}

// The codes that a bomb of a kind may give.
var (
	overPDF   = []string{"over_limit", "unreadable_file", "page_failed", "too_many_pixels", "document_timeout"}
	overImage = []string{"over_limit", "unreadable_file", "page_failed", "too_many_pixels"}
	overBlank = append([]string{"", "ocr_unsure"}, overPDF...) // or the page is blank
)

func mailBombs() []bomb {
	return []bomb{
		{name: "multiparts.eml", make: nestedMultiparts, codes: []string{"too_deep"}},
		{name: "mails.eml", make: nestedMails, codes: []string{"too_deep"}},
		{name: "parts.eml", make: manyMailParts, codes: []string{"too_many_parts"}, text: "un"},
		{name: "line.eml", make: base64Line(40 << 20), codes: []string{"attachment_too_large", "unreadable_file", ""}, text: "Voici le plan."},
		{name: "line-over.eml", make: base64Line(60 << 20), codes: []string{"unreadable", "too_large"}},
		{name: "header.eml", make: mailWithHeader("Subject: ", "aaaaaaaa", "\r\n", 5<<20), codes: []string{"header_too_large"}, text: "Le corps."},
		{name: "header-over.eml", make: mailWithHeader("Subject: ", "aaaaaaaa", "\r\n", 100<<20/8), codes: []string{"unreadable", "too_large"}},
		{name: "header-lines.eml", make: mailWithHeader("Subject: x\r\n", "X-A: b\r\n", "", 1_000_000), codes: []string{"header_too_large"}, text: "Le corps."},
		{name: "addresses.eml", make: mailWithHeader("Cc: x@example.fr", ", a@example.fr", "\r\n", 1_000_000), codes: []string{"header_too_large"}, text: "Le corps."},
		{name: "addresses-folded.eml", make: mailWithHeader("Cc: x@example.fr", ",\r\n a@example.fr", "\r\n", 1_000_000), codes: []string{"header_too_large"}, text: "Le corps."},
		{name: "words.eml", make: mailWithHeader("Subject: ", "=?UTF-8?Q?=C3=A9?= ", "\r\n", 1<<20/19), codes: []string{"header_too_large"}, text: "Le corps."},
		{name: "deep-html.eml", make: mailWithBody("Content-Type: text/html\r\n", "", "<div><b>le fond ", 100_000), codes: []string{""}, text: "le fond"},
		{name: "uuencode.eml", make: mailWithBody("", "Voici.\r\n", "begin 644 a\r\n#86)C\r\n`\r\nend\r\n", 100_000), codes: []string{"too_many_parts"}, text: "Voici."},
		{name: "uuencode-open.eml", make: mailWithBody("", "Voici.\r\nbegin 644 a\r\n", "M86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C\r\n", 600_000), codes: []string{"bad_uuencode", "attachment_too_large"}, text: "Voici."},
		{name: "tnef.eml", make: tnefBomb, codes: []string{"bad_tnef"}},
		{name: "attached.eml", make: attachedBombs, codes: []string{"over_limit", "page_failed"}, text: "Voici les plans."},
	}
}

func pdfBombs(t *testing.T) []bomb {
	t.Helper()
	flate := "/Filter /FlateDecode"
	inner := zlibbed(0, 1<<30)
	square := func(filter string) string {
		return "/Width 30000 /Height 30000 /ColorSpace /DeviceGray /BitsPerComponent 8 " + filter
	}
	return []bomb{
		{name: "content.pdf", make: onePage("", pdfObject{flate, zlibbed(' ', 1<<30)}), codes: overBlank},
		{name: "operators.pdf", make: onePage("", pdfObject{flate, zlibbed('q', 256<<20)}), codes: overBlank},
		{name: "image.pdf", make: imagePDF(square(flate), zlibbed(0, 900_000_000)), codes: overBlank},
		{name: "filters.pdf", make: onePage("", pdfObject{"/Filter [/FlateDecode /FlateDecode /FlateDecode]", zlibPacked(zlibPacked(inner))}), codes: overBlank},
		{name: "run-lengths.pdf", make: onePage("", pdfObject{"/Filter [/FlateDecode /RunLengthDecode]", zlibbed(0x81, 64<<20)}), codes: overBlank},
		{name: "pages.pdf", make: manyPages(5000), codes: []string{"too_many_pages"}, text: "lampadaire"},
		{name: "claimed-pages.pdf", make: claimedPages(t, 3_000_000), codes: []string{"too_many_pages"}, text: "lampadaire"},
		{name: "circular-pages.pdf", make: circularPages, codes: append([]string{"too_many_pages"}, overPDF...)},
		{name: "circular-form.pdf", make: onePage("/XObject <</X 5 0 R>>", pdfObject{stream: []byte("/X Do")},
			pdfObject{"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources <</XObject <</X 5 0 R>>>>", []byte("/X Do /X Do")}), codes: overBlank},
		{name: "forms.pdf", make: formTower(30), codes: overBlank},
		{name: "tiling.pdf", make: onePage("/Pattern <</P 5 0 R>>", pdfObject{stream: []byte("/Pattern cs /P scn 0 0 595 842 re f")},
			pdfObject{"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 /Resources <<>>", []byte("0 0 1 1 re f")}), codes: overBlank},
		{name: "huge-tiling.pdf", make: onePage("/Pattern <</P 5 0 R>>", pdfObject{stream: []byte("/Pattern cs /P scn 0 0 595 842 re f")},
			pdfObject{"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1000000 1000000] /XStep 1000000 /YStep 1000000 /Matrix [100 0 0 100 0 0] /Resources <<>>", []byte("0 0 1 1 re f")}), codes: overBlank},
		{name: "shading.pdf", make: onePage("/Shading <</S <</ShadingType 1 /ColorSpace /DeviceRGB /Domain [0 1000000 0 1000000] /Function 5 0 R>>>>", pdfObject{stream: []byte("/S sh")},
			pdfObject{"/FunctionType 4 /Domain [0 1000000 0 1000000] /Range [0 1 0 1 0 1]", []byte("{ sin exch sin 0 }")}), codes: overBlank},
		{name: "nested-q.pdf", make: onePage("", pdfObject{stream: bytes.Repeat([]byte("q "), 1_000_000)}), codes: overBlank},
		{name: "deep-array.pdf", make: deepArray, codes: overPDF},
		{name: "huge-page.pdf", make: func(w *bufio.Writer) {
			pdfObjects(w, pdfObject{dict: "<</Type /Catalog /Pages 2 0 R>>"}, pdfObject{dict: "<</Type /Pages /Kids [3 0 R] /Count 1>>"},
				pdfObject{dict: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 1e12 1e12]>>"})
		}, codes: overBlank},
		{name: "jbig2.pdf", make: imagePDF("/Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", jbig2Page(60_000)), codes: overBlank},
		{name: "jpx.pdf", make: imagePDF("/Width 60000 /Height 60000 /Filter /JPXDecode", jpxImage(60_000)), codes: overBlank},
		{name: "fax.pdf", make: imagePDF("/Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode /DecodeParms <</K -1 /Columns 60000 /Rows 60000>>", bytes.Repeat([]byte{0xFF}, 7500)), codes: overBlank},
	}
}

func imageBombs(t *testing.T) []bomb {
	page, err := samplescan.JPEG("Bonjour", samplescan.Options{DPI: 100})
	if err != nil {
		t.Fatal(err)
	}
	text := append([]byte("Comment\x00\x00"), zlibbed('a', 512<<20)...)
	profile := append([]byte("icc\x00\x00"), zlibbed(0, 512<<20)...)
	return []bomb{
		{name: "huge.png", make: pngBomb(60_000, 1, 450<<20), codes: overImage},
		{name: "huge-grey.png", make: pngBomb(60_000, 8, 1<<30), codes: overImage},
		{name: "empty.png", make: pngBomb(60_000, 8, 1), codes: overImage},
		{name: "chunks.png", make: pngBomb(100, 8, 1<<20, pngChunk("zTXt", text), pngChunk("iCCP", profile)), codes: append([]string{"", "ocr_unsure"}, overImage...)},
		{name: "huge.jpg", make: lyingJPEG(page), codes: overImage},
		{name: "huge.tif", make: hugeTIFF, codes: overImage},
		{name: "circular.tif", make: circularTIFF, codes: append([]string{"", "ocr_unsure", "too_many_pages"}, overImage...)},
		{name: "directories.tif", make: manyDirectories, codes: []string{"too_many_pages", "unreadable_file", "document_timeout"}},
		{name: "claims.tif", make: claimingTIFF, codes: overImage},
		{name: "bomb.docx", make: docxBomb, codes: []string{"over_limit", "unreadable"}},
	}
}

func TestBombs(t *testing.T) {
	t.Run("mails", func(t *testing.T) { readBombs(t, bombSettings, bombPatience, mailBombs()) })
	// These two wait for limits of time to pass, beside each other.
	t.Run("PDFs", func(t *testing.T) { t.Parallel(); readBombs(t, bombSettings, bombPatience, somePDFBombs(t)) })
	t.Run("images", func(t *testing.T) { readBombs(t, bombSettings, bombPatience, imageBombs(t)) })
	t.Run("cut files", func(t *testing.T) { readBombs(t, bombSettings, bombPatience, cutBombs(t)) })
	t.Run("a running daemon", func(t *testing.T) { t.Parallel(); bombDaemon(t) })
	t.Run("a line of 1 GB", func(t *testing.T) {
		if !longRun() {
			t.Skip("writes 1 GB: make test-long runs it")
		}
		// Under limits that let it in, it streams.
		readBombs(t, bombSettings+"\nlimits: {message: 2GiB, file: 25MiB}", 3*time.Minute, []bomb{
			{name: "line.eml", make: base64Line(1_000_000_000), codes: []string{"attachment_too_large"}, text: "Voici le plan."},
		})
	})
}

// somePDFBombs leaves out those that take what time a document may have, but for one, unless all
// are asked for.
func somePDFBombs(t *testing.T) []bomb {
	t.Helper()
	slow := []string{"operators.pdf", "image.pdf", "filters.pdf", "forms.pdf", "huge-tiling.pdf", "claimed-pages.pdf"}
	return slices.DeleteFunc(pdfBombs(t), func(b bomb) bool { return !longRun() && slices.Contains(slow, b.name) })
}

// cutBombs are files of every kind, cut at several places.
func cutBombs(t *testing.T) []bomb {
	var bombs []bomb
	for name, file := range cutFiles(t) {
		for _, per := range []int{1, 30, 60, 95} {
			part := file[:len(file)*per/100]
			bombs = append(bombs, bomb{
				name: fmt.Sprintf("%d-%s", per, name), make: func(w *bufio.Writer) { _, _ = w.Write(part) },
				codes: slices.Concat([]string{"unreadable", "damaged_file", "end_boundary_missing", "bad_base64", "no_sender", "bad_date", "unsupported_format"}, overBlank),
			})
		}
	}
	slices.SortFunc(bombs, func(a, b bomb) int { return strings.Compare(a.name, b.name) })
	return bombs
}

func cutFiles(t *testing.T) map[string][]byte {
	const text = "Objet : trottoir\n\nMadame la Maire,\n\nLe trottoir est dangereux."
	opts := samplescan.Options{DPI: 100}
	files := make(map[string][]byte)
	keep := func(name string, b []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	b, err := samplescan.PDF([]string{text}, opts)
	keep("scan.pdf", b, err)
	b, err = samplescan.TextPDF([]string{text})
	keep("text.pdf", b, err)
	b, err = samplescan.PNG(text, opts)
	keep("scan.png", b, err)
	b, err = samplescan.JPEG(text, opts)
	keep("scan.jpg", b, err)
	page, err := samplescan.Image(text, opts)
	keep("scan.tif", tiffOf(page), err)
	var mail bytes.Buffer
	w := bufio.NewWriter(&mail)
	base64Line(4 << 10)(w)
	keep("mail.eml", mail.Bytes(), w.Flush())
	files["mail.eml"] = mail.Bytes()
	return files
}

// tiffOf is an uncompressed grey TIFF of one page.
func tiffOf(page *image.Gray) []byte {
	var b bytes.Buffer
	size := page.Bounds().Size()
	fields := bilevel(uint32(size.X), uint32(size.Y), uint32(size.X*size.Y))
	fields[2].value = 8 // bits a sample
	start := uint32(tiffStart + len(tiffDirectory(0, fields...)))
	fields[5].value = start
	tiffHead(&b)
	b.Write(tiffDirectory(0, fields...))
	b.Write(page.Pix)
	return b.Bytes()
}
