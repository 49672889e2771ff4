package credentials

import (
	"encoding/base32"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The codes of RFC 6238, appendix B, by SHA-1, of which the last six digits are shown.
func TestCodesOfTheRFC(t *testing.T) {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		got, err := Code(secret, time.Unix(at, 0))
		if err != nil || got != want {
			t.Errorf("at %d: %s, want %s (%v)", at, got, want, err)
		}
		if step, ok := CheckCode(secret, want, time.Unix(at, 0), 0); !ok || step != at/30 {
			t.Errorf("at %d: %d, %v", at, step, ok)
		}
	}
}

func TestCheckCode(t *testing.T) {
	secret, now := NewSecret(), time.Unix(1_800_000_015, 0)
	current := now.Unix() / 30
	for off := -3; off <= 3; off++ {
		code, err := Code(secret, now.Add(time.Duration(off)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		step, ok := CheckCode(secret, code, now, 0)
		if want := off >= -1 && off <= 1; ok != want || ok && step != current+int64(off) {
			t.Errorf("a clock that is %d steps off: %d, %v", off, step, ok)
		}
		if _, ok := CheckCode(secret, code, now, current+int64(off)); ok {
			t.Errorf("a code of step %d is good twice", off)
		}
		if _, ok := CheckCode(secret, code, now, current+1); ok {
			t.Error("an earlier code is good after a later one")
		}
	}
	code, err := Code(secret, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "12345", code + "0", "abcdef", "      ", "é" + code[2:], strings.Repeat("1", 1000)} {
		if _, ok := CheckCode(secret, wrong, now, 0); ok {
			t.Errorf("%q is good", wrong)
		}
	}
	if _, ok := CheckCode(secret, " "+code[:3]+" "+code[3:], now, 0); !ok {
		t.Error("spaces are not left out")
	}
	if _, ok := CheckCode("not base32!", code, now, 0); ok {
		t.Error("good by a damaged secret")
	}
}

func TestSecretURL(t *testing.T) {
	u, err := url.Parse(SecretURL("Saint-Exemple : la ville", "j.dupont", "ABC"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Saint-Exemple   la ville:j.dupont" || u.Query().Get("secret") != "ABC" || u.Query().Get("issuer") != "Saint-Exemple   la ville" {
		t.Errorf("%v: %v", u, err)
	}
}

func TestSeal(t *testing.T) {
	key := make([]byte, 32)
	sealed, err := Seal(key, "a", "secret")
	if err != nil || strings.Contains(sealed, "secret") {
		t.Fatalf("%q, %v", sealed, err)
	}
	if got, err := Open(key, "a", sealed); got != "secret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	other := make([]byte, 32)
	other[0] = 1
	for name, open := range map[string]func() (string, error){
		"another owner": func() (string, error) { return Open(key, "b", sealed) },
		"another key":   func() (string, error) { return Open(other, "a", sealed) },
		"damaged":       func() (string, error) { return Open(key, "a", "A"+sealed[1:]+"") },
		"cut":           func() (string, error) { return Open(key, "a", sealed[:8]) },
		"empty":         func() (string, error) { return Open(key, "a", "") },
		"no base 64":    func() (string, error) { return Open(key, "a", "%%%") },
	} {
		if name == "damaged" && sealed[0] == 'A' {
			continue
		}
		if got, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Seal([]byte("short"), "a", "x"); err == nil {
		t.Error("a short key is taken")
	}
}
