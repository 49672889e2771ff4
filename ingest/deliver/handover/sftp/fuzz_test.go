package sftp

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
)

func FuzzHostKey(f *testing.F) {
	f.Add("SHA256:" + strings.Repeat("A", 43))
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6QmNKzPkcJ5sFMRyOQSDbKKxVBlVz8G2sN0fTzNuqm root@depot")
	f.Add("@revoked h ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHostKey(s)
		if err == nil && !fingerprint.MatchString(h.fingerprint) {
			t.Errorf("%q gave %+v", s, h)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(`{"status": "traité", "note": "ok"}`))
	f.Add([]byte("\ufeff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStatus(data, map[string]ingest.Status{"traité": ingest.StatusAnswered})
		if err == nil && (s.Raw == "" || len(s.Raw) > maxRaw) || err != nil && s != (handover.State{}) {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"reference":"2026-1","additions":[{"key":"k","files":[{"name":"a"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data)
		if err != nil {
			return
		}
		again, err := manifest.Encode(m)
		if err != nil {
			return // a time that JSON cannot write
		}
		back, err := manifest.Parse(again)
		if err != nil {
			t.Fatalf("%s\n%v", again, err)
		}
		a, _ := json.Marshal(m)
		b, _ := json.Marshal(back)
		if !bytes.Equal(a, b) {
			t.Errorf("%s became %s", a, b)
		}
	})
}
