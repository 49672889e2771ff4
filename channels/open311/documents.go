package open311

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// specification names GeoReport v2 in discovery documents.
const specification = "http://wiki.open311.org/GeoReport_v2"

// discoveryDocument is that of wiki.open311.org/Service_Discovery.
type discoveryDocument struct {
	XMLName    xml.Name   `xml:"discovery" json:"-"`
	Changeset  string     `xml:"changeset" json:"changeset"`
	Contact    string     `xml:"contact" json:"contact"`
	KeyService string     `xml:"key_service" json:"key_service"`
	Endpoints  []endpoint `xml:"endpoints>endpoint" json:"endpoints"`
}

type endpoint struct {
	Specification string   `xml:"specification" json:"specification"`
	URL           string   `xml:"url" json:"url"`
	Changeset     string   `xml:"changeset" json:"changeset"`
	Type          string   `xml:"type" json:"type"`
	Formats       []string `xml:"formats>format" json:"formats"`
}

func (a *Adapter) discovery() answer {
	// Clients sort by it, which an offset that changes twice a year would spoil.
	changed := a.catalogue.Load().changed.UTC().Format(time.RFC3339)
	d := discoveryDocument{
		Changeset: changed, Contact: a.opts.Contact, KeyService: a.opts.KeyService,
		Endpoints: []endpoint{{
			Specification: specification, URL: a.opts.BaseURL + strings.TrimRight(Prefix, "/"), Changeset: changed, Type: "production",
			Formats: []string{formatXML.mediaType(), formatJSON.mediaType()},
		}},
	}
	return answer{xml: d, json: d}
}

type service struct {
	Code        string `xml:"service_code" json:"service_code"`
	Name        string `xml:"service_name" json:"service_name"`
	Description string `xml:"description" json:"description"`
	Metadata    bool   `xml:"metadata" json:"metadata"`
	Type        string `xml:"type" json:"type"`
	Keywords    string `xml:"keywords" json:"keywords"`
	Group       string `xml:"group" json:"group"`
}

// serviceType says that a post may be answered with a token: filing takes its time, and only
// what is quick is answered with a reference at once.
const serviceType = "batch"

func (a *Adapter) services() answer {
	list := []service{}
	for _, s := range a.catalogue.Load().services {
		list = append(list, service{
			Code: s.Code, Name: s.Name, Description: s.Description, Metadata: len(s.Attributes) > 0,
			Type: serviceType, Keywords: strings.Join(s.Keywords, ", "), Group: s.Group,
		})
	}
	type services struct {
		XMLName xml.Name  `xml:"services"`
		List    []service `xml:"service"`
	}
	return answer{xml: services{List: list}, json: list}
}

type definition struct {
	XMLName    xml.Name   `xml:"service_definition" json:"-"`
	Code       string     `xml:"service_code" json:"service_code"`
	Attributes attributes `xml:"attributes" json:"attributes"`
}

type attribute struct {
	Variable bool   `xml:"variable" json:"variable"`
	Code     string `xml:"code" json:"code"`
	Datatype string `xml:"datatype" json:"datatype"`
	Required bool   `xml:"required" json:"required"`
	Hint     string `xml:"datatype_description,omitempty" json:"datatype_description,omitempty"`
	Order    int    `xml:"order" json:"order"`
	Label    string `xml:"description" json:"description"`
	Values   values `xml:"values,omitempty" json:"values,omitempty"`
}

type value struct {
	Key  string `xml:"key" json:"key"`
	Name string `xml:"name" json:"name"`
}

// attributes and values have an element around them in XML even when they are empty.
type (
	attributes []attribute
	values     []value
)

// MarshalXML implements xml.Marshaler.
func (l attributes) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return e.EncodeElement(struct {
		List []attribute `xml:"attribute"`
	}{l}, start)
}

// MarshalXML implements xml.Marshaler.
func (l values) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return e.EncodeElement(struct {
		List []value `xml:"value"`
	}{l}, start)
}

func (a *Adapter) definition(code string) (answer, *failure) {
	s := a.catalogue.Load().service(code)
	if s == nil {
		return answer{}, failed(http.StatusNotFound, "service_code\u00a0: «\u00a0%s\u00a0» n’existe pas. Les codes sont dans services.xml.", shown(code))
	}
	d := definition{Code: s.Code, Attributes: attributes{}}
	for i, q := range s.Attributes {
		// variable says that the user answers, as against a text that is only shown.
		x := attribute{Variable: true, Code: q.Code, Datatype: q.Datatype, Required: q.Required, Hint: q.Hint, Order: i + 1, Label: q.Label}
		for _, v := range q.Values {
			x.Values = append(x.Values, value(v))
		}
		d.Attributes = append(d.Attributes, x)
	}
	return answer{xml: d, json: d}, nil
}

// requestList is the root of all answers about requests.
type requestList[T any] struct {
	XMLName xml.Name `xml:"service_requests"`
	List    []T      `xml:"request"`
}

func listed[T any](list []T) answer {
	return answer{xml: requestList[T]{List: list}, json: list}
}

// tokenEntry answers GET tokens. While there is no reference the element is left out: the XML
// readers of several clients take an empty one for a value.
type tokenEntry struct {
	ID    string `xml:"service_request_id,omitempty" json:"service_request_id,omitempty"`
	Token string `xml:"token" json:"token"`
}

func (a *Adapter) token(ctx context.Context, token string) (answer, *failure) {
	id, err := a.opts.Tokens.Submission(ctx, token)
	var filing Filing
	if err == nil {
		filing, err = a.opts.Book.Filed(ctx, id)
	}
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return answer{}, failed(http.StatusNotFound, "token\u00a0: ce jeton n’a pas été donné ici, ou a été retiré.")
	case err != nil:
		return answer{}, a.house(ctx, "token", err)
	}
	out := listed([]tokenEntry{{ID: filing.Reference, Token: token}})
	out.private = true
	return out, nil
}
