package ingest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ocr"
)

func TestReadAPI(t *testing.T) {
	rtf := base64.StdEncoding.EncodeToString([]byte(`{\rtf1 Le lampadaire est \'e9teint.}`))
	scan := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 " + strings.Repeat("x", 100)))
	body := fmt.Sprintf(`{"name":"Zoé","email":"ZOE@exemple.fr","phone":"0102030405","address":"1 rue Haute","category":"voirie","place":"Pont",
		"subject":" Objet ","message":"Bonjour,\r\nvoici.","lat":48.5,"long":-4,
		"files":[{"content":%q,"name":"lettre.rtf","type":"application/rtf"},{"name":"scan","content":%q},{"name":"vide.txt","content":""}]}`, rtf, scan)
	rec := Record{MediaType: MediaAPI, Channel: ChannelAPI}
	without := &DocumentReader{Limits: config.Default().Limits, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	if _, err := without.Read(t.Context(), NewBlob([]byte(body)), rec); !errors.Is(err, ErrNeedsOCR) {
		t.Errorf("a PDF in it: %v", err)
	}
	with := *without
	with.OCR = pages{ocr.Document{Pages: []ocr.Page{{Number: 1, Text: "Lettre", Source: ocr.SourceOCR}}}}
	r, err := with.Read(t.Context(), NewBlob([]byte(body)), rec)
	if err != nil {
		t.Fatal(err)
	}
	want := Person{Name: "Zoé", Email: "zoe@exemple.fr", Phone: r.From.Phone, Address: "1 rue Haute"}
	if r.Kind != KindForm || r.From != want || r.Subject != "Objet" || r.Text != "Bonjour,\nvoici." || r.Category != "voirie" || r.Place != "Pont" ||
		!reflect.DeepEqual(r.Position, &Position{48.5, -4}) || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
	var files []string
	for _, a := range r.Attachments {
		files = append(files, fmt.Sprintf("%s|%s|%d|%s", a.Name, a.Type, a.Size, a.Text))
	}
	if wanted := []string{"lettre.rtf|application/rtf|36|Le lampadaire est éteint.", "scan|application/pdf|109|Lettre", "vide.txt|application/octet-stream|0|"}; !reflect.DeepEqual(files, wanted) {
		t.Errorf("files %q", files)
	}
	if left, _ := filepath.Glob(filepath.Join(with.TempDir, "*")); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
	files = nil
	for _, a := range must(Attached(strings.NewReader(body), MediaAPI, message.Options{})) {
		files = append(files, a.Name)
	}
	if !reflect.DeepEqual(files, []string{"lettre.rtf", "scan", "vide.txt"}) {
		t.Errorf("Attached: %q", files)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The interface never stores such an original. It is read as far as it goes.
func TestReadBrokenAPI(t *testing.T) {
	d := &DocumentReader{Limits: config.Default().Limits, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	for body, problems := range map[string]int{`{"message":"Bonjour","files":[{"name":"a"`: 1, `{"message":"Bonjour","lat":148,"long":2,"x":1}`: 1, `{"message":"Bonjour","message":"x"} x`: 2} {
		r, err := d.Read(t.Context(), NewBlob([]byte(body)), Record{MediaType: MediaAPI})
		if err != nil || r.Text != "Bonjour" || len(r.Problems) != problems || r.Position != nil {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

// FuzzReadAPI: no original fails, or leaves a file behind.
func FuzzReadAPI(f *testing.F) {
	f.Add([]byte(`{"message":"m","lat":1,"long":2,"files":[{"name":"a.docx","content":"UEsDBA=="},{"type":"application/pdf","content":"JVBERi0="}]}`))
	f.Add([]byte(`{"files":[{"content":"aGE=","content":"aGE="},1,{`))
	d := &DocumentReader{OCR: pages{}, Limits: config.Default().Limits, TempDir: f.TempDir(), Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := d.Read(t.Context(), NewBlob(body), Record{MediaType: MediaAPI, Channel: ChannelAPI}); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(d.TempDir, "*")); len(left) > 0 {
			t.Fatalf("temporary files left: %q", left)
		}
	})
}
