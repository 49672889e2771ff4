package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
)

// Tokens makes and checks the tokens of follow-up links. A token names a submission
// and proves by a keyed hash that the town gave it out, so that none has to be
// stored, none can be guessed, and one that is lost can be given again.
type Tokens struct {
	// Key is a secret of at least 32 bytes, the same on all nodes.
	Key []byte
}

// tokenMAC is the number of bytes of HMAC-SHA-256 in a token: 128 bits, the least that
// NIST SP 800-107 §5.3.4 allows for such use and far beyond guessing over a network.
const tokenMAC = 16

// Token returns the token of a submission, 43 characters that are safe in a URL.
func (t Tokens) Token(id string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", fmt.Errorf("ingest: %q is no submission id: %w", id, err)
	}
	return base64.RawURLEncoding.EncodeToString(append(u[:], t.mac(u)...)), nil
}

// Submission returns the id that a token stands for; ErrNotFound when the town never
// gave it out.
func (t Tokens) Submission(token string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(uuid.UUID{})+tokenMAC {
		return "", fmt.Errorf("%w: follow-up token", ErrNotFound)
	}
	u := uuid.UUID(raw[:16])
	if !hmac.Equal(raw[16:], t.mac(u)) {
		return "", fmt.Errorf("%w: follow-up token", ErrNotFound)
	}
	return u.String(), nil
}

func (t Tokens) mac(u uuid.UUID) []byte {
	h := hmac.New(sha256.New, t.Key)
	h.Write([]byte("suivi:"))
	h.Write(u[:])
	return h.Sum(nil)[:tokenMAC]
}
