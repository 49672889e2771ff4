package open311

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"saisine.fr/saisine/ingest"
)

// headerKey is the key as a header gives it, or "": api-key and x-api-key are what apps write,
// beside the bearer token of RFC 6750 §2.1.
func headerKey(r *http.Request) string {
	for _, name := range []string{"Api-Key", "X-Api-Key", "Api_key"} {
		if v := strings.TrimSpace(r.Header.Get(name)); v != "" {
			return v
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// maxKey bounds what is looked up, in bytes. What is shorter than minKey is no key that the house
// gave out, so that nothing of a post need be blotted out for it. maxKeys is how many different
// ones a post may hold, for each is looked for in all of it.
const (
	maxKey  = 200
	minKey  = 16
	maxKeys = 3
)

// admit returns the key with this secret, when it may post and has not posted too much.
func (a *Adapter) admit(ctx context.Context, secret string) (ingest.APIKey, *failure) {
	if secret == "" {
		return ingest.APIKey{}, failed(http.StatusForbidden, "api_key manque\u00a0: indiquez la clé que la commune a donnée à votre application (%s).", a.opts.KeyService)
	}
	wrong := failed(http.StatusForbidden, "api_key\u00a0: cette clé n’est pas connue, ou a été retirée. Demandez-en une autre (%s).", a.opts.KeyService)
	if len(secret) > maxKey || len(secret) < minKey {
		return ingest.APIKey{}, wrong
	}
	key, err := a.opts.Keys.KeyBySecret(ctx, secret)
	switch {
	case errors.Is(err, ingest.ErrNotFound) || err == nil && !key.RevokedAt.IsZero():
		return ingest.APIKey{}, wrong
	case err != nil:
		return ingest.APIKey{}, a.house(ctx, "key", err)
	case !key.May(ingest.ScopeOpen311):
		return ingest.APIKey{}, failed(http.StatusForbidden, "api_key\u00a0: cette clé n’a pas le droit %s. Demandez-le à la commune (%s).", ingest.ScopeOpen311, a.opts.KeyService)
	}
	limit := a.opts.KeyRate
	if key.RateLimit > 0 {
		limit = key.RateLimit
	}
	if limit < 0 {
		return key, nil
	}
	if wait := a.byKey.TakeOf(key.ID, limit, a.now()); wait > 0 {
		f := failed(http.StatusTooManyRequests, "Cette clé a droit à %d envois par minute. Celui-ci n’a pas été enregistré\u00a0: recommencez un peu plus tard.", limit)
		f.retry = wait
		return ingest.APIKey{}, f
	}
	return key, nil
}
