package webform

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// tokenMaxAge is how long a form may lie open in a browser before its token counts
// as old. An old one is noted, never refused.
const tokenMaxAge = 24 * time.Hour

// tokenKey makes and checks the form's hidden token: a nonce, so that two posts of
// one displayed form are known as one, and the time at which it was shown.
type tokenKey struct{ secret []byte }

func newTokenKey(secret []byte) tokenKey {
	// A key of its own for this use, should the same secret serve elsewhere too.
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("saisine webform token v1"))
	return tokenKey{secret: mac.Sum(nil)}
}

// bound returns the key of tokens that are worth something in one place only.
func (k tokenKey) bound(place string) tokenKey {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte("bound to " + place))
	return tokenKey{secret: mac.Sum(nil)}
}

// tokenState says what a token that came with a post is worth.
type tokenState int

const (
	tokenMissing tokenState = iota
	tokenForged
	tokenOld
	tokenValid
)

// formToken is a checked token. Nonce and age mean something when the state is
// tokenOld or tokenValid.
type formToken struct {
	state tokenState
	nonce string
	age   time.Duration
}

// issue returns a new token for a form shown at now.
func (k tokenKey) issue(now time.Time) string {
	var nonce [12]byte
	_, _ = rand.Read(nonce[:]) // never fails since Go 1.24
	body := base64.RawURLEncoding.EncodeToString(nonce[:]) + "." + strconv.FormatInt(now.UnixMilli(), 36)
	return body + "." + k.sign(body)
}

func (k tokenKey) sign(body string) string {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(body))
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(mac.Sum(sum[:0])[:16])
}

// check says what token is worth at now.
func (k tokenKey) check(token string, now time.Time) formToken {
	if token == "" {
		return formToken{state: tokenMissing}
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 || len(token) > 100 || !hmac.Equal([]byte(token[i+1:]), []byte(k.sign(token[:i]))) {
		return formToken{state: tokenForged}
	}
	nonce, stamp, _ := strings.Cut(token[:i], ".")
	millis, err := strconv.ParseInt(stamp, 36, 64)
	if err != nil {
		return formToken{state: tokenForged}
	}
	t := formToken{state: tokenValid, nonce: nonce, age: now.Sub(time.UnixMilli(millis))}
	if t.age > tokenMaxAge {
		t.state = tokenOld
	}
	return t
}

// tooFast reports whether the form came back sooner than a person can fill it in. A
// negative age means that the clock was set back, which is not the citizen's doing.
func (t formToken) tooFast(least time.Duration) bool {
	return t.state == tokenValid && t.age >= 0 && t.age < least
}
