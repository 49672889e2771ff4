package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"saisine.fr/saisine/ingest/store"
)

// Models are files in each node's own folder. Where the nodes share a database and no folder, the
// one that trains, or at which a person chooses, gives the others by the database what it
// uses from then on. Should two change at once, the later one counts.

// sharedName is the file that says what this node has last given or taken.
const sharedName = "shared"

// modelsLook is how often a node looks for what another has shared.
const modelsLook = 30 * time.Second

type sharedNote struct {
	Number int64 `json:"number"`
	// Current is the hash of the file `current` as it was left then.
	Current string `json:"current"`
}

// modelFile is what a model may be called that came from the database: what names a file must not
// lead elsewhere.
var modelFile = regexp.MustCompile(`^(builtin|town)-[0-9a-z-]{1,80}$`)

// shareModels gives and takes models until the house closes.
func (h *house) shareModels(every time.Duration) {
	h.chores.begin(func(ctx context.Context) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := shareModels(ctx, modelsDir(h.cfg), h.store); err != nil && ctx.Err() == nil {
				h.log.LogAttrs(ctx, slog.LevelWarn, "the model in use is not the same on all nodes; it is looked at again later", slog.Any("err", err))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// shareModels takes what another node has shared since the last look, or else gives the others
// what is used here and was not shared yet.
func shareModels(ctx context.Context, dir string, s *store.Store) error {
	var note sharedNote
	if data, err := os.ReadFile(filepath.Join(dir, sharedName)); err == nil {
		_ = json.Unmarshal(data, &note) // a damaged one costs one more copy
	}
	newest, err := s.NewestModel(ctx)
	if err != nil {
		return err
	}
	if newest > note.Number {
		return takeModel(ctx, dir, s)
	}
	current, err := os.ReadFile(filepath.Join(dir, "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the built-in one, which is the same everywhere
	}
	if err != nil {
		return err
	}
	if sumOf(current) == note.Current {
		return nil
	}
	var used struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(current, &used); err != nil || !modelFile.MatchString(used.Name) {
		return fmt.Errorf("which model is in use cannot be read: %w", errors.Join(err, fs.ErrInvalid))
	}
	m := store.SharedModel{Name: used.Name, Chosen: string(current)}
	if m.Content, err = os.ReadFile(filepath.Join(dir, used.Name+".model")); err != nil {
		return err
	}
	number, err := s.ShareModel(ctx, m)
	if err != nil {
		return err
	}
	return writeShared(dir, sharedNote{number, sumOf(current)})
}

// takeModel puts the model that was shared last into use here: its file first, whole, then the note
// that names it. What the file holds is checked by whoever loads it.
func takeModel(ctx context.Context, dir string, s *store.Store) error {
	m, ok, err := s.SharedModel(ctx)
	if err != nil || !ok {
		return err
	}
	if !modelFile.MatchString(m.Name) {
		return fmt.Errorf("a shared model is called %q: %w", m.Name, fs.ErrInvalid)
	}
	path := filepath.Join(dir, m.Name+".model")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && len(m.Content) > 0 {
		if err := writeWhole(path, m.Content); err != nil {
			return err
		}
	}
	if err := writeWhole(filepath.Join(dir, "current"), []byte(m.Chosen)); err != nil {
		return err
	}
	return writeShared(dir, sharedNote{m.Number, sumOf([]byte(m.Chosen))})
}

func writeShared(dir string, note sharedNote) error {
	data, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, sharedName), append(data, '\n'))
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
