package desk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// suggestedCategory is a category that may be meant, under a key.
type suggestedCategory struct {
	Category
	Key   string
	Score float64 // 0 when nothing is known of it
}

// suggestedCategories gives the likely categories their keys, 1 to 9. Those that the town no
// longer has are left out.
func suggestedCategories(all []Category, ranked []ingest.Ranked) []suggestedCategory {
	var out []suggestedCategory
	for _, r := range ranked {
		i := slices.IndexFunc(all, func(c Category) bool { return c.Code == r.Category })
		if i >= 0 && len(out) < 9 {
			out = append(out, suggestedCategory{all[i], strconv.Itoa(len(out) + 1), r.Score})
		}
	}
	return out
}

// categoryOf returns the category with this code; one that the town no longer has is known
// by its code.
func categoryOf(all []Category, code string) Category {
	for _, c := range all {
		if c.Code == code {
			return c
		}
	}
	return Category{Code: code, Label: cmp.Or(code, "–")}
}

// categoryGroup is the categories of one service.
type categoryGroup struct {
	Service    string
	Categories []Category
}

// categoryGroups puts the categories together by their service, in the order of the file.
func categoryGroups(all []Category) []categoryGroup {
	var out []categoryGroup
	for _, c := range all {
		i := slices.IndexFunc(out, func(g categoryGroup) bool { return g.Service == c.Service })
		if i < 0 {
			i, out = len(out), append(out, categoryGroup{Service: c.Service})
		}
		out[i].Categories = append(out[i].Categories, c)
	}
	return out
}

// deadlineLine is a deadline with its reasons.
type deadlineLine struct {
	ingest.Deadline
	Why  []string
	Late bool
	// Meaning says what silence then means, or who has to act when that is not the town.
	Meaning string
	Town    bool
}

func deadlineLines(t tongue, q ingest.Request, d Details, now time.Time) []deadlineLine {
	var out []deadlineLine
	for i, have := range q.Deadlines {
		l := deadlineLine{Deadline: have, Why: d.Why[i], Town: have.Who == "" || have.Who == "town"}
		l.Late = l.Town && have.DoneAt.IsZero() && !have.Due.IsZero() && have.Due.Before(now)
		switch {
		case have.Sense == "acceptance":
			l.Meaning = t.T("le silence vaut acceptation")
		case have.Sense == "rejection":
			l.Meaning = t.T("le silence vaut refus")
		case have.Who == "citizen":
			l.Meaning = t.T("attendu du citoyen")
		case have.Who == "other":
			l.Meaning = t.T("attendu d’une autre administration")
		}
		out = append(out, l)
	}
	return out
}

// nextDeadline is the open one of the town that is due first, or nil.
func nextDeadline(list []deadlineLine) *deadlineLine {
	var next *deadlineLine
	for i, l := range list {
		if l.Town && l.DoneAt.IsZero() && !l.Due.IsZero() && (next == nil || l.Due.Before(next.Due)) {
			next = &list[i]
		}
	}
	return next
}

// pieceLine is a piece of a request.
type pieceLine struct {
	ingest.RequestSubmission
	Why []string
	// Movable is set when it can be taken out: it does not open the request.
	Movable bool
}

func pieceLines(q ingest.Request, d Details) []pieceLine {
	var out []pieceLine
	for _, s := range q.Submissions {
		why := slices.Clone(d.LinkReasons[s.ID])
		for i := range why {
			why[i] = withNames(why[i], d.Names)
		}
		out = append(out, pieceLine{s, why, s.Link != ingest.LinkOpens})
	}
	return out
}

// withNames puts names for the logins of agents in a text of ours.
func withNames(text string, names map[string]string) string {
	before, login, found := strings.Cut(text, ingest.ActorAgent)
	if !found {
		return text
	}
	end := strings.IndexFunc(login, func(r rune) bool { return r == ' ' || r == ',' || r == ')' })
	rest := ""
	if end >= 0 {
		login, rest = login[:end], login[end:]
	}
	return before + personName(names, login) + rest
}

// personName names an agent: one who is no longer known by their login.
func personName(names map[string]string, login string) string {
	return cmp.Or(names[login], login)
}

// mailLine is something that the town wrote.
type mailLine struct {
	ingest.Mail
	Label, StateLabel string
	At                time.Time
	// Ready is set when its bytes can be fetched, Print when it is to be printed.
	Ready, Print bool
	// LetterURL is where it is printed.
	LetterURL string
	Bad       bool
	// OnPaper is set for a receipt that the citizen has not got, and may get as a letter.
	OnPaper bool
}

var mailStates = map[ingest.MailState]string{
	ingest.MailQueued: "à envoyer", ingest.MailSent: "envoyé", ingest.MailFailed: "échec de l’envoi", ingest.MailBounced: "non remis",
	ingest.MailWithheld: "non envoyé", ingest.MailToPrint: "à imprimer", ingest.MailPrinted: "imprimé",
}

func (t tongue) mailState(s ingest.MailState) string {
	if name, ok := mailStates[s]; ok {
		return t.T(name)
	}
	return string(s)
}

func mailLines(t tongue, q ingest.Request) []mailLine {
	var out []mailLine
	for _, m := range slices.Backward(q.Mails) {
		l := mailLine{
			Mail: m, Label: t.T(mailName(m.Kind)), StateLabel: t.mailState(m.State), At: m.CreatedAt,
			Ready: m.SHA256 != "", Print: m.State == ingest.MailToPrint, LetterURL: letterURL(m.ID),
			Bad: m.State == ingest.MailFailed || m.State == ingest.MailBounced,
		}
		l.OnPaper = (m.Kind == ingest.MailARE || m.Kind == ingest.MailAEE) && (l.Bad || m.State == ingest.MailWithheld) &&
			!slices.ContainsFunc(q.Mails, func(o ingest.Mail) bool { return o.Kind == ingest.MailPaper })
		if !m.EndedAt.IsZero() {
			l.At = m.EndedAt
		}
		out = append(out, l)
	}
	return out
}
