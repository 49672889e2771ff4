package handover

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Describe is the text of a case for other software: what the citizen wrote, then who, where
// and until when, in French, lines parted by LF.
func Describe(c Case) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(c.Text))
	b.WriteString("\n\n--\n")
	line := func(label, value string) {
		if value = strings.TrimSpace(strings.ReplaceAll(value, "\n", ", ")); value != "" {
			b.WriteString(label + " : " + value + "\n")
		}
	}
	line("Référence", c.Reference)
	line("Reçu le", c.ReceivedAt.Format("02/01/2006 à 15:04"))
	line("Catégorie", c.Label)
	line("Nom", c.Sender.Name)
	line("Courriel", c.Sender.Email)
	line("Téléphone", c.Sender.Phone)
	line("Adresse", c.Sender.Address)
	line("Lieu", c.Place)
	if p := c.Position; p != nil {
		line("Position", fmt.Sprintf("%.6f, %.6f", p.Lat, p.Long))
	}
	if !c.Due.IsZero() {
		line("À traiter avant le", c.Due.Format("02/01/2006"))
	}
	line("Dossier", c.URL)
	return b.String()
}

// maxName is the longest file name in bytes that Linux file systems and the programs here keep.
const maxName = 120

// ASCIIName folds a file name to what every program keeps as it is: ASCII letters without
// accents, digits, dot, dash and underscore, at most 120 bytes, its ending kept. It is never
// "", "." or "..", and never begins with a dot.
func ASCIIName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.NewReplacer("œ", "oe", "Œ", "OE", "æ", "ae", "Æ", "AE", "ß", "ss", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L").Replace(name)
	if folded, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), name); err == nil {
		name = folded
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name, ".")
	if strings.Trim(name, "._") == "" {
		name = "piece"
	}
	if len(name) > maxName {
		ext := filepath.Ext(name)
		if len(ext) > 12 {
			ext = ""
		}
		name = name[:maxName-len(ext)] + ext
	}
	return name
}

// Names gives the files of an addition names that are ASCII and unlike each other, even where
// case makes no difference.
func Names(files []File) []string {
	seen := make(map[string]bool, len(files))
	out := make([]string, len(files))
	for i, f := range files {
		name := ASCIIName(f.Name)
		ext := filepath.Ext(name)
		for n, base := 2, strings.TrimSuffix(name, ext); seen[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		seen[strings.ToLower(name)] = true
		out[i] = name
	}
	return out
}
