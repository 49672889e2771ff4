package webform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

const (
	// maxStreamed bounds the posts above formpost.SmallPost that are read at the same
	// time, and with it their memory.
	maxStreamed = 64
	// unavailableRetry is proposed when nothing can be taken in.
	unavailableRetry = 30 * time.Second
)

// servePost takes a post of f in.
func (a *Adapter) servePost(w http.ResponseWriter, r *http.Request, f postForm) {
	arrived := a.now()
	var client netip.Prefix
	counted := false
	if a.limiter != nil {
		if client, counted = a.trusted.Client(r); counted {
			if wait := a.limiter.Take(client, arrived); wait > 0 {
				a.refuseRate(w, r, f, arrived, wait)
				return
			}
		}
	}
	p, err := a.receive(w, r, arrived, true)
	if err == nil {
		err = p.SpoolErr
		defer a.closePost(r.Context(), p)
	}
	if err != nil && p == nil {
		a.refuseUnreadable(w, r, f, err)
		return
	}
	if err == nil {
		err = a.take(w, r, f, p, arrived)
	}
	if err != nil {
		if counted {
			a.limiter.GiveBack(client)
		}
		a.opts.Health.Bad(err)
		a.log.ErrorContext(r.Context(), "form post not recorded", "error", err)
		a.refuseUnavailable(w, r, f, p, arrived)
	}
}

func (a *Adapter) closePost(ctx context.Context, p *post) {
	if err := p.Close(); err != nil {
		a.log.WarnContext(ctx, "spool file of a form post stays", "error", err)
	}
}

// post is a decoded form post.
type post struct {
	fields
	*formpost.Post
	token   string
	trap    string
	confirm bool
}

// Set implements formpost.Form.
func (p *post) Set(to *formpost.Post, name string, raw []byte) {
	switch name {
	case fieldToken:
		p.token, _ = formpost.Clean(raw)
	case fieldTrap:
		p.trap, _ = formpost.Clean(raw)
	case fieldConfirm:
		p.confirm = len(raw) > 0
	default:
		if field := p.byName(name); field != nil {
			to.Take(field, raw)
		}
	}
}

// Enough implements formpost.Form: what the citizen wrote is worth taking.
func (p *post) Enough() bool { return p.Message != "" }

// receive reads the post.
func (a *Adapter) receive(w http.ResponseWriter, r *http.Request, arrived time.Time, wanted bool) (*post, error) {
	s := formpost.Source{Arrived: arrived.In(a.location), Limits: a.opts.Limits}
	if wanted {
		s.Spool = &a.opts.Spool
	}
	p := &post{}
	var err error
	if p.Post, err = a.posts.Receive(w, r, s, p); err != nil {
		return nil, err
	}
	return p, nil
}

// take judges a post that could be read, and records it. The error is that of the
// recording; everything else is answered here.
func (a *Adapter) take(w http.ResponseWriter, r *http.Request, f postForm, p *post, arrived time.Time) error {
	if p.Over != formpost.LimitNone {
		a.refuseLimit(w, r, f, p, arrived)
		return nil
	}
	answers, err := a.answers(r.Context(), f)
	switch {
	case errors.Is(err, ErrRevoked), errors.Is(err, ingest.ErrNotFound):
		a.refuseFollow(w, r, err, noMatter)
		return nil
	case err != nil:
		return fmt.Errorf("webform: what a post answers: %w", err)
	}
	token := f.tokens.check(p.token, arrived)
	switch token.state {
	case tokenForged:
		p.Problem("form_token_forged", "Le jeton du formulaire n’est pas de ce site.")
	case tokenOld:
		p.Problem("form_token_old", "Le formulaire a été affiché plus de 24\u00a0heures avant son envoi.")
	case tokenMissing, tokenValid:
	}
	if errs := f.validate(p); len(errs) > 0 {
		a.askAgain(w, r, f, p, arrived, errs)
		return nil
	}
	if p.trap == "" && !p.confirm && token.tooFast(a.opts.Form.MinFillTime) {
		a.askConfirmation(w, r, f, p)
		return nil
	}

	s := ingest.Submission{
		Channel:    ingest.ChannelWebform,
		Account:    Account,
		SourceKey:  sourceKey(p, token, answers, arrived),
		ReceivedAt: arrived,
		Original:   p.Original,
		MediaType:  ingest.MediaForm,
	}
	s.Hints.Answers = answers
	if p.Category != "" && answers == "" {
		if a.choice.Load().known[p.Category] {
			s.Hints.Category = p.Category
		} else {
			p.Problem("form_category", "La catégorie choisie n’est pas dans la liste de la commune.")
		}
	}
	s.Hints.Problems = p.Problems
	if p.trap != "" {
		s.Settled, s.Reason = ingest.StateSetAside, "spam: champ invisible du formulaire rempli"
	}

	crashpoint.Hit("form.parsed")
	receipt, err := a.submit(r.Context(), s)
	if err != nil {
		return err
	}
	crashpoint.Hit("form.submitted")
	a.opts.Health.Good(arrived)
	if a.log.Enabled(r.Context(), slog.LevelDebug) {
		a.log.DebugContext(r.Context(), "form post recorded", "id", receipt.ID, "replayed", receipt.Replayed,
			"size", p.Original.Size(), "files", len(p.Files), "problems", len(p.Problems))
	}
	a.acknowledge(w, r, f, receipt)
	return nil
}

// sourceKey tells one sending from another. A form that is sent twice (a double
// click, a reload, a lost answer) has the same nonce and the same content. Scripts
// post without a nonce: there the same content within one clock hour counts as one.
// What answers a submission never counts as one with what opens a matter, nor with
// what answers another submission: no nonce and no other key begins with "suite:".
func sourceKey(p *post, token formToken, answers string, arrived time.Time) string {
	key := "direct:" + p.hash(p.Files) + ":" + arrived.UTC().Format("2006010215")
	if token.nonce != "" {
		key = token.nonce + ":" + p.hash(p.Files)
	}
	if answers != "" {
		key = "suite:" + answers + ":" + key
	}
	return key
}

// refuseUnreadable answers a post of which nothing can be given back.
func (a *Adapter) refuseUnreadable(w http.ResponseWriter, r *http.Request, f postForm, err error) {
	w.Header().Set("Connection", "close")
	p := page{Title: "Votre envoi n’a pas pu être lu", NoIndex: f.follow != ""}
	status := http.StatusBadRequest
	text := "Ce que votre navigateur a envoyé n’est pas un formulaire lisible. Rien n’a été enregistré."
	switch {
	case errors.Is(err, formpost.ErrBusy):
		p.Title, status = "Service momentanément indisponible", http.StatusServiceUnavailable
		text = "Trop d’envois volumineux arrivent en même temps. Rien n’a été enregistré. Revenez à la page précédente et recommencez dans une minute."
		setRetryAfter(w, time.Minute)
		a.log.WarnContext(r.Context(), "form post refused", "error", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		status = http.StatusRequestTimeout
		text = "L’envoi a été trop lent et s’est interrompu. Rien n’a été enregistré. Revenez à la page précédente et recommencez, au besoin avec des fichiers plus légers."
	case errors.Is(err, formpost.ErrConnection):
		// Nobody reads this answer: the connection broke off in mid-body.
		text = "L’envoi s’est interrompu. Rien n’a été enregistré."
	case errors.Is(err, formpost.ErrUnsupported):
		status = http.StatusUnsupportedMediaType
		text = "Cette adresse n’accepte que l’envoi du formulaire. Rien n’a été enregistré."
	}
	if status != http.StatusServiceUnavailable {
		a.log.InfoContext(r.Context(), "form post unreadable", "status", status, "error", err)
	}
	p.Body = plainPage{Paragraphs: []string{text}, Back: f.back}
	a.write(w, r, status, "message", p)
}

// refuseUnavailable says that nothing was recorded, with the text to send again.
func (a *Adapter) refuseUnavailable(w http.ResponseWriter, r *http.Request, f postForm, p *post, arrived time.Time) {
	setRetryAfter(w, unavailableRetry)
	v := a.formView(f, p, arrived)
	v.Notice = &notice{
		Title: "Votre envoi n’a pas été enregistré",
		Paragraphs: []string{
			"Le service est momentanément indisponible\u00a0: rien n’a été enregistré.",
			"Votre texte est conservé dans cette page. Attendez quelques minutes, puis envoyez-le de nouveau.",
		},
	}
	a.show(w, r, http.StatusServiceUnavailable, f, "Envoi non enregistré", v)
}

// refuseRate answers a client that sends too much. The text typed is given back when
// the post is small; a large one is not worth a place among the large posts, which
// this client would keep from others.
func (a *Adapter) refuseRate(w http.ResponseWriter, r *http.Request, f postForm, arrived time.Time, wait time.Duration) {
	setRetryAfter(w, wait)
	var p *post
	kept := "Revenez à la page précédente pour retrouver votre texte."
	if r.ContentLength >= 0 && r.ContentLength <= formpost.SmallPost {
		if got, err := a.receive(w, r, arrived, false); err == nil {
			p, kept = got, "Votre texte est conservé dans cette page."
		}
	} else {
		w.Header().Set("Connection", "close") // the body may not be read to its end
		formpost.Drain(w, r)
	}
	v := a.formView(f, p, arrived)
	v.Notice = &notice{
		Title: "Vous avez fait beaucoup d’envois",
		Paragraphs: []string{
			"Pour que le service reste ouvert à tous, chaque connexion a droit à " + frNumber(int64(a.opts.Form.RateLimit)) +
				" envois par heure. Celui-ci n’a pas été enregistré.",
			kept + " Vous pourrez recommencer dans " + frDuration(wait) +
				". Si c’est urgent, téléphonez à la mairie ou passez à l’accueil.",
		},
	}
	a.show(w, r, http.StatusTooManyRequests, f, "Trop d’envois", v)
}

// refuseLimit names the limit and gives the text back.
func (a *Adapter) refuseLimit(w http.ResponseWriter, r *http.Request, f postForm, p *post, arrived time.Time) {
	w.Header().Set("Connection", "close") // the body may not have been read to its end
	l := a.opts.Limits
	var what string
	switch p.Over {
	case formpost.LimitFile:
		what = "Le fichier «\u00a0" + p.OverFile + "\u00a0» est trop volumineux\u00a0: un fichier peut peser " + frSize(l.MaxFile) + " au plus."
	case formpost.LimitFiles:
		what = "Vous avez joint trop de fichiers\u00a0: " + frNumber(int64(l.MaxFiles)) + " au plus par envoi."
	case formpost.LimitText:
		what = "Votre texte est trop long\u00a0: " + frNumber(formpost.MaxMessage) + " caractères au plus. Joignez-le plutôt comme fichier."
	case formpost.LimitParts:
		what = "L’envoi compte trop de champs\u00a0: " + frNumber(formpost.MaxParts) + " au plus."
	default:
		what = "L’envoi est trop volumineux\u00a0: texte et fichiers peuvent peser ensemble " + frSize(l.MaxPost) + " au plus."
	}
	v := a.formView(f, p, arrived)
	v.Notice = &notice{
		Title: "Votre envoi dépasse une limite",
		Paragraphs: []string{
			what,
			"Rien n’a été enregistré. Votre texte est conservé dans cette page\u00a0: corrigez, puis envoyez de nouveau. Vous pouvez aussi envoyer les fichiers en plusieurs envois, ou les apporter à la mairie.",
		},
	}
	a.log.InfoContext(r.Context(), "form post over a limit", "kind", int(p.Over))
	a.show(w, r, http.StatusRequestEntityTooLarge, f, "Envoi trop volumineux", v)
}

// askAgain shows the form with what should be mended.
func (a *Adapter) askAgain(w http.ResponseWriter, r *http.Request, f postForm, p *post, arrived time.Time, errs []fieldError) {
	v := a.formView(f, p, arrived)
	v.Errors = errs
	a.show(w, r, http.StatusUnprocessableEntity, f, "Erreur\u00a0: envoi à compléter", v)
}

// askConfirmation shows a post that came back faster than a person writes, to be sent
// with one button. Files cannot be given back to a browser, so with files it is the
// whole form that is shown.
func (a *Adapter) askConfirmation(w http.ResponseWriter, r *http.Request, f postForm, p *post) {
	v := a.formView(f, p, time.Time{}) // the token of the post is kept
	v.Confirm = true
	if len(p.Files) == 0 {
		a.write(w, r, http.StatusUnprocessableEntity, "confirmer", page{Title: "Confirmez votre envoi", NoIndex: f.follow != "", Body: v})
		return
	}
	v.Notice = &notice{
		Title:      "Confirmez votre envoi",
		Paragraphs: []string{"Le formulaire est revenu si vite qu’il pourrait venir d’un robot. Rien n’est encore enregistré\u00a0: vérifiez votre message, joignez de nouveau vos fichiers, puis envoyez le tout."},
	}
	a.show(w, r, http.StatusUnprocessableEntity, f, "Confirmez votre envoi", v)
}

func setRetryAfter(w http.ResponseWriter, d time.Duration) {
	seconds := int64((d + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.FormatInt(max(seconds, 1), 10))
}
