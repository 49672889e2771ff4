package redmine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// upload is a file that Redmine has taken and that belongs to nothing yet. Those of a try that
// ended are removed by Redmine itself (rake redmine:attachments:prune).
type upload struct {
	Token       string `json:"token"`
	Filename    string `json:"filename"`
	ContentType string `json:"content_type,omitempty"`
	Description string `json:"description"`
}

func marker(key string) string { return "saisine:" + key }

// Attach implements handover.Connector. The note and the files come to the issue in one call.
// A file that Redmine does not take, by its size or its ending, is a permanent error, and then
// none of the addition comes.
func (r *Redmine) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	if err := oneLine("key", a.Key); err != nil {
		return err
	}
	there, err := r.issue(ctx, remoteID, "attachments,journals")
	if errors.Is(err, handover.ErrGone) {
		return ingest.Permanent(err)
	}
	if err != nil {
		return err
	}
	names := handover.Names(a.Files)
	changes := map[string]any{}
	if text := strings.TrimSpace(a.Text); text != "" && !there.noted(a.Key) {
		changes["notes"] = text + "\n\n" + marker(a.Key)
	}
	var uploads []upload
	for i, f := range a.Files {
		if there.holds(a.Key, names[i], f.Size) {
			continue
		}
		token, err := r.upload(ctx, f, names[i])
		if err != nil {
			var e *rest.StatusError
			if errors.As(err, &e) && (e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusRequestEntityTooLarge) {
				return ingest.Permanent(&handover.SaidError{
					Err:  fmt.Errorf("redmine: file %d of %d, with %d bytes, is not taken; allow it in Redmine (Administration, Configuration, Fichiers) or in the server before it, or hand it over by hand: %w", i+1, len(a.Files), f.Size, err),
					Said: complaints(e.Body),
				})
			}
			return r.explain("upload a file", err)
		}
		uploads = append(uploads, upload{Token: token, Filename: names[i], ContentType: f.Type, Description: a.Key})
	}
	if len(uploads) > 0 {
		changes["uploads"] = uploads
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = r.rest.Do(ctx, rest.Call{Method: http.MethodPut, Path: "/issues/" + remoteID + ".json", JSON: map[string]any{"issue": changes}})
	if err != nil {
		return r.explain("add to the issue", err)
	}
	return r.confirm(ctx, remoteID, a, names)
}

// confirm looks whether all is there: Redmine answers 204 as well when it passes over a note
// that the user has no right to write, or a file whose token it does not know.
func (r *Redmine) confirm(ctx context.Context, remoteID string, a handover.Addition, names []string) error {
	there, err := r.issue(ctx, remoteID, "attachments,journals")
	if err != nil {
		return err
	}
	if strings.TrimSpace(a.Text) != "" && !there.noted(a.Key) {
		return errors.New("redmine: the note was passed over; give the key's user the right to add notes, and to see them")
	}
	for i, f := range a.Files {
		if !there.holds(a.Key, names[i], f.Size) {
			return fmt.Errorf("redmine: file %d of %d was passed over; look into Redmine's log", i+1, len(a.Files))
		}
	}
	return nil
}

// noted reports whether the issue has the note of an addition.
func (i issueAnswer) noted(key string) bool {
	for _, j := range i.Journals {
		if text := strings.TrimSpace(j.Notes); text == marker(key) || strings.HasSuffix(text, "\n"+marker(key)) {
			return true
		}
	}
	return false
}

// holds reports whether the issue has a file of an addition.
func (i issueAnswer) holds(key, name string, size int64) bool {
	for _, f := range i.Attachments {
		if f.Description == key && f.Filename == name && f.Filesize == size {
			return true
		}
	}
	return false
}

// inMemory is up to what size a file is read before it is sent, so that its length can be said
// in advance: some servers before Redmine refuse what comes without (411).
const inMemory = 16 << 20

// upload sends the bytes of a file.
func (r *Redmine) upload(ctx context.Context, f handover.File, name string) (token string, err error) {
	content, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("open the file: %w", err)
	}
	defer func() { _ = content.Close() }()
	seen := &counted{Reader: content, sum: sha256.New()}
	var body io.Reader = seen
	if f.Size <= r.inMemory {
		data, err := io.ReadAll(io.LimitReader(seen, f.Size+1))
		if err != nil {
			return "", fmt.Errorf("read the file: %w", err)
		}
		if err := seen.check(f); err != nil {
			return "", err
		}
		body = bytes.NewReader(data)
	}
	var answer struct{ Upload struct{ Token string } }
	err = r.rest.JSON(ctx, rest.Call{
		Method: http.MethodPost, Path: "/uploads.json", Query: url.Values{"filename": {name}},
		// Redmine answers 406 to any other type; the file's own is said with the token.
		Body: body, ContentType: "application/octet-stream",
	}, &answer)
	if err != nil {
		return "", err
	}
	if answer.Upload.Token == "" {
		return "", errors.New("the answer has no token; is this address Redmine's?")
	}
	return answer.Upload.Token, seen.check(f)
}

// counted notes what is read through it.
type counted struct {
	io.Reader
	n   int64
	sum hash.Hash
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	_, _ = c.sum.Write(p[:n])
	return n, err
}

// check compares with what the ledger knows. The error is permanent.
func (c *counted) check(f handover.File) error {
	if c.n != f.Size || f.SHA256 != "" && hex.EncodeToString(c.sum.Sum(nil)) != f.SHA256 {
		return ingest.Permanent(errors.New("the file is not the one in the ledger any more: run saisine verify"))
	}
	return nil
}
