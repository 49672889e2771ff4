package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	secretPrefix = "whsec_"
	// The specification wants 192 to 512 bits.
	minSecret, maxSecret = 24, 64 // bytes
	newSecret            = 32     // bytes

	maxID = 255 // bytes
)

// NewSecret makes a secret of 256 random bits.
func NewSecret() string {
	key := make([]byte, newSecret)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Sign returns the signature of a message, "v1," and base64 of the HMAC-SHA256 of
// "id.timestamp.body", at being the time of the attempt.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := parseSecret(secret)
	if err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	if err := checkMeta(id, at); err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	return sign(key, id, at, body), nil
}

func sign(key []byte, id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + timestamp(at) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// checkMeta: a full stop in the id would let one signed text be read as two messages.
func checkMeta(id string, at time.Time) error {
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' }) {
		return fmt.Errorf("the id %q is not 1 to %d visible ASCII characters without a full stop", id, maxID)
	}
	if at.Unix() <= 0 {
		return errors.New("the message has no time of its attempt")
	}
	return nil
}

func parseSecrets(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		return nil, errors.New("it has no secret: a receiver could not tell our messages from others'")
	}
	var keys [][]byte
	for i, s := range secrets {
		key, err := parseSecret(s)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		if slices.ContainsFunc(keys, func(k []byte) bool { return hmac.Equal(k, key) }) {
			return nil, fmt.Errorf("secret %d stands there twice", i+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// parseSecret never quotes the secret, nor a part of it, in its errors.
func parseSecret(s string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, secretPrefix)
	if !ok {
		return nil, errors.New(`the secret does not begin with "whsec_": make one with the program, or put the prefix before the base64 of a random key`)
	}
	// The decoder skips line ends; the receiver's may not.
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, errors.New(`what follows "whsec_" in the secret is not base64 (A–Z a–z 0–9 + /, padded with =, no spaces)`)
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("the secret has %d bytes; it must have %d to %d", len(key), minSecret, maxSecret)
	}
	return key, nil
}
