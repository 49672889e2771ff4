package open311

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"saisine.fr/saisine/channels/formpost"
)

// counts is how many of something each client has at the moment. The zero value is empty. It is
// safe for concurrent use.
type counts struct {
	mu sync.Mutex
	of map[netip.Prefix]int
}

// enter counts one more of client, unless it has most of them already. When it is ok, leave takes
// it off again.
func (c *counts) enter(client netip.Prefix, most int) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[client] >= most {
		return nil, false
	}
	if c.of == nil {
		c.of = make(map[netip.Prefix]int)
	}
	c.of[client]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.of[client]--; c.of[client] <= 0 {
			delete(c.of, client)
		}
	}, true
}

// largeUnkeyed admits a post above formpost.SmallPost, or of unknown size, before anything is
// known of its key: apps send it among the fields, and pictures may come before it.
func (a *Adapter) largeUnkeyed(r *http.Request) (leave func(), fail *failure) {
	none := func() {}
	if r.ContentLength >= 0 && r.ContentLength <= formpost.SmallPost {
		return none, nil
	}
	client, ok := a.opts.Trusted.Client(r)
	if !ok {
		return none, nil
	}
	leave, ok = a.large.enter(client, maxUnkeyedOf)
	if !ok {
		fail = failed(http.StatusServiceUnavailable, "Trop d’envois volumineux arrivent de cette adresse en même temps. Rien n’a été enregistré\u00a0: recommencez dans une minute, ou envoyez la clé dans l’en-tête X-Api-Key.")
		fail.retry = time.Minute
		return none, fail
	}
	return leave, nil
}

// listTurn waits for a place among those who are given a list. When fail is nil, leave frees it.
func (a *Adapter) listTurn(ctx context.Context) (leave func(), fail *failure) {
	leave = func() { <-a.lists }
	timer := time.NewTimer(listWait)
	defer timer.Stop()
	select {
	case a.lists <- struct{}{}:
		return leave, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	fail = failed(http.StatusServiceUnavailable, "Trop de listes sont demandées en même temps. Réessayez dans quelques secondes.")
	fail.retry = listRetry
	return nil, fail
}
