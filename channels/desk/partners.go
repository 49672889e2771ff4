package desk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

const (
	partnersPath   = adminPath + "/logiciels"
	connectorsPath = partnersPath + "/connecteurs"
	webhooksPath   = partnersPath + "/webhooks"
	keysPath       = partnersPath + "/cles"
)

// partnerRoutes are the page of other programs, for administrators. It is there where nothing is
// set up, too: it says how to.
func (a *Adapter) partnerRoutes(o *router) {
	need := ingest.RoleAdministrator
	o.handle("GET "+partnersPath, need, a.servePartners)
	if a.opts.Partners == nil {
		return
	}
	o.handle("POST "+connectorsPath+"/{nom}/essai", need, a.testConnector)
	o.handle("POST "+webhooksPath+"/{nom}/essai", need, a.testWebhook)
	o.handle("POST "+webhooksPath+"/{nom}/service", need, a.enableWebhook)
	o.handle("POST "+keysPath, need, a.addKey)
	o.handle("POST "+keysPath+"/{nom}/revoquer", need, a.revokeKey)
}

// partnersPage is what the page shows.
type partnersPage struct {
	// Set is false where the program keeps no keys, and has no partners.
	Set        bool
	Connectors []connectorView
	Webhooks   []webhookView
	Keys       []keyView
	Form       newKeyForm
	// Secret is that of a key just made, by the name of Made; it is shown once.
	Secret, Made string
}

type connectorView struct {
	ConnectorState
	Labels []string
	Test   *testView
}

type webhookView struct {
	WebhookState
	Labels []string
	Test   *testView
}

// tested is a test that the page tells of: of a connector, or of a webhook.
type tested struct {
	connector, webhook string
	result             PartnerTest
}

func (a *Adapter) servePartners(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	return a.showPartners(w, r, v, http.StatusOK, partnersPage{}, tested{})
}

// showPartners shows the page with what p has already, and the test that was made.
func (a *Adapter) showPartners(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p partnersPage, made tested) error {
	ctx, t := r.Context(), a.pages.tongue(v)
	if a.opts.Partners != nil {
		p.Set = true
		if err := a.fillPartners(ctx, t, v, &p, made); err != nil {
			return err
		}
		if err := a.fillKeys(ctx, t, v, &p); err != nil {
			return err
		}
	}
	return a.show(w, r, v, status, "logiciels", page{Title: "Autres logiciels", Section: "administration", Body: p})
}

func (a *Adapter) fillPartners(ctx context.Context, t tongue, v ingest.Viewer, p *partnersPage, made tested) error {
	connectors, err := a.opts.Partners.Connectors(ctx, v)
	if err != nil {
		return err
	}
	for _, c := range connectors {
		view := connectorView{ConnectorState: c, Labels: a.categoryLabels(c.Categories)}
		if c.Name == made.connector {
			view.Test = t.connectorTest(made.result, c.Experimental)
		}
		p.Connectors = append(p.Connectors, view)
	}
	webhooks, err := a.opts.Partners.Webhooks(ctx, v)
	if err != nil {
		return err
	}
	for _, h := range webhooks {
		view := webhookView{WebhookState: h, Labels: a.categoryLabels(h.Categories)}
		if h.Name == made.webhook {
			view.Test = t.webhookTest(made.result)
		}
		p.Webhooks = append(p.Webhooks, view)
	}
	return nil
}

// categoryLabels are the labels of categories; one that the file does not have stays a code.
func (a *Adapter) categoryLabels(codes []string) []string {
	labels := slices.Clone(codes)
	if a.opts.Facts == nil {
		return labels
	}
	for _, c := range a.opts.Facts.Categories() {
		if i := slices.Index(labels, c.Code); i >= 0 {
			labels[i] = c.Label
		}
	}
	return labels
}

func (a *Adapter) testConnector(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	name := r.PathValue("nom")
	result, err := a.opts.Partners.TestConnector(r.Context(), name)
	if err != nil {
		return err
	}
	return a.showPartners(w, r, v, http.StatusOK, partnersPage{}, tested{connector: name, result: result})
}

func (a *Adapter) testWebhook(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	name := r.PathValue("nom")
	result, err := a.opts.Partners.TestWebhook(r.Context(), name)
	if err != nil {
		return err
	}
	return a.showPartners(w, r, v, http.StatusOK, partnersPage{}, tested{webhook: name, result: result})
}

func (a *Adapter) enableWebhook(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	name := r.PathValue("nom")
	if err := a.opts.Partners.EnableWebhook(r.Context(), v, name); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("%s est de nouveau prévenu. Ce qui ne lui a pas été livré est sous «\u00a0Échecs\u00a0», d’où l’on peut le reprendre.", name))
	return redirect(w, r, partnersPath)
}

// testView is a test as the page tells it.
type testView struct {
	Good       bool
	What, Next string
	// Detail is in the words of the program, or of the other side.
	Detail string
}

func (t tongue) connectorTest(p PartnerTest, experimental bool) *testView {
	if p.Trouble != "" {
		return t.trouble(p.Trouble)
	}
	view := &testView{Good: true, What: t.T("La connexion fonctionne\u00a0:"), Detail: p.Line}
	if experimental {
		view.Next = t.T("Ce connecteur n’a jamais été essayé sur le vrai logiciel\u00a0: vérifiez une première demande là-bas.")
	}
	return view
}

func (t tongue) webhookTest(p PartnerTest) *testView {
	switch {
	case p.Trouble == "":
		return &testView{Good: true, What: t.T("Reçu\u00a0: réponse %s en %s\u00a0ms.", strconv.Itoa(p.Status), strconv.FormatInt(p.Took.Milliseconds(), 10)), Detail: p.Line}
	case p.Status != 0:
		view := &testView{What: t.T("L’adresse a répondu %s au lieu de 2xx.", strconv.Itoa(p.Status)), Next: t.T("Voyez avec l’autre logiciel."), Detail: p.Line}
		if view.Detail == "" {
			view.Detail = p.Trouble
		}
		return view
	}
	return t.trouble(p.Trouble)
}

// trouble says in words what a test has run into, as far as it is known.
func (t tongue) trouble(text string) *testView {
	lower := strings.ToLower(text)
	for _, adv := range partnerAdvice {
		if strings.Contains(lower, adv.sign) {
			return &testView{What: t.T(adv.what), Next: t.T(adv.next), Detail: text}
		}
	}
	return &testView{What: t.T("L’essai a échoué."), Next: t.T("Le détail dit pourquoi."), Detail: text}
}

// partnerAdvice is about the faults of the connection to another program.
var partnerAdvice = []advice{
	{"no such host", "Le serveur est introuvable.", "Vérifiez son nom dans la configuration, et le réseau."},
	{"connection refused", "Le serveur ne répond pas.", "Vérifiez qu’il fonctionne et que le port est le bon."},
	{"unreachable", "Le réseau ne répond pas.", "Vérifiez la connexion de la machine."},
	{"if the endpoint belongs there", "L’adresse est privée, et la configuration ne la permet pas.", "Si elle est la bonne, ajoutez-la à allow."},
	{"deadline exceeded", "Le serveur a mis trop de temps à répondre.", "Essayez de nouveau dans quelques minutes."},
	{"timeout", "Le serveur a mis trop de temps à répondre.", "Essayez de nouveau dans quelques minutes."},
	{"certificate", "Le certificat du serveur n’est pas accepté.", "Il doit être renouvelé, ou son autorité indiquée (tls_ca)."},
	{"x509", "Le certificat du serveur n’est pas accepté.", "Il doit être renouvelé, ou son autorité indiquée (tls_ca)."},
	{"host_key", "Le serveur n’a pas la clé attendue.", "Vérifiez auprès de qui le tient, puis corrigez host_key."},
	{"login was refused", "Le serveur refuse le compte.", "Vérifiez le compte, et le fichier du mot de passe ou du jeton."},
	{"does not let this login in", "Le serveur refuse le compte.", "Vérifiez le compte, et le fichier du mot de passe ou du jeton."},
	{"know the api key", "Le serveur refuse le compte.", "Vérifiez le compte, et le fichier du mot de passe ou du jeton."},
	{"unable to authenticate", "Le serveur refuse le compte.", "Vérifiez le compte, et le fichier du mot de passe ou du jeton."},
}
