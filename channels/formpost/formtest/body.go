// Package formtest writes form posts for tests.
package formtest

import (
	"bytes"
	"mime/multipart"
)

// Body is a multipart/form-data post, in the order of the calls that make it.
type Body struct {
	parts []func(*multipart.Writer)
}

// New makes a post of fields: name, value, name, value, ….
func New(pairs ...string) *Body {
	f := &Body{}
	for i := 0; i < len(pairs); i += 2 {
		f.Field(pairs[i], pairs[i+1])
	}
	return f
}

// Field adds a field.
func (f *Body) Field(name, value string) *Body {
	f.parts = append(f.parts, func(w *multipart.Writer) { _ = w.WriteField(name, value) })
	return f
}

// File adds a file in the control "files".
func (f *Body) File(name string, content []byte) *Body {
	f.parts = append(f.parts, func(w *multipart.Writer) {
		p, _ := w.CreateFormFile("files", name)
		_, _ = p.Write(content)
	})
	return f
}

// Encode returns the post and its content type, always with the same boundary.
func (f *Body) Encode() (contentType string, body []byte) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	_ = w.SetBoundary("----saisineTestBoundary")
	for _, p := range f.parts {
		p(w)
	}
	_ = w.Close()
	return w.FormDataContentType(), buf.Bytes()
}
