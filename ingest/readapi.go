package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"saisine.fr/saisine/ingest/message"
)

// readAPI reads what a program handed in as JSON. Its files are treated as those of a form.
func (d *DocumentReader) readAPI(ctx context.Context, b *Blob) (Reading, error) {
	out := Reading{Kind: KindForm}
	post, err := jsonPost(b, d.messageOptions(&filesToRead{}))
	if err != nil {
		return out, err
	}
	out.takeFields(post.Form)
	if lat, ok := post.Numbers["lat"]; ok {
		if long, ok := post.Numbers["long"]; ok {
			out.Position = NewPosition(lat, long)
		}
	}
	// The interface refuses such a post. An original is read as far as it goes all the same.
	if post.Broken != nil {
		out.Problems = append(out.Problems, Problem{Code: "bad_json", Detail: post.Broken.Error()})
	}
	for _, f := range post.Faults {
		out.Problems = append(out.Problems, Problem{Code: "bad_json", Detail: f.Field + " " + f.Detail})
	}
	files, err := d.withOriginal(ctx, b, func(r io.Reader, f *filesToRead) ([]message.Attachment, error) {
		if len(post.Files) == 0 {
			return nil, nil
		}
		return post.Files, post.Contents(r, d.messageOptions(f))
	})
	out.addFiles(files)
	return out, err
}

// jsonPost reads the fields of an original, and what files there are.
func jsonPost(b *Blob, o message.Options) (message.JSONPost, error) {
	r, err := b.Open()
	if err != nil {
		return message.JSONPost{}, fmt.Errorf("ingest: open original: %w", err)
	}
	o.Attachment = nil
	post := message.ReadJSON(r, o)
	if err := errors.Join(post.Err, r.Close()); err != nil {
		return post, fmt.Errorf("ingest: read original: %w", err)
	}
	return post, nil
}

// takeFields fills in what a form says.
func (r *Reading) takeFields(form message.Form) {
	field := func(name string) string {
		if v := form.Fields[name]; len(v) > 0 {
			return strings.TrimSpace(v[0])
		}
		return ""
	}
	r.Subject, r.Text = field("subject"), field("message")
	r.Category, r.Place = field("category"), field("place")
	r.From = Person{Name: field("name"), Email: strings.ToLower(field("email")), Phone: field("phone"), Address: field("address")}
	r.Position = Open311Position(field("lat"), field("long"))
	for _, p := range form.Problems {
		r.Problems = append(r.Problems, Problem(p))
	}
}

// NewPosition returns a place in degrees of WGS 84, nil where there can be none.
func NewPosition(lat, long float64) *Position {
	if math.Abs(lat) <= 90 && math.Abs(long) <= 180 { // which no NaN is
		return &Position{Lat: lat, Long: long}
	}
	return nil
}
