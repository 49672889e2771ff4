package scanfolder

import (
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// The notes are read by clerks in any editor: plain French, a no-break space before
// colons and inside guillemets, one fact a line.

// reasonUnknown is the ledger's reason for a file whose content is no scan.
const reasonUnknown = "Ce fichier n’est ni un PDF ni une image TIFF, JPEG ou PNG\u00a0: il ne peut pas être lu comme un scan."

var (
	adviceFailed = noBreak(`
Que faire ?
- Vérifiez que le document s’ouvre et qu’il est lisible ; au besoin, numérisez-le de nouveau.
- Pour réessayer, remettez le fichier dans le dossier surveillé : il sera repris sous le même numéro.
- Rien n’est perdu : l’original est conservé avec ce numéro.
`)
	adviceTooLarge = noBreak(`
Que faire ?
- Numérisez le document avec une résolution plus basse (300 points par pouce suffisent), en noir et blanc ou en niveaux de gris, ou en plusieurs fichiers.
- Si le document doit être pris tel quel, demandez à l’administrateur de relever la limite « limits.file », puis remettez le fichier dans le dossier surveillé.
`)
)

// text is the whole note about a scan of that name.
func (n Note) text(name string) string {
	if n.State == ingest.StateFailed {
		return n.errorText(name)
	}
	var b strings.Builder
	b.WriteString("Ce scan a bien été reçu.\n\n")
	n.facts(&b, name)
	state := stateText(n.State)
	switch {
	case len(n.Letters) == 1:
		state = "repris dans le courrier ci-dessous"
	case len(n.Letters) > 1:
		state = "réparti en courriers, chacun suivi pour lui-même"
	}
	NoteLetter{Reason: n.Reason, Reference: n.Reference, Category: n.Category, Service: n.Service, Problems: n.Problems}.outcome(&b, state)
	for i, l := range n.Letters {
		b.WriteString("\nCourrier")
		if len(n.Letters) > 1 {
			fmt.Fprintf(&b, " %d sur %d", i+1, len(n.Letters))
		}
		if l.Pages > 0 {
			fmt.Fprintf(&b, " (%d page%s)", l.Pages, plural(l.Pages))
		}
		b.WriteByte('\n')
		l.outcome(&b, stateText(l.State))
	}
	return b.String()
}

// outcome tells what became of a submission, which is in that state.
func (l NoteLetter) outcome(b *strings.Builder, state string) {
	line(b, "État", state)
	line(b, "Motif", l.Reason)
	line(b, "Demande", l.Reference)
	line(b, "Catégorie", l.Category)
	line(b, "Service", l.Service)
	for _, p := range l.Problems {
		line(b, "Attention", p)
	}
}

func plural(n int) string {
	if n > 1 {
		return "s"
	}
	return ""
}

func (n Note) errorText(name string) string {
	reason := n.Reason
	if strings.TrimSpace(reason) == "" {
		reason = "le traitement n’a pas abouti."
	}
	var b strings.Builder
	b.WriteString("Ce scan n’a pas pu être traité.\n\n")
	n.facts(&b, name)
	line(&b, "Motif", reason)
	b.WriteString(adviceFailed)
	return b.String()
}

func (n Note) facts(b *strings.Builder, name string) {
	line(b, "Fichier", name)
	fmt.Fprintf(b, "%s%s\n", labelNumber, oneLine(n.ID))
	if !n.ReceivedAt.IsZero() {
		line(b, "Reçu le", frenchTime(n.ReceivedAt))
	}
}

func stateText(s ingest.State) string {
	switch s {
	case ingest.StateFiled:
		return "classé dans une demande"
	case ingest.StateSetAside:
		return "mis de côté, sans ouvrir de demande"
	case ingest.StateFailed:
		return "n’a pas pu être traité"
	default:
		return "enregistré, en attente de lecture"
	}
}

// duplicateText is the note beside a scan that was seen before.
func duplicateText(name string, first Note) string {
	var b strings.Builder
	b.WriteString("Ce scan est identique à un scan déjà reçu. Il n’a pas été enregistré une seconde fois.\n\n")
	line(&b, "Fichier", name)
	b.WriteString("\nPremier dépôt\n")
	fmt.Fprintf(&b, "%s%s\n", labelNumber, oneLine(first.ID))
	line(&b, "État", stateText(first.State))
	line(&b, "Demande", first.Reference)
	return b.String()
}

// tooLargeReason is the ledger's reason for a file over the size limit.
func tooLargeReason(name string, size, limit int64) string {
	return fmt.Sprintf("Fichier trop volumineux\u00a0: %s, pour une limite de %s. «\u00a0%s\u00a0» n’a pas été lu\u00a0; il se trouve dans le dossier «\u00a0%s\u00a0».",
		frenchSize(size, true), frenchSize(limit, false), oneLine(name), dirFailed)
}

// tooLargeText is the note beside a file over the size limit.
func tooLargeText(name, number string, size, limit int64) string {
	var b strings.Builder
	b.WriteString("Ce fichier est trop volumineux\u00a0: il n’a pas été lu.\n\n")
	line(&b, "Fichier", name)
	line(&b, "Taille", frenchSize(size, true))
	line(&b, "Limite", frenchSize(limit, false))
	fmt.Fprintf(&b, "%s%s\n", labelNumber, oneLine(number))
	b.WriteString(adviceTooLarge)
	return b.String()
}

// noBreak puts the no-break spaces of French typography into text typed with plain ones.
func noBreak(s string) string {
	return strings.NewReplacer(" ;", "\u00a0;", " ?", "\u00a0?", " : ", "\u00a0: ", "« ", "«\u00a0", " »", "\u00a0»").Replace(s)
}

// line writes "LABEL : VALUE"; nothing for an empty value.
func line(b *strings.Builder, label, value string) {
	if value = oneLine(value); value != "" {
		fmt.Fprintf(b, "%s\u00a0: %s\n", label, value)
	}
}

// oneLine keeps foreign text from forging lines of a note.
func oneLine(s string) string {
	s = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(s)
	return strings.TrimSpace(cleanText(s))
}

func frenchTime(t time.Time) string { return t.Format("02/01/2006 à 15\u00a0h\u00a004") }

// frenchSize writes a size with the unit a clerk knows. A size that broke a limit is
// rounded up, so that it never reads the same as the limit.
func frenchSize(n int64, up bool) string {
	units := []string{"octets", "Kio", "Mio", "Gio"}
	unit, div := 0, int64(1)
	for unit < len(units)-1 && n >= div*1024 {
		unit, div = unit+1, div*1024
	}
	tenths := n * 10 / div
	if up && n*10%div != 0 {
		tenths++
	}
	if tenths%10 == 0 {
		return fmt.Sprintf("%d\u00a0%s", tenths/10, units[unit])
	}
	return fmt.Sprintf("%d,%d\u00a0%s", tenths/10, tenths%10, units[unit])
}
