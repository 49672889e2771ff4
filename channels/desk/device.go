package desk

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// A browser from which an agent has logged in keeps a token that says so, and nothing more:
// it lets nobody in. It has the agent's tries counted apart from those of strangers.
const (
	deviceCookie   = "__Host-saisine-appareil"
	deviceLifetime = 180 * 24 * time.Hour
)

// deviceToken is a random name and its keyed hash, which also covers the login.
func deviceToken(key []byte, login, name string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(login + "\x00" + name))
	return name + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// knownDevice returns the name of the browser when an agent has logged in from it before.
func (l *login) knownDevice(r *http.Request, login string) (name string, ok bool) {
	c, err := r.Cookie(deviceCookie)
	if err != nil || len(c.Value) > 200 {
		return "", false
	}
	key, err := l.key(r.Context(), keyDevice)
	if err != nil {
		return "", false // then they are counted as strangers
	}
	name, _, _ = strings.Cut(c.Value, ".")
	return name, hmac.Equal([]byte(c.Value), []byte(deviceToken(key, login, name)))
}

func (l *login) rememberDevice(w http.ResponseWriter, r *http.Request, login string) {
	if _, ok := l.knownDevice(r, login); ok {
		return
	}
	key, err := l.key(r.Context(), keyDevice)
	if err != nil {
		l.a.log.LogAttrs(r.Context(), slog.LevelWarn, "browser not remembered", slog.Any("err", err))
		return
	}
	name := make([]byte, 16)
	_, _ = rand.Read(name) // never fails since Go 1.24
	http.SetCookie(w, &http.Cookie{
		Name: deviceCookie, Value: deviceToken(key, login, base64.RawURLEncoding.EncodeToString(name)), Path: "/",
		MaxAge: int(deviceLifetime / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
