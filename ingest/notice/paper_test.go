package notice

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pdfText runs pdftotext on a letter.
func pdfText(t *testing.T, pdf []byte, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed: apt-get install poppler-utils")
	}
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("pdftotext", append(args, file, "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// word is a word on a page and its box in millimetres.
type word struct {
	page                   int
	text                   string
	left, top, right, base float64
}

func words(t *testing.T, pdf []byte) []word {
	t.Helper()
	var list []word
	page := 0
	re := regexp.MustCompile(`<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*)</word>`)
	for line := range strings.SplitSeq(pdfText(t, pdf, "-bbox"), "\n") {
		if strings.Contains(line, "<page ") {
			page++
		}
		if m := re.FindStringSubmatch(line); m != nil {
			w := word{page: page, text: m[5]}
			for i, p := range []*float64{&w.left, &w.top, &w.right, &w.base} {
				v, err := strconv.ParseFloat(m[i+1], 64)
				if err != nil {
					t.Fatal(err)
				}
				*p = v * pointToMM
			}
			list = append(list, w)
		}
	}
	return list
}

func paperOf(t *testing.T, rule Rule, change func(*Letter), pieces ...string) []byte {
	t.Helper()
	c, l := letterOf(t, LetterPaper, rule, pieces...)
	if change != nil {
		change(&l)
	}
	pdf, err := builtinTexts(t).PaperPDF(c, l)
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}

func TestPaperHasItsMentionsOnOnePage(t *testing.T) {
	for _, rule := range sampleRules {
		for _, pieces := range [][]string{nil, {"Un plan de situation", "La photo de l’arbre"}} {
			pdf := paperOf(t, rule, nil, pieces...)
			text := flat(pdfText(t, pdf))
			want := []string{
				"Mairie de Saint-Exemple", "Jeanne Martin", "Bâtiment B", "Le vendredi 24 avril 2026", "Objet: Accusé de réception de votre demande 2026-000123",
				"Nos références: 2026-000123", "Dossier suivi par: Camille Roux", "votre demande le jeudi 23 avril 2026", "cachet de la poste: mardi 21 avril 2026",
				"Nid-de-poule rue des Écoles", "Service: Service voirie", "14 rue des Ateliers, 99120 Saint-Exemple", "voirie@saint-exemple.test", "Téléphone: 01 99 00 12 34",
				"CRPA L112-3, R112-5", "Pour la mairie,",
			}
			if len(pieces) > 0 {
				want = append(want, "Un plan de situation", "La photo de l’arbre", "au plus tard le vendredi 22 mai 2026 (CRPA L114-5)")
			}
			if rule == (Rule{}) && len(pieces) == 0 {
				want = append(want, "avant le mardi 23 juin 2026", "vaut rejet (CRPA L231-4)", "au plus tard le lundi 24 août 2026", "www.telerecours.fr")
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%v %v: %q is missing in:\n%s", rule, pieces, w, text)
				}
			}
			if strings.Contains(text, "?") {
				t.Errorf("%v: a character was lost:\n%s", rule, text)
			}
			if list := words(t, pdf); list[len(list)-1].page != 1 {
				t.Errorf("%v %v: %d pages", rule, pieces, list[len(list)-1].page)
			}
		}
	}
}

// The window of the envelope shows the whole address, and nothing else wherever the sheet
// slips to.
func TestPaperAddressIsInTheWindow(t *testing.T) {
	long := strings.Repeat("Interminable ", 20)
	for name, citizen := range map[string]Contact{
		"short": {Name: "Jeanne Martin", Address: "12 rue des Lilas\n99120 Saint-Exemple"},
		"long":  {Name: long, Address: strings.Repeat(long+"\n", 9) + "99120 Saint-Exemple"},
	} {
		pdf := paperOf(t, Rule{}, func(l *Letter) {
			l.Citizen = citizen
			l.Service.Name, l.Officer = long, Contact{long, long, long, long}
			l.Town = Contact{long, long, long, long}
		})
		last := ""
		for _, w := range words(t, pdf) {
			may := w.page == 1 && w.right > 90 && w.left < 200 && w.base > 45 && w.top < 90
			sure := w.left >= 100 && w.right <= 190 && w.top >= 55 && w.base <= 79.5
			if may && !sure {
				t.Errorf("%s: %q at %.0f–%.0f × %.0f–%.0f may show in the window", name, w.text, w.left, w.right, w.top, w.base)
			}
			if may {
				last = w.text
			}
		}
		if last != "Saint-Exemple" {
			t.Errorf("%s: the address ends with %q", name, last)
		}
	}
}

func TestPaperKeepsWithinItsPages(t *testing.T) {
	pieces := make([]string, 80)
	for i := range pieces {
		pieces[i] = "Pièce " + strconv.Itoa(i+1) + " " + strings.Repeat("détaillée ", 30)
	}
	for name, pdf := range map[string][]byte{
		"10 kB of subject": paperOf(t, Rule{}, func(l *Letter) { l.Subject = strings.Repeat("é", 10_000) }),
		"words":            paperOf(t, Rule{}, func(l *Letter) { l.Subject = strings.Repeat("mots ", 2000) }),
		"wide letters":     paperOf(t, Rule{}, func(l *Letter) { l.Subject, l.Service.Name = strings.Repeat("W", 10_000), strings.Repeat("W", 500) }),
		"many pieces":      paperOf(t, Rule{}, nil, pieces...),
	} {
		list := words(t, pdf)
		pages := list[len(list)-1].page
		if name == "many pieces" {
			if text := flat(pdfText(t, pdf)); pages < 3 || !strings.Contains(text, "Pièce 80 détaillée") || !strings.Contains(text, "page 2/") || !strings.Contains(text, "Pour la mairie") {
				t.Errorf("%s: %d pages:\n%s", name, pages, text)
			}
		} else if pages > 2 || name != "wide letters" && pages != 1 {
			t.Errorf("%s: %d pages", name, pages)
		}
		for _, w := range list {
			if w.left < paperMargin-0.5 || w.right > paperWidth-paperMargin+0.5 || w.top < 10 || w.base > paperHeight-5 {
				t.Errorf("%s: %.20q at %.0f–%.0f × %.0f–%.0f is outside the page", name, w.text, w.left, w.right, w.top, w.base)
			}
		}
	}
}

func TestPaperIsDeterministic(t *testing.T) {
	undate := func(l *Letter) { l.Today = Day{} }
	if !bytes.Equal(paperOf(t, Rule{}, nil), paperOf(t, Rule{}, nil)) || !bytes.Equal(paperOf(t, Rule{}, undate), paperOf(t, Rule{}, undate)) {
		t.Error("the same letter gives other bytes")
	}
	if bytes.Equal(paperOf(t, Rule{}, nil), paperOf(t, Rule{}, undate)) {
		t.Error("the date changes nothing")
	}
}

func TestCoreFont(t *testing.T) {
	for in, want := range map[string]string{
		"Été à Œuilly – 5 €":       "\xc9t\xe9 \xe0 \x8cuilly \x96 5 \x80",
		"e\u0301 l’île\u202f:":     "\xe9 l\x92\xeele\xa0:",
		"李\x01\u0081":              "???",
		"Łukasz Đặng İnce ş\u0323": "Lukasz Dang Ince s",
	} {
		if got := inCoreFont(in); got != want {
			t.Errorf("inCoreFont(%q) = %q, want %q", in, got, want)
		}
	}
}

// An agent's answer on paper names who writes, with its number, and goes on over pages when it
// is long; the signature does not stand alone.
func TestPaperReply(t *testing.T) {
	c, l := letterOf(t, LetterReplyPaper, Rule{})
	answered(&l)
	pdf, err := builtinTexts(t).PaperPDF(c, l)
	if err != nil {
		t.Fatal(err)
	}
	text := flat(pdfText(t, pdf))
	for _, want := range []string{
		"Nos références: 2026-000123", "Courrier départ n° D-2026-000045", "Dossier suivi par: Camille Roux, cheffe de service", "Objet: Votre signalement rue des Écoles",
		"Jeanne Martin", "Le trou sera rebouché:", "– mercredi sinon.", "Les mots {{.Reference}} et", "Pour la mairie, Camille Roux, cheffe de service Service voirie",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	l.Note = strings.Repeat("Une phrase de la réponse. ", 400) + "\n\nFin."
	if pdf, err = builtinTexts(t).PaperPDF(c, l); err != nil {
		t.Fatal(err)
	}
	list := words(t, pdf)
	last := list[len(list)-1].page
	i := strings.Index(flat(pdfText(t, pdf, "-f", strconv.Itoa(last))), "Fin.")
	if last < 2 || i < 0 {
		t.Errorf("%d pages; the signature stands alone", last)
	}
	l.Officer.Name = " "
	if _, err := builtinTexts(t).PaperPDF(c, l); err == nil || !strings.Contains(err.Error(), "L111-2") {
		t.Errorf("a letter of nobody: %v", err)
	}
}
