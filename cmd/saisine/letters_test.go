package main

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// stackLetter is a page that reads as a letter with a mark of its own.
func stackLetter(mark string) string {
	return "Madame Claire Fontaine\n12 rue des Lilas\n44000 Nantes\n\nObjet : courrier " + mark + "\n\nMadame la Maire,\n\n" +
		"Je vous écris au sujet du jardin public de la place de la République.\nLe toboggan est cassé depuis le printemps et les enfants s’y blessent.\n" +
		"Repère " + mark + ".\n\nVeuillez agréer, Madame la Maire, mes salutations distinguées.\n\nClaire Fontaine"
}

// tool runs a program and fails the test when it fails.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// scannedSheet prints a separator sheet and scans it: an image-only PDF of one page.
func (tw *town) scannedSheet(args ...string) string {
	tw.t.Helper()
	printed := tw.printedSheet(args...)
	root := strings.TrimSuffix(printed, ".pdf")
	tool(tw.t, "pdftoppm", "-r", "200", "-gray", "-singlefile", printed, root)
	raw, err := os.ReadFile(root + ".pgm")
	if err != nil {
		tw.t.Fatal(err)
	}
	scanned := root + ".scan.pdf"
	pdf, err := samplescan.ImagePDF([]*image.Gray{decodePGM(tw.t, raw)}, samplescan.Options{DPI: 200, Quality: 60})
	if err == nil {
		err = os.WriteFile(scanned, pdf, 0o600)
	}
	if err != nil {
		tw.t.Fatal(err)
	}
	return scanned
}

func (tw *town) printedSheet(args ...string) string {
	tw.t.Helper()
	file := filepath.Join(tw.t.TempDir(), "sheet.pdf")
	if out, stderr, code := tw.output(append([]string{"separators", "--output", file}, args...)...); code != 0 {
		tw.t.Fatalf("separators: exit %d\n%s%s", code, out, stderr)
	}
	return file
}

// decodePGM reads the binary form of a PGM (netpbm, "P5").
func decodePGM(t testing.TB, raw []byte) *image.Gray {
	t.Helper()
	var head []int
	rest := raw[2:]
	for len(head) < 3 {
		rest = bytes.TrimLeft(rest, " \n\t")
		n := bytes.IndexAny(rest, " \n\t")
		v, err := strconv.Atoi(string(rest[:n]))
		if err != nil {
			t.Fatal(err)
		}
		head, rest = append(head, v), rest[n+1:]
	}
	img := image.NewGray(image.Rect(0, 0, head[0], head[1]))
	for i, v := range rest[:head[0]*head[1]] {
		img.SetGray(i%head[0], i/head[0], color.Gray{Y: v})
	}
	return img
}

// scanned is an image-only PDF of letters, one a page; "" is a blank page.
func scanned(t testing.TB, marks ...string) string {
	t.Helper()
	texts := make([]string, len(marks))
	for i, m := range marks {
		if m != "" {
			texts[i] = stackLetter(m)
		}
	}
	pdf, err := samplescan.PDF(texts, samplescan.Options{DPI: 200})
	file := filepath.Join(t.TempDir(), "letters.pdf")
	if err == nil {
		err = os.WriteFile(file, pdf, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// stack joins PDFs as a copier scans a pile.
func stack(t testing.TB, files ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "stack.pdf")
	tool(t, "qpdf", slices.Concat([]string{"--empty", "--pages"}, files, []string{"--", out})...)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (tw *town) show(id string) view.Submission {
	tw.t.Helper()
	return list[view.Submission](tw, "submissions", "show", id)[0]
}

// notesUnder returns the texts of all notes beside scans.
func (tw *town) notesUnder() string {
	files, _ := filepath.Glob(filepath.Join(tw.scans, "_traités", "*", "*.reçu.txt"))
	var all strings.Builder
	for _, f := range files {
		b, _ := os.ReadFile(f)
		all.Write(b)
	}
	return all.String()
}

// TestLettersOfAStack: a pile with separator sheets, through the whole house.
func TestLettersOfAStack(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	tw.start()
	pile := stack(t, scanned(t, "alpha"), tw.scannedSheet(), scanned(t, "bravo", "charlie"), tw.printedSheet("--service", "Voirie", "--channel", "counter", "--postmark", "2026-11-20"), scanned(t, "delta"))
	tw.dropScan("pile.pdf", pile)
	all := tw.settled(4, 2*time.Minute)
	if len(all) != 4 {
		t.Fatalf("%d submissions", len(all))
	}
	scan := all[0]
	if scan.State != ingest.StateSetAside || !strings.HasPrefix(scan.Reason, "split: 3 ") {
		t.Errorf("the pile ended as %s %s", scan.State, scan.Reason)
	}
	for i, marks := range [][]string{{"alpha"}, {"bravo", "charlie"}, {"delta"}} {
		l := all[i+1]
		if l.State != ingest.StateFiled || !slices.Equal(l.Parents, []string{scan.ID}) || l.From.Name != "Claire Fontaine" {
			t.Errorf("letter %d: %+v", i+1, l)
		}
		for _, m := range []string{"alpha", "bravo", "charlie", "delta"} {
			if strings.Contains(l.Text, "Repère "+m) != slices.Contains(marks, m) {
				t.Errorf("letter %d and %s: %q", i+1, m, l.Text)
			}
		}
		if strings.Contains(l.Text, "éparation") {
			t.Errorf("letter %d holds a sheet's text: %q", i+1, l.Text)
		}
		tw.eventually(time.Minute, "searchable copy of letter "+strconv.Itoa(i+1), func() bool {
			c := tw.show(l.ID).Copy
			return c != nil && c.SHA256 != ""
		})
		file := filepath.Join(t.TempDir(), "copy.pdf")
		if out, stderr, code := tw.output("submissions", "copy", l.ID, "--output", file); code != 0 {
			t.Fatalf("copy: %d %s%s", code, out, stderr)
		}
		tool(t, "qpdf", "--check", file)
		if text := tool(t, "pdftotext", file, "-"); !strings.Contains(text, marks[0]) || strings.Count(text, "Repère") != len(marks) {
			t.Errorf("copy of letter %d reads %q", i+1, text)
		}
	}
	if l := all[3]; l.Channel != ingest.ChannelCounter || l.Postmark != "2026-11-20" {
		t.Errorf("what the sheet says: %+v", l)
	}
	if q := list[view.Request](tw, "requests", "show", all[3].Request)[0]; !strings.Contains(strings.ToLower(q.Service), "voirie") {
		t.Errorf("the sheet's service: %+v", q)
	}
	tw.eventually(20*time.Second, "note about the letters", func() bool {
		note := tw.notesUnder()
		return strings.Count(note, "Demande") == 3 && strings.Contains(note, "Courrier 3 sur 3") && strings.Contains(note, all[2].Request)
	})
	if shown := tw.show(scan.ID); len(shown.Letters) != 3 {
		t.Errorf("letters of the pile: %v", shown.Letters)
	}
	tw.verify()

	// The same pile again is known.
	tw.dropScan("pile2.pdf", pile)
	tw.eventually(20*time.Second, "known pile", func() bool {
		found, _ := filepath.Glob(filepath.Join(tw.scans, "_doublons", "pile2.pdf"))
		return len(found) == 1
	})
	if again := tw.submissions(); len(again) != 4 {
		t.Errorf("%d submissions after the same pile", len(again))
	}
}

// TestTwoSidedStack: fronts, then backs in reverse.
func TestTwoSidedStack(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	tw.start()
	if err := os.MkdirAll(filepath.Join(tw.scans, "recto-verso"), 0o700); err != nil {
		t.Fatal(err)
	}
	drop := func(name string, marks ...string) {
		tw.dropScan(filepath.Join("recto-verso", name), stack(t, scanned(t, marks...)))
	}
	drop("recto.pdf", "alpha", "charlie")
	tw.eventually(30*time.Second, "fronts in the ledger", func() bool { return len(tw.submissions()) == 1 })
	drop("verso.pdf", "delta", "bravo")
	all := tw.settled(3, time.Minute)
	var order []int
	for _, m := range []string{"alpha", "bravo", "charlie", "delta"} {
		order = append(order, strings.Index(all[2].Text, "Repère "+m))
	}
	if !slices.IsSorted(order) || order[0] < 0 || all[2].State != ingest.StateFiled || !slices.Equal(all[2].Parents, []string{all[0].ID, all[1].ID}) {
		t.Errorf("joined: %v %+v", order, all[2])
	}
	drop("recto 2.pdf", "golf", "hotel", "india")
	tw.eventually(30*time.Second, "fronts in the ledger", func() bool { return len(tw.submissions()) == 4 })
	drop("verso 2.pdf", "kilo", "lima")
	all = tw.settled(7, time.Minute)
	for i, pages := range []int{3, 2} {
		l := all[5+i]
		if l.State != ingest.StateFiled || len(l.Pages) != pages || !slices.ContainsFunc(l.Problems, func(p ingest.Problem) bool { return p.Code == "recto_verso_mismatch" }) {
			t.Errorf("counts that do not match: %+v", l)
		}
	}
	tw.eventually(20*time.Second, "note about the mismatch", func() bool { return strings.Contains(tw.notesUnder(), "le recto compte 3 pages et le verso 2") })
	tw.verify()
}

// TestKillWhileCollating kills the daemon where a pile becomes letters, and where a copy
// is stored.
func TestKillWhileCollating(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"store.collating", "copy.stored"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			tw := newTown(t, func(s *townSetup) { s.noMail = true })
			pile := stack(t, scanned(t, "alpha"), tw.printedSheet(), scanned(t, "bravo"))
			d := tw.start("SAISINE_CRASH_AT=" + point)
			tw.dropScan("pile.pdf", pile)
			if !d.dieBy(time.Minute) {
				t.Fatalf("%s was never passed", point)
			}
			tw.start()
			all := tw.settled(3, time.Minute)
			if len(all) != 3 || all[0].State != ingest.StateSetAside || all[1].State != ingest.StateFiled || all[2].State != ingest.StateFiled {
				t.Fatalf("%+v", all)
			}
			for _, l := range all[1:] {
				tw.eventually(time.Minute, "searchable copy", func() bool { c := tw.show(l.ID).Copy; return c != nil && c.Pages == 1 && c.SHA256 != "" })
			}
			tw.verify()
		})
	}
}

// TestReadWords: the confidence and place of each word, when asked for.
func TestReadWords(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	file := scanned(t, "alpha")
	for _, asked := range []bool{false, true} {
		args := []string{"read", file}
		if asked {
			args = append(args, "--words")
		}
		line := list[readLineJSON](tw, args...)[0]
		l := line.Pages[0].Layout
		if (l != nil) != asked {
			t.Fatalf("asked %v, layout %+v", asked, l)
		}
		if !asked {
			continue
		}
		i := slices.IndexFunc(l.Words, func(w wordJSON) bool { return w.Text == "toboggan" })
		if i < 0 || l.Words[i].Confidence < 0.5 || l.Words[i].Box[2] < 20 || l.Words[i].Box[0]+l.Words[i].Box[2] > l.Width {
			t.Errorf("word %d of %+v", i, l)
		}
	}
}
