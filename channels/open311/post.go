package open311

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// unavailableRetry is proposed when nothing can be taken in.
const unavailableRetry = 30 * time.Second

// serviceNotice is what an app shows whoever has reported.
const serviceNotice = "Votre signalement est enregistré et transmis au service compétent."

// receipt answers a post: with a reference or with a token, and never with both.
type receipt struct {
	ID      string `xml:"service_request_id,omitempty" json:"service_request_id,omitempty"`
	Token   string `xml:"token,omitempty" json:"token,omitempty"`
	Notice  string `xml:"service_notice" json:"service_notice"`
	Account null   `xml:"account_id" json:"account_id"`
}

// null is an element that is always empty: citizens have no accounts here.
type null struct{}

// MarshalJSON implements json.Marshaler.
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// post takes a report in. The key may come as a header, with the address, or among the fields;
// where it comes before the body, a post without a good one is not read.
func (a *Adapter) post(w http.ResponseWriter, r *http.Request, c call) (answer, *failure) {
	if !a.door.Open() {
		return a.refuse(w, r, a.closed())
	}
	secret := headerKey(r)
	if secret == "" {
		secret = c.query.Get("api_key")
	}
	var key ingest.APIKey
	if secret != "" {
		var fail *failure
		if key, fail = a.admit(r.Context(), secret); fail != nil {
			if busy := a.allowed(r); fail.status == http.StatusForbidden && busy != nil {
				fail = busy // who tries keys is counted by address
			}
			return a.refuse(w, r, fail)
		}
	} else if fail := a.allowed(r); fail != nil {
		return a.refuse(w, r, fail)
	}
	receiver := a.receiver
	if secret == "" {
		leave, fail := a.largeUnkeyed(r)
		if fail != nil {
			return a.refuse(w, r, fail)
		}
		defer leave()
		receiver = a.unkeyed
	}
	f := &form{jurisdiction: c.query.Get("jurisdiction_id")}
	arrived := a.now()
	p, err := receiver.Receive(w, r, formpost.Source{Arrived: arrived.In(a.opts.Location), Limits: a.opts.Limits, Spool: &a.opts.Spool}, f)
	if err != nil {
		return answer{}, a.unreadable(r.Context(), err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			a.log.WarnContext(r.Context(), "spool file of an open311 post stays", "error", err)
		}
	}()
	if secret == "" {
		var fail *failure
		if key, fail = a.admit(r.Context(), f.key); fail != nil {
			return answer{}, fail
		}
	}
	out, fail := a.take(r, f, p, key, arrived)
	if fail != nil && fail.status == http.StatusServiceUnavailable {
		a.byKey.GiveBack(key.ID)
	}
	return out, fail
}

// refuse answers a post that was not read.
func (a *Adapter) refuse(w http.ResponseWriter, r *http.Request, fail *failure) (answer, *failure) {
	fail.closes = true
	discard(w, r)
	return answer{}, fail
}

func (a *Adapter) closed() *failure {
	f := failed(http.StatusServiceUnavailable, unavailable)
	f.retry = unavailableRetry
	return f
}

// take judges a post that could be read, and records it.
func (a *Adapter) take(r *http.Request, f *form, p *formpost.Post, key ingest.APIKey, arrived time.Time) (answer, *failure) {
	ctx := r.Context()
	if p.Over != formpost.LimitNone {
		return answer{}, a.overLimit(p)
	}
	if p.SpoolErr != nil {
		a.opts.Health.Bad(p.SpoolErr)
		return answer{}, a.house(ctx, "post", p.SpoolErr)
	}
	if fail := a.jurisdiction(f.jurisdiction); fail != nil {
		return answer{}, fail
	}
	fail := f.validate(p, a.catalogue.Load())
	idempotency, ok := channels.IdempotencyKey(r.Header)
	if !ok {
		if fail == nil {
			fail = &failure{status: http.StatusBadRequest}
		}
		fail.add(http.StatusBadRequest, "Idempotency-Key\u00a0: de 1 à 255 caractères visibles d’ASCII.")
	}
	if fail != nil {
		return answer{}, fail
	}
	if len(f.keys) > maxKeys {
		return answer{}, failed(http.StatusBadRequest, "api_key\u00a0: %d clés différentes au plus dans un envoi. N’indiquez que celle de votre application.", maxKeys)
	}
	if fail := a.blot(ctx, p, f.keys); fail != nil {
		return answer{}, fail
	}
	hash := f.hash(p.Files)
	s := ingest.Submission{
		Channel: ingest.ChannelApp, Account: key.Name, SourceKey: sourceKey(key, idempotency, hash, arrived),
		ReceivedAt: arrived, Original: p.Original, MediaType: ingest.MediaOpen311,
	}
	s.Hints.Category = f.service
	s.Hints.Problems = p.Problems
	if idempotency != "" {
		s.Hints.Digest = hash
	}
	crashpoint.Hit("open311.parsed")
	got, err := a.submit(ctx, s)
	if err != nil {
		a.opts.Health.Bad(err)
		return answer{}, a.house(ctx, "post", err)
	}
	crashpoint.Hit("open311.submitted")
	a.opts.Health.Good(arrived)
	return a.acknowledge(ctx, got, s.Hints.Digest)
}

// blot takes keys out of the original.
func (a *Adapter) blot(ctx context.Context, p *formpost.Post, secrets []string) *failure {
	if len(secrets) == 0 {
		return nil
	}
	clean, err := withoutKeys(p.Original, secrets, a.opts.Spool)
	switch {
	case errors.Is(err, errKeyNotFound):
		return failed(http.StatusBadRequest, "api_key\u00a0: la clé est codée d’une façon inhabituelle. Écrivez-la telle qu’elle a été donnée, ou envoyez-la dans l’en-tête X-Api-Key.")
	case err != nil:
		return a.house(ctx, "post", err)
	}
	p.Original = clean
	return nil
}

// sourceKey tells one sending from another. An app that got no answer sends again: with the same
// Idempotency-Key, or else with the same content, which counts as one within a clock hour.
func sourceKey(key ingest.APIKey, idempotency, hash string, arrived time.Time) string {
	if idempotency != "" {
		return "idem:" + key.ID + ":" + idempotency
	}
	return "direct:" + key.ID + ":" + hash + ":" + arrived.UTC().Format("2006010215")
}

// acknowledge answers for a submission that is in the ledger.
func (a *Adapter) acknowledge(ctx context.Context, got ingest.Receipt, digest string) (answer, *failure) {
	out := receipt{ID: got.Request, Notice: serviceNotice}
	if got.Replayed && digest != "" {
		filing, err := a.opts.Book.Filed(ctx, got.ID)
		if err != nil {
			return answer{}, a.house(ctx, "post", err)
		}
		if filing.Digest != digest {
			return answer{}, failed(http.StatusBadRequest, "Idempotency-Key\u00a0: cette valeur a déjà servi pour un autre envoi. Donnez-en une nouvelle à chaque signalement.")
		}
		out.ID = filing.Reference
	}
	if out.ID == "" && !got.State.Final() {
		out.ID = a.await(ctx, got.ID)
	}
	if out.ID == "" {
		var err error
		if out.Token, err = a.opts.Tokens.Token(ctx, got.ID); err != nil {
			// It is recorded, and the app that sends it again gets its token then.
			return answer{}, a.house(ctx, "post", err)
		}
	}
	ans := listed([]receipt{out})
	ans.private = true
	return ans, nil
}

// await waits a moment for a submission to be filed, and returns its reference, or "": apps show
// whoever has reported a number rather than a token. A book that fails costs the number only.
func (a *Adapter) await(ctx context.Context, id string) string {
	if a.opts.Wait <= 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, a.opts.Wait)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		filing, err := a.opts.Book.Filed(ctx, id)
		if err != nil || filing.Reference != "" {
			return filing.Reference
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ""
		}
	}
}

// overLimit names the limit that a post is over.
func (a *Adapter) overLimit(p *formpost.Post) *failure {
	l := a.opts.Limits
	fail := failed(http.StatusBadRequest, "L’envoi est trop volumineux\u00a0: %d octets au plus. Rien n’a été enregistré.", l.MaxPost)
	switch p.Over {
	case formpost.LimitFile:
		fail = failed(http.StatusBadRequest, "Le fichier «\u00a0%s\u00a0» est trop volumineux\u00a0: %d octets au plus. Rien n’a été enregistré.", shown(p.OverFile), l.MaxFile)
	case formpost.LimitFiles:
		fail = failed(http.StatusBadRequest, "Trop de fichiers\u00a0: %d au plus. Rien n’a été enregistré.", l.MaxFiles)
	case formpost.LimitText:
		fail = failed(http.StatusBadRequest, "Les champs sont trop longs\u00a0: %d octets ensemble au plus. Rien n’a été enregistré.", formpost.MaxText)
	case formpost.LimitParts:
		fail = failed(http.StatusBadRequest, "Trop de champs\u00a0: %d au plus. Rien n’a été enregistré.", formpost.MaxParts)
	case formpost.LimitNone, formpost.LimitPost:
	}
	fail.closes = true // the body may not have been read to its end
	return fail
}

// unreadable answers a post that is no form.
func (a *Adapter) unreadable(ctx context.Context, err error) *failure {
	fail := failed(http.StatusBadRequest, "L’envoi n’est pas un formulaire lisible\u00a0: envoyez application/x-www-form-urlencoded, ou multipart/form-data avec des photos. Rien n’a été enregistré.")
	switch {
	case errors.Is(err, formpost.ErrBusy):
		fail = failed(http.StatusServiceUnavailable, "Trop d’envois volumineux arrivent en même temps. Rien n’a été enregistré\u00a0: recommencez dans une minute.")
		fail.retry = time.Minute
		a.log.WarnContext(ctx, "open311 post refused", "error", err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, formpost.ErrConnection):
		fail = failed(http.StatusBadRequest, "L’envoi s’est interrompu. Rien n’a été enregistré\u00a0: recommencez.")
	}
	fail.closes = true
	return fail
}
