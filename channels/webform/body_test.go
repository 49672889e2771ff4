package webform

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// When too many large posts are being read, one more is told so after a while, and
// small ones go through meanwhile.
func TestLargePostsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, send, stop := newBubble(t, &rememberingSink{})
		defer synctest.Wait()
		defer stop()
		post := func(f *formBody) int { return send(f).Code }
		large := form("message", "x").file("a", make([]byte, smallPost))
		for range maxStreamed {
			a.large <- struct{}{}
		}
		if code := post(form("message", "petit")); code != http.StatusSeeOther {
			t.Errorf("small post answered %d", code)
		}
		if code := post(large); code != http.StatusServiceUnavailable {
			t.Errorf("large post answered %d", code)
		}
		go func() { time.Sleep(slotWait / 2); <-a.large }()
		if code := post(large); code != http.StatusSeeOther {
			t.Errorf("large post after a wait answered %d", code)
		}
		if len(a.large) != maxStreamed-1 {
			t.Errorf("%d places are taken", len(a.large))
		}
	})
}
