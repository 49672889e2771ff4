package message

import (
	"strings"

	gomessage "github.com/emersion/go-message"

	"saisine.fr/saisine/ingest/lazy"
)

// robotAddress matches the local parts to which no program writes by itself (RFC 3834 §2,
// RFC 2142): robots, and the owners and request addresses of lists.
var robotAddress = lazy.Regexp(`(?i)^(?:mailer-daemon|mailerdaemon|mail-daemon|double-bounce|mdaemon|postmaster|listserv|majordomo|owner-.+|.+-(?:owner|request|bounces?)|bounces?(?:[+=-].*)?|(?:no|do[._-]?not|ne[._-]?pas|pas[._-]?de)[._-]?(?:reply|reponse|répondre|repondre).*)$`)

// noReply says why the rules of mail forbid an automatic answer to a mail, in French, or "".
// It decides on nothing else: the mail is somebody's message all the same.
func noReply(h *gomessage.Header, m *Message) string {
	if m.Automatic != "" {
		return "message automatique (" + Cut(m.Automatic, 120) + ")"
	}
	local, _, _ := strings.Cut(m.From.Email, "@")
	id := cleanLine(decodeWords(firstValue(h, "List-Id")))
	switch {
	case !bySomebody(h):
		return "message automatique (Auto-Submitted)"
	case nullReturnPath(h):
		return "l’expéditeur de l’enveloppe est vide (Return-Path: <>)"
	case robotAddress().MatchString(local):
		return "adresse d’un automate (" + Cut(cleanLine(m.From.Email), 120) + ")"
	case id != "" && ownGroup(id, m):
		return "" // the town's own address is a group: citizens' mails all come through it
	case isBulk(h):
		return "envoi en nombre (Precedence)"
	case hasListField(h):
		return "message d’une liste de diffusion"
	}
	return ""
}

// bySomebody reports whether Auto-Submitted is missing, empty or no: any other value, even one
// that nobody knows, forbids an answer (RFC 3834 §2).
func bySomebody(h *gomessage.Header) bool {
	v, _, _ := strings.Cut(firstValue(h, "Auto-Submitted"), ";")
	v, _, _ = strings.Cut(v, "(")
	v = strings.TrimSpace(v)
	return v == "" || strings.EqualFold(v, "no")
}

// hasListField reports whether a field of mailing lists is there: List-Id (RFC 2919), or those
// of RFC 2369.
func hasListField(h *gomessage.Header) bool {
	for f := h.Fields(); f.Next(); {
		if strings.HasPrefix(strings.ToLower(f.Key()), "list-") {
			return true
		}
	}
	return false
}
