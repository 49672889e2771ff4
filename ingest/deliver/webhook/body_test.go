package webhook

import (
	"errors"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

func TestBody(t *testing.T) {
	at := time.Date(2026, 11, 3, 20, 26, 10, 0, time.FixedZone("CET", 3600))
	full := ingest.PublicEvent{
		Seq: 7, At: at, Kind: "request.status", Request: "2026-000123", Submission: "s1", Category: "voirie",
		Service: "technique", Status: ingest.StatusClosed, OldStatus: ingest.StatusAnswered,
	}
	for name, tc := range map[string]struct {
		e          ingest.PublicEvent
		base, want string
	}{
		"full": {full, "https://saisine.example", `{"type":"request.status","timestamp":"2026-11-03T19:26:10Z","data":{"seq":7,"request":"2026-000123","submission":"s1","category":"voirie","service":"technique","status":"closed","old_status":"answered","url":"https://saisine.example/api/v1/requests/2026-000123"}}`},
		"thin": {ingest.PublicEvent{Seq: 8, At: at, Kind: "request.created", Request: "2026-000124"}, "https://saisine.example/", `{"type":"request.created","timestamp":"2026-11-03T19:26:10Z","data":{"seq":8,"request":"2026-000124","url":"https://saisine.example/api/v1/requests/2026-000124"}}`},
		"base": {ingest.PublicEvent{Seq: 9, At: at, Kind: "k", Request: "a/b"}, "https://saisine.example/sous", `{"type":"k","timestamp":"2026-11-03T19:26:10Z","data":{"seq":9,"request":"a/b","url":"https://saisine.example/sous/api/v1/requests/a%2Fb"}}`},
		"bare": {ingest.PublicEvent{Seq: 10, At: at, Kind: "k"}, "https://saisine.example", `{"type":"k","timestamp":"2026-11-03T19:26:10Z","data":{"seq":10}}`},
		"none": {ingest.PublicEvent{Seq: 11, At: at, Kind: "k", Request: "r"}, "", `{"type":"k","timestamp":"2026-11-03T19:26:10Z","data":{"seq":11,"request":"r"}}`},
	} {
		got, err := Body(tc.e, tc.base)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, tc.want)
		}
	}
	for name, e := range map[string]ingest.PublicEvent{"no kind": {Seq: 1, At: at}, "no time": {Seq: 1, Kind: "k"}} {
		var perm interface{ Permanent() bool }
		if out, err := Body(e, ""); !errors.As(err, &perm) || !perm.Permanent() {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}
