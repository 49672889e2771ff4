package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
)

// bordereau is an elimination list as the archives read it: in French, and without a name. The
// reference is enough to find a file in the house, while the list itself is kept for ever and is
// shown to others: a subject or a sender on it would outlive what is destroyed.
type bordereau struct {
	list   store.Elimination
	spared []store.Spared
	town   string
	zone   *time.Location
	labels map[string]string // of the categories
}

func labelsOf(file *classify.File) map[string]string {
	out := make(map[string]string, len(file.Categories))
	for _, c := range file.Categories {
		out[c.Code] = c.Label
	}
	return out
}

func (b bordereau) day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(b.zone).Format("02/01/2006")
}

// kindLabels name what is in no category.
var kindLabels = map[store.LineKind]string{
	store.LineSetAside: "Écartés (publicité, réponses automatiques…)", store.LineFailed: "Envois illisibles ou en échec", store.LineScan: "Numérisations d’origine",
}

func (b bordereau) label(l store.EliminationLine) string {
	if l.Kind != store.LineRequest {
		return kindLabels[l.Kind]
	}
	return cmp.Or(b.labels[l.Category], l.Category, "Sans catégorie")
}

func (b bordereau) fate(l store.EliminationLine) string {
	switch l.State {
	case store.LineLeftOut:
		return "conservée : " + l.Why
	case store.LineDone:
		return "éliminée le " + b.day(l.DoneAt)
	case store.LineListed:
		return "proposée"
	}
	return "en cours"
}

// approval says in English who approved it, for lists.
func (b bordereau) approval() string {
	if b.list.ApprovedBy == "" {
		return "not approved"
	}
	return "approved " + b.list.ApprovedAt.In(b.zone).Format(time.DateOnly) + " by " + b.list.ApprovedBy
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return strings.Replace(fmt.Sprintf("%.1f Gio", float64(n)/(1<<30)), ".", ",", 1)
	case n >= 1<<20:
		return strings.Replace(fmt.Sprintf("%.1f Mio", float64(n)/(1<<20)), ".", ",", 1)
	}
	return fmt.Sprintf("%d Kio", (n+1023)>>10)
}

// total is the sum of a category.
type total struct {
	label         string
	lines, pieces int
	bytes         int64
	first, last   time.Time
}

func (b bordereau) totals() []total {
	var out []total
	for _, l := range b.list.Lines {
		label := b.label(l)
		i := slices.IndexFunc(out, func(t total) bool { return t.label == label })
		if i < 0 {
			i, out = len(out), append(out, total{label: label, first: l.OpenedAt, last: l.ClosedAt})
		}
		t := &out[i]
		t.lines, t.pieces, t.bytes = t.lines+1, t.pieces+l.Pieces, t.bytes+l.Bytes
		if l.OpenedAt.Before(t.first) {
			t.first = l.OpenedAt
		}
		if l.ClosedAt.After(t.last) {
			t.last = l.ClosedAt
		}
	}
	slices.SortFunc(out, func(a, b total) int { return strings.Compare(a.label, b.label) })
	return out
}

// sparedCounts counts what is spared by its reason.
func (b bordereau) sparedCounts() (reasons []string, n map[string]int) {
	n = map[string]int{}
	for _, s := range b.spared {
		if n[s.Why] == 0 {
			reasons = append(reasons, s.Why)
		}
		n[s.Why]++
	}
	return reasons, n
}

// explains says in the list's own words what it does not say.
const bordereauNote = "Ce bordereau ne nomme personne : il est conservé sans limite de durée et communiqué aux archives ; la référence suffit à retrouver le dossier."

func (b bordereau) writeText(w io.Writer) error {
	l := b.list
	if l.Number != 0 {
		fmt.Fprintf(w, "BORDEREAU D’ÉLIMINATION n° %d\n", l.Number)
		fmt.Fprintf(w, "Service producteur : %s\n", b.town)
		fmt.Fprintf(w, "Proposé le %s (code du patrimoine L212-2 et R212-14)\n", b.day(l.ProposedAt))
		fmt.Fprintf(w, "Empreinte SHA-256 : %s\n", l.SHA256)
		switch l.State {
		case store.ListProposed:
			fmt.Fprintln(w, "État : proposé ; rien n’est détruit")
		default:
			fmt.Fprintf(w, "Approuvé le %s par %s ; visa des archives : %s\n", b.day(l.ApprovedAt), l.ApprovedBy, orDash(l.Visa))
			if !l.ExecutedAt.IsZero() {
				fmt.Fprintf(w, "Exécuté le %s\n", b.day(l.ExecutedAt))
			} else {
				fmt.Fprintln(w, "Exécution en cours ou interrompue")
			}
		}
		fmt.Fprintf(w, "%s\n\n", bordereauNote)
		tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(tw, "N°\tRéférence\tCatégorie\tOuverte le\tClose le\tDurée\tÉchue le\tPièces\tTaille\tSort")
		for _, x := range l.Lines {
			fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", x.Line, x.Subject, b.label(x), b.day(x.OpenedAt), b.day(x.ClosedAt), x.Rule, b.day(x.OverAt), x.Pieces, size(x.Bytes), b.fate(x))
		}
		fmt.Fprintln(tw, "\t\t\t\t\t\t\t\t\t")
		fmt.Fprintln(tw, "\tTotal\tCatégorie\tDates extrêmes\t\t\t\tPièces\tTaille\t")
		lines, pieces, bytes := 0, 0, int64(0)
		for _, t := range b.totals() {
			fmt.Fprintf(tw, "\t%d\t%s\t%s\t%s\t\t\t%d\t%s\t\n", t.lines, t.label, b.day(t.first), b.day(t.last), t.pieces, size(t.bytes))
			lines, pieces, bytes = lines+t.lines, pieces+t.pieces, bytes+t.bytes
		}
		fmt.Fprintf(tw, "\t%d\tEnsemble\t\t\t\t\t%d\t%s\t\n", lines, pieces, size(bytes))
		if err := tw.Flush(); err != nil {
			return err
		}
		if l.State == store.ListProposed {
			fmt.Fprint(w, "\nPour la commune (nom, qualité, date, signature) :\n\n\nVisa de la personne chargée du contrôle scientifique et technique de l’État sur les archives :\n\n")
		}
	}
	if reasons, n := b.sparedCounts(); len(reasons) > 0 {
		fmt.Fprintln(w, "\nNon proposées :")
		for _, r := range reasons {
			fmt.Fprintf(w, "  %d  %s\n", n[r], r)
		}
	}
	return nil
}

// bordereauHead is the first line of the JSON.
type bordereauHead struct {
	List       int64  `json:"list"`
	SHA256     string `json:"sha256"`
	State      string `json:"state"`
	ProposedAt string `json:"proposed_at"`
	ApprovedAt string `json:"approved_at,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
	Visa       string `json:"visa,omitempty"`
	ExecutedAt string `json:"executed_at,omitempty"`
	Lines      int    `json:"lines,omitempty"`
}

// bordereauLine is a line of it, bordereauSpared something that is not on it.
type bordereauLine struct {
	Line     int            `json:"line"`
	Kind     store.LineKind `json:"kind"`
	Subject  string         `json:"subject"`
	Category string         `json:"category"`
	Rule     string         `json:"rule"`
	OpenedAt string         `json:"opened_at"`
	ClosedAt string         `json:"closed_at"`
	OverAt   string         `json:"over_at"`
	Pieces   int            `json:"pieces"`
	Bytes    int64          `json:"bytes"`
	State    string         `json:"state"`
	Why      string         `json:"why,omitempty"`
	DoneAt   string         `json:"done_at,omitempty"`
}

type bordereauSpared struct {
	Spared   string `json:"spared"`
	Category string `json:"category"`
	Why      string `json:"why"`
}

func (b bordereau) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(b.zone).Format(time.RFC3339)
}

func (b bordereau) head() bordereauHead {
	l := b.list
	return bordereauHead{l.Number, l.SHA256, l.State, b.stamp(l.ProposedAt), b.stamp(l.ApprovedAt), l.ApprovedBy, l.Visa, b.stamp(l.ExecutedAt), len(l.Lines)}
}

func (b bordereau) writeJSON(w io.Writer) error {
	out := newJSONLines(w)
	if b.list.Number != 0 {
		if err := out.print(b.head()); err != nil {
			return err
		}
	}
	for _, l := range b.list.Lines {
		if err := out.print(bordereauLine{
			l.Line, l.Kind, l.Subject, l.Category, l.Rule, b.stamp(l.OpenedAt), b.stamp(l.ClosedAt), b.stamp(l.OverAt), l.Pieces, l.Bytes, l.State, l.Why, b.stamp(l.DoneAt),
		}); err != nil {
			return err
		}
	}
	for _, s := range b.spared {
		if err := out.print(bordereauSpared{s.Subject, s.Category, s.Why}); err != nil {
			return err
		}
	}
	return nil
}

// writePDF writes the list to be signed.
func (b bordereau) writePDF(w io.Writer) error {
	l := b.list
	state := "proposé, à viser"
	if l.State != store.ListProposed {
		state = "approuvé le " + b.day(l.ApprovedAt) + ", visa : " + orDash(l.Visa)
	}
	return notice.Table{
		Town: b.town, Title: fmt.Sprintf("Bordereau d’élimination n° %d", l.Number), Period: state,
		Printed: "Proposé le " + b.day(l.ProposedAt) + " – empreinte " + l.SHA256, Date: l.ProposedAt,
		Columns: []notice.TableColumn{
			{Title: "N°", Width: 4},
			{Title: "Référence", Width: 14},
			{Title: "Catégorie", Width: 20},
			{Title: "Ouverte le", Width: 9},
			{Title: "Close le", Width: 9},
			{Title: "Durée", Width: 8},
			{Title: "Échue le", Width: 9},
			{Title: "Pièces", Width: 6},
			{Title: "Taille", Width: 8},
			{Title: "Sort", Width: 13},
		},
		Rows: func(f func([]string) error) error {
			for _, x := range l.Lines {
				if err := f([]string{
					strconv.Itoa(x.Line), x.Subject, b.label(x), b.day(x.OpenedAt), b.day(x.ClosedAt), x.Rule, b.day(x.OverAt), strconv.Itoa(x.Pieces), size(x.Bytes), b.fate(x),
				}); err != nil {
					return err
				}
			}
			for _, t := range b.totals() {
				if err := f([]string{"", fmt.Sprintf("Total : %d", t.lines), t.label, b.day(t.first), b.day(t.last), "", "", strconv.Itoa(t.pieces), size(t.bytes), ""}); err != nil {
					return err
				}
			}
			if l.State != store.ListProposed {
				return nil
			}
			for _, x := range []string{"Pour la commune", "Visa des archives"} {
				if err := f([]string{"", x, "nom, qualité, date, signature\n\n\n\n", "", "", "", "", "", "", ""}); err != nil {
					return err
				}
			}
			return nil
		},
	}.WritePDF(w)
}
