package glpi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"time"

	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// session is what calls between initSession and killSession need.
type session struct {
	c     *Connector
	token string
}

// within calls do with a session.
func (c *Connector) within(ctx context.Context, do func(s session) error) error {
	var answer struct {
		Token string `json:"session_token"`
	}
	err := c.client.JSON(ctx, rest.Call{
		Method: http.MethodGet, Path: "/initSession", Header: http.Header{"Authorization": {"user_token " + c.o.UserToken}},
	}, &answer)
	var status *rest.StatusError
	switch {
	case errors.As(err, &status):
		// A wrong App-Token is a 400 there, and the town's set-up all the same: the case waits.
		return &handover.SaidError{Err: fmt.Errorf("glpi: log in: %s", status.Error()), Said: status.Said}
	case err != nil:
		return fmt.Errorf("glpi: log in: %w", err)
	case answer.Token == "":
		return errors.New("glpi: log in: the server gave no session token")
	}
	s := session{c, answer.Token}
	defer func() {
		// Its end saves GLPI a file and changes nothing for us; the caller's end is no reason to skip it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = s.call(ctx, rest.Call{Method: http.MethodGet, Path: "/killSession"}, nil)
	}()
	if err := do(s); err != nil {
		return fmt.Errorf("glpi: %w", err)
	}
	return nil
}

func (s session) call(ctx context.Context, call rest.Call, out any) error {
	call.Header = http.Header{"Session-Token": {s.token}}
	return s.c.client.JSON(ctx, call, out)
}

// add makes an item and gives its id.
func (s session) add(ctx context.Context, itemtype string, input map[string]any) (string, error) {
	var made struct {
		ID json.Number `json:"id"`
	}
	err := s.call(ctx, rest.Call{Method: http.MethodPost, Path: "/" + itemtype, JSON: map[string]any{"input": input}}, &made)
	if err == nil && made.ID == "" {
		err = fmt.Errorf("POST /%s: the answer has no id", itemtype)
	}
	return made.ID.String(), err
}

// item is what we read of GLPI's items; ids are numbers or, in old versions, strings.
type item struct {
	ID       json.Number `json:"id"`
	External string      `json:"externalid"`
	Comment  string      `json:"comment"`
	Content  string      `json:"content"`
	Status   json.Number `json:"status"`
	Deleted  json.Number `json:"is_deleted"`
}

// list reads at most 1,000 items where field holds text; field "" reads all.
func (s session) list(ctx context.Context, path, field, text string) ([]item, error) {
	q := url.Values{"range": {"0-999"}, "get_hateoas": {"false"}}
	if field != "" {
		q.Set("searchText["+field+"]", text)
	}
	var items []item
	return items, s.call(ctx, rest.Call{Method: http.MethodGet, Path: path, Query: q}, &items)
}

// upload is the form of apirest.md, "Add item(s)": the parameters as uploadManifest, and the
// file as filename[0].
func upload(manifest any, f handover.File, name string) (io.Reader, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	data, err := json.Marshal(manifest)
	if err != nil {
		return nil, "", err
	}
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="uploadManifest"`}, "Content-Type": {"application/json"}})
	if err != nil {
		return nil, "", err
	}
	if _, err = part.Write(data); err != nil {
		return nil, "", err
	}
	if part, err = w.CreateFormFile("filename[0]", name); err != nil {
		return nil, "", err
	}
	r, err := f.Open()
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = r.Close() }()
	if _, err := io.Copy(part, io.LimitReader(r, maxFile)); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return bytes.NewReader(b.Bytes()), w.FormDataContentType(), nil
}
