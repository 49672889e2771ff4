package facts

import (
	"fmt"
	"strings"
	"time"
)

// Facts are what a text states beside its sender, in the order of the text and each once.
type Facts struct {
	Dates      []Date
	Amounts    []Amount
	References []Reference
}

// maxFacts bounds how many facts of each sort are kept.
const maxFacts = 50

// A Day is a day of the calendar as a text gives it: "le 1er mai" has no year.
type Day struct {
	Year  int // 0 where it is not given
	Month time.Month
	Day   int
}

// String writes the day as ISO 8601 does ("2026-05-01"), or as RFC 6350 §4.3.1 does where
// there is no year ("--05-01").
func (d Day) String() string {
	if d.Year == 0 {
		return fmt.Sprintf("--%02d-%02d", d.Month, d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// Near returns the day at midnight in the zone of t. Where the text gives no year it is the
// one that lies nearest to t, the time at which the text came.
func (d Day) Near(t time.Time) time.Time {
	if d.Year != 0 {
		return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, t.Location())
	}
	var best time.Time
	for y := t.Year() - 1; y <= t.Year()+1; y++ {
		c := time.Date(y, d.Month, d.Day, 0, 0, 0, 0, t.Location())
		if best.IsZero() || c.Sub(t).Abs() < best.Sub(t).Abs() {
			best = c
		}
	}
	return best
}

// A Date is a day and the words that give it, such as "jeudi 12 mars 2026".
type Date struct {
	Day  Day
	Text string
}

// An Amount is a sum of money in cents of euro and the words that give it.
type Amount struct {
	Cents int64
	Text  string
}

// A ReferenceKind is what a reference is of.
type ReferenceKind string

// The kinds of references.
const (
	RefFile     ReferenceKind = "file"     // dossier
	RefContract ReferenceKind = "contract" // contrat, police d'assurance
	RefInvoice  ReferenceKind = "invoice"  // facture
	RefTitle    ReferenceKind = "title"    // titre de recette, avis des sommes à payer
	RefOrder    ReferenceKind = "order"    // bon de commande, devis
	RefClient   ReferenceKind = "client"   // client, abonné, usager
	RefPermit   ReferenceKind = "permit"   // permis de construire, déclaration préalable
	RefPlot     ReferenceKind = "plot"     // parcelle cadastrale
	RefGrave    ReferenceKind = "grave"    // concession
	RefPlate    ReferenceKind = "plate"    // immatriculation
	RefFine     ReferenceKind = "fine"     // procès-verbal, forfait de post-stationnement
	RefOther    ReferenceKind = "other"    // référence, demande
	RefIBAN     ReferenceKind = "iban"     // only its last four figures
	RefSecurity ReferenceKind = "security" // a social security number, hidden
)

// A Reference is a number or a code by which something is known.
type Reference struct {
	Kind ReferenceKind
	// Value is as written, with single spaces; permits, plots and plates in their usual form. An
	// IBAN is "…" and its last four signs, a social security number "…" alone.
	Value string
}

// Find returns the days, amounts and references of a text, at most maxFacts of each. It reads
// the first maxText bytes.
func Find(s string) Facts {
	if len(s) > maxText {
		s = s[:maxText]
	}
	t := read(s)
	var f Facts
	for i := 0; i < len(t.ts); {
		i = max(i+1, t.factAt(i, &f))
	}
	return f
}

// factAt adds the fact at token i and returns its end, or 0.
func (t text) factAt(i int, f *Facts) int {
	switch k := t.ts[i]; k.kind {
	case secret:
		return f.refer(t.secretAt(i), i+1)
	case number, mixed:
		if days, to := t.dateAt(i); to > 0 {
			for _, d := range days {
				if len(f.Dates) < maxFacts && !has(f.Dates, d) {
					f.Dates = append(f.Dates, d)
				}
			}
			return to
		}
		if a, to := t.amountAt(i); to > 0 {
			if len(f.Amounts) < maxFacts && !has(f.Amounts, a) {
				f.Amounts = append(f.Amounts, a)
			}
			return to
		}
		return f.refer(t.oldPlateAt(i))
	case word:
		for _, find := range []func(int) (Reference, int){t.permitAt, t.plateAt, t.plotAt, t.labelledAt} {
			if r, to := find(i); to > 0 {
				return f.refer(r, to)
			}
		}
	}
	return 0
}

// refer keeps a reference and returns to.
func (f *Facts) refer(r Reference, to int) int {
	if to > 0 && len(f.References) < maxFacts && !has(f.References, r) {
		f.References = append(f.References, r)
	}
	return to
}

func has[T comparable](all []T, one T) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// secretAt hides the number at token i.
func (t text) secretAt(i int) Reference {
	if t.ts[i].fold != "iban" {
		return Reference{RefSecurity, "…"}
	}
	s := strings.ReplaceAll(t.cut(i, i+1), " ", "")
	return Reference{RefIBAN, "…" + strings.ToUpper(s[len(s)-4:])}
}
