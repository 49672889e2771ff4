package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// serveNotePost enters a new request, or, for a browser without scripts, looks for who and
// what is known.
func (a *Adapter) serveNotePost(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := readNote(w, r)
	if err != nil {
		return err
	}
	p := notePage{Form: f}
	// What is gone, or hidden by now, must not take along what was typed.
	if f.FollowUp != "" {
		known, err := a.opts.Counter.Acquaintance(r.Context(), v, f.FollowUp)
		switch {
		case errors.Is(err, ingest.ErrNotFound):
			p.Form.FollowUp = ""
			p.Errors = map[string]string{"suite": a.pages.tongue(v).T("La demande %s n’est plus là. Votre saisie ouvrira une demande nouvelle.", f.FollowUp)}
			return a.showNote(w, r, v, http.StatusUnprocessableEntity, p)
		case err != nil:
			return err
		}
		p.Added = &known
	}
	if ref := r.PostForm.Get("reprendre"); ref != "" {
		known, err := a.opts.Counter.Acquaintance(r.Context(), v, ref)
		if err != nil && !errors.Is(err, ingest.ErrNotFound) {
			return err
		}
		p.Form.Sender = merged(f.Sender, known.Sender)
		return a.showNote(w, r, v, http.StatusOK, p)
	}
	if r.PostForm.Get("chercher") != "" {
		if p.Known, err = a.known(r.Context(), v, f); err != nil {
			return err
		}
		if p.Similar, err = a.similar(r.Context(), v, f); err != nil {
			return err
		}
		return a.showNote(w, r, v, http.StatusOK, p)
	}
	if p.Errors = a.check(a.pages.tongue(v), f); len(p.Errors) > 0 {
		return a.showNote(w, r, v, http.StatusUnprocessableEntity, p)
	}
	sub, err := a.noteSubmission(v, p)
	if err != nil {
		return err
	}
	receipt, err := a.submit(r.Context(), sub)
	if errors.Is(err, ingest.ErrUnavailable) {
		// The citizen is standing there: what was typed must not be lost.
		p.Failed = a.pages.tongue(v).T("Rien n’a été enregistré\u00a0: la base de données ne répond pas. Votre saisie est conservée ci-dessous\u00a0; réessayez dans un instant.")
		w.Header().Set("Retry-After", "10")
		return a.showNote(w, r, v, http.StatusServiceUnavailable, p)
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: wayCookie, Value: string(f.Channel), Path: "/", MaxAge: 365 * 24 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return redirect(w, r, "/agent/nouvelle/"+receipt.ID)
}

// noteSubmission makes the submission of a form. Its key names form and words: a second click
// is the same submission, and what somebody goes back to and changes is another one, so that
// nothing typed is ever dropped.
func (a *Adapter) noteSubmission(v ingest.Viewer, p notePage) (ingest.Submission, error) {
	content, err := json.Marshal(p.Form.note(v.Login))
	if err != nil {
		return ingest.Submission{}, fmt.Errorf("desk: note: %w", err)
	}
	sum := sha256.Sum256(content)
	sub := ingest.Submission{
		Channel: p.Form.Channel, Account: Account, SourceKey: p.Form.Key + "-" + hex.EncodeToString(sum[:8]), ReceivedAt: a.now(),
		Original: ingest.NewBlob(content), MediaType: ingest.MediaNote,
	}
	if p.Added != nil {
		sub.Hints.Answers = p.Added.Opening
	}
	return sub, nil
}

// merged fills the fields that are empty: what was just said goes before what is known. The
// name was typed to be completed.
func merged(said, known ingest.Person) ingest.Person {
	return ingest.Person{
		Name: cmp.Or(known.Name, said.Name), Phone: cmp.Or(said.Phone, known.Phone),
		Email: cmp.Or(said.Email, known.Email), Address: cmp.Or(said.Address, known.Address),
	}
}

// Under these lengths there is too little to look for.
const (
	leastPhone = 9 // digits
	leastName  = 3
	leastText  = 12
)

func (a *Adapter) serveKnown(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := readNote(w, r)
	if err != nil {
		return err
	}
	known, err := a.known(r.Context(), v, f)
	if err != nil {
		return err
	}
	return a.fragment(w, v, "nouvelle", "connus_lus", known)
}

func (a *Adapter) known(ctx context.Context, v ingest.Viewer, f noteForm) (knownView, error) {
	phone, name := f.Sender.Phone, f.Sender.Name
	if phoneDigits(phone) < leastPhone {
		phone = ""
	}
	if utf8.RuneCountInString(name) < leastName {
		name = ""
	}
	out := knownView{Asked: phone != "" || name != ""}
	if !out.Asked {
		return out, nil
	}
	found, err := a.opts.Counter.Known(ctx, v, phone, name)
	for _, k := range found {
		out.Items = append(out.Items, knownItem{k, fill(k.Sender)})
	}
	return out, err
}

func phoneDigits(s string) (n int) {
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

func (a *Adapter) serveSimilar(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := readNote(w, r)
	if err != nil {
		return err
	}
	similar, err := a.similar(r.Context(), v, f)
	if err != nil {
		return err
	}
	return a.fragment(w, v, "nouvelle", "proches_lus", similar)
}

func (a *Adapter) similar(ctx context.Context, v ingest.Viewer, f noteForm) (similarView, error) {
	out := similarView{Asked: utf8.RuneCountInString(strings.TrimSpace(f.Text)) >= leastText && utf8.RuneCountInString(f.Text) <= noteTextMax}
	if !out.Asked {
		return out, nil
	}
	var err error
	out.Items, err = a.opts.Counter.Similar(ctx, v, f.note(v.Login))
	return out, err
}
