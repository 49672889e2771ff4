package webform

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"saisine.fr/saisine/channels/formpost"
)

// When too many large posts are being read, one more is told so after a while, and
// small ones go through meanwhile.
func TestLargePostsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, send, stop := newBubble(t, &rememberingSink{})
		defer synctest.Wait()
		defer stop()
		post := func(f *formBody) int { return send(f).Code }
		large := form("message", "x").File("a", make([]byte, formpost.SmallPost))
		var releases []func()
		for range maxStreamed {
			release, ok := a.posts.Slot(t.Context())
			if !ok {
				t.Fatal("no place for a large post")
			}
			releases = append(releases, release)
		}
		if code := post(form("message", "petit")); code != http.StatusSeeOther {
			t.Errorf("small post answered %d", code)
		}
		if code := post(large); code != http.StatusServiceUnavailable {
			t.Errorf("large post answered %d", code)
		}
		go func() { time.Sleep(5 * time.Second); releases[0]() }()
		if code := post(large); code != http.StatusSeeOther {
			t.Errorf("large post after a wait answered %d", code)
		}
		if _, ok := a.posts.Slot(t.Context()); !ok {
			t.Error("the large post keeps its place")
		}
		if _, ok := a.posts.Slot(t.Context()); ok {
			t.Error("a place too many")
		}
	})
}
