package api

import (
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/channels/api/apitest"
)

// A client that was generated from the served document does the form's job.
func TestGeneratedClient(t *testing.T) {
	h := newHouse(t, nil)
	h.town.files = true
	done := apitest.Run(t, h.server.URL+base, "all", "essai-1")
	if done.ID != "s1" || done.Reference != "2026-000001" || done.State != "filed" || done.Status != "in_progress" || !strings.HasSuffix(done.FollowURL, "/suivi/jeton-s1") ||
		!strings.Contains(done.Text, "lampadaire") || done.Position == nil || done.Position.Lat != 48.0015 || !slices.Contains(done.Events, "request.opened") {
		t.Errorf("%+v", done)
	}
	if n := h.town.count(); n != 1 {
		t.Errorf("%d submissions", n)
	}
}
