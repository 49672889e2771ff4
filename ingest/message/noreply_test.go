package message

import (
	"strings"
	"testing"
)

// TestNoReply goes through what forbids an automatic answer (RFC 3834 §2). All of these but
// those that say so themselves stay somebody's message.
func TestNoReply(t *testing.T) {
	const from = "From: Jeanne Martin <jeanne@example.fr>\n"
	const robot, list, bulk, machine, nobody = "adresse d’un automate", "liste de diffusion", "envoi en nombre", "message automatique", "Return-Path"
	for _, tt := range []struct{ name, header, want string }{
		{"a person", from, ""},
		{"a person, delivered as usual", "Return-Path: <jeanne@example.fr>\n" + from, ""},
		{"null return path", "Return-Path: <>\n" + from, nobody},
		{"null return path, with a space", "Return-Path: < >\n" + from, nobody},

		{"auto-submitted no", from + "Auto-Submitted: no\n", ""},
		{"auto-submitted No, with a comment", from + "Auto-Submitted: No (by hand)\n", ""},
		{"auto-submitted no, with a parameter", from + "Auto-Submitted: no; owner-email=\"a@b.fr\"\n", ""},
		{"auto-submitted, nothing", from + "Auto-Submitted:\n", ""},
		{"auto-replied", from + "Auto-Submitted: auto-replied\n", machine},
		{"auto-generated", from + "Auto-Submitted: auto-generated\n", machine},
		{"auto-notified with a parameter", from + "Auto-Submitted: auto-notified; owner-email=\"a@b.fr\"\n", machine},
		{"a value that nobody knows", from + "Auto-Submitted: yes please\n", machine},
		{"a value that begins like no", from + "Auto-Submitted: notify\n", machine},
		{"out of office by its own header", from + "X-Autoreply: yes\n", machine},
		{"suppressed by Outlook, as on persons' mails", from + "X-Auto-Response-Suppress: All\n", ""},

		{"precedence bulk from a person's program", from + "User-Agent: Mozilla Thunderbird\nPrecedence: bulk\n", bulk},
		{"precedence list in an answer", from + "In-Reply-To: <r@saint-exemple.fr>\nPrecedence: list\n", bulk},
		{"precedence junk in an answer", from + "In-Reply-To: <r@saint-exemple.fr>\nPrecedence: Junk\n", bulk},
		{"precedence first-class", from + "Precedence: first-class\n", ""},
		{"a list", from + "List-Id: Quartier <quartier.listes.example.org>\n", machine},
		{"list-unsubscribe from a person's program", from + "X-Mailer: Zimbra 8.8\nList-Unsubscribe: <mailto:u@example.fr>\n", list},
		{"list-post alone", from + "List-Post: <mailto:q@example.org>\n", list},
		{"list-help alone", from + "List-Help: <mailto:q@example.org>\n", list},
		{"list-archive alone, in capitals", from + "LIST-ARCHIVE: <https://example.org/>\n", list},
		{"a subject that speaks of a list", from + "Subject: List-Id: x\n", ""},

		{"the town's own group", "Delivered-To: sve@saint-exemple.fr\n" + from + "List-Id: <contact.saint-exemple.fr>\nPrecedence: list\nList-Unsubscribe: <mailto:u@saint-exemple.fr>\n", ""},
		{"the town's own group, from a robot", "Delivered-To: sve@saint-exemple.fr\nFrom: noreply@example.fr\nList-Id: <contact.saint-exemple.fr>\n", robot},
		{"the town's own group, null return path", "Delivered-To: sve@saint-exemple.fr\nReturn-Path: <>\n" + from + "List-Id: <contact.saint-exemple.fr>\n", nobody},
		{"the town's own group, by a machine", "Delivered-To: sve@saint-exemple.fr\n" + from + "List-Id: <contact.saint-exemple.fr>\nAuto-Submitted: auto-generated\n", machine},
		{"another town's group", "Delivered-To: sve@saint-exemple.fr\n" + from + "List-Id: <contact.saint-ailleurs.fr>\nIn-Reply-To: <r@saint-exemple.fr>\n", machine},
		{"a group that ends alike", "Delivered-To: sve@exemple.fr\n" + from + "List-Id: <contact.saint-exemple.fr>\nIn-Reply-To: <r@exemple.fr>\n", machine},

		{"mailer-daemon", "From: MAILER-DAEMON@example.fr\n", machine},
		{"postmaster", "From: Postmaster <postmaster@example.fr>\n", robot},
		{"owner of a list", "From: owner-quartier@example.fr\n", robot},
		{"the same, the newer way", "From: quartier-owner@example.fr\n", robot},
		{"request address of a list", "From: quartier-request@example.fr\n", robot},
		{"bounces of a list", "From: quartier-bounces@example.fr\n", robot},
		{"bounces with the recipient in it", "From: bounce+jeanne=example.fr@example.org\n", robot},
		{"majordomo", "From: majordomo@example.fr\n", robot},
		{"noreply", "From: noreply@example.fr\n", robot},
		{"no-reply with a tag", "From: No-Reply+42@example.fr\n", robot},
		{"do_not_reply", "From: do_not_reply@example.fr\n", robot},
		{"ne-pas-repondre", "From: ne-pas-repondre@example.fr\n", robot},
		{"nepasrepondre", "From: nepasrepondre@example.fr\n", robot},
		{"ne_pas_repondre", "From: ne_pas_repondre@example.fr\n", robot},
		{"pas-de-reponse", "From: pas-de-reponse@example.fr\n", robot},
		{"a Mr Daemon", "From: j.daemon@example.fr\n", ""},
		{"a Mrs Owner", "From: owner@example.fr\n", ""},
		{"a man who owns a ship", "From: shipowner@example.fr\n", ""},
		{"Noreen", "From: noreen@example.fr\n", ""},
		{"a domain of a robot's name", "From: jeanne@noreply.example.fr\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Read(strings.NewReader("To: sve@saint-exemple.fr\nDate: Mon, 3 Nov 2025 10:12:00 +0100\n"+tt.header+"\nBonjour, le lampadaire est éteint.\n"), Options{})
			if (m.NoReply == "") != (tt.want == "") || !strings.Contains(m.NoReply, tt.want) {
				t.Errorf("got %q, want %q", m.NoReply, tt.want)
			}
			if tt.want != machine && m.Automatic != "" {
				t.Errorf("no answer, and set aside as well: %q", m.Automatic)
			}
		})
	}
}

// The reason is shown to agents: one line of bounded length, whatever the address is.
func TestNoReplyIsOneLine(t *testing.T) {
	m := Read(strings.NewReader("From: noreply"+strings.Repeat("x", 5000)+"\x1b[31m@example.fr\n\nBonjour\n"), Options{})
	if m.NoReply == "" || len(m.NoReply) > 200 || strings.ContainsAny(m.NoReply, "\n\x1b") {
		t.Errorf("%d bytes: %q", len(m.NoReply), m.NoReply[:min(len(m.NoReply), 300)])
	}
}
