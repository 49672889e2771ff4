// Package open311 hands requests over to another town's, or the intermunicipal body's,
// Open311 server: it is a client of GeoReport v2 (wiki.open311.org/GeoReport_v2), in JSON.
//
// The standard has no reference of the sender's own and adds nothing to a request that is
// there. So our reference is the last line of the description, where an earlier try is found
// again; and a letter that comes later is a Permanent error, for a person to send by hand.
// Most servers publish descriptions: what the citizen wrote is there for all to read, and who
// the citizen is goes nowhere unless Options.Identity says so.
package open311

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Options say which server, and what is what there.
type Options struct {
	// URL is the endpoint, such as https://api.exemple.fr/open311/v2.
	URL string
	// APIKey goes with what is created only; JurisdictionID, if any, with every call.
	APIKey, JurisdictionID string
	// Services maps our categories to their service_code; "" stands for all others.
	Services map[string]string
	// Attributes are sent as attribute[code] with every request.
	Attributes map[string]string
	// Statuses maps their words for a status to ours, before the two of the standard.
	Statuses map[string]ingest.Status
	// Identity sends the citizen's name, e-mail and telephone.
	Identity bool
	// Media sends the first picture of the opening as the form's file "media". That is no part
	// of GeoReport v2, but of the draft of 2.1 and of servers such as Helsinki's.
	Media bool
	// CAFile is the authority of the server's certificate; "" = the system's.
	CAFile string
}

// Connector implements handover.Connector.
type Connector struct {
	o      Options
	client *rest.Client
	now    func() time.Time
}

var _ handover.Connector = (*Connector)(nil)

// How Remote.ID begins where a server gives no service_request_id at once: a token of a batch
// service, or nothing at all, of a "blackbox" one.
const (
	tokenID = "token:"
	blackID = "blackbox:"
)

// New does not connect.
func New(o Options) (*Connector, error) {
	if len(o.Services) == 0 {
		return nil, errors.New("open311: no service_code is configured: map at least one category, or \"\" for all")
	}
	client, err := rest.New(rest.Options{URL: o.URL, CAFile: o.CAFile})
	if err != nil {
		return nil, fmt.Errorf("open311: %w", err)
	}
	return &Connector{o: o, client: client, now: time.Now}, nil
}

// Create implements handover.Connector. A server that lists requests only once they are
// moderated, or not at all, cannot be asked for an earlier try: a lost answer makes two there.
// Where the lists are too long to be read to their end, it is a permanent error and nothing is
// made.
func (c *Connector) Create(ctx context.Context, cs handover.Case) (handover.Remote, error) {
	form, err := c.form(cs)
	if err != nil {
		return handover.Remote{}, ingest.Permanent(err)
	}
	code := form.Get("service_code")
	if r, err := c.find(ctx, cs, code); err != nil || r.ID != "" {
		return handover.Remote{ID: string(r.ID)}, err
	}
	call := rest.Call{
		Method: http.MethodPost, Path: "/requests.json", Body: strings.NewReader(form.Encode()),
		ContentType: "application/x-www-form-urlencoded; charset=utf-8",
	}
	if f, ok := c.media(cs.Files); ok {
		if call.Body, call.ContentType, err = multipartForm(form, f, handover.ASCIIName(f.Name)); err != nil {
			return handover.Remote{}, err
		}
	}
	var rows []request
	if err := c.call(ctx, call, &rows); err != nil {
		return handover.Remote{}, err
	}
	for _, r := range rows {
		switch {
		case r.ID != "":
			return handover.Remote{ID: string(r.ID)}, nil
		case r.Token != "":
			return handover.Remote{ID: tokenID + string(r.Token)}, nil
		}
	}
	return handover.Remote{ID: blackID + cs.Reference}, nil
}

// Attach implements handover.Connector: it succeeds where there is nothing to add, or where all
// there is went with Create; anything else is Permanent, since no later call can carry it.
func (c *Connector) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	var left []string
	var sent handover.File
	if f, ok := c.media(a.Files); ok && a.Text == "" {
		// A letter without words looks like the opening: what the server has tells them apart.
		r, err := c.get(ctx, remoteID)
		switch {
		case errors.Is(err, handover.ErrNoStatus): // nobody can tell: a person looks
		case err != nil:
			return err
		case r.ID == "":
			return fmt.Errorf("open311: %s has no service_request_id yet: whether the picture went with it is seen later", remoteID)
		}
		if err == nil && marked(string(r.Description), photoLine(f)) {
			sent = f
		}
	}
	for _, f := range a.Files {
		if f.SHA256 != sent.SHA256 || f.Name != sent.Name {
			left = append(left, f.Name)
		}
	}
	if strings.TrimSpace(a.Text) != "" {
		left = append(left, "the letter itself")
	}
	if len(left) == 0 {
		return nil
	}
	return ingest.Permanent(fmt.Errorf("open311: GeoReport v2 takes nothing after creation; send by hand, or by e-mail (à transmettre à la main) to request %s: %s",
		remoteID, strings.Join(left, ", ")))
}

// Status implements handover.Connector. An open request changes nothing here, and a closed one
// is answered, with its status_notes for the citizen.
func (c *Connector) Status(ctx context.Context, remoteID string) (handover.State, error) {
	r, err := c.get(ctx, remoteID)
	if err != nil {
		return handover.State{}, err
	}
	if r.ID == "" {
		return handover.State{Raw: "token"}, nil
	}
	st := handover.State{Raw: strings.TrimSpace(string(r.Status))}
	word := strings.ToLower(st.Raw)
	status, ok := c.o.Statuses[word]
	switch {
	case ok:
		st.Status = status
	case word == "closed":
		st.Status = ingest.StatusAnswered
	}
	if st.Status != "" {
		st.Note = strings.TrimSpace(string(r.Notes))
	}
	return st, nil
}

// get reads a request; it has no ID while its token is not resolved.
func (c *Connector) get(ctx context.Context, remoteID string) (request, error) {
	if strings.HasPrefix(remoteID, blackID) {
		return request{}, fmt.Errorf("open311: %w (service_code of type blackbox)", handover.ErrNoStatus)
	}
	id := remoteID
	if token, ok := strings.CutPrefix(remoteID, tokenID); ok {
		r, err := c.one(ctx, "/tokens/"+url.PathEscape(token)+".json")
		if err != nil || r.ID == "" {
			return request{}, err
		}
		id = string(r.ID)
	}
	r, err := c.one(ctx, "/requests/"+url.PathEscape(id)+".json")
	r.ID = text(id)
	return r, err
}

func (c *Connector) one(ctx context.Context, path string) (request, error) {
	var rows []request
	err := c.call(ctx, rest.Call{Method: http.MethodGet, Path: path, Query: c.query()}, &rows)
	switch {
	case rest.IsStatus(err, http.StatusNotFound), rest.IsStatus(err, http.StatusGone), err == nil && len(rows) == 0:
		return request{}, fmt.Errorf("open311: %s: %w", path, handover.ErrGone)
	case err != nil:
		return request{}, err
	}
	return rows[0], nil
}

// Check implements handover.Connector: the services that are mapped are there, and what they
// require is filled.
func (c *Connector) Check(ctx context.Context) (string, error) {
	var services []service
	if err := c.call(ctx, rest.Call{Method: http.MethodGet, Path: "/services.json", Query: c.query()}, &services); err != nil {
		return "", err
	}
	byCode := make(map[string]service, len(services))
	for _, s := range services {
		byCode[string(s.Code)] = s
	}
	var wrong, notes []string
	codes := slices.Compact(slices.Sorted(maps.Values(c.o.Services)))
	for _, code := range codes {
		s, ok := byCode[code]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("there is no service_code %q", code))
			continue
		}
		if s.Type != "" && s.Type != "realtime" {
			notes = append(notes, fmt.Sprintf("%s is of type %s", code, s.Type))
		}
		if s.Metadata != "true" {
			continue
		}
		var defs []definition
		if err := c.call(ctx, rest.Call{Method: http.MethodGet, Path: "/services/" + url.PathEscape(code) + ".json", Query: c.query()}, &defs); err != nil {
			return "", err
		}
		for _, d := range defs {
			wrong = append(wrong, d.missing(code, c.o.Attributes)...)
		}
	}
	if len(wrong) > 0 {
		return "", fmt.Errorf("open311: %s", strings.Join(wrong, "; "))
	}
	return strings.Join(append([]string{fmt.Sprintf("%d services, the %d configured are there", len(services), len(codes))}, notes...), "; "), nil
}

func (c *Connector) query() url.Values {
	q := url.Values{}
	if c.o.JurisdictionID != "" {
		q.Set("jurisdiction_id", c.o.JurisdictionID)
	}
	return q
}

// call makes the call, reads the standard's errors, and decodes the rows of the answer.
func (c *Connector) call(ctx context.Context, call rest.Call, rows any) error {
	a, err := c.client.Do(ctx, call)
	if err != nil {
		var se *rest.StatusError
		if errors.As(err, &se) {
			if said := problems(se.Body); said != "" {
				return &handover.SaidError{Err: fmt.Errorf("open311: %w", err), Said: said}
			}
		}
		return fmt.Errorf("open311: %w", err)
	}
	if said := problems(a.Body); said != "" { // some say 200 with it
		return ingest.Permanent(&handover.SaidError{
			Err:  fmt.Errorf("open311: %s %s: the server answered with an error", call.Method, call.Path),
			Said: said,
		})
	}
	list, err := elements(a.Body, 0)
	if err == nil {
		var data []byte
		if data, err = json.Marshal(list); err == nil {
			err = json.Unmarshal(data, rows)
		}
	}
	if err != nil {
		return fmt.Errorf("open311: %s %s: the answer is not JSON of GeoReport v2: %w", call.Method, call.Path, err)
	}
	return nil
}
