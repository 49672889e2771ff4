package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

// pending returns the login that waits for a step, with its agent as they are now; ok is
// false when there is none, or the agent has changed meanwhile.
func (l *login) pending(r *http.Request, step string) (p pendingLogin, agent ingest.Agent, ok bool, err error) {
	p, ok = l.scs.Get(r.Context(), keyPending).(pendingLogin)
	if !ok || p.Step != step {
		return p, agent, false, nil
	}
	agent, err = l.accounts.Agent(r.Context(), p.Login)
	if errors.Is(err, ingest.ErrNotFound) {
		return p, agent, false, nil
	}
	return p, agent, err == nil && !agent.Disabled && agent.Generation == p.Generation, err
}

func (a *Adapter) serveCode(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	_, _, ok, err := a.login.pending(r, stepCode)
	if err != nil || !ok {
		return errOrRedirect(w, r, err, loginPath)
	}
	return a.showLogin(w, r, http.StatusOK, "connexion_code", "Code de connexion", loginPage{})
}

func errOrRedirect(w http.ResponseWriter, r *http.Request, err error, to string) error {
	if err != nil {
		return err
	}
	return redirect(w, r, to)
}

func (a *Adapter) serveCodePost(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	ctx, l := r.Context(), a.login
	p, agent, ok, err := l.pending(r, stepCode)
	if err != nil || !ok {
		return errOrRedirect(w, r, err, loginPath)
	}
	keys := l.counted(r, p.Login)
	if wait := l.throttle.take(keys...); wait > 0 {
		return a.tooMany(w, r, wait, "connexion_code", "Code de connexion", loginPage{})
	}
	good, err := l.takeCode(ctx, p.Login, r.PostFormValue("code"))
	if err != nil {
		return err
	}
	if good {
		return a.proceed(w, r, agent, p, false)
	}
	l.failed(r, p.Login)
	if p.Tries++; p.Tries >= maxCodes {
		return errOrRedirect(w, r, l.scs.Destroy(ctx), loginPath)
	}
	l.scs.Put(ctx, keyPending, p)
	return a.showLogin(w, r, http.StatusUnprocessableEntity, "connexion_code", "Code de connexion", loginPage{
		Error: a.tongueOf(r).T("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant."),
	})
}

// takeCode says whether a one-time code is good, and uses it up.
func (l *login) takeCode(ctx context.Context, name, code string) (bool, error) {
	c, err := l.accounts.Credentials(ctx, name)
	if err != nil {
		return false, err
	}
	key, err := l.key(ctx, keyTOTP)
	if err != nil {
		return false, err
	}
	secret, err := credentials.Open(key, name, c.TOTP)
	if err != nil {
		return false, err
	}
	step, ok := credentials.CheckCode(secret, code, l.a.now(), c.Step)
	if !ok {
		return false, nil
	}
	return l.accounts.TakeStep(ctx, name, step)
}

func (a *Adapter) serveNewPassword(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	_, _, ok, err := a.login.pending(r, stepPassword)
	if err != nil || !ok {
		return errOrRedirect(w, r, err, loginPath)
	}
	return a.showLogin(w, r, http.StatusOK, "connexion_mot_de_passe", "Choisir un mot de passe", loginPage{})
}

func (a *Adapter) serveNewPasswordPost(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	ctx, l := r.Context(), a.login
	p, agent, ok, err := l.pending(r, stepPassword)
	if err != nil || !ok {
		return errOrRedirect(w, r, err, loginPath)
	}
	wrong, err := a.changePassword(ctx, a.tongueOf(r), agent, r.PostFormValue("nouveau"), r.PostFormValue("encore"))
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return a.showLogin(w, r, http.StatusUnprocessableEntity, "connexion_mot_de_passe", "Choisir un mot de passe", loginPage{Fields: wrong})
	}
	if agent, err = l.accounts.Agent(ctx, agent.Login); err != nil {
		return err
	}
	return a.enter(w, r, agent, p.Wanted, nil)
}

// changePassword sets a password that an agent has typed twice. wrong are the errors by
// field; then nothing was changed.
func (a *Adapter) changePassword(ctx context.Context, t tongue, agent ingest.Agent, password, again string) (wrong map[string]string, err error) {
	if err := credentials.Rule(password, agent.Login, agent.Name, agent.Email, a.opts.Town.Name); err != nil {
		return map[string]string{"nouveau": t.T(ruleText(err))}, nil
	}
	if password != again {
		return map[string]string{"encore": t.T("Les deux mots de passe ne sont pas les mêmes.")}, nil
	}
	c, err := a.login.accounts.Credentials(ctx, agent.Login)
	if err != nil {
		return nil, err
	}
	same, _, err := compare(ctx, credentials.Known, c.Password, password)
	switch {
	case err != nil:
		return nil, err
	case same:
		return map[string]string{"nouveau": t.T("C’est votre mot de passe actuel : choisissez-en un autre.")}, nil
	}
	hash, err := hashed(ctx, credentials.Known, password)
	if err != nil {
		return nil, err
	}
	if err := a.login.accounts.SetPassword(ctx, agent.Login, hash, time.Time{}, ingest.ActorAgent+agent.Login); err != nil {
		return nil, err
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "an agent has changed their password", slog.String("login", agent.Login))
	return nil, nil
}

// ruleText says in the catalogue's French why a password is not taken.
func ruleText(err error) string {
	switch {
	case errors.Is(err, credentials.ErrShort):
		return "Douze caractères au moins."
	case errors.Is(err, credentials.ErrLong):
		return "256 caractères au plus."
	case errors.Is(err, credentials.ErrNamed):
		return "Ne prenez ni votre nom, ni votre identifiant, ni celui de la commune."
	}
	return "Ce mot de passe est de ceux que l’on essaie en premier."
}
