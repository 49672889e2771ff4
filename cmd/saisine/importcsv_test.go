package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

func testCSV(t testing.TB) *csvImport {
	t.Helper()
	statuses, err := csvStatuses(map[string]string{"Soldé": "closed"})
	if err != nil {
		t.Fatal(err)
	}
	return &csvImport{known: statuses, categories: map[string]string{"voirie": "voirie", "eclairage public": "eclairage-public"}}
}

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

type readCSV struct {
	form    csvForm
	columns csvColumns
	subs    []ingest.Submission
	notes   []ingest.Note
	errs    []string
}

func (c *csvImport) read(t testing.TB, raw string) (readCSV, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	var out readCSV
	in := importInput{zone: paris, now: func() time.Time { return time.Date(2026, 11, 26, 0, 0, 0, 0, paris) }}
	err := c.open(path, in, func(r io.Reader) io.Reader { return r }, func(r *csvReader, lines *csvLines) error {
		out.form, out.columns = r.form, lines.columns
		return c.each(context.Background(), r, lines, func(_ csvLine, sub ingest.Submission, err error) error {
			if err != nil {
				out.errs = append(out.errs, err.Error())
				return nil
			}
			var n ingest.Note
			if err := json.Unmarshal(sub.Original.Bytes(), &n); err != nil {
				t.Fatal(err)
			}
			out.subs, out.notes = append(out.subs, sub), append(out.notes, n)
			return nil
		})
	})
	return out, err
}

const frenchCSV = "Numéro;Date de réception;Canal;Nom;Prénom;Courriel;Téléphone;Adresse;Catégorie;Objet;Description;Lieu;Statut;Date de clôture;Latitude;Longitude;Agent instructeur\r\n" +
	"D-1;23/04/2016 14:05;Courrier;Barbier;Huguette;h@example.fr;01 99;8 rue X;Éclairage public;Lampe;\"La lampe; devant\nchez moi\";rue X;Clôturé;02/05/2016;48,8566;2,3522;Mme Y\r\n" +
	"D-2;2016-04-24;Téléphone;Chauvin;;;;;inconnue;;Un trou.;;En cours;;;;\r\n"

func TestCSVLines(t *testing.T) {
	windows, err := charmap.Windows1252.NewEncoder().String(frenchCSV)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		encodingUTF8: frenchCSV, "BOM": "\xef\xbb\xbf" + frenchCSV, encodingWindows: windows,
		"sep": "sep=;\r\n" + frenchCSV,
	} {
		got, err := testCSV(t).read(t, raw)
		if err != nil || len(got.errs) > 0 || len(got.subs) != 2 {
			t.Fatalf("%s: %v, %q, %d lines", name, err, got.errs, len(got.subs))
		}
		if name == encodingWindows && got.form.Encoding != encodingWindows {
			t.Errorf("taken for %s", got.form.Encoding)
		}
		one, sub := got.notes[0], got.subs[0]
		closed := time.Date(2016, 5, 2, 0, 0, 0, 0, paris)
		if one.Sender.Name != "Huguette Barbier" || one.Body != "La lampe; devant\nchez moi" || one.Category != "eclairage-public" || one.Line["Agent instructeur"] != "Mme Y" ||
			!one.At.Equal(time.Date(2016, 4, 23, 14, 5, 0, 0, paris)) || *one.Latitude != 48.8566 || *one.Longitude != 2.3522 {
			t.Errorf("%s: %+v", name, one)
		}
		if sub.SourceKey != "id:D-1" || sub.Channel != ingest.ChannelScan || sub.Hints.ImportedAs != ingest.StatusClosed || !sub.Hints.ImportedSince.Equal(closed) {
			t.Errorf("%s: %+v", name, sub)
		}
		if two := got.subs[1]; two.Hints.ImportedAs != ingest.StatusInProgress || two.Channel != ingest.ChannelPhone || !two.Hints.ImportedSince.IsZero() {
			t.Errorf("%s: %+v", name, two)
		}
		if u := got.columns.unknown(); !slices.Equal(u, []string{"Agent instructeur"}) {
			t.Errorf("unknown: %q", u)
		}
	}
}

func TestCSVProblems(t *testing.T) {
	head := "id,date,message,status,lat\n"
	tests := []struct{ name, in, want string }{
		{"bad date", head + "1,31/31/2016,x,,\n", `column 2 (date): "31/31/2016" is no date`},
		{"no date", head + "1,,x,,\n", "there is no date of reception"},
		{"future", head + "1,2030-01-01,x,,\n", "lies in the future"},
		{"status", head + "1,2016-01-01,x,Bizarre,\n", `column 4 (status): what the status "Bizarre" means is not known`},
		{"position", head + "1,2016-01-01,x,,91\n", "column 5 (lat)"},
		{"no text", head + "1,2016-01-01,,,\n", "neither a text nor a subject"},
		{"id twice", head + "1,2016-01-01,x,,\n1,2016-01-02,y,,\n", `"1" stands on line 2 already`},
		{"too many columns", head + "1,2016-01-01,x,,,,more\n", "it has 7 columns"},
		{"open quote", head + "1,2016-01-01,\"x\n2,2016-01-01,y,,\n", "quotation mark not closed"},
		{"endless", head + "1,2016-01-01,\"" + strings.Repeat("x", csvRecordMax+10_000), "longer than 1 MiB"},
	}
	for _, tt := range tests {
		got, err := testCSV(t).read(t, tt.in)
		if err != nil || len(got.errs) != 1 || !strings.Contains(got.errs[0], tt.want) {
			t.Errorf("%s: %v, %q", tt.name, err, got.errs)
		}
	}
	for _, in := range []string{"", "a,b\n1,2\n", "message\nx\n", "date\nx\n"} {
		var usage usageError
		if _, err := testCSV(t).read(t, in); !errors.As(err, &usage) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestCSVKeysAndChoices(t *testing.T) {
	c := testCSV(t)
	c.columns = map[string]string{"text": "Commentaire", "at": "reçu", "id": "-"}
	got, err := c.read(t, "Numéro\tRecu\tCommentaire\tStatut\n1\t2016-01-01\tx\tSoldé\n1\t2016-01-01\tx\tSoldé\n2\t01/01/2016\ty\t\n")
	if err != nil || len(got.errs) > 0 || len(got.subs) != 3 {
		t.Fatalf("%v %q", err, got.errs)
	}
	if a, b := got.subs[0].SourceKey, got.subs[1].SourceKey; a == b || strings.TrimSuffix(a, ":0") != strings.TrimSuffix(b, ":1") {
		t.Errorf("keys of equal lines: %s, %s", a, b)
	}
	if got.subs[0].Hints.ImportedAs != ingest.StatusClosed || !got.subs[0].Hints.ImportedSince.Equal(got.subs[0].ReceivedAt) || got.form.Separator != '\t' {
		t.Errorf("%+v", got.subs[0].Hints)
	}
	c.columns = map[string]string{"text": "nowhere"}
	if _, err := c.read(t, "date,message\n"); err == nil || !strings.Contains(err.Error(), `"message"`) {
		t.Errorf("the columns there are must be told: %v", err)
	}
}

// An id that stands in two files of an import is one too many, with both places; the same file
// named twice is the same lines.
func TestCSVIDInTwoFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv")
	for path, lines := range map[string]string{a: "1,2016-01-01,x\n2,2016-01-01,y\n", b: "3,2016-01-01,z\n2,2017-01-01,other\n"} {
		if err := os.WriteFile(path, []byte("id,date,message\n"+lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := testCSV(t)
	c.app = &app{stdout: io.Discard, stderr: io.Discard}
	subs, errs := collectItems(t, c.list, a, b)
	want := b + `:3: column 1 (id): "2" stands on line 3 of ` + a + " already"
	if len(subs) != 3 || len(errs) != 1 || !strings.HasPrefix(errs[0], want) {
		t.Errorf("%d taken, errors %q, want %q", len(subs), errs, want)
	}
	c = testCSV(t)
	c.app = &app{stdout: io.Discard, stderr: io.Discard}
	if _, errs := collectItems(t, c.list, a, a); len(errs) > 0 {
		t.Errorf("the same file twice: %q", errs)
	}
	var out strings.Builder
	c = testCSV(t)
	c.app = &app{stdout: &out, stderr: io.Discard}
	if err := c.dryRun(t.Context(), config.Config{}, []string{a, b}); !errors.Is(err, errReported) || !strings.Contains(out.String(), "on line 3 of "+a) {
		t.Errorf("dry run: %v\n%s", err, &out)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("id;date;message\n1;2016-01-01;\"x\ny\"\n"))
	f.Add([]byte("\xff\xfei\x00d\x00"))
	f.Add([]byte("sep=,\ndate,texte\n23/04/2016,\xe9\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := testCSV(t).read(t, string(raw))
		if err != nil {
			return
		}
		keys := map[string]bool{}
		for _, s := range got.subs {
			if keys[s.SourceKey] {
				t.Errorf("%q twice", s.SourceKey)
			}
			keys[s.SourceKey] = true
			if s.ReceivedAt.IsZero() || s.Channel == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}
