// Package glpi hands requests over to GLPI, as tickets. It is experimental: it follows the
// document of GLPI's REST API (apirest.md of GLPI 10.0, "legacy" API of GLPI 11; the source of
// these versions where that is silent) and could not be tried on a GLPI. Not known are what a
// town's ticket templates make mandatory, and its rules for the types of documents.
//
// A ticket carries our reference as its external id, a document the key of its letter as its
// comment, a follow-up the key at its end: there every step finds what it did before.
package glpi

import (
	"context"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// Options say which GLPI, and what is what there.
type Options struct {
	// URL is the API's address, such as https://glpi.exemple.fr/apirest.php.
	URL string
	// UserToken is the user's remote access key, AppToken that of the API client, or "".
	UserToken, AppToken string
	// Entity is the id of the entity that gets the tickets; 0 is the root.
	Entity int
	// Categories maps our categories to ids of ITIL categories; "" stands for all others. What
	// is not mapped has none.
	Categories map[string]int
	// Incident makes incidents of what else is a request (demande).
	Incident bool
	// Statuses maps ticket statuses (1 new, 2 assigned, 3 planned, 4 pending, 5 solved, 6
	// closed) to ours, before what Status does of its own.
	Statuses map[int]ingest.Status
	// CAFile is the authority of the server's certificate; "" = the system's.
	CAFile string
}

// Connector implements handover.Connector. Each call has a session of its own in GLPI, which it
// ends.
type Connector struct {
	o      Options
	client *rest.Client
}

var _ handover.Connector = (*Connector)(nil)

// maxFile bounds one document, which is held in memory: GLPI wants to know its length.
const maxFile = 64 << 20

// New does not connect.
func New(o Options) (*Connector, error) {
	if o.UserToken == "" {
		return nil, errors.New("glpi: no user token: take it from the user's remote access keys in GLPI")
	}
	header := http.Header{}
	if o.AppToken != "" {
		header.Set("App-Token", o.AppToken)
	}
	client, err := rest.New(rest.Options{URL: o.URL, CAFile: o.CAFile, Header: header})
	if err != nil {
		return nil, fmt.Errorf("glpi: %w", err)
	}
	return &Connector{o: o, client: client}, nil
}

// external is our reference there; several towns may share one GLPI, and each counts from 1.
func external(c handover.Case) string {
	if c.Town == "" {
		return c.Reference
	}
	return c.Reference + " (" + c.Town + ")"
}

// Create implements handover.Connector. A ticket in the bin is not found, and made anew.
func (c *Connector) Create(ctx context.Context, cs handover.Case) (handover.Remote, error) {
	var id string
	err := c.within(ctx, func(s session) error {
		tickets, err := s.list(ctx, "/Ticket", "externalid", external(cs))
		if err != nil {
			return err
		}
		for _, t := range tickets {
			if t.External == external(cs) {
				id = t.ID.String()
				return nil
			}
		}
		kind := 2
		if c.o.Incident {
			kind = 1
		}
		input := map[string]any{
			"name": cs.Subject, "content": richText(handover.Describe(cs)), "externalid": external(cs),
			"entities_id": c.o.Entity, "type": kind,
		}
		category, ok := c.o.Categories[cs.Category]
		if !ok {
			category = c.o.Categories[""]
		}
		if category != 0 {
			input["itilcategories_id"] = category
		}
		if !cs.Due.IsZero() {
			input["time_to_resolve"] = cs.Due.Format("2006-01-02") + " 23:59:59"
		}
		id, err = s.add(ctx, "Ticket", input)
		return err
	})
	if err != nil {
		return handover.Remote{}, err
	}
	page := strings.TrimSuffix(strings.TrimRight(c.o.URL, "/"), "/apirest.php") + "/front/ticket.form.php?id=" + url.QueryEscape(id)
	return handover.Remote{ID: id, URL: page}, nil
}

// richText is plain text as the HTML that GLPI keeps and shows since 10.0.
func richText(s string) string {
	return "<p>" + strings.ReplaceAll(html.EscapeString(strings.TrimSpace(s)), "\n", "<br>") + "</p>"
}

// Attach implements handover.Connector: files become documents of the ticket, a text a
// follow-up. GLPI takes no empty files; they are left out.
func (c *Connector) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	id, err := strconv.Atoi(remoteID)
	if err != nil {
		return ingest.Permanent(fmt.Errorf("glpi: %q is no ticket's id", remoteID))
	}
	return c.within(ctx, func(s session) error {
		if err := s.documents(ctx, id, a); err != nil {
			return err
		}
		if strings.TrimSpace(a.Text) == "" {
			return nil
		}
		mark := "[saisine " + a.Key + "]"
		there, err := s.list(ctx, "/Ticket/"+remoteID+"/ITILFollowup", "", "")
		if err != nil {
			return err
		}
		if slices.ContainsFunc(there, func(f item) bool { return strings.Contains(html.UnescapeString(f.Content), mark) }) {
			return nil
		}
		text := a.ReceivedAt.Format("Reçu le 02/01/2006 à 15:04") + "\n\n" + strings.TrimSpace(a.Text) + "\n\n" + mark
		_, err = s.add(ctx, "ITILFollowup", map[string]any{"itemtype": "Ticket", "items_id": id, "content": richText(text), "is_private": 0})
		return err
	})
}

func (s session) documents(ctx context.Context, ticket int, a handover.Addition) error {
	if len(a.Files) == 0 {
		return nil
	}
	there, err := s.list(ctx, "/Document", "comment", a.Key)
	if err != nil {
		return err
	}
	for i, name := range handover.Names(a.Files) {
		f := a.Files[i]
		comment := fmt.Sprintf("saisine %s : %s", a.Key, name)
		if f.Size == 0 || slices.ContainsFunc(there, func(d item) bool { return d.Comment == comment }) {
			continue
		}
		if f.Size > maxFile {
			return ingest.Permanent(fmt.Errorf("file %d of %d has %d bytes, more than the %d that go to GLPI: send it by hand", i+1, len(a.Files), f.Size, maxFile))
		}
		// The ticket in the input makes GLPI refuse a document whose file it does not keep.
		manifest := map[string]any{"input": map[string]any{
			"name": f.Name, "_filename": []string{name}, "itemtype": "Ticket", "items_id": ticket,
			"entities_id": s.c.o.Entity, "comment": comment, "_only_if_upload_succeed": 1,
		}}
		body, contentType, err := upload(manifest, f, name)
		if err == nil {
			err = s.call(ctx, rest.Call{Method: http.MethodPost, Path: "/Document", Body: body, ContentType: contentType}, nil)
		}
		if err != nil {
			return fmt.Errorf("file %d of %d: %w", i+1, len(a.Files), err)
		}
	}
	return nil
}

// Status implements handover.Connector. A solved ticket is answered, a closed one closed, one in
// somebody's hands assigned, a planned one in progress; new and pending change nothing, since
// GLPI does not say for whom it waits.
func (c *Connector) Status(ctx context.Context, remoteID string) (handover.State, error) {
	var st handover.State
	err := c.within(ctx, func(s session) error {
		var t item
		err := s.call(ctx, rest.Call{Method: http.MethodGet, Path: "/Ticket/" + url.PathEscape(remoteID)}, &t)
		if rest.IsStatus(err, http.StatusNotFound) || err == nil && t.Deleted == "1" {
			return fmt.Errorf("ticket %s: %w", remoteID, handover.ErrGone)
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(t.Status.String())
		if err != nil {
			return fmt.Errorf("ticket %s has the status %q", remoteID, t.Status)
		}
		st.Raw = strconv.Itoa(n)
		if words := []string{"new", "assigned", "planned", "pending", "solved", "closed"}; n >= 1 && n <= len(words) {
			st.Raw = words[n-1]
		}
		var ok bool
		if st.Status, ok = c.o.Statuses[n]; !ok {
			st.Status = map[int]ingest.Status{2: ingest.StatusAssigned, 3: ingest.StatusInProgress, 5: ingest.StatusAnswered, 6: ingest.StatusClosed}[n]
		}
		return nil
	})
	return st, err
}

// Check implements handover.Connector: the login works, and the entity and the categories are
// there for it.
func (c *Connector) Check(ctx context.Context) (string, error) {
	err := c.within(ctx, func(s session) error {
		for _, id := range slices.Compact(slices.Sorted(maps.Values(c.o.Categories))) {
			err := s.call(ctx, rest.Call{Method: http.MethodGet, Path: fmt.Sprintf("/ITILCategory/%d", id)}, nil)
			if rest.IsStatus(err, http.StatusNotFound) {
				return fmt.Errorf("there is no ITIL category %d", id)
			}
			if err != nil {
				return err
			}
		}
		err := s.call(ctx, rest.Call{Method: http.MethodGet, Path: fmt.Sprintf("/Entity/%d", c.o.Entity)}, nil)
		if rest.IsStatus(err, http.StatusNotFound) {
			return fmt.Errorf("there is no entity %d that this user sees", c.o.Entity)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("logged in, entity %d is there, and so are %d categories", c.o.Entity, len(c.o.Categories)), nil
}
