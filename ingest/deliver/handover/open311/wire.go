package open311

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest/deliver/handover"
)

// text reads a value that some servers send as a string and others as a number, true or null.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	case bytes.Equal(b, []byte("null")):
		*t = ""
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		*t = "" // an empty XML element becomes {} or [] with some
	default:
		*t = text(b)
	}
	return nil
}

// request is a service request, in an answer to POST, of a token, and in lists.
type request struct {
	ID          text `json:"service_request_id"`
	Token       text `json:"token"`
	Status      text `json:"status"`
	Notes       text `json:"status_notes"`
	Description text `json:"description"`
	Requested   text `json:"requested_datetime"`
}

type service struct {
	Code     text `json:"service_code"`
	Metadata text `json:"metadata"`
	Type     text `json:"type"`
}

type definition struct {
	Attributes []struct {
		Variable text `json:"variable"`
		Code     text `json:"code"`
		Required text `json:"required"`
		Datatype text `json:"datatype"`
		Values   []struct {
			Key text `json:"key"`
		} `json:"values"`
	} `json:"attributes"`
}

// missing says which required attributes have no value, or one that is not of their list.
func (d definition) missing(code string, have map[string]string) []string {
	var wrong []string
	for _, a := range d.Attributes {
		value := have[string(a.Code)]
		if value == "" {
			if a.Variable != "false" && a.Required == "true" {
				wrong = append(wrong, fmt.Sprintf("service_code %s requires attribute[%s]", code, a.Code))
			}
			continue
		}
		var keys []string
		for _, v := range a.Values {
			keys = append(keys, string(v.Key))
		}
		if strings.HasSuffix(string(a.Datatype), "valuelist") && len(keys) > 0 && !slices.Contains(keys, value) {
			wrong = append(wrong, fmt.Sprintf("attribute[%s] of service_code %s is %q, and may be one of %q", a.Code, code, value, keys))
		}
	}
	return wrong
}

// wrappers are what servers put around their rows, who do not follow the standard's way from XML
// to JSON (wiki.open311.org/JSON_and_XML_Conversion, the Spark convention).
var wrappers = []string{"service_requests", "services", "service_definition", "requests", "request", "service", "errors", "error"}

// elements are the rows of an answer: an array, one object, or either in a wrapper.
func elements(body []byte, depth int) ([]json.RawMessage, error) {
	body = bytes.TrimSpace(body)
	switch {
	case depth > 3:
		return nil, errors.New("too many wrappers")
	case len(body) == 0 || bytes.Equal(body, []byte("null")):
		return nil, nil
	case body[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, err
		}
		return slices.DeleteFunc(list, func(m json.RawMessage) bool { return bytes.Equal(m, []byte("null")) }), nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, err
	}
	for _, w := range wrappers {
		if inner, ok := object[w]; ok {
			if inner = bytes.TrimSpace(inner); len(inner) == 0 || inner[0] == '{' || inner[0] == '[' || inner[0] == 'n' {
				return elements(inner, depth+1)
			}
		}
	}
	if len(object) == 0 {
		return nil, nil
	}
	return []json.RawMessage{body}, nil
}

// problems reads the errors of the standard, [{"code": 403, "description": "…"}], as one line;
// "" when the body is no such thing.
func problems(body []byte) string {
	rows, err := elements(body, 0)
	if err != nil {
		return ""
	}
	var said []string
	for _, row := range rows {
		var p struct {
			Code, Description text
			ID                text `json:"service_request_id"`
			Service           text `json:"service_code"`
		}
		if json.Unmarshal(row, &p) != nil || p.Code == "" || p.Description == "" || p.ID != "" || p.Service != "" {
			continue
		}
		line := strings.Join(strings.Fields(string(p.Description)), " ")
		if r := []rune(line); len(r) > 300 {
			line = string(r[:300]) + "…"
		}
		said = append(said, line+" ("+string(p.Code)+")")
		if len(said) == 5 {
			break
		}
	}
	return strings.Join(said, "; ")
}

// form is what the standard wants of a new request, and what it may have.
func (c *Connector) form(cs handover.Case) (url.Values, error) {
	code := c.o.Services[cs.Category]
	if code == "" {
		code = c.o.Services[""]
	}
	if code == "" {
		return nil, fmt.Errorf("open311: no service_code is configured for the category %q", cs.Category)
	}
	v := url.Values{"service_code": {code}, "description": {c.description(cs)}}
	set := func(key, value string) {
		if value = strings.TrimSpace(value); value != "" {
			v.Set(key, value)
		}
	}
	set("jurisdiction_id", c.o.JurisdictionID)
	set("api_key", c.o.APIKey)
	if p := cs.Position; p != nil {
		set("lat", strconv.FormatFloat(p.Lat, 'f', -1, 64))
		set("long", strconv.FormatFloat(p.Long, 'f', -1, 64))
	}
	set("address_string", strings.Join(strings.Fields(cs.Place), " "))
	if v.Get("lat") == "" && v.Get("address_string") == "" {
		return nil, fmt.Errorf("open311: %s says neither a position nor a place, and GeoReport v2 takes no request without: fill in where it is", cs.Reference)
	}
	for code, value := range c.o.Attributes {
		set("attribute["+code+"]", value)
	}
	if c.o.Identity {
		first, last, ok := strings.Cut(strings.TrimSpace(cs.Sender.Name), " ")
		if !ok {
			first, last = "", first
		}
		set("first_name", first)
		set("last_name", last)
		set("email", cs.Sender.Email)
		set("phone", cs.Sender.Phone)
	}
	return v, nil
}

// maxDescription is the limit of the standard, in characters.
const maxDescription = 4000

// description is the text of the request, without who wrote it, and with what it is found again
// by at its end.
func (c *Connector) description(cs handover.Case) string {
	body := strings.TrimSpace(cs.Text)
	if s := strings.TrimSpace(cs.Subject); s != "" && !strings.HasPrefix(body, s) {
		body = s + "\n\n" + body
	}
	tail := "\n\n"
	if f, ok := c.media(cs.Files); ok {
		tail += photoLine(f) + "\n"
	}
	tail += c.marker(cs)
	const cut = " […]"
	if limit := maxDescription - len([]rune(tail)); len([]rune(body)) > limit {
		body = strings.TrimSpace(string([]rune(body)[:limit-len([]rune(cut))])) + cut
	}
	return body + tail
}

// marker is the line with our reference. The town stands in it, since several may hand over to
// one server, and every town counts from 1.
func (*Connector) marker(cs handover.Case) string {
	if cs.Town == "" {
		return "Réf. " + cs.Reference
	}
	return "Réf. " + cs.Reference + " (" + cs.Town + ")"
}

// photoLine says in the description which picture went with it.
func photoLine(f handover.File) string {
	return "Photo jointe : " + f.SHA256[:min(len(f.SHA256), 16)]
}

// marked reports whether a description holds a line of ours, whatever the server did to line
// ends, spaces, case and entities; a longer number is another.
func marked(description, line string) bool {
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	rest, line := fold(html.UnescapeString(description)), fold(line)
	for {
		i := strings.Index(rest, line)
		if i < 0 {
			return false
		}
		rest = rest[i+len(line):]
		if next := []rune(rest[:min(len(rest), 4)]); len(next) == 0 || !unicode.IsLetter(next[0]) && !unicode.IsDigit(next[0]) {
			return true
		}
	}
}

// maxMedia bounds the picture, which is held in memory.
const maxMedia = 10 << 20

// media is the one picture that goes with a request: servers that take any take one.
func (c *Connector) media(files []handover.File) (handover.File, bool) {
	i := slices.IndexFunc(files, func(f handover.File) bool {
		return slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, f.Type) && f.Size > 0 && f.Size <= maxMedia
	})
	if i < 0 || !c.o.Media {
		return handover.File{}, false
	}
	return files[i], true
}

// multipartForm is the form with the picture, in memory, so that its length is known.
func multipartForm(form url.Values, f handover.File, name string) (io.Reader, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := func() error {
		for _, key := range slices.Sorted(maps.Keys(form)) {
			if err := w.WriteField(key, form.Get(key)); err != nil {
				return err
			}
		}
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="media"; filename="` + name + `"`}, "Content-Type": {f.Type},
		})
		if err != nil {
			return err
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		if _, err := io.Copy(part, io.LimitReader(r, maxMedia)); err != nil {
			return err
		}
		return w.Close()
	}()
	if err != nil {
		return nil, "", fmt.Errorf("open311: %s: %w", f.Name, err)
	}
	return bytes.NewReader(b.Bytes()), w.FormDataContentType(), nil
}
