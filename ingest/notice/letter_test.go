package notice

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func builtinTexts(t testing.TB) *Templates {
	t.Helper()
	texts, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// letterOf is a complete letter of 23 April 2026, 10:05 in Paris, answered the day after.
func letterOf(t testing.TB, kind LetterKind, rule Rule, pieces ...string) (Calendar, Letter) {
	t.Helper()
	c := calendarOf(t, "Europe/Paris", Metropole)
	l := Letter{
		Kind:      kind,
		Town:      Contact{"Saint-Exemple", "mairie@saint-exemple.test", "01 99 00 12 00", "1 place de la Mairie\n99120 Saint-Exemple"},
		TownURL:   "https://saint-exemple.test/",
		Service:   Contact{"Service voirie", "voirie@saint-exemple.test", "01 99 00 12 34", "14 rue des Ateliers\n99120 Saint-Exemple"},
		Officer:   Contact{"Camille Roux, cheffe de service", "c.roux@saint-exemple.test", "01 99 00 12 35", ""},
		Citizen:   Contact{"Jeanne Martin", "jeanne@example.org", "06 39 98 11 22", "12 rue des Lilas\nBâtiment B\n99120 Saint-Exemple"},
		Reference: "2026-000123", Subject: "Nid-de-poule rue des Écoles", Category: "Voirie",
		Channel: ingest.ChannelMailbox, Received: moment(t, "2026-04-23T10:05", c.Zone()),
		FollowURL: "https://saint-exemple.test/suivi/Kx7abcdefghijklmnop",
		Today:     day(t, "2026-04-24"),
	}
	if kind == LetterPaper {
		l.Channel, l.Postmark = ingest.ChannelScan, day(t, "2026-04-21")
	}
	k := Case{Rule: rule, Channel: l.Channel, Received: l.Received}
	if len(pieces) > 0 {
		l.Pieces, l.PiecesUntil = pieces, day(t, "2026-05-22")
		k.Missing = []Asked{{At: l.Received.AddDate(0, 0, 1), Until: l.PiecesUntil}}
	}
	plan, err := c.Plan(k)
	if err != nil {
		t.Fatal(err)
	}
	l.Plan = plan
	return c, l
}

// flat makes one line of a text, or of a page without its tags.
func flat(s string) string {
	s = regexp.MustCompile(`(?s)<title>.*?</title>|<[^>]*>`).ReplaceAllString(s, " ")
	return regexp.MustCompile(`\s+([,.;:)])`).ReplaceAllString(strings.Join(strings.Fields(html.UnescapeString(s)), " "), "$1")
}

func TestGolden(t *testing.T) {
	texts := builtinTexts(t)
	two := []string{"Un plan de situation", "La photo de l’arbre"}
	items := []Item{
		{"2026-000101", "Arbre tombé", "Paul Durand", "Espaces verts", "https://saint-exemple.test/desk/101", day(t, "2026-04-21"), "accusé de réception", 3},
		{"2026-000110", "Éclairage rue Foch", "Anna Petit", "Éclairage public", "https://saint-exemple.test/desk/110", day(t, "2026-04-23"), "silence de 2 mois : rejet", 1},
		{"2026-000111", "Trottoir abîmé", "Léa Moreau", "Voirie", "https://saint-exemple.test/desk/111", day(t, "2026-04-24"), "accusé de réception", 0},
		{"2026-000112", "Stationnement", "", "Voirie", "", day(t, "2026-04-28"), "", 0},
	}
	var used []string
	for _, tt := range []struct {
		name   string
		kind   LetterKind
		rule   Rule
		pieces []string
		change func(*Letter)
	}{
		{name: "aee", kind: LetterAEE},
		{name: "are-rejection", kind: LetterARE},
		{name: "are-rejection-pieces", kind: LetterARE, pieces: two},
		{name: "are-acceptance", kind: LetterARE, rule: Rule{Sense: Acceptance}},
		{name: "are-acceptance-pieces", kind: LetterARE, rule: Rule{Sense: Acceptance}, pieces: two},
		{name: "are-cada", kind: LetterARE, rule: Rule{Procedure: Documents}},
		{name: "are-prefect", kind: LetterARE, rule: Rule{Procedure: HostCertificate}},
		{name: "are-gdpr", kind: LetterARE, rule: Rule{Procedure: PersonalData}},
		{name: "are-none", kind: LetterARE, rule: Rule{Sense: None}},
		{name: "are-urban", kind: LetterARE, rule: Rule{Procedure: House}},
		{name: "are-urban-pieces", kind: LetterARE, rule: Rule{Procedure: House}, pieces: two},
		{name: "joined", kind: LetterJoined},
		{name: "status-assigned", kind: LetterStatus, change: func(l *Letter) { l.Status = "assigned" }},
		{name: "status-in_progress", kind: LetterStatus, change: func(l *Letter) { l.Status = "in_progress" }},
		{name: "status-answered", kind: LetterStatus, change: func(l *Letter) {
			l.Status, l.Note = "answered", "Bonjour,\nle trou sera rebouché lundi.\n\nBien à vous"
		}},
		{name: "status-waiting_citizen", kind: LetterStatus, change: func(l *Letter) { l.Status, l.Note = "waiting_citizen", "Il nous manque le numéro du poteau." }},
		{name: "status-transmitted", kind: LetterStatus, change: func(l *Letter) {
			l.Status, l.Note = StatusTransmitted, "Administration compétente\u00a0: Communauté de communes"
		}},
		{name: "status-closed", kind: LetterStatus, change: func(l *Letter) { l.Status = "closed" }},
		{name: "status-reopened", kind: LetterStatus, change: func(l *Letter) { l.Status = StatusReopened }},
		{name: "pieces", kind: LetterPieces, pieces: two},
		{name: "pieces_reminder", kind: LetterPiecesReminder, pieces: two},
		{name: "service", kind: LetterService, change: func(l *Letter) { l.Note = "Bonjour,\nil y a un trou devant l’école." }},
		{name: "digest", kind: LetterDigest, change: func(l *Letter) { l.Items = items[2:] }},
		{name: "morning", kind: LetterMorning, change: func(l *Letter) { l.Items = items }},
		{name: "escalation", kind: LetterEscalation, change: func(l *Letter) { l.Items = items[:2] }},
		{name: "paper", kind: LetterPaper},
		{name: "reply", kind: LetterReply, change: answered},
		{name: "counter_receipt", kind: LetterCounterReceipt, change: func(l *Letter) {
			l.Channel, l.Note = ingest.ChannelCounter, "Nid de poule devant l’école.\nDemande à être rappelé."
		}},
		{name: "reply_paper", kind: LetterReplyPaper, change: answered},
	} {
		c, l := letterOf(t, tt.kind, tt.rule, tt.pieces...)
		if tt.change != nil {
			tt.change(&l)
		}
		r, err := texts.Render(c, l)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := sound(r); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		golden(t, tt.name+".txt.golden", "Subject: "+r.Subject+"\n\n"+r.Text)
		golden(t, tt.name+".html.golden", r.HTML)
		used = append(used, tt.name+".txt.golden", tt.name+".html.golden")
	}
	entries, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(used, e.Name()) {
			t.Errorf("testdata/golden/%s belongs to no case", e.Name())
		}
	}
}

// answered makes an agent's answer of a letter. Its words are no template and no page.
func answered(l *Letter) {
	l.Object, l.Number = "Votre signalement rue des Écoles", "D-2026-000045"
	l.Note = "Madame,\n\nLe trou sera rebouché\u00a0:\n- mardi, si le temps le permet ;\n- mercredi sinon.\n\nLes mots {{.Reference}} et <b>gras</b> restent tels quels.\n\nVeuillez agréer, Madame, nos salutations distinguées."
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", path, got)
	}
}

// What an acknowledgement has to say, word by word, in the text and in the page.
func TestAcknowledgementsHaveTheirMentions(t *testing.T) {
	texts := builtinTexts(t)
	always := []string{"jeudi 23 avril 2026", "Service voirie", "01 99 00 12 34", "14 rue des Ateliers, 99120 Saint-Exemple", "Camille Roux, cheffe de service", "2026-000123"}
	rejection := []string{"avant le mardi 23 juin 2026", "le silence de la mairie vaut rejet (CRPA L231-4)", "sous réserve que votre demande soit complète", "recours gracieux", "L411-2", "tribunal administratif, au plus tard le lundi 24 août 2026", "délai franc de deux mois", "R421-1, R421-2", "www.telerecours.fr (Télérecours citoyens)"}
	for _, tt := range []struct {
		name    string
		rule    Rule
		pieces  []string
		says    []string
		saysNot []string
	}{
		{name: "rejection", says: rejection, saysNot: []string{"acceptation", "CADA", "Ce qu’il manque"}},
		{name: "rejection, four months", rule: Rule{Procedure: LimitedPlaces}, says: []string{"avant le dimanche 23 août 2026", "L231-5, L231-6", "au plus tard le lundi 26 octobre 2026"}},
		{name: "acceptance", rule: Rule{Sense: Acceptance}, says: []string{"avant le mardi 23 juin 2026", "vaut acceptation (CRPA L231-1)", "sous réserve que votre demande soit complète", "attestation", "CRPA L232-3"}, saysNot: []string{"rejet", "tribunal"}},
		{name: "CADA", rule: Rule{Procedure: Documents}, says: []string{"avant le samedi 23 mai 2026", "vaut rejet (CRPA R*311-12, R311-13)", "sous réserve", "CADA", "dans les deux mois", "L342-1, R311-15, R343-1", "tribunal administratif", "www.telerecours.fr"}, saysNot: []string{"recours gracieux"}},
		{name: "host certificate", rule: Rule{Procedure: HostCertificate}, says: []string{"avant le samedi 23 mai 2026", "CESEDA R313-11", "recours auprès du préfet, dans les deux mois", "CESEDA R313-12", "tribunal administratif"}, saysNot: []string{"recours gracieux"}},
		{name: "GDPR", rule: Rule{Procedure: PersonalData}, says: []string{"au plus tard le samedi 23 mai 2026", "RGPD, article 12", "il n’y a pas de décision implicite", "www.cnil.fr"}, saysNot: []string{"tribunal"}},
		{name: "none", rule: Rule{Sense: None}, says: []string{"ne vaut ni acceptation ni rejet", "il n’y a pas de décision implicite"}, saysNot: []string{"tribunal", "23 juin"}},
		{name: "urbanisme", rule: Rule{Procedure: OtherPermit}, says: []string{"avant le jeudi 23 juillet 2026", "vaut acceptation tacite (code de l’urbanisme R*423-23, R*423-19)", "sous réserve", "certificat", "R*424-13", "L232-3", "R*423-24"}, saysNot: []string{"tribunal"}},
		{
			name: "rejection, pieces", pieces: []string{"Un plan", "Une photo"},
			says: []string{"Un plan", "Une photo", "au plus tard le vendredi 22 mai 2026", "L114-5", "R112-11-4", "est suspendu", "La date du mardi 21 juillet 2026 tient compte", "tribunal administratif, au plus tard le mardi 22 septembre 2026"},
		},
		{
			name: "acceptance, pieces", rule: Rule{Sense: Acceptance}, pieces: []string{"Un plan"},
			says:    []string{"ne court qu’à partir du jour où la mairie reçoit ces pièces", "vaudra acceptation (silence de 2 mois, acceptation; CRPA L231-1)", "sous réserve", "La date n’est pas encore connue", "L232-3"},
			saysNot: []string{"est suspendu", "avant le"},
		},
		{
			name: "urbanisme, pieces", rule: Rule{Procedure: House}, pieces: []string{"Un plan"},
			says: []string{"R*423-38, R*423-39", "n’arrivent pas avant le vendredi 24 juillet 2026", "opposition à votre déclaration", "tribunal administratif, au plus tard le vendredi 25 septembre 2026"},
		},
		{name: "none, pieces", rule: Rule{Sense: None}, pieces: []string{"Un plan"}, says: []string{"ne change pas les délais"}},
	} {
		for _, kind := range []LetterKind{LetterARE, LetterPaper} {
			c, l := letterOf(t, kind, tt.rule, tt.pieces...)
			if missing := Mentions(l); len(missing) > 0 {
				t.Errorf("%s %s: missing %v", tt.name, kind, missing)
			}
			r, err := texts.Render(c, l)
			if err != nil {
				t.Errorf("%s %s: %v", tt.name, kind, err)
				continue
			}
			own := []string{"voirie@saint-exemple.test", "à 10 h 05, par courriel", "CRPA L112-11, R112-11-1"}
			if kind == LetterPaper {
				own = []string{"voirie@saint-exemple.test", "par courrier (cachet de la poste: mardi 21 avril 2026)", "CRPA L112-3, R112-5"}
			}
			for part, text := range map[string]string{"text": flat(r.Text), "page": flat(r.HTML)} {
				for _, want := range slices.Concat(always, own, tt.says) {
					if !strings.Contains(text, want) {
						t.Errorf("%s %s: the %s does not say %q:\n%s", tt.name, kind, part, want, text)
					}
				}
				for _, not := range tt.saysNot {
					// That silence is neither is said with both words.
					if strings.Contains(strings.ReplaceAll(text, "ni acceptation ni rejet", ""), not) {
						t.Errorf("%s %s: the %s says %q:\n%s", tt.name, kind, part, not, text)
					}
				}
			}
		}
	}
}

func TestMissingMentionsAreRefused(t *testing.T) {
	texts := builtinTexts(t)
	silence := "sens et date du silence"
	for _, tt := range []struct {
		name   string
		kind   LetterKind
		change func(*Letter)
		want   []string
	}{
		{"complete", LetterARE, func(*Letter) {}, nil},
		{"complete on paper", LetterPaper, func(*Letter) {}, nil},
		{"e-mail alone will do", LetterARE, func(l *Letter) { l.Service.Address = "" }, nil},
		{"address alone will do", LetterARE, func(l *Letter) { l.Service.Email = "" }, nil},
		{"no officer", LetterARE, func(l *Letter) { l.Officer = Contact{} }, nil},
		{"no reception", LetterARE, func(l *Letter) { l.Received = Letter{}.Received }, []string{"date de réception"}},
		{"no service", LetterARE, func(l *Letter) { l.Service.Name = "" }, []string{"nom du service"}},
		{"no way to write", LetterARE, func(l *Letter) { l.Service.Email, l.Service.Address = "", "" }, []string{"adresse postale ou électronique du service"}},
		{"no postal address on paper", LetterPaper, func(l *Letter) { l.Service.Address = " \n " }, []string{"adresse postale du service"}},
		{"no phone", LetterARE, func(l *Letter) { l.Service.Phone = "\u200b" }, []string{"téléphone du service"}},
		{"no plan", LetterARE, func(l *Letter) { l.Plan = Plan{} }, []string{silence}},
		{"no date", LetterARE, func(l *Letter) { l.Plan.Deadlines = []Deadline{{Kind: KindCADA, Sense: Rejection}} }, []string{silence}},
		{"no time for the pieces", LetterPaper, func(l *Letter) { l.Pieces = []string{"Un plan"} }, []string{"délai pour envoyer les pièces manquantes"}},
		{"nothing at all", LetterPaper, func(l *Letter) { *l = Letter{Kind: LetterPaper} }, []string{"date de réception", "nom du service", "adresse postale du service", "téléphone du service", silence}},
	} {
		c, l := letterOf(t, tt.kind, Rule{})
		tt.change(&l)
		got := Mentions(l)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: missing %q, want %q", tt.name, got, tt.want)
		}
		_, err := texts.Render(c, l)
		if (err != nil) != (len(tt.want) > 0) {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s: the error does not name %q: %v", tt.name, want, err)
			}
		}
		if _, pdf := texts.PaperPDF(c, l); tt.kind == LetterPaper && (pdf != nil) != (len(tt.want) > 0) {
			t.Errorf("%s: PDF: %v", tt.name, pdf)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	texts := builtinTexts(t)
	for _, tt := range []struct {
		kind   LetterKind
		change func(*Letter)
		want   string
	}{
		{"fax", func(*Letter) {}, `"fax" is no kind`},
		{"layout", func(*Letter) {}, `"layout" is no kind`},
		{LetterAEE, func(l *Letter) { l.Received = Letter{}.Received }, "time of reception"},
		{LetterJoined, func(l *Letter) { l.Received = Letter{}.Received }, "time of reception"},
		{LetterStatus, func(l *Letter) { l.Status = "new" }, `status "new"`},
		{LetterPieces, func(*Letter) {}, "L114-5"},
		{LetterPiecesReminder, func(l *Letter) { l.Pieces = []string{"x"} }, "L114-5"},
		{LetterDigest, func(*Letter) {}, "nothing to write"},
		{LetterMorning, func(*Letter) {}, "nothing to write"},
		{LetterEscalation, func(*Letter) {}, "nothing to write"},
	} {
		c, l := letterOf(t, tt.kind, Rule{})
		tt.change(&l)
		if r, err := texts.Render(c, l); err == nil || !strings.Contains(err.Error(), tt.want) || r != (Rendered{}) {
			t.Errorf("%s: %v", tt.kind, err)
		}
	}
	c, l := letterOf(t, LetterARE, Rule{})
	if _, err := texts.PaperPDF(c, l); err == nil {
		t.Error("an electronic letter was printed")
	}
}

// A digest after months is bounded, and says so.
func TestDigestIsBounded(t *testing.T) {
	c, l := letterOf(t, LetterMorning, Rule{})
	l.Items = make([]Item, 1234)
	for i := range l.Items {
		l.Items[i] = Item{Reference: fmt.Sprintf("2026-%06d", i), Late: 1}
	}
	r, err := builtinTexts(t).Render(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(r.Text, "- 2026-"); n != maxItems || !strings.Contains(flat(r.Text), "pas dans cette liste: 1134.") || !strings.Contains(flat(r.HTML), "pas dans cette liste: 1134.") {
		t.Errorf("%d items:\n%s", n, r.Text)
	}
}

var (
	pageElements   = []string{"html", "head", "meta", "title", "body", "h2", "p", "ul", "li", "a", "strong", "br"}
	pageAttributes = []string{"lang", "charset", "name", "content", "style", "href"}
)

// sound reports what no letter may have, whatever the facts: more than a line of subject,
// control characters, long lines, an element or a link that is not ours.
func sound(r Rendered) error {
	if n := len([]rune(r.Subject)); n == 0 || n > maxSubject+1 {
		return fmt.Errorf("a subject of %d characters", n)
	}
	for name, s := range map[string]string{"subject": r.Subject, "text": strings.ReplaceAll(r.Text, "\n", ""), "page": strings.ReplaceAll(r.HTML, "\n", "")} {
		if clean(s, len(s)+2) != strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == ' ' }), " ") {
			return fmt.Errorf("the %s holds characters that are not to be seen: %q", name, s)
		}
	}
	for line := range strings.SplitSeq(r.Text, "\n") {
		if len([]rune(line)) > textWidth && !strings.Contains(line, "://") {
			return fmt.Errorf("a line of %d characters: %q", len([]rune(line)), line)
		}
	}
	d := xml.NewDecoder(strings.NewReader(r.HTML))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the page: %w", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(pageElements, e.Name.Local) {
			return fmt.Errorf("the page has an element %q", e.Name.Local)
		}
		for _, a := range e.Attr {
			if !slices.Contains(pageAttributes, a.Name.Local) || a.Name.Local == "style" && strings.Contains(a.Value, "url") {
				return fmt.Errorf("the page has an attribute %s=%q", a.Name.Local, a.Value)
			}
			if a.Name.Local == "href" && !regexp.MustCompile(`^(https?://[^/]|mailto:)`).MatchString(a.Value) {
				return fmt.Errorf("the page has a link to %q", a.Value)
			}
		}
	}
}
