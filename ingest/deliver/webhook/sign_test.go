package webhook

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The reference library signs and verifies as we do.
func TestSignAgainstTheReference(t *testing.T) {
	at := time.Unix(1674087231, 999)
	body := []byte("{\"type\":\"contact.created\",\"text\":\"é.\\u0000 .\"}")
	for _, secret := range []string{secretA, secretB, NewSecret(), secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, 64))} {
		ours, err := Sign(secret, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", at, body)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := verifier(t, secret).Sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", at, body)
		if err != nil || ours != theirs {
			t.Errorf("ours %s, theirs %s (%v)", ours, theirs, err)
		}
	}
}

// The vector of the reference library's own tests.
func TestSignVector(t *testing.T) {
	got, err := Sign(secretA, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestSignRefuses(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		secret, id string
		at         time.Time
	}{
		"no secret":     {"", "m", now},
		"no id":         {secretA, "", now},
		"full stop":     {secretA, "m.1", now},
		"line end":      {secretA, "m\r\nX: y", now},
		"not ASCII":     {secretA, "é", now},
		"long id":       {secretA, strings.Repeat("m", 256), now},
		"no time":       {secretA, "m", time.Time{}},
		"time of stone": {secretA, "m", time.Unix(0, 0)},
	} {
		if sig, err := Sign(tc.secret, tc.id, tc.at, nil); err == nil {
			t.Errorf("%s: %s", name, sig)
		}
	}
}

func TestSecrets(t *testing.T) {
	enc := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xfb", n))) }
	for name, tc := range map[string]struct{ secret, says string }{
		"empty":       {"", "whsec_"},
		"bare":        {enc(32), "whsec_"},
		"private key": {"whsk_" + enc(32), "whsec_"},
		"capitals":    {"WHSEC_" + enc(32), "whsec_"},
		"only prefix": {"whsec_", "0 bytes"},
		"23 bytes":    {"whsec_" + enc(23), "23 bytes"},
		"24 bytes":    {"whsec_" + enc(24), ""},
		"64 bytes":    {"whsec_" + enc(64), ""},
		"65 bytes":    {"whsec_" + enc(65), "65 bytes"},
		"no padding":  {"whsec_" + strings.TrimRight(enc(32), "="), "base64"},
		"of URLs":     {"whsec_" + strings.ReplaceAll(enc(32), "+", "-"), "base64"},
		"loose bits":  {"whsec_" + strings.TrimSuffix(enc(25), "w==") + "x==", "base64"},
		"space":       {"whsec_ " + enc(32), "base64"},
		"line end":    {"whsec_" + enc(32) + "\n", "base64"},
		"hex":         {"whsec_" + strings.Repeat("z!", 32), "base64"},
	} {
		_, err := parseSecret(tc.secret)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if body := strings.TrimPrefix(tc.secret, secretPrefix); err != nil && len(body) > 8 && strings.Contains(err.Error(), body[:8]) {
			t.Errorf("%s: the error quotes the secret: %v", name, err)
		}
	}
}

func TestNewSecret(t *testing.T) {
	a, b := NewSecret(), NewSecret()
	key, err := parseSecret(a)
	if err != nil || len(key) != newSecret || a == b {
		t.Errorf("%d bytes, the same again: %t, %v", len(key), a == b, err)
	}
}

// What is taken as a secret is one for the reference library too, with the same key.
func FuzzSecret(f *testing.F) {
	for _, s := range []string{"", "whsec_", secretA, secretB, secretA + "\n", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := parseSecret(s)
		if err != nil {
			if rest := strings.TrimPrefix(s, secretPrefix); len(rest) > 60 && strings.Contains(err.Error(), rest) {
				t.Error("the error quotes the secret")
			}
			return
		}
		if len(key) < minSecret || len(key) > maxSecret {
			t.Errorf("a key of %d bytes", len(key))
		}
		if again := secretPrefix + base64.StdEncoding.EncodeToString(key); again != s {
			t.Errorf("%q is written %q", s, again)
		}
		now := time.Now()
		sig, err := Sign(s, "m", now, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := standardwebhooks.NewWebhook(s)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("webhook-id", "m")
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", sig)
		if err := v.Verify([]byte("{}"), h); err != nil {
			t.Error(err)
		}
	})
}
