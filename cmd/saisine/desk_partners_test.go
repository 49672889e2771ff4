package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
)

const partnersPage = "/agent/administration/logiciels"

// givePartners writes other programs into the configuration of a house: connectors where nobody
// listens, and a webhook at url.
func givePartners(h *deskHouse, hook, secret string) {
	h.cfg.Connectors = []config.Connector{
		{Name: "voirie-rt", Type: config.ConnectorRT, Categories: []string{"voirie", "action-sociale"}, URL: "http://127.0.0.1:1", Token: "jeton-secret", Queue: "Voirie"},
		{Name: "ccas-glpi", Type: config.ConnectorGLPI, Categories: []string{"action-sociale"}, URL: "http://127.0.0.1:1/apirest.php", Token: "jeton-secret"},
	}
	h.cfg.Webhooks = []config.Webhook{{Name: "portail", URL: hook, Secret: secret, Allow: []string{"127.0.0.1"}, Events: []string{"request.*"}, Timeout: checkTime}}
}

// handOverTo has a connector take a request over, and its look at the status fail. One that is
// sealed was of another category then.
func handOverTo(h *deskHouse, reference, connector, trouble string) {
	h.t.Helper()
	q, err := h.store.Request(h.t.Context(), reference)
	if err == nil {
		err = h.store.Categorize(h.t.Context(), reference, "voirie", "Voirie", "avant")
	}
	var id string
	if err == nil {
		id, err = h.store.HandOver(h.t.Context(), reference, connector)
	}
	if err == nil {
		err = h.store.HandedOver(h.t.Context(), id, "17", "", "")
	}
	if err == nil {
		err = h.store.RemoteStatus(h.t.Context(), id, time.Time{}, "", "", "", trouble)
	}
	if err == nil {
		err = h.store.Categorize(h.t.Context(), reference, q.Category, q.Service, "après")
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// A key that is made in the page opens the interface, until it is revoked there.
func TestKeysAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, _ := fillTown(h, true)
	h.agent("dehors", ingest.RoleAdministrator, "Voirie")
	h.agent("dedans", ingest.RoleAdministrator, "CCAS")
	mux := http.NewServeMux()
	h.newAPI(new(channels.Health)).Register(mux)
	ask := func(key, reference string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/requests/"+reference, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}
	outside, inside := h.as("dehors"), h.as("dedans")
	secret := func(s *session, typed url.Values) string {
		t.Helper()
		status, body := s.post(partnersPage+"/cles", typed)
		found := regexp.MustCompile(`<output class="provisoire">(saisine_[^<]+)</output>`).FindStringSubmatch(body)
		if status != http.StatusOK || found == nil {
			t.Fatalf("%d %s", status, body)
		}
		return found[1]
	}
	plain := secret(outside, url.Values{"nom": {"portail"}, "droits": {"read"}})
	if a, b := ask(plain, open[0]), ask(plain, hidden[0]); a != http.StatusOK || b != http.StatusNotFound {
		t.Errorf("a key reads what is open: %d, and what is sealed: %d", a, b)
	}
	// Who is outside a sealed service can make no key that reads it.
	grasp := url.Values{"nom": {"curieux"}, "droits": {"read"}, "services": {"CCAS"}}
	if status, body := outside.post(partnersPage+"/cles", grasp); status != http.StatusForbidden || strings.Contains(body, "saisine_") {
		t.Errorf("a key to the CCAS, from outside: %d", status)
	}
	if _, err := (deskPartners{h.house}).AddKey(t.Context(), ingest.Viewer{Login: "dehors", Role: ingest.RoleAdministrator, Services: []string{"Voirie"}},
		ingest.APIKey{Name: "curieux", Scopes: []ingest.Scope{ingest.ScopeRead}, Services: []string{"CCAS"}}); err == nil {
		t.Error("the house itself makes it")
	}
	social := secret(inside, url.Values{"nom": {"social"}, "droits": {"read"}, "services": {"CCAS"}})
	if status := ask(social, hidden[0]); status != http.StatusOK {
		t.Errorf("a member's key reads what is sealed: %d", status)
	}

	if status, body := inside.post(partnersPage+"/cles", url.Values{"nom": {"portail"}, "droits": {"read"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Il y a déjà une clé nommée portail") {
		t.Errorf("the same name: %d", status)
	}
	if status, body := inside.get(partnersPage); status != http.StatusOK || strings.Contains(body, plain) || !strings.Contains(body, "dehors") {
		t.Errorf("the secret stays, or who made a key is not told: %d", status)
	}
	for _, want := range []int{http.StatusSeeOther, http.StatusNotFound} {
		if status, _ := inside.post(partnersPage+"/cles/portail/revoquer", nil); status != want {
			t.Errorf("revoke: %d, want %d", status, want)
		}
	}
	if status := ask(plain, open[0]); status != http.StatusUnauthorized {
		t.Errorf("a key that is revoked: %d", status)
	}
	status, body := inside.get("/agent/administration/acces")
	for _, w := range []string{"Clé ajoutée", "Clé révoquée", "portail: read"} {
		if status != http.StatusOK || !strings.Contains(body, w) {
			t.Errorf("the access log does not tell of %q", w)
		}
	}
}

// What another program said of a sealed request is for its service; that something is stuck is for
// all administrators.
func TestConnectorsAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, _ := fillTown(h, true)
	givePartners(h, "http://127.0.0.1:1", webhook.NewSecret())
	h.agent("dehors", ingest.RoleAdministrator, "Voirie")
	h.agent("dedans", ingest.RoleAdministrator, "CCAS")
	handOverTo(h, open[0], "voirie-rt", "le serveur dit bof")
	handOverTo(h, hidden[0], "ccas-glpi", "pas de dossier "+hidden[0]+" de Zorglubine")
	for who, sees := range map[string]bool{"dehors": false, "dedans": true} {
		status, body := h.as(who).get(partnersPage)
		if got := strings.Contains(body, "Zorglubine") || strings.Contains(body, hidden[0]); status != http.StatusOK || got != sees {
			t.Errorf("%s reads what was said of a sealed request: %t, %d", who, got, status)
		}
		if strings.Contains(body, "réservé au service protégé") == sees || !strings.Contains(body, "le serveur dit bof") || strings.Count(body, "transmises\u00a0: 1") != 2 {
			t.Errorf("%s: %s", who, body)
		}
		if strings.Contains(body, "jeton-secret") || strings.Contains(body, "whsec_") {
			t.Error("a secret of the configuration is shown")
		}
	}
	s := h.as("dehors")
	for name, words := range map[string]string{"voirie-rt": "Le serveur ne répond pas.", "ccas-glpi": "Le serveur ne répond pas."} {
		if status, body := s.post(partnersPage+"/connecteurs/"+name+"/essai", nil); status != http.StatusOK || !strings.Contains(body, words) || !strings.Contains(body, "connection refused") || strings.Contains(body, "jeton-secret") {
			t.Errorf("a connector that is not there: %d %s", status, body)
		}
	}
	if status, _ := s.post(partnersPage+"/connecteurs/personne/essai", nil); status != http.StatusNotFound {
		t.Errorf("a connector of no configuration: %d", status)
	}
}

// A webhook is tested, and turned on again, from the page.
func TestWebhooksAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	secret := webhook.NewSecret()
	r := newReceiver(t, secret)
	givePartners(h, r.URL, secret)
	h.agent("chef", ingest.RoleAdministrator, "Voirie")
	s := h.as("chef")
	test := func(want string) {
		t.Helper()
		if status, body := s.post(partnersPage+"/webhooks/portail/essai", nil); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, no %q in %s", status, want, body)
		}
	}
	test("réponse 204")
	if n := r.told()["webhook.test"]; n != 1 || len(r.bad) > 0 {
		t.Errorf("%d tests arrived, %q", n, r.bad)
	}
	r.answer = func(int) int { return http.StatusGone }
	test("a répondu 410")
	if why, err := h.store.WebhookOff(t.Context(), "portail"); err != nil || why != "" {
		t.Errorf("a test turns off: %q, %v", why, err)
	}
	if err := h.store.TurnOffWebhook(t.Context(), "portail", r.URL, "410 Gone"); err != nil {
		t.Fatal(err)
	}
	if status, body := s.get(partnersPage); status != http.StatusOK || !strings.Contains(body, "410 Gone") || !strings.Contains(body, "Remettre en service") {
		t.Errorf("it is not told to be off: %d", status)
	}
	if status, to := s.post(partnersPage+"/webhooks/portail/service", nil); status != http.StatusSeeOther || to != partnersPage {
		t.Errorf("turned on: %d %s", status, to)
	}
	if status, body := s.get(partnersPage); status != http.StatusOK || strings.Contains(body, "Remettre en service") || !strings.Contains(body, "portail est de nouveau prévenu") {
		t.Errorf("it is not told to be on: %d", status)
	}
	for _, act := range []string{"essai", "service"} {
		if status, _ := s.post(partnersPage+"/webhooks/personne/"+act, nil); status != http.StatusNotFound {
			t.Errorf("%s of no configuration: %d", act, status)
		}
	}
}
