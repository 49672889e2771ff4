package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// texts are the fields of a submission, in the order of the document.
var texts = []string{"name", "email", "phone", "address", "category", "place", "subject", "message"}

// maxFaults bounds how many faults are told at once.
const maxFaults = 20

// handedIn is a submission as it was handed in, whatever it was written as.
type handedIn struct {
	fields map[string]string
	// lat and long are as they were written; "" when not given.
	lat, long string
	files     []string // SHA-256 of each, in hexadecimal
	faults    []fieldError
	problems  []ingest.Problem
	original  *ingest.Blob
	mediaType string
}

func (h *handedIn) fault(field, format string, args ...any) {
	if len(h.faults) < maxFaults {
		h.faults = append(h.faults, fieldError{field, fmt.Sprintf(format, args...)})
	}
}

// Set implements formpost.Form. It is stricter than the form of citizens: who writes a program
// can mend it.
func (h *handedIn) Set(p *formpost.Post, name string, raw []byte) {
	switch {
	case name == "lat" || name == "long":
		to := &h.lat
		if name == "long" {
			to = &h.long
		}
		*to, _ = formpost.Clean(raw)
	case name == "files" && len(raw) == 0: // a form control without a file
	case name == "files":
		h.fault("files", "must be files, with a filename (RFC 7578 §4.2)")
	case !slices.Contains(texts, name):
		name, _ = formpost.Clean([]byte(message.Cut(name, 200)))
		h.fault(name, "is not known here")
	default:
		value := h.fields[name]
		if value != "" && len(raw) > 0 {
			h.fault(name, "stands twice")
			return
		}
		p.Take(&value, raw)
		h.fields[name] = value
	}
}

// Enough implements formpost.Form: a program is asked to send what broke off again.
func (h *handedIn) Enough() bool { return false }

// takeForm adds what a form has beside fields.
func (h *handedIn) takeForm(p *formpost.Post) {
	for i := range p.Files {
		if f := &p.Files[i]; f.Field != "files" {
			field, _ := formpost.Clean([]byte(message.Cut(f.Field, 200)))
			h.fault(field, "is not known here; files come in the field \"files\"")
		}
		h.files = append(h.files, hex.EncodeToString(p.Files[i].Sum[:]))
	}
	h.problems, h.original, h.mediaType = p.Problems, p.Original, ingest.MediaForm
}

// takeJSON adds what an object says.
func (h *handedIn) takeJSON(p message.JSONPost) {
	for _, name := range texts {
		if v := p.Fields[name]; len(v) > 0 {
			h.fields[name] = strings.TrimSpace(v[0])
		}
	}
	for name, to := range map[string]*string{"lat": &h.lat, "long": &h.long} {
		if f, ok := p.Numbers[name]; ok {
			*to = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	for _, f := range p.Faults {
		h.fault(f.Field, "%s", f.Detail)
	}
	for _, f := range p.Files {
		h.files = append(h.files, f.SHA256)
	}
	h.mediaType = ingest.MediaAPI
}

// check returns what is wrong with it. The limits are those of the form.
func (h *handedIn) check(known func(category string) bool) []fieldError {
	long := func(field string, limit int) {
		if n := utf8.RuneCountInString(h.fields[field]); n > limit {
			h.fault(field, "has %d characters; %d are the most", n, limit)
		}
	}
	for _, field := range texts {
		switch field {
		case "message":
			long(field, formpost.MaxMessage)
		case "email":
			long(field, formpost.MaxEmail)
		default:
			long(field, formpost.MaxLine)
		}
	}
	if h.fields["message"] == "" {
		h.fault("message", "is missing; it is the one field that a submission needs")
	}
	if email := h.fields["email"]; email != "" && utf8.RuneCountInString(email) <= formpost.MaxEmail && !formpost.PlausibleEmail(email) {
		h.fault("email", "is no mail address such as nom@exemple.fr")
	}
	if c := h.fields["category"]; c != "" && !known(c) {
		h.fault("category", "is none of the town's; GET %s/categories lists them", base)
	}
	h.checkPosition()
	return h.faults
}

func (h *handedIn) checkPosition() {
	if h.lat == "" && h.long == "" {
		return
	}
	for _, x := range []struct {
		field, value string
		most         float64
	}{{"lat", h.lat, 90}, {"long", h.long, 180}} {
		f, err := strconv.ParseFloat(x.value, 64)
		switch {
		case x.value == "":
			h.fault(x.field, "is missing; lat and long go together")
		case err != nil || math.IsNaN(f) || math.Abs(f) > x.most:
			h.fault(x.field, "is no number of degrees (WGS 84) from -%g to %g", x.most, x.most)
		}
	}
}

// digest identifies what was handed in: fields and files, each with its length, so that no two
// submissions share an input.
func (h *handedIn) digest() string {
	sum := sha256.New()
	var buf []byte
	add := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	for _, field := range texts {
		add(h.fields[field])
	}
	add(degrees(h.lat))
	add(degrees(h.long))
	for _, f := range h.files {
		add(f)
	}
	sum.Write(buf)
	return hex.EncodeToString(sum.Sum(nil))
}

// degrees writes a number as JSON and forms have it in common.
func degrees(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
