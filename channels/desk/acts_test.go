package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// Every act: what the form says, what is done, where it leads.
func TestActs(t *testing.T) {
	at := "/agent/demandes/" + ref
	for _, tt := range []struct {
		path   string
		values url.Values
		done   string // without the agent
		to     string
		told   string
	}{
		{"/categorie", url.Values{"code": {"eau"}}, "category 2026-000001 eau", at, "2026-000001\u00a0: catégorie «\u00a0Eau\u00a0», service Eau."},
		{"/vue", nil, "reviewed 2026-000001", at, "est revue"},
		{"/statut", url.Values{"statut": {"in_progress"}, "note": {" Nous venons.\r\nDemain. "}}, "status 2026-000001 in_progress Nous venons.\nDemain.", at, "En cours"},
		{
			"/correction",
			url.Values{"objet": {" Un  trou "}, "nom": {"Marie Petit"}, "courriel": {"Marie@Example.fr"}, "telephone": {"01"}, "adresse": {"1 rue\r\n2"}, "lieu": {"ici"}},
			"correct 2026-000001 {Subject:Un trou Sender:{Name:Marie Petit Email:marie@example.fr Phone:01 Address:1 rue\n2} Place:ici}", at, "est corrigée",
		},
		{"/affectation", url.Values{"agent": {"paul"}}, "assign 2026-000001 paul", at, "confiée à Paul Roux"},
		{"/affectation", url.Values{"agent": {""}}, "assign 2026-000001", at, "plus confiée à personne"},
		{"/commentaire", url.Values{"texte": {"J’ai appelé."}, "piece": {"p2"}}, "comment 2026-000001 J’ai appelé.", at + "?piece=p2", "Note ajoutée"},
		{"/pieces-demandees", url.Values{"pieces": {"RIB\n\n acte  de naissance "}, "jusquau": {"2026-03-10"}, "note": {"svp"}}, `ask 2026-000001 ["RIB" "acte de naissance"] 2026-03-10 "svp"`, at, "10\u00a0mars\u00a02026"},
		{"/pieces-recues", url.Values{"le": {"2026-03-09"}}, "came 2026-000001 2026-03-08T23:00:00Z", at, "complet"},
		{"/pieces-recues", url.Values{"le": {"2026-03-10"}}, "came 2026-000001 2026-03-10T09:00:00Z", at, "complet"},
		{"/genre", url.Values{"genre": {"permis"}}, "procedure 2026-000001 permis", at, "Les délais sont recalculés."},
		{"/transmission", url.Values{"administration": {"Département"}}, "transmit 2026-000001 Département 0001-01-01T00:00:00Z", at, "transmise à Département"},
		{"/detacher", url.Values{"piece": {"p2"}}, "unlink p2", at, "2026-000009"},
		{"/separer", url.Values{"pieces": {"p2", "p3"}}, "split 2026-000001 [p2 p3]", at, "Pièces séparées."},
		{"/rattacher", url.Values{"piece": {"p2"}, "reference": {" 2026-000002 "}, "lien": {"follow_up"}}, "link p2 2026-000002 follow_up", "/agent/demandes/2026-000002?piece=p2", "2026-000002"},
		{"/reunir", url.Values{"dans": {"2026-000002"}}, "merge 2026-000001 2026-000002", "/agent/demandes/2026-000002?reunie=2026-000001", "réunie à celle-ci"},
		{"/distinguer", url.Values{"autre": {"2026-000002"}}, "apart 2026-000001 2026-000002", at, "deux affaires différentes"},
		{"/liens-revoques", nil, "revoke 2026-000001", at, "plus valables"},
	} {
		t.Run(strings.Trim(tt.path, "/"), func(t *testing.T) {
			b := newBureau()
			status, to := b.desk(t, chief).post(at+tt.path, tt.values)
			to, told, _ := strings.Cut(to, " | ")
			if status != http.StatusSeeOther || to != tt.to || !strings.Contains(told, tt.told) {
				t.Errorf("%d, %s, %q; want %s, %q", status, to, told, tt.to, tt.told)
			}
			if want := []string{"chef " + tt.done}; !slices.Equal(b.done, want) {
				t.Errorf("done: %q, want %q", b.done, want)
			}
		})
	}
}

// corrected is the form of corrections with some fields filled in.
func corrected(fields ...string) url.Values {
	out := url.Values{"objet": {""}, "nom": {""}, "courriel": {""}, "telephone": {""}, "adresse": {""}, "lieu": {""}}
	for i := 0; i < len(fields); i += 2 {
		out.Set(fields[i], fields[i+1])
	}
	return out
}

// What cannot be taken: nothing is done, and the form is there again with what was typed and
// what is wrong beside it.
func TestActsRefuseForms(t *testing.T) {
	at := "/agent/demandes/" + ref
	long := strings.Repeat("é", 301)
	for _, tt := range []struct {
		name, path string
		values     url.Values
		want       []string
	}{
		{"no category", "/categorie", url.Values{}, []string{"Choisissez une catégorie.", `aria-describedby="categorie-code-erreur"`}},
		{"strange category", "/categorie", url.Values{"code": {"x"}}, []string{"Choisissez une catégorie."}},
		{"strange status", "/statut", url.Values{"statut": {"done"}, "note": {"gardé"}}, []string{"Choisissez un statut.", "gardé</textarea>"}},
		{"subject too long", "/correction", corrected("objet", long, "nom", "Gardé"), []string{"Trop long\u00a0: 300 caractères", `value="Gardé"`, `id="correction-objet-erreur"`}},
		{"no address", "/correction", corrected("courriel", "Marie <m@x.fr>"), []string{"pas complète", `value="Marie &lt;m@x.fr&gt;"`, `aria-invalid="true"`}},
		{"half a form", "/correction", url.Values{"objet": {"x"}}, []string{"Le formulaire n’a pas pu être lu."}},
		{"no form", "/affectation", nil, []string{"Le formulaire n’a pas pu être lu."}},
		{"strange agent", "/affectation", url.Values{"agent": {"../x"}}, []string{"Choisissez un agent."}},
		{"empty note", "/commentaire", url.Values{"texte": {" \n"}}, []string{"Écrivez une note."}},
		{"no pieces", "/pieces-demandees", url.Values{"pieces": {"\n"}, "jusquau": {"2026-04-01"}}, []string{"au moins une pièce", `value="2026-04-01"`}},
		{"too many", "/pieces-demandees", url.Values{"pieces": {strings.Repeat("x\n", 21)}, "jusquau": {"2026-04-01"}}, []string{"20 au plus"}},
		{"no day", "/pieces-demandees", url.Values{"pieces": {"RIB"}, "jusquau": {"demain"}}, []string{"2026-04-23", "RIB</textarea>"}},
		{"day gone", "/pieces-demandees", url.Values{"pieces": {"RIB"}, "jusquau": {"2026-03-09"}}, []string{"un jour à venir"}},
		{"came tomorrow", "/pieces-recues", url.Values{"le": {"2026-03-11"}}, []string{"Ce jour est à venir."}},
		{"came some day", "/pieces-recues", url.Values{}, []string{"Indiquez le jour."}},
		{"to nobody", "/transmission", url.Values{}, []string{"Indiquez l’administration"}},
		{"got tomorrow", "/transmission", url.Values{"administration": {"Préfecture"}, "recue": {"2026-03-11"}}, []string{"à venir", `value="Préfecture"`}},
		{"nothing ticked", "/separer", nil, []string{"Cochez les pièces"}},
		{"not here", "/separer", url.Values{"pieces": {"q1"}}, []string{"Cet envoi n’est plus dans 2026-000001."}},
		{"unlinked, not here", "/detacher", url.Values{"piece": {"q1"}}, []string{"n’est plus dans"}},
		{"linked, not here", "/rattacher", url.Values{"piece": {"q1"}, "reference": {"2026-000002"}, "lien": {"duplicate"}}, []string{"n’est plus dans"}},
		{"linked nowhere", "/rattacher", url.Values{"piece": {"p2"}, "reference": {"2026-000099"}, "lien": {"duplicate"}}, []string{"pas de demande de ce numéro", `value="2026-000099"`}},
		{"linked as nothing", "/rattacher", url.Values{"piece": {"p2"}, "reference": {"2026-000002"}, "lien": {"opens"}}, []string{"doublon ou suite"}},
		{"merged nowhere", "/reunir", nil, []string{"Indiquez le numéro"}},
		{"apart from nothing", "/distinguer", url.Values{"autre": {"x"}}, []string{"pas de demande de ce numéro"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBureau()
			status, body := b.desk(t, chief).post(at+tt.path, tt.values)
			if status != http.StatusUnprocessableEntity || len(b.done) > 0 {
				t.Errorf("%d, done %q", status, b.done)
			}
			for _, want := range append(tt.want, "Rien n’a été changé.") {
				if !strings.Contains(body, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
		})
	}
}

// What the house refuses is told in the agent's language, above the form as it was filled in.
func TestActRefusedByTheHouse(t *testing.T) {
	for lang, want := range map[string]string{"fr": "Aucune pièce n’est attendue pour 2026-000001.", "en": "no pieces are awaited for 2026-000001"} {
		b := newBureau()
		b.refuse = ingest.Refused("no pieces are awaited for %s", ref)
		v := clerk
		v.Language = lang
		status, body := b.desk(t, v).post("/agent/demandes/"+ref+"/pieces-recues", url.Values{"le": {"2026-03-02"}})
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, want) || !strings.Contains(body, `value="2026-03-02"`) {
			t.Errorf("%s: %d, %s", lang, status, body)
		}
	}
	b := newBureau()
	b.refuse = ingest.ErrUnavailable
	if status, _ := b.desk(t, clerk).post("/agent/demandes/"+ref+"/commentaire", url.Values{"texte": {"x"}}); status != http.StatusServiceUnavailable {
		t.Errorf("unavailable: %d", status)
	}
	status, _ := newBureau().desk(t, clerk).post("/agent/demandes/"+ref+"/commentaire", url.Values{"texte": {strings.Repeat("x", maxActForm)}})
	if status != http.StatusConflict {
		t.Errorf("a form without end: %d", status)
	}
}

// Who may act: agents, and for links managers; nobody on what is not there.
func TestWhoMayAct(t *testing.T) {
	b := newBureau()
	read, write := b.desk(t, reader), b.desk(t, clerk)
	for pattern, need := range read.a.routes().needs {
		path, isPost := strings.CutPrefix(pattern, "POST ")
		if !isPost || !strings.HasPrefix(path, "/agent/demandes/{ref}/") || strings.HasSuffix(path, "repondre") {
			continue
		}
		path = strings.Replace(path, "{ref}", ref, 1)
		if status, _ := read.post(path, nil); status != http.StatusForbidden {
			t.Errorf("a reader posts to %s: %d", path, status)
		}
		if need == ingest.RoleManager {
			if status, _ := write.post(path, nil); status != http.StatusForbidden {
				t.Errorf("an agent posts to %s: %d", path, status)
			}
		}
		if status, _ := b.desk(t, chief).post(strings.Replace(path, ref, "2026-000077", 1), url.Values{"code": {"eau"}}); status != http.StatusNotFound {
			t.Errorf("%s of a request that is not there: %d", path, status)
		}
	}
	if len(b.done) > 0 {
		t.Errorf("done: %q", b.done)
	}
}

// An act that takes the request out of the agent's sight leads to the list.
func TestActThatHides(t *testing.T) {
	b := newBureau()
	b.gone = true
	status, to := b.desk(t, clerk).post("/agent/demandes/"+ref+"/categorie", url.Values{"code": {"aide"}, "liste": {"onglet=revoir"}})
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/agent/?onglet=revoir | ") {
		t.Errorf("%d %s", status, to)
	}
}
