package credentials

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// One-time codes are those of RFC 6238 as every application knows them: SHA-1, six digits,
// 30 seconds.
const (
	codePeriod = 30
	codeDigits = 6
	// codeDrift is how many steps the telephone's clock may be off (RFC 6238 §5.2).
	codeDrift = 1
)

var base32Code = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes the secret of one-time codes, in base 32 as people type it: 160 bits (RFC
// 4226 §4 R6).
func NewSecret() string {
	secret := make([]byte, 20)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	return base32Code.EncodeToString(secret)
}

// SecretURL is what a QR code tells an application (Google Authenticator's Key Uri Format).
func SecretURL(town, login, secret string) string {
	town = strings.ReplaceAll(town, ":", " ")
	u := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + town + ":" + login,
		RawQuery: "secret=" + secret + "&issuer=" + url.PathEscape(town),
	}
	return u.String()
}

// CheckCode returns the time step of a code that is good at a time. Steps up to used were
// taken before, and are good no more.
func CheckCode(secret, code string, at time.Time, used int64) (step int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	if len(code) != codeDigits {
		return 0, false
	}
	current := at.Unix() / codePeriod
	for s := current - codeDrift; s <= current+codeDrift; s++ {
		if s <= used || s < 0 {
			continue
		}
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// Code returns the code of a secret at a time, as an application shows it.
func Code(secret string, at time.Time) (string, error) {
	code, err := hotp.GenerateCodeCustom(secret, uint64(at.Unix()/codePeriod), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("credentials: code: %w", err)
	}
	return code, nil
}

// ErrSealed is returned for what cannot be opened: it is damaged, of another key or of
// somebody else.
var ErrSealed = errors.New("credentials: cannot be opened")

// Seal encrypts a short text (AES-256-GCM) under a key of 32 bytes. It can be opened only
// for the same owner, so that a row of the database cannot be given to another.
func Seal(key []byte, owner, text string) (string, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), []byte(owner))), nil
}

// Open returns the text that Seal encrypted. The error wraps ErrSealed.
func Open(key []byte, owner, sealed string) (string, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return "", err
	}
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(b) < aead.NonceSize() {
		return "", ErrSealed
	}
	text, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(owner))
	if err != nil {
		return "", ErrSealed
	}
	return string(text), nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("credentials: key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("credentials: key: %w", err)
	}
	return aead, nil
}
