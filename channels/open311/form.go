package open311

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// Longest values in characters. That of the description is the standard's (GeoReport v2, POST
// Service Request).
const (
	maxLine  = 300
	maxEmail = 254
	maxURL   = 2000
)

// form is what a post says, cleaned. It implements formpost.Form.
type form struct {
	key                string
	keys               []string // each api_key that was sent and may be one; maxKeys+1 at most
	jurisdiction       string
	service            string
	lat, long          string
	address, addressID string
	email, phone       string
	first, last        string
	device, account    string
	description        string
	media              []string
	attributes         map[string][]string
	contents           [][sha256.Size]byte // a hash of each field but the key
}

var _ formpost.Form = (*form)(nil)

// field returns where the single field of that name goes, or nil.
func (f *form) field(name string) *string {
	switch name {
	case "api_key":
		return &f.key
	case "jurisdiction_id":
		return &f.jurisdiction
	case "service_code":
		return &f.service
	case "lat":
		return &f.lat
	case "long":
		return &f.long
	case "address_string":
		return &f.address
	case "address_id":
		return &f.addressID
	case "email":
		return &f.email
	case "phone":
		return &f.phone
	case "first_name":
		return &f.first
	case "last_name":
		return &f.last
	case "device_id":
		return &f.device
	case "account_id":
		return &f.account
	case "description":
		return &f.description
	}
	return nil
}

// Set implements formpost.Form.
func (f *form) Set(p *formpost.Post, name string, raw []byte) {
	name, _ = formpost.Clean([]byte(name))
	if name == "api_key" {
		f.noteKey(raw)
	} else {
		f.note(name, raw)
	}
	if field := f.field(name); field != nil {
		p.Take(field, raw)
		return
	}
	var v string
	switch code, ok := ingest.Open311Attribute(name); {
	case ok:
		p.Take(&v, raw)
		if v != "" {
			if f.attributes == nil {
				f.attributes = map[string][]string{}
			}
			f.attributes[code] = append(f.attributes[code], v)
		}
	case name == "media_url" || name == "media_url[]":
		if p.Take(&v, raw); v != "" {
			f.media = append(f.media, v)
		}
	}
}

// noteKey keeps what must be blotted out of the original.
func (f *form) noteKey(raw []byte) {
	v, _ := formpost.Clean(raw)
	if len(v) >= minKey && len(v) <= maxKey && len(f.keys) <= maxKeys && !slices.Contains(f.keys, v) {
		f.keys = append(f.keys, v)
	}
}

// note keeps a hash of a field: each value goes in with its length, so that no two fields share
// an input.
func (f *form) note(name string, raw []byte) {
	buf := binary.AppendUvarint(nil, uint64(len(name)))
	buf = append(append(buf, name...), raw...)
	f.contents = append(f.contents, sha256.Sum256(buf))
}

// Enough implements formpost.Form.
func (f *form) Enough() bool {
	return f.service != "" && (f.address != "" || f.addressID != "" || f.lat != "" && f.long != "")
}

// hash identifies the content of a post: its fields, known or not, in whatever order (some
// clients have none that is the same twice), and its files.
func (f *form) hash(files []formpost.File) string {
	slices.SortFunc(f.contents, func(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, c := range f.contents {
		h.Write(c[:])
	}
	h.Write([]byte("files"))
	for i := range files {
		h.Write(files[i].Sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// validate says all that is wrong with a post, or nil. Of what is no error to a citizen's cost it
// makes a problem of p.
func (f *form) validate(p *formpost.Post, c *catalogue) *failure {
	fail := &failure{status: http.StatusBadRequest}
	bad := func(format string, args ...any) { fail.add(http.StatusBadRequest, format, args...) }
	s := c.service(f.service)
	switch {
	case f.service == "":
		bad("service_code manque\u00a0: indiquez un des codes de services.xml.")
	case s == nil:
		fail.status = http.StatusNotFound
		fail.add(http.StatusNotFound, "service_code\u00a0: «\u00a0%s\u00a0» n’existe pas. Les codes sont dans services.xml.", shown(f.service))
	}
	f.validatePlace(bad)
	for _, x := range []struct {
		name, value string
		max         int
	}{
		{"address_string", f.address, maxLine},
		{"address_id", f.addressID, maxLine},
		{"email", f.email, maxEmail},
		{"phone", f.phone, maxLine},
		{"first_name", f.first, maxLine},
		{"last_name", f.last, maxLine},
		{"device_id", f.device, maxLine},
		{"account_id", f.account, maxLine},
		{"description", f.description, maxDescription},
	} {
		if n := utf8.RuneCountInString(x.value); n > x.max {
			bad("%s\u00a0: %d caractères, pour %d au plus. Raccourcissez ce texte.", x.name, n, x.max)
		}
	}
	if f.email != "" && utf8.RuneCountInString(f.email) <= maxEmail && !formpost.PlausibleEmail(f.email) {
		bad("email\u00a0: l’adresse électronique semble incomplète. Elle s’écrit par exemple nom@exemple.fr.")
	}
	for _, u := range f.media {
		if at, err := url.Parse(u); len(u) > maxURL || err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
			bad("media_url n’est pas une adresse\u00a0: elle commence par https:// et compte %d caractères au plus.", maxURL)
			break
		}
	}
	if s != nil {
		f.validateAttributes(s, p, bad)
	}
	if len(fail.problems) == 0 {
		return nil
	}
	return fail
}

// validatePlace wants one place that can be gone to (GeoReport v2, POST Service Request: "A full
// location parameter must be submitted").
func (f *form) validatePlace(bad func(format string, args ...any)) {
	at := ingest.Open311Position(f.lat, f.long)
	switch {
	case (f.lat == "") != (f.long == ""):
		bad("lat et long vont ensemble\u00a0: l’un des deux manque.")
	case f.lat != "" && at == nil && !zero(f.lat, f.long):
		bad("lat et long\u00a0: indiquez des degrés décimaux (WGS 84), lat de -90 à 90 et long de -180 à 180, par exemple lat=48.8566 et long=2.3522.")
	case at == nil && f.address == "" && f.addressID == "":
		bad("Le lieu manque\u00a0: indiquez lat et long, ou address_string, ou address_id.")
	}
}

// zero reports whether a device says so that it does not know where it is.
func zero(lat, long string) bool {
	y, errY := strconv.ParseFloat(strings.Replace(lat, ",", ".", 1), 64)
	x, errX := strconv.ParseFloat(strings.Replace(long, ",", ".", 1), 64)
	return errY == nil && errX == nil && x == 0 && y == 0
}

// validateAttributes holds the answers against the questions of a service. An answer to a question
// that is not asked any more is no fault of whoever reports.
func (f *form) validateAttributes(s *Service, p *formpost.Post, bad func(format string, args ...any)) {
	for code := range f.attributes {
		if !slices.ContainsFunc(s.Attributes, func(a classify.Attribute) bool { return a.Code == code }) {
			p.Problem("open311_attribute", "Une réponse porte sur une question que la commune ne pose pas\u00a0; elle est reprise telle quelle.")
		}
	}
	for _, a := range s.Attributes {
		name := "attribute[" + a.Code + "]"
		answers := f.attributes[a.Code]
		if len(answers) == 0 {
			if a.Required {
				bad("%s manque\u00a0: «\u00a0%s\u00a0» Ce service ne se signale pas sans cette réponse.", name, a.Label)
			}
			continue
		}
		if len(answers) > 1 && a.Datatype != classify.DatatypeMulti {
			bad("%s ne prend qu’une réponse.", name)
			continue
		}
		for _, v := range answers {
			if why := wrongAnswer(a, v); why != "" {
				bad("%s\u00a0: %s", name, why)
				break
			}
		}
	}
}

// wrongAnswer says what is wrong with an answer to a, or "" (GeoReport v2, GET Service Definition,
// datatype).
func wrongAnswer(a classify.Attribute, v string) string {
	limit := maxLine
	if a.Datatype == classify.DatatypeText {
		limit = maxDescription
	}
	if utf8.RuneCountInString(v) > limit {
		return strconv.Itoa(limit) + " caractères au plus."
	}
	switch a.Datatype {
	case classify.DatatypeString:
		if strings.Contains(v, "\n") {
			return "écrivez la réponse sur une ligne."
		}
	case classify.DatatypeNumber:
		if _, err := strconv.ParseFloat(strings.Replace(v, ",", ".", 1), 64); err != nil {
			return "indiquez un nombre."
		}
	case classify.DatatypeDatetime:
		for _, layout := range append(slices.Clone(moments), "2006-01-02T15:04:05", "2006-01-02T15:04") {
			if _, err := time.Parse(layout, v); err == nil {
				return ""
			}
		}
		return "indiquez une date comme 2026-01-31 ou 2026-01-31T14:30:00+01:00."
	case classify.DatatypeSingle, classify.DatatypeMulti:
		var keys []string
		for _, x := range a.Values {
			keys = append(keys, x.Key)
		}
		if !slices.Contains(keys, v) {
			return "«\u00a0" + shown(v) + "\u00a0» n’est pas une des réponses " + strings.Join(keys, ", ") + "."
		}
	}
	return ""
}
