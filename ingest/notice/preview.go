package notice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoText says that there is no text of a name, or no sample of a number.
var ErrNoText = errors.New("notice: there is no such text")

// Preview is what a text of the letters makes of made-up facts.
type Preview struct {
	Rendered
	// PDF is the printed letter, of a text that is printed.
	PDF []byte
}

// layoutKind is the letter that shows the parts which all share.
const layoutKind = LetterARE

// kindOf is the kind of letter that the text of a name belongs to.
func kindOf(name string) (LetterKind, bool) {
	base, _, _ := strings.Cut(name, ".")
	if base == "layout" {
		return layoutKind, slices.Contains(builtinNames(), name)
	}
	return LetterKind(base), slices.Contains(builtinNames(), name)
}

// Samples names the made-up letters on which Preview shows a text, in French; the first is
// the most usual.
func Samples(name string) ([]string, error) {
	kind, ok := kindOf(name)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoText, name)
	}
	list, err := samples(kind)
	if err != nil {
		return nil, err
	}
	var out []string
	for i, l := range list {
		out = append(out, sampleName(i, l, len(list)))
	}
	return out, nil
}

// sampleCases name the rules of sampleRules.
var sampleCases = []string{
	"Le silence vaut rejet", "Le silence vaut acceptation", "Sans décision implicite", "Accès à un document (CADA)",
	"Attestation d’accueil", "Données personnelles (RGPD)", "Permis de construire",
}

func sampleName(i int, l Letter, n int) string {
	cases := 2 * len(sampleRules)
	switch {
	case i == n-1:
		return "Presque rien n’est connu"
	case i >= cases:
		return "Statut\u00a0: " + l.Status
	case l.Kind == LetterPieces || l.Kind == LetterPiecesReminder:
		return fmt.Sprintf("%s (%d)", sampleCases[i/2], i%2+1)
	case i%2 == 1:
		return sampleCases[i/2] + ", des pièces manquent"
	}
	return sampleCases[i/2]
}

// Preview shows the text of a name on the sample of a number, as Samples counts them. A text
// that is printed is shown as PDF too.
func (t *Templates) Preview(name string, sample int) (Preview, error) {
	kind, ok := kindOf(name)
	if !ok {
		return Preview{}, fmt.Errorf("%w: %q", ErrNoText, name)
	}
	list, err := samples(kind)
	if err != nil {
		return Preview{}, err
	}
	if sample < 0 || sample >= len(list) {
		return Preview{}, fmt.Errorf("%w: sample %d of %q", ErrNoText, sample, name)
	}
	l := list[sample]
	var p Preview
	if p.Rendered, err = t.Render(Calendar{}, l); err != nil {
		return p, err
	}
	if kind == LetterPaper || kind == LetterReplyPaper {
		p.PDF, err = t.PaperPDF(Calendar{}, l)
	}
	return p, err
}
