package redmine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type statusAnswer struct {
	named
	// IsClosed is nil where Redmine does not say.
	IsClosed *bool `json:"is_closed"`
}

type issueAnswer struct {
	ID           int64        `json:"id"`
	Subject      string       `json:"subject"`
	CreatedOn    string       `json:"created_on"`
	Author       named        `json:"author"`
	Status       statusAnswer `json:"status"`
	CustomFields []struct {
		named
		// Value is a list for fields of several values.
		Value any `json:"value"`
	} `json:"custom_fields"`
	Attachments []struct {
		Filename    string `json:"filename"`
		Filesize    int64  `json:"filesize"`
		Description string `json:"description"`
	} `json:"attachments"`
	Journals []struct {
		Notes string `json:"notes"`
	} `json:"journals"`
}

// target is where cases go: numbers of Redmine's.
type target struct {
	id      int64
	tracker int64 // 0 = the first
	field   int64 // 0 = none
}

// issues is where issues of the project are made. Of /issues.json, who has no right gets the
// answer 422, that the project is missing, and here 403.
func (t target) issues() string { return "/projects/" + strconv.FormatInt(t.id, 10) + "/issues.json" }

// project reads the project and finds in it what the options name.
func (r *Redmine) project(ctx context.Context) (target, error) {
	var answer struct {
		Project struct {
			named
			Status   int     `json:"status"`
			Trackers []named `json:"trackers"`
			Fields   []named `json:"issue_custom_fields"`
		}
	}
	err := r.rest.JSON(ctx, rest.Call{
		Method: http.MethodGet, Path: "/projects/" + r.o.Project + ".json",
		Query: url.Values{"include": {"trackers,issue_custom_fields"}},
	}, &answer)
	p := answer.Project
	switch {
	case rest.IsStatus(err, http.StatusNotFound):
		return target{}, fmt.Errorf("redmine: there is no project %q at this address; check url and project: %w", r.o.Project, err)
	case err != nil:
		return target{}, r.explain("read the project", err)
	case p.ID <= 0:
		return target{}, errors.New("redmine: the answer has no project; is this address Redmine's?")
	case p.Status > 1: // 5 is closed, 9 archived
		return target{}, fmt.Errorf("redmine: project %q is closed or archived", r.o.Project)
	}
	t := target{id: p.ID}
	if r.o.Tracker != "" {
		if t.tracker = byName(p.Trackers, r.o.Tracker); t.tracker == 0 {
			return t, fmt.Errorf("redmine: project %q has no tracker %q; it has %s", r.o.Project, r.o.Tracker, names(p.Trackers))
		}
	}
	if r.o.CustomField != "" {
		t.field, err = r.field(ctx, t, p.Fields)
	}
	return t, err
}

// field finds the number of the custom field. Only an administrator may ask for all fields; the
// project lists those that were chosen for it, since 4.2, and not those that are for all
// projects: these are seen in an issue.
func (r *Redmine) field(ctx context.Context, t target, known []named) (int64, error) {
	if number, err := strconv.ParseInt(r.o.CustomField, 10, 64); err == nil && number > 0 {
		return number, nil
	}
	if id := byName(known, r.o.CustomField); id != 0 {
		return id, nil
	}
	query := url.Values{"project_id": {strconv.FormatInt(t.id, 10)}, "status_id": {"*"}, "sort": {"id:desc"}, "limit": {"1"}}
	if t.tracker != 0 {
		query.Set("tracker_id", strconv.FormatInt(t.tracker, 10))
	}
	var list struct{ Issues []issueAnswer }
	if err := r.rest.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/issues.json", Query: query}, &list); err != nil {
		return 0, r.explain("look for the custom field", err)
	}
	for _, i := range list.Issues {
		for _, f := range i.CustomFields {
			if !slices.Contains(known, f.named) {
				known = append(known, f.named)
			}
		}
	}
	if id := byName(known, r.o.CustomField); id != 0 {
		return id, nil
	}
	return 0, fmt.Errorf("redmine: no custom field %q is to be seen in project %q, which shows %s; put in its number, as in the address .../custom_fields/7/edit", r.o.CustomField, r.o.Project, names(known))
}

func byName(list []named, name string) int64 {
	for _, n := range list {
		if strings.EqualFold(n.Name, name) {
			return n.ID
		}
	}
	return 0
}

func names(list []named) string {
	if len(list) == 0 {
		return "none"
	}
	var out []string
	for _, n := range list {
		out = append(out, strconv.Quote(n.Name))
	}
	return strings.Join(out, ", ")
}

var issueID = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// issue reads an issue. It is ErrGone only when Redmine itself says so: a 404 also comes from a
// proxy before it, and from a Redmine that moved.
func (r *Redmine) issue(ctx context.Context, remoteID, include string) (issueAnswer, error) {
	if !issueID.MatchString(remoteID) {
		return issueAnswer{}, ingest.Permanent(fmt.Errorf("redmine: %q is not the number of an issue", remoteID))
	}
	var answer struct{ Issue issueAnswer }
	query := url.Values{}
	if include != "" {
		query.Set("include", include)
	}
	err := r.rest.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/issues/" + remoteID + ".json", Query: query}, &answer)
	switch {
	case rest.IsStatus(err, http.StatusNotFound):
		if _, err := r.me(ctx); err != nil {
			return issueAnswer{}, err
		}
		return issueAnswer{}, fmt.Errorf("redmine: issue %s: %w", remoteID, handover.ErrGone)
	case rest.IsStatus(err, http.StatusForbidden):
		// Redmine answers so for what is there and not to be seen: a project that was closed to
		// the user, or archived; and for all when its REST API is off.
		return issueAnswer{}, fmt.Errorf("redmine: the key's user may not see issue %s; make them a member of its project again: %w", remoteID, err)
	case err != nil:
		return issueAnswer{}, r.explain("read the issue", err)
	case strconv.FormatInt(answer.Issue.ID, 10) != remoteID:
		return issueAnswer{}, errors.New("redmine: the answer has no such issue; is this address Redmine's?")
	}
	return answer.Issue, nil
}

// user is whose key it is.
type user struct {
	ID          int64
	Login       string
	Admin       bool
	Memberships []struct {
		Project named
		Roles   []named
	}
}

// me asks who we are.
func (r *Redmine) me(ctx context.Context) (user, error) {
	var answer struct{ User user }
	err := r.rest.JSON(ctx, rest.Call{
		Method: http.MethodGet, Path: "/users/current.json", Query: url.Values{"include": {"memberships"}},
	}, &answer)
	switch {
	case rest.IsStatus(err, http.StatusNotFound):
		return user{}, fmt.Errorf("redmine: no Redmine at this address; check url: %w", err)
	case err != nil:
		return user{}, r.explain("log in", err)
	case answer.User.Login == "":
		return user{}, errors.New("redmine: the answer has no user; is this address Redmine's?")
	}
	return answer.User, nil
}

// ourID is the number of the key's user, which stays the same.
func (r *Redmine) ourID(ctx context.Context) (int64, error) {
	if id := r.id.Load(); id != 0 {
		return id, nil
	}
	u, err := r.me(ctx)
	if err == nil && u.ID <= 0 {
		err = errors.New("redmine: the answer has no number of the user; is this address Redmine's?")
	}
	if err != nil {
		return 0, err
	}
	r.id.Store(u.ID)
	return u.ID, nil
}

// explain says what is to be done about an answer. 401 is a wrong key; 403 a missing right, or
// the REST API that is off (ApplicationController of Redmine).
func (r *Redmine) explain(doing string, err error) error {
	var e *rest.StatusError
	if !errors.As(err, &e) {
		return fmt.Errorf("redmine: %s: %w", doing, err)
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return fmt.Errorf("redmine: %s: Redmine does not know the API key, or its user is locked: %w", doing, err)
	case http.StatusForbidden:
		return fmt.Errorf("redmine: %s: the key's user has no right to it, or the REST API is off (Administration, Configuration, API): %w", doing, err)
	case http.StatusUnprocessableEntity:
		return &handover.SaidError{
			Err:  fmt.Errorf("redmine: %s: Redmine does not take it; what it says of that stands with the tries: %w", doing, err),
			Said: complaints(e.Body),
		}
	}
	return fmt.Errorf("redmine: %s: %w", doing, err)
}

const maxComplaints = 500 // bytes

// complaints are Redmine's own words about what it does not take (422), in its language.
func complaints(body []byte) string {
	var said struct{ Errors []string }
	if json.Unmarshal(body, &said) != nil || len(said.Errors) == 0 {
		return "nothing more"
	}
	s := strings.Join(strings.Fields(strings.Join(said.Errors, "; ")), " ")
	if len(s) > maxComplaints {
		s = strings.ToValidUTF8(s[:maxComplaints], "") + "…"
	}
	return strconv.Quote(s)
}
