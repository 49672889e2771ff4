package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ocr/barcode"
)

// bitmap is a page as a copier in 1-bit mode gives it: a byte for each pixel, 0 or 255.
type bitmap struct {
	pix           []byte
	width, height int
}

// copied renders each page of a PDF in black and white.
func copied(t *testing.T, pdf []byte, dpi int) []bitmap {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sheets.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("pdftoppm", "-r", strconv.Itoa(dpi), "-mono", file, filepath.Join(dir, "page"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v: %s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "page*.pbm"))
	if err != nil || len(names) == 0 {
		t.Fatal("no page was rendered", err)
	}
	var pages []bitmap
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var b bitmap
		if _, err := fmt.Sscanf(string(raw[:min(len(raw), 30)]), "P4\n%d %d\n", &b.width, &b.height); err != nil {
			t.Fatal(err)
		}
		stride := (b.width + 7) / 8
		bits := raw[len(raw)-stride*b.height:]
		b.pix = make([]byte, b.width*b.height)
		for i := range b.pix {
			x, y := i%b.width, i/b.width
			if bits[y*stride+x/8]>>(7-x%8)&1 == 0 { // a set bit is black in a PBM
				b.pix[i] = 255
			}
		}
		pages = append(pages, b)
	}
	return pages
}

// blank whitens a part of the page, given in parts of its width and height.
func (b bitmap) blank(x0, y0, x1, y1 float64) bitmap {
	b.pix = slices.Clone(b.pix)
	for y := int(y0 * float64(b.height)); y < int(y1*float64(b.height)); y++ {
		for x := int(x0 * float64(b.width)); x < int(x1*float64(b.width)); x++ {
			b.pix[y*b.width+x] = 255
		}
	}
	return b
}

// says reads the one text that the codes of the page say.
func (b bitmap) says(t *testing.T) string {
	t.Helper()
	codes, err := barcode.Scan(b.pix, b.width, b.height)
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) != 1 {
		t.Errorf("%d different codes: %q", len(codes), codes)
		return ""
	}
	return codes[0].Text
}

func sheetsPDF(t *testing.T, sheets ...ingest.Separator) []byte {
	t.Helper()
	var pdf bytes.Buffer
	if err := writeSheets(&pdf, sheets); err != nil {
		t.Fatal(err)
	}
	return pdf.Bytes()
}

var longestName = strings.TrimSpace(strings.Repeat("œuvre ", 13)) // 90 bytes, 168 in the code

func sampleSheets() []ingest.Separator {
	return []ingest.Separator{
		{},
		{Service: "Service de l’eau et de l’assainissement"},
		{Service: "Centre communal d'action sociale", Channel: ingest.ChannelCounter},
		{Service: "État civil", Channel: ingest.ChannelScan, Postmark: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
		{Service: longestName, Channel: ingest.ChannelCounter, Postmark: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)},
	}
}

// Whatever the copier's resolution, in black and white, with either code gone.
func TestSheetsAreReadBack(t *testing.T) {
	t.Parallel()
	sheets := sampleSheets()
	pdf := sheetsPDF(t, sheets...)
	for _, dpi := range []int{150, 200, 300} {
		pages := copied(t, pdf, dpi)
		if len(pages) != len(sheets) {
			t.Fatalf("%d pages", len(pages))
		}
		for i, page := range pages {
			for damage, b := range map[string]bitmap{
				"whole": page, "upper half gone": page.blank(0, 0, 1, .5), "lower half gone": page.blank(0, .5, 1, 1),
			} {
				text := b.says(t)
				if got, ok := ingest.ParseSeparator(text); !ok || got != sheets[i] {
					t.Errorf("%d dpi, %s, sheet %d: %q, want %q", dpi, damage, i, text, sheets[i])
				}
			}
			if codes, err := barcode.Scan(page.blank(0, 0, 1, .5).blank(0, .5, 1, 1).pix, page.width, page.height); err != nil || len(codes) > 0 {
				t.Errorf("a blank page says %q, %v", codes, err)
			}
		}
	}
}

// The quiet zone: four modules (ISO/IEC 18004) on every side of both codes are white.
func TestSheetQuietZone(t *testing.T) {
	for i, page := range copied(t, sheetsPDF(t, sampleSheets()...), 300) {
		perMM := float64(page.width) / sheetWidth
		for _, at := range [][2]float64{{sheetMargin, sheetMargin}, {sheetWidth - sheetMargin - codeSize, sheetHeight - sheetMargin - codeSize}} {
			x0, y0 := int(at[0]*perMM), int(at[1]*perMM)
			side := int(codeSize * perMM)
			// Down the diagonal to the finder pattern, whose first row is seven black modules.
			white, finder := 0, 0
			for white < side && page.pix[(y0+white)*page.width+x0+white] == 255 {
				white++
			}
			for page.pix[(y0+white+2)*page.width+x0+white+finder] == 0 {
				finder++
			}
			module := float64(finder) / 7
			if float64(white) < 3.8*module {
				t.Errorf("sheet %d: %d white pixels before the code, module %.1f", i, white, module)
			}
			for p := range side {
				for _, q := range []int{x0 + 1, x0 + side - 2} {
					if page.pix[(y0+p)*page.width+q] == 0 {
						t.Fatalf("sheet %d: ink in the quiet zone", i)
					}
				}
			}
		}
	}
}

// boxes of words as pdftotext -bbox prints them, in points.
var bboxWord = regexp.MustCompile(`<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">`)

// What people read is there, in good French, and nothing runs off the page or into a code.
func TestSheetTexts(t *testing.T) {
	sheets := append(sampleSheets(),
		ingest.Separator{Service: strings.Repeat("W", 100)},
		ingest.Separator{Service: "Pôle Jeunesse & Sports – Côté « Ville » (cœur)"},
		ingest.Separator{Service: "E\u0301tat civil"}, // as a Mac writes it
		ingest.Separator{Service: "Pôle Aménagement-Développement-Intercommunalité"},
	)
	file := filepath.Join(t.TempDir(), "sheets.pdf")
	if err := os.WriteFile(file, sheetsPDF(t, sheets...), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{
		{"Feuille de séparation", "Un nouveau courrier commence ici.", "Posez cette feuille AVANT le courrier qu’elle annonce. Elle n’est pas conservée. Elle peut resservir."},
		{"Le courrier qui suit est pour :", "Service de l’eau et de l’assainissement"},
		{"Centre communal d'action sociale", "reçu au guichet"},
		{"État civil", "reçu par courrier – cachet du 1er mars 2026", "Elle n’est pas conservée."},
		{longestName, "reçu au guichet – cachet du 31 décembre 2026"},
		{"WWW"},
		{"Pôle Jeunesse & Sports – Côté « Ville » (cœur)"},
		{"État civil"},
		{"Aménagement-Développement-Intercommunalité"}, // no word is broken that fits in a smaller type
	} {
		page := strconv.Itoa(i + 1)
		out, err := exec.Command("pdftotext", "-f", page, "-l", page, file, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(out)), " ")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("sheet %d lacks %q: %q", i, w, text)
			}
		}
		if dated := !slices.Contains([]int{3, 4}, i); dated != strings.Contains(text, "Elle peut resservir.") {
			t.Errorf("sheet %d: a sheet with a postmark cannot serve again, any other can: %q", i, text)
		}
		out, err = exec.Command("pdftotext", "-bbox", "-f", page, "-l", page, file, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		words := bboxWord.FindAllStringSubmatch(string(out), -1)
		if len(words) < 10 {
			t.Errorf("sheet %d: %d words", i, len(words))
		}
		for _, w := range words {
			var mm [4]float64
			for j := range mm {
				v, err := strconv.ParseFloat(w[j+1], 64)
				if err != nil {
					t.Fatal(err)
				}
				mm[j] = v / mmToPoint
			}
			if mm[0] < sheetMargin-1 || mm[2] > sheetWidth-sheetMargin+1 || mm[3] > sheetHeight-sheetMargin ||
				mm[0] < sheetMargin+codeSize && mm[1] < sheetMargin+codeSize ||
				mm[2] > sheetWidth-sheetMargin-codeSize && mm[3] > sheetHeight-sheetMargin-codeSize {
				t.Errorf("sheet %d: a word at %.0f mm", i, mm)
			}
		}
	}
}

func TestSheetsAreTheSameEachTime(t *testing.T) {
	first := sheetsPDF(t, sampleSheets()...)
	if !bytes.Equal(first, sheetsPDF(t, sampleSheets()...)) {
		t.Error("two calls give different bytes")
	}
	stamps := regexp.MustCompile(`D:\d+`).FindAllString(string(first), -1)
	if len(stamps) == 0 || strings.Join(stamps, "") != strings.Repeat("D:20000101000000", len(stamps)) {
		t.Errorf("the file is dated: %q", stamps)
	}
}

func TestSeparatorsCommand(t *testing.T) {
	tw := quietTown(t, "")
	file := filepath.Join(tw.dir, "sheets.pdf")
	out, errOut, code := tw.output("separators", "--service", "  SERVICE de l'eau et de l'assainissement", "--service", "etat-civil",
		"--copies", "2", "--channel", "counter", "--postmark", "2026-03-02", "--output", file)
	if code != exitDone || out != "" || !strings.Contains(errOut, "4") {
		t.Fatalf("exit %d: %q %q", code, out, errOut)
	}
	pdf, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, page := range copied(t, pdf, 150) {
		s, ok := ingest.ParseSeparator(page.says(t))
		if !ok || s.Channel != ingest.ChannelCounter || s.Postmark.Format(time.DateOnly) != "2026-03-02" {
			t.Errorf("%+v", s)
		}
		got = append(got, s.Service)
	}
	water := "Service de l’eau et de l’assainissement"
	if want := []string{water, water, "Service état civil", "Service état civil"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}

	if _, errOut, code := tw.output("separators", "--output", file); code != exitUsage || !strings.Contains(errOut, "--force") {
		t.Errorf("over a file: exit %d: %s", code, errOut)
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, pdf) {
		t.Errorf("the refused file was changed, %v", err)
	}
	if _, errOut, code := tw.output("separators", "--output", file, "--force"); code != exitDone {
		t.Errorf("--force: exit %d: %s", code, errOut)
	}
	plain, errOut, code := tw.output("separators")
	if code != exitDone || errOut != "" {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != plain {
		t.Errorf("the file and standard output differ, %v", err)
	}
	if pages := copied(t, []byte(plain), 150); len(pages) != 1 || pages[0].says(t) != (ingest.Separator{}).String() {
		t.Error("no single plain sheet")
	}
}

func TestSeparatorsForAll(t *testing.T) {
	tw := quietTown(t, "")
	out, errOut, code := tw.output("separators", "--all")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	want := map[string]bool{}
	for _, c := range classify.Default().File().Categories {
		want[c.Service.Name] = true
	}
	pages := copied(t, []byte(out), 150)
	if len(pages) != len(want) {
		t.Errorf("%d sheets for %d services", len(pages), len(want))
	}
	for _, page := range pages {
		s, _ := ingest.ParseSeparator(page.says(t))
		if !want[s.Service] {
			t.Errorf("%q comes twice or is no service", s.Service)
		}
		delete(want, s.Service)
	}
}

// Two categories of one service give one sheet; the town's own file is the one that counts.
func TestSeparatorsOfTheTownsFile(t *testing.T) {
	tw := quietTown(t, "categories: categories.yaml")
	categories := filepath.Join(tw.dir, "categories.yaml")
	rewrite(t, tw.config, "categories: categories.yaml", "categories: "+strconv.Quote(categories))
	entry := func(code, service string) string {
		return fmt.Sprintf("  - {code: %s, label: X, service: {name: %q}, phrases: [{weight: 1, any: [x%s]}]}\n", code, service, code)
	}
	long := strings.Repeat("é", 51) // 102 bytes
	text := "categories:\n" + entry("a", "Un") + entry("b", "Un") + entry("c", "Deux") + entry("un", "Trois")
	if err := os.WriteFile(categories, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := tw.output("separators", "--all")
	if code != exitDone || len(copied(t, []byte(out), 150)) != 3 {
		t.Errorf("exit %d: %s", code, errOut)
	}
	// A service's name goes before a category's code.
	out, _, _ = tw.output("separators", "--service", "un")
	if s, _ := ingest.ParseSeparator(copied(t, []byte(out), 150)[0].says(t)); s.Service != "Un" {
		t.Errorf("un gives %q", s.Service)
	}
	_, errOut, code = tw.output("separators", "--service", "Service voirie")
	if code != exitUsage || !strings.Contains(errOut, `"Service voirie"`) || !strings.Contains(errOut, "Un\n  Deux\n  Trois") {
		t.Errorf("unknown service: exit %d: %s", code, errOut)
	}
	if err := os.WriteFile(categories, []byte(text+entry("d", long)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := tw.output("separators", "--all"); code != exitUsage || !strings.Contains(errOut, "100 bytes") {
		t.Errorf("a name too long: exit %d: %s", code, errOut)
	}
}

func rewrite(t testing.TB, path, old, text string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(raw, []byte(old), []byte(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSeparatorsRefuses(t *testing.T) {
	tw := quietTown(t, "")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--channel", "mailbox"}, `"mailbox"`},
		{[]string{"--postmark", "2.3.2026"}, "2026-03-02"},
		{[]string{"--postmark", "2026-02-30"}, "--postmark"},
		{[]string{"--copies", "0"}, "--copies"},
		{[]string{"--all", "--copies", "1000"}, "--copies"},
		{[]string{"--copies", "9223372036854775807"}, "--copies"},
		{[]string{"--all", "--service", "voirie"}, "exclude"},
		{[]string{"--service", ""}, `no service ""`},
		{[]string{"voirie"}, "voirie"},
	} {
		out, errOut, code := tw.output(append([]string{"separators"}, tt.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, tt.want) {
			t.Errorf("%q: exit %d: %d bytes, %s", tt.args, code, len(out), errOut)
		}
	}
	if _, _, code := tw.output("separators", "--output", filepath.Join(tw.dir, "none", "x.pdf")); code != exitFailed {
		t.Errorf("a folder that is not there: exit %d", code)
	}
	term := openTerminal(t)
	var errOut bytes.Buffer
	cmd := exec.Command(program(), "separators", "--config", tw.config)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr = term.slave, &errOut
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(errOut.String(), "--output FILE") {
		t.Errorf("on a terminal: %v: %s", err, errOut.String())
	}
}
