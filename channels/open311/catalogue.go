package open311

import (
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/classify"
)

// Catalogue is what apps may report, and which services are nobody else's business.
type Catalogue struct {
	Services []Service
	// Sealed names the services whose requests are shown to nobody outside.
	Sealed []string
}

// Service is one kind of report: a public category.
type Service struct {
	Code        string
	Name        string
	Description string
	Group       string
	Keywords    []string
	Attributes  []classify.Attribute
}

// maxKeywords is how many keywords a service has at most.
const maxKeywords = 12

// FromFile makes the catalogue of a categories file: its public categories, but for those of
// sealed services. Keywords are the phrases that hardly mean anything else.
func FromFile(f classify.File) Catalogue {
	var c Catalogue
	_, c.Sealed = f.Services()
	for _, k := range f.Categories {
		if !k.Public || k.Service.Sealed {
			continue
		}
		s := Service{Code: k.Code, Name: k.Label, Description: k.Description, Group: k.Service.Name, Attributes: k.Attributes}
		if s.Description == "" {
			s.Description = k.Label
		}
		for _, p := range k.Phrases {
			for _, word := range p.Any {
				if p.Weight >= 3 && len(s.Keywords) < maxKeywords && !strings.ContainsAny(word, "*,") {
					s.Keywords = append(s.Keywords, word)
				}
			}
		}
		c.Services = append(c.Services, s)
	}
	return c
}

// catalogue is a Catalogue in use.
type catalogue struct {
	services []Service
	sealed   []string
	codes    []string
	changed  time.Time
}

func newCatalogue(c Catalogue, now time.Time) *catalogue {
	k := &catalogue{services: c.Services, sealed: c.Sealed, changed: now}
	for _, s := range c.Services {
		k.codes = append(k.codes, s.Code)
	}
	return k
}

// service returns the one of this code, or nil.
func (c *catalogue) service(code string) *Service {
	i := slices.IndexFunc(c.services, func(s Service) bool { return s.Code == code })
	if i < 0 {
		return nil
	}
	return &c.services[i]
}
