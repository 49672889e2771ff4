package dovecottest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Token returns an access token (a JSON Web Token, HS256) that logs user in until end.
// A token that has ended is refused by the server as a provider's would be.
func Token(user string, end time.Time) string {
	header, _ := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT"})
	claims, _ := json.Marshal(map[string]any{
		"sub": user, "email": user, "iat": time.Now().Add(-time.Minute).Unix(), "exp": end.Unix(),
		// Two tokens of one second would otherwise be the same.
		"jti": rand.Text(),
	})
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(TokenSecret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
