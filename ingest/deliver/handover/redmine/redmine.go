// Package redmine hands cases over to Redmine as issues, by its REST API
// (https://www.redmine.org/projects/redmine/wiki/Rest_api).
//
// The subject of an issue begins with our reference in brackets, by which it is found again,
// wherever its project is by then; whoever edits the subject leaves that. The key of each
// addition is the description of its files, and a line at the end of its note.
package redmine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// Options say how to reach Redmine and where cases go there.
type Options struct {
	URL string
	// Key is the API key of a user who is a member of the project and may see and add issues
	// and add notes.
	Key string
	// Project is the identifier of the project, as in its address.
	Project string
	// Tracker is the name of a tracker of the project; "" is the first that the user may use.
	Tracker string
	// CustomField is the name or number of a text field of issues for the reference, or "". One
	// that is for all projects is found by its name only when the project has an issue.
	CustomField string
	// Statuses says what Redmine's statuses, by their names, mean for a request. Where it is
	// empty, those that close an issue mean answered, and In Progress and En cours mean in
	// progress.
	Statuses map[string]ingest.Status
	// CAFile is a PEM file with the authority of the server's certificate; "" = the system's.
	CAFile string
	// Timeout bounds one call; 0 means rest.Timeout.
	Timeout time.Duration
}

// Redmine is a handover.Connector.
type Redmine struct {
	o        Options
	rest     *rest.Client
	inMemory int64
	id       atomic.Int64 // of the key's user; 0 = not known yet
}

var _ handover.Connector = (*Redmine)(nil)

var identifier = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)

// New does not connect.
func New(o Options) (*Redmine, error) {
	switch {
	case o.Key == "" || strings.ContainsAny(o.Key, "\r\n"):
		return nil, errors.New("redmine: no API key; it stands in the account page of the user (Mon compte, Clé d'accès API)")
	case !identifier.MatchString(o.Project):
		return nil, fmt.Errorf("redmine: project %q is not an identifier as in the address .../projects/voirie", o.Project)
	}
	client, err := rest.New(rest.Options{
		URL: o.URL, CAFile: o.CAFile, Timeout: o.Timeout,
		Header: http.Header{"X-Redmine-Api-Key": {o.Key}},
	})
	if err != nil {
		return nil, fmt.Errorf("redmine: %w", err)
	}
	o.URL = strings.TrimRight(o.URL, "/")
	return &Redmine{o: o, rest: client, inMemory: inMemory}, nil
}

func (r *Redmine) remote(id int64) handover.Remote {
	number := strconv.FormatInt(id, 10)
	return handover.Remote{ID: number, URL: r.o.URL + "/issues/" + number}
}

// Create implements handover.Connector.
func (r *Redmine) Create(ctx context.Context, c handover.Case) (handover.Remote, error) {
	if err := oneLine("reference", c.Reference); err != nil {
		return handover.Remote{}, err
	}
	p, err := r.project(ctx)
	if err != nil {
		return handover.Remote{}, err
	}
	id, err := r.find(ctx, c, p.field)
	if err != nil {
		return handover.Remote{}, err
	}
	if id != 0 {
		return r.remote(id), nil
	}
	issue := map[string]any{
		"project_id": p.id, "subject": subject(c.Reference, c.Subject), "description": handover.Describe(c),
	}
	if p.tracker != 0 {
		issue["tracker_id"] = p.tracker
	}
	if p.field != 0 {
		issue["custom_fields"] = []map[string]any{{"id": p.field, "value": c.Reference}}
	}
	// Redmine refuses an issue that is due before it starts, and puts today for the start.
	if start, due := c.ReceivedAt.Format(time.DateOnly), c.Due.Format(time.DateOnly); !c.Due.IsZero() && due >= start {
		issue["start_date"], issue["due_date"] = start, due
	}
	var made struct{ Issue issueAnswer }
	err = r.rest.JSON(ctx, rest.Call{Method: http.MethodPost, Path: p.issues(), JSON: map[string]any{"issue": issue}}, &made)
	if err != nil {
		return handover.Remote{}, r.explain("make the issue", err)
	}
	if made.Issue.ID <= 0 {
		return handover.Remote{}, errors.New("redmine: the answer to a new issue has no number; is this address Redmine's?")
	}
	return r.remote(made.Issue.ID), nil
}

// Status implements handover.Connector.
func (r *Redmine) Status(ctx context.Context, remoteID string) (handover.State, error) {
	i, err := r.issue(ctx, remoteID, "")
	if err != nil {
		return handover.State{}, err
	}
	state := handover.State{Raw: i.Status.Name}
	if state.Raw == "" {
		return state, errors.New("redmine: the issue has no status; is this address Redmine's?")
	}
	if len(r.o.Statuses) > 0 {
		for name, status := range r.o.Statuses {
			if strings.EqualFold(strings.TrimSpace(name), state.Raw) {
				state.Status = status
			}
		}
		return state, nil
	}
	closed, err := r.closes(ctx, i)
	switch {
	case err != nil:
		return handover.State{}, err
	case closed:
		state.Status = ingest.StatusAnswered
	case strings.EqualFold(state.Raw, "In Progress"), strings.EqualFold(state.Raw, "En cours"):
		state.Status = ingest.StatusInProgress
	}
	return state, nil
}

// closes reports whether the issue's status closes it. Redmine before 5.0 says so only in the
// list of statuses.
func (r *Redmine) closes(ctx context.Context, i issueAnswer) (bool, error) {
	if i.Status.IsClosed != nil {
		return *i.Status.IsClosed, nil
	}
	var list struct {
		Statuses []statusAnswer `json:"issue_statuses"`
	}
	if err := r.rest.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/issue_statuses.json"}, &list); err != nil {
		return false, r.explain("read the statuses", err)
	}
	for _, s := range list.Statuses {
		if s.ID == i.Status.ID {
			return s.IsClosed != nil && *s.IsClosed, nil
		}
	}
	return false, nil
}

// maxSubject is the room of a subject, in characters (Redmine's Issue model).
const maxSubject = 255

func prefix(reference string) string { return "[" + reference + "]" }

// subject makes one line of it.
func subject(reference, s string) string {
	s = strings.TrimSpace(prefix(reference) + " " + strings.Join(strings.Fields(s), " "))
	if r := []rune(s); len(r) > maxSubject {
		s = strings.TrimRight(string(r[:maxSubject-1]), " ") + "…"
	}
	return s
}

// oneLine wants a reference or key that keeps its form in a field of Redmine. The error is
// permanent.
func oneLine(what, s string) error {
	if s == "" || len(s) > 100 || strings.Join(strings.Fields(s), " ") != s {
		return ingest.Permanent(fmt.Errorf("redmine: the %s %q is empty, has more than 100 bytes or is not one line", what, s))
	}
	return nil
}

const (
	perPage  = 100 // the most that Redmine gives
	maxPages = 10
)

// find looks for the issue of a reference, among those that are closed and in other projects as
// well: agents move them. It is 0 when there is none, and the oldest where there are several.
// What Redmine finds contains the reference; that it is the one is looked at here. Only what the
// key's user made counts: whoever may file issues can write a reference, since these are counted
// up, and would be sent the letters of that case.
func (r *Redmine) find(ctx context.Context, c handover.Case, field int64) (int64, error) {
	reference := c.Reference
	id, err := r.search(ctx, url.Values{"subject": {"~" + reference}}, func(i issueAnswer) bool {
		return !c.Foreign(i.CreatedOn) && strings.HasPrefix(i.Subject+" ", prefix(reference)+" ")
	})
	if err != nil || id != 0 || field == 0 {
		return id, err
	}
	return r.search(ctx, url.Values{fmt.Sprintf("cf_%d", field): {"=" + reference}}, func(i issueAnswer) bool {
		for _, f := range i.CustomFields {
			if f.ID == field && f.Value == reference {
				return !c.Foreign(i.CreatedOn)
			}
		}
		return false
	})
}

func (r *Redmine) search(ctx context.Context, query url.Values, is func(issueAnswer) bool) (int64, error) {
	us, err := r.ourID(ctx)
	if err != nil {
		return 0, err
	}
	query.Set("author_id", strconv.FormatInt(us, 10))
	query.Set("status_id", "*")
	query.Set("sort", "id")
	query.Set("limit", strconv.Itoa(perPage))
	for page := range maxPages {
		query.Set("offset", strconv.Itoa(page*perPage))
		var list struct {
			Issues []issueAnswer
			Total  int `json:"total_count"`
		}
		if err := r.rest.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/issues.json", Query: query}, &list); err != nil {
			return 0, r.explain("search for the issue", err)
		}
		for _, i := range list.Issues {
			if i.Author.ID == us && is(i) {
				return i.ID, nil
			}
		}
		if len(list.Issues) == 0 || (page+1)*perPage >= list.Total {
			return 0, nil
		}
	}
	// A thousand issues that only speak of the reference: or a filter that Redmine does not
	// know, and passes over, such as a custom field that is not marked as a filter.
	if query.Has("subject") {
		return 0, errors.New("redmine: the search for the reference finds far too many issues; is this address Redmine's?")
	}
	return 0, nil
}
