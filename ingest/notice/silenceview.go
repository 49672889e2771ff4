package notice

import (
	"slices"
	"strings"
)

// silenceView is what the texts say of the silence of the town.
type silenceView struct {
	// Case is which of the cases below it is; "" without a plan.
	Case string
	// Date is when silence becomes a decision, or until when an answer is due (caseGDPR);
	// "" while that is not known.
	Date string
	// Rule and Article are those of the deadline: "silence de 2 mois, rejet", "CRPA L231-4".
	Rule, Article string
	// Appeal is the last day of an appeal to the administrative court; "" where none is
	// open at once.
	Appeal string
	// Counted is true when Date takes the awaited pieces into account.
	Counted bool
}

// The cases of silence, each with a text of its own.
const (
	caseRejection  = "rejection"
	caseAcceptance = "acceptance"
	// caseCADA is a rejection that goes to the CADA before a court (CRPA L342-1).
	caseCADA = "cada"
	// casePrefect is a rejection that goes to the prefect before a court (CESEDA R313-12).
	casePrefect = "prefect"
	// caseUrban is the acceptance of an urban planning file.
	caseUrban = "urban"
	// caseUrbanPieces is its rejection when the missing pieces do not come.
	caseUrbanPieces = "urban_pieces"
	caseGDPR        = "gdpr"
	caseNone        = "none"
)

// articlePrefect is the article of the explanation that names the prefect.
const articlePrefect = "CESEDA R313-12"

func viewSilence(c Calendar, p Plan) silenceView {
	if len(p.Deadlines) == 0 {
		return silenceView{}
	}
	d, ok := p.Silence()
	if !ok {
		v := silenceView{Case: caseNone}
		for _, d := range p.Deadlines {
			if d.Kind == KindGDPR {
				v = silenceView{Case: caseGDPR, Date: d.Day.French(), Article: d.Article}
			}
		}
		return v
	}
	v := silenceView{
		Case: silenceCase(d), Date: d.Day.French(),
		// The rule has a colon of its own; inside a sentence a comma reads better.
		Rule:    strings.NewReplacer("\u00a0: ", ", ", " : ", ", ").Replace(clean(d.Rule, maxSubject)),
		Article: clean(d.Article, maxName),
		Counted: slices.ContainsFunc(p.Deadlines, func(d Deadline) bool { return d.Kind == KindPieces }),
	}
	switch v.Case {
	case caseRejection, caseUrbanPieces:
		if !d.Day.IsZero() {
			v.Appeal = c.Appeal(d.Day).French()
		}
	}
	return v
}

func silenceCase(d Deadline) string {
	switch {
	case d.Kind == KindUrban && d.Sense == Acceptance:
		return caseUrban
	case d.Sense == Acceptance:
		return caseAcceptance
	case d.Kind == KindUrban && d.Article == articleUrbanMissing:
		return caseUrbanPieces
	case d.Kind == KindCADA:
		return caseCADA
	case slices.ContainsFunc(d.Explanation, func(s Step) bool { return s.Article == articlePrefect }):
		return casePrefect
	}
	return caseRejection
}
