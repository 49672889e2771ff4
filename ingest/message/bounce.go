package message

import (
	"regexp"
	"strings"

	gomessage "github.com/emersion/go-message"

	"saisine.fr/saisine/ingest/lazy"
)

// Many servers still report a failed delivery in plain words: qmail, exim, Exchange 5.5,
// the appliances before them, webmails. There is no standard for these, so they are
// known by what they say at their very start, and who says it.

var (
	bounceSubject = lazy.Regexp(`(?i)(?:^|\PL)(?:undeliver(?:able|ed)|delivery\s+(?:status|failure|failed|error|problem|has\s+failed|delayed|notification)|mail\s+delivery|failed\s+delivery|non-?delivery|returned\s+mail|failure\s+notice|(?:mail|message)\s+could\s+not\s+be\s+delivered|remise\s+(?:différée|impossible|échouée)|échec\s+de\s+(?:la\s+)?(?:remise|distribution|livraison)|non-?remise|notification\s+d['’]état\s+de\s+remise|returned\s+to\s+sender)|(?:^|[:–-]\s*)non\s+(?:remis|distribu(?:é|able)|délivré)`)
	robot         = lazy.Regexp(`(?i)^(?:mailer-daemon|mailerdaemon|mail-daemon|double-bounce|mdaemon)@?`)
	postmaster    = lazy.Regexp(`(?i)^postmaster@`)
	// The names under which servers write.
	systemName = lazy.Regexp(`(?i)^\W*(?:mail(?:er)?[\s.-]daemon|(?:internet\s+)?mail\s+(?:delivery|administrator)(?:\s+(?:sub)?system)?|post\s?master|system\s+administrator|administrateur\s+système|microsoft\s+outlook)\W*$`)
	// A whole sentence of a server. It stands at the start: a citizen who quotes one
	// says something first.
	bounceWords = lazy.Regexp(`(?i)(?:could\s+not|cannot|can['’]t|unable\s+to|wasn['’]t\s+able\s+to|was\s+not|were\s+not|not\s+yet\s+been|failed\s+to|did\s+not|not)\s+(?:be\s+|been\s+)?(?:deliver(?:ed)?|reach\s+the\s+following)|deliver[yi]\w*\s+(?:\S+\s+){0,9}?(?:failed|has\s+failed|failure|status\s+notification|problems?|has\s+been\s+(?:delayed|postponed))|(?:unknown\s+user|user\s+unknown|failed\s+recipients?|error-for|invalid\s+final\s+delivery\s+userid)\W|undelivered|undeliverable|error\s+delivering|has\s+been\s+returned|delivery\s+notifications|permanent\s+fatal\s+errors|n['’]a\s+pas\s+(?:pu\s+)?(?:être|etre|été)\s+(?:remis|d[ée]livr[ée]|distribu[ée]|achemin[ée])|impossible\s+de\s+(?:remettre|distribuer|délivrer)`)
	// What a server says of itself.
	serverWords = lazy.Regexp(`(?i)created\s+automatically\s+by\s+mail\s+delivery\s+software|automatically\s+generated\s+delivery\s+status|this\s+is\s+the\s+\S+\s+program\s+at\s|message\s+from\s+interscan`)
	// Lotus Notes puts its verdict behind the subject, whatever that began with.
	verdict  = lazy.Regexp(`(?i)[:–-]\s*(?:non\s+(?:remis|distribué)|undeliverable)(?:\s*\([^()]*\))?\s*$`)
	answered = lazy.Regexp(`(?i)^\s*(?:re|tr|rép?|fwd?|fw|wg|aw)\s*:`)
	greeting = lazy.Regexp(`(?i)^\W*(?:bonjour|bonsoir|madame|monsieur|messieurs|mesdames|mme|mr|cher|chère|hello|good\s+(?:morning|day)|dear|salut)\b`)
)

// bounceReason recognises bounces that carry no report for machines: a robot as the
// sender, or what a server writes together with a second sign.
func bounceReason(h *gomessage.Header, m *Message) string {
	null := nullReturnPath(h)
	switch from := m.From.Email; {
	case robot().MatchString(from):
		return "mailer_daemon: " + from
	case from == "" && robot().MatchString(m.From.Name):
		return "mailer_daemon: " + m.From.Name
	case h.Has("X-Failed-Recipients") && null:
		return "delivery_report: " + firstValue(h, "X-Failed-Recipients")
	case null && (postmaster().MatchString(from) || from == "") && bounceSubject().MatchString(m.Subject):
		return "null_return_path: " + m.Subject
	case null && bounceSubject().MatchString(m.Subject) && len(m.InReplyTo)+len(m.References) == 0 && !speaksAsPerson(m):
		return "null_return_path: " + m.Subject
	case bounceSubject().MatchString(m.Subject) && speaksAsServer(h, m):
		return "undelivered: " + m.Subject
	}
	return ""
}

// readBounce sets Delivery of a mail that was recognised as a bounce and has no report,
// or one without recipients.
func (m *Message) readBounce(h *gomessage.Header) {
	switch code, _, _ := strings.Cut(m.Automatic, ":"); code {
	case "mailer_daemon", "null_return_path", "undelivered", "delivery_report", "auto_submitted":
	default:
		return
	}
	if m.Delivery != nil && (m.Delivery.Kind != "dsn" || m.Delivery.told()) {
		return
	}
	if strings.HasPrefix(m.Automatic, "auto_submitted") && bounceReason(h, m) == "" {
		return
	}
	list := bounceRecipients(h, m)
	if len(list) == 0 {
		return
	}
	if m.Delivery == nil {
		m.Delivery = &DeliveryReport{Kind: "dsn"}
	}
	m.Delivery.Recipients = list
	m.Automatic = Cut(cleanLine(m.Automatic)+" — "+m.Delivery.describe(), 300)
}

// speaksAsServer reports whether a mail whose subject is that of a bounce is one,
// although its return path does not tell: list servers and gateways rewrite it.
func speaksAsServer(h *gomessage.Header, m *Message) bool {
	if t, params, _ := contentType(h, ""); t == "multipart/report" && strings.EqualFold(params["report-type"], "delivery-status") {
		return true
	}
	start := opening(m)
	said := bounceWords().FindStringIndex(start)
	if said == nil || speaksAsPerson(m) {
		return false
	}
	if postmaster().MatchString(m.From.Email) || systemName().MatchString(m.From.Name) {
		return true
	}
	// Nobody else is believed who has a name, answers, forwards, or writes in a person's
	// program. "Courrier non distribué" is also what a citizen complains of.
	if m.From.Name != "" || answered().MatchString(m.Subject) && !verdict().MatchString(m.Subject) ||
		len(m.InReplyTo)+len(m.References) > 0 || writtenByPerson(h, m) {
		return false
	}
	const near = 200
	return serverWords().MatchString(start) ||
		bounceAddress().MatchString(Cut(start[said[0]:], near)) && len(bounceRecipients(h, m)) > 0
}

// opening is the start of a mail's text.
func opening(m *Message) string { return Cut(m.Text, 800) }

// speaksAsPerson reports whether a mail greets or asks: no server does.
func speaksAsPerson(m *Message) bool {
	return greeting().MatchString(opening(m)) || asksSomething().MatchString(opening(m))
}

var (
	bounceAddress = lazy.Regexp(`[\p{L}\p{N}.!#$%&*+/=?^_{|}~'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+`)
	// Where the returned mail begins.
	returnedMail = lazy.Regexp(`(?i)^\W*(?:---\s*message\s+joint|(?:the\s+|your\s+)?original\s+message(?:\s+(?:as\s+received|follows|headers?)|\W*$)|returned\s+(?:mail|message)|(?:this|below|attachment|attached)\b.{0,40}\bcopy\s+of|below\s+this\s+line|unsent\s+message|message\s+headers?\s+follow|message\s+(?:text|body)\s+follows|(?:the\s+)?(?:headers?|first\s+\d+\s+lines)\b.{0,60}\bfollow|your\s+message\s+reads|transcript\s+of\s+session\s+follows|(?:return-path|received)\s*:)`)
	// Lines whose address is of somebody else: the sender, a helper, an identifier.
	notRecipient   = lazy.Regexp(`(?i)^\W*(?:from|de|sender|reply-to|cc|subject|message-id|mail\s+from|x-\w+|references)\s*:|contact|please\s+(?:send|e-?mail|forward)|assistance|mail\s+from|postmaster\s+at|for\s+(?:help|further)|not\s+accepting\s+mail\s+from`)
	toLine         = lazy.Regexp(`(?i)^\W*(?:to|à|pour)\s*:`)
	smtpPrefix     = lazy.Regexp(`(?i)^(?:smtp|rfc-?822)[=:]`) // of X.400 gateways
	enhancedStatus = lazy.Regexp(`(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|[^\d.])`)
	delayWords     = lazy.Regexp(`(?i)(?:not\s+yet\s+been\s+delivered|has\s+been\s+(?:delayed|postponed)|will\s+(?:continue|be\s+retried|keep\s+trying)|delivery\s+attempts\s+will\s+continue|do\s+not\s+need\s+to\s+(?:take|resend)|retardé|différée|advisory-only)`)
)

const (
	maxBounceLines   = 300
	statusLinesAhead = 8
)

// bounceRecipients reads from a bounce in words for whom the mail was. An address that
// it only mentions (its own, ours, a helper's) is none.
func bounceRecipients(h *gomessage.Header, m *Message) []RecipientStatus {
	ours := map[string]bool{strings.ToLower(m.From.Email): true}
	for _, a := range m.To {
		ours[strings.ToLower(a.Email)] = true
	}
	for _, a := range m.DeliveredTo {
		ours[strings.ToLower(a)] = true
	}
	action := "failed"
	if delayWords().MatchString(m.Subject + "\n" + Cut(m.Text, 3000)) {
		action = "delayed"
	}
	seen := make(map[string]bool)
	var out []RecipientStatus
	add := func(email, status string) {
		key := strings.ToLower(email)
		if !seen[key] && !ours[key] && len(out) < maxRecipients {
			seen[key] = true
			out = append(out, RecipientStatus{Email: Cut(email, 320), Action: action, Status: status})
		}
	}
	lines := bounceLines(m.Text)
	for _, a := range parseAddresses(firstValue(h, "X-Failed-Recipients")) {
		add(a.Email, statusNear(lines, len(lines)))
	}
	// The "To:" of the mail that came back may be a list; it counts where nothing else is told.
	for _, skip := range []*regexp.Regexp{toLine(), nil} {
		for i, line := range lines {
			if len(out) > 0 && skip == nil || skip != nil && skip.MatchString(line) || notRecipient().MatchString(line) {
				continue
			}
			for _, email := range bounceAddress().FindAllString(line, 10) {
				add(strings.Trim(smtpPrefix().ReplaceAllString(email, ""), "'.=*"), statusNear(lines[i:], statusLinesAhead))
			}
		}
	}
	return out
}

// bounceLines returns the lines in which a server speaks itself.
func bounceLines(text string) []string {
	lines := strings.SplitN(Cut(text, 64<<10), "\n", maxBounceLines+1)
	for i, line := range lines {
		if i == maxBounceLines || i > 0 && returnedMail().MatchString(line) {
			return lines[:i]
		}
	}
	return lines
}

// statusNear returns the first RFC 3463 status in the next n lines, "" without one.
func statusNear(lines []string, n int) string {
	for _, line := range lines[:min(len(lines), n)] {
		if s := enhancedStatus().FindStringSubmatch(line); s != nil {
			return s[1]
		}
	}
	return ""
}
