package message

import (
	"fmt"
	"strings"
	"testing"
)

// TestBounceInWords holds bounces that carry no report for machines. want is the code
// of Automatic, then each recipient with its action and status.
func TestBounceInWords(t *testing.T) {
	tests := []struct{ name, header, body, want string }{
		{
			"Exim", "From: Mail Delivery System <Mailer-Daemon@mx.example.fr>\nX-Failed-Recipients: parti@example.fr\nSubject: Mail delivery failed: returning message to sender",
			"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered.\n\n  parti@example.fr\n    550 5.1.1 no such user\n\n------ This is a copy of the message, including all the headers. ------\n\nFrom: a@b.fr",
			"mailer_daemon parti@example.fr failed 5.1.1",
		},
		{
			"a daemon without an address", "From: MAILER-DAEMON <>\nSubject: Mail delivery failed",
			"There was an error delivering your mail to <parti@example.fr>.\n\n550-5.7.26 not accepted\n\nMessage headers follow.\n\nTo: <autre@example.fr>",
			"mailer_daemon parti@example.fr failed 5.7.26",
		},
		{
			"Exchange 5.5, return path rewritten", "Return-Path: <x-bounces@listes.example.fr>\nFrom: System Administrator <postmaster@example.fr>\nSubject: Undeliverable: Votre demande",
			"Your message\n\n  To:      liste@saint-exemple.fr\n  Subject: Votre demande\n\ndid not reach the following recipient(s):\n\nc=FR;a= ;p=X;o=Y;dda:SMTP=parti@example.fr; on Mon\n    The recipient name is not recognized",
			"undelivered parti@example.fr failed ",
		},
		{
			"Domino", "From: Postmaster@example.fr\nSubject: DELIVERY FAILURE: User parti (parti@example.fr) not listed in Domino Directory",
			"Your message\n\n  Subject: Votre demande\n\nwas not delivered to:\n\n  parti@example.fr\n\nbecause:\n\n  User not listed",
			"undelivered parti@example.fr failed ",
		},
		{
			"Notes in French", "From: relais.internet@example.fr\nSubject: RE: Votre demande : non remis (delivery failed)",
			"************\nVotre message n'a pas pu etre delivre a\nparti@example.fr\n\n************",
			"undelivered parti@example.fr failed ",
		},
		{
			"French, accents", "Return-Path: <>\nFrom: postmaster@example.fr\nSubject: =?utf-8?Q?Non_remis_:_Votre_demande?=",
			"Votre message n’a pas pu être remis au destinataire suivant :\n\nparti@example.fr\n5.2.2 boîte pleine",
			"null_return_path parti@example.fr failed 5.2.2",
		},
		{
			"virus gateway, delayed", "From: passerelle_smtp@example.fr\nSubject: Delivery failure notification",
			"Your message with Subject: Votre demande\ncould not be delivered to the following recipients:\n\nparti@example.fr\n\nPlease do not resend your original message.\n\nDelivery attempts will continue to be made for 5 days.",
			"undelivered parti@example.fr delayed ",
		},
		{
			"SMTP32, two", "From: \"Postmaster\" <postmaster@example.fr>\nSubject: Undeliverable Mail",
			"Unknown user: un@example.fr\n\nRCPT TO generated following response:\n553 5.3.0 <un@example.fr>... unknown\n\nUnknown user: deux@example.fr\n\nOriginal message follows.\n\nTo: trois@example.fr\n\nBonjour quatre@example.fr",
			"undelivered un@example.fr failed 5.3.0, deux@example.fr failed ",
		},
		{
			"full mailbox, warning", "From: \"Mail Delivery System\" <mds@example.fr>\nSubject: Mail Delivery Warning",
			"Delivery of email to this address\n\"parti@example.fr\"\nhas been postponed due to a full mailbox.\nThe first 50 lines of your original message follow:\nFrom: sve@saint-exemple.fr",
			"undelivered parti@example.fr delayed ",
		},
		{
			"returned mail that names nobody", "From: ndr@example.fr\nSubject: Mail delivery failed: returning message to sender",
			"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered.",
			"undelivered",
		},
		{
			"helpers are no recipients", "From: MAILER-DAEMON@mx.example.fr\nSubject: Undelivered",
			"Your message could not be delivered to <parti@example.fr>.\nFor further assistance, please send mail to <aide@example.fr>.\nFrom: sve@saint-exemple.fr",
			"mailer_daemon parti@example.fr failed ",
		},

		{
			"a citizen complains of the post", "From: jeanne@example.fr\nSubject: Courrier non distribué",
			"Le courrier n'a pas été distribué rue Haute. Écrivez à marie@example.org.", "",
		},
		{
			"the same with a null path", "From: jeanne@example.fr\nReturn-Path: <>\nSubject: Courrier non distribué rue Haute",
			"Bonjour,\n\nLe courrier n'a pas été distribué. marie@example.org", "",
		},
		{
			"a citizen forwards a bounce of ours", "From: Jeanne <jeanne@example.fr>\nSubject: Tr: Mail delivery failed",
			"Your address does not work.\n\nA message that you sent could not be delivered to mairie@saint-exemple.fr", "",
		},
		{
			"a citizen pastes a bounce", "From: jeanne@example.fr\nSubject: Mail delivery failed",
			"Bonjour, je n'arrive pas à vous écrire :\nA message could not be delivered to: mairie@saint-exemple.fr", "",
		},
		{
			"a citizen without a name, in a person's program", "From: jeanne@example.fr\nUser-Agent: Mozilla Thunderbird\nSubject: Mail delivery failed",
			"My mail could not be delivered to maire@saint-exemple.fr, why?", "",
		},
		{
			"a citizen with a name and without a greeting", "From: Jeanne Martin <jeanne@example.fr>\nSubject: Mail delivery failed",
			"My mail could not be delivered to maire@saint-exemple.fr, why?", "",
		},
		{
			"a citizen through a gateway with a null path", "From: jeanne@example.fr\nReturn-Path: <>\nSubject: Mail delivery rue Haute",
			"Bonjour,\n\nLe facteur ne passe plus.", "",
		},
		{
			"a postmaster who is a person", "From: Postmaster <postmaster@example.fr>\nSubject: Mail delivery failed on Monday",
			"Bonjour, nos messages were not delivered to maire@saint-exemple.fr.", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Read(strings.NewReader("To: sve@saint-exemple.fr\n"+tt.header+"\nContent-Type: text/plain; charset=utf-8\n\n"+tt.body), Options{})
			got, _, _ := strings.Cut(m.Automatic, ":")
			if m.Delivery != nil {
				var list []string
				for _, r := range m.Delivery.Recipients {
					list = append(list, fmt.Sprintf("%s %s %s", r.Email, r.Action, r.Status))
				}
				got += " " + strings.Join(list, ", ")
			}
			if got != tt.want {
				t.Errorf("got %q from %q, want %q", got, m.Automatic, tt.want)
			}
			checkMessage(t, m)
		})
	}
}

// TestReportStatus: a comment behind a status is none of it, and a report that names
// nobody is helped by the text beside it.
func TestReportStatus(t *testing.T) {
	mail := func(report string) Message {
		return Read(strings.NewReader("From: MAILER-DAEMON@mx.example.fr\nTo: sve@saint-exemple.fr\nSubject: Undelivered\n"+
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nCould not be delivered to <texte@example.fr>: 5.1.1\n"+
			"--b\nContent-Type: message/delivery-status\n\n"+report+"\n--b--\n"), Options{})
	}
	for report, want := range map[string]RecipientStatus{
		"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; parti@example.fr\nAction: failed\nStatus: 5.0.0 (quota)\n":     {Email: "parti@example.fr", Action: "failed", Status: "5.0.0"},
		"Reporting-MTA: dns; x\n\n\nOriginal-Recipient:rfc822;parti@example.fr\nAction:delayed\nStatus:4.4.1 no answer\n": {Email: "parti@example.fr", Action: "delayed", Status: "4.4.1"},
		"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; parti@example.fr\nStatus: unknown\n":                           {Email: "parti@example.fr", Status: "unknown"},
		"Reporting-MTA: dns; x\n": {Email: "texte@example.fr", Action: "failed", Status: "5.1.1"},
	} {
		m := mail(report)
		if m.Delivery == nil || len(m.Delivery.Recipients) != 1 || m.Delivery.Recipients[0] != want {
			t.Errorf("%q: got %+v, want %+v", report, m.Delivery, want)
		}
	}
}
