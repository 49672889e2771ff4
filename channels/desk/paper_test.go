package desk

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// mailRoom is a town hall of fakes for answers, letters, scans and registers.
type mailRoom struct {
	unreachable string
	sent        []ingest.Answer
	refuse      error
	letters     []ingest.Mail
	printed     []string
	sheets      []SeparatorQuery
	lines       []ingest.RegisterLine
	asked       []RegisterQuery
	torn        int // the line at which the register breaks off
	taken       []ingest.Submission
	full        error // what Submit answers
}

var _ Replies = (*mailRoom)(nil)

func (m *mailRoom) Categories() []Category {
	return []Category{{Code: "voirie", Label: "Voirie", Service: "Voirie"}, {Code: "aide", Label: "Aide", Service: "CCAS"}, {Code: "trottoirs", Label: "Trottoirs", Service: "Voirie"}}
}

func (m *mailRoom) Prepare(_ context.Context, v ingest.Viewer, reference string) (ReplyDesk, error) {
	if reference != ref {
		return ReplyDesk{}, fmt.Errorf("%w: %s", ingest.ErrNotFound, reference)
	}
	return ReplyDesk{
		Request:     ingest.Request{Reference: ref, Status: ingest.StatusNew, Subject: "Trottoir <cassé>", Text: "Bonjour", Sender: ingest.Person{Name: "Marie Petit", Email: "marie@example.fr"}},
		Templates:   []ReplyTemplate{{Code: "prise", Label: "Prise en charge", Subject: "Votre demande", Body: "Bonjour [à compléter : date]", Status: ingest.StatusInProgress}},
		Unreachable: m.unreachable, Officer: ingest.Officer{Name: v.Name},
	}, nil
}

func (m *mailRoom) Preview(_ context.Context, _ ingest.Viewer, _ string, a ingest.Answer) (ReplyPreview, error) {
	p := ReplyPreview{To: "marie@example.fr", Subject: a.Subject, Text: a.Body}
	if a.Paper {
		p.PDF = []byte("%PDF-1.3 " + a.Body)
	}
	return p, m.refuse
}

func (m *mailRoom) Reply(_ context.Context, _ ingest.Viewer, _ string, a ingest.Answer) (ingest.Mail, error) {
	if m.refuse != nil {
		return ingest.Mail{}, m.refuse
	}
	m.sent = append(m.sent, a)
	return ingest.Mail{ID: "m1", Kind: ingest.MailReply, To: "marie@example.fr", Number: "D-2026-000001", Detail: ingest.MailDetail{Paper: a.Paper}}, nil
}

func (m *mailRoom) Letters(context.Context, ingest.Viewer) ([]ingest.Mail, int, error) {
	return m.letters, len(m.letters), nil
}

func (m *mailRoom) Letter(_ context.Context, _ ingest.Viewer, id string) (ingest.Mail, error) {
	for _, l := range m.letters {
		if l.ID == id {
			return l, nil
		}
	}
	return ingest.Mail{}, ingest.ErrNotFound
}

func (m *mailRoom) LetterFile(context.Context, ingest.Viewer, string) (File, error) {
	return File{Name: "evil\r\nX: y.pdf", Type: ingest.MediaPDF, Size: 5, Body: io.NopCloser(strings.NewReader("%PDF-"))}, nil
}

func (m *mailRoom) Acknowledge(_ context.Context, _ ingest.Viewer, reference string) (ingest.Mail, error) {
	return ingest.Mail{ID: "papier-" + reference, Kind: ingest.MailPaper}, m.refuse
}

func (m *mailRoom) Printed(_ context.Context, _ ingest.Viewer, ids []string) (int, error) {
	m.printed = append(m.printed, ids...)
	return len(ids), m.refuse
}

func (m *mailRoom) Separators(_ context.Context, _ ingest.Viewer, q SeparatorQuery) (File, error) {
	m.sheets = append(m.sheets, q)
	return File{Type: ingest.MediaPDF, Size: 5, Body: io.NopCloser(strings.NewReader("%PDF-"))}, nil
}

func (m *mailRoom) Scans(_ context.Context, _ ingest.Viewer, ids []string) ([]ScanState, error) {
	states := map[string]ScanState{
		"new": {ID: "new", Filename: "a.pdf", State: ingest.StateReceived}, "filed": {ID: "filed", Filename: "b.pdf", State: ingest.StateFiled, Request: ref},
		"pile": {ID: "pile", State: ingest.StateSetAside, Letters: []ScanState{{State: ingest.StateFiled, Request: ref}, {State: ingest.StateReceived}}},
	}
	var out []ScanState
	for _, id := range ids {
		if s, ok := states[id]; ok {
			out = append(out, s)
		}
	}
	return out, nil
}

func (m *mailRoom) Register(_ context.Context, _ ingest.Viewer, q RegisterQuery, after string) (RegisterPage, error) {
	m.asked = append(m.asked, q)
	p := RegisterPage{Lines: m.lines, Total: len(m.lines)}
	if after == "" && len(m.lines) > 2 {
		p.Next = "2026-2"
	}
	return p, nil
}

func (m *mailRoom) RegisterLines(_ context.Context, _ ingest.Viewer, q RegisterQuery, f func(ingest.RegisterLine) error) error {
	m.asked = append(m.asked, q)
	for i, l := range m.lines {
		if m.torn > 0 && i == m.torn {
			return errors.New("torn")
		}
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

// Submit implements ingest.Sink.
func (m *mailRoom) Submit(_ context.Context, s ingest.Submission) (ingest.Receipt, error) {
	if m.full != nil {
		return ingest.Receipt{}, m.full
	}
	for i, t := range m.taken {
		if t.SourceKey == s.SourceKey {
			return ingest.Receipt{ID: fmt.Sprint("s", i+1), State: ingest.StateReceived, Replayed: true}, nil
		}
	}
	m.taken = append(m.taken, s)
	return ingest.Receipt{ID: fmt.Sprint("s", len(m.taken)), State: ingest.StateReceived}, nil
}

func (m *mailRoom) desk(t *testing.T, v ingest.Viewer) *deskClient {
	t.Helper()
	a := m.adapter(t, slog.New(slog.NewTextHandler(testLog{t}, nil)), v)
	return &deskClient{t: t, a: a, handler: a.routes().mux}
}

func (m *mailRoom) adapter(t testing.TB, log *slog.Logger, v ingest.Viewer) *Adapter {
	t.Helper()
	a, err := New(Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"}, Log: log, Now: func() time.Time { return bureauNow },
		Facts: m, Replies: m, Paper: m, Spool: ingest.Spool{Dir: t.TempDir()}, Limits: config.Limits{File: 1000},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.door.Lend(m)
	a.identify = func(*http.Request) (ingest.Viewer, bool) { return v, true }
	return a
}

// upload posts a multipart form of fields and files, in this order.
func (c *deskClient) upload(parts ...[3]string) (int, string) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		var part io.Writer
		var err error
		if p[1] == "" {
			part, err = w.CreateFormField(p[0])
		} else {
			part, err = w.CreateFormFile(p[0], p[1])
		}
		if err == nil {
			_, err = io.WriteString(part, p[2])
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	_ = w.Close()
	return c.postBody(&b, w.FormDataContentType())
}

func (c *deskClient) postBody(body io.Reader, contentType string) (int, string) {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, "/agent/courrier/scans", body)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return c.read(w)
}

const uploadKey = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func cle(key string) [3]string { return [3]string{"cle", "", key} }

func scan(name, content string) [3]string { return [3]string{"fichiers", name, content} }

const goodPDF = "%PDF-1.7\nx\n%%EOF\n"

// Each file is judged by itself: what is good is taken, however bad the others are.
func TestUpload(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	status, page := c.upload(
		cle(uploadKey), [3]string{"service", "", "Voirie"}, [3]string{"cachet", "", "2026-03-02"},
		scan("a.pdf", goodPDF), scan("vide.pdf", ""), scan("texte.pdf", "bonjour"), scan("gros.pdf", "%PDF-1.7"+strings.Repeat("x", 2000)),
		scan(`..\..\C:\<img src=x>`+"\u202e.jpg", "\xff\xd8\xff\xe0 \xff\xd9"), scan("", ""), scan("coupe.pdf", "%PDF-1.7\nhalf"), scan("a-encore.pdf", goodPDF),
	)
	if status != http.StatusOK || len(m.taken) != 3 {
		t.Fatalf("%d, %d taken:\n%s", status, len(m.taken), page)
	}
	s := m.taken[0]
	if s.Channel != ingest.ChannelScan || s.Account != Account || s.MediaType != ingest.MediaPDF || !s.ReceivedAt.Equal(bureauNow) ||
		s.Hints.Service != "Voirie" || s.Hints.Filename != "a.pdf" || s.Hints.Postmark != time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) || s.Hints.Batch != "lea/"+uploadKey ||
		s.SourceKey != s.Original.SHA256()+"|lea/"+uploadKey || len(s.Hints.Problems) != 0 {
		t.Errorf("%+v", s)
	}
	if s := m.taken[1]; s.MediaType != ingest.MediaJPEG || s.Hints.Filename != "<img src=x>.jpg" {
		t.Errorf("%q", s.Hints.Filename)
	}
	if s := m.taken[2]; len(s.Hints.Problems) != 1 || s.Hints.Problems[0].Code != "scan_cut" {
		t.Errorf("a file without its end: %+v", s.Hints)
	}
	for _, want := range []string{"Fichier vide.", "Ce n’est ni un PDF", "Fichier trop volumineux", "&lt;img src=x&gt;.jpg", "déjà déposé par cet envoi", "semble incomplet", `hx-get="/agent/courrier/scans/s1"`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(page, "<img src=x") || strings.Contains(page, `value="`+uploadKey+`"`) {
		t.Error("foreign markup, or the key of this upload, is in the page")
	}
	// The same form by somebody else is another one.
	if status, _ := m.desk(t, chief).upload(cle(uploadKey), scan("a.pdf", goodPDF)); status != http.StatusOK || len(m.taken) != 4 {
		t.Errorf("another agent's: %d, %d taken", status, len(m.taken))
	}
}

func TestUploadRefused(t *testing.T) {
	m := &mailRoom{}
	v := clerk
	v.Hidden = []string{"CCAS"}
	c := m.desk(t, v)
	for name, tt := range map[string]struct {
		parts  [][3]string
		status int
		want   string
	}{
		"nothing":           {[][3]string{cle(uploadKey), scan("", "")}, 422, "Choisissez au moins un fichier."},
		"no key":            {[][3]string{scan("a.pdf", goodPDF)}, 422, "n’est plus valable"},
		"a key of no form":  {[][3]string{cle("x"), scan("a.pdf", goodPDF)}, 422, "n’est plus valable"},
		"a key that is two": {[][3]string{cle(uploadKey + "|" + uploadKey), scan("a.pdf", goodPDF)}, 422, "n’est plus valable"},
		"unknown service":   {[][3]string{cle(uploadKey), {"service", "", "Police"}, scan("a.pdf", goodPDF)}, 422, "Choisissez un service de la liste."},
		"hidden service":    {[][3]string{cle(uploadKey), {"service", "", "CCAS"}, scan("a.pdf", goodPDF)}, 422, "Choisissez un service de la liste."},
		"postmark to come":  {[][3]string{cle(uploadKey), {"cachet", "", "2027-01-01"}, scan("a.pdf", goodPDF)}, 422, "Indiquez un jour passé"},
		"no day":            {[][3]string{cle(uploadKey), {"cachet", "", "31/12/2025"}, scan("a.pdf", goodPDF)}, 422, "Indiquez un jour passé"},
		"only bad ones":     {[][3]string{cle(uploadKey), scan("a.pdf", "no")}, 422, "Ce n’est ni un PDF"},
		"one side":          {[][3]string{cle(uploadKey), {"rectoverso", "", "oui"}, scan("a.pdf", goodPDF)}, 422, "déposez deux fichiers"},
		"one side is bad":   {[][3]string{cle(uploadKey), {"rectoverso", "", "oui"}, scan("a.pdf", goodPDF), scan("b.pdf", "")}, 422, "déposez deux fichiers"},
		"three sides":       {[][3]string{cle(uploadKey), {"rectoverso", "", "oui"}, scan("a.pdf", goodPDF), scan("b.pdf", goodPDF), scan("c.pdf", goodPDF)}, 422, "déposez deux fichiers"},
	} {
		m.taken = nil
		status, page := c.upload(tt.parts...)
		if status != tt.status || !strings.Contains(page, tt.want) || len(m.taken) != 0 {
			t.Errorf("%s: %d, %d taken; %q in the page: %v", name, status, len(m.taken), tt.want, strings.Contains(page, tt.want))
		}
		if strings.Contains(page, "CCAS") {
			t.Errorf("%s: a hidden service is named", name)
		}
	}
	m.taken = nil
	many := [][3]string{cle(uploadKey)}
	for i := range maxScans + 2 {
		many = append(many, scan(fmt.Sprint(i, ".pdf"), goodPDF+fmt.Sprint(i)))
	}
	if status, page := c.upload(many...); status != http.StatusOK || len(m.taken) != maxScans || strings.Count(page, "Trop de fichiers à la fois") != 2 {
		t.Errorf("%d, %d taken", status, len(m.taken))
	}
}

// What was taken before a fault is told, and the same form again adds the rest.
func TestUploadWithTrouble(t *testing.T) {
	m := &mailRoom{full: fmt.Errorf("%w: disk", ingest.ErrUnavailable)}
	c := m.desk(t, clerk)
	status, page := c.upload(cle(uploadKey), scan("a.pdf", goodPDF), scan("b.pdf", goodPDF+"b"))
	if status != http.StatusServiceUnavailable || !strings.Contains(page, `value="`+uploadKey+`"`) || !strings.Contains(page, "momentanément impossible") {
		t.Fatalf("%d\n%s", status, page)
	}
	m.full = nil
	if status, _ := c.upload(cle(uploadKey), scan("a.pdf", goodPDF), scan("b.pdf", goodPDF+"b")); status != http.StatusOK || len(m.taken) != 2 {
		t.Errorf("again: %d, %d taken", status, len(m.taken))
	}
	// A body that breaks off: the file that had come stands.
	m = &mailRoom{}
	body := "--x\r\nContent-Disposition: form-data; name=\"cle\"\r\n\r\n" + uploadKey + "\r\n--x\r\nContent-Disposition: form-data; name=\"fichiers\"; filename=\"a.pdf\"\r\n\r\n" + goodPDF +
		"\r\n--x\r\nContent-Disposition: form-data; name=\"fichiers\"; filename=\"b.pdf\"\r\n\r\n%PDF-1.7 ha"
	status, page = m.desk(t, clerk).postBody(strings.NewReader(body), "multipart/form-data; boundary=x")
	if status != http.StatusOK || len(m.taken) != 1 || !strings.Contains(page, "n’est pas arrivé en entier") {
		t.Errorf("broken off: %d, %d taken\n%s", status, len(m.taken), page)
	}
	// Between two files: what follows is not known.
	m = &mailRoom{}
	status, page = m.desk(t, clerk).postBody(io.MultiReader(strings.NewReader(body[:strings.LastIndex(body, "--x")+5]), brokenBody{}), "multipart/form-data; boundary=x")
	if status != http.StatusOK || len(m.taken) != 1 || !strings.Contains(page, "s’est interrompu") {
		t.Errorf("broken off between two: %d, %d taken", status, len(m.taken))
	}
	for _, contentType := range []string{"text/plain", "multipart/form-data", "application/x-www-form-urlencoded"} {
		if status, _ := c.postBody(strings.NewReader("cle=x"), contentType); status != http.StatusConflict {
			t.Errorf("%s: %d", contentType, status)
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func FuzzUpload(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"cle\"\r\n\r\n" + uploadKey + "\r\n--x\r\nContent-Disposition: form-data; name=\"fichiers\"; filename=\"a.pdf\"\r\n\r\n" + goodPDF + "\r\n--x--\r\n")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"fichiers\"; filename=\"\u202e<b>\"\r\nContent-Type: x\r\n\r\n\x89PNG\r\n\x1a\n\r\n--x\r\n")
	f.Add("")
	m := &mailRoom{}
	a := m.adapter(f, slog.New(slog.DiscardHandler), clerk)
	handler := a.routes().mux
	f.Fuzz(func(t *testing.T, body string) {
		m.taken = nil
		c := &deskClient{t: t, a: a, handler: handler}
		status, page := c.postBody(strings.NewReader(body), "multipart/form-data; boundary=x")
		if !slices.Contains([]int{200, 422}, status) || strings.Contains(page, "<b>") {
			t.Errorf("%d", status)
		}
		for _, s := range m.taken {
			if s.Hints.Batch == "" || s.Hints.Filename == "" || strings.ContainsAny(s.Hints.Filename, "/\\\r\n") {
				t.Errorf("%+v", s.Hints)
			}
		}
	})
}

// A scan's state is asked for until it has come to its end, with the letters of a pile.
func TestScanState(t *testing.T) {
	m := &mailRoom{}
	c := m.desk(t, clerk)
	for id, want := range map[string]int{"new": 200, "filed": scanStatusStop, "pile": 200, "hidden": 404} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/agent/courrier/scans/"+id, nil)
		r.Header.Set("HX-Request", "true")
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if status, page := c.read(w); status != want || want != 404 && strings.Contains(page, "<html") || (want == 200) != strings.Contains(page, "hx-get") {
			t.Errorf("%s: %d\n%s", id, status, page)
		}
	}
	if status, page := c.get("/agent/courrier/scans/filed"); status != 200 || !strings.Contains(page, "/agent/demandes/"+ref) {
		t.Errorf("as a page: %d", status)
	}
}

// The spreadsheet reads as one, and nothing in it is a formula.
func TestRegisterCSV(t *testing.T) {
	m := &mailRoom{}
	foreign := []string{"=cmd|' /C calc'!A0", "+33 6", "-1+1", "@SUM(A1)", "\t=1", "simple", "deux; mots", `"guillemets"`, "ligne\nsuivante"}
	for i, s := range foreign {
		m.lines = append(m.lines, ingest.RegisterLine{Number: ingest.RegisterNumber(ingest.Incoming, 2026, i+1), At: bureauNow, Who: s, Subject: s, Service: s, Channel: ingest.ChannelScan, Request: ref})
	}
	status, text := m.desk(t, reader).get("/agent/courrier/registre.csv?du=2026-03-01&au=2026-03-31")
	if status != 200 || !strings.HasPrefix(text, "\ufeffNuméro;Date;Expéditeur;Objet;Service;Voie;Demande\r\nA-2026-000001;10/03/2026;") {
		t.Fatalf("%d %.200q", status, text)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != len(foreign)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		for _, cell := range row[2:5] {
			if strings.ContainsRune("=+-@\t\r", rune(cell[0])) || strings.TrimPrefix(cell, "'") != foreign[i] {
				t.Errorf("%q became %q", foreign[i], cell)
			}
		}
	}
	if q := m.asked[0]; q != (RegisterQuery{Direction: ingest.Incoming, From: "2026-03-01", To: "2026-03-31"}) {
		t.Errorf("asked for %+v", q)
	}
}

// Half a file must not look like a whole one; an error before its beginning is a page.
func TestRegisterThatBreaksOff(t *testing.T) {
	lines := make([]ingest.RegisterLine, 3*csvFlush)
	for _, tt := range []struct {
		path  string
		torn  int
		abort bool
	}{{"csv", 2 * csvFlush, true}, {"csv", 1, false}, {"pdf", 2 * csvFlush, false}} {
		m := &mailRoom{lines: lines, torn: tt.torn}
		aborted := false
		status := 0
		func() {
			defer func() {
				if x := recover(); x != nil {
					err, _ := x.(error)
					aborted = errors.Is(err, http.ErrAbortHandler)
				}
			}()
			status, _ = m.desk(t, reader).get("/agent/courrier/registre." + tt.path)
		}()
		if aborted != tt.abort || !tt.abort && status != http.StatusInternalServerError {
			t.Errorf("%s torn at %d: aborted %v, %d", tt.path, tt.torn, aborted, status)
		}
	}
}

func TestRegisterForm(t *testing.T) {
	m := &mailRoom{lines: make([]ingest.RegisterLine, 3)}
	c := m.desk(t, reader)
	for query, want := range map[string]RegisterQuery{
		"": {Direction: ingest.Incoming, From: "2026-03-01", To: "2026-03-10"},
		"?sens=depart&du=2026-01-01&au=2026-01-31&voie=scan":  {Direction: ingest.Outgoing, From: "2026-01-01", To: "2026-01-31", Channel: ingest.ChannelScan},
		"?sens=x&voie=pigeon&du=+2026-03-02+&au=2026-03-02++": {Direction: ingest.Incoming, From: "2026-03-02", To: "2026-03-02"},
	} {
		m.asked = nil
		if status, page := c.get("/agent/courrier/registre" + query); status != 200 || m.asked[0] != want || !strings.Contains(page, "apres=2026-2") {
			t.Errorf("%s: %d, %+v", query, status, m.asked)
		}
	}
	m.asked = nil
	for query, want := range map[string]string{"?du=hier": "du-erreur", "?du=2026-02-30": "du-erreur", "?du=2026-03-02&au=2026-03-01": "au-erreur", "?au=": "au-erreur"} {
		if status, page := c.get("/agent/courrier/registre" + query); status != 422 || !strings.Contains(page, want) {
			t.Errorf("%s: %d", query, status)
		}
		if status, _ := c.get("/agent/courrier/registre.pdf" + query); status != http.StatusConflict {
			t.Errorf("%s as PDF: %d", query, status)
		}
	}
	if len(m.asked) > 0 {
		t.Errorf("asked for %+v", m.asked)
	}
}

func TestLettersAndSheets(t *testing.T) {
	m := &mailRoom{letters: []ingest.Mail{{
		ID: "l1", Kind: ingest.MailReply, State: ingest.MailToPrint, Number: "D-2026-000007", Request: ref,
		Detail: ingest.MailDetail{Paper: true, Subject: "<script>", Recipient: &ingest.Addressee{Name: "Marie", Address: "1 rue\nVille"}, Officer: &ingest.Officer{Name: "Léa"}},
	}}}
	c := m.desk(t, clerk)
	if status, page := c.get("/agent/courrier/lettres/l1"); status != 200 || strings.Contains(page, "<script>") || !strings.Contains(page, "D-2026-000007") {
		t.Errorf("letter: %d", status)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/agent/courrier/lettres/l1/lettre.pdf", nil)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="courrier-D-2026-000007.pdf"` {
		t.Errorf("name %s", got)
	}
	if status, to := c.post("/agent/courrier/lettres", url.Values{"lettre": {"l1", "l2"}}); status != 303 || !strings.Contains(to, "2 lettres notées") || len(m.printed) != 2 {
		t.Errorf("printed: %d %s", status, to)
	}
	if status, _ := c.post("/agent/courrier/lettres", nil); status != http.StatusConflict {
		t.Errorf("none ticked: %d", status)
	}
	if status, _ := c.get("/agent/courrier/separateurs.pdf?service=Voirie&exemplaires=20&voie=guichet&cachet=2026-03-02"); status != 200 || m.sheets[0].Copies != 20 || !m.sheets[0].Counter || m.sheets[0].Postmark != "2026-03-02" {
		t.Errorf("sheets: %d %+v", status, m.sheets)
	}
	for _, query := range []string{"exemplaires=0", "exemplaires=101", "exemplaires=x", "cachet=demain"} {
		if status, _ := c.get("/agent/courrier/separateurs.pdf?" + query); status != http.StatusConflict {
			t.Errorf("%s: %d", query, status)
		}
	}
	// A reader sees the registers, and nothing to do.
	status, page := m.desk(t, reader).get("/agent/courrier")
	if status != 200 || strings.Contains(page, "D-2026-000007") || strings.Contains(page, "multipart") || !strings.Contains(page, "registre.pdf") {
		t.Errorf("a reader's mail room: %d", status)
	}
}
