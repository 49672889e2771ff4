package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

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

// Purposes of tokens: one that was given for a purpose is worth nothing for another, since
// a Message-ID goes through more hands than a link.
const (
	purposeFollow  = "suivi:"
	purposeReceipt = "recu:"
)

// Token returns the token of a submission, which is safe in a URL. generation is how often the
// links of the submission were revoked: tokens of earlier generations stay recognisable, and
// are of no more use.
func (t Tokens) Token(id string, generation int) (string, error) {
	token, err := t.token(purposeFollow+generationOf(generation), id)
	return token + generationOf(generation), err
}

// Submission returns the id and the generation that a token stands for; ErrNotFound when the
// town never gave it out.
func (t Tokens) Submission(token string) (id string, generation int, err error) {
	head, tail, later := strings.Cut(token, ".")
	if later {
		if generation, err = strconv.Atoi(tail); err != nil || generation < 1 || generationOf(generation) != "."+tail {
			return "", 0, fmt.Errorf("%w: token", ErrNotFound)
		}
	}
	id, err = t.submission(purposeFollow+generationOf(generation), head)
	return id, generation, err
}

func generationOf(n int) string {
	if n == 0 {
		return ""
	}
	return "." + strconv.Itoa(n)
}

// receiptPrefix begins the local part of the Message-IDs of receipts.
const receiptPrefix = "ar."

// MessageID returns the Message-ID of the receipt that is sent for a submission, without
// angle brackets: the same at each try, and not to be guessed, so that an answer to it
// proves that whoever answers has seen it.
func (t Tokens) MessageID(id, domain string) (string, error) {
	return t.MarkedMessageID(id, "", domain)
}

// MarkedMessageID is MessageID for a further mail about the same submission; mark tells them
// apart, and is made of small letters and digits.
func (t Tokens) MarkedMessageID(id, mark, domain string) (string, error) {
	token, err := t.token(purposeReceipt+mark, id)
	if err != nil {
		return "", err
	}
	return receiptPrefix + token + markOf(mark) + "@" + domain, nil
}

// markOf writes a mark behind a token, which is of one length.
func markOf(mark string) string {
	if mark == "" {
		return ""
	}
	return "." + mark
}

// Answered returns the submission for whose receipt a Message-ID stands; ErrNotFound when
// it is none of ours. The domain is not looked at: a town may change its own.
func (t Tokens) Answered(messageID string) (string, error) {
	local, _, ok := strings.Cut(messageID, "@")
	token, ours := strings.CutPrefix(local, receiptPrefix)
	if !ok || !ours {
		return "", fmt.Errorf("%w: receipt", ErrNotFound)
	}
	token, mark, _ := strings.Cut(token, ".")
	return t.submission(purposeReceipt+mark, token)
}

func (t Tokens) token(purpose, id string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", fmt.Errorf("ingest: %q is no submission id: %w", id, err)
	}
	return base64.RawURLEncoding.EncodeToString(append(u[:], t.mac(purpose, u)...)), nil
}

func (t Tokens) submission(purpose, token string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(uuid.UUID{})+tokenMAC {
		return "", fmt.Errorf("%w: token", ErrNotFound)
	}
	u := uuid.UUID(raw[:16])
	if !hmac.Equal(raw[16:], t.mac(purpose, u)) {
		return "", fmt.Errorf("%w: token", ErrNotFound)
	}
	return u.String(), nil
}

func (t Tokens) mac(purpose string, u uuid.UUID) []byte {
	h := hmac.New(sha256.New, t.Key)
	h.Write([]byte(purpose))
	h.Write(u[:])
	return h.Sum(nil)[:tokenMAC]
}
