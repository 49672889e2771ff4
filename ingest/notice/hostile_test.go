package notice

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// hostile are what foreign facts may hold.
var hostile = []string{
	"",
	"<script>alert(1)</script><img src=x onerror=alert(1)>",
	`"><a href="javascript:alert(1)">x</a>'`,
	"{{.Town.Name}} {{template \"foot\"}} {{end}}",
	"x\r\nBcc: victim@example.org\r\n\r\nbody",
	"a\x00b\x1b[31m\x7f\u0085\u2028c\ufffe\ufeff",
	"\u202egnp.exe\u2066\u200f\u061c",
	strings.Repeat("é", 10_000),
	strings.Repeat("mot ", 3000),
	strings.Repeat("ligne\n", 3000),
	"\xff\xfe\xc3(",
	"Gagnez 1000 € sur http://evil.example/ ou www.evil.example",
	"https://evil.example/" + strings.Repeat("a", 5000),
	"javascript:alert(1)",
	"Đặng Thị Hằng – 李小龙 – محمد",
	"]]><!-- --> &amp; &lt; <![CDATA[",
}

// spoil puts foreign text into all that can hold it.
func spoil(l *Letter, s string) {
	bad := Contact{s, s, s, s}
	l.Town, l.Service, l.Officer, l.Citizen = bad, bad, bad, bad
	l.Object, l.Number = s, s
	l.TownURL, l.FollowURL, l.Subject, l.Category, l.Note, l.Reference = s, s, s, s, s, s
	l.Items = []Item{{s, s, s, s, s, l.Today, s, 0}, {s, s, s, s, s, l.Today, s, 2}}
	l.Pieces, l.PiecesUntil = []string{"Un plan", s}, l.Today
	for i := range l.Plan.Deadlines {
		l.Plan.Deadlines[i].Rule, l.Plan.Deadlines[i].Article = s, s
	}
}

func TestHostileFactsDoNoHarm(t *testing.T) {
	texts := builtinTexts(t)
	for _, kind := range LetterKinds() {
		for _, s := range hostile {
			c, l := letterOf(t, kind, Rule{})
			l.Status = "assigned"
			spoil(&l, s)
			// The mandatory mentions must be there, or nothing is written.
			if clean(s, 9) == "" {
				l.Service = Contact{"Service", "", "01", "Rue"}
				l.Officer.Name, l.Object, l.Note = "Agent", "Objet", "Texte"
			}
			l.Reference = "2026-000123" + s
			r, err := texts.Render(c, l)
			if err != nil {
				t.Errorf("%s %.20q: %v", kind, s, err)
				continue
			}
			if err := sound(r); err != nil {
				t.Errorf("%s %.20q: %v", kind, s, err)
			}
			if len(r.HTML) > 250_000 || len(r.Text) > 250_000 {
				t.Errorf("%s %.20q: %d and %d bytes", kind, s, len(r.Text), len(r.HTML))
			}
			if kind != LetterPaper && kind != LetterReplyPaper {
				continue
			}
			if b, err := texts.PaperPDF(c, l); err != nil || !bytes.HasPrefix(b, []byte("%PDF-")) {
				t.Errorf("%.20q: PDF: %v", s, err)
			}
		}
	}
}

// The town must not send a stranger's words to whatever address he typed.
func TestReceiptsCarryNoForeignText(t *testing.T) {
	texts := builtinTexts(t)
	for _, kind := range []LetterKind{LetterAEE, LetterARE} {
		c, l := letterOf(t, kind, Rule{})
		l.Subject, l.Note = "GAGNEZ-VITE", "GAGNEZ-VITE"
		for _, name := range []string{"GAGNEZ-VITE http://evil.example", "GAGNEZ-VITE.example", "www GAGNEZ-VITE", "GAGNEZ-VITE 1000", "<b>GAGNEZ-VITE", strings.Repeat("GAGNEZ-VITE ", 10)} {
			l.Citizen = Contact{name, name, name, name}
			r, err := texts.Render(c, l)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(r.Subject+r.Text+r.HTML, "GAGNEZ") {
				t.Errorf("%s %q:\n%s", kind, name, r.Text)
			}
		}
		for _, name := range []string{"Jeanne Martin", "M. Jean-Éric d’Aubigné", "Mme O'Neill", "李小龙"} {
			l.Citizen.Name = name
			if r, err := texts.Render(c, l); err != nil || !strings.HasPrefix(r.Text, "Bonjour "+name+",\n") {
				t.Errorf("%q: %v\n%s", name, err, r.Text)
			}
		}
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 5, ""},
		{"  a \t b\r\n c ", 20, "a b c"},
		{"abcde", 6, "abcde"},
		{"abcdefgh", 6, "abcde…"},
		{"ab cdefgh", 4, "ab…"},
		{"10\u00a0h\u202f:", 9, "10\u00a0h\u202f:"},
		{"a\u200bb\u202ec\x00d", 9, "abcd"},
	} {
		if got := clean(tt.in, tt.limit); got != tt.want {
			t.Errorf("clean(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
	for in, want := range map[string]string{
		"\n\na \r\nb\n\n\n\nc\n": "a\nb\n\nc",
		"a\rb":                   "a\nb",
		" ":                      "",
	} {
		if got := cleanLines(in, 100); got != want {
			t.Errorf("cleanLines(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		" https://a.test/x?y=1&z=é": "",
		"https://a.test/x?y=1":      "https://a.test/x?y=1",
		"https://a.test/é":          "https://a.test/%C3%A9",
		"https://me:secret@a.test/": "",
		"javascript:alert(1)":       "",
		"//a.test/":                 "",
		"https:///x":                "",
		"https://a.test/\nx":        "",
	} {
		if got := cleanURL(in); got != want {
			t.Errorf("cleanURL(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": "Mairie", "Arles": "Mairie d’Arles", "Évry": "Mairie d’Évry", "Le Mans": "Mairie du Mans", "Les Ulis": "Mairie des Ulis",
		"La Rochelle": "Mairie de La Rochelle", "Brest": "Mairie de Brest", "Mairie de Brest": "Mairie de Brest", "Ville de Lyon": "Ville de Lyon",
	} {
		if got := TownHall(in); got != want {
			t.Errorf("TownHall(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"1 rue A, 99000 B":      "1 rue A|99000 B",
		"1 rue A\n99000 B":      "1 rue A|99000 B",
		"a\nb\nc\nd\ne\nf\n\ng": "a|b|c|d, e, f|g",
		"":                      "",
	} {
		if got := strings.Join(addressLines(in), "|"); got != want {
			t.Errorf("addressLines(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("x", 80)
	for in, want := range map[string]string{
		"court": "court\n",
		strings.Repeat("mots ", 16) + "\u00a0: fin": strings.TrimSpace(strings.Repeat("mots ", 15)) + "\nmots \u00a0: fin\n",
		"- " + strings.Repeat("mots ", 16) + "fin":  "- " + strings.TrimSpace(strings.Repeat("mots ", 15)) + "\n  mots fin\n",
		long:                   long[:76] + "\n" + long[76:] + "\n",
		"voir https://" + long: "voir\nhttps://" + long + "\n",
	} {
		if got := wrap(in); got != want {
			t.Errorf("wrap(%q) =\n%q, want\n%q", in, got, want)
		}
	}
}

func FuzzRender(f *testing.F) {
	for i, s := range hostile {
		f.Add(i, s, "Nom", int64(1_776_931_500), i)
	}
	texts := builtinTexts(f)
	f.Fuzz(func(t *testing.T, kind int, s, name string, received int64, rule int) {
		kinds := LetterKinds()
		c, l := letterOf(t, kinds[uint(kind)%uint(len(kinds))], sampleRules[uint(rule)%uint(len(sampleRules))])
		spoil(&l, s)
		l.Received = time.Unix(received%(1<<36), 0)
		l.Status, l.Citizen.Name, l.Service.Name = "closed", name, name
		l.Reference = "2026-000123" + name
		r, err := texts.Render(c, l)
		if err != nil {
			switch l.Kind {
			case LetterReply, LetterReplyPaper:
				if clean(s, 9) == "" {
					return // an answer without words, or without a name
				}
			case LetterARE, LetterPaper:
				if len(Mentions(l)) > 0 {
					return
				}
			}
			t.Fatalf("%s: %v", l.Kind, err)
		}
		if err := sound(r); err != nil {
			t.Fatal(err)
		}
		if l.Kind == LetterPaper || l.Kind == LetterReplyPaper {
			if _, err := texts.PaperPDF(c, l); err != nil {
				t.Fatal(err)
			}
		}
	})
}
