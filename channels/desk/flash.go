package desk

import (
	"encoding/base64"
	"net/http"
)

// What was just done is told once, on the page to which a post leads. It travels in a cookie
// that the page removes: it is no secret, and nothing depends on it.
const flashCookie = "__Host-saisine-message"

// maxFlash bounds it, in bytes.
const maxFlash = 500

// setFlash has the next page say text.
func setFlash(w http.ResponseWriter, text string) {
	if len(text) > maxFlash {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(text)), Path: "/", MaxAge: 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (a *Adapter) takeFlash(w http.ResponseWriter, r *http.Request, _ tongue) string {
	c, err := r.Cookie(flashCookie)
	if err != nil || len(c.Value) > 2*maxFlash {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return string(text)
}
