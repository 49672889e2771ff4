package main

import (
	"log/slog"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// storeChange is a first version of a text.
func storeChange(t ingest.TownText) store.TextChange { return store.TextChange{Text: t} }

// openStoreOf opens the store of a town beside its daemon.
func openStoreOf(t testing.TB, tw *town) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: tw.data, Database: tw.database, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deskChange is a new text of the desk.
func deskChange(key desk.TextKey, content string, base int64) desk.TextChange {
	return desk.TextChange{Key: key, Content: content, Base: base}
}
