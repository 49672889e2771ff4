package rt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// maxFiles bounds the files of one addition in bytes: they go in one call, so that all of them
// are there or none, and are held in memory for it.
const maxFiles = 128 << 20

// Attach implements handover.Connector. Text and files become one comment, found again by the
// subject that it is given.
func (r *RT) Attach(ctx context.Context, remoteID string, a handover.Addition) error {
	if a.Key == "" {
		return ingest.Permanent(errors.New("rt: the addition has no key"))
	}
	if a.Text == "" && len(a.Files) == 0 {
		return nil
	}
	// First of all, since the attachments of a ticket that is not there are those of all tickets.
	switch err := r.get(ctx, remoteID, &struct{}{}); {
	case errors.Is(err, handover.ErrGone):
		return ingest.Permanent(err)
	case err != nil:
		return err
	}
	transaction, err := r.comment(ctx, remoteID, a.Key)
	if err != nil {
		return explain("look through ticket "+remoteID, err)
	}
	if transaction == "" {
		if err := r.post(ctx, remoteID, a); err != nil {
			return err
		}
		if transaction, err = r.comment(ctx, remoteID, a.Key); err != nil {
			return explain("look through ticket "+remoteID, err)
		}
		if transaction == "" {
			// Another try would bring another comment.
			return ingest.Permanent(fmt.Errorf("rt: ticket %s has the comment %s now, but the user may not see it (right ShowTicketComments)", remoteID, commentMark(a.Key)))
		}
	}
	return r.verify(ctx, remoteID, transaction, a.Files)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// commentMark is what the subject of a comment ends with. A key that RT might fold or cut is
// written as its sum.
func commentMark(key string) string {
	if !plainKey.MatchString(key) {
		sum := sha256.Sum256([]byte(key))
		key = "sha256:" + hex.EncodeToString(sum[:])
	}
	return "[saisine:" + key + "]"
}

type attachment struct {
	ID          text   `json:"id"`
	Subject     string `json:"Subject"`
	Filename    string `json:"Filename"`
	Transaction text   `json:"TransactionId"`
}

// comment returns the transaction of the comment with a key, "" when there is none.
func (r *RT) comment(ctx context.Context, id, key string) (string, error) {
	mark := commentMark(key)
	// A search as JSON: https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html#JSON-searches.
	only := []map[string]string{{"field": "Subject", "operator": "LIKE", "value": mark}}
	items, err := r.attachments(ctx, rest.Call{Method: http.MethodPost, Path: "/ticket/" + id + "/attachments", JSON: only}, "Subject,TransactionId")
	if err != nil {
		return "", err
	}
	for _, a := range items {
		if strings.HasSuffix(a.Subject, mark) {
			return string(a.Transaction), nil
		}
	}
	return "", nil
}

// attachments makes a call that lists attachments, as often as there are pages. RT counts none of
// them, since some may be hidden from the user: the last page is the one that is not full.
func (r *RT) attachments(ctx context.Context, call rest.Call, fields string) ([]attachment, error) {
	var all []attachment
	for page := 1; page <= maxPages; page++ {
		call.Query = url.Values{"fields": {fields}, "per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}, "orderby": {"id"}}
		var answer struct {
			Items []*attachment `json:"items"`
		}
		if err := r.client.JSON(ctx, call, &answer); err != nil {
			return nil, err
		}
		for _, a := range answer.Items {
			if a != nil {
				all = append(all, *a)
			}
		}
		if len(answer.Items) < perPage {
			break
		}
	}
	return all, nil
}

// post adds the comment. RT writes it in one transaction.
func (r *RT) post(ctx context.Context, id string, a handover.Addition) error {
	body, err := commentBody(a)
	if err != nil {
		return err
	}
	err = r.client.JSON(ctx, rest.Call{Method: http.MethodPost, Path: "/ticket/" + id + "/comment", Body: body, ContentType: "application/json; charset=utf-8"}, nil)
	if err != nil {
		return explain("comment on ticket "+id+" (right CommentOnTicket)", err)
	}
	return nil
}

// commentBody is the JSON of POST /ticket/…/comment. It is written by hand because a file as a
// Go string as well would be held twice.
func commentBody(a handover.Addition) (*bytes.Reader, error) {
	var total int64
	for _, f := range a.Files {
		total += f.Size
	}
	if total > maxFiles {
		return nil, ingest.Permanent(fmt.Errorf("rt: the files have %d bytes together, which is more than the %d that go in one comment", total, maxFiles))
	}
	head, err := json.Marshal(map[string]string{
		"Subject": "Reçu le " + a.ReceivedAt.Format("02/01/2006 à 15:04") + " " + commentMark(a.Key),
		// Never empty: RT then puts an empty file in front, and loses the subject of a lone file.
		"Content": commentText(a), "ContentType": "text/plain",
	})
	if err != nil {
		return nil, ingest.Permanent(err)
	}
	var b bytes.Buffer
	b.Grow(len(head) + int(total/3+1)*4 + 512*len(a.Files) + 64)
	b.Write(bytes.TrimSuffix(head, []byte("}")))
	b.WriteString(`,"Attachments":[`)
	names := handover.Names(a.Files)
	for i, f := range a.Files {
		if i > 0 {
			b.WriteByte(',')
		}
		// Names and types hold nothing that JSON would escape.
		fmt.Fprintf(&b, `{"FileName":"%s","FileType":"%s","FileContent":"`, names[i], safeType(f.Type))
		if err := writeBase64(&b, f); err != nil {
			return nil, fmt.Errorf("rt: read file %d of %d: %w", i+1, len(a.Files), err)
		}
		b.WriteString(`"}`)
	}
	b.WriteString("]}")
	return bytes.NewReader(b.Bytes()), nil
}

func commentText(a handover.Addition) string {
	if text := strings.TrimSpace(a.Text); text != "" {
		return text
	}
	var b strings.Builder
	b.WriteString("Pièces jointes :\n")
	for _, f := range a.Files {
		fmt.Fprintf(&b, "- %s (%d octets)\n", strings.Join(strings.Fields(f.Name), " "), f.Size)
	}
	return b.String()
}

// writeBase64 writes a file of exactly the size that it should have.
func writeBase64(b *bytes.Buffer, f handover.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out := base64.NewEncoder(base64.StdEncoding, b)
	n, err := io.Copy(out, io.LimitReader(in, f.Size+1))
	if err == nil {
		err = out.Close()
	}
	if err == nil && n != f.Size {
		err = fmt.Errorf("the file does not have %d bytes", f.Size)
	}
	if n == 0 {
		b.WriteByte('=') // RT refuses a content that is empty, and decodes this to nothing
	}
	return err
}

// shown are the types that RT keeps byte for byte and shows or opens with the right program.
var shown = []string{
	"application/pdf", "image/jpeg", "image/png", "image/gif", "image/tiff", "image/webp", "image/heic", "image/bmp",
	"application/zip", "application/msword", "application/vnd.ms-excel", "application/vnd.oasis.opendocument.text",
	"application/vnd.oasis.opendocument.spreadsheet",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// safeType is the type that a file is sent as. RT writes text/* and message/* anew in UTF-8, runs
// what is encrypted or signed through GnuPG, and a browser runs the scripts of HTML and SVG: all
// these go as bytes.
func safeType(mediaType string) string {
	t, _, _ := strings.Cut(mediaType, ";")
	if t = strings.ToLower(strings.TrimSpace(t)); slices.Contains(shown, t) {
		return t
	}
	return "application/octet-stream"
}

// verify looks whether RT kept the files. It may be set to cut or drop large ones
// (TruncateLongAttachments, DropLongAttachments); the length that it tells is still the one
// before, but it makes a transaction of it, later than the comment, with the name as Data.
func (r *RT) verify(ctx context.Context, ticket, transaction string, files []handover.File) error {
	if len(files) == 0 {
		return nil
	}
	if !isID(transaction) {
		return &handover.SaidError{Err: errors.New("rt: RT answered with a transaction that is no number"), Said: fmt.Sprintf("%.100q", transaction)}
	}
	items, err := r.attachments(ctx, rest.Call{Method: http.MethodGet, Path: "/transaction/" + transaction + "/attachments"}, "Filename")
	if err != nil {
		return explain("look at the files", err)
	}
	var notes struct {
		Items []*struct {
			ID   text   `json:"id"`
			Data string `json:"Data"`
		} `json:"items"`
	}
	only := []map[string]string{{"field": "Type", "operator": "STARTSWITH", "value": "Attachment"}, {"field": "id", "operator": ">", "value": transaction}}
	query := url.Values{"fields": {"Data"}, "per_page": {strconv.Itoa(perPage)}, "orderby": {"id"}}
	if err := r.client.JSON(ctx, rest.Call{Method: http.MethodPost, Path: "/ticket/" + ticket + "/history", Query: query, JSON: only}, &notes); err != nil {
		return explain("look at the history", err)
	}
	for i, name := range handover.Names(files) {
		kept := slices.ContainsFunc(items, func(a attachment) bool { return a.Filename == name })
		for _, n := range notes.Items {
			kept = kept && (n == nil || n.Data != name)
		}
		if !kept {
			return ingest.Permanent(fmt.Errorf("rt: RT has not kept file %d of %d whole: look at MaxAttachmentSize there, and add the file by hand", i+1, len(files)))
		}
	}
	return nil
}
