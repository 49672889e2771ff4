package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/channels/pace"
)

// maxObject bounds a small body.
const maxObject = 64 << 10

// object is a small JSON object of texts.
type object struct {
	values map[string]string
	errs   []fieldError
}

func (o *object) fault(field, detail string) {
	if len(o.errs) < maxFaults {
		o.errs = append(o.errs, fieldError{field, detail})
	}
}

func (o *object) atMost(field string, limit int) {
	if n := utf8.RuneCountInString(o.values[field]); n > limit {
		o.fault(field, fmt.Sprintf("has %d characters; %d are the most", n, limit))
	}
}

// object reads the body, an object of these texts.
func (c *call) object(types []string, known ...string) (*object, error) {
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, mediaType) || c.r.Header.Get("Content-Encoding") != "" {
		name := "Accept"
		if c.r.Method == http.MethodPatch {
			name = "Accept-Patch" // RFC 5789 §2.2
		}
		c.w.Header().Set(name, strings.Join(types, ", "))
		return nil, problem(http.StatusUnsupportedMediaType, "The body is written as %s, and not compressed.", strings.Join(types, " or "))
	}
	body := pace.NewReader(c.w, c.r)
	raw, err := io.ReadAll(io.LimitReader(body, maxObject+1))
	body.Done(c.ctx(), channels.SubmitTimeout)
	switch {
	case err != nil:
		return nil, brokenOff(err)
	case len(raw) > maxObject:
		return nil, tooLarge("The body has at most %d bytes here.", maxObject)
	}
	return readObject(raw, known)
}

// readObject reads an object. Its members are texts; null counts as left out.
func readObject(raw []byte, known []string) (*object, error) {
	if !utf8.Valid(raw) || !json.Valid(raw) || len(raw) == 0 {
		var v any
		err := json.Unmarshal(raw, &v)
		if err == nil {
			err = errors.New("it is not UTF-8")
		}
		return nil, problem(http.StatusBadRequest, "The body is no JSON (RFC 8259): %s.", err)
	}
	o := &object{values: make(map[string]string)}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, problem(http.StatusBadRequest, "The body is no JSON object.")
	}
	seen := make(map[string]bool)
	for dec.More() {
		key, err := dec.Token()
		name, _ := key.(string)
		var value json.RawMessage
		if err = errors.Join(err, dec.Decode(&value)); err != nil {
			return nil, problem(http.StatusBadRequest, "The body is no JSON: %s.", err) // cannot be: it is valid
		}
		var text *string
		switch {
		case !slices.Contains(known, name):
			o.fault(name, "is not known here; there are "+strings.Join(known, ", "))
		case seen[name]:
			o.fault(name, "stands twice")
		case json.Unmarshal(value, &text) != nil:
			o.fault(name, "must be a string")
		case text != nil:
			o.values[name], _ = formpost.Clean([]byte(*text))
		}
		seen[name] = slices.Contains(known, name)
	}
	return o, nil
}
