// Package rt hands requests over to Request Tracker 5 by REST 2, which is part of RT since 5.0:
// https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html.
//
// A case is a ticket whose subject begins with our reference in brackets and that refers to the
// request's page; what came is a comment with files. Comments, and no requestor unless the town
// wants one: RT's own scrips write to the requestors when a ticket is made or answered, and the
// town's letters to the citizen are ours. They tell the queue's AdminCcs of both.
package rt

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// api is where REST 2 is below RT's address.
const api = "/REST/2.0"

// maxSubject bounds a subject in letters; RT's column holds 200.
const maxSubject = 190

// Options say how to reach RT and what to do there.
type Options struct {
	// URL is RT's own address, such as https://rt.saint-exemple.fr.
	URL string
	// Token is a user's authentication token; or else Username and Password log in.
	Token              string
	Username, Password string
	// Queue is the name of the queue that takes the cases.
	Queue string
	// CAFile is a PEM file with the authority of the server's certificate; "" = the system's.
	CAFile string
	// Statuses give RT's statuses a meaning for requests, over DefaultStatuses: "" means none.
	Statuses map[string]ingest.Status
	// ReferenceField is the name of a custom field of the queue for our reference, of a type
	// with one value; "" = there is none. With it a case is found though its subject was
	// rewritten and its link taken off.
	ReferenceField string
	// Requestor makes the citizen the ticket's requestor. RT then writes to them on its own, at
	// once and with each reply, unless its scrips are switched off.
	Requestor bool
}

// DefaultStatuses are the meanings of the statuses that RT comes with.
func DefaultStatuses() map[string]ingest.Status {
	return map[string]ingest.Status{
		"new": "", "open": ingest.StatusInProgress, "stalled": "", "resolved": ingest.StatusAnswered,
		"rejected": ingest.StatusClosed, "deleted": ingest.StatusClosed,
	}
}

// RT is a handover.Connector.
type RT struct {
	o        Options
	client   *rest.Client
	statuses map[string]ingest.Status
}

var _ handover.Connector = (*RT)(nil)

// New does not connect.
func New(o Options) (*RT, error) {
	o.URL = strings.TrimSuffix(strings.TrimRight(o.URL, "/"), api)
	switch {
	case o.Queue == "":
		return nil, errors.New("rt: the queue has no name")
	case o.Token == "" && (o.Username == "" || o.Password == ""):
		return nil, errors.New("rt: there is neither a token nor a user name with a password")
	case o.Token != "" && (o.Username != "" || o.Password != ""):
		return nil, errors.New("rt: there are a token and a user name or password: leave one of them out")
	case strings.ContainsAny(o.Token, "\r\n"), strings.Contains(o.Username, ":"):
		return nil, errors.New("rt: the token holds a line end, or the user name a colon")
	case strings.ContainsAny(o.ReferenceField, `{}'"\`):
		// TicketSQL has no way to write them in CF.{…}.
		return nil, fmt.Errorf("rt: the name of the custom field %q holds a brace, a quote or a backslash", o.ReferenceField)
	}
	statuses := DefaultStatuses()
	for raw, status := range o.Statuses {
		if !known(status) {
			return nil, fmt.Errorf("rt: the status %q of RT's %q is none that a request can have", status, raw)
		}
		statuses[strings.ToLower(raw)] = status // RT keeps them in small letters
	}
	header := http.Header{}
	if o.Token != "" {
		header.Set("Authorization", "token "+o.Token)
	} else {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.Username+":"+o.Password)))
	}
	client, err := rest.New(rest.Options{URL: o.URL + api, Header: header, CAFile: o.CAFile})
	if err != nil {
		return nil, fmt.Errorf("rt: %w", err)
	}
	return &RT{o: o, client: client, statuses: maps.Clone(statuses)}, nil
}

func known(s ingest.Status) bool {
	switch s {
	case "", ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed:
		return true
	}
	return false
}

// Create implements handover.Connector. RT makes a ticket for each POST, so it is searched first.
// A ticket that was deleted in RT is in none of its searches: another is made then.
func (r *RT) Create(ctx context.Context, c handover.Case) (handover.Remote, error) {
	if strings.TrimSpace(c.Reference) == "" {
		return handover.Remote{}, ingest.Permanent(errors.New("rt: the case has no reference"))
	}
	id, err := r.find(ctx, c)
	if err != nil {
		return handover.Remote{}, explain("search for the ticket", err)
	}
	if id == "" {
		var made struct {
			ID text `json:"id"`
		}
		// RT writes the ticket, its text, fields and links in one transaction: a kill leaves all
		// of it or nothing.
		if err := r.client.JSON(ctx, rest.Call{Method: http.MethodPost, Path: "/ticket", JSON: r.ticket(c)}, &made); err != nil {
			return handover.Remote{}, explain("create the ticket", err)
		}
		if id = string(made.ID); !isID(id) {
			return handover.Remote{}, &handover.SaidError{Err: errors.New("rt: create the ticket: RT answered without its number"), Said: fmt.Sprintf("%.100q", id)}
		}
	}
	return handover.Remote{ID: id, URL: r.o.URL + "/Ticket/Display.html?id=" + id}, nil
}

// newTicket is the body of POST /ticket.
type newTicket struct {
	Queue        string
	Subject      string
	Content      string
	ContentType  string
	RefersTo     string            `json:",omitempty"`
	Due          string            `json:",omitempty"`
	Requestor    string            `json:",omitempty"`
	CustomFields map[string]string `json:",omitempty"`
}

func (r *RT) ticket(c handover.Case) newTicket {
	t := newTicket{
		Queue: r.o.Queue, Subject: subject(c), Content: handover.Describe(c), ContentType: "text/plain", RefersTo: c.URL,
	}
	if !c.Due.IsZero() {
		// The day is the town's and ends at midnight; RT reads the time as UTC.
		y, m, d := c.Due.Date()
		t.Due = time.Date(y, m, d, 23, 59, 59, 0, c.Due.Location()).UTC().Format(time.DateTime)
	}
	if r.o.Requestor {
		t.Requestor = c.Sender.Email
	}
	if r.o.ReferenceField != "" {
		t.CustomFields = map[string]string{r.o.ReferenceField: c.Reference}
	}
	return t
}

// subject is on one line and begins with the mark.
func subject(c handover.Case) string {
	s := []rune(mark(c.Reference) + " " + strings.Join(strings.Fields(c.Subject), " "))
	if len(s) > maxSubject {
		s = append(s[:maxSubject-1], '…')
	}
	return strings.TrimSpace(string(s))
}

// mark is what the subject of a case begins with.
func mark(reference string) string { return "[" + reference + "]" }

// Status implements handover.Connector. RT answers for a merged ticket with the one that it is
// merged into.
func (r *RT) Status(ctx context.Context, remoteID string) (handover.State, error) {
	var t struct {
		Status string `json:"Status"`
	}
	if err := r.get(ctx, remoteID, &t); err != nil {
		return handover.State{}, err
	}
	if t.Status == "" {
		return handover.State{}, fmt.Errorf("rt: RT says nothing of the status of ticket %s", remoteID)
	}
	return handover.State{Raw: t.Status, Status: r.statuses[strings.ToLower(t.Status)]}, nil
}

var (
	idPattern = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
	ticketURL = regexp.MustCompile(`/ticket/([1-9][0-9]{0,17})/?$`)
)

func isID(s string) bool { return idPattern.MatchString(s) }

// maxMerges is how many redirects are followed from ticket to ticket.
const maxMerges = 5

// get reads a ticket. A redirect is followed by the number in it and not by its address, which
// may be of a name that only RT knows itself by.
func (r *RT) get(ctx context.Context, id string, out any) error {
	if !isID(id) {
		return ingest.Permanent(fmt.Errorf("rt: %q is not the number of a ticket", id))
	}
	for range maxMerges {
		err := r.getOnce(ctx, &id, out)
		switch {
		case errors.Is(err, errMoved):
			continue
		case rest.IsStatus(err, http.StatusNotFound):
			return fmt.Errorf("rt: ticket %s: %w", id, handover.ErrGone)
		case err != nil:
			return explain("look at ticket "+id, err)
		}
		return nil
	}
	return fmt.Errorf("rt: ticket %s: RT sends from ticket to ticket", id)
}

var errMoved = errors.New("the ticket is merged into another")

func (r *RT) getOnce(ctx context.Context, id *string, out any) error {
	call := rest.Call{Method: http.MethodGet, Path: "/ticket/" + *id}
	answer, err := r.client.Do(ctx, call)
	if answer.Status/100 == 3 {
		location, parseErr := url.Parse(answer.Header.Get("Location"))
		if parseErr != nil {
			return err
		}
		if m := ticketURL.FindStringSubmatch(location.Path); m != nil && m[1] != *id {
			*id = m[1]
			return errMoved
		}
	}
	if err != nil {
		return err
	}
	return rest.Decode(call.Method, call.Path, answer.Body, out)
}
