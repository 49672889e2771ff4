package match

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr"
)

// town is the candidates of a small town, answered from a list as the store would from
// its tables, but for the order and the bounds.
type town struct {
	m         *Matcher
	waiting   bool
	rows      []row
	suggested map[string][]ingest.Suggestion
}

type row struct {
	ingest.Candidate
	sha     string
	profile ingest.Profile
}

func (t *town) where(fits func(row) bool) []ingest.Candidate {
	var out []ingest.Candidate
	for _, r := range t.rows {
		if fits(r) {
			out = append(out, r.Candidate)
		}
	}
	return out
}

func (t *town) ByHash(_ context.Context, h string) ([]ingest.Candidate, error) {
	return t.where(func(r row) bool { return r.sha == h }), nil
}

func (t *town) ByMessageID(_ context.Context, ids []string) ([]ingest.Candidate, error) {
	return t.where(func(r row) bool { return r.MessageID != "" && slices.Contains(ids, r.MessageID) }), nil
}

func (t *town) ByReference(_ context.Context, ref string) ([]ingest.Candidate, error) {
	return t.where(func(r row) bool { return r.Request == ref }), nil
}

func (t *town) BySubmission(_ context.Context, id string) ([]ingest.Candidate, error) {
	return t.where(func(r row) bool { return r.SubmissionID == id }), nil
}

func (t *town) Alike(_ context.Context, p ingest.Profile) ([]ingest.Candidate, error) {
	common := func(a, b []int64) int {
		n := 0
		for _, k := range a {
			if slices.Contains(b, k) {
				n++
			}
		}
		return n
	}
	var out []ingest.Candidate
	for _, r := range t.rows {
		k := r.Candidate
		k.Shared = common(p.Bands, r.profile.Bands) + common(p.Quoted, r.profile.Bands)
		if p.TextKey != "" && p.TextKey == r.profile.TextKey {
			k.Shared = len(p.Bands)
		}
		if k.Shared+common(p.Facts, r.profile.Facts)+common(p.Words, r.profile.Words) > 0 {
			out = append(out, k)
		}
	}
	return out, nil
}

func (t *town) Suggested(_ context.Context, ref string) ([]ingest.Suggestion, error) {
	return t.suggested[ref], nil
}

func (t *town) OthersWaiting(context.Context) (bool, error) { return t.waiting, nil }

// piece is a submission of a test.
type piece struct {
	channel  ingest.Channel
	from     ingest.Person
	subject  string
	text     string
	own      string
	category string
	place    string
	at       time.Duration
	reading  ingest.Reading
}

func (p piece) take() (ingest.Record, ingest.Reading, ingest.Classification) {
	r := p.reading
	r.From, r.Subject, r.Text, r.OwnText, r.Place = p.from, p.subject, p.text, p.own, p.place
	channel := p.channel
	if channel == "" {
		channel = ingest.ChannelMailbox
	}
	rec := ingest.Record{
		Channel: channel, ReceivedAt: day.Add(p.at), RecordedAt: day.Add(p.at),
		SHA256: fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, p))),
	}
	c := ingest.Classification{NeedsReview: p.category == ""}
	if p.category != "" {
		c.Public = p.category == "eclairage-public" || p.category == "voirie"
		c.Category, c.Top = p.category, []ingest.Ranked{{Category: p.category, Score: 0.9}}
	}
	return rec, r, c
}

var day = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// add files a piece as the opening of a request, and returns the submission's id.
func (t *town) add(ref string, p piece) string {
	rec, r, c := p.take()
	id := fmt.Sprintf("0198c5f0-0000-7000-8000-%012d", len(t.rows)+1)
	profile := t.m.Profile(rec, r, c)
	t.rows = append(t.rows, row{ingest.Candidate{
		SubmissionID: id, Request: ref, Channel: rec.Channel, From: r.From, MessageID: r.MessageID, ReceivedAt: rec.ReceivedAt,
		Status: ingest.StatusNew, Category: c.Category, Summary: profile.Summary,
	}, rec.SHA256, profile})
	return id
}

func (t *town) match(tb testing.TB, p piece) ingest.Match {
	tb.Helper()
	rec, r, c := p.take()
	got, err := t.m.Match(tb.Context(), t, rec, r, t.m.Profile(rec, r, c))
	if err != nil {
		tb.Fatal(err)
	}
	if got.Link != ingest.LinkOpens && (len(got.Reasons) == 0 || got.To == "") {
		tb.Errorf("a link without reason or submission: %+v", got)
	}
	return got
}

var (
	alice = ingest.Person{Name: "Alice Martin", Email: "alice@example.fr", Phone: "06 39 98 11 22"}
	// settled is Alice where she has said where she lives.
	settled = ingest.Person{Name: "Alice Martin", Email: "alice@example.fr", Address: "3 rue du Bac"}
	bob     = ingest.Person{Name: "Bob Petit", Email: "bob@example.fr"}
)

const lamp = "Bonjour, le lampadaire devant le 18 rue des Acacias ne s'allume plus depuis dix jours et le virage est dangereux le soir pour les enfants du collège. Merci de le réparer."

// file is a reading with a file.
func file(sha string) ingest.Reading {
	return ingest.Reading{Attachments: []ingest.Attachment{{Name: "demande.pdf", SHA256: sha}}}
}

// scanned is a reading of a page that was recognised.
var scanned = ingest.Reading{Pages: []ingest.Page{{Number: 1, Source: ocr.SourceOCR}}}

// smudged is lamp as OCR reads it from a bad copy: one character in twelve is wrong.
const smudged = "8onjour, le lampadairc devant lc 18 rue des Acacias ne s'a1lume plns depuis dix jours et le vjrage est dangereux le sojr pour 1es enfants du col1ège. Merci de le réparcr."

// corpus tells what is in every letter from what is not.
var corpus = NewWeights([]string{
	lamp, "Bonjour, quand passe le camion devant la résidence ?", "Merci de me répondre, depuis lundi dernier rien ne bouge.",
	"Bonjour, je vous écris devant l'urgence, depuis dix jours les enfants attendent.", "Le dépôt grossit devant chez nous, merci de passer.",
	"Plus personne ne passe depuis lundi, pour les jours qui viennent merci de faire quelque chose.",
})

func newTown() *town {
	return &town{m: &Matcher{Weights: corpus, Tokens: ingest.Tokens{Key: []byte(strings.Repeat("k", 32))}, Now: func() time.Time { return day.Add(time.Hour) }}}
}

func TestMatch(t *testing.T) {
	const hour, month = time.Hour, 31 * 24 * time.Hour
	school := func(child, class string) string {
		return "Inscription de " + child + " Martin en " + class + " pour la rentrée de septembre. Livret de famille, justificatif de domicile et carnet de vaccination joints. Cantine le lundi et le jeudi."
	}
	tests := []struct {
		name     string
		known    piece
		new      piece
		link     ingest.Link
		suggests ingest.SuggestionKind // "" for none
	}{
		{"a petition that a homonym signs", piece{from: alice, text: lamp}, piece{from: ingest.Person{Name: "Martin Alice", Email: "am@example.org"}, text: lamp}, ingest.LinkOpens, ingest.SuggestSame},
		{"two letters of one person by one scan", piece{channel: ingest.ChannelScan, from: ingest.Person{Name: "Alice Martin"}, text: smudged}, piece{channel: ingest.ChannelCounter, from: ingest.Person{Name: "Alice Martin"}, text: strings.Replace(smudged, "rue", "place", 1), reading: scanned}, ingest.LinkOpens, ingest.SuggestSame},
		// Each of these once lost a citizen.
		{"a reference and a surname", piece{channel: ingest.ChannelPhone, from: ingest.Person{Name: "Mme Guillou", Phone: "06 39 98 11 22"}, text: lamp}, piece{from: ingest.Person{Name: "M. Guillou", Email: "v@example.fr"}, text: "Ma demande 2026-000001 est à annuler."}, ingest.LinkOpens, ingest.SuggestSame},
		{"homonyms of two houses", piece{from: ingest.Person{Name: "Marie Martin", Email: "m@example.fr", Address: "2 rue du Puits"}, text: lamp}, piece{from: ingest.Person{Name: "Marie Martin", Phone: "06 39 98 11 22", Address: "45 rue du Puits"}, text: lamp}, ingest.LinkOpens, ingest.SuggestSame},
		{"two signatures of one telephone", piece{from: ingest.Person{Name: "Paul Jestin", Phone: "02 61 91 00 01", Email: "p@example.fr"}, text: lamp}, piece{from: ingest.Person{Name: "Odile Rannou", Phone: "02 61 91 00 01", Email: "o@example.fr"}, text: lamp}, ingest.LinkOpens, ingest.SuggestSame},
		{"Dupont and Dupond", piece{from: ingest.Person{Name: "Jean Dupont"}, text: lamp}, piece{from: ingest.Person{Name: "Jean Dupond"}, text: lamp}, ingest.LinkOpens, ingest.SuggestGroup},
		{"two children, after a colon", piece{from: alice, text: "Inscription à la cantine. Prénom : Paul. Classe : CP. Jours : lundi, mardi, jeudi. Allergies : aucune. Merci de confirmer."}, piece{from: alice, text: "Inscription à la cantine. Prénom : Léonie. Classe : CE1. Jours : lundi, mardi, jeudi. Allergies : aucune. Merci de confirmer."}, ingest.LinkOpens, ingest.SuggestSame},
		{"two children, after a colon that stands alone", piece{from: alice, text: "Enfant : Lucas Martin, né le 05/03/2018. École : Leconte, CE2. Jours : lundi, mardi, jeudi, vendredi. Régime : sans porc. Je souhaite l'inscription à compter du 7 septembre."}, piece{from: alice, text: "Enfant : Loïs Martin, né le 05/03/2018. École : Leconte, CE2. Jours : lundi, mardi, jeudi, vendredi. Régime : sans porc. Je souhaite l'inscription à compter du 7 septembre."}, ingest.LinkOpens, ingest.SuggestSame},
		{"two children, in the subject", piece{from: alice, subject: "Inscription de Paul", text: "Bonjour, merci d'inscrire mon enfant à la cantine du lundi au vendredi pour toute l'année scolaire."}, piece{from: alice, subject: "Inscription de Léonie", text: "Bonjour, merci d'inscrire mon enfant à la cantine du lundi au vendredi pour toute l'année scolaire."}, ingest.LinkOpens, ingest.SuggestSame},
		{"two children, written small", piece{from: alice, text: "bonjour je voudrais inscrire ma fille lina a la cantine du lundi au vendredi pour toute l'année scolaire merci"}, piece{from: alice, text: "bonjour je voudrais inscrire ma fille zélie a la cantine du lundi au vendredi pour toute l'année scolaire merci"}, ingest.LinkOpens, ingest.SuggestSame},
		{"the same words with another file", piece{from: alice, subject: "Document", text: "Veuillez trouver ci-joint ma demande, merci de me confirmer la bonne réception de ce dossier complet.", reading: file("a")}, piece{from: alice, subject: "Document", text: "Veuillez trouver ci-joint ma demande, merci de me confirmer la bonne réception de ce dossier complet.", reading: file("b"), at: 2 * hour}, ingest.LinkOpens, ingest.SuggestSame},
		{"two citizens' mails passed on by the front office", piece{from: bob, subject: "TR: Demande", own: "Pour traitement svp", text: "Pour traitement svp\nDe : Anne Tanguy <a@x.fr>\nJe souhaite renouveler ma carte d'identité avant juin."}, piece{from: bob, subject: "TR: Demande", own: "Pour traitement svp", text: "Pour traitement svp\nDe : Luc Hamon <l@x.fr>\nMon bac jaune n'a pas été vidé lundi."}, ingest.LinkOpens, ingest.SuggestSame},
		{"another child, by letter", piece{from: settled, text: "Bonjour, je souhaite inscrire mon fils Paul à l'école du centre pour la rentrée de septembre, quelles pièces dois-je fournir et à quelle date ?"}, piece{channel: ingest.ChannelScan, from: settled, text: "Bonjour, je souhaite inscrire ma fille Léonie à la maternelle des Tilleuls pour la rentrée de septembre, quelles pièces dois-je fournir et à quelle date ?"}, ingest.LinkOpens, ingest.SuggestSame},
		{"an answer with a subject that is not its own", piece{from: alice, subject: "Bac jaune non vidé", text: "Le bac jaune n'a pas été vidé lundi devant chez moi, merci de repasser.", category: "proprete-dechets", reading: ingest.Reading{MessageID: "m1@x"}}, piece{from: alice, subject: "Re: Bac jaune non vidé", text: "Nouvelle demande : un rendez-vous pour ma carte d'identité.", category: "etat-civil", reading: ingest.Reading{InReplyTo: []string{"m1@x"}}}, ingest.LinkOpens, ingest.SuggestSame},
		{"a petition forwarded by an initial", piece{from: ingest.Person{Name: "Sophie Le Gall", Email: "sophie@example.fr"}, text: lamp}, piece{from: ingest.Person{Name: "S. Le Gall", Email: "stephane@example.fr"}, own: "Moi aussi.", text: "Moi aussi.\n> " + lamp}, ingest.LinkOpens, ingest.SuggestSame},
		{"a page of the town's site named", piece{from: alice, text: "Je souhaite inscrire ma fille Rozenn au centre de loisirs du mercredi.", category: "scolaire-periscolaire"}, piece{from: alice, text: "Comme indiqué sur votre site, je souhaite inscrire mon fils Malo à la cantine.", category: "scolaire-periscolaire", at: 48 * hour}, ingest.LinkOpens, ingest.SuggestSame},
		{"one household, of which one signs with the address", piece{from: ingest.Person{Name: "Paul Jestin", Email: "p@example.fr"}, text: lamp + " Paul Jestin, 22 corniche de Pors-Gwen"}, piece{channel: ingest.ChannelWebform, from: ingest.Person{Name: "Anne Jestin", Email: "a@example.fr", Address: "22, corniche de Pors-Gwen"}, text: "Le réverbère du virage est mort, on ne voit rien en rentrant du collège.", category: "eclairage-public"}, ingest.LinkOpens, ingest.SuggestSame},
		{"nothing in common", piece{from: alice, text: lamp}, piece{from: bob, text: "Je voudrais inscrire ma fille à la crèche municipale pour la rentrée, quelles pièces fournir ?"}, ingest.LinkOpens, ""},
		{"double click, one word changed", piece{channel: ingest.ChannelWebform, from: alice, text: lamp}, piece{channel: ingest.ChannelWebform, from: alice, text: strings.Replace(lamp, "dix", "douze", 1), at: hour}, ingest.LinkDuplicate, ""},
		{"same words in capitals", piece{from: alice, text: lamp}, piece{from: alice, text: strings.ToUpper(lamp)}, ingest.LinkDuplicate, ""},
		{"mail, then the letter, misread", piece{from: alice, text: lamp}, piece{channel: ingest.ChannelScan, from: ingest.Person{Name: "MARTIN Alice"}, text: smudged, at: hour}, ingest.LinkDuplicate, ""},
		{"letter, misread, of a homonym of the family", piece{from: alice, text: lamp}, piece{channel: ingest.ChannelScan, from: ingest.Person{Name: "Lucie Martin"}, text: smudged, at: hour}, ingest.LinkOpens, ingest.SuggestGroup},
		{"a petition", piece{from: alice, text: lamp}, piece{from: bob, text: lamp}, ingest.LinkOpens, ingest.SuggestGroup},
		{"same words, sender unknown", piece{from: alice, text: lamp}, piece{text: lamp}, ingest.LinkOpens, ingest.SuggestGroup},
		{"same words after the window", piece{from: alice, text: lamp}, piece{from: alice, text: lamp, at: 2 * month}, ingest.LinkOpens, ingest.SuggestSame},
		{"the second child", piece{from: alice, text: school("Léonie", "petite section")}, piece{from: alice, text: school("Nathan", "CP")}, ingest.LinkOpens, ingest.SuggestSame},
		{"another number", piece{from: alice, text: lamp}, piece{from: alice, text: strings.Replace(lamp, "18 rue", "22 rue", 1)}, ingest.LinkOpens, ingest.SuggestSame},
		{"the same trouble anew", piece{from: alice, text: lamp}, piece{from: alice, text: "De nouveau une panne. " + lamp, at: 20 * 24 * hour}, ingest.LinkOpens, ingest.SuggestSame},
		{"another category", piece{from: alice, text: lamp, category: "eclairage-public"}, piece{from: alice, text: lamp + " Et ?", category: "finances"}, ingest.LinkOpens, ingest.SuggestSame},
		{
			"another place",
			piece{from: alice, text: lamp, category: "voirie", place: "rue des Acacias"},
			piece{from: alice, text: lamp + " !!", category: "voirie", place: "rue Pasteur"},
			ingest.LinkOpens, ingest.SuggestSame,
		},
		{
			"a neighbour",
			piece{from: alice, text: lamp, category: "eclairage-public", place: "rue des Acacias"},
			piece{from: bob, text: "Plus de lumière dans le virage, on n'y voit rien quand je promène le chien.", category: "eclairage-public", place: "Rue des Acacias"},
			ingest.LinkOpens, ingest.SuggestNeighbour,
		},
		{
			"the same person, place and trouble the next day, in other words",
			piece{from: alice, text: lamp, category: "eclairage-public", place: "18 rue des Acacias"},
			piece{from: alice, text: "Il n'y a plus de lumière aux Acacias ce soir, le lampadaire du virage est éteint.", category: "eclairage-public", place: "rue des Acacias", at: 20 * hour},
			ingest.LinkDuplicate, "",
		},
		{
			"the same, a week later",
			piece{from: alice, text: lamp, category: "eclairage-public", place: "18 rue des Acacias"},
			piece{from: alice, text: "Plus de lumière aux Acacias ce soir, le lampadaire du virage est éteint.", category: "eclairage-public", place: "rue des Acacias", at: 9 * 24 * hour},
			ingest.LinkOpens, ingest.SuggestSame,
		},
		{
			"a chaser without reference",
			piece{from: alice, subject: "Lampadaire", text: lamp},
			piece{from: alice, subject: "Relance", text: "Sans réponse à ce jour, je vous relance pour le lampadaire des Acacias, toujours éteint dans le virage.", at: 5 * 24 * hour},
			ingest.LinkFollowUp, "",
		},
		{
			"the same person on the phone",
			piece{from: alice, text: lamp, category: "eclairage-public"},
			piece{channel: ingest.ChannelPhone, from: ingest.Person{Name: "Mme Martin", Phone: "+33 6 39 98 11 22"}, text: "Signale un réverbère éteint au virage.", category: "eclairage-public"},
			ingest.LinkOpens, ingest.SuggestSame,
		},
		{
			"the original quoted in full, from the same address",
			piece{from: alice, text: lamp},
			piece{from: alice, own: "L'avez-vous bien reçu ?", text: "L'avez-vous bien reçu ?\n> " + lamp},
			ingest.LinkFollowUp, "",
		},
		{
			"the original quoted in full, from another address",
			piece{from: alice, text: lamp},
			piece{from: ingest.Person{Name: "A. Martin", Email: "am@example.org"}, own: "L'avez-vous bien reçu ?", text: "L'avez-vous bien reçu ?\n> " + lamp},
			ingest.LinkOpens, ingest.SuggestSame,
		},
		{"reference of a known sender", piece{from: alice, text: lamp}, piece{from: alice, subject: "Dossier 2026-000001", text: "Voici la photo."}, ingest.LinkFollowUp, ""},
		{"reference, misread", piece{from: settled, text: lamp}, piece{channel: ingest.ChannelScan, from: ingest.Person{Name: "Alice Martin", Address: "3, rue du Bac, 99100 Ville"}, text: "Suite à votre accusé 2O26-OOO00l, voici la photo."}, ingest.LinkFollowUp, ""},
		{"reference of a stranger", piece{from: alice, text: lamp}, piece{from: bob, subject: "Dossier 2026-000001", text: "Où en est-on ?"}, ingest.LinkOpens, ingest.SuggestSame},
		{"reference, and another matter", piece{from: alice, text: lamp}, piece{from: alice, subject: "Dossier 2026-000001", text: "Rien à voir avec cette demande : à quelle heure ouvre la piscine ?"}, ingest.LinkOpens, ingest.SuggestSame},
		{"reference that there is not", piece{from: alice, text: lamp}, piece{from: bob, subject: "Dossier 2026-000009", text: "Où en est-on ?"}, ingest.LinkOpens, ""},
		{
			"answer to a known mail",
			piece{from: alice, text: lamp, reading: ingest.Reading{MessageID: "m1@x"}},
			piece{from: ingest.Person{Email: "ALICE@example.fr"}, text: "Merci.", reading: ingest.Reading{InReplyTo: []string{"m1@x"}}},
			ingest.LinkFollowUp, "",
		},
		{
			"answer found through References",
			piece{from: alice, text: lamp, reading: ingest.Reading{MessageID: "m1@x"}},
			piece{from: alice, text: "Merci.", reading: ingest.Reading{References: []string{"m1@x", "m9@x"}}},
			ingest.LinkFollowUp, "",
		},
		{
			"answer of somebody else: forged or forwarded",
			piece{from: alice, text: lamp, reading: ingest.Reading{MessageID: "m1@x"}},
			piece{from: bob, text: "Et alors ?", reading: ingest.Reading{InReplyTo: []string{"m1@x"}}},
			ingest.LinkOpens, ingest.SuggestSame,
		},
		{
			"the same Message-ID with other words",
			piece{from: alice, text: lamp, reading: ingest.Reading{MessageID: "m1@x"}},
			piece{from: bob, text: "Je souhaite réserver la salle des fêtes pour un mariage en septembre.", reading: ingest.Reading{MessageID: "m1@x"}},
			ingest.LinkOpens, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newTown()
			h.add("2026-000001", tt.known)
			got := h.match(t, tt.new)
			var kind ingest.SuggestionKind
			if len(got.Suggestions) > 0 {
				kind = got.Suggestions[0].Kind
			}
			if got.Link != tt.link || kind != tt.suggests {
				t.Errorf("got %+v, want %s, suggested %q", got, tt.link, tt.suggests)
			}
			if tt.link != ingest.LinkOpens && got.Request != "2026-000001" {
				t.Errorf("linked to %q", got.Request)
			}
		})
	}
}

// Two duplicates are one whichever comes first.
func TestOrderMakesNoDifference(t *testing.T) {
	twins := [][2]piece{
		{{from: alice, text: lamp}, {channel: ingest.ChannelScan, from: ingest.Person{Name: "Martin Alice"}, text: smudged, at: time.Minute}},
		{{from: alice, text: lamp}, {channel: ingest.ChannelWebform, from: alice, text: "Bonjour. " + lamp, at: time.Minute}},
	}
	for i, pair := range twins {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			h := newTown()
			h.add("2026-000001", pair[order[0]])
			if got := h.match(t, pair[order[1]]); got.Link != ingest.LinkDuplicate {
				t.Errorf("pair %d in order %v: %+v", i, order, got)
			}
		}
	}
}

// Whoever answers our receipt has seen it; a receipt that was not ours proves nothing.
func TestAnswersToReceipts(t *testing.T) {
	h := newTown()
	id := h.add("2026-000001", piece{from: alice, text: lamp, category: "eclairage-public"})
	ack, err := h.m.Tokens.MessageID(id, "mairie.example")
	if err != nil {
		t.Fatal(err)
	}
	other, err := ingest.Tokens{Key: []byte("another key")}.MessageID(id, "mairie.example")
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.m.Tokens.Token(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(to, text, category string) ingest.Match {
		return h.match(t, piece{from: bob, text: text, category: category, reading: ingest.Reading{InReplyTo: []string{to}}})
	}
	if got := answer(ack, "Je réponds pour ma femme : c'est le mât 0412.", ""); got.Link != ingest.LinkFollowUp || got.To != id {
		t.Errorf("an answer to our receipt: %+v", got)
	}
	for _, forged := range []string{other, "ar." + token + "@mairie.example", strings.ToLower(ack), "ar.@x"} {
		if got := answer(forged, "Je réponds pour ma femme.", ""); got.Link != ingest.LinkOpens {
			t.Errorf("a forged receipt %q: %+v", forged, got)
		}
	}
	about := "Bonjour, les encombrants n'ont pas été ramassés lundi dernier devant la résidence et le dépôt grossit. Quand le camion repasse-t-il ?"
	if got := answer(ack, about, "proprete-dechets"); got.Link != ingest.LinkOpens || len(got.Suggestions) != 1 {
		t.Errorf("an answer about something else: %+v", got)
	}
}

// Every mail that we send about a submission can be answered, not its first receipt only.
func TestAnswersToFurtherMails(t *testing.T) {
	h := newTown()
	id := h.add("2026-000001", piece{from: alice, text: lamp, category: "eclairage-public"})
	for _, mark := range []string{"are", "status3", "pieces"} {
		sent, err := h.m.Tokens.MarkedMessageID(id, mark, "mairie.example")
		if err != nil {
			t.Fatal(err)
		}
		reading := ingest.Reading{InReplyTo: []string{sent}}
		if got := h.match(t, piece{from: bob, text: "Merci, voici la réponse.", reading: reading}); got.Link != ingest.LinkFollowUp || got.To != id {
			t.Errorf("%s: %+v", mark, got)
		}
	}
}

// The channel knows what is written on a follow-up page, and before everything else: before
// the same bytes, before a reference, and whatever it speaks of.
func TestFollowUpPage(t *testing.T) {
	about := "Bonjour, les encombrants n'ont pas été ramassés lundi dernier devant la résidence et le dépôt grossit. Voir 2026-000002."
	h := newTown()
	id := h.add("2026-000001", piece{from: alice, text: lamp, category: "eclairage-public"})
	other := piece{from: alice, text: about, category: "proprete-dechets"}
	h.add("2026-000002", other)
	h.waiting = true
	const unknown = "0198c5f0-0000-7000-8000-999999999999"
	for _, tt := range []struct {
		name    string
		piece   piece
		answers string
		age     time.Duration // of the post, when it is treated
		link    ingest.Link
		to      string
		err     error
	}{
		{name: "another matter, on the page of the first", piece: other, answers: id, age: time.Hour, link: ingest.LinkFollowUp, to: "2026-000001"},
		{name: "by nobody", piece: piece{channel: ingest.ChannelWebform, text: "Voici le plan."}, answers: id, link: ingest.LinkFollowUp, to: "2026-000001"},
		{name: "the same without the page", piece: other, age: time.Hour, link: ingest.LinkDuplicate, to: "2026-000002"},
		{name: "of a post that is being filed itself", piece: piece{channel: ingest.ChannelWebform, text: "Voici le plan."}, answers: unknown, age: patience - time.Second, err: ingest.ErrNotYet},
		{name: "of a post that was set aside", piece: piece{channel: ingest.ChannelWebform, text: "Voici le plan."}, answers: unknown, age: patience, link: ingest.LinkOpens},
		{name: "of a post that was set aside, repeated", piece: other, answers: unknown, age: patience, link: ingest.LinkDuplicate, to: "2026-000002"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec, r, c := tt.piece.take()
			rec.Hints.Answers = tt.answers
			h.m.Now = func() time.Time { return rec.RecordedAt.Add(tt.age) }
			got, err := h.m.Match(t.Context(), h, rec, r, h.m.Profile(rec, r, c))
			if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || got.Link != tt.link || got.Request != tt.to) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

// A petition costs a group of suggestions, and no merge.
func TestPetition(t *testing.T) {
	h := newTown()
	for i := range 100 {
		h.add(fmt.Sprintf("2026-%06d", i+1), piece{from: ingest.Person{Name: fmt.Sprintf("Signataire%c%c Nom%d", 'a'+i%26, 'a'+i/26, i)}, text: lamp})
	}
	got := h.match(t, piece{from: alice, text: lamp})
	if got.Link != ingest.LinkOpens || len(got.Suggestions) != suggestionsMax {
		t.Errorf("%+v", got)
	}
}

// Who signs a petition twice is one signature, however many signed before.
func TestPetitionSignedTwice(t *testing.T) {
	h := newTown()
	for i := range 40 {
		h.add(fmt.Sprintf("2026-%06d", i+1), piece{from: ingest.Person{Name: fmt.Sprintf("Signataire%c%c Nom%d", 'a'+i%26, 'a'+i/26, i)}, text: lamp})
	}
	h.add("2026-000100", piece{from: alice, text: lamp})
	if got := h.match(t, piece{channel: ingest.ChannelWebform, from: alice, text: lamp}); got.Link != ingest.LinkDuplicate || got.Request != "2026-000100" {
		t.Errorf("%+v", got)
	}
}

func TestSameBytes(t *testing.T) {
	h := newTown()
	p := piece{from: alice, text: lamp}
	h.add("2026-000001", p)
	if got := h.match(t, p); got.Link != ingest.LinkDuplicate || !strings.Contains(got.Reasons[0], "octets") {
		t.Errorf("%+v", got)
	}
}

func TestReferences(t *testing.T) {
	for text, want := range map[string]string{
		"Dossier 2026-000123.":                  "2026-000123",
		"réf. 2026 – 000123":                    "2026-000123",
		"2O26-OOO12B et 2026-000123":            "2026-000128 2026-000123",
		"facture 2026-118, tél. 02-61-91-22-48": "",
		"IBAN FR76 3000 2026-0001234":           "",
	} {
		if got := strings.Join(references(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTextKeyIgnoresShortTexts(t *testing.T) {
	if k := textKey(ingest.Reading{Text: "Bonjour, merci d'avance. Cordialement"}); k != "" {
		t.Errorf("a greeting identifies nobody's matter, got key %q", k)
	}
}

// The same covering words with another file are another matter.
func TestTextKeyTellsFilesApart(t *testing.T) {
	key := func(files ...string) string {
		r := ingest.Reading{Text: "Bonjour, veuillez trouver ci-joint ma demande. Cordialement, J. Martin"}
		for _, f := range files {
			r.Attachments = append(r.Attachments, ingest.Attachment{SHA256: f})
		}
		return textKey(r)
	}
	if key("permis") == key("cantine") || key() == key("permis") {
		t.Error("different files, one key")
	}
	if key("a", "b") != key("b", "a") {
		t.Error("the order of the files matters")
	}
}

// A reply that came in together with what it answers waits for it, but not for ever.
func TestReplyWaitsForItsMail(t *testing.T) {
	reply := ingest.Reading{InReplyTo: []string{"unknown@x"}}
	for _, tt := range []struct {
		name    string
		age     time.Duration
		waiting bool
		reading ingest.Reading
		want    error
	}{
		{"others are being read", time.Second, true, reply, ingest.ErrNotYet},
		{"nothing else waits", time.Second, false, reply, nil},
		{"long enough", 2 * patience, true, reply, nil},
		{"no reply", time.Second, true, ingest.Reading{}, nil},
	} {
		h := newTown()
		h.waiting = tt.waiting
		_, err := h.m.Match(t.Context(), h, ingest.Record{RecordedAt: h.m.Now().Add(-tt.age)}, tt.reading, ingest.Profile{})
		if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
