package desk

import (
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

	"saisine.fr/saisine/ingest"
)

// The reasons that saisine records, one of each kind, are told in words of their own.
func TestKnownReasonsAreExplained(t *testing.T) {
	p, err := newPages("Ville", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	fr := p.tongues[french]
	for kind, reasons := range map[ingest.FailureKind][]string{
		ingest.FailedSubmissions: {
			"Courriel trop volumineux\u00a0: 61,2\u00a0Mio, pour une limite de 50\u00a0Mio. Seul son en-tête a été conservé",
			"Fichier trop volumineux\u00a0: 31\u00a0Mio, pour une limite de 25\u00a0Mio.",
			"Le serveur de messagerie n’a pas pu délivrer ce courriel\u00a0; il se trouve dans",
			"Ce fichier n’est ni un PDF ni une image TIFF, JPEG ou PNG\u00a0: il ne peut pas être lu comme un scan.",
			"Le traitement n’a pas abouti. Détail technique : pipeline: read x: format de fichier inconnu : conservé, mais non lu",
			"Le traitement n’a pas abouti. Détail technique : the program ended 3 times while working on this",
			"Le traitement n’a pas abouti. Détail technique : pipeline: read x: context deadline exceeded",
			"Le traitement n’a pas abouti. Détail technique : ocr: child crashed",
			"Le traitement n’a pas abouti. Détail technique : queue: panic while working",
			"Le traitement n’a pas abouti. Détail technique : pipeline: original of x: open originals/x: no such file or directory",
			"Le traitement n’a pas abouti. Détail technique : ingest: not found: submission x",
		},
		ingest.SetAside: {
			"auto_submitted: auto-generated", "auto_reply: X-Autoreply", "out_of_office: Absence", "newsletter: List-Unsubscribe", "mailing_list: List-Post", "precedence: bulk",
			"mailer_daemon: MAILER-DAEMON", "delivery_report: x", "read_receipt: x", "abuse_report: x", "null_return_path: x", "undelivered: x",
			"empty: message vide", "empty: 2 pages blanches", "spam: champ invisible du formulaire rempli", "spam: publicité, démarchage ou tentative d’escroquerie (99 %)",
		},
		ingest.WithheldMails: {
			"aucune adresse électronique\u00a0: à envoyer par courrier", "l’adresse est celle de la mairie", "message automatique (RFC 3834)\u00a0: à envoyer à la main",
			"aucun serveur d’envoi n’est réglé (smtp.host)", "envois trop nombreux de cette adresse en une heure (CRPA L112-11)",
			"un message automatique est parti à cette adresse il y a moins d’une heure", "remplacé par un avis plus récent", "reprise d’anciens envois, sans accusé",
		},
		ingest.FailedMails: {
			"L’envoi n’a pas abouti. Détail technique : aucun serveur d’envoi n’est réglé (smtp.host)",
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at AUTH 535 5.7.8 "bad"; check smtp.username and smtp.password`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at RCPT 530 "login"; it wants a login: set smtp.username and smtp.password`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at RCPT 550 5.1.1 "unknown"`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at DATA 552 5.2.2 "full"`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at DATA 552 5.3.4 "too big"`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at DATA 550 5.7.1 "spam"`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at RCPT 550 "no"`,
			`L’envoi n’a pas abouti. Détail technique : deliver: the mail server refused at DATA 554 "no"`,
			"L’envoi n’a pas abouti. Détail technique : dial tcp 127.0.0.1:25: connect: connection refused",
			"L’envoi n’a pas abouti. Détail technique : dial tcp: lookup smtp.x: no such host",
			"L’envoi n’a pas abouti. Détail technique : x509: certificate has expired",
			"L’envoi n’a pas abouti. Détail technique : read: i/o timeout",
			"L’envoi n’a pas abouti. Détail technique : notice: letter \"are\": these mandatory mentions are missing",
			"L’envoi n’a pas abouti. Détail technique : deliver: the stored mail cannot be sent as it stands; compose it again: line 3",
		},
		ingest.FailedDeliveries: {
			"L’envoi n’a pas abouti. Détail technique : deliver: no handler for this kind: \"x\"",
			"La copie cherchable n’a pas pu être faite. Détail technique : qpdf",
			"La copie cherchable n’a pas pu être faite. Détail technique : context deadline exceeded",
			"L’envoi n’a pas abouti. Détail technique : deliver scan.note x: open: permission denied",
			"L’envoi n’a pas abouti. Détail technique : deliver scan.note x: write: no space left on device",
			"L’envoi n’a pas abouti. Détail technique : deliver scan.note x: scanfolder: vanished",
		},
	} {
		told := map[string]string{}
		for _, reason := range reasons {
			f := ingest.Failure{Kind: kind, Reason: reason}
			what, next := explain(fr, f)
			_, other := adviceOf(f)
			if what == other.what || what == "" || next == "" {
				t.Errorf("%s: %q is told as anything: %s", kind, reason, what)
			}
			told[what+next] = reason
		}
		f := ingest.Failure{Kind: kind, Reason: "\x00 autre chose"}
		if what, next := explain(fr, f); what == "" || next == "" || told[what+next] != "" {
			t.Errorf("%s: an unknown reason is told as %q", kind, what)
		}
	}
	if what, _ := explain(fr, ingest.Failure{Kind: ingest.FailedMails, State: ingest.MailBounced, Reason: "non remis à a@b.fr : 5.1.1 smtp; no such user"}); !strings.Contains(what, "est revenu") {
		t.Errorf("a bounce is told as %q", what)
	}
}

// Each sign is in small letters, since reasons are compared so; and none can never be reached
// because of one before it.
func TestAdvicesCanBeReached(t *testing.T) {
	for name, list := range map[string][]advice{
		"pieces": pieceAdvice, "aside": asideAdvice, "withheld": withheldAdvice, "mails": mailAdvice, "bounced": bouncedAdvice, "deliveries": deliveryAdvice, "channels": channelAdvice,
	} {
		for i, a := range list {
			if a.sign != strings.ToLower(a.sign) {
				t.Errorf("%s: %q is not in small letters", name, a.sign)
			}
			for _, before := range list[:i] {
				if strings.Contains(a.sign, before.sign) {
					t.Errorf("%s: %q comes behind %q", name, a.sign, before.sign)
				}
			}
		}
	}
}

// inEnglish reports whether a text of the pages is in the catalogue.
func inEnglish(text string) bool {
	return slices.ContainsFunc(words, func(m map[string]string) bool { _, ok := m[text]; return ok })
}

// templateText finds the texts of the catalogue in a template.
var templateText = regexp.MustCompile(`\bt ("(?:[^"\\]|\\.)*")`)

// codeText finds them in Go.
var codeText = regexp.MustCompile(`\b(?:t|w\.t|tongue\(v\))\.T\(("(?:[^"\\]|\\.)*")`)

// Every text of these pages has its English, and French typography.
func TestCounterFailuresFiguresInEnglish(t *testing.T) {
	var texts []string
	add := func(s ...string) { texts = append(texts, s...) }
	for _, list := range [][]advice{pieceAdvice, asideAdvice, withheldAdvice, mailAdvice, bouncedAdvice, deliveryAdvice, channelAdvice} {
		for _, a := range list {
			add(a.what, a.next)
		}
	}
	for _, kind := range ingest.FailureKinds() {
		for _, state := range []ingest.MailState{ingest.MailFailed, ingest.MailBounced} {
			_, other := adviceOf(ingest.Failure{Kind: kind, State: state})
			add(other.what, other.next)
		}
		add(failureNames[kind], failureIntros[kind], retryLabel(kind))
	}
	for _, name := range mailNames {
		add(name)
	}
	for _, kind := range []string{ingest.OutboxScanCopy, ingest.OutboxScanNote, "x"} {
		add(outboxName(kind))
	}
	for _, kind := range figureKinds {
		add(kind.title, kind.note, kind.head)
		for _, c := range kind.columns {
			add(c.title)
		}
	}
	for _, file := range []string{"templates/nouvelle.html", "templates/nouvelle_suite.html", "templates/echecs.html", "templates/chiffres.html", "counter*.go", "failures*.go", "figures*.go"} {
		names, err := filepath.Glob(file)
		if err != nil || len(names) == 0 {
			t.Fatal(file, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			pattern := codeText
			if strings.HasSuffix(name, ".html") {
				pattern = templateText
			}
			for _, m := range pattern.FindAllStringSubmatch(string(content), -1) {
				text, err := strconv.Unquote(m[1])
				if err != nil {
					t.Fatal(name, m[1], err)
				}
				add(text)
			}
		}
	}
	add(dealtOne, dealtMany)
	if len(texts) < 200 {
		t.Fatalf("only %d texts found", len(texts))
	}
	for _, text := range texts {
		if !inEnglish(text) {
			t.Errorf("no English for %q", text)
		}
		if strings.Contains(text, "'") || regexp.MustCompile(`[^\x{a0}][:;!?»](?:\s|$)`).MatchString(text) {
			t.Errorf("%q: apostrophe ’, and a no-break space before : ; ! ?", text)
		}
	}
}

// A channel that is stuck stands on every page, in the reader's language.
func TestStuckBanner(t *testing.T) {
	c := &clerks{count: 7, states: []ChannelState{
		{Name: "mailbox/sve", Stuck: true, LastGood: time.Date(2026, 3, 30, 8, 40, 0, 0, time.UTC), Error: "dial tcp: connection refused"},
		{Name: "scan/courrier", Stuck: true},
		{Name: "webform", Passive: true},
	}}
	for lang, want := range map[string][]string{
		french:  {"Boîte sve", "depuis le 30/03/2026 à 10 h 40", "Dossier courrier", "depuis le démarrage", "/agent/echecs?liste=canaux"},
		english: {"Mailbox sve", "Folder courrier"},
	} {
		_, h := c.office(t, ingest.RoleReader, lang, monday)
		for _, path := range []string{"/agent/echecs", "/agent/chiffres", "/agent/introuvable"} {
			_, body := visit(t, h, http.MethodGet, path, nil)
			for _, w := range want {
				if !strings.Contains(body, w) {
					t.Errorf("%s %s does not say %q", lang, path, w)
				}
			}
			if strings.Count(body, `role="alert"`) != 2 {
				t.Errorf("%s %s has %d banners", lang, path, strings.Count(body, `role="alert"`))
			}
		}
	}
	_, h := c.office(t, ingest.RoleReader, french, monday)
	_, body := visit(t, h, http.MethodGet, "/agent/echecs?liste=canaux", nil)
	for _, want := range []string{"Le serveur ne répond pas.", "à l’arrêt", "Ouvert : rien à relever.", "connection refused"} {
		if !strings.Contains(body, want) {
			t.Errorf("the channels' list does not say %q: %s", want, body)
		}
	}
}

// What cannot be done for one of several is passed over; for one alone it is told.
func TestFailureActs(t *testing.T) {
	c := &clerks{refusing: ingest.Refused("%s cannot be tried again; its reason says where it lies", "x")}
	_, h := c.office(t, ingest.RoleAgent, french, monday)
	if res, body := visit(t, h, http.MethodPost, "/agent/echecs/envois", url.Values{"reprendre": {"x"}}); res.StatusCode != http.StatusConflict || !strings.Contains(body, "x ne peut pas être repris") {
		t.Errorf("%d: %s", res.StatusCode, body)
	}
	if res, _ := visit(t, h, http.MethodPost, "/agent/echecs/envois", url.Values{"id": {"x", "y"}}); res.StatusCode != http.StatusSeeOther || len(c.retried) != 3 {
		t.Errorf("%d, %v", res.StatusCode, c.retried)
	}
	if res, _ := visit(t, h, http.MethodPost, "/agent/echecs/envois", nil); res.StatusCode != http.StatusSeeOther || len(c.retried) != 3 {
		t.Errorf("nothing ticked: %d, %v", res.StatusCode, c.retried)
	}
	// A fault of the house is none of these.
	c.refusing = errOther
	if res, _ := visit(t, h, http.MethodPost, "/agent/echecs/envois", url.Values{"id": {"x", "y"}}); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a fault answers %d", res.StatusCode)
	}
	c.refusing, c.retried = nil, nil
	many := make([]string, retriedAtOnce+20)
	visit(t, h, http.MethodPost, "/agent/echecs/envois", url.Values{"id": many})
	if len(c.retried) != retriedAtOnce {
		t.Errorf("%d at once", len(c.retried))
	}
	if res, _ := visit(t, h, http.MethodPost, "/agent/echecs/canaux", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("the channels can be taken up: %d", res.StatusCode)
	}
}
