package desk

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// replyRoutes are answers to citizens.
func (a *Adapter) replyRoutes(o *router) {
	if a.opts.Replies == nil {
		return
	}
	o.handle("GET /agent/demandes/{ref}/repondre", ingest.RoleAgent, a.serveReply)
	o.handle("POST /agent/demandes/{ref}/repondre", ingest.RoleAgent, a.takeReply)
	o.handle("POST /agent/demandes/{ref}/repondre/apercu.pdf", ingest.RoleAgent, a.serveReplyPDF)
}

// maxReplyPost bounds the form of an answer, in bytes: a body of four-byte characters, each
// written as twelve (%F0%9F%98%80).
const maxReplyPost = 16*ingest.MaxAnswerBody + 64<<10

// replyKey is the form of what tells an answer from the same one posted again.
var replyKey = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// replyStatuses are those that an answer can lead to.
var replyStatuses = []ingest.Status{ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}

// replyForm is what was typed into the form of an answer.
type replyForm struct {
	Key           string
	Template      string
	Subject, Body string
	Paper         bool
	Name, Address string // of a letter
	Status        ingest.Status
	List          string // from which the agent came
}

// replyPage is what the form of an answer shows.
type replyPage struct {
	ReplyDesk
	Form     replyForm
	Errors   map[string]string // by field; "" is about the whole form
	Preview  *ReplyPreview
	Statuses []ingest.Status
	// Address is the form's own, Back the page of the request.
	Address, Back string
	Signature     string
}

// serveReply shows the form, with a text to start from where one was chosen.
func (a *Adapter) serveReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	d, err := a.prepareReply(r, v)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := replyForm{
		Key: rand.Text(), Paper: d.Unreachable != "", Status: ingest.StatusAnswered, List: q.Get("liste"),
		Name: d.Request.Sender.Name, Address: d.Request.Sender.Address,
	}
	if i := slices.IndexFunc(d.Templates, func(t ReplyTemplate) bool { return t.Code == q.Get("modele") }); i >= 0 {
		t := d.Templates[i]
		f.Template, f.Subject, f.Body = t.Code, t.Subject, t.Body
		if t.Status != "" {
			f.Status = t.Status
		}
	}
	return a.showReply(w, r, v, http.StatusOK, replyPage{ReplyDesk: d, Form: f})
}

// prepareReply is Replies.Prepare; who answers a sealed request has read it.
func (a *Adapter) prepareReply(r *http.Request, v ingest.Viewer) (ReplyDesk, error) {
	d, err := a.opts.Replies.Prepare(r.Context(), v, r.PathValue("ref"))
	if err != nil {
		return d, err
	}
	return d, a.saw(r.Context(), v, ingest.AccessRequest, d.Request.Reference)
}

func (a *Adapter) showReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p replyPage) error {
	p.Statuses = replyStatuses
	p.Back = "/agent/demandes/" + url.PathEscape(p.Request.Reference)
	p.Address = p.Back + "/repondre"
	if p.Form.List != "" {
		p.Back += "?" + url.Values{"liste": {p.Form.List}}.Encode()
	}
	p.Signature = strings.Join(slices.DeleteFunc([]string{p.Officer.Name, p.Officer.Title}, func(s string) bool { return s == "" }), ", ")
	t := a.pages.tongue(v)
	return a.show(w, r, v, status, "repondre", page{Title: t.T("Répondre à la demande %s", p.Request.Reference), Section: "demandes", Wide: true, Body: p})
}

// readReply reads the form.
func readReply(w http.ResponseWriter, r *http.Request) (replyForm, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxReplyPost)
	if err := r.ParseForm(); err != nil {
		return replyForm{}, ingest.Refused("the form is damaged or too large")
	}
	get := func(name string) string { return strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n") }
	return replyForm{
		Key: get("cle"), Template: get("modele"), Subject: strings.TrimSpace(get("objet")), Body: strings.TrimSpace(get("message")),
		Paper: get("voie") == "papier", Name: strings.TrimSpace(get("nom")), Address: strings.TrimSpace(get("adresse")),
		Status: ingest.Status(get("statut")), List: get("liste"),
	}, nil
}

// answer is the form as an answer. Keys of two agents are never the same.
func (f replyForm) answer(v ingest.Viewer) ingest.Answer {
	out := ingest.Answer{Once: v.Login + "/" + f.Key, Subject: f.Subject, Body: f.Body, Paper: f.Paper, Status: f.Status}
	if f.Paper {
		out.To = ingest.Addressee{Name: f.Name, Address: f.Address}
	}
	return out
}

// check says what is wrong with the form, by field.
func (f replyForm) check(t tongue, d ReplyDesk) map[string]string {
	wrong := map[string]string{}
	switch {
	case f.Subject == "":
		wrong["objet"] = t.T("Indiquez l’objet de la réponse.")
	case utf8.RuneCountInString(f.Subject) > ingest.MaxAnswerSubject:
		wrong["objet"] = t.T("L’objet est trop long\u00a0: %d caractères au plus.", ingest.MaxAnswerSubject)
	}
	gaps := append(notice.Gaps(f.Subject), notice.Gaps(f.Body)...)
	switch {
	case f.Body == "":
		wrong["message"] = t.T("Écrivez la réponse.")
	case utf8.RuneCountInString(f.Body) > ingest.MaxAnswerBody:
		wrong["message"] = t.T("La réponse est trop longue\u00a0: %d caractères au plus.", ingest.MaxAnswerBody)
	case len(gaps) > 0:
		wrong["message"] = t.T("Il reste à compléter\u00a0: %s", strings.Join(gaps, " "))
	}
	if !f.Paper && d.Unreachable != "" {
		wrong["voie"] = t.T("Aucun courriel ne peut partir\u00a0: %s. Choisissez le courrier papier.", d.Unreachable)
	}
	if f.Paper && f.Name == "" {
		wrong["nom"] = t.T("Indiquez le nom du destinataire.")
	}
	if f.Paper && f.Address == "" {
		wrong["adresse"] = t.T("Indiquez l’adresse postale.")
	}
	if f.Paper && utf8.RuneCountInString(f.Name+f.Address) > ingest.MaxAddressee {
		wrong["adresse"] = t.T("L’adresse est trop longue.")
	}
	if f.Status != "" && !slices.Contains(replyStatuses, f.Status) {
		wrong["statut"] = t.T("Choisissez un statut de la liste.")
	}
	if !replyKey.MatchString(f.Key) {
		wrong[""] = t.T("Ce formulaire n’est plus valable. Vérifiez la réponse, puis envoyez-la de nouveau.")
	}
	return wrong
}

// filledReply is the page with the form that was posted.
func (a *Adapter) filledReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer) (replyPage, error) {
	f, err := readReply(w, r)
	if err != nil {
		return replyPage{}, err
	}
	d, err := a.prepareReply(r, v)
	return replyPage{ReplyDesk: d, Form: f}, err
}

// takeReply sends an answer, or shows how it would look.
func (a *Adapter) takeReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.filledReply(w, r, v)
	if err != nil {
		return err
	}
	d, f := p.ReplyDesk, p.Form
	if p.Errors = f.check(a.pages.tongue(v), d); len(p.Errors) > 0 {
		if p.Errors[""] != "" {
			p.Form.Key = rand.Text()
		}
		return a.showReply(w, r, v, http.StatusUnprocessableEntity, p)
	}
	if r.PostForm.Get("faire") == "apercu" {
		return a.previewReply(w, r, v, p)
	}
	m, err := a.opts.Replies.Reply(r.Context(), v, d.Request.Reference, f.answer(v))
	if err != nil {
		return a.refuseReply(w, r, v, p, err)
	}
	t := a.pages.tongue(v)
	if m.OnPaper() {
		setFlash(w, t.T("Lettre enregistrée\u00a0: courrier départ %s. Imprimez-la, puis notez son envoi.", m.Number))
		return redirect(w, r, letterURL(m.ID))
	}
	setFlash(w, t.T("Réponse envoyée à %s\u00a0: courrier départ %s.", m.To, m.Number))
	back := "/agent/demandes/" + url.PathEscape(d.Request.Reference)
	if f.List != "" {
		back += "?" + url.Values{"liste": {f.List}}.Encode()
	}
	return redirect(w, r, back)
}

// refuseReply shows the form again with why nothing was sent. Under a new key, sending it
// again is meant.
func (a *Adapter) refuseReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer, p replyPage, err error) error {
	var refusal *ingest.RefusalError
	if !errors.As(err, &refusal) {
		return err
	}
	t := a.pages.tongue(v)
	p.Errors = map[string]string{"": t.T(refusal.Format, refusal.Args...)}
	p.Form.Key = rand.Text()
	return a.showReply(w, r, v, http.StatusConflict, p)
}

func (a *Adapter) previewReply(w http.ResponseWriter, r *http.Request, v ingest.Viewer, p replyPage) error {
	preview, err := a.opts.Replies.Preview(r.Context(), v, p.Request.Reference, p.Form.answer(v))
	if err != nil {
		return a.refuseReply(w, r, v, p, err)
	}
	p.Preview = &preview
	return a.showReply(w, r, v, http.StatusOK, p)
}

// serveReplyPDF is a letter as it would be printed.
func (a *Adapter) serveReplyPDF(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.filledReply(w, r, v)
	if err != nil {
		return err
	}
	d, f := p.ReplyDesk, p.Form
	f.Paper = true
	if p.Errors = f.check(a.pages.tongue(v), d); len(p.Errors) > 0 {
		return a.showReply(w, r, v, http.StatusUnprocessableEntity, p)
	}
	preview, err := a.opts.Replies.Preview(r.Context(), v, d.Request.Reference, f.answer(v))
	if err != nil {
		return a.refuseReply(w, r, v, p, err)
	}
	pdf := File{Type: ingest.MediaPDF, Size: int64(len(preview.PDF)), Body: io.NopCloser(bytes.NewReader(preview.PDF))}
	return download(w, r, pdf, "apercu-"+d.Request.Reference)
}
