package channels

import "net/http"

// maxIdempotencyKey bounds an Idempotency-Key in characters.
const maxIdempotencyKey = 255

// IdempotencyKey returns what the header of that name says
// (draft-ietf-httpapi-idempotency-key-header), "" where there is none. ok is false for more than
// one, and for one that is not 1 to 255 visible characters of ASCII.
func IdempotencyKey(h http.Header) (key string, ok bool) {
	list := h.Values("Idempotency-Key")
	if len(list) == 0 {
		return "", true
	}
	key = list[0]
	if len(list) > 1 || key == "" || len(key) > maxIdempotencyKey {
		return "", false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", false
		}
	}
	return key, true
}
