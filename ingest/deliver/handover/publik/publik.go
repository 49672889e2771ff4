// Package publik hands requests over to Publik's forms engine, w.c.s., as filled-in forms. It
// is experimental: it follows the API documents of doc-publik.entrouvert.com (« w.c.s.,
// API - webservices »: Authentification; Complétion et modification d'un formulaire;
// Récupération des données; Traitement d'un formulaire), read together with the source of
// w.c.s., and could not be tried on a Publik. Not known is what the roles of a town's Publik let
// a signed caller see.
//
// The town's functional administrator prepares the form: a text field that keeps our reference,
// by which an earlier try is found, and a global action of the workflow with a webservice
// trigger, which takes letters and files.
package publik

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// Options say which Publik, and what is what there.
type Options struct {
	// URL is that of w.c.s., such as https://demarches.exemple.fr.
	URL string
	// Orig and Key are the sender and the shared key of site-options.cfg, [api-secrets].
	Orig, Key string
	// Email is the agent for whom is asked, who has to see the form's requests, or "". With it,
	// requests count as entered at the back office.
	Email string
	// Forms maps our categories to slugs of forms; "" stands for all others.
	Forms map[string]string
	// Fields maps what we have to the variable names (varname) of the form's fields. Known are
	// reference, which is required, subject, text, category, service, name, email, phone,
	// address, place, position (a map field), received and due (date fields), and url.
	Fields map[string]string
	// Hook is the identifier of the trigger that takes what comes after creation. Its JSON is
	// {"key", "keys", "text", "received", "files": [{"filename", "content_type", "content"}]}.
	Hook string
	// Statuses maps names of the workflow's statuses to ours, before "at an end is closed".
	Statuses map[string]ingest.Status
	// CAFile is the authority of the server's certificate; "" = the system's.
	CAFile string
}

// Connector implements handover.Connector.
type Connector struct {
	o      Options
	client *rest.Client
	now    func() time.Time
	nonce  func() string
}

var _ handover.Connector = (*Connector)(nil)

// maxFiles bounds what one addition holds, in bytes: w.c.s. gives it back with the form's data,
// as base64, and that must fit into rest.MaxAnswer.
const maxFiles = 8 << 20

// fields are the keys of Options.Fields, with how a case fills them.
var fields = map[string]func(c handover.Case) any{
	"reference": func(c handover.Case) any { return c.Reference },
	"subject":   func(c handover.Case) any { return c.Subject },
	"text":      func(c handover.Case) any { return c.Text },
	"category":  func(c handover.Case) any { return c.Label },
	"service":   func(c handover.Case) any { return c.Service },
	"name":      func(c handover.Case) any { return c.Sender.Name },
	"email":     func(c handover.Case) any { return c.Sender.Email },
	"phone":     func(c handover.Case) any { return c.Sender.Phone },
	"address":   func(c handover.Case) any { return c.Sender.Address },
	"place":     func(c handover.Case) any { return c.Place },
	"received":  func(c handover.Case) any { return c.ReceivedAt.Format(time.DateOnly) },
	"url":       func(c handover.Case) any { return c.URL },
	"due": func(c handover.Case) any {
		if c.Due.IsZero() {
			return nil
		}
		return c.Due.Format(time.DateOnly)
	},
	"position": func(c handover.Case) any {
		if c.Position == nil {
			return nil
		}
		return map[string]float64{"lat": c.Position.Lat, "lon": c.Position.Long}
	},
}

// New does not connect.
func New(o Options) (*Connector, error) {
	switch {
	case o.Orig == "" || o.Key == "":
		return nil, errors.New("publik: orig and key are needed: take them from [api-secrets] of w.c.s.'s site-options.cfg")
	case o.Fields["reference"] == "":
		return nil, errors.New("publik: no field keeps our reference: name the varname of a text field as fields.reference")
	case len(o.Forms) == 0:
		return nil, errors.New("publik: no form is configured: map at least one category, or \"\" for all")
	}
	for name := range o.Fields {
		if fields[name] == nil {
			return nil, fmt.Errorf("publik: fields.%s is not known; there are %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
	}
	client, err := rest.New(rest.Options{URL: o.URL, CAFile: o.CAFile})
	if err != nil {
		return nil, fmt.Errorf("publik: %w", err)
	}
	return &Connector{o: o, client: client, now: time.Now, nonce: newNonce}, nil
}

// formdata is what we read of a filled-in form.
type formdata struct {
	ID       string         `json:"id"`
	Fields   map[string]any `json:"fields"`
	Workflow struct {
		Status struct {
			Name     string `json:"name"`
			Endpoint bool   `json:"endpoint"`
		} `json:"status"`
		Data map[string]json.RawMessage `json:"data"`
	} `json:"workflow"`
}

// Create implements handover.Connector.
func (c *Connector) Create(ctx context.Context, cs handover.Case) (handover.Remote, error) {
	slug := c.o.Forms[cs.Category]
	if slug == "" {
		slug = c.o.Forms[""]
	}
	if slug == "" {
		return handover.Remote{}, ingest.Permanent(fmt.Errorf("publik: no form is configured for the category %q", cs.Category))
	}
	varname := c.o.Fields["reference"]
	var there []formdata
	err := c.call(ctx, http.MethodGet, "/api/forms/"+url.PathEscape(slug)+"/list",
		url.Values{"full": {"on"}, "filter": {"all"}, "filter-" + varname: {cs.Reference}}, nil, &there)
	if err != nil {
		return handover.Remote{}, fmt.Errorf("look for an earlier try: %w", err)
	}
	for _, f := range there { // a w.c.s. that does not know the filter gives all
		if f.Fields[varname] == cs.Reference {
			return c.remote(slug, f.ID), nil
		}
	}
	data := make(map[string]any)
	for name, varname := range c.o.Fields {
		if v := fields[name](cs); v != nil {
			data[varname] = v
		}
	}
	body := map[string]any{"data": data, "context": map[string]string{"channel": channel(cs.Channel)}}
	if c.o.Email != "" {
		body["meta"] = map[string]any{"backoffice-submission": true}
	}
	var made struct{ ID json.Number }
	if err := c.call(ctx, http.MethodPost, "/api/formdefs/"+url.PathEscape(slug)+"/submit", nil, body, &made); err != nil {
		return handover.Remote{}, err
	}
	if made.ID == "" {
		return handover.Remote{}, errors.New("publik: the answer to submit has no id")
	}
	return c.remote(slug, made.ID.String()), nil
}

func (c *Connector) remote(slug, id string) handover.Remote {
	id = id[strings.LastIndex(id, "/")+1:] // "newsletter/16" in old versions
	return handover.Remote{
		ID:  slug + "/" + id,
		URL: strings.TrimRight(c.o.URL, "/") + "/backoffice/management/" + url.PathEscape(slug) + "/" + url.PathEscape(id) + "/",
	}
}

// channel is w.c.s.'s word for how a request came.
func channel(c ingest.Channel) string {
	switch c {
	case ingest.ChannelMailbox:
		return "email"
	case ingest.ChannelScan:
		return "mail"
	case ingest.ChannelCounter:
		return "counter"
	case ingest.ChannelPhone:
		return "phone"
	}
	return "web"
}

func (c *Connector) get(ctx context.Context, remoteID string) (path string, f formdata, err error) {
	slug, id, ok := strings.Cut(remoteID, "/")
	if !ok {
		return "", f, ingest.Permanent(fmt.Errorf("publik: %q is no form and number", remoteID))
	}
	path = "/api/forms/" + url.PathEscape(slug) + "/" + url.PathEscape(id) + "/"
	err = c.call(ctx, http.MethodGet, path, nil, nil, &f)
	if rest.IsStatus(err, http.StatusNotFound) || rest.IsStatus(err, http.StatusGone) {
		err = fmt.Errorf("publik: %s: %w", remoteID, handover.ErrGone)
	}
	return path, f, err
}

// Attach implements handover.Connector. The trigger's content stays in the workflow's data until
// the next one, so each carries the keys of all before it, and what is there is not sent again.
func (c *Connector) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	if a.Text == "" && len(a.Files) == 0 {
		return nil
	}
	var total int64
	for _, f := range a.Files {
		total += f.Size
	}
	switch {
	case c.o.Hook == "":
		return ingest.Permanent(errors.New("publik: no trigger is configured that takes letters and files (hook): send them by hand"))
	case total > maxFiles:
		return ingest.Permanent(fmt.Errorf("publik: the files have %d bytes, more than the %d that go there: send them by hand", total, maxFiles))
	}
	path, f, err := c.get(ctx, remoteID)
	if err != nil {
		return err
	}
	var before struct{ Keys []string }
	if raw := f.Workflow.Data[c.o.Hook]; raw != nil {
		_ = json.Unmarshal(raw, &before) // what others left there has no keys of ours
	}
	if slices.Contains(before.Keys, a.Key) {
		return nil
	}
	files := make([]map[string]string, 0, len(a.Files))
	for i, name := range handover.Names(a.Files) {
		content, err := read(a.Files[i])
		if err != nil {
			return fmt.Errorf("publik: file %d of %d: %w", i+1, len(a.Files), err)
		}
		files = append(files, map[string]string{"filename": name, "content_type": a.Files[i].Type, "content": base64.StdEncoding.EncodeToString(content)})
	}
	return c.call(ctx, http.MethodPost, path+"hooks/"+url.PathEscape(c.o.Hook)+"/", nil, map[string]any{
		"key": a.Key, "keys": append(before.Keys, a.Key), "text": a.Text, "received": a.ReceivedAt.Format(time.RFC3339), "files": files,
	}, nil)
}

func read(f handover.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(io.LimitReader(r, maxFiles))
}

// Status implements handover.Connector. Without a word in Options.Statuses, a status that is an
// end of the workflow is closed, and any other changes nothing.
func (c *Connector) Status(ctx context.Context, remoteID string) (handover.State, error) {
	_, f, err := c.get(ctx, remoteID)
	if err != nil {
		return handover.State{}, err
	}
	st := handover.State{Raw: f.Workflow.Status.Name, Status: c.o.Statuses[f.Workflow.Status.Name]}
	if _, ok := c.o.Statuses[st.Raw]; !ok && f.Workflow.Status.Endpoint {
		st.Status = ingest.StatusClosed
	}
	return st, nil
}

// Check implements handover.Connector: the forms are there, with the fields that are named.
func (c *Connector) Check(ctx context.Context) (string, error) {
	slugs := slices.Compact(slices.Sorted(maps.Values(c.o.Forms)))
	for _, slug := range slugs {
		var schema struct {
			Fields []struct {
				Varname string `json:"varname"`
			} `json:"fields"`
		}
		err := c.call(ctx, http.MethodGet, "/api/formdefs/"+url.PathEscape(slug)+"/schema", nil, nil, &schema)
		if rest.IsStatus(err, http.StatusNotFound) {
			return "", fmt.Errorf("publik: there is no form %q", slug)
		}
		if err != nil {
			return "", err
		}
		var have []string
		for _, f := range schema.Fields {
			have = append(have, f.Varname)
		}
		for _, name := range slices.Sorted(maps.Keys(c.o.Fields)) {
			if !slices.Contains(have, c.o.Fields[name]) {
				return "", fmt.Errorf("publik: the form %q has no field with the variable name %q (fields.%s)", slug, c.o.Fields[name], name)
			}
		}
	}
	return fmt.Sprintf("%d forms are there, with their fields", len(slugs)), nil
}
