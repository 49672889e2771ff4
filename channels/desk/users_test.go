package desk

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"saisine.fr/saisine/ingest"
)

func TestOwnAccount(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleReader)
	v := d.visitor().in("a")
	v.expect("no name", v.post(accountPath, url.Values{"nom": {" "}, "langue": {"fr"}}), http.StatusUnprocessableEntity, "", "Donnez un nom.", `aria-invalid="true"`)
	v.expect("long name", v.post(accountPath, url.Values{"nom": {strings.Repeat("a", 300)}}), http.StatusUnprocessableEntity, "", "trop long")
	// What an agent may not change of themselves is not taken from the form.
	v.expect("name", v.post(accountPath, url.Values{"nom": {" Ada  Martin"}, "langue": {"en"}, "role": {"administrator"}, "services": {"CCAS"}, "fonction": {"Maire"}}), http.StatusSeeOther, accountPath)
	if a := d.agent("a"); a.Name != "Ada Martin" || a.Language != "en" || a.Role != ingest.RoleReader || len(a.Services) != 0 || a.Title != "" {
		t.Errorf("%+v", a)
	}
	v.expect("told in the new language", v.get(accountPath), http.StatusOK, "", "Your account is saved.", `lang="en"`)
	v.expect("other language", v.post(accountPath, url.Values{"nom": {"<script>alert(1)</script>"}, "langue": {"xx"}}), http.StatusSeeOther, accountPath)
	if text := v.expect("escaped", v.get(accountPath), http.StatusOK, ""); strings.Contains(text, "<script>alert") || d.agent("a").Language != "fr" {
		t.Error("not escaped, or a language that there is not")
	}

	other, token := d.visitor().in("a"), v.cookies[sessionCookie]
	change := func(now, next, again string) *http.Response {
		return v.post(accountPassword, url.Values{"actuel": {now}, "nouveau": {next}, "encore": {again}})
	}
	const next = "une phrase toute neuve"
	v.expect("wrong", change("une autre phrase", next, next), http.StatusUnprocessableEntity, "", "pas votre mot de passe")
	v.expect("short", change(goodPassword, "court", "court"), http.StatusUnprocessableEntity, "", "Douze caractères")
	v.expect("same", change(goodPassword, goodPassword, goodPassword), http.StatusUnprocessableEntity, "", "mot de passe actuel")
	v.expect("changed", change(goodPassword, next, next), http.StatusSeeOther, accountPath)
	if !v.knows() || other.knows() {
		t.Error("this session has ended, or another one goes on")
	}
	if v.cookies[sessionCookie] == token {
		t.Error("the token stays the same")
	}
	other.expect("old password", other.login("a", goodPassword), http.StatusUnprocessableEntity, "")
	other.expect("new password", other.login("a", next), http.StatusSeeOther, homePath)
	v.expect("close the others", v.post(accountSessions, nil), http.StatusSeeOther, accountPath)
	if !v.knows() || other.knows() {
		t.Error("this session has ended, or another one goes on")
	}
	// An open browser is no place to guess.
	for range freeTries + 1 {
		change("une autre phrase", next, next)
	}
	v.expect("too many", change(next, goodPassword, goodPassword), http.StatusTooManyRequests, "", "Trop d’essais")
}

func TestAgentsPages(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("boss", ingest.RoleAdministrator)
	d.add("a", ingest.RoleAgent, "Voirie", "Service d’avant")
	for _, role := range []ingest.Role{ingest.RoleReader, ingest.RoleAgent, ingest.RoleManager} {
		d.add(string(role), role)
		v := d.visitor().in(string(role))
		for _, path := range []string{agentsPath, agentsPath + "/nouveau", agentPath("a"), accessPath} {
			v.expect(string(role)+" "+path, v.get(path), http.StatusForbidden, "")
		}
		v.expect(string(role), v.post(agentPath(string(role)), url.Values{"nom": {"x"}, "role": {"administrator"}}), http.StatusForbidden, "")
		if d.agent(string(role)).Role != role {
			t.Errorf("%s has promoted themselves", role)
		}
	}
	v := d.visitor().in("boss")
	v.expect("list", v.get(agentsPath), http.StatusOK, "", "Nom de a", "Service d’avant", "mot de passe")
	v.expect("one", v.get(agentPath("a")), http.StatusOK, "", `value="Voirie" checked`, `value="Service d’avant" checked`, `value="CCAS">`)
	v.expect("nobody", v.get(agentPath("nobody")), http.StatusNotFound, "")
	form := func(more ...string) url.Values {
		f := url.Values{"nom": {"Ada"}, "role": {"manager"}, "fonction": {"Cheffe"}, "courriel": {"ada@ville.fr"}, "services": {"CCAS", "Service d’avant"}}
		for i := 0; i < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return f
	}
	for field, value := range map[string]string{"nom": "", "role": "king", "courriel": "nobody"} {
		v.expect("wrong "+field, v.post(agentPath("a"), form(field, value)), http.StatusUnprocessableEntity, "", `id="`+field+`-erreur"`, `aria-describedby`)
	}
	v.expect("changed", v.post(agentPath("a"), form()), http.StatusSeeOther, agentPath("a"))
	if a := d.agent("a"); a.Name != "Ada" || a.Title != "Cheffe" || a.Email != "ada@ville.fr" || a.Role != ingest.RoleManager || !slices.Equal(a.Services, []string{"CCAS", "Service d’avant"}) {
		t.Errorf("%+v", a)
	}
	v.expect("service that is none", v.post(agentPath("a"), form("services", "Inventé")), http.StatusSeeOther, agentPath("a"))
	if a := d.agent("a"); len(a.Services) != 0 {
		t.Errorf("%+v", a)
	}

	// An administrator administers, and opens no sealed file to themselves.
	v.expect("CCAS to oneself", v.post(agentPath("boss"), form("role", "administrator", "services", "CCAS")), http.StatusUnprocessableEntity, "", "vous donner accès vous-même")
	v.expect("an open one", v.post(agentPath("boss"), form("role", "administrator", "services", "Voirie")), http.StatusSeeOther, agentPath("boss"))
	if a := d.agent("boss"); !slices.Equal(a.Services, []string{"Voirie"}) {
		t.Errorf("%+v", a)
	}
	v = d.visitor().in("boss") // their services have changed
	v.expect("last administrator", v.post(agentPath("boss"), form("role", "reader", "services", "Voirie")), http.StatusUnprocessableEntity, "", "aucun administrateur")
	v.expect("last administrator", v.post(agentPath("boss")+"/etat", url.Values{"etat": {"desactive"}}), http.StatusConflict, "", "aucun administrateur")
	v.expect("own password", v.post(agentPath("boss")+"/mot-de-passe", nil), http.StatusSeeOther, accountPath)
	v.expect("own code", v.post(agentPath("boss")+"/code", nil), http.StatusSeeOther, accountPath)
	v.expect("disable", v.post(agentPath("a")+"/etat", url.Values{"etat": {"desactive"}}), http.StatusSeeOther, agentPath("a"))
	if !d.agent("a").Disabled {
		t.Error("not disabled")
	}
	v.expect("disabled ones last", v.get(agentsPath), http.StatusOK, "", "Désactivé")
	v.expect("enable", v.post(agentPath("a")+"/etat", url.Values{"etat": {"actif"}}), http.StatusSeeOther, agentPath("a"))
	if d.agent("a").Disabled {
		t.Error("not enabled")
	}
	for name, login := range map[string]string{"taken": "a", "capital É": "É", "empty": ""} {
		v.expect(name, v.post(agentsPath+"/nouveau", form("login", login)), http.StatusUnprocessableEntity, "", `id="login-erreur"`)
	}
	// Without a provider everybody has a password.
	v.expect("new", v.post(agentsPath+"/nouveau", form("login", "n", "sans-mot-de-passe", "oui")), http.StatusOK, "", "ne sera plus montré")

	// The log shows names, and the reads of a sealed service to its members only.
	if err := d.store.LogRead(t.Context(), "agent:a", ingest.AccessRequest, "2026-000777", "CCAS"); err != nil {
		t.Fatal(err)
	}
	text := v.expect("log", v.get(accessPath), http.StatusOK, "", "Connexion", "Nom de manager", "Agent modifié")
	if strings.Contains(text, "2026-000777") {
		t.Error("the log tells of a sealed request")
	}
	d.add("inside", ingest.RoleAdministrator, "CCAS")
	w := d.visitor().in("inside")
	w.expect("log, inside", w.get(accessPath), http.StatusOK, "", "2026-000777", "Demande protégée lue")
	for range accessRows {
		d.pass(time.Second)
		if err := d.store.LogAccess(t.Context(), "", ingest.AccessLoginFailed, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	text = v.expect("first page", v.get(accessPath), http.StatusOK, "", "Plus anciens", "Inconnu")
	next := between(text, `href="`+accessPath+"?", `"`)
	v.expect("second page", v.get(accessPath+"?"+strings.ReplaceAll(next, "&#43;", "+")), http.StatusOK, "", "Agent modifié", "Les plus récents")
	v.expect("odd page", v.get(accessPath+"?avant=x"), http.StatusOK, "")
}

func TestAgentsWithAProvider(t *testing.T) {
	p := newIDProvider(t)
	d := newAccountsDesk(t, p.conf())
	d.add("boss", ingest.RoleAdministrator)
	v := d.visitor().in("boss")
	v.expect("new", v.post(agentsPath+"/nouveau", url.Values{"login": {"a"}, "nom": {"A"}, "role": {"agent"}, "courriel": {"a@desk.test"}, "sans-mot-de-passe": {"oui"}}), http.StatusSeeOther, agentPath("a"))
	w := d.visitor()
	w.expect("login", w.get(w.pass(providerPath)), http.StatusSeeOther, homePath)
	w.expect("account", w.get(accountPath), http.StatusOK, "", "vous vous connectez avec ProConnect")
	w.expect("no codes without a password", w.get(accountCode), http.StatusSeeOther, accountPath)
	v.expect("linked", v.get(agentPath("a")), http.StatusOK, "", "Délier le compte")
	v.expect("unlink", v.post(agentPath("a"), url.Values{"nom": {"A"}, "role": {"agent"}, "courriel": {"a@desk.test"}, "delier": {"oui"}}), http.StatusSeeOther, agentPath("a"))
	if d.agent("a").Subject != "" || w.knows() {
		t.Error("still linked, or still in")
	}
}

// A password that was hashed with less is hashed anew when it is next typed.
func TestRehash(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	salt, encode := []byte("0123456789abcdef"), base64.RawStdEncoding.EncodeToString
	weak := "$argon2id$v=19$m=8192,t=1,p=1$" + encode(salt) + "$" + encode(argon2.IDKey([]byte(goodPassword), salt, 1, 8192, 1, 32))
	c, err := d.store.Credentials(t.Context(), "a")
	if err == nil {
		err = d.store.Rehash(t.Context(), "a", c.Password, weak)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := d.visitor().in("a")
	if !v.knows() {
		t.Error("hashing anew has ended the session")
	}
	if c, err = d.store.Credentials(t.Context(), "a"); err != nil || c.Password == weak || !strings.Contains(c.Password, "m=19456,t=2") {
		t.Errorf("%q, %v", c.Password, err)
	}
	d.visitor().in("a")
}

// All that these pages say has its English, and is written as French is printed.
func TestAccountWords(t *testing.T) {
	inTemplate, inSource := regexp.MustCompile(`\bt ("(?:[^"\\]|\\.)*")`), regexp.MustCompile(`(?:\.T\(|why\w+ += |return |: +|Title: )("[A-ZÀ-Ý%][^"]*[ .][^"]*")`)
	known, keys := map[string]bool{}, 0
	for _, list := range words {
		for key := range list {
			known[key] = true
		}
	}
	for pattern, x := range map[string]*regexp.Regexp{
		"templates/connexion*.html": inTemplate, "templates/compte*.html": inTemplate, "templates/agent*.html": inTemplate, "templates/acces.html": inTemplate,
		"templates/_acces.html": inTemplate, "login*.go": inSource, "oidclogin.go": inSource, "account.go": inSource, "users.go": inSource,
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			for _, m := range x.FindAllStringSubmatch(string(source), -1) {
				key, err := strconv.Unquote(m[1])
				if err != nil || strings.HasPrefix(key, "GET ") || strings.HasPrefix(key, "POST ") || strings.HasPrefix(key, "HX-") {
					continue
				}
				keys++
				if !known[key] {
					t.Errorf("%s: no English for %q", f, key)
				}
				if strings.ContainsAny(key, "'") || regexp.MustCompile(`[^\x{a0}][:;!?](?: |$)`).MatchString(key) {
					t.Errorf("%s: %q: apostrophe ’, and a no-break space before : ; ! ?", f, key)
				}
			}
		}
	}
	if keys < 100 {
		t.Errorf("only %d texts found", keys)
	}
}
