package redmine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// Check implements handover.Connector: the key, the project, the tracker, the custom field, and
// the rights. Whether issues may be added is asked with one that has no subject, which Redmine
// never makes: it answers 403 to who may not, and else says all that it misses (422).
func (r *Redmine) Check(ctx context.Context) (string, error) {
	u, err := r.me(ctx)
	if err != nil {
		return "", err
	}
	t, err := r.project(ctx)
	if err != nil {
		return "", err
	}
	if err := r.rights(ctx, u, t); err != nil {
		return "", err
	}
	issue := map[string]any{"project_id": t.id, "subject": "", "description": "saisine"}
	if t.tracker != 0 {
		issue["tracker_id"] = t.tracker
	}
	if t.field != 0 {
		issue["custom_fields"] = []map[string]any{{"id": t.field, "value": "2026-000000"}}
	}
	_, err = r.rest.Do(ctx, rest.Call{Method: http.MethodPost, Path: t.issues(), JSON: map[string]any{"issue": issue}})
	var e *rest.StatusError
	switch {
	case err == nil:
		return "", errors.New("redmine: Redmine made an issue without a subject, as the check does not expect it to; delete it: a plugin fills in subjects, which saisine cannot work with")
	case !errors.As(err, &e) || e.Status != http.StatusUnprocessableEntity:
		return "", r.explain("add an issue", err)
	}
	line := fmt.Sprintf("logged in as %s, cases go to project %s", u.Login, r.o.Project)
	if strings.Contains(complaints(e.Body), "; ") {
		line += "; but Redmine wants more than saisine has: " + complaints(e.Body)
	}
	return line, nil
}

// rights looks whether the user may do what Attach and Create need beside adding issues. What
// somebody may who is no member cannot be asked.
func (r *Redmine) rights(ctx context.Context, u user, t target) error {
	if u.Admin {
		return nil
	}
	var may []string
	member := false
	for _, m := range u.Memberships {
		if m.Project.ID != t.id {
			continue
		}
		for _, role := range m.Roles {
			member = true
			var answer struct {
				Role struct{ Permissions []string }
			}
			err := r.rest.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/roles/" + strconv.FormatInt(role.ID, 10) + ".json"}, &answer)
			if err != nil {
				return r.explain("read the user's role", err)
			}
			may = append(may, answer.Role.Permissions...)
		}
	}
	if !member {
		return nil
	}
	for _, need := range [][]string{{"view_issues"}, {"add_issues"}, {"edit_issues", "edit_own_issues", "add_issue_notes"}} {
		if !slices.ContainsFunc(need, func(p string) bool { return slices.Contains(may, p) }) {
			return fmt.Errorf("redmine: the role of %s in project %s lacks the permission %s (Administration, Rôles et permissions)", u.Login, r.o.Project, strings.Join(need, " or "))
		}
	}
	return nil
}
