package notice

import (
	"errors"
	"strings"
	"testing"

	"saisine.fr/saisine/config/strictyaml"
)

func builtinReplyTexts(t testing.TB) Replies {
	t.Helper()
	r, err := LoadReplies("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A built-in text is complete but for what it asks the agent for, and reads as French does.
func TestBuiltinReplies(t *testing.T) {
	r := builtinReplyTexts(t)
	if len(r.Replies) < 8 {
		t.Errorf("%d texts", len(r.Replies))
	}
	full := ReplyFields{
		Citizen: "Mme Jeanne Martin", Reference: "2026-000123", Subject: "Un trou", Received: day(t, "2026-04-23"), Today: day(t, "2026-04-24"),
		Service: Contact{Name: "Service voirie", Phone: "01 99 00 12 34"}, Agent: "Camille Roux, cheffe de service",
		Town: Contact{Name: "Arles", Phone: "01 99 00 12 00"}, FollowURL: "https://x.test/suivi/a",
	}
	for _, text := range r.Replies {
		subject, body := text.Fill(full)
		if strings.ContainsAny(subject+body, "{}") || !strings.Contains(subject, "2026-000123") || len(Gaps(subject)) > 0 {
			t.Errorf("%s: %q\n%s", text.Code, subject, body)
		}
		if !strings.HasPrefix(body, "Madame,\n\n") || !strings.HasSuffix(body, "Veuillez agréer, Madame, nos salutations distinguées.") {
			t.Errorf("%s begins and ends as no letter does:\n%s", text.Code, body)
		}
		if strings.Contains(body, " :\n") || strings.Contains(body, " : ") || strings.Contains(body, " ;") {
			t.Errorf("%s: an ordinary space before a colon", text.Code)
		}
	}
	refusal := r.Replies[index(t, r, "refus")]
	_, body := refusal.Fill(full)
	for _, want := range []string{"En droit", "En fait", "deux mois", "recours gracieux", "tribunal administratif", "R421-5", "www.telerecours.fr"} {
		if !strings.Contains(body, want) {
			t.Errorf("the refusal does not say %q (CRPA L211-5; code de justice administrative R421-5)", want)
		}
	}
	if got := r.For("voirie"); got[0].Code != "travaux" || got[1].Code != r.Replies[0].Code || len(got) != len(r.Replies) {
		t.Errorf("offered for voirie: %s, %s", got[0].Code, got[1].Code)
	}
	if got := r.For("etat-civil"); got[len(got)-1].Code != "travaux" {
		t.Errorf("offered last for etat-civil: %s", got[len(got)-1].Code)
	}
}

func index(t *testing.T, r Replies, code string) int {
	t.Helper()
	for i, text := range r.Replies {
		if text.Code == code {
			return i
		}
	}
	t.Fatalf("there is no text %s", code)
	return 0
}

// What is filled in is not looked at again, and what is not known is left to the agent.
func TestFillReply(t *testing.T) {
	text := ReplyText{Subject: "Demande {{ reference }} de {{nom}}", Body: "{{civilite}}, {{objet}} {{service}} {{telephone}} {{suivi}}\n{{mairie}}"}
	subject, body := text.Fill(ReplyFields{Citizen: "{{agent}}\nBcc: x", Reference: "2026-000001", Subject: "{{date}} {{.Secret}} <b>", Agent: "SECRET", Town: Contact{Name: "Le Mans"}, FollowURL: "javascript:x"})
	if subject != "Demande 2026-000001 de {{agent}} Bcc: x" {
		t.Errorf("subject %q", subject)
	}
	if want := "Madame, Monsieur, {{date}} {{.Secret}} <b> Mairie du Mans [à compléter\u00a0: telephone] [à compléter\u00a0: suivi]\nMairie du Mans"; body != want {
		t.Errorf("body %q\nwant %q", body, want)
	}
	if got := Gaps(body + "[ À compléter ] [à remplir]"); len(got) != 3 {
		t.Errorf("gaps %q", got)
	}
}

func TestLoadRepliesNamesWhatIsWrong(t *testing.T) {
	const good = "replies:\n  - {code: a, label: A, subject: s, body: b}\n"
	if r, err := LoadReplies("x", []byte(good)); err != nil || len(r.Replies) != 1 {
		t.Errorf("%v", err)
	}
	for _, tt := range []struct{ name, content, want string }{
		{"unknown key", good + "    objet: x\n", "x:3"},
		{"unknown key", "replies:\n  - {code: a, label: A, subject: s, body: b, categorie: [voirie]}\n", "did you mean categories"},
		{"unknown field", "replies:\n  - code: a\n    label: A\n    subject: s\n    body: Bonjour {{prenom}}\n", "there is no field {{prenom}}"},
		{"a template's own", "replies:\n  - {code: a, label: A, subject: \"{{.Reference}}\", body: b}\n", "there is no field {{.Reference}}"},
		{"open braces", "replies:\n  - {code: a, label: A, subject: \"{{reference\", body: b}\n", "not closed"},
		{"empty body", "replies:\n  - {code: a, label: A, subject: s, body: \"  \"}\n", "replies[0].body"},
		{"no subject", "replies:\n  - {code: a, label: A, body: b}\n", "replies[0].subject"},
		{"no label", "replies:\n  - {code: a, subject: s, body: b}\n", "replies[0].label"},
		{"bad code", "replies:\n  - {code: A b, label: A, subject: s, body: b}\n", "replies[0].code"},
		{"twice", good + "  - {code: a, label: A, subject: s, body: b}\n", "twice"},
		{"status", "replies:\n  - {code: a, label: A, subject: s, body: b, status: done}\n", "in_progress"},
		{"two lines", "replies:\n  - {code: a, label: A, subject: \"s\\nt\", body: b}\n", "one line"},
		{"too long", "replies:\n  - {code: a, label: A, subject: s, body: " + strings.Repeat("é", 20_001) + "}\n", "longer"},
		{"none", "replies: []\n", "at least one"},
		{"no YAML", "replies: [", "x:1"},
	} {
		_, err := LoadReplies("x", []byte(tt.content))
		if _, ok := errors.AsType[*strictyaml.Errors](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := LoadReplies("x", []byte(BuiltinReplies())); err != nil {
		t.Errorf("the built-in texts, copied: %v", err)
	}
}

func TestCivility(t *testing.T) {
	for name, want := range map[string]string{
		"Mme Jeanne Martin": "Madame", "MADAME MARTIN": "Madame", "Mlle Petit": "Madame",
		"M. Paul Durand": "Monsieur", "Monsieur Durand": "Monsieur", "Mr Durand": "Monsieur",
		"Jeanne Martin": "Madame, Monsieur", "": "Madame, Monsieur", "Mireille Mathieu": "Madame, Monsieur", "Max": "Madame, Monsieur",
		"M. et Mme Durand": "Madame, Monsieur", "Mme et M. Durand": "Madame, Monsieur", "Madame ou Monsieur": "Madame, Monsieur", "Mmemartin": "Madame, Monsieur",
	} {
		if got := Civility(name); got != want {
			t.Errorf("Civility(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzReplies(f *testing.F) {
	f.Add(BuiltinReplies(), "Mme {{nom}}")
	f.Add("replies:\n  - {code: a, label: A, subject: \"{{reference}}\", body: \"{{{{nom}}}}\"}\n", "}}{{agent}}")
	f.Fuzz(func(t *testing.T, content, foreign string) {
		r, err := LoadReplies("x", []byte(content))
		if err != nil {
			return
		}
		for _, text := range r.Replies {
			subject, _ := text.Fill(ReplyFields{Citizen: foreign, Agent: "SECRET", Subject: foreign})
			if strings.ContainsAny(subject, "\r\n") {
				t.Errorf("subject %q", subject)
			}
		}
	})
}
