package desk

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// Counter helps to enter what is said at the counter and on the phone. What is hidden from
// the viewer is not suggested.
type Counter interface {
	// Known are earlier requests of a phone number or a name, newest first. They are no
	// identities: each is what one request says of its sender.
	Known(ctx context.Context, v ingest.Viewer, phone, name string) ([]ingest.Acquaintance, error)
	// Acquaintance is the sender of a request, with the submission that opened it.
	Acquaintance(ctx context.Context, v ingest.Viewer, reference string) (ingest.Acquaintance, error)
	// Similar are requests that what is being typed may repeat, the likeliest first.
	Similar(ctx context.Context, v ingest.Viewer, n ingest.Note) ([]Likeness, error)
	// Outcome is what has become of a submission that was entered.
	Outcome(ctx context.Context, v ingest.Viewer, submission string) (CounterOutcome, error)
	// Receipt is the printable receipt of a submission (PDF).
	Receipt(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// MailReceipt sends the receipt to the address that the citizen gave. Once is enough: a
	// second time does nothing.
	MailReceipt(ctx context.Context, v ingest.Viewer, submission string) error
}

// Likeness is a request that what is being typed may repeat.
type Likeness struct {
	Reference, Subject string
	Sender, Place      string
	Category           string // its label
	Status             ingest.Status
	ingest.Suggestion
	// Certain is set where saisine will join the two by itself.
	Certain bool
}

// CounterOutcome is what has become of a submission that was entered at the desk.
type CounterOutcome struct {
	Record ingest.Record
	// Request is nil while there is none, and where the viewer does not see it.
	Request  *ingest.Request
	Category string // label
	// Hidden is set where the viewer entered it themselves, and it was filed where they see
	// nothing.
	Hidden bool
	// MailTo is the address to which the receipt can be sent, or ""; Mailed is set when it was.
	MailTo string
	Mailed bool
}

// counterRoutes are the pages of the counter and the phone.
func (a *Adapter) counterRoutes(o *router) {
	if a.opts.Counter == nil {
		return
	}
	o.handle("GET /agent/nouvelle", ingest.RoleAgent, a.serveNote)
	o.handle("POST /agent/nouvelle", ingest.RoleAgent, a.serveNotePost)
	// Posted, though they only look: what a citizen says must not stand in addresses, which
	// servers in between write down.
	o.handle("POST /agent/nouvelle/connus", ingest.RoleAgent, a.serveKnown)
	o.handle("POST /agent/nouvelle/proches", ingest.RoleAgent, a.serveSimilar)
	o.handle("GET /agent/nouvelle/{id}", ingest.RoleAgent, a.serveOutcome)
	o.handle("GET /agent/nouvelle/{id}/etat", ingest.RoleAgent, a.serveOutcomeState)
	o.handle("GET /agent/nouvelle/{id}/recepisse", ingest.RoleAgent, a.serveReceipt)
	o.handle("POST /agent/nouvelle/{id}/courriel", ingest.RoleAgent, a.serveReceiptMail)
}

// Bounds of the fields, in characters. What is longer was not typed.
const (
	noteTextMax  = 20_000
	noteFieldMax = 500
	noteBodyMax  = 256 << 10
	subjectLine  = 80
)

// wayCookie remembers whether an agent sits at the counter or on the phone.
const wayCookie = "__Host-saisine-voie"

// noteForm is the form of a new request.
type noteForm struct {
	Key      string // tells a second click from a second request
	Channel  ingest.Channel
	Text     string
	Subject  string
	Sender   ingest.Person
	Place    string
	Category string
	// FollowUp is the reference of the request to which it is added, or "".
	FollowUp string
}

// notePage is the page of a new request.
type notePage struct {
	Form       noteForm
	Errors     map[string]string // by field
	Failed     string            // why nothing was stored, or ""
	Categories []Category
	// Added is the request to which it will be added.
	Added   *ingest.Acquaintance
	Known   knownView
	Similar similarView
}

// knownView are those who wrote or called before.
type knownView struct {
	Items []knownItem
	// Asked is set when there was something to look for.
	Asked bool
}

type knownItem struct {
	ingest.Acquaintance
	// Fill are the fields that choosing it fills in, as JSON.
	Fill string
}

// similarView are requests that may be the same.
type similarView struct {
	Items []Likeness
	Asked bool
}

// newKey makes the key of a form.
func newKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

func (a *Adapter) serveNote(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f := noteForm{Key: newKey(), Channel: ingest.ChannelCounter}
	if c, err := r.Cookie(wayCookie); err == nil && c.Value == string(ingest.ChannelPhone) {
		f.Channel = ingest.ChannelPhone
	}
	q := r.URL.Query()
	if way := ingest.Channel(q.Get("voie")); way == ingest.ChannelCounter || way == ingest.ChannelPhone {
		f.Channel = way
	}
	if ref := q.Get("de"); ref != "" {
		known, err := a.opts.Counter.Acquaintance(r.Context(), v, ref)
		if err != nil {
			return err
		}
		f.Sender = known.Sender
	}
	f.FollowUp = q.Get("suite")
	return a.showNote(w, r, v, http.StatusOK, notePage{Form: f})
}

// showNote shows the form, with what it is to be added to.
func (a *Adapter) showNote(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p notePage) error {
	if p.Form.FollowUp != "" && p.Added == nil {
		known, err := a.opts.Counter.Acquaintance(r.Context(), v, p.Form.FollowUp)
		if err != nil {
			return err
		}
		p.Added, p.Form.FollowUp = &known, known.Reference
	}
	if a.opts.Facts != nil {
		p.Categories = a.opts.Facts.Categories()
	}
	return a.show(w, r, v, status, "nouvelle", page{Title: "Nouvelle demande", Section: "nouvelle", Body: p})
}

// readNote reads the posted form, and keeps all of it.
func readNote(w http.ResponseWriter, r *http.Request) (noteForm, error) {
	r.Body = http.MaxBytesReader(w, r.Body, noteBodyMax)
	if err := r.ParseForm(); err != nil {
		return noteForm{}, ingest.Refused("the form could not be read")
	}
	// The form's own text: browsers send line ends as CR LF.
	field := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(strings.ReplaceAll(r.PostForm.Get(name), "\x00", ""), "\ufffd"), "\r\n", "\n"))
	}
	f := noteForm{
		Key: field("cle"), Channel: ingest.ChannelCounter, Text: field("texte"), Subject: field("objet"),
		Sender: ingest.Person{Name: field("nom"), Phone: field("telephone"), Email: field("courriel"), Address: field("adresse")},
		Place:  field("lieu"), Category: field("categorie"),
	}
	if field("voie") == string(ingest.ChannelPhone) {
		f.Channel = ingest.ChannelPhone
	}
	if !keyForm.MatchString(f.Key) {
		f.Key = newKey()
	}
	// The button of a suggestion goes before the request that was chosen earlier.
	if all := r.PostForm["suite"]; len(all) > 0 {
		f.FollowUp = strings.TrimSpace(all[len(all)-1])
	}
	return f, nil
}

// check says what is wrong with the form, by field.
func (a *Adapter) check(t tongue, f noteForm) map[string]string {
	wrong := map[string]string{}
	if f.Text == "" {
		wrong["texte"] = t.T("Écrivez en quelques mots ce que la personne demande.")
	}
	if utf8.RuneCountInString(f.Text) > noteTextMax {
		wrong["texte"] = t.T("Ce texte est trop long.")
	}
	for name, value := range map[string]string{
		"objet": f.Subject, "nom": f.Sender.Name, "telephone": f.Sender.Phone, "courriel": f.Sender.Email, "adresse": f.Sender.Address, "lieu": f.Place,
	} {
		if utf8.RuneCountInString(value) > noteFieldMax {
			wrong[name] = t.T("Ce texte est trop long.")
		}
	}
	if f.Sender.Email != "" {
		if m, err := mail.ParseAddress(f.Sender.Email); err != nil || m.Address != f.Sender.Email {
			wrong["courriel"] = t.T("Cette adresse n’a pas la forme nom@domaine.fr.")
		}
	}
	if f.Category != "" && !a.hasCategory(f.Category) {
		wrong["categorie"] = t.T("Choisissez une catégorie de la liste.")
	}
	return wrong
}

func (a *Adapter) hasCategory(code string) bool {
	if a.opts.Facts == nil {
		return false
	}
	for _, c := range a.opts.Facts.Categories() {
		if c.Code == code {
			return true
		}
	}
	return false
}

// note is the original that is kept of a form.
func (f noteForm) note(agent string) ingest.Note {
	n := ingest.Note{
		// The key makes notes of the same words different: two callers are not one.
		ID: f.Key, Channel: string(f.Channel), Subject: f.Subject, Body: f.Text, Category: f.Category, Place: f.Place, Sender: f.Sender, Agent: agent,
	}
	if n.Subject == "" {
		n.Subject = subjectOf(f.Text)
	}
	return n
}

// sentenceEnd finds the end of a first sentence that says something. A short word before a
// dot is none: "rue du Dr. Roux".
var sentenceEnd = regexp.MustCompile(`^.{8,}?(?:\pL{4}[.]|[!?])(?: |$)`)

// subjectOf is the beginning of a text, as a line to recognise it by: its first sentence, or
// as many of its words as fit.
func subjectOf(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.Join(strings.Fields(line), " ")
	if m := sentenceEnd.FindStringIndex(line); m != nil {
		line = strings.TrimRight(line[:m[1]], ".!? \u00a0")
	}
	runes := []rune(line)
	if len(runes) <= subjectLine {
		return line
	}
	cut := string(runes[:subjectLine])
	if i := strings.LastIndexByte(cut, ' '); i > subjectLine/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:-") + "…"
}

// fill is what choosing an acquaintance fills in, by the names of the fields.
func fill(p ingest.Person) string {
	fields := map[string]string{}
	for name, value := range map[string]string{"nom": p.Name, "telephone": p.Phone, "courriel": p.Email, "adresse": p.Address} {
		if value != "" {
			fields[name] = value
		}
	}
	out, _ := json.Marshal(fields) // strings only
	return string(out)
}
