// Package maarch hands requests over to Maarch Courrier, as letters (courriers). It is
// experimental: it follows the document of its REST API (docs.maarch.org, MaarchCourrier 20.10
// to 2301, « API REST, Resources »; the source of these versions for attachments, notes and
// lists) and could not be tried on a Maarch. Not known are what a town's indexing model makes
// mandatory and what its list of file types allows.
//
// The webservice user must see what it made, wherever it goes: its groups' clause decides what
// searches find, and a letter that is not found is made again.
package maarch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// Options say which Maarch, and what is what there.
type Options struct {
	// URL is Maarch's address, such as https://courrier.exemple.fr, without /rest.
	URL string
	// User and Password are those of a user for web services.
	User, Password string
	// Model is the id of the indexing model, Status the status of what is new, such as NEW.
	Model  int
	Status string
	// Doctypes maps our categories to ids of document types; "" stands for all others.
	Doctypes map[string]int
	// Destination is the id of the entity that treats it, Priority the id of a priority; both
	// may be left out.
	Destination int
	Priority    string
	// AttachmentType is the type of our files; "" is simple_attachment.
	AttachmentType string
	// Statuses maps statuses of Maarch to ours, before "END is closed".
	Statuses map[string]ingest.Status
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

const (
	// maxFile bounds one file, which is held in memory, as base64 in JSON.
	maxFile = 32 << 20
	// maxTitle is Maarch's limit for an attachment's title.
	maxTitle = 255
	// externalName is the key of our reference among a letter's external ids.
	externalName = "saisine"
)

// New does not connect.
func New(o Options) (*Connector, error) {
	switch {
	case o.User == "" || o.Password == "":
		return nil, errors.New("maarch: no user and password: make a user for web services in Maarch")
	case o.Model == 0 || o.Status == "":
		return nil, errors.New("maarch: the indexing model's id and the status of a new letter are needed: see Maarch's administration")
	}
	if o.AttachmentType == "" {
		o.AttachmentType = "simple_attachment"
	}
	login := base64.StdEncoding.EncodeToString([]byte(o.User + ":" + o.Password))
	client, err := rest.New(rest.Options{URL: strings.TrimRight(o.URL, "/") + "/rest", CAFile: o.CAFile, Header: http.Header{"Authorization": {"Basic " + login}}})
	if err != nil {
		return nil, fmt.Errorf("maarch: %w", err)
	}
	return &Connector{o: o, client: client, now: time.Now}, nil
}

func (c *Connector) call(ctx context.Context, method, path string, body, out any) error {
	if err := c.client.JSON(ctx, rest.Call{Method: method, Path: path, JSON: body}, out); err != nil {
		return fmt.Errorf("maarch: %w", err)
	}
	return nil
}

// plain is what may stand in a clause, which is SQL there.
var plain = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// find looks for the letter with our reference.
func (c *Connector) find(ctx context.Context, reference string) (string, error) {
	if !plain.MatchString(reference) {
		return "", ingest.Permanent(fmt.Errorf("maarch: %q is no reference that can be searched for", reference))
	}
	var answer struct {
		Resources []struct {
			ID json.Number `json:"res_id"`
		} `json:"resources"`
	}
	err := c.call(ctx, http.MethodPost, "/res/list", map[string]any{
		"select": "res_id", "clause": "external_id->>'" + externalName + "' = '" + reference + "'",
		"withFile": false, "orderBy": []string{"res_id"}, "limit": 1,
	}, &answer)
	if err != nil || len(answer.Resources) == 0 {
		return "", err
	}
	return answer.Resources[0].ID.String(), nil
}

// Create implements handover.Connector. The letter's main document is the case as a text file.
func (c *Connector) Create(ctx context.Context, cs handover.Case) (handover.Remote, error) {
	id, err := c.find(ctx, cs.Reference)
	if err != nil {
		return handover.Remote{}, err
	}
	if id != "" {
		return handover.Remote{ID: id}, nil
	}
	body := map[string]any{
		"modelId": c.o.Model, "status": c.o.Status, "subject": cs.Subject, "chrono": true,
		"encodedFile": base64.StdEncoding.EncodeToString([]byte(handover.Describe(cs))), "format": "txt",
		"externalId": map[string]string{externalName: cs.Reference}, "arrivalDate": cs.ReceivedAt.Format(time.DateOnly),
		"documentDate": cs.ReceivedAt.Format(time.DateOnly),
	}
	doctype := c.o.Doctypes[cs.Category]
	if doctype == 0 {
		doctype = c.o.Doctypes[""]
	}
	if doctype != 0 {
		body["doctype"] = doctype
	}
	if c.o.Destination != 0 {
		body["destination"] = c.o.Destination
	}
	if c.o.Priority != "" {
		body["priority"] = c.o.Priority
	}
	if cs.Due.After(c.now()) { // Maarch refuses a limit that is past
		body["processLimitDate"] = cs.Due.Format(time.DateOnly)
	}
	var made struct {
		ID json.Number `json:"resId"`
	}
	if err := c.call(ctx, http.MethodPost, "/resources", body, &made); err != nil {
		return handover.Remote{}, err
	}
	if made.ID == "" {
		return handover.Remote{}, errors.New("maarch: POST /resources: the answer has no resId")
	}
	return handover.Remote{ID: made.ID.String()}, nil
}

// Attach implements handover.Connector: files become attachments, with the key at the end of
// their titles, a text a note with the key in it. Maarch takes no empty files; they are left out.
func (c *Connector) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	id, err := strconv.Atoi(remoteID)
	if err != nil {
		return ingest.Permanent(fmt.Errorf("maarch: %q is no letter's number", remoteID))
	}
	mark := "[" + a.Key + "]"
	if len(a.Files) > 0 {
		if err := c.files(ctx, id, a, mark); err != nil {
			return err
		}
	}
	text := strings.TrimSpace(a.Text)
	if text == "" {
		return nil
	}
	var notes struct {
		Notes []struct {
			Value string `json:"value"`
		} `json:"notes"`
	}
	if err := c.call(ctx, http.MethodGet, "/resources/"+remoteID+"/notes", nil, &notes); err != nil {
		return err
	}
	for _, n := range notes.Notes {
		if strings.Contains(n.Value, mark) {
			return nil
		}
	}
	value := a.ReceivedAt.Format("Reçu le 02/01/2006 à 15:04") + "\n\n" + text + "\n\n" + mark
	return c.call(ctx, http.MethodPost, "/notes", map[string]any{"resId": id, "value": value, "entities": []int{}}, nil)
}

func (c *Connector) files(ctx context.Context, id int, a handover.Addition, mark string) error {
	var there struct {
		Attachments []struct {
			Title string `json:"title"`
		} `json:"attachments"`
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/resources/%d/attachments", id), nil, &there); err != nil {
		return err
	}
	var titles []string
	for _, t := range there.Attachments {
		titles = append(titles, t.Title)
	}
	for i, name := range handover.Names(a.Files) {
		f := a.Files[i]
		title := name + " " + mark // at most 120 bytes of name
		if f.Size == 0 || slices.Contains(titles, title) {
			continue
		}
		if f.Size > maxFile || len(title) > maxTitle {
			return ingest.Permanent(fmt.Errorf("maarch: file %d of %d has %d bytes, more than the %d that go to Maarch: send it by hand", i+1, len(a.Files), f.Size, maxFile))
		}
		content, err := read(f)
		if err != nil {
			return fmt.Errorf("maarch: file %d of %d: %w", i+1, len(a.Files), err)
		}
		err = c.call(ctx, http.MethodPost, "/attachments", map[string]any{
			"resIdMaster": id, "type": c.o.AttachmentType, "title": title, "status": "A_TRA",
			"encodedFile": content, "format": strings.ToLower(strings.TrimPrefix(filepath.Ext(name), ".")),
		}, nil)
		if err != nil {
			return fmt.Errorf("file %d of %d: %w", i+1, len(a.Files), err)
		}
	}
	return nil
}

// read gives a file's content, which JSON then encodes as base64.
func read(f handover.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(io.LimitReader(r, maxFile))
}

// Status implements handover.Connector. END is closed; what else a town's statuses mean is for
// Options.Statuses to say. A letter that went out of the user's sight is an error, not gone.
func (c *Connector) Status(ctx context.Context, remoteID string) (handover.State, error) {
	var letter struct {
		Status string `json:"status"`
		Label  string `json:"statusLabel"`
	}
	err := c.call(ctx, http.MethodGet, "/resources/"+url.PathEscape(remoteID)+"?light=true", nil, &letter)
	var status *rest.StatusError
	gone := errors.As(err, &status) && status.Status == http.StatusBadRequest && bytes.Contains(status.Body, []byte("does not exist"))
	switch {
	case gone, err == nil && letter.Status == "DEL":
		return handover.State{}, fmt.Errorf("maarch: letter %s: %w", remoteID, handover.ErrGone)
	case err != nil:
		return handover.State{}, err
	}
	st := handover.State{Raw: letter.Status, Status: c.o.Statuses[letter.Status]}
	if _, ok := c.o.Statuses[letter.Status]; !ok && letter.Status == "END" {
		st.Status = ingest.StatusClosed
	}
	if letter.Label != "" {
		st.Raw += " (" + letter.Label + ")"
	}
	return st, nil
}

// Check implements handover.Connector: the login works, searches are allowed, and the status of
// what is new exists.
func (c *Connector) Check(ctx context.Context) (string, error) {
	if err := c.call(ctx, http.MethodGet, "/status/"+url.PathEscape(c.o.Status), nil, nil); err != nil {
		return "", fmt.Errorf("the status %q: %w", c.o.Status, err)
	}
	if _, err := c.find(ctx, "0000-000000"); err != nil {
		return "", fmt.Errorf("a search: %w", err)
	}
	return fmt.Sprintf("logged in, the status %s is there, and searches are allowed", c.o.Status), nil
}
