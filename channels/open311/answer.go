package open311

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// format is one that answers are written in.
type format string

// The formats, by the endings of paths (GeoReport v2, Format Support).
const (
	formatXML  format = "xml"
	formatJSON format = "json"
)

func (f format) mediaType() string {
	if f == formatJSON {
		return "application/json"
	}
	return "text/xml"
}

// answer is what a call is answered with, ready to be written in either format. JSON follows XML
// by the Spark convention: the root has no name, and a list is an array (wiki.open311.org,
// JSON and XML Conversion).
type answer struct {
	xml, json any
	encoded   []byte // when it is written already
	// private answers are kept by no cache.
	private bool
}

// problem is one entry of an answer that says what is wrong.
type problem struct {
	Code        int    `xml:"code" json:"code"`
	Description string `xml:"description" json:"description"`
}

// failure is why a call cannot be answered as it wants. The standard has 404 for what does not
// exist, 403 for a key that is missing or wrong, and 400 for the rest (GeoReport v2, Errors);
// beside them we answer 405, 429 and 503, which say better what to do.
type failure struct {
	status   int
	problems []problem
	retry    time.Duration // 0: none is proposed
	allow    string        // of a 405
	closes   bool          // the connection must not be used again
}

func failed(status int, format string, args ...any) *failure {
	f := &failure{status: status}
	f.add(status, format, args...)
	return f
}

// add notes something that is wrong.
func (f *failure) add(code int, format string, args ...any) {
	f.problems = append(f.problems, problem{code, fmt.Sprintf(format, args...)})
}

type xmlErrors struct {
	XMLName xml.Name  `xml:"errors"`
	List    []problem `xml:"error"`
}

// write writes an answer, or why there is none.
func (a *Adapter) write(w http.ResponseWriter, r *http.Request, f format, ans answer, fail *failure) {
	h := w.Header()
	status := http.StatusOK
	if fail != nil {
		ans = answer{xml: xmlErrors{List: fail.problems}, json: fail.problems, private: true}
		status = fail.status
		if fail.allow != "" {
			h.Set("Allow", fail.allow)
		}
		if fail.retry > 0 {
			h.Set("Retry-After", strconv.FormatInt(max(int64((fail.retry+time.Second-1)/time.Second), 1), 10))
		}
		if fail.closes {
			h.Set("Connection", "close")
		}
	}
	body, err := encode(f, ans)
	if err != nil {
		// Nothing that we answer with can fail; should it, the standard's form still stands.
		a.log.ErrorContext(r.Context(), "open311 answer not written", "error", err)
		status = http.StatusServiceUnavailable
		body, _ = encode(f, answer{xml: xmlErrors{List: []problem{{status, unavailable}}}, json: []problem{{status, unavailable}}})
	}
	h.Set("Content-Type", f.mediaType()+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if ans.private {
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("Cache-Control", "public, max-age=60")
	}
	if r.Method != http.MethodPost {
		h.Set("Access-Control-Allow-Origin", "*") // what anybody may read, pages of others may
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a reader that has gone needs nothing
	}
}

func encode(f format, ans answer) ([]byte, error) {
	if ans.encoded != nil {
		return ans.encoded, nil
	}
	var b bytes.Buffer
	if f == formatJSON {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // nobody takes it for a page: nosniff
		e.SetIndent("", "  ")
		err := e.Encode(ans.json)
		return b.Bytes(), err
	}
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(ans.xml); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// wanted is the format for what has no ending that says it.
func wanted(r *http.Request) format {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			part, _, _ = strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(part)) {
			case "application/json":
				return formatJSON
			case "text/xml", "application/xml":
				return formatXML
			}
		}
	}
	return formatXML
}

// when writes a moment as the standard wants it, with its offset from UTC.
func (a *Adapter) when(t time.Time) string { return t.In(a.opts.Location).Format(time.RFC3339) }
