package main

import (
	"context"
	"errors"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/api"
	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
)

// newAPI makes the JSON interface from what the house can do.
func (h *house) newAPI(health *channels.Health) *api.Adapter {
	trusted, _ := clientip.Parse(h.cfg.Channels.Webform.Trusted) // the form has told of what is wrong with it
	accounts := h.accounts(nil)
	return api.New(api.Options{
		Zone: h.zone, PublicURL: h.cfg.BaseURL(), RateLimit: h.cfg.API.RateLimit, Limits: h.postLimits(), Trusted: trusted,
		Categories: apiCategories(h.rules),
		Keys:       apiKeys{accounts}, Ledger: apiReads{accounts}, Requests: apiReads{accounts}, Acts: apiActs{h}, Files: apiFiles{accounts, h.files()},
		Events: h.store, Follow: follower{h},
		Spool: h.store.Spool(), Log: h.log, Health: health, Now: clock,
	})
}

// postLimits bound what the form and the interfaces take.
func (h *house) postLimits() formpost.Limits {
	return formpost.Limits{MaxPost: int64(h.cfg.Limits.Message), MaxFile: int64(h.cfg.Limits.File)}
}

func apiCategories(rules ruleBook) []api.Category {
	var out []api.Category
	for _, c := range rules.File().Categories {
		out = append(out, api.Category{Code: c.Code, Label: c.Label, Service: c.Service.Name})
	}
	return out
}

// apiKeys is api.Keys.
type apiKeys struct{ deskAccounts }

// Viewer implements api.Keys. A key sees what an agent of its services would.
func (k apiKeys) Viewer(ctx context.Context, key ingest.APIKey) (ingest.Viewer, error) {
	v := ingest.Viewer{Login: key.ID, Name: key.Name, Key: key.Name, Role: ingest.RoleReader, Services: key.Services, Language: "en"}
	if key.May(ingest.ScopeWrite) {
		v.Role = ingest.RoleAgent
	}
	var err error
	v.Hidden, err = k.hiddenFrom(ctx, key.Services)
	return v, err
}

// apiReads is api.Ledger and api.Requests: the store, with a line in the access log before
// what is sealed is shown.
type apiReads struct{ deskAccounts }

// RequestFor implements api.Requests.
func (r apiReads) RequestFor(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error) {
	q, err := r.Store.RequestFor(ctx, v, reference)
	if err == nil {
		err = r.Saw(ctx, v, ingest.AccessRequest, q.Reference)
	}
	return q, err
}

// HistoryFor implements api.Requests.
func (r apiReads) HistoryFor(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Event, error) {
	history, err := r.Store.HistoryFor(ctx, v, reference)
	if err == nil {
		err = r.Saw(ctx, v, ingest.AccessRequest, reference)
	}
	return history, err
}

// SubmissionFor implements api.Ledger.
func (r apiReads) SubmissionFor(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error) {
	rec, err := r.Store.SubmissionFor(ctx, v, id)
	if err == nil {
		err = r.Saw(ctx, v, ingest.AccessFile, id)
	}
	return rec, err
}

// apiActs is api.Acts.
type apiActs struct{ h *house }

// SetStatus implements api.Acts.
func (a apiActs) SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error {
	return a.h.store.By(v).SetStatus(ctx, reference, status, note)
}

// Comment implements api.Acts.
func (a apiActs) Comment(ctx context.Context, v ingest.Viewer, reference, text string) error {
	return a.h.store.By(v).Comment(ctx, reference, text)
}

// apiFiles is api.Files: what the desk shows, for programs.
type apiFiles struct {
	accounts deskAccounts
	files    deskFiles
}

// Original implements api.Files.
func (f apiFiles) Original(ctx context.Context, v ingest.Viewer, submission string) (api.File, error) {
	if _, err := f.files.lend(ctx, v, submission, ingest.UsePass); err != nil {
		return api.File{}, err
	}
	file, err := f.files.Original(ctx, v, submission)
	return f.lend(ctx, v, submission, file, err)
}

// Attachment implements api.Files.
func (f apiFiles) Attachment(ctx context.Context, v ingest.Viewer, submission string, n int) (api.File, error) {
	if _, err := f.files.lend(ctx, v, submission, ingest.UsePass); err != nil {
		return api.File{}, err
	}
	file, err := f.files.Attachment(ctx, v, submission, n)
	return f.lend(ctx, v, submission, file, err)
}

func (f apiFiles) lend(ctx context.Context, v ingest.Viewer, submission string, file desk.File, err error) (api.File, error) {
	if err != nil {
		return api.File{}, err
	}
	if err := f.accounts.Saw(ctx, v, ingest.AccessFile, submission); err != nil {
		return api.File{}, errors.Join(err, file.Body.Close())
	}
	return api.File{Name: file.Name, Type: file.Type, Size: file.Size, Body: file.Body}, nil
}
