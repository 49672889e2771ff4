package main

import (
	"errors"
	"fmt"
	"os"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/place"
)

// loadStreets reads the street list that the configuration names; nil when it names none.
func loadStreets(cfg config.Config) (_ *place.Streets, err error) {
	if cfg.Streets == "" {
		return nil, nil //nolint:nilnil // no list is a list that knows nothing
	}
	f, err := os.Open(cfg.Streets)
	if err != nil {
		return nil, fmt.Errorf("streets: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := place.LoadStreets(f)
	if err != nil {
		return nil, fmt.Errorf("streets: %s: %w", cfg.Streets, err)
	}
	return s, nil
}
