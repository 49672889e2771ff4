package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

func (h *house) saveText(kind ingest.TextKind, name, content string, base int64, gone ...string) (int64, error) {
	return h.s.SaveTownText(h.t.Context(), TextChange{
		Text: ingest.TownText{Kind: kind, Name: name, Content: content, Agent: "jo", Note: "note of " + content}, Base: base, Gone: gone,
	})
}

// The newest version of each text is in force, whoever asks for it, and none is lost.
func TestTownTexts(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	if n, err := h.s.NewestText(ctx); n != 0 || err != nil {
		t.Errorf("newest of none: %d %v", n, err)
	}
	one, err := h.saveText(ingest.TextCategories, ingest.CategoriesName, "v1", 0)
	h.ok(err)
	_, err = h.saveText(ingest.TextLetter, "are.txt.tmpl", "letter", 0)
	h.ok(err)
	two, err := h.saveText(ingest.TextCategories, ingest.CategoriesName, "v2", one)
	h.ok(err)
	if n, err := h.s.NewestText(ctx); n != two || err != nil {
		t.Errorf("newest: %d %v, want %d", n, err, two)
	}

	inForce, err := h.s.TownTexts(ctx)
	h.ok(err)
	var got []string
	for _, x := range inForce {
		got = append(got, string(x.Kind)+" "+x.Name+" "+x.Content+" "+x.Agent+" "+x.Note)
		if !x.At.Equal(h.now) || x.AgentName != "jo" {
			t.Errorf("%+v", x)
		}
	}
	if want := []string{"categories categories.yaml v2 jo note of v2", "letter are.txt.tmpl letter jo note of letter"}; !reflect.DeepEqual(got, want) {
		t.Errorf("in force: %q", got)
	}
	beside, err := TownTexts(ctx, h.s.opts)
	if err != nil || len(beside) != 2 || beside[0].Content != "v2" {
		t.Errorf("without the store: %+v %v", beside, err)
	}

	versions, err := h.s.TextVersions(ctx, ingest.TextCategories, ingest.CategoriesName, 0, 10)
	if err != nil || len(versions) != 2 || versions[0].Number != two || versions[1].Number != one || versions[0].Content != "" {
		t.Errorf("versions: %+v %v", versions, err)
	}
	if v, err := h.s.TextVersions(ctx, ingest.TextCategories, ingest.CategoriesName, two, 10); err != nil || len(v) != 1 || v[0].Number != one {
		t.Errorf("versions before the last: %+v %v", v, err)
	}
	if v, err := h.s.TextVersion(ctx, ingest.TextCategories, ingest.CategoriesName, one); err != nil || v.Content != "v1" {
		t.Errorf("first version: %+v %v", v, err)
	}
	// A number of another text is no version of this one.
	if _, err := h.s.TextVersion(ctx, ingest.TextLetter, "are.txt.tmpl", one); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("version of another text: %v", err)
	}
}

// Two agents that change the same text: the second is told, and nothing is overwritten.
func TestTownTextChangedMeanwhile(t *testing.T) {
	h := newHouse(t)
	one, err := h.saveText(ingest.TextLetter, "are.txt.tmpl", "v1", 0)
	h.ok(err)
	for _, base := range []int64{0, one + 1} {
		if _, err := h.saveText(ingest.TextLetter, "are.txt.tmpl", "v2", base); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "meantime") {
			t.Errorf("on base %d: %v", base, err)
		}
	}
	if list, err := h.s.TextVersions(t.Context(), ingest.TextLetter, "are.txt.tmpl", 0, 10); err != nil || len(list) != 1 {
		t.Errorf("versions: %+v %v", list, err)
	}
}

// A category does not go while open requests have it.
func TestTownTextGone(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "") // voirie
	if _, err := h.saveText(ingest.TextCategories, ingest.CategoriesName, "x", 0, "elections", "voirie"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "voirie") {
		t.Errorf("with an open request: %v", err)
	}
	h.ok(h.s.SetStatus(t.Context(), long("1"), ingest.StatusClosed, "", marie))
	if _, err := h.saveText(ingest.TextCategories, ingest.CategoriesName, "x", 0, "elections", "voirie"); err != nil {
		t.Errorf("with a closed request: %v", err)
	}
}

func TestCategoryUse(t *testing.T) {
	h := newHouse(t)
	h.file("a", "", "")
	h.file("b", "", "")
	h.file("c", "", "")
	h.ok(h.s.SetStatus(t.Context(), long("2"), ingest.StatusClosed, "", marie))
	h.ok(h.do("merge 3 1"))
	codes := []string{"voirie", "elections"}
	got, err := h.s.CategoryUse(t.Context(), ingest.Viewer{}, codes)
	if want := map[string]ingest.CategoryUse{"voirie": {Open: 1, All: 2}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("use: %v %v", got, err)
	}
	got, err = h.s.CategoryUse(t.Context(), ingest.Viewer{Hidden: []string{"Voirie"}}, codes)
	if err != nil || len(got) != 0 {
		t.Errorf("use of what is hidden: %v %v", got, err)
	}
	if got, err := h.s.CategoryUse(t.Context(), ingest.Viewer{}, nil); err != nil || len(got) != 0 {
		t.Errorf("use of no codes: %v %v", got, err)
	}
}

// Where there is no database there are no texts, and none is made; one that knew no texts is
// left as it is.
func TestTownTextsWithoutStore(t *testing.T) {
	dir := t.TempDir()
	if list, err := TownTexts(t.Context(), Options{Dir: dir}); err != nil || len(list) != 0 {
		t.Errorf("empty folder: %v %v", list, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if list, err := TownTexts(t.Context(), Options{Dir: filepath.Join(dir, "none")}); err != nil || len(list) != 0 {
		t.Errorf("no folder: %v %v", list, err)
	}
	db, err := sql.Open("sqlite3", dsn(filepath.Join(dir, "saisine.db"), "_journal_mode=WAL"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE old (x)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := TownTexts(t.Context(), Options{Dir: dir}); err != nil || len(list) != 0 {
		t.Errorf("old database: %v %v", list, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "saisine.db"), []byte("no database at all, but long enough to look like a file of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := TownTexts(t.Context(), Options{Dir: dir}); err == nil {
		t.Error("a damaged database has no texts")
	}
}
