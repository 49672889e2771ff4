package message

import (
	"regexp"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// robotAddress matches the local parts to which no program writes by itself (RFC 3834 §2,
// RFC 2142): robots, and the owners and request addresses of lists.
var robotAddress = regexp.MustCompile(`(?i)^(?:mailer-daemon|mailerdaemon|mail-daemon|double-bounce|mdaemon|postmaster|listserv|majordomo|owner-.+|.+-(?:owner|request|bounces?)|bounces?(?:[+=-].*)?|(?:no|do-?not|ne-?pas|nepas|pas-de)[._-]?(?:reply|reponse|répondre|repondre).*)$`)

// noReply says why the rules of mail forbid an automatic answer to a mail, in French, or "".
// It decides on nothing else: the mail is somebody's message all the same.
func noReply(h *gomessage.Header, m *Message) string {
	if m.Automatic != "" {
		return "message automatique (" + Cut(m.Automatic, 120) + ")"
	}
	local, _, _ := strings.Cut(m.From.Email, "@")
	id := cleanLine(decodeWords(firstValue(h, "List-Id")))
	switch {
	case autoSubmittedReason(h, m) != "":
		return "message automatique (Auto-Submitted)"
	case nullReturnPath(h):
		return "l’expéditeur de l’enveloppe est vide (Return-Path: <>)"
	case robotAddress.MatchString(local):
		return "adresse d’un automate (" + Cut(cleanLine(m.From.Email), 120) + ")"
	case id != "" && ownGroup(id, m):
		return "" // the town's own address is a group: citizens' mails all come through it
	case isBulk(h):
		return "envoi en nombre (Precedence)"
	case id != "" || h.Has("List-Unsubscribe") || h.Has("List-Post"):
		return "message d’une liste de diffusion"
	}
	return ""
}
