package main

import (
	"testing"
	"time"

	"saisine.fr/saisine/channels/api/apitest"
	"saisine.fr/saisine/ingest"
)

// A client that a public generator made from the document which the daemon serves does the form's
// job, with a file, and what comes after.
func TestGeneratedClientOnTheDaemon(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	tw.start()
	done := apitest.Run(t, "http://"+tw.public+"/api/v1", tw.key("portail", "submit,read,write"), "demon")
	subs := tw.settled(1, time.Minute)
	t.Logf("%+v", done)
	if len(subs) != 1 || subs[0].Channel != ingest.ChannelAPI || len(subs[0].Attachments) != 1 {
		t.Errorf("%+v", subs)
	}
	tw.verify()
}
