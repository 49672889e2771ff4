package main

import (
	"os"
	"path/filepath"
	"testing"

	"saisine.fr/saisine/ingest/store"
)

// TestModelsAreShared: what one node uses the other uses, the last change wins, and nothing goes
// round in circles.
func TestModelsAreShared(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := store.Open(ctx, store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, b := t.TempDir(), t.TempDir()
	use := func(dir, name string) {
		t.Helper()
		if err := writeWhole(filepath.Join(dir, name+".model"), []byte("weights of "+name)); err != nil {
			t.Fatal(err)
		}
		if err := writeWhole(filepath.Join(dir, "current"), []byte(`{"name":"`+name+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	share := func(dirs ...string) {
		t.Helper()
		for _, dir := range dirs {
			if err := shareModels(ctx, dir, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	uses := func(dir, name string) {
		t.Helper()
		current, _ := os.ReadFile(filepath.Join(dir, "current"))
		model, _ := os.ReadFile(filepath.Join(dir, name+".model"))
		if string(current) != `{"name":"`+name+`"}` || string(model) != "weights of "+name {
			t.Errorf("%s uses %s with %q", dir, current, model)
		}
	}
	share(a, b) // built-in on both
	use(a, "town-1")
	share(b, a, b, a)
	uses(b, "town-1")
	use(b, "town-2")
	share(a, b, a, b)
	uses(a, "town-2")
	for range 3 {
		share(a, b)
	}
	if n, err := s.NewestModel(ctx); err != nil || n != 2 {
		t.Errorf("%d models were shared, %v", n, err)
	}
	c := t.TempDir() // a new node
	share(c)
	uses(c, "town-2")
	if _, err := s.ShareModel(ctx, store.SharedModel{Name: "../evil", Chosen: "{}"}); err != nil {
		t.Fatal(err)
	}
	if err := shareModels(ctx, a, s); err == nil {
		t.Error("a model may be called anything")
	}
	uses(a, "town-2")
}
