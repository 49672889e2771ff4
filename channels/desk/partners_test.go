package desk

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// programs is a Partners that notes what is asked of it.
type programs struct {
	Partners
	connectors []ConnectorState
	webhooks   []WebhookState
	keys       []ingest.APIKey
	test       PartnerTest
	refusal    error
	acts       []string
	added      []ingest.APIKey
}

func (p *programs) Connectors(context.Context, ingest.Viewer) ([]ConnectorState, error) {
	return p.connectors, nil
}

func (p *programs) Webhooks(context.Context, ingest.Viewer) ([]WebhookState, error) {
	return p.webhooks, nil
}

func (p *programs) Keys(context.Context) ([]ingest.APIKey, error) { return slices.Clone(p.keys), nil }

func (p *programs) TestConnector(_ context.Context, name string) (PartnerTest, error) {
	if !slices.ContainsFunc(p.connectors, func(c ConnectorState) bool { return c.Name == name }) {
		return PartnerTest{}, ingest.ErrNotFound
	}
	p.acts = append(p.acts, "test "+name)
	return p.test, nil
}

func (p *programs) TestWebhook(_ context.Context, name string) (PartnerTest, error) {
	if !slices.ContainsFunc(p.webhooks, func(w WebhookState) bool { return w.Name == name }) {
		return PartnerTest{}, ingest.ErrNotFound
	}
	p.acts = append(p.acts, "hook "+name)
	return p.test, nil
}

func (p *programs) EnableWebhook(_ context.Context, v ingest.Viewer, name string) error {
	p.acts = append(p.acts, "enable "+name+" "+v.Actor())
	return p.refusal
}

const aSecret = "saisine_0a1b2c3d_tres-secret"

func (p *programs) AddKey(_ context.Context, v ingest.Viewer, k ingest.APIKey) (string, error) {
	if p.refusal != nil {
		return "", p.refusal
	}
	k.CreatedAt, k.CreatedBy = bureauNow, v.Actor()
	p.keys, p.added = append(p.keys, k), append(p.added, k)
	return aSecret, nil
}

func (p *programs) RevokeKey(_ context.Context, v ingest.Viewer, name string) error {
	p.acts = append(p.acts, "revoke "+name+" "+v.Actor())
	return p.refusal
}

// sealedFacts are two services, one sealed, and one more that is.
type sealedFacts struct{}

func (sealedFacts) Categories() []Category {
	return []Category{
		{Code: "voirie", Label: "Voirie et trottoirs", Service: "Voirie"},
		{Code: "aide", Label: "Aide sociale", Service: "CCAS", Sealed: true},
		{Code: "drh", Label: "Emploi", Service: "DRH", Sealed: true},
	}
}

// newPartnersDesk is a desk for an administrator of the CCAS. With nil there are no partners.
func newPartnersDesk(t *testing.T, role ingest.Role, lang string, p Partners) *deskClient {
	t.Helper()
	a, err := New(Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"}, Now: func() time.Time { return bureauNow }, Facts: sealedFacts{}, Partners: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	v := ingest.Viewer{Login: "jo", Name: "Jo", Role: role, Language: lang, Services: []string{"CCAS"}, Hidden: []string{"DRH"}}
	a.identify = func(*http.Request) (ingest.Viewer, bool) { return v, true }
	return &deskClient{t: t, a: a, handler: a.Handler()}
}

func somePrograms() *programs {
	return &programs{
		connectors: []ConnectorState{
			{Name: "voirie-rt", Type: "rt", Address: "https://rt.example", Categories: []string{"voirie", "gone"}, Waiting: 3, Failed: 2, Cases: 41, CheckedAt: bureauNow, Trouble: "rt: <no> answer"},
			{Name: "ccas-glpi", Type: "glpi", Experimental: true, Address: "https://glpi.example", CheckedAt: bureauNow, Withheld: true},
		},
		webhooks: []WebhookState{
			{Name: "portail", Address: "https://portail.example", Events: []string{"request.*"}, Off: "410 Gone", Waiting: 5, Failed: 1, Last: ingest.Try{At: bureauNow, Status: 410, Said: "<gone>"}},
			{Name: "suivi", Address: "https://suivi.example", Categories: []string{"voirie"}},
		},
		keys: []ingest.APIKey{
			{Name: "ancienne", Scopes: []ingest.Scope{ingest.ScopeRead}, CreatedAt: bureauNow, CreatedBy: "agent:jo", RevokedAt: bureauNow},
			{Name: "portail", Scopes: []ingest.Scope{ingest.ScopeSubmit, ingest.ScopeRead}, Services: []string{"CCAS"}, RateLimit: 600, CreatedAt: bureauNow, CreatedBy: "cli:root"},
		},
	}
}

func TestPartnersPage(t *testing.T) {
	for lang, want := range map[string][]string{
		french: {
			"voirie-rt", "https://rt.example", "Voirie et trottoirs, gone", "en attente\u00a0: 3", "en échec\u00a0: 2", "transmises\u00a0: 41", "rt: &lt;no&gt; answer",
			"expérimental", "réservé au service protégé", "410 Gone", "Remettre en service", "request.*", "réponse 410", "&lt;gone&gt;", "toutes, sauf celles des services protégés",
			"Envoyer un essai", "jamais", "600", "cli:root", "révoquée", "lire les demandes", `value="CCAS"`, `lang="fr"`,
		},
		english: {"experimental", "waiting: 3", "failed: 2", "handed over: 41", "Turn on again", "Test the connection", "Send a test", "all but those of sealed services", "read requests", "revoked", "Make the key", `lang="en"`},
	} {
		c := newPartnersDesk(t, ingest.RoleAdministrator, lang, somePrograms())
		status, body := c.get(partnersPath)
		for _, w := range want {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %q in %s", lang, status, w, body)
			}
		}
		if strings.Count(body, partnersPath+"/webhooks/portail/service") != 1 || strings.Contains(body, "suivi/service") || strings.Count(body, "/revoquer") != 1 {
			t.Errorf("%s: what is on is turned on, or what is revoked is revoked", lang)
		}
		if strings.Index(body, "ancienne") < strings.Index(body, "cli:root") {
			t.Errorf("%s: what is revoked stands before what is in force", lang)
		}
		if strings.Contains(body, "DRH") {
			t.Errorf("%s: a sealed service of which the viewer is no member is offered", lang)
		}
	}
	c := newPartnersDesk(t, ingest.RoleAdministrator, french, somePrograms())
	if _, body := c.get(adminPath); !strings.Contains(body, `href="`+partnersPath+`"`) {
		t.Error("administration does not lead to the page")
	}
}

// Where there is nothing, the page says what to do.
func TestPartnersPageEmpty(t *testing.T) {
	for name, p := range map[string]Partners{"none": nil, "empty": &programs{}} {
		c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
		status, body := c.get(partnersPath)
		for _, w := range []string{"connectors:", "webhooks:", "saisine key add"} {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %q", name, status, w)
			}
		}
		if got := strings.Contains(body, `action="`+keysPath); got != (p != nil) {
			t.Errorf("%s: the form of a key is there: %t", name, got)
		}
	}
	if status, _ := newPartnersDesk(t, ingest.RoleAdministrator, french, nil).post(keysPath, url.Values{"nom": {"x"}, "droits": {"read"}}); status != http.StatusNotFound {
		t.Errorf("a key without a house: %d", status)
	}
}

func TestPartnersAreForAdministrators(t *testing.T) {
	for _, role := range []ingest.Role{ingest.RoleReader, ingest.RoleAgent, ingest.RoleManager} {
		p := somePrograms()
		c := newPartnersDesk(t, role, french, p)
		if status, body := c.get(partnersPath); status != http.StatusForbidden || strings.Contains(body, "voirie-rt") {
			t.Errorf("%s reads: %d", role, status)
		}
		for _, path := range []string{
			connectorsPath + "/voirie-rt/essai", webhooksPath + "/portail/essai", webhooksPath + "/portail/service", keysPath, keysPath + "/portail/revoquer",
		} {
			if status, _ := c.post(path, url.Values{"nom": {"x"}, "droits": {"read"}}); status != http.StatusForbidden {
				t.Errorf("%s posts to %s: %d", role, path, status)
			}
		}
		if len(p.acts)+len(p.added) > 0 {
			t.Errorf("%s has done %q, added %v", role, p.acts, p.added)
		}
	}
}

func TestPartnerTests(t *testing.T) {
	for name, tt := range map[string]struct {
		path string
		test PartnerTest
		want []string
	}{
		"connector":      {connectorsPath + "/voirie-rt/essai", PartnerTest{Line: `RT 5.0.3, queue "<V>"`}, []string{"La connexion fonctionne", "RT 5.0.3, queue &#34;&lt;V&gt;&#34;", `role="status"`}},
		"experimental":   {connectorsPath + "/ccas-glpi/essai", PartnerTest{Line: "GLPI 10"}, []string{"GLPI 10", "jamais été essayé sur le vrai logiciel"}},
		"refused":        {connectorsPath + "/voirie-rt/essai", PartnerTest{Trouble: "rt: dial tcp 127.0.0.1:9: connect: connection refused"}, []string{"Le serveur ne répond pas.", "dial tcp 127.0.0.1:9", `role="alert"`}},
		"login":          {connectorsPath + "/voirie-rt/essai", PartnerTest{Trouble: "rt: the login was refused; check"}, []string{"Le serveur refuse le compte."}},
		"other":          {connectorsPath + "/voirie-rt/essai", PartnerTest{Trouble: "there is no queue"}, []string{"L’essai a échoué.", "there is no queue"}},
		"webhook":        {webhooksPath + "/portail/essai", PartnerTest{Status: 204, Took: 12 * time.Millisecond}, []string{"Reçu\u00a0: réponse 204 en 12\u00a0ms."}},
		"webhook, 500":   {webhooksPath + "/portail/essai", PartnerTest{Status: 500, Line: "oups", Trouble: "the endpoint answered 500"}, []string{"a répondu 500", "oups"}},
		"webhook, stuck": {webhooksPath + "/suivi/essai", PartnerTest{Trouble: "webhook: no answer within 20s: context deadline exceeded"}, []string{"a mis trop de temps"}},
	} {
		p := somePrograms()
		p.test = tt.test
		c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
		status, body := c.post(tt.path, nil)
		for _, w := range tt.want {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %q in %s", name, status, w, body)
			}
		}
		if len(p.acts) != 1 || strings.Count(body, `role="status"`)+strings.Count(body, `role="alert"`) != 1 {
			t.Errorf("%s: %q, or told of another one", name, p.acts)
		}
	}
	c := newPartnersDesk(t, ingest.RoleAdministrator, french, somePrograms())
	for _, path := range []string{connectorsPath + "/nobody/essai", webhooksPath + "/nobody/essai"} {
		if status, _ := c.post(path, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestWebhookIsTurnedOnAgain(t *testing.T) {
	p := somePrograms()
	c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
	status, to := c.post(webhooksPath+"/portail/service", nil)
	if status != http.StatusSeeOther || !strings.HasPrefix(to, partnersPath+" | portail est de nouveau prévenu") || !slices.Equal(p.acts, []string{"enable portail agent:jo"}) {
		t.Errorf("%d %s %q", status, to, p.acts)
	}
	p.refusal = ingest.ErrNotFound
	if status, _ := c.post(webhooksPath+"/nobody/service", nil); status != http.StatusNotFound {
		t.Errorf("of none: %d", status)
	}
}

// The secret of a key stands on the page that answers, and nowhere else: not in an address, not
// in a cookie, not on the page when it is opened again.
func TestKeySecretIsShownOnce(t *testing.T) {
	p := somePrograms()
	c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
	typed := url.Values{"nom": {" mobile "}, "droits": {"submit", "open311"}, "services": {"CCAS"}, "limite": {"60"}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, keysPath, strings.NewReader(typed.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if body := w.Body.String(); w.Code != http.StatusOK || strings.Count(body, aSecret) != 1 || !strings.Contains(body, "Secret de la clé mobile") || strings.Contains(body, `value="mobile"`) {
		t.Errorf("%d %s", w.Code, body)
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || len(h.Values("Set-Cookie")) > 0 || h.Get("Location") != "" {
		t.Errorf("headers %v", h)
	}
	if len(p.added) != 1 || p.added[0].Name != "mobile" || !slices.Equal(p.added[0].Scopes, []ingest.Scope{"submit", "open311"}) ||
		!slices.Equal(p.added[0].Services, []string{"CCAS"}) || p.added[0].RateLimit != 60 || p.added[0].CreatedBy != "agent:jo" {
		t.Errorf("%+v", p.added)
	}
	if _, body := c.get(partnersPath); strings.Contains(body, aSecret) || !strings.Contains(body, "mobile") {
		t.Error("the secret is shown again, or the key is not there")
	}
}

func TestKeyIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		typed   url.Values
		refusal error
		status  int
		want    string
	}{
		"no name":       {url.Values{"droits": {"read"}}, nil, http.StatusUnprocessableEntity, `id="nom-erreur"`},
		"no scope":      {url.Values{"nom": {"x"}}, nil, http.StatusUnprocessableEntity, `id="droits-erreur"`},
		"odd limit":     {url.Values{"nom": {"x"}, "droits": {"read"}, "limite": {"-1"}}, nil, http.StatusUnprocessableEntity, `id="limite-erreur"`},
		"words":         {url.Values{"nom": {"x"}, "droits": {"read"}, "limite": {"<b>"}}, nil, http.StatusUnprocessableEntity, `value="&lt;b&gt;"`},
		"no member":     {url.Values{"nom": {"x"}, "droits": {"read"}, "services": {"CCAS", "DRH"}}, nil, http.StatusForbidden, "Vous n’êtes pas membre de ce service"},
		"no service":    {url.Values{"nom": {"x"}, "droits": {"read"}, "services": {"Inventé"}}, nil, http.StatusForbidden, `id="services-erreur"`},
		"taken":         {url.Values{"nom": {"x"}, "droits": {"read"}}, ingest.Refused("there is a key called %s already; revoke it first, or choose another name", "x"), http.StatusUnprocessableEntity, "Il y a déjà une clé nommée x"},
		"by the house":  {url.Values{"nom": {"x"}, "droits": {"read"}}, ingest.Refused("you are no member of %s: a key cannot read what you do not read yourself", "DRH"), http.StatusUnprocessableEntity, "Vous n’êtes pas membre de DRH"},
		"no such scope": {url.Values{"nom": {"x"}, "droits": {"all"}}, ingest.Refused("there is no scope %q", "all"), http.StatusUnprocessableEntity, "Il n’y a pas de droit"},
		"too long":      {url.Values{"nom": {strings.Repeat("x", maxAgentForm)}}, nil, http.StatusConflict, ""},
	} {
		p := somePrograms()
		p.refusal = tt.refusal
		c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
		status, body := c.post(keysPath, tt.typed)
		if status != tt.status || !strings.Contains(body, tt.want) || len(p.added) > 0 || strings.Contains(body, aSecret) {
			t.Errorf("%s: %d, want %d with %q, added %v in %s", name, status, tt.status, tt.want, p.added, body)
		}
		if strings.Contains(tt.typed.Get("droits"), "read") && !strings.Contains(body, `value="read" checked`) {
			t.Errorf("%s: what was typed is lost", name)
		}
	}
}

func TestKeyIsRevoked(t *testing.T) {
	p := somePrograms()
	c := newPartnersDesk(t, ingest.RoleAdministrator, french, p)
	status, to := c.post(keysPath+"/portail/revoquer", nil)
	if status != http.StatusSeeOther || !strings.HasPrefix(to, partnersPath+" | La clé portail est révoquée") || !slices.Equal(p.acts, []string{"revoke portail agent:jo"}) {
		t.Errorf("%d %s %q", status, to, p.acts)
	}
	p.refusal = ingest.ErrNotFound
	if status, _ := c.post(keysPath+"/portail/revoquer", nil); status != http.StatusNotFound {
		t.Errorf("again: %d", status)
	}
}

// All that this page says has its English, and is written as French is printed.
func TestPartnerWords(t *testing.T) {
	known := map[string]bool{}
	for _, list := range words {
		for key := range list {
			known[key] = true
		}
	}
	keys := map[string]bool{}
	inTemplate, inSource := regexp.MustCompile(`\bt ("(?:[^"\\]|\\.)*")`), regexp.MustCompile(`\bT\(("(?:[^"\\]|\\.)*")`)
	for file, x := range map[string]*regexp.Regexp{"templates/logiciels.html": inTemplate, "partners.go": inSource, "partners_keys.go": inSource} {
		source, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range x.FindAllStringSubmatch(string(source), -1) {
			key, err := strconv.Unquote(m[1])
			if err != nil {
				t.Fatal(err)
			}
			keys[key] = true
		}
	}
	for _, label := range scopeLabels {
		keys[label] = true
	}
	for _, adv := range partnerAdvice {
		keys[adv.what], keys[adv.next] = true, true
	}
	if len(keys) < 70 {
		t.Errorf("only %d texts found", len(keys))
	}
	for key := range keys {
		if !known[key] {
			t.Errorf("no English for %q", key)
		}
		if strings.Contains(key, "'") || twoWords.MatchString(key) {
			t.Errorf("%q: apostrophe ’, and no-break spaces", key)
		}
	}
	for key := range englishPartners {
		if !keys[key] && key != "Connecteurs, webhooks, clés des programmes." {
			t.Errorf("nothing says %q", key)
		}
	}
	for _, s := range ingest.Scopes() {
		if scopeLabels[s] == "" {
			t.Errorf("the scope %s has no words", s)
		}
	}
}
