package desk

import (
	"net/url"
	"slices"

	"saisine.fr/saisine/ingest"
)

// What the templates of the page of a request ask for.

// Act is the address of an act on the request.
func (p *requestPage) Act(name string) string {
	return "/agent/demandes/" + url.PathEscape(p.Q.Reference) + "/" + name
}

// on adds the list that one came from to an address.
func (p *requestPage) on(address string, values url.Values) string {
	p.Way.lead(values)
	if len(values) == 0 {
		return address
	}
	return address + "?" + values.Encode()
}

// ReplyURL is the form of an answer, CompareURL and OtherURL lead to another request, PieceURL
// shows a piece of this one.
func (p *requestPage) ReplyURL() string { return p.on(p.Act("repondre"), url.Values{}) }

// CompareURL puts another request beside this one.
func (p *requestPage) CompareURL(other string) string {
	return p.on(p.Act("comparer/"+url.PathEscape(other)), url.Values{})
}

// OtherURL is the page of another request.
func (p *requestPage) OtherURL(other string) string {
	return p.on("/agent/demandes/"+url.PathEscape(other), url.Values{})
}

// PieceURL shows a piece.
func (p *requestPage) PieceURL(id string) string {
	return p.on("/agent/demandes/"+url.PathEscape(p.Q.Reference), url.Values{"piece": {id}}) + "#original"
}

// StyledURL shows the HTML of a mail.
func (p *requestPage) StyledURL(id string) string {
	return p.on("/agent/demandes/"+url.PathEscape(p.Q.Reference), url.Values{"piece": {id}, "vue": {"html"}}) + "#original"
}

// maxTabs is how many pieces have a tab; where there are more, the list of pieces leads to them.
const maxTabs = 8

// Tabs reports whether the pieces have tabs.
func (p *requestPage) Tabs() bool { return len(p.Pieces) > 1 && len(p.Pieces) <= maxTabs }

// Late reports whether the town should have done something before now.
func (p *requestPage) Late() bool { return p.Next != nil && p.Next.Late }

// Reasons are those of the category.
func (p *requestPage) Reasons() []string {
	out := make([]string, len(p.Q.Reasons))
	for i, why := range p.Q.Reasons {
		out[i] = withNames(why, p.D.Names)
	}
	return out
}

// Kind says what a suggested request is.
func (p *requestPage) Kind(k ingest.SuggestionKind) string { return p.t.suggestion(k) }

var suggestionNames = map[ingest.SuggestionKind]string{
	ingest.SuggestSame: "peut-être la même", ingest.SuggestNeighbour: "signalement voisin", ingest.SuggestGroup: "même texte d’autres personnes",
}

func (t tongue) suggestion(k ingest.SuggestionKind) string {
	if name, ok := suggestionNames[k]; ok {
		return t.T(name)
	}
	return t.T("à rapprocher")
}

// MayTake reports whether a request can be handed to this agent, who does not have it.
func (p *requestPage) MayTake(login string) bool {
	for _, a := range p.Able {
		if a.Login == login {
			return p.D.Assignee != login
		}
	}
	return false
}

// Open reports whether a form is shown again since it could not be taken.
func (p *requestPage) Open(form string) bool { return p.form.name == form }

// Value is what was typed into a field of a form that is shown again, or otherwise.
func (p *requestPage) Value(form, field, otherwise string) string {
	if p.form.name == form && p.form.values.Has(field) {
		return p.form.values.Get(field)
	}
	return otherwise
}

// Wrong says what is wrong with a field, or "".
func (p *requestPage) Wrong(form, field string) string {
	if p.form.name != form {
		return ""
	}
	return p.form.wrong[field]
}

// placed are the fields beside which the page says what is wrong with them.
var placed = map[string][]string{
	"categorie": {"code"}, "statut": {"statut", "note"}, "correction": {"objet", "nom", "courriel", "telephone", "adresse", "lieu"},
	"affectation": {"agent"}, "commentaire": {"texte"}, "pieces-demandees": {"pieces", "jusquau", "note"}, "pieces-recues": {"le"},
	"transmission": {"administration", "recue"}, "rattacher": {"reference", "lien"}, "separer": {"pieces"}, "comparer": {"autre"},
}

// Problem says above the page that an act was not done, with what has no place beside a field.
func (p *requestPage) Problem() string {
	if len(p.form.wrong) == 0 {
		return ""
	}
	out := p.t.T("Rien n’a été changé.")
	for field, text := range p.form.wrong {
		if !slices.Contains(placed[p.form.name], field) {
			out += " " + text
		}
	}
	return out
}
