package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// keyName is what a key may be called: it is an account in the ledger, as a mailbox's name is.
var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// keyMark begins every secret, so that one that lies around is known for what it is.
const keyMark = "saisine_"

// AddKey adds a key and returns its secret, which is kept nowhere. by is the actor. It is
// refused without a scope, and while a good key of this name is there.
func (s *Store) AddKey(ctx context.Context, k ingest.APIKey, by string) (secret string, err error) {
	switch {
	case !keyName.MatchString(k.Name):
		return "", refused("the name of a key is made of 1 to 63 letters, digits, dots, dashes and underscores, such as appli-mobile")
	case len(k.Scopes) == 0:
		return "", refused("a key needs at least one scope")
	case k.RateLimit < 0:
		return "", refused("a rate limit cannot be below 0")
	}
	for _, scope := range k.Scopes {
		if !slices.Contains(ingest.Scopes(), scope) {
			return "", refused("there is no scope %q", string(scope))
		}
	}
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return "", fmt.Errorf("store: scopes: %w", err)
	}
	services, err := json.Marshal(nonNil(k.Services))
	if err != nil {
		return "", fmt.Errorf("store: services: %w", err)
	}
	bytes := make([]byte, 40)
	if _, err := rand.Read(bytes); err != nil {
		return "", fmt.Errorf("store: random key: %w", err)
	}
	id := hex.EncodeToString(bytes[:4])
	secret = keyMark + id + "_" + base64.RawURLEncoding.EncodeToString(bytes[8:])
	err = s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `INSERT INTO api_keys (id, name, hash, scopes, services, rate_limit, created_at, created_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			id, k.Name, keyHash(secret), string(scopes), string(services), k.RateLimit, micros(s.opts.Now()), by)
		switch {
		case err != nil:
			return err
		case n == 0:
			return refused("there is a key called %s already; revoke it first, or choose another name", k.Name)
		}
		return s.logAccess(ctx, tx, by, ingest.AccessKeyAdded, k.Name+": "+strings.Join(words(k.Scopes), ", "))
	})
	return secret, err
}

func words(scopes []ingest.Scope) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = string(s)
	}
	return out
}

// keyHash is under what a secret is kept: it is random, so it needs no salt and no stretching.
func keyHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

const keyQuery = `SELECT id, name, scopes, services, rate_limit, created_at, created_by, used_at, revoked_at FROM api_keys `

func (s *Store) scanKey(row rowScanner) (ingest.APIKey, error) {
	var k ingest.APIKey
	var scopes, services string
	var created, used, revoked int64
	if err := row.Scan(&k.ID, &k.Name, &scopes, &services, &k.RateLimit, &created, &k.CreatedBy, &used, &revoked); err != nil {
		return k, err
	}
	k.CreatedAt, k.UsedAt, k.RevokedAt = s.time(created), s.time(used), s.time(revoked)
	return k, errors.Join(json.Unmarshal([]byte(scopes), &k.Scopes), json.Unmarshal([]byte(services), &k.Services))
}

// Keys lists all keys, those that are revoked too, by name.
func (s *Store) Keys(ctx context.Context) ([]ingest.APIKey, error) {
	var out []ingest.APIKey
	err := (reading{s.read}).rows(ctx, keyQuery+`ORDER BY name, created_at`, nil, func(row rowScanner) error {
		k, err := s.scanKey(row)
		out = append(out, k)
		return err
	})
	return out, err
}

// keySeen is how exactly the last use of a key is kept: a write for each call would be one too
// many.
const keySeen = time.Hour

// KeyBySecret returns the key that has this secret. The error wraps ingest.ErrNotFound when
// there is none, or it is revoked. What is compared is a hash, so that the time which it takes
// tells nothing.
func (s *Store) KeyBySecret(ctx context.Context, secret string) (ingest.APIKey, error) {
	unknown := fmt.Errorf("%w: key", ingest.ErrNotFound)
	if !strings.HasPrefix(secret, keyMark) {
		return ingest.APIKey{}, unknown
	}
	k, err := s.scanKey(s.read.QueryRowContext(ctx, keyQuery+`WHERE hash = $1`, keyHash(secret)))
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && !k.RevokedAt.IsZero():
		return ingest.APIKey{}, unknown
	case err != nil:
		return ingest.APIKey{}, unavailable(err)
	}
	if now := s.opts.Now(); now.Sub(k.UsedAt) > keySeen {
		// Who calls does not wait for it, and is not refused when the disk is full.
		go func() {
			if err := s.keyUsed(context.WithoutCancel(ctx), k.ID, now); err != nil {
				s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "the last use of a key is not noted", slog.String("key", k.Name), slog.Any("err", err))
			}
		}()
	}
	return k, nil
}

func (s *Store) keyUsed(ctx context.Context, id string, at time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE api_keys SET used_at = $1 WHERE id = $2 AND used_at < $1`, micros(at), id)
	})
}

// RevokeKey ends the good key of this name. The error wraps ingest.ErrNotFound when there is
// none.
func (s *Store) RevokeKey(ctx context.Context, name, by string) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `UPDATE api_keys SET revoked_at = $1 WHERE name = $2 AND revoked_at = 0`, micros(s.opts.Now()), name)
		switch {
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("%w: no good key is called %q", ingest.ErrNotFound, name)
		}
		return s.logAccess(ctx, tx, by, ingest.AccessKeyRevoked, name)
	})
}
