package desk

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

func replyValues(more ...string) url.Values {
	v := url.Values{"cle": {uploadKey}, "voie": {"courriel"}, "objet": {"Votre demande"}, "message": {"Bonjour,\r\n\r\nc’est fait."}, "statut": {"answered"}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

const replyPath = "/agent/demandes/" + ref + "/repondre"

func TestReplyForm(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	status, page := c.get(replyPath + "?modele=prise&liste=voie%3Dscan")
	for _, want := range []string{"Bonjour [à compléter : date]", `value="Votre demande"`, `<option value="in_progress" selected>`, "Trottoir &lt;cassé&gt;", "par courriel à marie@example.fr", `name="liste" value="voie=scan"`} {
		if status != 200 || !strings.Contains(page, want) {
			t.Errorf("%d: %q is missing", status, want)
		}
	}
	if status, page := c.get(replyPath); status != 200 || !strings.Contains(page, `<option value="answered" selected>`) {
		t.Errorf("without a text: %d", status)
	}
	m.unreachable = "aucune adresse électronique"
	if _, page := c.get(replyPath); !strings.Contains(page, "aucune adresse électronique") || !strings.Contains(page, `value="papier" checked`) {
		t.Error("paper is not offered where no mail can go")
	}
	if status, _ := c.get("/agent/demandes/2026-000009/repondre"); status != 404 {
		t.Errorf("an unknown request: %d", status)
	}
}

func TestReplyIsSent(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	status, to := c.post(replyPath, replyValues("liste", "voie=scan"))
	if status != 303 || !strings.HasPrefix(to, "/agent/demandes/"+ref+"?liste=voie%3Dscan | Réponse envoyée à marie@example.fr\u00a0: courrier départ D-2026-000001.") {
		t.Fatalf("%d %s", status, to)
	}
	want := ingest.Answer{Once: "lea/" + uploadKey, Subject: "Votre demande", Body: "Bonjour,\n\nc’est fait.", Status: ingest.StatusAnswered}
	if m.sent[0] != want {
		t.Errorf("%+v", m.sent[0])
	}
	status, to = c.post(replyPath, replyValues("voie", "papier", "nom", "Marie Petit", "adresse", "1 rue Haute\r\n12345 Ville", "statut", ""))
	if status != 303 || !strings.HasPrefix(to, "/agent/courrier/lettres/m1 | ") || m.sent[1].To.Address != "1 rue Haute\n12345 Ville" || m.sent[1].Status != "" {
		t.Errorf("on paper: %d %s %+v", status, to, m.sent[1])
	}
}

// What cannot be sent is shown again with what was typed, and what is wrong beside its field.
func TestReplyIsNotSent(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	for name, tt := range map[string]struct {
		values url.Values
		want   string
	}{
		"no subject":        {replyValues("objet", " "), `id="objet-erreur"`},
		"long subject":      {replyValues("objet", strings.Repeat("é", 201)), `id="objet-erreur"`},
		"no text":           {replyValues("message", "\r\n"), `id="message-erreur"`},
		"long text":         {replyValues("message", strings.Repeat("é", ingest.MaxAnswerBody+1)), `id="message-erreur"`},
		"a gap":             {replyValues("message", "Bonjour [À compléter : jour]"), "[À compléter : jour]"},
		"a gap above":       {replyValues("objet", "[à compléter]"), "Il reste à compléter"},
		"no postal address": {replyValues("voie", "papier", "nom", "Marie"), `id="adresse-erreur"`},
		"no name":           {replyValues("voie", "papier", "adresse", "1 rue"), `id="nom-erreur"`},
		"unknown status":    {replyValues("statut", "done"), `id="statut-erreur"`},
		"no key":            {replyValues("cle", ""), "n’est plus valable"},
		"a foreign key":     {replyValues("cle", `"><script>`), "n’est plus valable"},
	} {
		status, page := c.post(replyPath, tt.values)
		if status != 422 || !strings.Contains(page, tt.want) || len(m.sent) != 0 || strings.Contains(page, "<script>") {
			t.Errorf("%s: %d, %d sent", name, status, len(m.sent))
		}
		if body := strings.TrimSpace(tt.values.Get("message")); len(body) < 100 && body != "" && !strings.Contains(page, strings.Split(body, "\r\n")[0]) {
			t.Errorf("%s: the text is lost", name)
		}
	}
	m.unreachable = "aucun serveur d’envoi n’est réglé"
	if status, page := c.post(replyPath, replyValues()); status != 422 || !strings.Contains(page, `id="voie-erreur"`) || len(m.sent) != 0 {
		t.Errorf("without a server: %d", status)
	}
	m.unreachable = ""
	// The house refuses: the form comes again under another key.
	m.refuse = ingest.Refused("another answer was sent from this form already; send this one as a new one")
	if status, page := c.post(replyPath, replyValues()); status != http.StatusConflict || !strings.Contains(page, "Une autre réponse est déjà partie") || strings.Contains(page, uploadKey) || !strings.Contains(page, "c’est fait.") {
		t.Errorf("refused: %d", status)
	}
	m.refuse = ingest.ErrUnavailable
	if status, _ := c.post(replyPath, replyValues()); status != http.StatusServiceUnavailable {
		t.Errorf("no database: %d", status)
	}
}

func TestReplyPreview(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	status, page := c.post(replyPath, replyValues("faire", "apercu", "message", "Bonjour <b>Marie</b>"))
	if status != 200 || !strings.Contains(page, "Rien n’est encore parti") || strings.Count(page, "Bonjour &lt;b&gt;Marie") != 2 || strings.Contains(page, "apercu.pdf") || !strings.Contains(page, uploadKey) || len(m.sent) != 0 {
		t.Errorf("%d, %d sent\n%s", status, len(m.sent), page)
	}
	paper := replyValues("voie", "papier", "nom", "Marie", "adresse", "1 rue", "faire", "apercu")
	if _, page := c.post(replyPath, paper); !strings.Contains(page, replyPath+"/apercu.pdf") {
		t.Error("the letter has no PDF")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, replyPath+"/apercu.pdf", strings.NewReader(paper.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="apercu-`+ref+`.pdf"` || !strings.HasPrefix(w.Body.String(), "%PDF-") || len(m.sent) != 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// English covers what the pages of this group say.
func TestMailRoomInEnglish(t *testing.T) {
	m := &mailRoom{}
	v := clerk
	v.Language = english
	c := m.desk(t, v)
	for path, want := range map[string]string{"/agent/courrier": "Upload scans", replyPath: "Start from a text", "/agent/courrier/registre": "Register of incoming mail"} {
		if status, page := c.get(path); status != 200 || !strings.Contains(page, want) || strings.Contains(page, "Déposer") || strings.Contains(page, "Registre") {
			t.Errorf("%s: %d", path, status)
		}
	}
}
