package webform

import (
	"context"
	"net/http"

	"saisine.fr/saisine/ingest"
)

// postForm is one of the two forms that citizens post: the one that opens a matter, and
// the one on a follow-up page that adds to it. They share all that guards a post.
type postForm struct {
	action string   // path that takes the post
	page   string   // template that shows it
	tokens tokenKey // of its hidden token
	back   link     // where to go when it cannot be shown again
	// follow is the token of the follow-up page on which the form stands, or "" for the
	// form that opens a matter.
	follow string
}

// answerForm is the form on the follow-up page of a token. A hidden token shown there
// is worth nothing on another page.
func (a *Adapter) answerForm(follow string) postForm {
	path := followPath(follow)
	return postForm{
		action: path,
		page:   "complement",
		tokens: a.main.tokens.bound(path),
		back:   link{path, "Revenir au suivi de votre demande"},
		follow: follow,
	}
}

// validate returns what the citizen is asked to mend.
func (f postForm) validate(p *post) []fieldError {
	if f.follow != "" {
		return p.validateAnswer()
	}
	return p.validate()
}

// answers returns the submission that a post of f answers, or "". The errors are those
// of Correspondent.Answering.
func (a *Adapter) answers(ctx context.Context, f postForm) (string, error) {
	if f.follow == "" {
		return "", nil
	}
	return a.opts.Correspondent.Answering(ctx, f.follow)
}

// show answers with a page that holds f.
func (a *Adapter) show(w http.ResponseWriter, r *http.Request, status int, f postForm, title string, v formView) {
	a.write(w, r, status, f.page, page{Title: title, NoIndex: f.follow != "", Body: v})
}

// acknowledge sends the citizen to the follow-up page. The submission is recorded
// whatever happens here.
func (a *Adapter) acknowledge(w http.ResponseWriter, r *http.Request, f postForm, receipt ingest.Receipt) {
	if f.follow != "" {
		redirect(w, f.action+"?"+thanks+"=1")
		return
	}
	token, err := a.opts.Follow.Token(r.Context(), receipt.ID)
	if err == nil {
		redirect(w, followPath(token))
		return
	}
	a.log.ErrorContext(r.Context(), "no follow-up token", "id", receipt.ID, "error", err)
	a.write(w, r, http.StatusOK, "message", page{
		Title: "Votre demande est enregistrée",
		Body: plainPage{Paragraphs: []string{
			"Votre demande est bien enregistrée sous le numéro " + receipt.ID + ". Notez ce numéro\u00a0: la page de suivi ne peut pas être affichée pour le moment.",
			"Il est inutile d’envoyer votre demande une seconde fois.",
		}},
	})
}
