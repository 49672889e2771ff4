package rt_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/rt"
)

func TestNew(t *testing.T) {
	t.Parallel()
	good := rt.Options{URL: "https://rt.example", Token: "1-2-3", Queue: "Voirie"}
	for name, change := range map[string]func(*rt.Options){
		"no queue":       func(o *rt.Options) { o.Queue = "" },
		"no login":       func(o *rt.Options) { o.Token = "" },
		"no password":    func(o *rt.Options) { o.Token, o.Username = "", "u" },
		"both":           func(o *rt.Options) { o.Username, o.Password = "u", "p" },
		"line end":       func(o *rt.Options) { o.Token = "a\r\nHost: b" },
		"colon":          func(o *rt.Options) { o.Token, o.Username, o.Password = "", "a:b", "p" },
		"field":          func(o *rt.Options) { o.ReferenceField = "a} OR {b" },
		"no address":     func(o *rt.Options) { o.URL = "rt.example" },
		"unknown status": func(o *rt.Options) { o.Statuses = map[string]ingest.Status{"open": "ouvert"} },
		"no CA":          func(o *rt.Options) { o.CAFile = "/nowhere" },
	} {
		o := good
		change(&o)
		if _, err := rt.New(o); err == nil || !strings.HasPrefix(err.Error(), "rt: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rt.New(good); err != nil {
		t.Error(err)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := connect(t, rt.Options{URL: "http://127.0.0.1:1", Token: "1-2-3", Queue: "Voirie"})
	if _, err := c.Create(ctx, handovertest.Case("2026-000001")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
