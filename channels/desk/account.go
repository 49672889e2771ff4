package desk

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

const (
	accountPath      = "/agent/compte"
	accountPassword  = accountPath + "/mot-de-passe"
	accountCode      = accountPath + "/code"
	accountCodeImage = accountCode + "/image"
	accountCodeOff   = accountCode + "/retirer"
	accountSessions  = accountPath + "/sessions"
)

// accountRoutes are the pages of one's own account.
func (a *Adapter) accountRoutes(o *router) {
	if a.login.accounts == nil {
		return
	}
	o.handle("GET "+accountPath, ingest.RoleReader, a.serveAccount)
	o.handle("POST "+accountPath, ingest.RoleReader, a.serveAccountPost)
	o.handle("POST "+accountPassword, ingest.RoleReader, a.serveAccountPassword)
	o.handle("GET "+accountCode, ingest.RoleReader, a.serveAccountCode)
	o.handle("GET "+accountCodeImage, ingest.RoleReader, a.serveAccountCodeImage)
	o.handle("POST "+accountCode, ingest.RoleReader, a.serveAccountCodePost)
	o.handle("POST "+accountCodeOff, ingest.RoleReader, a.serveAccountCodeOff)
	o.handle("POST "+accountSessions, ingest.RoleReader, a.serveAccountSessions)
}

// accountPage is what the page of one's own account shows.
type accountPage struct {
	Agent ingest.Agent
	// Languages are the choices, each in its own words.
	Languages []choiceOf
	// Fields are errors, by field.
	Fields map[string]string
	// Provider is the name of the OpenID provider, where there is one.
	Provider string
}

// choiceOf is an entry of a list to choose from.
type choiceOf struct{ Value, Label string }

func (a *Adapter) showAccount(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, agent ingest.Agent, wrong map[string]string) error {
	body := accountPage{Agent: agent, Fields: wrong, Languages: []choiceOf{{french, "Français"}, {english, "English"}}}
	if a.login.provider != nil {
		body.Provider = a.login.provider.label
	}
	return a.show(w, r, v, status, "compte", page{Title: "Mon compte", Section: "compte", Body: body})
}

// self is the agent who asks, as they are in the store.
func (a *Adapter) self(ctx context.Context, v ingest.Viewer) (ingest.Agent, error) {
	return a.login.accounts.Agent(ctx, v.Login)
}

func (a *Adapter) serveAccount(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	agent, err := a.self(r.Context(), v)
	if err != nil {
		return err
	}
	return a.showAccount(w, r, v, http.StatusOK, agent, nil)
}

func (a *Adapter) serveAccountPost(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	name, lang := oneSpaced(r.PostFormValue("nom")), r.PostFormValue("langue")
	agent, err := a.self(r.Context(), v)
	if err != nil {
		return err
	}
	if problem := nameProblem(name); problem != "" {
		agent.Name = name
		return a.showAccount(w, r, v, http.StatusUnprocessableEntity, agent, map[string]string{"nom": a.pages.tongue(v).T(problem)})
	}
	if lang != english {
		lang = french
	}
	if err := a.login.accounts.ChangeAgent(r.Context(), v.Login, v.Actor(), func(x *ingest.Agent) error {
		x.Name, x.Language = name, lang
		return nil
	}); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(ingest.Viewer{Language: lang}).T("Votre compte est enregistré."))
	return redirect(w, r, accountPath)
}

func oneSpaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// maxAgentText bounds names and the like, in bytes.
const maxAgentText = 200

func nameProblem(name string) string {
	switch {
	case name == "":
		return "Donnez un nom."
	case len(name) > maxAgentText:
		return "Ce nom est trop long."
	}
	return ""
}

// confirmed says whether the agent who asks has typed their own password, with the throttle
// of a login: a browser that was left open must not be a place to guess. wait, when not 0, is
// how long to wait before the next try.
func (a *Adapter) confirmed(r *http.Request, v ingest.Viewer, password string) (ok bool, wait time.Duration, err error) {
	keys := a.login.counted(r, v.Login)
	if wait = a.login.throttle.take(keys...); wait > 0 {
		return false, wait, nil
	}
	_, ok, err = a.login.check(r.Context(), credentials.Known, v.Login, password)
	if ok || err != nil {
		a.login.throttle.forgive(keys...)
	}
	return ok, 0, err
}

// notConfirmed says why the password was not taken.
func notConfirmed(t tongue, wait time.Duration) (text string, status int) {
	if wait > 0 {
		return t.T("Trop d’essais. Réessayez dans %s s.", seconds(wait)), http.StatusTooManyRequests
	}
	return t.T("Ce n’est pas votre mot de passe."), http.StatusUnprocessableEntity
}

func (a *Adapter) serveAccountPassword(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	ctx, t := r.Context(), a.pages.tongue(v)
	agent, err := a.self(ctx, v)
	if err != nil {
		return err
	}
	ok, wait, err := a.confirmed(r, v, r.PostFormValue("actuel"))
	if err != nil {
		return err
	}
	if !ok {
		text, status := notConfirmed(t, wait)
		return a.showAccount(w, r, v, status, agent, map[string]string{"actuel": text})
	}
	wrong, err := a.changePassword(ctx, t, agent, r.PostFormValue("nouveau"), r.PostFormValue("encore"))
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return a.showAccount(w, r, v, http.StatusUnprocessableEntity, agent, wrong)
	}
	if err := a.stay(ctx, v); err != nil {
		return err
	}
	setFlash(w, t.T("Votre mot de passe est changé. Vos autres sessions sont fermées."))
	return redirect(w, r, accountPath)
}

// stay keeps this session of an agent whose others have just ended.
func (a *Adapter) stay(ctx context.Context, v ingest.Viewer) error {
	agent, err := a.self(ctx, v)
	if err != nil {
		return err
	}
	token := a.login.scs.GetString(ctx, keyIDToken)
	if err := a.login.establish(ctx, agent); err != nil {
		return err
	}
	if token != "" {
		a.login.scs.Put(ctx, keyIDToken, token)
	}
	return nil
}

func (a *Adapter) serveAccountSessions(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	if _, err := a.login.accounts.EndSessions(r.Context(), v.Login); err != nil {
		return err
	}
	if err := a.stay(r.Context(), v); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("Vos autres sessions sont fermées."))
	return redirect(w, r, accountPath)
}

// codePage is what the page shows on which one-time codes are set up.
type codePage struct {
	// Secret is in groups of four, as people type it.
	Secret string
	Image  string
	Error  string
}

// newSecret returns the secret that waits in the session for its first code, and makes one
// where there is none.
func (a *Adapter) newSecret(ctx context.Context) string {
	secret := a.login.scs.GetString(ctx, keySecret)
	if secret == "" {
		secret = credentials.NewSecret()
		a.login.scs.Put(ctx, keySecret, secret)
	}
	return secret
}

func (a *Adapter) showCode(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, problem string) error {
	secret := a.newSecret(r.Context())
	var groups []string
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	body := codePage{Secret: strings.Join(append(groups, secret), " "), Image: accountCodeImage, Error: problem}
	return a.show(w, r, v, status, "compte_code", page{Title: "Code de connexion", Section: "compte", Body: body})
}

func (a *Adapter) serveAccountCode(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	agent, err := a.self(r.Context(), v)
	if err != nil || agent.HasTOTP || !agent.HasPassword {
		return errOrRedirect(w, r, err, accountPath)
	}
	return a.showCode(w, r, v, http.StatusOK, "")
}

// codePixels is the size of the QR code's image.
const codePixels = 240

// serveAccountCodeImage is an image of its own, since the pages' policy forbids images in
// their text. It is for who sets up, once.
func (a *Adapter) serveAccountCodeImage(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	secret := a.login.scs.GetString(r.Context(), keySecret)
	if secret == "" {
		return ingest.ErrNotFound
	}
	code, err := qr.Encode(credentials.SecretURL(a.opts.Town.Name, v.Login, secret), qr.M, qr.Auto)
	if err != nil {
		return err
	}
	if code, err = barcode.Scale(code, codePixels, codePixels); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, code); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(b.Bytes()) // a reader that has gone needs nothing
	return nil
}

func (a *Adapter) serveAccountCodePost(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	ctx, l, t := r.Context(), a.login, a.pages.tongue(v)
	secret := l.scs.GetString(ctx, keySecret)
	agent, err := a.self(ctx, v)
	if err != nil || secret == "" || agent.HasTOTP || !agent.HasPassword {
		return errOrRedirect(w, r, err, accountCode)
	}
	step, ok := credentials.CheckCode(secret, r.PostFormValue("code"), a.now(), 0)
	if !ok {
		return a.showCode(w, r, v, http.StatusUnprocessableEntity, t.T("Ce code n’est pas le bon. Vérifiez l’heure de votre téléphone."))
	}
	key, err := l.key(ctx, keyTOTP)
	if err != nil {
		return err
	}
	sealed, err := credentials.Seal(key, v.Login, secret)
	if err != nil {
		return err
	}
	if err := l.accounts.SetTOTP(ctx, v.Login, sealed, step, v.Actor()); err != nil {
		return err
	}
	l.scs.Remove(ctx, keySecret)
	setFlash(w, t.T("Le code est activé : il sera demandé à chaque connexion."))
	return redirect(w, r, accountPath)
}

func (a *Adapter) serveAccountCodeOff(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	ctx, t := r.Context(), a.pages.tongue(v)
	ok, wait, err := a.confirmed(r, v, r.PostFormValue("password"))
	if err != nil {
		return err
	}
	if !ok {
		agent, err := a.self(ctx, v)
		if err != nil {
			return err
		}
		text, status := notConfirmed(t, wait)
		return a.showAccount(w, r, v, status, agent, map[string]string{"password": text})
	}
	if err := a.login.accounts.SetTOTP(ctx, v.Login, "", 0, v.Actor()); err != nil {
		return err
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "an agent has taken their one-time codes away", slog.String("login", v.Login))
	setFlash(w, t.T("Le code n’est plus demandé."))
	return redirect(w, r, accountPath)
}

// refusalText is a refusal in the viewer's words; ok is false when err is none.
func refusalText(t tongue, err error) (text string, ok bool) {
	var refusal *ingest.RefusalError
	if !errors.As(err, &refusal) {
		return "", false
	}
	return t.T(refusal.Format, refusal.Args...), true
}
