package credentials

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHash(t *testing.T) {
	hash, err := Hash(t.Context(), "une phrase assez longue")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	again, err := Hash(t.Context(), "une phrase assez longue")
	if err != nil || again == hash {
		t.Errorf("no salt of its own (%v)", err)
	}
	for password, want := range map[string]bool{"une phrase assez longue": true, "une phrase assez longue ": false, "": false, "Une phrase assez longue": false} {
		if ok, stale, err := Check(t.Context(), hash, password); ok != want || stale || err != nil {
			t.Errorf("%q: %v, %v, %v", password, ok, stale, err)
		}
	}
	// é as one code point and as two.
	hash, err = Hash(t.Context(), "un \u00e9t\u00e9 tr\u00e8s chaud")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := Check(t.Context(), hash, "un e\u0301te\u0301 tre\u0300s chaud"); !ok || err != nil {
		t.Errorf("the same letters as other code points: %v, %v", ok, err)
	}
	if ok, _, err := Check(t.Context(), "", ""); ok || err != nil {
		t.Errorf("no hash: %v, %v", ok, err)
	}
}

func TestStale(t *testing.T) {
	weak := params{memory: 8 << 10, time: 1, threads: 1}
	salt := []byte("0123456789abcdef")
	hash := phc(weak, salt, weak.key("saisine test", salt, 32))
	if ok, stale, err := Check(t.Context(), hash, "saisine test"); !ok || !stale || err != nil {
		t.Errorf("%v, %v, %v", ok, stale, err)
	}
	if ok, stale, err := Check(t.Context(), hash, "saisine tast"); ok || stale || err != nil {
		t.Errorf("wrong and stale: %v, %v, %v", ok, stale, err)
	}
}

// The work for a login that nobody has is that for one that somebody has.
func TestUnknownTakesAsLong(t *testing.T) {
	hash, err := Hash(t.Context(), "une phrase assez longue")
	if err != nil {
		t.Fatal(err)
	}
	once := func(hash string) time.Duration {
		start := time.Now()
		if ok, _, err := Check(t.Context(), hash, "faux faux faux"); ok || err != nil {
			t.Fatal(ok, err)
		}
		return time.Since(start)
	}
	// In turn, so that what else the machine does slows both alike; without the work an
	// unknown one would take a thousandth.
	known, unknown := time.Hour, time.Hour
	for range 8 {
		known, unknown = min(known, once(hash)), min(unknown, once(""))
	}
	if unknown < known/3 || unknown > known*3 {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
}

// One is computed at a time; who does not get a turn before the context ends is told so, and
// another line goes on.
func TestQueue(t *testing.T) {
	q := NewQueue()
	q.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Hash(ctx, "x"); !errors.Is(err, ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("hash: %v", err)
	}
	if _, _, err := q.Check(ctx, "", "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("check: %v", err)
	}
	if _, err := NewQueue().Hash(t.Context(), "x"); err != nil {
		t.Errorf("another line: %v", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := q.Hash(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
	<-q.turn
	wait.Wait()
	if n := len(q.turn); n != 0 {
		t.Error("the turn is taken for ever")
	}
}

func TestParseRefuses(t *testing.T) {
	good := "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43)
	if _, _, _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"", "x", "$", "plain", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "m=19456", "m=0", 1), strings.Replace(good, "m=19456", "m=+19456", 1),
		strings.Replace(good, "t=2", "t=200", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, ",p=1", "", 1), strings.Replace(good, "t=2,p=1", "p=1,t=2", 1),
		strings.Replace(good, "MDEyMzQ1Njc4OWFiY2RlZg", "MDE", 1), good + "=", good[:len(good)-40], good + "$x", good + "\n",
		"$2a$10$abcdefghijklmnopqrstuv",
	} {
		if _, _, _, err := parse(s); err == nil {
			t.Errorf("%q is taken", s)
		}
		if s != "" {
			if ok, _, err := Check(t.Context(), s, "x"); ok || err == nil {
				t.Errorf("%q: %v, %v", s, ok, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=4294967295,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		p, salt, key, err := parse(s)
		if err != nil {
			return
		}
		if p.memory > maxMemory || p.time > maxTime || p.threads > maxThreads || p.memory == 0 || p.time == 0 || p.threads == 0 {
			t.Errorf("%q: %+v", s, p)
		}
		if phc(p, salt, key) != s {
			t.Errorf("%q is written as %q", s, phc(p, salt, key))
		}
	})
}

func TestRule(t *testing.T) {
	known := []string{"j.dupont", "Jérôme Dupont", "j.dupont@saint-exemple.fr", "Saint-Exemple"}
	for password, want := range map[string]error{
		"onze lettre":                   ErrShort,
		"éééééééééééé":                  ErrCommon, // twelve characters, though 24 bytes
		"e\u0301e\u0301e\u0301abcdefgh": ErrShort,  // eleven, however they are written
		"un chat gris":                  nil,
		"correct cheval pile agrafe":    nil,
		"Jérôme Dupont":                 ErrNamed,
		"jerome-dupont-2026":            ErrNamed,
		"J.Dupont@saint-exemple.fr":     ErrNamed,
		"saint exemple 99":              ErrNamed,
		"dupont aime le chocolat":       nil,
		"Motdepasse123":                 ErrCommon,
		"mot de passe 123":              ErrCommon,
		"MOTDEPASSE-123":                ErrCommon,
		"aaaaaaaaaaaaaa":                ErrCommon,
		"123456789012":                  ErrCommon,
		"abcdefghijklm":                 ErrCommon,
		"121212121212":                  ErrCommon,
		strings.Repeat("mot ", 65):      ErrLong,
		"7391-xq-2p-ww":                 nil,
	} {
		if err := Rule(password, known...); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: %v, want %v", password, err, want)
		}
	}
	for _, w := range worstPasswords {
		if fold(w) != w {
			t.Errorf("the list has %q, which is never found", w)
		}
	}
}

func TestOneTime(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := OneTime()
		if err := Rule(p); err != nil || len(p) != 19 || seen[p] {
			t.Fatalf("%q: %v", p, err)
		}
		seen[p] = true
	}
}
