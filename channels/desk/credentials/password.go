// Package credentials keeps what agents log in with: passwords as argon2id hashes, one-time
// codes by time. It knows nothing of the desk.
package credentials

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// params are those of a hash.
type params struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// now are the parameters of new hashes: OWASP's first choice for argon2id (Password Storage
// Cheat Sheet). A hash takes 19 MiB and some 30 ms.
var now = params{memory: 19 << 10, time: 2, threads: 1}

// Bounds on what is read from a stored hash, so that a wrong row cannot take the machine.
const (
	maxMemory  = 256 << 10
	maxTime    = 16
	maxThreads = 16
	saltLength = 16
	keyLength  = 32
)

// ErrBusy is returned when so many passwords are being checked that there was no turn before
// the context ended.
var ErrBusy = errors.New("credentials: too many passwords are being checked")

// Queue is a line of those whose passwords are hashed one after the other: a hash takes 19
// MiB and a core. It is safe for concurrent use.
type Queue struct{ turn chan struct{} }

// NewQueue makes a line of its own.
func NewQueue() *Queue { return &Queue{make(chan struct{}, 1)} }

// Everybody is the line of who may be anybody, Known that of agents who have been here
// before: a flood of strangers does not hold them up. So two hashes are computed at once in a
// process, at the most.
var Everybody, Known = NewQueue(), NewQueue()

func (q *Queue) wait(ctx context.Context) (done func(), err error) {
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

// Hash is Everybody.Hash.
func Hash(ctx context.Context, password string) (string, error) {
	return Everybody.Hash(ctx, password)
}

// Hash hashes a password with a fresh salt. The result is in PHC form
// ($argon2id$v=19$m=…,t=…,p=…$salt$hash). It waits for its turn until ctx ends, then the
// error wraps ErrBusy.
func (q *Queue) Hash(ctx context.Context, password string) (string, error) {
	done, err := q.wait(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return phc(now, salt, now.key(password, salt, keyLength)), nil
}

func (p params) key(password string, salt []byte, length uint32) []byte {
	// The same letters typed on another keyboard may come as other code points (NIST SP
	// 800-63B §5.1.1.2).
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, p.time, p.memory, p.threads, length)
}

var encoding = base64.RawStdEncoding.Strict()

func phc(p params, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, encoding.EncodeToString(salt), encoding.EncodeToString(key))
}

// nobody is the hash that the password of an unknown login is compared with.
var nobody = sync.OnceValue(func() string {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt)
	return phc(now, salt, make([]byte, keyLength))
})

// Check is Everybody.Check.
func Check(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	return Everybody.Check(ctx, hash, password)
}

// Check says whether the password is the one of the hash. With "" for a hash, as of somebody
// unknown or without a password, it does the same work and says no, so that the time it takes
// tells nothing. stale is set when the hash was made with parameters that are no longer
// enough and should be replaced. It waits for its turn as Hash does.
func (q *Queue) Check(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	known := hash != ""
	if !known {
		hash = nobody()
	}
	p, salt, want, err := parse(hash)
	if err != nil {
		return false, false, err
	}
	done, err := q.wait(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	got := p.key(password, salt, uint32(len(want)))
	ok = subtle.ConstantTimeCompare(got, want) == 1 && known
	stale = p.memory < now.memory || p.time < now.time || len(want) < keyLength
	return ok, ok && stale, nil
}

var errHash = errors.New("credentials: no argon2id hash in PHC form")

// parse reads a hash.
func parse(s string) (p params, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	// The decoder passes over line breaks.
	if len(parts) != 6 || strings.ContainsAny(s, "\r\n") || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, nil, nil, errHash
	}
	values := strings.Split(parts[3], ",")
	if len(values) != 3 {
		return p, nil, nil, errHash
	}
	var n [3]uint64
	for i, v := range []struct {
		name string
		max  uint64
	}{{"m=", maxMemory}, {"t=", maxTime}, {"p=", maxThreads}} {
		text, found := strings.CutPrefix(values[i], v.name)
		number, perr := strconv.ParseUint(text, 10, 32)
		if !found || perr != nil || number < 1 || number > v.max || strconv.FormatUint(number, 10) != text {
			return p, nil, nil, errHash
		}
		n[i] = number
	}
	p = params{uint32(n[0]), uint32(n[1]), uint8(n[2])}
	salt, serr := encoding.DecodeString(parts[4])
	key, kerr := encoding.DecodeString(parts[5])
	if serr != nil || kerr != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return p, nil, nil, errHash
	}
	return p, salt, key, nil
}
