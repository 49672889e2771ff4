package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/store"
)

// deskAccounts is desk.Accounts: the store, with what the categories file says of services.
type deskAccounts struct {
	*store.Store
	rules   ruleBook
	now     func() time.Time
	folders *folderServices
	noted   *notedReads
}

func (h *house) accounts(now func() time.Time) deskAccounts {
	if now == nil {
		now = clock
	}
	return accountsOf(h.store, h.rules, now)
}

func accountsOf(s *store.Store, rules ruleBook, now func() time.Time) deskAccounts {
	return deskAccounts{s, rules, now, &folderServices{}, &notedReads{at: map[string]time.Time{}}}
}

// sealServices has the store hide what belongs to the sealed services of the categories file
// in force.
func sealServices(ctx context.Context, h *house) error { return h.seal(ctx, h.rules.File()) }

// Viewer implements desk.Accounts. Hidden are the sealed services to which the agent does not
// belong, and the names under which scans that are in no request yet were proposed to them.
func (d deskAccounts) Viewer(ctx context.Context, a ingest.Agent) (ingest.Viewer, error) {
	v := ingest.Viewer{Login: a.Login, Name: a.Name, Title: a.Title, Role: a.Role, Services: a.Services, Language: a.Language}
	var err error
	v.Hidden, err = d.hiddenFrom(ctx, a.Services)
	return v, err
}

// hiddenFrom lists what is hidden from who belongs to these services.
func (d deskAccounts) hiddenFrom(ctx context.Context, services []string) ([]string, error) {
	sealed, err := d.Sealed(ctx)
	if err != nil || len(sealed) == 0 {
		return nil, err
	}
	var hidden []string
	for _, service := range sealed {
		if !slices.Contains(services, service) {
			hidden = append(hidden, service)
		}
	}
	names, err := d.ProposedServices(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		meant := d.folders.of(d.rules.File(), name)
		if slices.ContainsFunc(meant, func(s string) bool { return slices.Contains(hidden, s) }) && !slices.Contains(hidden, name) {
			hidden = append(hidden, name)
		}
	}
	return hidden, nil
}

// folderServices remembers which services the names of folders mean by a categories file.
type folderServices struct {
	mu   sync.Mutex
	file *classify.File
	by   map[string][]string
}

func (f *folderServices) of(file *classify.File, name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != file {
		f.file, f.by = file, map[string][]string{}
	}
	services, ok := f.by[name]
	if !ok {
		services = file.ServicesOf(name)
		f.by[name] = services
	}
	return services
}

// notedReads remembers which reads were noted of late.
type notedReads struct {
	mu sync.Mutex
	at map[string]time.Time
}

const (
	// notedFor is how long the same read is not noted again: a page that is reloaded, the
	// pages of one scan.
	notedFor = 10 * time.Minute
	maxNoted = 10_000
)

// Saw implements desk.Witness.
func (d deskAccounts) Saw(ctx context.Context, v ingest.Viewer, what ingest.AccessKind, id string) error {
	find := d.RequestService
	if what == ingest.AccessFile {
		find = d.SubmissionService
	}
	service, err := find(ctx, id)
	if err != nil {
		return err
	}
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return err
	}
	services := append(slices.Clone(d.folders.of(d.rules.File(), service)), service)
	i := slices.IndexFunc(services, func(s string) bool { return slices.Contains(sealed, s) })
	if i < 0 {
		return nil
	}
	key, now := strings.Join([]string{v.Login, string(what), id}, "\x00"), d.now()
	if d.noted.lately(key, now) {
		return nil
	}
	if err := d.LogRead(ctx, v.Actor(), what, id, services[i]); err != nil {
		return err
	}
	d.noted.note(key, now)
	return nil
}

func (n *notedReads) lately(key string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.at[key]
	return ok && now.Sub(at) < notedFor
}

func (n *notedReads) note(key string, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.at) >= maxNoted {
		clear(n.at) // then some are noted twice
	}
	n.at[key] = now
}
