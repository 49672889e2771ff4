package webform

import (
	"bytes"
	"testing"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// What the worker reads from the evidence later is what the citizen was answered for.
func TestEvidenceReadsTheSame(t *testing.T) {
	h := newHouse(t, nil)
	for name, f := range map[string]*formBody{
		"all": form("name", "Zoé \"Z\" Çelik", "email", "zoe@exemple.fr", "phone", "01 02", "address", "1 rue\r\nHaute\r\n29000 X",
			"category", "voirie", "place", "Pont — €", "subject", "Nid-de-poule", "message", "  Ligne 1\r\n\r\nLigne 2 ").
			File("plan \"A\".pdf", []byte("%PDF-1.4")).File("", nil).File("é.txt", bytes.Repeat([]byte("x"), ingest.InlineMax)),
		"latin": form("message", "d\xe9j\xe0 vu, 5 \x80"),
	} {
		t.Run(name, func(t *testing.T) {
			before := len(h.sink.all())
			if a := h.post(f); a.status != 303 {
				t.Fatalf("answered %d", a.status)
			}
			row := h.sink.all()[before]
			contentType, body := f.Encode()
			p, err := decode(contentType, body, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := message.ReadForm(bytes.NewReader(row.bytes), message.Options{})
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			for _, field := range []string{"name", "email", "phone", "address", "category", "place", "subject", "message"} {
				var value string
				if v := got.Fields[field]; len(v) > 0 {
					value, _ = formpost.Clean([]byte(v[0]))
				}
				if want := *p.byName(field); value != want {
					t.Errorf("%s reads as %q, taken as %q", field, value, want)
				}
			}
			if len(got.Files) != len(p.Files) {
				t.Fatalf("%d files, taken as %d", len(got.Files), len(p.Files))
			}
			for i, a := range got.Files {
				if a.Name != p.Files[i].Name || a.Size != p.Files[i].Size {
					t.Errorf("file %d is %q of %d bytes, taken as %q of %d", i, a.Name, a.Size, p.Files[i].Name, p.Files[i].Size)
				}
			}
		})
	}
}
