package message

import (
	"strings"

	gomessage "github.com/emersion/go-message"

	"saisine.fr/saisine/ingest/lazy"
)

// automatic says why a mail is no citizen's message, or "" for everything that might
// be one: to set a citizen aside is the worst error, so a header that a person's
// program or provider may add never decides alone. In particular, none of these does:
//   - X-Auto-Response-Suppress: Exchange sets it on mails of persons too;
//   - an empty Return-Path: some gateways deliver everything with it;
//   - a subject that speaks of an absence;
//   - Reply-To, missing To, unknown X- headers.
func automatic(h *gomessage.Header, m *Message) string {
	for _, rule := range []func(*gomessage.Header, *Message) string{
		reportReason, autoSubmittedReason, bounceReason, autoReplyReason, listReason,
	} {
		if why := rule(h, m); why != "" {
			return Cut(cleanLine(why), 300)
		}
	}
	return ""
}

func reportReason(_ *gomessage.Header, m *Message) string {
	if m.Delivery == nil {
		return ""
	}
	code := map[string]string{"dsn": "delivery_report: ", "mdn": "read_receipt: ", "feedback": "abuse_report: "}[m.Delivery.Kind]
	return code + m.Delivery.describe()
}

// autoSubmittedReason follows RFC 3834 §5: any value but "no", with or without parameters.
func autoSubmittedReason(h *gomessage.Header, _ *Message) string {
	v := strings.ToLower(firstValue(h, "Auto-Submitted"))
	if i := strings.IndexAny(v, ";( "); i >= 0 {
		v = v[:i]
	}
	if strings.HasPrefix(v, "auto-") {
		return "auto_submitted: " + v
	}
	return ""
}

func nullReturnPath(h *gomessage.Header) bool {
	return strings.Join(strings.Fields(firstValue(h, "Return-Path")), "") == "<>"
}

var (
	// Only at the start: programs put it there, persons write "absence de …" anywhere.
	autoReplySubject = lazy.Regexp(`(?i)^\W*(?:(?:re|tr|rép)\s*:\s*)?(?:\[?(?:réponse\s+automatique|automatic\s+reply|auto(?:matic)?[\s-]?(?:reply|response|réponse)|out\s+of\s+(?:the\s+)?office|message\s+d['’]absence|absence\s+du\s+bureau|absente?\s+du\s+bureau|notification\s+d['’]absence|vacation\s+(?:reply|message)|je\s+suis\s+(?:actuellement\s+)?(?:absente?|en\s+congés?)|i\s+am\s+(?:currently\s+)?(?:out\s+of|away))\b)`)
	// The same of machines that say less. Persons write so too, and go on: of what, of whom.
	absenceSubject = lazy.Regexp(`(?i)^\W*\[?(?:absente?s?|absence|fermeture)\s*(?:[:–—-]?\s*(?:re|tr|rép)\s*:|[:–—-]\s*(?:du|jusqu)|jusqu|du\s+\d|annuelle|du\s+bureau|pour\s+congés|$)`)
	// Who is away, or what is closed: the machine speaks of its owner.
	ownAbsence = lazy.Regexp(`(?i)(?:je\s+(?:suis|serai)|nous\s+(?:sommes|serons))\s+(?:\S+\s+){0,2}(?:absente?s?|en\s+congés?|fermée?s?|indisponibles?|en\s+déplacement)|(?:bureaux?|étude|cabinet|agence|secrétariat|service|magasin|entreprise|société|accueil|standard)\s+(?:\S+\s+){0,3}(?:est|sont|sera|seront)\s+(?:\S+\s+)?ferm`)
	// What such an answer says.
	absenceText = lazy.Regexp(`(?i)\b(?:je\s+(?:suis|serai)\s+(?:actuellement\s+|en\s+ce\s+moment\s+)?(?:absente?|en\s+congés?|en\s+déplacement|indisponible|hors\s+du\s+bureau)|(?:actuellement|momentanément)\s+(?:absente?|en\s+congés?|indisponible)|de\s+retour\s+(?:le|à\s+partir)|jusqu['’]au\s.{1,40}(?:inclus|\d{4})|en\s+mon\s+absence|(?:i\s+am|i['’]m)\s+(?:currently\s+)?(?:out\s+of\s+(?:the\s+)?office|away|on\s+(?:leave|vacation|holiday))|limited\s+access\s+to\s+(?:my\s+)?e-?mail|will\s+(?:be\s+back|return)\s+on|bien\s+reçu\s+votre\s+(?:message|mail|courriel|e-?mail)|votre\s+(?:message|mail|courriel|e-?mail)\s+(?:nous\s+est\s+bien\s+parvenu|m['’]est\s+bien\s+parvenu|a\s+bien\s+été\s+reçu|sera\s+(?:traité|lu))|(?:ferme|fermé|fermée|fermés|fermées)\s+(?:du|jusqu['’]au)\s|dès\s+(?:mon|notre)\s+retour|ne\s+pas\s+répondre\s+à\s+ce\s+(?:message|mail|courriel|e-?mail)|ceci\s+est\s+(?:un\s+message|une\s+réponse)\s+automatique|this\s+is\s+an\s+automat(?:ic|ed))`)
)

// autoReplyReason recognises out-of-office answers: headers that only answering
// machines set, or a subject of theirs together with a second sign.
func autoReplyReason(h *gomessage.Header, m *Message) string {
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply"} {
		if v := strings.ToLower(firstValue(h, name)); v != "" && v != "no" && v != "false" {
			return "auto_reply: " + name
		}
	}
	if v := strings.ToLower(firstValue(h, "Precedence")); v == "auto_reply" || v == "auto-reply" {
		return "auto_reply: Precedence " + v
	}
	own := Cut(m.OwnText, 3000)
	// By words alone only what nobody adds anything to: no file, no program of a person.
	bare := len(m.Attachments) == 0 && !humanProgram().MatchString(firstValue(h, "User-Agent")) && !humanProgram().MatchString(firstValue(h, "X-Mailer"))
	switch {
	case bare && machineText(own):
		return "auto_reply: " + m.Subject
	case bare && absenceSubject().MatchString(m.Subject) && ownAbsence().MatchString(own) && absenceText().MatchString(own) && !asks(own):
		return "out_of_office: " + m.Subject
	}
	if !autoReplySubject().MatchString(m.Subject) {
		return ""
	}
	switch {
	case nullReturnPath(h), h.Has("X-Auto-Response-Suppress"), h.Has("X-Auto-Reply-From"), isBulk(h):
		return "out_of_office: " + m.Subject
	case absenceText().MatchString(own) && !asks(own):
		return "out_of_office: " + m.Subject
	}
	return ""
}

var (
	// Machines say of themselves, in a sentence of its own, that nobody will read an answer.
	noAnswer = lazy.Regexp(`(?im)(?:^|[.!?;:)\n]\s*|,\s*)(?:(?:merci|prière|nous\s+vous\s+(?:prions|remercions)|veuillez|svp)\s+(?:de\s+|d['’])?(?:bien\s+vouloir\s+)?)?(?:ne\s+pas\s+(?:y\s+)?répondre|ne\s+répondez\s+pas)(?:\s+à\s+ce(?:t|tte)?\s+(?:message|mail|courriel|e-?mail|adresse)|\s*[.!]?\s*$)|(?:^|[.!?\n]\s*)(?:ceci|ce\s+message|cet\s+e-?mail|ce\s+courriel|il\s+s['’]agit)\s+(?:est|d['’]une?|a\s+été)\s+(?:\S+\s+){0,3}(?:automatique|généré\s+automatiquement|envoyé\s+automatiquement)|(?i:this\s+is\s+an\s+automat)`)
	// And that the message came in.
	cameIn = lazy.Regexp(`(?i)bien\s+(?:reçu|réceptionné)\s+votre\s+(?:message|mail|courriel|e-?mail|demande)|votre\s+(?:message|mail|courriel|e-?mail)\s+(?:(?:nous|m['’])\s*est\s+bien\s+parvenu|a\s+bien\s+été\s+(?:reçu|enregistré))|(?:sera|seront)\s+(?:traitée?s?|lue?s?|prise?s?\s+en\s+compte)\s+(?:dès|dans)`)
)

// machineText reports whether a text is that of an answering machine that says so itself.
func machineText(own string) bool {
	return noAnswer().MatchString(own) && (cameIn().MatchString(own) || absenceText().MatchString(own)) && !asks(own)
}

// asks reports whether somebody asks or tells the town something: machines put no questions.
func asks(own string) bool {
	return strings.Contains(own, "?") || asksSomething().MatchString(own) || wantsSomething().MatchString(own) || speaksOfMachine().MatchString(own)
}

// speaksOfMachine matches what a person writes who has had an automatic answer, or sends something.
var speaksOfMachine = lazy.Regexp(`(?i)\b(?:reçu|eu|obtenu)\s+(?:que\s+)?(?:votre|un|une|vos|des)\s+(?:\S+\s+)?(?:messages?|réponses?|mails?|courriels?|e-?mails?)\s+automatiques?|\bil\s+(?:me\s+)?dit\s+de|\b(?:voici|ci-joint|je\s+(?:vous\s+)?(?:envoie|transmets|joins|adresse))\b|\bpièce\s+jointe\b|\b(?:mon|ma|mes)\s+(?:avion|fils|fille|enfants?|dossier|demande|parcelle|facture|rue)\b`)

// wantsSomething matches what is to be done or left undone, but for what machines ask:
// not to answer, to write to somebody else.
var wantsSomething = lazy.Regexp(`(?i)\b(?:merci|remercie|prie|prière|veuillez|svp|s['’]il\s+vous\s+pla[iî]t)\s+(?:de\s+(?:bien\s+vouloir\s+)?|d['’]|par\s+avance\s+de\s+)(?:annuler|modifier|noter|reporter|décaler|inscrire|désinscrire|supprimer|m['’]|me\s|nous\s|faire|passer|envoyer|rappeler|prévoir|réparer|intervenir|corriger|rectifier)|\bannul(?:er|ez)\b`)

// asksSomething matches what a citizen writes to a town, and an answering machine does not.
var asksSomething = lazy.Regexp(`(?i)\b(?:je\s+(?:souhaite|voudrais|demande|sollicite|vous\s+(?:signale|écris|prie|sollicite)|désire|conteste)|pourriez-vous|pouvez-vous|j['’]aimerais|est-il\s+possible|could\s+you|i\s+would\s+like|votre\s+(?:portail|service|réponse))\b`)

func isBulk(h *gomessage.Header) bool {
	switch strings.ToLower(strings.Trim(firstValue(h, "Precedence"), " \"'")) {
	case "bulk", "list", "junk":
		return true
	}
	return false
}

var (
	// Programs in which a person writes a mail.
	humanProgram = lazy.Regexp(`(?i)thunderbird|microsoft\s+outlook|outlook\s+express|apple\s+mail|iphone\s+mail|ipad\s+mail|android|k-?9|roundcube|zimbra|horde|squirrelmail|evolution|kmail|claws|mutt|lotus|sogo|rainloop|mailo|open-xchange|yahoomail|aol\s?mail|orange|webmail`)
	// Headers of mass mailing services.
	massHeaders = []string{
		"Feedback-Id", "X-Csa-Complaints", "X-Campaign", "X-Campaignid", "X-Mailer-Recptid", "X-Mailin-Campaign", "X-Mailjet-Campaign",
		"X-Mj-Mid", "X-Mc-User", "X-Sg-Eid", "List-Unsubscribe-Post", "X-Emv-Campagneid", "X-Newsletter",
	}
	massWords = lazy.Regexp(`(?i)désabonn|désinscri|unsubscribe|newsletter|lettre\s+d['’]info|voir\s+(?:la\s+version|ce\s+(?:mail|message))\s+(?:en\s+ligne|dans)|se\s+désinscrire`)
)

// listReason recognises mailing lists and newsletters. List-Unsubscribe or Precedence
// alone may be an odd header on a person's mail, so they do not count when the mail
// was written in a person's program, or answers a mail.
func listReason(h *gomessage.Header, m *Message) string {
	person := writtenByPerson(h, m)
	id := cleanLine(decodeWords(firstValue(h, "List-Id")))
	bulk := isBulk(h)
	unsubscribe := h.Has("List-Unsubscribe")
	if id == "" && !bulk && !unsubscribe {
		return ""
	}
	mass := massWords().MatchString(Cut(m.Text, 200_000))
	for _, name := range massHeaders {
		mass = mass || h.Has(name)
	}
	switch {
	case id != "" && ownGroup(id, m):
		// The town's own address is a group: citizens' mails all come through it.
		if mass && unsubscribe && !person && !bulk {
			return "newsletter: " + id
		}
		return ""
	case unsubscribe && mass && !person:
		return "newsletter: List-Unsubscribe"
	case id != "":
		return "mailing_list: " + id
	case h.Has("List-Post") && unsubscribe:
		return "mailing_list: List-Post"
	case bulk && !person:
		return "precedence: " + strings.ToLower(firstValue(h, "Precedence"))
	case unsubscribe && !person:
		return "newsletter: List-Unsubscribe"
	}
	return ""
}

// writtenByPerson reports whether a mail names a person's program, or answers a mail.
func writtenByPerson(h *gomessage.Header, m *Message) bool {
	return humanProgram().MatchString(firstValue(h, "User-Agent")) || humanProgram().MatchString(firstValue(h, "X-Mailer")) ||
		len(m.InReplyTo) > 0
}

// ownGroup reports whether a List-Id is that of a group of the recipient's own domain,
// such as contact.mairie.fr for contact@mairie.fr delivered to sve@mairie.fr: groups of
// hosted mail add list headers to every mail that they distribute.
func ownGroup(id string, m *Message) bool {
	if i := strings.LastIndexByte(id, '<'); i >= 0 {
		id = id[i+1:]
	}
	id = strings.ToLower(strings.Trim(id, "<> "))
	for _, to := range m.DeliveredTo {
		if _, domain, ok := strings.Cut(strings.ToLower(to), "@"); ok && strings.Contains(domain, ".") && strings.HasSuffix(id, "."+domain) {
			return true
		}
	}
	return false
}
