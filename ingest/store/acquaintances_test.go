package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// from has a piece be sent by somebody.
func from(p ingest.Person) func(*ingest.Submission, *ingest.Filing) {
	return func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.From = p }
}

func references(found []ingest.Acquaintance) string {
	var out []string
	for _, a := range found {
		out = append(out, short(a.Reference))
	}
	return strings.Join(out, " ")
}

func TestByPhoneAndByName(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.file("1", "", "", from(ingest.Person{Name: "Mme Zoé Lefèvre-Durand", Phone: "06 39 98 41 07"}))
	h.file("2", "", "", from(ingest.Person{Name: "LEFEVRE Paul", Phone: "+33 6 39 98 41 07"}))
	h.file("3", "", "", from(ingest.Person{Name: "Zoe LEFEVRE DURAND", Phone: "0639.98.41.07"}), sealedPiece)
	h.file("4", "", "", from(ingest.Person{Name: "Anne O’Brien", Phone: "01 99 00 12 34"}))

	for _, tt := range []struct {
		phone, name, all, rene string
	}{
		{phone: "0639984107", all: "3 2 1", rene: "2 1"},
		{phone: "+33 (0)6.39.98.41.07", all: "3 2 1", rene: "2 1"},
		{phone: "06 39 98"},
		{phone: "0639984108"},
		{name: "lefevre", all: "3 2 1", rene: "2 1"},
		{name: "LEFÈVRE zoe", all: "3 1", rene: "1"},
		{name: "Lef du", all: "3 1", rene: "1"},
		{name: "Le\u0301fe\u0300vre", all: "3 2 1", rene: "2 1"}, // accents typed apart
		{name: "o'brien", all: "4", rene: "4"},
		{name: "Obrien"},
		{name: "x y z"},
		{name: `"" OR lefevre* NEAR(`},
		{name: ""},
	} {
		for _, who := range []struct {
			v    ingest.Viewer
			want string
		}{{ingest.Viewer{}, tt.all}, {rene, tt.rene}} {
			found, err := h.s.ByName(ctx, who.v, tt.name)
			if tt.name == "" {
				found, err = h.s.ByPhone(ctx, who.v, tt.phone)
			}
			if got := references(found); err != nil || got != who.want {
				t.Errorf("%q %q for %q: %q, want %q (%v)", tt.phone, tt.name, who.v.Login, got, who.want, err)
			}
		}
	}

	// What an agent corrects is found by what it is now.
	h.s.fillBy(t, `UPDATE requests SET sender_name = 'Yves Tanguy', sender_phone = '0199001299' WHERE id = 4`)
	for name, want := range map[string]string{"tanguy": "4", "brien": ""} {
		if found, err := h.s.ByName(ctx, rene, name); err != nil || references(found) != want {
			t.Errorf("%s after a correction: %v, %v", name, found, err)
		}
	}
	if found, err := h.s.ByPhone(ctx, rene, "01 99 00 12 99"); err != nil || references(found) != "4" {
		t.Errorf("a phone after a correction: %v, %v", found, err)
	}
	// Of what was merged, the other one speaks.
	h.ok(h.s.Merge(ctx, long("1"), long("2"), marie))
	if found, err := h.s.ByPhone(ctx, rene, "0639984107"); err != nil || references(found) != "2" {
		t.Errorf("after a merge: %v, %v", found, err)
	}
}

func TestAcquaintance(t *testing.T) {
	h := newHouse(t)
	h.file("1", "", "", from(ingest.Person{Name: "Zoé Lefèvre", Phone: "06 39 98 41 07", Email: "zoe@example.fr", Address: "1 rue Haute"}))
	h.file("2", "", "", sealedPiece)
	a, err := h.s.Acquaintance(t.Context(), rene, long("1"))
	if err != nil || a.Sender.Address != "1 rue Haute" || a.Opening != h.ids["1"] || a.OpenedAt.IsZero() || a.Status != ingest.StatusAssigned {
		t.Errorf("%+v, %v", a, err)
	}
	for _, reference := range []string{long("2"), long("9"), ""} {
		if _, err := h.s.Acquaintance(t.Context(), rene, reference); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%q: %v", reference, err)
		}
	}
}

// Whoever compares finds what is there, and nothing of what is hidden from them.
func TestCompareRespectsTheViewer(t *testing.T) {
	h := newTownHall(t)
	h.suggest("1", "4")
	h.suggest("2", "3")
	ask := func(v ingest.Viewer) string {
		t.Helper()
		var out []string
		_, err := h.s.Compare(t.Context(), v, func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
			add := func(found []ingest.Candidate, err error) {
				h.ok(err)
				for _, k := range found {
					out = append(out, short(k.Request))
				}
				out = append(out, "|")
			}
			add(c.ByReference(ctx, long("1")))
			add(c.ByReference(ctx, long("4")))
			add(c.BySubmission(ctx, h.ids["s"]))
			add(c.ByMessageID(ctx, []string{"a@mail.example", "t@mail.example"}))
			add(c.ByHash(ctx, ingest.NewBlob([]byte("mail s")).SHA256()))
			add(c.Alike(ctx, ingest.Profile{}))
			for _, ref := range []string{"1", "2"} {
				near, err := c.Suggested(ctx, long(ref))
				h.ok(err)
				for _, g := range near {
					out = append(out, short(g.Reference))
				}
			}
			return ingest.Match{}, nil
		})
		h.ok(err)
		return strings.Join(out, " ")
	}
	if got, want := ask(paule), "1 | 4 | 4 | 1 5 | 4 | | 4 3"; got != want {
		t.Errorf("paule: %s, want %s", got, want)
	}
	if got, want := ask(rene), "1 | | | 1 | | | 3"; got != want {
		t.Errorf("rene: %s, want %s", got, want)
	}
}

// Typing a name or a phone number must not walk through all requests.
func TestAcquaintancesUseIndexes(t *testing.T) {
	onlySQLite(t)
	h := newHouse(t)
	var plan []string
	h.ok((reading{h.s.read}).rows(t.Context(), `EXPLAIN QUERY PLAN SELECT r.id FROM requests r WHERE `+h.s.engine.phoneEnd("r.sender_phone")+
		` = $1 AND r.sender_phone <> '' AND r.merged_into IS NULL ORDER BY r.id DESC LIMIT 5`, []any{"639984107"}, func(row rowScanner) error {
		var a, b, c int
		var text string
		err := row.Scan(&a, &b, &c, &text)
		plan = append(plan, text)
		return err
	}))
	if !slices.ContainsFunc(plan, func(p string) bool { return strings.Contains(p, "requests_phone") }) {
		t.Errorf("by phone: %s", fmt.Sprint(plan))
	}
}
