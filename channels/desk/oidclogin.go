package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/mail"
	"strconv"
	"strings"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// startTries is how many logins by a provider an address may begin in a minute or so: each is
// a row of the database.
const startTries = 60

func (a *Adapter) serveProvider(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	ctx, l, wanted := r.Context(), a.login, localPath(r.FormValue("vers"))
	if v.Login != "" {
		return redirect(w, r, orHome(wanted))
	}
	if client, ok := l.trusted.Client(r); ok {
		if wait := l.throttle.take(throttleKey{"s" + client.String(), startTries}); wait > 0 {
			return a.tooMany(w, r, wait, "connexion", "Connexion", loginPage{Wanted: wanted})
		}
	}
	to, flow, err := l.provider.begin(ctx, wanted)
	if err != nil {
		return a.providerFailed(w, r, wanted, err)
	}
	if err := l.begin(ctx, stepLifetime); err != nil {
		return err
	}
	l.scs.Put(ctx, keyProvider, flow)
	return redirect(w, r, to)
}

// serveCallback takes the browser back from the provider.
func (a *Adapter) serveCallback(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	ctx, l := r.Context(), a.login
	// It is good once, however it ends.
	flow, _ := l.scs.Pop(ctx, keyProvider).(oidcFlow)
	id, err := l.provider.finish(ctx, flow, r.URL.Query())
	if err != nil {
		return a.providerFailed(w, r, flow.Wanted, err)
	}
	agent, why, err := a.admit(ctx, id)
	if err != nil {
		return err
	}
	if why != "" {
		l.failed(r, agent.Login)
		a.log.LogAttrs(ctx, slog.LevelInfo, "an account of the OpenID provider is refused", slog.String("why", why))
		t := a.tongueOf(r)
		text := t.T(why, l.provider.label)
		if id.Email != "" {
			text += " " + t.T("Le fournisseur vous connaît comme %s.", id.Email)
		}
		return a.showLogin(w, r, http.StatusForbidden, "connexion", "Connexion refusée", loginPage{Wanted: flow.Wanted, Error: text})
	}
	return a.enter(w, r, agent, flow.Wanted, func(ctx context.Context) { l.scs.Put(ctx, keyIDToken, id.IDToken) })
}

// providerFailed shows the login again: passwords work without the provider.
func (a *Adapter) providerFailed(w http.ResponseWriter, r *http.Request, wanted string, err error) error {
	t, label := a.tongueOf(r), a.login.provider.label
	status, text := http.StatusBadGateway, t.T("%s ne répond pas comme il faut. Réessayez dans un instant, ou connectez-vous avec votre mot de passe.", label)
	switch {
	case errors.Is(err, errState):
		status, text = http.StatusBadRequest, t.T("Cette connexion a été interrompue ou a duré trop longtemps. Recommencez.")
	case errors.Is(err, errRefused):
		status, text = http.StatusForbidden, t.T("%s n’a pas confirmé votre identité. Recommencez, ou connectez-vous avec votre mot de passe.", label)
	case !errors.Is(err, errProvider):
		return err
	}
	if r.Context().Err() == nil {
		a.log.LogAttrs(r.Context(), slog.LevelWarn, "login by the OpenID provider failed", slog.Any("err", err))
	}
	return a.showLogin(w, r, status, "connexion", "Connexion", loginPage{Wanted: wanted, Error: text})
}

// Why an account of a provider is not let in: keys of the catalogue, for the provider's name.
const (
	whySiret    = "Votre compte %s n’est pas celui d’un agent de la commune."
	whyUnknown  = "Votre compte %s n’est rattaché à aucun agent. Demandez à un administrateur du guichet de vous ajouter."
	whyVerified = "%s n’a pas vérifié votre adresse électronique : elle ne suffit pas pour vous reconnaître."
	whySeveral  = "Plusieurs agents ont l’adresse de votre compte %s. Demandez à un administrateur du guichet."
	whyOther    = "L’agent qui a votre adresse est déjà rattaché à un autre compte %s. Demandez à un administrateur du guichet."
	whyDisabled = "Votre compte du guichet est désactivé (%s vous a bien reconnu)."
)

// admit returns the agent for whom a provider vouches. why, when not "", is why there is none
// who may come in.
func (a *Adapter) admit(ctx context.Context, id identity) (agent ingest.Agent, why string, err error) {
	conf := a.login.provider.conf
	if conf.Siret != "" && id.Siret != conf.Siret || !inDomains(id.Email, conf.Domains) {
		return agent, whySiret, nil
	}
	agent, err = a.login.accounts.AgentBySubject(ctx, id.Subject)
	switch {
	case err == nil && agent.Disabled:
		return agent, whyDisabled, nil
	case err == nil:
		return agent, "", nil
	case !errors.Is(err, ingest.ErrNotFound):
		return agent, "", err
	case conf.Match != config.MatchEmail || id.Email == "":
		return agent, whyUnknown, nil
	case !id.Verified:
		return agent, whyVerified, nil
	}
	return a.admitByEmail(ctx, id)
}

// admitByEmail links an account to the agent who has its address, at its first login.
func (a *Adapter) admitByEmail(ctx context.Context, id identity) (agent ingest.Agent, why string, err error) {
	accounts := a.login.accounts
	list, err := accounts.AgentsByEmail(ctx, id.Email)
	switch {
	case err != nil:
		return agent, "", err
	case len(list) > 1:
		return agent, whySeveral, nil
	case len(list) == 0 && a.login.provider.conf.Create != "":
		agent, err = a.createReader(ctx, id)
		return agent, "", err
	case len(list) == 0:
		return agent, whyUnknown, nil
	case list[0].Disabled:
		return list[0], whyDisabled, nil
	case list[0].Subject != "":
		return list[0], whyOther, nil
	}
	login := list[0].Login
	if err := accounts.ChangeAgent(ctx, login, ingest.ActorAgent+login, func(x *ingest.Agent) error {
		if x.Subject != "" {
			return ingest.ErrRefused // linked to another account this very moment
		}
		x.Subject = id.Subject
		return nil
	}); err != nil {
		return agent, "", err
	}
	agent, err = accounts.Agent(ctx, login)
	return agent, "", err
}

// inDomains reports whether an address is of one of the domains; of none where the list is
// empty.
func inDomains(email string, domains []string) bool {
	if len(domains) == 0 {
		return true
	}
	_, domain, _ := strings.Cut(email, "@")
	for _, d := range domains {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}

// createReader adds an agent, who may read, for an account that has none.
func (a *Adapter) createReader(ctx context.Context, id identity) (ingest.Agent, error) {
	if _, err := mail.ParseAddress(id.Email); err != nil {
		return ingest.Agent{}, ingest.Refused("%q is no mail address", id.Email)
	}
	local, _, _ := strings.Cut(id.Email, "@")
	base := loginOf(local)
	for n := 1; ; n++ {
		login := base
		if n > 1 {
			login = base + strconv.Itoa(n)
		}
		_, err := a.login.accounts.Agent(ctx, login)
		if err == nil && n < 100 {
			continue // somebody else's
		}
		if err != nil && !errors.Is(err, ingest.ErrNotFound) {
			return ingest.Agent{}, err
		}
		err = a.login.accounts.AddAgent(ctx, ingest.Agent{
			Login: login, Name: id.Name, Email: id.Email, Role: ingest.RoleReader, Subject: id.Subject,
		}, "", ingest.ActorAgent+login)
		if err != nil {
			return ingest.Agent{}, err
		}
		return a.login.accounts.Agent(ctx, login)
	}
}

// loginOf makes a login of the part of an address before the @.
func loginOf(local string) string {
	login := strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return -1
	}, strings.ToLower(local)), "._-")
	if login == "" {
		login = "agent"
	}
	return login[:min(len(login), 60)]
}

// awayPage is what is shown while the browser goes to the provider to log out there too.
type awayPage struct{ URL, Provider string }

// showAway leads to the provider without a redirect: the pages' policy has forms lead to this
// host only, and a browser holds the redirect of a form's answer to that (CSP Level 3,
// form-action).
func (a *Adapter) showAway(w http.ResponseWriter, r *http.Request, away string) error {
	w.Header().Set("Refresh", "0; url="+away)
	return a.show(w, r, ingest.Viewer{Language: spoken(r)}, http.StatusOK, "connexion_fin",
		page{Title: "Vous êtes déconnecté du guichet", Body: awayPage{away, a.login.provider.label}, Bare: true})
}
