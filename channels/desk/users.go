package desk

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

const (
	agentsPath = "/agent/administration/agents"
	accessPath = "/agent/administration/acces"
)

// userRoutes are the pages of the agents, for administrators.
func (a *Adapter) userRoutes(o *router) {
	if a.login.accounts == nil {
		return
	}
	need := ingest.RoleAdministrator
	o.handle("GET "+agentsPath, need, a.serveAgents)
	o.handle("GET "+agentsPath+"/nouveau", need, a.serveAgentNew)
	o.handle("POST "+agentsPath+"/nouveau", need, a.serveAgentNewPost)
	o.handle("GET "+agentsPath+"/compte/{login}", need, a.serveAgent)
	o.handle("POST "+agentsPath+"/compte/{login}", need, a.serveAgentPost)
	o.handle("POST "+agentsPath+"/compte/{login}/mot-de-passe", need, a.serveAgentPassword)
	o.handle("POST "+agentsPath+"/compte/{login}/code", need, a.serveAgentCode)
	o.handle("POST "+agentsPath+"/compte/{login}/etat", need, a.serveAgentState)
	o.handle("GET "+accessPath, need, a.serveAccess)
}

func agentPath(login string) string { return agentsPath + "/compte/" + login }

func (a *Adapter) serveAgents(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	all, err := a.login.accounts.Agents(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(x, y ingest.Agent) int {
		switch {
		case x.Disabled == y.Disabled:
			return 0
		case x.Disabled:
			return 1
		}
		return -1
	})
	return a.show(w, r, v, http.StatusOK, "agents", page{Title: "Agents", Section: "administration", Body: all, Wide: true})
}

// agentPage is what the page of an agent shows.
type agentPage struct {
	Agent ingest.Agent
	New   bool
	// Self is set for the viewer's own.
	Self     bool
	Roles    []choiceOf
	Services []serviceChoice
	Fields   map[string]string // errors, by field
	Error    string
	// OneTime is a password just given, to be told to the agent; it is shown once.
	OneTime  string
	Until    time.Time
	Provider string
}

// serviceChoice is a service to which an agent may belong.
type serviceChoice struct {
	Name            string
	Sealed, Checked bool
}

// services are those of the categories, and those of an agent that no category names any more.
func (a *Adapter) services(agent ingest.Agent) []serviceChoice {
	var out []serviceChoice
	index := func(name string) int {
		return slices.IndexFunc(out, func(s serviceChoice) bool { return s.Name == name })
	}
	if a.opts.Facts != nil {
		for _, c := range a.opts.Facts.Categories() {
			if c.Service != "" && index(c.Service) < 0 {
				out = append(out, serviceChoice{Name: c.Service, Sealed: c.Sealed})
			}
		}
	}
	for _, name := range agent.Services {
		if i := index(name); i >= 0 {
			out[i].Checked = true
		} else {
			out = append(out, serviceChoice{Name: name, Checked: true})
		}
	}
	return out
}

func (a *Adapter) showAgent(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p agentPage) error {
	t := a.pages.tongue(v)
	for _, role := range ingest.Roles() {
		p.Roles = append(p.Roles, choiceOf{string(role), t.Role(role)})
	}
	p.Services, p.Self = a.services(p.Agent), !p.New && p.Agent.Login == v.Login
	if a.login.provider != nil {
		p.Provider = a.login.provider.label
	}
	title := cmp.Or(p.Agent.Name, p.Agent.Login)
	if p.New {
		title = t.T("Nouvel agent")
	}
	return a.show(w, r, v, status, "agent", page{Title: title, Section: "administration", Body: p})
}

// typedAgent reads the form of an agent. wrong are the errors by field.
func (a *Adapter) typedAgent(r *http.Request, t tongue) (agent ingest.Agent, wrong map[string]string) {
	wrong = map[string]string{}
	agent = ingest.Agent{
		Name: oneSpaced(r.PostFormValue("nom")), Title: oneSpaced(r.PostFormValue("fonction")), Email: strings.TrimSpace(r.PostFormValue("courriel")),
		Role: ingest.Role(r.PostFormValue("role")), Services: slices.Clone(r.PostForm["services"]),
	}
	if problem := nameProblem(agent.Name); problem != "" {
		wrong["nom"] = t.T(problem)
	}
	if len(agent.Title) > maxAgentText {
		wrong["fonction"] = t.T("Ce texte est trop long.")
	}
	if e := agent.Email; e != "" && (strings.Count(e, "@") != 1 || strings.ContainsAny(e, " <>,;") || len(e) > maxAgentText) {
		wrong["courriel"] = t.T("Ce n’est pas une adresse électronique.")
	}
	if !slices.Contains(ingest.Roles(), agent.Role) {
		wrong["role"] = t.T("Choisissez un rôle.")
	}
	known := a.services(ingest.Agent{})
	agent.Services = slices.DeleteFunc(agent.Services, func(s string) bool {
		return len(s) > maxAgentText || !slices.ContainsFunc(known, func(k serviceChoice) bool { return k.Name == s }) && !slices.Contains(r.PostForm["anciens"], s)
	})
	return agent, wrong
}

func (a *Adapter) serveAgentNew(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	return a.showAgent(w, r, v, http.StatusOK, agentPage{New: true, Agent: ingest.Agent{Role: ingest.RoleAgent}})
}

// oneTimeFor is how long a one-time password is good.
const oneTimeFor = 7 * 24 * time.Hour

func (a *Adapter) serveAgentNewPost(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxAgentForm)
	ctx, t := r.Context(), a.pages.tongue(v)
	if err := r.ParseForm(); err != nil {
		return tooLarge(err)
	}
	agent, wrong := a.typedAgent(r, t)
	agent.Login, agent.Language = strings.ToLower(strings.TrimSpace(r.PostFormValue("login"))), v.Language
	if !ingest.LoginForm.MatchString(agent.Login) {
		wrong["login"] = t.T("Lettres minuscules, chiffres, points, tirets et soulignés seulement, comme j.dupont.")
	} else if _, err := a.login.accounts.Agent(ctx, agent.Login); err == nil {
		wrong["login"] = t.T("Cet identifiant est déjà pris.")
	} else if !errors.Is(err, ingest.ErrNotFound) {
		return err
	}
	p := agentPage{New: true, Agent: agent, Fields: wrong}
	if len(wrong) > 0 {
		return a.showAgent(w, r, v, http.StatusUnprocessableEntity, p)
	}
	hash := ""
	if a.login.provider == nil || r.PostFormValue("sans-mot-de-passe") == "" {
		p.OneTime, p.Until = credentials.OneTime(), a.now().Add(oneTimeFor)
		agent.OneTime = p.Until
		var err error
		if hash, err = hashed(ctx, credentials.Known, p.OneTime); err != nil {
			return err
		}
	}
	err := a.login.accounts.AddAgent(ctx, agent, hash, v.Actor())
	if text, refused := refusalText(t, err); refused {
		p.OneTime, p.Error = "", text
		return a.showAgent(w, r, v, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	if p.OneTime == "" {
		setFlash(w, t.T("%s est ajouté.", agent.Name))
		return redirect(w, r, agentPath(agent.Login))
	}
	return a.showOneTime(w, r, v, agent.Login, p.OneTime, p.Until)
}

// showOneTime shows a password that was just given. It answers the post itself: it stands
// nowhere else, so that there is no page to redirect to.
func (a *Adapter) showOneTime(w http.ResponseWriter, r *http.Request, v ingest.Viewer, login, password string, until time.Time) error {
	agent, err := a.login.accounts.Agent(r.Context(), login)
	if err != nil {
		return err
	}
	return a.showAgent(w, r, v, http.StatusOK, agentPage{Agent: agent, OneTime: password, Until: until})
}

// maxAgentForm bounds a post, in bytes.
const maxAgentForm = 64 << 10

func tooLarge(err error) error {
	return errors.Join(ingest.Refused("the form is damaged or too large"), err)
}

func (a *Adapter) serveAgent(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	agent, err := a.login.accounts.Agent(r.Context(), r.PathValue("login"))
	if err != nil {
		return err
	}
	return a.showAgent(w, r, v, http.StatusOK, agentPage{Agent: agent})
}

func (a *Adapter) serveAgentPost(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxAgentForm)
	ctx, t, login := r.Context(), a.pages.tongue(v), r.PathValue("login")
	if err := r.ParseForm(); err != nil {
		return tooLarge(err)
	}
	before, err := a.login.accounts.Agent(ctx, login)
	if err != nil {
		return err
	}
	r.PostForm["anciens"] = before.Services
	typed, wrong := a.typedAgent(r, t)
	if login == v.Login {
		if s := a.sealedAmong(typed.Services, before.Services); s != "" {
			wrong["services"] = t.T("Vous ne pouvez pas vous donner accès vous-même à un service protégé (%s).", s)
		}
	}
	shown := before
	shown.Name, shown.Title, shown.Email, shown.Role, shown.Services = typed.Name, typed.Title, typed.Email, typed.Role, typed.Services
	if len(wrong) > 0 {
		return a.showAgent(w, r, v, http.StatusUnprocessableEntity, agentPage{Agent: shown, Fields: wrong})
	}
	err = a.login.accounts.ChangeAgent(ctx, login, v.Actor(), func(x *ingest.Agent) error {
		x.Name, x.Title, x.Email, x.Role, x.Services = typed.Name, typed.Title, typed.Email, typed.Role, typed.Services
		if r.PostFormValue("delier") != "" {
			x.Subject = ""
		}
		return nil
	})
	if text, refused := refusalText(t, err); refused {
		return a.showAgent(w, r, v, http.StatusUnprocessableEntity, agentPage{Agent: shown, Error: text})
	}
	if err != nil {
		return err
	}
	setFlash(w, t.T("%s est enregistré.", typed.Name))
	return redirect(w, r, agentPath(login))
}

// sealedAmong returns a sealed service that is among now and was not before, or "".
func (a *Adapter) sealedAmong(now, before []string) string {
	for _, s := range a.services(ingest.Agent{}) {
		if s.Sealed && slices.Contains(now, s.Name) && !slices.Contains(before, s.Name) {
			return s.Name
		}
	}
	return ""
}

func (a *Adapter) serveAgentPassword(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	ctx, login := r.Context(), r.PathValue("login")
	if login == v.Login {
		return redirect(w, r, accountPath) // one's own password is changed with the old one
	}
	if _, err := a.login.accounts.Agent(ctx, login); err != nil {
		return err
	}
	password, until := credentials.OneTime(), a.now().Add(oneTimeFor)
	hash, err := hashed(ctx, credentials.Known, password)
	if err != nil {
		return err
	}
	if err := a.login.accounts.SetPassword(ctx, login, hash, until, v.Actor()); err != nil {
		return err
	}
	return a.showOneTime(w, r, v, login, password, until)
}

func (a *Adapter) serveAgentCode(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	login := r.PathValue("login")
	if login == v.Login {
		return redirect(w, r, accountPath)
	}
	if err := a.login.accounts.SetTOTP(r.Context(), login, "", 0, v.Actor()); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("Le code de connexion est retiré."))
	return redirect(w, r, agentPath(login))
}

func (a *Adapter) serveAgentState(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t, login, disable := a.pages.tongue(v), r.PathValue("login"), r.PostFormValue("etat") == "desactive"
	if err := a.login.accounts.ChangeAgent(r.Context(), login, v.Actor(), func(x *ingest.Agent) error {
		x.Disabled = disable
		return nil
	}); err != nil {
		return err
	}
	if disable {
		setFlash(w, t.T("Le compte est désactivé, ses sessions sont fermées."))
	} else {
		setFlash(w, t.T("Le compte est de nouveau actif."))
	}
	return redirect(w, r, agentPath(login))
}

// accessRows is the number of lines of a page of the access log.
const accessRows = 100

// accessPage is a page of the access log.
type accessPage struct {
	Rows []accessRow
	// Next is the address of the page of older lines, or "".
	Next  string
	Newer bool // this is not the newest
}

// accessRow is a line of it.
type accessRow struct {
	At     time.Time
	Who    string
	What   string
	Detail string
	Alert  bool
}

var accessNames = map[ingest.AccessKind]string{
	ingest.AccessLogin: "Connexion", ingest.AccessLoginFailed: "Connexion refusée", ingest.AccessLogout: "Déconnexion",
	ingest.AccessRequest: "Demande protégée lue", ingest.AccessFile: "Fichier protégé lu",
	ingest.AccessKeyAdded: "Clé ajoutée", ingest.AccessKeyRevoked: "Clé révoquée",
	ingest.AccessAgentAdded: "Agent ajouté", ingest.AccessAgentChanged: "Agent modifié", ingest.AccessPassword: "Mot de passe changé",
	ingest.AccessOneTime: "Mot de passe provisoire donné", ingest.AccessPasswordOff: "Mot de passe retiré",
	ingest.AccessTOTPOn: "Code de connexion activé", ingest.AccessTOTPOff: "Code de connexion retiré",
}

func (a *Adapter) serveAccess(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	before, _ := time.Parse(time.RFC3339Nano, r.FormValue("avant")) // what is none means the newest
	lines, next, err := a.login.accounts.AccessLog(r.Context(), v, before, accessRows)
	if err != nil {
		return err
	}
	agents, err := a.login.accounts.Agents(r.Context())
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, x := range agents {
		names[ingest.ActorAgent+x.Login] = x.Name
	}
	body := accessPage{Newer: !before.IsZero()}
	if !next.IsZero() {
		body.Next = accessPath + "?avant=" + next.UTC().Format(time.RFC3339Nano)
	}
	for _, l := range lines {
		row := accessRow{At: l.At, Who: names[l.Agent], What: string(l.What), Detail: l.Detail, Alert: l.What == ingest.AccessLoginFailed}
		if row.Who == "" {
			row.Who = strings.TrimPrefix(l.Agent, ingest.ActorAgent)
		}
		if row.Who == "" {
			row.Who = t.T("Inconnu")
		}
		if name, ok := accessNames[l.What]; ok {
			row.What = t.T(name)
		}
		body.Rows = append(body.Rows, row)
	}
	return a.show(w, r, v, http.StatusOK, "acces", page{Title: "Journal des accès", Section: "administration", Body: body, Wide: true})
}
