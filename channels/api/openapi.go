package api

import (
	_ "embed" // the document
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// document describes the interface (OpenAPI 3.1). A test holds it beside the table of routes and
// beside each answer of the other tests.
//
//go:embed openapi.yaml
var document string

// serverMark stands in the document for the address of the interface.
const serverMark = "https://demarches.saint-exemple.fr/api/v1"

// Document returns the OpenAPI document of the interface at publicURL, as YAML or as JSON.
func Document(publicURL string, asJSON bool) ([]byte, error) {
	url, err := json.Marshal(strings.TrimRight(publicURL, "/") + base) // a JSON string is a YAML one too
	if err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	text := []byte(strings.Replace(document, serverMark, string(url), 1))
	if !asJSON {
		return text, nil
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	return text, nil
}

func (c *call) openAPIJSON() error { return c.openAPI("application/json", true) }
func (c *call) openAPIYAML() error { return c.openAPI("application/yaml", false) }

func (c *call) openAPI(mediaType string, asJSON bool) error {
	text, err := Document(c.a.opts.PublicURL, asJSON)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	c.status = http.StatusOK
	c.w.WriteHeader(c.status)
	_, _ = c.w.Write(text) //nolint:gosec // our own document, as JSON or YAML with nosniff
	return nil
}
