package notice

import (
	"fmt"
	"slices"
)

// Sense is what the silence of the administration means. The words are those of the
// categories file.
type Sense string

// The senses.
const (
	Acceptance Sense = "acceptance"
	Rejection  Sense = "rejection"
	// None is for matters in which silence is no decision.
	None Sense = "none"
)

// Procedure names a kind of file that a text treats apart from its category.
type Procedure string

// The procedures. Ordinary is everything that no text treats apart.
const (
	Ordinary Procedure = ""
	// Complaint is a complaint or an administrative appeal (CRPA L231-4, 2°).
	Complaint Procedure = "reclamation"
	// LimitedPlaces is enrolment where places are limited: crèche, music school.
	LimitedPlaces Procedure = "places-limitees"
	// HostCertificate is the attestation d’accueil for a visitor from abroad.
	HostCertificate Procedure = "attestation-accueil"
	// Documents is access to administrative documents (CADA).
	Documents Procedure = "cada"
	// PersonalData is a right of the data subject under the GDPR.
	PersonalData Procedure = "rgpd"
	// PriorDeclaration, House, Demolition and OtherPermit are the files of the urban
	// planning code with their ordinary periods; those that a consultation makes longer
	// (R*423-24 to R*423-37-3) are Months of the Rule.
	PriorDeclaration Procedure = "declaration-prealable"
	House            Procedure = "maison-individuelle"
	Demolition       Procedure = "permis-demolir"
	OtherPermit      Procedure = "permis"
)

// Rule is what the town's categories file says of the silence on a request. The zero Rule
// is the law's default: rejection after two months (CRPA L231-4). What is left empty comes
// from the procedure.
type Rule struct {
	Procedure Procedure
	Sense     Sense
	// Months is from 1 to 24; 0 = those of the procedure.
	Months int
	// Article replaces that of the procedure, such as "CRPA L231-1".
	Article string
}

// clock says from when a period runs.
type clock int

const (
	// clockFirst starts at the first administration seized (CRPA L114-3).
	clockFirst clock = iota
	// clockCompetent starts at the competent one (CRPA L114-3).
	clockCompetent
)

// gap says what missing pieces do to a period.
type gap int

const (
	// gapSuspends stops the clock of a rejection for the time allowed (CRPA L114-5).
	gapSuspends gap = iota
	// gapRestarts makes the clock of an acceptance run from the last piece (CRPA L114-5).
	gapRestarts
	// gapUrban restarts it, within the limits of the urban planning code.
	gapUrban
	// gapNothing leaves it alone.
	gapNothing
)

// law is a Rule with all that is in force for it.
type law struct {
	procedure Procedure
	kind      Kind
	sense     Sense
	months    int
	article   string
	clock     clock
	gap       gap
}

const articleUrban = "code de l’urbanisme R*423-23, R*423-19"

// procedures are the rules that texts set for a kind of file.
var procedures = []law{
	{procedure: Complaint, kind: KindImplicit, sense: Rejection, months: 2, article: "CRPA L231-4"},
	{procedure: LimitedPlaces, kind: KindImplicit, sense: Rejection, months: 4, article: "CRPA L231-5, L231-6"},
	{procedure: HostCertificate, kind: KindImplicit, sense: Rejection, months: 1, article: "CESEDA R313-11"},
	{procedure: Documents, kind: KindCADA, sense: Rejection, months: 1, article: "CRPA R*311-12, R311-13", clock: clockCompetent},
	{procedure: PersonalData, kind: KindGDPR, sense: None, months: 1, article: "RGPD art. 12, § 3", clock: clockCompetent, gap: gapNothing},
	{procedure: PriorDeclaration, kind: KindUrban, sense: Acceptance, months: 1, article: articleUrban, clock: clockCompetent, gap: gapUrban},
	{procedure: House, kind: KindUrban, sense: Acceptance, months: 2, article: articleUrban, clock: clockCompetent, gap: gapUrban},
	{procedure: Demolition, kind: KindUrban, sense: Acceptance, months: 2, article: articleUrban, clock: clockCompetent, gap: gapUrban},
	{procedure: OtherPermit, kind: KindUrban, sense: Acceptance, months: 3, article: articleUrban, clock: clockCompetent, gap: gapUrban},
}

// Procedures lists the names of the procedures, without Ordinary.
func Procedures() []Procedure {
	list := make([]Procedure, len(procedures))
	for i, p := range procedures {
		list[i] = p.procedure
	}
	return list
}

// law returns what is in force for the rule, or an error that says what is wrong with it.
func (r Rule) law() (law, error) {
	if !slices.Contains([]Sense{"", Acceptance, Rejection, None}, r.Sense) {
		return law{}, fmt.Errorf("the sense of silence is %q; it must be %s, %s or %s", r.Sense, Acceptance, Rejection, None)
	}
	if r.Months < 0 || r.Months > 24 {
		return law{}, fmt.Errorf("silence of %d months: it must be from 1 to 24", r.Months)
	}
	l := law{kind: KindImplicit, sense: Rejection, months: 2}
	if r.Procedure != Ordinary {
		i := slices.IndexFunc(procedures, func(p law) bool { return p.procedure == r.Procedure })
		if i < 0 {
			return law{}, fmt.Errorf("%q is no kind of file; known are %v", r.Procedure, Procedures())
		}
		l = procedures[i]
	}
	own := l
	if r.Sense != "" && l.kind != KindGDPR { // to a data subject silence never is a decision
		l.sense = r.Sense
	}
	if r.Months != 0 {
		l.months = r.Months
	}
	// Outside the codes that have a clock of their own, the sense decides (CRPA L114-3, L114-5).
	if l.kind == KindImplicit && l.sense == Acceptance {
		l.clock, l.gap = clockCompetent, gapRestarts
	}
	if l.article == "" || l.kind == KindImplicit && (l.sense != own.sense || l.months != own.months) {
		l.article = silenceArticle(l.sense, l.months)
	}
	if r.Article != "" {
		l.article = r.Article
	}
	return l, nil
}

// silenceArticle is the article of the general law on silence. What departs from its two
// months, or from acceptance, does so by decree (L231-5, L231-6).
func silenceArticle(sense Sense, months int) string {
	switch {
	case sense == Acceptance && months == 2:
		return "CRPA L231-1"
	case sense == Acceptance:
		return "CRPA L231-1, L231-6"
	case months == 2:
		return "CRPA L231-4"
	}
	return "CRPA L231-5, L231-6"
}
