package match

import (
	"reflect"
	"testing"

	"saisine.fr/saisine/ingest"
)

func TestSummaryComesBack(t *testing.T) {
	for _, s := range []summary{
		{},
		{
			Text: "lampadaire eteint rue des acacias", Entities: []string{"acacias", "18"}, Place: spot{street: "rue acacias", number: "18"}, Files: "abc",
			Who: party{email: "a@b.fr", phone: "+33639981122", names: [][]string{{"alice", "martin"}, {"jp"}}, place: spot{"rue bac", "3", "99100"}},
			Top: []ingest.Ranked{{Category: "eclairage-public", Score: 0.9123}, {Category: "voirie", Score: 0.05}}, Sure: true, Public: true, Misread: true,
		},
		{Text: "relance", Follows: true, Fresh: true, Strays: true, Called: true, Passed: true},
	} {
		if got := decode(s.encode()); !reflect.DeepEqual(got, s) {
			t.Errorf("%+v became %+v", s, got)
		}
	}
}

// FuzzSummary reads summaries as another version, or a damaged database, may hold them.
func FuzzSummary(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(`{"t":"x"}`))
	f.Add((&summary{Text: "a b", Sure: true, Top: []ingest.Ranked{{Category: "x", Score: 0.5}}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		s := decode(data)
		if s.Sure && len(s.Top) == 0 {
			t.Error("sure of nothing")
		}
		again := decode(s.encode())
		if again.Text != s.Text && s.Text == clean(s.Text) {
			t.Errorf("%q became %q", s.Text, again.Text)
		}
	})
}
